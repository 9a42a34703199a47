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
    buf_clear(&out, 0);
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
    buf_clear(&session.instructions, 0);
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

#define U(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    U(the_writers_reproduce_the_trace_byte_for_byte),
    U(the_trace_session_is_merged_and_echoed),
    U(every_client_line_of_the_trace_is_accepted),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
