#include "phone_fixture.h"

/* Calls in direct mode: playout, marks, clear, barge-in, the simulated network. Each test is a second or less. */

static struct phone_when when(enum phone_when_kind kind, uint32_t ms)
{
    return (struct phone_when){kind, ms};
}

static struct phone_opts direct(struct fix *f, const char *path, char url[96])
{
    ignore_result(snprintf(url, 96, "ws://%s%s", f->base, path) < 0);
    return (struct phone_opts){.ws_url = str_from(url), .quiet_ms = 200, .seed = 1, .max_ms = 6000};
}

static size_t marks_of(const struct fix_sock *s, const char *names[], uint64_t *at_us, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_lines; i++) {
        struct json_val v;
        assert_ok(json_parse(str_from(s->lines[i]), &v));
        if (str_is(json_get(v, "event").s, "mark")) {
            assert_true(n < max);
            struct str name = json_path(v, "mark.name").s;
            names[n] = name.p; /* lies in the line; compared with its length by the caller */
            at_us[n++] = s->at_us[i];
        }
    }
    return n;
}

static bool name_is(const char *at, const char *want)
{
    return strncmp(at, want, strlen(want)) == 0 && at[strlen(want)] == '"';
}

/* ---- marks come back when played ---- */

static void speak_400_ms(struct fix_sock *s, const struct twilio_msg *msg)
{
    if (msg->event == TWILIO_START) {
        fix_send_mark(s, "empty");
        fix_send_media(s, fix_tone(), 1600);
        fix_send_mark(s, "200 ms");
        fix_send_media(s, fix_tone(), 1600);
        fix_send_mark(s, "400 ms");
    }
}

TEST(marks_return_when_their_audio_has_been_played)
{
    static const struct fix_behaviour b = {.on_message = speak_400_ms};
    struct fix f;
    char url[96];
    const char *names[8];
    uint64_t at[8];
    fix_init(&f, &b);
    struct phone_opts o = direct(&f, "/", url);
    o.hangup = when(PHONE_WHEN_AFTER, 600);
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(marks_of(&f.socks[0], names, at, 8), 3);
    assert_true(name_is(names[0], "empty") && name_is(names[1], "200 ms") && name_is(names[2], "400 ms"));
    assert_true(at[1] - at[0] >= 190000); /* lateness of a busy machine only adds to it */
    assert_true(at[2] - at[0] >= 390000);
    assert_int_equal(c->report.marks_outstanding, 0);
    assert_int_equal(c->report.marks_cleared, 0);
    assert_int_equal(c->n_agent_begin, 1);
    assert_in_range(c->report.greeting_ms, 0, 1000);
    fix_done(&f);
}

/* ---- clear ---- */

static void clear_after_media(struct fix_sock *s, const struct twilio_msg *msg)
{
    if (msg->event == TWILIO_START) {
        fix_send_media(s, fix_tone(), 1600);
        fix_send_mark(s, "a");
        fix_send_media(s, fix_tone(), 16000);
        fix_send_mark(s, "b");
        char text[128];
        int n =
            snprintf(text, sizeof(text),
                     "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"q\\\"\\u00e9\"}}", s->stream_sid);
        assert_in_range(n, 1, sizeof(text) - 1);
        fix_send(s, text);
    } else if (msg->event == TWILIO_MEDIA && s->n_media == 20) {
        fix_send_clear(s);
        fix_send_mark(s, "behind");
        fix_send_media(s, fix_tone(), 800);
    }
}

TEST(clear_drops_audio_and_returns_the_marks_at_once_and_in_order)
{
    static const struct fix_behaviour b = {.on_message = clear_after_media};
    struct fix f;
    char url[96];
    const char *names[8];
    uint64_t at[8];
    fix_init(&f, &b);
    struct phone_opts o = direct(&f, "/", url);
    o.hangup = when(PHONE_WHEN_AFTER, 600);
    o.record_path = "phone_clear_test.wav";
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(marks_of(&f.socks[0], names, at, 8), 4);
    assert_true(name_is(names[0], "a") && name_is(names[1], "b") && name_is(names[3], "behind"));
    assert_true(name_is(names[2], "q\\\"\xC3\xA9")); /* the same name, whatever its spelling */
    assert_true(at[2] - at[1] < 200000);             /* at once: not after the two seconds that were queued */
    assert_int_equal(c->report.clears, 1);
    assert_int_equal(c->report.marks_cleared, 2);
    assert_int_equal(c->report.marks_outstanding, 0);
    assert_true(c->report.cleared_bytes > 9000 && c->report.cleared_bytes <= 16000);
    assert_int_equal(c->report.after_clear_bytes, 0); /* nobody speaks: what follows is an answer */
    /* The recording holds what was heard and nothing that was cleared. */
    FILE *wav = fopen("phone_clear_test.wav", "rb");
    assert_non_null(wav);
    static uint8_t bytes[100000];
    size_t n = fread(bytes, 1, sizeof(bytes), wav);
    assert_int_equal(fclose(wav), 0);
    assert_int_equal(remove("phone_clear_test.wav"), 0);
    assert_memory_equal(bytes, "RIFF", 4);
    assert_int_equal(n, 44 + (size_t)c->report.duration_ms * 32);
    size_t loud = 0;
    for (size_t i = 44; i + 4 <= n; i += 4) {
        loud += bytes[i + 2] != 0 || bytes[i + 3] != 0;
    }
    assert_int_equal(loud, c->report.received_bytes - c->report.cleared_bytes);
    fix_done(&f);
}

/* ---- barge-in as a whole ---- */

/* An agent with an ear of its own: 100 ms of sound while it speaks stop it, 200 ms of silence after it answer. */
static uint32_t agent_loud, agent_quiet, agent_spoke;

static void polite_agent(struct fix_sock *s, const struct twilio_msg *msg)
{
    if (msg->event == TWILIO_START) {
        agent_loud = agent_quiet = agent_spoke = 0;
        fix_send_media(s, fix_tone(), 40000);
    } else if (msg->event == TWILIO_MEDIA) {
        uint8_t audio[200];
        assert_int_equal(base64_decode(audio, msg->media.payload), 160);
        bool loud = audio[0] != 0xFF;
        agent_loud = loud ? agent_loud + 1 : 0;
        agent_quiet = loud ? 0 : agent_quiet + 1;
        if (agent_loud == 5 && agent_spoke == 0) {
            fix_send_clear(s);
            agent_spoke = 1;
            if (str_is(str_from(s->path), "/late")) {
                fix_send_media(s, fix_tone(), 960); /* the rest of what was cut off */
            }
        } else if (agent_quiet == 10 && agent_spoke == 1) {
            fix_send_media(s, fix_tone(), 2400);
            agent_spoke = 2;
        }
    }
}

TEST(barge_in_is_measured_end_to_end)
{
    static const struct fix_behaviour b = {.on_message = polite_agent};
    struct fix f;
    char url[96];
    fix_init(&f, &b);
    struct phone_opts o = direct(&f, "/", url);
    struct phone_item item = fix_say(400, when(PHONE_WHEN_AGENT_SPEAKS, 300));
    o.items = &item;
    o.n_items = 1;
    o.hangup = when(PHONE_WHEN_AGENT_STOPS, 200);
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(c->n_turns, 1);
    assert_true(c->turns[0].barge_in);
    assert_true(c->turns[0].answered);
    assert_string_equal(c->turns[0].label, "tone");
    /* Five frames are heard by the agent, the sixth step plays on until the clear is there; a busy machine adds to it.
     */
    assert_in_range(c->turns[0].stop_ms, 80, 2000);
    assert_in_range(c->turns[0].gap_ms, 180, 3000);
    assert_int_equal(c->report.clears, 1);
    assert_int_equal(c->report.after_clear_bytes, 0);
    assert_int_equal(c->report.hangup, PHONE_SIDE_CALLER);
    fix_done(&f);
}

TEST(audio_behind_a_clear_is_counted_and_prolongs_nothing_but_itself)
{
    static const struct fix_behaviour b = {.on_message = polite_agent};
    struct fix f;
    char url[96];
    fix_init(&f, &b);
    struct phone_opts o = direct(&f, "/late", url);
    struct phone_item item = fix_say(400, when(PHONE_WHEN_AGENT_SPEAKS, 300));
    o.items = &item;
    o.n_items = 1;
    o.hangup = when(PHONE_WHEN_AGENT_STOPS, 200);
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(c->report.clears, 1);
    assert_int_equal(c->report.after_clear_bytes, 960);
    struct phone_expect e;
    struct phone_verdict v[PHONE_VERDICTS_MAX];
    phone_expect_init(&e);
    e.no_after_clear = true;
    assert_int_equal(phone_expect_check(&e, &c->report, v), 2);
    assert_false(v[0].held);
    fix_done(&f);
}

/* ---- the network ---- */

static void echo_mark(struct fix_sock *s, const struct twilio_msg *msg)
{
    if (msg->event == TWILIO_START) {
        fix_send_mark(s, "ping");
    }
}

TEST(delay_holds_messages_up_in_both_directions)
{
    static const struct fix_behaviour b = {.on_message = echo_mark};
    struct fix f;
    char url[2][96];
    const char *names[2];
    uint64_t at[2];
    fix_init(&f, &b);
    struct phone_opts o = direct(&f, "/", url[0]);
    o.delay_ms = 150;
    o.jitter_ms = 20;
    o.hangup = when(PHONE_WHEN_AFTER, 700);
    fix_call(&f, &o);
    fix_run(&f);
    const struct fix_sock *s = &f.socks[0];
    assert_int_equal(marks_of(s, names, at, 2), 1);
    assert_true(s->at_us[0] - s->opened_us >= 149000); /* connected was under way for as long */
    assert_true(at[0] - s->at_us[1] >= 298000);        /* there and back */
    assert_int_equal(s->close_code, 1000);
    struct json_val v;
    assert_ok(json_parse(str_from(s->lines[s->n_lines - 1]), &v));
    assert_str_is(json_get(v, "event").s, "stop"); /* order kept to the end */
    fix_done(&f);
}

TEST(lost_frames_become_silence_on_both_sides)
{
    static const struct fix_behaviour b = {.on_message = speak_400_ms};
    struct fix f;
    char url[96];
    fix_init(&f, &b);
    struct phone_opts o = direct(&f, "/", url);
    o.loss_percent = 100;
    struct phone_item item = fix_say(200, when(PHONE_WHEN_START, 0));
    o.items = &item;
    o.n_items = 1;
    o.hangup = when(PHONE_WHEN_AFTER, 100);
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_int_equal(c->n_agent_begin, 0);
    const struct fix_sock *s = &f.socks[0];
    assert_true(s->n_media > 0);
    for (size_t i = 2; i + 1 < s->n_lines; i++) {
        struct json_val v;
        uint8_t audio[200];
        assert_ok(json_parse(str_from(s->lines[i]), &v));
        if (str_is(json_get(v, "event").s, "media")) {
            assert_int_equal(base64_decode(audio, json_path(v, "media.payload").s), 160);
            assert_int_equal(audio[80], 0xFF);
        }
    }
    assert_true(c->report.lost_frames >= 2 * (uint32_t)(c->report.sent_frames - 1));
    fix_done(&f);
}

/* ---- keys, and hundreds at once ---- */

TEST(keys_go_out_one_by_one_between_the_frames)
{
    static const struct fix_behaviour b;
    struct fix f;
    char url[96];
    fix_init(&f, &b);
    struct phone_opts o = direct(&f, "/", url);
    struct phone_item item = {.kind = PHONE_KEYS, .when = when(PHONE_WHEN_START, 0), .keys = "5#"};
    o.items = &item;
    o.n_items = 1;
    o.hangup = when(PHONE_WHEN_AFTER, 60);
    fix_call(&f, &o);
    fix_run(&f);
    char got[8] = {0};
    size_t n = 0;
    for (size_t i = 0; i < f.socks[0].n_lines; i++) {
        struct json_val v;
        assert_ok(json_parse(str_from(f.socks[0].lines[i]), &v));
        if (str_is(json_get(v, "event").s, "dtmf")) {
            assert_str_is(json_path(v, "dtmf.track").s, "inbound_track");
            got[n++] = json_path(v, "dtmf.digit").s.p[0];
        }
    }
    assert_string_equal(got, "5#");
    fix_done(&f);
}

TEST(many_phones_share_one_wheel)
{
    static const struct fix_behaviour b = {.on_message = speak_400_ms};
    struct fix f;
    char url[96];
    struct phone_wheel *wheel;
    fix_init(&f, &b);
    assert_ok(phone_wheel_new(f.loop, &wheel));
    struct phone_opts o = direct(&f, "/", url);
    o.wheel = wheel;
    for (uint32_t i = 0; i < 30; i++) {
        o.hangup = when(PHONE_WHEN_AFTER, 300 + i * 10); /* they leave one after the other */
        fix_call(&f, &o);
    }
    fix_run(&f);
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(f.calls[i].report.hangup, PHONE_SIDE_CALLER);
        assert_in_range(f.calls[i].report.duration_ms, 300 + i * 10, 340 + i * 10);
        assert_int_equal(f.calls[i].report.warnings_total, 0);
    }
    phone_wheel_free(wheel);
    fix_done(&f);
}

/* ---- closing in the wrong moment ---- */

static void close_on(struct fix_call *c, const struct phone_event *ev)
{
    size_t i = (size_t)(c - c->fix->calls);
    static const enum phone_event_kind moments[] = {PHONE_EVENT_STATE, PHONE_EVENT_START,    PHONE_EVENT_AUDIO,
                                                    PHONE_EVENT_MARK,  PHONE_EVENT_CLEAR,    PHONE_EVENT_AGENT_BEGIN,
                                                    PHONE_EVENT_SAYS,  PHONE_EVENT_AGENT_END};
    if (c->phone && ev->kind == moments[i / 2]) {
        if (i % 2) {
            phone_close(c->phone);
        } else {
            phone_hang_up(c->phone, "in the handler");
        }
    }
}

TEST(hanging_up_and_closing_are_legal_in_every_handler)
{
    static const struct fix_behaviour b = {.on_message = clear_after_media};
    struct fix f;
    char url[96];
    fix_init(&f, &b);
    f.on_event = close_on;
    struct phone_opts o = direct(&f, "/", url);
    struct phone_item item = fix_say(100, when(PHONE_WHEN_AGENT_SPEAKS, 0));
    o.items = &item;
    o.n_items = 1;
    o.hangup = when(PHONE_WHEN_AFTER, 1000);
    for (size_t i = 0; i < 16; i++) {
        fix_call(&f, &o);
    }
    fix_run(&f);
    for (size_t i = 0; i < 16; i++) {
        assert_true(f.calls[i].closed);
        assert_string_equal(f.calls[i].report.reason, i % 2 ? "closed" : "in the handler");
    }
    fix_done(&f);
}

/* ---- a bad line ---- */

/* Half a second of speech, of which the last 300 ms are cut; then what was said 100 ms before, once more. */
static void pausing_agent(struct fix_sock *s, const struct twilio_msg *msg)
{
    static uint8_t speech[8000];
    if (msg->event == TWILIO_START) {
        for (size_t i = 0; i < sizeof(speech); i++) {
            speech[i] = (uint8_t)(0x20 + (i * i / 7 + i / 11) % 16 + (i / 5 % 2 ? 0x80 : 0));
        }
        fix_send_media(s, speech, sizeof(speech));
    } else if (msg->event == TWILIO_MEDIA && s->n_media == 25) {
        fix_send_clear(s);
    } else if (msg->event == TWILIO_MEDIA && s->n_media == 35) {
        fix_send_media(s, speech + 2000, 4000);
    }
}

static size_t media_loud(const struct fix_sock *s, uint32_t *ret_first)
{
    size_t loud = 0, n = 0;
    for (size_t i = 0; i < s->n_lines; i++) {
        struct json_val v;
        uint8_t audio[4096];
        assert_ok(json_parse(str_from(s->lines[i]), &v));
        struct str payload = json_path(v, "media.payload").s;
        if (str_is(json_get(v, "event").s, "media")) {
            int len = base64_decode(audio, payload);
            assert_true(len > 0);
            if (phone_frame_is_loud(audio, (size_t)len) && loud++ == 0) {
                *ret_first = (uint32_t)n;
            }
            n++;
        }
    }
    return loud;
}

TEST(a_bad_line_reaches_the_gateway_and_the_report_knows_better)
{
    static const struct fix_behaviour b = {.on_message = pausing_agent};
    struct fix f;
    char url[96];
    uint32_t first = 0;
    fix_init(&f, &b);
    struct phone_opts o = direct(&f, "/", url);
    o.hangup = when(PHONE_WHEN_AFTER, 1500);
    o.truth = true;
    o.line = (struct phone_line_opts){.echo = true, .echo_db = -12, .echo_delay_ms = 100};
    o.packets = (struct phone_packet_opts){.double_percent = 20, .drops = {{1000, 100}}, .n_drops = 1};
    struct fix_call *c = fix_call(&f, &o);
    fix_run(&f);
    assert_true(media_loud(&f.socks[0], &first) > 10);
    assert_true(first >= 5); /* not before the echo's delay */
    assert_int_equal(c->n_turns, 0);
    assert_int_equal(c->report.dropped_packets, 5);
    assert_true(c->report.doubled_packets > 2);
    assert_int_equal(f.socks[0].n_media, c->report.sent_frames - 5 + c->report.doubled_packets);
    assert_has(str_from(c->json), "\"kind\":\"resumed\"");
    assert_has(str_from(c->json), "\"skip_ms\":0");
    assert_has(str_from(c->json), "\"altered_bytes\":0");
    assert_has(str_from(c->json), "\"false_pauses\":1");
    fix_done(&f);
}

TEST_MAIN(T(marks_return_when_their_audio_has_been_played),
          T(clear_drops_audio_and_returns_the_marks_at_once_and_in_order), T(barge_in_is_measured_end_to_end),
          T(audio_behind_a_clear_is_counted_and_prolongs_nothing_but_itself),
          T(delay_holds_messages_up_in_both_directions), T(lost_frames_become_silence_on_both_sides),
          T(keys_go_out_one_by_one_between_the_frames), T(many_phones_share_one_wheel),
          T(hanging_up_and_closing_are_legal_in_every_handler),
          T(a_bad_line_reaches_the_gateway_and_the_report_knows_better))
