/* Guardrails in the core: when text is looked at, and what follows from an objection. */
#include "guard_stage.h"

/* ---- when ---- */

TEST(guardrails_run_when_the_text_first_reaches_each_multiple_of_the_debounce_length)
{
    init();
    up();
    caller_turn(500, "r1");
    letters("r1", 1, 99);
    assert_int_equal(s.checks, 0);
    letters("r1", 1, 1);
    assert_int_equal(s.checks, 1);
    assert_int_equal(strlen(s.last_check.text), 100);
    assert_int_equal(s.last_check.guards, LOCAL | REMOTE);
    letters("r1", 1, 99);
    assert_int_equal(s.checks, 1);
    letters("r1", 1, 2);
    assert_int_equal(s.checks, 2);
    assert_int_equal(strlen(s.last_check.text), 201); /* the whole text so far */
    down();
}

TEST(a_piece_over_several_thresholds_is_caught_up_by_the_pieces_behind_it)
{
    init();
    up();
    caller_turn(500, "r1");
    letters("r1", 1, 350);
    assert_int_equal(s.checks, 1);
    letters("r1", 1, 1);
    letters("r1", 1, 1);
    assert_int_equal(s.checks, 3);
    letters("r1", 1, 1);
    assert_int_equal(s.checks, 3); /* 400 is not reached yet */
    down();
}

TEST(items_are_counted_apart)
{
    init();
    up();
    caller_turn(500, "r1");
    letters("r1", 1, 60);
    letters("r1", 2, 60);
    assert_int_equal(s.checks, 0);
    letters("r1", 2, 40);
    assert_int_equal(s.checks, 1);
    assert_int_equal(strlen(s.last_check.text), 100);
    down();
}

TEST(characters_are_counted_not_bytes)
{
    init();
    s.opts.guards.debounce_chars = 10;
    up();
    caller_turn(500, "r1");
    sim_text(&s, "r1", 1, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac"); /* five of them */
    assert_int_equal(s.checks, 0);
    sim_text(&s, "r1", 1, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac");
    assert_int_equal(s.checks, 1);
    down();
}

TEST(what_is_left_at_the_end_is_looked_at_too)
{
    init();
    up();
    caller_turn(500, "r1");
    sim_text(&s, "r1", 1, "Good morning.");
    sim_audio(&s, "r1", 1, 800);
    assert_int_equal(s.checks, 0);
    sim_audio_done(&s, "r1", 1, "Good morning.");
    assert_int_equal(s.checks, 1);
    assert_true(s.last_check.final);
    assert_string_equal(s.last_check.text, "Good morning.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.checks, 1);
    down();
}

TEST(an_agents_own_guardrails_are_joined_to_those_of_the_run_each_once)
{
    init();
    guard("second", false);
    s.opts.guards.everywhere = LOCAL | REMOTE;
    s.opts.n_agents = 2;
    s.opts.agents[0] = (struct call_agent){.name = STR("first"), .guards = REMOTE | SECOND};
    s.opts.agents[1] = (struct call_agent){.name = STR("other")};
    up();
    caller_turn(500, "r1");
    letters("r1", 1, 100);
    assert_int_equal(s.checks, 1);
    assert_int_equal(s.last_check.guards, LOCAL | REMOTE | SECOND);
    down();
}

TEST(who_began_the_turn_is_watched_to_its_end)
{
    init();
    guard("second", false);
    s.opts.guards.everywhere = LOCAL;
    s.opts.n_agents = 2;
    s.opts.agents[0] = (struct call_agent){.name = STR("first"), .guards = SECOND};
    s.opts.agents[1] = (struct call_agent){.name = STR("other"), .guards = REMOTE};
    up();
    caller_turn(500, "r1");
    struct call_event ev = {.type = EV_CONTROL_AGENT, .control_agent = {.agent = 1}};
    sim_event(&s, &ev);
    letters("r1", 1, 100);
    assert_int_equal(s.last_check.guards, LOCAL | SECOND);
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    caller_turn(500, "r2");
    letters("r2", 2, 100);
    assert_int_equal(s.last_check.guards, LOCAL | REMOTE);
    down();
}

TEST(without_guardrails_nobody_is_asked)
{
    init();
    s.opts.guards.everywhere = 0;
    s.opts.guards.hold_back = true;
    up();
    caller_turn(500, "r1");
    letters("r1", 1, 300);
    sim_audio(&s, "r1", 1, 500);
    later(400);
    assert_int_equal(s.checks, 0);
    assert_true(sim_heard(&s, 1) > 0);
    down();
}

/* ---- trips ---- */

TEST(a_trip_interrupts_the_answer_and_the_model_is_told)
{
    init();
    up();
    caller_turn(500, "r1");
    uint32_t responds = s.responds;
    sim_audio(&s, "r1", 1, 3000);
    sim_text(&s, "r1", 1,
             "The secret code is one two three four, as everybody in this house has always known very well.");
    assert_int_equal(s.trips, 0); /* 92 characters */
    later(1000);
    letters("r1", 1, 10);
    assert_int_equal(s.trips, 1);
    assert_string_equal(s.tripped, "no_codes");
    assert_int_equal(s.clears, 1);
    assert_int_equal(s.cancels, 1);
    assert_int_equal(s.truncates, 1);
    assert_true(s.truncated_ms > 600 && s.truncated_ms <= 1000);
    assert_int_equal(s.leaked_words, 2); /* hold-back was off: both words were heard */
    assert_logged("note=guardrail value=2 text=\"no_codes\"");
    assert_logged("stopped by these guardrails: no_codes.");
    assert_int_equal(s.guard_retries, 1);
    assert_int_equal(s.responds, responds); /* not before the cancelled one is done */
    sim_audio(&s, "r1", 1, 500);            /* late */
    later(100);
    assert_int_equal(view().queued_ms, 0);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_int_equal(s.responds, responds + 1);
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 500);
    sim_audio_done(&s, "r2", 2, "I cannot say that.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(1500);
    assert_int_equal(s.trips, 1);
    assert_int_equal(sim_heard(&s, 2), 4000);
    down();
}

TEST(a_text_answer_is_only_cancelled)
{
    init();
    up();
    caller_turn(500, "r1");
    sim_text(&s, "r1", 1, "secret code");
    letters("r1", 1, 100);
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.cancels, 1);
    assert_int_equal(s.clears, 0);
    assert_int_equal(s.truncates, 0);
    assert_int_equal(s.guard_retries, 1);
    down();
}

TEST(an_answer_that_is_over_is_only_cut)
{
    init();
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 3000);
    sim_text(&s, "r1", 1, "Nice words.");
    sim_audio_done(&s, "r1", 1, "Nice words.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(1000);
    assert_int_equal(s.n_open, 1);
    sim_guard(&s, s.open[0].check, REMOTE, REMOTE, 0);
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.cancels, 0);
    assert_int_equal(s.clears, 1);
    assert_int_equal(s.truncates, 1);
    assert_int_equal(s.responds, 2); /* and answers anew at once */
    down();
}

TEST(a_newer_answer_plays_on_and_the_model_is_not_told)
{
    init();
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 1000);
    sim_audio_done(&s, "r1", 1, "First.");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = STR("call_1");
    ev.tool_result.output = STR("{}");
    sim_event(&s, &ev);
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 1000);
    sim_audio_done(&s, "r2", 2, "Second.");
    later(900); /* the first is nearly over, the second waits behind it */
    uint32_t texts = s.user_texts;
    uint32_t responds = s.responds;
    sim_guard(&s, s.open[0].check, REMOTE, REMOTE, 0);
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.guard_retries, 0);
    assert_int_equal(s.user_texts, texts);
    assert_int_equal(s.cancels, 0);
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(2000);
    assert_int_equal(s.responds, responds);
    assert_int_equal(sim_heard(&s, 2), 8000); /* not a sample of it is lost */
    assert_int_equal(view().playout, PLAYOUT_EMPTY);
    down();
}

TEST(an_older_answer_plays_on_when_the_newer_one_trips)
{
    init();
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 1000);
    sim_audio_done(&s, "r1", 1, "First.");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = STR("call_1");
    ev.tool_result.output = STR("{}");
    sim_event(&s, &ev);
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 1000);
    later(900); /* something of the second is at the carrier already */
    sim_text(&s, "r2", 2, "secret code");
    letters("r2", 2, 100);
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.guard_retries, 1);
    sim_response_done(&s, "r2", RESPONSE_CANCELLED);
    later(1500);
    uint32_t heard = sim_heard(&s, 1);
    assert_true(heard >= 8000 && heard <= 8000 + 200 * 8); /* what may not have arrived is said again */
    assert_int_equal(sim_heard(&s, 2), 0);
    down();
}

TEST(several_objections_to_one_answer_stop_it_once)
{
    init();
    guard("second", false);
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 3000);
    letters("r1", 1, 100);
    letters("r1", 1, 100);
    assert_int_equal(s.n_open, 2);
    later(300);
    sim_guard(&s, s.open[0].check, REMOTE | SECOND, REMOTE | SECOND, 0);
    assert_string_equal(s.tripped, "tone, second"); /* all that objected to the check */
    sim_guard(&s, s.open[1].check, REMOTE, REMOTE, 0);
    sim_guard(&s, s.open[1].check, SECOND, SECOND, 0);
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.cancels, 1);
    assert_int_equal(s.guard_retries, 1);
    down();
}

TEST(a_guardrail_that_fails_is_passed_over)
{
    init();
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 1000);
    letters("r1", 1, 100);
    sim_guard(&s, s.open[0].check, REMOTE, REMOTE, REMOTE); /* one that fails cannot object */
    assert_int_equal(s.trips, 0);
    assert_logged("note=guardrail-failed value=0 text=\"tone\"");
    later(1500);
    assert_int_equal(sim_heard(&s, 1), 8000);
    down();
}

TEST(a_guardrail_that_never_answers_is_passed_over)
{
    init();
    up();
    caller_turn(500, "r1");
    letters("r1", 1, 100);
    later(3400);
    assert_not_logged("note=guardrail-failed");
    later(200);
    assert_logged("note=guardrail-failed value=0 text=\"tone\"");
    sim_guard(&s, s.open[0].check, REMOTE, REMOTE, 0); /* too late */
    assert_int_equal(s.trips, 0);
    down();
}

TEST(answers_to_questions_nobody_asked_are_ignored)
{
    init();
    up();
    caller_turn(500, "r1");
    letters("r1", 1, 100);
    sim_guard(&s, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0);
    sim_guard(&s, 77, 0xFFFFFFFF, 0xFFFFFFFF, 0);
    sim_guard(&s, s.open[0].check, LOCAL | SECOND | 1u << 31, 0xFFFFFFFF, 0); /* not those that were asked */
    assert_int_equal(s.trips, 0);
    sim_guard(&s, s.open[0].check, REMOTE, 0, 0);
    sim_guard(&s, s.open[0].check, REMOTE, REMOTE, 0); /* a second time */
    assert_int_equal(s.trips, 0);
    down();
}

TEST(a_guardrail_may_end_the_call)
{
    init();
    s.opts.guards.list[0].verb = GUARD_END_CALL;
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 3000);
    sim_text(&s, "r1", 1, "The secret code");
    letters("r1", 1, 100);
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.guard_retries, 0);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_logged("Say goodbye to the caller");
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 600);
    sim_audio_done(&s, "r2", 2, "Goodbye.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(2000);
    assert_int_equal(s.hangups, 1);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_GUARDRAIL);
    down();
}

TEST(a_model_that_says_it_again_and_again_is_hung_up)
{
    init();
    up();
    caller_turn(500, "r1");
    char id[8] = "r1";
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(s.hangups, 0);
        sim_text(&s, id, (uint8_t)i, "secret code");
        letters(id, (uint8_t)i, 100);
        assert_int_equal(s.trips, i);
        sim_response_done(&s, id, RESPONSE_CANCELLED);
        snprintf(id, sizeof(id), "r%d", i + 1);
        if (i < 4) {
            assert_true(s.in_flight > 0);
            sim_created(&s, id);
        }
    }
    assert_int_equal(s.hangups, 1);
    assert_logged("reason=guardrail apologise=1");
    down();
}

TEST(a_clean_answer_sets_the_count_of_trips_back)
{
    init();
    s.opts.guards.max_trips = 1;
    up();
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof(id), "a%d", i);
        caller_turn(500, id);
        sim_text(&s, id, (uint8_t)(2 * i + 1), "secret code");
        letters(id, (uint8_t)(2 * i + 1), 100);
        sim_response_done(&s, id, RESPONSE_CANCELLED);
        snprintf(id, sizeof(id), "b%d", i);
        sim_created(&s, id);
        sim_text(&s, id, (uint8_t)(2 * i + 2), "Sorry.");
        sim_audio_done(&s, id, (uint8_t)(2 * i + 2), "Sorry.");
        sim_guard(&s, s.open[s.n_open - 1].check, REMOTE, 0, 0);
        sim_response_done(&s, id, RESPONSE_COMPLETED);
        later(500);
    }
    assert_int_equal(s.trips, 3);
    assert_int_equal(s.hangups, 0);
    down();
}

TEST(the_words_of_a_guardrail_are_told_as_they_are)
{
    init();
    s.opts.guards.list[0].feedback = STR("Never name codes. Offer to send them by letter.");
    up();
    caller_turn(500, "r1");
    sim_text(&s, "r1", 1, "secret code");
    letters("r1", 1, 100);
    assert_logged("model.user-text text=\"Never name codes. Offer to send them by letter.\"");
    down();
}

TEST(a_goodbye_that_trips_ends_in_the_hangup)
{
    init();
    up();
    caller_turn(500, "r1");
    sim_tool(&s, "r1", "call_2", "end_call");
    sim_audio(&s, "r1", 1, 2000);
    sim_text(&s, "r1", 1, "secret code");
    letters("r1", 1, 100);
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.user_texts, 0);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    later(8000);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_AGENT_HANGUP);
    down();
}

TEST(nobody_looks_at_an_answer_that_the_caller_has_interrupted)
{
    init();
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 3000);
    sim_text(&s, "r1", 1, "The secret");
    later(400);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    sim_text(&s, "r1", 1, " code");
    sim_audio_done(&s, "r1", 1, "The secret code");
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_int_equal(s.checks, 0);
    assert_int_equal(s.trips, 0);
    down();
}

/* ---- what the caller says ---- */

static void caller_said(const char *text)
{
    struct call_event ev = {.type = EV_MODEL_USER_TEXT};
    ev.model_user_text.item_id = STR("u1");
    ev.model_user_text.text = str_from(text);
    sim_event(&s, &ev);
}

TEST(what_the_caller_said_may_trip_and_stops_the_answer_to_it)
{
    init();
    s.opts.guards.list[0].sides = 1u << GUARD_INPUT;
    up();
    caller_turn(500, "r1");
    sim_audio(&s, "r1", 1, 2000);
    later(300);
    caller_said("Tell me the secret code.");
    assert_int_equal(s.last_check.side, GUARD_INPUT);
    assert_int_equal(s.trips, 1);
    assert_int_equal(s.clears, 1);
    assert_int_equal(s.cancels, 1);
    assert_logged("the last words of the caller were stopped by these guardrails: no_codes");
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_true(s.in_flight > 0);
    sim_text(&s, "r2", 2,
             "A secret code is fine in answers, nobody minds it there, however long one talks about it and on.");
    assert_int_equal(s.trips, 1);
    down();
}

TEST(an_answer_that_is_about_to_begin_is_stopped_too)
{
    init();
    s.opts.guards.list[0].sides = 1u << GUARD_INPUT;
    up();
    caller_speaks(500);
    assert_true(s.in_flight > 0);
    caller_said("Tell me the secret code.");
    assert_int_equal(s.trips, 1);
    sim_created(&s, "r1");
    assert_int_equal(s.cancels, 1);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_true(s.in_flight > 0);
    sim_created(&s, "r2");
    assert_int_equal(s.cancels, 1);
    down();
}

TEST(a_text_in_the_callers_name_is_shown_to_those_only_that_take_their_time)
{
    init();
    s.opts.guards.list[0].sides = s.opts.guards.list[1].sides = 1u << GUARD_INPUT;
    up();
    struct call_event ev = {.type = EV_CONTROL_USER_TEXT, .control_text = {.text = STR("The secret code, please.")}};
    sim_event(&s, &ev);
    assert_int_equal(s.checks, 1);
    assert_int_equal(s.last_check.guards, REMOTE); /* the host has asked the local one before */
    assert_int_equal(s.trips, 0);
    down();
}

TEST_MAIN(T(guardrails_run_when_the_text_first_reaches_each_multiple_of_the_debounce_length),
          T(a_piece_over_several_thresholds_is_caught_up_by_the_pieces_behind_it), T(items_are_counted_apart),
          T(characters_are_counted_not_bytes), T(what_is_left_at_the_end_is_looked_at_too),
          T(an_agents_own_guardrails_are_joined_to_those_of_the_run_each_once),
          T(who_began_the_turn_is_watched_to_its_end), T(without_guardrails_nobody_is_asked),
          T(a_trip_interrupts_the_answer_and_the_model_is_told), T(a_text_answer_is_only_cancelled),
          T(an_answer_that_is_over_is_only_cut), T(a_newer_answer_plays_on_and_the_model_is_not_told),
          T(an_older_answer_plays_on_when_the_newer_one_trips), T(several_objections_to_one_answer_stop_it_once),
          T(a_guardrail_that_fails_is_passed_over), T(a_guardrail_that_never_answers_is_passed_over),
          T(answers_to_questions_nobody_asked_are_ignored), T(a_guardrail_may_end_the_call),
          T(a_model_that_says_it_again_and_again_is_hung_up), T(a_clean_answer_sets_the_count_of_trips_back),
          T(the_words_of_a_guardrail_are_told_as_they_are), T(a_goodbye_that_trips_ends_in_the_hangup),
          T(nobody_looks_at_an_answer_that_the_caller_has_interrupted),
          T(what_the_caller_said_may_trip_and_stops_the_answer_to_it),
          T(an_answer_that_is_about_to_begin_is_stopped_too),
          T(a_text_in_the_callers_name_is_shown_to_those_only_that_take_their_time))
