/* What the two files of the account as Plivo share: the path of a request, its answers, the types of a body. */
#ifndef PEER_EXCHANGE_PLIVO_H
#define PEER_EXCHANGE_PLIVO_H

#include "base/json.h"
#include "peer/exchange/exchange_impl.h"

/* Account/{id}/Kind/id/part/?query. All but query is lent by the request. */
struct exchange_plivo_path {
    struct str method, kind, id, part;
    bool slash; /* at the end, where the vendor wants one */
    struct form query;
};

/* One key of a JSON body. type: s string, n number, b boolean */
struct exchange_plivo_key {
    const char *name;
    char type;
    bool required;
};

/* False: a key is missing or of another type, and x was answered. Unknown keys pass, as the vendor lets them. */
MUST_USE bool exchange_plivo_typed(struct exchange *e, struct http_exchange *x, struct json_val body,
                                   const struct exchange_plivo_key *keys, size_t n);
/* "": absent, or no string. */
struct str exchange_plivo_text(struct json_val body, const char *key, struct buf *scratch);
bool exchange_plivo_is_number(struct str digits);
bool exchange_plivo_is_ours(const struct exchange *e, struct str digits);

/* An answer: {"api_id":... is written, the rest and the end are the caller's, like out. */
struct json_w exchange_plivo_begin(struct buf *out);
void exchange_plivo_put_meta(struct json_w *w, int64_t n);
void exchange_plivo_reply(struct http_exchange *x, int status, struct buf *body);
void exchange_plivo_say(struct http_exchange *x, int status, const char *key, const char *text);
void exchange_plivo_gone(struct http_exchange *x); /* 204 */
/* Counted as a request that the vendor would not have taken. */
void exchange_plivo_refuse(struct exchange *e, struct http_exchange *x, int status, const char *why);

/* The answer URL of the number's application; empty: none. */
struct str exchange_plivo_incoming(struct exchange *e, struct str to);
/* exchange_plivo_account.c: the account itself, applications, numbers, messages. False: it has no such thing. */
MUST_USE bool exchange_plivo_account(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at,
                                     struct json_val body);

#endif
