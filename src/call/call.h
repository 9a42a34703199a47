/*
 * The pure core of one call: an event and the time go in, a list of actions comes out. No I/O, no clock, no thread, no
 * randomness: the same opts and events give the same actions, byte for byte (journal.h, `ringtrip replay`).
 *
 * Life: call_new; EV_BEGIN when the call is known (answering webhook or media socket, whichever comes first);
 * EV_LEG_START; events; until a step yields ACT_END, after which events are ignored and the host calls call_free.
 * After every step the host arms its timer for call_deadline_us and sends EV_TICK when that time has come.
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include "call/action.h"
#include "call/opts.h"

struct call;

/* opts is kept by pointer and must outlive the call. -ENOMEM */
MUST_USE int call_new(const struct call_opts *opts, struct call **ret);
struct call *call_free(struct call *call);

/*
 * The only way in. Clears and fills actions. now_us never runs backwards (an older time counts as the last one).
 * Thread: the one that owns the call. Allocates: not on the 20 ms path once buffers have grown.
 */
void call_step(struct call *call, const struct call_event *ev, uint64_t now_us, struct call_actions *actions);
/* When EV_TICK is due at the latest; UINT64_MAX: never. */
uint64_t call_deadline_us(const struct call *call);
bool call_ended(const struct call *call);
/* What a step with a frame of audio reads: base/prefetch.h. */
void call_prefetch(const struct call *call, unsigned depth);
/* Agent audio that waits here, for whoever shares out the memory; over its limit that one sends EV_CONTROL_SHED. */
size_t call_queued_bytes(const struct call *call);

/* Four small machines; what users see is derived from them. */
enum call_phase {
    PHASE_SETUP,
    PHASE_GREETING,
    PHASE_CONVERSATION,
    PHASE_FAREWELL,
    PHASE_TRANSFERRING,
    PHASE_ENDED,
    PHASE_N
};
enum caller_state { CALLER_SILENT, CALLER_MAYBE_SPEECH, CALLER_SPEAKING, CALLER_ENDING, CALLER_N };
enum response_state {
    RESPONSE_NONE,
    RESPONSE_REQUESTED,
    RESPONSE_GENERATING,
    RESPONSE_DONE,
    RESPONSE_CANCELLING,
    RESPONSE_N
};
enum playout_state { PLAYOUT_EMPTY, PLAYOUT_PLAYING, PLAYOUT_PAUSED, PLAYOUT_DRAINING, PLAYOUT_N };

/* A look inside, for status pages, tests and invariant checks. Figures since the leg's start. */
struct call_view {
    enum call_phase phase;
    enum caller_state caller;
    enum response_state response;
    enum playout_state playout;
    uint64_t leg_start_us;                /* 0: not yet */
    uint64_t uplink_bytes;                /* caller audio taken in */
    uint64_t appended_bytes;              /* of it (converted) handed to the model, with filled silence */
    uint64_t downlink_bytes;              /* agent audio received, leg format */
    uint64_t sent_bytes;                  /* of it sent to the carrier */
    uint64_t flushed_bytes;               /* dropped by barge-in */
    uint64_t record_samples;              /* per channel */
    uint32_t queued_ms;                   /* waits for the pump */
    uint32_t outstanding_ms;              /* at the carrier */
    uint32_t heard_low_ms, heard_high_ms; /* of the item being played */
    uint32_t pending_tools;
    uint32_t barge_ins, illegal;
    uint32_t turns;
    uint32_t session, renewals; /* of the model: the number of the one that counts; how many took over */
    bool renews, renewing;      /* another one may take over; one is prepared, or there is none */
    uint32_t agent;             /* index in opts.agents of who speaks */
};
void call_view(const struct call *call, struct call_view *ret);
struct items;
/* What was said and done so far; lent until the next step. */
const struct items *call_history(const struct call *call);

const char *call_phase_name(enum call_phase s);
const char *caller_state_name(enum caller_state s);
const char *response_state_name(enum response_state s);
const char *playout_state_name(enum playout_state s);

#endif
