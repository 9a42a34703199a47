/* The request of a webhook tool: options and a call become an address, header lines and a body. Pure. */
#ifndef TOOLS_WEBHOOK_REQUEST_H
#define TOOLS_WEBHOOK_REQUEST_H

#include "tools/webhook/webhook.h"

struct webhook_request {
    struct buf url, headers, body;
};

/* Always initialises ret; free by webhook_request_done. Failures as of webhook_run. */
MUST_USE int webhook_request_write(const struct webhook_opts *o, const struct webhook_call *c, int64_t unix_s,
                                   struct webhook_request *ret, struct buf *refusal);
void webhook_request_done(struct webhook_request *r);
const char *webhook_method_name(enum webhook_method method);
/* {"error": "..."} */
void webhook_put_error(struct buf *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
