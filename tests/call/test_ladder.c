/* Nobody waits in silence for ever: the caller's ladder, the model's dead air, on a virtual clock. */
#include "stage.h"

static uint32_t answers;

static void up_with(bool silence, bool dead_air, uint32_t after_ms)
{
    sim_init(&s);
    answers = 0;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.silence.on = silence;
    s.opts.silence.after_ms = after_ms;
    s.opts.silence.again_ms = 6000;
    s.opts.dead_air.on = dead_air;
    raise_curtain(false, false);
}

static void up(bool silence, bool dead_air)
{
    up_with(silence, dead_air, 10000);
}

/* The model speaks for ms what was asked for. */
static void answer(uint32_t ms)
{
    char id[8];
    snprintf(id, sizeof(id), "r%u", ++answers);
    sim_created(&s, id);
    sim_audio(&s, id, (uint8_t)answers, ms);
    sim_audio_done(&s, id, (uint8_t)answers, "words");
    sim_response_done(&s, id, RESPONSE_COMPLETED);
    later(ms + 100);
}

TEST(a_silent_caller_is_asked_twice_then_told_goodbye_and_hung_up)
{
    up(true, false);
    later(9900);
    assert_int_equal(s.responds, 0);
    later(200);
    assert_int_equal(s.responds, 1);
    assert_logged("Say exactly: \\\"Are you still there?\\\"");
    answer(1000);
    forget_log();
    later(5700);
    assert_int_equal(s.responds, 1); /* counted from the end of the prompt */
    later(400);
    assert_int_equal(s.responds, 2);
    assert_logged("I cannot hear you");
    answer(2000);
    forget_log();
    later(6100);
    assert_logged("note=silence");
    assert_logged("text=\"goodbye\"");
    assert_logged("I will hang up now");
    answer(2000);
    assert_int_equal(s.hangups, 1);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_CALLER_SILENT);
    down();
}

TEST(what_the_caller_does_sets_the_ladder_back)
{
    up(true, false);
    later(10100);
    answer(1000);
    caller_speaks(800);
    answer(1000);
    forget_log();
    later(9700);
    assert_not_logged("note=silence");
    later(600);
    assert_logged("Are you still there?"); /* the first rung again */
    down();
}

TEST(tools_and_answers_pause_the_clock)
{
    up_with(true, false, 4000);
    later(2000);
    caller_speaks(800);
    sim_created(&s, "t");
    sim_tool(&s, "t", "call_1", "check_order_status");
    sim_response_done(&s, "t", RESPONSE_COMPLETED);
    later(9000);
    assert_not_logged("note=silence");
    down();
}

TEST(keys_that_are_still_being_pressed_are_no_silence)
{
    up_with(true, false, 1000);
    later(900);
    struct call_event ev = {.type = EV_LEG_DTMF};
    ev.leg_dtmf.digit = '4';
    sim_event(&s, &ev);
    later(1400);
    assert_not_logged("note=silence");
    later(200);
    assert_logged("The caller pressed the keys 4");
    down();
}

TEST(noise_that_is_never_speech_does_not_hold_the_line_for_ever)
{
    sim_init(&s);
    answers = 0;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.turn.kind = TURN_LOCAL;
    s.opts.vad.on = s.opts.silence.on = true;
    s.opts.silence.after_ms = 10000;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, false, false);
    for (int i = 0; i < 12; i++) { /* a click every second */
        s.ppm = 800000;
        later(35);
        s.ppm = 0;
        later(965);
    }
    assert_logged("note=silence");
    down();
}

TEST(a_question_waits_for_a_sound_that_may_be_the_answer)
{
    sim_init(&s);
    answers = 0;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.turn.kind = TURN_LOCAL;
    s.opts.vad.on = s.opts.silence.on = true;
    s.opts.silence.after_ms = 3000;
    raise_curtain(false, false);
    later(2950);
    s.ppm = 950000;
    later(600);
    s.ppm = 0;
    assert_not_logged("note=silence");
    later(500);
    assert_int_equal(s.commits, 1);
    down();
}

TEST(every_answer_has_its_nudge)
{
    up(false, true);
    for (uint32_t i = 1; i <= 2; i++) {
        caller_speaks(800);
        sim_created(&s, i == 1 ? "a" : "b"); /* and not a sound of it */
        later(8100);
        sim_response_done(&s, i == 1 ? "a" : "b", RESPONSE_CANCELLED);
        assert_int_equal(count("text=\"nudge\""), i);
        answer(1000); /* now it speaks */
    }
    assert_int_equal(s.hangups, 0);
    down();
}

TEST(an_answer_that_does_not_come_is_asked_for_again_then_apologised_for)
{
    up(false, true);
    caller_speaks(800);
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r1"); /* and not a sound of it */
    later(8100);
    assert_logged("note=dead-air");
    assert_logged("text=\"nudge\"");
    assert_int_equal(s.cancels, 1);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_int_equal(s.responds, 2);
    sim_created(&s, "r2");
    later(8100);
    assert_int_equal(s.hangups, 1);
    assert_logged("apologise=1");
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_MODEL_SILENT);
    down();
}

TEST(an_answer_in_time_is_left_alone)
{
    up(false, true);
    caller_speaks(800);
    later(4000);
    answer(3000);
    later(20000);
    assert_not_logged("note=dead-air");
    assert_int_equal(s.responds, 1);
    down();
}

TEST(a_text_only_answer_is_asked_for_once_more)
{
    up(false, true);
    caller_speaks(800);
    sim_created(&s, "r1");
    sim_audio_done(&s, "r1", 1, "I can only write.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.responds, 2);
    assert_logged("text=\"no-audio\"");
    answer(1000);
    for (int i = 0; i < 5; i++) { /* a model that never speaks does not keep the caller */
        caller_speaks(800);
        char id[8];
        snprintf(id, sizeof(id), "m%d", i);
        sim_created(&s, id);
        sim_response_done(&s, id, RESPONSE_COMPLETED);
        if (s.in_flight) {
            snprintf(id, sizeof(id), "n%d", i);
            sim_created(&s, id);
            sim_response_done(&s, id, RESPONSE_COMPLETED);
        }
    }
    assert_int_equal(s.hangups, 1);
    down();
}

TEST(a_response_that_never_ends_is_stopped)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.dead_air.on = true;
    s.opts.dead_air.max_response_ms = 5000;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, false, false);
    caller_speaks(800);
    sim_created(&s, "r1");
    for (int i = 0; i < 60; i++) {
        sim_audio(&s, "r1", 1, 100);
    }
    assert_int_equal(s.cancels, 1);
    assert_logged("text=\"endless\"");
    later(6000);
    assert_in_range(sim_heard(&s, 1) / 8, 5000, 5200); /* what had come is heard */
    down();
}

TEST_MAIN(T(a_silent_caller_is_asked_twice_then_told_goodbye_and_hung_up), T(what_the_caller_does_sets_the_ladder_back),
          T(tools_and_answers_pause_the_clock), T(keys_that_are_still_being_pressed_are_no_silence),
          T(noise_that_is_never_speech_does_not_hold_the_line_for_ever),
          T(a_question_waits_for_a_sound_that_may_be_the_answer), T(every_answer_has_its_nudge),
          T(an_answer_that_does_not_come_is_asked_for_again_then_apologised_for), T(an_answer_in_time_is_left_alone),
          T(a_text_only_answer_is_asked_for_once_more), T(a_response_that_never_ends_is_stopped))
