#include "test.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "wire/plivo.h"

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

static struct plivo_msg decoded(const char *text)
{
    struct plivo_msg m;
    const char *field = NULL;
    int err = plivo_decode(str_from(text), &scratch, &m, &field);
    if (err < 0) {
        fail_msg("%s at %s: %s", err_name(err), field ? field : "the whole", text);
    }
    return m;
}

#define SID "db1d8121-0f5c-4f9c-9f5e-0a1b2c3d4e5f"
#define START                                                                                                          \
    "{\"event\":\"start\",\"sequenceNumber\":0,\"start\":{\"callId\":\"4d04c52e\",\"streamId\":\"" SID                 \
    "\",\"accountId\":\"7\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","                 \
    "\"sampleRate\":8000}},\"extra_headers\":\"{X-PH-name: Amal, X-PH-flag: true}\"}"

TEST(messages_as_captured_and_as_documented_decode)
{
    struct plivo_msg m = decoded(START);
    assert_int_equal(m.event, PLIVO_START);
    assert_str_is(m.stream_id, SID);
    assert_str_is(m.start.call_id, "4d04c52e");
    assert_str_is(m.start.account_id, "7");
    assert_str_is(m.start.encoding, PLIVO_MULAW);
    assert_int_equal(m.start.rate_hz, 8000);
    assert_true(m.start.inbound && !m.start.outbound);
    m = decoded("{\"event\":\"media\",\"sequenceNumber\":2,\"streamId\":\"" SID
                "\",\"media\":{\"track\":\"inbound\",\"timestamp\":\"1705312200000\",\"chunk\":1,\"payload\":\"/////w=="
                "\"},\"extra_headers\":\"{}\"}");
    assert_int_equal(m.event, PLIVO_MEDIA);
    assert_int_equal(m.sequence, 2);
    assert_true(m.media.has_timestamp && m.media.timestamp_ms == 1705312200000u);
    assert_int_equal(m.media.chunk, 1);
    assert_str_is(m.media.payload, "/////w==");
    assert_str_is(m.extra_headers, "{}");
    m = decoded("{\"event\":\"dtmf\",\"sequenceNumber\":9,\"streamId\":\"" SID
                "\",\"dtmf\":{\"track\":\"inbound\",\"digit\":\"#\",\"timestamp\":\"1\"}}");
    assert_int_equal(m.event, PLIVO_DTMF);
    assert_int_equal(m.digit, '#');
    assert_int_equal(decoded("{\"event\":\"dtmf\",\"dtmf\":{\"digit\":5}}").digit, '5');
    m = decoded("{\"event\":\"playedStream\",\"sequenceNumber\":75,\"streamId\":\"" SID "\",\"name\":\"rt17\"}");
    assert_int_equal(m.event, PLIVO_PLAYED);
    assert_str_is(m.name, "rt17");
    m = decoded("{\"event\":\"played\",\"name\":\"rt17\"}");
    assert_int_equal(m.event, PLIVO_PLAYED);
    assert_int_equal(m.stream_id.n, 0);
    m = decoded("{\"event\":\"clearedAudio\",\"sequenceNumber\":0,\"streamId\":\"" SID "\"}");
    assert_int_equal(m.event, PLIVO_CLEARED);
    m = decoded("{\"event\":\"stop\",\"streamId\":\"" SID "\",\"stop\":{\"reason\":\"bye\"}}");
    assert_int_equal(m.event, PLIVO_STOP);
    assert_str_is(m.text, "bye");
    assert_int_equal(decoded("{\"event\":\"stop\"}").event, PLIVO_STOP);
    m = decoded("{\"event\":\"text\",\"text\":\"two \\\"plans\\\"\"}");
    assert_int_equal(m.event, PLIVO_TEXT);
    assert_str_is(m.text, "two \"plans\"");
    m = decoded("{\"event\":\"playFailed\",\"reason\":\"no\"}");
    assert_int_equal(m.event, PLIVO_FAILED);
    assert_str_is(m.text, "no");
}

TEST(numbers_and_strings_of_digits_are_the_same)
{
    struct plivo_msg m = decoded("{\"event\":\"media\",\"sequenceNumber\":\"12\",\"media\":{\"timestamp\":7,"
                                 "\"chunk\":\"3\",\"payload\":\"AAAA\"}}");
    assert_int_equal(m.sequence, 12);
    assert_int_equal(m.media.timestamp_ms, 7);
    assert_int_equal(m.media.chunk, 3);
    m = decoded("{\"start\":{\"accountId\":7,\"callId\":\"c\",\"streamId\":\"s\",\"mediaFormat\":{\"encoding\":\"e\","
                "\"sampleRate\":\"8000\"}},\"event\":\"start\",\"extra_headers\":{\"a\":1}}");
    assert_str_is(m.start.account_id, "7");
    assert_int_equal(m.start.rate_hz, 8000);
    assert_str_is(m.extra_headers, "{\"a\":1}");
    assert_int_equal(decoded("{\"event\":\"degraded\",\"x\":[{}]}").event, PLIVO_UNKNOWN);
    assert_int_equal(decoded("{\"event\":\"muteStream\"}").event, PLIVO_UNKNOWN);
}

TEST(what_is_wrong_is_named)
{
    static const struct {
        const char *text;
        int err;
        const char *field;
    } cases[] = {
        {"", -ERR_SYNTAX, NULL},
        {"[]", -ERR_SYNTAX, NULL},
        {"{}", -ERR_MISSING, "event"},
        {"{\"event\":7}", -ERR_TYPE, "event"},
        {"{\"event\":\"media\"}", -ERR_MISSING, "media"},
        {"{\"event\":\"media\",\"media\":{\"payload\":1}}", -ERR_TYPE, "media.payload"},
        {"{\"event\":\"media\",\"media\":{\"timestamp\":\"-1\",\"payload\":\"\"}}", -ERR_RANGE, "media.timestamp"},
        {"{\"event\":\"media\",\"media\":{\"chunk\":1.5,\"payload\":\"\"}}", -ERR_RANGE, "media.chunk"},
        {"{\"event\":\"media\",\"sequenceNumber\":1234567890123456789,\"media\":{\"payload\":\"\"}}", -ERR_RANGE,
         "sequenceNumber"},
        {"{\"event\":\"dtmf\"}", -ERR_MISSING, "dtmf"},
        {"{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"x\"}}", -ERR_RANGE, "dtmf.digit"},
        {"{\"event\":\"dtmf\",\"dtmf\":{\"digit\":12}}", -ERR_RANGE, "dtmf.digit"},
        {"{\"event\":\"playedStream\"}", -ERR_MISSING, "name"},
        {"{\"event\":\"text\"}", -ERR_MISSING, "text"},
        {"{\"event\":\"start\",\"start\":{\"streamId\":\"s\"}}", -ERR_MISSING, "start.callId"},
        {"{\"event\":\"start\",\"start\":{\"callId\":\"s\"}}", -ERR_MISSING, "start.streamId"},
        {"{\"event\":\"start\",\"start\":{\"callId\":\"s\",\"streamId\":\"s\"}}", -ERR_MISSING, "start.mediaFormat"},
        {"{\"event\":\"start\",\"start\":{\"mediaFormat\":[]}}", -ERR_TYPE, "start.mediaFormat"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plivo_msg m;
        const char *field = NULL;
        int err = plivo_decode(str_from(cases[i].text), &scratch, &m, &field);
        if (err != cases[i].err ||
            (field != cases[i].field && (!field || !cases[i].field || strcmp(field, cases[i].field)))) {
            fail_msg("%s: %s at %s", cases[i].text, err_name(err), field ? field : "the whole");
        }
    }
}

TEST(no_cut_message_passes)
{
    struct str whole = STR(START);
    for (size_t n = 0; n < whole.n; n++) {
        struct plivo_msg m;
        assert_true(plivo_decode((struct str){whole.p, n}, &scratch, &m, NULL) < 0);
    }
}

TEST(extra_headers_are_read_in_each_spelling)
{
    static const char *const texts[] = {
        "{X-PH-name: Amal B, X-PH-flag: true}",
        "{\"name\":\"Amal B\",\"flag\":\"true\"}",
        "X-PH-name=Amal B;flag=true",
        " name=Amal B , flag = true",
    };
    struct str_pair pairs[PLIVO_EXTRA_MAX];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(plivo_extra(str_from(texts[i]), pairs), 2);
        assert_str_is(pairs[0].name, "name");
        assert_str_is(pairs[0].value, "Amal B");
        assert_str_is(pairs[1].name, "flag");
        assert_str_is(pairs[1].value, "true");
    }
    assert_int_equal(plivo_extra(STR("{}"), pairs), 0);
    assert_int_equal(plivo_extra(STR(""), pairs), 0);
    assert_int_equal(plivo_extra(STR_NULL, pairs), 0);
    assert_int_equal(plivo_extra(STR("a,,=b,{:}"), pairs), 0);
    assert_int_equal(plivo_extra(STR("a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1,a=1"), pairs),
                     PLIVO_EXTRA_MAX);
}

TEST(what_the_server_writes_the_vendor_takes)
{
    uint8_t frame[PLIVO_FRAME_BYTES];
    struct plivo_server_msg m;
    const char *why = NULL;
    memset(frame, 0x7f, sizeof(frame));
    plivo_put_audio(&out, span_from(frame, sizeof(frame)));
    assert_true(str_starts(buf_str(&out), STR("{\"event\":\"playAudio\",\"media\":{\"contentType\":\"audio/x-mulaw\","
                                              "\"sampleRate\":8000,\"payload\":\"f39/")));
    assert_int_equal(plivo_decode_server(buf_str(&out), false, STR(SID), &m, &why), PLIVO_FAULT_NONE);
    assert_int_equal(m.command, PLIVO_CMD_AUDIO);
    uint8_t back[PLIVO_FRAME_BYTES + 8];
    assert_int_equal(base64_decode(back, m.text), PLIVO_FRAME_BYTES);
    assert_memory_equal(back, frame, sizeof(frame));
    buf_clear(&out);
    plivo_put_checkpoint(&out, STR(SID), STR("rt\"1"));
    assert_str_is(buf_str(&out), "{\"event\":\"checkpoint\",\"streamId\":\"" SID "\",\"name\":\"rt\\\"1\"}");
    assert_int_equal(plivo_decode_server(buf_str(&out), false, STR(SID), &m, &why), PLIVO_FAULT_NONE);
    assert_str_is(m.text, "rt\"1");
    buf_clear(&out);
    plivo_put_clear(&out, STR(SID));
    assert_str_is(buf_str(&out), "{\"event\":\"clearAudio\",\"streamId\":\"" SID "\"}");
    assert_int_equal(plivo_decode_server(buf_str(&out), false, STR(SID), &m, &why), PLIVO_FAULT_NONE);
    assert_int_equal(m.command, PLIVO_CMD_CLEAR);
    struct str keys = STR("{\"event\":\"sendDTMF\",\"dtmf\":\"12w#\"}"); /* not of ours: other servers may */
    assert_int_equal(plivo_decode_server(keys, false, STR(SID), &m, &why), PLIVO_FAULT_NONE);
    assert_int_equal(m.command, PLIVO_CMD_KEYS);
    assert_str_is(m.text, "12w#");
}

#define AUDIO(type, rate, payload)                                                                                     \
    "{\"event\":\"playAudio\",\"media\":{\"contentType\":" type ",\"sampleRate\":" rate ",\"payload\":\"" payload "\"" \
    "}}"

/* 40 characters are 30 bytes; 216 are 160. */
#define C40  "////////////////////////////////////////"
#define F160 C40 C40 C40 C40 C40 "/////////////w=="

TEST(what_the_vendor_refuses_is_refused)
{
    static const struct {
        const char *text;
        enum plivo_fault fault;
    } cases[] = {
        {AUDIO("\"audio/x-mulaw\"", "8000", F160), PLIVO_FAULT_NONE}, /* that the others differ from it by one thing */
        {AUDIO("\"audio/x-mulaw;rate=8000\"", "8000", F160), PLIVO_FAULT_CONTENT_TYPE},
        {AUDIO("\"audio/x-l16\"", "8000", F160), PLIVO_FAULT_CONTENT_TYPE},
        {AUDIO("\"audio/x-mulaw\"", "\"8000\"", F160), PLIVO_FAULT_CONTENT_TYPE},
        {AUDIO("\"audio/x-mulaw\"", "16000", F160), PLIVO_FAULT_CONTENT_TYPE},
        {AUDIO("\"audio/x-mulaw\"", "8000", C40), PLIVO_FAULT_PAYLOAD},
        {AUDIO("\"audio/x-mulaw\"", "8000", F160 F160), PLIVO_FAULT_PAYLOAD},
        {AUDIO("\"audio/x-mulaw\"", "8000", ""), PLIVO_FAULT_PAYLOAD},
        {AUDIO("\"audio/x-mulaw\"", "8000,\"rate\":1", F160), PLIVO_FAULT_MESSAGE},
        {"{\"event\":\"media\",\"media\":{\"payload\":\"" F160 "\"}}", PLIVO_FAULT_MESSAGE},
        {"{\"event\":\"playAudio\"}", PLIVO_FAULT_MESSAGE},
        {"{\"event\":\"clear\",\"streamId\":\"" SID "\"}", PLIVO_FAULT_MESSAGE},
        {"{\"event\":\"clearAudio\"}", PLIVO_FAULT_STREAM},
        {"{\"event\":\"clearAudio\",\"streamId\":\"other\"}", PLIVO_FAULT_STREAM},
        {"{\"event\":\"checkpoint\",\"name\":\"a\"}", PLIVO_FAULT_STREAM},
        {"{\"event\":\"checkpoint\",\"streamId\":\"" SID "\",\"mark\":{\"name\":\"a\"}}", PLIVO_FAULT_MESSAGE},
        {"{\"event\":\"checkpoint\",\"streamId\":\"" SID "\",\"name\":\"\"}", PLIVO_FAULT_MESSAGE},
        {"{\"event\":\"sendDTMF\",\"dtmf\":\"12x\"}", PLIVO_FAULT_MESSAGE},
        {"{\"event\":\"clearAudio\",\"event\":\"clearAudio\",\"streamId\":\"" SID "\"}", PLIVO_FAULT_MESSAGE},
        {"{\"streamId\":\"" SID "\"}", PLIVO_FAULT_MESSAGE},
        {"[]", PLIVO_FAULT_MESSAGE},
        {"", PLIVO_FAULT_MESSAGE},
    };
    struct plivo_server_msg m;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        enum plivo_fault got = plivo_decode_server(str_from(cases[i].text), false, STR(SID), &m, &why);
        if (got != cases[i].fault || (got != PLIVO_FAULT_NONE) != (why != NULL)) {
            fail_msg("case %zu: %s", i, plivo_fault_word(got));
        }
    }
    const char *why = NULL;
    assert_int_equal(plivo_decode_server(STR("{}"), true, STR(SID), &m, &why), PLIVO_FAULT_MESSAGE);
    assert_string_equal(why, "binary frame");
}

TEST(what_the_carrier_writes_decodes_to_the_same)
{
    static const struct plivo_msg msgs[] = {
        {.event = PLIVO_START,
         .sequence = 1,
         .stream_id = STR(SID),
         .extra_headers = STR("{}"),
         .start = {.call_id = STR("c"),
                   .account_id = STR("7"),
                   .inbound = true,
                   .encoding = STR(PLIVO_MULAW),
                   .rate_hz = 8000}},
        {.event = PLIVO_MEDIA,
         .sequence = 5,
         .stream_id = STR(SID),
         .media = {.chunk = 4, .timestamp_ms = 1705312200000u, .payload = STR("AAAA")}},
        {.event = PLIVO_DTMF, .sequence = 6, .stream_id = STR(SID), .digit = '9'},
        {.event = PLIVO_PLAYED, .sequence = 7, .stream_id = STR(SID), .name = STR("rt\\3")},
        {.event = PLIVO_CLEARED, .stream_id = STR(SID)},
        {.event = PLIVO_STOP, .sequence = 8, .stream_id = STR(SID), .text = STR("bye")},
    };
    for (size_t i = 0; i < ARRAY_LEN(msgs); i++) {
        struct plivo_msg m;
        buf_clear(&out);
        plivo_put_carrier(&out, &msgs[i]);
        assert_ok(plivo_decode(buf_str(&out), &scratch, &m, NULL));
        assert_int_equal(m.event, msgs[i].event);
        assert_int_equal(m.sequence, msgs[i].sequence);
        assert_str_is(m.stream_id, SID);
    }
    buf_clear(&out);
    plivo_put_carrier_media(&out, &msgs[1], span_from("\xff\xff\xff", 3));
    assert_str_is(buf_str(&out), "{\"event\":\"media\",\"sequenceNumber\":5,\"streamId\":\"" SID
                                 "\",\"media\":{\"track\":\"inbound\",\"timestamp\":\"1705312200000\",\"chunk\":4,"
                                 "\"payload\":\"////\"}}");
}

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(messages_as_captured_and_as_documented_decode),
    U(numbers_and_strings_of_digits_are_the_same),
    U(what_is_wrong_is_named),
    U(no_cut_message_passes),
    U(extra_headers_are_read_in_each_spelling),
    U(what_the_server_writes_the_vendor_takes),
    U(what_the_vendor_refuses_is_refused),
    U(what_the_carrier_writes_decodes_to_the_same),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
