#include "ws_pair.h"

#include <stdlib.h>

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
            /* all before the loop runs, so that more lies behind the message that closes */
            assert_ok(i % 3 == 1 ? ws_send_text(p.b.ws, STR("x")) : ws_send_ping(p.b.ws, span_of_str(STR("y"))));
            put(p.b.ws, "never heard");
            put(p.b.ws, "never heard");
        }
        pair_run_until_both_closed(&p);
        assert_int_equal(p.a.why.err, acts[i / 3].err);
        assert_int_equal(p.a.messages, i % 3 == 1);
        pair_done(&p);
    }
}

/* ---- sockets of a loop are read first, then what they brought is handled ---- */

static struct ws_pair *ends;

static void abort_the_other(struct ws_end *e)
{
    struct ws_end *other = e == &ends->a ? &ends->b : &ends->a;
    other->in_text = NULL;
    ws_abort(other->ws, -ERR_STATE);
}

TEST(what_was_read_for_a_connection_that_ended_meanwhile_is_dropped)
{
    struct ws_pair p;
    ends = &p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    p.a.in_text = p.b.in_text = abort_the_other;
    put(p.a.ws, "x");
    put(p.b.ws, "y");
    pair_run_until_both_closed(&p);
    assert_int_equal(p.a.messages + p.b.messages, 1);
    pair_done(&p);
}

/* Together more than the loop reads before it hands out. */
TEST(large_messages_of_both_ends_at_once_arrive_complete)
{
    enum { BYTES = 60000 };
    struct ws_pair p;
    uint8_t *data = malloc(BYTES);
    assert_non_null(data);
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    uint64_t sum = 0;
    for (uint8_t round = 0; round < 8; round++) {
        memset(data, 'a' + round, BYTES);
        assert_ok(ws_send_text(p.a.ws, str_of_span(span_from(data, BYTES))));
        assert_ok(ws_send_text(p.b.ws, str_of_span(span_from(data, BYTES))));
        for (size_t k = 0; k < BYTES; k++) {
            sum = sum * 31 + data[k];
        }
    }
    while (p.a.messages < 8 || p.b.messages < 8) {
        p.a.stop_after = p.b.stop_after = 8;
        run_loop(p.loop);
    }
    assert_true(p.a.sum == sum && p.b.sum == sum);
    free(data);
    pair_done(&p);
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

/* ---- the loop ends first ---- */

static void serve_nothing(struct raw *r)
{
    raw_read(r, STR_NULL);
}

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

TEST_MAIN(T(messages_of_every_size_come_back_the_same), T(the_closing_handshake_works_from_the_client),
          T(the_closing_handshake_works_from_the_server), T(a_connection_may_be_closed_in_each_of_its_handlers),
          T(what_was_read_for_a_connection_that_ended_meanwhile_is_dropped),
          T(large_messages_of_both_ends_at_once_arrive_complete), T(everything_may_be_called_on_a_dying_connection),
          T(a_message_over_the_limit_closes_with_1009), T(a_peer_that_does_not_read_is_given_up_at_the_queue_limit),
          T(what_waits_for_a_slow_peer_arrives_complete), T(binary_messages_without_a_handler_close_with_1003),
          T(pings_keep_a_live_connection_and_find_a_dead_one), T(the_protocol_offered_and_selected_is_told),
          T(a_refused_upgrade_gives_status_and_body), T(an_upgrade_may_be_answered_later),
          T(an_upgrade_of_a_peer_that_left_is_refused), T(a_name_is_looked_up_and_its_addresses_tried_in_turn),
          T(urls_that_make_no_sense_are_refused_at_once), T(a_port_where_nobody_listens_refuses),
          T(an_unknown_name_fails_by_name_or_by_deadline), T(freeing_the_loop_closes_what_is_in_any_state))
