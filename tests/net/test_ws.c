#include "ws_pair.h"

#include <stdlib.h>

#include "base/base64.h"
#include "net/crypto.h"
#include "wire/ws.h"

/* ---- messages ---- */

TEST(messages_of_every_size_come_back_the_same)
{
    static const uint32_t sizes[] = {0, 1, 125, 126, 65535, 65536, 200000, 1024 * 1024};
    struct ws_pair p;
    uint8_t *data = malloc(1024 * 1024);
    assert_non_null(data);
    for (size_t i = 0; i < 1024 * 1024; i++) {
        data[i] = (uint8_t)('a' + i % 23);
    }
    pair_new(&p, NULL);
    p.b.echo = true;
    pair_open(&p, NULL);
    uint64_t sum = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes) * 2; i++) {
        struct span part = span_from(data, sizes[i / 2]);
        assert_ok(i % 2 ? ws_send_text(p.a.ws, str_of_span(part)) : ws_send_binary(p.a.ws, part));
        for (size_t k = 0; k < part.n; k++) {
            sum = sum * 31 + part.p[k];
        }
    }
    p.a.stop_after = ARRAY_LEN(sizes) * 2;
    run_loop(p.loop);
    assert_true(p.a.sum == sum && p.b.sum == sum);
    assert_int_equal(p.b.messages, p.a.messages);
    assert_int_equal(ws_queued_bytes(p.a.ws), 0);
    assert_true(str_starts(str_from(ws_peer(p.a.ws)), STR("127.0.0.1:")));
    free(data);
    pair_done(&p);
    assert_int_equal(p.a.why.err, -ECANCELED); /* of loop_free */
}

static void put(struct ws *ws, const char *text)
{
    buf_puts(ws_begin(ws), text);
    assert_ok(ws_end(ws));
}

TEST(corked_messages_leave_together_and_in_order)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    ws_cork(p.a.ws);
    ws_cork(p.a.ws); /* nests */
    put(p.a.ws, "one");
    put(p.a.ws, "");
    assert_ok(ws_send_ping(p.a.ws, span_of_str(STR("p"))));
    put(p.a.ws, "three");
    ws_uncork(p.a.ws);
    assert_true(ws_queued_bytes(p.a.ws) > 0);
    run_loop_for(p.loop, 5000);
    assert_int_equal(p.b.messages, 0);
    put(p.a.ws, "four");
    ws_uncork(p.a.ws);
    assert_int_equal(ws_queued_bytes(p.a.ws), 0);
    p.b.stop_after = 4;
    run_loop(p.loop);
    assert_str_is(buf_str(&p.b.log), "t:one t: ping:p t:three t:four ");
    pair_done(&p);
}

TEST(two_corked_connections_do_not_disturb_each_other)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    ws_cork(p.a.ws);
    ws_cork(p.b.ws);
    for (int i = 0; i < 3; i++) {
        put(p.a.ws, "from a");
        put(p.a.ws, "again");
        put(p.b.ws, "from b");
    }
    ws_uncork(p.a.ws);
    put(p.b.ws, "last");
    p.b.stop_after = 6;
    run_loop(p.loop);
    assert_int_equal(p.a.messages, 0);
    ws_uncork(p.b.ws);
    p.a.stop_after = 4;
    run_loop(p.loop);
    assert_str_is(buf_str(&p.b.log), "t:from a t:again t:from a t:again t:from a t:again ");
    assert_str_is(buf_str(&p.a.log), "open: t:from b t:from b t:from b t:last ");
    pair_done(&p);
}

TEST(what_is_sent_in_one_pass_leaves_at_its_end)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    put(p.a.ws, "one");
    size_t one = ws_queued_bytes(p.a.ws);
    assert_true(one > 3);
    put(p.b.ws, "answer");
    put(p.a.ws, "two");
    assert_int_equal(ws_queued_bytes(p.a.ws), one * 2); /* behind a message of another connection */
    p.b.stop_after = 2;
    run_loop(p.loop);
    assert_int_equal(ws_queued_bytes(p.a.ws), 0);
    assert_str_is(buf_str(&p.b.log), "t:one t:two ");
    pair_done(&p);
}

/* Many more than may wait: some leave in the middle of the pass. */
TEST(messages_of_two_connections_in_turn_keep_their_order)
{
    struct ws_pair p;
    struct buf expected;
    buf_init(&expected, 1 << 16);
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    for (int i = 0; i < 150; i++) {
        char text[16];
        ignore_result(snprintf(text, sizeof(text), "%d", i) < 0);
        put(p.a.ws, text);
        put(p.b.ws, text);
        buf_printf(&expected, "t:%s ", text);
    }
    p.b.stop_after = 150;
    run_loop(p.loop);
    assert_true(str_eq(buf_str(&p.b.log), buf_str(&expected)));
    while (p.a.messages < 150) {
        p.a.stop_after = 150;
        run_loop(p.loop);
    }
    struct str heard = buf_str(&p.a.log);
    assert_true(str_ends(heard, buf_str(&expected)));
    buf_done(&expected);
    pair_done(&p);
}

/* Each of two connections has messages on both sides of the other's when one is dropped. */
TEST(a_connection_that_dies_takes_only_its_own_messages_along)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    put(p.a.ws, "never");
    put(p.b.ws, "heard");
    put(p.a.ws, "never");
    put(p.b.ws, "too");
    ws_abort(p.a.ws, -ERR_STATE);
    assert_int_equal(ws_queued_bytes(p.a.ws), 0);
    assert_true(ws_queued_bytes(p.b.ws) > 0);
    put(p.b.ws, "and this");
    pair_run_until_both_closed(&p);
    assert_int_equal(p.b.messages, 0);
    assert_int_equal(p.a.why.err, -ERR_STATE);
    pair_done(&p);
}

TEST(a_message_that_was_begun_and_dropped_leaves_no_trace)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    buf_puts(ws_begin(p.a.ws), "never");
    put(p.b.ws, "hello");
    put(p.a.ws, "sent");
    p.b.stop_after = 1;
    run_loop(p.loop);
    assert_str_is(buf_str(&p.b.log), "t:sent ");
    pair_done(&p);
}

static void abort_ws(struct ws_end *e)
{
    ws_abort(e->ws, -ERR_STATE);
}

TEST(a_message_that_cannot_be_built_is_an_error_and_nothing_is_sent)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    buf_put(ws_begin(p.a.ws), "x", (size_t)1 << 40);
    assert_err(ws_end(p.a.ws), ERR_TOO_BIG);
    assert_err(ws_send_ping(p.a.ws, span_from("", 126)), ERR_TOO_BIG);
    put(p.a.ws, "fine");
    p.b.stop_after = 1;
    run_loop(p.loop);
    assert_str_is(buf_str(&p.b.log), "t:fine ");
    pair_done(&p);
}

/* ---- closing ---- */

TEST(the_closing_handshake_works_from_the_client)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    put(p.a.ws, "last words");
    ws_close(p.a.ws, 4001, STR("bye"));
    ws_close(p.a.ws, 4002, STR("again")); /* idempotent */
    assert_err(ws_send_text(p.a.ws, STR("x")), ERR_CLOSED);
    pair_run_until_both_closed(&p);
    assert_str_is(buf_str(&p.b.log), "t:last words ");
    assert_int_equal(p.a.why.err, 0);
    assert_int_equal(p.a.why.code, 4001); /* echoed */
    assert_int_equal(p.b.why.err, 0);
    assert_int_equal(p.b.why.code, 4001);
    assert_string_equal(p.b.reason, "bye");
    pair_done(&p);
}

TEST(the_closing_handshake_works_from_the_server)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    ws_close(p.b.ws, 1000, STR_NULL);
    pair_run_until_both_closed(&p);
    assert_int_equal(p.a.why.err, 0);
    assert_int_equal(p.a.why.code, 1000);
    assert_int_equal(p.b.why.err, 0);
    pair_done(&p);
}

static void close_ws(struct ws_end *e)
{
    ws_close(e->ws, 1000, STR("enough"));
}

TEST(a_connection_may_be_closed_in_each_of_its_handlers)
{
    static const struct {
        ws_end_fn fn;
        int err;
    } acts[] = {{close_ws, 0}, {abort_ws, -ERR_STATE}};
    for (size_t i = 0; i < ARRAY_LEN(acts) * 3; i++) {
        struct ws_pair p;
        pair_new(&p, NULL);
        ws_end_fn fn = acts[i / 3].fn;
        if (i % 3 == 0) {
            p.a.in_open = fn;
            pair_connect(&p, NULL);
        } else {
            pair_open(&p, NULL);
            p.a.in_text = i % 3 == 1 ? fn : NULL;
            p.a.in_ping = i % 3 == 2 ? fn : NULL;
            ws_cork(p.b.ws); /* all in one piece, so that more lies behind the message that closes */
            assert_ok(i % 3 == 1 ? ws_send_text(p.b.ws, STR("x")) : ws_send_ping(p.b.ws, span_of_str(STR("y"))));
            put(p.b.ws, "never heard");
            put(p.b.ws, "never heard");
            ws_uncork(p.b.ws);
        }
        pair_run_until_both_closed(&p);
        assert_int_equal(p.a.why.err, acts[i / 3].err);
        assert_int_equal(p.a.messages, i % 3 == 1);
        pair_done(&p);
    }
}

static void close_the_loop_side(struct ws_end *e)
{
    ws_close(e->ws, 1000, STR_NULL);
    ws_abort(e->ws, -EPERM);
    assert_err(ws_send_text(e->ws, STR("too late")), ERR_CLOSED);
    ws_pause_reading(e->ws, true);
    assert_int_equal(ws_queued_bytes(e->ws), 0);
}

TEST(everything_may_be_called_on_a_dying_connection)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.a.in_closed = close_the_loop_side;
    pair_open(&p, NULL);
    ws_abort(p.a.ws, -ERR_LIMIT);
    assert_false(p.a.closed); /* from the next pass only */
    close_the_loop_side(&p.a);
    pair_run_until_both_closed(&p);
    assert_int_equal(p.a.why.err, -ERR_LIMIT); /* the first reason stays */
    assert_int_equal(p.a.why.code, 1006);
    assert_int_equal(p.b.why.err, -ERR_CLOSED);
    assert_int_equal(p.b.why.code, 1006);
    pair_done(&p);
}

/* ---- limits ---- */

TEST(a_message_over_the_limit_closes_with_1009)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.b_opts.max_message_bytes = 100;
    pair_open(&p, NULL);
    char text[101];
    memset(text, 'x', sizeof(text));
    assert_ok(ws_send_text(p.a.ws, (struct str){text, 100}));
    assert_ok(ws_send_text(p.a.ws, (struct str){text, 101}));
    pair_run_until_both_closed(&p);
    assert_int_equal(p.b.messages, 1);
    assert_int_equal(p.b.why.err, -ERR_TOO_BIG);
    assert_int_equal(p.a.why.code, 1009);
    pair_done(&p);
}

TEST(a_peer_that_does_not_read_is_given_up_at_the_queue_limit)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.b_opts.max_queue_bytes = 300000;
    pair_open(&p, NULL);
    ws_pause_reading(p.a.ws, true);
    char text[10000];
    memset(text, 'x', sizeof(text));
    int err = 0;
    for (int i = 0; i < 10000 && err == 0; i++) {
        err = ws_send_text(p.b.ws, (struct str){text, sizeof(text)});
        assert_true(ws_queued_bytes(p.b.ws) <= 300000);
    }
    assert_int_equal(err, -ERR_LIMIT);
    assert_err(ws_send_text(p.b.ws, STR("x")), ERR_CLOSED);
    ws_pause_reading(p.a.ws, false);
    pair_run_until_both_closed(&p);
    assert_int_equal(p.b.why.err, -ERR_LIMIT);
    assert_true(p.a.messages > 0);
    pair_done(&p);
}

TEST(what_waits_for_a_slow_peer_arrives_complete)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.b_opts = (struct ws_opts){.max_queue_bytes = 40 * 1024 * 1024, .close_deadline_ms = 15 * 1000};
    pair_open(&p, NULL);
    ws_pause_reading(p.a.ws, true);
    char text[10000];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 1500; i++) {
        assert_ok(ws_send_text(p.b.ws, (struct str){text, sizeof(text)}));
    }
    assert_true(ws_queued_bytes(p.b.ws) > 0);
    run_loop_for(p.loop, 10 * 1000);
    assert_int_equal(p.a.messages, 0);
    ws_close(p.b.ws, 1000, STR_NULL); /* waits behind the queue */
    ws_pause_reading(p.a.ws, false);
    pair_run_until_both_closed(&p);
    assert_int_equal(p.a.messages, 1500);
    assert_int_equal(p.a.bytes, 15000000);
    assert_int_equal(p.a.why.err, 0);
    pair_done(&p);
}

TEST(binary_messages_without_a_handler_close_with_1003)
{
    static const struct ws_handler text_only = {
        .on_open = end_on_open, .on_text = end_on_text, .on_closed = end_on_closed};
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    ws_set_arg(p.b.ws, &text_only, &p.b);
    assert_ok(ws_send_binary(p.a.ws, span_of_str(STR("x"))));
    pair_run_until_both_closed(&p);
    assert_int_equal(p.a.why.code, 1003);
    assert_int_equal(p.b.why.err, -ERR_WS);
    pair_done(&p);
}

/* ---- pings ---- */

TEST(pings_keep_a_live_connection_and_find_a_dead_one)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.b_opts = (struct ws_opts){.ping_ms = 5, .pong_deadline_ms = 500};
    pair_open(&p, NULL);
    run_loop_for(p.loop, 60 * 1000);
    assert_false(p.b.closed);
    assert_true(p.a.pings >= 3);
    pair_done(&p);

    pair_new(&p, NULL);
    p.b_opts = (struct ws_opts){.ping_ms = 5, .pong_deadline_ms = 30};
    pair_open(&p, NULL);
    ws_pause_reading(p.a.ws, true);
    p.b.stop_when_closed = true;
    run_loop(p.loop);
    assert_int_equal(p.b.why.err, -ETIMEDOUT);
    pair_done(&p);
}

/* ---- opening ---- */

TEST(the_protocol_offered_and_selected_is_told)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.protocol = STR("realtime");
    pair_open(&p, &(struct ws_client_opts){.protocol = STR("openai-beta.realtime-v1, realtime")});
    assert_str_is(buf_str(&p.a.log), "open:realtime ");
    pair_done(&p);

    pair_new(&p, NULL);
    p.protocol = STR("other");
    p.a.stop_when_closed = true;
    pair_connect(&p, &(struct ws_client_opts){.protocol = STR("realtime")});
    run_loop(p.loop);
    assert_false(p.a.opened);
    assert_int_equal(p.a.why.err, -ERR_WS);
    pair_done(&p);
}

TEST(a_refused_upgrade_gives_status_and_body)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.refuse_status = 401;
    p.a.stop_when_closed = true;
    pair_connect(&p, NULL);
    run_loop(p.loop);
    assert_int_equal(p.a.why.err, -ERR_HTTP);
    assert_int_equal(p.a.why.http_status, 401);
    assert_string_equal(p.a.reason, "{\"error\":\"no\"}");
    pair_done(&p);
}

TEST(an_upgrade_may_be_answered_later)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.hold = true;
    pair_connect(&p, NULL);
    run_loop(p.loop);
    assert_false(p.a.opened);
    pair_upgrade(&p, p.held);
    p.a.in_open = end_stop;
    run_loop(p.loop);
    assert_true(p.a.opened);
    pair_done(&p);
}

TEST(an_upgrade_of_a_peer_that_left_is_refused)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.hold = true;
    pair_connect(&p, NULL);
    run_loop(p.loop);
    ws_abort(p.a.ws, -ECANCELED);
    run_loop_for(p.loop, 10 * 1000);
    assert_err(http_upgrade(p.held, STR_NULL, &p.b_opts, &end_handler, &p.b, &p.b.ws), ERR_CLOSED);
    pair_done(&p);
}

TEST(a_name_is_looked_up_and_its_addresses_tried_in_turn)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    p.host = "localhost"; /* ::1 may come first, where nobody listens */
    pair_open(&p, NULL);
    pair_done(&p);
}

TEST(urls_that_make_no_sense_are_refused_at_once)
{
    static const char *const urls[] = {"",           "ws://",           "http://x/",     "ws:///x",
                                       "ws://u@h/",  "ws://h:0/",       "ws://h:65536/", "ws://h:x/",
                                       "ws://h:/",   "ws://[::1/",      "ws://[::1]x/",  "ws://[]/",
                                       "ws://h/a b", "ws://h/\r\nX: y", "ws://h/#f",     "ws://h\x80/"};
    struct loop *loop;
    struct ws_end e;
    assert_ok(loop_new(&loop));
    end_init(&e, loop);
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct ws_client_opts opts = {.url = str_from(urls[i])};
        assert_err(ws_connect(loop, &opts, &end_handler, &e, &e.ws), EINVAL);
    }
    struct ws_client_opts opts = {.url = STR("ws://h/"), .headers = STR("X: y")};
    assert_err(ws_connect(loop, &opts, &end_handler, &e, &e.ws), EINVAL);
    run_loop_for(loop, 2000);
    assert_false(e.closed);
    loop_free(loop);
}

/* Connects to a port and runs until it has failed. */
static void connect_in_vain(const char *host, uint16_t port, uint32_t deadline_ms, struct ws_end *e)
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

TEST(a_port_where_nobody_listens_refuses)
{
    struct ws_end e;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = raw_addr(0);
    socklen_t size = sizeof(a);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0); /* taken, not listening */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    connect_in_vain("127.0.0.1", ntohs(a.sin_port), 0, &e);
    assert_int_equal(e.why.err, -ECONNREFUSED);
    assert_int_equal(e.why.code, 1006);
    close(fd);
}

TEST(an_unknown_name_fails_by_name_or_by_deadline)
{
    struct ws_end e;
    connect_in_vain("no-such-host.invalid", 80, 300, &e);
    assert_true(e.why.err == -ERR_DNS || e.why.err == -ETIMEDOUT);
}

/* ---- raw servers: what a client may meet ---- */

static void serve_nothing(struct raw *r)
{
    raw_read(r, STR_NULL);
}

TEST(a_server_that_says_nothing_is_given_up_at_the_deadline)
{
    struct raw r;
    struct ws_end e;
    raw_listen(&r, NULL, serve_nothing, NULL);
    connect_in_vain("127.0.0.1", r.port, 50, &e);
    assert_int_equal(e.why.err, -ETIMEDOUT);
    raw_join(&r);
    assert_true(str_starts(buf_str(&r.got), STR("GET / HTTP/1.1\r\nHost: 127.0.0.1:")));
    raw_done(&r);
}

/* Sends arg instead of an honest answer. %s in it becomes the right accept key. */
static void serve(struct raw *r)
{
    struct str got = buf_str(&r->got);
    size_t at = str_search(got, STR("Sec-WebSocket-Key: ")) + 19;
    char source[100], accept[29];
    uint8_t sha1[20];
    snprintf(source, sizeof(source), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", got.p + at);
    crypto_sha1(span_of_str(str_from(source)), sha1);
    accept[base64_encode(accept, span_from(sha1, 20))] = '\0';
    struct str answer = str_from(r->arg);
    size_t key_at = str_search(answer, STR("%s"));
    if (key_at == SIZE_MAX) {
        raw_send(r, answer);
    } else {
        raw_send(r, (struct str){answer.p, key_at});
        raw_send(r, str_from(accept));
        raw_send(r, (struct str){answer.p + key_at + 2, answer.n - key_at - 2});
    }
}

static void serve_answer_and_stay(struct raw *r)
{
    raw_read(r, STR("\r\n\r\n"));
    serve(r);
    raw_read(r, STR_NULL);
}

static void serve_answer(struct raw *r)
{
    raw_read(r, STR("\r\n\r\n"));
    serve(r);
    shutdown(r->fd, SHUT_WR);
    raw_read(r, STR_NULL);
}

#define HEAD101 "HTTP/1.1 101 Switching Protocols\r\n"
#define GOOD    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"

TEST(answers_that_are_no_good_upgrade_are_refused)
{
    static char endless[20000];
    size_t n = (size_t)snprintf(endless, sizeof(endless), HEAD101 "X: ");
    memset(endless + n, 'a', sizeof(endless) - n - 1);
    const struct {
        const char *name, *answer;
        int err;
    } cases[] = {
        {"nothing", "", -ERR_CLOSED},
        {"half a header", HEAD101, -ERR_CLOSED},
        {"garbage", "SSH-2.0-OpenSSH\r\n\r\n", -ERR_HTTP},
        {"HTTP/1.0", "HTTP/1.0 101 Switching\r\n" GOOD "\r\n", -ERR_HTTP},
        {"status of four digits", "HTTP/1.1 1010 X\r\n" GOOD "\r\n", -ERR_HTTP},
        {"status of letters", "HTTP/1.1 abc X\r\n" GOOD "\r\n", -ERR_HTTP},
        {"header without a colon", HEAD101 "what\r\n" GOOD "\r\n", -ERR_HTTP},
        {"200", "HTTP/1.1 200 OK\r\n" GOOD "\r\n", -ERR_HTTP},
        {"redirect", "HTTP/1.1 302 Found\r\nLocation: ws://x/\r\n\r\n", -ERR_HTTP},
        {"no upgrade", HEAD101 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", -ERR_WS},
        {"no connection", HEAD101 "Upgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", -ERR_WS},
        {"no accept", HEAD101 "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", -ERR_WS},
        {"wrong accept", HEAD101 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA%s\r\n\r\n",
         -ERR_WS},
        {"two accepts", HEAD101 GOOD "Sec-WebSocket-Accept: x\r\n\r\n", -ERR_WS},
        {"an extension", HEAD101 GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", -ERR_WS},
        {"a protocol", HEAD101 GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n", -ERR_WS},
        {"endless header", endless, -ERR_TOO_BIG},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct raw r;
        struct ws_end e;
        raw_listen(&r, NULL, serve_answer, cases[i].answer);
        connect_in_vain("127.0.0.1", r.port, 0, &e);
        raw_join(&r);
        raw_done(&r);
        if (e.why.err != cases[i].err) {
            print_error("%s: %s (%s)\n", cases[i].name, err_name(e.why.err), e.reason);
            fail();
        }
    }
}

/* A client on a raw server that answers well and then goes on with arg. */
static void meet_server(const char *answer, void (*script)(struct raw *r), ws_end_fn in_open, struct ws_end *e,
                        struct raw *r)
{
    struct loop *loop;
    char url[100];
    raw_listen(r, NULL, script, answer);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", r->port);
    assert_ok(loop_new(&loop));
    end_init(e, loop);
    e->stop_when_closed = true;
    e->in_open = in_open;
    struct ws_client_opts opts = {.url = str_from(url), .ws = {.close_deadline_ms = 60}};
    assert_ok(ws_connect(loop, &opts, &end_handler, e, &e->ws));
    run_loop(loop);
    loop_free(loop);
    raw_join(r);
}

TEST(frames_right_behind_the_101_are_heard)
{
    struct raw r;
    struct ws_end e;
    meet_server(HEAD101 GOOD "\r\n\x81\x02hi\x81\x05there", serve_answer, NULL, &e, &r);
    assert_str_is(buf_str(&e.log), "open: t:hi t:there ");
    assert_int_equal(e.why.err, -ERR_CLOSED); /* vanished without a close frame */
    assert_int_equal(e.why.code, 1006);
    buf_done(&e.log);
    raw_done(&r);
}

TEST(a_handler_may_abort_before_the_frames_behind_the_101)
{
    struct raw r;
    struct ws_end e;
    meet_server(HEAD101 GOOD "\r\n\x81\x02hi", serve_answer, abort_ws, &e, &r);
    assert_str_is(buf_str(&e.log), "open: ");
    assert_int_equal(e.why.err, -ERR_STATE);
    buf_done(&e.log);
    raw_done(&r);
}

TEST(a_server_that_never_answers_the_close_frame_is_given_up)
{
    struct raw r;
    struct ws_end e;
    meet_server(HEAD101 GOOD "\r\n", serve_answer_and_stay, close_ws, &e, &r);
    assert_int_equal(e.why.err, -ETIMEDOUT);
    assert_int_equal(e.why.code, 1006);
    buf_done(&e.log);
    raw_done(&r);
}

/* ---- raw clients: what a server may meet ---- */

#define REQUEST                                                                                                        \
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"          \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

struct bytes {
    const char *p;
    size_t n;
};

#define BYTES(s)                                                                                                       \
    {                                                                                                                  \
        s, sizeof(s) - 1                                                                                               \
    }

static void send_request_and_frames(struct raw *r)
{
    const struct bytes *frames = r->arg;
    raw_send(r, STR(REQUEST));
    raw_send(r, (struct str){frames->p, frames->n});
    raw_read(r, STR_NULL);
}

static void meet_client(struct ws_pair *p, void (*script)(struct raw *r), const struct bytes *frames, struct raw *r)
{
    pair_new(p, NULL);
    p->b.stop_when_closed = true;
    p->b_opts.close_deadline_ms = 200;
    raw_connect(r, NULL, http_server_port(p->server), script, frames);
    run_loop(p->loop);
    run_loop_for(p->loop, 1000);
    http_server_free(p->server);
    loop_free(p->loop);
    raw_join(r);
}

static void meet_done(struct ws_pair *p, struct raw *r)
{
    buf_done(&p->a.log);
    buf_done(&p->b.log);
    raw_done(r);
}

TEST(the_sample_key_of_rfc_6455_is_accepted_and_compression_declined)
{
    struct ws_pair p;
    struct raw r;
    const struct bytes frames = BYTES("\x88\x80\x01\x02\x03\x04");
    meet_client(&p, send_request_and_frames, &frames, &r);
    static const char want[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x88\x00";
    assert_true(str_eq(buf_str(&r.got), STR(want)));
    assert_int_equal(p.b.why.err, 0);
    assert_int_equal(p.b.why.code, 1005);
    meet_done(&p, &r);
}

TEST(a_client_that_breaks_the_protocol_reads_why)
{
    static const struct {
        const char *name;
        struct bytes frames;
        int err;
        uint16_t code;
    } cases[] = {
        {"unmasked", BYTES("\x81\x02hi"), -ERR_WS, 1002},
        {"reserved bit", BYTES("\xc1\x80\x00\x00\x00\x00"), -ERR_WS, 1002},
        {"reserved opcode", BYTES("\x83\x80\x00\x00\x00\x00"), -ERR_WS, 1002},
        {"fragmented ping", BYTES("\x09\x80\x00\x00\x00\x00"), -ERR_WS, 1002},
        {"bad close code", BYTES("\x88\x82\x00\x00\x00\x00\x03\xed"), -ERR_WS, 1002},
        {"bad UTF-8", BYTES("\x81\x81\x00\x00\x00\x00\xff"), -ERR_UTF8, 1007},
        {"10 MB", BYTES("\x81\xff\x00\x00\x00\x00\x00\x9f\xff\xff\x00\x00\x00\x00"), -ERR_TOO_BIG, 1009},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ws_pair p;
        struct raw r;
        meet_client(&p, send_request_and_frames, &cases[i].frames, &r);
        struct str got = buf_str(&r.got);
        size_t at = str_search(got, STR("\r\n\r\n")) + 4;
        assert_true(got.n >= at + 4);
        assert_int_equal((uint8_t)got.p[at], 0x88);
        uint16_t code = (uint16_t)((uint8_t)got.p[at + 2] << 8 | (uint8_t)got.p[at + 3]);
        if (code != cases[i].code || p.b.why.err != cases[i].err || p.b.messages > 0) {
            print_error("%s: code %u, %s\n", cases[i].name, code, err_name(p.b.why.err));
            fail();
        }
        assert_int_equal(p.b.why.code, 1006);
        meet_done(&p, &r);
    }
}

static void send_request_and_frames_bytewise(struct raw *r)
{
    const struct bytes *frames = r->arg;
    raw_send(r, STR(REQUEST));
    raw_read(r, STR("\r\n\r\n"));
    for (size_t i = 0; i < frames->n; i++) {
        raw_send(r, (struct str){frames->p + i, 1});
        if (i % 3 == 0) {
            raw_wait_ms(1);
        }
    }
    raw_read(r, STR_NULL);
}

TEST(frames_are_understood_byte_by_byte)
{
    struct ws_pair p;
    struct raw r;
    const struct bytes frames = BYTES("\x01\x81\x00\x00\x00\x00H\x89\x81\x00\x00\x00\x00?\x80\x81\x00\x00\x00\x00i"
                                      "\x82\x80\x00\x00\x00\x00\x88\x82\x00\x00\x00\x00\x03\xe8");
    meet_client(&p, send_request_and_frames_bytewise, &frames, &r);
    assert_str_is(buf_str(&p.b.log), "ping:? t:Hi b: ");
    assert_true(str_ends(buf_str(&r.got), STR("\r\n\r\n\x8a\x01?\x88\x02\x03\xe8")));
    assert_int_equal(p.b.why.err, 0);
    meet_done(&p, &r);
}

static void send_request_and_reset(struct raw *r)
{
    raw_send(r, STR(REQUEST));
    raw_read(r, STR("\r\n\r\n"));
    struct linger now = {.l_onoff = 1};
    setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(r->fd);
    r->fd = -1;
}

TEST(a_connection_that_is_reset_ends_with_the_system_s_error)
{
    struct ws_pair p;
    struct raw r;
    meet_client(&p, send_request_and_reset, NULL, &r);
    assert_int_equal(p.b.why.err, -ECONNRESET);
    meet_done(&p, &r);
}

static void send_request_and_ignore_the_close(struct raw *r)
{
    raw_send(r, STR(REQUEST));
    raw_read(r, STR("\x88"));
    raw_wait_ms(100);
}

TEST(a_client_that_never_answers_the_close_frame_is_given_up)
{
    struct ws_pair p;
    struct raw r;
    pair_new(&p, NULL);
    p.hold = true;
    p.b.stop_when_closed = true;
    p.b_opts.close_deadline_ms = 20;
    raw_connect(&r, NULL, http_server_port(p.server), send_request_and_ignore_the_close, NULL);
    run_loop(p.loop);
    pair_upgrade(&p, p.held);
    ws_close(p.b.ws, 1000, STR("go"));
    run_loop(p.loop);
    assert_int_equal(p.b.why.err, -ETIMEDOUT);
    assert_int_equal(p.b.why.code, 1006);
    pair_done(&p);
    raw_join(&r);
    raw_done(&r);
}

/* ---- the loop ends first ---- */

TEST(freeing_the_loop_closes_what_is_in_any_state)
{
    struct ws_pair p;
    struct raw silent;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    struct ws_end looking, connecting, closing;
    end_init(&looking, p.loop);
    end_init(&connecting, p.loop);
    end_init(&closing, p.loop);
    raw_listen(&silent, NULL, serve_nothing, NULL);
    char url[64];
    struct ws_client_opts opts = {.url = STR("ws://localhost:1/")};
    assert_ok(ws_connect(p.loop, &opts, &end_handler, &looking, &looking.ws));
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", silent.port);
    opts.url = str_from(url);
    assert_ok(ws_connect(p.loop, &opts, &end_handler, &connecting, &connecting.ws));
    run_loop_for(p.loop, 1);
    ws_close(p.b.ws, 1000, STR_NULL);
    pair_done(&p);
    raw_join(&silent);
    assert_true(p.a.closed && p.b.closed && looking.closed && connecting.closed);
    assert_int_equal(connecting.why.err, -ECANCELED);
    raw_done(&silent);
}

TEST_MAIN(T(messages_of_every_size_come_back_the_same), T(corked_messages_leave_together_and_in_order),
          T(two_corked_connections_do_not_disturb_each_other), T(what_is_sent_in_one_pass_leaves_at_its_end),
          T(messages_of_two_connections_in_turn_keep_their_order),
          T(a_connection_that_dies_takes_only_its_own_messages_along),
          T(a_message_that_was_begun_and_dropped_leaves_no_trace),
          T(a_message_that_cannot_be_built_is_an_error_and_nothing_is_sent),
          T(the_closing_handshake_works_from_the_client), T(the_closing_handshake_works_from_the_server),
          T(a_connection_may_be_closed_in_each_of_its_handlers), T(everything_may_be_called_on_a_dying_connection),
          T(a_message_over_the_limit_closes_with_1009), T(a_peer_that_does_not_read_is_given_up_at_the_queue_limit),
          T(what_waits_for_a_slow_peer_arrives_complete), T(binary_messages_without_a_handler_close_with_1003),
          T(pings_keep_a_live_connection_and_find_a_dead_one), T(the_protocol_offered_and_selected_is_told),
          T(a_refused_upgrade_gives_status_and_body), T(an_upgrade_may_be_answered_later),
          T(an_upgrade_of_a_peer_that_left_is_refused), T(a_name_is_looked_up_and_its_addresses_tried_in_turn),
          T(urls_that_make_no_sense_are_refused_at_once), T(a_port_where_nobody_listens_refuses),
          T(an_unknown_name_fails_by_name_or_by_deadline), T(a_server_that_says_nothing_is_given_up_at_the_deadline),
          T(answers_that_are_no_good_upgrade_are_refused), T(frames_right_behind_the_101_are_heard),
          T(a_handler_may_abort_before_the_frames_behind_the_101),
          T(a_server_that_never_answers_the_close_frame_is_given_up),
          T(the_sample_key_of_rfc_6455_is_accepted_and_compression_declined),
          T(a_client_that_breaks_the_protocol_reads_why), T(frames_are_understood_byte_by_byte),
          T(a_connection_that_is_reset_ends_with_the_system_s_error),
          T(a_client_that_never_answers_the_close_frame_is_given_up), T(freeing_the_loop_closes_what_is_in_any_state))
