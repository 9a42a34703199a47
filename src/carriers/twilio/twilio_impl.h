/* Inside of the Twilio carrier: what its files share. Nobody else includes it. */
#ifndef CARRIERS_TWILIO_IMPL_H
#define CARRIERS_TWILIO_IMPL_H

#include <stdio.h>

#include "base/err.h"
#include "carriers/twilio/twilio.h"
#include "cloud/account.h"
#include "cloud/cloud.h"
#include "cloud/params.h"
#include "cloud/socket_leg.h"

#define TWILIO_SEEN_CALLS 512 /* calls whose last status sequence is remembered */
#define TWILIO_SIGNATURE  "X-Twilio-Signature"

#define TWILIO_DIALLED_PATH   "/twilio/dialled"
#define TWILIO_ANSWER_PATH    "/twiml"
#define TWILIO_ASKED_PATH     "/twilio/asked"
#define TWILIO_FALLBACK_PATH  "/twilio/fallback"
#define TWILIO_RECORDING_PATH "/twilio/recording"
#define TWILIO_STATUS_PATH    "/twilio/status"
#define TWILIO_AMD_PATH       "/twilio/amd"

struct twilio_leg {
    struct socket_leg socket;
    struct account_request *rest;     /* hang-up under way */
    struct account_request *transfer; /* likewise */
    bool connected;                   /* the first message has come */
    uint64_t clock_ms;                /* media clock at the end of the last media message */
};

/* Last sequence number of a call's status callbacks. */
struct twilio_seen {
    uint64_t call; /* hash of the sid; 0: free */
    int64_t sequence;
};

struct twilio {
    struct cloud cloud;
    const struct twilio_opts *opts;
    struct twilio_seen seen[TWILIO_SEEN_CALLS];
    uint32_t seen_next;
};

/* twilio.c */
extern const struct carrier_ops twilio_ops;
struct twilio *twilio_of(struct carrier *carrier);
/* What is said to a caller whom no model can answer. */
struct str twilio_apology(const struct twilio *t);

/* twilio_leg.c */
void twilio_upgrade(struct twilio *t, struct http_exchange *x, const struct http_request *req);

/* twilio_rest.c: one request of the account */
struct twilio_order {
    struct str resource; /* "Calls/CA....json", below the account */
    struct str form;     /* encoded; of a GET what stands behind the question mark */
    bool get;
    bool makes;        /* an answer without the id of what was made is none */
    bool over_is_fine; /* an answer that the call is over counts as done */
};
bool twilio_can_rest(const struct twilio *t);
/* done, or reply, is called once, later, unless it is forgotten. All of o is lent. -ERR_STATE: twilio_can_rest. */
MUST_USE int twilio_rest_start(struct twilio *t, const struct twilio_order *o, const struct account_wait *w);

/* twilio_orders.c: what is asked of the account. -EINVAL: a sid, number or text that cannot be sent */
/* apology: spoken first; empty: the configured sentence; p NULL: nothing is. */
MUST_USE int twilio_order_hangup(struct twilio *t, struct str call_sid, struct str apology,
                                 const struct account_wait *w);
/* The call asks that URL of ours what to do, in place of whatever it does. */
MUST_USE int twilio_order_redirect(struct twilio *t, struct str call_sid, struct str url, const struct account_wait *w);
MUST_USE int twilio_order_update(struct twilio *t, struct str call_sid, struct str twiml, const struct account_wait *w);
/* to: E.164, or sip: */
MUST_USE int twilio_order_transfer(struct twilio *t, struct str call_sid, struct str to, const struct account_wait *w);
const char *twilio_cannot(struct carrier *carrier, enum carrier_service service);
MUST_USE int twilio_send_sms(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                             uint64_t *ret_id);
/* A sid becomes part of a path. */
bool twilio_is_sid(struct str s);

/* twilio_dial.c: calls that we start. The words of the carrier as ours, and the operations of carrier_ops. */
enum carrier_stage twilio_stage(struct str status);
enum carrier_outcome twilio_outcome(struct str status); /* NONE unless it is a final one */
enum carrier_answerer twilio_answerer(struct str answered_by);
const char *twilio_cannot_dial(const struct twilio *t);
MUST_USE int twilio_dial(struct carrier *carrier, const struct carrier_dial *dial, carrier_done_fn done, void *arg,
                         uint64_t *ret_id);
MUST_USE int twilio_hangup(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                           uint64_t *ret_id);
MUST_USE int twilio_record(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                           uint64_t *ret_id); /* twilio_orders.c */
MUST_USE int twilio_recall(struct carrier *carrier, const struct carrier_call_ref *ref, struct str attempt);
MUST_USE int twilio_find_calls(struct carrier *carrier, const struct carrier_find *find, carrier_found_fn done,
                               void *arg, uint64_t *ret_id);

/* twilio_hook.c: the routes that answer with TwiML, and the status ones */
enum twilio_hook {
    TWILIO_HOOK_INCOMING,
    TWILIO_HOOK_AFTER,
    TWILIO_HOOK_DIALLED,
    TWILIO_HOOK_ASKED,
    TWILIO_HOOK_FALLBACK
};
void twilio_on_webhook(struct twilio *t, struct http_exchange *x, const struct http_request *req,
                       enum twilio_hook hook);
void twilio_on_status(struct twilio *t, struct http_exchange *x, const struct http_request *req, bool of_stream);
/* The verdict of the answering-machine detection. */
void twilio_on_amd(struct twilio *t, struct http_exchange *x, const struct http_request *req);
void twilio_on_recording(struct twilio *t, struct http_exchange *x, const struct http_request *req);

/* twilio_origin.c: whether a request is from Twilio */
/* One of our tokens has signed url, in one of the spellings that count. params: of a form POST, else NULL; sorted. */
bool twilio_signature_fits(const struct twilio_opts *o, struct str url, struct form *params, struct str signature);
/* params: of the body when it is a form, may be NULL. */
enum cloud_verdict twilio_verify(const struct twilio *t, const struct http_request *req, bool websocket,
                                 struct form *params);

#endif
