/* The answer of a webhook's endpoint: what of it the model is given. Pure; any thread. */
#ifndef TOOLS_WEBHOOK_ANSWER_H
#define TOOLS_WEBHOOK_ANSWER_H

#include "base/buf.h"

struct webhook_answer {
    int status;
    struct str content_type;
    struct str body;
};

/* response: the path, empty: all of it. Appends to out and returns true; false: out holds {"error": "..."}. */
bool webhook_answer_write(const struct webhook_answer *a, struct str response, struct buf *out);
/* The same for a request that got no answer. */
void webhook_failure_write(int err, struct buf *out);

#endif
