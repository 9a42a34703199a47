/*
 * A carrier as the gateway sees it: one object per kind and loop. It answers the carrier's own requests, and does
 * through its account what goes through no media socket: it dials, hangs up, looks a call up, sends text messages. What
 * it asks its host: carrier_host.h. Handing a running call over is the leg's (leg.h): each kind of leg has its own way.
 * Implementers include carrier_ops.h. Loop thread.
 *
 * Who owns what of an outgoing call: the dialer (src/dialer) makes the attempt's id, knows its state and settles what
 * is unclear. The carrier only does what it is asked once, says whether it is certain that nothing was done, and
 * reports what the carrier tells about the attempt (struct carrier_progress) as it comes: twice, late, in any order.
 */
#ifndef CALL_CARRIER_H
#define CALL_CARRIER_H

#include "base/str.h"

struct carrier;
struct carrier_stats;
struct http_exchange;
struct http_request;

enum carrier_service { CARRIER_SMS, CARRIER_DIAL, CARRIER_SERVICE_N };

/* How far a call that we started is. Only forwards. X(constant, word) */
#define CARRIER_STAGE_LIST(X)                                                                                          \
    X(CARRIER_STAGE_UNKNOWN, "unknown")                                                                                \
    X(CARRIER_STAGE_QUEUED, "queued") /* the carrier has it */                                                         \
    X(CARRIER_STAGE_RINGING, "ringing")                                                                                \
    X(CARRIER_STAGE_ANSWERED, "answered") /* by a person or a machine */                                               \
    X(CARRIER_STAGE_ENDED, "ended")
enum carrier_stage {
#define X(name, word) name,
    CARRIER_STAGE_LIST(X)
#undef X
        CARRIER_STAGE_N
};

/* How it ended. X(constant, word) */
#define CARRIER_OUTCOME_LIST(X)                                                                                        \
    X(CARRIER_OUTCOME_NONE, "none")           /* it has not */                                                         \
    X(CARRIER_OUTCOME_COMPLETED, "completed") /* somebody or something answered */                                     \
    X(CARRIER_OUTCOME_BUSY, "busy")           /* or refused */                                                         \
    X(CARRIER_OUTCOME_NO_ANSWER, "no_answer")                                                                          \
    X(CARRIER_OUTCOME_FAILED, "failed")     /* bad number, network, our own account */                                 \
    X(CARRIER_OUTCOME_CANCELED, "canceled") /* by us, before an answer */
enum carrier_outcome {
#define X(name, word) name,
    CARRIER_OUTCOME_LIST(X)
#undef X
        CARRIER_OUTCOME_N
};

/* Who answered, by the carrier's detection. X(constant, word) */
#define CARRIER_ANSWERER_LIST(X)                                                                                       \
    X(CARRIER_ANSWERER_NONE, "none") /* nobody looked, or not yet */                                                   \
    X(CARRIER_ANSWERER_HUMAN, "human")                                                                                 \
    X(CARRIER_ANSWERER_MACHINE, "machine")         /* and its greeting may still be heard */                           \
    X(CARRIER_ANSWERER_MACHINE_END, "machine_end") /* and its greeting is over: a message can be left now */           \
    X(CARRIER_ANSWERER_UNSURE, "unsure")           /* treated as a person */
enum carrier_answerer {
#define X(name, word) name,
    CARRIER_ANSWERER_LIST(X)
#undef X
        CARRIER_ANSWERER_N
};

const char *carrier_stage_word(enum carrier_stage stage);
const char *carrier_outcome_word(enum carrier_outcome outcome);
const char *carrier_answerer_word(enum carrier_answerer answerer);
/* By the network's hang-up cause ("USER_BUSY") and the seconds that were talked: the rules that callers' systems know.
 */
enum carrier_outcome carrier_outcome_of_cause(struct str cause, int64_t duration_s);

/* Answering-machine detection. The agent begins to speak at once in any case: the verdict comes beside the call. */
enum carrier_amd {
    CARRIER_AMD_OFF,
    CARRIER_AMD_DETECT,     /* who is it, as fast as possible */
    CARRIER_AMD_MESSAGE_END /* of a machine, its greeting's end, too; carriers that cannot tell report MACHINE only */
};

#define CARRIER_ATTEMPT_MAX 64        /* bytes of an attempt's id */
#define CARRIER_ATTEMPT_ARG "attempt" /* its name in the query of every URL that we give to a carrier */
/* Beside it where a key is asked for: how often it has been asked, 0: not yet. So it outlives us. */
#define CARRIER_ROUND_ARG "round"

/* A call to be started. Lent until carrier_dial returns. */
struct carrier_dial {
    struct str attempt;  /* letters, digits, "-" and "_"; rides in the query of every URL the carrier is given */
    struct str to;       /* E.164 with +, or sip: */
    struct str from;     /* E.164 with +; empty: the carrier's own number */
    uint32_t ring_s;     /* how long it may ring; 0: 30 */
    uint32_t max_call_s; /* the carrier ends it then whatever happens; 0: the carrier's own limit */
    enum carrier_amd amd;
    uint32_t amd_timeout_ms; /* 0: the carrier's own */
    bool asks;               /* whoever answers is asked for a key first: the answer URL says so (CARRIER_ROUND_ARG) */
    /* Asked with done's arg before a request that was turned away unread leaves once more; false: it does not, and done
     * gets -ECANCELED, which is clear. NULL: it may. */
    bool (*may_repeat)(void *arg);
};

/* A call as its carrier calls it. One of them may be empty; both: -EINVAL. */
struct carrier_call_ref {
    struct str call_id;    /* "CA...", Plivo's call_uuid */
    struct str request_id; /* Plivo's request_uuid: all that is known before its first webhook */
};

/* What the carrier tells about a call that we started. Texts are lent for the callback. */
struct carrier_progress {
    struct str attempt; /* ours, of the URL; empty: the call is none of ours */
    struct carrier_call_ref ref;
    enum carrier_stage stage;       /* UNKNOWN: this is only about who answered */
    enum carrier_outcome outcome;   /* with ENDED; else NONE */
    enum carrier_answerer answerer; /* NONE: nothing new */
    bool stale;                     /* something newer, or this very thing, was told before */
    int64_t duration_s;             /* with ENDED: answer to end; -1: it did not say */
    struct str cause;               /* with ENDED: the carrier's word or number: "486", "USER_BUSY"; may be empty */
};

/* What is asked of the carrier's own list of calls. Lent until carrier_find_calls returns. */
struct carrier_find {
    struct carrier_call_ref ref; /* this one; both empty: by the following */
    struct str to, from;         /* as they were dialled; from empty: the carrier's own number */
    uint64_t since_wall_us;      /* begun at this time or later, a minute of difference between clocks allowed for */
};

struct carrier_call {
    struct carrier_call_ref ref;
    struct str attempt; /* empty: the carrier's list does not keep it */
    enum carrier_stage stage;
    enum carrier_outcome outcome;
    enum carrier_answerer answerer;
    uint64_t created_wall_us; /* 0: it did not say */
    int64_t duration_s;       /* -1: not yet, or it did not say */
    struct str cause;
};

#define CARRIER_FOUND_MAX 20

struct carrier_found {
    int err;                                      /* as in carrier_result; 0 with n 0: the carrier knows no such call */
    struct carrier_call calls[CARRIER_FOUND_MAX]; /* the newest first */
    uint32_t n;
    bool more; /* there were more than fit: that one is not among them proves nothing */
};
typedef void (*carrier_found_fn)(const struct carrier_found *found, void *arg);

/* Lent until carrier_send_sms returns. */
struct carrier_sms {
    struct str from; /* empty: the carrier's own number */
    struct str to;   /* E.164 with + */
    struct str text;
};

/* What became of a request. Texts are lent for the callback. */
struct carrier_result {
    int err;            /* 0: done. -ERR_HTTP: refused, and code and message say why; else no answer: -ETIMEDOUT ... */
    int status;         /* HTTP, 0: none */
    int64_t code;       /* the carrier's own number for the refusal, 0: none */
    struct str message; /* its sentence, may be empty */
    struct str id;      /* of what was made: "SM...", "CA..."; empty: the carrier has named only the request */
    struct str state;   /* its word for how far it is: "queued" */
    struct str request_id; /* of a dial: Plivo's request_uuid; else empty */
    /* err < 0: it may have been carried out all the same (no answer, 5xx). Never repeat it; carrier_find_calls tells.
     */
    bool unclear;
};
typedef void (*carrier_done_fn)(const struct carrier_result *r, void *arg);

/* NULL: it can be tried. Else a sentence for the agent: no account, no number. */
const char *carrier_cannot(struct carrier *carrier, enum carrier_service service);
/*
 * done is called once, later, unless the request is cancelled. -ERR_STATE: carrier_cannot says why; -EINVAL: the number
 * or the text cannot be sent.
 */
MUST_USE int carrier_send_sms(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                              uint64_t *ret_id);
/*
 * Starts a call, once: nothing is ever repeated that the carrier may have begun. What becomes of it is told through the
 * carrier's webhooks, perhaps before done. -ERR_STATE: carrier_cannot says why; -EINVAL: an id or number that cannot be
 * dialled.
 */
MUST_USE int carrier_dial(struct carrier *carrier, const struct carrier_dial *dial, carrier_done_fn done, void *arg,
                          uint64_t *ret_id);
/* Ends a call that we started, in whatever stage it is; one that is over already is fine. done may be NULL. */
MUST_USE int carrier_hangup(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done,
                            void *arg, uint64_t *ret_id);
/* The carrier itself records a call that was answered, from now on to its end, both sides apart. What becomes of the
 * recording it says to the log. As carrier_hangup. */
MUST_USE int carrier_record(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done,
                            void *arg, uint64_t *ret_id);
/* An answered call that waits for a key is to ask the answer URL again, at once. Nobody is told how that went: the
 * call asks anyway when its time for a key is over. -EINVAL: the call has no id yet; else as carrier_dial. */
MUST_USE int carrier_recall(struct carrier *carrier, const struct carrier_call_ref *ref, struct str attempt);
/* Calls that the carrier has, those under way included. done as in carrier_send_sms. */
MUST_USE int carrier_find_calls(struct carrier *carrier, const struct carrier_find *find, carrier_found_fn done,
                                void *arg, uint64_t *ret_id);
/* Nobody waits any more: done is not called. What was on its way may still be done. Unknown ids are fine. */
void carrier_cancel(struct carrier *carrier, uint64_t id);
/* Its own number, with +: the caller id of what it dials. Empty: it has none. */
struct str carrier_number(struct carrier *carrier);
const char *carrier_kind(const struct carrier *carrier); /* "twilio" */

/* True when the path is this carrier's; the exchange has then been, or will be, answered. */
bool carrier_handle(struct carrier *carrier, struct http_exchange *x, const struct http_request *req);
/* A new snapshot of its own struct x_opts, lent until the next one; requests and sockets from now on use it. */
void carrier_set_opts(struct carrier *carrier, const void *opts);
void carrier_stats(struct carrier *carrier, struct carrier_stats *ret);
/*
 * Sockets still open are aborted: on_closed of their legs comes before this returns. Requests of the account that are
 * under way are cancelled (done with -ECANCELED) also before. NULL is fine.
 */
struct carrier *carrier_free(struct carrier *carrier);

#endif
