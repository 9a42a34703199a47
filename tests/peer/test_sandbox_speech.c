/* Speech into the sandbox's session, in virtual time: the vendor's order, barge-in, what was not understood. */
#include "session_talk.h"

TEST(a_vad_turn_comes_in_the_vendors_order)
{
    struct box *b = open_ready(NULL, NULL);
    box_append(b, 1000, false);
    box_append(b, 800, true);
    box_append(b, 380, false);
    assert_types(b, "input_audio_buffer.speech_started");
    box_append(b, 100, false);
    assert_types(b, "input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "conversation.item.added",
                 "conversation.item.done", "response.created");
    assert_in_range(b->heard_samples / 8, 1160, 1240); /* 800 ms of speech, and 200 around it */
    box_run(b, 1000);
    assert_int_equal(b->seen, b->n); /* it waits for the recogniser */
    box_heard(b, true, "what are your opening hours");
    box_run(b, 20000);
    assert_types(b, "(deltas)", "conversation.item.input_audio_transcription.completed", "response.output_item.added",
                 "conversation.item.added", "response.content_part.added", "(deltas)", "response.output_audio.done",
                 "response.output_audio_transcript.done", "response.content_part.done", "conversation.item.done",
                 "response.output_item.done", "response.done", "rate_limits.updated");
    b->seen = 0;
    struct json_val e = box_next(b, "input_audio_buffer.speech_started");
    assert_at(e, "audio_start_ms", "700"); /* 1000 less the prefix padding */
    const char *item = text_at(e, "item_id");
    e = box_next(b, "input_audio_buffer.speech_stopped");
    assert_at(e, "audio_end_ms", "2200");
    assert_at(e, "item_id", item);
    e = box_next(b, "conversation.item.added");
    assert_at(e, "item.id", item);
    assert_at(elem_at(e, "item.content", 0), "transcript", "null");
    e = box_next(b, "conversation.item.input_audio_transcription.completed");
    assert_at(e, "transcript", "what are your opening hours");
    assert_at(e, "usage.input_token_details.audio_tokens", "15");
    e = box_next(b, "conversation.item.added");
    assert_at(e, "previous_item_id", item);
    box_free(b);
}

TEST(refused_speech_is_unclear_and_asked_again)
{
    struct box *b = open_ready(NULL, NULL);
    box_append(b, 600, true);
    box_append(b, 500, false);
    box_heard(b, false, "hello");
    box_run(b, 10000);
    assert_at(box_next(b, "conversation.item.input_audio_transcription.completed"), "transcript", "(unclear)");
    assert_has(str_from(text_at(box_next(b, "response.output_audio_transcript.done"), "transcript")), "did not get");
    box_free(b);
}

TEST(a_sentence_cut_in_two_by_a_pause_is_understood_as_one)
{
    struct box *b = open_ready(NULL, NULL);
    box_append(b, 600, true);
    box_append(b, 500, false);
    uint32_t first = b->hear_ticket;
    box_append(b, 600, true); /* cancels the response that waits for the first half */
    box_append(b, 500, false);
    sandbox_session_heard(b->s, first, true, STR("where is my order"), b->now_us);
    box_heard(b, true, "one two three");
    box_run(b, 20000);
    struct json_val call = box_next(b, "response.function_call_arguments.done");
    assert_string_equal(text_at(call, "arguments"), "{\"order_number\":\"123\"}");
    box_free(b);
}

TEST(the_clock_is_appended_audio_not_time)
{
    struct box *b = open_ready(NULL, NULL);
    box_append(b, 600, true);
    box_run(b, 10000); /* the client stops appending: the utterance does not end */
    assert_int_equal(box_count(b, "input_audio_buffer.speech_stopped"), 0);
    box_append(b, 500, false);
    assert_int_equal(box_count(b, "input_audio_buffer.speech_stopped"), 1);
    box_free(b);
}

TEST(barge_in_cancels_as_turn_detected)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, CREATE);
    box_run(b, 400);
    box_forget(b);
    box_append(b, 200, true);
    assert_types(b, "input_audio_buffer.speech_started", "response.output_audio.done",
                 "response.output_audio_transcript.done", "response.content_part.done", "conversation.item.done",
                 "response.output_item.done", "response.done", "rate_limits.updated");
    b->seen = 0;
    assert_at(box_next(b, "response.done"), "response.status_details.reason", "turn_detected");
    box_free(b);
}

TEST(without_interrupt_response_it_talks_on_and_makes_no_second)
{
    struct box *b = open_ready(NULL, ",\"interrupt_response\":false");
    box_do(b, CREATE);
    box_run(b, 400);
    box_append(b, 600, true);
    box_append(b, 500, false);
    box_heard(b, true, "hello");
    box_run(b, 20000);
    assert_int_equal(box_count(b, "response.created"), 1);
    assert_at(box_next(b, "response.done"), "response.status", "completed");
    /* What was said meanwhile is answered when asked for. */
    box_do(b, CREATE);
    box_run(b, 5000);
    assert_string_equal(text_at(box_next(b, "response.output_audio_transcript.done"), "transcript"),
                        "Hello. How can I help you?");
    box_free(b);
}

TEST(without_create_response_it_waits_for_the_client)
{
    struct box *b = open_ready(NULL, ",\"create_response\":false");
    box_append(b, 600, true);
    box_append(b, 500, false);
    box_heard(b, true, "hello");
    box_run(b, 1000);
    assert_int_equal(box_count(b, "input_audio_buffer.committed"), 1);
    assert_int_equal(box_count(b, "response.created"), 0);
    box_free(b);
}

TEST(manual_commits_need_100_ms)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b,
           "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"turn_detection\":"
           "null}}}}");
    box_next(b, "session.updated");
    box_append(b, 80, true);
    box_do(b, "{\"type\":\"input_audio_buffer.commit\",\"event_id\":\"c\"}");
    struct json_val e = box_next(b, "error");
    assert_at(e, "error.code", "input_audio_buffer_commit_empty");
    assert_at(e, "error.event_id", "c");
    assert_has(str_from(text_at(e, "error.message")), "only has 80.00ms of audio");
    box_append(b, 500, true);
    box_do(b, COMMIT);
    assert_types(b, "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done");
    assert_int_equal(b->heard_samples / 8, 580);
    box_do(b, COMMIT);
    assert_has(str_from(text_at(box_next(b, "error"), "error.message")), "only has 0.00ms of audio");
    box_append(b, 500, true);
    box_do(b, "{\"type\":\"input_audio_buffer.clear\"}");
    assert_types(b, "input_audio_buffer.cleared");
    box_do(b, COMMIT);
    assert_int_equal(box_count(b, "error"), 1);
    box_free(b);
}

TEST(semantic_vad_waits_by_eagerness)
{
    static const struct {
        const char *eagerness;
        uint32_t wait_ms;
    } cases[] = {{"high", 400}, {"auto", 700}, {"medium", 700}, {"low", 1200}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b = open_ready(NULL, NULL);
        format_do(b,
                  "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{"
                  "\"turn_detection\":{\"type\":\"semantic_vad\",\"eagerness\":\"%s\"}}}}}",
                  cases[i].eagerness);
        assert_at(box_next(b, "session.updated"), "session.audio.input.turn_detection.create_response", "true");
        box_append(b, 600, true);
        box_append(b, cases[i].wait_ms - 40, false);
        assert_int_equal(box_count(b, "input_audio_buffer.speech_stopped"), 0);
        box_append(b, 80, false);
        assert_int_equal(box_count(b, "input_audio_buffer.speech_stopped"), 1);
        box_free(b);
    }
}

TEST(idle_timeout_commits_and_prompts)
{
    struct box *b = open_ready(NULL, ",\"idle_timeout_ms\":5000");
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say exactly: \\\"Ten chars.\\\"\"}}");
    box_run(b, 3000);
    box_next(b, "rate_limits.updated");
    box_append(b, 4900, false);
    assert_int_equal(box_count(b, "input_audio_buffer.timeout_triggered"), 0);
    box_append(b, 1000, false);
    struct json_val e = box_next(b, "input_audio_buffer.timeout_triggered");
    assert_in_range(number_at(e, "audio_end_ms") - number_at(e, "audio_start_ms"), 5000, 5040);
    box_next(b, "input_audio_buffer.committed");
    box_next(b, "response.created");
    box_free(b);
}

TEST(without_a_recogniser_speech_advances_the_script)
{
    char json[2000];
    struct box *b = box_open(&(struct box_opts){.deaf = true});
    snprintf(json, sizeof(json), ULAW, "");
    box_do(b, json);
    box_append(b, 400, true);
    box_append(b, 500, false);
    assert_at(box_next(b, "conversation.item.input_audio_transcription.completed"), "transcript",
              "where is my order one two three four");
    box_run(b, 10000);
    assert_at(box_next(b, "response.function_call_arguments.done"), "name", "check_order_status");
    box_free(b);
}

TEST(late_and_unwanted_jobs_are_ignored)
{
    struct box *b = open_ready(NULL, NULL);
    b->late_speech = true;
    box_do(b, CREATE);
    box_run(b, 500);
    uint32_t ticket = b->say_ticket;
    assert_int_equal(box_count(b, "response.output_audio.delta"), 0);
    box_do(b, CANCEL);
    box_forget(b);
    sandbox_session_said(b->s, ticket, box_clip(OPENAI_FORMAT_PCMU, 100), b->now_us);
    sandbox_session_heard(b->s, 77, true, STR("hello"), b->now_us);
    box_run(b, 1000);
    assert_int_equal(b->seen, b->n);
    box_free(b);
}

TEST(failed_speech_fails_the_response)
{
    struct box *b = open_ready(NULL, NULL);
    b->late_speech = true;
    box_do(b, CREATE);
    sandbox_session_said(b->s, b->say_ticket, NULL, b->now_us);
    assert_at(box_next(b, "response.done"), "response.status", "failed");
    box_free(b);
}

TEST(deleting_what_is_being_heard_does_not_hang_the_response)
{
    struct box *b = open_ready(NULL, NULL);
    box_append(b, 600, true);
    box_append(b, 500, false);
    const char *id = text_at(box_next(b, "conversation.item.added"), "item.id");
    format_do(b, "{\"type\":\"conversation.item.delete\",\"item_id\":\"%s\"}", id);
    box_heard(b, true, "hello");
    box_run(b, 20000);
    assert_at(box_next(b, "response.done"), "response.status", "completed");
    box_free(b);
}

TEST_MAIN(T(a_vad_turn_comes_in_the_vendors_order), T(refused_speech_is_unclear_and_asked_again),
          T(a_sentence_cut_in_two_by_a_pause_is_understood_as_one), T(the_clock_is_appended_audio_not_time),
          T(barge_in_cancels_as_turn_detected), T(without_interrupt_response_it_talks_on_and_makes_no_second),
          T(without_create_response_it_waits_for_the_client), T(manual_commits_need_100_ms),
          T(semantic_vad_waits_by_eagerness), T(idle_timeout_commits_and_prompts),
          T(without_a_recogniser_speech_advances_the_script), T(late_and_unwanted_jobs_are_ignored),
          T(failed_speech_fails_the_response), T(deleting_what_is_being_heard_does_not_hang_the_response))
