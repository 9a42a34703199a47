/* The rules of tool calls on a virtual clock: order, duplicates, fillers, background. */
#include "tool_stage.h"

/* ---- the set ---- */

TEST(unknown_tool_is_told_and_asks_for_no_response)
{
    up(&plain);
    says("do magic");
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 300);
    sim_audio_done(&s, "r1", 1, "Let me see.");
    call_tool("r1", "c1", "mag\"ic", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(3000);
    assert_logged("Unknown function: mag");
    assert_logged("note=tool-unknown");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.runs, 0);
    assert_int_equal(s.responds, 0);
    down();
}

TEST(nothing_but_a_call_into_the_void_is_asked_once_more)
{
    up(&plain);
    down();
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.dead_air.on = true;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    asks_tool("r1", "c1", "magic", "{}");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1); /* behind the output, so that the model knows */
    assert_logged("note=dead-air");
    down();
}

TEST(an_output_longer_than_services_take_is_told_as_an_error)
{
    static char text[12002];
    for (size_t n = 12000; n <= 12001; n++) {
        memset(text, 'x', n);
        text[n] = '\0';
        up(&plain);
        asks_tool("r1", "c1", "plain", "{}");
        result("c1", text);
        assert_int_equal(s.outputs, 1);
        assert_int_equal(logged("the result was too large"), n > 12000);
        assert_int_equal(logged(text), n <= 12000); /* to the last letter, or not at all */
        down();
    }
}

TEST(duplicates_are_ignored_in_every_state_and_other_arguments_are_an_error)
{
    up(&always);
    asks_tool("r1", "c1", "refund", "{\"amount\": 5}");
    call_tool("r1", "c1", "refund", "{\"amount\":5}"); /* the same in other words */
    assert_int_equal(count("note=tool-duplicate"), 1);
    call_tool("r1", "c1", "refund", "{\"amount\":500}");
    call_tool("r1", "c1", "plain", "{\"amount\":5}");
    assert_int_equal(count("note=tool-conflict"), 2);
    assert_int_equal(count("tool.approval call"), 1);
    decide("c1", true, false, "");
    call_tool("r1", "c1", "refund", "{\"amount\":5}");
    assert_int_equal(count("note=tool-duplicate"), 2);
    result("c1", "done");
    speaks("r2", 1);
    call_tool("r2", "c1", "refund", "{\"amount\":5}");
    call_tool("r2", "c1", "refund", "{\"amount\":6}");
    assert_int_equal(count("note=tool-duplicate"), 3);
    assert_int_equal(count("note=tool-conflict"), 3);
    assert_int_equal(count("tool_call_conflict"), 3); /* who watches is told */
    assert_int_equal(s.runs, 1);
    assert_int_equal(s.outputs, 1);
    down();
}

TEST(refused_output_is_sent_again_and_the_tool_does_not_run_again)
{
    up(&plain);
    asks_tool("r1", "c1", "plain", "{}");
    result("c1", "{\"n\":1}");
    assert_int_equal(s.outputs, 1);
    struct call_event ev = {.type = EV_MODEL_ERROR};
    ev.model_error.code = STR("invalid_tool_call_id");
    ev.model_error.request = s.last_output;
    sim_event(&s, &ev);
    assert_logged("note=tool-resent");
    later(400);
    assert_int_equal(s.outputs, 2);
    ev.model_error.request = s.last_output;
    sim_event(&s, &ev);
    later(400);
    ev.model_error.request = s.last_output;
    sim_event(&s, &ev); /* enough */
    later(1000);
    assert_int_equal(s.outputs, 3);
    assert_int_equal(count("call=\"c1\" output=\"{\\\"n\\\":1}\""), 3);
    assert_int_equal(s.runs, 1);
    down();
}

TEST(accepted_output_is_not_sent_again)
{
    up(&plain);
    asks_tool("r1", "c1", "plain", "{}");
    result("c1", "1");
    speaks("r2", 1);
    struct call_event ev = {.type = EV_MODEL_ERROR};
    ev.model_error.code = STR("invalid_tool_call_id");
    ev.model_error.request = s.last_output;
    sim_event(&s, &ev);
    later(1000);
    assert_int_equal(s.outputs, 1);
    down();
}

TEST(time_is_up_in_the_words_of_the_tool)
{
    struct tool_rules r = {.timeout_text = STR("the till is closed")};
    up(&r);
    asks_tool("r1", "c1", "refund", "{}");
    later(10100);
    assert_logged("output=\"the till is closed\"");
    assert_logged("tool.cancel call=\"c1\"");
    result("c1", "too late");
    assert_logged("note=tool-late");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(parallel_tools_start_at_once_and_get_one_answer)
{
    up(&plain);
    says("two things");
    sim_created(&s, "r1");
    call_tool("r1", "c1", "refund", "{}");
    call_tool("r1", "c2", "plain", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.runs, 2);
    result("c2", "2");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 0);
    result("c1", "1");
    assert_int_equal(s.outputs, 2);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(sequential_tools_run_one_after_the_other_in_order)
{
    struct tool_rules r = {.mode = TOOL_SEQUENTIAL};
    up(&r);
    says("three things");
    sim_created(&s, "r1");
    call_tool("r1", "c1", "plain", "{}");
    call_tool("r1", "c2", "refund", "{\"a\":1}");
    call_tool("r1", "c3", "plain", "{\"a\":2}");
    call_tool("r1", "c4", "check_order_status", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.runs, 1);
    result("c1", "1");
    assert_int_equal(s.runs, 2);
    assert_logged("tool.run call=\"c2\" name=\"refund\" arguments=\"{\\\"a\\\":1}\"");
    later(10100); /* its time is up: the next one's begins */
    assert_int_equal(s.runs, 3);
    assert_logged("tool.run call=\"c3\"");
    assert_not_logged("tool.run call=\"c4\"");
    result("c3", "3");
    assert_int_equal(s.runs, 4);
    result("c4", "4");
    assert_int_equal(s.outputs, 4);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(interruption_gives_up_the_tools_that_ask_for_it)
{
    struct tool_rules r = {.cancel_on_interrupt = true};
    up(&r);
    says("two things");
    sim_created(&s, "r1");
    call_tool("r1", "c1", "refund", "{}");
    call_tool("r1", "c2", "plain", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    says("no, wait");
    assert_logged("tool.cancel call=\"c1\"");
    assert_not_logged("tool.cancel call=\"c2\"");
    assert_logged("note=tool-cancelled");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 0);
    result("c1", "late");
    assert_int_equal(s.outputs, 1);
    down();
}

TEST(results_after_the_end_go_nowhere)
{
    up(&always);
    asks_tool("r1", "c1", "plain", "{}");
    sim_created(&s, "r2");
    call_tool("r2", "c2", "refund", "{}");
    sim_simple(&s, EV_LEG_STOP);
    assert_logged("tool.cancel call=\"c1\"");
    assert_logged("tool.decided call=\"c2\" name=\"refund\" outcome=gone");
    result("c1", "late");
    decide("c2", true, false, "");
    assert_int_equal(s.outputs, 0);
    assert_int_equal(s.runs, 1);
    down();
}

TEST(too_many_at_once_still_get_an_output_each)
{
    up(&plain);
    says("everything");
    sim_created(&s, "r1");
    for (int i = 0; i < 20; i++) {
        char id[8];
        snprintf(id, sizeof(id), "c%d", i);
        call_tool("r1", id, "plain", "{}");
    }
    assert_int_equal(s.runs, 16);
    assert_int_equal(s.outputs, 4);
    assert_int_equal(view().pending_tools, 16);
    down();
}

/* ---- fillers ---- */

static const struct tool_rules filling = {.filler = {.after_ms = 1200, .words = {"One moment, please.", 19}}};

TEST(filler_is_said_once_into_silence_and_the_answer_follows)
{
    up(&filling);
    asks_tool("r1", "c1", "refund", "{}");
    later(1100);
    assert_int_equal(s.responds, 0);
    later(200);
    assert_int_equal(s.responds, 1);
    assert_logged("Say exactly: \\\"One moment, please.\\\" Say nothing else.");
    assert_logged("no_tools=1");
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 1, 800);
    result("c1", "{\"n\":1}"); /* in the middle of it */
    assert_int_equal(s.outputs, 1);
    sim_audio_done(&s, "r2", 1, "One moment, please.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    assert_int_equal(s.responds, 2); /* the answer, whole and behind it */
    sim_created(&s, "r3");
    sim_audio(&s, "r3", 2, 500);
    sim_audio_done(&s, "r3", 2, "It is one.");
    sim_response_done(&s, "r3", RESPONSE_COMPLETED);
    later(2000);
    assert_int_equal(sim_heard(&s, 1), 6400);
    assert_int_equal(sim_heard(&s, 2), 4000);
    assert_int_equal(s.responds, 2);
    down();
}

TEST(fast_result_needs_no_filler)
{
    up(&filling);
    asks_tool("r1", "c1", "refund", "{}");
    later(1000);
    result("c1", "1");
    speaks("r2", 1);
    later(3000);
    assert_not_logged("tool-filler");
    assert_int_equal(s.responds, 1);
    down();
}

TEST(filler_waits_for_agent_and_caller_to_fall_silent)
{
    up(&filling);
    says("a refund");
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 2000); /* the agent says by itself that it takes a while */
    sim_audio_done(&s, "r1", 1, "Let me look into that for you.");
    call_tool("r1", "c1", "refund", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(2900);
    assert_int_equal(s.responds, 0);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED); /* now the caller */
    later(4000);
    assert_not_logged("tool-filler");
    down();
}

TEST(filler_that_fails_is_done_without)
{
    up(&filling);
    asks_tool("r1", "c1", "refund", "{}");
    later(1300);
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r2");
    sim_response_done(&s, "r2", RESPONSE_FAILED);
    later(500);
    assert_int_equal(s.responds, 1);
    result("c1", "1");
    assert_int_equal(s.responds, 2);
    speaks("r3", 1);
    asks_tool("r4", "c2", "refund", "{\"a\":1}");
    later(1300);
    assert_int_equal(s.responds, 3);
    later(5100); /* never created */
    assert_false(call_ended(s.call));
    assert_int_equal(s.hangups, 0);
    result("c2", "1");
    assert_int_equal(s.responds, 4);
    down();
}

TEST(one_filler_serves_all_that_are_under_way)
{
    up(&filling);
    says("both");
    sim_created(&s, "r1");
    call_tool("r1", "c1", "refund", "{}");
    call_tool("r1", "c2", "check_order_status", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(1300);
    speaks("r2", 1);
    later(5000);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(sound_is_played_instead_and_the_model_never_hears_of_it)
{
    static uint8_t sound[4000]; /* half a second */
    memset(sound, 77, sizeof(sound));
    struct tool_rules r = {.filler = {.after_ms = 500, .sound = {sound, sizeof(sound)}}};
    up(&r);
    asks_tool("r1", "c1", "refund", "{}");
    later(650);
    assert_int_equal(s.responds, 0);
    assert_int_equal(view().playout, PLAYOUT_PLAYING);
    result("c1", "1");
    assert_int_equal(s.responds, 1);
    speaks("r2", 1);
    later(1000);
    assert_int_equal(sim_heard(&s, 77), 4000);
    assert_int_equal(sim_heard(&s, 1), 2400);
    assert_not_logged("line who=agent at_ms=0");
    down();

    up(&r);
    asks_tool("r1", "c1", "refund", "{}");
    later(700);
    says("hello?"); /* over the sound: cut, and nothing to truncate */
    assert_int_equal(s.truncates, 0);
    assert_int_equal(s.clears, 1);
    assert_int_equal(view().playout, PLAYOUT_EMPTY);
    down();
}

TEST(hanging_tool_is_bridged_and_the_call_goes_on)
{
    up(&filling);
    asks_tool("r1", "c1", "refund", "{}");
    uint64_t asked_us = s.now_us;
    while (s.responds == 0 && s.now_us < asked_us + 3000000) {
        later(20);
    }
    assert_true(s.now_us - asked_us < 1500000); /* leaves the model half a second until 2 s */
    speaks("r2", 1);
    later(10000);
    assert_logged("did not answer in time");
    assert_int_equal(s.responds, 2);
    speaks("r3", 2);
    says("anything else");
    speaks("r4", 3);
    assert_int_equal(view().pending_tools, 0);
    down();
}

/* ---- in the background ---- */

static const struct tool_rules behind = {.background = true};

TEST(background_tool_is_started_at_once_and_reports_into_silence)
{
    up(&behind);
    asks_tool("r1", "c1", "refund", "{}");
    assert_int_equal(s.runs, 1);
    assert_int_equal(s.outputs, 1);
    assert_logged("\\\"status\\\":\\\"started\\\"");
    assert_int_equal(s.responds, 1);
    assert_int_equal(view().pending_tools, 0);
    speaks("r2", 1);
    later(20000); /* longer than a tool may take */
    assert_not_logged("tool-timeout");
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    result("c1", "{\"paid\":5}");
    later(500);
    assert_int_equal(s.responds, 1); /* the caller speaks */
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    sim_speech(&s, EV_MODEL_COMMITTED);
    speaks("r3", 2);
    later(200);
    assert_logged("\\\"paid\\\":5");
    assert_logged("model.item request="); /* nobody has said it: not in the caller's name */
    assert_logged("role=system");
    assert_not_logged("model.user-text");
    assert_int_equal(s.responds, 2);
    assert_int_equal(s.outputs, 1);
    speaks("r4", 3);
    result("c1", "again");
    assert_logged("note=tool-late");
    down();
}

TEST(background_tool_that_is_quick_answers_like_any_other)
{
    up(&behind);
    says("refund");
    sim_created(&s, "r1");
    call_tool("r1", "c1", "refund", "{}");
    result("c1", "{\"paid\":5}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.outputs, 1);
    assert_logged("paid");
    assert_not_logged("\\\"started\\\"");
    down();
}

TEST(background_tool_that_never_answers_says_so_and_is_cancelled_with_the_call)
{
    up(&behind);
    asks_tool("r1", "c1", "refund", "{}");
    speaks("r2", 1);
    later(300100);
    assert_logged("note=tool-timeout");
    assert_logged("did not answer in time");
    assert_int_equal(s.responds, 2);
    speaks("r3", 2);
    asks_tool("r4", "c2", "refund", "{\"a\":1}");
    speaks("r5", 3);
    sim_simple(&s, EV_LEG_STOP);
    assert_logged("tool.cancel call=\"c2\"");
    down();
}

TEST_MAIN(T(unknown_tool_is_told_and_asks_for_no_response), T(nothing_but_a_call_into_the_void_is_asked_once_more),
          T(an_output_longer_than_services_take_is_told_as_an_error),
          T(duplicates_are_ignored_in_every_state_and_other_arguments_are_an_error),
          T(refused_output_is_sent_again_and_the_tool_does_not_run_again), T(accepted_output_is_not_sent_again),
          T(time_is_up_in_the_words_of_the_tool), T(parallel_tools_start_at_once_and_get_one_answer),
          T(sequential_tools_run_one_after_the_other_in_order), T(interruption_gives_up_the_tools_that_ask_for_it),
          T(results_after_the_end_go_nowhere), T(too_many_at_once_still_get_an_output_each),
          T(filler_is_said_once_into_silence_and_the_answer_follows), T(fast_result_needs_no_filler),
          T(filler_waits_for_agent_and_caller_to_fall_silent), T(filler_that_fails_is_done_without),
          T(one_filler_serves_all_that_are_under_way), T(sound_is_played_instead_and_the_model_never_hears_of_it),
          T(hanging_tool_is_bridged_and_the_call_goes_on),
          T(background_tool_is_started_at_once_and_reports_into_silence),
          T(background_tool_that_is_quick_answers_like_any_other),
          T(background_tool_that_never_answers_says_so_and_is_cancelled_with_the_call))
