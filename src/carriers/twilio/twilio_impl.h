/* Inside of the Twilio carrier: what its files share. Nobody else includes it. */
#ifndef CARRIERS_TWILIO_IMPL_H
#define CARRIERS_TWILIO_IMPL_H

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "call/carrier_ops.h"
#include "call/leg_ops.h"
#include "carriers/twilio/twilio.h"
#include "net/ws.h"
#include "wire/form.h"

#define TWILIO_SEEN_CALLS  512 /* calls whose last status sequence is remembered */
#define TWILIO_URL_MAX     4096
#define TWILIO_MESSAGE_MAX (64u << 10)

#define TWILIO_DIALLED_PATH "/twilio/dialled"
#define TWILIO_ANSWER_PATH  "/twiml"
#define TWILIO_STATUS_PATH  "/twilio/status"
#define TWILIO_AMD_PATH     "/twilio/amd"

struct twilio_rest;

enum twilio_leg_state {
    LEG_WAITING, /* for start */
    LEG_LIVE,
    LEG_OVER,    /* stop has come */
    LEG_CLOSING, /* our close is under way; messages mean nothing any more */
    LEG_STATE_N
};

struct twilio_leg {
    struct leg base;
    struct twilio *t;
    struct twilio_leg *prev, *next;
    struct ws *ws;
    struct timer *deadline;       /* for start */
    struct twilio_rest *rest;     /* hang-up under way */
    struct twilio_rest *transfer; /* likewise */
    enum twilio_leg_state state;
    bool connected;    /* the first message has come */
    bool accepted;     /* the host has given a handler, which must be told on_closed */
    bool signature_ok; /* of the upgrade */
    int err;           /* why we closed it */
    uint64_t clock_ms; /* media clock at the end of the last media message */
    char *query_token, *query_call_id;
    char stream_sid[TWILIO_NAME_MAX + 1];
    char call_sid[TWILIO_NAME_MAX + 1];
};

/* Last sequence number of a call's status callbacks. */
struct twilio_seen {
    uint64_t call; /* hash of the sid; 0: free */
    int64_t sequence;
};

struct twilio {
    struct carrier base;
    struct loop *loop;
    struct http_client *http;
    const struct twilio_opts *opts;
    const struct carrier_host *host;
    void *arg;
    struct twilio_leg *legs;
    struct twilio_rest *rests;
    uint64_t rest_ids;
    struct buf text;  /* unescaped strings of a message */
    struct buf audio; /* decoded payload of a message */
    struct twilio_seen seen[TWILIO_SEEN_CALLS];
    uint32_t seen_next;
    struct log_scope scope;
    struct carrier_stats stats;
};

static inline uint32_t twilio_or(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static inline struct str twilio_or_str(struct str value, const char *otherwise)
{
    return value.n > 0 ? value : str_from(otherwise);
}

/* twilio.c */
extern const struct carrier_ops twilio_ops;
struct twilio *twilio_of(struct carrier *carrier);
/* What is said to a caller whom no model can answer. */
struct str twilio_apology(const struct twilio *t);

/* twilio_leg.c */
void twilio_upgrade(struct twilio *t, struct http_exchange *x, const struct http_request *req);
/* Ends every socket at once; on_closed of the legs is called before it returns. */
void twilio_drop_legs(struct twilio *t);

/* twilio_rest.c: one request of the account */
struct twilio_order {
    struct str resource; /* "Calls/CA....json", below the account */
    struct str form;     /* encoded; of a GET what stands behind the question mark */
    bool get;
    bool makes;        /* an answer without the id of what was made is none */
    bool over_is_fine; /* an answer that the call is over counts as done */
};
/*
 * Who waits for the answer. done may be NULL; ret, not NULL, gets the request while it is under way. reply, in place of
 * done, wants to read the answer itself: result says whether it is good, body is lent ("" when there is none).
 */
typedef void (*twilio_reply_fn)(const struct carrier_result *result, struct str body, void *arg);
struct twilio_wait {
    carrier_done_fn done;
    void *arg;
    struct twilio_rest **ret;
    twilio_reply_fn reply;
    void (*drop)(void *arg); /* frees arg when the request is forgotten; NULL: nothing to free */
};
bool twilio_can_rest(const struct twilio *t);
/* done, or reply, is called once, later, unless it is forgotten. All of o is lent. -ERR_STATE: twilio_can_rest. */
MUST_USE int twilio_rest_start(struct twilio *t, const struct twilio_order *o, const struct twilio_wait *w);
/* done is not called any more; the request goes on. */
void twilio_rest_forget(struct twilio_rest *r);
uint64_t twilio_rest_id(const struct twilio_rest *r);
struct twilio_rest *twilio_rest_find(struct twilio *t, uint64_t id); /* NULL: answered, or never was */
void twilio_drop_rests(struct twilio *t);

/* twilio_orders.c: what is asked of the account. -EINVAL: a sid, number or text that cannot be sent */
MUST_USE int twilio_order_hangup(struct twilio *t, struct str call_sid, bool apologise, const struct twilio_wait *w);
MUST_USE int twilio_order_update(struct twilio *t, struct str call_sid, struct str twiml, const struct twilio_wait *w);
/* to: E.164, or sip: */
MUST_USE int twilio_order_transfer(struct twilio *t, struct str call_sid, struct str to, const struct twilio_wait *w);
const char *twilio_cannot(struct carrier *carrier, enum carrier_service service);
MUST_USE int twilio_send_sms(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                             uint64_t *ret_id);
void twilio_cancel(struct carrier *carrier, uint64_t id);
/* A sid becomes part of a path. */
bool twilio_is_sid(struct str s);
bool twilio_is_number(struct str s); /* E.164 with + */

/* twilio_dial.c: calls that we start. The words of the carrier as ours, and the operations of carrier_ops. */
enum carrier_stage twilio_stage(struct str status);
enum carrier_outcome twilio_outcome(struct str status); /* NONE unless it is a final one */
enum carrier_answerer twilio_answerer(struct str answered_by);
const char *twilio_cannot_dial(const struct twilio *t);
MUST_USE int twilio_dial(struct carrier *carrier, const struct carrier_dial *dial, carrier_done_fn done, void *arg,
                         uint64_t *ret_id);
MUST_USE int twilio_hangup(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                           uint64_t *ret_id);
MUST_USE int twilio_find_calls(struct carrier *carrier, const struct carrier_find *find, carrier_found_fn done,
                               void *arg, uint64_t *ret_id);

/* twilio_hook.c: the routes that answer with TwiML, and the status ones */
enum twilio_hook { TWILIO_HOOK_INCOMING, TWILIO_HOOK_AFTER, TWILIO_HOOK_DIALLED };
void twilio_on_webhook(struct twilio *t, struct http_exchange *x, const struct http_request *req,
                       enum twilio_hook hook);
void twilio_on_status(struct twilio *t, struct http_exchange *x, const struct http_request *req, bool of_stream);
/* The verdict of the answering-machine detection. */
void twilio_on_amd(struct twilio *t, struct http_exchange *x, const struct http_request *req);

/* twilio_origin.c: who we are to the outside, and whether a request is from Twilio */
enum twilio_verdict {
    TWILIO_SIGNED,    /* by one of our tokens */
    TWILIO_UNSIGNED,  /* no signature at all */
    TWILIO_FORGED,    /* a wrong one */
    TWILIO_UNCHECKED, /* verification is off */
};
/* One of our tokens has signed url, in one of the spellings that count. params: of a form POST, else NULL; sorted. */
bool twilio_signature_fits(const struct twilio_opts *o, struct str url, struct form *params, struct str signature);
/* "https://host[:port]" as the outside sees it; empty when unknown. websocket: ws or wss. */
void twilio_put_origin(const struct twilio *t, const struct http_request *req, bool websocket, struct buf *out);
/* params: of the body when it is a form, may be NULL. */
enum twilio_verdict twilio_verify(const struct twilio *t, const struct http_request *req, bool websocket,
                                  struct form *params);

#endif
