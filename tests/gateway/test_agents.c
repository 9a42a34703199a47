/* Several agents in one call, through a whole gateway: the caller asks for somebody, who then speaks unasked. */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"
#include "gateway/replay.h"

static const struct phone_when agent_stops = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400};
static const struct phone_when when[] = {{.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400},
                                         {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400},
                                         {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400},
                                         {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400}};

static const char two_agents[] = "start_agent: front_desk\n"
                                 "agents:\n"
                                 "  front_desk:\n"
                                 "    turn_detection: server_vad\n"
                                 "    instructions: You are the front desk.\n"
                                 "    tools: [end_call]\n"
                                 "    handoffs: [billing]\n"
                                 "  billing:\n"
                                 "    turn_detection: server_vad\n"
                                 "    instructions: You bill.\n"
                                 "    handoff_description: Knows every invoice.\n"
                                 "    tools: [check_order_status, end_call]\n"
                                 "    handoffs: [front_desk]\n";

#define DIALOGUE(script)                                                                                               \
    "name: test\ngreeting: Hello.\nrefusal: What?\nunavailable: Not now.\nprompt: Anything else?\nscript:\n" script    \
    "rules:\n  digit: one | two | three | four\n  order_number: <digit> <digit>+\nslots:\n  order_number: digits\n"    \
    "intents:\n  order:\n    rules: [\"order [<order_number>]\"]\n    say: Looking.\n"                                 \
    "    call: {tool: check_order_status, arguments: {order_number: \"{order_number}\"}}\n"                            \
    "  goodbye:\n    rules: [goodbye]\n    say: Goodbye.\n    call: {tool: end_call, arguments: {reason: done}}\n"

static struct rig_reply record(struct rig *r)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", r->last_call) < 0);
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    return reply;
}

static void assert_replays(const struct rig *r)
{
    struct replay_report report;
    assert_ok(replay_run(r->last_journal, &(struct replay_opts){0}, &report));
    assert_int_equal(report.first_diff, 0);
}

TEST(who_is_asked_for_takes_over_and_speaks_unasked)
{
    struct rig r;
    rig_open(
        &r, &(struct rig_opts){
                .extra = two_agents,
                .dialogue = DIALOGUE("  - please connect me to billing\n  - order one two three four\n  - goodbye\n")});
    struct rig_call *c = rig_call(&r, when, 3, (struct phone_when){.kind = PHONE_WHEN_NEVER});
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(r.last_reason, REASON_AGENT_HANGUP); /* an agent that both have a tool for */
    assert_int_equal(r.notes[NOTE_HANDOFF], 1);
    assert_int_equal(r.notes[NOTE_UPDATE_REFUSED], 0);
    assert_int_equal(r.notes[NOTE_UPDATE_TIMEOUT], 0); /* confirmed */
    assert_int_equal(r.notes[NOTE_TOOL_UNKNOWN], 0);
    assert_int_equal(r.notes[NOTE_ILLEGAL], 0);
    assert_int_equal(r.tools, 1); /* the order's: a handoff is not the host's business */
    assert_true(c->agent_begins >= 3);
    struct rig_reply reply = record(&r);
    assert_has(buf_str(&reply.body),
               "\"who\":\"agent\",\"agent\":\"billing\",\"text\":\"This is billing. How can I help you?\"");
    assert_has(buf_str(&reply.body),
               "\"who\":\"caller\",\"agent\":\"front_desk\",\"text\":\"please connect me to billing\"");
    assert_has(buf_str(&reply.body), "{\"number\":0,\"agent\":\"front_desk\"");
    buf_done(&reply.body);
    rig_assert_shown(&r, "please connect me to billing\n            [now with billing]\n");
    assert_replays(&r);
    rig_close(&r, false);
}

TEST(there_and_back_again)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.extra = two_agents,
                                    .dialogue = DIALOGUE("  - connect me to billing\n  - transfer me to front desk\n"
                                                         "  - connect me to billing\n  - goodbye\n")});
    struct rig_call *c = rig_call(&r, when, 4, (struct phone_when){.kind = PHONE_WHEN_NEVER});
    rig_wait_over(c);
    assert_int_equal(r.notes[NOTE_HANDOFF], 3);
    struct rig_reply reply = record(&r);
    assert_has(buf_str(&reply.body), "This is front_desk.");
    assert_has(buf_str(&reply.body), "This is billing. How can I help you?");
    buf_done(&reply.body);
    assert_replays(&r);
    rig_close(&r, false);
}

/* The front desk has no such tool: the sandbox, which calls only what it is offered, says that it cannot. */
TEST(tools_are_those_of_who_speaks)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.extra = two_agents, .dialogue = DIALOGUE("  - order one two\n  - goodbye\n")});
    struct rig_call *c = rig_call(&r, when, 2, agent_stops);
    rig_wait_over(c);
    assert_int_equal(r.tools, 0);
    struct rig_reply reply = record(&r);
    assert_has(buf_str(&reply.body), "Not now.");
    buf_done(&reply.body);
    rig_close(&r, false);
}

TEST_MAIN(T(who_is_asked_for_takes_over_and_speaks_unasked), T(there_and_back_again), T(tools_are_those_of_who_speaks))
