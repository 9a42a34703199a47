/* The rules of tool calls on a virtual clock: order, duplicates, approvals, the caller's own yes, fillers, background.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

static struct sim s;
static uint32_t spoken; /* items of the caller so far */

/* Two tools with these rules, a third without any, and end_call. */
static void up(const struct tool_rules *rules)
{
    sim_init(&s);
    spoken = 0;
    s.delay_us = 40000;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.tools[0].rules = *rules;
    s.opts.tools[2] = (struct call_tool){.name = STR("refund"), .parameters = STR("{}"), .rules = *rules};
    s.opts.tools[3] = (struct call_tool){.name = STR("plain"), .parameters = STR("{}")};
    s.opts.n_tools = 4;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_run(&s, s.now_us + 100000);
    sim_model_ready(&s, true, true);
}

static void down(void)
{
    if (!call_ended(s.call)) {
        sim_simple(&s, EV_LEG_STOP);
    }
    sim_replay(&s, NULL);
    assert_string_equal(s.failure, "");
    assert_int_equal(s.ends, 1);
    sim_done(&s);
}

static void later(uint32_t ms)
{
    sim_run(&s, s.now_us + (uint64_t)ms * 1000);
}

static struct call_view view(void)
{
    struct call_view v;
    call_view(s.call, &v);
    return v;
}

static bool logged(const char *text)
{
    return str_search(buf_str(&s.log), str_from(text)) != SIZE_MAX;
}

static uint32_t count(const char *text)
{
    uint32_t n = 0;
    struct str rest = buf_str(&s.log);
    for (size_t at = str_search(rest, str_from(text)); at != SIZE_MAX; at = str_search(rest, str_from(text))) {
        n++;
        rest = (struct str){rest.p + at + 1, rest.n - at - 1};
    }
    return n;
}

/* The caller says something; its transcript comes with said, or later when that is NULL. Gives the item's id. */
static const char *says(const char *said)
{
    static char id[16];
    struct call_event ev = {.type = EV_MODEL_COMMITTED};
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    later(400);
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    snprintf(id, sizeof(id), "u%u", 100 + spoken++);
    ev.model_speech.item_id = str_from(id);
    sim_event(&s, &ev);
    if (said) {
        ev = (struct call_event){.type = EV_MODEL_USER_TEXT};
        ev.model_user_text.item_id = str_from(id);
        ev.model_user_text.text = str_from(said);
        sim_event(&s, &ev);
    }
    return id;
}

static void transcript(const char *id, const char *text, bool failed)
{
    struct call_event ev = {.type = EV_MODEL_USER_TEXT};
    ev.model_user_text.item_id = str_from(id);
    ev.model_user_text.text = str_from(text);
    ev.model_user_text.failed = failed;
    sim_event(&s, &ev);
}

static void call_tool(const char *response, const char *id, const char *name, const char *arguments)
{
    struct call_event ev = {.type = EV_MODEL_TOOL_CALL};
    ev.model_tool.response_id = str_from(response);
    ev.model_tool.item_id = STR("f1");
    ev.model_tool.tool_call_id = str_from(id);
    ev.model_tool.name = str_from(name);
    ev.model_tool.arguments = str_from(arguments);
    sim_event(&s, &ev);
}

static void result(const char *id, const char *output)
{
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = str_from(id);
    ev.tool_result.output = str_from(output);
    sim_event(&s, &ev);
}

static void decide(const char *id, bool approve, bool always, const char *message)
{
    struct call_event ev = {.type = EV_TOOL_APPROVAL};
    ev.tool_approval.tool_call_id = str_from(id);
    ev.tool_approval.approve = approve;
    ev.tool_approval.always = always;
    ev.tool_approval.message = str_from(message);
    sim_event(&s, &ev);
}

static void checked(const char *id, enum tool_check check, const char *output)
{
    struct call_event ev = {.type = EV_TOOL_CHECKED};
    ev.tool_checked.tool_call_id = str_from(id);
    ev.tool_checked.check = check;
    ev.tool_checked.output = str_from(output);
    sim_event(&s, &ev);
}

/* A response with 300 ms of speech, heard to its end. */
static void speaks(const char *response, uint8_t item)
{
    sim_created(&s, response);
    sim_audio(&s, response, item, 300);
    sim_audio_done(&s, response, item, "Some words.");
    sim_response_done(&s, response, RESPONSE_COMPLETED);
    later(600);
}

/* The caller asks for something, and the model calls this tool without a word. */
static void asks_tool(const char *response, const char *id, const char *name, const char *arguments)
{
    says("please do something");
    sim_created(&s, response);
    call_tool(response, id, name, arguments);
    sim_response_done(&s, response, RESPONSE_COMPLETED);
}

static const struct tool_rules plain = {0};
static const struct tool_rules always = {.approval = {.kind = APPROVAL_ALWAYS, .timeout_ms = 20000}};
static const struct tool_rules when = {.approval = {.kind = APPROVAL_WHEN, .timeout_ms = 20000}};
static const struct tool_rules by_voice = {.approval = {.kind = APPROVAL_SPOKEN}};

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
    assert_true(logged("Unknown function: mag"));
    assert_true(logged("note=tool-unknown"));
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
    assert_true(logged("note=dead-air"));
    down();
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
    assert_true(logged("note=tool-resent"));
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
    assert_true(logged("output=\"the till is closed\""));
    assert_true(logged("tool.cancel call=\"c1\""));
    result("c1", "too late");
    assert_true(logged("note=tool-late"));
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
    assert_true(logged("tool.run call=\"c2\" name=\"refund\" arguments=\"{\\\"a\\\":1}\""));
    later(10100); /* its time is up: the next one's begins */
    assert_int_equal(s.runs, 3);
    assert_true(logged("tool.run call=\"c3\""));
    assert_false(logged("tool.run call=\"c4\""));
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
    assert_true(logged("tool.cancel call=\"c1\""));
    assert_false(logged("tool.cancel call=\"c2\""));
    assert_true(logged("note=tool-cancelled"));
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
    assert_true(logged("tool.cancel call=\"c1\""));
    assert_true(logged("tool.decided call=\"c2\" name=\"refund\" outcome=gone"));
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

/* ---- approvals ---- */

TEST(approval_holds_the_tool_while_the_call_goes_on)
{
    up(&always);
    asks_tool("r1", "c1", "refund", "{\"amount\":5}");
    assert_true(logged("tool.approval call=\"c1\" name=\"refund\" arguments=\"{\\\"amount\\\":5}\" timeout_ms=20000"));
    assert_int_equal(count("what=tool-approval"), 1);
    assert_int_equal(count("what=tool-start"), 0);
    assert_int_equal(s.runs, 0);
    says("are you there");
    speaks("r2", 1); /* the service answers by itself */
    assert_int_equal(s.runs, 0);
    decide("c1", true, false, "");
    assert_true(logged("tool.decided call=\"c1\" name=\"refund\" outcome=approved"));
    assert_true(logged("tool.run call=\"c1\" name=\"refund\" arguments=\"{\\\"amount\\\":5}\""));
    result("c1", "paid");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1);
    decide("c1", false, false, ""); /* decided twice */
    assert_true(logged("note=tool-late"));
    assert_int_equal(s.outputs, 1);
    down();
}

TEST(rejection_says_why_explicit_then_configured_then_ours)
{
    up(&always);
    asks_tool("r1", "c1", "refund", "{}");
    decide("c1", false, false, "Ask the manager first.");
    assert_true(logged("output=\"Ask the manager first.\""));
    assert_int_equal(s.responds, 1);
    speaks("r2", 1);
    asks_tool("r3", "c2", "refund", "{\"a\":1}");
    decide("c2", false, false, "");
    assert_true(logged("output=\"The use of refund was not approved.\""));
    assert_int_equal(s.runs, 0);
    down();

    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.tools[0].rules = always;
    s.opts.approvals.rejection = STR("No {{tool}} today, no {{tool}}!");
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    asks_tool("r1", "c1", "check_order_status", "{}");
    decide("c1", false, false, "");
    assert_true(logged("output=\"No check_order_status today, no check_order_status!\""));
    down();
}

TEST(always_sticks_for_this_tool_and_this_call)
{
    up(&always);
    says("twice");
    sim_created(&s, "r1");
    call_tool("r1", "c1", "refund", "{\"a\":1}");
    call_tool("r1", "c2", "refund", "{\"a\":2}");
    call_tool("r1", "c3", "check_order_status", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    decide("c1", true, true, "");
    assert_int_equal(s.runs, 2); /* also the one that waited already */
    call_tool("r1", "c4", "refund", "{\"a\":3}");
    assert_int_equal(s.runs, 3);
    assert_true(logged("tool.decided call=\"c4\" name=\"refund\" outcome=sticky-approved"));
    decide("c3", false, true, "never in this call");
    call_tool("r1", "c5", "check_order_status", "{\"b\":1}");
    assert_true(logged("tool.decided call=\"c5\" name=\"check_order_status\" outcome=sticky-rejected"));
    assert_true(logged("call=\"c3\" output=\"never in this call\""));
    assert_true(logged("call=\"c5\" output=\"never in this call\""));
    assert_int_equal(s.runs, 3);
    down();
}

TEST(sticky_rejection_skips_the_checker)
{
    up(&when);
    asks_tool("r1", "c1", "refund", "{}");
    checked("c1", TOOL_CHECK_ASK, "");
    decide("c1", false, true, "");
    asks_tool("r2", "c2", "refund", "{\"a\":1}");
    assert_int_equal(count("tool.check"), 1);
    assert_true(logged("outcome=sticky-rejected"));
    down();
}

TEST(condition_is_the_hosts_to_judge_and_its_silence_means_ask)
{
    up(&when);
    asks_tool("r1", "c1", "refund", "{\"amount\":5}");
    assert_true(logged("tool.check call=\"c1\" name=\"refund\" arguments=\"{\\\"amount\\\":5}\""));
    assert_int_equal(s.runs, 0);
    checked("c1", TOOL_CHECK_RUN, "");
    assert_int_equal(s.runs, 1);
    assert_int_equal(count("tool.approval call"), 0);
    result("c1", "ok");
    speaks("r2", 1);
    asks_tool("r3", "c2", "refund", "{\"amount\":500}");
    checked("c2", TOOL_CHECK_ASK, "");
    assert_int_equal(count("tool.approval call"), 1);
    checked("c2", TOOL_CHECK_RUN, ""); /* too late to change its mind */
    assert_int_equal(s.runs, 1);
    decide("c2", true, false, "");
    assert_int_equal(s.runs, 2);
    result("c2", "ok");
    speaks("r4", 2);
    asks_tool("r5", "c3", "refund", "{\"amount\":6}");
    checked("c3", TOOL_CHECK_REFUSE, "{\"error\":\"blocked\"}");
    assert_true(logged("output=\"{\\\"error\\\":\\\"blocked\\\"}\""));
    speaks("r6", 3);
    asks_tool("r7", "c4", "refund", "{\"amount\":7}");
    later(5100);
    assert_int_equal(count("tool.approval call"), 2);
    down();
}

TEST(nobody_decides_and_the_policy_does)
{
    up(&always);
    asks_tool("r1", "c1", "refund", "{}");
    later(19900);
    assert_int_equal(s.outputs, 0);
    later(200);
    assert_true(logged("outcome=timeout-rejected"));
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.runs, 0);
    down();

    struct tool_rules r = {.approval = {.kind = APPROVAL_ALWAYS, .timeout_ms = 3000, .timeout_approves = true}};
    up(&r);
    asks_tool("r1", "c1", "refund", "{}");
    later(3100);
    assert_true(logged("outcome=timeout-approved"));
    assert_int_equal(s.runs, 1);
    down();
}

TEST(pending_approval_does_not_hold_up_the_answer_to_other_tools)
{
    up(&always);
    says("both");
    sim_created(&s, "r1");
    call_tool("r1", "c1", "refund", "{}");
    call_tool("r1", "c2", "plain", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    result("c2", "2");
    assert_int_equal(s.responds, 1);
    speaks("r2", 1);
    decide("c1", true, false, "");
    result("c1", "1");
    assert_int_equal(s.responds, 2);
    down();
}

TEST(caller_is_told_that_somebody_is_asked)
{
    struct tool_rules r = always;
    r.approval.words = STR("One moment while I get approval.");
    up(&r);
    asks_tool("r1", "c1", "refund", "{}");
    assert_int_equal(s.responds, 1);
    assert_true(logged("Say exactly: \\\"One moment while I get approval.\\\""));
    speaks("r2", 1);
    later(3000);
    assert_int_equal(s.responds, 1); /* once */
    decide("c1", false, false, "");
    assert_int_equal(s.responds, 2);
    down();
}

/* ---- the caller's own yes ---- */

/* The first call, the instruction to ask, and the question. */
static void question(void)
{
    asks_tool("r1", "c1", "refund", "{\"amount\":5,\"to\":\"me\"}");
    speaks("r2", 1);
}

TEST(caller_is_asked_first_and_a_clear_yes_runs_it)
{
    up(&by_voice);
    question();
    assert_true(logged("outcome=caller-asked"));
    assert_true(logged("approval_required"));
    assert_int_equal(s.runs, 0);
    says("Yes, please.");
    sim_created(&s, "r3");
    call_tool("r3", "c2", "refund", "{\"to\": \"me\", \"amount\": 5}"); /* the same in another order */
    sim_response_done(&s, "r3", RESPONSE_COMPLETED);
    assert_true(logged("outcome=caller-approved"));
    assert_int_equal(s.runs, 1);
    result("c2", "done");
    speaks("r4", 2);
    asks_tool("r5", "c3", "refund", "{\"amount\":5,\"to\":\"me\"}"); /* one yes is for one use */
    assert_int_equal(s.runs, 1);
    assert_int_equal(count("outcome=caller-asked"), 2);
    down();
}

TEST(caller_says_no_or_both_or_neither)
{
    static const struct {
        const char *said, *outcome;
    } cases[] = {
        {"No thanks.", "outcome=caller-rejected"},    {"Yes. No, wait!", "outcome=caller-rejected"},
        {"DON'T do that", "outcome=caller-rejected"}, {"what does it cost", "outcome=caller-asked"},
        {"I know yesterday", "outcome=caller-asked"}, /* words, not letters */
        {"OK, go ahead", "outcome=caller-approved"},  {"  sure!", "outcome=caller-approved"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        up(&by_voice);
        question();
        buf_clear(&s.log, 0);
        asks_tool("r3", "c2", "plain", "{}"); /* something else does not disturb it */
        result("c2", "1");
        buf_clear(&s.log, 0);
        says(cases[i].said);
        sim_created(&s, "r4");
        call_tool("r4", "c3", "refund", "{\"amount\":5,\"to\":\"me\"}");
        if (!logged(cases[i].outcome)) {
            fail_msg("%s: no %s", cases[i].said, cases[i].outcome);
        }
        down();
    }
}

TEST(yes_to_something_else_does_not_count)
{
    up(&by_voice);
    /* What was said before the question, its transcript late. */
    const char *id = says(NULL);
    sim_created(&s, "r1");
    call_tool("r1", "c1", "refund", "{\"amount\":5}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    speaks("r2", 1);
    transcript(id, "yes", false);
    says("hm");
    sim_created(&s, "r3");
    call_tool("r3", "c2", "refund", "{\"amount\":5}");
    sim_response_done(&s, "r3", RESPONSE_COMPLETED);
    assert_int_equal(s.runs, 0);
    /* Other arguments than those that were asked about. */
    speaks("r4", 2);
    says("yes");
    sim_created(&s, "r5");
    call_tool("r5", "c3", "refund", "{\"amount\":5000}");
    sim_response_done(&s, "r5", RESPONSE_COMPLETED);
    assert_int_equal(s.runs, 0);
    /* Called again without having asked. */
    call_tool("r5", "c4", "refund", "{\"amount\":5000}");
    assert_int_equal(s.runs, 0);
    assert_int_equal(count("outcome=caller-asked"), 4);
    down();
}

TEST(yes_is_waited_for_when_its_transcript_is_late)
{
    up(&by_voice);
    question();
    const char *id = says(NULL);
    sim_created(&s, "r3");
    call_tool("r3", "c2", "refund", "{\"amount\":5,\"to\":\"me\"}");
    sim_response_done(&s, "r3", RESPONSE_COMPLETED);
    assert_int_equal(s.runs, 0);
    later(1000);
    transcript(id, "Yes.", false);
    assert_int_equal(s.runs, 1);
    down();

    up(&by_voice);
    question();
    says(NULL);
    sim_created(&s, "r3");
    call_tool("r3", "c2", "refund", "{\"amount\":5,\"to\":\"me\"}");
    sim_response_done(&s, "r3", RESPONSE_COMPLETED);
    later(3100);
    assert_int_equal(s.runs, 0);
    assert_true(logged("not a clear yes"));
    assert_int_equal(s.outputs, 2);
    down();

    up(&by_voice);
    question();
    id = says(NULL);
    transcript(id, "", true);
    sim_created(&s, "r3");
    call_tool("r3", "c2", "refund", "{\"amount\":5,\"to\":\"me\"}");
    assert_int_equal(s.runs, 0);
    down();
}

TEST(yes_in_other_languages_and_by_text)
{
    up(&by_voice);
    down();
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.tools[0].rules = by_voice;
    s.opts.approvals.yes = STR("ja\nда\nd'accord");
    s.opts.approvals.no = STR("nein\nне надо\nöffnen");
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    static const struct {
        const char *said;
        bool runs;
    } cases[] = {{"ДА!", true}, {"Да, не надо", false}, {"Ja. ÖFFNEN", false}, {"D’accord", true}, {"yes", false}};
    uint32_t runs = 0;
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
        char id[16], r[16], args[32];
        snprintf(args, sizeof(args), "{\"n\":%u}", i);
        snprintf(id, sizeof(id), "a%u", i);
        snprintf(r, sizeof(r), "ra%u", i);
        asks_tool(r, id, "check_order_status", args);
        snprintf(r, sizeof(r), "rb%u", i);
        speaks(r, (uint8_t)(1 + i));
        struct call_event ev = {.type = EV_CONTROL_USER_TEXT};
        ev.control_text.text = str_from(cases[i].said);
        sim_event(&s, &ev);
        snprintf(id, sizeof(id), "b%u", i);
        snprintf(r, sizeof(r), "rc%u", i);
        sim_created(&s, r);
        call_tool(r, id, "check_order_status", args);
        sim_response_done(&s, r, RESPONSE_COMPLETED);
        runs += cases[i].runs;
        if (s.runs != runs) {
            fail_msg("\"%s\": %u runs instead of %u", cases[i].said, s.runs, runs);
        }
        if (cases[i].runs) {
            result(id, "1");
        }
        snprintf(r, sizeof(r), "rd%u", i);
        speaks(r, (uint8_t)(50 + i));
    }
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
    assert_true(logged("Say exactly: \\\"One moment, please.\\\" Say nothing else."));
    assert_true(logged("no_tools=1"));
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
    assert_false(logged("tool-filler"));
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
    assert_false(logged("tool-filler"));
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
    assert_false(logged("line who=agent at_ms=0"));
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
    assert_true(logged("did not answer in time"));
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
    assert_true(logged("\\\"status\\\":\\\"started\\\""));
    assert_int_equal(s.responds, 1);
    assert_int_equal(view().pending_tools, 0);
    speaks("r2", 1);
    later(20000); /* longer than a tool may take */
    assert_false(logged("tool-timeout"));
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    result("c1", "{\"paid\":5}");
    later(500);
    assert_int_equal(s.responds, 1); /* the caller speaks */
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    sim_speech(&s, EV_MODEL_COMMITTED);
    speaks("r3", 2);
    later(200);
    assert_true(logged("\\\"paid\\\":5"));
    assert_true(logged("model.item request=")); /* nobody has said it: not in the caller's name */
    assert_true(logged("role=system"));
    assert_false(logged("model.user-text"));
    assert_int_equal(s.responds, 2);
    assert_int_equal(s.outputs, 1);
    speaks("r4", 3);
    result("c1", "again");
    assert_true(logged("note=tool-late"));
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
    assert_true(logged("paid"));
    assert_false(logged("\\\"started\\\""));
    down();
}

TEST(background_tool_that_never_answers_says_so_and_is_cancelled_with_the_call)
{
    up(&behind);
    asks_tool("r1", "c1", "refund", "{}");
    speaks("r2", 1);
    later(300100);
    assert_true(logged("note=tool-timeout"));
    assert_true(logged("did not answer in time"));
    assert_int_equal(s.responds, 2);
    speaks("r3", 2);
    asks_tool("r4", "c2", "refund", "{\"a\":1}");
    speaks("r5", 3);
    sim_simple(&s, EV_LEG_STOP);
    assert_true(logged("tool.cancel call=\"c2\""));
    down();
}

TEST_MAIN(T(unknown_tool_is_told_and_asks_for_no_response), T(nothing_but_a_call_into_the_void_is_asked_once_more),
          T(duplicates_are_ignored_in_every_state_and_other_arguments_are_an_error),
          T(refused_output_is_sent_again_and_the_tool_does_not_run_again), T(accepted_output_is_not_sent_again),
          T(time_is_up_in_the_words_of_the_tool), T(parallel_tools_start_at_once_and_get_one_answer),
          T(sequential_tools_run_one_after_the_other_in_order), T(interruption_gives_up_the_tools_that_ask_for_it),
          T(results_after_the_end_go_nowhere), T(too_many_at_once_still_get_an_output_each),
          T(approval_holds_the_tool_while_the_call_goes_on), T(rejection_says_why_explicit_then_configured_then_ours),
          T(always_sticks_for_this_tool_and_this_call), T(sticky_rejection_skips_the_checker),
          T(condition_is_the_hosts_to_judge_and_its_silence_means_ask), T(nobody_decides_and_the_policy_does),
          T(pending_approval_does_not_hold_up_the_answer_to_other_tools), T(caller_is_told_that_somebody_is_asked),
          T(caller_is_asked_first_and_a_clear_yes_runs_it), T(caller_says_no_or_both_or_neither),
          T(yes_to_something_else_does_not_count), T(yes_is_waited_for_when_its_transcript_is_late),
          T(yes_in_other_languages_and_by_text), T(filler_is_said_once_into_silence_and_the_answer_follows),
          T(fast_result_needs_no_filler), T(filler_waits_for_agent_and_caller_to_fall_silent),
          T(filler_that_fails_is_done_without), T(one_filler_serves_all_that_are_under_way),
          T(sound_is_played_instead_and_the_model_never_hears_of_it), T(hanging_tool_is_bridged_and_the_call_goes_on),
          T(background_tool_is_started_at_once_and_reports_into_silence),
          T(background_tool_that_is_quick_answers_like_any_other),
          T(background_tool_that_never_answers_says_so_and_is_cancelled_with_the_call))
