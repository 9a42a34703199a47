/*
 * A tool that is somebody's HTTP endpoint: the arguments of the model become a request, the answer becomes the text
 * for the model. Everything that can go wrong becomes {"error": "..."} in words that the model can use, never a page
 * of HTML. Loop thread only, nothing blocks; answers over 32 kB are parsed in the job pool.
 *
 * At most two tries, both within the timeout: the second only when the first got no answer or 502, 503 or 504, and
 * only for GET and PUT, or where the options allow it. Redirects are not followed. Peers are always verified.
 */
#ifndef TOOLS_WEBHOOK_WEBHOOK_H
#define TOOLS_WEBHOOK_WEBHOOK_H

#include "base/json_doc.h"
#include "net/http_client.h"
#include "tools/webhook/webhook_opts.h"

struct webhook;

/* What the templates may name. Lent until webhook_run returns. */
struct webhook_call {
    struct str call_id;
    struct str tool_call_id;
    struct str caller;
    struct str called;
    struct str agent;
    struct str traceparent, tracestate; /* headers that say to which trace the request belongs; empty: none */
    const struct json_doc *arguments;   /* an object */
};

enum webhook_outcome { WEBHOOK_OK, WEBHOOK_ERROR, WEBHOOK_TIMEOUT, WEBHOOK_CANCELLED, WEBHOOK_OUTCOME_N };
const char *webhook_outcome_word(enum webhook_outcome outcome);

struct webhook_result {
    enum webhook_outcome outcome;
    struct str output; /* for the model; lent until the handler returns; empty when cancelled */
    int err;           /* of the connection, for the log */
    int status;        /* 0: no answer */
    uint32_t tries;
};
typedef void (*webhook_done_fn)(const struct webhook_result *result, void *arg);

/*
 * done is called once, from the loop, never before this returns. http outlives the webhook. On failure done is never
 * called and refusal, when it is not empty, says why in JSON for the model: -ERR_RANGE for arguments that cannot be
 * sent; -ERR_TOO_BIG; -EINVAL for an address that is none; -ENOMEM.
 */
MUST_USE int webhook_run(struct loop *loop, struct http_client *http, const struct webhook_opts *opts,
                         const struct webhook_call *call, struct buf *refusal, webhook_done_fn done, void *arg,
                         struct webhook **ret);
/* Ends the request; done is called with WEBHOOK_CANCELLED from a later loop pass. */
void webhook_cancel(struct webhook *w);

#endif
