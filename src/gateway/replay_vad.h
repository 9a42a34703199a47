/*
 * The speech detector, run again over the chunks that a replayed call gives out, and compared with what it answered
 * then, as the journal has it. Another machine, kernel or file of weights shows here, before anybody blames the call.
 */
#ifndef GATEWAY_REPLAY_VAD_H
#define GATEWAY_REPLAY_VAD_H

#include "audio/vad/vad.h"
#include "call/action.h"
#include "call/opts.h"

struct replay_vad_report {
    uint64_t chunks;       /* compared */
    uint64_t unanswered;   /* given out, no answer in the journal: lost, or the call was over */
    uint64_t unknown;      /* answers to chunks that the replay never gave out: the replay has gone another way */
    uint32_t max_diff_ppm; /* of the probability, in millionths */
    uint64_t sum_diff_ppm;
    uint64_t start_crossed; /* chunks that are now on the other side of the start threshold */
    uint64_t end_crossed;   /* likewise of the end threshold */
    char weights[32];       /* the call's own, by fingerprint; empty: it had no detector */
};

#define REPLAY_VAD_PENDING 64 /* chunks that may wait for their answer; a call has one or two */

struct replay_vad {
    const struct vad_model *model;
    const struct call_vad_opts *opts;
    struct replay_vad_report *report;
    struct vad_state state;
    struct {
        uint32_t chunk, ppm;
    } pending[REPLAY_VAD_PENDING]; /* in order */
    uint32_t n;
    uint32_t look_ppm; /* of the look ahead that waits for its answer */
    bool look_waits;
};

/* All is lent. */
void replay_vad_init(struct replay_vad *v, const struct vad_model *model, const struct call_vad_opts *opts,
                     struct replay_vad_report *report);
/* An EV_VAD of the journal, before its step. */
void replay_vad_answer(struct replay_vad *v, uint32_t chunk, uint32_t ppm);
/* The ACT_VADs of a step. */
void replay_vad_run(struct replay_vad *v, const struct call_actions *actions);
/* The end: what still waits was never answered. */
void replay_vad_done(struct replay_vad *v);

#endif
