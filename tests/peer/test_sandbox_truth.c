/* What the sandbox tells about itself, its transcripts against its sound, and its faults for silent lines; in virtual
 * time. */
#include "session_box.h"

#include "base/err.h"

#define CREATE "{\"type\":\"response.create\"}"
#define CANCEL "{\"type\":\"response.cancel\"}"
#define TELEPHONE                                                                                                      \
    "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":{\"type\":"      \
    "\"audio/pcmu\"},\"turn_detection\":{\"type\":\"server_vad\",\"silence_duration_ms\":400}},\"output\":{"           \
    "\"format\":{\"type\":\"audio/pcmu\"}}}}}"
#define SAY(text) "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say exactly: \\\"" text "\\\"\"}}"

static struct box *open_phone(const char *faults)
{
    struct box *b = box_open(&(struct box_opts){.faults = faults});
    box_do(b, TELEPHONE);
    box_forget(b);
    return b;
}

/* The truth as JSON, valid until the next call. */
static struct json_val truth_of(struct box *b, bool item)
{
    static struct buf out;
    struct json_val v;
    const struct truth *t = sandbox_session_truth(b->s);
    buf_done(&out);
    buf_init(&out, 1u << 20);
    struct json_w w = json_w(&out);
    if (item) {
        assert_non_null(t->last);
        truth_put_item(&w, t, t->last);
    } else {
        truth_put_session(&w, t, true);
    }
    assert_ok(json_parse(buf_str(&out), &v));
    return v;
}

static uint32_t count_at(struct json_val v, const char *path)
{
    struct json_val e;
    uint32_t n = 0;
    for (struct json_it it = json_array(json_path(v, path)); json_elem(&it, &e);) {
        n++;
    }
    return n;
}

static void truncate_last(struct box *b, uint32_t ms)
{
    char json[400];
    snprintf(json, sizeof(json),
             "{\"type\":\"conversation.item.truncate\",\"item_id\":\"%s\",\"content_index\":0,\"audio_end_ms\":%u}",
             sandbox_session_truth(b->s)->last->id, ms);
    box_do(b, json);
}

/* ---- words ---- */

/* Two lines, 60 ms per character: "One two three." 840 ms, "Four five." 600 ms. */
TEST(every_word_has_its_place_in_the_items_audio)
{
    static const struct {
        const char *word;
        int64_t start_ms, end_ms;
    } want[] = {{"One", 0, 180}, {"two", 240, 420}, {"three.", 480, 840}, {"Four", 840, 1080}, {"five.", 1140, 1440}};
    struct box *b = open_phone(NULL);
    box_do(b, SAY("One two three. Four five."));
    box_run(b, 5000);
    struct json_val v = truth_of(b, true);
    assert_at(v, "role", "assistant");
    assert_at(v, "text", "One two three. Four five.");
    assert_at(v, "heard", "One two three. Four five.");
    assert_at(v, "audio_ms", "1440");
    assert_at(v, "truncated_ms", "null");
    assert_at(v, "item_id", text_at(box_next(b, "response.output_item.added"), "item.id"));
    assert_int_equal(count_at(v, "words"), ARRAY_LEN(want));
    for (uint32_t i = 0; i < ARRAY_LEN(want); i++) {
        struct json_val word = elem_at(v, "words", i);
        assert_at(word, "word", want[i].word);
        assert_int_equal(number_at(word, "start_ms"), want[i].start_ms);
        assert_int_equal(number_at(word, "end_ms"), want[i].end_ms);
    }
    box_free(b);
}

TEST(after_a_truncation_only_what_was_heard_is_left)
{
    static const struct {
        uint32_t ms;
        const char *heard;
    } cases[] = {{0, ""},
                 {80, ""},
                 {100, "One"},
                 {330, "One two"},
                 {840, "One two three."},
                 {1440, "One two three. Four five."}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b = open_phone(NULL);
        box_do(b, SAY("One two three. Four five."));
        box_run(b, 5000);
        truncate_last(b, cases[i].ms);
        box_next(b, "conversation.item.truncated");
        struct json_val v = truth_of(b, true);
        assert_at(v, "heard", cases[i].heard);
        assert_int_equal(number_at(v, "truncated_ms"), cases[i].ms);
        assert_at(v, "audio_ms", "1440"); /* what was sent remains what was sent */
        v = elem_at(truth_of(b, false), "truncations", 0);
        assert_int_equal(number_at(v, "audio_end_ms"), cases[i].ms);
        assert_at(v, "audio_ms", "1440");
        box_free(b);
    }
}

TEST(a_truncated_item_does_not_grow_again)
{
    struct box *b = open_phone(NULL);
    char json[300];
    box_do(b, CREATE);
    box_run(b, 500);
    truncate_last(b, 300); /* before the cancel: the rest is still being sent */
    box_run(b, 500);
    box_do(b, CANCEL);
    box_forget(b);
    snprintf(json, sizeof(json), "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"%s\"}",
             sandbox_session_truth(b->s)->last->id);
    box_do(b, json);
    struct json_val part = elem_at(box_next(b, "conversation.item.retrieved"), "item.content", 0);
    assert_at(part, "transcript", "");
    assert_int_equal(json_get(part, "audio").s.n, base64_enc_len(300 * 8));
    truncate_last(b, 301);
    assert_at(box_next(b, "error"), "error.message", "Audio content of 300ms is already shorter than 301ms");
    box_free(b);
}

TEST(a_cancelled_item_has_the_words_that_were_sent)
{
    struct box *b = open_phone(NULL);
    box_do(b, SAY("One two three. Four five. Six seven eight nine ten."));
    box_run(b, 200); /* 800 ms at four times the speed, and a delta */
    box_do(b, CANCEL);
    struct json_val v = truth_of(b, true);
    int64_t audio_ms = number_at(v, "audio_ms");
    uint32_t n = count_at(v, "words");
    assert_in_range(audio_ms, 700, 1300);
    assert_true(number_at(elem_at(v, "words", n - 1), "start_ms") < audio_ms);
    assert_in_range(n, 3, 5);
    assert_at(elem_at(truth_of(b, false), "responses", 0), "status", "cancelled");
    assert_at(elem_at(truth_of(b, false), "responses", 0), "reason", "client_cancelled");
    box_free(b);
}

TEST(the_session_counts_what_the_client_did)
{
    struct box *b = open_phone(NULL);
    box_append(b, 600, true);
    box_append(b, 500, false);
    box_heard(b, true, "what are your opening hours");
    box_run(b, 300);
    box_append(b, 600, true); /* over the answer */
    box_do(b, "{\"type\":\"input_audio_buffer.clear\"}");
    box_do(b, CANCEL); /* nothing is left to cancel */
    struct json_val v = truth_of(b, false);
    assert_at(v, "model", "gpt-realtime");
    assert_at(v, "opened_unix_ms", "1700000000000");
    assert_at(v, "closed_at_ms", "null");
    assert_at(v, "appended_ms", "1700");
    assert_at(v, "counts.appends", "85");
    assert_at(v, "counts.speech_started", "2");
    assert_at(v, "counts.commits_by_vad", "1");
    assert_at(v, "counts.clears", "1");
    assert_at(v, "counts.cancels_by_turn", "1");
    assert_at(v, "counts.cancels_by_client", "0");
    assert_at(v, "counts.errors", "1");
    struct json_val user = elem_at(v, "items", 0);
    assert_at(user, "role", "user");
    assert_at(user, "by", "vad");
    assert_at(user, "text", "what are your opening hours");
    assert_at(user, "understood", "true");
    assert_in_range(number_at(user, "speech_ms"), 580, 640);
    struct json_val response = elem_at(v, "responses", 0);
    assert_at(response, "reason", "turn_detected");
    assert_true(number_at(response, "first_audio_at_ms") >= number_at(response, "created_at_ms"));
    assert_true(number_at(response, "done_at_ms") > number_at(response, "first_audio_at_ms"));
    box_free(b);
}

TEST(items_of_a_long_session_go_oldest_first)
{
    struct box *b = open_phone(NULL);
    for (int i = 0; i < TRUTH_MAX_ITEMS + 10; i++) {
        box_do(b, SAY("Yes."));
        box_run(b, 300);
    }
    const struct truth *t = sandbox_session_truth(b->s);
    assert_int_equal(t->n_items, TRUTH_MAX_ITEMS);
    assert_int_equal(t->counts[TRUTH_RESPONSES], TRUTH_MAX_ITEMS + 10);
    assert_int_equal(count_at(truth_of(b, false), "responses"), TRUTH_MAX_RESPONSES);
    box_free(b);
}

/* ---- transcripts in step with the sound ---- */

/* For each transcript delta, how much audio had been sent before it; and the whole transcript. */
struct steps {
    int64_t audio_ms[200];
    uint64_t n;
    int64_t total_ms;
    char text[2000];
};

static void steps_take(const struct box *b, uint32_t from, struct steps *st)
{
    *st = (struct steps){0};
    for (uint32_t i = from; i < b->n; i++) {
        if (box_is(b, i, "response.output_audio_transcript.delta")) {
            const char *delta = text_at(box_event(b, i), "delta");
            assert_true(st->n < ARRAY_LEN(st->audio_ms) && strlen(st->text) + strlen(delta) < sizeof(st->text));
            st->audio_ms[st->n++] = st->total_ms;
            memcpy(st->text + strlen(st->text), delta, strlen(delta) + 1);
        } else if (box_is(b, i, "response.output_audio.delta")) {
            struct str audio = json_get(box_event(b, i), "delta").s;
            st->total_ms += (int64_t)(audio.n / 4 * 3 - str_ends(audio, STR("=")) - str_ends(audio, STR("=="))) / 8;
        }
    }
}

TEST(words_come_one_by_one_a_little_before_their_sound)
{
    struct box *b = open_phone(NULL);
    struct steps st;
    box_do(b, CREATE);
    box_run(b, 20000);
    steps_take(b, b->seen, &st);
    const struct truth_item *item = sandbox_session_truth(b->s)->last;
    assert_string_equal(st.text, text_at(box_next(b, "response.output_audio_transcript.done"), "transcript"));
    assert_int_equal(st.n, item->words.n);
    assert_int_equal(st.total_ms, (int64_t)item->audio_ms);
    for (uint32_t i = 0; i < st.n; i++) {
        int64_t start_ms = item->words.at[i].start_ms;
        assert_true(st.audio_ms[i] <= start_ms);       /* before its sound */
        assert_true(st.audio_ms[i] >= start_ms - 900); /* but not the whole text at once */
    }
    box_free(b);
}

TEST(late_transcripts_follow_their_sound)
{
    static const char *const lists[] = {"transcript-late=500", "transcript-late:500"};
    for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
        struct box *b = open_phone(lists[k]);
        struct steps st;
        box_do(b, CREATE);
        box_run(b, 20000);
        steps_take(b, b->seen, &st);
        const struct truth_item *item = sandbox_session_truth(b->s)->last;
        assert_string_equal(st.text, text_at(box_next(b, "response.output_audio_transcript.done"), "transcript"));
        assert_at(box_next(b, "response.done"), "response.status", "completed");
        assert_int_equal(st.n, item->words.n);
        for (uint32_t i = 0; i + 1 < st.n; i++) {
            /* 500 ms, in which 2 s of sound are sent: until there is no more */
            int64_t earliest = MIN((int64_t)item->words.at[i].start_ms + 1500, st.total_ms);
            if (st.audio_ms[i] < earliest) {
                fail_msg("word %u came after %lld ms of sound, not %lld", i, (long long)st.audio_ms[i],
                         (long long)earliest);
            }
        }
        box_free(b);
    }
}

TEST(late_transcripts_of_a_cancelled_answer_do_not_come)
{
    struct box *b = open_phone("transcript-late=3000");
    box_do(b, CREATE);
    box_run(b, 1000);
    assert_int_equal(box_count(b, "response.output_audio_transcript.delta"), 0);
    box_do(b, CANCEL);
    assert_at(box_next(b, "response.output_audio_transcript.done"), "transcript", "");
    box_next(b, "response.done");
    box_run(b, 5000);
    assert_int_equal(box_count(b, "response.output_audio_transcript.delta"), 0);
    box_free(b);
}

/* ---- silent lines ---- */

TEST(an_answer_without_sound_has_only_words)
{
    struct box *b = open_phone("no-audio");
    box_do(b, CREATE);
    box_run(b, 20000);
    assert_int_equal(box_count(b, "response.output_audio.delta"), 0);
    assert_true(box_count(b, "response.output_audio_transcript.delta") > 10);
    assert_int_equal(box_count(b, "response.output_audio.done"), 1);
    assert_at(box_next(b, "response.done"), "response.status", "completed");
    assert_at(truth_of(b, true), "audio_ms", "0");
    box_free(b);
}

TEST(an_endless_answer_ends_by_cancel_only)
{
    struct box *b = open_phone("endless");
    struct steps st;
    box_do(b, SAY("One two three. Four."));
    box_run(b, 10000);
    assert_int_equal(box_count(b, "response.output_audio.done"), 0);
    steps_take(b, b->seen, &st);
    assert_in_range(st.total_ms, 39000, 41000);
    assert_int_equal(strncmp(st.text, "One two three. Four. One two three. Four. One", 45), 0);
    box_do(b, CANCEL);
    assert_at(box_next(b, "response.done"), "response.status", "cancelled");
    const struct truth_item *item = sandbox_session_truth(b->s)->last;
    for (uint32_t i = 1; i < item->words.n; i++) {
        assert_true(item->words.at[i].start_ms >= item->words.at[i - 1].end_ms);
    }
    box_free(b);
}

TEST(an_endless_answer_stays_bounded)
{
    struct box *b = open_phone("endless,after=1");
    box_do(b, SAY("Yes."));
    box_run(b, 1000);
    box_next(b, "response.done");
    box_do(b, CREATE);
    for (int i = 0; i < 20; i++) { /* some minutes of sound; events are thrown away */
        box_run(b, 10000);
        for (uint32_t k = 0; k < b->n; k++) {
            free(b->events[k]);
        }
        b->n = b->seen = 0;
    }
    assert_true(sandbox_session_truth(b->s)->last->text.len <= TRUTH_MAX_TEXT);
    box_do(b, CANCEL);
    box_next(b, "response.done");
    box_free(b);
}

TEST(an_answer_may_stall_and_go_on)
{
    struct box *b = open_phone("stall=4000");
    box_do(b, CREATE);
    box_run(b, 1000);
    uint32_t before = box_count(b, "response.output_audio.delta");
    box_run(b, 2500);
    assert_int_equal(box_count(b, "response.output_audio.delta"), before);
    box_run(b, 20000);
    assert_true(box_count(b, "response.output_audio.delta") > before);
    assert_at(box_next(b, "response.done"), "response.status", "completed");
    box_free(b);
}

TEST(a_response_may_never_be_done)
{
    struct box *b = open_phone("no-done");
    box_do(b, CREATE);
    box_run(b, 60000);
    assert_int_equal(box_count(b, "response.output_item.done"), 1);
    assert_int_equal(box_count(b, "response.done"), 0);
    uint32_t seen = b->seen;
    box_do(b, CREATE); /* it blocks the next */
    assert_at(box_next(b, "error"), "error.code", "conversation_already_has_active_response");
    b->seen = seen;
    box_do(b, CANCEL);
    assert_at(box_next(b, "response.done"), "response.status", "cancelled");
    box_free(b);
}

TEST(faults_may_spare_the_first_and_end_after_some)
{
    static const bool answered[] = {true, false, false, true, true};
    struct box *b = open_phone("no-response,after=1,times=2");
    for (size_t i = 0; i < ARRAY_LEN(answered); i++) {
        box_forget(b);
        box_do(b, SAY("Yes."));
        box_run(b, 1000);
        assert_int_equal(box_count(b, "response.done"), answered[i]);
    }
    box_free(b);
}

TEST_MAIN(T(every_word_has_its_place_in_the_items_audio), T(after_a_truncation_only_what_was_heard_is_left),
          T(a_truncated_item_does_not_grow_again), T(a_cancelled_item_has_the_words_that_were_sent),
          T(the_session_counts_what_the_client_did), T(items_of_a_long_session_go_oldest_first),
          T(words_come_one_by_one_a_little_before_their_sound), T(late_transcripts_follow_their_sound),
          T(late_transcripts_of_a_cancelled_answer_do_not_come), T(an_answer_without_sound_has_only_words),
          T(an_endless_answer_ends_by_cancel_only), T(an_endless_answer_stays_bounded),
          T(an_answer_may_stall_and_go_on), T(a_response_may_never_be_done),
          T(faults_may_spare_the_first_and_end_after_some))
