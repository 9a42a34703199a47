/*
 * HTTP/1.1 server (http-parser) with WebSocket upgrade. Loop thread only.
 * Every request is answered exactly once, now or later, by http_respond, http_stream_begin or http_upgrade;
 * http_exchange stays valid until then, also when the peer has gone (the answer is then dropped).
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "net/loop.h"
#include "net/tls.h"
#include "net/ws.h"

struct http_server;
struct http_exchange;

struct http_request {
    struct str method; /* "GET" */
    struct str target; /* as received: path?query */
    struct str path;
    struct str query; /* without '?' */
    struct span body;
    struct str peer; /* "127.0.0.1:4711" */
    bool tls;
    bool wants_upgrade; /* a well-formed WebSocket upgrade request */
    const struct http_exchange *exchange;
};

/* Value of a header, case-insensitive name; empty when absent (p is NULL). The first one when repeated. */
struct str http_header(const struct http_request *req, const char *name);

struct http_server_handler {
    /* req is lent until return; copy what a later answer needs. */
    void (*on_request)(struct http_exchange *x, const struct http_request *req, void *arg);
};

struct http_server_opts {
    const char *host;            /* "0.0.0.0", "::", "127.0.0.1" */
    uint16_t port;               /* 0: any free one, see http_server_port */
    struct tls_ctx *tls;         /* NULL: plain; kept (referenced) */
    uint32_t max_header_bytes;   /* 0: 32 kB */
    uint32_t max_body_bytes;     /* 0: 1 MiB; over it 413 */
    uint32_t max_connections;    /* 0: 4096; over it the connection is closed at once, counted */
    uint32_t header_deadline_ms; /* 0: 10 s from the first byte (or from accept) to the end of the request, else 408 */
    uint32_t idle_deadline_ms;   /* 0: 60 s keep-alive */
    bool reuse_port;             /* several loops listen on the same port (SO_REUSEPORT) */
};

MUST_USE int http_server_open(struct loop *loop, const struct http_server_opts *opts,
                              const struct http_server_handler *h, void *arg, struct http_server **ret);
uint16_t http_server_port(const struct http_server *s);
/* New connections use tls from now on (certificate reload). keeps */
void http_server_set_tls(struct http_server *s, struct tls_ctx *tls);
/* Stops listening; established connections and upgraded sockets live on. */
void http_server_stop_listening(struct http_server *s);
/* Closes all plain HTTP connections and frees; upgraded WebSockets are not touched. NULL is fine. Legal in on_request;
 * before loop_free. */
struct http_server *http_server_free(struct http_server *s);

struct http_server_stats {
    uint32_t connections; /* now */
    uint64_t accepted, refused, requests, bad_requests;
};
void http_server_stats(const struct http_server *s, struct http_server_stats *ret);

/* headers: extra lines each ended by \r\n, may be empty. Content-Length, Date-free; Connection as the client asked. */
void http_respond(struct http_exchange *x, int status, struct str content_type, struct str headers, struct span body);
/*
 * An answer without a known end, as for server-sent events: head now, pieces as they come, ended by us or the peer. It
 * is the last one of its connection. x lives until http_stream_end, which is owed also after gone was called: the peer
 * has left, or the server is freed; nothing can be written then. gone is called from the loop or by http_server_free.
 * -ERR_CLOSED, -ENOMEM: x is gone, gone is not called.
 */
typedef void (*http_gone_fn)(struct http_exchange *x, void *arg);
MUST_USE int http_stream_begin(struct http_exchange *x, int status, struct str content_type, struct str headers,
                               http_gone_fn gone, void *arg);
/* -ERR_CLOSED when the peer has gone. What the peer does not take waits in memory: see http_stream_queued. */
MUST_USE int http_stream_write(struct http_exchange *x, struct span data);
size_t http_stream_queued(const struct http_exchange *x);
/* What waits is still sent. */
void http_stream_end(struct http_exchange *x);
/*
 * Answers 101 and turns the connection into a WebSocket (server role). protocol: the subprotocol to select or empty.
 * -ERR_STATE when the request was no upgrade (answer it by http_respond then); -ERR_CLOSED when the peer has gone.
 * After any other result than -ERR_STATE x is gone. The server itself answers a WebSocket request of another version
 * (426) or with a bad key (400).
 */
MUST_USE int http_upgrade(struct http_exchange *x, struct str protocol, const struct ws_opts *opts,
                          const struct ws_handler *h, void *arg, struct ws **ret);

#endif
