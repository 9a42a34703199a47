/*
 * One request of a carrier's account: sent, backed off when the carrier was too busy to look at it, answered once. How
 * it is written and what an answer means is the carrier's. Nothing is ever repeated that may have been carried out.
 * Loop thread.
 */
#ifndef CLOUD_ACCOUNT_H
#define CLOUD_ACCOUNT_H

#include "base/json.h"
#include "cloud/cloud.h"

#define ACCOUNT_TEXT_MAX 512 /* bytes of a carrier's sentence */

/* The texts of a result that need unescaping lend these. */
struct account_scratch {
    struct buf of[4];
};

struct account_order {
    const char *method;
    struct str url;
    struct str content_type; /* of the body; empty: none */
    struct span body;
    struct str user, password;
    struct str what; /* for the log: "Calls/CA....json", without a query: it holds numbers */
    uint32_t max_response_bytes;
    bool over_is_fine; /* an answer that the call is over counts as done */
    bool makes;        /* an answer without the id of what was made is none */
    /*
     * Reads an answer of any status into ret, which has status: code, message, id, state, request_id. Returns whether
     * it is good, or, with over_is_fine, says that there is no such call any more.
     */
    bool (*read)(const struct http_reply *reply, bool over_is_fine, struct account_scratch *scratch,
                 struct carrier_result *ret);
};

/*
 * Who waits for the answer. done may be NULL; ret, not NULL, gets the request while it is under way. reply, in place of
 * done, wants to read the answer itself: result says whether it is good, body is lent ("" when there is none).
 */
typedef void (*account_reply_fn)(const struct carrier_result *result, struct str body, void *arg);
struct account_wait {
    carrier_done_fn done;
    void *arg;
    struct account_request **ret;
    account_reply_fn reply;
    void (*drop)(void *arg);       /* frees arg when the request is forgotten; NULL: nothing to free */
    bool (*may_repeat)(void *arg); /* as in struct carrier_dial */
};

/* done, or reply, is called once, later, unless it is forgotten. All of o is lent. -ERR_STATE: there is no client. */
MUST_USE int account_start(struct cloud *c, const struct account_order *o, const struct account_wait *w);
/* done is not called any more; the request goes on. */
void account_forget(struct account_request *r);
uint64_t account_id(const struct account_request *r);
/* A later request in place of an earlier one, under whose id somebody waits. */
void account_rename(struct account_request *r, uint64_t id);
/* Forgets the request of that id; unknown ids are fine. For carrier_ops. */
void account_cancel(struct carrier *carrier, uint64_t id);
void account_drop_all(struct cloud *c);
/* A member of a reply's object; unescaped into scratch where that is needed. Empty when absent or no string. */
struct str account_text(struct json_val doc, const char *key, struct buf *scratch);

#endif
