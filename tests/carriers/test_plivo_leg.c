/* One media socket of Plivo, on a real loopback socket: what goes in and out, and what is refused. */
#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "call/leg_ops.h"
#include "carriers/plivo/plivo.h"
#include "fakes/wait.h"
#include "net/ws.h"
#include "test.h"
#include "wire/plivo.h"

#define SID "s-1"
#define START                                                                                                          \
    "{\"event\":\"start\",\"sequenceNumber\":0,\"start\":{\"callId\":\"c-1\",\"streamId\":\"" SID                      \
    "\",\"accountId\":\"7\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":"  \
    "8000}},\"extra_headers\":\"{X-PH-tier: gold}\"}"
#define MEDIA(ts, payload)                                                                                             \
    "{\"event\":\"media\",\"sequenceNumber\":2,\"streamId\":\"" SID                                                    \
    "\",\"media\":{\"track\":\"inbound\",\"timestamp\":"                                                               \
    "\"" ts "\",\"chunk\":1,\"payload\":\"" payload "\"}}"
/* 160 bytes of silence */
#define S40   "////////////////////////////////////////"
#define FRAME S40 S40 S40 S40 S40 "/////////////w=="

struct bench {
    struct loop *loop;
    struct http_server *server;
    struct plivo *plivo;
    struct plivo_opts o;
    struct leg *leg;
    struct buf log; /* what the host was told */
    struct buf got; /* what the carrier got: A first-byte, C name, X for a clear, K keys */
    bool gone;
    int gone_err;
    struct ws *ws;
    bool open, closed;
    uint16_t code;
    char reason[128];
    const char *want;
};

static void on_event(struct leg *leg UNUSED, const struct call_event *ev, void *arg)
{
    struct bench *b = arg;
    switch (ev->type) {
    case EV_LEG_START:
        buf_printf(&b->log, "start " STR_FMT " " STR_FMT "\n", STR_ARG(ev->leg_start.stream_id),
                   STR_ARG(ev->leg_start.carrier_call_id));
        break;
    case EV_LEG_MEDIA:
        buf_printf(&b->log, "media %u %zu\n", ev->leg_media.timestamp_ms, ev->leg_media.audio.n);
        break;
    case EV_LEG_MARK:
        buf_printf(&b->log, "mark %u\n", ev->leg_mark.mark);
        break;
    case EV_LEG_DTMF:
        buf_printf(&b->log, "key %c\n", ev->leg_dtmf.digit);
        break;
    case EV_LEG_STOP:
        buf_puts(&b->log, "stop\n");
        break;
    case EV_CONTROL_USER_TEXT:
        buf_printf(&b->log, "text " STR_FMT "\n", STR_ARG(ev->control_text.text));
        break;
    default:
        fail_msg("a leg said %s", call_event_name(ev->type));
    }
}

static void on_leg_closed(struct leg *leg UNUSED, int err, void *arg)
{
    struct bench *b = arg;
    assert_false(b->gone);
    b->gone = true;
    b->gone_err = err;
    b->leg = NULL;
}

static const struct leg_handler leg_events = {.on_event = on_event, .on_closed = on_leg_closed};

static void on_incoming(struct carrier *c UNUSED, const struct carrier_incoming *in UNUSED,
                        struct carrier_answer *ret UNUSED, void *arg UNUSED)
{
}

static int on_media_start(struct carrier *c UNUSED, const struct carrier_stream *s, struct leg *leg,
                          const struct leg_handler **h, void **harg, void *arg)
{
    struct bench *b = arg;
    buf_printf(&b->log, "ask " STR_FMT " token=" STR_FMT " tier=" STR_FMT "\n", STR_ARG(s->call_id), STR_ARG(s->token),
               STR_ARG(s->n_params > 0 ? s->params[0].value : STR("")));
    b->leg = leg;
    *h = &leg_events;
    *harg = b;
    return 0;
}

static const struct carrier_host host = {.on_incoming = on_incoming, .on_media_start = on_media_start};

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct bench *b = arg;
    assert_true(carrier_handle(plivo_carrier(b->plivo), x, req));
}

static const struct http_server_handler requests = {.on_request = on_request};

/* ---- the carrier's end ---- */

static void on_open(struct ws *ws UNUSED, struct str protocol UNUSED, void *arg)
{
    ((struct bench *)arg)->open = true;
}

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct bench *b = arg;
    struct plivo_server_msg m;
    uint8_t audio[PLIVO_FRAME_BYTES + 8];
    const char *why = NULL;
    if (plivo_decode_server(text, false, STR(SID), &m, &why) != PLIVO_FAULT_NONE) {
        fail_msg("%s: " STR_FMT, why, STR_ARG(text));
    }
    if (m.command == PLIVO_CMD_AUDIO) {
        assert_int_equal(base64_decode(audio, m.text), PLIVO_FRAME_BYTES);
        buf_printf(&b->got, "A%02x-%02x ", audio[0], audio[PLIVO_FRAME_BYTES - 1]);
    } else if (m.command == PLIVO_CMD_CHECKPOINT) {
        buf_printf(&b->got, STR_FMT " ", STR_ARG(m.text));
    } else {
        buf_puts(&b->got, m.command == PLIVO_CMD_CLEAR ? "X " : "K ");
    }
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct bench *b = arg;
    b->ws = NULL;
    b->closed = true;
    b->code = why->code;
    assert_ok(str_copy(b->reason, sizeof(b->reason), why->reason));
}

static const struct ws_handler socket_events = {.on_open = on_open, .on_text = on_text, .on_closed = on_closed};

static bool is_open(void *arg)
{
    struct bench *b = arg;
    return b->open || b->closed;
}

static bool is_closed(void *arg)
{
    return ((struct bench *)arg)->closed;
}

static bool is_gone(void *arg)
{
    return ((struct bench *)arg)->gone;
}

static bool has_leg(void *arg)
{
    struct bench *b = arg;
    return str_search(buf_str(&b->log), STR("start")) != SIZE_MAX;
}

static void open_bench(struct bench *b)
{
    struct http_server_opts so = {.host = "127.0.0.1"};
    char url[64];
    *b = (struct bench){.o = {.require_token = true}};
    buf_init(&b->log, 1 << 20);
    buf_init(&b->got, 1 << 20);
    assert_ok(loop_new(&b->loop));
    assert_ok(plivo_new(b->loop, NULL, &b->o, &host, b, &b->plivo));
    assert_ok(http_server_open(b->loop, &so, &requests, b, &b->server));
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/ws?token=t-1", (unsigned)http_server_port(b->server));
    assert_ok(ws_connect(b->loop, &(struct ws_client_opts){.url = str_from(url)}, &socket_events, b, &b->ws));
    wait_until(b->loop, is_open, b);
    assert_true(b->open);
}

static void say(struct bench *b, const char *text)
{
    if (b->ws) {
        ignore_result(ws_send_text(b->ws, str_from(text))); /* it may have been closed */
    }
}

static void open_leg(struct bench *b)
{
    open_bench(b);
    say(b, START);
    wait_until(b->loop, has_leg, b);
    assert_str_is(buf_str(&b->log), "ask c-1 token=t-1 tier=gold\nstart " SID " c-1\n");
    buf_clear(&b->log, 0);
}

static void close_bench(struct bench *b)
{
    carrier_free(plivo_carrier(b->plivo));
    if (b->ws) {
        ws_abort(b->ws, -ECANCELED);
        wait_until(b->loop, is_closed, b);
    }
    http_server_free(b->server);
    loop_free(b->loop);
    buf_done(&b->log);
    buf_done(&b->got);
}

static bool has_got(void *arg)
{
    struct bench *b = arg;
    return b->got.len >= strlen(b->want);
}

static void wait_got(struct bench *b, const char *want)
{
    b->want = want;
    wait_until(b->loop, has_got, b);
    assert_str_is(buf_str(&b->got), want);
    buf_clear(&b->got, 0);
}

static bool has_log(void *arg)
{
    struct bench *b = arg;
    return b->log.len >= strlen(b->want);
}

static void wait_log(struct bench *b, const char *want)
{
    b->want = want;
    wait_until(b->loop, has_log, b);
    assert_str_is(buf_str(&b->log), want);
    buf_clear(&b->log, 0);
}

static void play(struct bench *b, uint8_t sound, size_t n, uint32_t mark)
{
    static uint8_t audio[2000];
    memset(audio, sound, sizeof(audio));
    assert_ok(leg_perform(
        b->leg, &(struct call_action){.type = ACT_LEG_MEDIA, .leg_media = {.audio = {audio, n}, .mark = mark}}));
}

static void mark(struct bench *b, uint32_t number)
{
    assert_ok(leg_perform(b->leg, &(struct call_action){.type = ACT_LEG_MARK, .leg_mark = {.mark = number}}));
}

static void clear(struct bench *b)
{
    assert_ok(leg_perform(b->leg, &(struct call_action){.type = ACT_LEG_CLEAR}));
}

/* ---- out ---- */

TEST(audio_leaves_in_frames_of_exactly_20_ms)
{
    struct bench b;
    open_leg(&b);
    play(&b, 1, 800, 7);
    wait_got(&b, "A01-01 A01-01 A01-01 A01-01 A01-01 rt7 ");
    play(&b, 2, 100, 0); /* less than a frame waits for more */
    play(&b, 3, 100, 0);
    wait_got(&b, "A02-03 ");
    play(&b, 4, 10, 8); /* or for a mark, and is filled up with silence */
    wait_got(&b, "A03-ff rt8 ");
    mark(&b, 9);
    wait_got(&b, "rt9 ");
    close_bench(&b);
}

TEST(what_comes_behind_a_clear_waits_for_its_answer)
{
    struct bench b;
    open_leg(&b);
    play(&b, 1, 200, 0); /* 40 bytes of it stay here, and are not of what comes next */
    clear(&b);
    play(&b, 2, 320, 1);
    mark(&b, 2);
    play(&b, 3, 160, 3);
    wait_got(&b, "A01-01 X ");
    say(&b, "{\"event\":\"clearedAudio\",\"sequenceNumber\":0,\"streamId\":\"" SID "\"}");
    wait_got(&b, "A02-02 A02-02 rt1 rt2 A03-03 rt3 ");
    play(&b, 4, 160, 4);
    wait_got(&b, "A04-04 rt4 ");
    clear(&b);
    play(&b, 5, 160, 5);
    clear(&b); /* what waited was meant, too */
    play(&b, 6, 160, 6);
    say(&b, "{\"event\":\"clearedAudio\",\"streamId\":\"" SID "\"}");
    wait_got(&b, "X X A06-06 rt6 ");
    close_bench(&b);
}

TEST(a_clear_that_is_not_answered_holds_nothing_up_for_long)
{
    struct bench b;
    open_leg(&b);
    clear(&b);
    play(&b, 1, 160, 1);
    uint64_t before_us = clock_now_us();
    wait_got(&b, "X A01-01 rt1 ");
    assert_true(clock_now_us() - before_us >= 150000);
    close_bench(&b);
}

TEST(more_than_can_wait_ends_the_leg)
{
    struct bench b;
    int err = 0;
    static const uint8_t audio[2000];
    open_leg(&b);
    clear(&b);
    for (int i = 0; i < 40 && err == 0; i++) {
        err = leg_perform(b.leg,
                          &(struct call_action){.type = ACT_LEG_MEDIA, .leg_media = {.audio = {audio, sizeof(audio)}}});
    }
    assert_int_equal(err, -ERR_LIMIT);
    wait_until(b.loop, is_gone, &b);
    assert_int_equal(b.gone_err, -ERR_LIMIT);
    close_bench(&b);
}

/* ---- in ---- */

TEST(the_wall_clock_of_the_carrier_is_smoothed)
{
    struct bench b;
    open_leg(&b);
    say(&b, MEDIA("1705312200000", FRAME));
    say(&b, MEDIA("1705312200031", FRAME)); /* late by 11 ms: jitter */
    say(&b, MEDIA("1705312200040", FRAME));
    say(&b, MEDIA("1705312200600", FRAME)); /* half a second is missing */
    say(&b, "{\"event\":\"media\",\"media\":{\"payload\":\"" FRAME "\"}}");
    say(&b, "{\"event\":\"media\",\"media\":{\"track\":\"outbound\",\"payload\":\"" FRAME "\"}}");
    say(&b, "{\"event\":\"playedStream\",\"name\":\"rt9\"}");
    say(&b, "{\"event\":\"played\",\"streamId\":\"" SID "\",\"name\":\"theirs\"}");
    say(&b, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"#\"}}");
    say(&b, "{\"event\":\"text\",\"text\":\"not switched on\"}");
    say(&b, "{\"event\":\"weather\"}");
    say(&b, "{\"event\":\"playFailed\",\"reason\":\"no\"}");
    say(&b, "{\"event\":\"stop\"}");
    say(&b, MEDIA("1705312200700", FRAME)); /* what was on its way behind the end */
    wait_log(&b,
             "media 0 160\nmedia 20 160\nmedia 40 160\nmedia 600 160\nmedia 620 160\nmark 9\nmark 0\nkey #\nstop\n");
    struct carrier_stats stats;
    carrier_stats(plivo_carrier(b.plivo), &stats);
    assert_int_equal(stats.foreign_marks, 1);
    assert_int_equal(stats.unknown_events, 2);
    close_bench(&b);
}

TEST(an_orderly_close_is_the_end_of_the_call_and_a_torn_one_is_not)
{
    struct bench b;
    open_leg(&b);
    ws_close(b.ws, 1000, STR_NULL);
    wait_until(b.loop, is_gone, &b);
    assert_int_equal(b.gone_err, 0);
    assert_str_is(buf_str(&b.log), "stop\n");
    close_bench(&b);
    open_leg(&b);
    ws_abort(b.ws, -ECANCELED);
    wait_until(b.loop, is_gone, &b);
    assert_true(b.gone_err < 0);
    assert_str_is(buf_str(&b.log), "");
    close_bench(&b);
}

TEST(rubbish_closes_the_socket_and_says_why)
{
    static const struct {
        bool started;
        const char *text;
        uint16_t code;
        const char *reason;
    } cases[] = {
        {false, "", 1002, "syntax: message"},
        {false, "garbage", 1002, "syntax: message"},
        {false, "{}", 1002, "missing-field: event"},
        {false, MEDIA("1", FRAME), 1008, "wrong-state: media before start"},
        {false, "{\"event\":\"text\",\"text\":\"x\"}", 1008, "wrong-state: text before start"},
        {false, "{\"event\":\"start\",\"start\":{\"callId\":\"c\"}}", 1002, "missing-field: start.streamId"},
        {false,
         "{\"event\":\"start\",\"start\":{\"callId\":\"c\",\"streamId\":\"s\",\"mediaFormat\":{\"encoding\":"
         "\"audio/x-l16\",\"sampleRate\":16000}}}",
         1002, "wrong-type: start.mediaFormat is not audio/x-mulaw 8000: give <Stream> our contentType"},
        {true, START, 1008, "wrong-state: second start"},
        {true, MEDIA("1", "///"), 1002, "bad-base64: media.payload"},
        {true, "{\"event\":\"media\",\"streamId\":\"other\",\"media\":{\"payload\":\"\"}}", 1008,
         "wrong-state: wrong streamId"},
        {true, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"xx\"}}", 1002, "out-of-range: dtmf.digit"},
        {true, "{\"event\":\"playedStream\"}", 1002, "missing-field: name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;
        if (cases[i].started) {
            open_leg(&b);
        } else {
            open_bench(&b);
        }
        say(&b, cases[i].text);
        wait_until(b.loop, is_closed, &b);
        if (b.code != cases[i].code || strcmp(b.reason, cases[i].reason) != 0) {
            fail_msg("%s: %u %s", cases[i].text, b.code, b.reason);
        }
        assert_int_equal(b.gone, cases[i].started);
        close_bench(&b);
    }
}

TEST(a_carrier_that_is_freed_takes_its_legs_along)
{
    struct bench b;
    open_leg(&b);
    clear(&b);
    play(&b, 1, 160, 1);
    close_bench(&b);
    assert_true(b.gone);
    assert_int_equal(b.gone_err, -ECANCELED);
}

TEST_MAIN(T(audio_leaves_in_frames_of_exactly_20_ms), T(what_comes_behind_a_clear_waits_for_its_answer),
          T(a_clear_that_is_not_answered_holds_nothing_up_for_long), T(more_than_can_wait_ends_the_leg),
          T(the_wall_clock_of_the_carrier_is_smoothed),
          T(an_orderly_close_is_the_end_of_the_call_and_a_torn_one_is_not), T(rubbish_closes_the_socket_and_says_why),
          T(a_carrier_that_is_freed_takes_its_legs_along))
