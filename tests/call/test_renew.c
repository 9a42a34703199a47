/* One model session takes over from another: before the limit, after a loss, at other providers. */
#include "session_stage.h"

static uint8_t filler[8 * 200];

static void prepare(enum turn_kind kind)
{
    sim_init(&s);
    memset(filler, 249, sizeof(filler));
    s.opts.renewal.filler = span_from(filler, sizeof(filler));
    s.delay_us = 20000;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.renewal.on = true;
    s.opts.turn.kind = kind;
    s.opts.vad.on = kind == TURN_LOCAL;
}

static void start(void)
{
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
}

static void begin(enum turn_kind kind)
{
    prepare(kind);
    start();
}

static void ready(uint32_t session, uint32_t lasts_s)
{
    bool serves = s.opts.turn.kind == TURN_SERVER_VAD;
    struct call_event ev = {.type = EV_MODEL_READY};
    ev.model_ready.in = ev.model_ready.out = AUDIO_PCMU;
    ev.model_ready.model = STR("m");
    ev.model_ready.interrupts = ev.model_ready.creates = serves;
    ev.model_ready.lasts_s = lasts_s;
    s.says = session;
    sim_event(&s, &ev);
}

static void up(enum turn_kind kind)
{
    begin(kind);
    ready(0, 0);
}

static void lose(void)
{
    fail_session(s.says, -ERR_CLOSED, "ws-1011", true);
}

static bool in_order(const char *a, const char *b)
{
    size_t first = str_search(buf_str(&s.log), str_from(a));
    size_t second = str_search(buf_str(&s.log), str_from(b));
    return first != SIZE_MAX && second != SIZE_MAX && first < second;
}

/* ---- before the limit ---- */

TEST(a_session_is_prepared_before_the_limit_and_takes_over_in_a_quiet_moment)
{
    prepare(TURN_SERVER_VAD);
    s.opts.renewal.before_s = 20;
    start();
    ready(0, 60);
    caller_says("u1", "hello");
    agent_says("r1", 1, 1000, "Hello, how can I help?");
    later(38000);
    assert_int_equal(s.opens, 1);
    later(3000);
    assert_int_equal(s.opens, 2);
    assert_logged("model.open session=1 provider=0 why=limit");
    forget_log();
    ready(1, 60);
    later(100);
    assert_int_equal(s.session, 1);
    assert_logged("note=renewed value=0 text=\"quiet\"");
    assert_true(in_order("text=\"hello\"", "text=\"Hello, how can I help?\""));
    assert_logged("note=replayed value=2");
    assert_logged("model.close");
    assert_int_equal(s.responds, 0); /* nothing was owed */
    s.says = 1;
    caller_says("u2", "and now");
    assert_int_equal(view().caller, CALLER_SILENT);
    down();
}

TEST(a_short_session_is_renewed_at_its_half)
{
    begin(TURN_SERVER_VAD);
    ready(0, 10);
    later(4900);
    assert_int_equal(s.opens, 1);
    later(200);
    assert_int_equal(s.opens, 2);
    down();
}

TEST(the_rule_of_the_provider_counts_when_the_service_says_nothing)
{
    prepare(TURN_SERVER_VAD);
    s.opts.renewal.session_max_s[0] = 10;
    start();
    ready(0, 0);
    later(5100);
    assert_int_equal(s.opens, 2);
    down();
}

TEST(the_prepared_session_waits_while_somebody_speaks)
{
    begin(TURN_SERVER_VAD);
    ready(0, 40);
    later(21000);
    caller_says("u1", "hello");
    ready(1, 0);
    assert_int_equal(s.session, 0);
    s.says = 0;
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 400);
    later(100);
    assert_int_equal(s.session, 0);
    sim_audio_done(&s, "r1", 1, "Yes.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(200);
    assert_int_equal(s.session, 0); /* still heard */
    later(600);
    assert_int_equal(s.session, 1);
    assert_logged("text=\"quiet\"");
    down();
}

TEST(at_the_deadline_a_running_response_is_broken_off_and_gone_on_with)
{
    begin(TURN_SERVER_VAD);
    ready(0, 8); /* due at 4 s, latest at 6 s */
    later(3500);
    caller_says("u1", "tell me a story");
    sim_created(&s, "r1");
    for (int i = 0; i < 20; i++) {
        sim_audio(&s, "r1", 1, 100);
    }
    struct call_event ev = {.type = EV_MODEL_TEXT_DELTA};
    ev.model_text.response_id = STR("r1");
    ev.model_text.item_id = STR("i1");
    ev.model_text.text = STR("Once upon a time there was a king");
    sim_event(&s, &ev);
    ready(1, 0);
    s.says = 0;
    forget_log();
    later(1900);
    assert_logged("note=renewed value=0 text=\"deadline\"");
    assert_logged("model.cancel");
    assert_not_logged("model.close");
    assert_int_equal(s.responds, 0);
    later(2500);                  /* what came of it is heard */
    assert_logged("model.close"); /* the old session had a while to tell what the broken response costs */
    assert_logged("type=message role=assistant status=incomplete text=\"Once upon a time");
    assert_int_equal(s.responds, 1);
    assert_logged("broke off");
    assert_true(in_order("status=incomplete", "model.respond"));
    down();
}

TEST(somebody_may_ask_for_another_session)
{
    up(TURN_SERVER_VAD);
    later(500);
    sim_simple(&s, EV_CONTROL_RENEW);
    assert_int_equal(s.opens, 2);
    assert_logged("why=asked");
    sim_simple(&s, EV_CONTROL_RENEW); /* once is enough */
    assert_int_equal(s.opens, 2);
    ready(1, 0);
    later(50);
    assert_logged("note=renewed value=0 text=\"quiet\"");
    down();
}

TEST(a_prepared_session_that_fails_is_tried_again_and_the_old_one_serves)
{
    begin(TURN_SERVER_VAD);
    ready(0, 60);
    later(31000);
    assert_int_equal(s.opens, 2);
    for (uint32_t i = 1; i <= 5; i++) {
        fail_session(i, -ERR_CLOSED, "", false);
        later(250 << (i - 1) >> 1);
        assert_int_equal(s.opens, i + 1);
        later((250 << (i - 1) >> 1) + 40);
        assert_int_equal(s.opens, i + 2);
    }
    ready(6, 0);
    later(100);
    assert_logged("text=\"quiet\"");
    assert_false(call_ended(s.call));
    assert_int_equal(s.hangups, 0);
    down();
}

/* ---- a session is lost ---- */

TEST(a_session_lost_in_silence_is_replaced_and_told_everything)
{
    up(TURN_SERVER_VAD);
    caller_says("u1", "what is the weather");
    sim_created(&s, "r1");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = STR("call_1");
    ev.tool_result.output = STR("{\"sky\":\"blue\"}");
    sim_event(&s, &ev);
    assert_int_equal(s.outputs, 1);
    agent_says("r2", 2, 600, "The sky is blue.");
    later(20000);
    forget_log();
    lose();
    assert_int_equal(s.opens, 2);
    assert_logged("model.open session=1 provider=0 why=closed");
    later(400);
    ready(1, 0);
    assert_true(in_order("what is the weather", "type=function_call"));
    assert_true(in_order("type=function_call", "type=function_output"));
    assert_true(in_order("type=function_output", "The sky is blue."));
    assert_logged("note=replayed value=4");
    assert_logged("text=\"lost\"");
    assert_int_equal(s.responds, 1); /* the one behind the tool */
    later(1000);
    assert_int_equal(s.append_count, s.caller_count);
    down();
}

TEST(a_session_that_was_replaced_is_not_why_the_call_ended)
{
    up(TURN_SERVER_VAD);
    lose();
    later(400);
    ready(1, 0);
    later(1000);
    forget_log();
    sim_simple(&s, EV_LEG_STOP);
    assert_logged("reason=caller-hangup");
    assert_not_logged("ws-1011");
    down();
}

TEST(what_the_caller_said_into_the_gap_reaches_the_new_session)
{
    up(TURN_SERVER_VAD);
    later(15000);
    lose();
    later(3000);
    ready(1, 0);
    later(20);
    assert_int_equal(s.append_count, s.caller_count);
    assert_not_logged("note=uplink-drop");
    down();
}

TEST(a_turn_under_way_is_heard_again_from_its_begin)
{
    up(TURN_SERVER_VAD);
    later(15000);
    speech(EV_MODEL_SPEECH_STARTED, "u1");
    uint32_t began = s.caller_count;
    later(2000);
    lose();
    later(500);
    ready(1, 0);
    s.says = 1;
    forget_log();
    later(40);
    /* The first append of the new session went back before the begin; sim.c has checked that nothing is missing. */
    assert_true(began > 0);
    assert_int_equal(s.append_count, s.caller_count);
    uint32_t turns = view().turns;
    speech(EV_MODEL_SPEECH_STARTED, "u1b");
    assert_int_equal(view().turns, turns); /* the same turn */
    assert_int_equal(view().caller, CALLER_SPEAKING);
    down();
}

TEST(a_turn_without_words_is_told_as_sound_and_answered)
{
    up(TURN_SERVER_VAD);
    later(15000);
    caller_says("u1", NULL);
    forget_log();
    lose();
    ready(1, 0);
    s.says = 1;
    assert_logged("type=message role=user");
    assert_logged("note=replayed value=1");
    assert_int_equal(s.responds, 1);
    assert_true(in_order("model.item", "model.respond"));
    down();
}

TEST(a_turn_with_words_is_told_as_text_and_answered)
{
    up(TURN_SERVER_VAD);
    later(15000);
    caller_says("u1", "how late is it");
    lose();
    forget_log();
    ready(1, 0);
    assert_true(in_order("text=\"how late is it\"", "model.respond"));
    assert_int_equal(s.items, 1);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(a_response_under_way_is_heard_out_then_gone_on_with)
{
    up(TURN_SERVER_VAD);
    later(15000);
    caller_says("u1", "tell me everything");
    sim_created(&s, "r1");
    struct call_event ev = {.type = EV_MODEL_TEXT_DELTA};
    ev.model_text.response_id = STR("r1");
    ev.model_text.item_id = STR("i1");
    ev.model_text.text = STR("First we take the old thing and then we make a new thing of it all");
    sim_event(&s, &ev);
    for (int i = 0; i < 15; i++) {
        sim_audio(&s, "r1", 1, 100);
    }
    later(300);
    lose();
    forget_log();
    ready(1, 0);
    assert_int_equal(s.responds, 0);
    later(700);
    assert_int_equal(s.responds, 0); /* still heard */
    later(1000);
    assert_int_equal(sim_heard(&s, 1), 12000);
    assert_int_equal(s.responds, 1);
    assert_logged("status=incomplete text=\"First we take");
    assert_not_logged("text=\"First we take the old thing and then we make a new thing of it all\"");
    assert_logged("broke off");
    down();
}

TEST(who_speaks_into_the_gap_needs_no_rest)
{
    up(TURN_LOCAL);
    later(15000);
    s.ppm = 990000;
    later(1000);
    s.ppm = 0;
    later(800);
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r1");
    for (int i = 0; i < 40; i++) {
        sim_audio(&s, "r1", 1, 100);
    }
    later(500);
    lose();
    s.ppm = 990000;
    later(1500);
    assert_true(logged("interrupted=1") || logged("note=barge-in"));
    s.ppm = 0;
    later(800);
    forget_log();
    ready(1, 0);
    s.says = 1;
    assert_not_logged("broke off");
    assert_int_equal(s.responds, 2); /* for the new turn, once */
    assert_logged("role=user");
    down();
}

TEST(a_gated_turn_goes_on_in_the_new_session)
{
    up(TURN_LOCAL);
    later(15000);
    s.ppm = 990000;
    later(1500);
    assert_int_equal(view().caller, CALLER_SPEAKING);
    lose();
    later(1000);
    forget_log();
    ready(1, 0);
    s.says = 1;
    assert_logged("model.append");
    uint32_t from = s.caller_count - 2000 * 8;
    assert_true(s.append_count >= from);
    later(500);
    assert_int_equal(s.commits, 0);
    s.ppm = 0;
    later(900);
    assert_int_equal(s.commits, 1);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(a_turn_that_ends_in_the_gap_is_told_and_answered)
{
    up(TURN_LOCAL);
    later(15000);
    s.ppm = 990000;
    later(1000);
    lose();
    later(500);
    s.ppm = 0;
    later(1000);
    assert_int_equal(s.commits + s.responds, 0);
    forget_log();
    ready(1, 0);
    assert_logged("type=message role=user");
    assert_int_equal(s.responds, 1);
    down();
}

TEST(a_tool_in_flight_answers_to_the_new_session_once)
{
    up(TURN_SERVER_VAD);
    later(15000);
    caller_says("u1", "where is my order");
    sim_created(&s, "r1");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    assert_int_equal(s.runs, 1);
    lose();
    forget_log();
    ready(1, 0);
    s.says = 1;
    assert_logged("type=function_call");
    assert_not_logged("type=function_output");
    assert_int_equal(s.responds, 0); /* the tool comes first */
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = STR("call_1");
    ev.tool_result.output = STR("{\"ok\":true}");
    sim_event(&s, &ev);
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1);
    assert_int_equal(s.runs, 1);
    sim_event(&s, &ev);
    assert_int_equal(s.outputs, 1);
    down();
}

TEST(a_result_that_comes_in_the_gap_is_given_to_the_new_session)
{
    up(TURN_SERVER_VAD);
    later(15000);
    caller_says("u1", "where is my order");
    sim_created(&s, "r1");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    lose();
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = STR("call_1");
    ev.tool_result.output = STR("{\"ok\":true}");
    sim_event(&s, &ev);
    assert_int_equal(s.outputs, 0);
    ready(1, 0);
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(texts_in_the_gap_are_told)
{
    up(TURN_SERVER_VAD);
    later(15000);
    lose();
    sim_event(&s, &(struct call_event){.type = EV_CONTROL_USER_TEXT, .control_text = {STR("my number is five")}});
    assert_int_equal(s.responds, 0);
    forget_log();
    ready(1, 0);
    assert_true(in_order("my number is five", "model.respond"));
    down();
}

TEST(an_earlier_session_is_not_listened_to)
{
    up(TURN_SERVER_VAD);
    later(15000);
    lose();
    ready(1, 0);
    s.says = 0;
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    sim_created(&s, "r9");
    sim_audio(&s, "r9", 9, 400);
    later(100);
    assert_int_equal(view().caller, CALLER_SILENT);
    assert_int_equal(view().response, RESPONSE_NONE);
    assert_int_equal(view().playout, PLAYOUT_EMPTY);
    fail_session(0, -ERR_CLOSED, "again", true);
    assert_int_equal(s.opens, 2);
    down();
}

TEST(a_gap_is_filled_with_a_soft_tone)
{
    up(TURN_SERVER_VAD);
    later(15000);
    lose();
    later(1900);
    assert_not_logged("note=filler");
    later(200);
    assert_logged("note=filler value=2000");
    assert_int_not_equal(view().playout, PLAYOUT_EMPTY);
    assert_not_logged("model.truncate");
    s.lossy = true;
    ready(1, 0);
    down();
}

/* ---- nobody comes back ---- */

TEST(attempts_are_spaced_then_the_caller_is_told)
{
    up(TURN_SERVER_VAD);
    later(15000);
    lose();
    assert_int_equal(s.opens, 2);
    fail_session(1, -ERR_CLOSED, "", false);
    assert_int_equal(s.opens, 2);
    later(300);
    assert_int_equal(s.opens, 3);
    fail_session(2, -ERR_CLOSED, "", false);
    later(300);
    assert_int_equal(s.opens, 3);
    later(300);
    assert_int_equal(s.opens, 4);
    fail_session(3, -ERR_CLOSED, "", false);
    assert_int_equal(s.opens, 4);
    assert_int_equal(s.hangups, 1);
    assert_logged("apologise=1");
    later(6000);
    assert_int_equal(s.reason, REASON_MODEL_CLOSED);
    down();
}

TEST(the_next_provider_takes_over)
{
    prepare(TURN_SERVER_VAD);
    s.opts.renewal.n_providers = 2;
    start();
    ready(0, 0);
    caller_says("u1", "hello");
    agent_says("r1", 1, 400, "Hello.");
    later(15000);
    lose();
    for (uint32_t i = 1; i <= 3; i++) {
        fail_session(i, -ERR_CLOSED, "", false);
        later(1200);
    }
    assert_logged("note=failover value=1");
    assert_logged("model.open session=4 provider=1 why=failed");
    ready(4, 0);
    assert_logged("note=replayed value=2");
    assert_int_equal(s.hangups, 0);
    down();
}

TEST(a_refused_key_is_not_tried_again)
{
    prepare(TURN_SERVER_VAD);
    s.opts.renewal.n_providers = 2;
    start();
    fail_session(0, -ERR_AUTH, "invalid_api_key", false);
    assert_int_equal(s.opens, 2);
    assert_logged("provider=1");
    fail_session(1, -ERR_AUTH, "invalid_api_key", false);
    assert_int_equal(s.hangups, 1);
    later(6000);
    assert_int_equal(s.reason, REASON_MODEL_REFUSED);
    down();
}

TEST(a_session_that_is_never_ready_is_given_up)
{
    prepare(TURN_SERVER_VAD);
    s.opts.renewal.n_providers = 2;
    start();
    later(6100);
    assert_int_equal(s.opens, 2);
    assert_logged("model.close");
    assert_logged("note=failover value=1");
    ready(1, 0);
    later(100);
    assert_int_equal(s.hangups, 0);
    down();
}

TEST(sessions_that_are_lost_at_once_are_failed_attempts)
{
    up(TURN_SERVER_VAD);
    for (uint32_t i = 0; i < 3; i++) {
        later(200);
        fail_session(s.opens - 1, -ERR_CLOSED, "ws-1011", true);
        later(1500);
        if (s.hangups) {
            break;
        }
        ready(s.opens - 1, 0);
    }
    assert_int_equal(s.hangups, 1);
    later(6000);
    assert_int_equal(s.reason, REASON_MODEL_CLOSED);
    down();
}

TEST(a_gap_has_an_end)
{
    prepare(TURN_SERVER_VAD);
    s.opts.renewal.open_ms = 60000;
    start();
    ready(0, 0);
    later(15000);
    lose();
    s.lossy = true; /* more than may wait */
    later(15100);
    assert_int_equal(s.hangups, 1);
    assert_logged("apologise=1");
    later(6000);
    down();
}

TEST(a_model_that_says_nothing_is_replaced_before_the_apology)
{
    prepare(TURN_SERVER_VAD);
    s.opts.renewal.n_providers = 2;
    s.opts.dead_air.on = true;
    s.opts.dead_air.nudge_ms = 2000;
    s.opts.deadlines.response_ms = 60000;
    start();
    ready(0, 0);
    later(15000);
    caller_says("u1", "hello");
    sim_created(&s, "r1");
    later(2100); /* nudged */
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    sim_created(&s, "r2");
    later(2100);
    assert_logged("why=error");
    assert_logged("note=failover value=1");
    ready(1, 0);
    s.says = 1;
    assert_logged("model.respond session=1");
    assert_int_equal(s.hangups, 0);
    down();
}

TEST(no_session_is_opened_for_a_goodbye)
{
    up(TURN_SERVER_VAD);
    later(15000);
    caller_says("u1", "bye");
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 500);
    sim_tool(&s, "r1", "call_1", "end_call");
    lose();
    assert_int_equal(s.opens, 1);
    later(2000);
    assert_int_equal(s.hangups, 1);
    assert_int_equal(count("apologise=1"), 0);
    down();
}

TEST(twenty_renewals_in_one_call_lose_nothing)
{
    up(TURN_SERVER_VAD);
    char id[8];
    for (uint32_t i = 0; i < 20; i++) {
        later(2000);
        snprintf(id, sizeof(id), "u%u", i);
        if (i == 7) { /* once in mid-speech */
            speech(EV_MODEL_SPEECH_STARTED, id);
            later(700);
            lose();
            later(300);
            ready(i + 1, 0);
            s.says = i + 1;
        }
        caller_says(id, "and another one");
        snprintf(id, sizeof(id), "r%u", i);
        agent_says(id, (uint8_t)(i + 1), 500, "Yes, and so on.");
        later(1500);
        if (i == 7) {
            continue;
        }
        if (i % 2) {
            lose();
            later(200);
        } else {
            sim_simple(&s, EV_CONTROL_RENEW);
        }
        ready(s.opens - 1, 0);
        later(50);
    }
    assert_int_equal(s.opens, 21);
    assert_int_equal(count("note=renewed"), 20);
    assert_int_equal(count("note=replayed"), 20);
    assert_true(logged("note=replayed value=40") || logged("note=replayed value=39") ||
                logged("note=replayed value=38"));
    assert_int_equal(s.append_count, s.caller_count);
    down();
}

TEST_MAIN(T(a_session_is_prepared_before_the_limit_and_takes_over_in_a_quiet_moment),
          T(a_short_session_is_renewed_at_its_half), T(the_rule_of_the_provider_counts_when_the_service_says_nothing),
          T(the_prepared_session_waits_while_somebody_speaks),
          T(at_the_deadline_a_running_response_is_broken_off_and_gone_on_with), T(somebody_may_ask_for_another_session),
          T(a_prepared_session_that_fails_is_tried_again_and_the_old_one_serves),
          T(a_session_lost_in_silence_is_replaced_and_told_everything),
          T(a_session_that_was_replaced_is_not_why_the_call_ended),
          T(what_the_caller_said_into_the_gap_reaches_the_new_session),
          T(a_turn_under_way_is_heard_again_from_its_begin), T(a_turn_without_words_is_told_as_sound_and_answered),
          T(a_turn_with_words_is_told_as_text_and_answered), T(a_response_under_way_is_heard_out_then_gone_on_with),
          T(who_speaks_into_the_gap_needs_no_rest), T(a_gated_turn_goes_on_in_the_new_session),
          T(a_turn_that_ends_in_the_gap_is_told_and_answered), T(a_tool_in_flight_answers_to_the_new_session_once),
          T(a_result_that_comes_in_the_gap_is_given_to_the_new_session), T(texts_in_the_gap_are_told),
          T(an_earlier_session_is_not_listened_to), T(a_gap_is_filled_with_a_soft_tone),
          T(attempts_are_spaced_then_the_caller_is_told), T(the_next_provider_takes_over),
          T(a_refused_key_is_not_tried_again), T(a_session_that_is_never_ready_is_given_up),
          T(sessions_that_are_lost_at_once_are_failed_attempts), T(a_gap_has_an_end),
          T(a_model_that_says_nothing_is_replaced_before_the_apology), T(no_session_is_opened_for_a_goodbye),
          T(twenty_renewals_in_one_call_lose_nothing))
