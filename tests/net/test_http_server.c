#include "net_test.h"

#include <stdio.h>

#include "net/http_server.h"

enum { MAX_HEADER = 2000, MAX_BODY = 1000 };

/* A server whose routes are what the tests need. */
struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_exchange *held; /* of /hold */
    struct timer *later;        /* of /later */
    struct http_exchange *later_x;
    uint32_t gone; /* streams that ended without us */
    uint32_t requests;
    uint64_t seen; /* hash of what the handler saw, so that a hostile request has to be read */
};

static void answer_later(void *arg)
{
    struct fixture *f = arg;
    struct http_exchange *x = f->later_x;
    f->later_x = NULL;
    http_respond(x, 200, STR("text/plain"), STR_NULL, span_of_str(STR("later")));
}

static void answer_echo(struct http_exchange *x, const struct http_request *req)
{
    struct buf b;
    buf_init(&b, 64 * 1024);
    struct str test = http_header(req, "x-TEST");
    buf_printf(&b, STR_FMT " " STR_FMT " q=" STR_FMT " x=" STR_FMT " ", STR_ARG(req->method), STR_ARG(req->path),
               STR_ARG(req->query), STR_ARG(test));
    buf_put(&b, req->body.p, req->body.n);
    http_respond(x, 200, STR("text/plain"), STR("X-Extra: yes\r\n"), buf_span(&b));
    buf_done(&b);
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct fixture *f = arg;
    f->requests++;
    for (size_t i = 0; i < req->target.n + req->body.n; i++) {
        f->seen = f->seen * 31 + (i < req->target.n ? (uint8_t)req->target.p[i] : req->body.p[i - req->target.n]);
    }
    if (str_is(req->path, "/echo")) {
        answer_echo(x, req);
    } else if (str_is(req->path, "/later")) {
        f->later_x = x;
        timer_start(f->later, 10 * 1000, 0);
    } else if (str_is(req->path, "/hold")) {
        f->held = x;
        loop_stop(f->loop);
    } else if (str_is(req->path, "/none")) {
        http_respond(x, 204, STR_NULL, STR_NULL, (struct span){0});
    } else if (str_is(req->path, "/free")) {
        f->server = http_server_free(f->server);
        http_respond(x, 200, STR_NULL, STR_NULL, (struct span){0}); /* dropped */
    } else {
        http_respond(x, 404, STR("text/plain"), STR_NULL, span_of_str(STR("no such path")));
    }
}

static const struct http_server_handler handler = {.on_request = on_request};

static void fixture_new(struct fixture *f, const struct http_server_opts *more)
{
    *f = (struct fixture){0};
    struct http_server_opts opts = more ? *more : (struct http_server_opts){0};
    opts.host = "127.0.0.1";
    opts.max_header_bytes = MAX_HEADER;
    opts.max_body_bytes = MAX_BODY;
    assert_ok(loop_new(&f->loop));
    assert_ok(http_server_open(f->loop, &opts, &handler, f, &f->server));
    assert_ok(timer_new(f->loop, answer_later, f, &f->later));
}

static void fixture_done(struct fixture *f)
{
    timer_free(f->later);
    http_server_free(f->server);
    loop_free(f->loop);
}

/* Sends arg as it is and reads until the server closes. */
static void send_and_read(struct raw *r)
{
    raw_send(r, str_from(r->arg));
    raw_read(r, STR_NULL);
}

static void send_bytewise(struct raw *r)
{
    for (const char *p = r->arg; *p; p++) {
        raw_send(r, (struct str){p, 1});
    }
    raw_read(r, STR_NULL);
}

static void send_and_half_close(struct raw *r)
{
    raw_send(r, str_from(r->arg));
    shutdown(r->fd, SHUT_WR);
    raw_read(r, STR_NULL);
}

static void send_and_leave(struct raw *r)
{
    raw_send(r, str_from(r->arg));
    raw_wait_ms(20); /* let the request arrive as such */
}

static void talk(struct fixture *f, void (*script)(struct raw *r), const char *bytes, struct raw *ret)
{
    raw_connect(ret, f->loop, http_server_port(f->server), script, bytes);
    run_loop(f->loop);
    raw_join(ret);
}

#define END "Host: x\r\nConnection: close\r\n\r\n"

TEST(a_request_is_answered)
{
    static const char request[] =
        "POST /echo?a=1&b=2 HTTP/1.1\r\nX-Test:  v1 \r\nX-Test: v2\r\nContent-Length: 4\r\n" END "data";
    static const char want[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 30\r\nX-Extra: yes\r\n"
                               "Connection: close\r\n\r\nPOST /echo q=a=1&b=2 x=v1 data";
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    void (*scripts[])(struct raw * r) = {send_and_read, send_bytewise, send_and_half_close};
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        talk(&f, scripts[i], request, &r);
        assert_str_is(buf_str(&r.got), want);
        raw_done(&r);
    }
    fixture_done(&f);
}

TEST(head_and_204_carry_no_body)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    talk(&f, send_and_read, "HEAD /echo HTTP/1.1\r\n" END, &r);
    assert_has(buf_str(&r.got), "Content-Length: 17\r\n");
    assert_true(str_ends(buf_str(&r.got), STR("close\r\n\r\n")));
    raw_done(&r);
    talk(&f, send_and_read, "GET /none HTTP/1.1\r\n" END, &r);
    assert_str_is(buf_str(&r.got), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    raw_done(&r);
    fixture_done(&f);
}

TEST(a_chunked_body_is_put_together)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    talk(&f, send_bytewise,
         "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END
         "3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n",
         &r);
    assert_true(str_ends(buf_str(&r.got), STR("x= abcdefg")));
    raw_done(&r);
    fixture_done(&f);
}

TEST(pipelined_requests_are_answered_in_order_also_when_one_takes_time)
{
    static const char requests[] = "GET /echo?1 HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "POST /echo?3 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
                                   "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "GET /echo?5 HTTP/1.1\r\n" END "GET /echo?never HTTP/1.1\r\n" END;
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    void (*scripts[])(struct raw * r) = {send_and_read, send_bytewise, send_and_half_close};
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        talk(&f, scripts[i], requests, &r);
        struct str got = buf_str(&r.got);
        size_t at[5];
        static const char *const marks[] = {"q=1", "\r\n\r\nlaterHTTP", "q=3 x= hi", "\r\n\r\nlaterHTTP", "q=5"};
        size_t from = 0;
        for (size_t k = 0; k < ARRAY_LEN(marks); k++) {
            size_t found = str_search((struct str){got.p + from, got.n - from}, str_from(marks[k]));
            assert_true(found != SIZE_MAX);
            at[k] = from + found;
            from = at[k] + 1;
        }
        assert_has_not(got, "never");
        raw_done(&r);
    }
    assert_int_equal(f.requests, 15);
    fixture_done(&f);
}

TEST(http_1_0_closes_unless_it_asks_for_more)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    talk(&f, send_and_read, "GET /echo HTTP/1.0\r\n\r\n", &r);
    assert_has(buf_str(&r.got), "Connection: close");
    raw_done(&r);
    talk(&f, send_and_read, "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /echo HTTP/1.0\r\n\r\n", &r);
    assert_has(buf_str(&r.got), "Connection: keep-alive");
    assert_int_equal(f.requests, 3);
    raw_done(&r);
    fixture_done(&f);
}

static void expect_continue(struct raw *r)
{
    raw_send(r, STR("POST /echo HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n" END));
    raw_read(r, STR("100 Continue\r\n\r\n"));
    raw_send(r, STR("body"));
    raw_read(r, STR_NULL);
}

TEST(a_client_that_asks_is_told_to_go_on)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    talk(&f, expect_continue, NULL, &r);
    assert_true(str_starts(buf_str(&r.got), STR("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")));
    assert_true(str_ends(buf_str(&r.got), STR("x= body")));
    raw_done(&r);
    fixture_done(&f);
}

TEST(an_absolute_target_is_understood)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    talk(&f, send_and_read, "GET http://x/echo?q HTTP/1.1\r\n" END, &r);
    assert_true(str_ends(buf_str(&r.got), STR("GET /echo q=q x= ")));
    raw_done(&r);
    fixture_done(&f);
}

TEST(hostile_requests_get_a_named_refusal)
{
    static char long_header[4000], long_target[4000], many_headers[9000], long_chunk[1300];
    size_t n = (size_t)snprintf(long_header, sizeof(long_header), "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    memset(long_header + n, 'a', sizeof(long_header) - n - 1);
    n = (size_t)snprintf(long_target, sizeof(long_target), "GET /");
    memset(long_target + n, 'a', sizeof(long_target) - n - 1);
    n = (size_t)snprintf(many_headers, sizeof(many_headers), "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 120; i++) {
        n += (size_t)snprintf(many_headers + n, sizeof(many_headers) - n, "a:b\r\n");
    }
    n = (size_t)snprintf(long_chunk, sizeof(long_chunk),
                         "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "4b0\r\n");
    memset(long_chunk + n, 'a', sizeof(long_chunk) - n - 1);
    const struct {
        const char *name, *bytes;
        int status;
    } cases[] = {
        {"garbage", "\x16\x03\x01\x02\x00\x01", 400},
        {"no method", " / HTTP/1.1\r\n\r\n", 400},
        {"unknown method", "BREW / HTTP/1.1\r\n" END, 400},
        {"not HTTP", "GET / FTP/1.1\r\n" END, 400},
        {"HTTP/2.0", "GET / HTTP/2.0\r\n" END, 505},
        {"HTTP/1.2", "GET / HTTP/1.2\r\n" END, 505},
        {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two hosts", "GET / HTTP/1.1\r\nHost: y\r\n" END, 400},
        {"space before the colon", "GET / HTTP/1.1\r\nA : b\r\n" END, 400},
        {"length not a number", "POST / HTTP/1.1\r\nContent-Length: x\r\n" END, 400},
        {"negative length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n" END, 400},
        {"two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" END, 400},
        {"length and chunked", "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n",
         400},
        {"unknown coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" END, 400},
        {"bad chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "zz\r\n", 400},
        {"huge chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "ffffffffffffffffff\r\n", 400},
        {"chunks over the limit", long_chunk, 413},
        {"body over the limit", "POST / HTTP/1.1\r\nContent-Length: 1001\r\n" END, 413},
        {"the same with expect", "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n" END, 413},
        {"unknown expectation", "POST / HTTP/1.1\r\nExpect: miracles\r\nContent-Length: 1\r\n" END, 417},
        {"long header", long_header, 431},
        {"many headers", many_headers, 431},
        {"long target", long_target, 414},
    };
    struct fixture f;
    fixture_new(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char want[16];
        struct raw r;
        snprintf(want, sizeof(want), "HTTP/1.1 %d ", cases[i].status);
        talk(&f, send_and_read, cases[i].bytes, &r);
        if (!str_starts(buf_str(&r.got), str_from(want))) {
            print_error("%s: [" STR_FMT "]\n", cases[i].name, STR_ARG(buf_str(&r.got)));
            fail();
        }
        assert_has(buf_str(&r.got), "Connection: close");
        raw_done(&r);
    }
    struct http_server_stats stats;
    http_server_stats(f.server, &stats);
    assert_int_equal(stats.bad_requests, ARRAY_LEN(cases));
    assert_int_equal(stats.requests, 0);
    assert_int_equal(f.requests, 0);
    fixture_done(&f);
}

#define UPGRADE(version, key)                                                                                          \
    "GET /echo HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: " version   \
    "\r\nSec-WebSocket-Key: " key "\r\nHost: x\r\n\r\n"

TEST(malformed_upgrades_are_refused_by_the_server_itself)
{
    static const struct {
        const char *bytes, *want;
    } cases[] = {
        {UPGRADE("12", "dGhlIHNhbXBsZSBub25jZQ=="), "HTTP/1.1 426 Upgrade Required\r\n"},
        {UPGRADE("13", "dGhlIHNhbXBsZSBub25j"), "HTTP/1.1 400 "},
        {UPGRADE("13", "dGhlIHNhbXBsZSBub25jZQ=!"), "HTTP/1.1 400 "},
        {UPGRADE("13", "dGhlIHNhbXBsZSBub25jZWVl"), "HTTP/1.1 400 "},
    };
    struct fixture f;
    fixture_new(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct raw r;
        talk(&f, send_and_read, cases[i].bytes, &r);
        assert_true(str_starts(buf_str(&r.got), str_from(cases[i].want)));
        if (i == 0) {
            assert_has(buf_str(&r.got), "Sec-WebSocket-Version: 13\r\n");
        }
        raw_done(&r);
    }
    assert_int_equal(f.requests, 0);
    fixture_done(&f);
}

TEST(an_upgrade_to_something_else_is_an_ordinary_request)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    talk(&f, send_and_read,
         "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: "
         "AAM\r\n\r\n"
         "GET /echo?second HTTP/1.1\r\n" END,
         &r);
    assert_true(str_ends(buf_str(&r.got), STR("q=second x= ")));
    assert_int_equal(f.requests, 2);
    raw_done(&r);
    fixture_done(&f);
}

/* ---- deadlines ---- */

static void send_and_wait_for_the_end(struct raw *r)
{
    raw_send(r, str_from(r->arg));
    raw_read(r, STR_NULL);
}

TEST(a_slow_request_is_refused_and_a_silent_connection_closed)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, &(struct http_server_opts){.header_deadline_ms = 60, .idle_deadline_ms = 60});
    talk(&f, send_and_wait_for_the_end, "GET /echo HT", &r);
    assert_true(str_starts(buf_str(&r.got), STR("HTTP/1.1 408 Request Timeout\r\n")));
    raw_done(&r);
    talk(&f, send_and_wait_for_the_end, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", &r);
    assert_true(str_starts(buf_str(&r.got), STR("HTTP/1.1 408 Request Timeout\r\n")));
    raw_done(&r);
    talk(&f, send_and_wait_for_the_end, "", &r);
    assert_int_equal(r.got.len, 0);
    raw_done(&r);
    talk(&f, send_and_wait_for_the_end, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n", &r); /* then idle */
    assert_str_is(buf_str(&r.got), "HTTP/1.1 204 No Content\r\n\r\n");
    raw_done(&r);
    fixture_done(&f);
}

/* ---- lives that end early ---- */

TEST(an_answer_after_the_peer_has_left_is_dropped)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    raw_connect(&r, NULL, http_server_port(f.server), send_and_leave, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    run_loop(f.loop);
    raw_join(&r);
    run_loop_for(f.loop, 20 * 1000);
    http_respond(f.held, 200, STR("text/plain"), STR_NULL, span_of_str(STR("hello?")));
    run_loop_for(f.loop, 20 * 1000);
    struct http_server_stats stats;
    http_server_stats(f.server, &stats);
    assert_int_equal(stats.connections, 0);
    raw_done(&r);
    fixture_done(&f);
}

TEST(an_answer_after_the_server_has_gone_is_dropped)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    raw_connect(&r, NULL, http_server_port(f.server), send_and_read, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    run_loop(f.loop);
    f.server = http_server_free(f.server);
    http_respond(f.held, 200, STR_NULL, STR_NULL, (struct span){0});
    run_loop_for(f.loop, 1000);
    raw_join(&r);
    assert_int_equal(r.got.len, 0);
    raw_done(&r);
    fixture_done(&f);
}

static void on_gone(struct http_exchange *x, void *arg)
{
    struct fixture *f = arg;
    f->gone++;
    assert_true(x == f->held);
    assert_err(http_stream_write(x, span_of_str(STR("nobody"))), ERR_CLOSED);
    http_stream_end(x);
    f->held = NULL;
}

static void hold_stream(struct fixture *f, struct raw *r, void (*script)(struct raw *r))
{
    raw_connect(r, NULL, http_server_port(f->server), script, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    run_loop(f->loop);
    assert_ok(
        http_stream_begin(f->held, 200, STR("text/event-stream"), STR("Cache-Control: no-cache\r\n"), on_gone, f));
}

TEST(a_stream_is_written_in_pieces_until_we_end_it)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    hold_stream(&f, &r, send_and_read);
    assert_ok(http_stream_write(f.held, span_of_str(STR("data: 1\n\n"))));
    run_loop_for(f.loop, 5 * 1000);
    assert_ok(http_stream_write(f.held, span_of_str(STR("data: 2\n\n"))));
    http_stream_end(f.held);
    run_loop_for(f.loop, 50 * 1000);
    raw_join(&r);
    assert_true(str_starts(buf_str(&r.got), STR("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                                "Cache-Control: no-cache\r\nConnection: close\r\n\r\n")));
    assert_true(str_ends(buf_str(&r.got), STR("data: 1\n\ndata: 2\n\n")));
    assert_int_equal(f.gone, 0);
    raw_done(&r);
    fixture_done(&f);
}

TEST(a_stream_whose_reader_leaves_is_told_so_once)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    hold_stream(&f, &r, send_and_leave);
    raw_join(&r);
    run_loop_for(f.loop, 50 * 1000);
    assert_int_equal(f.gone, 1);
    struct http_server_stats stats;
    http_server_stats(f.server, &stats);
    assert_int_equal(stats.connections, 0);
    raw_done(&r);
    fixture_done(&f);
}

TEST(a_stream_that_lives_when_the_server_is_freed_is_told_so)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    hold_stream(&f, &r, send_and_read);
    f.server = http_server_free(f.server);
    assert_int_equal(f.gone, 1);
    run_loop_for(f.loop, 10 * 1000);
    raw_join(&r);
    raw_done(&r);
    fixture_done(&f);
}

TEST(a_stream_cannot_begin_when_the_peer_has_left)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    raw_connect(&r, NULL, http_server_port(f.server), send_and_leave, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    run_loop(f.loop);
    raw_join(&r);
    run_loop_for(f.loop, 30 * 1000);
    assert_err(http_stream_begin(f.held, 200, STR("text/plain"), STR_NULL, on_gone, &f), ERR_CLOSED);
    assert_int_equal(f.gone, 0);
    raw_done(&r);
    fixture_done(&f);
}

TEST(the_server_may_be_freed_by_its_handler)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    talk(&f, send_and_read, "GET /free HTTP/1.1\r\nHost: x\r\n\r\nGET /echo HTTP/1.1\r\n" END, &r);
    assert_int_equal(r.got.len, 0);
    assert_int_equal(f.requests, 1);
    raw_done(&r);
    fixture_done(&f);
}

TEST(connections_over_the_limit_are_closed_at_once)
{
    struct fixture f;
    struct raw first, second;
    fixture_new(&f, &(struct http_server_opts){.max_connections = 1});
    raw_connect(&first, NULL, http_server_port(f.server), send_and_read, "GET /hold HTTP/1.1\r\n" END);
    run_loop(f.loop);
    talk(&f, send_and_read, "", &second);
    assert_int_equal(second.got.len, 0);
    http_respond(f.held, 200, STR_NULL, STR_NULL, (struct span){0});
    run_loop_for(f.loop, 10 * 1000);
    raw_join(&first);
    assert_true(str_starts(buf_str(&first.got), STR("HTTP/1.1 200 OK")));
    struct http_server_stats stats;
    http_server_stats(f.server, &stats);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.refused, 1);
    raw_done(&first);
    raw_done(&second);
    fixture_done(&f);
}

TEST(a_port_in_use_is_an_error_unless_it_is_shared)
{
    struct fixture f;
    struct http_server *other;
    fixture_new(&f, NULL);
    struct http_server_opts opts = {.host = "127.0.0.1", .port = http_server_port(f.server)};
    assert_err(http_server_open(f.loop, &opts, &handler, &f, &other), EADDRINUSE);
    opts = (struct http_server_opts){.host = "127.0.0.1", .reuse_port = true};
    assert_ok(http_server_open(f.loop, &opts, &handler, &f, &other));
    opts.port = http_server_port(other);
    struct http_server *third;
    assert_ok(http_server_open(f.loop, &opts, &handler, &f, &third));
    http_server_free(other);
    http_server_free(third);
    opts = (struct http_server_opts){.host = "no such host"};
    assert_err(http_server_open(f.loop, &opts, &handler, &f, &other), ERR_DNS);
    fixture_done(&f);
}

TEST(a_server_that_stopped_listening_refuses_new_connections_only)
{
    struct fixture f;
    struct raw r;
    fixture_new(&f, NULL);
    uint16_t port = http_server_port(f.server);
    raw_connect(&r, NULL, port, send_and_read, "GET /hold HTTP/1.1\r\n" END);
    run_loop(f.loop);
    http_server_stop_listening(f.server);
    http_server_stop_listening(f.server);
    run_loop_for(f.loop, 1000);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = raw_addr(port);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    http_respond(f.held, 200, STR_NULL, STR_NULL, span_of_str(STR("bye")));
    run_loop_for(f.loop, 10 * 1000);
    raw_join(&r);
    assert_true(str_ends(buf_str(&r.got), STR("bye")));
    raw_done(&r);
    fixture_done(&f);
}

/* ---- damage ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*state >> 33);
}

TEST(damaged_requests_never_break_the_server)
{
    static const char good[] =
        "POST /echo?x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Test: y\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    struct fixture f;
    struct raw r;
    uint64_t seed = 7;
    fixture_new(&f, &(struct http_server_opts){.header_deadline_ms = 2000});
    for (int round = 0; round < 400; round++) {
        char bytes[sizeof(good)];
        memcpy(bytes, good, sizeof(good));
        for (uint32_t i = 0; i < 1 + next_random(&seed) % 3; i++) {
            bytes[next_random(&seed) % (sizeof(good) - 1)] = (char)(1 + next_random(&seed) % 255);
        }
        talk(&f, send_and_half_close, bytes, &r);
        assert_true(r.got.len == 0 || str_starts(buf_str(&r.got), STR("HTTP/1.1 ")));
        raw_done(&r);
    }
    talk(&f, send_and_read, "GET /echo HTTP/1.1\r\n" END, &r);
    assert_true(str_starts(buf_str(&r.got), STR("HTTP/1.1 200 OK")));
    raw_done(&r);
    fixture_done(&f);
}

TEST_MAIN(T(a_request_is_answered), T(head_and_204_carry_no_body), T(a_chunked_body_is_put_together),
          T(pipelined_requests_are_answered_in_order_also_when_one_takes_time),
          T(http_1_0_closes_unless_it_asks_for_more), T(a_client_that_asks_is_told_to_go_on),
          T(an_absolute_target_is_understood), T(hostile_requests_get_a_named_refusal),
          T(malformed_upgrades_are_refused_by_the_server_itself),
          T(an_upgrade_to_something_else_is_an_ordinary_request),
          T(a_slow_request_is_refused_and_a_silent_connection_closed), T(an_answer_after_the_peer_has_left_is_dropped),
          T(an_answer_after_the_server_has_gone_is_dropped), T(a_stream_is_written_in_pieces_until_we_end_it),
          T(a_stream_whose_reader_leaves_is_told_so_once), T(a_stream_that_lives_when_the_server_is_freed_is_told_so),
          T(a_stream_cannot_begin_when_the_peer_has_left), T(the_server_may_be_freed_by_its_handler),
          T(connections_over_the_limit_are_closed_at_once), T(a_port_in_use_is_an_error_unless_it_is_shared),
          T(a_server_that_stopped_listening_refuses_new_connections_only), T(damaged_requests_never_break_the_server))
