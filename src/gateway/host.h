/*
 * One call's host: owns the pure call and everything it touches (leg, model, recording, journal, tool jobs, record
 * rows). Facts from the edges become events, journalled before their actions are carried out, in order; a step is never
 * entered twice, what comes up meanwhile is queued. Loop thread only.
 *
 *     host_new (EV_BEGIN, the model opens) -> host_bind_leg (the media socket) -> ... -> ACT_END
 *     -> leg and model closed -> files closed -> last row written -> gone
 *
 * A host frees itself. Others keep its id, never a pointer across a return to the loop.
 */
#ifndef GATEWAY_HOST_H
#define GATEWAY_HOST_H

#include "call/leg.h"
#include "gateway/vad_service.h"
#include "gateway/worker.h"

struct host;

struct host_birth {
    struct str carrier_call_id; /* may be empty */
    struct str caller, called;  /* may be empty */
    struct str alias;           /* ?call_id= of the webhook; may be empty */
    enum store_direction direction;
    struct snapshot *snapshot;       /* of this call alone; NULL: the worker's for new calls */
    struct str carrier;              /* "twilio"; may be empty */
    struct str caller_name;          /* may be empty */
    const struct when_pair *headers; /* SIP headers */
    uint32_t n_headers;
    const struct when_pair *parameters; /* what else the carrier says, and who asked for the call */
    uint32_t n_parameters;
    struct tap watch;                 /* of this call alone, besides the worker's; signals, too */
    const struct trace_parent *trace; /* whose trace the call belongs to; NULL: its own. Lent until return */
    struct str call_id;               /* ours, of a call that we make: dialer_id_new; empty: one is made */
    struct str agent;                 /* who is to speak; empty: as the routes say */
    uint32_t ring_ms;   /* a call that we make: the phone may ring so long before its media comes; 0: it came in */
    struct str opening; /* how to begin, in place of the greeting; a static text. Empty: as the agent does */
};

/* Nothing happens yet: host_start, or the leg's first event, begins. -ERR_LIMIT (*ret_cause says which), -ENOMEM. */
MUST_USE int host_new(struct worker *w, const struct host_birth *b, enum admission_cause *ret_cause, struct host **ret);
/* Steps what is queued. h may be gone when it returns. */
void host_start(struct host *h);
/* The media socket has proved that it belongs here; it takes *ret_handler and *ret_arg. -ERR_STATE: there is one
 * already, or the call is over. */
MUST_USE int host_bind_leg(struct host *h, struct leg *leg, const struct leg_handler **ret_handler, void **ret_arg);
void host_hangup(struct host *h, enum call_reason reason);
/* Push to talk, and text as if the caller had said it. The call takes them while it is connected. */
void host_turn(struct host *h, enum turn_cue cue);
void host_text(struct host *h, struct str text);
/* Would a guardrail that answers at once object to such a text? Its name, else NULL. */
const char *host_text_refused(struct host *h, struct str text);
/* Would one object to what EV_CONTROL_SAY or _MESSAGE brings? Likewise, and whoever watches is told. */
const char *host_control_refused(struct host *h, const struct call_event *ev);
/* Any EV_CONTROL_*; lent. */
void host_control(struct host *h, const struct call_event *ev);
/* {"call_id": ..., "agent": ..., "history": [...]} */
void host_put_history(const struct host *h, struct buf *out);
const struct call_opts *host_opts(const struct host *h);
/* Sends EV_TICK when a deadline has come. */
void host_tick(struct host *h, uint64_t now_us);
/* What the speech detector keeps of the call; NULL: it is over. */
struct vad_stream *host_vad_stream(struct host *h);
/* Its answer to an ACT_VAD. */
void host_vad(struct host *h, uint32_t chunk, uint32_t ppm);
/* Sockets closed at once, no more steps. */
void host_abort(struct host *h);

/* A text with the call's variables put in, as the agent's are; as it is where that fails. */
void host_put_text(const struct host *h, struct str text, struct buf *out);
/* A machine has answered our call. text: with variables, as configured. */
void host_voicemail(struct host *h, struct str text, struct str sound, bool after_beep);
/* The carrier has named the call that we asked for. */
void host_learn_carrier_id(struct host *h, struct str carrier_call_id);
bool host_outgoing(const struct host *h);

struct host_id host_id(const struct host *h);
const char *host_call_id(const struct host *h);
struct str host_carrier_id(const struct host *h);
struct str host_caller(const struct host *h);
struct str host_called(const struct host *h);
bool host_is(const struct host *h, struct str any_id);
bool host_has_leg(const struct host *h); /* has, or had */
bool host_manual(const struct host *h);  /* its turns are made by host_turn */
bool host_live(const struct host *h);    /* not yet over */
/* The call's trace, for spans of a program's own, and what happens now: the turn, else the call. NULL: there is none.
 * Both are gone when the call is: whoever keeps a span keeps its id (trace_find). */
struct trace *host_trace(const struct host *h);
struct trace_span *host_trace_now(const struct host *h);
/* Is an apology owed that nobody has spoken yet? Told once, with its words (lent by the call). */
bool host_take_apology(struct host *h, struct str *ret_words);
void host_view(const struct host *h, struct call_view *ret);

#endif
