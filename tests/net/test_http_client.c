#include "net_test.h"

#include "cert.h"
#include "net/http_client.h"
#include "net/http_server.h"

/* A server that answers by path, a client, and what the last call gave. */
struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct http_exchange *held;
    struct buf log;
    uint32_t done;
    int err, status;
    uint32_t retry_after_s;
    bool keep_running;
    const char *scheme;
};

static void describe(struct http_exchange *x, const struct http_request *req)
{
    static const char *const names[] = {"authorization", "content-type", "x-one", "expect"};
    struct buf b;
    buf_init(&b, 64 * 1024);
    buf_printf(&b, STR_FMT " " STR_FMT "|", STR_ARG(req->method), STR_ARG(req->target));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_printf(&b, STR_FMT "|", STR_ARG(http_header(req, names[i])));
    }
    buf_put(&b, req->body.p, req->body.n);
    http_respond(x, 200, STR("text/x"), STR_NULL, buf_span(&b));
    buf_done(&b);
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    static const uint8_t big[3000] = {0};
    if (str_is(req->path, "/hold")) {
        f->held = x;
    } else if (str_is(req->path, "/big")) {
        http_respond(x, 200, STR_NULL, STR_NULL, span_from(big, sizeof(big)));
    } else if (str_is(req->path, "/fail")) {
        http_respond(x, 500, STR("text/plain"), STR_NULL, span_of_str(STR("broken")));
    } else if (str_is(req->path, "/later")) {
        http_respond(x, 503, STR_NULL, STR("Retry-After: 7\r\n"), (struct span){0});
    } else if (str_is(req->path, "/away")) {
        http_respond(x, 302, STR_NULL, STR("Location: /fail\r\n"), (struct span){0});
    } else {
        describe(x, req);
    }
}

static const struct http_server_handler handler = {.on_request = on_request};

static void fixture_new(struct fixture *f, struct tls_ctx *tls)
{
    *f = (struct fixture){.scheme = tls ? "https" : "http"};
    buf_init(&f->log, 64 * 1024);
    assert_ok(loop_new(&f->loop));
    struct http_server_opts opts = {.host = "127.0.0.1", .tls = tls};
    assert_ok(http_server_open(f->loop, &opts, &handler, f, &f->server));
    assert_ok(http_client_new(f->loop, &f->client));
}

static void fixture_done(struct fixture *f)
{
    http_client_free(f->client);
    if (f->held) {
        http_respond(f->held, 200, STR_NULL, STR_NULL, (struct span){0});
    }
    http_server_free(f->server);
    loop_free(f->loop);
    buf_done(&f->log);
}

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct fixture *f = arg;
    f->done++;
    f->err = reply->err;
    f->status = reply->status;
    f->retry_after_s = reply->retry_after_s;
    buf_clear(&f->log);
    if (reply->err < 0) {
        assert_non_null(reply->detail);
        assert_true(strlen(reply->detail) > 5);
        assert_int_equal(reply->status, 0);
    } else {
        buf_put(&f->log, reply->body.p, reply->body.n);
        buf_printf(&f->log, "|" STR_FMT, STR_ARG(reply->content_type));
    }
    if (!f->keep_running) {
        loop_stop(f->loop);
    }
}

static uint64_t start(struct fixture *f, const char *target, struct http_call_opts opts)
{
    char url[200];
    uint64_t id;
    snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", f->scheme, http_server_port(f->server), target);
    opts.url = str_from(url);
    opts.method = opts.method ? opts.method : "GET";
    uint32_t before = f->done;
    assert_ok(http_call(f->client, &opts, on_reply, f, &id));
    assert_int_equal(f->done, before);
    return id;
}

static void call(struct fixture *f, const char *target, struct http_call_opts opts)
{
    uint32_t before = f->done;
    start(f, target, opts);
    run_loop(f->loop);
    assert_int_equal(f->done, before + 1);
}

TEST(retry_after_is_read)
{
    struct fixture f;
    fixture_new(&f, NULL);
    call(&f, "/later", (struct http_call_opts){0});
    assert_int_equal(f.status, 503);
    assert_int_equal(f.retry_after_s, 7);
    call(&f, "/fail", (struct http_call_opts){0});
    assert_int_equal(f.retry_after_s, 0);
    fixture_done(&f);
}

TEST(requests_arrive_as_they_were_given)
{
    struct fixture f;
    fixture_new(&f, NULL);
    call(&f, "/a?b=c", (struct http_call_opts){0});
    assert_int_equal(f.err, 0);
    assert_int_equal(f.status, 200);
    assert_str_is(buf_str(&f.log), "GET /a?b=c||||||text/x");
    call(&f, "/p",
         (struct http_call_opts){.method = "POST",
                                 .headers = STR("Content-Type: application/json\r\nX-One: 1\r\n"),
                                 .body = span_of_str(STR("{\"a\":1}")),
                                 .user = STR("AC1"),
                                 .password = STR("s:ecret")});
    assert_str_is(buf_str(&f.log), "POST /p|Basic QUMxOnM6ZWNyZXQ=|application/json|1||{\"a\":1}|text/x");
    call(&f, "/d", (struct http_call_opts){.method = "DELETE"});
    assert_str_is(buf_str(&f.log), "DELETE /d||||||text/x");
    call(&f, "/e", (struct http_call_opts){.method = "PUT", .headers = STR("Content-Type: text/plain\r\n")});
    assert_str_is(buf_str(&f.log), "PUT /e||text/plain||||text/x");
    call(&f, "/h", (struct http_call_opts){.method = "HEAD"});
    assert_int_equal(f.status, 200);
    assert_str_is(buf_str(&f.log), "|text/x");
    char body[5000];
    memset(body, 'b', sizeof(body));
    call(&f, "/long", (struct http_call_opts){.method = "POST", .body = span_from(body, sizeof(body))});
    assert_int_equal(f.log.len, strlen("POST /long||application/x-www-form-urlencoded|||") + 5000 + strlen("|text/x"));
    fixture_done(&f);
}

TEST(a_status_of_failure_is_a_reply_and_redirects_are_not_followed)
{
    struct fixture f;
    fixture_new(&f, NULL);
    call(&f, "/fail", (struct http_call_opts){0});
    assert_int_equal(f.err, 0);
    assert_int_equal(f.status, 500);
    assert_str_is(buf_str(&f.log), "broken|text/plain");
    call(&f, "/away", (struct http_call_opts){0});
    assert_int_equal(f.status, 302);
    fixture_done(&f);
}

TEST(a_reply_over_the_limit_is_refused)
{
    struct fixture f;
    fixture_new(&f, NULL);
    call(&f, "/big", (struct http_call_opts){.max_response_bytes = 3000});
    assert_int_equal(f.err, 0);
    call(&f, "/big", (struct http_call_opts){.max_response_bytes = 2999});
    assert_int_equal(f.err, -ERR_TOO_BIG);
    fixture_done(&f);
}

TEST(the_deadline_is_for_the_whole_call)
{
    struct fixture f;
    fixture_new(&f, NULL);
    call(&f, "/hold", (struct http_call_opts){.deadline_ms = 50});
    assert_int_equal(f.err, -ETIMEDOUT);
    fixture_done(&f);
}

TEST(a_port_where_nobody_listens_refuses)
{
    struct fixture f;
    fixture_new(&f, NULL);
    uint16_t port = http_server_port(f.server);
    f.server = http_server_free(f.server);
    run_loop_for(f.loop, 1000);
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    struct http_call_opts opts = {.method = "GET", .url = str_from(url)};
    assert_ok(http_call(f.client, &opts, on_reply, &f, NULL));
    run_loop(f.loop);
    assert_int_equal(f.err, -ECONNREFUSED);
    fixture_done(&f);
}

TEST(only_http_is_spoken)
{
    static const char *const urls[] = {"", "x", "file:///etc/passwd", "ftp://x/", "gopher://x/", "HTTP//x"};
    struct fixture f;
    fixture_new(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct http_call_opts opts = {.method = "GET", .url = str_from(urls[i])};
        assert_err(http_call(f.client, &opts, on_reply, &f, NULL), EINVAL);
    }
    assert_int_equal(f.done, 0);
    fixture_done(&f);
}

static void answer_garbage(struct raw *r)
{
    raw_read(r, STR("\r\n\r\n"));
    raw_send(r, str_from(r->arg));
}

TEST(answers_that_are_no_http_are_errors)
{
    static const char *const answers[] = {"", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                                          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"};
    struct fixture f;
    fixture_new(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct raw r;
        char url[64];
        raw_listen(&r, NULL, answer_garbage, answers[i]);
        snprintf(url, sizeof(url), "http://127.0.0.1:%u/", r.port);
        struct http_call_opts opts = {.method = "GET", .url = str_from(url), .deadline_ms = 2000};
        assert_ok(http_call(f.client, &opts, on_reply, &f, NULL));
        run_loop(f.loop);
        assert_true(f.err < 0);
        raw_join(&r);
        raw_done(&r);
    }
    fixture_done(&f);
}

/* ---- cancelling ---- */

TEST(a_cancelled_call_ends_in_the_next_pass)
{
    struct fixture f;
    fixture_new(&f, NULL);
    uint64_t id = start(&f, "/hold", (struct http_call_opts){0});
    run_loop_for(f.loop, 5000);
    http_cancel(f.client, id);
    http_cancel(f.client, id);
    http_cancel(f.client, id + 1000);
    assert_int_equal(f.done, 0);
    run_loop(f.loop);
    assert_int_equal(f.done, 1);
    assert_int_equal(f.err, -ECANCELED);
    http_cancel(f.client, id); /* unknown now */
    call(&f, "/ok", (struct http_call_opts){0});
    assert_int_equal(f.status, 200);
    fixture_done(&f);
}

TEST(freeing_the_client_cancels_every_call)
{
    struct fixture f;
    fixture_new(&f, NULL);
    f.keep_running = true;
    start(&f, "/hold", (struct http_call_opts){0});
    uint64_t id = start(&f, "/other", (struct http_call_opts){0});
    http_cancel(f.client, id);
    f.client = http_client_free(f.client);
    assert_int_equal(f.done, 2);
    assert_int_equal(f.err, -ECANCELED);
    run_loop_for(f.loop, 5000);
    assert_int_equal(f.done, 2);
    fixture_done(&f);
}

static void free_client(const struct http_reply *reply, void *arg)
{
    struct fixture *f = arg;
    (void)reply;
    f->done++;
    f->client = http_client_free(f->client);
    loop_stop(f->loop);
}

TEST(the_client_may_be_freed_by_a_reply)
{
    struct fixture f;
    char url[64];
    fixture_new(&f, NULL);
    f.keep_running = true;
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/ok", http_server_port(f.server));
    struct http_call_opts opts = {.method = "GET", .url = str_from(url)};
    assert_ok(http_call(f.client, &opts, free_client, &f, NULL));
    start(&f, "/hold", (struct http_call_opts){0});
    run_loop(f.loop);
    assert_null(f.client);
    assert_int_equal(f.done, 2);
    fixture_done(&f);
}

TEST(many_calls_at_once_are_all_answered)
{
    struct fixture f;
    fixture_new(&f, NULL);
    f.keep_running = true;
    for (int i = 0; i < 100; i++) {
        start(&f, "/x", (struct http_call_opts){0});
    }
    for (int i = 0; i < 1000 && f.done < 100; i++) {
        run_loop_for(f.loop, 5000);
    }
    assert_int_equal(f.done, 100);
    assert_int_equal(f.err, 0);
    fixture_done(&f);
}

/* ---- TLS ---- */

TEST(certificates_are_verified)
{
    struct cert_dir good, other;
    struct tls_ctx *tls;
    struct fixture f;
    cert_dir_new(&good, "IP:127.0.0.1", 10);
    cert_dir_new(&other, "IP:127.0.0.1", 10);
    assert_ok(tls_server_new(good.cert, good.key, NULL, &tls));
    fixture_new(&f, tls);
    call(&f, "/s", (struct http_call_opts){.ca_file = good.ca});
    assert_int_equal(f.err, 0);
    assert_str_is(buf_str(&f.log), "GET /s||||||text/x");
    call(&f, "/s", (struct http_call_opts){.ca_file = other.ca});
    assert_int_equal(f.err, -ERR_TLS);
    call(&f, "/s", (struct http_call_opts){0});
    assert_int_equal(f.err, -ERR_TLS);
    call(&f, "/s", (struct http_call_opts){.ca_file = "/no/such/file"});
    assert_int_equal(f.err, -ERR_TLS);
    fixture_done(&f);
    tls_unref(tls);
    cert_dir_done(&good);
    cert_dir_done(&other);
}

TEST_MAIN(T(retry_after_is_read), T(requests_arrive_as_they_were_given),
          T(a_status_of_failure_is_a_reply_and_redirects_are_not_followed), T(a_reply_over_the_limit_is_refused),
          T(the_deadline_is_for_the_whole_call), T(a_port_where_nobody_listens_refuses), T(only_http_is_spoken),
          T(answers_that_are_no_http_are_errors), T(a_cancelled_call_ends_in_the_next_pass),
          T(freeing_the_client_cancels_every_call), T(the_client_may_be_freed_by_a_reply),
          T(many_calls_at_once_are_all_answered), T(certificates_are_verified))
