/*
 * Asks a gateway that runs, over its HTTP API, as the command line does: address and token come from the gateway's own
 * configuration unless they are given. Blocking, with a loop of its own.
 */
#ifndef GATEWAY_CONTROL_CLIENT_H
#define GATEWAY_CONTROL_CLIENT_H

#include "base/buf.h"
#include "config/config.h"

struct control_request {
    struct config_source source;
    const char *url;   /* "http://host:port"; NULL: server.listen of the configuration, on this machine */
    const char *token; /* NULL: the first of server.tokens */
    const char *method;
    const char *path; /* "/v1/approvals" */
    struct str body;  /* JSON; empty: none */
};

/*
 * The answer's body goes to out. Returns the HTTP status; negative when there was none, or the configuration cannot be
 * read, with a sentence in ret_err.
 */
MUST_USE int control_ask(const struct control_request *r, struct buf *out, struct buf *ret_err);

/* "http://127.0.0.1:8000": where a gateway of this configuration listens, seen from this machine. */
void control_own_address(const struct config *cfg, struct buf *url);

#endif
