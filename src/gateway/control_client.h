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
    const char *url;     /* "http://host:port"; NULL: server.listen of the configuration, on this machine */
    const char *token;   /* NULL: the first of server.tokens */
    const char *ca_file; /* for url; NULL: the system's */
    const char *method;
    const char *path; /* "/v1/approvals" */
    struct str body;  /* JSON; empty: none */
};

/*
 * The answer's body goes to out. Returns the HTTP status; negative when there was none, with a sentence in ret_err.
 * -ERR_CONFIG: the configuration cannot be read.
 */
MUST_USE int control_ask(const struct control_request *r, struct buf *out, struct buf *ret_err);

/*
 * A gateway of this configuration, seen from this machine: url "http://127.0.0.1:8000"; with TLS under the name of
 * server.public_url, which the certificate is for, and that one is trusted, who ever signed it. port: 0: the configured
 * one. Lends from cfg.
 */
struct control_address {
    char url[512];
    char connect_to[300]; /* for http_call_opts */
    const char *ca_file;  /* likewise */
    const char *headers;  /* lines to be sent besides */
};
MUST_USE int control_own_address(const struct config *cfg, uint16_t port, struct control_address *ret);

#endif
