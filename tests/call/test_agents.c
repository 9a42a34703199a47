/* Who speaks: handoffs and changes by hand; what watchers are told; sessions of texts. On a virtual clock. */
#include "agent_stage.h"

/* ---- handoff ---- */

TEST(a_handoff_tells_the_session_before_the_output_and_the_new_agent_speaks_unasked)
{
    up();
    forget_log();
    sim_created(&s, "r1");
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_order("what=tool-start agent=0", "model.update request=", "what=handoff agent=0 to=1", "model.tool-output",
                 "output=\"{\\\"assistant\\\":\\\"billing\\\"}\"", "what=tool-end agent=0", "model.respond");
    assert_logged("agent=1 tools=3,4,1 instructions=\"You bill.\"");
    assert_int_equal(count("model.update "), 1);
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r2");
    assert_logged("what=agent-start agent=1 response=\"r2\"");
    down();
}

TEST(the_update_leaves_at_once_and_the_output_waits_for_the_response)
{
    up();
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 500);
    forget_log();
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    assert_logged("model.update ");
    assert_not_logged("model.tool-output");
    sim_audio_done(&s, "r1", 1, "One moment.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_logged("model.tool-output");
    later(2000);
    assert_logged("line who=agent agent=0"); /* who said it, not who speaks now */
    down();
}

TEST(history_lines_and_turns_name_the_agent)
{
    up();
    hand_over();
    sim_audio(&s, "r2", 2, 400);
    sim_audio_done(&s, "r2", 2, "Billing here.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(1500);
    assert_logged("line who=agent agent=1");
    assert_logged("what=history-added agent=1");
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    forget_log();
    sim_speech(&s, EV_MODEL_COMMITTED);
    sim_created(&s, "r3");
    sim_response_done(&s, "r3", RESPONSE_COMPLETED);
    later(100);
    assert_order("turn number=", "agent=1");
    down();
}

static void assert_refused(const char *why)
{
    forget_log();
    sim_created(&s, "r1");
    tool_event("r1", "c1", "transfer_to_nobody", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_order("note=handoff-refused", why, "model.tool-output", "error", "model.respond");
    assert_not_logged("model.update");
    assert_not_logged("what=handoff ");
    sim_created(&s, "r2");
    assert_logged("what=agent-start agent=0 response=\"r2\"");
}

TEST(a_handoff_to_nobody_keeps_the_agent)
{
    up();
    assert_refused("There is no such agent.");
    down();
}

TEST(a_handoff_that_is_switched_off_keeps_the_agent_and_is_not_offered)
{
    up();
    forget_log();
    control((struct call_event){.type = EV_CONTROL_ENABLE, .control_enable = {.tool = TO_BILLING, .on = false}});
    assert_logged("agent=0 tools=0,1,5");
    tool_event("", "c1", "transfer_to_billing", "{}");
    assert_logged("This agent is not available now.");
    assert_not_logged("what=handoff ");
    control((struct call_event){.type = EV_CONTROL_ENABLE, .control_enable = {.tool = TO_BILLING, .on = true}});
    assert_logged("agent=0 tools=0,1,2,5");
    forget_log();
    control((struct call_event){.type = EV_CONTROL_ENABLE, .control_enable = {.tool = REFUND, .on = false}});
    assert_not_logged("model.update"); /* not one of this agent's */
    down();
}

static void enable(uint32_t tool, bool on)
{
    sim_event(&s, &(struct call_event){.type = EV_CONTROL_ENABLE, .control_enable = {.tool = tool, .on = on}});
}

static void start_without(uint32_t off, uint32_t off_too)
{
    sim_start(&s);
    enable(off, false);
    enable(off_too, false);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_run(&s, s.now_us + 100000);
    sim_model_ready(&s, true, true);
}

TEST(what_is_off_before_the_call_begins_is_offered_when_it_comes_on)
{
    configure();
    start_without(LOOK, TO_BILLING);
    assert_order("model.open", "agent=0 tools=1,5");
    assert_not_logged("model.update");
    tool_event("", "c1", "transfer_to_billing", "{}");
    assert_logged("This agent is not available now.");
    forget_log();
    enable(LOOK, true);
    assert_order("model.update request=", "agent=0 tools=0,1,5");
    assert_int_equal(count("model.update"), 1);
    forget_log();
    enable(TO_BILLING, true);
    assert_order("model.update request=", "agent=0 tools=0,1,2,5");
    down();
}

TEST(of_two_with_one_name_the_first_that_is_on_counts)
{
    configure();
    s.opts.tools[TO_NOBODY].name = s.opts.tools[LOOK].name;
    start_without(LOOK, TO_BILLING);
    assert_order("model.open", "agent=0 tools=1,5");
    forget_log();
    tool_event("", "c1", "check_order_status", "{}");
    assert_logged("There is no such agent."); /* the one that is on */
    enable(LOOK, true);                       /* as many as before, but others */
    assert_order("model.update request=", "agent=0 tools=0,1");
    down();
}

TEST(a_handoff_without_a_call_id_is_refused)
{
    up();
    forget_log();
    tool_event("r1", "", "transfer_to_billing", "{}");
    assert_not_logged("model.update");
    assert_logged("note=tool-duplicate");
    down();
}

TEST(a_handoff_with_arguments_that_are_no_object_keeps_the_agent)
{
    static const char *const bad[] = {"{", "[]", "7", "{\"a\":}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        up();
        forget_log();
        sim_created(&s, "r1");
        tool_event("r1", "c1", "transfer_to_billing", bad[i]);
        sim_response_done(&s, "r1", RESPONSE_COMPLETED);
        assert_order("note=handoff-refused", "no JSON object", "model.tool-output", "model.respond");
        assert_not_logged("model.update");
        down();
    }
    up();
    forget_log();
    tool_event("", "c1", "transfer_to_billing", "");
    assert_logged("what=handoff ");
    down();
}

TEST(the_same_call_id_again_does_not_hand_over_again)
{
    up();
    hand_over();
    forget_log();
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    assert_not_logged("model.update");
    assert_not_logged("model.tool-output");
    down();
}

TEST(one_response_hands_over_once)
{
    up();
    forget_log();
    sim_created(&s, "r1");
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    tool_event("r1", "c2", "transfer_to_billing", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(count("model.update "), 1);
    assert_int_equal(count("model.tool-output "), 2);
    assert_logged("handed over already");
    assert_int_equal(s.responds, 1);
    down();
}

TEST(tools_of_the_response_that_handed_over_are_those_of_its_agent)
{
    up();
    sim_created(&s, "r1");
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    forget_log();
    tool_event("r1", "c2", "check_order_status", "{}"); /* the desk's */
    assert_logged("tool.run call=\"c2\"");
    assert_logged("what=tool-start agent=0");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    control((struct call_event){.type = EV_TOOL_RESULT, .tool_result = {STR("c2"), STR("{}"), false}});
    sim_simple(&s, EV_MODEL_UPDATED);
    sim_created(&s, "r2");
    forget_log();
    tool_event("r2", "c3", "check_order_status", "{}");
    assert_logged("note=tool-unknown");
    tool_event("r2", "c4", "refund", "{}");
    assert_logged("tool.run call=\"c4\"");
    down();
}

TEST(a_response_that_began_before_the_update_was_read_may_use_the_old_tools)
{
    up();
    hand_over();
    forget_log();
    tool_event("r2", "c2", "check_order_status", "{}"); /* not confirmed yet: the service did not know better */
    assert_logged("tool.run call=\"c2\"");
    sim_simple(&s, EV_MODEL_UPDATED);
    tool_event("r2", "c3", "check_order_status", "{\"n\":2}");
    assert_logged("note=tool-unknown");
    down();
}

TEST(there_and_back_again)
{
    up();
    hand_over();
    forget_log();
    tool_event("r2", "c2", "transfer_to_desk", "{}");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    assert_order("agent=0 tools=0,1,2,5 instructions=\"You are the desk.\"", "what=handoff agent=1 to=0",
                 "model.tool-output", "model.respond");
    down();
}

TEST(a_refused_update_is_taken_back)
{
    up();
    hand_over();
    error_event(update_request(), "invalid_value");
    assert_order("note=update-refused", "what=agent-changed agent=1 to=0");
    assert_logged("what=error agent=1 name=\"invalid_value\"");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    forget_log();
    sim_created(&s, "r3");
    assert_logged("what=agent-start agent=0");
    assert_int_equal(count("model.update "), 0);
    down();
}

TEST(an_update_that_is_never_confirmed_is_noted_and_blocks_nothing)
{
    up();
    hand_over();
    sim_audio(&s, "r2", 2, 400);
    later(6000);
    assert_logged("note=update-timeout");
    assert_int_equal(count("note=update-timeout"), 1);
    assert_true(sim_heard(&s, 2) > 0);
    down();
}

TEST(a_confirmed_update_is_not_waited_for)
{
    up();
    hand_over();
    sim_simple(&s, EV_MODEL_UPDATED);
    sim_simple(&s, EV_MODEL_UPDATED); /* one too many is a service's own affair */
    later(6000);
    assert_not_logged("note=update-timeout");
    down();
}

TEST(a_call_without_agents_is_one_agent_with_all_tools)
{
    sim_init(&s);
    s.opts.instructions = STR("Alone.");
    s.opts.greeting.kind = GREETING_NONE;
    start(true, true);
    assert_logged("model.open provider=0 why=first agent=0 tools=0,1 instructions=\"Alone.\"");
    sim_created(&s, "r1");
    tool_event("r1", "c1", "check_order_status", "{}");
    assert_logged("tool.run");
    down();
}

TEST(names_of_handoffs_are_in_snake_form)
{
    char name[CALL_ID_MAX];
    assert_ok(call_handoff_name(STR("Front Desk-2"), name));
    assert_string_equal(name, "transfer_to_front_desk_2");
    assert_err(call_handoff_name(STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), name), ERR_TOO_BIG);
}

/* ---- update_agent ---- */

TEST(update_agent_changes_who_speaks_without_a_handoff_or_an_answer)
{
    up();
    forget_log();
    control((struct call_event){.type = EV_CONTROL_AGENT, .control_agent = {.agent = 1}});
    assert_order("model.update request=", "what=agent-changed agent=0 to=1");
    assert_not_logged("what=handoff ");
    assert_int_equal(s.responds, 0);
    control((struct call_event){.type = EV_CONTROL_AGENT, .control_agent = {.agent = 7}});
    assert_logged("note=control-refused");
    assert_int_equal(count("model.update "), 1);
    down();
}

TEST(instructions_given_by_hand_hold_until_the_next_handoff)
{
    up();
    control((struct call_event){.type = EV_CONTROL_AGENT,
                                .control_agent = {.agent = UINT32_MAX, .instructions = STR("Whisper.")}});
    assert_logged("agent=0 tools=0,1,2,5 instructions=\"Whisper.\"");
    forget_log();
    hand_over();
    assert_logged("instructions=\"You bill.\"");
    down();
}

TEST(who_was_chosen_before_the_session_was_ready_is_told_then)
{
    configure();
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    control((struct call_event){.type = EV_CONTROL_AGENT, .control_agent = {.agent = 1}});
    assert_not_logged("model.update");
    sim_model_ready(&s, true, true);
    assert_logged("model.update");
    down();
}

/* ---- what watchers are told ---- */

TEST(an_answer_is_told_in_order_usage_before_its_end)
{
    up();
    forget_log();
    speak("r1", 1, 200);
    sim_audio_done(&s, "r1", 1, "Hello.");
    struct call_event ev = {.type = EV_MODEL_RESPONSE_DONE};
    ev.model_done.response_id = STR("r1");
    ev.model_done.usage = (struct call_usage){.in_text = 10, .out_audio = 20};
    sim_event(&s, &ev);
    assert_order("what=agent-start", "what=audio ", "what=audio-end", "what=text-end", "usage in_text=10",
                 "what=agent-end agent=0 response=\"r1\" text=\"completed\"");
    down();
}

TEST(the_history_of_a_cut_answer_is_what_was_heard)
{
    up();
    speak("r1", 1, 4000);
    sim_audio_done(&s, "r1", 1, "One two three four five six seven eight nine ten.");
    later(2000);
    forget_log();
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    assert_order("what=history-updated", "status=incomplete audio=\"One two three", "unheard=\"");
    forget_log();
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    const struct call_item echo = {.id = STR("i1"),
                                   .role = ITEM_ASSISTANT,
                                   .status = ITEM_COMPLETED,
                                   .n_parts = 1,
                                   .parts = {{.kind = PART_AUDIO, .text = STR("One two three four five six seven.")}}};
    control((struct call_event){.type = EV_MODEL_ITEM, .model_item = {.item = &echo}});
    assert_not_logged("what=history-"); /* whatever the service says of it later */
    down();
}

TEST(items_of_the_service_are_told_as_they_come_and_go)
{
    up();
    forget_log();
    struct call_item it = {.id = STR("u1"), .role = ITEM_USER, .status = ITEM_IN_PROGRESS, .n_parts = 1};
    it.parts[0] = (struct call_part){.kind = PART_AUDIO};
    control((struct call_event){.type = EV_MODEL_ITEM, .model_item = {.item = &it}});
    control((struct call_event){.type = EV_MODEL_USER_TEXT, .model_user_text = {STR("u1"), STR("hello"), false}});
    control((struct call_event){.type = EV_MODEL_ITEM_DELETED, .model_item_gone = {.item_id = STR("u1")}});
    control((struct call_event){.type = EV_MODEL_IDLE});
    assert_order("what=history-added", "what=history-updated", "audio=\"hello\"", "what=history-removed",
                 "what=idle-timeout");
    down();
}

TEST(a_history_beyond_its_limit_drops_the_oldest)
{
    configure();
    s.opts.limits.history_kb = 16;
    start(true, true);
    char text[2048];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < 20; i++) {
        message(ITEM_SYSTEM, text, false);
    }
    assert_order("note=history-full", "what=history-removed agent=0 item=\"rt_item_1\"");
    assert_true(count("what=history-removed") >= 10);
    down();
}

TEST(errors_of_the_service_are_told)
{
    up();
    error_event(0, "something_odd");
    assert_logged("what=error agent=0 name=\"something_odd\"");
    down();
}

/* ---- without sound ---- */

static void write_text(const char *response, const char *item, const char *text, bool all)
{
    struct call_event ev = {.type = all ? EV_MODEL_TEXT_DONE : EV_MODEL_TEXT_DELTA};
    ev.model_text.response_id = str_from(response);
    ev.model_text.item_id = str_from(item);
    ev.model_text.text = str_from(text);
    sim_event(&s, &ev);
}

TEST(a_session_of_texts_greets_answers_and_ends)
{
    configure();
    s.opts.text_only = true;
    s.opts.greeting.kind = GREETING_PROMPT;
    s.opts.dead_air.on = true;
    start(false, false);
    assert_not_logged("leg.mark");
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r1");
    write_text("r1", "a1", "Hello ", false);
    write_text("r1", "a1", "Hello there.", true);
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_order("what=text agent=0", "what=text-end", "line who=agent agent=0", "text=\"Hello there.\" unheard=\"\"");
    assert_logged("note=greeting-done");
    assert_not_logged("note=dead-air");
    message(ITEM_USER, "bye", true);
    sim_created(&s, "r2");
    tool_event("r2", "c1", "end_call", "{}");
    write_text("r2", "a2", "Goodbye.", true);
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(200);
    assert_logged("leg.hangup reason=agent");
    assert_int_equal(s.responds, 2);
    down();
}

TEST(a_long_written_answer_is_not_taken_for_silence)
{
    configure();
    s.opts.text_only = true;
    s.opts.dead_air.on = true;
    s.opts.dead_air.nudge_ms = 1000;
    start(false, false);
    message(ITEM_USER, "tell me a story", true);
    sim_created(&s, "r1");
    for (int i = 0; i < 50; i++) {
        write_text("r1", "a1", "Once upon a time. ", false);
        later(200);
    }
    assert_not_logged("note=dead-air");
    assert_int_equal(s.cancels, 0);
    later(30000); /* nor does the missing media end it */
    assert_false(call_ended(s.call));
    down();
}

TEST_MAIN(T(a_handoff_tells_the_session_before_the_output_and_the_new_agent_speaks_unasked),
          T(the_update_leaves_at_once_and_the_output_waits_for_the_response), T(history_lines_and_turns_name_the_agent),
          T(a_handoff_to_nobody_keeps_the_agent), T(a_handoff_that_is_switched_off_keeps_the_agent_and_is_not_offered),
          T(what_is_off_before_the_call_begins_is_offered_when_it_comes_on),
          T(of_two_with_one_name_the_first_that_is_on_counts), T(a_handoff_without_a_call_id_is_refused),
          T(a_handoff_with_arguments_that_are_no_object_keeps_the_agent),
          T(the_same_call_id_again_does_not_hand_over_again), T(one_response_hands_over_once),
          T(tools_of_the_response_that_handed_over_are_those_of_its_agent),
          T(a_response_that_began_before_the_update_was_read_may_use_the_old_tools), T(there_and_back_again),
          T(a_refused_update_is_taken_back), T(an_update_that_is_never_confirmed_is_noted_and_blocks_nothing),
          T(a_confirmed_update_is_not_waited_for), T(a_call_without_agents_is_one_agent_with_all_tools),
          T(names_of_handoffs_are_in_snake_form), T(update_agent_changes_who_speaks_without_a_handoff_or_an_answer),
          T(instructions_given_by_hand_hold_until_the_next_handoff),
          T(who_was_chosen_before_the_session_was_ready_is_told_then),
          T(an_answer_is_told_in_order_usage_before_its_end), T(the_history_of_a_cut_answer_is_what_was_heard),
          T(items_of_the_service_are_told_as_they_come_and_go), T(a_history_beyond_its_limit_drops_the_oldest),
          T(errors_of_the_service_are_told), T(a_session_of_texts_greets_answers_and_ends),
          T(a_long_written_answer_is_not_taken_for_silence))
