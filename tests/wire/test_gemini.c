/* Gemini Live on the wire: what the service sends, what we send, schemas, hostile texts, and the strict server. */
#include "test.h"

#include <stdlib.h>

#include "base/err.h"
#include "wire/gemini_server.h"

static struct buf scratch, out;

static int setup(void **state UNUSED)
{
    buf_init(&scratch, 1 << 20);
    buf_init(&out, 4 << 20);
    return 0;
}

static int teardown(void **state UNUSED)
{
    buf_done(&scratch);
    buf_done(&out);
    return 0;
}

static struct gemini_message decoded(const char *text)
{
    struct gemini_message m;
    const char *field = NULL;
    int err = gemini_decode(str_from(text), &scratch, &m, &field);
    if (err < 0) {
        fail_msg("%s at %s: %s", err_name(err), field ? field : "the whole", text);
    }
    return m;
}

/* ---- from the service ---- */

TEST(one_message_may_hold_everything)
{
    struct gemini_message m = decoded(
        "{\n  \"serverContent\": {\n    \"interrupted\": true,\n    \"modelTurn\": {\"parts\": [\n"
        "      {\"text\": \"**Thinking**\", \"thought\": true},\n"
        "      {\"inlineData\": {\"mimeType\": \"audio/pcm;rate=24000\", \"data\": \"AQI\\u003d\"}},\n"
        "      {\"inlineData\": {\"mimeType\": \"audio/pcm\", \"data\": \"AwQF\"}},\n"
        "      {\"executableCode\": {}}, {\"text\": \"words\"}], \"role\": \"model\"},\n"
        "    \"inputTranscription\": {\"text\": \" caf\\u00e9\", \"finished\": true},\n"
        "    \"outputTranscription\": {\"text\": \"Hello \"},\n"
        "    \"generationComplete\": true, \"turnComplete\": true, \"turnCompleteReason\": \"NEED_MORE_INPUT\",\n"
        "    \"groundingMetadata\": {}\n  },\n  \"usageMetadata\": {\"promptTokenCount\": 626, \"responseTokenCount\": "
        "\"63\",\n"
        "    \"totalTokenCount\": 689, \"thoughtsTokenCount\": 40, \"promptTokensDetails\": [{\"modality\": \"TEXT\", "
        "\"tokenCount\": 312},\n"
        "    {\"modality\": \"AUDIO\", \"tokenCount\": 287}], \"responseTokensDetails\": [{\"modality\": \"AUDIO\", "
        "\"tokenCount\": 63}]},\n"
        "  \"newThing\": [1, 2]\n}\n");
    struct gemini_part p;
    assert_true(m.interrupted && m.generation_complete && m.turn_complete);
    assert_str_is(m.reason, "NEED_MORE_INPUT");
    assert_true(m.has_heard && m.heard_finished && m.has_said);
    assert_str_is(m.heard, " caf\xc3\xa9");
    assert_str_is(m.said, "Hello ");
    assert_int_equal(m.n_unknown, 2);
    assert_true(m.usage.present);
    assert_int_equal(m.usage.in_text, 312);
    assert_int_equal(m.usage.in_audio, 287);
    assert_int_equal(m.usage.out_audio, 63);
    assert_int_equal(m.usage.out, 63);
    assert_int_equal(m.usage.thoughts, 40);
    struct json_it it = json_array(m.parts);
    assert_true(gemini_part_next(&it, &m, &scratch, &p));
    assert_int_equal(p.kind, GEMINI_PART_THOUGHT);
    assert_true(gemini_part_next(&it, &m, &scratch, &p));
    assert_int_equal(p.kind, GEMINI_PART_AUDIO);
    assert_str_is(p.text, "AQI=");
    assert_true(gemini_part_next(&it, &m, &scratch, &p));
    assert_int_equal(p.rate_hz, 24000); /* not said */
    assert_str_is(p.text, "AwQF");
    assert_true(gemini_part_next(&it, &m, &scratch, &p));
    assert_int_equal(p.kind, GEMINI_PART_OTHER);
    assert_true(gemini_part_next(&it, &m, &scratch, &p));
    assert_int_equal(p.kind, GEMINI_PART_TEXT);
    assert_false(gemini_part_next(&it, &m, &scratch, &p));
}

TEST(what_means_nothing_is_nothing)
{
    struct gemini_message m = decoded("{}");
    assert_false(m.setup_complete || m.turn_complete || m.usage.present || m.has_resumption || m.go_away);
    m = decoded("{\"serverContent\":{}}");
    assert_int_equal(m.parts.type, JSON_NONE);
    m = decoded("{\"serverContent\":null,\"toolCall\":null}");
    assert_int_equal(m.calls.type, JSON_NONE);
    m = decoded("{\"setupComplete\":{\"sessionId\":\"s-1\"}}");
    assert_true(m.setup_complete);
    assert_str_is(m.session_id, "s-1");
}

TEST(calls_cancellations_handles_and_the_rest)
{
    struct gemini_call c;
    struct str id;
    struct gemini_message m =
        decoded("{\"toolCall\":{\"functionCalls\":[{\"name\":\"a\",\"args\":{\"x\": [1, \" b \"]},\"id\":\"fc_1\"},"
                "{\"id\":\"fc_2\"},{\"name\":\"b\"},7]}}");
    struct json_it it = json_array(m.calls);
    assert_true(gemini_call_next(&it, &m, &scratch, &c));
    assert_str_is(c.id, "fc_1");
    buf_clear(&out);
    gemini_put_compact(&out, c.args);
    assert_str_is(buf_str(&out), "{\"x\":[1,\" b \"]}");
    assert_true(gemini_call_next(&it, &m, &scratch, &c));
    assert_str_is(c.name, "b"); /* without a name it is no call */
    assert_str_is(c.args, "{}");
    assert_int_equal(c.id.n, 0);
    assert_false(gemini_call_next(&it, &m, &scratch, &c));
    m = decoded("{\"toolCallCancellation\":{\"ids\":[\"fc_1\",3,\"fc_2\"]}}");
    it = json_array(m.cancelled);
    assert_true(gemini_id_next(&it, &m, &scratch, &id) && str_is(id, "fc_1"));
    assert_true(gemini_id_next(&it, &m, &scratch, &id) && str_is(id, "fc_2"));
    assert_false(gemini_id_next(&it, &m, &scratch, &id));
    m = decoded("{\"sessionResumptionUpdate\":{\"newHandle\":\"h-1\",\"resumable\":true}}");
    assert_true(m.has_resumption && m.resumable);
    assert_str_is(m.handle, "h-1");
    m = decoded("{\"sessionResumptionUpdate\":{\"resumable\":true,\"newHandle\":\"\"}}");
    assert_false(m.resumable); /* an empty handle is refused by the service */
    m = decoded("{\"goAway\":{\"timeLeft\":\"9.5s\"}}");
    assert_true(m.go_away);
    assert_int_equal(m.left_ms, 9500);
    m = decoded("{\"goAway\":{\"timeLeft\":\"soon\"}}");
    assert_true(m.go_away && m.left_ms == 0);
    m = decoded("{\"voiceActivity\":{\"type\":\"ACTIVITY_START\",\"audioOffset\":\"1.880s\"},\"serverContent\":{}}");
    assert_int_equal(m.voice, GEMINI_VOICE_START);
    m = decoded("{\"serverContent\":{\"turnComplete\":true,\"interactionStatus\":\"IDLE\"}}");
    assert_true(m.has_status && m.idle);
    m = decoded("{\"usageMetadata\":{\"promptTokenCount\":5,\"candidatesTokenCount\":7,\"candidatesTokensDetails\":[{"
                "\"modality\":"
                "\"AUDIO\",\"tokenCount\":7}]}}");
    assert_int_equal(m.usage.out_audio, 7); /* Vertex */
}

TEST(hostile_texts_are_refused_and_never_read_beyond)
{
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        {"", -ERR_SYNTAX},
        {"[]", -ERR_SYNTAX},
        {"{\"serverContent\":[]}", -ERR_TYPE},
        {"{\"serverContent\":{\"modelTurn\":{\"parts\":{}}}}", -ERR_TYPE},
        {"{\"serverContent\":{\"turnComplete\":\"yes\"}}", -ERR_TYPE},
        {"{\"serverContent\":{\"outputTranscription\":{\"text\":3}}}", -ERR_TYPE},
        {"{\"toolCall\":{\"functionCalls\":{}}}", -ERR_TYPE},
        {"{\"setupComplete\":true}", -ERR_TYPE},
        {"{\"goAway\":3}", -ERR_TYPE},
    };
    struct gemini_message m;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *field = NULL;
        int err = gemini_decode(str_from(cases[i].text), &scratch, &m, &field);
        if (err != cases[i].err) {
            fail_msg("%s: %s", cases[i].text, err_name(err));
        }
    }
    /* A handle or an id that is too long. */
    buf_clear(&out);
    buf_puts(&out, "{\"sessionResumptionUpdate\":{\"resumable\":true,\"newHandle\":\"");
    for (int i = 0; i < GEMINI_HANDLE_MAX + 1; i++) {
        buf_putc(&out, 'h');
    }
    buf_puts(&out, "\"}}");
    assert_int_equal(gemini_decode(buf_str(&out), &scratch, &m, NULL), -ERR_TOO_BIG);
    /* Every prefix of a message ends in an error or in a message, on memory of exactly its size. */
    static const char whole[] =
        "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/pcm;rate=24000\",\"data\":"
        "\"AQI\\u003d\"}}]},\"outputTranscription\":{\"text\":\"a\\\"\\ud83d\\ude00\"}},\"usageMetadata\":{"
        "\"promptTokenCount\":1}}";
    for (size_t n = 0; n < sizeof(whole); n++) {
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, whole, n);
        struct gemini_part p;
        if (gemini_decode((struct str){copy, n}, &scratch, &m, NULL) == 0) {
            for (struct json_it it = json_array(m.parts); gemini_part_next(&it, &m, &scratch, &p);) {
            }
        }
        free(copy);
    }
}

/* ---- to the service ---- */

TEST(the_setup_of_a_phone_call)
{
    struct gemini_setup s = {
        .model = STR("gemini-3.8-live"),
        .voice = STR("Kore"),
        .instructions = STR("Be \"brief\"."),
        .functions_raw = STR("[{\"name\":\"f\"}]"),
        .hear = true,
        .say = true,
        .manual = true,
        .activity_handling = STR("START_OF_ACTIVITY_INTERRUPTS"),
        .turn_coverage = STR("TURN_INCLUDES_ONLY_ACTIVITY"),
        .resumable = true,
        .compress = true,
        .trigger_tokens = GEMINI_OPT(25000),
        .target_tokens = GEMINI_OPT(8000),
    };
    buf_clear(&out);
    gemini_put_setup(&out, &s);
    assert_str_is(
        buf_str(&out),
        "{\"setup\":{\"model\":\"models/gemini-3.8-live\",\"generationConfig\":{\"responseModalities\":[\"AUDIO\"],"
        "\"speechConfig\":{\"voiceConfig\":{\"prebuiltVoiceConfig\":{\"voiceName\":\"Kore\"}}}},"
        "\"systemInstruction\":{\"parts\":[{\"text\":\"Be "
        "\\\"brief\\\".\"}]},\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}],"
        "\"realtimeInputConfig\":{\"automaticActivityDetection\":{\"disabled\":true},\"activityHandling\":"
        "\"START_OF_ACTIVITY_INTERRUPTS\",\"turnCoverage\":\"TURN_INCLUDES_ONLY_ACTIVITY\"},"
        "\"inputAudioTranscription\":{},"
        "\"outputAudioTranscription\":{},\"sessionResumption\":{},\"contextWindowCompression\":{\"triggerTokens\":"
        "\"25000\","
        "\"slidingWindow\":{\"targetTokens\":\"8000\"}}}}");
}

/* What we write the strict server takes, with every setting. */
TEST(our_setup_passes_the_strict_server)
{
    struct gemini_client_message m;
    struct gemini_refusal why;
    struct gemini_setup s = {
        .model = STR("models/gemini-2.5-flash-native-audio-latest"),
        .temperature = GEMINI_OPT(0.7),
        .top_p = GEMINI_OPT(0.9),
        .top_k = GEMINI_OPT(40),
        .max_output_tokens = GEMINI_OPT(1024),
        .seed = GEMINI_OPT(7),
        .presence_penalty = GEMINI_OPT(0.1),
        .frequency_penalty = GEMINI_OPT(0.1),
        .voice = STR("Puck"),
        .language_code = STR("de-DE"),
        .thinking_budget = GEMINI_OPT(-1),
        .include_thoughts = GEMINI_NO,
        .affective_dialog = GEMINI_YES,
        .proactive_audio = GEMINI_YES,
        .instructions = STR("x"),
        .google_search = true,
        .hear = true,
        .say = true,
        .hear_languages_raw = STR("[\"en-US\"]"),
        .hear_vocabulary_raw = STR("[\"Ringtrip\"]"),
        .hear_mode = STR("SMART"),
        .media_resolution = STR("MEDIA_RESOLUTION_HIGH"),
        .history = true,
        .start_sensitivity = STR("START_SENSITIVITY_LOW"),
        .end_sensitivity = STR("END_SENSITIVITY_HIGH"),
        .prefix_padding_ms = GEMINI_OPT(20),
        .silence_duration_ms = GEMINI_OPT(700),
        .activity_handling = STR("NO_INTERRUPTION"),
        .turn_coverage = STR("TURN_INCLUDES_ALL_INPUT"),
        .handle = STR("h-1"),
        .compress = true,
        .safety_raw = STR("[]"),
    };
    buf_clear(&out);
    gemini_put_setup(&out, &s);
    int err = gemini_server_decode(buf_str(&out), &scratch, &m, &why);
    if (err < 0) {
        fail_msg("%u %s", why.code, why.reason);
    }
    assert_int_equal(m.type, GEMINI_CLIENT_SETUP);
    assert_str_is(m.setup.voice, "Puck");
    assert_str_is(m.setup.handle, "h-1");
    assert_int_equal(m.setup.silence_ms, 700);
    assert_true(m.setup.no_interruption && m.setup.hears && m.setup.says && !m.setup.manual);
}

TEST(content_marks_and_results)
{
    struct buf turns;
    buf_init(&turns, 4096);
    gemini_add_turn(&turns, GEMINI_ROLE_USER, STR("hi"));
    gemini_add_turn(&turns, GEMINI_ROLE_MODEL, STR("yes\n"));
    gemini_add_turn(&turns, GEMINI_ROLE_MODEL, STR(""));
    buf_clear(&out);
    gemini_put_content(&out, buf_str(&turns), true);
    assert_str_is(
        buf_str(&out),
        "{\"clientContent\":{\"turns\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","
        "\"parts\":[{\"text\":\"yes\\n\"}]}],\"turnComplete\":true}}");
    buf_clear(&out);
    gemini_put_content(&out, STR(""), true);
    assert_str_is(buf_str(&out), "{\"clientContent\":{\"turnComplete\":true}}");
    buf_clear(&out);
    gemini_put_mark(&out, GEMINI_ACTIVITY_START);
    assert_str_is(buf_str(&out), "{\"realtimeInput\":{\"activityStart\":{}}}");
    buf_clear(&out);
    gemini_put_audio(&out, span_from("\x01\x02", 2));
    assert_str_is(buf_str(&out),
                  "{\"realtimeInput\":{\"audio\":{\"mimeType\":\"audio/pcm;rate=16000\",\"data\":\"AQI=\"}}}");
    const struct gemini_result list[] = {
        {.id = STR("fc_1"), .name = STR("f"), .output = STR("{\"a\":1}"), .scheduling = GEMINI_WHEN_IDLE},
        {.id = STR("fc_2"), .name = STR("g"), .output = STR("no json"), .failed = true}};
    buf_clear(&out);
    gemini_put_tool_response(&out, list, 2);
    assert_str_is(
        buf_str(&out),
        "{\"toolResponse\":{\"functionResponses\":[{\"id\":\"fc_1\",\"name\":\"f\",\"response\":{\"output\":{\"a\":1}},"
        "\"scheduling\":\"WHEN_IDLE\"},{\"id\":\"fc_2\",\"name\":\"g\",\"response\":{\"error\":\"no json\"}}]}}");
    buf_done(&turns);
}

/* ---- schemas ---- */

static void assert_schema(const char *from, const char *want)
{
    buf_clear(&out);
    struct json_w w = json_w(&out);
    assert_ok(gemini_put_schema(&w, str_from(from)));
    assert_str_is(buf_str(&out), want);
    struct json_val v;
    assert_ok(json_parse(buf_str(&out), &v));
}

TEST(schemas_are_said_in_the_apis_dialect)
{
    assert_schema("{\"type\":\"object\",\"properties\":{}}", "{\"type\":\"OBJECT\",\"properties\":{}}");
    assert_schema(
        "{\"$schema\":\"x\",\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"when\":{\"type\":"
        "\"string\","
        "\"format\":\"email\",\"description\":\"a \\\"b\\\"\"},\"n\":{\"type\":[\"integer\",\"null\"],\"minimum\":1,"
        "\"exclusiveMaximum\":9}},\"required\":[\"when\",\"gone\"]}",
        "{\"type\":\"OBJECT\",\"properties\":{\"when\":{\"type\":\"STRING\",\"description\":\"a "
        "\\\"b\\\"\"},\"n\":{\"type\":\"INTEGER\","
        "\"minimum\":1,\"nullable\":true}},\"required\":[\"when\"]}");
    assert_schema("{\"type\":\"object\",\"properties\":{\"c\":{\"enum\":[\"a\",\"b\"]},\"k\":{\"const\":\"x\"},\"l\":{"
                  "\"type\":\"array\"},"
                  "\"m\":{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"maxItems\":3}}}",
                  "{\"type\":\"OBJECT\",\"properties\":{\"c\":{\"type\":\"STRING\",\"enum\":[\"a\",\"b\"]},\"k\":{"
                  "\"type\":\"STRING\",\"enum\":[\"x\"]},"
                  "\"l\":{\"type\":\"ARRAY\",\"items\":{\"type\":\"STRING\"}},\"m\":{\"type\":\"ARRAY\",\"maxItems\":3,"
                  "\"items\":{\"type\":\"NUMBER\"}}}}");
    assert_schema("{\"type\":\"object\",\"$defs\":{\"p\":{\"type\":\"string\",\"title\":\"P\"}},\"properties\":{\"a\":{"
                  "\"$ref\":\"#/$defs/p\"},"
                  "\"b\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]},\"c\":{\"oneOf\":[{\"type\":"
                  "\"string\"},{\"type\":\"number\"}]}}}",
                  "{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"type\":\"STRING\",\"title\":\"P\"},\"b\":{\"type\":"
                  "\"STRING\",\"nullable\":true},"
                  "\"c\":{\"anyOf\":[{\"type\":\"STRING\"},{\"type\":\"NUMBER\"}]}}}");
    buf_clear(&out);
    struct json_w w = json_w(&out);
    assert_int_equal(gemini_put_schema(&w, STR("[]")), -ERR_TYPE);
    assert_int_equal(gemini_put_schema(&w, STR("{")), -ERR_SYNTAX);
    assert_int_equal(gemini_put_schema(&w, STR("{\"$ref\":\"#\"}")), -ERR_TOO_BIG); /* into itself */
    assert_true(gemini_name_ok(STR("look_up.v2:a-b")));
    assert_false(gemini_name_ok(STR("2nd")) || gemini_name_ok(STR("a b")) || gemini_name_ok(STR("")));
}

/* ---- the strict server ---- */

TEST(the_server_refuses_as_the_service_does)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"{\"setup\":{\"model\":\"m\",\"responseModalities\":[\"AUDIO\"]}}",
         "Invalid JSON payload received. Unknown name \"responseModalities\" at 'setup': Cannot find field."},
        {"{\"setup\":{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}]}]}}",
         "Request contains an invalid argument."}, /* lower case */
        {"{\"realtimeInput\":{\"audio\":{\"data\":\"AA==\",\"mimeType\":\"audio/wav\"}}}",
         "Request contains an invalid argument."},
        {"{\"clientContent\":{\"turns\":[{\"role\":\"system\",\"parts\":[]}]}}",
         "Please use a valid role: user, model."},
        {"{\"toolResponse\":{\"functionResponses\":[{\"id\":\"1\",\"name\":\"f\",\"response\":\"x\"}]}}",
         "Request contains an invalid argument."},
        {"{\"hello\":{}}", "Invalid JSON payload received. Unknown name \"hello\" at '': Cannot find field."},
        {"{}", "Request contains an invalid argument."},
        {"nothing", "Invalid JSON payload received. Unexpected token."},
    };
    struct gemini_client_message m;
    struct gemini_refusal why;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(gemini_server_decode(str_from(cases[i].text), &scratch, &m, &why), -ERR_SYNTAX);
        assert_int_equal(why.code, 1007);
        assert_string_equal(why.reason, cases[i].reason);
    }
    /* Both spellings at every level, and the URL-safe alphabet. */
    assert_ok(gemini_server_decode(
        STR("{\"realtime_input\":{\"audio\":{\"data\":\"-_8\",\"mime_type\":\"audio/pcm;rate=8000\"}}}"), &scratch, &m,
        &why));
    assert_int_equal(m.input.rate_hz, 8000);
    uint8_t *bytes = NULL;
    size_t n = 0;
    assert_ok(gemini_server_audio(m.input.audio, &bytes, &n));
    assert_int_equal(n, 2);
    assert_memory_equal(bytes, "\xfb\xff", 2);
    free(bytes);
    assert_ok(gemini_server_decode(
        STR("{\"setup\":{\"model\":\"m\",\"realtime_input_config\":{\"automatic_activity_detection\":"
            "{\"disabled\":true}},\"output_audio_transcription\":{}}}"),
        &scratch, &m, &why));
    assert_true(m.setup.manual && m.setup.says);
}

TEST(what_the_server_writes_we_read)
{
    struct gemini_server_content c = {.audio = STR("AQID"),
                                      .said = STR("Hi \"you\""),
                                      .turn_complete = true,
                                      .usage = true,
                                      .prompt_text = 10,
                                      .prompt_audio = 20,
                                      .response_audio = 30};
    gemini_server_put_content(&out, &c);
    assert_true(str_ends(buf_str(&out), STR("\n}\n")));
    char *text = str_dup(buf_str(&out));
    struct gemini_message m = decoded(text);
    struct gemini_part p;
    struct json_it it = json_array(m.parts);
    assert_true(gemini_part_next(&it, &m, &scratch, &p));
    assert_str_is(p.text, "AQID");
    assert_str_is(m.said, "Hi \"you\"");
    assert_true(m.turn_complete);
    assert_int_equal(m.usage.in_audio, 20);
    assert_int_equal(m.usage.out_audio, 30);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_message_may_hold_everything),
        T(what_means_nothing_is_nothing),
        T(calls_cancellations_handles_and_the_rest),
        T(hostile_texts_are_refused_and_never_read_beyond),
        T(the_setup_of_a_phone_call),
        T(our_setup_passes_the_strict_server),
        T(content_marks_and_results),
        T(schemas_are_said_in_the_apis_dialect),
        T(the_server_refuses_as_the_service_does),
        T(what_the_server_writes_we_read),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
