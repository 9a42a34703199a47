/* Events of calls on their way to an endpoint: signed, in order, again until they are taken, and not lost by kill -9.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "fakes/wait.h"
#include "gateway/hooks.h"
#include "net/crypto.h"
#include "net/http_server.h"
#include "test.h"

#define SECRET "whsec_0123456789"

struct fixture {
    struct loop *loop;
    struct http_client *http;
    struct http_server *server;
    struct metrics *metrics;
    struct hooks *hooks;
    struct config cfg;
    struct str urls[2];
    char url[2][96];
    char dir[128];
    /* the endpoint */
    uint32_t requests, bad, fail; /* fail: so many are answered with 503 */
    char types[512];              /* "a,b,c" in the order in which they were taken */
    uint32_t want;
    bool silent; /* never answers */
    struct http_exchange *held;
};

/* As the page for receivers says it: the text after t= and a dot, before the body. */
static bool is_signed(const struct http_request *req)
{
    struct str s = http_header(req, "Ringtrip-Signature");
    size_t comma = str_find(s, ',');
    uint8_t mac[32];
    char hex[65];
    struct buf text;
    if (!str_starts(s, STR("t=")) || comma == s.n) {
        return false;
    }
    buf_init(&text, 1 << 20);
    buf_put(&text, s.p + 2, comma - 2);
    buf_putc(&text, '.');
    buf_put(&text, req->body.p, req->body.n);
    crypto_hmac_sha256(span_of_str(STR(SECRET)), buf_span(&text), mac);
    crypto_hex(span_from(mac, sizeof(mac)), hex);
    buf_done(&text);
    struct str v1 = {s.p + comma + 1, s.n - comma - 1};
    return str_starts(v1, STR("v1=")) && str_is((struct str){v1.p + 3, v1.n - 3}, hex);
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    struct json_val doc;
    char type[64];
    f->requests++;
    f->bad += !is_signed(req) || json_parse(str_of_span(req->body), &doc) < 0;
    if (f->silent) {
        f->held = x;
        return;
    }
    if (f->fail > 0) {
        f->fail--;
        http_respond(x, 503, STR_NULL, STR_NULL, (struct span){NULL, 0});
        return;
    }
    assert_ok(json_copy_str(json_get(doc, "type"), type, sizeof(type)));
    size_t n = strlen(f->types);
    snprintf(f->types + n, sizeof(f->types) - n, "%s%s", n ? "," : "", type);
    f->want -= f->want > 0;
    http_respond(x, 204, STR_NULL, STR_NULL, (struct span){NULL, 0});
}

static const struct http_server_handler handler = {.on_request = on_request};

static void open_hooks(struct fixture *f)
{
    const struct hooks_opts o = {
        .loop = f->loop, .http = f->http, .metrics = f->metrics, .dir = f->dir, .first_retry_ms = 10};
    assert_ok(hooks_new(&o, &f->hooks));
    hooks_set(f->hooks, &f->cfg);
}

static void set_up(struct fixture *f, uint32_t endpoints)
{
    const struct http_server_opts o = {.host = "127.0.0.1"};
    *f = (struct fixture){.dir = ""};
    char base[] = "hooks-XXXXXX";
    assert_non_null(mkdtemp(base));
    snprintf(f->dir, sizeof(f->dir), "%s/webhooks", base);
    assert_ok(loop_new(&f->loop));
    assert_ok(http_client_new(f->loop, &f->http));
    assert_ok(http_server_open(f->loop, &o, &handler, f, &f->server));
    f->metrics = metrics_new();
    for (uint32_t i = 0; i < endpoints; i++) {
        snprintf(f->url[i], sizeof(f->url[i]), "http://127.0.0.1:%u/%u", http_server_port(f->server), i);
        f->urls[i] = str_from(f->url[i]);
    }
    f->cfg.event_hooks = (struct config_event_hooks){
        .urls = {.v = f->urls, .n = endpoints}, .secret = STR(SECRET), .timeout_ms = 2000, .give_up_s = 3600};
    open_hooks(f);
}

static uint32_t files(const struct fixture *f)
{
    uint32_t n = 0;
    DIR *dir = opendir(f->dir);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        n += e->d_name[0] != '.';
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

static bool all_taken(void *arg)
{
    const struct fixture *f = arg;
    return f->want == 0 && hooks_busy(f->hooks) == 0 && hooks_waiting(f->hooks) == 0;
}

static bool all_written(void *arg)
{
    return hooks_busy(((struct fixture *)arg)->hooks) == 0;
}

/* Else a request that is still under way would be answered by the endpoint's next mood. */
static bool first_is_held(void *arg)
{
    const struct fixture *f = arg;
    return hooks_busy(f->hooks) == 0 && f->held;
}

/* What a kill does: nothing more leaves, the files stay. */
static void kill_hooks(struct fixture *f)
{
    hooks_stop(f->hooks);
    wait_until(f->loop, all_written, f);
    http_client_free(f->http);
    f->hooks = hooks_free(f->hooks);
    f->http = NULL;
}

static void tear_down(struct fixture *f)
{
    char path[256];
    if (f->hooks) {
        kill_hooks(f);
    }
    http_server_free(f->server);
    metrics_free(f->metrics);
    loop_free(f->loop);
    snprintf(path, sizeof(path), "%s", f->dir);
    rmdir(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

TEST(events_are_signed_and_come_in_their_order)
{
    struct fixture f;
    set_up(&f, 1);
    f.want = 4;
    hooks_put(f.hooks, "call.started", STR("c1"), STR("{}"));
    hooks_put(f.hooks, "call.answered", STR("c1"), STR("{\"a\":1}"));
    hooks_put(f.hooks, "call.ended", STR("c1"), STR("{}"));
    hooks_put(f.hooks, "call.report", STR("c1"), STR("{}"));
    wait_until(f.loop, all_taken, &f);
    assert_string_equal(f.types, "call.started,call.answered,call.ended,call.report");
    assert_int_equal(f.bad, 0);
    assert_int_equal(files(&f), 0);
    tear_down(&f);
}

TEST(what_is_refused_comes_again_before_what_follows)
{
    struct fixture f;
    set_up(&f, 1);
    f.fail = 3;
    f.want = 2;
    hooks_put(f.hooks, "call.started", STR("c1"), STR("{}"));
    hooks_put(f.hooks, "call.ended", STR("c1"), STR("{}"));
    wait_until(f.loop, all_taken, &f);
    assert_string_equal(f.types, "call.started,call.ended");
    assert_int_equal(f.requests, 5);
    tear_down(&f);
}

TEST(what_nobody_took_is_delivered_by_the_next_process)
{
    struct fixture f;
    set_up(&f, 1);
    f.silent = true;
    hooks_put(f.hooks, "call.started", STR("c1"), STR("{}"));
    hooks_put(f.hooks, "call.ended", STR("c1"), STR("{\"n\":2}"));
    wait_until(f.loop, first_is_held, &f);
    kill_hooks(&f);
    assert_int_equal(files(&f), 2);
    http_respond(f.held, 500, STR_NULL, STR_NULL, (struct span){NULL, 0});
    f.silent = false;
    f.want = 3;
    assert_ok(http_client_new(f.loop, &f.http));
    open_hooks(&f);
    assert_int_equal(hooks_waiting(f.hooks), 2);
    hooks_put(f.hooks, "call.report", STR("c1"), STR("{}"));
    wait_until(f.loop, all_taken, &f);
    assert_string_equal(f.types, "call.started,call.ended,call.report");
    assert_int_equal(f.bad, 0);
    assert_int_equal(files(&f), 0);
    tear_down(&f);
}

TEST(every_endpoint_gets_every_event_and_none_waits_for_another)
{
    struct fixture f;
    set_up(&f, 2);
    f.want = 4;
    hooks_put(f.hooks, "call.started", STR("c1"), STR("{}"));
    hooks_put(f.hooks, "call.ended", STR("c1"), STR("{}"));
    wait_until(f.loop, all_taken, &f);
    assert_int_equal(f.requests, 4);
    tear_down(&f);
}

TEST(only_what_is_wanted_is_told)
{
    struct fixture f;
    struct str wanted[] = {STR("call.ended")};
    set_up(&f, 1);
    f.cfg.event_hooks.events.v = wanted;
    f.cfg.event_hooks.events.n = 1;
    f.want = 1;
    assert_false(hooks_want(f.hooks, "call.started"));
    hooks_put(f.hooks, "call.started", STR("c1"), STR("{}"));
    hooks_put(f.hooks, "call.ended", STR("c1"), STR("{}"));
    wait_until(f.loop, all_taken, &f);
    assert_string_equal(f.types, "call.ended");
    tear_down(&f);
}

TEST(what_is_too_old_is_given_up)
{
    struct fixture f;
    set_up(&f, 1);
    f.cfg.event_hooks.give_up_s = 0;
    f.fail = 1;
    hooks_put(f.hooks, "call.started", STR("c1"), STR("{}"));
    f.want = 0;
    wait_until(f.loop, all_taken, &f);
    assert_int_equal(f.requests, 1);
    assert_string_equal(f.types, "");
    assert_int_equal(files(&f), 0);
    tear_down(&f);
}

TEST(what_an_earlier_process_left_for_too_long_is_given_up_at_the_start)
{
    struct fixture f;
    set_up(&f, 1);
    f.silent = true;
    hooks_put(f.hooks, "call.started", STR("c1"), STR("{}"));
    wait_until(f.loop, first_is_held, &f);
    kill_hooks(&f);
    assert_int_equal(files(&f), 1);
    http_respond(f.held, 500, STR_NULL, STR_NULL, (struct span){NULL, 0});
    f.cfg.event_hooks.give_up_s = 0;
    assert_ok(http_client_new(f.loop, &f.http));
    open_hooks(&f);
    assert_int_equal(hooks_waiting(f.hooks), 0);
    assert_int_equal(files(&f), 0);
    assert_int_equal(metrics_value_at(f.metrics, METRIC_WEBHOOKS, metrics_word(METRIC_WEBHOOKS, STR("dropped"))), 1);
    tear_down(&f);
}

/* An endpoint that is away for days costs 64 MiB at most. */
TEST(what_waits_is_bounded_in_bytes)
{
    struct fixture f;
    size_t n = 3u << 20;
    char *data = malloc(n);
    assert_non_null(data);
    memset(data, 'x', n);
    data[0] = data[n - 1] = '"';
    set_up(&f, 2); /* they refuse bodies of this size */
    for (int i = 0; i < 12; i++) {
        hooks_put(f.hooks, "call.report", STR("c1"), (struct str){data, n});
    }
    assert_int_equal(hooks_waiting(f.hooks), 20); /* of 3 MiB each */
    assert_int_equal(metrics_value_at(f.metrics, METRIC_WEBHOOKS, metrics_word(METRIC_WEBHOOKS, STR("dropped"))), 2);
    wait_until(f.loop, all_written, &f);
    kill_hooks(&f);
    free(data);
    assert_ok(http_client_new(f.loop, &f.http));
    f.cfg.event_hooks.give_up_s = 0; /* the files go */
    open_hooks(&f);
    assert_int_equal(files(&f), 0);
    tear_down(&f);
}

TEST(the_signature_is_what_the_page_says)
{
    char s[96];
    hooks_sign(STR("secret"), 1700000000, STR("{\"id\":\"evt_1\"}"), s);
    assert_string_equal(s, "t=1700000000,v1=af784f27423c462e20039559cd4264140f7b7ed4c9090e26fd663faa5eeb8dda");
}

TEST_MAIN(T(events_are_signed_and_come_in_their_order), T(what_is_refused_comes_again_before_what_follows),
          T(what_nobody_took_is_delivered_by_the_next_process),
          T(every_endpoint_gets_every_event_and_none_waits_for_another), T(only_what_is_wanted_is_told),
          T(what_is_too_old_is_given_up), T(what_an_earlier_process_left_for_too_long_is_given_up_at_the_start),
          T(what_waits_is_bounded_in_bytes), T(the_signature_is_what_the_page_says))
