/*
 * One attempt to call somebody, as a value: what has happened goes in with a time, what is to be done comes out. Pure:
 * no clock, no socket, no memory of its own. Not here: who carries it out (dialer.c).
 *
 *     PREPARED ─▶ ASKED ─▶ PLACED ─▶ RINGING ─▶ UP ─▶ ENDING ─▶ ENDED
 *                   └▶ UNCLEAR ─▶ (a webhook or the carrier's list tells) any of them
 *
 * With a question (question.h) an answered call does not get its media before a key has accepted. Each time the carrier
 * asks what to do it says how often the question was put (round), so that a webhook that comes twice, or finds another
 * process, changes nothing. A machine is not asked: once it is known to be one, it gets its message or is hung up.
 *
 * Facts may come twice, late or in any order: the state moves forwards only. The carrier is asked once. What it may
 * have done without telling is found out by its list of calls; what nobody can tell ends as DIALER_UNKNOWN.
 */
#ifndef DIALER_ATTEMPT_H
#define DIALER_ATTEMPT_H

#include "dialer/dialer.h"

/* X(constant, word) */
#define ATTEMPT_STATE_LIST(X)                                                                                          \
    X(ATTEMPT_PREPARED, "prepared") /* nothing was asked yet: certainly nothing rings */                               \
    X(ATTEMPT_ASKED, "asked")       /* the request is under way */                                                     \
    X(ATTEMPT_UNCLEAR, "unclear")   /* it may have been carried out */                                                 \
    X(ATTEMPT_PLACED, "placed")     /* the carrier has it */                                                           \
    X(ATTEMPT_RINGING, "ringing")                                                                                      \
    X(ATTEMPT_UP, "up")         /* answered */                                                                         \
    X(ATTEMPT_ENDING, "ending") /* over for us; the carrier's last word is awaited */                                  \
    X(ATTEMPT_ENDED, "ended")
enum attempt_state {
#define X(name, word) name,
    ATTEMPT_STATE_LIST(X)
#undef X
        ATTEMPT_STATE_N
};
const char *attempt_state_word(enum attempt_state state);

#define ATTEMPT_REF_MAX   64
#define ATTEMPT_CAUSE_MAX 63

struct attempt {
    enum attempt_state state;
    /* told at birth */
    uint64_t ring_us;
    enum dialer_machine machine;
    struct {
        bool put;
        uint32_t times;
        char accept, deny;
        uint64_t round_us, goodbye_us; /* at most */
    } question;
    /* what is known */
    uint64_t asked_us;    /* when the request left last; 0: never */
    uint64_t deadline_us; /* UINT64_MAX: none */
    char call_id[ATTEMPT_REF_MAX + 1], request_id[ATTEMPT_REF_MAX + 1];
    bool answered, media;
    bool may_have_rung;
    bool hung_up;            /* we have told the carrier to end it */
    bool call_over;          /* our side of it */
    bool message_left;       /* a machine has heard it to its end */
    enum call_reason reason; /* why we ended it; REASON_NONE: we did not */
    enum carrier_answerer answerer;
    enum question_reply reply;
    uint32_t round;  /* the question was put so often; 0: never, as far as this process knows */
    uint32_t told;   /* mask of 1 << dialer_event_kind */
    uint32_t finds;  /* looks into the carrier's list, in this state */
    uint32_t blanks; /* of them those that certainly had no such call */
    bool finding;
    /* ENDED */
    enum dialer_outcome outcome;
    int64_t talk_s; /* -1: unknown */
    char cause[ATTEMPT_CAUSE_MAX + 1];
};

/* What is to be done, in this order. */
struct attempt_do {
    bool send;                      /* ask the carrier now */
    bool hangup;                    /* tell the carrier to end it, by attempt_ref */
    bool find;                      /* look into its list: by attempt_ref when that is known, else by number and time */
    bool recall;                    /* the carrier shall ask again what to do with the call, now */
    bool end_call;                  /* our side, for end_reason */
    bool leave_message, await_beep; /* the voicemail's: now, or when we hear that it may be left */
    enum call_reason end_reason;
    uint32_t tell; /* mask of 1 << dialer_event_kind, in the order of the enum */
};

/* settle_only: it may have been asked before, at asked_us (loop time; 0 counts as 1). */
void attempt_init(struct attempt *a, const struct dialer_request *req, uint64_t now_us, uint64_t asked_us);
struct carrier_call_ref attempt_ref(const struct attempt *a);
/* Does a call of the carrier with this id belong to the attempt? Empty, or the first one: yes. */
bool attempt_is(const struct attempt *a, struct str call_id);

/* Everything is in place: the record is written and the model listens. */
void attempt_ready(struct attempt *a, uint64_t now_us, struct attempt_do *out);
/* The carrier has turned the request away unread: may it leave once more, now? */
bool attempt_repeat(struct attempt *a, uint64_t now_us);
/* It must not be dialled, for this cause (a word of ours). Only in PREPARED; later ones are ignored. */
void attempt_forbid(struct attempt *a, enum dialer_outcome outcome, const char *cause, struct attempt_do *out);
/* The answer to send. */
void attempt_reply(struct attempt *a, const struct carrier_result *r, uint64_t now_us, struct attempt_do *out);
void attempt_progress(struct attempt *a, const struct carrier_progress *p, uint64_t now_us, struct attempt_do *out);
/* The carrier has asked what to do with the answered call, round and key as in struct dialer_caller. */
enum attempt_word { ATTEMPT_TALK, ATTEMPT_ASK, ATTEMPT_GOODBYE, ATTEMPT_HANGUP };
enum attempt_word attempt_picked_up(struct attempt *a, const struct dialer_caller *who, uint64_t now_us,
                                    struct attempt_do *out);
/* Media flows. */
void attempt_media(struct attempt *a, uint64_t now_us, struct attempt_do *out);
/* The answer to find; call: the one that is ours, NULL: none is. certain: there is none, the list was complete. */
void attempt_found(struct attempt *a, const struct carrier_call *call, bool certain, uint64_t now_us,
                   struct attempt_do *out);
/* A machine has heard the message: told before the call is hung up, which the carrier may report before our side is
 * over. */
void attempt_message_left(struct attempt *a);
/* Our side is over: whoever ended it. */
void attempt_call_over(struct attempt *a, enum call_reason reason, uint64_t now_us, struct attempt_do *out);
/* deadline_us has come. */
void attempt_tick(struct attempt *a, uint64_t now_us, struct attempt_do *out);

#endif
