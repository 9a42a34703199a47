/* Who speaks, what a person may ask of a live call, and what watchers are told, on a virtual clock. */
#include "test.h"

#include <stdio.h>

#include "base/err.h"
#include "sim.h"

static struct sim s;

enum { LOOK, END, TO_BILLING, REFUND, TO_DESK, TO_NOBODY };

static struct call_tool handoff(struct str name, uint32_t to)
{
    return (struct call_tool){.name = name, .parameters = STR("{}"), .kind = CALL_TOOL_HANDOFF, .agent = to};
}

static void configure(void)
{
    sim_init(&s);
    struct call_opts *o = &s.opts;
    s.delay_us = 40000;
    o->greeting.kind = GREETING_NONE;
    o->agent = STR("desk");
    o->tools[TO_BILLING] = handoff(STR("transfer_to_billing"), 1);
    o->tools[REFUND] = (struct call_tool){.name = STR("refund"), .parameters = STR("{}")};
    o->tools[TO_DESK] = handoff(STR("transfer_to_desk"), 0);
    o->tools[TO_NOBODY] = handoff(STR("transfer_to_nobody"), 9);
    o->n_tools = 6;
    o->n_agents = 2;
    o->agents[0] = (struct call_agent){.name = STR("desk"), .instructions = STR("You are the desk.")};
    o->agents[1] = (struct call_agent){.name = STR("billing"), .instructions = STR("You bill.")};
    static const uint32_t desk[] = {LOOK, END, TO_BILLING, TO_NOBODY};
    static const uint32_t billing[] = {REFUND, TO_DESK, END};
    for (size_t i = 0; i < ARRAY_LEN(desk); i++) {
        assert_ok(call_agent_add_tool(&o->agents[0], desk[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(billing); i++) {
        assert_ok(call_agent_add_tool(&o->agents[1], billing[i]));
    }
}

static void start(bool interrupts, bool creates)
{
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_run(&s, s.now_us + 100000);
    sim_model_ready(&s, interrupts, creates);
}

static void up(void)
{
    configure();
    start(true, true);
}

static void later(uint32_t ms)
{
    sim_run(&s, s.now_us + (uint64_t)ms * 1000);
}

static void down(void)
{
    if (!call_ended(s.call)) {
        sim_simple(&s, EV_LEG_STOP);
    }
    sim_replay(&s, NULL);
    assert_string_equal(s.failure, "");
    sim_done(&s);
}

static size_t where(const char *text)
{
    return str_search(buf_str(&s.log), str_from(text));
}

static bool logged(const char *text)
{
    return where(text) != SIZE_MAX;
}

static uint32_t count(const char *text)
{
    uint32_t n = 0;
    struct str rest = buf_str(&s.log);
    for (size_t at; (at = str_search(rest, str_from(text))) != SIZE_MAX; n++) {
        rest.p += at + 1;
        rest.n -= at + 1;
    }
    return n;
}

/* All of these are in the log, each behind the one before. */
#define assert_order(...) assert_in_order((const char *const[]){__VA_ARGS__, NULL})
static void assert_in_order(const char *const *texts)
{
    struct str rest = buf_str(&s.log);
    for (; *texts; texts++) {
        size_t at = str_search(rest, str_from(*texts));
        if (at == SIZE_MAX) {
            print_error(STR_FMT "\n", STR_ARG(buf_str(&s.log)));
            fail_msg("[%s] is not there, or not in its place", *texts);
        }
        rest.p += at;
        rest.n -= at;
    }
}

static void forget_log(void)
{
    buf_clear(&s.log, 0);
}

static void tool_event(const char *response, const char *id, const char *name, const char *arguments)
{
    struct call_event ev = {.type = EV_MODEL_TOOL_CALL};
    ev.model_tool.response_id = str_from(response);
    ev.model_tool.item_id = STR("f1");
    ev.model_tool.tool_call_id = str_from(id);
    ev.model_tool.name = str_from(name);
    ev.model_tool.arguments = str_from(arguments);
    sim_event(&s, &ev);
}

static void error_event(uint32_t request, const char *code)
{
    struct call_event ev = {.type = EV_MODEL_ERROR};
    ev.model_error.code = str_from(code);
    ev.model_error.request = request;
    sim_event(&s, &ev);
}

static uint32_t update_request(void)
{
    size_t at = where("model.update request=");
    int64_t n = 0;
    struct str rest = buf_str(&s.log);
    assert_true(at != SIZE_MAX);
    rest.p += at + strlen("model.update request=");
    rest.n = str_find((struct str){rest.p, 12}, ' ');
    assert_ok(str_to_i64(rest, &n));
    return (uint32_t)n;
}

static void control(struct call_event ev)
{
    sim_event(&s, &ev);
}

/* The desk hands over to billing, whose answer r2 is under way then. */
static void hand_over(void)
{
    sim_created(&s, "r1");
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    sim_created(&s, "r2");
}

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
    assert_true(logged("agent=1 tools=3,4,1 instructions=\"You bill.\""));
    assert_int_equal(count("model.update "), 1);
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r2");
    assert_true(logged("what=agent-start agent=1 response=\"r2\""));
    down();
}

TEST(the_update_leaves_at_once_and_the_output_waits_for_the_response)
{
    up();
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 500);
    forget_log();
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    assert_true(logged("model.update "));
    assert_false(logged("model.tool-output"));
    sim_audio_done(&s, "r1", 1, "One moment.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_true(logged("model.tool-output"));
    later(2000);
    assert_true(logged("line who=agent agent=0")); /* who said it, not who speaks now */
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
    assert_true(logged("line who=agent agent=1"));
    assert_true(logged("what=history-added agent=1"));
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
    assert_false(logged("model.update"));
    assert_false(logged("what=handoff "));
    sim_created(&s, "r2");
    assert_true(logged("what=agent-start agent=0 response=\"r2\""));
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
    assert_true(logged("agent=0 tools=0,1,5"));
    tool_event("", "c1", "transfer_to_billing", "{}");
    assert_true(logged("This agent is not available now."));
    assert_false(logged("what=handoff "));
    control((struct call_event){.type = EV_CONTROL_ENABLE, .control_enable = {.tool = TO_BILLING, .on = true}});
    assert_true(logged("agent=0 tools=0,1,2,5"));
    forget_log();
    control((struct call_event){.type = EV_CONTROL_ENABLE, .control_enable = {.tool = REFUND, .on = false}});
    assert_false(logged("model.update")); /* not one of this agent's */
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
    assert_false(logged("model.update"));
    tool_event("", "c1", "transfer_to_billing", "{}");
    assert_true(logged("This agent is not available now."));
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
    assert_true(logged("There is no such agent.")); /* the one that is on */
    enable(LOOK, true);                             /* as many as before, but others */
    assert_order("model.update request=", "agent=0 tools=0,1");
    down();
}

TEST(a_handoff_without_a_call_id_is_refused)
{
    up();
    forget_log();
    tool_event("r1", "", "transfer_to_billing", "{}");
    assert_false(logged("model.update"));
    assert_true(logged("note=tool-duplicate"));
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
        assert_false(logged("model.update"));
        down();
    }
    up();
    forget_log();
    tool_event("", "c1", "transfer_to_billing", "");
    assert_true(logged("what=handoff "));
    down();
}

TEST(the_same_call_id_again_does_not_hand_over_again)
{
    up();
    hand_over();
    forget_log();
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    assert_false(logged("model.update"));
    assert_false(logged("model.tool-output"));
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
    assert_true(logged("handed over already"));
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
    assert_true(logged("tool.run call=\"c2\""));
    assert_true(logged("what=tool-start agent=0"));
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    control((struct call_event){.type = EV_TOOL_RESULT, .tool_result = {STR("c2"), STR("{}"), false}});
    sim_simple(&s, EV_MODEL_UPDATED);
    sim_created(&s, "r2");
    forget_log();
    tool_event("r2", "c3", "check_order_status", "{}");
    assert_true(logged("note=tool-unknown"));
    tool_event("r2", "c4", "refund", "{}");
    assert_true(logged("tool.run call=\"c4\""));
    down();
}

TEST(a_response_that_began_before_the_update_was_read_may_use_the_old_tools)
{
    up();
    hand_over();
    forget_log();
    tool_event("r2", "c2", "check_order_status", "{}"); /* not confirmed yet: the service did not know better */
    assert_true(logged("tool.run call=\"c2\""));
    sim_simple(&s, EV_MODEL_UPDATED);
    tool_event("r2", "c3", "check_order_status", "{\"n\":2}");
    assert_true(logged("note=tool-unknown"));
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
    assert_true(logged("what=error agent=1 name=\"invalid_value\"") || logged("what=error"));
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    forget_log();
    sim_created(&s, "r3");
    assert_true(logged("what=agent-start agent=0"));
    assert_int_equal(count("model.update "), 0);
    down();
}

TEST(an_update_that_is_never_confirmed_is_noted_and_blocks_nothing)
{
    up();
    hand_over();
    sim_audio(&s, "r2", 2, 400);
    later(6000);
    assert_true(logged("note=update-timeout"));
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
    assert_false(logged("note=update-timeout"));
    down();
}

TEST(a_call_without_agents_is_one_agent_with_all_tools)
{
    sim_init(&s);
    s.opts.instructions = STR("Alone.");
    s.opts.greeting.kind = GREETING_NONE;
    start(true, true);
    assert_true(logged("model.open provider=0 why=first agent=0 tools=0,1 instructions=\"Alone.\""));
    sim_created(&s, "r1");
    tool_event("r1", "c1", "check_order_status", "{}");
    assert_true(logged("tool.run"));
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
    assert_false(logged("what=handoff "));
    assert_int_equal(s.responds, 0);
    control((struct call_event){.type = EV_CONTROL_AGENT, .control_agent = {.agent = 7}});
    assert_true(logged("note=control-refused"));
    assert_int_equal(count("model.update "), 1);
    down();
}

TEST(instructions_given_by_hand_hold_until_the_next_handoff)
{
    up();
    control((struct call_event){.type = EV_CONTROL_AGENT,
                                .control_agent = {.agent = UINT32_MAX, .instructions = STR("Whisper.")}});
    assert_true(logged("agent=0 tools=0,1,2,5 instructions=\"Whisper.\""));
    forget_log();
    hand_over();
    assert_true(logged("instructions=\"You bill.\""));
    down();
}

TEST(who_was_chosen_before_the_session_was_ready_is_told_then)
{
    configure();
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    control((struct call_event){.type = EV_CONTROL_AGENT, .control_agent = {.agent = 1}});
    assert_false(logged("model.update"));
    sim_model_ready(&s, true, true);
    assert_true(logged("model.update"));
    down();
}

/* ---- interrupt ---- */

static void interrupt(enum interrupt_kind kind, const char *response)
{
    struct call_event ev = {.type = EV_CONTROL_INTERRUPT};
    ev.control_interrupt.kind = kind;
    ev.control_interrupt.response_id = str_from(response);
    forget_log();
    sim_event(&s, &ev);
}

static void speak(const char *response, uint8_t item, uint32_t ms)
{
    sim_created(&s, response);
    sim_audio(&s, response, item, ms);
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
    assert_true(logged("note=late-audio"));
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
    assert_true(logged("note=control-refused"));
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
    assert_true(logged("model.cancel"));
    assert_false(logged("leg.clear"));
    assert_false(logged("model.truncate"));
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    later(2000);
    assert_int_equal(sim_heard(&s, 1), 8000);
    interrupt(INTERRUPT_RESPONSE, "r1");
    assert_true(logged("note=control-refused"));
    assert_int_equal(s.cancels, 1);
    down();
}

TEST(stopping_playback_alone_needs_a_response_that_is_over)
{
    up();
    speak("r1", 1, 3000);
    later(300);
    interrupt(INTERRUPT_PLAYBACK, "r1");
    assert_true(logged("note=control-refused"));
    assert_false(logged("leg.clear"));
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
    assert_true(logged("model.truncate"));
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
        assert_true(logged("note=control-refused"));
        assert_false(logged("model."));
        assert_false(logged("leg.clear"));
    }
    down();
}

/* ---- respond, commit, say, message ---- */

static void message(enum item_role role, const char *text, bool respond)
{
    struct call_item it = {.role = role, .n_parts = 1};
    it.parts[0] = (struct call_part){.kind = PART_TEXT, .text = str_from(text)};
    struct call_event ev = {.type = EV_CONTROL_MESSAGE};
    ev.control_message.item = &it;
    ev.control_message.respond = respond;
    sim_event(&s, &ev);
}

TEST(messages_that_pile_up_are_answered_once_and_stop_nobody)
{
    up();
    speak("r1", 1, 1000);
    forget_log();
    message(ITEM_USER, "one", true);
    message(ITEM_USER, "two", true);
    message(ITEM_SYSTEM, "three", false);
    assert_int_equal(count("model.item "), 3);
    assert_false(logged("leg.clear"));
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
    assert_true(logged("instructions=\"Rhyme.\""));
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
    assert_false(logged("A colleague"));
    sim_created(&s, "r2");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    assert_int_equal(s.responds, 2);
    assert_true(logged("Say exactly: \\\"A colleague listens.\\\""));
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
    assert_true(logged("model.commit"));
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
    assert_true(logged("note=control-refused"));
    assert_false(logged("model.item "));
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    sim_created(&s, "r1");
    tool_event("r1", "c1", "end_call", "{}");
    forget_log();
    message(ITEM_USER, "late", true);
    control((struct call_event){.type = EV_CONTROL_SAY, .control_say = {.text = STR("late")}});
    assert_int_equal(count("note=control-refused"), 2);
    assert_false(logged("model.item "));
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
    assert_false(logged("what=history-")); /* whatever the service says of it later */
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
    assert_true(logged("what=error agent=0 name=\"something_odd\""));
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
    assert_false(logged("leg.mark"));
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r1");
    write_text("r1", "a1", "Hello ", false);
    write_text("r1", "a1", "Hello there.", true);
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_order("what=text agent=0", "what=text-end", "line who=agent agent=0", "text=\"Hello there.\" unheard=\"\"");
    assert_true(logged("note=greeting-done"));
    assert_false(logged("note=dead-air"));
    message(ITEM_USER, "bye", true);
    sim_created(&s, "r2");
    tool_event("r2", "c1", "end_call", "{}");
    write_text("r2", "a2", "Goodbye.", true);
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(200);
    assert_true(logged("leg.hangup reason=agent"));
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
    assert_false(logged("note=dead-air"));
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
          T(an_interrupt_truncates_at_what_was_heard_and_leaves_the_cancel_to_a_service_that_does_it),
          T(a_forced_interrupt_cancels_in_any_case), T(without_interruptions_by_the_service_a_normal_one_cancels_too),
          T(stopping_the_response_alone_leaves_its_audio), T(stopping_playback_alone_needs_a_response_that_is_over),
          T(a_newer_response_is_played_on_when_the_older_one_is_stopped), T(nothing_is_sent_when_nothing_is_said),
          T(messages_that_pile_up_are_answered_once_and_stop_nobody),
          T(a_message_may_hold_an_image_and_the_history_keeps_it), T(respond_asks_once_and_waits_for_the_one_under_way),
          T(what_is_to_be_said_waits_for_an_answer_that_is_owed), T(what_is_to_be_said_at_once_stops_the_agent),
          T(a_commit_by_hand_is_answered_like_one_of_the_service), T(a_commit_closes_the_turn_of_a_button),
          T(nobody_can_be_spoken_to_before_the_call_and_in_the_goodbye),
          T(an_answer_is_told_in_order_usage_before_its_end), T(the_history_of_a_cut_answer_is_what_was_heard),
          T(items_of_the_service_are_told_as_they_come_and_go), T(a_history_beyond_its_limit_drops_the_oldest),
          T(errors_of_the_service_are_told), T(a_session_of_texts_greets_answers_and_ends),
          T(a_long_written_answer_is_not_taken_for_silence))
