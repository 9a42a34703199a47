/* What http_server.c (listener, life) and http_conn.c (one connection) share; private to src/net. */
#ifndef NET_HTTP_IMPL_H
#define NET_HTTP_IMPL_H

#include <http_parser.h>

#include "net/http_server.h"
#include "net/loop_impl.h"
#include "net/stream.h"
#include "net/ws_impl.h"

enum { HTTP_HEADERS_MAX = 96, HTTP_AHEAD_BYTES = 64 * 1024, HTTP_LINGER_MS = 2000 };

struct http_server {
    uv_tcp_t tcp;
    struct loop *loop;
    struct http_server_opts opts; /* defaults filled in */
    const struct http_server_handler *handler;
    void *arg;
    struct list conns;
    uint16_t port;
    bool listener_open, freed;
    struct http_server_stats stats;
};

struct http_field {
    uint32_t name_at, name_n, value_at, value_n; /* in http_conn.text */
};

struct http_conn {
    struct list link;
    struct http_server *server;
    struct stream *stream; /* NULL: doomed, freed when the last of our functions on the stack returns */
    struct timer *timer;
    http_parser parser;
    struct buf text; /* target, then names and values of the header fields */
    uint32_t target_n, fields_n;
    struct http_field fields[HTTP_HEADERS_MAX];
    bool in_value;        /* the parser's last piece belonged to a value */
    bool begun, complete; /* of the current request: a byte has come; all has come */
    bool eof;
    int fail_status; /* answer of a request that a parser callback refused */
    struct buf body;
    struct buf ahead;     /* bytes behind the request that is being answered */
    struct ws_input rest; /* the same while they still lie in the receive buffer */
    struct http_exchange *exchange;
    struct loop_task resume;
    uint32_t depth;
};

struct http_exchange {
    struct http_conn *conn; /* NULL: the peer has gone */
    bool head, keep_alive, http_1_0, wants_upgrade;
    char accept[WS_ACCEPT_TEXT + 1];
    bool streams;
    http_gone_fn gone;
    void *gone_arg;
};

/* Takes the stream; closes it on failure. */
void http_conn_start(struct http_server *server, struct stream *stream);
/* Without an answer. Legal in the connection's handler. */
void http_conn_close(struct http_conn *c);

#endif
