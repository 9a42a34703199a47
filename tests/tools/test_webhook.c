/*
 * Webhook tools against real HTTP servers on loopback: ours, and one that follows a script of raw bytes. What is sent,
 * what the model is given, and what happens when the other side hangs, breaks off, floods, lies or is somebody else.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "fakes/wait.h"
#include "net/cert.h"
#include "net/crypto.h"
#include "net/http_server.h"
#include "test.h"
#include "tools/webhook/webhook.h"

#define BIG_BYTES ((size_t)5 << 20)

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct http_exchange *held;
    const char *scheme;
    char url[256];
    struct webhook_opts o;
    struct buf seen; /* what the server got: "METHOD target\nheaders\n\nbody" */
    uint32_t requests;
    /* the result */
    uint32_t done;
    enum webhook_outcome outcome;
    int status, err;
    uint32_t tries;
    struct buf output;
};

static void keep_request(struct fixture *f, const struct http_request *req)
{
    static const char *const names[] = {"Content-Type", "Accept", "Authorization", "X-Call", "X-Ringtrip-Signature"};
    f->requests++;
    buf_clear(&f->seen);
    buf_printf(&f->seen, STR_FMT " " STR_FMT "\n", STR_ARG(req->method), STR_ARG(req->target));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str v = http_header(req, names[i]);
        if (v.p) {
            buf_printf(&f->seen, "%s: " STR_FMT "\n", names[i], STR_ARG(v));
        }
    }
    buf_puts(&f->seen, "\n");
    buf_put(&f->seen, req->body.p, req->body.n);
}

/* A JSON array of about this size with a member behind it. */
static void respond_large(struct http_exchange *x, size_t bytes)
{
    struct buf b;
    buf_init(&b, bytes + 4096);
    buf_puts(&b, "{\"rows\":[\"");
    while (b.len < bytes) {
        buf_puts(&b, "0123456789abcdef");
    }
    buf_puts(&b, "\"],\"data\":{\"name\":\"Ada\"}}");
    http_respond(x, 200, STR("application/json"), STR_NULL, buf_span(&b));
    buf_done(&b);
}

static void respond_text(struct http_exchange *x, int status, const char *type, const char *body)
{
    http_respond(x, status, str_from(type), STR_NULL, span_of_str(str_from(body)));
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    keep_request(f, req);
    if (str_is(req->path, "/hold")) {
        f->held = x;
    } else if (str_is(req->path, "/500")) {
        respond_text(x, 500, "text/html", "<html><body>Traceback (most recent call last)</body></html>");
    } else if (str_is(req->path, "/404")) {
        respond_text(x, 404, "application/json", "{\"error\":{\"message\":\"no such customer\"}}");
    } else if (str_is(req->path, "/429")) {
        http_respond(x, 429, STR_NULL, STR("Retry-After: 1\r\n"), (struct span){0});
    } else if (str_is(req->path, "/503")) {
        respond_text(x, 503, "text/plain", "later");
    } else if (str_is(req->path, "/away")) {
        http_respond(x, 302, STR_NULL, STR("Location: http://127.0.0.1:1/\r\n"), (struct span){0});
    } else if (str_is(req->path, "/big")) {
        respond_large(x, BIG_BYTES);
    } else if (str_is(req->path, "/large")) {
        respond_large(x, 200 * 1024);
    } else if (str_is(req->path, "/html")) {
        respond_text(x, 200, "text/html", "<html>{\"a\":1}</html>");
    } else if (str_is(req->path, "/cut")) {
        respond_text(x, 200, "application/json", "{\"a\":[1,2");
    } else if (str_is(req->path, "/text")) {
        respond_text(x, 200, "text/plain; charset=utf-8", " It is sunny.\n");
    } else if (str_is(req->path, "/empty")) {
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){0});
    } else {
        respond_text(x, 200, "application/json",
                     "{\"data\": {\"customer\": {\"name\": \"Ada\", \"n\": [1, 2.50]}, \"s\": \"plain\"}}");
    }
}

static const struct http_server_handler handler = {.on_request = on_request};

static void open_fixture(struct fixture *f, struct tls_ctx *tls)
{
    *f = (struct fixture){.scheme = tls ? "https" : "http"};
    buf_init(&f->seen, 1 << 20);
    buf_init(&f->output, 1 << 20);
    assert_ok(loop_new(&f->loop));
    const struct http_server_opts opts = {.host = "127.0.0.1", .tls = tls};
    assert_ok(http_server_open(f->loop, &opts, &handler, f, &f->server));
    assert_ok(http_client_new(f->loop, &f->client));
    f->o = (struct webhook_opts){
        .name = STR("lookup"), .timeout_ms = 5000, .max_response_bytes = 65536, .retry_on = WEBHOOK_RETRY_USUAL};
}

static void close_fixture(struct fixture *f)
{
    http_client_free(f->client);
    if (f->held) {
        http_respond(f->held, 200, STR_NULL, STR_NULL, (struct span){0});
    }
    http_server_free(f->server);
    loop_free(f->loop);
    buf_done(&f->seen);
    buf_done(&f->output);
}

static void on_done(const struct webhook_result *r, void *arg)
{
    struct fixture *f = arg;
    f->done++;
    f->outcome = r->outcome;
    f->status = r->status;
    f->err = r->err;
    f->tries = r->tries;
    buf_clear(&f->output);
    buf_put_str(&f->output, r->output);
}

static bool is_done(void *arg)
{
    struct fixture *f = arg;
    return f->done > 0;
}

/* target: of our server, or a whole address. The refusal goes to output. */
static int start(struct fixture *f, const char *target, const char *arguments, struct webhook **ret)
{
    const struct json_doc *doc;
    assert_ok(json_doc_parse(str_from(arguments), &doc));
    if (target[0] == '/') {
        snprintf(f->url, sizeof(f->url), "%s://127.0.0.1:%u%s", f->scheme, http_server_port(f->server), target);
    } else {
        snprintf(f->url, sizeof(f->url), "%s", target);
    }
    f->o.url = str_from(f->url);
    f->done = 0;
    buf_clear(&f->output);
    const struct webhook_call c = {.call_id = STR("call-1"),
                                   .tool_call_id = STR("fc_1"),
                                   .caller = STR("+15550001"),
                                   .called = STR("+15550002"),
                                   .agent = STR("robin"),
                                   .arguments = doc};
    int err = webhook_run(f->loop, f->client, &f->o, &c, &f->output, on_done, f, ret);
    assert_int_equal(f->done, 0);
    json_doc_free(doc);
    return err;
}

static void run(struct fixture *f, const char *target, const char *arguments)
{
    struct webhook *w;
    assert_ok(start(f, target, arguments, &w));
    wait_until(f->loop, is_done, f);
    assert_int_equal(f->done, 1);
}

static void assert_output_(struct fixture *f, enum webhook_outcome outcome, const char *want, int line)
{
    if (f->outcome != outcome || !str_is(buf_str(&f->output), want)) {
        fail_msg("line %d: %s \"" STR_FMT "\", not \"%s\"", line, webhook_outcome_word(f->outcome),
                 STR_ARG(buf_str(&f->output)), want);
    }
}
#define assert_output(f, outcome, want) assert_output_(f, outcome, want, __LINE__)

/* ---- what is sent ---- */

TEST(the_default_request_says_who_asks_for_what)
{
    struct fixture f;
    open_fixture(&f, NULL);
    run(&f, "/hook", "{\"id\": \"4711\", \"deep\": {\"x\": [1.50, null]}}");
    assert_str_is(buf_str(&f.seen), "POST /hook\nContent-Type: application/json\nAccept: application/json\n\n"
                                    "{\"tool\":\"lookup\",\"call_id\":\"call-1\",\"tool_call_id\":\"fc_1\","
                                    "\"arguments\":{\"id\":\"4711\",\"deep\":{\"x\":[1.50,null]}}}");
    assert_output(&f, WEBHOOK_OK, "{\"data\":{\"customer\":{\"name\":\"Ada\",\"n\":[1,2.50]},\"s\":\"plain\"}}");
    assert_int_equal(f.status, 200);
    assert_int_equal(f.tries, 1);
    close_fixture(&f);
}

TEST(address_headers_and_body_take_the_values)
{
    const struct webhook_pair headers[] = {{STR("Authorization"), STR("Bearer key")},
                                           {STR("X-Call"), STR("{{call.id}}/{{arguments.id}}")},
                                           {STR("Content-Type"), STR("application/vnd.crm+json")}};
    struct fixture f;
    open_fixture(&f, NULL);
    f.o.method = WEBHOOK_PATCH;
    f.o.headers = headers;
    f.o.n_headers = ARRAY_LEN(headers);
    f.o.body =
        STR("{\"who\":\"{{caller}}>{{called}}\",\"a\":{{arguments}},\"t\":\"{{tool}} {{agent}} {{tool_call_id}}\"}");
    f.o.response = STR("data.s");
    run(&f, "/c/{{arguments.id}}?q={{arguments.q}}", "{\"id\":\"a/b\",\"q\":\"x&y=\\r\\n\"}");
    assert_str_is(buf_str(&f.seen),
                  "PATCH /c/a%2Fb?q=x%26y%3D%0D%0A\nContent-Type: application/vnd.crm+json\nAccept: application/json\n"
                  "Authorization: Bearer key\nX-Call: call-1/a/b\n\n"
                  "{\"who\":\"+15550001>+15550002\",\"a\":{\"id\":\"a/b\",\"q\":\"x&y=\\r\\n\"},"
                  "\"t\":\"lookup robin fc_1\"}");
    assert_output(&f, WEBHOOK_OK, "plain");
    f.o = (struct webhook_opts){.name = STR("lookup"),
                                .method = WEBHOOK_GET,
                                .timeout_ms = 5000,
                                .max_response_bytes = 65536,
                                .response = STR("/data/customer/n/1")};
    run(&f, "/g", "{}");
    assert_str_is(buf_str(&f.seen), "GET /g\nAccept: application/json\n\n");
    assert_output(&f, WEBHOOK_OK, "2.50");
    close_fixture(&f);
}

TEST(hostile_arguments_are_not_sent)
{
    static const struct {
        const char *target, *header, *arguments, *want;
    } cases[] = {
        {"/c/{{arguments.id}}", "x", "{\"id\":\"..\"}",
         "{\"error\":\"id cannot be used as it is. Ask the caller for it again.\"}"},
        {"/c/.{{arguments.id}}/x", "x", "{\"id\":\"a/\"}", NULL},
        {"/c/{{arguments.id}}", "x", "{\"id\":\"\"}",
         "{\"error\":\"id cannot be used as it is. Ask the caller for it again.\"}"},
        {"/c/{{arguments.id}}", "x", "{}", "{\"error\":\"id is missing. Call the function again with it.\"}"},
        {"/c/{{arguments.id}}", "x", "{\"id\":{}}", "{\"error\":\"id must be a text or a number.\"}"},
        {"/c", "{{arguments.id}}", "{\"id\":\"a\\r\\nX-Admin: 1\"}",
         "{\"error\":\"id cannot be used as it is. Ask the caller for it again.\"}"},
        {"/c/{{arguments.id}}{{arguments.b}}", "x", "{\"id\":\"\",\"b\":\"..\"}",
         "{\"error\":\"id cannot be used as it is. Ask the caller for it again.\"}"},
        {"/c/.{{arguments.id}}?a/../b", "x", "{\"id\":\".\"}",
         "{\"error\":\"id cannot be used as it is. Ask the caller for it again.\"}"},
    };
    struct fixture f;
    open_fixture(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct webhook_pair header = {STR("X-Call"), str_from(cases[i].header)};
        struct webhook *w;
        f.o.headers = &header;
        f.o.n_headers = 1;
        if (!cases[i].want) {
            run(&f, cases[i].target, cases[i].arguments);
            assert_true(str_starts(buf_str(&f.seen), STR("POST /c/.a%2F/x\n")));
            f.requests = 0;
            continue;
        }
        assert_err(start(&f, cases[i].target, cases[i].arguments, &w), ERR_RANGE);
        assert_str_is(buf_str(&f.output), cases[i].want);
    }
    /* Three characters that only together are a step up. */
    struct webhook *w;
    f.o.n_headers = 0;
    assert_err(start(&f, "/c/{{arguments.a}}.", "{\"a\":\"-\"}", &w), 0);
    wait_until(f.loop, is_done, &f);
    assert_int_equal(f.requests, 1);
    assert_err(start(&f, "/c/.{{arguments.a}}", "{\"a\":null}", &w), ERR_RANGE);
    char *big = malloc(200 * 1024);
    assert_non_null(big);
    memset(big, 'a', 200 * 1024);
    memcpy(big, "{\"a\":\"", 6);
    memcpy(big + 200 * 1024 - 3, "\"}", 3);
    assert_err(start(&f, "/c", big, &w), ERR_TOO_BIG);
    assert_str_is(buf_str(&f.output),
                  "{\"error\":\"The arguments are too long. Call the function again with less text.\"}");
    free(big);
    settle(f.loop);
    assert_int_equal(f.requests, 1);
    close_fixture(&f);
}

static void assert_signed(struct fixture *f, const char *text)
{
    struct str seen = buf_str(&f->seen);
    size_t at = str_search(seen, STR("X-Ringtrip-Signature: t="));
    assert_true(at != SIZE_MAX);
    struct str rest = {seen.p + at + 24, seen.n - at - 24};
    struct str t = {rest.p, str_find(rest, ',')};
    int64_t when;
    assert_ok(str_to_i64(t, &when));
    assert_true(when > 1700000000 && when <= clock_wall_us() / 1000000);
    struct buf b;
    uint8_t mac[32];
    char hex[65];
    buf_init(&b, 4096);
    buf_put_str(&b, t);
    buf_puts(&b, ".");
    buf_puts(&b, text);
    crypto_hmac_sha256(span_of_str(STR("whsec-1")), buf_span(&b), mac);
    crypto_hex(span_from(mac, 32), hex);
    buf_clear(&b);
    buf_printf(&b, STR_FMT ",v1=%s\n", STR_ARG(t), hex);
    assert_true(str_starts(rest, buf_str(&b)));
    buf_done(&b);
}

TEST(requests_are_signed)
{
    struct fixture f;
    open_fixture(&f, NULL);
    f.o.sign_secret = STR("whsec-1");
    f.o.body = STR("{\"id\":\"{{arguments.id}}\"}");
    run(&f, "/c", "{\"id\":\"7\"}");
    assert_signed(&f, "{\"id\":\"7\"}");
    f.o.method = WEBHOOK_GET;
    f.o.body = STR("");
    run(&f, "/c?id={{arguments.id}}", "{\"id\":\"7\"}");
    assert_signed(&f, "/c?id=7");
    close_fixture(&f);
}

/* ---- what comes back ---- */

TEST(answers_become_texts_for_the_model)
{
    static const struct {
        const char *target, *response;
        enum webhook_outcome outcome;
        const char *want;
    } cases[] = {
        {"/x", "data.customer", WEBHOOK_OK, "{\"name\":\"Ada\",\"n\":[1,2.50]}"},
        {"/x", "data.nobody", WEBHOOK_ERROR, "{\"error\":\"The answer of the service has no \\\"data.nobody\\\".\"}"},
        {"/500", "", WEBHOOK_ERROR, "{\"error\":\"The service answered with status 500.\"}"},
        {"/404", "data.customer", WEBHOOK_ERROR,
         "{\"error\":\"The service answered with status 404: no such customer\"}"},
        {"/away", "", WEBHOOK_ERROR,
         "{\"error\":\"The service answered with a redirect (302), which is not followed.\"}"},
        {"/html", "", WEBHOOK_ERROR, "{\"error\":\"The service did not answer with valid JSON.\"}"},
        {"/cut", "a", WEBHOOK_ERROR, "{\"error\":\"The service did not answer with valid JSON.\"}"},
        {"/text", "", WEBHOOK_OK, "It is sunny."},
        {"/text", "a", WEBHOOK_ERROR, "{\"error\":\"The service did not answer with valid JSON.\"}"},
        {"/empty", "", WEBHOOK_OK, "{\"status\":\"ok\"}"},
        {"/big", "", WEBHOOK_ERROR, "{\"error\":\"The answer of the service was too large.\"}"},
        {"/large", "", WEBHOOK_ERROR, "{\"error\":\"The answer of the service was too large.\"}"},
    };
    struct fixture f;
    open_fixture(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f.o.response = str_from(cases[i].response);
        run(&f, cases[i].target, "{}");
        assert_output(&f, cases[i].outcome, cases[i].want);
        assert_int_equal(f.tries, 1);
    }
    assert_int_equal(f.requests, ARRAY_LEN(cases)); /* nobody went after the redirect */
    close_fixture(&f);
}

TEST(large_answers_are_read_beside_the_loop)
{
    struct fixture f;
    open_fixture(&f, NULL);
    f.o.max_response_bytes = 1 << 20;
    f.o.response = STR("data");
    run(&f, "/large", "{}");
    assert_output(&f, WEBHOOK_OK, "{\"name\":\"Ada\"}");
    f.o.response = STR("");
    run(&f, "/large", "{}");
    assert_int_equal(f.outcome, WEBHOOK_ERROR);
    assert_true(str_starts(buf_str(&f.output), STR("{\"error\":\"The answer of the service is too long to be used (")));
    close_fixture(&f);
}

/* ---- a server that does as it is told ---- */

struct script {
    const char *replies[4]; /* of one connection each; "" closes without a word */
    int fd;
    uint16_t port;
    uint32_t served;
    pthread_t thread;
};

static void *serve_script(void *arg)
{
    struct script *s = arg;
    for (size_t i = 0; i < ARRAY_LEN(s->replies) && s->replies[i]; i++) {
        char in[8192];
        int c = accept(s->fd, NULL, NULL);
        if (c < 0) {
            break;
        }
        s->served++;
        ssize_t got = recv(c, in, sizeof(in), 0);
        ssize_t put = got > 0 ? send(c, s->replies[i], strlen(s->replies[i]), MSG_NOSIGNAL) : 0;
        (void)put; /* the peer may be gone, that is the point */
        close(c);
    }
    return NULL;
}

static void open_script(struct script *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(a);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s->fd >= 0);
    assert_ok(bind(s->fd, (struct sockaddr *)&a, n));
    assert_ok(listen(s->fd, 4));
    assert_ok(getsockname(s->fd, (struct sockaddr *)&a, &n));
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve_script, s), 0);
}

static uint32_t close_script(struct script *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    return s->served;
}

static void run_script(struct fixture *f, struct script *s)
{
    char url[64];
    open_script(s);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/x", s->port);
    run(f, url, "{}");
}

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nContent-Type: application/json\r\n\r\n{\"a\": 1}"
#define BUSY "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

TEST(a_server_that_breaks_off_is_an_error)
{
    struct fixture f;
    open_fixture(&f, NULL);
    struct script s = {.replies = {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"a\":", GOOD}};
    run_script(&f, &s);
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"The service broke off its answer.\"}");
    assert_int_equal(close_script(&s), 1); /* POST: it may have done what it was asked */
    struct script silent = {.replies = {"", NULL}};
    run_script(&f, &silent);
    assert_int_equal(f.outcome, WEBHOOK_ERROR);
    close_script(&silent);
    struct script noise = {.replies = {"\x16\x03\x01 nonsense\r\n\r\n", NULL}};
    run_script(&f, &noise);
    assert_int_equal(f.outcome, WEBHOOK_ERROR);
    close_script(&noise);
    close_fixture(&f);
}

TEST(only_safe_requests_are_tried_again_and_only_once)
{
    struct fixture f;
    open_fixture(&f, NULL);
    f.o.method = WEBHOOK_GET;
    struct script s = {.replies = {"", GOOD, GOOD}};
    run_script(&f, &s);
    assert_output(&f, WEBHOOK_OK, "{\"a\":1}");
    assert_int_equal(f.tries, 2);
    assert_int_equal(close_script(&s), 2);
    struct script busy = {.replies = {BUSY, BUSY, GOOD}};
    run_script(&f, &busy);
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"The service answered with status 503.\"}");
    assert_int_equal(close_script(&busy), 2);
    f.o.method = WEBHOOK_POST;
    struct script post = {.replies = {BUSY, GOOD}};
    run_script(&f, &post);
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"The service answered with status 503.\"}");
    assert_int_equal(close_script(&post), 1);
    f.o.retry = true;
    struct script again = {.replies = {BUSY, GOOD}};
    run_script(&f, &again);
    assert_output(&f, WEBHOOK_OK, "{\"a\":1}");
    assert_int_equal(close_script(&again), 2);
    run(&f, "/500", "{}"); /* it did answer */
    assert_int_equal(f.tries, 1);
    close_fixture(&f);
}

static bool has_request(void *arg)
{
    struct fixture *f = arg;
    return f->requests > 0;
}

#define SLOWLY(seconds) "HTTP/1.1 429 Slow\r\nRetry-After: " seconds "\r\nContent-Length: 0\r\n\r\n"

TEST(answers_that_ask_for_another_try_are_configured_and_waited_for)
{
    struct fixture f;
    struct webhook *w;
    open_fixture(&f, NULL);
    f.o.method = WEBHOOK_GET;
    f.o.retry_on = webhook_retry_bit(429);
    struct script busy = {.replies = {BUSY, GOOD}};
    run_script(&f, &busy); /* not among them any more */
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"The service answered with status 503.\"}");
    assert_int_equal(close_script(&busy), 1);
    uint64_t before_us = clock_now_us();
    struct script slow = {.replies = {SLOWLY("1"), GOOD}};
    run_script(&f, &slow);
    assert_output(&f, WEBHOOK_OK, "{\"a\":1}");
    assert_true(clock_now_us() - before_us >= 1000000);
    assert_int_equal(close_script(&slow), 2);
    struct script late = {.replies = {SLOWLY("100"), GOOD}};
    run_script(&f, &late); /* longer than anybody waits */
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"The service answered with status 429.\"}");
    assert_int_equal(close_script(&late), 1);
    f.o.method = WEBHOOK_POST;
    struct script post = {.replies = {SLOWLY("1"), GOOD}};
    run_script(&f, &post); /* it may have done what it was asked */
    assert_int_equal(f.outcome, WEBHOOK_ERROR);
    assert_int_equal(close_script(&post), 1);
    f.o.method = WEBHOOK_GET;
    f.requests = 0;
    assert_ok(start(&f, "/429", "{}", &w));
    wait_until(f.loop, has_request, &f);
    settle(f.loop);
    webhook_cancel(w); /* in the pause */
    assert_int_equal(f.done, 0);
    wait_until(f.loop, is_done, &f);
    assert_output(&f, WEBHOOK_CANCELLED, "");
    assert_int_equal(f.tries, 1);
    close_fixture(&f);
}

TEST(only_statuses_that_pass_can_be_named)
{
    static const int passing[] = {408, 425, 429, 500, 502, 503, 504};
    uint32_t seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(passing); i++) {
        uint32_t bit = webhook_retry_bit(passing[i]);
        assert_true(bit && !(seen & bit));
        seen |= bit;
    }
    assert_int_equal(webhook_retry_bit(404), 0);
    assert_int_equal(webhook_retry_bit(200), 0);
    assert_int_equal(WEBHOOK_RETRY_USUAL, webhook_retry_bit(502) | webhook_retry_bit(503) | webhook_retry_bit(504));
}

TEST(nobody_there_is_an_error)
{
    struct fixture f;
    open_fixture(&f, NULL);
    run(&f, "http://127.0.0.1:1/x", "{}");
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"The service cannot be reached.\"}");
    run(&f, "http://no-such-host.invalid/x", "{}");
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"The service cannot be reached.\"}");
    close_fixture(&f);
}

/* ---- time ---- */

TEST(a_server_that_hangs_is_left)
{
    struct fixture f;
    open_fixture(&f, NULL);
    f.o.timeout_ms = 150;
    f.o.method = WEBHOOK_GET;
    run(&f, "/hold", "{}");
    assert_output(&f, WEBHOOK_TIMEOUT, "{\"error\":\"The service did not answer in time. Please try again.\"}");
    assert_int_equal(f.tries, 1);
    close_fixture(&f);
}

static bool is_held(void *arg)
{
    struct fixture *f = arg;
    return f->held != NULL;
}

static bool no_connection(void *arg)
{
    struct fixture *f = arg;
    struct http_server_stats stats;
    http_server_stats(f->server, &stats);
    return stats.connections == 0;
}

TEST(a_cancelled_request_is_broken_off)
{
    struct fixture f;
    struct webhook *w;
    open_fixture(&f, NULL);
    assert_ok(start(&f, "/hold", "{}", &w));
    wait_until(f.loop, is_held, &f);
    webhook_cancel(w);
    webhook_cancel(w); /* twice is once */
    assert_int_equal(f.done, 0);
    wait_until(f.loop, is_done, &f);
    assert_output(&f, WEBHOOK_CANCELLED, "");
    http_respond(f.held, 200, STR("application/json"), STR_NULL, span_of_str(STR("{}"))); /* too late */
    f.held = NULL;
    wait_until(f.loop, no_connection, &f); /* closed, not kept for the next request */
    assert_int_equal(f.done, 1);
    assert_ok(start(&f, "/x", "{}", &w)); /* before anything was sent */
    webhook_cancel(w);
    wait_until(f.loop, is_done, &f);
    assert_output(&f, WEBHOOK_CANCELLED, "");
    close_fixture(&f);
}

TEST(the_client_may_go_first)
{
    struct fixture f;
    struct webhook *w;
    open_fixture(&f, NULL);
    f.o.method = WEBHOOK_GET;
    assert_ok(start(&f, "/hold", "{}", &w));
    wait_until(f.loop, is_held, &f);
    f.client = http_client_free(f.client);
    assert_int_equal(f.done, 1);
    assert_int_equal(f.outcome, WEBHOOK_CANCELLED);
    close_fixture(&f);
}

/* ---- who answers ---- */

TEST(certificates_are_verified)
{
    struct cert_dir good, other;
    struct tls_ctx *tls;
    struct fixture f;
    cert_dir_new(&good, "IP:127.0.0.1", 10);
    cert_dir_new(&other, "IP:127.0.0.1", 10);
    assert_ok(tls_server_new(good.cert, good.key, NULL, &tls));
    open_fixture(&f, tls);
    f.o.method = WEBHOOK_GET;
    f.o.ca_file = good.ca;
    run(&f, "/x", "{}");
    assert_int_equal(f.outcome, WEBHOOK_OK);
    http_client_free(f.client); /* with the connection that it keeps */
    assert_ok(http_client_new(f.loop, &f.client));
    f.o.ca_file = other.ca;
    run(&f, "/x", "{}");
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"There is no secure connection to the service.\"}");
    assert_int_equal(f.tries, 1);
    f.o.ca_file = NULL; /* the system's */
    run(&f, "/x", "{}");
    assert_output(&f, WEBHOOK_ERROR, "{\"error\":\"There is no secure connection to the service.\"}");
    assert_int_equal(f.requests, 1);
    close_fixture(&f);
    tls_unref(tls);
    cert_dir_done(&good);
    cert_dir_done(&other);
}

TEST_MAIN(T(the_default_request_says_who_asks_for_what), T(address_headers_and_body_take_the_values),
          T(hostile_arguments_are_not_sent), T(requests_are_signed), T(answers_become_texts_for_the_model),
          T(large_answers_are_read_beside_the_loop), T(a_server_that_breaks_off_is_an_error),
          T(only_safe_requests_are_tried_again_and_only_once),
          T(answers_that_ask_for_another_try_are_configured_and_waited_for), T(only_statuses_that_pass_can_be_named),
          T(nobody_there_is_an_error), T(a_server_that_hangs_is_left), T(a_cancelled_request_is_broken_off),
          T(the_client_may_go_first), T(certificates_are_verified))
