/*
 * What a carrier asks its host, in words that are the same for all of them: webhooks that may become calls, media
 * sockets that have started, news of calls. Which calls exist, tokens and limits are the host's; documents (TwiML,
 * XML), signatures and messages are the carrier's. Loop thread. Everything that a callback gets is lent until it
 * returns.
 */
#ifndef CALL_CARRIER_HOST_H
#define CALL_CARRIER_HOST_H

#include "base/str.h"

struct carrier;
struct carrier_progress;
struct leg;
struct leg_handler;

#define CARRIER_TOKEN_PARAM "token" /* the name under which our one-time token travels; never a parameter of a call */

/* A webhook that may become a call, or that asks how one goes on. */
struct carrier_incoming {
    struct str call_id; /* the carrier's: "CA...", a UUID */
    struct str account_id;
    struct str from, to;  /* a number has its + */
    struct str direction; /* "inbound", or what begins with "outbound" */
    struct str forwarded_from;
    struct str caller_name;
    struct str attempt;                 /* of a call that we started: ?attempt= (CARRIER_ATTEMPT_ARG); else empty */
    bool asks;                          /* CARRIER_ROUND_ARG was given: somebody is asked for a key, */
    uint32_t round;                     /* so often so far */
    struct str key;                     /* on_asked: what was pressed; empty: nothing */
    struct str query_call_id;           /* ?call_id= of the request, for tests and the references' form; may be empty */
    struct str dial_status;             /* on_dialled: the carrier's word, for the log */
    bool dial_answered;                 /* on_dialled: somebody was reached */
    bool caller_gone;                   /* the call itself is over */
    struct str peer;                    /* "127.0.0.1:4711" */
    struct str traceparent, tracestate; /* headers of the W3C trace context; may be empty */
    bool signature_ok;                  /* false: not checked (verification is off) */
    const struct str_pair *headers;     /* SIP headers of the call, without the carrier's prefix */
    uint32_t n_headers;
    const struct str_pair *params; /* everything else, query and form, decoded */
    uint32_t n_params;
};

enum carrier_answer_kind {
    CARRIER_ANSWER_HANGUP,
    CARRIER_ANSWER_CONNECT, /* our media socket; afterwards the carrier asks on_after */
    CARRIER_ANSWER_BUSY,    /* the configured document, else: busy, without answering where the carrier can */
    CARRIER_ANSWER_REJECT,
    CARRIER_ANSWER_DIAL,   /* text: a number or sip: address */
    CARRIER_ANSWER_SAY,    /* text is spoken, then the call ends */
    CARRIER_ANSWER_ASK,    /* text is spoken, a key ends it; the carrier asks on_asked with the key, or without */
    CARRIER_ANSWER_APOLOGY /* the configured document, else the configured sentence; then the call ends */
};

#define CARRIER_ANSWER_MAX_PARAMS 16

/* Comes zeroed; what the host puts in must stay valid until carrier_handle returns. */
struct carrier_answer {
    enum carrier_answer_kind kind;
    char token[64]; /* CONNECT: the host's one-time token, NUL-terminated, letters digits - _; "": none */
    struct str_pair params[CARRIER_ANSWER_MAX_PARAMS]; /* CONNECT: come back with the stream */
    uint32_t n_params;
    struct str text;
    struct str sound;          /* SAY, ASK: URL of a recording that is played in place of text; empty: none */
    uint32_t ask_s, ask_round; /* ASK: so long a key is waited for when all is said, from 5 to 60; and how often it has
                                  now been asked */
};

/* A media socket that has said "start". */
struct carrier_stream {
    struct str stream_id;
    struct str call_id; /* the carrier's */
    struct str account_id;
    struct str token;         /* empty: none */
    struct str query_call_id; /* ?call_id= of the upgrade, or a parameter of that name; empty: none */
    bool signature_ok;        /* the upgrade was signed by the carrier */
    struct str peer;
    const struct str_pair *params; /* what the stream brought */
    uint32_t n_params;
};

enum carrier_status_kind { CARRIER_STATUS_CALL, CARRIER_STATUS_STREAM };

/* News of a call or stream, in the carrier's own words. */
struct carrier_status {
    enum carrier_status_kind kind;
    struct str call_id;
    struct str status;  /* of the call or of the stream */
    bool final;         /* the call is over */
    bool stale;         /* news that a later one has overtaken, or this very one again */
    int64_t sequence;   /* -1: none */
    int64_t duration_s; /* -1: none */
    struct str cause;   /* why it ended: a SIP code, "USER_BUSY"; may be empty */
    struct str answered_by;
    struct str stream_id;
    struct str error; /* of a stream */
    const struct str_pair *params;
    uint32_t n_params;
};

struct carrier_host {
    /* Admit or refuse. Mandatory. */
    void (*on_incoming)(struct carrier *c, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg);
    /*
     * A stream has started. 0: *h and *harg are its handler from now on (EV_LEG_START follows before anything else, in
     * the same call); it is told on_closed once. Negative: the socket is closed and nobody is told anything:
     * -ENOENT 1008 "Call not found", -ERR_AUTH 1008 "Not authorized", -ERR_STATE 1008 "Call already has a stream",
     * -ERR_LIMIT 1013 "Over capacity", others 1011. Asked only about streams that have a token or a valid signature, or
     * when the carrier's require_token is off. Mandatory.
     */
    int (*on_media_start)(struct carrier *c, const struct carrier_stream *s, struct leg *leg,
                          const struct leg_handler **h, void **harg, void *arg);
    /* ?call_id= on the upgrade, before start: 0, or -ENOENT to close with 1008 "Call not found" at once. Optional. */
    int (*on_media_query)(struct carrier *c, struct str call_id, void *arg);
    /* The stream has ended and the carrier asks what now. Default answer: hang up. Optional. */
    void (*on_after)(struct carrier *c, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg);
    /* A transfer is over: whoever was called hung up, or never answered. Default answer: hang up. Optional. */
    void (*on_dialled)(struct carrier *c, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg);
    /* After CARRIER_ANSWER_ASK: a key, or none in time. Default answer: hang up. Optional. */
    void (*on_asked)(struct carrier *c, const struct carrier_incoming *in, struct carrier_answer *ret, void *arg);
    void (*on_status)(struct carrier *c, const struct carrier_status *status, void *arg); /* optional */
    /* What the carrier tells about a call that we started (carrier.h), besides on_incoming and on_status. Optional. */
    void (*on_progress)(struct carrier *c, const struct carrier_progress *progress, void *arg);
    bool (*trusts_proxy)(struct str peer, void *arg); /* optional; NULL: nobody is */
};

/* Counted since the carrier was made, unless it says "now". */
struct carrier_stats {
    uint32_t sockets;         /* now, with and without start */
    uint32_t unauthenticated; /* now, before an accepted start */
    uint64_t webhooks, bad_signatures;
    uint64_t streams;         /* accepted starts */
    uint64_t refused_limit;   /* upgrades over max_unauthenticated */
    uint64_t refused_streams; /* starts that the host or require_token refused */
    uint64_t unproven;        /* of them: neither token nor signature */
    uint64_t start_timeouts;
    uint64_t bad_messages;   /* sockets closed for what they sent */
    uint64_t unknown_events; /* tolerated */
    uint64_t foreign_marks;
    uint64_t statuses;
    uint64_t rest_ok, rest_failed, rest_retries;
};

#endif
