#include "phone_fixture.h"

static struct phone_when after(uint32_t ms)
{
    return (struct phone_when){PHONE_WHEN_AFTER, ms};
}

static struct phone_opts direct(struct fix *f, const char *path, char url[96])
{
    ignore_result(snprintf(url, 96, "ws://%s%s", f->base, path) < 0);
    return (struct phone_opts){.ws_url = str_from(url), .hangup = after(100), .seed = 1, .max_ms = 5000};
}

/* ---- what the phone says ---- */

static struct json_val line_json(const struct fix_sock *s, size_t i)
{
    struct json_val v;
    assert_true(i < s->n_lines);
    assert_ok(json_parse(str_from(s->lines[i]), &v));
    return v;
}

static void check_media(const struct fix_sock *s, size_t i, uint64_t *timestamp)
{
    struct json_val v = line_json(s, i);
    char want[24];
    int64_t ts = 0;
    ignore_result(snprintf(want, sizeof(want), "%zu", i) < 0);
    assert_str_is(json_get(v, "event").s, "media");
    assert_int_equal(json_get(v, "sequenceNumber").type, JSON_STRING);
    assert_str_is(json_get(v, "sequenceNumber").s, want); /* line 0 is connected, line 1 is start with number 1 */
    ignore_result(snprintf(want, sizeof(want), "%zu", i - 1) < 0);
    assert_str_is(json_path(v, "media.chunk").s, want);
    assert_str_is(json_path(v, "media.track").s, "inbound");
    assert_int_equal(json_path(v, "media.payload").s.n, 216); /* 160 bytes */
    assert_ok(str_to_i64(json_path(v, "media.timestamp").s, &ts));
    if (*timestamp == 0) {
        assert_in_range(ts, 80, 200);
    } else {
        assert_int_equal(ts, *timestamp + 20);
    }
    *timestamp = (uint64_t)ts;
}

TEST(it_speaks_the_vendors_messages_in_the_vendors_order)
{
    static const struct fix_behaviour silent;
    struct fix f;
    char url[96];
    fix_init(&f, &silent);
    struct str_pair params[] = {{STR("tenant"), STR("7")}, {STR("no\"te"), STR("h\xC3\xA9 \"q\"")}};
    struct phone_opts o = direct(&f, "/media-stream", url);
    o.params = params;
    o.n_params = 2;
    struct phone_item item = fix_say(100, (struct phone_when){PHONE_WHEN_START, 0});
    o.items = &item;
    o.n_items = 1;
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    const struct fix_sock *s = &f.socks[0];
    assert_str_is(str_from(s->lines[0]), "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
    struct json_val start = line_json(s, 1);
    assert_str_is(json_get(start, "event").s, "start");
    assert_str_is(json_get(start, "sequenceNumber").s, "1");
    assert_true(str_eq(json_get(start, "streamSid").s, json_path(start, "start.streamSid").s));
    assert_true(str_starts(json_get(start, "streamSid").s, STR("MZ")));
    assert_int_equal(json_get(start, "streamSid").s.n, 34);
    assert_str_is(json_path(start, "start.callSid").s, c->report.call_sid);
    assert_str_is(json_path(start, "start.customParameters.tenant").s, "7");
    assert_str_is(json_path(start, "start.mediaFormat.encoding").s, "audio/x-mulaw");
    uint64_t ts = 0;
    for (size_t i = 2; i + 1 < s->n_lines; i++) {
        check_media(s, i, &ts);
    }
    assert_true(s->n_lines >= 12);
    struct json_val stop = line_json(s, s->n_lines - 1);
    assert_str_is(json_get(stop, "event").s, "stop");
    assert_str_is(json_path(stop, "stop.callSid").s, c->report.call_sid);
    assert_int_equal(s->close_code, 1000);
    assert_int_equal(c->report.warnings_total, 0);
    assert_int_equal(c->report.hangup, PHONE_SIDE_CALLER);
    assert_int_equal(c->report.err, 0);
    assert_has(buf_str(&f.requests), "user-agent: Twilio.TmeWs/1.0\n");
    assert_has_not(buf_str(&f.requests), "origin:");
    assert_has_not(buf_str(&f.requests), "sec-websocket-");
    fix_done(&f);
}

/* As many frames as the media clock says, and none of them before its time. */
TEST(the_media_clock_does_not_drift)
{
    static const struct fix_behaviour silent;
    struct fix f;
    char url[96];
    fix_init(&f, &silent);
    struct phone_opts o = direct(&f, "/media-stream", url);
    o.hangup = after(1000);
    fix_call(&f, &o);
    fix_run(&f);
    const struct fix_sock *s = &f.socks[0];
    assert_in_range(s->n_media, 50, 51);
    for (size_t i = 2; i < 2 + s->n_media; i++) {
        /* Late is what a busy machine makes it, early it cannot be: frame k leaves 20 k ms after the start. */
        assert_true(s->at_us[i] >= s->opened_us + (i - 1) * 20000);
    }
    fix_done(&f);
}

/* ---- strictness: what the server does wrong, and the number it earns ---- */

static const struct violation {
    const char *name;
    const char *text; /* %s: streamSid */
    bool binary, early;
    uint32_t code;
} violations[] = {
    {"surplus key", "{\"event\":\"clear\",\"streamSid\":\"%s\",\"x\":1}", false, false, 31951},
    {"surplus key in media",
     "{\"event\":\"media\",\"streamSid\":\"%s\",\"media\":{\"payload\":\"/w==\",\"track\":\"o\"}}", false, false,
     31951},
    {"wrong streamSid", "{\"event\":\"clear\",\"streamSid\":\"MZ%.3s\"}", false, false, 31951},
    {"no streamSid", "{\"event\":\"clear\"}", false, false, 31951},
    {"binary frame", "{\"event\":\"clear\",\"streamSid\":\"%s\"}", true, false, 31950},
    {"not JSON", "{\"event\":\"clear\",\"streamSid\":\"%s\"", false, false, 31951},
    {"an array", "[\"%s\"]", false, false, 31951},
    {"unknown event", "{\"event\":\"hangup\",\"streamSid\":\"%s\"}", false, false, 31951},
    {"media without payload", "{\"event\":\"media\",\"streamSid\":\"%s\",\"media\":{}}", false, false, 31951},
    {"bad base64", "{\"event\":\"media\",\"streamSid\":\"%s\",\"media\":{\"payload\":\"abc\"}}", false, false, 31951},
    {"mark without name", "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{}}", false, false, 31951},
    {"name is a number", "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":1}}", false, false, 31951},
    {"before start", "{\"event\":\"clear\",\"streamSid\":\"%s\"}", false, true, 31951},
};

static void violate(struct fix_sock *s, bool early)
{
    size_t i = (size_t)(s->path[1] - 'a');
    assert_true(i < ARRAY_LEN(violations));
    const struct violation *v = &violations[i];
    char text[256];
    if (v->early != early) {
        return;
    }
    int n = snprintf(text, sizeof(text), "%s", "");
    const char *sid = v->early ? "MZ00000000000000000000000000000000" : s->stream_sid;
    struct buf b;
    buf_init(&b, 1000);
    for (const char *p = v->text; *p; p++) { /* the format is data: put the id in by hand */
        if (p[0] == '%' && p[1] == 's') {
            buf_puts(&b, sid);
            p++;
        } else if (strncmp(p, "%.3s", 4) == 0) {
            buf_puts(&b, "abc");
            p += 3;
        } else {
            buf_putc(&b, *p);
        }
    }
    assert_true(n == 0 && b.err == 0);
    assert_ok(v->binary ? ws_send_binary(s->ws, buf_span(&b)) : ws_send_text(s->ws, buf_str(&b)));
    buf_done(&b);
}

static void violate_on_open(struct fix_sock *s)
{
    violate(s, true);
}

static void violate_on_start(struct fix_sock *s, const struct twilio_msg *msg)
{
    if (msg->event == TWILIO_START) {
        violate(s, false);
        fix_send_mark(s, "still here"); /* the stream goes on */
    }
}

TEST(each_violation_earns_the_vendors_number_and_the_stream_goes_on)
{
    static const struct fix_behaviour rude = {.on_open = violate_on_open, .on_message = violate_on_start};
    struct fix f;
    char url[ARRAY_LEN(violations)][96];
    fix_init(&f, &rude);
    for (size_t i = 0; i < ARRAY_LEN(violations); i++) {
        char path[8] = {'/', (char)('a' + i), 0};
        struct phone_opts o = direct(&f, path, url[i]);
        fix_call(&f, &o);
    }
    fix_run(&f);
    for (size_t i = 0; i < ARRAY_LEN(violations); i++) {
        const struct phone_report *r = &f.calls[i].report;
        if (r->warnings_total != 1 || r->warnings[0].code != violations[i].code) {
            print_error("%s: %u warnings, first %u %s\n", violations[i].name, r->warnings_total, r->warnings[0].code,
                        r->warnings[0].text);
        }
        assert_int_equal(r->warnings_total, 1);
        assert_int_equal(r->warnings[0].code, violations[i].code);
        assert_int_equal(r->marks_echoed, 1);
        assert_int_equal(r->hangup, PHONE_SIDE_CALLER);
        struct phone_expect e;
        struct phone_verdict v[PHONE_VERDICTS_MAX];
        phone_expect_init(&e);
        assert_int_equal(phone_expect_check(&e, r, v), 1);
        assert_false(v[0].held);
    }
    fix_done(&f);
}

/* ---- connections that do not work ---- */

static bool refuse_some(struct fix *f UNUSED, struct http_exchange *x, const struct http_request *req)
{
    if (str_is(req->path, "/refuse")) {
        http_respond(x, 403, STR("text/plain"), STR_NULL, span_from("no", 2));
        return true;
    }
    return false;
}

static void end_on_start(struct fix_sock *s, const struct twilio_msg *msg)
{
    if (msg->event != TWILIO_START) {
        return;
    }
    if (str_is(str_from(s->path), "/normal")) {
        ws_close(s->ws, 1000, STR_NULL);
    } else if (str_is(str_from(s->path), "/policy")) {
        ws_close(s->ws, 1008, STR("no token"));
    } else if (str_is(str_from(s->path), "/broken")) {
        ws_abort(s->ws, -ECANCELED);
    }
}

TEST(each_way_to_end_has_its_side_and_number)
{
    static const struct fix_behaviour b = {.on_request = refuse_some, .on_message = end_on_start};
    static const struct {
        const char *path;
        uint32_t code;
        enum phone_side side;
        bool no_call;
    } ends[] = {{"/normal", 0, PHONE_SIDE_AGENT, false},
                {"/policy", PHONE_ERR_CLOSED, PHONE_SIDE_AGENT, false},
                {"/broken", PHONE_ERR_BROKEN, PHONE_SIDE_AGENT, false},
                {"/refuse", PHONE_ERR_HANDSHAKE, PHONE_SIDE_ERROR, true}};
    struct fix f;
    char url[ARRAY_LEN(ends) + 1][96];
    fix_init(&f, &b);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct phone_opts o = direct(&f, ends[i].path, url[i]);
        o.hangup = (struct phone_when){PHONE_WHEN_NEVER, 0};
        fix_call(&f, &o);
    }
    /* A port where nobody listens: one that was ours a moment ago. */
    struct phone_opts o = direct(&f, "/", url[ARRAY_LEN(ends)]);
    struct http_server *gone;
    struct http_server_opts so = {.host = "127.0.0.1"};
    assert_ok(http_server_open(f.loop, &so, &fix_http_handler, &f, &gone));
    ignore_result(snprintf(url[ARRAY_LEN(ends)], 96, "ws://127.0.0.1:%u/", http_server_port(gone)) < 0);
    o.ws_url = str_from(url[ARRAY_LEN(ends)]);
    http_server_free(gone);
    fix_call(&f, &o);
    fix_run(&f);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        const struct phone_report *r = &f.calls[i].report;
        assert_int_equal(r->hangup, ends[i].side);
        assert_int_equal(r->warnings_total, ends[i].code != 0);
        assert_int_equal(r->warnings[0].code, ends[i].code);
        assert_int_equal(r->err < 0, ends[i].no_call);
    }
    assert_int_equal(f.calls[ARRAY_LEN(ends)].report.warnings[0].code, PHONE_ERR_TIMEOUT);
    assert_int_equal(f.calls[ARRAY_LEN(ends)].report.hangup, PHONE_SIDE_ERROR);
    fix_done(&f);
}

TEST(an_agent_that_never_speaks_meets_the_limit)
{
    static const struct fix_behaviour silent;
    struct fix f;
    char url[96];
    fix_init(&f, &silent);
    struct phone_opts o = direct(&f, "/", url);
    o.hangup = (struct phone_when){0};
    o.max_ms = 300;
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(c->report.hangup, PHONE_SIDE_LIMIT);
    assert_has(str_from(c->report.reason), "greeting-done");
    assert_int_equal(f.socks[0].close_code, 1000); /* hung up properly all the same */
    fix_done(&f);
}

TEST(neither_or_both_urls_are_refused_and_nothing_is_called)
{
    static const struct fix_behaviour silent;
    struct fix f;
    struct phone *p = NULL;
    fix_init(&f, &silent);
    struct phone_opts o = {0};
    assert_err(phone_open(f.loop, &o, &fix_phone_handler, NULL, &p), EINVAL);
    o.url = STR("http://127.0.0.1/");
    o.ws_url = STR("ws://127.0.0.1/");
    assert_err(phone_open(f.loop, &o, &fix_phone_handler, NULL, &p), EINVAL);
    fix_done(&f);
}

TEST_MAIN(T(it_speaks_the_vendors_messages_in_the_vendors_order), T(the_media_clock_does_not_drift),
          T(each_violation_earns_the_vendors_number_and_the_stream_goes_on), T(each_way_to_end_has_its_side_and_number),
          T(an_agent_that_never_speaks_meets_the_limit), T(neither_or_both_urls_are_refused_and_nothing_is_called))
