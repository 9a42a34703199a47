/*
 * A gateway of a few lines for the tests of the phone: HTTP and WebSocket on an ephemeral port, every message kept as
 * text, behaviour by callbacks. One loop, many connections; real sockets.
 */
#ifndef TESTS_PEER_PHONE_FIXTURE_H
#define TESTS_PEER_PHONE_FIXTURE_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "peer/phone/phone.h"
#include "peer/phone/phone_stream.h"
#include "wire/twilio.h"

#define FIX_LINES  2000
#define FIX_SOCKS  32
#define FIX_PHONES 32

struct fix;

/* One media socket as the gateway sees it. */
struct fix_sock {
    struct fix *fix;
    struct ws *ws;
    char path[64];
    char stream_sid[40];
    char *lines[FIX_LINES]; /* as received */
    size_t n_lines;
    uint32_t n_media;
    uint16_t close_code;
    bool closed;
    uint64_t opened_us;
    uint64_t at_us[FIX_LINES];
};

struct fix_behaviour {
    void (*on_open)(struct fix_sock *s);
    void (*on_message)(struct fix_sock *s, const struct twilio_msg *msg);
    /* NULL: every upgrade is accepted, every other request is answered with 404. True when it answered. */
    bool (*on_request)(struct fix *f, struct http_exchange *x, const struct http_request *req);
};

struct fix_call {
    struct fix *fix;
    struct phone *phone;
    bool closed;
    struct phone_report report; /* what matters, copied; pointers are not */
    struct phone_turn turns[8];
    size_t n_turns;
    char *json;
    uint32_t n_clear, n_mark, n_agent_begin;
};

struct fix {
    struct loop *loop;
    struct http_server *server;
    const struct fix_behaviour *b;
    struct fix_sock socks[FIX_SOCKS];
    size_t n_socks;
    struct fix_call calls[FIX_PHONES];
    size_t n_calls, n_open;
    struct buf requests; /* "METHOD target\nheaders of interest\nbody\n\n" */
    struct timer *guard;
    struct http_exchange *held; /* a request that gets no answer before the end; NULL: none */
    char base[40];              /* "127.0.0.1:port" */
    void (*on_event)(struct fix_call *c, const struct phone_event *ev);
};

/* The phone may have hung up meanwhile; any other failure is one of the test. */
static inline void fix_end(struct fix_sock *s)
{
    int err = ws_end(s->ws);
    assert_true(err == 0 || err == -ERR_CLOSED);
}

static inline void fix_send(struct fix_sock *s, const char *text)
{
    int err = ws_send_text(s->ws, str_from(text));
    assert_true(err == 0 || err == -ERR_CLOSED);
}

static inline void fix_send_media(struct fix_sock *s, const uint8_t *mulaw, size_t n)
{
    struct buf *out = ws_begin(s->ws);
    twilio_put_media(out, str_from(s->stream_sid), span_from(mulaw, n));
    fix_end(s);
}

static inline void fix_send_mark(struct fix_sock *s, const char *name)
{
    struct buf *out = ws_begin(s->ws);
    twilio_put_mark(out, str_from(s->stream_sid), str_from(name));
    fix_end(s);
}

static inline void fix_send_clear(struct fix_sock *s)
{
    struct buf *out = ws_begin(s->ws);
    twilio_put_clear(out, str_from(s->stream_sid));
    fix_end(s);
}

/* n_ms of a loud square wave in mu-law, one static block. */
static inline const uint8_t *fix_tone(void)
{
    static uint8_t tone[80000];
    for (size_t i = 0; i < sizeof(tone); i++) {
        tone[i] = i / 10 % 2 ? 0x20 : 0xA0;
    }
    return tone;
}

static void fix_on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct fix_sock *s = arg;
    assert_true(s->n_lines < FIX_LINES);
    s->at_us[s->n_lines] = clock_now_us();
    s->lines[s->n_lines++] = str_dup(text);
    struct buf scratch;
    struct twilio_msg msg;
    const char *field = NULL;
    buf_init(&scratch, 1 << 20);
    assert_ok(twilio_decode(text, &scratch, &msg, &field));
    if (msg.event == TWILIO_START) {
        assert_ok(str_copy(s->stream_sid, sizeof(s->stream_sid), msg.stream_sid));
    }
    s->n_media += msg.event == TWILIO_MEDIA;
    if (s->fix->b->on_message) {
        s->fix->b->on_message(s, &msg);
    }
    buf_done(&scratch);
}

static void fix_on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct fix_sock *s = arg;
    s->ws = NULL;
    s->closed = true;
    s->close_code = why->code;
}

static const struct ws_handler fix_ws_handler = {.on_text = fix_on_text, .on_closed = fix_on_closed};

static void fix_keep_request(struct fix *f, const struct http_request *req)
{
    buf_printf(&f->requests, STR_FMT " " STR_FMT "\n", STR_ARG(req->method), STR_ARG(req->target));
    static const char *const names[] = {
        "user-agent", "content-type",           "x-twilio-signature",      "i-twilio-idempotency-token",
        "origin",     "sec-websocket-protocol", "sec-websocket-extensions"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str v = http_header(req, names[i]);
        if (v.p) {
            buf_printf(&f->requests, "%s: " STR_FMT "\n", names[i], STR_ARG(v));
        }
    }
    buf_put(&f->requests, req->body.p, req->body.n);
    buf_puts(&f->requests, "\n\n");
}

static void fix_on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct fix *f = arg;
    fix_keep_request(f, req);
    if (f->b->on_request && f->b->on_request(f, x, req)) {
        return;
    }
    if (!req->wants_upgrade) {
        http_respond(x, 404, STR("text/plain"), STR_NULL, span_from("no", 2));
        return;
    }
    assert_true(f->n_socks < FIX_SOCKS);
    struct fix_sock *s = &f->socks[f->n_socks++];
    s->fix = f;
    s->opened_us = clock_now_us();
    assert_ok(str_copy(s->path, sizeof(s->path), req->path));
    static const struct ws_opts opts;
    assert_ok(http_upgrade(x, STR_NULL, &opts, &fix_ws_handler, s, &s->ws));
    if (f->b->on_open) {
        f->b->on_open(s);
    }
}

static const struct http_server_handler fix_http_handler = {.on_request = fix_on_request};

static void fix_guard(void *arg)
{
    (void)arg;
    fail_msg("the calls did not end in time");
}

static inline void fix_init(struct fix *f, const struct fix_behaviour *b)
{
    memset(f, 0, sizeof(*f));
    f->b = b;
    buf_init(&f->requests, 1 << 20);
    assert_ok(loop_new(&f->loop));
    struct http_server_opts opts = {.host = "127.0.0.1"};
    assert_ok(http_server_open(f->loop, &opts, &fix_http_handler, f, &f->server));
    ignore_result(snprintf(f->base, sizeof(f->base), "127.0.0.1:%u", http_server_port(f->server)) < 0);
    assert_ok(timer_new(f->loop, fix_guard, f, &f->guard));
}

static inline void fix_done(struct fix *f)
{
    timer_free(f->guard);
    if (f->held) { /* who asked is gone: it is only given back */
        http_respond(f->held, 503, STR_NULL, STR_NULL, (struct span){0});
    }
    http_server_free(f->server);
    loop_free(f->loop);
    for (size_t i = 0; i < f->n_socks; i++) {
        for (size_t k = 0; k < f->socks[i].n_lines; k++) {
            free(f->socks[i].lines[k]);
        }
    }
    for (size_t i = 0; i < f->n_calls; i++) {
        free(f->calls[i].json);
    }
    buf_done(&f->requests);
}

static void fix_phone_event(struct phone *p UNUSED, const struct phone_event *ev, void *arg)
{
    struct fix_call *c = arg;
    c->n_clear += ev->kind == PHONE_EVENT_CLEAR;
    c->n_mark += ev->kind == PHONE_EVENT_MARK;
    c->n_agent_begin += ev->kind == PHONE_EVENT_AGENT_BEGIN;
    if (c->fix->on_event) {
        c->fix->on_event(c, ev);
    }
}

static void fix_phone_closed(struct phone *p UNUSED, const struct phone_report *r, void *arg)
{
    struct fix_call *c = arg;
    struct buf out;
    assert_false(c->closed);
    c->closed = true;
    c->phone = NULL;
    c->report = *r;
    c->n_turns = MIN(r->turns.n_turns, ARRAY_LEN(c->turns));
    for (size_t i = 0; i < c->n_turns; i++) {
        c->turns[i] = r->turns.turns[i];
    }
    buf_init(&out, 1 << 20);
    phone_report_json(r, NULL, 0, STR_NULL, &out);
    assert_int_equal(out.err, 0);
    c->json = str_dup(buf_str(&out));
    buf_done(&out);
    if (--c->fix->n_open == 0) {
        loop_stop(c->fix->loop);
    }
}

static const struct phone_handler fix_phone_handler = {.on_event = fix_phone_event, .on_closed = fix_phone_closed};

static inline struct fix_call *fix_call(struct fix *f, const struct phone_opts *opts)
{
    assert_true(f->n_calls < FIX_PHONES);
    struct fix_call *c = &f->calls[f->n_calls++];
    c->fix = f;
    assert_ok(phone_open(f->loop, opts, &fix_phone_handler, c, &c->phone));
    f->n_open++;
    return c;
}

/* Runs until every call has ended; fails after 8 s. */
static inline void fix_run(struct fix *f)
{
    timer_start(f->guard, 8000000, 0);
    loop_run(f->loop);
    timer_stop(f->guard);
    assert_int_equal(f->n_open, 0);
}

static inline struct phone_item fix_say(uint32_t ms, struct phone_when when)
{
    return (struct phone_item){
        .kind = PHONE_SAY, .when = when, .mulaw = span_from(fix_tone(), ms * 8u), .label = "tone"};
}

#endif
