#include "test.h"

#include "audio/g711.h"
#include "base/err.h"
#include "peer/phone/phone_link.h"
#include "peer/phone/phone_playout.h"
#include "peer/phone/phone_truth.h"

/* A gateway and a phone on a virtual clock: audio of a known source is sent, cut, sent again. */
struct line {
    struct phone_truth t;
    struct phone_playout p;
    uint8_t source[80000];
};

static uint8_t caller[4000]; /* 500 ms, loud from sample 100 on */

static void open_line(struct line *l)
{
    struct phone_dice d = {7};
    phone_truth_init(&l->t);
    phone_playout_init(&l->p);
    for (size_t i = 0; i < sizeof(l->source); i++) {
        l->source[i] = g711_mulaw_encode1((int16_t)(3000.0F * phone_dice_normal(&d)));
    }
    memset(caller, 0xFF, sizeof(caller));
    for (size_t i = 100; i < sizeof(caller); i++) {
        caller[i] = i / 10 % 2 ? 0x20 : 0xA0;
    }
}

static void close_line(struct line *l)
{
    phone_truth_done(&l->t);
    phone_playout_done(&l->p);
}

static void send(struct line *l, const uint8_t *audio, size_t n)
{
    assert_ok(phone_playout_audio(&l->p, span_from(audio, n)));
    phone_truth_audio(&l->t, span_from(audio, n));
}

static void clear(struct line *l)
{
    ignore_result((int)phone_playout_clear(&l->p));
    phone_truth_clear(&l->t);
}

static void steps(struct line *l, uint32_t ms)
{
    for (uint32_t i = 0; i < ms / PHONE_FRAME_MS; i++) {
        uint8_t out[PHONE_FRAME_BYTES];
        phone_truth_step(&l->t, phone_playout_step(&l->p, out));
    }
}

TEST(what_was_played_is_one_utterance_until_it_is_quiet_for_long)
{
    struct line l;
    open_line(&l);
    steps(&l, 100);
    send(&l, l.source, 4000); /* 500 ms */
    steps(&l, 600);           /* runs dry for 100 ms */
    send(&l, l.source + 4000, 1600);
    steps(&l, 1000);
    send(&l, l.source + 8000, 800);
    steps(&l, 200);
    phone_truth_finish(&l.t);
    assert_ok(l.t.err);
    assert_int_equal(l.t.n_utters, 2);
    assert_int_equal(l.t.utters[0].begin_at, 800);
    assert_int_equal(l.t.utters[0].heard_samples, 5600);
    assert_int_equal(l.t.utters[0].end_at, 700 * 8 + 1600);
    assert_int_equal(l.t.utters[1].heard_samples, 800);
    assert_false(l.t.utters[0].stopped);
    assert_int_equal(l.t.n_cuts, 0);
    close_line(&l);
}

/* Sent 1000 ms, heard 400, cut; back comes what begins at from, faded in. */
static void pause_and_resume(struct line *l, size_t from, bool fade)
{
    uint8_t again[4000];
    open_line(l);
    send(l, l->source, 8000);
    steps(l, 400);
    phone_truth_says(&l->t, STR("mm-hm"), span_from(caller, sizeof(caller)), 0);
    steps(l, 100);
    clear(l);
    steps(l, 300);
    memcpy(again, l->source + from, sizeof(again));
    if (fade) {
        memset(again, 0xFF, 20);
    }
    send(l, again, sizeof(again));
    steps(l, 1000);
    phone_truth_finish(&l->t);
    assert_ok(l->t.err);
}

TEST(a_resumption_is_recognised_by_its_bytes_and_measured)
{
    static const struct {
        size_t from;
        uint32_t repeat, skip;
    } cases[] = {{4000, 0, 0}, {2000, 2000, 0}, {1234, 2766, 0}, {4400, 0, 400}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int fade = 0; fade < 2; fade++) {
            struct line l;
            pause_and_resume(&l, cases[i].from, fade);
            assert_int_equal(l.t.n_cuts, 1);
            const struct phone_cut *c = &l.t.cuts[0];
            assert_int_equal(c->kind, PHONE_CUT_RESUMED);
            assert_int_equal(c->heard_samples, 4000);
            assert_int_equal(c->dropped, 4000);
            assert_int_equal(c->repeat_samples, cases[i].repeat);
            assert_int_equal(c->skip_samples, cases[i].skip);
            assert_int_equal(c->gap_samples, 300 * 8);
            assert_int_equal(c->altered, 0);
            assert_true(c->audible);
            assert_int_equal(l.t.false_pauses, 1);
            assert_int_equal(l.t.n_utters, 1);
            assert_int_equal(l.t.utters[0].heard_samples, cases[i].from + 4000);
            assert_false(l.t.utters[0].stopped);
            const struct phone_sound *s = &l.t.sounds[0];
            assert_true(s->over_agent && s->paused && !s->stopped);
            assert_int_equal(s->pause_ms, (500 * 8 - (400 * 8 + s->onset - 3200)) / 8);
            assert_int_equal(s->stop_ms, -1);
            close_line(&l);
        }
    }
}

/* The pause meets an answer that is still on its way: it is heard from its first sample on, and is no part of what was
 * said before. */
TEST(an_answer_that_is_cut_before_it_is_heard_begins_when_it_comes_back)
{
    struct line l;
    open_line(&l);
    send(&l, l.source, 4000);
    steps(&l, 1500);
    send(&l, l.source + 8000, 4000);
    clear(&l);
    steps(&l, 200);
    send(&l, l.source + 8000, 8000);
    steps(&l, 500);
    clear(&l);
    steps(&l, 500);
    phone_truth_finish(&l.t);
    assert_ok(l.t.err);
    assert_int_equal(l.t.n_utters, 2);
    assert_int_equal(l.t.utters[0].heard_samples, 4000);
    assert_false(l.t.utters[0].stopped);
    assert_int_equal(l.t.utters[1].begin_at, 1700 * 8);
    assert_int_equal(l.t.utters[1].heard_samples, 4000);
    assert_true(l.t.utters[1].stopped);
    assert_int_equal(l.t.n_cuts, 2);
    assert_int_equal(l.t.cuts[0].kind, PHONE_CUT_RESUMED);
    assert_int_equal(l.t.cuts[0].skip_samples, 0);
    assert_int_equal(l.t.cuts[0].utterance, 1);
    assert_int_equal(l.t.cuts[0].heard_samples, 0);
    assert_int_equal(l.t.cuts[1].kind, PHONE_CUT_STOPPED);
    assert_int_equal(l.t.cuts[1].utterance, 1);
    assert_int_equal(l.t.cuts[1].heard_samples, 4000);
    assert_int_equal(l.t.utters[0].cuts, 0);
    assert_int_equal(l.t.utters[1].cuts, 1);
    close_line(&l);
}

/* Who spoke into the agent's last word did not stop it: it was over, and what was stopped is the next answer. */
TEST(a_cut_of_the_next_answer_is_not_of_the_sound_over_the_last_one)
{
    struct line l;
    open_line(&l);
    send(&l, l.source, 4000);
    steps(&l, 400);
    phone_truth_says(&l.t, STR("mm"), span_from(l.source, 1600), 0);
    steps(&l, 600);
    send(&l, l.source + 8000, 4000);
    clear(&l);
    steps(&l, 1000);
    phone_truth_finish(&l.t);
    assert_ok(l.t.err);
    assert_true(l.t.sounds[0].over_agent);
    assert_int_equal(l.t.sounds[0].cuts, 0);
    assert_false(l.t.sounds[0].stopped);
    assert_int_equal(l.t.utters[0].cuts, 0);
    close_line(&l);
}

/* The same with the first word of the call, and once with an answer that never comes. */
TEST(speech_that_is_cut_before_it_is_heard_stops_nothing_before_it)
{
    for (int comes = 0; comes < 2; comes++) {
        struct line l;
        open_line(&l);
        send(&l, l.source, 4000);
        clear(&l);
        steps(&l, 200);
        send(&l, l.source + (comes ? 0 : 40000), 4000);
        steps(&l, 1500);
        send(&l, l.source + 8000, 4000);
        clear(&l);
        steps(&l, 1000);
        phone_truth_finish(&l.t);
        assert_ok(l.t.err);
        assert_int_equal(l.t.n_utters, 1);
        assert_int_equal(l.t.utters[0].heard_samples, 4000);
        assert_int_equal(l.t.cuts[0].kind, comes ? PHONE_CUT_RESUMED : PHONE_CUT_STOPPED);
        assert_int_equal(l.t.cuts[1].kind, PHONE_CUT_STOPPED);
        assert_false(l.t.utters[0].stopped);
        close_line(&l);
    }
}

/* With a slow network the second pause meets a resumption on its way: nothing of it was heard, nothing is missing. */
TEST(a_resumption_that_is_cut_before_it_is_heard_is_still_one)
{
    struct line l;
    open_line(&l);
    send(&l, l.source, 8000);
    steps(&l, 400);
    phone_truth_says(&l.t, STR("mm-hm"), span_from(caller, sizeof(caller)), 0);
    steps(&l, 100); /* 500 ms were heard */
    clear(&l);
    steps(&l, 300);
    send(&l, l.source + 3000, 960);
    clear(&l);
    steps(&l, 200);
    send(&l, l.source + 3000, 5000);
    steps(&l, 1000);
    phone_truth_finish(&l.t);
    assert_ok(l.t.err);
    assert_int_equal(l.t.n_cuts, 2);
    const struct phone_cut *c = &l.t.cuts[0];
    assert_int_equal(c->kind, PHONE_CUT_RESUMED);
    assert_int_equal(c->repeat_samples, 1000);
    assert_int_equal(c->skip_samples, 0);
    assert_int_equal(c->gap_samples, 500 * 8);
    assert_int_equal(c->altered, 0);
    c = &l.t.cuts[1];
    assert_int_equal(c->kind, PHONE_CUT_RESUMED);
    assert_false(c->audible); /* the hole is counted once */
    assert_int_equal(l.t.false_pauses, 1);
    assert_int_equal(l.t.n_utters, 1);
    assert_false(l.t.utters[0].stopped);
    assert_false(l.t.sounds[0].stopped);
    close_line(&l);
}

/* The same, and then the agent stays silent: the last clear is what stopped it. */
TEST(a_resumption_that_is_cut_for_good_before_it_is_heard_stops_the_agent)
{
    struct line l;
    open_line(&l);
    send(&l, l.source, 8000);
    steps(&l, 400);
    phone_truth_says(&l.t, STR("no, wait"), span_from(caller, sizeof(caller)), 0);
    steps(&l, 100);
    clear(&l);
    steps(&l, 300);
    send(&l, l.source + 3000, 960);
    clear(&l);
    steps(&l, 500);
    send(&l, l.source + 40000, 4000);
    steps(&l, 700);
    phone_truth_finish(&l.t);
    assert_ok(l.t.err);
    assert_int_equal(l.t.cuts[0].kind, PHONE_CUT_STOPPED);
    assert_int_equal(l.t.cuts[1].kind, PHONE_CUT_STOPPED);
    assert_int_equal(l.t.n_utters, 2);
    assert_true(l.t.sounds[0].stopped);
    assert_int_equal(l.t.false_pauses, 0);
    close_line(&l);
}

TEST(bytes_that_were_changed_are_counted)
{
    struct line l;
    uint8_t again[4000];
    open_line(&l);
    send(&l, l.source, 8000);
    steps(&l, 500);
    clear(&l);
    steps(&l, 100);
    memcpy(again, l.source + 3000, sizeof(again));
    again[1000] ^= 1;
    again[1001] ^= 1;
    send(&l, again, sizeof(again));
    steps(&l, 600);
    phone_truth_finish(&l.t);
    assert_int_equal(l.t.cuts[0].kind, PHONE_CUT_RESUMED);
    assert_int_equal(l.t.cuts[0].altered, 2);
    close_line(&l);
}

TEST(a_resumption_that_begins_with_silence_is_found_behind_it)
{
    struct line l;
    uint8_t again[4000];
    open_line(&l);
    memset(l.source + 3000, 0xFF, 800); /* a quiet point */
    send(&l, l.source, 8000);
    steps(&l, 600);
    clear(&l);
    steps(&l, 300);
    memcpy(again, l.source + 3100, sizeof(again));
    send(&l, again, sizeof(again));
    steps(&l, 600);
    phone_truth_finish(&l.t);
    assert_int_equal(l.t.cuts[0].kind, PHONE_CUT_RESUMED);
    assert_int_equal(l.t.cuts[0].repeat_samples, 4800 - 3100);
    close_line(&l);
}

TEST(something_new_is_no_resumption)
{
    struct line l;
    open_line(&l);
    send(&l, l.source, 8000);
    steps(&l, 400);
    phone_truth_says(&l.t, STR("wait"), span_from(caller, sizeof(caller)), 0);
    steps(&l, 100);
    clear(&l);
    send(&l, l.source + 7000, 80); /* too late: ten milliseconds more */
    steps(&l, 1400);
    send(&l, l.source + 40000, 8000);
    steps(&l, 1200);
    phone_truth_finish(&l.t);
    assert_int_equal(l.t.cuts[0].kind, PHONE_CUT_STOPPED);
    assert_int_equal(l.t.false_pauses, 0);
    assert_true(l.t.utters[0].stopped);
    assert_int_equal(l.t.utters[0].heard_samples, 4000);
    const struct phone_sound *s = &l.t.sounds[0];
    assert_true(s->over_agent && s->paused && s->stopped);
    assert_in_range(s->onset, 3200 + 60, 3200 + 100); /* a window that reaches into the sound */
    assert_int_equal(s->end, 3200 + 4000);
    assert_int_equal(s->stop_ms, (4000 - s->onset) / 8);
    assert_int_equal(s->agent_samples, 4000 - s->onset);
    assert_int_equal(s->late_bytes, 80);
    close_line(&l);
}

/* Two answers may begin with the same words: what starts over from far back is said anew. */
TEST(an_answer_that_starts_over_is_new)
{
    struct line l;
    open_line(&l);
    send(&l, l.source, 20000);
    steps(&l, 2000);
    clear(&l);
    steps(&l, 1500);
    send(&l, l.source, 20000);
    steps(&l, 3000);
    phone_truth_finish(&l.t);
    assert_int_equal(l.t.cuts[0].kind, PHONE_CUT_STOPPED);
    assert_int_equal(l.t.n_utters, 2);
    assert_int_equal(l.t.utters[1].heard_samples, 20000);
    close_line(&l);
}

TEST(two_pauses_and_then_an_end)
{
    struct line l;
    open_line(&l);
    send(&l, l.source, 8000);
    steps(&l, 500);
    clear(&l); /* at 4000 */
    steps(&l, 100);
    send(&l, l.source + 3600, 8000);
    steps(&l, 500);
    clear(&l); /* at 7600 of the source */
    steps(&l, 200);
    send(&l, l.source + 7000, 8000);
    steps(&l, 200);
    phone_truth_says(&l.t, STR("stop"), span_from(caller, sizeof(caller)), 0);
    steps(&l, 100);
    clear(&l); /* at 9400 */
    steps(&l, 2000);
    clear(&l); /* of nothing */
    phone_truth_finish(&l.t);
    assert_int_equal(l.t.n_cuts, 4);
    assert_int_equal(l.t.cuts[0].repeat_samples, 400);
    assert_int_equal(l.t.cuts[1].kind, PHONE_CUT_RESUMED);
    assert_int_equal(l.t.cuts[1].repeat_samples, 600);
    assert_int_equal(l.t.cuts[1].heard_samples, 7600);
    assert_int_equal(l.t.cuts[2].kind, PHONE_CUT_STOPPED);
    assert_int_equal(l.t.cuts[2].heard_samples, 9400);
    assert_int_equal(l.t.cuts[3].kind, PHONE_CUT_IDLE);
    assert_int_equal(l.t.false_pauses, 2);
    assert_int_equal(l.t.n_utters, 1);
    assert_int_equal(l.t.utters[0].heard_samples, 9400);
    assert_true(l.t.sounds[0].stopped);
    close_line(&l);
}

TEST(an_onset_that_the_noise_drowns_is_none)
{
    struct line l;
    uint8_t rising[4000];
    open_line(&l);
    for (size_t i = 0; i < sizeof(rising); i++) {
        rising[i] = g711_mulaw_encode1((int16_t)((i < 800 ? 1000 : 8000) * (i / 10 % 2 ? 1 : -1)));
    }
    phone_truth_says(&l.t, STR("softly"), span_from(rising, sizeof(rising)), 0);
    phone_truth_says(&l.t, STR("softly"), span_from(rising, sizeof(rising)), 3000);
    assert_int_equal(l.t.sounds[0].onset, 0);
    assert_in_range(l.t.sounds[1].onset, 760, 800);
    assert_int_equal(l.t.sounds[1].end, 4000);
    close_line(&l);
}

TEST(what_was_faded_in_before_is_not_altered)
{
    struct line l;
    uint8_t again[4000];
    open_line(&l);
    send(&l, l.source, 8000);
    steps(&l, 500);
    clear(&l);
    steps(&l, 100);
    memcpy(again, l.source + 3800, sizeof(again));
    memset(again, 0xFF, 40);
    send(&l, again, sizeof(again));
    steps(&l, 100);
    clear(&l);
    steps(&l, 100);
    send(&l, l.source + 3700, 4000); /* once more across the place where it was faded */
    steps(&l, 600);
    phone_truth_finish(&l.t);
    assert_int_equal(l.t.cuts[1].kind, PHONE_CUT_RESUMED);
    assert_int_equal(l.t.cuts[1].altered, 0);
    close_line(&l);
}

TEST(a_clear_while_nobody_spoke_over_the_agent_is_nobodys)
{
    struct line l;
    open_line(&l);
    send(&l, l.source, 1600);
    steps(&l, 1000);
    phone_truth_says(&l.t, STR("hello"), span_from(caller, sizeof(caller)), 0);
    steps(&l, 1000);
    clear(&l);
    phone_truth_finish(&l.t);
    assert_false(l.t.sounds[0].over_agent);
    assert_int_equal(l.t.sounds[0].cuts, 0);
    assert_int_equal(l.t.cuts[0].kind, PHONE_CUT_IDLE);
    close_line(&l);
}

TEST(the_report_is_json)
{
    struct line l;
    struct buf out;
    struct json_val doc;
    pause_and_resume(&l, 2000, true);
    buf_init(&out, 1 << 16);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    phone_truth_json(&w, &l.t);
    json_w_close(&w);
    assert_int_equal(out.err, 0);
    assert_ok(json_parse(buf_str(&out), &doc));
    double repeat = 0;
    struct json_it it = json_array(json_get(doc, "cuts"));
    struct json_val cut;
    assert_true(json_elem(&it, &cut));
    assert_str_is(json_get(cut, "kind").s, "resumed");
    assert_ok(str_to_f64(json_get(cut, "repeat_ms").s, &repeat));
    assert_true(repeat > 249.9 && repeat < 250.1);
    buf_done(&out);
    close_line(&l);
}

TEST_MAIN(T(what_was_played_is_one_utterance_until_it_is_quiet_for_long),
          T(a_resumption_is_recognised_by_its_bytes_and_measured),
          T(an_answer_that_is_cut_before_it_is_heard_begins_when_it_comes_back),
          T(speech_that_is_cut_before_it_is_heard_stops_nothing_before_it),
          T(a_cut_of_the_next_answer_is_not_of_the_sound_over_the_last_one),
          T(a_resumption_that_is_cut_before_it_is_heard_is_still_one),
          T(a_resumption_that_is_cut_for_good_before_it_is_heard_stops_the_agent),
          T(bytes_that_were_changed_are_counted), T(a_resumption_that_begins_with_silence_is_found_behind_it),
          T(something_new_is_no_resumption), T(an_answer_that_starts_over_is_new), T(two_pauses_and_then_an_end),
          T(an_onset_that_the_noise_drowns_is_none), T(what_was_faded_in_before_is_not_altered),
          T(a_clear_while_nobody_spoke_over_the_agent_is_nobodys), T(the_report_is_json))
