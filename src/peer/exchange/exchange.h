/*
 * The outside of a carrier account, simulated: Twilio's or Plivo's REST service for calls and messages, and the people
 * who are called. A call that is asked for rings, is answered or not as its number's callee does, and is told about by
 * signed status callbacks; an answered one becomes a phone (phone.h) that asks the answer URL and talks. Strict where
 * the vendor is; it can be told to misbehave where the network does. Loop thread only. Not here: command line
 * (apps/ringtrip).
 *
 *     POST .../Calls.json, .../Call/ ─▶ 201 queued ─▶ initiated ─▶ ringing ─▶ in-progress ─▶ phone ─▶ completed
 *                                                          └▶ busy, no-answer, failed, canceled
 */
#ifndef PEER_EXCHANGE_H
#define PEER_EXCHANGE_H

#include "net/http_client.h"
#include "net/http_server.h"
#include "peer/phone/phone.h"

struct exchange;

/* X(constant, word) */
#define EXCHANGE_CALLEE_LIST(X)                                                                                        \
    X(EXCHANGE_HUMAN, "human")     /* answers and talks */                                                             \
    X(EXCHANGE_MACHINE, "machine") /* answers, greets, beeps, records */                                               \
    X(EXCHANGE_BUSY, "busy")                                                                                           \
    X(EXCHANGE_NO_ANSWER, "no-answer")                                                                                 \
    X(EXCHANGE_FAIL, "failed")   /* the number does not exist */                                                       \
    X(EXCHANGE_SILENT, "silent") /* nothing is ever told of it */
enum exchange_callee_kind {
#define X(name, word) name,
    EXCHANGE_CALLEE_LIST(X)
#undef X
        EXCHANGE_CALLEE_N
};
const char *exchange_callee_word(enum exchange_callee_kind kind);
MUST_USE int exchange_callee_parse(struct str word, enum exchange_callee_kind *ret);

/* How the one behind a number behaves. */
struct exchange_callee {
    enum exchange_callee_kind kind;
    uint32_t ring_ms;               /* before anything becomes of it; 0: at once */
    const struct phone_item *items; /* what is said; lent while the exchange lives */
    size_t n_items;
    struct phone_when hangup;
    struct str keys;         /* as phone_opts.prompt_keys; lent while the exchange lives */
    uint32_t key_wait_ms;    /* as phone_opts.prompt_wait_ms */
    uint32_t press_ms;       /* as phone_opts.press_ms */
    uint32_t max_ms;         /* of the phone; 0: its own */
    const char *answered_by; /* the detection's word; NULL: by kind; "": none comes */
    uint32_t detect_ms;      /* after the answer */
};

/* What goes wrong. Bits of faults. */
enum exchange_fault {
    EXCHANGE_TWICE = 1,         /* every callback comes twice */
    EXCHANGE_EARLY = 2,         /* callbacks come before the answer to the request */
    EXCHANGE_MUTE_REPLY = 4,    /* the call is made, and the request never answered */
    EXCHANGE_ERROR_REPLY = 8,   /* the call is made, and the request answered with 500 */
    EXCHANGE_NO_CALLBACKS = 16, /* the answer URL is asked, nothing else is told */
    EXCHANGE_DOUBLE = 32,       /* two calls are made of one request */
    EXCHANGE_LATE = 64,         /* callbacks come two seconds after what they tell of */
    EXCHANGE_LATE_REPLY = 128,  /* the request is answered when the answer URL has been asked */
    EXCHANGE_ASK_TWICE = 256,   /* the answer URL is asked twice */
    EXCHANGE_OTHER_ID = 512,    /* the request has another id than its call (where it has one at all) */
    EXCHANGE_UNHEARD = 1024,    /* the answer URL cannot be reached: the fallback URL is asked, where one was given */
};

struct exchange_opts {
    const struct phone_vendor *as; /* NULL: phone_twilio */
    uint32_t variants;             /* of it */
    struct str account_sid, auth_token;
    struct str numbers;   /* ours, separated by blanks: other From numbers are refused */
    struct str sign_base; /* as of phone_opts; empty: requests are signed for the URLs that were given */
    struct str
        deliver_base; /* "http://127.0.0.1:8000": where callbacks and webhooks really go; empty: where they say */
    /* A call of the account to this number of its own comes in at this URL (Plivo's numbers have applications instead);
     * what its other end says, the request for it tells. Empty: none does. */
    struct str incoming_number, incoming_url;
    const char *listen_host; /* NULL: 127.0.0.1 */
    uint16_t port;           /* 0: any */
    uint32_t faults;
    int refuse_status; /* the next refuse_times requests are answered so, 0: never, and nothing is made */
    uint32_t refuse_times;
    uint32_t refuse_wait_s; /* they get Retry-After; 0: they do not */
    struct http_client *http;
    struct phone_wheel *wheel; /* NULL: each phone has its own */
};

/* A call as the account keeps it. */
struct exchange_call {
    char sid[40];
    char request_id[40]; /* where the vendor has one; else empty */
    char to[64], from[64];
    const char *status; /* the vendor's word */
    uint32_t duration_s;
    const char *answered_by; /* NULL: not known */
    bool asked_to_end;
};

struct exchange_handler {
    /* Who is behind this number: ret comes as a human who hangs up when the agent has spoken. Mandatory. */
    void (*on_dial)(struct exchange *e, const struct exchange_call *call, struct exchange_callee *ret, void *arg);
    void (*on_phone_event)(struct exchange *e, const struct exchange_call *call, const struct phone_event *ev,
                           void *arg);
    /* A call is over; r NULL: it was never answered. */
    void (*on_ended)(struct exchange *e, const struct exchange_call *call, const struct phone_report *r, void *arg);
    void (*on_message)(struct exchange *e, struct str to, struct str from, struct str body, void *arg); /* optional */
};

MUST_USE int exchange_open(struct loop *loop, const struct exchange_opts *opts, const struct exchange_handler *h,
                           void *arg, struct exchange **ret);
/* Nothing is taken or told any more; phones are dropped. exchange_idle says when all of it is over. */
void exchange_stop(struct exchange *e);
bool exchange_idle(const struct exchange *e);
/* Only when idle after a stop. NULL is fine. */
struct exchange *exchange_free(struct exchange *e);
uint16_t exchange_port(const struct exchange *e);
/* As opts.deliver_base, once it is known; copied. */
void exchange_deliver(struct exchange *e, const char *base);
void exchange_set_faults(struct exchange *e, uint32_t faults);
/* As opts.refuse_...; what is refused so is no problem of the stats. */
void exchange_refuse(struct exchange *e, int status, uint32_t times, uint32_t wait_s);

struct exchange_stats {
    uint32_t requests, refused; /* REST; refused by the vendor's rules */
    uint32_t calls, live, answered, callbacks, callbacks_failed, messages, recordings;
    char problem[160]; /* the first request that the vendor would not have taken; "" */
};
void exchange_stats(const struct exchange *e, struct exchange_stats *ret);

#endif
