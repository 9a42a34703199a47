#include "carriers/leg_bench.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "carriers/plivo/plivo.h"
#include "carriers/twilio/twilio.h"
#include "fakes/wait.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "test.h"
#include "wire/plivo.h"
#include "wire/twilio.h"

#define STREAM "MZ-stream-1"
#define CALL   "CA-call-1"

/* ---- the host ---- */

static void on_event(struct leg *leg, const struct call_event *ev, void *arg)
{
    struct bench *b = arg;
    assert_int_equal(b->closed, 0); /* on_closed is the last of all */
    assert_int_equal(b->stops, 0);  /* and before it the stop */
    assert_true(ev->type == EV_LEG_START || b->starts == 1);
    switch ((int)ev->type) {
    case EV_LEG_START:
        b->starts++;
        assert_true(ev->leg_start.stream_id.n > 0);
        assert_int_equal(ev->leg_start.format, b->kind == EMBEDDED ? AUDIO_PCM16_24K : AUDIO_PCMU);
        break;
    case EV_LEG_MEDIA:
        assert_true(ev->leg_media.audio.n > 0);
        assert_true(b->frames == 0 || ev->leg_media.timestamp_ms > b->last_ms);
        b->step_ms = b->frames ? ev->leg_media.timestamp_ms - b->last_ms : 0;
        b->last_ms = ev->leg_media.timestamp_ms;
        b->media_bytes += ev->leg_media.audio.n;
        b->frames++;
        break;
    case EV_LEG_MARK:
        assert_true(b->n_marks < BENCH_SENT_MAX);
        b->marks[b->n_marks++] = ev->leg_mark.mark;
        break;
    case EV_LEG_DTMF:
        snprintf(b->keys + strlen(b->keys), sizeof(b->keys) - strlen(b->keys), "%c", ev->leg_dtmf.digit);
        break;
    case EV_LEG_STOP:
        b->stops++;
        break;
    case EV_LEG_TRANSFER_FAILED:
        b->transfers_failed++;
        break;
    default:
        fail_msg("%s: a leg said %s", leg_kind(leg), call_event_name(ev->type));
    }
    if (ev->type == b->close_at) {
        leg_close(leg);
        assert_int_equal(b->closed, 0); /* from the loop, not from within */
    }
}

static void on_leg_closed(struct leg *leg UNUSED, int err, void *arg)
{
    struct bench *b = arg;
    assert_int_equal(b->closed, 0);
    b->closed++;
    b->err = err;
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
    assert_str_is(s->call_id, CALL);
    assert_str_is(s->token, "t-1");
    b->leg = leg;
    *h = &leg_events;
    *harg = b;
    return 0;
}

static const struct carrier_host host = {.on_incoming = on_incoming, .on_media_start = on_media_start};

static struct carrier *carrier_of(const struct bench *b)
{
    return b->kind == TWILIO ? twilio_carrier(b->twilio) : plivo_carrier(b->plivo);
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    assert_true(carrier_handle(carrier_of(arg), x, req));
}

static const struct http_server_handler requests = {.on_request = on_request};

/* ---- the other end ---- */

static struct sent *add_sent(struct bench *b)
{
    assert_true(b->n_sent < BENCH_SENT_MAX);
    return &b->sent[b->n_sent++];
}

void bench_say(struct bench *b, struct buf *text)
{
    if (b->ws) {
        ignore_result(ws_send_text(b->ws, buf_str(text))); /* it may have been closed */
    }
    buf_done(text);
}

static void say_twilio(struct bench *b, struct twilio_msg m, struct span audio)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    m.stream_sid = m.event == TWILIO_CONNECTED ? STR("") : STR(STREAM);
    m.sequence = ++b->sequence;
    if (m.event == TWILIO_MEDIA) {
        twilio_put_carrier_media(&out, &m, audio);
    } else {
        twilio_put_carrier(&out, &m);
    }
    bench_say(b, &out);
}

static void say_plivo(struct bench *b, struct plivo_msg m, struct span audio)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    m.stream_id = STR(STREAM);
    m.sequence = ++b->sequence;
    if (m.event == PLIVO_MEDIA) {
        plivo_put_carrier_media(&out, &m, audio);
    } else {
        plivo_put_carrier(&out, &m);
    }
    bench_say(b, &out);
}

static void say_mark(struct bench *b, const struct sent *s)
{
    struct span none = {NULL, 0};
    if (b->kind == TWILIO) {
        say_twilio(b, (struct twilio_msg){.event = TWILIO_MARK, .mark = str_from(s->name)}, none);
    } else if (b->kind == PLIVO) {
        say_plivo(b, (struct plivo_msg){.event = PLIVO_PLAYED, .name = str_from(s->name)}, none);
    } /* a program's audio is played by the clock */
}

/* Twilio gives the marks of what it drops back, Plivo forgets them and says that it is done. */
static void on_clear(struct bench *b)
{
    add_sent(b)->what = SENT_CLEAR;
    for (; b->heard + 1 < b->n_sent; b->heard++) {
        if (b->kind == TWILIO && b->sent[b->heard].what == SENT_MARK) {
            say_mark(b, &b->sent[b->heard]);
        }
    }
    b->heard = b->n_sent;
    if (b->kind == PLIVO && !b->silent) {
        say_plivo(b, (struct plivo_msg){.event = PLIVO_CLEARED}, (struct span){NULL, 0});
    }
}

static void on_audio(struct bench *b, struct str base64)
{
    uint8_t audio[4096];
    struct sent *s = add_sent(b);
    assert_true(base64_dec_max(base64.n) <= sizeof(audio));
    int n = base64_decode(audio, base64);
    assert_true(n > 0);
    *s = (struct sent){.what = SENT_AUDIO, .first = audio[0], .n = (size_t)n};
}

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct bench *b = arg;
    const char *why = NULL;
    bool audio = false;
    bool clear = false;
    struct str word = STR("");
    struct twilio_server_msg t;
    struct plivo_server_msg p;
    if (b->deaf) {
        return; /* what was on its way */
    }
    if (b->kind == TWILIO) {
        if (twilio_decode_server(text, false, STR(STREAM), &t, &why) != 0) {
            fail_msg("%s: " STR_FMT, why, STR_ARG(text));
        }
        audio = t.command == TWILIO_CMD_MEDIA;
        clear = t.command == TWILIO_CMD_CLEAR;
        word = t.text;
    } else {
        if (plivo_decode_server(text, false, STR(STREAM), &p, &why) != PLIVO_FAULT_NONE) {
            fail_msg("%s: " STR_FMT, why, STR_ARG(text));
        }
        audio = p.command == PLIVO_CMD_AUDIO;
        clear = p.command == PLIVO_CMD_CLEAR;
        word = p.text;
    }
    if (audio) {
        on_audio(b, word);
    } else if (clear) {
        on_clear(b);
    } else {
        struct sent *s = add_sent(b);
        *s = (struct sent){.what = SENT_MARK};
        assert_ok(str_copy(s->name, sizeof(s->name), word));
    }
}

static void on_open(struct ws *ws UNUSED, struct str protocol UNUSED, void *arg)
{
    ((struct bench *)arg)->open = true;
}

static void on_ws_closed(struct ws *ws UNUSED, const struct ws_close *why UNUSED, void *arg)
{
    struct bench *b = arg;
    b->ws = NULL;
    b->ws_closed = true;
}

static const struct ws_handler socket_events = {.on_open = on_open, .on_text = on_text, .on_closed = on_ws_closed};

static void program_audio(const struct embedded_audio *a, void *arg)
{
    struct bench *b = arg;
    if (b->deaf) {
        return;
    }
    if (a->audio.n > 0) {
        struct sent *s = add_sent(b);
        *s = (struct sent){.what = SENT_AUDIO, .first = a->audio.p[0], .n = a->audio.n};
    }
    if (a->mark) {
        struct sent *s = add_sent(b);
        *s = (struct sent){.what = SENT_MARK};
    }
}

static void program_clear(void *arg)
{
    struct bench *b = arg;
    add_sent(b)->what = SENT_CLEAR;
    b->heard = b->n_sent;
}

static void program_nothing(void *arg UNUSED)
{
}

static void program_taken(size_t bytes UNUSED, void *arg UNUSED)
{
}

static const struct embedded_handler program = {.on_audio = program_audio,
                                                .on_clear = program_clear,
                                                .on_commit = program_nothing,
                                                .on_taken = program_taken,
                                                .on_gone = program_nothing};

/* ---- what the other end does ---- */

static void say_start(struct bench *b)
{
    struct span none = {NULL, 0};
    if (b->kind == TWILIO) {
        say_twilio(b,
                   (struct twilio_msg){.event = TWILIO_CONNECTED,
                                       .connected = {.protocol = STR("Call"), .version = STR("1.0.0")}},
                   none);
        struct twilio_msg m = {.event = TWILIO_START,
                               .start = {.account_sid = STR("AC1"),
                                         .call_sid = STR(CALL),
                                         .inbound = true,
                                         .encoding = STR("audio/x-mulaw"),
                                         .rate_hz = 8000,
                                         .channels = 1}};
        say_twilio(b, m, none);
    } else {
        say_plivo(b,
                  (struct plivo_msg){.event = PLIVO_START,
                                     .start = {.call_id = STR(CALL),
                                               .account_id = STR("7"),
                                               .inbound = true,
                                               .encoding = STR(PLIVO_MULAW),
                                               .rate_hz = 8000}},
                  none);
    }
}

void bench_speak(struct bench *b)
{
    static const uint8_t frame[960];
    b->at_ms += 20;
    if (b->kind == TWILIO) {
        say_twilio(b,
                   (struct twilio_msg){
                       .event = TWILIO_MEDIA,
                       .media = {.track = TWILIO_TRACK_INBOUND, .has_timestamp = true, .timestamp_ms = b->at_ms}},
                   span_from(frame, BENCH_FRAME));
    } else if (b->kind == PLIVO) {
        say_plivo(b,
                  (struct plivo_msg){.event = PLIVO_MEDIA,
                                     .media = {.has_timestamp = true, .timestamp_ms = 1705312200000u + b->at_ms}},
                  span_from(frame, BENCH_FRAME));
    } else {
        assert_ok(embedded_audio(b->embedded, span_from(frame, sizeof(frame))));
    }
}

void bench_press(struct bench *b, char key)
{
    if (b->kind == TWILIO) {
        say_twilio(b, (struct twilio_msg){.event = TWILIO_DTMF, .dtmf = {.digit = key, .track = STR("inbound_track")}},
                   (struct span){NULL, 0});
    } else {
        say_plivo(b, (struct plivo_msg){.event = PLIVO_DTMF, .digit = key}, (struct span){NULL, 0});
    }
}

void bench_hang_up(struct bench *b)
{
    struct span none = {NULL, 0};
    if (b->kind == TWILIO) {
        say_twilio(
            b, (struct twilio_msg){.event = TWILIO_STOP, .stop = {.account_sid = STR("AC1"), .call_sid = STR(CALL)}},
            none);
    } else if (b->kind == PLIVO) {
        say_plivo(b, (struct plivo_msg){.event = PLIVO_STOP}, none);
    } else {
        embedded_stop(b->embedded);
    }
}

void bench_deafen(struct bench *b)
{
    b->deaf = true;
    if (b->ws) {
        ws_pause_reading(b->ws, true);
    }
}

void bench_hear(struct bench *b)
{
    for (; b->heard < b->n_sent; b->heard++) {
        if (b->sent[b->heard].what == SENT_MARK) {
            say_mark(b, &b->sent[b->heard]);
        }
    }
}

/* ---- life ---- */

static bool is_open(void *arg)
{
    struct bench *b = arg;
    return b->open || b->ws_closed;
}

static bool is_started(void *arg)
{
    return ((struct bench *)arg)->starts > 0;
}

static bool is_closed(void *arg)
{
    return ((struct bench *)arg)->closed > 0;
}

static bool is_ws_closed(void *arg)
{
    return ((struct bench *)arg)->ws_closed;
}

static bool has_counted(void *arg)
{
    struct bench *b = arg;
    return *b->counter >= b->want;
}

static bool has_sent(void *arg)
{
    struct bench *b = arg;
    return b->n_sent >= b->want;
}

void bench_wait_count(struct bench *b, const uint32_t *counter, size_t want)
{
    b->counter = counter;
    b->want = want;
    wait_until(b->loop, has_counted, b);
}

void bench_wait_sent(struct bench *b, size_t want)
{
    b->want = want;
    wait_until(b->loop, has_sent, b);
}

void bench_wait_closed(struct bench *b)
{
    wait_until(b->loop, is_closed, b);
}

void bench_wait_torn(struct bench *b)
{
    wait_until(b->loop, is_ws_closed, b);
}

void bench_init(struct bench *b, enum kind kind, uint32_t queue_bytes)
{
    static struct twilio_opts to;
    static struct plivo_opts po;
    to = (struct twilio_opts){.require_token = true, .max_send_queue_bytes = queue_bytes};
    po = (struct plivo_opts){.require_token = true, .max_send_queue_bytes = queue_bytes};
    *b = (struct bench){.kind = kind, .close_at = CALL_EVENT_N};
    assert_ok(loop_new(&b->loop));
    if (kind == EMBEDDED) {
        assert_ok(embedded_open(b->loop, &(struct embedded_opts){.format = AUDIO_PCM16_24K, .by_hand = false}, &program,
                                b, &b->embedded));
        b->leg = embedded_leg(b->embedded);
        return;
    }
    assert_ok(http_client_new(b->loop, &b->http));
    assert_ok(kind == TWILIO ? twilio_new(b->loop, b->http, &to, &host, b, &b->twilio)
                             : plivo_new(b->loop, b->http, &po, &host, b, &b->plivo));
    assert_ok(http_server_open(b->loop, &(struct http_server_opts){.host = "127.0.0.1"}, &requests, b, &b->server));
    char url[96];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u%s?token=t-1", (unsigned)http_server_port(b->server),
             kind == TWILIO ? "/media-stream" : "/ws");
    assert_ok(ws_connect(b->loop, &(struct ws_client_opts){.url = str_from(url)}, &socket_events, b, &b->ws));
    wait_until(b->loop, is_open, b);
    assert_true(b->open);
}

void bench_start(struct bench *b)
{
    if (b->kind == EMBEDDED) {
        embedded_start(b->embedded, &leg_events, b, STR(STREAM), STR("somebody"));
        return;
    }
    say_start(b);
    wait_until(b->loop, is_started, b);
}

void bench_up(struct bench *b, enum kind kind)
{
    bench_init(b, kind, 0);
    bench_start(b);
}

void bench_down(struct bench *b)
{
    if (b->leg) {
        leg_close(b->leg);
        bench_wait_closed(b);
    }
    if (b->kind != EMBEDDED) {
        carrier_free(carrier_of(b));
    } else {
        settle(b->loop); /* on_gone */
    }
    if (b->ws) {
        ws_abort(b->ws, -ECANCELED);
        bench_wait_torn(b);
    }
    http_client_free(b->http);
    http_server_free(b->server);
    loop_free(b->loop);
}

void bench_play(struct bench *b, uint8_t sound, uint32_t mark)
{
    static uint8_t audio[960];
    memset(audio, sound, sizeof(audio));
    struct call_action act = {.type = ACT_LEG_MEDIA};
    act.leg_media.audio = span_from(audio, b->kind == EMBEDDED ? sizeof(audio) : BENCH_FRAME);
    act.leg_media.mark = mark;
    assert_ok(leg_perform(b->leg, &act));
}

void bench_mark(struct bench *b, uint32_t number)
{
    assert_ok(leg_perform(b->leg, &(struct call_action){.type = ACT_LEG_MARK, .leg_mark = {.mark = number}}));
}

void bench_clear(struct bench *b)
{
    assert_ok(leg_perform(b->leg, &(struct call_action){.type = ACT_LEG_CLEAR}));
}
