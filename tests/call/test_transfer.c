/* Handing the caller over, and pressing keys, on a virtual clock. */
#include "stage.h"

#include "audio/dtmf.h"
#include "audio/g711.h"

static void set_up(void)
{
    sim_init(&s);
    s.delay_us = 40000;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.tools[0] = (struct call_tool){.name = STR("transfer_call"), .deadline_ms = 60000};
    s.opts.tools[1] = (struct call_tool){.name = STR("send_dtmf"), .deadline_ms = 60000};
    s.opts.tools[2] = (struct call_tool){.name = STR("end_call"), .kind = CALL_TOOL_END};
    s.opts.n_tools = 3;
}

static void begin(void)
{
    raise_curtain(true, true);
}

static void up(void)
{
    set_up();
    begin();
}

static void wish(const char *tool_call_id)
{
    struct call_event ev = {.type = EV_CONTROL_TRANSFER};
    ev.control_transfer.tool_call_id = str_from(tool_call_id);
    ev.control_transfer.to = STR("+15550001111");
    ev.control_transfer.name = STR("support");
    sim_event(&s, &ev);
}

static void press(const char *tool_call_id, const char *keys)
{
    struct call_event ev = {.type = EV_CONTROL_KEYS};
    ev.control_keys.tool_call_id = str_from(tool_call_id);
    ev.control_keys.keys = str_from(keys);
    sim_event(&s, &ev);
}

static void refuse(int err, int32_t code, const char *message)
{
    struct call_event ev = {.type = EV_LEG_TRANSFER_FAILED};
    ev.leg_transfer_failed.err = err;
    ev.leg_transfer_failed.code = code;
    ev.leg_transfer_failed.message = str_from(message);
    sim_event(&s, &ev);
}

/* The agent says so, calls the tool, and the host asks for the transfer. */
static void announced(void)
{
    caller_turn(400, "r1");
    sim_audio(&s, "r1", 1, 1000);
    sim_audio_done(&s, "r1", 1, "I connect you with support.");
    sim_tool(&s, "r1", "call_1", "transfer_call");
    wish("call_1");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
}

/* Words before a transfer that do not come to an end: within the response that calls it, and asked for. */
TEST(an_announcement_may_not_go_on_for_ever)
{
    for (int asked = 0; asked < 2; asked++) {
        const char *response = asked ? "r2" : "r1";
        up();
        caller_turn(400, "r1");
        sim_tool(&s, "r1", "call_1", "transfer_call");
        wish("call_1");
        if (asked) {
            sim_response_done(&s, "r1", RESPONSE_COMPLETED);
            sim_created(&s, "r2");
        }
        uint32_t longest_ms = asked ? 30000 : s.opts.deadlines.stall_ms;
        for (uint32_t at = 0; at < longest_ms; at += 1000) {
            assert_int_equal(s.transfers, 0);
            sim_audio(&s, response, 1, 1000);
            later(1000);
        }
        assert_int_equal(s.transfers, 1);
        down();
    }
}

TEST(a_transfer_is_ordered_when_its_announcement_was_heard)
{
    up();
    announced();
    assert_int_equal(view().phase, PHASE_TRANSFERRING);
    later(700);
    assert_int_equal(s.transfers, 0);
    later(600);
    assert_int_equal(sim_heard(&s, 1), 8000);
    assert_int_equal(s.transfers, 1);
    assert_logged("leg.transfer to=\"+15550001111\" name=\"support\"");
    assert_int_equal(s.responds, 0); /* it had said enough */
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_TRANSFERRED);
    assert_int_equal(s.hangups, 0);
    down();
}

TEST(a_transfer_without_words_is_announced_in_the_configured_ones)
{
    set_up();
    s.opts.transfer.text = STR("One moment please.");
    begin();
    caller_turn(400, "r1");
    sim_tool(&s, "r1", "call_1", "transfer_call");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    wish("call_1");
    assert_int_equal(s.responds, 1);
    assert_logged("no_tools=1 instructions=\"Say exactly: \\\"One moment please.\\\"");
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 800);
    sim_audio_done(&s, "r2", 2, "One moment please.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(500);
    assert_int_equal(s.transfers, 0);
    later(700);
    assert_int_equal(sim_heard(&s, 2), 6400);
    assert_int_equal(s.transfers, 1);
    down();
}

TEST(without_configured_words_the_agent_finds_its_own)
{
    up();
    wish(""); /* an operator */
    assert_int_equal(s.responds, 1);
    assert_logged("You are about to connect the caller with support.");
    later(5200); /* a model that does not come to it holds nobody up */
    assert_int_equal(s.transfers, 1);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_TRANSFERRED);
    down();
}

TEST(a_failed_transfer_comes_back_as_the_tools_output)
{
    up();
    announced();
    later(1500);
    assert_int_equal(s.transfers, 1);
    assert_int_equal(s.outputs, 0);
    refuse(-ERR_HTTP, 21211, "Invalid 'To' Phone Number");
    assert_int_equal(view().phase, PHASE_CONVERSATION);
    later(40);
    assert_int_equal(s.outputs, 1);
    assert_logged("\\\"status\\\":\\\"error\\\",\\\"department\\\":\\\"support\\\"");
    assert_logged("Invalid 'To' Phone Number (error 21211)");
    assert_int_equal(s.responds, 1); /* the agent tells the caller */
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 300);
    sim_audio_done(&s, "r2", 2, "Sorry.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(1000);
    /* A second one may be tried. */
    caller_turn(400, "r3");
    sim_audio(&s, "r3", 3, 400);
    sim_audio_done(&s, "r3", 3, "Again.");
    sim_tool(&s, "r3", "call_3", "transfer_call");
    wish("call_3");
    sim_response_done(&s, "r3", RESPONSE_COMPLETED);
    later(1000);
    assert_int_equal(s.transfers, 2);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_TRANSFERRED);
    down();
}

TEST(a_leg_that_does_nothing_fails_the_transfer)
{
    up();
    announced();
    later(1500);
    assert_int_equal(s.transfers, 1);
    later(20100);
    assert_int_equal(view().phase, PHASE_CONVERSATION);
    assert_int_equal(s.outputs, 1);
    assert_logged("did not connect the caller in time");
    refuse(-ERR_HTTP, 0, "too late"); /* nobody listens any more */
    assert_int_equal(s.outputs, 1);
    down();
}

TEST(an_operators_transfer_that_fails_is_told_to_the_caller)
{
    up();
    wish("");
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 500);
    sim_audio_done(&s, "r1", 1, "I connect you.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(1000);
    assert_int_equal(s.transfers, 1);
    refuse(-ETIMEDOUT, 0, "");
    assert_int_equal(s.responds, 2);
    assert_logged("The caller could not be connected. Say that you are sorry");
    assert_int_equal(s.outputs, 0);
    down();
}

TEST(only_one_transfer_at_a_time_and_none_while_hanging_up)
{
    up();
    announced();
    sim_tool(&s, "r1", "call_2", "transfer_call");
    wish("call_2");
    later(40);
    assert_logged("A transfer is under way already.");
    later(1500);
    assert_int_equal(s.transfers, 1);
    sim_event(&s, &(struct call_event){.type = EV_CONTROL_HANGUP, .control_hangup = {.reason = REASON_API_HANGUP}});
    assert_int_equal(s.hangups, 1);
    wish("call_1");
    assert_int_equal(s.transfers, 1);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_API_HANGUP); /* not handed over: hung up */
    down();
}

TEST(a_transfer_has_precedence_over_a_goodbye)
{
    up();
    caller_turn(400, "r1");
    sim_audio(&s, "r1", 1, 1000);
    sim_audio_done(&s, "r1", 1, "Goodbye.");
    sim_tool(&s, "r1", "call_0", "end_call");
    sim_tool(&s, "r1", "call_1", "transfer_call");
    assert_int_equal(view().phase, PHASE_FAREWELL);
    wish("call_1");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(view().phase, PHASE_TRANSFERRING);
    sim_tool(&s, "r1", "call_2", "end_call"); /* and no new one takes it back */
    later(1500);
    assert_int_equal(s.transfers, 1);
    assert_int_equal(s.hangups, 0);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_TRANSFERRED);
    down();
}

TEST(what_the_caller_says_into_the_announcement_does_not_stop_it)
{
    up();
    announced();
    later(300);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    later(1200);
    assert_int_equal(s.clears, 0);
    assert_int_equal(sim_heard(&s, 1), 8000);
    assert_int_equal(s.transfers, 1);
    down();
}

TEST(a_model_that_dies_does_not_stop_the_transfer)
{
    up();
    announced();
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.was_ready = true;
    ev.model_failed.code = STR("gone");
    sim_event(&s, &ev);
    later(1500);
    assert_int_equal(s.transfers, 1);
    assert_int_equal(s.hangups, 0);
    refuse(-ERR_HTTP, 0, "no");
    assert_int_equal(s.hangups, 1); /* neither agent nor colleague */
    assert_logged("apologise=1");
    down();
}

TEST(the_limit_of_a_call_waits_for_a_transfer_under_way)
{
    set_up();
    s.opts.limits.max_call_s = 2;
    begin();
    announced();
    later(1700);
    assert_int_equal(s.transfers, 1);
    later(3000);
    assert_int_equal(s.hangups, 0);
    refuse(-ERR_HTTP, 0, "no");
    later(15000);
    assert_int_equal(s.hangups, 1);
    down();
}

/* ---- the last words ---- */

static void hang_up_by(const char *tool, const char *arguments)
{
    struct call_event ev = {.type = EV_MODEL_TOOL_CALL};
    ev.model_tool.response_id = STR("r1");
    ev.model_tool.item_id = STR("f1");
    ev.model_tool.tool_call_id = STR("call_1");
    ev.model_tool.name = str_from(tool);
    ev.model_tool.arguments = str_from(arguments);
    set_up();
    s.opts.tools[3] = (struct call_tool){.name = STR("hangup_call"), .kind = CALL_TOOL_END};
    s.opts.n_tools = 4;
    begin();
    caller_turn(400, "r1");
    sim_event(&s, &ev);
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(40);
}

TEST(end_call_repeats_the_reason)
{
    hang_up_by("end_call", "{\"reason\":\" order \\\"found\\\" \",\"resolution\":\"x\"}");
    assert_logged("{\\\"status\\\":\\\"call_ending\\\",\\\"reason\\\":\\\"order \\\\\\\"found\\\\\\\"\\\"}");
    assert_logged("The call is ending. Say goodbye");
    down();
    hang_up_by("end_call", "no json");
    assert_logged("\\\"reason\\\":\\\"conversation complete\\\"");
    down();
}

TEST(hangup_call_says_its_farewell_and_hangs_up_behind_it)
{
    hang_up_by("hangup_call", "{\"farewell_message\":\"So long, and thanks.\",\"more\":[1]}");
    assert_logged(
        "{\\\"status\\\":\\\"success\\\",\\\"will_hangup\\\":true,\\\"message\\\":\\\"So long, and thanks.\\\"}");
    assert_logged("no_tools=1 instructions=\"Say exactly: \\\"So long, and thanks.\\\"");
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 500);
    sim_audio_done(&s, "r2", 2, "So long, and thanks.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    assert_int_equal(s.hangups, 0);
    later(1000);
    assert_int_equal(s.hangups, 1);
    down();
    hang_up_by("hangup_call", "{\"farewell_message\":null}");
    assert_logged("\\\"will_hangup\\\":true,\\\"message\\\":\\\"Goodbye.\\\"");
    assert_logged("The call is ending. Say goodbye");
    down();
}

/* ---- keys ---- */

static void hear(char *ret, size_t cap)
{
    struct dtmf d;
    int16_t pcm[160];
    size_t n = 0;
    dtmf_init(&d);
    for (size_t at = 0; at + 160 <= s.tones.len; at += 160) {
        char digits[8];
        for (size_t i = 0; i < 160; i++) {
            pcm[i] = g711_mulaw_decode1(buf_ptr(&s.tones)[at + i]);
        }
        size_t found = dtmf_run(&d, pcm, 160, digits);
        for (size_t i = 0; i < found && n + 1 < cap; i++) {
            ret[n++] = digits[i];
        }
    }
    ret[n] = '\0';
}

static void called_keys(const char *keys)
{
    caller_turn(400, "r1");
    sim_audio(&s, "r1", 1, 600);
    sim_audio_done(&s, "r1", 1, "I press it.");
    sim_tool(&s, "r1", "call_1", "send_dtmf");
    press("call_1", keys);
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
}

TEST(keys_are_tones_behind_the_agents_words)
{
    char heard[64];
    up();
    called_keys("1w204*#Ad9");
    assert_int_equal(s.tones.len, 0);
    assert_int_equal(s.outputs, 0);
    later(600);
    assert_int_equal(sim_heard(&s, 1), 4480);
    later(4000);
    hear(heard, sizeof(heard));
    assert_string_equal(heard, "1204*#AD9");
    /* 9 keys of 220 ms and half a second of waiting */
    assert_int_equal(s.tones.len, (9 * 220 + 500) * 8);
    assert_int_equal(s.outputs, 1);
    assert_logged("output=\"{\\\"status\\\":\\\"sent\\\",\\\"keys\\\":9}\"");
    assert_int_equal(s.responds, 1);
    assert_true(s.max_outstanding_us <= 210000);
    down();
}

TEST(a_menu_that_talks_on_does_not_interrupt_keys)
{
    char heard[64];
    up();
    called_keys("12345");
    later(900);
    assert_true(s.tones.len > 0);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    /* The service answers by itself in the middle of it: the agent's audio waits for the tones. */
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    sim_speech(&s, EV_MODEL_COMMITTED);
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 400);
    assert_int_equal(sim_heard(&s, 2), 0);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED); /* and is talked over before it was heard */
    assert_int_equal(s.clears, 0);
    sim_response_done(&s, "r2", RESPONSE_CANCELLED);
    later(2000);
    hear(heard, sizeof(heard));
    assert_string_equal(heard, "12345");
    assert_int_equal(s.outputs, 1);
    down();
}

TEST(agent_audio_that_comes_meanwhile_is_played_behind_the_keys)
{
    up();
    called_keys("1234567890");
    later(1000);
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 400);
    sim_audio_done(&s, "r2", 2, "Done.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(1000);
    assert_int_equal(sim_heard(&s, 2), 0);
    later(2000);
    assert_int_equal(sim_heard(&s, 2), 3200);
    down();
}

TEST(what_is_no_key_is_refused)
{
    static const char *const wrong[] = {"", "w", "12x", "1 2", "123456789012345678901234567890123"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        up();
        caller_turn(400, "r1");
        sim_tool(&s, "r1", "call_1", "send_dtmf");
        press("call_1", wrong[i]);
        sim_response_done(&s, "r1", RESPONSE_COMPLETED);
        later(40);
        assert_int_equal(s.outputs, 1);
        assert_logged("That are no keys.");
        assert_int_equal(s.tones.len, 0);
        down();
    }
}

TEST(a_second_order_of_keys_waits_for_nobody)
{
    up();
    called_keys("12");
    press("call_9", "3");
    later(40);
    press("", "4");
    later(2000);
    assert_int_equal(s.tones.len, 2 * 220 * 8);
    down();
}

TEST(a_transfer_waits_for_the_keys)
{
    up();
    called_keys("1234567890");
    later(800);
    sim_tool(&s, "r1", "call_2", "transfer_call");
    wish("call_2");
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 300);
    sim_audio_done(&s, "r2", 2, "I connect you.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(1800);
    assert_int_equal(s.transfers, 0);
    later(1200);
    assert_int_equal(s.transfers, 1);
    down();
}

TEST(a_call_that_ends_among_the_keys_ends)
{
    up();
    called_keys("123");
    later(850);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_CALLER_HANGUP);
    down();
}

TEST_MAIN(T(an_announcement_may_not_go_on_for_ever), T(a_transfer_is_ordered_when_its_announcement_was_heard),
          T(a_transfer_without_words_is_announced_in_the_configured_ones),
          T(without_configured_words_the_agent_finds_its_own), T(a_failed_transfer_comes_back_as_the_tools_output),
          T(a_leg_that_does_nothing_fails_the_transfer), T(an_operators_transfer_that_fails_is_told_to_the_caller),
          T(only_one_transfer_at_a_time_and_none_while_hanging_up), T(a_transfer_has_precedence_over_a_goodbye),
          T(what_the_caller_says_into_the_announcement_does_not_stop_it),
          T(a_model_that_dies_does_not_stop_the_transfer), T(the_limit_of_a_call_waits_for_a_transfer_under_way),
          T(end_call_repeats_the_reason), T(hangup_call_says_its_farewell_and_hangs_up_behind_it),
          T(keys_are_tones_behind_the_agents_words), T(a_menu_that_talks_on_does_not_interrupt_keys),
          T(agent_audio_that_comes_meanwhile_is_played_behind_the_keys), T(what_is_no_key_is_refused),
          T(a_second_order_of_keys_waits_for_nobody), T(a_transfer_waits_for_the_keys),
          T(a_call_that_ends_among_the_keys_ends))
