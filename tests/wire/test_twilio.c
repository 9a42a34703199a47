#include "test.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "wire/twilio.h"

static struct buf scratch;
static struct buf out;

static int setup(void **state UNUSED)
{
    buf_init(&scratch, 1 << 20);
    buf_init(&out, 1 << 20);
    return 0;
}

static int teardown(void **state UNUSED)
{
    buf_done(&scratch);
    buf_done(&out);
    return 0;
}

static struct twilio_msg decoded(const char *text)
{
    struct twilio_msg m;
    const char *field = NULL;
    int err = twilio_decode(str_from(text), &scratch, &m, &field);
    if (err < 0) {
        fail_msg("%s at %s: %s", err_name(err), field ? field : "the whole", text);
    }
    return m;
}

#define SID "MZ0123456789abcdef0123456789abcdef"

TEST(captured_messages_decode)
{
    struct twilio_msg m = decoded("{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
    assert_int_equal(m.event, TWILIO_CONNECTED);
    assert_str_is(m.connected.version, "1.0.0");
    m = decoded("{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{\"accountSid\":\"AC1\",\"streamSid\":\"" SID
                "\",\"callSid\":\"CA1\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
                "\"sampleRate\":8000,\"channels\":1},\"customParameters\":{\"tenant\":\"7\",\"a \\\"b\\\"\":\"\\u00e9"
                "\"}},\"streamSid\":\"" SID "\"}");
    assert_int_equal(m.event, TWILIO_START);
    assert_int_equal(m.sequence, 1);
    assert_str_is(m.stream_sid, SID);
    assert_str_is(m.start.call_sid, "CA1");
    assert_str_is(m.start.account_sid, "AC1");
    assert_true(m.start.inbound && !m.start.outbound);
    assert_str_is(m.start.encoding, "audio/x-mulaw");
    assert_int_equal(m.start.rate_hz, 8000);
    assert_int_equal(m.start.channels, 1);
    assert_int_equal(m.start.n_params, 2);
    assert_str_is(twilio_start_param(&m.start, "tenant"), "7");
    assert_str_is(twilio_start_param(&m.start, "a \"b\""), "\xC3\xA9");
    assert_null(twilio_start_param(&m.start, "none").p);
    m = decoded("{\"event\":\"media\",\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\","
                "\"timestamp\":\"155\",\"payload\":\"/////w==\"},\"streamSid\":\"" SID "\"}");
    assert_int_equal(m.event, TWILIO_MEDIA);
    assert_int_equal(m.sequence, 2);
    assert_int_equal(m.media.track, TWILIO_TRACK_INBOUND);
    assert_int_equal(m.media.chunk, 1);
    assert_true(m.media.has_timestamp);
    assert_int_equal(m.media.timestamp_ms, 155);
    assert_str_is(m.media.payload, "/////w==");
    m = decoded("{\"event\":\"dtmf\",\"streamSid\":\"" SID "\",\"sequenceNumber\":\"5\",\"dtmf\":{\"track\":"
                "\"inbound_track\",\"digit\":\"#\"}}");
    assert_int_equal(m.event, TWILIO_DTMF);
    assert_int_equal(m.dtmf.digit, '#');
    m = decoded("{\"event\":\"mark\",\"sequenceNumber\":\"4\",\"streamSid\":\"" SID
                "\",\"mark\":{\"name\":\"u17-end\"}}");
    assert_int_equal(m.event, TWILIO_MARK);
    assert_str_is(m.mark, "u17-end");
    m = decoded("{\"event\":\"stop\",\"sequenceNumber\":\"5\",\"streamSid\":\"" SID
                "\",\"stop\":{\"accountSid\":\"AC1\",\"callSid\":\"CA1\"}}");
    assert_int_equal(m.event, TWILIO_STOP);
    assert_str_is(m.stop.call_sid, "CA1");
}

TEST(what_is_unknown_or_in_another_order_passes)
{
    struct twilio_msg m = decoded(" {\"event\":\"weather\",\"rain\":[1,{}]} ");
    assert_int_equal(m.event, TWILIO_UNKNOWN);
    assert_str_is(m.event_name, "weather");
    m = decoded("{\"media\":{\"payload\":\"AA==\",\"new\":null},\"x\":1,\"event\":\"media\"}");
    assert_int_equal(m.event, TWILIO_MEDIA);
    assert_false(m.media.has_timestamp);
    assert_int_equal(m.stream_sid.n, 0);
    m = decoded("{\"event\":\"media\",\"media\":{\"payload\":\"\\/\\/\\/\\/\",\"timestamp\":20,\"track\":"
                "\"outbound\"}}");
    assert_str_is(m.media.payload, "////");
    assert_int_equal(m.media.timestamp_ms, 20);
    assert_int_equal(m.media.track, TWILIO_TRACK_OUTBOUND);
    m = decoded("{\"event\":\"start\",\"start\":{\"streamSid\":\"M\",\"callSid\":\"C\",\"mediaFormat\":{\"encoding\":"
                "\"e\"}}}");
    assert_str_is(m.stream_sid, "M");
    assert_int_equal(m.start.n_params, 0);
    m = decoded("{\"event\":\"stop\"}");
    assert_int_equal(m.event, TWILIO_STOP);
}

#define START_HEAD "{\"event\":\"start\",\"streamSid\":\"M\",\"start\":{\"callSid\":\"C\","
#define START_OK   START_HEAD "\"mediaFormat\":{\"encoding\":\"e\"},"

TEST(wrong_messages_name_the_field)
{
    static const struct {
        const char *text;
        int err;
        const char *field;
    } cases[] = {
        {"", ERR_SYNTAX, NULL},
        {"[]", ERR_SYNTAX, NULL},
        {"{\"event\":\"media\"", ERR_SYNTAX, NULL},
        {"{\"event\" \"media\"}", ERR_SYNTAX, NULL},
        {"\xFF\xFE", ERR_SYNTAX, NULL},
        {"{}", ERR_MISSING, "event"},
        {"{\"event\":7}", ERR_TYPE, "event"},
        {"{\"event\":null}", ERR_MISSING, "event"},
        {"{\"event\":\"media\"}", ERR_MISSING, "media"},
        {"{\"event\":\"media\",\"media\":\"x\"}", ERR_TYPE, "media"},
        {"{\"event\":\"media\",\"media\":{}}", ERR_MISSING, "media.payload"},
        {"{\"event\":\"media\",\"media\":{\"payload\":5}}", ERR_TYPE, "media.payload"},
        {"{\"event\":\"media\",\"media\":{\"payload\":\"\",\"timestamp\":\"-3\"}}", ERR_RANGE, "media.timestamp"},
        {"{\"event\":\"media\",\"media\":{\"payload\":\"\",\"timestamp\":[]}}", ERR_TYPE, "media.timestamp"},
        {"{\"event\":\"media\",\"media\":{\"payload\":\"\",\"chunk\":\"9999999999999999999\"}}", ERR_RANGE,
         "media.chunk"},
        {"{\"event\":\"media\",\"media\":{\"payload\":\"\",}}", ERR_SYNTAX, "media"},
        {"{\"event\":\"media\",\"sequenceNumber\":\"x\",\"media\":{\"payload\":\"\"}}", ERR_RANGE, "sequenceNumber"},
        {"{\"event\":\"media\",\"streamSid\":{},\"media\":{\"payload\":\"\"}}", ERR_TYPE, "streamSid"},
        {"{\"event\":\"mark\"}", ERR_MISSING, "mark"},
        {"{\"event\":\"mark\",\"mark\":{}}", ERR_MISSING, "mark.name"},
        {"{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"12\"}}", ERR_RANGE, "dtmf.digit"},
        {"{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"x\"}}", ERR_RANGE, "dtmf.digit"},
        {"{\"event\":\"dtmf\",\"dtmf\":{}}", ERR_MISSING, "dtmf.digit"},
        {"{\"event\":\"stop\",\"stop\":3}", ERR_TYPE, "stop"},
        {"{\"event\":\"start\"}", ERR_MISSING, "start"},
        {"{\"event\":\"start\",\"start\":{\"streamSid\":\"M\",\"mediaFormat\":{\"encoding\":\"e\"}}}", ERR_MISSING,
         "start.callSid"},
        {"{\"event\":\"start\",\"start\":{\"callSid\":\"C\",\"mediaFormat\":{\"encoding\":\"e\"}}}", ERR_MISSING,
         "streamSid"},
        {START_HEAD "\"tracks\":[]}}", ERR_MISSING, "start.mediaFormat"},
        {START_HEAD "\"mediaFormat\":{}}}", ERR_MISSING, "start.mediaFormat.encoding"},
        {START_HEAD "\"mediaFormat\":{\"encoding\":\"e\",\"sampleRate\":\"x\"}}}", ERR_RANGE,
         "start.mediaFormat.sampleRate"},
        {START_OK "\"tracks\":\"inbound\"}}", ERR_TYPE, "start.tracks"},
        {START_OK "\"customParameters\":{\"a\":1}}}", ERR_TYPE, "start.customParameters"},
        {START_OK "\"customParameters\":[]}}", ERR_TYPE, "start.customParameters"},
        {START_OK "\"customParameters\":{\"a\":\"\\u12\"}}}", ERR_SYNTAX, "start.customParameters"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct twilio_msg m;
        const char *field = "untouched";
        int err = twilio_decode(str_from(cases[i].text), &scratch, &m, &field);
        bool same = cases[i].field && field ? strcmp(field, cases[i].field) == 0 : field == cases[i].field;
        if (err != -cases[i].err || !same) {
            fail_msg("%s: %s at %s", cases[i].text, err_name(err), field ? field : "the whole");
        }
    }
}

TEST(limits_hold)
{
    struct twilio_msg m;
    const char *field;
    buf_puts(&out, START_OK "\"customParameters\":{");
    for (int i = 0; i < TWILIO_PARAM_MAX; i++) {
        buf_printf(&out, "%s\"p%d\":\"v\"", i ? "," : "", i);
    }
    size_t full = out.len;
    buf_puts(&out, "}}}");
    assert_ok(twilio_decode(buf_str(&out), &scratch, &m, NULL));
    assert_int_equal(m.start.n_params, TWILIO_PARAM_MAX);
    out.len = full;
    buf_puts(&out, ",\"one\":\"more\"}}}");
    assert_err(twilio_decode(buf_str(&out), &scratch, &m, &field), ERR_TOO_BIG);
    assert_string_equal(field, "start.customParameters");
    for (size_t n = TWILIO_NAME_MAX; n <= TWILIO_NAME_MAX + 1; n++) {
        buf_clear(&out);
        buf_puts(&out, "{\"event\":\"mark\",\"mark\":{\"name\":\"");
        for (size_t i = 0; i < n; i++) {
            buf_putc(&out, 'x');
        }
        buf_puts(&out, "\"}}");
        assert_int_equal(twilio_decode(buf_str(&out), &scratch, &m, &field), n == TWILIO_NAME_MAX ? 0 : -ERR_TOO_BIG);
    }
    buf_clear(&out);
    for (int i = 0; i < 200; i++) {
        buf_puts(&out, "{\"event\":");
    }
    for (int i = 0; i < 200; i++) {
        buf_putc(&out, '}');
    }
    assert_err(twilio_decode(buf_str(&out), &scratch, &m, &field), ERR_SYNTAX);
}

/* Every cut of every message is refused or accepted, never read past its end (the sanitizer build watches). */
TEST(every_truncation_is_survived)
{
    static const char full[] = START_OK "\"tracks\":[\"inbound\",\"x\"],\"customParameters\":{\"a\\n\":\"b\\u00e9\"}}}";
    for (size_t n = 0; n < sizeof(full) - 1; n++) {
        char *copy = test_malloc(n + 1);
        memcpy(copy, full, n);
        struct twilio_msg m;
        assert_true(twilio_decode((struct str){copy, n}, &scratch, &m, NULL) < 0);
        test_free(copy);
    }
}

/* The usual spelling takes a short way; a blank in front takes the general one. Both must see the same. */
TEST(the_short_way_of_media_equals_the_general_one)
{
    static const char *const texts[] = {
        "{\"event\":\"media\",\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\","
        "\"timestamp\":\"155\",\"payload\":\"/////w==\"},\"streamSid\":\"" SID "\"}",
        "{\"event\":\"media\",\"sequenceNumber\":\"999999999999999999\",\"media\":{\"track\":\"outbound\",\"chunk\":"
        "\"0\",\"timestamp\":\"007\",\"payload\":\"\"},\"streamSid\":\"\"}",
        "{\"event\":\"media\",\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound_track\",\"chunk\":\"1\","
        "\"timestamp\":\"155\",\"payload\":\"AA==\"},\"streamSid\":\"x\"}",
        "{\"event\":\"media\",\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\","
        "\"timestamp\":\"155\",\"payload\":\"AA\\u003d=\"},\"streamSid\":\"x\"}",
        "{\"event\":\"media\",\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\","
        "\"timestamp\":\"155\",\"payload\":\"AA==\"},\"streamSid\":\"x\\\"\"}",
        "{\"event\":\"media\",\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\","
        "\"timestamp\":\"155\",\"payload\":\"AA==\"},\"streamSid\":\"x\"} ",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char slow_text[512];
        snprintf(slow_text, sizeof(slow_text), " %s", texts[i]);
        struct twilio_msg a = decoded(texts[i]);
        struct buf other = scratch; /* keep the slices of a */
        buf_init(&scratch, 1 << 20);
        struct twilio_msg b = decoded(slow_text);
        assert_int_equal(a.event, b.event);
        assert_int_equal(a.sequence, b.sequence);
        assert_true(str_eq(a.stream_sid, b.stream_sid));
        assert_true(str_eq(a.event_name, b.event_name));
        assert_int_equal(a.media.track, b.media.track);
        assert_int_equal(a.media.chunk, b.media.chunk);
        assert_true(a.media.has_timestamp && b.media.has_timestamp);
        assert_int_equal(a.media.timestamp_ms, b.media.timestamp_ms);
        assert_true(str_eq(a.media.payload, b.media.payload));
        buf_done(&other);
    }
    /* Damage at any place of the usual spelling: the same verdict both ways. */
    for (size_t at = 0; texts[0][at]; at++) {
        for (const char *with = "\"\\}9 x"; *with; with++) {
            char text[512];
            snprintf(text, sizeof(text), " %s", texts[0]);
            text[at + 1] = *with;
            struct twilio_msg m;
            int fast = twilio_decode(str_from(text + 1), &scratch, &m, NULL);
            assert_int_equal(twilio_decode(str_from(text), &scratch, &m, NULL), fast);
        }
    }
}

static void wrote(const char *want)
{
    assert_int_equal(out.err, 0);
    assert_str_is(buf_str(&out), want);
    buf_clear(&out);
}

TEST(a_server_writes_exactly_the_documented_keys)
{
    twilio_put_media(&out, STR("MZ1"), span_from("\xFF\xFF\xFF\xFF", 4));
    wrote("{\"event\":\"media\",\"streamSid\":\"MZ1\",\"media\":{\"payload\":\"/////w==\"}}");
    twilio_put_mark(&out, STR("MZ1"), STR("u\"1"));
    wrote("{\"event\":\"mark\",\"streamSid\":\"MZ1\",\"mark\":{\"name\":\"u\\\"1\"}}");
    twilio_put_clear(&out, STR("MZ1"));
    wrote("{\"event\":\"clear\",\"streamSid\":\"MZ1\"}");
}

TEST(the_carrier_writes_what_was_captured)
{
    struct twilio_msg m = {.event = TWILIO_CONNECTED};
    twilio_put_carrier(&out, &m);
    wrote("{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
    m = (struct twilio_msg){.event = TWILIO_START, .sequence = 1, .stream_sid = STR("MZ1")};
    m.start = (struct twilio_start){.account_sid = STR("AC1"),
                                    .call_sid = STR("CA1"),
                                    .inbound = true,
                                    .encoding = STR("audio/x-mulaw"),
                                    .rate_hz = 8000,
                                    .channels = 1,
                                    .n_params = 2,
                                    .params = {{STR("tenant"), STR("7")}, {STR("q\""), STR("\n")}}};
    twilio_put_carrier(&out, &m);
    wrote("{\"event\":\"start\",\"sequenceNumber\":\"1\",\"start\":{\"accountSid\":\"AC1\",\"streamSid\":\"MZ1\","
          "\"callSid\":\"CA1\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
          "\"sampleRate\":8000,\"channels\":1},\"customParameters\":{\"tenant\":\"7\",\"q\\\"\":\"\\n\"}},"
          "\"streamSid\":\"MZ1\"}");
    m = (struct twilio_msg){.event = TWILIO_MEDIA, .sequence = 2, .stream_sid = STR("MZ1")};
    m.media = (struct twilio_media){.chunk = 1, .timestamp_ms = 155};
    twilio_put_carrier_media(&out, &m, span_from("\xFF\xFF\xFF\xFF", 4));
    wrote("{\"event\":\"media\",\"sequenceNumber\":\"2\",\"media\":{\"track\":\"inbound\",\"chunk\":\"1\","
          "\"timestamp\":\"155\",\"payload\":\"/////w==\"},\"streamSid\":\"MZ1\"}");
    m = (struct twilio_msg){.event = TWILIO_DTMF, .sequence = 5, .stream_sid = STR("MZ1"), .dtmf = {.digit = '1'}};
    twilio_put_carrier(&out, &m);
    wrote("{\"event\":\"dtmf\",\"sequenceNumber\":\"5\",\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"1\"},"
          "\"streamSid\":\"MZ1\"}");
    m = (struct twilio_msg){.event = TWILIO_STOP, .sequence = 6, .stream_sid = STR("MZ1")};
    m.stop = (struct twilio_stop){STR("AC1"), STR("CA1")};
    twilio_put_carrier(&out, &m);
    wrote("{\"event\":\"stop\",\"sequenceNumber\":\"6\",\"stop\":{\"accountSid\":\"AC1\",\"callSid\":\"CA1\"},"
          "\"streamSid\":\"MZ1\"}");
}

TEST(what_the_carrier_writes_the_gateway_reads)
{
    uint8_t audio[160];
    uint8_t back[168];
    for (size_t i = 0; i < sizeof(audio); i++) {
        audio[i] = (uint8_t)(i * 37);
    }
    struct twilio_msg m = {.event = TWILIO_MEDIA, .sequence = 77, .stream_sid = STR("MZ1")};
    m.media = (struct twilio_media){.track = TWILIO_TRACK_OUTBOUND, .chunk = 9, .timestamp_ms = 1234567};
    twilio_put_carrier_media(&out, &m, span_from(audio, sizeof(audio)));
    struct twilio_msg got;
    assert_ok(twilio_decode(buf_str(&out), &scratch, &got, NULL));
    assert_int_equal(got.sequence, 77);
    assert_int_equal(got.media.timestamp_ms, 1234567);
    assert_int_equal(got.media.track, TWILIO_TRACK_OUTBOUND);
    assert_int_equal(base64_decode(back, got.media.payload), 160);
    assert_memory_equal(back, audio, 160);
}

TEST(a_strict_carrier_takes_the_three_commands)
{
    struct twilio_server_msg m;
    twilio_put_media(&out, STR("MZ1"), span_from("\xFF\xFF\xFF\xFF", 4));
    assert_int_equal(twilio_decode_server(buf_str(&out), false, STR("MZ1"), &m, NULL), 0);
    assert_int_equal(m.command, TWILIO_CMD_MEDIA);
    assert_str_is(m.text, "/////w==");
    buf_clear(&out);
    twilio_put_mark(&out, STR("MZ1"), STR("a\"\\b"));
    assert_int_equal(twilio_decode_server(buf_str(&out), false, STR("MZ1"), &m, NULL), 0);
    assert_int_equal(m.command, TWILIO_CMD_MARK);
    assert_str_is(m.text, "a\"\\b");
    buf_clear(&out);
    twilio_put_clear(&out, STR("MZ1"));
    assert_int_equal(twilio_decode_server(buf_str(&out), false, STR("MZ1"), &m, NULL), 0);
    assert_int_equal(m.command, TWILIO_CMD_CLEAR);
    /* Long payloads of any length, and their damage anywhere. */
    for (size_t n = 700; n < 800; n += 3) {
        uint8_t audio[800] = {0};
        buf_clear(&out);
        twilio_put_media(&out, STR("MZ1"), span_from(audio, n));
        assert_int_equal(twilio_decode_server(buf_str(&out), false, STR("MZ1"), &m, NULL), 0);
    }
    buf_ptr(&out)[out.len - 20] = '*';
    assert_int_equal(twilio_decode_server(buf_str(&out), false, STR("MZ1"), &m, NULL), TWILIO_ERR_INVALID);
}

TEST(a_strict_carrier_refuses_everything_else)
{
    static const char *const bad[] = {
        "",
        "{",
        "null",
        "{\"event\":\"clear\"}",
        "{\"event\":\"clear\",\"streamSid\":\"MZ2\"}",
        "{\"event\":\"clear\",\"streamSid\":\"MZ1\",\"x\":1}",
        "{\"event\":\"clear\",\"streamSid\":\"MZ1\",\"streamSid\":\"MZ1\"}",
        "{\"event\":\"clear\",\"streamSid\":\"MZ1\",\"mark\":{\"name\":\"a\"}}",
        "{\"event\":\"hangup\",\"streamSid\":\"MZ1\"}",
        "{\"event\":5,\"streamSid\":\"MZ1\"}",
        "{\"streamSid\":\"MZ1\"}",
        "{\"event\":\"mark\",\"streamSid\":\"MZ1\"}",
        "{\"event\":\"mark\",\"streamSid\":\"MZ1\",\"mark\":{}}",
        "{\"event\":\"mark\",\"streamSid\":\"MZ1\",\"mark\":{\"name\":1}}",
        "{\"event\":\"mark\",\"streamSid\":\"MZ1\",\"mark\":{\"name\":\"a\",\"x\":2}}",
        "{\"event\":\"media\",\"streamSid\":\"MZ1\",\"media\":{\"payload\":\"AA==\",\"track\":\"outbound\"}}",
        "{\"event\":\"media\",\"streamSid\":\"MZ1\",\"media\":{\"payload\":\"AA=\"}}",
        "{\"event\":\"media\",\"streamSid\":\"MZ1\",\"media\":{\"payload\":\"\"}}",
        "{\"event\":\"media\",\"streamSid\":\"MZ1\",\"media\":{\"payload\":\"AA==\"},\"sequenceNumber\":\"1\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct twilio_server_msg m;
        const char *reason = NULL;
        if (twilio_decode_server(str_from(bad[i]), false, STR("MZ1"), &m, &reason) != TWILIO_ERR_INVALID || !reason) {
            fail_msg("accepted %s", bad[i]);
        }
    }
    struct twilio_server_msg m;
    assert_int_equal(twilio_decode_server(STR("{}"), true, STR("MZ1"), &m, NULL), TWILIO_ERR_MALFORMED);
    /* Before start the carrier has no streamSid that a server could know. */
    assert_int_equal(twilio_decode_server(STR("{\"event\":\"clear\",\"streamSid\":\"\"}"), false, STR(""), &m, NULL),
                     TWILIO_ERR_INVALID);
}

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(captured_messages_decode),
    U(what_is_unknown_or_in_another_order_passes),
    U(wrong_messages_name_the_field),
    U(limits_hold),
    U(every_truncation_is_survived),
    U(the_short_way_of_media_equals_the_general_one),
    U(a_server_writes_exactly_the_documented_keys),
    U(the_carrier_writes_what_was_captured),
    U(what_the_carrier_writes_the_gateway_reads),
    U(a_strict_carrier_takes_the_three_commands),
    U(a_strict_carrier_refuses_everything_else),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
