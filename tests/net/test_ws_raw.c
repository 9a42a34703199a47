/* What our WebSocket may meet: peers that speak bytes, not frames, and break the protocol. */
#include "ws_pair.h"

#include "base/base64.h"
#include "net/crypto.h"
#include "wire/ws.h"

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

TEST_MAIN(T(a_server_that_says_nothing_is_given_up_at_the_deadline), T(answers_that_are_no_good_upgrade_are_refused),
          T(frames_right_behind_the_101_are_heard), T(a_handler_may_abort_before_the_frames_behind_the_101),
          T(a_server_that_never_answers_the_close_frame_is_given_up),
          T(the_sample_key_of_rfc_6455_is_accepted_and_compression_declined),
          T(a_client_that_breaks_the_protocol_reads_why), T(frames_are_understood_byte_by_byte),
          T(a_connection_that_is_reset_ends_with_the_system_s_error),
          T(a_client_that_never_answers_the_close_frame_is_given_up))
