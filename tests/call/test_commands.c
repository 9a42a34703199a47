/* What a person may ask of a live call: interrupt, respond, commit, say, message. On a virtual clock. */
#include "agent_stage.h"

/* ---- interrupt ---- */

static void interrupt(enum interrupt_kind kind, const char *response)
{
    struct call_event ev = {.type = EV_CONTROL_INTERRUPT};
    ev.control_interrupt.kind = kind;
    ev.control_interrupt.response_id = str_from(response);
    forget_log();
    sim_event(&s, &ev);
}

TEST(an_interrupt_truncates_at_what_was_heard_and_leaves_the_cancel_to_a_service_that_does_it)
{
    up();
    speak("r1", 1, 3000);
    later(1000);
    interrupt(INTERRUPT_NORMAL, "");
    assert_order("what=audio-interrupted", "model.truncate");
    assert_int_equal(s.cancels, 0);
    assert_true(s.truncated_ms * 8 <= sim_heard(&s, 1) + 800);
    sim_audio(&s, "r1", 1, 500); /* late: suppressed until its done */
    assert_logged("note=late-audio");
    down();
}

TEST(a_forced_interrupt_cancels_in_any_case)
{
    up();
    speak("r1", 1, 3000);
    later(500);
    interrupt(INTERRUPT_FORCED, "");
    assert_order("model.cancel", "model.truncate");
    interrupt(INTERRUPT_FORCED, "");
    assert_logged("note=control-refused");
    assert_int_equal(s.cancels, 1);
    down();
}

TEST(without_interruptions_by_the_service_a_normal_one_cancels_too)
{
    configure();
    start(false, true);
    speak("r1", 1, 3000);
    later(500);
    interrupt(INTERRUPT_NORMAL, "");
    assert_int_equal(s.cancels, 1);
    down();
}

TEST(stopping_the_response_alone_leaves_its_audio)
{
    up();
    speak("r1", 1, 1000);
    later(300);
    interrupt(INTERRUPT_RESPONSE, "r1");
    assert_logged("model.cancel");
    assert_not_logged("leg.clear");
    assert_not_logged("model.truncate");
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    later(2000);
    assert_int_equal(sim_heard(&s, 1), 8000);
    interrupt(INTERRUPT_RESPONSE, "r1");
    assert_logged("note=control-refused");
    assert_int_equal(s.cancels, 1);
    down();
}

TEST(stopping_playback_alone_needs_a_response_that_is_over)
{
    up();
    speak("r1", 1, 3000);
    later(300);
    interrupt(INTERRUPT_PLAYBACK, "r1");
    assert_logged("note=control-refused");
    assert_not_logged("leg.clear");
    sim_audio_done(&s, "r1", 1, "One two three four five six.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(300);
    interrupt(INTERRUPT_PLAYBACK, "r1");
    assert_order("what=audio-interrupted", "leg.clear", "model.truncate");
    assert_int_equal(s.cancels, 0);
    later(1000);
    assert_true(sim_heard(&s, 1) < 3000 * 8);
    down();
}

TEST(a_newer_response_is_played_on_when_the_older_one_is_stopped)
{
    up();
    speak("r1", 1, 3000);
    sim_audio_done(&s, "r1", 1, "Old.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    speak("r2", 2, 600);
    later(300);
    interrupt(INTERRUPT_PLAYBACK, "r1");
    assert_logged("model.truncate");
    sim_audio_done(&s, "r2", 2, "New.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(2000);
    assert_int_equal(sim_heard(&s, 2), 600 * 8);
    assert_true(sim_heard(&s, 1) < 1000 * 8);
    assert_int_equal(s.cancels, 0);
    down();
}

TEST(nothing_is_sent_when_nothing_is_said)
{
    up();
    for (enum interrupt_kind k = INTERRUPT_NORMAL; k < INTERRUPT_KIND_N; k++) {
        interrupt(k, "");
        assert_logged("note=control-refused");
        assert_not_logged("model.");
        assert_not_logged("leg.clear");
    }
    down();
}

/* ---- respond, commit, say, message ---- */

TEST(messages_that_pile_up_are_answered_once_and_stop_nobody)
{
    up();
    speak("r1", 1, 1000);
    forget_log();
    message(ITEM_USER, "one", true);
    message(ITEM_USER, "two", true);
    message(ITEM_SYSTEM, "three", false);
    assert_int_equal(count("model.item "), 3);
    assert_not_logged("leg.clear");
    assert_int_equal(s.responds, 0);
    sim_audio_done(&s, "r1", 1, "Hm.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.responds, 1);
    assert_int_equal(count("line who=caller"), 2);
    assert_order("id=\"rt_item_1\"", "id=\"rt_item_2\"", "id=\"rt_item_3\"");
    down();
}

TEST(a_message_may_hold_an_image_and_the_history_keeps_it)
{
    up();
    struct call_item it = {.role = ITEM_USER, .n_parts = 2};
    it.parts[0] = (struct call_part){.kind = PART_TEXT, .text = STR("what is this")};
    it.parts[1] = (struct call_part){.kind = PART_IMAGE, .text = STR("data:x"), .detail = STR("low")};
    control((struct call_event){.type = EV_CONTROL_MESSAGE, .control_message = {&it, true}});
    const struct call_item echo = {.id = STR("rt_item_1"), .role = ITEM_USER, .status = ITEM_COMPLETED, .n_parts = 0};
    control((struct call_event){.type = EV_MODEL_ITEM, .model_item = {.item = &echo}});
    assert_int_equal(count("image=6"), 2); /* sent, and told once */
    down();
}

TEST(respond_asks_once_and_waits_for_the_one_under_way)
{
    up();
    speak("r1", 1, 500);
    control((struct call_event){.type = EV_CONTROL_RESPOND, .control_respond = {.instructions = STR("Rhyme.")}});
    control((struct call_event){.type = EV_CONTROL_RESPOND, .control_respond = {.instructions = STR("Rhyme.")}});
    assert_int_equal(s.responds, 0);
    sim_audio_done(&s, "r1", 1, "x");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.responds, 1);
    assert_logged("instructions=\"Rhyme.\"");
    down();
}

TEST(what_is_to_be_said_waits_for_an_answer_that_is_owed)
{
    up();
    sim_created(&s, "r1");
    tool_event("r1", "c1", "check_order_status", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    control((struct call_event){.type = EV_CONTROL_SAY, .control_say = {.text = STR("A colleague listens.")}});
    assert_int_equal(s.responds, 0);
    control((struct call_event){.type = EV_TOOL_RESULT, .tool_result = {STR("c1"), STR("{}"), false}});
    assert_int_equal(s.responds, 1);
    assert_not_logged("A colleague");
    sim_created(&s, "r2");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    assert_int_equal(s.responds, 2);
    assert_logged("Say exactly: \\\"A colleague listens.\\\"");
    down();
}

TEST(what_is_to_be_said_at_once_stops_the_agent)
{
    up();
    speak("r1", 1, 3000);
    later(300);
    control((struct call_event){.type = EV_CONTROL_SAY, .control_say = {.text = STR("Stop."), .interrupt = true}});
    assert_int_equal(s.cancels, 1);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(a_commit_by_hand_is_answered_like_one_of_the_service)
{
    configure();
    start(false, false);
    control((struct call_event){.type = EV_CONTROL_COMMIT});
    assert_logged("model.commit");
    assert_int_equal(s.responds, 0);
    sim_speech(&s, EV_MODEL_COMMITTED);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(a_commit_closes_the_turn_of_a_button)
{
    configure();
    s.opts.turn.kind = TURN_MANUAL;
    start(false, false);
    control((struct call_event){.type = EV_CONTROL_TURN, .control_turn = {TURN_CUE_START}});
    later(500);
    control((struct call_event){.type = EV_CONTROL_COMMIT});
    assert_int_equal(s.commits, 1);
    assert_int_equal(s.responds, 1);
    control((struct call_event){.type = EV_CONTROL_COMMIT}); /* no turn is open */
    assert_int_equal(s.commits, 1);
    down();
}

TEST(nobody_can_be_spoken_to_before_the_call_and_in_the_goodbye)
{
    configure();
    sim_start(&s);
    sim_begin(&s);
    message(ITEM_USER, "early", true);
    assert_logged("note=control-refused");
    assert_not_logged("model.item ");
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    sim_created(&s, "r1");
    tool_event("r1", "c1", "end_call", "{}");
    forget_log();
    message(ITEM_USER, "late", true);
    control((struct call_event){.type = EV_CONTROL_SAY, .control_say = {.text = STR("late")}});
    assert_int_equal(count("note=control-refused"), 2);
    assert_not_logged("model.item ");
    down();
}

TEST_MAIN(T(an_interrupt_truncates_at_what_was_heard_and_leaves_the_cancel_to_a_service_that_does_it),
          T(a_forced_interrupt_cancels_in_any_case), T(without_interruptions_by_the_service_a_normal_one_cancels_too),
          T(stopping_the_response_alone_leaves_its_audio), T(stopping_playback_alone_needs_a_response_that_is_over),
          T(a_newer_response_is_played_on_when_the_older_one_is_stopped), T(nothing_is_sent_when_nothing_is_said),
          T(messages_that_pile_up_are_answered_once_and_stop_nobody),
          T(a_message_may_hold_an_image_and_the_history_keeps_it), T(respond_asks_once_and_waits_for_the_one_under_way),
          T(what_is_to_be_said_waits_for_an_answer_that_is_owed), T(what_is_to_be_said_at_once_stops_the_agent),
          T(a_commit_by_hand_is_answered_like_one_of_the_service), T(a_commit_closes_the_turn_of_a_button),
          T(nobody_can_be_spoken_to_before_the_call_and_in_the_goodbye))
