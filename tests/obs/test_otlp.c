/* The exporter against a collector of our own: what arrives, what is tried again, what is given up and counted. */
#include <stdio.h>

#include "base/json.h"
#include "net/gzip.h"
#include "net/http_server.h"
#include "net/net_test.h"
#include "obs/otlp.h"
#include "obs/trace_json.h"

#define WALL 1700000000123456u
#define NOW  9000000u

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_client *http;
    struct metrics *metrics;
    struct otlp *otlp;
    struct tracer *tracer;
    struct trace *trace;
    struct http_exchange *held;
    struct buf bodies; /* of all requests, one after the other */
    struct buf heads;
    struct buf error;
    const char
        *script; /* one letter an answer: 2 ok, p partial, 4 bad, 5 overloaded, r Retry-After, h hold; last again */
    uint32_t requests;
    uint32_t stop_at; /* requests, then the loop stops */
    bool idle;
};

static void answer(struct fixture *f, struct http_exchange *x, char how)
{
    struct str type = STR("application/json");
    switch (how) {
    case 'p':
        http_respond(x, 200, type, STR_NULL,
                     span_of_str(STR("{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"too old\"}}")));
        break;
    case '4':
        http_respond(x, 400, type, STR_NULL, span_of_str(STR("{\"message\":\"no\"}")));
        break;
    case '5':
        http_respond(x, 503, type, STR_NULL, (struct span){0});
        break;
    case 'r':
        http_respond(x, 429, type, STR("Retry-After: 1\r\n"), (struct span){0});
        break;
    case 'h':
        f->held = x;
        break;
    default:
        http_respond(x, 200, type, STR_NULL, span_of_str(STR("{\"partialSuccess\":{}}")));
        break;
    }
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    char how = f->script[MIN((size_t)f->requests, strlen(f->script) - 1)];
    f->requests++;
    if (str_is(http_header(req, "Content-Encoding"), "gzip")) {
        assert_ok(gzip_unpack(req->body, &f->bodies));
    } else {
        buf_put(&f->bodies, req->body.p, req->body.n);
    }
    buf_printf(&f->heads, STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT "\n", STR_ARG(req->method),
               STR_ARG(req->target), STR_ARG(http_header(req, "Content-Type")), STR_ARG(http_header(req, "x-api-key")),
               STR_ARG(http_header(req, "Content-Encoding")));
    answer(f, x, how);
    if (f->requests == f->stop_at) {
        loop_stop(f->loop);
    }
}

static const struct http_server_handler collector = {.on_request = on_request};

static void random_ones(void *p, size_t n)
{
    memset(p, 0x11, n);
}

static void on_idle(void *arg)
{
    struct fixture *f = arg;
    f->idle = true;
    loop_stop(f->loop);
}

static struct otlp_opts usual(struct fixture *f, char *url, size_t cap)
{
    assert_true(snprintf(url, cap, "http://127.0.0.1:%u/v1/traces", http_server_port(f->server)) > 0);
    return (struct otlp_opts){.url = str_from(url),
                              .timeout_ms = 3000,
                              .delay_ms = 10,
                              .max_batch = 512,
                              .max_queue = 2048,
                              .service = STR("phone"),
                              .resource = STR("service.name=other, deployment.environment.name=a%20b"),
                              .headers = STR("x-api-key = s%3Dt , other=1"),
                              .retry_ms = 10};
}

static void set_up(struct fixture *f, const char *script, struct otlp_opts *change)
{
    char url[100];
    *f = (struct fixture){.script = script};
    buf_init(&f->bodies, 16 << 20);
    buf_init(&f->heads, 1 << 20);
    buf_init(&f->error, 4096);
    assert_ok(loop_new(&f->loop));
    assert_ok(http_server_open(f->loop, &(struct http_server_opts){.host = "127.0.0.1", .max_body_bytes = 16u << 20},
                               &collector, f, &f->server));
    assert_ok(http_client_new(f->loop, &f->http));
    f->metrics = metrics_new();
    struct otlp_opts o = usual(f, url, sizeof(url));
    if (change) {
        o.delay_ms = change->delay_ms ? change->delay_ms : o.delay_ms;
        o.max_batch = change->max_batch ? change->max_batch : o.max_batch;
        o.max_queue = change->max_queue ? change->max_queue : o.max_queue;
        o.url = change->url.n ? change->url : o.url;
        o.timeout_ms = change->timeout_ms ? change->timeout_ms : o.timeout_ms;
        o.gzip = change->gzip;
    }
    const struct otlp_env env = {.loop = f->loop, .http = f->http, .metrics = f->metrics, .on_idle = on_idle, .arg = f};
    assert_ok(otlp_new(&env, &o, &f->error, &f->otlp));
    assert_ok(tracer_new(&(struct tracer_opts){.random = random_ones}, &f->tracer));
    assert_ok(tracer_add(f->tracer, &otlp_processor, f->otlp));
    assert_ok(
        trace_new(f->tracer, &(struct trace_opts){.group = STR("c1"), .wall_us = WALL, .now_us = NOW}, &f->trace));
}

static void tear_down(struct fixture *f)
{
    trace_free(f->trace, NOW);
    tracer_free(f->tracer);
    otlp_free(f->otlp);
    http_client_free(f->http);
    if (f->held) {
        http_respond(f->held, 200, STR_NULL, STR_NULL, (struct span){0});
    }
    http_server_free(f->server);
    loop_free(f->loop);
    metrics_free(f->metrics);
    buf_done(&f->bodies);
    buf_done(&f->heads);
    buf_done(&f->error);
}

static void one_span(struct fixture *f)
{
    span_end(span_start(f->trace, NULL, TRACE_CUSTOM, TRACE_INTERNAL, STR("x"), NOW), NOW + 5);
}

static void run_until(struct fixture *f, uint32_t requests)
{
    f->stop_at = requests;
    run_loop(f->loop);
}

static int64_t fate(const struct fixture *f, const char *word)
{
    return metrics_value_at(f->metrics, METRIC_TRACE_SPANS, metrics_word(METRIC_TRACE_SPANS, str_from(word)));
}

/* Lets the answers come in. */
static void settle(struct fixture *f)
{
    run_loop_for(f->loop, 30000);
}

TEST(a_span_arrives_as_the_protocol_wants_it)
{
    struct fixture f;
    set_up(&f, "2", NULL);
    struct trace_span *root = span_start(f.trace, NULL, TRACE_CALL, TRACE_SERVER, STR("call"), NOW);
    struct trace_span *tool =
        span_start(f.trace, root, TRACE_TOOL, TRACE_INTERNAL, STR("execute_tool \"a\""), NOW + 10);
    span_str(tool, "gen_ai.tool.name", STR("a"));
    span_int(tool, "big", 9007199254740993);
    span_f64(tool, "half", 0.5);
    span_bool(tool, "yes", true);
    span_strs(tool, "gen_ai.response.finish_reasons", STR("stop"));
    span_event(tool, "moment", NOW + 11, "why", STR("because"));
    span_error(tool, STR("timeout"), STR("too slow"));
    span_end(tool, NOW + 20);
    span_end(root, NOW + 30);
    run_until(&f, 1);
    settle(&f);
    assert_str_is(buf_str(&f.heads), "POST /v1/traces application/json s=t \n");
    assert_str_is(
        buf_str(&f.bodies),
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
        "\"phone\"}},{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" RINGTRIP_VERSION
        "\"}},{\"key\":\"deployment.environment.name\",\"value\":{\"stringValue\":\"a b\"}}]},\"scopeSpans\":[{"
        "\"scope\":{\"name\":\"ringtrip\",\"version\":\"" RINGTRIP_VERSION
        "\"},\"spans\":[{\"traceId\":\"11111111111111111111111111111111\",\"spanId\":\"1111111111111111\","
        "\"parentSpanId\":\"1111111111111111\",\"flags\":257,\"name\":\"execute_tool \\\"a\\\"\",\"kind\":1,"
        "\"startTimeUnixNano\":\"1700000000123466000\",\"endTimeUnixNano\":\"1700000000123476000\",\"attributes\":["
        "{\"key\":\"gen_ai.tool.name\",\"value\":{\"stringValue\":\"a\"}},{\"key\":\"big\",\"value\":{\"intValue\":"
        "\"9007199254740993\"}},{\"key\":\"half\",\"value\":{\"doubleValue\":0.5}},{\"key\":\"yes\",\"value\":{"
        "\"boolValue\":true}},{\"key\":\"gen_ai.response.finish_reasons\",\"value\":{\"arrayValue\":{\"values\":[{"
        "\"stringValue\":\"stop\"}]}}},{\"key\":\"error.type\",\"value\":{\"stringValue\":\"timeout\"}}],\"events\":[{"
        "\"timeUnixNano\":\"1700000000123467000\",\"name\":\"moment\",\"attributes\":[{\"key\":\"why\",\"value\":{"
        "\"stringValue\":\"because\"}}]}],\"status\":{\"code\":2,\"message\":\"too slow\"}},{\"traceId\":"
        "\"11111111111111111111111111111111\",\"spanId\":\"1111111111111111\",\"flags\":257,\"name\":\"call\","
        "\"kind\":2,\"startTimeUnixNano\":\"1700000000123456000\",\"endTimeUnixNano\":\"1700000000123486000\","
        "\"attributes\":[],\"events\":[],\"status\":{}}]}]}]}");
    assert_int_equal(fate(&f, "exported"), 2);
    assert_int_equal(metrics_value(f.metrics, METRIC_TRACE_EXPORT), 1);
    assert_int_equal(otlp_pending(f.otlp), 0);
    tear_down(&f);
}

TEST(the_plain_form_is_an_object)
{
    struct fixture f;
    struct buf out;
    set_up(&f, "2", NULL);
    buf_init(&out, 4096);
    struct trace_span *s = span_start(f.trace, NULL, TRACE_CALL, TRACE_SERVER, STR("call"), NOW);
    trace_put_attrs(&out, s->attrs, s->n_attrs);
    buf_putc(&out, '\n');
    span_own_str(s, STR("odd \"key\""), STR("v"));
    span_int(s, "n", 3);
    span_strs(s, "list", STR("x"));
    span_event(s, "e", NOW, NULL, STR_NULL);
    span_event(s, "f", NOW + 1, "k", STR("v"));
    trace_put_attrs(&out, s->attrs, s->n_attrs);
    buf_putc(&out, '\n');
    trace_put_events(&out, s);
    assert_str_is(buf_str(&out), "{}\n{\"odd \\\"key\\\"\":\"v\",\"n\":3,\"list\":[\"x\"]}\n"
                                 "[{\"name\":\"e\",\"at_us\":1700000000123456},"
                                 "{\"name\":\"f\",\"at_us\":1700000000123457,\"attributes\":{\"k\":\"v\"}}]");
    buf_done(&out);
    tear_down(&f);
}

TEST(spans_travel_together)
{
    struct fixture f;
    set_up(&f, "2", &(struct otlp_opts){.delay_ms = 600000, .max_batch = 3});
    for (int i = 0; i < 7; i++) {
        one_span(&f);
    }
    run_until(&f, 1); /* three are enough for a request, long before the delay is over */
    settle(&f);
    assert_int_equal(f.requests, 2);
    assert_int_equal(otlp_pending(f.otlp), 1);
    assert_int_equal(fate(&f, "exported"), 6);
    otlp_stop(f.otlp);
    run_loop(f.loop);
    assert_true(f.idle);
    assert_int_equal(fate(&f, "exported"), 7);
    tear_down(&f);
}

TEST(packed_bodies_arrive_whole)
{
    struct fixture f;
    set_up(&f, "2", &(struct otlp_opts){.gzip = true});
    for (int i = 0; i < 200; i++) {
        one_span(&f);
    }
    run_until(&f, 1);
    settle(&f);
    assert_str_is(buf_str(&f.heads), "POST /v1/traces application/json s=t gzip\n");
    struct json_val doc;
    assert_ok(json_parse(buf_str(&f.bodies), &doc));
    assert_int_equal(fate(&f, "exported"), 200);
    tear_down(&f);
}

TEST(an_overloaded_collector_is_asked_again)
{
    struct fixture f;
    set_up(&f, "552", NULL);
    one_span(&f);
    run_until(&f, 3);
    settle(&f);
    assert_int_equal(fate(&f, "exported"), 1);
    assert_int_equal(fate(&f, "failed"), 0);
    assert_int_equal(f.requests, 3);
    tear_down(&f);
}

TEST(retry_after_is_waited_for)
{
    struct fixture f;
    set_up(&f, "r2", NULL);
    one_span(&f);
    run_until(&f, 1);
    run_loop_for(f.loop, 300000); /* our own pause would be over after 12 ms */
    assert_int_equal(f.requests, 1);
    run_until(&f, 2);
    settle(&f);
    assert_int_equal(fate(&f, "exported"), 1);
    tear_down(&f);
}

TEST(what_is_refused_is_not_sent_again)
{
    struct fixture f;
    set_up(&f, "42", NULL);
    one_span(&f);
    run_until(&f, 1);
    run_loop_for(f.loop, 100000);
    assert_int_equal(f.requests, 1);
    assert_int_equal(fate(&f, "failed"), 1);
    one_span(&f); /* and the next batch goes out */
    run_until(&f, 2);
    settle(&f);
    assert_int_equal(fate(&f, "exported"), 1);
    tear_down(&f);
}

TEST(partial_success_is_counted_and_not_repeated)
{
    struct fixture f;
    set_up(&f, "p", NULL);
    one_span(&f);
    one_span(&f);
    run_until(&f, 1);
    run_loop_for(f.loop, 100000);
    assert_int_equal(f.requests, 1);
    assert_int_equal(fate(&f, "exported"), 1);
    assert_int_equal(fate(&f, "rejected"), 1);
    tear_down(&f);
}

TEST(after_so_many_tries_a_batch_is_lost)
{
    struct fixture f;
    set_up(&f, "5", NULL);
    one_span(&f);
    run_until(&f, 6);
    run_loop_for(f.loop, 100000);
    assert_int_equal(f.requests, 6);
    assert_int_equal(fate(&f, "failed"), 1);
    assert_int_equal(otlp_pending(f.otlp), 0);
    tear_down(&f);
}

TEST(a_full_queue_drops_and_counts)
{
    struct fixture f;
    set_up(&f, "h2", &(struct otlp_opts){.max_batch = 2, .max_queue = 4});
    for (int i = 0; i < 2; i++) {
        one_span(&f);
    }
    run_until(&f, 1); /* the collector thinks */
    for (int i = 0; i < 10; i++) {
        one_span(&f);
    }
    assert_int_equal(otlp_pending(f.otlp), 2 + 4);
    assert_int_equal(fate(&f, "dropped"), 6);
    http_respond(f.held, 200, STR_NULL, STR_NULL, (struct span){0});
    f.held = NULL;
    run_until(&f, 3);
    settle(&f);
    assert_int_equal(fate(&f, "exported"), 6);
    tear_down(&f);
}

TEST(a_collector_that_never_answers_is_given_up_at_the_deadline)
{
    struct fixture f;
    set_up(&f, "h2", &(struct otlp_opts){.timeout_ms = 100});
    one_span(&f);
    run_until(&f, 2); /* the second try */
    settle(&f);
    assert_int_equal(fate(&f, "exported"), 1);
    tear_down(&f);
}

TEST(nobody_there_loses_the_batch_in_the_end_of_the_process)
{
    struct fixture f;
    set_up(&f, "2", &(struct otlp_opts){.url = STR("http://127.0.0.1:1/v1/traces")});
    one_span(&f);
    run_loop_for(f.loop, 30000);
    assert_int_equal(otlp_pending(f.otlp), 1); /* it is tried again */
    otlp_stop(f.otlp);
    run_loop(f.loop);
    assert_true(f.idle);
    assert_int_equal(fate(&f, "failed"), 1);
    one_span(&f);
    assert_int_equal(fate(&f, "dropped"), 1);
    tear_down(&f);
}

TEST(it_may_be_freed_at_any_moment)
{
    static const char *const scripts[] = {"h", "5", "2"};
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        struct fixture f;
        set_up(&f, scripts[i], &(struct otlp_opts){.gzip = i == 2, .max_batch = 1});
        one_span(&f);
        one_span(&f);
        if (i < 2) {
            run_until(&f, 1);
        } else {
            run_loop_for(f.loop, 1000); /* a job may be packing */
        }
        tear_down(&f);
    }
}

TEST(traces_that_are_not_sampled_stay_here)
{
    struct fixture f;
    set_up(&f, "2", NULL);
    trace_free(f.trace, NOW);
    tracer_set_sampler(f.tracer, TRACE_ALWAYS_OFF, 0);
    assert_ok(trace_new(f.tracer, &(struct trace_opts){.wall_us = WALL, .now_us = NOW}, &f.trace));
    one_span(&f);
    assert_int_equal(otlp_pending(f.otlp), 0);
    assert_int_equal(fate(&f, "dropped"), 0);
    tear_down(&f);
}

TEST(settings_that_are_no_pairs_are_refused_in_words)
{
    static const char *const bad[] = {"x", "=y", "a=%4", "a=%zz", "a b=c", "a=\x01", "a=%0d%0aevil"};
    struct fixture f;
    char url[100];
    set_up(&f, "2", NULL);
    struct otlp_opts o = usual(&f, url, sizeof(url));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        buf_clear(&f.error);
        o.headers = str_from(bad[i]);
        assert_err(otlp_set(f.otlp, &o, &f.error), ERR_CONFIG);
        assert_true(str_starts(buf_str(&f.error), STR("tracing.export.headers must be")));
    }
    o.headers = STR(" , a=b,,");
    o.resource = STR("nothing");
    buf_clear(&f.error);
    assert_err(otlp_set(f.otlp, &o, &f.error), ERR_CONFIG);
    assert_true(str_starts(buf_str(&f.error), STR("tracing.resource_attributes must be")));
    o.resource = STR("");
    assert_ok(otlp_set(f.otlp, &o, &f.error));
    one_span(&f); /* with the new ones */
    run_until(&f, 1);
    assert_str_is(buf_str(&f.heads), "POST /v1/traces application/json  \n");
    tear_down(&f);
}

TEST_MAIN(T(a_span_arrives_as_the_protocol_wants_it), T(the_plain_form_is_an_object), T(spans_travel_together),
          T(packed_bodies_arrive_whole), T(an_overloaded_collector_is_asked_again), T(retry_after_is_waited_for),
          T(what_is_refused_is_not_sent_again), T(partial_success_is_counted_and_not_repeated),
          T(after_so_many_tries_a_batch_is_lost), T(a_full_queue_drops_and_counts),
          T(a_collector_that_never_answers_is_given_up_at_the_deadline),
          T(nobody_there_loses_the_batch_in_the_end_of_the_process), T(it_may_be_freed_at_any_moment),
          T(traces_that_are_not_sampled_stay_here), T(settings_that_are_no_pairs_are_refused_in_words))
