/* What leaves when: the frames of all connections gather, and each connection gets one write at the end of the pass. */
#include "ws_pair.h"

#include <stdlib.h>

/* ---- writes, counted below the code under test ---- */

static uint32_t writes, writes_before_hearing;

ssize_t __real_send(int fd, const void *p, size_t n, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);

ssize_t __wrap_send(int fd, const void *p, size_t n, int flags)
{
    writes++;
    return __real_send(fd, p, n, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    writes++;
    return __real_sendmsg(fd, msg, flags);
}

static void note_writes(struct ws_end *e)
{
    if (e->messages == 1) {
        writes_before_hearing = writes;
    }
}

/* ---- one pass ---- */

static void say_much(struct ws_end *e)
{
    struct ws *other = CONTAINER_OF(e, struct ws_pair, a)->b.ws;
    e->in_text = NULL; /* once */
    writes = 0;
    put(e->ws, "one");
    put(e->ws, "");
    put(other, "between");
    assert_ok(ws_send_ping(e->ws, span_of_str(STR("p"))));
    put(e->ws, "three");
    put(other, "again");
    put(e->ws, "four");
    assert_int_equal(writes, 0);
}

TEST(messages_of_one_pass_leave_in_order_and_in_one_write_a_connection)
{
    struct ws_pair p;
    pair_new(&p, NULL);
    pair_open(&p, NULL);
    p.a.in_text = say_much;
    p.b.in_text = note_writes;
    put(p.b.ws, "speak");
    p.b.stop_after = 4;
    run_loop(p.loop);
    assert_int_equal(writes_before_hearing, 2);
    assert_str_is(buf_str(&p.b.log), "t:one t: ping:p t:three t:four ");
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

/* ---- more than may wait ---- */

enum { CROWD = 40, ROUNDS = 6 }; /* more connections than may wait at once */

struct crowd {
    struct loop *loop;
    struct http_server *server;
    struct ws_end clients[CROWD], servers[CROWD];
    uint32_t n;
};

static void crowd_on_request(struct http_exchange *x, const struct http_request *req UNUSED, void *arg)
{
    struct crowd *c = arg;
    struct ws_end *e = &c->servers[c->n++];
    assert_ok(http_upgrade(x, STR_NULL, &(struct ws_opts){0}, &end_handler, e, &e->ws));
}

static const struct http_server_handler crowd_http = {.on_request = crowd_on_request};

/* One after the other, so that the two ends of a connection have the same number. */
static void crowd_new(struct crowd *c)
{
    char url[64];
    *c = (struct crowd){0};
    assert_ok(loop_new(&c->loop));
    struct http_server_opts opts = {.host = "127.0.0.1"};
    assert_ok(http_server_open(c->loop, &opts, &crowd_http, c, &c->server));
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", http_server_port(c->server));
    struct ws_client_opts o = {.url = str_from(url)};
    for (size_t i = 0; i < CROWD; i++) {
        end_init(&c->clients[i], c->loop);
        end_init(&c->servers[i], c->loop);
        c->clients[i].in_open = end_stop;
        assert_ok(ws_connect(c->loop, &o, &end_handler, &c->clients[i], &c->clients[i].ws));
        run_loop(c->loop);
        assert_int_equal(c->n, i + 1);
    }
}

static void crowd_done(struct crowd *c)
{
    http_server_free(c->server);
    loop_free(c->loop);
    for (size_t i = 0; i < CROWD; i++) {
        assert_true(c->clients[i].closed && c->servers[i].closed);
        buf_done(&c->clients[i].log);
        buf_done(&c->servers[i].log);
    }
}

static uint8_t crowd_byte(size_t who, size_t round)
{
    return (uint8_t)('0' + (who * ROUNDS + round) % 64);
}

/* In turn, so that no two messages of a connection lie side by side. */
static void crowd_send(struct crowd *c, char *text, uint32_t n)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CROWD; i++) {
            memset(text, crowd_byte(i, round), n);
            assert_ok(ws_send_text(c->clients[i].ws, (struct str){text, n}));
            assert_ok(ws_send_binary(c->servers[i].ws, span_from(text, n)));
        }
    }
}

static bool crowd_heard(const struct crowd *c)
{
    for (size_t i = 0; i < CROWD; i++) {
        if (c->clients[i].messages < ROUNDS || c->servers[i].messages < ROUNDS) {
            return false;
        }
    }
    return true;
}

static void assert_heard(const struct ws_end *e, size_t who, uint32_t n)
{
    uint64_t sum = 0; /* that of the end depends on the order */
    for (size_t round = 0; round < ROUNDS; round++) {
        for (uint32_t k = 0; k < n; k++) {
            sum = sum * 31 + crowd_byte(who, round);
        }
    }
    assert_int_equal(e->messages, ROUNDS);
    assert_int_equal(e->bytes, ROUNDS * n);
    assert_true(e->sum == sum);
}

TEST(a_pass_that_sends_more_than_may_wait_loses_and_reorders_nothing)
{
    static const uint32_t sizes[] = {3, 700, 20000}; /* more runs than fit; more bytes, too */
    struct crowd *c = malloc(sizeof(*c));
    char *text = malloc(20000);
    assert_true(c && text);
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        crowd_new(c);
        crowd_send(c, text, sizes[s]);
        for (int ms = 0; ms < 10000 && !crowd_heard(c); ms++) {
            run_loop_for(c->loop, 1000);
        }
        for (size_t i = 0; i < CROWD; i++) {
            assert_heard(&c->clients[i], i, sizes[s]);
            assert_heard(&c->servers[i], i, sizes[s]);
            assert_int_equal(ws_queued_bytes(c->clients[i].ws), 0);
        }
        crowd_done(c);
    }
    free(text);
    free(c);
}

TEST_MAIN(T(messages_of_one_pass_leave_in_order_and_in_one_write_a_connection),
          T(what_is_sent_in_one_pass_leaves_at_its_end), T(messages_of_two_connections_in_turn_keep_their_order),
          T(a_connection_that_dies_takes_only_its_own_messages_along),
          T(a_message_that_was_begun_and_dropped_leaves_no_trace),
          T(a_message_that_cannot_be_built_is_an_error_and_nothing_is_sent),
          T(a_pass_that_sends_more_than_may_wait_loses_and_reorders_nothing))
