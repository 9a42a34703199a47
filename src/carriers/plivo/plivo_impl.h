/* Inside of the Plivo carrier: what its files share. Nobody else includes it. */
#ifndef CARRIERS_PLIVO_IMPL_H
#define CARRIERS_PLIVO_IMPL_H

#include <stdio.h>

#include "base/err.h"
#include "carriers/plivo/plivo.h"
#include "cloud/account.h"
#include "cloud/cloud.h"
#include "cloud/params.h"
#include "cloud/socket_leg.h"
#include "wire/plivo.h"
#include "wire/plivo_xml.h"

#define PLIVO_SIGNATURE  "X-Plivo-Signature-V3"
#define PLIVO_SIP_PREFIX "X-PH-" /* parameters that carry SIP headers */
/* Seconds: the whole call, as long as a stream lasts at most. Without it a recording ends after a minute. */
#define PLIVO_RECORD_MAX_S 86400

#define PLIVO_ANSWER_PATH    "/answer"
#define PLIVO_HANGUP_PATH    "/hangup"
#define PLIVO_FALLBACK_PATH  "/fallback"
#define PLIVO_HOLD_PATH      "/hold"
#define PLIVO_MEDIA_PATH     "/ws"
#define PLIVO_AFTER_PATH     "/plivo/after"
#define PLIVO_TRANSFER_PATH  "/plivo/transfer"
#define PLIVO_DIALLED_PATH   "/plivo/dialled"
#define PLIVO_ASKED_PATH     "/plivo/asked"
#define PLIVO_APOLOGY_PATH   "/plivo/apology"
#define PLIVO_SAY_PARAM      "say" /* of the apology: its words */
#define PLIVO_RING_PATH      "/plivo/ring"
#define PLIVO_AMD_PATH       "/plivo/amd"
#define PLIVO_STREAM_PATH    "/plivo/stream-status"
#define PLIVO_RECORDING_PATH "/plivo/recording"
#define PLIVO_SMS_PATH       "/plivo/sms"
/* The same under the names that the reference's outgoing calls have. */
#define PLIVO_OUT_ANSWER_PATH "/outbound/answer"
#define PLIVO_OUT_HANGUP_PATH "/outbound/hangup"

struct plivo_setup;

struct plivo {
    struct cloud cloud;
    const struct plivo_opts *opts;
    struct plivo_setup *setup; /* under way */
};

/* plivo.c */
extern const struct carrier_ops plivo_ops;
struct plivo *plivo_of(struct carrier *carrier);
struct plivo *plivo_of_cloud(struct cloud *c);

/* plivo_leg.c */
void plivo_upgrade(struct plivo *p, struct http_exchange *x, const struct http_request *req);
/* The leg of this call may go: the carrier has come for the document of its transfer. */
void plivo_leg_fetched(struct plivo *p, struct str call_uuid);

/* plivo_sign.c: whether a request is from Plivo. params: of the body when it is a form, may be NULL. */
enum plivo_call_for {
    PLIVO_ASKS,   /* a webhook */
    PLIVO_WRITES, /* about a text message: those may carry the older signature */
    PLIVO_OPENS   /* a media socket */
};
enum cloud_verdict plivo_verify(const struct plivo *p, const struct http_request *req, enum plivo_call_for what,
                                struct form *params);

/* plivo_hook.c */
enum plivo_hook {
    PLIVO_HOOK_ANSWER,
    PLIVO_HOOK_AFTER,
    PLIVO_HOOK_DIALLED,
    PLIVO_HOOK_ASKED,
    PLIVO_HOOK_TRANSFER,
    PLIVO_HOOK_APOLOGY,
    PLIVO_HOOK_HOLD
};
void plivo_on_webhook(struct plivo *p, struct http_exchange *x, const struct http_request *req, enum plivo_hook hook);

/* plivo_status.c */
enum plivo_news { PLIVO_NEWS_CALL, PLIVO_NEWS_AMD, PLIVO_NEWS_STREAM, PLIVO_NEWS_SMS, PLIVO_NEWS_OTHER };
void plivo_on_news(struct plivo *p, struct http_exchange *x, const struct http_request *req, enum plivo_news kind);
/* What the news say, without an answer. */
void plivo_tell_call(struct plivo *p, const struct params *params);
/* The carrier's words as ours. */
enum carrier_stage plivo_stage(struct str status);
enum carrier_outcome plivo_outcome(struct str status); /* NONE unless it is a final one */
/* Of HangupCauseCode; NONE: it says no more than that the call is over. */
enum carrier_outcome plivo_outcome_of_code(int64_t code);

/* plivo_documents.c: the documents that this carrier answers with. Appended to out, whose sticky error tells of
 * failure. */
struct plivo_words {
    struct str apology, apology_xml, busy_xml, voice;
    struct str caller_id; /* for a dial, may be empty */
};
struct plivo_urls {
    struct str media;     /* "wss://host/ws?..." */
    struct str after;     /* empty: <Hangup/> stands behind <Stream> */
    struct str status;    /* of the stream; empty: none */
    struct str recording; /* empty: no recording by the carrier */
};
struct plivo_words plivo_words(const struct plivo *p);
void plivo_put_connect(struct buf *out, const struct plivo_urls *urls);
/* Says the answer's text, or plays its sound, and waits for a key, with which asked_url is asked; without one likewise.
 */
void plivo_put_ask(struct buf *out, const struct carrier_answer *answer, struct str asked_url, struct str voice);
/* Every answer but CONNECT and ASK. */
void plivo_put_answer(struct buf *out, const struct carrier_answer *answer, const struct plivo_words *words);
void plivo_put_transfer(struct buf *out, struct str to, struct str action, uint32_t ring_s);
void plivo_put_hold(struct buf *out);

/* plivo_rest.c: one request of the account */
struct plivo_order {
    const char *method;
    const char *resource;   /* "Call/4d04.../", below the account, with its query */
    const struct buf *json; /* NULL: none */
    bool makes;             /* an answer without the id of what was made is none */
    bool over_is_fine;      /* 404 counts as done */
};
bool plivo_can_rest(const struct plivo *p);
/* done, or reply, is called once, later, unless it is forgotten. All of o is lent. -ERR_STATE: plivo_can_rest. */
MUST_USE int plivo_rest_start(struct plivo *p, const struct plivo_order *o, const struct account_wait *w);
/* An id of the carrier, which becomes part of a path. */
bool plivo_is_id(struct str s);
/* A number as the vendor writes it: digits without +. sip: addresses stay. */
struct str plivo_bare(struct str number);

/* plivo_orders.c: what is asked of the account. -EINVAL: an id, number or text that cannot be sent */
MUST_USE int plivo_order_hangup(struct plivo *p, struct str call_uuid, const struct account_wait *w);
/* The call gets our apology in place of our stream. words: what is said; empty: the configured sentence. */
MUST_USE int plivo_order_apology(struct plivo *p, struct str call_uuid, struct str words, const struct account_wait *w);
/* The call gets the document at that URL in place of whatever it does. */
MUST_USE int plivo_order_fetch(struct plivo *p, struct str call_uuid, const struct buf *url,
                               const struct account_wait *w);
MUST_USE int plivo_order_transfer(struct plivo *p, struct str call_uuid, struct str to, const struct account_wait *w);
const char *plivo_cannot(struct carrier *carrier, enum carrier_service service);
MUST_USE int plivo_send_sms(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                            uint64_t *ret_id);

/* plivo_dial.c: calls that we start, the operations of carrier_ops. */
MUST_USE int plivo_dial(struct carrier *carrier, const struct carrier_dial *dial, carrier_done_fn done, void *arg,
                        uint64_t *ret_id);
MUST_USE int plivo_hangup(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                          uint64_t *ret_id);
MUST_USE int plivo_record(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                          uint64_t *ret_id); /* plivo_orders.c */
MUST_USE int plivo_recall(struct carrier *carrier, const struct carrier_call_ref *ref, struct str attempt);
MUST_USE int plivo_find_calls(struct carrier *carrier, const struct carrier_find *find, carrier_found_fn done,
                              void *arg, uint64_t *ret_id);

/* plivo_setup.c */
void plivo_setup_drop(struct plivo *p);

#endif
