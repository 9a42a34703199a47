/* What programs are told of a call that we make, in its order, and what each event holds; over both carriers. */
#include <stdio.h>

#include "base/err.h"
#include "dial_bench.h"
#include "net/http_server.h"

#define EVENTS_MAX 16

struct fixture {
    struct dial_bench b;
    struct http_server *server;
    struct buf events[EVENTS_MAX]; /* bodies */
    uint32_t n;
};

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    assert_true(f->n < EVENTS_MAX);
    buf_init(&f->events[f->n], 1u << 20);
    buf_put(&f->events[f->n++], req->body.p, req->body.n);
    http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
}

static const struct http_server_handler endpoint = {.on_request = on_request};

static struct str member(const struct fixture *f, uint32_t i, const char *path)
{
    struct json_val doc;
    assert_ok(json_parse(buf_str(&f->events[i]), &doc));
    return json_path(doc, path).s;
}

static bool is_reported(void *arg)
{
    struct fixture *f = arg;
    return f->n > 0 && str_is(member(f, f->n - 1, "type"), "call.report");
}

/* The media socket tells the end, and a callback of the carrier the outcome: either may be first. */
static void put_end_first(struct fixture *f)
{
    for (uint32_t i = 1; i < f->n; i++) {
        if (str_is(member(f, i, "type"), "call.ended") && str_is(member(f, i - 1, "type"), "call.outcome")) {
            struct buf end = f->events[i];
            f->events[i] = f->events[i - 1];
            f->events[i - 1] = end;
        }
    }
}

/* Their types, joined by blanks. */
static void assert_told(struct fixture *f, const char *types)
{
    char told[512] = "";
    wait_until(f->b.r.loop, is_reported, f);
    put_end_first(f);
    for (uint32_t i = 0; i < f->n; i++) {
        size_t at = strlen(told);
        snprintf(told + at, sizeof(told) - at, "%s" STR_FMT, i ? " " : "", STR_ARG(member(f, i, "type")));
    }
    assert_string_equal(told, types);
}

static void set_up(struct fixture *f, const struct phone_vendor *as)
{
    struct loop *loop = NULL;
    char extra[256];
    *f = (struct fixture){0};
    assert_ok(loop_new(&loop));
    const struct http_server_opts o = {.host = "127.0.0.1"};
    assert_ok(http_server_open(loop, &o, &endpoint, f, &f->server));
    snprintf(extra, sizeof(extra), "webhooks: {urls: [\"http://127.0.0.1:%u/\"], secret: whsec_0123456789}\n",
             http_server_port(f->server));
    dial_bench_open_with(&f->b, &(struct dial_bench_opts){.as = as, .extra = extra, .loop = loop});
}

static void tear_down(struct fixture *f)
{
    f->server = http_server_free(f->server);
    dial_bench_close(&f->b);
    for (uint32_t i = 0; i < f->n; i++) {
        buf_done(&f->events[i]);
    }
}

static const struct phone_vendor *const vendors[] = {&phone_twilio, &phone_plivo};

TEST(a_call_with_a_question_is_told_step_by_step)
{
    for (size_t v = 0; v < ARRAY_LEN(vendors); v++) {
        struct fixture f;
        set_up(&f, vendors[v]);
        f.b.callee.keys = STR("1");
        f.b.callee.ring_ms = 100;
        dial_bench_dial(&f.b, ", \"campaign_id\": \"spring\", \"consent\": {\"prompt\": \"Press 1.\"}");
        dial_bench_wait(&f.b, "answered", "caller-hangup");
        assert_told(&f, "call.started call.dialled call.ringing call.consent call.answered call.ended call.outcome "
                        "call.report");
        for (uint32_t i = 0; i < f.n; i++) {
            assert_str_is(member(&f, i, "call_id"), f.b.call_id);
            if (i + 1 < f.n) { /* the report is the record, which has its own test */
                assert_str_is(member(&f, i, "data.from"), BENCH_OURS);
                assert_str_is(member(&f, i, "data.to"), BENCH_CALLED);
            }
        }
        assert_str_is(member(&f, 1, "data.campaign_id"), "spring");
        assert_str_is(member(&f, 3, "data.consent"), "accepted");
        assert_str_is(member(&f, 5, "data.reason"), "caller-hangup");
        assert_str_is(member(&f, 5, "data.direction"), "outbound");
        assert_str_is(member(&f, 5, "data.carrier"), vendors[v]->name);
        assert_true(member(&f, 5, "data.carrier_call_id").n > 0);
        assert_str_is(member(&f, 6, "data.outcome"), "answered");
        assert_str_is(member(&f, 7, "data.dial.outcome"), "answered");
        tear_down(&f);
    }
}

TEST(a_call_that_nobody_takes_has_no_steps_that_did_not_happen)
{
    struct fixture f;
    set_up(&f, &phone_twilio);
    f.b.callee.kind = EXCHANGE_BUSY;
    dial_bench_dial(&f.b, "");
    dial_bench_wait(&f.b, "busy", "busy");
    wait_until(f.b.r.loop, is_reported, &f);
    assert_str_is(member(&f, 0, "type"), "call.started");
    assert_str_is(member(&f, f.n - 1, "data.reason"), "busy");
    for (uint32_t i = 0; i < f.n; i++) {
        assert_false(str_is(member(&f, i, "type"), "call.answered"));
        assert_false(str_is(member(&f, i, "type"), "call.consent"));
    }
    tear_down(&f);
}

TEST_MAIN(T(a_call_with_a_question_is_told_step_by_step), T(a_call_that_nobody_takes_has_no_steps_that_did_not_happen))
