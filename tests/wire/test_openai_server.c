#include "test.h"
#include "trace.h"

#include "base/base64.h"
#include "base/err.h"
#include "wire/openai_server.h"

static struct buf scratch;
static struct buf out;
static struct openai_server_session session;

static int setup(void **state UNUSED)
{
    buf_init(&scratch, 1 << 22);
    buf_init(&out, 1 << 22);
    int err = openai_server_session_init(&session, STR("sess_1"), STR("gpt-realtime"));
    session.expires_at = 1756324625;
    return err;
}

static int teardown(void **state UNUSED)
{
    openai_server_session_done(&session);
    buf_done(&scratch);
    buf_done(&out);
    return 0;
}

static void check(struct str want)
{
    assert_int_equal(out.err, 0);
    if (!str_eq(buf_str(&out), want)) {
        print_error("got  " STR_FMT "\nwant " STR_FMT "\n", STR_ARG(buf_str(&out)), STR_ARG(want));
        fail();
    }
    struct json_val v;
    assert_ok(json_parse(buf_str(&out), &v));
    buf_clear(&out);
}

/* What the trace's server knows. */
static const struct openai_server_item call_item = {.type = OPENAI_ITEM_FUNCTION_CALL,
                                                    .id = STR("item_f1"),
                                                    .name = STR("get_balance"),
                                                    .call_id = STR("call_1"),
                                                    .arguments = STR("{\"account\":\"4711\"}"),
                                                    .status = OPENAI_STATUS_COMPLETED};
static const struct openai_part said = {
    .type = OPENAI_PART_OUTPUT_AUDIO, .has_text = true, .text = STR("You have twelve dollars fifty")};
static const struct openai_part silent = {.type = OPENAI_PART_INPUT_AUDIO};

/* Rebuilds one S line of the trace from what the tolerant decoder read; true when this type is covered. */
static bool rewrite(const struct openai_event *e, const struct openai_event *raw)
{
    struct openai_server_ref ref = {.response_id = e->response_id,
                                    .item_id = e->item_id,
                                    .output_index = e->output_index,
                                    .content_index = e->content_index,
                                    .call_id = e->call_id};
    struct openai_server_item item = {.type = e->item.type};
    switch (e->type) {
    case OPENAI_SPEECH_STARTED:
    case OPENAI_SPEECH_STOPPED:
        openai_server_put_speech(&out, e->event_id, e->type,
                                 (struct openai_server_span){e->audio.start_ms, e->audio.end_ms}, e->item_id);
        return true;
    case OPENAI_COMMITTED:
        openai_server_put_committed(&out, e->event_id, e->previous_item_id, e->item_id);
        return true;
    case OPENAI_ITEM_TRUNCATED:
        openai_server_put_truncated(&out, e->event_id, e->item_id, e->audio.end_ms);
        return true;
    case OPENAI_RATE_LIMITS:
        openai_server_put_limits(&out, e->event_id,
                                 &(struct openai_server_limit){"tokens", 40000, 38490, e->limits.reset_seconds}, 1);
        return true;
    case OPENAI_TEXT_DELTA:
    case OPENAI_TEXT_DONE:
    case OPENAI_TRANSCRIPT_DELTA:
    case OPENAI_TRANSCRIPT_DONE:
    case OPENAI_AUDIO_DONE:
    case OPENAI_ARGUMENTS_DELTA:
    case OPENAI_ARGUMENTS_DONE:
        if (e->type == OPENAI_ARGUMENTS_DONE) {
            ref.name = e->name;
        }
        ref.obfuscation = raw->text; /* the test hands it over here */
        openai_server_put_text(&out, e->event_id, e->type, &ref, e->text);
        return true;
    case OPENAI_AUDIO_DELTA: {
        uint8_t audio[64];
        int n = base64_decode(audio, e->text);
        assert_true(n > 0);
        openai_server_put_audio(&out, e->event_id, &ref, span_from(audio, (size_t)n));
        return true;
    }
    case OPENAI_PART_ADDED:
    case OPENAI_PART_DONE:
        openai_server_put_part(
            &out, e->event_id, e->type, &ref,
            &(struct openai_server_part){OPENAI_MODALITY_AUDIO, e->type == OPENAI_PART_DONE ? said.text : STR("")});
        return true;
    case OPENAI_ITEM_ADDED:
    case OPENAI_ITEM_DONE:
    case OPENAI_OUTPUT_ITEM_ADDED:
    case OPENAI_OUTPUT_ITEM_DONE:
        item.status = e->item.status;
        item.role = e->item.role;
        item.id = e->item.id;
        item.name = e->item.name;
        item.call_id = e->item.call_id;
        item.arguments = e->item.arguments;
        item.output = e->item.output;
        if (item.role == OPENAI_ROLE_USER) {
            item.parts = &silent;
            item.n_parts = 1;
        } else if (item.role == OPENAI_ROLE_ASSISTANT && item.status != OPENAI_STATUS_IN_PROGRESS) {
            item.parts = &said;
            item.n_parts = 1;
        }
        if (e->type == OPENAI_ITEM_ADDED || e->type == OPENAI_ITEM_DONE) {
            openai_server_put_item(&out, e->event_id, e->type, e->previous_item_id, &item);
        } else {
            openai_server_put_output_item(&out, e->event_id, e->type, &ref, &item);
        }
        return true;
    case OPENAI_RESPONSE_CREATED:
    case OPENAI_RESPONSE_DONE: {
        struct openai_server_item talk = {.type = OPENAI_ITEM_MESSAGE,
                                          .id = STR("item_a1"),
                                          .status = OPENAI_STATUS_INCOMPLETE,
                                          .role = OPENAI_ROLE_ASSISTANT,
                                          .parts = &said,
                                          .n_parts = 1};
        struct openai_server_response r = {.id = e->response.id,
                                           .status = e->response.status,
                                           .reason = e->response.reason,
                                           .conversation_id = e->response.conversation_id,
                                           .output_modality = OPENAI_MODALITY_AUDIO,
                                           .output_format = OPENAI_FORMAT_PCMU,
                                           .voice = STR("marin")};
        if (e->type == OPENAI_RESPONSE_DONE) {
            r.output = str_is(r.id, "resp_1") ? &call_item : &talk;
            r.n_output = 1;
            r.usage = &e->response.usage;
        }
        openai_server_put_response(&out, e->event_id, e->type, &r);
        return true;
    }
    case OPENAI_INPUT_TRANSCRIPT_DONE:
        openai_server_put_heard(&out, e->event_id, e->item_id, e->text, &e->usage);
        return true;
    case OPENAI_ERROR: {
        struct openai_server_error err;
        openai_server_error_set(&err, "response_cancel_not_active", NULL, STR_FMT, STR_ARG(e->error.message));
        openai_server_put_error(&out, e->event_id, &err, e->error.event_id);
        return true;
    }
    default:
        return false;
    }
}

TEST(the_writers_reproduce_the_trace_byte_for_byte)
{
    struct trace t;
    trace_open(&t, "openai_trace.txt");
    unsigned covered = 0;
    for (size_t i = 0; i < t.n; i++) {
        struct str line = t.line[i].message;
        struct openai_event e;
        struct openai_event raw = {0};
        struct json_val top;
        if (t.line[i].side != 'S') {
            continue;
        }
        assert_ok(openai_decode(line, &scratch, &e, NULL));
        assert_ok(json_parse(line, &top));
        struct json_val padding = json_get(top, "obfuscation");
        raw.text = padding.type == JSON_STRING ? padding.s : STR_NULL;
        if (rewrite(&e, &raw)) {
            covered++;
            check(line);
        }
    }
    /* All but the two session events (their own test) and the padded transcription delta. */
    assert_int_equal(covered, 39 - 3);
    trace_close(&t);
}

TEST(the_trace_session_is_merged_and_echoed)
{
    struct trace t;
    trace_open(&t, "openai_trace.txt");
    struct openai_server_error e;
    buf_clear(&session.instructions);
    buf_puts(&session.instructions, "default");
    openai_server_put_session(&out, STR("event_001"), OPENAI_SESSION_CREATED, &session);
    check(t.line[0].message);
    struct openai_client_event ev;
    assert_ok(openai_server_decode(t.line[1].message, &scratch, &ev, &e));
    assert_int_equal(ev.type, OPENAI_CLIENT_SESSION_UPDATE);
    assert_str_is(ev.event_id, "gw_1");
    assert_ok(openai_server_apply_update(&session, ev.session, &e));
    openai_server_put_session(&out, STR("event_002"), OPENAI_SESSION_UPDATED, &session);
    check(t.line[2].message);
    assert_int_equal(openai_server_tool_count(&session), 1);
    assert_str_is(openai_server_tool_name(&session, 0), "get_balance");
    trace_close(&t);
}

TEST(every_client_line_of_the_trace_is_accepted)
{
    static const enum openai_client_type types[] = {OPENAI_CLIENT_SESSION_UPDATE, OPENAI_CLIENT_APPEND,
                                                    OPENAI_CLIENT_ITEM_CREATE,    OPENAI_CLIENT_RESPONSE_CREATE,
                                                    OPENAI_CLIENT_ITEM_TRUNCATE,  OPENAI_CLIENT_RESPONSE_CANCEL};
    struct trace t;
    trace_open(&t, "openai_trace.txt");
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        struct openai_client_event ev;
        struct openai_server_error e;
        if (t.line[i].side == 'C') {
            assert_ok(openai_server_decode(t.line[i].message, &scratch, &ev, &e));
            assert_int_equal(ev.type, types[n++]);
        }
    }
    assert_int_equal(n, ARRAY_LEN(types));
    trace_close(&t);
}

/* Applies a session object (without braces around "type":"realtime") and returns the result. */
static int update(const char *members, struct openai_server_error *e)
{
    struct openai_client_event ev;
    buf_clear(&out);
    buf_printf(&out, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\"%s%s}}", members[0] ? "," : "",
               members);
    assert_ok(openai_server_decode(buf_str(&out), &scratch, &ev, e));
    int err = openai_server_apply_update(&session, ev.session, e);
    buf_clear(&out);
    return err;
}

static void updated(const char *members)
{
    struct openai_server_error e;
    if (update(members, &e) < 0) {
        fail_msg("%s: %s", members, e.message);
    }
}

TEST(refused_updates_say_why_and_change_nothing)
{
    static const struct {
        const char *members, *code, *param, *message;
    } cases[] = {
        {"\"temperature\":0.8", "unknown_parameter", "session.temperature",
         "Unknown parameter: 'session.temperature'."},
        {"\"voice\":\"marin\"", "unknown_parameter", "session.voice", "Unknown parameter: 'session.voice'."},
        {"\"modalities\":[\"audio\"]", "unknown_parameter", "session.modalities", NULL},
        {"\"input_audio_format\":\"g711_ulaw\"", "unknown_parameter", "session.input_audio_format", NULL},
        {"\"turn_detection\":null", "unknown_parameter", "session.turn_detection", NULL},
        {"\"instructions\":\"new\",\"speed\":1", "unknown_parameter", "session.speed", NULL},
        {"\"instructions\":5", "invalid_type", "session.instructions",
         "Invalid type for 'session.instructions': expected a string, but got a number instead."},
        {"\"output_modalities\":[\"text\",\"audio\"]", "invalid_value", "session.output_modalities", NULL},
        {"\"output_modalities\":[]", "invalid_value", "session.output_modalities", NULL},
        {"\"max_output_tokens\":4097", "invalid_value", "session.max_output_tokens", NULL},
        {"\"max_output_tokens\":0", "invalid_value", "session.max_output_tokens", NULL},
        {"\"max_output_tokens\":\"none\"", "invalid_value", "session.max_output_tokens", NULL},
        {"\"audio\":{\"output\":{\"voice\":\"bob\"}}", "invalid_value", "session.audio.output.voice", NULL},
        {"\"audio\":{\"output\":{\"speed\":2}}", "invalid_value", "session.audio.output.speed", NULL},
        {"\"audio\":{\"output\":{\"speed\":\"fast\"}}", "invalid_type", "session.audio.output.speed", NULL},
        {"\"audio\":{\"output\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":16000}}}", "invalid_value",
         "session.audio.output.format.rate", NULL},
        {"\"audio\":{\"output\":{\"format\":{\"type\":\"audio/pcmu\",\"rate\":8000}}}", "unknown_parameter",
         "session.audio.output.format.rate", NULL},
        {"\"audio\":{\"input\":{\"format\":\"pcm16\"}}", "invalid_type", "session.audio.input.format", NULL},
        {"\"audio\":{\"input\":{\"format\":{}}}", "missing_required_parameter", "session.audio.input.format.type",
         NULL},
        {"\"audio\":{\"input\":{\"format\":{\"type\":\"g711_ulaw\"}}}", "invalid_value",
         "session.audio.input.format.type",
         "Invalid value: 'g711_ulaw'. Supported values are: 'audio/pcm', 'audio/pcmu', and 'audio/pcma'."},
        {"\"audio\":{\"input\":{\"transcription\":{\"model\":\"tiny\"}}}", "invalid_value",
         "session.audio.input.transcription.model", NULL},
        {"\"audio\":{\"input\":{\"transcription\":{}}}", "missing_required_parameter",
         "session.audio.input.transcription.model", NULL},
        {"\"audio\":{\"input\":{\"noise_reduction\":{\"type\":\"mid_field\"}}}", "invalid_value",
         "session.audio.input.noise_reduction.type", NULL},
        {"\"audio\":{\"input\":{\"turn_detection\":{\"type\":\"none\"}}}", "invalid_value",
         "session.audio.input.turn_detection.type",
         "Invalid value: 'none'. Supported values are: 'server_vad' and 'semantic_vad'."},
        {"\"audio\":{\"input\":{\"turn_detection\":{\"type\":\"semantic_vad\",\"threshold\":0.5}}}",
         "unknown_parameter", "session.audio.input.turn_detection.threshold", NULL},
        {"\"audio\":{\"input\":{\"turn_detection\":{\"eagerness\":\"low\"}}}", "unknown_parameter",
         "session.audio.input.turn_detection.eagerness", NULL},
        {"\"audio\":{\"input\":{\"turn_detection\":{\"threshold\":1.5}}}", "invalid_value",
         "session.audio.input.turn_detection.threshold", NULL},
        {"\"audio\":{\"input\":{\"turn_detection\":{\"idle_timeout_ms\":4000}}}", "invalid_value",
         "session.audio.input.turn_detection.idle_timeout_ms", NULL},
        {"\"audio\":{\"input\":{\"turn_detection\":{\"silence_duration_ms\":200.5}}}", "invalid_type",
         "session.audio.input.turn_detection.silence_duration_ms", NULL},
        {"\"tools\":{}", "invalid_type", "session.tools", NULL},
        {"\"tools\":[{\"name\":\"f\"}]", "missing_required_parameter", "session.tools[0].type", NULL},
        {"\"tools\":[{\"type\":\"function\"}]", "missing_required_parameter", "session.tools[0].name", NULL},
        {"\"tools\":[{\"type\":\"function\",\"name\":\"f\"},{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]",
         "unknown_parameter", "session.tools[1].function", NULL},
        {"\"tools\":[{\"type\":\"function\",\"name\":\"two words\"}]", "invalid_value", "session.tools[0].name", NULL},
        {"\"tools\":[{\"type\":\"mcp\",\"server_url\":\"u\"}]", "missing_required_parameter",
         "session.tools[0].server_label", NULL},
        {"\"tool_choice\":\"maybe\"", "invalid_value", "session.tool_choice", NULL},
        {"\"tool_choice\":{\"type\":\"function\"}", "missing_required_parameter", "session.tool_choice.name", NULL},
        {"\"reasoning\":{\"effort\":\"huge\"}", "invalid_value", "session.reasoning.effort", NULL},
        {"\"truncation\":{\"type\":\"retention_ratio\",\"retention_ratio\":2}", "invalid_value",
         "session.truncation.retention_ratio", NULL},
        {"\"include\":[\"everything\"]", "invalid_value", "session.include[0]", NULL},
        {"\"prompt\":{}", "missing_required_parameter", "session.prompt.id", NULL},
        {"\"tracing\":\"on\"", "invalid_value", "session.tracing", NULL},
    };
    openai_server_put_session(&out, STR("e"), OPENAI_SESSION_UPDATED, &session);
    char *before = str_dup(buf_str(&out));
    assert_non_null(before);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct openai_server_error e;
        if (update(cases[i].members, &e) >= 0) {
            fail_msg("accepted %s", cases[i].members);
        }
        if (strcmp(e.code, cases[i].code) != 0 || strcmp(e.param, cases[i].param) != 0 ||
            (cases[i].message && strcmp(e.message, cases[i].message) != 0)) {
            fail_msg("%s: %s at %s: %s", cases[i].members, e.code, e.param, e.message);
        }
        assert_string_equal(e.type, "invalid_request_error");
        openai_server_put_session(&out, STR("e"), OPENAI_SESSION_UPDATED, &session);
        check(str_from(before));
    }
    free(before);
    struct openai_client_event ev;
    struct openai_server_error e;
    assert_ok(openai_server_decode(STR("{\"type\":\"session.update\",\"session\":{}}"), &scratch, &ev, &e));
    assert_err(openai_server_apply_update(&session, ev.session, &e), ERR_MISSING);
    assert_string_equal(e.code, "missing_required_parameter");
    assert_string_equal(e.message, "Missing required parameter: 'session.type'.");
    assert_string_equal(e.param, "session.type");
    assert_ok(openai_server_decode(STR("{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\"}}"),
                                   &scratch, &ev, &e));
    assert_err(openai_server_apply_update(&session, ev.session, &e), ERR_STATE);
}

TEST(updates_merge)
{
    updated("\"audio\":{\"input\":{\"turn_detection\":{\"threshold\":0.75}}}");
    assert_int_equal(session.turn_detection.type, OPENAI_VAD_SERVER);
    assert_true(session.turn_detection.threshold.v == 0.75);
    assert_int_equal(session.turn_detection.silence_duration_ms.v, 200);
    updated("\"audio\":{\"input\":{\"turn_detection\":{\"create_response\":false,\"type\":\"semantic_vad\"}}}");
    assert_int_equal(session.turn_detection.type, OPENAI_VAD_SEMANTIC);
    assert_int_equal(session.turn_detection.eagerness, OPENAI_EAGERNESS_AUTO);
    assert_int_equal(session.turn_detection.create_response, OPENAI_NO);
    assert_int_equal(session.turn_detection.interrupt_response, OPENAI_YES);
    updated("\"audio\":{\"input\":{\"turn_detection\":{\"interrupt_response\":false}}}");
    assert_int_equal(session.turn_detection.create_response, OPENAI_NO);
    updated("\"audio\":{\"input\":{\"turn_detection\":{\"type\":\"server_vad\",\"idle_timeout_ms\":6000}}}");
    assert_true(session.turn_detection.threshold.v == 0.5); /* the type's defaults again */
    assert_int_equal(session.turn_detection.create_response, OPENAI_YES);
    assert_false(session.turn_detection.idle_timeout_ms.null);
    updated("\"audio\":{\"input\":{\"turn_detection\":null}}");
    assert_int_equal(session.turn_detection.type, OPENAI_VAD_NONE);
    struct openai_server_error e;
    assert_err(update("\"audio\":{\"input\":{\"turn_detection\":{\"threshold\":0.5}}}", &e), ERR_MISSING);
    updated("\"instructions\":\"a \\\"b\\\" \\u00e9\",\"model\":\"something-else\",\"max_output_tokens\":77");
    assert_str_is(buf_str(&session.instructions), "a \"b\" \xC3\xA9");
    assert_string_equal(session.model, "gpt-realtime"); /* set at connect */
    assert_int_equal(session.max_output_tokens, 77);
    updated("\"instructions\":\"\",\"max_output_tokens\":\"inf\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"},"
            "{\"type\":\"function\",\"name\":\"g\",\"description\":\"d\",\"parameters\":{\"$schema\":\"x\"}}],"
            "\"tool_choice\":{\"type\":\"function\",\"name\":\"g\"}");
    assert_int_equal(session.instructions.len, 0);
    assert_int_equal(session.max_output_tokens, 0);
    assert_int_equal(openai_server_tool_count(&session), 2);
    assert_str_is(openai_server_tool_name(&session, 1), "g");
    assert_null(openai_server_tool_name(&session, 2).p);
    assert_str_is(buf_str(&session.tool_choice), "{\"type\":\"function\",\"name\":\"g\"}");
    updated("\"tools\":[],\"tracing\":\"auto\"");
    assert_int_equal(openai_server_tool_count(&session), 0);
    assert_str_is(buf_str(&session.tracing), "\"auto\"");
    updated("\"audio\":{\"input\":{\"transcription\":{\"model\":\"gpt-live-transcribe\",\"delay\":\"low\",\"keywords\":"
            "[\"a\"]}}}");
    assert_true(session.transcription);
    assert_str_is(buf_str(&session.transcription_extra), "\"delay\":\"low\",\"keywords\":[\"a\"]");
    updated("\"audio\":{\"input\":{\"transcription\":null}}");
    assert_false(session.transcription);
}

TEST(the_voice_is_fixed_once_it_was_heard)
{
    struct openai_server_error e;
    updated("\"audio\":{\"output\":{\"voice\":\"cedar\"}}");
    session.voice_locked = true;
    updated("\"audio\":{\"output\":{\"voice\":\"cedar\",\"speed\":1.25}}");
    assert_err(update("\"audio\":{\"output\":{\"voice\":\"marin\"}}", &e), ERR_STATE);
    assert_string_equal(e.code, "cannot_update_voice");
    assert_err(update("\"audio\":{\"output\":{\"voice\":{\"id\":\"cedar\"}}}", &e), ERR_STATE);
    assert_string_equal(session.voice, "cedar");
}

TEST(what_the_official_agents_client_sends_is_accepted)
{
    /* Its defaults, its tool schema, a tracing update, a hand-over. */
    updated("\"instructions\":\"Be nice.\",\"model\":\"gpt-realtime\",\"output_modalities\":[\"audio\"],\"audio\":{"
            "\"input\":{\"format\":{\"type\":\"audio/pcm\",\"rate\":24000},\"noise_reduction\":null,\"transcription\":{"
            "\"model\":\"gpt-4o-mini-transcribe\"},\"turn_detection\":{\"type\":\"semantic_vad\"}},\"output\":{"
            "\"format\":{\"type\":\"audio/pcm\",\"rate\":24000},\"speed\":1}},\"tools\":[{\"type\":\"function\","
            "\"name\":\"get_weather\",\"description\":\"Weather\",\"parameters\":{\"$schema\":\"http://json-schema.org/"
            "draft-07/schema#\",\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":["
            "\"city\"],\"additionalProperties\":false}}]");
    updated("\"tracing\":\"auto\"");
    updated("\"instructions\":\"You are billing.\",\"tools\":[{\"type\":\"function\",\"name\":\"transfer_to_Sales\","
            "\"description\":\"Handoff\",\"parameters\":{\"type\":\"object\",\"properties\":{},\"required\":[],"
            "\"additionalProperties\":false}}]");
    assert_str_is(openai_server_tool_name(&session, 0), "transfer_to_Sales");
    assert_int_equal(session.turn_detection.type, OPENAI_VAD_SEMANTIC);
}

TEST(a_transcription_session_has_no_responses)
{
    struct openai_client_event ev;
    struct openai_server_error e;
    session.transcription_only = true;
    assert_ok(
        openai_server_decode(STR("{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\",\"audio\":{"
                                 "\"input\":{\"turn_detection\":{\"type\":\"server_vad\",\"threshold\":0.4}}}}}"),
                             &scratch, &ev, &e));
    assert_ok(openai_server_apply_update(&session, ev.session, &e));
    openai_server_put_session(&out, STR("e1"), OPENAI_SESSION_UPDATED, &session);
    check(STR("{\"type\":\"session.updated\",\"event_id\":\"e1\",\"session\":{\"type\":\"transcription\",\"object\":"
              "\"realtime.transcription_session\",\"id\":\"sess_1\",\"expires_at\":1756324625,\"audio\":{\"input\":{"
              "\"format\":{\"type\":\"audio/pcm\",\"rate\":24000},\"transcription\":null,\"noise_reduction\":null,"
              "\"turn_detection\":{\"type\":\"server_vad\",\"threshold\":0.4,\"prefix_padding_ms\":300,"
              "\"silence_duration_ms\":200}}},\"include\":null}}"));
    assert_ok(openai_server_decode(STR("{\"type\":\"session.update\",\"session\":{\"type\":\"transcription\","
                                       "\"instructions\":\"x\"}}"),
                                   &scratch, &ev, &e));
    assert_err(openai_server_apply_update(&session, ev.session, &e), ERR_TYPE);
    assert_string_equal(e.code, "unknown_parameter");
}

/* One pixel. */
#define PNG                                                                                                            \
    "data:image/"                                                                                                      \
    "png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJgg"         \
    "g=="
#define IMAGE(url)                                                                                                     \
    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\",\"content\":[{"           \
    "\"type\":\"input_image\",\"image_url\":\"" url "\"}]}}"
#define PROMPT(text) "{\"type\":\"response.create\",\"response\":{\"prompt\":" text "}}"

TEST(refused_events_say_why)
{
    static const struct {
        const char *text, *code, *param;
    } cases[] = {
        {"", "invalid_json", ""},
        {"hello", "invalid_json", ""},
        {"{\"type\":\"response.create\"", "invalid_json", ""},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"AA==\",}", "invalid_json", ""},
        {"[]", "invalid_json", ""},
        {"{}", "invalid_event", ""},
        {"{\"type\":7}", "invalid_event", ""},
        {"{\"type\":\"session.destroy\"}", "invalid_value", "type"},
        {"{\"type\":\"conversation.item.created\"}", "invalid_value", "type"},
        {"{\"type\":\"input_audio_buffer.append\"}", "missing_required_parameter", "audio"},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":5}", "invalid_type", "audio"},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"\",\"rate\":1}", "unknown_parameter", "rate"},
        {"{\"type\":\"input_audio_buffer.commit\",\"final\":true}", "unknown_parameter", "final"},
        {"{\"type\":\"session.update\"}", "missing_required_parameter", "session"},
        {"{\"type\":\"session.update\",\"session\":[]}", "invalid_type", "session"},
        {"{\"type\":\"conversation.item.truncate\",\"item_id\":\"i\",\"content_index\":0}",
         "missing_required_parameter", "audio_end_ms"},
        {"{\"type\":\"conversation.item.truncate\",\"item_id\":\"i\",\"content_index\":1,\"audio_end_ms\":5}",
         "invalid_value", "content_index"},
        {"{\"type\":\"conversation.item.truncate\",\"item_id\":\"i\",\"content_index\":0,\"audio_end_ms\":-5}",
         "invalid_value", "audio_end_ms"},
        {"{\"type\":\"conversation.item.truncate\",\"item_id\":\"i\",\"content_index\":0,\"audio_end_ms\":5.5}",
         "invalid_type", "audio_end_ms"},
        {"{\"type\":\"conversation.item.delete\"}", "missing_required_parameter", "item_id"},
        {"{\"type\":\"conversation.item.create\"}", "missing_required_parameter", "item"},
        {"{\"type\":\"conversation.item.create\",\"item\":{}}", "missing_required_parameter", "item.type"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"item_reference\",\"id\":\"x\"}}", "invalid_value",
         "item.type"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\"}}",
         "missing_required_parameter", "item.content"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"bot\",\"content\":[]}}",
         "invalid_value", "item.role"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
         "\"type\":\"output_text\",\"text\":\"x\"}]}}",
         "invalid_value", "item.content[0].type"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
         "\"type\":\"text\",\"text\":\"x\"}]}}",
         "invalid_value", "item.content[0].type"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{"
         "\"type\":\"output_audio\",\"transcript\":\"x\"}]}}",
         "missing_required_parameter", "item.content[0].text"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
         "\"type\":\"input_text\",\"text\":\"a\"},{\"type\":\"input_text\"}]}}",
         "missing_required_parameter", "item.content[1].text"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\",\"output\":\"x\"}}",
         "missing_required_parameter", "item.call_id"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\",\"call_id\":\"c\","
         "\"output\":{}}}",
         "invalid_type", "item.output"},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"id\":\"123456789012345678901234567890123\",\"type\":"
         "\"function_call_output\",\"call_id\":\"c\",\"output\":\"\"}}",
         "string_above_max_length", "item.id"},
        {"{\"type\":\"response.create\",\"response\":{\"modalities\":[\"audio\"]}}", "unknown_parameter",
         "response.modalities"},
        {"{\"type\":\"response.create\",\"response\":{\"voice\":\"alloy\"}}", "unknown_parameter", "response.voice"},
        {"{\"type\":\"response.create\",\"response\":{\"audio\":{\"output\":{\"speed\":1}}}}", "unknown_parameter",
         "response.audio.output.speed"},
        {"{\"type\":\"response.create\",\"response\":{\"conversation\":\"other\"}}", "invalid_value",
         "response.conversation"},
        {"{\"type\":\"response.create\",\"response\":{\"metadata\":{\"a\":1}}}", "invalid_type", "response.metadata.a"},
        {"{\"type\":\"response.create\",\"response\":{\"input\":[{\"type\":\"item_reference\"}]}}",
         "missing_required_parameter", "response.input[0].id"},
        {IMAGE("https://example.com/a.png"), "invalid_value", "item.content[0].image_url"},
        {IMAGE("data:image/gif;base64,R0lGODlh"), "invalid_value", "item.content[0].image_url"},
        {IMAGE("data:image/png;base64,%%%%"), "invalid_value", "item.content[0].image_url"},
        {IMAGE("data:image/png;base64,aGVsbG8="), "invalid_value", "item.content[0].image_url"},
        {PROMPT("\"pmpt_1\""), "invalid_type", "response.prompt"},
        {PROMPT("{}"), "missing_required_parameter", "response.prompt.id"},
        {PROMPT("{\"id\":null}"), "invalid_type", "response.prompt.id"},
        {PROMPT("{\"id\":\"pmpt_1\",\"name\":\"x\"}"), "unknown_parameter", "response.prompt.name"},
        {PROMPT("{\"id\":\"pmpt_1\",\"version\":2}"), "invalid_type", "response.prompt.version"},
        {PROMPT("{\"id\":\"pmpt_1\",\"variables\":[]}"), "invalid_type", "response.prompt.variables"},
        {PROMPT("{\"id\":\"pmpt_1\",\"variables\":{\"who\":1}}"), "invalid_type", "response.prompt.variables.who"},
        {PROMPT("{\"id\":\"pmpt_1\",\"variables\":{\"who\":{\"type\":\"text\"}}}"), "invalid_value",
         "response.prompt.variables.who.type"},
        {"{\"type\":\"response.cancel\",\"response_id\":5}", "invalid_type", "response_id"},
        {"{\"type\":\"response.cancel\",\"event_id\":5}", "invalid_type", "event_id"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct openai_client_event ev;
        struct openai_server_error e = {0};
        if (openai_server_decode(str_from(cases[i].text), &scratch, &ev, &e) >= 0) {
            fail_msg("accepted %s", cases[i].text);
        }
        if (strcmp(e.code, cases[i].code) != 0 || strcmp(e.param, cases[i].param) != 0) {
            fail_msg("%s: %s at %s: %s", cases[i].text, e.code, e.param, e.message);
        }
        assert_true(e.message[0] != 0);
    }
    /* The event's own id is known even when it is refused. */
    struct openai_client_event ev;
    struct openai_server_error e;
    assert_true(openai_server_decode(STR("{\"event_id\":\"gw_9\",\"type\":\"nonsense\"}"), &scratch, &ev, &e) < 0);
    assert_str_is(ev.event_id, "gw_9");
    assert_true(
        str_search(str_from(e.message), STR("Invalid value: 'nonsense'. Supported values are: 'session.update'")) == 0);
    openai_server_put_error(&out, STR("event_1"), &e, ev.event_id);
    struct openai_event back;
    assert_ok(openai_decode(buf_str(&out), &scratch, &back, NULL));
    assert_str_is(back.error.event_id, "gw_9");
    assert_str_is(back.error.param, "type");
}

static struct openai_client_event accepted(const char *text)
{
    struct openai_client_event ev;
    struct openai_server_error e = {0};
    if (openai_server_decode(str_from(text), &scratch, &ev, &e) < 0) {
        fail_msg("%s: %s", text, e.message);
    }
    return ev;
}

TEST(accepted_events_carry_their_values)
{
    struct openai_client_event ev =
        accepted("{\"type\":\"conversation.item.create\",\"item\":{\"id\":\"i\\u0031\",\"type\":\"message\",\"role\":"
                 "\"user\",\"status\":\"completed\",\"object\":\"realtime.item\",\"content\":[{\"type\":\"input_text\","
                 "\"text\":\"a \\\"q\\\"\"},{\"type\":\"input_image\",\"image_url\":\"" PNG "\",\"detail\":\"low\"},{"
                 "\"type\":\"input_audio\",\"audio\":\"AAAA\",\"transcript\":null}]},\"previous_item_id\":\"ro\\u006ft"
                 "\",\"event_id\":\"e\\n\"}");
    assert_int_equal(ev.type, OPENAI_CLIENT_ITEM_CREATE);
    assert_true(ev.create.has_previous);
    assert_str_is(ev.create.previous_item_id, "root");
    assert_str_is(ev.create.item.id, "i1");
    assert_str_is(ev.create.item.text, "a \"q\"");
    assert_str_is(ev.event_id, "e\n");
    struct openai_part part;
    struct json_it it = json_array(ev.create.item.content);
    assert_true(openai_part_next(&it, &scratch, &part));
    assert_int_equal(part.type, OPENAI_PART_INPUT_TEXT);
    assert_str_is(part.text, "a \"q\"");
    assert_true(openai_part_next(&it, &scratch, &part));
    assert_str_is(part.image_url, PNG);
    assert_int_equal(part.detail, PICTURE_LOW);
    assert_true(openai_part_next(&it, &scratch, &part));
    assert_int_equal(part.type, OPENAI_PART_INPUT_AUDIO);
    assert_str_is(part.audio, "AAAA");
    assert_false(part.has_text);
    assert_false(openai_part_next(&it, &scratch, &part));
    assert_str_is(ev.create.item.id, "i1"); /* nothing moved meanwhile */
    ev = accepted("{\"type\":\"response.create\",\"event_id\":\"agents_js_response_create_1\"}");
    assert_false(ev.response.out_of_band);
    ev =
        accepted("{\"type\":\"response.create\",\"response\":{\"conversation\":\"none\",\"metadata\":{\"topic\":\"x\"},"
                 "\"output_modalities\":[\"text\"],\"instructions\":\"say \\\"x\\\"\",\"max_output_tokens\":\"inf\","
                 "\"tool_choice\":\"none\",\"tools\":[],\"audio\":{\"output\":{\"voice\":\"cedar\",\"format\":{"
                 "\"type\":\"audio/pcma\"}}},\"input\":[{\"type\":\"item_reference\",\"id\":\"i1\"},{\"type\":"
                 "\"message\",\"role\":\"system\",\"content\":[{\"type\":\"input_text\",\"text\":\"\\u00e9\"}]}]}}");
    assert_true(ev.response.out_of_band);
    assert_str_is(ev.response.metadata_raw, "{\"topic\":\"x\"}");
    assert_int_equal(ev.response.output_modality, OPENAI_MODALITY_TEXT);
    assert_str_is(ev.response.instructions, "say \"x\"");
    assert_true(ev.response.max_output_tokens.set && ev.response.max_output_tokens.v == 0);
    assert_str_is(ev.response.tool_choice, "\"none\"");
    assert_str_is(ev.response.tools_raw, "[]");
    assert_str_is(ev.response.voice, "cedar");
    assert_int_equal(ev.response.output_format, OPENAI_FORMAT_PCMA);
    assert_true(ev.response.has_input);
    it = json_array(ev.response.input);
    struct openai_item item;
    assert_true(openai_item_next(&it, &scratch, &item));
    assert_int_equal(item.type, OPENAI_ITEM_REFERENCE);
    assert_true(openai_item_next(&it, &scratch, &item));
    assert_str_is(item.text, "\xC3\xA9");
    assert_str_is(ev.response.instructions, "say \"x\"");
    accepted(PROMPT("{\"id\":\"pmpt_1\",\"version\":null,\"variables\":{\"a\":\"b\",\"c\":{\"type\":\"input_text\","
                    "\"text\":\"d\"}}}"));
    ev = accepted("{\"type\":\"response.cancel\"}");
    assert_null(ev.response_id.p);
    ev = accepted("{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"mcp_approval_response\",\"id\":\"i\","
                  "\"approval_request_id\":\"Q\",\"approve\":true,\"reason\":null}}");
    assert_str_is(ev.create.approval_request_id, "Q");
    assert_true(ev.create.approve);
}

TEST(the_clients_writers_please_the_strict_server)
{
    struct openai_session s = {.model = STR("m"),
                               .instructions = STR("\"\n"),
                               .output_modality = OPENAI_MODALITY_AUDIO,
                               .input_format = OPENAI_FORMAT_PCMA,
                               .output_format = OPENAI_FORMAT_PCM24K,
                               .transcription = {.on = OPENAI_YES, .model = STR("whisper-1"), .language = STR("en")},
                               .noise_reduction = OPENAI_NOISE_NEAR,
                               .turn_detection = {.type = OPENAI_VAD_SEMANTIC,
                                                  .threshold = OPENAI_F64(0.5),
                                                  .idle_timeout_ms = OPENAI_I64(1),
                                                  .eagerness = OPENAI_EAGERNESS_HIGH,
                                                  .create_response = OPENAI_NO},
                               .voice = STR("sage"),
                               .speed = OPENAI_F64(0.25),
                               .tools_raw = STR("[]"),
                               .tool_choice = STR("required"),
                               .max_output_tokens = OPENAI_I64(4096),
                               .reasoning_effort = OPENAI_EFFORT_LOW,
                               .tracing_raw = STR("null"),
                               .truncation_raw = STR("\"auto\"")};
    struct openai_client_event ev;
    struct openai_server_error e;
    openai_put_session_update(&out, STR("gw_1"), &s);
    assert_ok(openai_server_decode(buf_str(&out), &scratch, &ev, &e));
    assert_ok(openai_server_apply_update(&session, ev.session, &e));
    buf_clear(&out);
    openai_server_put_session(&out, STR("e"), OPENAI_SESSION_UPDATED, &session);
    struct openai_event back;
    assert_ok(openai_decode(buf_str(&out), &scratch, &back, NULL));
    assert_int_equal(back.session.input_format, OPENAI_FORMAT_PCMA);
    assert_int_equal(back.session.output_format, OPENAI_FORMAT_PCM24K);
    assert_str_is(back.session.voice, "sage");
    assert_int_equal(back.session.turn_detection.create_response, OPENAI_NO);
    assert_int_equal(back.session.turn_detection.eagerness, OPENAI_EAGERNESS_HIGH);
    for (int kind = OPENAI_PUT_USER; kind <= OPENAI_PUT_FUNCTION_OUTPUT; kind++) {
        struct openai_put_item item = {
            .kind = (enum openai_put_item_kind)kind, .id = STR("x"), .call_id = STR("c"), .text = STR("t\t")};
        buf_clear(&out);
        openai_put_item_create(&out, STR("e"), &item);
        assert_ok(openai_server_decode(buf_str(&out), &scratch, &ev, &e));
    }
    struct openai_put_response r = {.instructions = STR("x"),
                                    .output_modality = OPENAI_MODALITY_TEXT,
                                    .tool_choice = STR("auto"),
                                    .out_of_band = true,
                                    .max_output_tokens = OPENAI_I64(-1),
                                    .metadata_raw = STR("{}"),
                                    .input_raw = STR("[]")};
    buf_clear(&out);
    openai_put_response_create(&out, STR("e"), &r);
    assert_ok(openai_server_decode(buf_str(&out), &scratch, &ev, &e));
}

TEST(retrieved_items_carry_their_audio)
{
    struct openai_part part = {
        .type = OPENAI_PART_OUTPUT_AUDIO, .has_text = true, .text = STR("hi"), .audio = STR("AAAA")};
    struct openai_server_item item = {.type = OPENAI_ITEM_MESSAGE,
                                      .id = STR("i"),
                                      .status = OPENAI_STATUS_COMPLETED,
                                      .role = OPENAI_ROLE_ASSISTANT,
                                      .parts = &part,
                                      .n_parts = 1};
    openai_server_put_item(&out, STR("e"), OPENAI_ITEM_RETRIEVED, STR_NULL, &item);
    check(STR("{\"type\":\"conversation.item.retrieved\",\"event_id\":\"e\",\"item\":{\"id\":\"i\",\"object\":"
              "\"realtime.item\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{"
              "\"type\":\"audio\",\"audio\":\"AAAA\",\"format\":\"pcm16\",\"transcript\":\"hi\"}]}}"));
    struct openai_server_error e;
    openai_server_error_set(&e, "audio_unintelligible", NULL, "%s", "m");
    e.type = "transcription_error";
    openai_server_put_heard_failed(&out, STR("e"), STR("u"), &e);
    check(STR("{\"type\":\"conversation.item.input_audio_transcription.failed\",\"event_id\":\"e\",\"item_id\":\"u\","
              "\"content_index\":0,\"error\":{\"type\":\"transcription_error\",\"code\":\"audio_unintelligible\","
              "\"message\":\"m\"}}"));
    struct openai_usage usage = {.seconds = 3};
    openai_server_put_heard(&out, STR("e"), STR("u"), STR("t"), &usage);
    check(STR("{\"type\":\"conversation.item.input_audio_transcription.completed\",\"event_id\":\"e\",\"item_id\":"
              "\"u\",\"content_index\":0,\"transcript\":\"t\",\"usage\":{\"type\":\"duration\",\"seconds\":3}}"));
    struct openai_server_response r = {.id = STR("r"), .status = OPENAI_STATUS_FAILED, .error = &e, .voice = STR("v")};
    openai_server_put_response(&out, STR("e"), OPENAI_RESPONSE_DONE, &r);
    struct openai_event back;
    assert_ok(openai_decode(buf_str(&out), &scratch, &back, NULL));
    assert_int_equal(back.response.status, OPENAI_STATUS_FAILED);
    assert_str_is(back.response.error.code, "audio_unintelligible");
}

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(the_writers_reproduce_the_trace_byte_for_byte),
    U(the_trace_session_is_merged_and_echoed),
    U(every_client_line_of_the_trace_is_accepted),
    U(refused_updates_say_why_and_change_nothing),
    U(updates_merge),
    U(the_voice_is_fixed_once_it_was_heard),
    U(what_the_official_agents_client_sends_is_accepted),
    U(a_transcription_session_has_no_responses),
    U(refused_events_say_why),
    U(accepted_events_carry_their_values),
    U(the_clients_writers_please_the_strict_server),
    U(retrieved_items_carry_their_audio),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
