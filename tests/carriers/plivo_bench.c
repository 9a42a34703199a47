#include "carriers/plivo_bench.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "fakes/wait.h"
#include "test.h"
#include "wire/plivo.h"

static void on_event(struct leg *leg UNUSED, const struct call_event *ev, void *arg)
{
    struct plivo_bench *b = arg;
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
    struct plivo_bench *b = arg;
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
    struct plivo_bench *b = arg;
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
    struct plivo_bench *b = arg;
    assert_true(carrier_handle(plivo_carrier(b->plivo), x, req));
}

static const struct http_server_handler requests = {.on_request = on_request};

/* ---- the carrier's end ---- */

static void on_open(struct ws *ws UNUSED, struct str protocol UNUSED, void *arg)
{
    ((struct plivo_bench *)arg)->open = true;
}

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct plivo_bench *b = arg;
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
    struct plivo_bench *b = arg;
    b->ws = NULL;
    b->closed = true;
    b->code = why->code;
    assert_ok(str_copy(b->reason, sizeof(b->reason), why->reason));
}

static const struct ws_handler socket_events = {.on_open = on_open, .on_text = on_text, .on_closed = on_closed};

static bool is_open(void *arg)
{
    struct plivo_bench *b = arg;
    return b->open || b->closed;
}

bool plivo_is_closed(void *arg)
{
    return ((struct plivo_bench *)arg)->closed;
}

bool plivo_is_gone(void *arg)
{
    return ((struct plivo_bench *)arg)->gone;
}

void plivo_open_bench(struct plivo_bench *b)
{
    struct http_server_opts so = {.host = "127.0.0.1"};
    char url[64];
    *b = (struct plivo_bench){.o = {.require_token = true}};
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

void plivo_say(struct plivo_bench *b, const char *text)
{
    if (b->ws) {
        ignore_result(ws_send_text(b->ws, str_from(text))); /* it may have been closed */
    }
}

void plivo_open_leg(struct plivo_bench *b)
{
    plivo_open_bench(b);
    plivo_say(b, START);
    wait_text(b->loop, &b->log, "start");
    assert_str_is(buf_str(&b->log), "ask c-1 token=t-1 tier=gold\nstart " SID " c-1\n");
    buf_clear(&b->log);
}

void plivo_close_bench(struct plivo_bench *b)
{
    carrier_free(plivo_carrier(b->plivo));
    if (b->ws) {
        ws_abort(b->ws, -ECANCELED);
        wait_until(b->loop, plivo_is_closed, b);
    }
    http_server_free(b->server);
    loop_free(b->loop);
    buf_done(&b->log);
    buf_done(&b->got);
}

static bool has_got(void *arg)
{
    struct plivo_bench *b = arg;
    return b->got.len >= strlen(b->want);
}

void plivo_wait_got(struct plivo_bench *b, const char *want)
{
    b->want = want;
    wait_until(b->loop, has_got, b);
    assert_str_is(buf_str(&b->got), want);
    buf_clear(&b->got);
}

static bool has_log(void *arg)
{
    struct plivo_bench *b = arg;
    return b->log.len >= strlen(b->want);
}

void plivo_wait_log(struct plivo_bench *b, const char *want)
{
    b->want = want;
    wait_until(b->loop, has_log, b);
    assert_str_is(buf_str(&b->log), want);
    buf_clear(&b->log);
}

void plivo_play(struct plivo_bench *b, uint8_t sound, size_t n, uint32_t mark)
{
    static uint8_t audio[2000];
    memset(audio, sound, sizeof(audio));
    assert_ok(leg_perform(
        b->leg, &(struct call_action){.type = ACT_LEG_MEDIA, .leg_media = {.audio = {audio, n}, .mark = mark}}));
}

void plivo_mark(struct plivo_bench *b, uint32_t number)
{
    assert_ok(leg_perform(b->leg, &(struct call_action){.type = ACT_LEG_MARK, .leg_mark = {.mark = number}}));
}

void plivo_clear(struct plivo_bench *b)
{
    assert_ok(leg_perform(b->leg, &(struct call_action){.type = ACT_LEG_CLEAR}));
}
