#include "test.h"
#include "trace.h"

#include "base/err.h"
#include "wire/openai.h"

static struct buf scratch;

static int setup(void **state UNUSED)
{
    buf_init(&scratch, 1 << 20);
    return 0;
}

static int teardown(void **state UNUSED)
{
    buf_done(&scratch);
    return 0;
}

/* How often each type comes in the trace of appendix A. */
TEST(the_whole_trace_decodes)
{
    struct trace t;
    trace_open(&t, "openai_trace.txt");
    unsigned seen[OPENAI_EVENT_N] = {0};
    unsigned n = 0;
    for (size_t i = 0; i < t.n; i++) {
        struct openai_event e;
        const char *field = "";
        if (t.line[i].side != 'S') {
            continue;
        }
        int err = openai_decode(t.line[i].message, &scratch, &e, &field);
        if (err < 0) {
            fail_msg("line %zu: %s at %s", i + 1, err_name(err), field);
        }
        assert_int_not_equal(e.type, OPENAI_UNKNOWN);
        assert_str_is(e.type_name, openai_event_name(e.type));
        char id[16];
        snprintf(id, sizeof(id), "event_%03u", ++n);
        assert_str_is(e.event_id, id);
        seen[e.type]++;
    }
    assert_int_equal(n, 39);
    assert_int_equal(seen[OPENAI_ITEM_ADDED], 4);
    assert_int_equal(seen[OPENAI_RESPONSE_DONE], 2);
    assert_int_equal(seen[OPENAI_AUDIO_DELTA], 1);
    assert_int_equal(seen[OPENAI_SPEECH_STARTED], 2);
    trace_close(&t);
}

static struct openai_event decoded(const char *text)
{
    struct openai_event e;
    const char *field = NULL;
    int err = openai_decode(str_from(text), &scratch, &e, &field);
    if (err < 0) {
        fail_msg("%s at %s: %s", err_name(err), field ? field : "the whole", text);
    }
    return e;
}

TEST(the_session_says_what_it_uses)
{
    struct openai_event e = decoded(
        "{\"type\":\"session.updated\",\"event_id\":\"e\",\"session\":{\"type\":\"realtime\",\"id\":\"sess_1\","
        "\"model\":\"gpt-realtime\",\"output_modalities\":[\"audio\"],\"tools\":[{\"a\":1},{}],\"expires_at\":"
        "1756324625,\"audio\":{\"input\":{\"format\":{\"type\":\"audio/pcmu\"},\"transcription\":{\"model\":\"m\"},"
        "\"turn_detection\":{\"type\":\"server_vad\",\"threshold\":0.25,\"prefix_padding_ms\":300,"
        "\"silence_duration_ms\":400.0,\"idle_timeout_ms\":null,\"create_response\":true,\"interrupt_response\":"
        "false}},\"output\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":24000},\"voice\":{\"id\":\"voice_1\"},"
        "\"speed\":1}}}}");
    assert_int_equal(e.type, OPENAI_SESSION_UPDATED);
    assert_str_is(e.session.id, "sess_1");
    assert_str_is(e.session.model, "gpt-realtime");
    assert_str_is(e.session.voice, "voice_1");
    assert_int_equal(e.session.input_format, OPENAI_FORMAT_PCMU);
    assert_int_equal(e.session.output_format, OPENAI_FORMAT_PCM24K);
    assert_int_equal(e.session.output_modality, OPENAI_MODALITY_AUDIO);
    assert_int_equal(e.session.n_tools, 2);
    assert_true(e.session.transcription);
    assert_int_equal(e.session.expires_at, 1756324625);
    const struct openai_turn_detection *t = &e.session.turn_detection;
    assert_int_equal(t->type, OPENAI_VAD_SERVER);
    assert_true(t->threshold.set && t->threshold.v == 0.25);
    assert_true(t->silence_duration_ms.set && t->silence_duration_ms.v == 400);
    assert_true(t->idle_timeout_ms.set && t->idle_timeout_ms.null);
    assert_int_equal(t->create_response, OPENAI_YES);
    assert_int_equal(t->interrupt_response, OPENAI_NO);
    /* The flat beta shape of compatible servers, and a session that says nothing. */
    e = decoded("{\"type\":\"session.created\",\"session\":{\"modalities\":[\"text\",\"audio\"],\"voice\":\"alloy\","
                "\"input_audio_format\":\"g711_alaw\",\"output_audio_format\":\"pcm16\",\"turn_detection\":null,"
                "\"input_audio_transcription\":null}}");
    assert_str_is(e.session.voice, "alloy");
    assert_int_equal(e.session.input_format, OPENAI_FORMAT_PCMA);
    assert_int_equal(e.session.output_format, OPENAI_FORMAT_PCM24K);
    assert_int_equal(e.session.output_modality, OPENAI_MODALITY_AUDIO);
    assert_int_equal(e.session.turn_detection.type, OPENAI_VAD_NONE);
    assert_false(e.session.transcription);
    e = decoded("{\"type\":\"session.created\",\"session\":{\"audio\":{\"input\":{\"format\":{\"type\":\"opus\"},"
                "\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":\"high\"}}}}}");
    assert_int_equal(e.session.input_format, OPENAI_FORMAT_NONE);
    assert_int_equal(e.session.turn_detection.type, OPENAI_VAD_SEMANTIC);
    assert_int_equal(e.session.turn_detection.eagerness, OPENAI_EAGERNESS_HIGH);
    assert_int_equal(e.session.turn_detection.create_response, OPENAI_UNSET);
    e = decoded("{\"type\":\"session.created\",\"session\":{}}");
    assert_int_equal(e.session.turn_detection.type, OPENAI_VAD_UNSET);
    assert_int_equal(e.session.n_tools, 0);
}

TEST(a_finished_response_tells_why_and_what_it_cost)
{
    struct openai_event e = decoded(
        "{\"type\":\"response.done\",\"event_id\":\"e\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\","
        "\"status_details\":null,\"conversation_id\":null,\"output\":[{\"id\":\"i1\",\"type\":\"message\",\"role\":"
        "\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_audio\",\"transcript\":\"a \\\"b\\\"\"}"
        "]},{\"id\":\"i2\",\"type\":\"function_call\",\"status\":\"completed\",\"name\":\"f\",\"call_id\":\"call_1\","
        "\"arguments\":\"{\\\"x\\\":1}\"},{\"type\":\"novelty\"}],\"usage\":{\"total_tokens\":253,\"input_tokens\":132,"
        "\"output_tokens\":121,\"input_token_details\":{\"text_tokens\":119,\"audio_tokens\":13,\"image_tokens\":2,"
        "\"cached_tokens\":64,\"cached_tokens_details\":{\"text_tokens\":60,\"audio_tokens\":4}},"
        "\"output_token_details\":{\"text_tokens\":30,\"audio_tokens\":91}},\"metadata\":{\"topic\":\"x\"}}}");
    assert_int_equal(e.type, OPENAI_RESPONSE_DONE);
    assert_str_is(e.response_id, "resp_1");
    assert_int_equal(e.response.status, OPENAI_STATUS_COMPLETED);
    assert_int_equal(e.response.reason.n, 0);
    assert_int_equal(e.response.conversation_id.n, 0);
    assert_str_is(json_get(e.response.metadata, "topic").s, "x");
    const struct openai_usage *u = &e.response.usage;
    assert_true(u->present);
    assert_int_equal(u->total_tokens, 253);
    assert_int_equal(u->input_tokens, 132);
    assert_int_equal(u->input_text_tokens, 119);
    assert_int_equal(u->input_audio_tokens, 13);
    assert_int_equal(u->input_image_tokens, 2);
    assert_int_equal(u->cached_tokens, 64);
    assert_int_equal(u->cached_text_tokens, 60);
    assert_int_equal(u->cached_audio_tokens, 4);
    assert_int_equal(u->output_tokens, 121);
    assert_int_equal(u->output_text_tokens, 30);
    assert_int_equal(u->output_audio_tokens, 91);
    struct json_it it = json_array(e.response.output);
    struct openai_item items[3];
    assert_true(openai_item_next(&it, &scratch, &items[0]));
    assert_true(openai_item_next(&it, &scratch, &items[1]));
    assert_true(openai_item_next(&it, &scratch, &items[2]));
    struct openai_item more;
    assert_false(openai_item_next(&it, &scratch, &more));
    assert_int_equal(it.err, 0);
    /* All of them at once: the slices of the first must not have moved. */
    assert_int_equal(items[0].type, OPENAI_ITEM_MESSAGE);
    assert_int_equal(items[0].role, OPENAI_ROLE_ASSISTANT);
    assert_str_is(items[0].text, "a \"b\"");
    assert_int_equal(items[1].type, OPENAI_ITEM_FUNCTION_CALL);
    assert_str_is(items[1].arguments, "{\"x\":1}");
    assert_str_is(items[1].call_id, "call_1");
    assert_int_equal(items[2].type, OPENAI_ITEM_UNKNOWN);
}

TEST(responses_end_in_every_documented_way)
{
    struct openai_event e = decoded("{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"status\":\"failed\","
                                    "\"status_details\":{\"type\":\"failed\",\"error\":{\"type\":\"t\",\"code\":"
                                    "\"insufficient_quota\",\"message\":\"no \\u20ac\"}},\"usage\":null}}");
    assert_int_equal(e.response.status, OPENAI_STATUS_FAILED);
    assert_str_is(e.response.error.code, "insufficient_quota");
    assert_str_is(e.response.error.message, "no \xE2\x82\xAC");
    assert_false(e.response.usage.present);
    e = decoded("{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"status\":\"cancelled\",\"status_details\":"
                "{\"type\":\"cancelled\",\"reason\":\"client_cancelled\"}}}");
    assert_int_equal(e.response.status, OPENAI_STATUS_CANCELLED);
    assert_str_is(e.response.reason, "client_cancelled");
    e = decoded("{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"status\":\"incomplete\",\"status_details\":"
                "\"max_output_tokens\"}}");
    assert_int_equal(e.response.status, OPENAI_STATUS_INCOMPLETE);
    assert_str_is(e.response.reason, "max_output_tokens");
    e = decoded("{\"type\":\"response.done\",\"response\":{\"id\":\"r\",\"status\":\"odd\",\"usage\":{\"total_tokens\":"
                "-4,\"input_tokens\":\"x\",\"output_tokens\":2.5}}}");
    assert_int_equal(e.response.status, OPENAI_STATUS_NONE);
    assert_str_is(e.response.status_name, "odd");
    assert_int_equal(e.response.usage.total_tokens, 0);
    assert_int_equal(e.response.usage.output_tokens, 2);
    e = decoded("{\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}");
    assert_str_is(e.response_id, "r");
}

TEST(errors_keep_their_parts)
{
    struct openai_event e = decoded("{\"type\":\"error\",\"event_id\":\"event_1\",\"error\":{\"type\":"
                                    "\"invalid_request_error\",\"code\":\"invalid_value\",\"message\":\"Invalid value:"
                                    " 'x'.\",\"param\":\"session.audio\",\"event_id\":\"gw_7\"}}");
    assert_int_equal(e.type, OPENAI_ERROR);
    assert_str_is(e.error.type, "invalid_request_error");
    assert_str_is(e.error.code, "invalid_value");
    assert_str_is(e.error.message, "Invalid value: 'x'.");
    assert_str_is(e.error.param, "session.audio");
    assert_str_is(e.error.event_id, "gw_7");
    e = decoded("{\"type\":\"error\",\"error\":{\"message\":\"m\",\"code\":404,\"param\":null}}");
    assert_str_is(e.error.code, "404");
    assert_int_equal(e.error.param.n, 0);
    e = decoded("{\"type\":\"error\",\"error\":\"plain words\"}");
    assert_str_is(e.error.message, "plain words");
    e = decoded("{\"type\":\"conversation.item.input_audio_transcription.failed\",\"item_id\":\"u\",\"content_index\":"
                "0,\"error\":{\"type\":\"transcription_error\",\"code\":\"audio_unintelligible\",\"message\":\"m\"}}");
    assert_int_equal(e.type, OPENAI_INPUT_TRANSCRIPT_FAILED);
    assert_str_is(e.item_id, "u");
    assert_str_is(e.error.code, "audio_unintelligible");
}

TEST(beta_names_mean_the_same)
{
    static const struct {
        const char *name;
        enum openai_event_type type;
    } names[] = {{"response.audio.delta", OPENAI_AUDIO_DELTA},
                 {"response.audio_transcript.delta", OPENAI_TRANSCRIPT_DELTA},
                 {"response.text.delta", OPENAI_TEXT_DELTA},
                 {"response.output_audio.delta", OPENAI_AUDIO_DELTA}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char text[160];
        snprintf(text, sizeof(text), "{\"delta\":\"AAAA\",\"response_id\":\"r\",\"type\":\"%s\"}", names[i].name);
        struct openai_event e = decoded(text);
        assert_int_equal(e.type, names[i].type);
        assert_str_is(e.text, "AAAA");
        assert_str_is(e.response_id, "r");
        assert_int_equal(e.event_id.n, 0);
    }
    struct openai_event e = decoded("{\"type\":\"response.audio.delta\",\"delta\":\"\\/\\/\\/\\/\"}");
    assert_str_is(e.text, "////");
    e = decoded("{\"type\":\"session.novelty\",\"x\":{}}");
    assert_int_equal(e.type, OPENAI_UNKNOWN);
    assert_str_is(e.type_name, "session.novelty");
}

TEST(small_events_carry_their_values)
{
    struct openai_event e =
        decoded("{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":420.7,\"item_id\":\"u\"}");
    assert_int_equal(e.audio.start_ms, 420);
    e = decoded("{\"type\":\"input_audio_buffer.timeout_triggered\",\"audio_start_ms\":1,\"audio_end_ms\":6001,"
                "\"item_id\":\"u\"}");
    assert_int_equal(e.audio.end_ms, 6001);
    e = decoded("{\"type\":\"input_audio_buffer.dtmf_event_received\",\"event\":\"#\",\"received_at\":1}");
    assert_str_is(e.text, "#");
    e = decoded("{\"type\":\"response.function_call_arguments.done\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":"
                "\"{\\\"a\\\":\\\"\\\\n\\\"}\",\"output_index\":12}");
    assert_str_is(e.name, "f");
    assert_str_is(e.text, "{\"a\":\"\\n\"}");
    assert_str_is(e.call_id, "c");
    assert_int_equal(e.output_index, 12);
    e = decoded("{\"type\":\"rate_limits.updated\",\"rate_limits\":[{\"name\":\"requests\",\"remaining\":5,"
                "\"reset_seconds\":0.5},{\"name\":\"tokens\",\"remaining\":38490,\"reset_seconds\":2.25}]}");
    assert_true(e.limits.tokens_remaining == 38490 && e.limits.requests_remaining == 5);
    assert_true(e.limits.reset_seconds == 2.25);
    e = decoded("{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":\"u\",\"transcript\":"
                "\"hi\",\"usage\":{\"type\":\"duration\",\"seconds\":3}}");
    assert_str_is(e.text, "hi");
    assert_true(e.usage.seconds == 3);
    e = decoded("{\"type\":\"conversation.item.retrieved\",\"item\":{\"id\":\"i\",\"type\":\"message\",\"role\":"
                "\"assistant\",\"content\":[{\"type\":\"audio\",\"audio\":\"AAAA\",\"transcript\":\"t\"}]}}");
    assert_str_is(e.item_id, "i");
    assert_str_is(e.item.text, "t");
}

TEST(wrong_events_name_the_field)
{
    static const struct {
        const char *text;
        int err;
        const char *field;
    } cases[] = {
        {"", ERR_SYNTAX, NULL},
        {"{\"type\":\"error\"", ERR_SYNTAX, NULL},
        {"{\"type\":\"error\",}", ERR_SYNTAX, NULL},
        {"{}", ERR_MISSING, "type"},
        {"{\"type\":[]}", ERR_TYPE, "type"},
        {"{\"type\":\"error\"}", ERR_MISSING, "error"},
        {"{\"type\":\"error\",\"error\":{\"message\":7}}", ERR_TYPE, "error.message"},
        {"{\"type\":\"session.created\",\"session\":[]}", ERR_TYPE, "session"},
        {"{\"type\":\"response.done\"}", ERR_MISSING, "response"},
        {"{\"type\":\"response.done\",\"response\":{\"id\":{}}}", ERR_TYPE, "response.id"},
        {"{\"type\":\"response.output_audio.delta\"}", ERR_MISSING, "delta"},
        {"{\"type\":\"response.output_audio.delta\",\"delta\":5}", ERR_TYPE, "delta"},
        {"{\"type\":\"response.output_audio.delta\",\"delta\":\"\",\"item_id\":1}", ERR_TYPE, "item_id"},
        {"{\"type\":\"response.output_audio.delta\",\"delta\":\"\",\"output_index\":-1}", ERR_RANGE, "output_index"},
        {"{\"type\":\"response.output_audio.delta\",\"delta\":\"\",\"content_index\":\"0\"}", ERR_TYPE,
         "content_index"},
        {"{\"type\":\"response.output_item.done\",\"item\":\"x\"}", ERR_TYPE, "item"},
        {"{\"type\":\"response.output_item.done\",\"item\":{\"arguments\":{}}}", ERR_TYPE, "item.arguments"},
        {"{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":\"1\"}", ERR_TYPE, "audio_start_ms"},
        {"{\"type\":\"response.output_text.delta\",\"delta\":\"\\x\"}", ERR_SYNTAX, "delta"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct openai_event e;
        const char *field = "untouched";
        int err = openai_decode(str_from(cases[i].text), &scratch, &e, &field);
        bool same = cases[i].field && field ? strcmp(field, cases[i].field) == 0 : field == cases[i].field;
        if (err != -cases[i].err || !same) {
            fail_msg("%s: %s at %s", cases[i].text, err_name(err), field ? field : "the whole");
        }
    }
    char text[300];
    snprintf(text, sizeof(text), "{\"type\":\"response.output_audio.done\",\"item_id\":\"%0200d\"}", 0);
    struct openai_event e;
    const char *field;
    assert_err(openai_decode(str_from(text), &scratch, &e, &field), ERR_TOO_BIG);
    assert_string_equal(field, "item_id");
}

/* Every cut of every line of the trace is survived; none but the whole is accepted. */
TEST(every_truncation_is_survived)
{
    struct trace t;
    trace_open(&t, "openai_trace.txt");
    for (size_t i = 0; i < t.n; i++) {
        struct str line = t.line[i].message;
        for (size_t n = 0; n < line.n; n += 1 + (n > 200) * 7) {
            char *copy = test_malloc(n + 1);
            memcpy(copy, line.p, n);
            struct openai_event e;
            assert_true(openai_decode((struct str){copy, n}, &scratch, &e, NULL) < 0);
            test_free(copy);
        }
    }
    trace_close(&t);
}

static struct buf out;

static void wrote(const char *want)
{
    assert_int_equal(out.err, 0);
    assert_str_is(buf_str(&out), want);
    struct json_val v;
    assert_ok(json_parse(buf_str(&out), &v));
    buf_clear(&out);
}

TEST(the_clients_lines_of_the_trace_are_written)
{
    buf_init(&out, 1 << 16);
    struct trace t;
    trace_open(&t, "openai_trace.txt");
    struct openai_session s = {
        .instructions = STR("Answer briefly."),
        .output_modality = OPENAI_MODALITY_AUDIO,
        .input_format = OPENAI_FORMAT_PCMU,
        .output_format = OPENAI_FORMAT_PCMU,
        .transcription = {.on = OPENAI_YES, .model = STR("gpt-4o-mini-transcribe")},
        .noise_reduction = OPENAI_NOISE_OFF,
        .turn_detection = {.type = OPENAI_VAD_SERVER,
                           .threshold = OPENAI_F64(0.5),
                           .prefix_padding_ms = OPENAI_I64(300),
                           .silence_duration_ms = OPENAI_I64(400),
                           .eagerness = OPENAI_EAGERNESS_HIGH, /* not of this type: not sent */
                           .create_response = OPENAI_YES,
                           .interrupt_response = OPENAI_YES},
        .voice = STR("marin"),
        .tools_raw = STR("[{\"type\":\"function\",\"name\":\"get_balance\",\"description\":\"Account balance\","
                         "\"parameters\":{\"type\":\"object\",\"properties\":{\"account\":{\"type\":\"string\"}},"
                         "\"required\":[\"account\"]}}]"),
        .tool_choice = STR("auto"),
    };
    openai_put_session_update(&out, STR("gw_1"), &s);
    assert_true(str_eq(buf_str(&out), t.line[1].message));
    trace_close(&t);
    buf_clear(&out);
    openai_put_append(&out, span_from("\xFF\xFF\xFF\xFF", 4));
    wrote("{\"type\":\"input_audio_buffer.append\",\"audio\":\"/////w==\"}");
    openai_put_append_text(&out, STR("/////w=="));
    wrote("{\"type\":\"input_audio_buffer.append\",\"audio\":\"/////w==\"}");
    struct openai_put_item item = {
        .kind = OPENAI_PUT_FUNCTION_OUTPUT, .call_id = STR("call_1"), .text = STR("{\"balance\":12.5}")};
    openai_put_item_create(&out, STR("gw_2"), &item);
    wrote("{\"type\":\"conversation.item.create\",\"event_id\":\"gw_2\",\"item\":{\"type\":\"function_call_output\","
          "\"call_id\":\"call_1\",\"output\":\"{\\\"balance\\\":12.5}\"}}");
    openai_put_response_create(&out, STR("gw_3"), NULL);
    wrote("{\"type\":\"response.create\",\"event_id\":\"gw_3\"}");
    openai_put_truncate(&out, STR("gw_4"), STR("item_a1"), 640);
    wrote("{\"type\":\"conversation.item.truncate\",\"event_id\":\"gw_4\",\"item_id\":\"item_a1\",\"content_index\":0,"
          "\"audio_end_ms\":640}");
    openai_put_response_cancel(&out, STR("gw_5"), STR_NULL);
    wrote("{\"type\":\"response.cancel\",\"event_id\":\"gw_5\"}");
    buf_done(&out);
}

TEST(every_setting_has_its_place)
{
    buf_init(&out, 1 << 16);
    struct openai_session s = {
        .model = STR("m"),
        .instructions = STR(""),
        .output_modality = OPENAI_MODALITY_TEXT,
        .transcription = {.on = OPENAI_YES,
                          .model = STR("whisper-1"),
                          .language = STR("de"),
                          .prompt = STR("p"),
                          .raw_extra = STR("\"delay\":\"low\"")},
        .noise_reduction = OPENAI_NOISE_FAR,
        .turn_detection = {.type = OPENAI_VAD_SEMANTIC,
                           .eagerness = OPENAI_EAGERNESS_LOW,
                           .threshold = OPENAI_F64(0.5),
                           .interrupt_response = OPENAI_NO},
        .voice = STR("alloy"),
        .voice_id = STR("voice_1"),
        .speed = OPENAI_F64(1.25),
        .tool_choice = STR("f"),
        .tool_choice_function = true,
        .parallel_tool_calls = OPENAI_NO,
        .reasoning_effort = OPENAI_EFFORT_MINIMAL,
        .max_output_tokens = OPENAI_I64(0),
        .prompt_raw = STR("{\"id\":\"p1\"}"),
        .tracing_raw = STR("null"),
        .truncation_raw = STR("\"disabled\""),
        .include_raw = STR("[]"),
    };
    openai_put_session_update(&out, STR_NULL, &s);
    wrote("{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"model\":\"m\",\"instructions\":\"\","
          "\"output_modalities\":[\"text\"],\"audio\":{\"input\":{\"transcription\":{\"model\":\"whisper-1\","
          "\"language\":\"de\",\"prompt\":\"p\",\"delay\":\"low\"},\"noise_reduction\":{\"type\":\"far_field\"},"
          "\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":\"low\",\"interrupt_response\":false}},"
          "\"output\":{\"voice\":{\"id\":\"voice_1\"},\"speed\":1.25}},\"tool_choice\":{\"type\":\"function\",\"name\":"
          "\"f\"},\"parallel_tool_calls\":false,\"reasoning\":{\"effort\":\"minimal\"},\"max_output_tokens\":\"inf\","
          "\"prompt\":{\"id\":\"p1\"},\"tracing\":null,\"truncation\":\"disabled\",\"include\":[]}}");
    s = (struct openai_session){0};
    openai_put_session_update(&out, STR_NULL, &s);
    wrote("{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\"}}");
    s = (struct openai_session){.turn_detection = {.type = OPENAI_VAD_NONE}, .transcription = {.on = OPENAI_NO}};
    openai_put_session_update(&out, STR_NULL, &s);
    wrote("{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"transcription\":"
          "null,\"turn_detection\":null}}}}");
    s = (struct openai_session){.transcription_only = true,
                                .voice = STR("x"),
                                .instructions = STR("x"),
                                .turn_detection = {.type = OPENAI_VAD_SERVER, .create_response = OPENAI_YES}};
    openai_put_session_update(&out, STR_NULL, &s);
    wrote("{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\",\"audio\":{\"input\":{"
          "\"turn_detection\":{\"type\":\"server_vad\"}}}}}");
    struct openai_put_item item = {
        .kind = OPENAI_PUT_ASSISTANT, .id = STR("i1"), .previous_item_id = STR("root"), .text = STR("line\n\"two\"")};
    openai_put_item_create(&out, STR_NULL, &item);
    wrote("{\"type\":\"conversation.item.create\",\"previous_item_id\":\"root\",\"item\":{\"id\":\"i1\",\"type\":"
          "\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"line\\n\\\"two\\\"\"}]}"
          "}");
    item = (struct openai_put_item){.kind = OPENAI_PUT_SYSTEM, .text = STR("t")};
    openai_put_item_create(&out, STR_NULL, &item);
    wrote("{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"system\",\"content\":[{"
          "\"type\":\"input_text\",\"text\":\"t\"}]}}");
    struct openai_put_response r = {.instructions = STR("say hi"),
                                    .output_modality = OPENAI_MODALITY_AUDIO,
                                    .tool_choice = STR("none"),
                                    .out_of_band = true,
                                    .metadata_raw = STR("{\"k\":\"v\"}"),
                                    .input_raw = STR("[]")};
    openai_put_response_create(&out, STR("e"), &r);
    wrote("{\"type\":\"response.create\",\"event_id\":\"e\",\"response\":{\"conversation\":\"none\",\"metadata\":{"
          "\"k\":\"v\"},\"output_modalities\":[\"audio\"],\"instructions\":\"say hi\",\"tool_choice\":\"none\","
          "\"input\":[]}}");
    openai_put_commit(&out, STR_NULL);
    wrote("{\"type\":\"input_audio_buffer.commit\"}");
    buf_done(&out);
}

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(the_whole_trace_decodes),
    U(the_session_says_what_it_uses),
    U(a_finished_response_tells_why_and_what_it_cost),
    U(responses_end_in_every_documented_way),
    U(errors_keep_their_parts),
    U(beta_names_mean_the_same),
    U(small_events_carry_their_values),
    U(wrong_events_name_the_field),
    U(every_truncation_is_survived),
    U(the_clients_lines_of_the_trace_are_written),
    U(every_setting_has_its_place),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
