#include "dial_bench.h"

#include <stdio.h>

#include "base/err.h"

#define LOOK_US    30000
#define WAIT_LOOKS 3000

static void on_dial(struct exchange *x UNUSED, const struct exchange_call *call, struct exchange_callee *ret, void *arg)
{
    struct dial_bench *b = arg;
    *ret = b->callee;
    snprintf(b->sid, sizeof(b->sid), "%s", call->sid);
    snprintf(b->called, sizeof(b->called), "%s", call->to);
}

static void on_phone_event(struct exchange *x UNUSED, const struct exchange_call *call UNUSED,
                           const struct phone_event *ev, void *arg)
{
    struct dial_bench *b = arg;
    if (ev->kind == PHONE_EVENT_TWIML) {
        buf_put_str(&b->docs, ev->text);
        buf_putc(&b->docs, '\n');
    } else if (ev->kind == PHONE_EVENT_AUDIO) {
        buf_put(&b->heard_audio, ev->audio.p, ev->audio.n);
    }
}

static void on_ended(struct exchange *x UNUSED, const struct exchange_call *call UNUSED, const struct phone_report *r,
                     void *arg)
{
    struct dial_bench *b = arg;
    b->ended++;
    b->answered += r != NULL;
    b->heard = r && r->greeting_ms >= 0;
}

static const struct exchange_handler handler = {
    .on_dial = on_dial, .on_phone_event = on_phone_event, .on_ended = on_ended};

static bool is_plivo(const struct dial_bench *b)
{
    return b->as == &phone_plivo;
}

static const char *account_of(const struct dial_bench *b)
{
    return is_plivo(b) ? "MA0123456789ABCDEFGH" : "AC0123456789abcdef0123456789abcdef";
}

/* The exchange needs the loop, and the gateway needs its port: the rig comes last, on a loop of ours. */
void dial_bench_open_with(struct dial_bench *b, const struct dial_bench_opts *opts)
{
    struct loop *loop = opts->loop;
    *b = (struct dial_bench){.as = opts->as,
                             .callee = {.kind = EXCHANGE_HUMAN, .hangup = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 300}}};
    buf_init(&b->docs, 1u << 20);
    buf_init(&b->heard_audio, 4u << 20);
    if (!loop) {
        assert_ok(loop_new(&loop));
    }
    assert_ok(http_client_new(loop, &b->http));
    const struct exchange_opts o = {.as = b->as,
                                    .variants = opts->variants,
                                    .account_sid = str_from(account_of(b)),
                                    .auth_token = STR(BENCH_TOKEN),
                                    .numbers = STR(BENCH_OURS),
                                    .sign_base = STR(BENCH_PUBLIC),
                                    .http = b->http};
    assert_ok(exchange_open(loop, &o, &handler, b, &b->x));
    snprintf(b->carrier, sizeof(b->carrier),
             "{%s%s: %s, auth_token: \"" BENCH_TOKEN "\", phone_number: \"" BENCH_OURS
             "\", api_base: \"http://127.0.0.1:%u\"}",
             is_plivo(b) ? "configure: false, " : "", is_plivo(b) ? "auth_id" : "account_sid", account_of(b),
             exchange_port(b->x));
    rig_open(&b->r, &(struct rig_opts){.as = b->as,
                                       .loop = loop,
                                       .carrier = b->carrier,
                                       .public_url = BENCH_PUBLIC,
                                       .auth_token = BENCH_TOKEN,
                                       .records = opts->records,
                                       .dialogue = opts->dialogue,
                                       .extra = opts->extra ? opts->extra : ""});
    char base[96];
    snprintf(base, sizeof(base), "http://%s", b->r.base);
    exchange_deliver(b->x, base);
    /* Callers, too, know the public name and reach us where we are. */
    snprintf(b->r.sign_base, sizeof(b->r.sign_base), "%s", BENCH_PUBLIC);
    snprintf(b->r.stream_base, sizeof(b->r.stream_base), "ws://%s", b->r.base);
}

void dial_bench_open(struct dial_bench *b, const struct phone_vendor *as, const char *extra)
{
    dial_bench_open_with(b, &(struct dial_bench_opts){.as = as, .extra = extra});
}

static bool idle(void *arg)
{
    return exchange_idle(((struct dial_bench *)arg)->x);
}

void dial_bench_close(struct dial_bench *b)
{
    assert_string_equal(dial_bench_stats(b).problem, "");
    exchange_stop(b->x);
    wait_until(b->r.loop, idle, b);
    b->x = exchange_free(b->x);
    http_client_free(b->http);
    buf_done(&b->last.body);
    buf_done(&b->docs);
    buf_done(&b->heard_audio);
    rig_close(&b->r, false);
}

struct rig_reply dial_bench_ask(struct dial_bench *b, const char *body, const char *headers)
{
    char all[256];
    snprintf(all, sizeof(all), "Content-Type: application/json\r\n%s", headers);
    return rig_http(&b->r, "POST", "/v1/calls", all, body);
}

void dial_bench_dial(struct dial_bench *b, const char *more)
{
    char body[2048];
    snprintf(body, sizeof(body), "{\"to\": \"" BENCH_CALLED "\"%s}", more);
    buf_clear(&b->docs);
    buf_clear(&b->heard_audio);
    struct rig_reply reply = dial_bench_ask(b, body, "");
    if (reply.status != 201) {
        fail_msg("%d " STR_FMT, reply.status, STR_ARG(buf_str(&reply.body)));
    }
    assert_ok(str_copy(b->call_id, sizeof(b->call_id), rig_json(&reply, "call_id")));
    buf_done(&reply.body);
}

static bool is_told(const struct rig_reply *reply, const char *path)
{
    struct str v = rig_json(reply, path);
    return v.n > 0 && !str_is(v, "null");
}

static void on_pause(void *arg)
{
    *(bool *)arg = true;
}

static bool is_set(void *arg)
{
    return *(bool *)arg;
}

bool dial_bench_look(struct dial_bench *b, bool (*is_there)(void *arg), void *arg)
{
    struct timer *timer = NULL;
    bool over = false;
    assert_ok(timer_new(b->r.loop, on_pause, &over, &timer));
    bool there = is_there(arg);
    for (int i = 0; i < WAIT_LOOKS && !there; i++) {
        over = false;
        timer_start(timer, LOOK_US, 0);
        wait_until(b->r.loop, is_set, &over);
        there = is_there(arg);
    }
    timer_free(timer);
    return there;
}

static void read_record(struct dial_bench *b)
{
    char path[160];
    snprintf(path, sizeof(path), "/v1/calls/%s", b->call_id);
    buf_done(&b->last.body);
    b->last = rig_http(&b->r, "GET", path, "", "");
}

static bool has_outcome(void *arg)
{
    struct dial_bench *b = arg;
    read_record(b);
    return b->last.status == 200 && is_told(&b->last, "dial.outcome") && is_told(&b->last, "ended_at");
}

struct want {
    struct dial_bench *b;
    const char *status;
};

static bool has_status(void *arg)
{
    const struct want *w = arg;
    read_record(w->b);
    return w->b->last.status == 200 && str_is(rig_json(&w->b->last, "status"), w->status);
}

/* When it never comes, what is there instead is told. */
void dial_bench_wait(struct dial_bench *b, const char *outcome, const char *reason)
{
    ignore_result(dial_bench_look(b, has_outcome, b));
    assert_str_is(rig_json(&b->last, "dial.outcome"), outcome);
    assert_str_is(rig_json(&b->last, "outcome"), outcome);
    assert_str_is(rig_json(&b->last, "reason"), reason);
}

void dial_bench_wait_status(struct dial_bench *b, const char *status)
{
    ignore_result(dial_bench_look(b, has_status, &(struct want){b, status}));
    assert_str_is(rig_json(&b->last, "status"), status);
}

struct exchange_stats dial_bench_stats(const struct dial_bench *b)
{
    struct exchange_stats stats;
    exchange_stats(b->x, &stats);
    return stats;
}

struct rig_reply dial_bench_hook(struct dial_bench *b, const char *path, const struct str_pair *form, size_t n,
                                 const char *token)
{
    struct phone_form f = {.n = 0};
    struct buf headers, body, url;
    buf_init(&headers, 4096);
    buf_init(&body, 16384);
    buf_init(&url, 4096);
    for (size_t i = 0; i < n; i++) {
        f.fields[f.n++] = form[i];
    }
    buf_printf(&url, BENCH_PUBLIC "%s", path);
    phone_form_encode(&f, &body);
    buf_puts(&headers, "Content-Type: application/x-www-form-urlencoded\r\n");
    assert_ok(b->as->put_signature(&headers, &(struct phone_claim){str_from(token), buf_str(&url), &f}));
    struct rig_reply reply = rig_http(&b->r, "POST", path, buf_cstr(&headers), buf_cstr(&body));
    buf_done(&headers);
    buf_done(&body);
    buf_done(&url);
    return reply;
}

bool dial_bench_was_told(const struct dial_bench *b, const char *text)
{
    return str_search(buf_str(&b->docs), str_from(text)) != SIZE_MAX;
}

void dial_bench_metric(struct dial_bench *b, const char *line)
{
    struct rig_reply reply = rig_http(&b->r, "GET", "/metrics", NULL, NULL);
    assert_has(buf_str(&reply.body), line);
    buf_done(&reply.body);
}
