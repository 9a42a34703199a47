/*
 * Calls that we start, one attempt each: asks the carrier once, follows what becomes of it, settles what is unclear and
 * says in the end how it was. Loop thread only. Not here: which numbers are dialled when (campaigns), the conversation
 * (src/call, opened through struct dialer_port), the carrier's wire (carriers/x).
 *
 *     dialer_start ─▶ the call and its model open ─▶ its record is written ─▶ may_dial? ─▶ the carrier is asked, once
 *        ─▶ REQUESTED ─▶ RINGING ─▶ ANSWERED ─▶ ANSWERER (with detection) ─▶ ENDED
 *
 * Who owns what. The attempt's id is the call's id. Whoever must not dial twice across a crash makes it
 * (dialer_id_new), commits it to its own store with what it intends, and only then starts the attempt; after a crash it
 * starts the same attempt again with settle_only, and learns by ENDED what became of it. The dialer keeps every attempt
 * from start to ENDED; nothing of the request is kept by reference after dialer_start. The record of the call
 * (call/store.h) is the gateway's: attempts write themselves into it as they go.
 *
 * Never twice: a request that may have reached the carrier is not repeated, by nobody. Without a clear answer the
 * attempt waits for webhooks with its id and looks into the carrier's list of calls; when neither tells, it ends as
 * DIALER_UNKNOWN, which nobody may take for "not called".
 */
#ifndef DIALER_DIALER_H
#define DIALER_DIALER_H

#include "base/buf.h"
#include "call/carrier.h"
#include "call/reason.h"
#include "dialer/question.h"
#include "net/loop.h"

struct dialer;

/* What became of an attempt. X(constant, word of records, API and metrics) */
#define DIALER_OUTCOME_LIST(X)                                                                                         \
    X(DIALER_NONE, "none")                       /* it is not over */                                                  \
    X(DIALER_ANSWERED, "answered")               /* by a person, or by somebody nobody took for a machine */           \
    X(DIALER_VOICEMAIL, "voicemail")             /* a machine: the message was left */                                 \
    X(DIALER_MACHINE, "machine")                 /* a machine: hung up */                                              \
    X(DIALER_CONSENT_DENIED, "consent_denied")   /* a person, who did not want to talk to the agent */                 \
    X(DIALER_CONSENT_TIMEOUT, "consent_timeout") /* answered, and no key came that says yes or no */                   \
    X(DIALER_NO_ANSWER, "no_answer")                                                                                   \
    X(DIALER_BUSY, "busy")                                                                                             \
    X(DIALER_FAILED, "failed")     /* refused by the carrier, a bad number, or we could not */                         \
    X(DIALER_CANCELED, "canceled") /* by us or may_dial, before an answer */                                           \
    X(DIALER_UNKNOWN, "unknown")   /* it may have been called: never redial by itself */
enum dialer_outcome {
#define X(name, word) name,
    DIALER_OUTCOME_LIST(X)
#undef X
        DIALER_OUTCOME_N
};
const char *dialer_outcome_word(enum dialer_outcome outcome);

/* What is done when a machine has answered. */
enum dialer_machine {
    DIALER_MACHINE_TALK,      /* nothing: the agent talks to whatever is there */
    DIALER_MACHINE_HANGUP,    /* DIALER_MACHINE */
    DIALER_MACHINE_VOICEMAIL, /* after its beep the message is left: DIALER_VOICEMAIL; without one: DIALER_MACHINE */
    DIALER_MACHINE_N
};
const char *dialer_machine_word(enum dialer_machine machine); /* "talk", "hangup", "voicemail" */
MUST_USE int dialer_machine_parse(struct str word, enum dialer_machine *ret);

struct dialer_variable {
    struct str name, value;
};
#define DIALER_MAX_VARIABLES 32

/* Texts are copied. Empty or 0: as configured. */
struct dialer_request {
    struct str id;                                 /* of dialer_id_new; empty: one is made */
    struct str to;                                 /* E.164 with + */
    struct str from;                               /* E.164 with + */
    struct str carrier;                            /* "twilio", "plivo" */
    struct str agent;                              /* who speaks */
    struct str campaign;                           /* for records and lists; may be empty */
    struct str opening_reason, objective, context; /* {{...}} of the agent's texts; may be empty */
    const struct dialer_variable *variables;       /* more of them */
    uint32_t n_variables;
    uint32_t ring_s, max_call_s;
    enum carrier_amd amd;
    uint32_t amd_timeout_ms; /* 0: the carrier's own */
    enum dialer_machine machine;
    struct str voicemail;       /* what is said after the beep */
    struct str voicemail_sound; /* a recording that is played in place of it; empty: none */
    struct question question;   /* put to who answers, before the agent; prompt empty: none */
    bool settle_only;           /* it was started before, perhaps: nothing is dialled, only found out */
    uint64_t since_wall_us;     /* settle_only: when */
    enum question_reply reply;  /* settle_only: as far as it was known */
};

/* X(constant, word of webhooks and logs) */
#define DIALER_EVENT_LIST(X)                                                                                           \
    X(DIALER_REQUESTED, "requested") /* the carrier has it: ref */                                                     \
    X(DIALER_RINGING, "ringing")                                                                                       \
    X(DIALER_PICKED_UP, "answered")                                                                                    \
    X(DIALER_ANSWERER, "answerer") /* who it is, with detection: HUMAN, MACHINE (_END), UNSURE */                      \
    X(DIALER_CONSENT, "consent")   /* what came of the question: reply */                                              \
    X(DIALER_ENDED, "ended")       /* the last one, always: outcome */
enum dialer_event_kind {
#define X(name, word) name,
    DIALER_EVENT_LIST(X)
#undef X
        DIALER_EVENT_N
};
const char *dialer_event_word(enum dialer_event_kind kind);

/* Each kind comes at most once and in this order, but for ANSWERER (MACHINE may become MACHINE_END), which may also
 * come behind CONSENT; steps of which the carrier said nothing are left out. Lent until return. */
struct dialer_event {
    enum dialer_event_kind kind;
    struct str id; /* of the attempt, and of its call */
    struct str to, from, campaign;
    uint64_t wall_us;
    struct carrier_call_ref ref; /* as far as it is known */
    enum carrier_answerer answerer;
    enum question_reply reply; /* ASKED from PICKED_UP on, if somebody is asked at all */
    /* ENDED */
    enum dialer_outcome outcome;
    bool dialled;       /* something may have rung; false: certainly nothing did */
    int64_t duration_s; /* answer to end, by the carrier; -1: it did not say */
    struct str cause;   /* the carrier's word or number, or ours: "486", "USER_BUSY", "http-401"; may be empty */
    struct str detail;  /* a sentence for people; may be empty */
};

/* Outlives the attempt. No function is called before dialer_start has returned. */
struct dialer_handler {
    /* Asked in the very pass in which the request would leave, also for a second time (the carrier was too busy to read
     * it): false forbids it (a lease was lost). NULL: always. */
    bool (*may_dial)(struct str id, void *arg);
    void (*on_event)(const struct dialer_event *ev, void *arg); /* mandatory */
};

/*
 * What the gateway does for the dialer, and then tells it. open_call makes the call and its record, with the request's
 * id as the call's; once both are in the store and the model listens, dialer_call_ready. A call that cannot be opened
 * is refused with a sentence. leave_message: the request's voicemail_sound, else voicemail, now or when the beep was
 * heard.
 */
struct dialer_port {
    int (*open_call)(const struct dialer_request *req, struct buf *ret_why, void *arg);
    void (*end_call)(struct str id, enum call_reason reason, void *arg); /* dialer_call_over follows, now or later */
    void (*leave_message)(const struct dialer_request *req, bool after_beep, void *arg);
    void (*on_event)(const struct dialer_event *ev, void *arg); /* of every attempt, before its handler */
    /* Of that kind; empty: the configured one. NULL: there is none. */
    struct carrier *(*carrier)(struct str kind, void *arg);
};

MUST_USE int dialer_new(struct loop *loop, const struct dialer_port *port, void *arg, struct dialer **ret);
/* Attempts under way are forgotten without a word. NULL is fine. */
struct dialer *dialer_free(struct dialer *d);
void dialer_call_ready(struct dialer *d, struct str id);
/* The model failed for good before anybody was called, the leg closed, an operator hung up. Unknown ids are fine. */
void dialer_call_over(struct dialer *d, struct str id, enum call_reason reason);
void dialer_call_media(struct dialer *d, struct str id); /* its media socket is up */
/* A machine has heard the message to its end; the call is hung up now. The carrier may say so before the call is over
 * for us. */
void dialer_message_left(struct dialer *d, struct str id);
/* on_progress of a carrier. False: no such attempt is under way. */
bool dialer_on_progress(struct dialer *d, struct carrier *carrier, const struct carrier_progress *p);

/* An answered call asks what to do, again when a key was pressed or its time is over. Lent until return. */
struct dialer_caller {
    struct str attempt, carrier_call_id;
    bool asks;      /* CARRIER_ROUND_ARG was given: it was dialled with a question, */
    uint32_t round; /* and asked for a key so often */
    struct str key; /* empty: none */
};
enum dialer_answer {
    DIALER_ANSWER_TALK,    /* it is the attempt's: connect it with the call of that id */
    DIALER_ANSWER_ASK,     /* put the question, ret_question, for the ret_round-th time */
    DIALER_ANSWER_GOODBYE, /* who was asked did not accept: ret_question's goodbye, then hang up */
    DIALER_ANSWER_HANGUP,  /* it is a second one, or too late */
    DIALER_ANSWER_UNKNOWN, /* no such attempt is under way: started before a restart, or never */
};
/* *ret_question is lent until the attempt ends, which is after this. */
enum dialer_answer dialer_on_answer(struct dialer *d, const struct dialer_caller *who,
                                    const struct question **ret_question, uint32_t *ret_round);

/* A new id for an attempt: a random UUID. */
void dialer_id_new(char ret[CARRIER_ATTEMPT_MAX + 1]);

/*
 * handler NULL: nobody listens (its record is written all the same). ret_id (may be NULL) gets the attempt's id.
 * 0: ENDED will come. -EINVAL: a number, id or text that cannot be used; -EEXIST: an attempt of that id is under way;
 * -ERR_LIMIT: too many calls; -ERR_STATE: the carrier cannot dial; ret_why then is a sentence.
 */
MUST_USE int dialer_start(struct dialer *d, const struct dialer_request *req, const struct dialer_handler *handler,
                          void *arg, char ret_id[CARRIER_ATTEMPT_MAX + 1], struct buf *ret_why);
/* Its handler hears nothing more; the attempt goes on. Unknown ids are fine. */
void dialer_forget(struct dialer *d, struct str id);
bool dialer_knows(const struct dialer *d, struct str id); /* it is under way */
/* Under way now. */
uint32_t dialer_count(const struct dialer *d);

#endif
