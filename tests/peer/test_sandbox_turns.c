/* Turn detection of the sandbox's session in all its forms, in virtual time: who ends a turn, and what follows. */
#include "session_box.h"

#include "base/err.h"

#define CREATE "{\"type\":\"response.create\"}"
#define COMMIT "{\"type\":\"input_audio_buffer.commit\"}"
#define CLEAR  "{\"type\":\"input_audio_buffer.clear\"}"

/* turn_detection as given, telephone formats, transcription on. */
static void set_turns(struct box *b, const char *turn_detection)
{
    char json[1000];
    snprintf(json, sizeof(json),
             "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":{"
             "\"type\":\"audio/pcmu\"},\"transcription\":{\"model\":\"gpt-4o-mini-transcribe\"},\"turn_detection\":%s},"
             "\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}",
             turn_detection);
    box_do(b, json);
    box_next(b, "session.updated");
}

static struct box *open_turns(const char *turn_detection)
{
    struct box *b = box_open(&(struct box_opts){0});
    set_turns(b, turn_detection);
    return b;
}

static struct box *open_deaf(const char *turn_detection)
{
    struct box *b = box_open(&(struct box_opts){.deaf = true});
    set_turns(b, turn_detection);
    return b;
}

/* Audio of several stretches in one append. */
struct stretch {
    uint32_t ms;
    int16_t level;
};

static void append_burst(struct box *b, const struct stretch *parts, size_t n_parts)
{
    static uint8_t bytes[8 * 20000];
    size_t n = 0;
    for (size_t i = 0; i < n_parts; i++) {
        assert_true(n + parts[i].ms * 8 <= sizeof(bytes));
        box_fill(bytes + n, parts[i].ms * 8, parts[i].level);
        n += parts[i].ms * 8;
    }
    box_append_bytes(b, span_from(bytes, n));
}

/* ---- who answers, who interrupts ---- */

TEST(all_combinations_of_create_and_interrupt_under_both_detectors)
{
    static const struct {
        const char *kind;
        uint32_t silence_ms;
    } kinds[] = {{"\"server_vad\",\"silence_duration_ms\":500", 500}, {"\"semantic_vad\",\"eagerness\":\"high\"", 400}};
    for (int i = 0; i < 16; i++) {
        bool semantic = i & 1, create = i & 2, interrupt = i & 4, talking = i & 8;
        char td[300];
        snprintf(td, sizeof(td), "{\"type\":%s,\"create_response\":%s,\"interrupt_response\":%s}", kinds[semantic].kind,
                 create ? "true" : "false", interrupt ? "true" : "false");
        struct box *b = open_turns(td);
        if (talking) {
            box_do(b, CREATE);
            box_run(b, 300);
        }
        box_forget(b);
        box_append(b, 600, true);
        assert_int_equal(box_count(b, "input_audio_buffer.speech_started"), 1);
        assert_int_equal(box_count(b, "response.done"), talking && interrupt);
        box_append(b, kinds[semantic].silence_ms + 60, false);
        assert_int_equal(box_count(b, "input_audio_buffer.speech_stopped"), 1);
        assert_int_equal(box_count(b, "input_audio_buffer.committed"), 1);
        assert_int_equal(box_count(b, "conversation.item.added"), 1);
        assert_int_equal(box_count(b, "response.created"), create && (!talking || interrupt));
        box_heard(b, true, "hello");
        uint32_t seen = b->seen;
        struct json_val e = box_next(b, "conversation.item.input_audio_transcription.completed");
        assert_at(e, "transcript", "hello");
        b->seen = seen;
        box_run(b, 30000);
        if (talking) {
            e = box_next(b, "response.done");
            assert_at(e, "response.status", interrupt ? "cancelled" : "completed");
        }
        /* Who created none may ask for the answer afterwards. */
        if (!create || (talking && !interrupt)) {
            assert_int_equal(box_count(b, "response.created"), 0);
            box_do(b, CREATE);
            box_run(b, 10000);
        }
        e = box_next(b, "response.output_audio_transcript.done");
        assert_string_equal(text_at(e, "transcript"), "Hello. How can I help you?");
        box_free(b);
    }
}

TEST(without_detection_there_are_no_events_of_it)
{
    struct box *b = open_turns("null");
    box_do(b, CREATE);
    box_run(b, 300);
    box_forget(b);
    box_append(b, 800, true);
    box_append(b, 5000, false);
    box_run(b, 30000);
    assert_int_equal(box_count(b, "input_audio_buffer.speech_started"), 0);
    assert_int_equal(box_count(b, "input_audio_buffer.committed"), 0);
    assert_at(box_next(b, "response.done"), "response.status", "completed");
    box_forget(b);
    box_do(b, COMMIT);
    assert_types(b, "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done");
    box_heard(b, true, "hello");
    box_run(b, 1000);
    assert_int_equal(box_count(b, "response.created"), 0);
    box_do(b, CREATE);
    box_run(b, 5000);
    assert_string_equal(text_at(box_next(b, "response.output_audio_transcript.done"), "transcript"),
                        "Hello. How can I help you?");
    box_free(b);
}

/* ---- what is in a turn ---- */

TEST(prefix_padding_decides_where_a_turn_begins)
{
    static const uint32_t paddings[] = {0, 100, 300, 1000};
    for (size_t i = 0; i < ARRAY_LEN(paddings); i++) {
        char td[200];
        snprintf(td, sizeof(td), "{\"type\":\"server_vad\",\"prefix_padding_ms\":%u,\"silence_duration_ms\":500}",
                 paddings[i]);
        struct box *b = open_turns(td);
        box_append(b, 2000, false);
        box_append(b, 600, true);
        struct json_val e = box_next(b, "input_audio_buffer.speech_started");
        assert_int_equal(number_at(e, "audio_start_ms"), 2000 - paddings[i]);
        box_append(b, 520, false);
        e = box_next(b, "input_audio_buffer.speech_stopped");
        assert_int_equal(number_at(e, "audio_end_ms"), 3100);
        const struct truth_item *item = sandbox_session_truth(b->s)->last;
        assert_int_equal(item->start_ms, 2000 - paddings[i]);
        assert_int_equal(item->audio_ms, 1100 + paddings[i]);
        box_free(b);
    }
}

TEST(padding_before_the_first_sample_is_not_invented)
{
    struct box *b = open_turns("{\"type\":\"server_vad\",\"prefix_padding_ms\":300}");
    box_append(b, 100, false);
    box_append(b, 600, true);
    assert_at(box_next(b, "input_audio_buffer.speech_started"), "audio_start_ms", "0");
    box_free(b);
}

TEST(the_threshold_decides_what_is_loud)
{
    static const struct {
        const char *threshold;
        int16_t level;
        bool heard;
    } cases[] = {{"0.1", 200, true}, {"0.9", 200, false}, {"0.9", 3000, true}, {"0.5", 20, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char td[200];
        snprintf(td, sizeof(td), "{\"type\":\"server_vad\",\"threshold\":%s}", cases[i].threshold);
        struct box *b = open_turns(td);
        box_append(b, 500, false);
        box_append_level(b, 600, cases[i].level);
        assert_int_equal(box_count(b, "input_audio_buffer.speech_started"), cases[i].heard);
        box_free(b);
    }
}

TEST(clear_forgets_speech_under_way)
{
    struct box *b = open_turns("{\"type\":\"server_vad\",\"silence_duration_ms\":400}");
    box_append(b, 600, true);
    const char *first = text_at(box_next(b, "input_audio_buffer.speech_started"), "item_id");
    box_do(b, CLEAR);
    assert_types(b, "input_audio_buffer.cleared");
    box_append(b, 600, false);
    assert_int_equal(b->seen, b->n); /* neither stopped nor committed */
    box_do(b, "{\"type\":\"input_audio_buffer.commit\",\"event_id\":\"c\"}");
    box_next(b, "input_audio_buffer.committed"); /* the silence since, as the client says so */
    box_append(b, 600, true);
    const char *second = text_at(box_next(b, "input_audio_buffer.speech_started"), "item_id");
    assert_string_not_equal(first, second);
    box_free(b);
}

TEST(an_empty_commit_is_refused_in_every_form)
{
    static const char *const forms[] = {"null", "{\"type\":\"server_vad\"}", "{\"type\":\"semantic_vad\"}"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct box *b = open_turns(forms[i]);
        box_append(b, 80, false);
        box_do(b, "{\"type\":\"input_audio_buffer.commit\",\"event_id\":\"c\"}");
        struct json_val e = box_next(b, "error");
        assert_at(e, "error.type", "invalid_request_error");
        assert_at(e, "error.code", "input_audio_buffer_commit_empty");
        assert_at(e, "error.event_id", "c");
        box_append(b, 40, false); /* what was there is still there */
        box_do(b, COMMIT);
        box_next(b, "input_audio_buffer.committed");
        box_free(b);
    }
}

/* ---- bursts ---- */

TEST(a_ring_appended_at_once_and_committed_is_one_turn)
{
    /* What a gateway with its own detection sends: pre-roll, speech and some silence, faster than they sounded. */
    static const struct stretch ring[] = {{3000, 0}, {1200, 6000}, {300, 0}, {900, 6000}, {700, 0}};
    struct box *b = open_turns("null");
    append_burst(b, ring, ARRAY_LEN(ring));
    box_do(b, COMMIT);
    assert_types(b, "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done");
    assert_in_range(b->heard_samples / 8, 2760, 2840); /* the speech and 200 ms around */
    const struct truth_item *item = sandbox_session_truth(b->s)->last;
    assert_int_equal(item->audio_ms, 6100);
    assert_in_range(item->speech_ms, 2360, 2440);
    assert_string_equal(item->by, "client");
    box_do(b, CREATE);
    box_heard(b, true, "hello");
    assert_at(box_next(b, "conversation.item.input_audio_transcription.completed"), "transcript", "hello");
    box_run(b, 10); /* an answer waits for nothing else */
    box_next(b, "response.output_audio.delta");
    box_free(b);
}

TEST(silence_alone_is_committed_and_not_understood)
{
    static const struct stretch ring[] = {{3000, 0}};
    struct box *b = open_turns("null");
    append_burst(b, ring, ARRAY_LEN(ring));
    box_do(b, COMMIT);
    box_next(b, "input_audio_buffer.committed");
    assert_int_equal(b->hear_ticket, 0); /* the recogniser was not bothered */
    assert_at(box_next(b, "conversation.item.input_audio_transcription.completed"), "transcript", "(unclear)");
    box_free(b);
}

TEST(two_sentences_in_one_append_are_two_turns)
{
    static const struct stretch parts[] = {{1000, 0}, {600, 6000}, {700, 0}, {800, 6000}, {700, 0}};
    struct box *b = open_turns("{\"type\":\"server_vad\",\"silence_duration_ms\":500,\"create_response\":false}");
    append_burst(b, parts, ARRAY_LEN(parts));
    assert_types(b, "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
                 "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done",
                 "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
                 "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done");
    b->seen = 0;
    assert_at(box_next(b, "input_audio_buffer.speech_started"), "audio_start_ms", "700");
    assert_at(box_next(b, "input_audio_buffer.speech_stopped"), "audio_end_ms", "2100");
    assert_at(box_next(b, "input_audio_buffer.speech_started"), "audio_start_ms", "2000");
    box_free(b);
}

TEST(an_append_in_pieces_or_at_once_is_heard_the_same)
{
    static const struct stretch parts[] = {{500, 0}, {900, 6000}, {600, 0}};
    struct box *once = open_turns("{\"type\":\"server_vad\",\"silence_duration_ms\":500}");
    struct box *pieces = open_turns("{\"type\":\"server_vad\",\"silence_duration_ms\":500}");
    append_burst(once, parts, ARRAY_LEN(parts));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        box_append_level(pieces, parts[i].ms, parts[i].level);
    }
    assert_int_equal(once->n, pieces->n);
    for (uint32_t i = 0; i < once->n; i++) {
        assert_string_equal(once->events[i], pieces->events[i]);
    }
    assert_int_equal(once->heard_samples, pieces->heard_samples);
    box_free(once);
    box_free(pieces);
}

/* ---- switching in mid-session ---- */

TEST(detection_switched_off_in_mid_speech_leaves_the_buffer_to_the_client)
{
    struct box *b = open_turns("{\"type\":\"server_vad\",\"silence_duration_ms\":500}");
    box_append(b, 600, true);
    const char *id = text_at(box_next(b, "input_audio_buffer.speech_started"), "item_id");
    set_turns(b, "null");
    box_append(b, 400, true);
    box_append(b, 2000, false);
    assert_int_equal(box_count(b, "input_audio_buffer.speech_stopped"), 0);
    box_do(b, COMMIT);
    struct json_val e = box_next(b, "input_audio_buffer.committed");
    assert_at(e, "item_id", id); /* the id that speech_started promised */
    assert_int_equal(sandbox_session_truth(b->s)->last->audio_ms, 3000);
    box_free(b);
}

TEST(detection_switched_on_hears_from_then_on)
{
    struct box *b = open_turns("null");
    box_append(b, 2000, true);
    set_turns(b, "{\"type\":\"semantic_vad\",\"eagerness\":\"high\"}");
    assert_int_equal(box_count(b, "input_audio_buffer.speech_started"), 0);
    box_append(b, 500, false);
    box_append(b, 600, true);
    struct json_val e = box_next(b, "input_audio_buffer.speech_started");
    assert_at(e, "audio_start_ms", "2200"); /* the clock has gone on; 300 ms of padding */
    box_append(b, 420, false);
    box_next(b, "input_audio_buffer.committed");
    box_free(b);
}

TEST(another_kind_in_mid_speech_takes_over_its_silence)
{
    struct box *b = open_turns("{\"type\":\"semantic_vad\",\"eagerness\":\"low\"}");
    box_append(b, 600, true);
    box_next(b, "input_audio_buffer.speech_started");
    set_turns(b, "{\"type\":\"server_vad\",\"silence_duration_ms\":300}");
    box_append(b, 280, false);
    assert_int_equal(box_count(b, "input_audio_buffer.speech_stopped"), 0);
    box_append(b, 40, false);
    assert_int_equal(box_count(b, "input_audio_buffer.speech_stopped"), 1);
    box_free(b);
}

/* ---- nobody speaks ---- */

#define IDLE "{\"type\":\"server_vad\",\"idle_timeout_ms\":5000}"

static void speak_first(struct box *b)
{
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say exactly: \\\"Ten chars.\\\"\"}}");
    box_run(b, 3000);
    box_next(b, "rate_limits.updated");
}

TEST(the_idle_timeout_prompts_again_and_again)
{
    struct box *b = open_turns(IDLE);
    speak_first(b);
    for (int i = 0; i < 3; i++) {
        box_forget(b);
        box_append(b, 7000, false); /* the timeout, and what is still being heard */
        struct json_val e = box_next(b, "input_audio_buffer.timeout_triggered");
        assert_in_range(number_at(e, "audio_end_ms") - number_at(e, "audio_start_ms"), 5000, 5040);
        const char *id = text_at(e, "item_id");
        assert_at(box_next(b, "input_audio_buffer.committed"), "item_id", id);
        assert_at(box_next(b, "conversation.item.added"), "item.id", id);
        assert_at(box_next(b, "conversation.item.input_audio_transcription.completed"), "transcript", "");
        box_next(b, "response.created");
        box_run(b, 10000);
        e = box_next(b, "response.output_audio_transcript.done");
        assert_string_equal(text_at(e, "transcript"), "Is there anything else I can do for you?");
        assert_int_equal(b->hear_ticket, 0); /* silence is not recognised */
    }
    assert_int_equal(sandbox_session_truth(b->s)->counts[TRUTH_COMMITS_TIMEOUT], 3);
    box_free(b);
}

TEST(the_idle_timeout_ends_with_the_setting_and_with_speech)
{
    static const char *const others[] = {"{\"type\":\"server_vad\",\"idle_timeout_ms\":null}",
                                         "{\"type\":\"semantic_vad\"}", "null"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct box *b = open_turns(IDLE);
        speak_first(b);
        box_append(b, 2000, false);
        set_turns(b, others[i]);
        box_append(b, 20000, false);
        assert_int_equal(box_count(b, "input_audio_buffer.timeout_triggered"), 0);
        box_free(b);
    }
    struct box *b = open_turns("{\"type\":\"server_vad\",\"idle_timeout_ms\":5000,\"silence_duration_ms\":20000}");
    speak_first(b);
    box_append(b, 4000, false);
    box_append(b, 600, true);
    box_append(b, 10000, false);
    assert_int_equal(box_count(b, "input_audio_buffer.timeout_triggered"), 0);
    box_free(b);
}

/* ---- without a recogniser ---- */

TEST(deaf_it_takes_sounds_of_300_ms_for_sentences_and_shorter_ones_for_noise)
{
    static const struct {
        uint32_t ms;
        const char *transcript;
    } cases[] = {{120, "(unclear)"}, {240, "(unclear)"}, {320, "where is my order one two three four"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b = open_deaf("{\"type\":\"server_vad\",\"silence_duration_ms\":500,\"prefix_padding_ms\":600}");
        box_append(b, 1000, false);
        box_append(b, cases[i].ms, true);
        box_append(b, 600, false);
        struct json_val e = box_next(b, "conversation.item.input_audio_transcription.completed");
        assert_at(e, "transcript", cases[i].transcript);
        box_free(b);
    }
}

TEST(deaf_every_commit_of_the_client_is_a_turn)
{
    static const char *const script[] = {"where is my order one two three four", "what are your opening hours"};
    struct box *b = open_deaf("null");
    for (size_t i = 0; i < ARRAY_LEN(script); i++) {
        box_append(b, 200, true);
        box_do(b, COMMIT);
        assert_at(box_next(b, "conversation.item.input_audio_transcription.completed"), "transcript", script[i]);
    }
    box_free(b);
}

TEST(answers_can_be_made_long_enough_to_be_interrupted)
{
    struct box *b = box_open(&(struct box_opts){.deaf = true, .answer_s = 12});
    set_turns(b, "null");
    box_do(b, CREATE);
    box_run(b, 20000);
    struct json_val e = box_next(b, "response.output_audio_transcript.done");
    assert_in_range(strlen(text_at(e, "transcript")), 200, 300); /* 60 ms per character and more */
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say exactly: \\\"Short.\\\"\"}}");
    box_run(b, 20000);
    e = box_next(b, "response.output_audio_transcript.done");
    assert_string_equal(text_at(e, "transcript"), "Short."); /* what is dictated stays as it is */
    box_free(b);
}

TEST_MAIN(T(all_combinations_of_create_and_interrupt_under_both_detectors),
          T(without_detection_there_are_no_events_of_it), T(prefix_padding_decides_where_a_turn_begins),
          T(padding_before_the_first_sample_is_not_invented), T(the_threshold_decides_what_is_loud),
          T(clear_forgets_speech_under_way), T(an_empty_commit_is_refused_in_every_form),
          T(a_ring_appended_at_once_and_committed_is_one_turn), T(silence_alone_is_committed_and_not_understood),
          T(two_sentences_in_one_append_are_two_turns), T(an_append_in_pieces_or_at_once_is_heard_the_same),
          T(detection_switched_off_in_mid_speech_leaves_the_buffer_to_the_client),
          T(detection_switched_on_hears_from_then_on), T(another_kind_in_mid_speech_takes_over_its_silence),
          T(the_idle_timeout_prompts_again_and_again), T(the_idle_timeout_ends_with_the_setting_and_with_speech),
          T(deaf_it_takes_sounds_of_300_ms_for_sentences_and_shorter_ones_for_noise),
          T(deaf_every_commit_of_the_client_is_a_turn), T(answers_can_be_made_long_enough_to_be_interrupted))
