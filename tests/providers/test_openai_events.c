/* An established session of the OpenAI provider: events, actions, ends, and services that misbehave. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "fakes/wait.h"
#include "providers/openai_bench.h"
#include "test.h"

/* ---- events ---- */

TEST(a_turn_with_an_audio_reply_becomes_the_calls_events)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    static const char *const said[] = {
        "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":420,\"item_id\":\"u1\"}",
        "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":2180,\"item_id\":\"u1\"}",
        "{\"type\":\"input_audio_buffer.committed\",\"previous_item_id\":null,\"item_id\":\"u1\"}",
        "{\"type\":\"conversation.item.added\",\"item\":{\"id\":\"u1\",\"type\":\"message\",\"role\":\"user\","
        "\"content\":[{\"type\":\"input_audio\",\"transcript\":null}]}}",
        "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\",\"status\":\"in_progress\",\"output\":[]}}",
        "{\"type\":\"response.output_item.added\",\"response_id\":\"r1\",\"output_index\":0,\"item\":{\"id\":\"a1\","
        "\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}}",
        DELTA("response.output_audio_transcript.delta", "a1", "Hi \\u00e9"),
        DELTA("response.output_audio.delta", "a1", "AQID"),
        DELTA("response.audio.delta", "a1", "BA=="),
        "{\"type\":\"response.output_audio.done\",\"response_id\":\"r1\",\"item_id\":\"a1\"}",
        "{\"type\":\"response.output_audio_transcript.done\",\"response_id\":\"r1\",\"item_id\":\"a1\","
        "\"transcript\":\"Hi there\"}",
        "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_id\":\"u1\",\"transcript\":"
        "\"Hello.\",\"usage\":{\"type\":\"duration\",\"seconds\":3}}",
        "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"completed\",\"output\":[],\"usage\":{"
        "\"total_tokens\":253,\"input_tokens\":132,\"output_tokens\":121,\"input_token_details\":{\"text_tokens\":119,"
        "\"audio_tokens\":13,\"cached_tokens\":64,\"cached_tokens_details\":{\"text_tokens\":60,\"audio_tokens\":4}},"
        "\"output_token_details\":{\"text_tokens\":30,\"audio_tokens\":91}}}}",
        "{\"type\":\"rate_limits.updated\",\"rate_limits\":[{\"name\":\"tokens\",\"limit\":1,\"remaining\":1,"
        "\"reset_seconds\":2.2}]}",
        "{\"type\":\"conversation.item.input_audio_transcription.failed\",\"item_id\":\"u2\",\"error\":{\"code\":"
        "\"audio_unintelligible\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        fake_openai_say(&t.f, said[i]);
    }
    wait_line(&t, "user u2");
    assert_log(&t, "model.speech-started u1 at=420\n"
                   "model.speech-stopped u1 at=2180\n"
                   "model.committed u1 at=0\n"
                   "created r1\n"
                   "item r1 a1\n"
                   "model.text-delta a1 [Hi \xc3\xa9]\n"
                   "audio r1 a1 3\n"
                   "audio r1 a1 1\n"
                   "audio-done r1 a1\n"
                   "model.text-done a1 [Hi there]\n"
                   "user u1 failed=0 [Hello.]\n"
                   "done r1 status=0 reason= in=119/13 cached=60/4 out=30/91\n"
                   "user u2 failed=1 []\n");
    assert_memory_equal(buf_ptr(&t.audio), "\1\2\3\4", 4);
    bench_done(&t);
}

TEST(linear_samples_split_between_deltas_are_put_together)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = FAKE_UPDATED_WITH(FAKE_PCM, FAKE_PCM, FAKE_TURNS);
    bench_ready(&t);
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "AQID"));
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "BA=="));
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "BQ=="));
    fake_openai_say(&t.f, "{\"type\":\"response.output_audio.done\",\"response_id\":\"r1\",\"item_id\":\"a1\"}");
    wait_line(&t, "audio-done");
    assert_log(&t, "audio r1 a1 2\naudio r1 a1 2\naudio-done r1 a1\n");
    assert_memory_equal(buf_ptr(&t.audio), "\1\2\3\4", 4);
    bench_done(&t);
}

#define CALL_ITEM(id, call, args, status)                                                                              \
    "{\"id\":\"" id "\",\"type\":\"function_call\",\"status\":\"" status "\",\"name\":\"check\",\"call_id\":\"" call   \
    "\",\"arguments\":\"" args "\"}"
#define ITEM_EVENT(type, item) "{\"type\":\"response.output_item." type "\",\"response_id\":\"r1\",\"item\":" item "}"
#define ARGUMENTS_DONE(id, call)                                                                                       \
    "{\"type\":\"response.function_call_arguments.done\",\"response_id\":\"r1\",\"item_id\":\"" id                     \
    "\",\"call_id\":\"" call "\",\"arguments\":\"{\\\"n\\\":1}\"}"
#define RESPONSE_DONE(status, output)                                                                                  \
    "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"" status "\",\"output\":[" output "]}}"

TEST(a_tool_call_is_told_once_however_often_the_service_tells_it)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ITEM_EVENT("added", CALL_ITEM("f1", "c1", "", "in_progress")));
    fake_openai_say(&t.f, ARGUMENTS_DONE("f1", "c1"));
    fake_openai_say(&t.f, ITEM_EVENT("done", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "completed")));
    fake_openai_say(&t.f, ITEM_EVENT("done", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "completed")));
    fake_openai_say(&t.f, RESPONSE_DONE("completed", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "completed")));
    wait_line(&t, "done r1");
    assert_log(&t, "item r1 f1\n"
                   "tool r1 c1 check [{\"n\":1}]\n"
                   "done r1 status=0 reason= in=0/0 cached=0/0 out=0/0\n");
    bench_done(&t);
}

TEST(arguments_alone_are_a_tool_call_when_the_response_ends_well)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ITEM_EVENT("added", CALL_ITEM("f1", "c1", "", "in_progress")));
    fake_openai_say(&t.f, ARGUMENTS_DONE("f1", "c1"));
    fake_openai_say(&t.f, RESPONSE_DONE("completed", ""));
    fake_openai_say(&t.f, ITEM_EVENT("done", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "completed")));
    wait_line(&t, "done r1");
    settle(t.f.loop);
    assert_log(&t, "item r1 f1\n"
                   "tool r1 c1 check [{\"n\":1}]\n"
                   "done r1 status=0 reason= in=0/0 cached=0/0 out=0/0\n");
    bench_done(&t);
}

TEST(a_tool_call_that_was_cut_off_is_none)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ITEM_EVENT("added", CALL_ITEM("f1", "c1", "", "in_progress")));
    fake_openai_say(&t.f, ARGUMENTS_DONE("f1", "c1"));
    fake_openai_say(&t.f, ITEM_EVENT("done", CALL_ITEM("f1", "c1", "{\\\"n\\\":1}", "incomplete")));
    fake_openai_say(&t.f, "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"cancelled\","
                          "\"status_details\":{\"type\":\"cancelled\",\"reason\":\"turn_detected\"},\"output\":[]}}");
    wait_line(&t, "done r1");
    assert_log(&t, "item r1 f1\ndone r1 status=1 reason=turn_detected in=0/0 cached=0/0 out=0/0\n");
    bench_done(&t);
}

TEST(responses_that_fail_tell_their_code)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"failed\","
                          "\"status_details\":{\"type\":\"failed\",\"error\":{\"type\":\"x\",\"code\":"
                          "\"rate_limit_exceeded\",\"message\":\"slow down\"}}}}");
    fake_openai_say(&t.f, "{\"type\":\"response.done\",\"response\":{\"id\":\"r2\",\"status\":\"incomplete\","
                          "\"status_details\":{\"type\":\"incomplete\",\"reason\":\"max_output_tokens\"},"
                          "\"usage\":{\"input_tokens\":10,\"output_tokens\":5}}}");
    wait_line(&t, "done r2");
    assert_log(&t, "done r1 status=3 reason=rate_limit_exceeded in=0/0 cached=0/0 out=0/0\n"
                   "done r2 status=2 reason=max_output_tokens in=10/0 cached=0/0 out=5/0\n");
    bench_done(&t);
}

/* A picture in a message: the service counts it apart, and so it would be in no figure and cost nothing. */
TEST(pictures_count_as_text)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"status\":\"completed\",\"usage\":{"
                          "\"total_tokens\":920,\"input_tokens\":900,\"output_tokens\":20,\"input_token_details\":{"
                          "\"text_tokens\":100,\"audio_tokens\":35,\"image_tokens\":765,\"cached_tokens\":820,"
                          "\"cached_tokens_details\":{\"text_tokens\":50,\"audio_tokens\":5,\"image_tokens\":765}},"
                          "\"output_token_details\":{\"text_tokens\":2,\"audio_tokens\":18}}}}");
    wait_line(&t, "done r1");
    assert_log(&t, "done r1 status=0 reason= in=865/35 cached=815/5 out=2/18\n");
    bench_done(&t);
}

TEST(errors_name_the_request_that_failed)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ERROR_EVENT("response_cancel_not_active", "null", "no", "\"rt_41\""));
    fake_openai_say(&t.f, ERROR_EVENT("invalid_value", "\"item\"", "no", "\"somebody_else_7\""));
    fake_openai_say(&t.f, ERROR_EVENT("server_error", "null", "no", "null"));
    wait_line(&t, "server_error");
    assert_log(&t, "error code=response_cancel_not_active param= request=41\n"
                   "error code=invalid_value param=item request=0\n"
                   "error code=server_error param= request=0\n");
    bench_done(&t);
}

/* ---- actions ---- */

TEST(each_action_is_one_message)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    buf_clear(&t.f.got);
    struct call_action acts[] = {
        {.type = ACT_MODEL_APPEND, .model_append = {.audio = span_from("\xff\xff\xff\xff", 4)}},
        {.type = ACT_MODEL_COMMIT},
        {.type = ACT_MODEL_CLEAR_INPUT},
        {.type = ACT_MODEL_RESPOND, .model_respond = {.request = 1}},
        {.type = ACT_MODEL_RESPOND,
         .model_respond = {.request = 2, .instructions = STR("Say exactly: \"Bye.\""), .no_tools = true}},
        {.type = ACT_MODEL_CANCEL, .model_cancel = {.request = 3}},
        {.type = ACT_MODEL_CANCEL, .model_cancel = {.request = 4, .response_id = STR("r1")}},
        {.type = ACT_MODEL_TRUNCATE, .model_truncate = {.request = 5, .item_id = STR("a1"), .heard_ms = 640}},
        {.type = ACT_MODEL_TOOL_OUTPUT,
         .model_tool_output = {.request = 6, .tool_call_id = STR("c1"), .output = STR("{\"ok\":true}")}},
        {.type = ACT_MODEL_USER_TEXT, .model_user_text = {.text = STR("Hello \"you\"")}},
    };
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        assert_ok(model_perform(t.model, &acts[i]));
    }
    assert_err(model_perform(t.model, &(struct call_action){.type = ACT_LEG_CLEAR}), EINVAL);
    settle(t.f.loop);
    static const char *const want[] = {
        "{\"type\":\"input_audio_buffer.append\",\"audio\":\"/////w==\"}",
        "{\"type\":\"input_audio_buffer.commit\"}",
        "{\"type\":\"input_audio_buffer.clear\"}",
        "{\"type\":\"response.create\",\"event_id\":\"rt_1\"}",
        "\"event_id\":\"rt_2\",\"response\":{\"instructions\":\"Say exactly: \\\"Bye.\\\"\",\"tool_choice\":\"none\"}}",
        "{\"type\":\"response.cancel\",\"event_id\":\"rt_3\"}",
        "\"event_id\":\"rt_4\",\"response_id\":\"r1\"",
        "\"event_id\":\"rt_5\",\"item_id\":\"a1\",\"content_index\":0,\"audio_end_ms\":640",
        "\"event_id\":\"rt_6\",\"item\":{\"type\":\"function_call_output\"",
        "\"content\":[{\"type\":\"input_text\",\"text\":\"Hello \\\"you\\\"\"}]",
    };
    struct str rest = buf_str(&t.f.got);
    struct str line;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(str_split(&rest, '\n', &line));
        struct json_val v;
        assert_ok(json_parse(line, &v));
        assert_has(line, want[i]);
    }
    assert_int_equal(rest.n, 0);
    bench_done(&t);
}

TEST(nothing_is_sent_before_the_settings_are_confirmed)
{
    struct bench t;
    bench_init(&t);
    t.f.on_update = NULL;
    bench_open(&t);
    settle(t.f.loop);
    struct call_action act = {.type = ACT_MODEL_APPEND, .model_append = {.audio = span_from("\xff", 1)}};
    assert_err(model_perform(t.model, &act), ERR_STATE);
    settle(t.f.loop);
    assert_has_not(buf_str(&t.f.got), "append");
    bench_done(&t);
}

/* ---- ends ---- */

TEST(a_close_in_mid_call_tells_the_error_that_came_before_it)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}");
    fake_openai_say(&t.f, ERROR_EVENT("session_expired", "null", "Your session hit the maximum duration.", "null"));
    ws_close(t.f.ws, 1001, STR("Your session hit the maximum duration."));
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "created r1\n"
                   "error code=session_expired param= request=0\n"
                   "failed err=closed code=session_expired ready=1 message=Your session hit the maximum duration.\n");
    bench_done(&t);
}

TEST(an_old_error_does_not_explain_a_later_close)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    fake_openai_say(&t.f, ERROR_EVENT("response_cancel_not_active", "null", "no", "\"rt_1\""));
    fake_openai_say(&t.f, "{\"type\":\"response.created\",\"response\":{\"id\":\"r1\"}}");
    ws_close(t.f.ws, 1011, STR("internal trouble"));
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=closed code=ws-1011 ready=1 message=internal trouble\n");
    bench_done(&t);
}

TEST(a_lost_connection_is_told_without_a_code)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    ws_abort(t.f.ws, -ECANCELED);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=");
    assert_has(buf_str(&t.log), "code= ready=1");
    bench_done(&t);
}

TEST(a_session_closed_by_its_host_says_nothing_more)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    model_close(t.model);
    model_close(t.model);
    struct call_action act = {.type = ACT_MODEL_COMMIT};
    assert_err(model_perform(t.model, &act), ERR_CLOSED);
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "AQID"));
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "");
    assert_int_equal(t.f.close_code, 1000);
    bench_done(&t);
}

TEST(a_session_may_be_closed_in_its_own_event_and_while_connecting)
{
    struct bench t;
    bench_init(&t);
    t.close_on_ready = true;
    bench_open(&t);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "ready ");
    assert_has_not(buf_str(&t.log), "failed");
    t.gone = false;
    buf_clear(&t.log);
    bench_open(&t);
    model_close(t.model);
    wait_until(t.f.loop, is_gone, &t);
    assert_log(&t, "");
    bench_done(&t);
}

/* ---- hostile services ---- */

TEST(garbage_is_counted_and_survived)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    static const char *const said[] = {
        "",
        "nonsense",
        "[]",
        "{\"type\":5}",
        "{\"no\":\"type\"}",
        "{\"type\":\"response.done\"}",
        "{\"type\":\"response.created\",\"response\":7}",
        "{\"type\":\"never.heard.of\",\"x\":{\"y\":[1,2,3]}}",
        DELTA("response.output_audio.delta", "a1", "***"),
        "{\"type\":\"response.output_audio.delta\",\"response_id\":\"r1\",\"item_id\":\"a1\"}",
        "{\"type\":\"response.output_item.done\",\"response_id\":\"r1\",\"item\":{\"type\":\"function_call\","
        "\"status\":\"completed\",\"arguments\":\"{}\"}}",
        DELTA("response.output_audio.delta", "a1", "AQID"),
    };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        fake_openai_say(&t.f, said[i]);
    }
    assert_ok(ws_send_binary(t.f.ws, span_from("\0\1", 2)));
    fake_openai_say(&t.f, DELTA("response.output_audio.delta", "a1", "AQIDBAUG"));
    wait_line(&t, "audio r1 a1 6");
    assert_has_not(buf_str(&t.log), "tool");
    assert_has_not(buf_str(&t.log), "failed");
    bench_done(&t);
}

static char *big_delta(size_t audio_bytes)
{
    static const char head[] = "{\"type\":\"response.output_audio.delta\",\"response_id\":\"r1\",\"item_id\":\"a1\","
                               "\"delta\":\"";
    size_t chars = base64_enc_len(audio_bytes);
    char *text = malloc(sizeof(head) + chars + 3);
    assert_non_null(text);
    memcpy(text, head, sizeof(head) - 1);
    memset(text + sizeof(head) - 1, 'A', chars);
    memcpy(text + sizeof(head) - 1 + chars, "\"}", 3);
    return text;
}

TEST(a_message_of_ten_megabytes_is_taken)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    char *text = big_delta(7500000);
    fake_openai_say(&t.f, text);
    free(text);
    wait_line(&t, "audio r1 a1 7500000");
    bench_done(&t);
}

TEST(a_message_over_the_limit_ends_the_session_with_a_name)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    char *text = big_delta(15000000);
    fake_openai_say(&t.f, text);
    free(text);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=too-big code= ready=1");
    bench_done(&t);
}

TEST(a_service_that_does_not_read_ends_the_session_with_a_name)
{
    struct bench t;
    bench_init(&t);
    bench_ready(&t);
    ws_pause_reading(t.f.ws, true);
    static uint8_t second[48000];
    struct call_action act = {.type = ACT_MODEL_APPEND, .model_append = {.audio = span_from(second, sizeof(second))}};
    int err = 0;
    for (int i = 0; i < 2000 && err == 0; i++) {
        err = model_perform(t.model, &act);
    }
    assert_err(err, ERR_LIMIT);
    wait_until(t.f.loop, is_gone, &t);
    assert_has(buf_str(&t.log), "failed err=limit code= ready=1");
    bench_done(&t);
}

TEST_MAIN(T(a_turn_with_an_audio_reply_becomes_the_calls_events),
          T(linear_samples_split_between_deltas_are_put_together),
          T(a_tool_call_is_told_once_however_often_the_service_tells_it),
          T(arguments_alone_are_a_tool_call_when_the_response_ends_well), T(a_tool_call_that_was_cut_off_is_none),
          T(responses_that_fail_tell_their_code), T(pictures_count_as_text), T(errors_name_the_request_that_failed),
          T(each_action_is_one_message), T(nothing_is_sent_before_the_settings_are_confirmed),
          T(a_close_in_mid_call_tells_the_error_that_came_before_it), T(an_old_error_does_not_explain_a_later_close),
          T(a_lost_connection_is_told_without_a_code), T(a_session_closed_by_its_host_says_nothing_more),
          T(a_session_may_be_closed_in_its_own_event_and_while_connecting), T(garbage_is_counted_and_survived),
          T(a_message_of_ten_megabytes_is_taken), T(a_message_over_the_limit_ends_the_session_with_a_name),
          T(a_service_that_does_not_read_ends_the_session_with_a_name))
