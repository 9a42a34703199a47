#include "test.h"

#include "peer/phone/phone_ears.h"
#include "peer/phone/phone_report.h"

/* Speech drawn as text, one letter a frame: '#' loud, '.' quiet, 'c' a clear before a quiet frame, 'C' before a loud.
 */
static void draw(struct phone_turns *t, const char *caller, const char *agent)
{
    size_t n = strlen(caller);
    assert_int_equal(n, strlen(agent));
    for (size_t i = 0; i < n; i++) {
        if (agent[i] == 'c' || agent[i] == 'C') {
            phone_turns_clear(t);
        }
        phone_turns_step(t, caller[i] == '#', agent[i] == '#' || agent[i] == 'C');
    }
}

TEST(one_click_is_no_speech_and_a_pause_is_no_end)
{
    struct phone_ears e;
    phone_ears_init(&e, 100);
    static const char loud[] = "..#....##.#...#....####......";
    /*                          0123456789                          */
    uint32_t began = 0, ended = 0, n_begin = 0, n_end = 0;
    for (uint32_t i = 0; loud[i]; i++) {
        enum phone_heard h = phone_ears_step(&e, i, loud[i] == '#');
        if (h == PHONE_HEARD_BEGIN) {
            began = n_begin++ == 0 ? e.begin_frame : began;
        } else if (h == PHONE_HEARD_END) {
            n_end++;
            ended = e.end_frame;
        }
    }
    assert_int_equal(n_begin, 1);
    assert_int_equal(began, 7);
    assert_int_equal(n_end, 1);
    assert_int_equal(ended, 23);
    assert_false(e.speaking);
}

TEST(gap_runs_from_the_last_word_to_the_first_answer)
{
    struct phone_turns t;
    phone_turns_init(&t, 100);
    draw(&t, "...####.................", ".................###....");
    phone_turns_finish(&t);
    assert_int_equal(t.n_turns, 1);
    assert_int_equal(t.turns[0].begin_frame, 3);
    assert_int_equal(t.turns[0].end_frame, 7);
    assert_true(t.turns[0].answered);
    assert_int_equal(t.turns[0].gap_ms, 200);
    assert_false(t.turns[0].barge_in);
    assert_int_equal(t.overlap_frames, 0);
    assert_int_equal(phone_turns_agent_ms(&t), 60);
    phone_turns_done(&t);
}

TEST(barge_in_measures_until_the_agent_is_silent_and_the_next_speech_answers)
{
    struct phone_turns t;
    phone_turns_init(&t, 200);
    /* The agent talks on for 5 frames, the clear cuts it; 3 frames later (less than the quiet time) it answers. */
    draw(&t, "........######......", "..###########c..####");
    phone_turns_finish(&t);
    assert_int_equal(t.n_turns, 1);
    assert_true(t.turns[0].barge_in);
    assert_int_equal(t.turns[0].stop_ms, 100);
    assert_int_equal(t.turns[0].overlap_ms, 80); /* the first frame of speech is not yet known to be speech */
    assert_int_equal(t.overlap_frames, 5);
    assert_true(t.turns[0].answered);
    assert_int_equal(t.turns[0].gap_ms, 40);
    assert_int_equal(t.n_spells, 2);
    assert_true(t.spells[1].cleared);
    phone_turns_done(&t);
}

TEST(an_agent_that_breathes_but_talks_on_has_not_stopped)
{
    struct phone_turns t;
    phone_turns_init(&t, 300);
    draw(&t, "....##########################......................",
         "..#####............##########..................#####");
    phone_turns_finish(&t);
    assert_true(t.turns[0].barge_in);
    assert_int_equal(t.turns[0].stop_ms, (29 - 4) * 20);
    assert_true(t.turns[0].answered);
    assert_int_equal(t.turns[0].gap_ms, (47 - 30) * 20);
    phone_turns_done(&t);
}

TEST(a_turn_that_nobody_answers_before_the_next_is_unanswered)
{
    struct phone_turns t;
    phone_turns_init(&t, 60);
    draw(&t, "###......###.........", "..............###....");
    phone_turns_finish(&t);
    assert_int_equal(t.n_turns, 2);
    assert_false(t.turns[0].answered);
    assert_true(t.turns[1].answered);
    assert_int_equal(t.turns[1].gap_ms, 40);
    phone_turns_done(&t);
}

TEST(keys_in_a_row_are_one_turn_with_an_answer)
{
    struct phone_turns t;
    phone_turns_init(&t, 60);
    draw(&t, "...", "...");
    phone_turns_key(&t, '1');
    draw(&t, "..........", "..........");
    phone_turns_key(&t, '#');
    draw(&t, ".....", "...##");
    phone_turns_finish(&t);
    assert_int_equal(t.n_turns, 1);
    assert_true(t.turns[0].keys);
    assert_string_equal(t.turns[0].label, "1#");
    assert_int_equal(t.turns[0].gap_ms, 60);
    phone_turns_done(&t);
}

TEST(a_late_answer_to_a_short_word_is_not_the_interrupted_speech)
{
    struct phone_turns t;
    phone_turns_init(&t, 700);
    /* Agent silent for 4 frames, caller says a word of 8 frames, agent answers 6 frames later: 18 < 35 quiet frames. */
    draw(&t, "............########..........", "..######..................####");
    phone_turns_finish(&t);
    assert_int_equal(t.n_turns, 1);
    assert_false(t.turns[0].barge_in);
    assert_true(t.turns[0].answered);
    assert_int_equal(t.turns[0].gap_ms, 120);
    phone_turns_done(&t);
}

TEST(labels_are_cut_between_characters)
{
    struct phone_turns t;
    phone_turns_init(&t, 60);
    char text[PHONE_LABEL_MAX * 2];
    for (size_t i = 0; i < sizeof(text); i += 2) {
        memcpy(text + i, "é", 2);
    }
    phone_turns_label(&t, (struct str){text, sizeof(text)});
    draw(&t, "###...", "......");
    phone_turns_finish(&t);
    assert_true(utf8_valid(str_from(t.turns[0].label)));
    assert_int_equal(strlen(t.turns[0].label), PHONE_LABEL_MAX - 2);
    phone_turns_done(&t);
}

/* ---- expectations ---- */

static struct phone_verdict only_verdict(const struct phone_expect *e, const struct phone_report *r)
{
    struct phone_verdict v[PHONE_VERDICTS_MAX];
    assert_int_equal(phone_expect_check(e, r, v), 1);
    return v[0];
}

static struct phone_expect nothing(void)
{
    struct phone_expect e;
    phone_expect_init(&e);
    e.no_warnings = false;
    return e;
}

TEST(each_expectation_holds_and_fails)
{
    struct phone_report r;
    phone_report_init(&r, 200);
    draw(&r.turns, "........######......", "..###########c..####");
    phone_turns_finish(&r.turns);
    phone_report_end(&r, PHONE_SIDE_AGENT, "closed with 1000");
    phone_report_end(&r, PHONE_SIDE_CALLER, "too late to be the reason");
    struct {
        int32_t *field;
        int32_t holds, fails;
        struct phone_expect e;
    } c[5];
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        c[i].e = nothing();
    }
    c[0].field = &c[0].e.gap_ms, c[0].holds = 40, c[0].fails = 39;
    c[1].field = &c[1].e.stop_ms, c[1].holds = 100, c[1].fails = 99;
    c[2].field = &c[2].e.overlap_ms, c[2].holds = 100, c[2].fails = 99;
    c[3].field = &c[3].e.agent_speech_ms, c[3].holds = 300, c[3].fails = 301;
    c[4].field = &c[4].e.turns, c[4].holds = 1, c[4].fails = 2;
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        *c[i].field = c[i].holds;
        assert_true(only_verdict(&c[i].e, &r).held);
        *c[i].field = c[i].fails;
        assert_false(only_verdict(&c[i].e, &r).held);
        assert_true(only_verdict(&c[i].e, &r).text[0] != '\0');
    }
    struct phone_expect e = nothing();
    e.hangup = PHONE_SIDE_AGENT;
    assert_true(only_verdict(&e, &r).held);
    e.hangup = PHONE_SIDE_CALLER;
    assert_false(only_verdict(&e, &r).held);
    phone_report_done(&r);
}

TEST(warnings_late_frames_and_late_audio_fail_when_asked_for)
{
    struct phone_report r;
    phone_report_init(&r, 200);
    struct phone_expect e;
    phone_expect_init(&e); /* no warnings: the default */
    assert_true(only_verdict(&e, &r).held);
    phone_report_warn(&r, 31951, 20, "surplus key");
    assert_false(only_verdict(&e, &r).held);
    e = nothing();
    e.no_late = true;
    assert_true(only_verdict(&e, &r).held);
    r.underruns = 1;
    assert_false(only_verdict(&e, &r).held);
    e = nothing();
    e.no_after_clear = true;
    assert_true(only_verdict(&e, &r).held);
    r.after_clear_bytes = 1;
    assert_false(only_verdict(&e, &r).held);
    phone_report_done(&r);
}

TEST(nothing_said_and_no_barge_in_fail_their_expectations)
{
    struct phone_report r;
    phone_report_init(&r, 200);
    struct phone_expect e = nothing();
    e.gap_ms = 1000;
    assert_false(only_verdict(&e, &r).held);
    e = nothing();
    e.stop_ms = 1000;
    assert_false(only_verdict(&e, &r).held);
    phone_report_done(&r);
}

TEST(report_is_one_json_object)
{
    struct phone_report r;
    struct buf out;
    struct json_val v;
    phone_report_init(&r, 200);
    buf_init(&out, 1 << 20);
    phone_turns_label(&r.turns, STR("quote \" and \\"));
    draw(&r.turns, "........######......", "..###########c..####");
    phone_turns_finish(&r.turns);
    phone_report_warn(&r, 31951, 20, "surplus \"key\"");
    phone_report_doc(&r, STR("<Response/>\n"));
    buf_puts(&r.verbs, "Say bye\nHangup\n");
    phone_report_json(&r, NULL, 0, STR_NULL, &out);
    assert_int_equal(out.err, 0);
    assert_ok(json_parse(buf_str(&out), &v));
    int64_t n = 0;
    struct json_val turn;
    struct json_it it = json_array(json_get(v, "turns"));
    assert_true(json_elem(&it, &turn));
    assert_ok(json_to_i64(json_get(turn, "stop_ms"), &n));
    assert_int_equal(n, 100);
    assert_false(json_elem(&it, &turn));
    it = json_array(json_get(v, "verbs_after_stream"));
    assert_true(json_elem(&it, &turn));
    assert_str_is(turn.s, "Say bye");
    assert_true(json_elem(&it, &turn));
    assert_false(json_elem(&it, &turn));
    buf_done(&out);
    phone_report_done(&r);
}

TEST_MAIN(T(one_click_is_no_speech_and_a_pause_is_no_end), T(gap_runs_from_the_last_word_to_the_first_answer),
          T(barge_in_measures_until_the_agent_is_silent_and_the_next_speech_answers),
          T(an_agent_that_breathes_but_talks_on_has_not_stopped),
          T(a_turn_that_nobody_answers_before_the_next_is_unanswered), T(keys_in_a_row_are_one_turn_with_an_answer),
          T(a_late_answer_to_a_short_word_is_not_the_interrupted_speech), T(labels_are_cut_between_characters),
          T(each_expectation_holds_and_fails), T(warnings_late_frames_and_late_audio_fail_when_asked_for),
          T(nothing_said_and_no_barge_in_fail_their_expectations), T(report_is_one_json_object))
