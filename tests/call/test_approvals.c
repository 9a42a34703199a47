/* Tools that wait for a yes, on a virtual clock: somebody's, or the caller's own. */
#include "tool_stage.h"

/* ---- approvals ---- */

TEST(approval_holds_the_tool_while_the_call_goes_on)
{
    up(&always);
    asks_tool("r1", "c1", "refund", "{\"amount\":5}");
    assert_logged("tool.approval call=\"c1\" name=\"refund\" arguments=\"{\\\"amount\\\":5}\" timeout_ms=20000");
    assert_int_equal(count("what=tool-approval"), 1);
    assert_int_equal(count("what=tool-start"), 0);
    assert_int_equal(s.runs, 0);
    says("are you there");
    speaks("r2", 1); /* the service answers by itself */
    assert_int_equal(s.runs, 0);
    decide("c1", true, false, "");
    assert_logged("tool.decided call=\"c1\" name=\"refund\" outcome=approved");
    assert_logged("tool.run call=\"c1\" name=\"refund\" arguments=\"{\\\"amount\\\":5}\"");
    result("c1", "paid");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1);
    decide("c1", false, false, ""); /* decided twice */
    assert_logged("note=tool-late");
    assert_int_equal(s.outputs, 1);
    down();
}

TEST(rejection_says_why_explicit_then_configured_then_ours)
{
    up(&always);
    asks_tool("r1", "c1", "refund", "{}");
    decide("c1", false, false, "Ask the manager first.");
    assert_logged("output=\"Ask the manager first.\"");
    assert_int_equal(s.responds, 1);
    speaks("r2", 1);
    asks_tool("r3", "c2", "refund", "{\"a\":1}");
    decide("c2", false, false, "");
    assert_logged("output=\"The use of refund was not approved.\"");
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
    assert_logged("output=\"No check_order_status today, no check_order_status!\"");
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
    assert_logged("tool.decided call=\"c4\" name=\"refund\" outcome=sticky-approved");
    decide("c3", false, true, "never in this call");
    call_tool("r1", "c5", "check_order_status", "{\"b\":1}");
    assert_logged("tool.decided call=\"c5\" name=\"check_order_status\" outcome=sticky-rejected");
    assert_logged("call=\"c3\" output=\"never in this call\"");
    assert_logged("call=\"c5\" output=\"never in this call\"");
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
    assert_logged("outcome=sticky-rejected");
    down();
}

TEST(condition_is_the_hosts_to_judge_and_its_silence_means_ask)
{
    up(&when);
    asks_tool("r1", "c1", "refund", "{\"amount\":5}");
    assert_logged("tool.check call=\"c1\" name=\"refund\" arguments=\"{\\\"amount\\\":5}\"");
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
    assert_logged("output=\"{\\\"error\\\":\\\"blocked\\\"}\"");
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
    assert_logged("outcome=timeout-rejected");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.runs, 0);
    down();

    struct tool_rules r = {.approval = {.kind = APPROVAL_ALWAYS, .timeout_ms = 3000, .timeout_approves = true}};
    up(&r);
    asks_tool("r1", "c1", "refund", "{}");
    later(3100);
    assert_logged("outcome=timeout-approved");
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
    assert_logged("Say exactly: \\\"One moment while I get approval.\\\"");
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
    assert_logged("outcome=caller-asked");
    assert_logged("approval_required");
    assert_int_equal(s.runs, 0);
    says("Yes, please.");
    sim_created(&s, "r3");
    call_tool("r3", "c2", "refund", "{\"to\": \"me\", \"amount\": 5}"); /* the same in another order */
    sim_response_done(&s, "r3", RESPONSE_COMPLETED);
    assert_logged("outcome=caller-approved");
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
        buf_clear(&s.log);
        asks_tool("r3", "c2", "plain", "{}"); /* something else does not disturb it */
        result("c2", "1");
        buf_clear(&s.log);
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
    assert_logged("not a clear yes");
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

TEST_MAIN(T(approval_holds_the_tool_while_the_call_goes_on), T(rejection_says_why_explicit_then_configured_then_ours),
          T(always_sticks_for_this_tool_and_this_call), T(sticky_rejection_skips_the_checker),
          T(condition_is_the_hosts_to_judge_and_its_silence_means_ask), T(nobody_decides_and_the_policy_does),
          T(pending_approval_does_not_hold_up_the_answer_to_other_tools), T(caller_is_told_that_somebody_is_asked),
          T(caller_is_asked_first_and_a_clear_yes_runs_it), T(caller_says_no_or_both_or_neither),
          T(yes_to_something_else_does_not_count), T(yes_is_waited_for_when_its_transcript_is_late),
          T(yes_in_other_languages_and_by_text))
