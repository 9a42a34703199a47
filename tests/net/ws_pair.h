/*
 * Two WebSocket ends on one loop over real sockets, plain or TLS. Each end keeps what it heard as text and may be
 * told to act in one of its handlers.
 */
#ifndef TESTS_NET_WS_PAIR_H
#define TESTS_NET_WS_PAIR_H

#include "net_test.h"

#include <stdio.h>

#include "net/http_server.h"
#include "net/ws.h"

enum { WS_END_TEXT_MAX = 64 };

struct ws_end;
typedef void (*ws_end_fn)(struct ws_end *e);

struct ws_end {
    struct loop *loop;
    struct ws *ws; /* NULL after on_closed */
    struct buf log;
    bool echo, opened, closed;
    uint32_t messages, bytes, pings, stop_after;
    uint64_t sum; /* over all payload bytes */
    struct ws_close why;
    char reason[600];
    ws_end_fn in_open, in_text, in_ping, in_closed;
    bool stop_when_closed;
};

struct ws_pair {
    struct loop *loop;
    struct http_server *server;
    struct ws_end a; /* client */
    struct ws_end b; /* server */
    struct ws_opts b_opts;
    int refuse_status;   /* instead of an upgrade */
    struct str protocol; /* that b selects */
    struct http_exchange *held;
    bool hold;
    const char *host; /* in the URL */
    bool secure;
};

static void end_hear(struct ws_end *e, char kind, struct span data)
{
    e->messages++;
    e->bytes += (uint32_t)data.n;
    for (size_t i = 0; i < data.n; i++) {
        e->sum = e->sum * 31 + data.p[i];
    }
    buf_printf(&e->log, "%c:" STR_FMT " ", kind, (int)MIN(data.n, (size_t)WS_END_TEXT_MAX), (const char *)data.p);
    if (e->stop_after && e->messages == e->stop_after) {
        loop_stop(e->loop);
    }
}

static void end_on_open(struct ws *ws, struct str protocol, void *arg)
{
    struct ws_end *e = arg;
    assert_ptr_equal(ws, e->ws);
    assert_false(e->opened);
    e->opened = true;
    buf_printf(&e->log, "open:" STR_FMT " ", STR_ARG(protocol));
    if (e->in_open) {
        e->in_open(e);
    }
}

static void end_on_text(struct ws *ws, struct str text, void *arg)
{
    struct ws_end *e = arg;
    assert_false(e->closed);
    end_hear(e, 't', span_of_str(text));
    if (e->echo) {
        assert_ok(ws_send_text(ws, text));
    }
    if (e->in_text) {
        e->in_text(e);
    }
}

static void end_on_binary(struct ws *ws, struct span data, void *arg)
{
    struct ws_end *e = arg;
    end_hear(e, 'b', data);
    if (e->echo) {
        assert_ok(ws_send_binary(ws, data));
    }
}

static void end_on_ping(struct ws *ws, struct span data, void *arg)
{
    (void)ws;
    struct ws_end *e = arg;
    e->pings++;
    buf_printf(&e->log, "ping:" STR_FMT " ", (int)data.n, (const char *)data.p);
    if (e->in_ping) {
        e->in_ping(e);
    }
}

static void end_on_closed(struct ws *ws, const struct ws_close *why, void *arg)
{
    struct ws_end *e = arg;
    assert_ptr_equal(ws, e->ws);
    assert_false(e->closed);
    e->closed = true;
    e->why = *why;
    assert_ok(str_copy(e->reason, sizeof(e->reason), why->reason));
    if (e->in_closed) {
        e->in_closed(e);
    }
    e->ws = NULL;
    if (e->stop_when_closed) {
        loop_stop(e->loop);
    }
}

static const struct ws_handler end_handler = {.on_open = end_on_open,
                                              .on_text = end_on_text,
                                              .on_binary = end_on_binary,
                                              .on_closed = end_on_closed,
                                              .on_ping = end_on_ping};

static void end_init(struct ws_end *e, struct loop *loop)
{
    *e = (struct ws_end){.loop = loop};
    buf_init(&e->log, 16 * 1024 * 1024);
}

static void pair_upgrade(struct ws_pair *p, struct http_exchange *x)
{
    assert_ok(http_upgrade(x, p->protocol, &p->b_opts, &end_handler, &p->b, &p->b.ws));
}

static void pair_on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct ws_pair *p = arg;
    if (p->refuse_status) {
        assert_true(req->wants_upgrade);
        http_respond(x, p->refuse_status, STR("application/json"), STR_NULL, span_of_str(STR("{\"error\":\"no\"}")));
    } else if (!req->wants_upgrade) {
        http_respond(x, 426, STR_NULL, STR_NULL, (struct span){0});
    } else if (p->hold) {
        p->held = x;
        loop_stop(p->loop);
    } else {
        pair_upgrade(p, x);
    }
}

static const struct http_server_handler pair_http = {.on_request = pair_on_request};

static UNUSED void pair_new(struct ws_pair *p, struct tls_ctx *server_tls)
{
    *p = (struct ws_pair){.host = "127.0.0.1", .secure = server_tls != NULL};
    assert_ok(loop_new(&p->loop));
    end_init(&p->a, p->loop);
    end_init(&p->b, p->loop);
    struct http_server_opts opts = {.host = "127.0.0.1", .tls = server_tls};
    assert_ok(http_server_open(p->loop, &opts, &pair_http, p, &p->server));
}

static UNUSED void pair_done(struct ws_pair *p)
{
    http_server_free(p->server);
    loop_free(p->loop);
    assert_null(p->a.ws);
    assert_null(p->b.ws);
    buf_done(&p->a.log);
    buf_done(&p->b.log);
}

static UNUSED void pair_connect(struct ws_pair *p, const struct ws_client_opts *more)
{
    char url[300];
    struct ws_client_opts opts = more ? *more : (struct ws_client_opts){0};
    snprintf(url, sizeof(url), "%s://%s:%u/x?y=1", p->secure ? "wss" : "ws", p->host, http_server_port(p->server));
    opts.url = str_from(url);
    assert_ok(ws_connect(p->loop, &opts, &end_handler, &p->a, &p->a.ws));
    assert_false(p->a.opened); /* nothing is called before it returns */
}

static void end_stop(struct ws_end *e)
{
    loop_stop(e->loop);
}

/* Connected on both sides. */
static UNUSED void pair_open(struct ws_pair *p, const struct ws_client_opts *more)
{
    p->a.in_open = end_stop;
    pair_connect(p, more);
    run_loop(p->loop);
    assert_true(p->a.opened);
    assert_non_null(p->b.ws);
    p->a.in_open = NULL;
}

static UNUSED void pair_run_until_both_closed(struct ws_pair *p)
{
    for (int i = 0; i < 2 && (p->a.ws || p->b.ws); i++) {
        p->a.stop_when_closed = p->a.ws != NULL;
        p->b.stop_when_closed = p->b.ws != NULL;
        run_loop(p->loop);
    }
    assert_true(p->a.closed && p->b.closed);
}

static UNUSED void close_ws(struct ws_end *e)
{
    ws_close(e->ws, 1000, STR("enough"));
}

static UNUSED void abort_ws(struct ws_end *e)
{
    ws_abort(e->ws, -ERR_STATE);
}

static UNUSED void put(struct ws *ws, const char *text)
{
    buf_puts(ws_begin(ws), text);
    assert_ok(ws_end(ws));
}

/* Connects to a port and runs until it has failed. */
static UNUSED void connect_in_vain(const char *host, uint16_t port, uint32_t deadline_ms, struct ws_end *e)
{
    struct loop *loop;
    char url[100];
    snprintf(url, sizeof(url), "ws://%s:%u", host, port);
    assert_ok(loop_new(&loop));
    end_init(e, loop);
    e->stop_when_closed = true;
    struct ws_client_opts opts = {.url = str_from(url), .connect_deadline_ms = deadline_ms};
    assert_ok(ws_connect(loop, &opts, &end_handler, e, &e->ws));
    run_loop(loop);
    assert_true(e->closed);
    assert_false(e->opened);
    loop_free(loop);
    buf_done(&e->log);
}

#endif
