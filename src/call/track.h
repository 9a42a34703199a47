/*
 * The recording as a pure thing: both sides of a call on the media clock, caller left, agent right as heard. Caller
 * audio comes as it arrives, agent audio later, when the ledger has settled it; what is settled for both leaves in
 * order as pairs (caller sample, agent sample) in the leg's format. Gaps are silence. Positions are samples since the
 * leg's start.
 */
#ifndef CALL_TRACK_H
#define CALL_TRACK_H

#include "audio/format.h"

struct track {
    uint32_t sample_bytes;
    uint8_t silence;
    uint8_t *side[2];      /* caller, agent: windows, both start at base; NULL: nothing but silence so far */
    uint32_t cap[2];       /* samples allocated in each */
    uint64_t base;         /* everything before has left */
    uint64_t caller_end;   /* behind the last caller sample */
    uint64_t agent_end;    /* behind the last agent sample */
    uint64_t late_samples; /* came when their place had left */
};

void track_init(struct track *t, enum audio_format format);
void track_done(struct track *t);
/* -ENOMEM leaves a gap. Audio whose place has left is dropped and counted in late_samples. */
MUST_USE int track_caller(struct track *t, uint64_t at, struct span audio);
MUST_USE int track_agent(struct track *t, uint64_t at, struct span audio);
/* Moves the caller's side n samples earlier: the first frames had come late. Only while nothing has left. */
void track_pull_caller(struct track *t, uint64_t n);
/* Takes the pairs before upto out of the window: copies them to out (room for 2 * sample_bytes * (upto - base)). */
void track_take(struct track *t, uint64_t upto, uint8_t *out);
/* Where the caller's next frame goes. */
void track_prefetch(const struct track *t);

#endif
