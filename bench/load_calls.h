/*
 * The telephone end of the load run: N phones on one wheel, each speaking stamped blocks without end, and what came of
 * them at both ends. Uplink: from the phone's send to the model's receive. Downlink: from the model's first block of an
 * answer to its arrival at the phone (later blocks are paced by the gateway, so that only their lateness tells).
 * Callers who speak sentences carry no stamps: what is measured of their uplink is when the model is told of the turn's
 * end.
 */
#ifndef BENCH_LOAD_CALLS_H
#define BENCH_LOAD_CALLS_H

#include "load_model.h"
#include "load_stat.h"
#include "peer/phone/phone.h"

#define CALLS_MAX          4096
#define LOAD_PERIOD_BLOCKS 500 /* 10 s */

/* Counted while measuring only. */
struct load_figures {
    struct hist up, down;
    uint64_t up_blocks, up_late, up_lost;
    uint64_t down_blocks, down_late, down_lost;
    uint64_t marks, clears, warnings, ended;
    struct hist turn; /* with speech: from its last block to the commit at the model */
    uint64_t spoken, committed;
    uint64_t own_late; /* frames that the generator itself sent more than 10 ms late */
};

struct load_calls;

MUST_USE int load_calls_new(struct loop *loop, struct load_calls **ret);
/* Where calls go. -ENOSPC */
MUST_USE int load_calls_set_url(struct load_calls *c, const char *media_url);
/*
 * From now on callers do not speak stamped blocks without end, but a sentence of flite's every LOAD_PERIOD_BLOCKS, with
 * silence between: for gateways that find turns by themselves. Errors of phone_speech_say.
 */
MUST_USE int load_calls_set_speech(struct load_calls *c);
/* From now on callers say nothing at all: their media is silence, without stamps. */
void load_calls_set_silent(struct load_calls *c);
/* One call more. */
MUST_USE int load_calls_add(struct load_calls *c);
uint32_t load_calls_n(const struct load_calls *c);
/* The model's end of a call: give this to load_model_open, with the calls as arg. */
extern const struct load_model_handler load_calls_model_events;
void load_calls_set_model(struct load_calls *c, const struct load_model *m);
/* Clears the figures and starts, or stops. */
void load_calls_measure(struct load_calls *c, bool on);
const struct load_figures *load_calls_figures(const struct load_calls *c);
/* Hangs up all. */
void load_calls_stop(struct load_calls *c);
bool load_calls_over(const struct load_calls *c);
void load_calls_free(struct load_calls *c);

#endif
