#include "gateway/rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/archive.h"
#include "gateway/bare_config.h"

/* Short lines keep the tests short. The script is what the tones are taken to say, turn by turn. */
static const char dialogue_yaml[] =
    "name: test\n"
    "greeting: Hello.\n"
    "refusal: What?\n"
    "unavailable: Not now.\n"
    "prompt: Anything else?\n"
    "script:\n"
    "  - order one two three four\n"
    "  - tell me more\n"
    "  - goodbye\n"
    "rules:\n"
    "  digit: one | two | three | four\n"
    "  order_number: <digit> <digit>+\n"
    "slots:\n"
    "  order_number: digits\n"
    "intents:\n"
    "  order:\n"
    "    rules: [\"order [<order_number>]\"]\n"
    "    say: Looking.\n"
    "    call: {tool: check_order_status, arguments: {order_number: \"{order_number}\"}}\n"
    "  more:\n"
    "    rules: [tell me more]\n"
    "    say: There is much more to say about this and it takes quite a while to say it all.\n"
    "  goodbye:\n"
    "    rules: [goodbye]\n"
    "    say: Goodbye.\n"
    "    call: {tool: end_call, arguments: {reason: done}}\n";

struct span rig_tone(void)
{
    static uint8_t tone[4000];
    for (size_t i = 0; i < sizeof(tone); i++) {
        tone[i] = i / 10 % 2 ? 0x20 : 0xA0;
    }
    return span_from(tone, sizeof(tone));
}

/* ---- the gateway's reports ---- */

static void on_tap(const struct tap_event *e, void *arg)
{
    struct rig *r = arg;
    switch (e->kind) {
    case TAP_BEGIN:
        r->begun++;
        break;
    case TAP_ACTION:
        r->lines += e->action->type == ACT_LINE;
        if (e->action->type == ACT_LINE) {
            struct buf *lines = e->action->line.who == PARTY_CALLER ? &r->heard : &r->spoken;
            buf_put_str(lines, e->action->line.text);
            buf_putc(lines, '\n');
        }
        r->tools += e->action->type == ACT_TOOL_RUN;
        if (e->action->type == ACT_NOTE) {
            r->notes[e->action->note.note]++;
            r->replayed += e->action->note.note == NOTE_REPLAYED ? (uint32_t)e->action->note.value : 0;
        }
        break;
    case TAP_END:
        r->ended++;
        r->last_reason = e->action->end.reason;
        r->last_duration_ms = e->action->end.duration_ms;
        assert_ok(str_copy(r->last_call, sizeof(r->last_call), str_from(e->call_id)));
        assert_ok(str_copy(r->last_recording, sizeof(r->last_recording), str_from(e->recording)));
        assert_ok(str_copy(r->last_journal, sizeof(r->last_journal), str_from(e->journal)));
        break;
    case TAP_MODEL_READY:
        assert_ok(str_copy(r->ready_call, sizeof(r->ready_call), str_from(e->call_id)));
        break;
    case TAP_LEG_START:
        r->model_waited = strcmp(r->ready_call, e->call_id) == 0;
        break;
    case TAP_MODEL_FAILED:
    case TAP_SIGNAL:
    case TAP_TOOL_RESULT:
        break;
    }
}

/* ---- life ---- */

static void open_sandbox(struct rig *r, const struct rig_opts *o)
{
    struct sandbox_server_opts so = {.speech = SANDBOX_SPEECH_CANNED, .speed = o->speed > 0 ? o->speed : 8, .seed = 1};
    struct buf err;
    buf_init(&err, 4096);
    assert_ok(dialogue_load(str_from(o->dialogue ? o->dialogue : dialogue_yaml), "test", &err, &r->dialogue));
    so.dialogue = r->dialogue;
    if (o->faults) {
        assert_ok(faults_parse(&so.faults, str_from(o->faults), &err));
    }
    so.session_s = 3600;
    so.key = str_from(o->key);
    assert_ok(sandbox_server_open(r->loop, &so, &err, &r->sandbox));
    buf_done(&err);
}

/* The rig's callers are tones, which a detector that goes by loudness takes for speech. Tests may say otherwise. */
static const char *turns_of(const struct rig_opts *o)
{
    bool own = o->extra && str_search(str_from(o->extra), STR("agent:")) != SIZE_MAX;
    return own ? "" : "agent: {turn_detection: server_vad}\n";
}

static void write_yaml(struct rig *r, const struct rig_opts *o)
{
    char spare[32] = "";
    if (o->spare) {
        ignore_result(snprintf(spare, sizeof(spare), "%u\"}", sandbox_server_port(r->sandbox)) < 0);
    }
    buf_init(&r->yaml, 1 << 16);
    buf_printf(&r->yaml,
               "server: {listen: \"127.0.0.1:0\"%s%s%s%s%s}\n"
               "records: {dir: \"%s\", min_free_mb: %u%s}\n"
               "providers: {test: {kind: sandbox, url: \"ws://127.0.0.1:%u\"%s%s%s}%s%s}\n"
               "carriers: {%s: %s}\n"
               "%s%s\n",
               o->tokens ? ", tokens: [" : "", o->tokens ? o->tokens : "", o->tokens ? "]" : "",
               o->public_url ? ", public_url: " : "", o->public_url ? o->public_url : "", r->dir, o->min_free_mb,
               o->records ? o->records : "", o->no_model ? 1 : sandbox_server_port(r->sandbox),
               o->provider ? o->provider : "", o->spare ? ", " : "", o->spare ? o->spare : "",
               o->spare ? ", spare: {kind: sandbox, url: \"ws://127.0.0.1:" : "", spare, r->as->name,
               o->carrier ? o->carrier : "{}", turns_of(o), o->extra ? o->extra : "");
    assert_int_equal(r->yaml.err, 0);
}

void rig_start_gateway(struct rig *r)
{
    struct str yaml = buf_str(&r->yaml);
    struct buf err;
    struct gateway_opts o = {
        .config = bare_source(&yaml),
        .loop = r->loop,
        .own_log = true,
        .tap = {on_tap, r},
    };
    buf_init(&err, 1 << 16);
    if (gateway_open(&o, &err, &r->gw) < 0) {
        fail_msg("%s", buf_cstr(&err));
    }
    buf_done(&err);
    ignore_result(snprintf(r->base, sizeof(r->base), "127.0.0.1:%u", gateway_port(r->gw)) < 0);
}

void rig_open(struct rig *r, const struct rig_opts *o)
{
    memset(r, 0, sizeof(*r));
    buf_init(&r->heard, 1 << 16);
    buf_init(&r->spoken, 1 << 16);
    r->auth_token = o->auth_token;
    r->as = o->as ? o->as : &phone_twilio;
    r->loop = o->loop;
    if (!r->loop) {
        assert_ok(loop_new(&r->loop));
    }
    open_sandbox(r, o);
    if (o->dir) {
        assert_ok(str_copy(r->dir, sizeof(r->dir), str_from(o->dir)));
    } else {
        char name[] = "rig.XXXXXX";
        assert_non_null(mkdtemp(name));
        assert_ok(str_copy(r->dir, sizeof(r->dir), str_from(name)));
    }
    write_yaml(r, o);
    rig_start_gateway(r);
    assert_ok(http_client_new(r->loop, &r->http));
}

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *at UNUSED)
{
    return remove(path);
}

static bool no_calls(void *arg)
{
    struct rig *r = arg;
    return gateway_calls(r->gw) == 0;
}

void rig_stop_gateway(struct rig *r)
{
    gateway_stop(r->gw, 1);
    gateway_run(r->gw);
    assert_true(no_calls(r));
    r->gw = gateway_free(r->gw);
}

void rig_close(struct rig *r, bool keep_dir)
{
    for (size_t i = 0; i < r->n_calls; i++) {
        if (r->calls[i].phone) {
            phone_close(r->calls[i].phone);
        }
    }
    if (r->gw) {
        rig_stop_gateway(r);
    }
    r->http = http_client_free(r->http);
    sandbox_server_stop(r->sandbox);
    loop_free(r->loop);
    sandbox_server_free(r->sandbox);
    dialogue_free(r->dialogue);
    for (size_t i = 0; i < r->n_calls; i++) {
        buf_done(&r->calls[i].docs);
    }
    buf_done(&r->yaml);
    buf_done(&r->heard);
    buf_done(&r->spoken);
    if (!keep_dir) {
        assert_int_equal(nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    }
}

/* ---- phones ---- */

static void on_phone_event(struct phone *p UNUSED, const struct phone_event *ev, void *arg)
{
    struct rig_call *c = arg;
    c->started |= ev->kind == PHONE_EVENT_START;
    c->agent_begins += ev->kind == PHONE_EVENT_AGENT_BEGIN;
    c->clears += ev->kind == PHONE_EVENT_CLEAR;
}

static void on_phone_closed(struct phone *p UNUSED, const struct phone_report *rep, void *arg)
{
    struct rig_call *c = arg;
    c->phone = NULL;
    c->over = true;
    c->err = rep->err;
    c->http_status = rep->http_status;
    c->greeting_ms = rep->greeting_ms;
    c->duration_ms = rep->duration_ms;
    c->agent_ms = phone_turns_agent_ms(&rep->turns);
    c->late_frames = rep->sent_late_frames;
    c->warnings = rep->warnings_total;
    c->hangup = rep->hangup;
    c->after_clear_bytes = rep->after_clear_bytes;
    c->n_turns = MIN(rep->turns.n_turns, ARRAY_LEN(c->turns));
    if (c->n_turns) {
        memcpy(c->turns, rep->turns.turns, c->n_turns * sizeof(c->turns[0]));
    }
    assert_ok(str_copy(c->sid, sizeof(c->sid), str_from(rep->call_sid)));
    assert_ok(str_copy(c->reason, sizeof(c->reason), str_from(rep->reason)));
    for (size_t i = 0; i < rep->n_docs; i++) {
        buf_puts(&c->docs, rep->docs[i]);
        buf_putc(&c->docs, '\n');
    }
    for (size_t i = 0; i < rep->n_warnings; i++) {
        print_message("# carrier's warning %u: %s\n", rep->warnings[i].code, rep->warnings[i].text);
    }
}

static const struct phone_handler phone_handler = {.on_event = on_phone_event, .on_closed = on_phone_closed};

struct rig_call *rig_call(struct rig *r, const struct phone_when *when, size_t n, struct phone_when hangup)
{
    struct phone_item items[16] = {0};
    char url[128];
    assert_true(r->n_calls < RIG_CALLS && n <= ARRAY_LEN(items));
    struct rig_call *c = &r->calls[r->n_calls++];
    c->rig = r;
    buf_init(&c->docs, 1 << 16);
    for (size_t i = 0; i < n; i++) {
        struct span sound = i < ARRAY_LEN(r->sounds) && r->sounds[i].n > 0 ? r->sounds[i] : rig_tone();
        items[i] = (struct phone_item){.kind = PHONE_SAY, .when = when[i], .mulaw = sound, .label = "sound"};
    }
    ignore_result(snprintf(url, sizeof(url), "http://%s%s", r->base, r->as == &phone_plivo ? "/answer" : "/twiml") < 0);
    const struct phone_opts o = {
        .as = r->as,
        .variants = r->variants,
        .url = str_from(url),
        .items = items,
        .n_items = n,
        .hangup = hangup,
        .max_ms = r->call_ms ? r->call_ms : 20000,
        .quiet_ms = 300,
        .packets = r->packets,
        .seed = r->n_calls,
        .auth_token = str_from(r->auth_token),
        .sign_base = str_from(r->sign_base),
        .stream_base = str_from(r->stream_base),
    };
    assert_ok(phone_open(r->loop, &o, &phone_handler, c, &c->phone));
    return c;
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

/* Calls run in real time and may be longer than wait_until waits. */
static void wait_call(struct rig_call *c)
{
    struct timer *t;
    assert_ok(timer_new(c->rig->loop, stop_loop, c->rig->loop, &t));
    timer_start(t, 5000, 5000);
    uint64_t until_us = clock_now_us() + 30000000 + (uint64_t)c->rig->call_ms * 1000;
    while (!c->over) {
        loop_run(c->rig->loop);
        assert_true(clock_now_us() < until_us);
    }
    timer_free(t);
}

void rig_wait_over(struct rig_call *c)
{
    wait_call(c);
    wait_until(c->rig->loop, no_calls, c->rig);
}

struct wait_ended {
    struct rig *rig;
    uint32_t n;
};

static bool have_ended(void *arg)
{
    struct wait_ended *w = arg;
    return w->rig->ended >= w->n;
}

void rig_wait_ended(struct rig *r, uint32_t n)
{
    struct wait_ended w = {r, n};
    wait_until(r->loop, have_ended, &w);
}

/* ---- raw sockets ---- */

static void on_open(struct ws *ws UNUSED, struct str protocol UNUSED, void *arg)
{
    struct rig_socket *s = arg;
    s->opened = true;
}

static void on_text(struct ws *ws UNUSED, struct str text UNUSED, void *arg)
{
    struct rig_socket *s = arg;
    s->messages++;
}

static void on_ws_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct rig_socket *s = arg;
    s->ws = NULL;
    s->closed = true;
    s->code = why->code;
    s->http_status = why->http_status;
    assert_ok(str_copy(s->reason, sizeof(s->reason), why->reason));
}

static const struct ws_handler socket_handler = {.on_open = on_open, .on_text = on_text, .on_closed = on_ws_closed};

static bool answered(void *arg)
{
    struct rig_socket *s = arg;
    return s->opened || s->closed;
}

struct rig_socket *rig_socket(struct rig *r, const char *path)
{
    char url[256];
    assert_true(r->n_sockets < RIG_SOCKETS);
    struct rig_socket *s = &r->sockets[r->n_sockets++];
    s->rig = r;
    ignore_result(snprintf(s->stream_sid, sizeof(s->stream_sid), "MZ%032zx", r->n_sockets) < 0);
    ignore_result(snprintf(url, sizeof(url), "ws://%s%s", r->base, path) < 0);
    const struct ws_client_opts o = {.url = str_from(url)};
    assert_ok(ws_connect(r->loop, &o, &socket_handler, s, &s->ws));
    wait_until(r->loop, answered, s);
    return s;
}

void rig_send(struct rig_socket *s, const char *text)
{
    if (s->ws) {
        int err = ws_send_text(s->ws, str_from(text));
        assert_true(err == 0 || err == -ERR_CLOSED);
    }
}

void rig_send_start(struct rig_socket *s, const char *call_sid, const char *token)
{
    char text[1024];
    rig_send(s, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
    ignore_result(snprintf(text, sizeof(text),
                           "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{\"accountSid\":\"AC1\","
                           "\"streamSid\":\"%s\",\"callSid\":\"%s\",\"tracks\":[\"inbound\"],\"mediaFormat\":{"
                           "\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1},\"customParameters\":{"
                           "%s%s%s}},\"streamSid\":\"%s\"}",
                           s->stream_sid, call_sid, token ? "\"token\":\"" : "", token ? token : "", token ? "\"" : "",
                           s->stream_sid) < 0);
    rig_send(s, text);
}

void rig_send_media(struct rig_socket *s, uint32_t number)
{
    char text[512];
    char payload[256];
    uint8_t frame[160];
    memset(frame, 0xFF, sizeof(frame));
    size_t n = base64_encode(payload, span_from(frame, sizeof(frame)));
    ignore_result(snprintf(text, sizeof(text),
                           "{\"event\":\"media\",\"sequenceNumber\":\"%u\",\"media\":{\"track\":\"inbound\",\"chunk\":"
                           "\"%u\",\"timestamp\":\"%u\",\"payload\":\"%.*s\"},\"streamSid\":\"%s\"}",
                           number + 1, number, number * 20, (int)n, payload, s->stream_sid) < 0);
    rig_send(s, text);
}

static bool is_closed(void *arg)
{
    struct rig_socket *s = arg;
    return s->closed;
}

void rig_wait_closed(struct rig_socket *s)
{
    wait_until(s->rig->loop, is_closed, s);
}

/* ---- HTTP ---- */

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct rig_reply *r = arg;
    r->done = true;
    r->err = reply->err;
    r->status = reply->status;
    if (reply->body.n > 0) {
        buf_put(&r->body, reply->body.p, reply->body.n);
    }
    if (str_copy(r->type, sizeof(r->type), reply->content_type) < 0) {
        r->type[0] = '\0';
    }
}

static bool replied(void *arg)
{
    struct rig_reply *r = arg;
    return r->done;
}

struct rig_reply rig_http(struct rig *r, const char *method, const char *path, const char *headers, const char *body)
{
    struct rig_reply reply = {0};
    char url[512];
    buf_init(&reply.body, 8 << 20);
    ignore_result(snprintf(url, sizeof(url), "http://%s%s", r->base, path) < 0);
    const struct http_call_opts o = {
        .method = method,
        .url = str_from(url),
        .headers = str_from(headers ? headers : ""),
        .body = span_of_str(str_from(body ? body : "")),
        .max_response_bytes = 8 << 20,
    };
    assert_ok(http_call(r->http, &o, on_reply, &reply, NULL));
    wait_until(r->loop, replied, &reply);
    assert_int_equal(reply.err, 0);
    return reply;
}

struct str rig_json(const struct rig_reply *reply, const char *path)
{
    struct json_val doc;
    assert_ok(json_parse(buf_str(&reply->body), &doc));
    struct json_val v = json_path(doc, path);
    return v.type == JSON_NONE ? STR("") : v.s;
}

void rig_webhook(struct rig *r, const char *call_sid, char *ret_token, struct rig_reply *ret)
{
    char body[256];
    ignore_result(snprintf(body, sizeof(body),
                           "CallSid=%s&AccountSid=AC1&From=%%2B15550001111&To=%%2B15550002222&CallStatus=ringing&"
                           "Direction=inbound",
                           call_sid) < 0);
    *ret = rig_http(r, "POST", "/twiml", "Content-Type: application/x-www-form-urlencoded\r\n", body);
    struct str text = buf_str(&ret->body);
    size_t at = str_search(text, STR("name=\"token\" value=\""));
    ret_token[0] = '\0';
    if (at != SIZE_MAX) {
        struct str rest = {text.p + at + 20, text.n - at - 20};
        assert_ok(str_copy(ret_token, 64, (struct str){rest.p, str_find(rest, '"')}));
    }
}

void rig_assert_shown(const struct rig *r, const char *part)
{
    struct str yaml = buf_str(&r->yaml);
    const struct config_source source = bare_source(&yaml);
    struct archive *a = NULL;
    struct buf out;
    struct buf err;
    buf_init(&out, 1 << 16);
    buf_init(&err, 4096);
    assert_ok(archive_open(&source, &err, &a));
    assert_ok(archive_show(a, str_from(r->last_call), ARCHIVE_TEXT, &out));
    archive_close(a);
    assert_has(buf_str(&out), part);
    buf_done(&out);
    buf_done(&err);
}
