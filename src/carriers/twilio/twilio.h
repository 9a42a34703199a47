/*
 * The carrier Twilio: webhooks, TwiML, Media Streams sockets (each becomes a struct leg), REST: hang-up, update, text
 * messages. One object per loop; loop thread only. Not here: which calls exist, tokens, limits on calls: the host knows
 * them and is asked through struct twilio_host. Wire facts: wire/twilio.h, wire/twiml.h, wire/twilio_sig.h.
 *
 *     POST|GET /twiml, /incoming-call   webhook   -> on_incoming -> TwiML
 *     GET      /media-stream            upgrade   -> (on_media_query) ... start -> on_media_start -> leg
 *     POST     /twilio/after            TwiML after <Connect> has ended -> on_after -> TwiML
 *     POST     /twilio/dialled          TwiML after a transfer's <Dial> has ended -> on_dialled -> TwiML
 *     POST     /twilio/status           call progress -> on_status
 *     POST     /twilio/stream-status    stream-started, -stopped, -error -> on_status
 *
 * Signatures (opts.verify_signature): webhooks without a signature or with a wrong one get 403. An upgrade with a
 * wrong one gets 403; one without must bring a token the host accepts. The signed URL is rebuilt from opts.public_url
 * and the request target. Without public_url it is taken from X-Forwarded-Proto/-Host when the host trusts the peer,
 * else from Host and whether the connection is TLS: safe against forgery only as far as that Host can be trusted.
 */
#ifndef CARRIERS_TWILIO_H
#define CARRIERS_TWILIO_H

#include "call/carrier.h"
#include "call/leg.h"
#include "carriers/twilio/twilio_opts.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "wire/twilio.h"

struct twilio;

#define TWILIO_TOKEN_PARAM "token" /* the <Parameter> that carries our one-time token */

/* A webhook that may become a call, or that asks how one goes on. Everything is lent until the callback returns. */
struct twilio_incoming {
    struct str call_sid;
    struct str account_sid;
    struct str from, to;
    struct str direction; /* "inbound", "outbound-api", "outbound-dial" */
    struct str call_status;
    struct str forwarded_from;
    struct str caller_name;
    struct str dial_status;   /* on_dialled: "completed", "answered", "busy", "no-answer", "failed", "canceled" */
    struct str query_call_id; /* ?call_id= of the request, for tests and the reference's form; may be empty */
    struct str peer;          /* "127.0.0.1:4711" */
    struct str traceparent, tracestate; /* headers of the W3C trace context; may be empty */
    bool signature_ok;                  /* false: not checked (verify_signature off) */
    const struct twilio_param *params;  /* all of them, query and form, decoded */
    uint32_t n_params;
};

enum twilio_answer_kind {
    TWILIO_ANSWER_HANGUP,  /* <Hangup/> */
    TWILIO_ANSWER_CONNECT, /* <Connect><Stream>, then a redirect to /twilio/after */
    TWILIO_ANSWER_BUSY,    /* <Reject reason="busy"/> */
    TWILIO_ANSWER_REJECT,  /* <Reject/> */
    TWILIO_ANSWER_DIAL,    /* text: a number or sip: address */
    TWILIO_ANSWER_SAY,     /* text (empty: opts.apology), then hang up */
    TWILIO_ANSWER_XML      /* text: TwiML as configured */
};

#define TWILIO_ANSWER_MAX_PARAMS 16

/* Comes zeroed; what the host puts in must stay valid until twilio_handle returns. */
struct twilio_answer {
    enum twilio_answer_kind kind;
    char token[64]; /* CONNECT: the host's one-time token, NUL-terminated, letters digits - _; "": none */
    struct twilio_param params[TWILIO_ANSWER_MAX_PARAMS]; /* CONNECT: more <Parameter>s */
    uint32_t n_params;
    struct str text;
};

/* A media socket that has said "start". Lent until the callback returns. */
struct twilio_stream {
    struct str stream_sid;
    struct str call_sid;
    struct str account_sid;
    struct str token;         /* custom parameter "token", else ?token=; empty: none */
    struct str query_call_id; /* ?call_id= of the upgrade; else custom parameter "call_id"; empty: none */
    bool signature_ok;        /* the upgrade was signed with a token of ours */
    struct str peer;
    const struct twilio_param *params; /* all customParameters */
    uint32_t n_params;
};

enum twilio_status_kind { TWILIO_STATUS_CALL, TWILIO_STATUS_STREAM };

struct twilio_status {
    enum twilio_status_kind kind;
    struct str call_sid;
    struct str status;  /* CallStatus, or StreamEvent */
    bool final;         /* completed, busy, no-answer, failed, canceled */
    bool stale;         /* a callback with a higher sequence number has been seen for this call, or this very one */
    int64_t sequence;   /* -1: none */
    int64_t duration_s; /* CallDuration; -1: none */
    struct str sip_code;
    struct str answered_by;
    struct str stream_sid;
    struct str error; /* StreamError */
    const struct twilio_param *params;
    uint32_t n_params;
};

struct twilio_host {
    /* Admit or refuse. Mandatory. */
    void (*on_incoming)(const struct twilio_incoming *in, struct twilio_answer *ret, void *arg);
    /*
     * A stream has started. 0: *h and *harg are its handler from now on (EV_LEG_START follows before anything else, in
     * the same call); it is told on_closed once. Negative: the socket is closed and nobody is told anything:
     * -ENOENT 1008 "Call not found", -ERR_AUTH 1008 "Not authorized", -ERR_STATE 1008 "Call already has a stream",
     * -ERR_LIMIT 1013 "Over capacity", others 1011. Mandatory.
     */
    int (*on_media_start)(const struct twilio_stream *s, struct leg *leg, const struct leg_handler **h, void **harg,
                          void *arg);
    /* ?call_id= on the upgrade, before start: 0, or -ENOENT to close with 1008 "Call not found" at once. Optional. */
    int (*on_media_query)(struct str call_id, void *arg);
    /* <Connect> has ended and Twilio asks what now. Default answer: hang up. Optional. */
    void (*on_after)(const struct twilio_incoming *in, struct twilio_answer *ret, void *arg);
    /* A transfer is over: whoever was called hung up, or never answered. Default answer: hang up. Optional. */
    void (*on_dialled)(const struct twilio_incoming *in, struct twilio_answer *ret, void *arg);
    void (*on_status)(const struct twilio_status *status, void *arg); /* optional */
    bool (*trusts_proxy)(struct str peer, void *arg);                 /* optional; NULL: nobody is */
};

/* http: for REST, may be NULL when opts name no account. opts is lent until twilio_free or twilio_set_opts. */
MUST_USE int twilio_new(struct loop *loop, struct http_client *http, const struct twilio_opts *opts,
                        const struct twilio_host *host, void *arg, struct twilio **ret);
/* A new snapshot; requests and sockets from now on use it. */
void twilio_set_opts(struct twilio *t, const struct twilio_opts *opts);
/*
 * Sockets still open are aborted: on_closed of their legs comes before this returns. REST requests under way are
 * cancelled (done with -ECANCELED) also before. NULL is fine.
 */
struct twilio *twilio_free(struct twilio *t);
/* True when the path is ours; the exchange has then been, or will be, answered. */
bool twilio_handle(struct twilio *t, struct http_exchange *x, const struct http_request *req);

/* What the account can do besides: text messages. Lives as long as t. */
struct carrier *twilio_carrier(struct twilio *t);
/* New TwiML for a running call; its stream, if any, ends. done may be NULL. -ERR_STATE when REST is not configured. */
MUST_USE int twilio_update_call(struct twilio *t, struct str call_sid, struct str twiml, carrier_done_fn done,
                                void *arg);
/* Ends a call (one that is over already is fine); apologise: the configured sentence is spoken first. */
MUST_USE int twilio_rest_hangup(struct twilio *t, struct str call_sid, bool apologise, carrier_done_fn done, void *arg);

struct twilio_stats {
    uint32_t sockets;         /* now, with and without start */
    uint32_t unauthenticated; /* now, before an accepted start */
    uint64_t webhooks, bad_signatures;
    uint64_t streams;         /* accepted starts */
    uint64_t refused_limit;   /* upgrades over max_unauthenticated */
    uint64_t refused_streams; /* starts that the host or require_token refused */
    uint64_t start_timeouts;
    uint64_t bad_messages;   /* sockets closed for what they sent */
    uint64_t unknown_events; /* tolerated */
    uint64_t foreign_marks;
    uint64_t statuses;
    uint64_t rest_ok, rest_failed, rest_retries;
};
void twilio_stats(const struct twilio *t, struct twilio_stats *ret);

#endif
