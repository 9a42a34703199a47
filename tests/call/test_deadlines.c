/* What a call waits for has an end also where everybody else keeps busy: each of these fails without its timer. */
#include "stage.h"

static void up(void)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    raise_curtain(true, true);
}

/* The model sends as much as is played, and does not come to an end. */
static void talk_on(const char *response, uint32_t seconds)
{
    for (uint32_t i = 0; i < seconds && s.hangups == 0; i++) {
        sim_audio(&s, response, 1, 1000);
        later(1000);
    }
}

/* No mark comes back. */
static void lose_marks(void)
{
    for (uint32_t i = 0; i < s.n_segments; i++) {
        s.segments[i].returned = true;
    }
}

TEST(a_leg_that_never_sends_a_frame_is_let_go)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    s.media = false;
    sim_model_ready(&s, true, true);
    later(s.opts.deadlines.media_ms - 100);
    assert_int_equal(s.hangups, 0);
    later(200);
    assert_int_equal(s.hangups, 1);
    down();
    assert_int_equal(s.reason, REASON_NO_MEDIA);
}

TEST(the_agent_is_played_on_when_neither_frames_nor_marks_come)
{
    up();
    caller_turn(800, "r1");
    s.media = false;
    sim_audio(&s, "r1", 1, 3000);
    for (uint32_t at = 0; at < 1000; at += 10) {
        lose_marks();
        later(10);
    }
    uint32_t left_ms = view().queued_ms;
    assert_true(left_ms < 2200); /* a second has passed, and its lead */
    assert_true(left_ms > 1000); /* and no more */
    down();
}

TEST(the_response_that_ends_the_call_may_not_go_on_for_ever)
{
    up();
    caller_turn(800, "r1");
    sim_tool(&s, "r1", "call_1", "end_call");
    talk_on("r1", 20);
    assert_int_equal(s.hangups, 1);
    down();
}

TEST(a_cancelled_response_whose_end_is_never_told_is_over)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    raise_curtain(false, false);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    sim_speech(&s, EV_MODEL_COMMITTED);
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 3000);
    later(1000);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    assert_int_equal(s.cancels, 1);
    later(200);
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    sim_speech(&s, EV_MODEL_COMMITTED);
    later(s.opts.deadlines.cancel_ms - 400);
    assert_int_equal(s.responds, 1);
    later(400);
    assert_logged("note=response-timeout value=0 text=\"cancel\"");
    assert_int_equal(s.responds, 2);
    down();
}

TEST(a_goodbye_may_not_go_on_for_ever)
{
    up();
    caller_turn(800, "r1");
    sim_tool(&s, "r1", "call_1", "end_call");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    sim_created(&s, "r2");
    talk_on("r2", 29); /* it has begun in time: it may take longer than it may take to begin */
    assert_int_equal(s.hangups, 0);
    talk_on("r2", 3);
    assert_int_equal(s.hangups, 1);
    assert_logged("note=farewell value=0 text=\"timeout\"");
    down();
}

/* Half a minute of what was said before the end is enough, whoever ends the call. */
TEST(what_was_said_before_the_end_is_played_for_so_long)
{
    for (int broken = 0; broken < 2; broken++) {
        up();
        caller_turn(800, "r1");
        sim_audio(&s, "r1", 1, 60000);
        if (broken) {
            struct call_event ev = {.type = EV_MODEL_FAILED};
            ev.model_failed.err = -ERR_CLOSED;
            ev.model_failed.code = STR("ws-1011");
            ev.model_failed.was_ready = true;
            sim_event(&s, &ev);
        } else {
            sim_audio_done(&s, "r1", 1, "Goodbye, and so on.");
            sim_tool(&s, "r1", "call_1", "end_call");
            sim_response_done(&s, "r1", RESPONSE_COMPLETED);
        }
        later(29000);
        assert_int_equal(s.hangups, 0);
        later(2000);
        assert_int_equal(s.hangups, 1);
        down();
        assert_int_equal(s.reason, broken ? REASON_MODEL_CLOSED : REASON_AGENT_HANGUP);
    }
}

TEST(a_sound_that_came_to_nothing_puts_the_question_off_for_a_moment_only)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.turn.kind = TURN_LOCAL;
    s.opts.vad.on = s.opts.silence.on = true;
    s.opts.silence.after_ms = 10000;
    raise_curtain(false, false);
    later(9960);
    s.ppm = 800000; /* a click, undecided when the question is due */
    later(64);
    assert_int_not_equal(view().caller, CALLER_SILENT);
    s.ppm = 0;
    later(1500);
    assert_logged("note=silence");
    down();
}

TEST_MAIN(T(a_leg_that_never_sends_a_frame_is_let_go), T(the_agent_is_played_on_when_neither_frames_nor_marks_come),
          T(the_response_that_ends_the_call_may_not_go_on_for_ever),
          T(a_cancelled_response_whose_end_is_never_told_is_over), T(a_goodbye_may_not_go_on_for_ever),
          T(what_was_said_before_the_end_is_played_for_so_long),
          T(a_sound_that_came_to_nothing_puts_the_question_off_for_a_moment_only))
