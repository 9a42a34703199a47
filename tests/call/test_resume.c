/* Model sessions that cannot be told of another agent, that go on from what another one knew, that are not truncated.
 */
#include "session_stage.h"

enum { LOOK, END, TO_BILLING };

static void prepare(void)
{
    sim_init(&s);
    struct call_opts *o = &s.opts;
    s.delay_us = 20000;
    o->greeting.kind = GREETING_NONE;
    o->renewal.on = true;
    o->renewal.attempts = 2;
    o->turn.kind = TURN_SERVER_VAD;
    o->agent = STR("desk");
    o->tools[TO_BILLING] = (struct call_tool){
        .name = STR("transfer_to_billing"), .parameters = STR("{}"), .kind = CALL_TOOL_HANDOFF, .agent = 1};
    o->n_tools = 3;
    o->n_agents = 2;
    o->agents[0] = (struct call_agent){.name = STR("desk"), .instructions = STR("You are the desk.")};
    o->agents[1] = (struct call_agent){.name = STR("billing"), .instructions = STR("You bill.")};
    assert_ok(call_agent_add_tool(&o->agents[0], LOOK));
    assert_ok(call_agent_add_tool(&o->agents[0], END));
    assert_ok(call_agent_add_tool(&o->agents[0], TO_BILLING));
    assert_ok(call_agent_add_tool(&o->agents[1], END));
}

static void ready(uint32_t session, bool resumed)
{
    struct call_event ev = {.type = EV_MODEL_READY};
    ev.model_ready.in = ev.model_ready.out = AUDIO_PCMU;
    ev.model_ready.model = STR("m");
    ev.model_ready.interrupts = ev.model_ready.creates = true;
    ev.model_ready.no_truncate = ev.model_ready.no_update = true;
    ev.model_ready.resumed = resumed;
    s.says = session;
    sim_event(&s, &ev);
}

static void up(void)
{
    prepare();
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    ready(0, false);
}

static void leaving(uint32_t left_ms)
{
    struct call_event ev = {.type = EV_MODEL_LEAVING};
    ev.model_leaving.left_ms = left_ms;
    sim_event(&s, &ev);
}

/* A turn, its answer, and the handle behind it. */
static void exchange(void)
{
    caller_says("u1", "hello");
    agent_says("r1", 1, 500, "How can I help?");
    later(1000);
    sim_simple(&s, EV_MODEL_RESUMABLE);
}

/* ---- break before make ---- */

TEST(a_session_that_goes_away_is_closed_in_a_quiet_moment_before_the_next_is_opened)
{
    up();
    exchange();
    caller_says("u2", "and what else");
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 400);
    buf_clear(&s.log);
    leaving(50000);
    later(100);
    assert_int_equal(s.opens, 1); /* somebody speaks */
    sim_audio_done(&s, "r2", 2, "Nothing.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(1500);
    assert_int_equal(s.opens, 1); /* the handle does not stand for that answer yet */
    sim_simple(&s, EV_MODEL_RESUMABLE);
    later(50);
    assert_int_equal(s.opens, 2);
    assert_logged("model.open session=1 provider=0 why=limit from=0");
    assert_true(where("model.close") < where("model.open"));
    buf_clear(&s.log);
    ready(1, true);
    assert_logged("note=replayed value=0 text=\"resumed\""); /* it knows all that */
    assert_logged("text=\"left\"");                          /* by us: nothing was lost */
    assert_not_logged("How can I help?");
    assert_int_equal(s.session, 1);
    down();
}

TEST(what_is_said_behind_the_handle_is_told_again)
{
    up();
    exchange();
    caller_says("u2", "and what else");
    agent_says("r2", 2, 500, "Nothing.");
    later(1000);
    fail_session(0, -ERR_CLOSED, "", true);
    assert_logged("model.open session=1 provider=0 why=closed from=0");
    buf_clear(&s.log);
    ready(1, true);
    assert_logged("and what else");
    assert_logged("Nothing.");
    assert_not_logged("hello");
    assert_logged("note=replayed value=2 text=\"resumed\"");
    down();
}

TEST(shortly_before_the_end_it_is_left_in_any_moment)
{
    up();
    exchange();
    caller_says("u2", "tell me a story");
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 100);
    leaving(20000);
    assert_int_equal(s.opens, 1);
    for (int i = 0; i < 160; i++) {
        sim_audio(&s, "r2", 2, 100);
        later(90);
    }
    assert_int_equal(s.opens, 2); /* 7 s before it */
    assert_logged("from=0");
    ready(1, true);
    down();
}

TEST(one_that_cannot_be_resumed_is_told_everything)
{
    up();
    exchange();
    fail_session(0, -ERR_CLOSED, "", true);
    assert_logged("why=closed from=0");
    buf_clear(&s.log);
    fail_session(1, -ERR_CLOSED, "session-not-found", false);
    assert_logged("model.open session=2 provider=0 why=failed agent"); /* at once, without a handle */
    buf_clear(&s.log);
    ready(2, false);
    assert_logged("hello");
    assert_logged("How can I help?");
    assert_false(call_ended(s.call));
    down();
}

TEST(a_handle_from_before_the_first_answer_stands_for_nothing)
{
    up();
    sim_simple(&s, EV_MODEL_RESUMABLE); /* unasked, right behind the setup */
    caller_says("u1", "hello");
    agent_says("r1", 1, 500, "How can I help?");
    later(1000);
    fail_session(0, -ERR_CLOSED, "", true);
    buf_clear(&s.log);
    ready(1, true);
    assert_logged("hello");
    assert_logged("How can I help?");
    down();
}

/* ---- what it cannot be told ---- */

TEST(a_handoff_opens_a_session_and_the_output_waits_for_it)
{
    up();
    caller_says("u1", "billing please");
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 300);
    sim_audio_done(&s, "r1", 1, "One moment.");
    buf_clear(&s.log);
    sim_tool(&s, "r1", "call_1", "transfer_to_billing");
    assert_logged("model.open session=1 provider=0 why=agent");
    assert_logged("You bill.");
    assert_not_logged("model.update");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(200);
    assert_int_equal(s.outputs, 0); /* the old one would answer it */
    assert_int_equal(s.responds, 0);
    buf_clear(&s.log);
    ready(1, false);
    later(50);
    assert_logged("text=\"agent\"");
    assert_logged("billing please");
    assert_logged("type=function_call");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1);
    assert_true(where("model.tool-output session=1") < where("model.respond session=1"));
    assert_int_equal(s.session, 1);
    down();
}

TEST(a_handoff_that_cannot_be_told_is_taken_back)
{
    up();
    caller_says("u1", "billing please");
    sim_created(&s, "r1");
    sim_tool(&s, "r1", "call_1", "transfer_to_billing");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    fail_session(1, -ERR_CONFIG, "invalid-argument", false);
    later(100);
    assert_logged("note=update-refused");
    assert_int_equal(s.session, 0);
    assert_int_equal(s.outputs, 1); /* whoever was there goes on */
    assert_false(call_ended(s.call));
    struct call_view v;
    call_view(s.call, &v);
    assert_int_equal(v.agent, 0);
    down();
}

TEST(an_interrupted_item_is_noted_in_place_of_a_truncation)
{
    up();
    caller_says("u1", "hello");
    sim_created(&s, "r1");
    for (int i = 0; i < 20; i++) {
        sim_audio(&s, "r1", 1, 100);
    }
    sim_audio_done(&s, "r1", 1, "This is a long sentence of two seconds that is cut.");
    later(800);
    buf_clear(&s.log);
    speech(EV_MODEL_SPEECH_STARTED, "u2");
    assert_not_logged("model.truncate");
    assert_logged("note=not-truncated");
    assert_logged("unheard=\"");
    down();
}

TEST(a_withdrawn_call_is_stopped_and_gets_no_output)
{
    up();
    caller_says("u1", "look it up");
    sim_created(&s, "r1");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    struct call_event ev = {.type = EV_MODEL_TOOL_WITHDRAWN};
    ev.model_withdrawn.tool_call_id = STR("call_1");
    sim_event(&s, &ev);
    assert_logged("tool.cancel");
    sim_event(&s, &ev); /* once is enough */
    struct call_event result = {.type = EV_TOOL_RESULT};
    result.tool_result.tool_call_id = STR("call_1");
    result.tool_result.output = STR("{}");
    sim_event(&s, &result);
    later(200);
    assert_int_equal(s.outputs, 0);
    assert_int_equal(s.responds, 0);
    down();
}

TEST(what_a_response_costs_may_come_behind_its_end)
{
    up();
    struct call_event ev = {.type = EV_MODEL_USAGE};
    ev.model_usage.usage.out_audio = 46;
    sim_event(&s, &ev);
    assert_logged("out_audio=46");
    down();
}

TEST_MAIN(T(a_session_that_goes_away_is_closed_in_a_quiet_moment_before_the_next_is_opened),
          T(what_is_said_behind_the_handle_is_told_again), T(shortly_before_the_end_it_is_left_in_any_moment),
          T(one_that_cannot_be_resumed_is_told_everything), T(a_handle_from_before_the_first_answer_stands_for_nothing),
          T(a_handoff_opens_a_session_and_the_output_waits_for_it), T(a_handoff_that_cannot_be_told_is_taken_back),
          T(an_interrupted_item_is_noted_in_place_of_a_truncation), T(a_withdrawn_call_is_stopped_and_gets_no_output),
          T(what_a_response_costs_may_come_behind_its_end))
