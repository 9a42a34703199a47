/*
 * Whole calls to a gateway with several agents: the called number chooses who answers, what a route takes away cannot
 * be called, and an agent hands over to one with other tools.
 */
#include "gateway/rig.h"

#include <stdio.h>

static const struct phone_when default_when[4] = {{0}};
static const struct phone_when agent_stops = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400};

/* Long enough for what comes after a tool. */
static const struct phone_when patient[3] = {{.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1500},
                                             {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1500},
                                             {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 1500}};

#define TWO                                                                                                            \
    "agent: {turn_detection: server_vad, provider: test}\n"                                                            \
    "agents:\n"                                                                                                        \
    "  sales: {instructions: 'You sell, {{caller_name}}.', greeting: Sales speaking.}\n"                               \
    "  support: {instructions: You help., greeting: 'Support for {{caller_number}}.'}\n"

static void webhook(struct rig *r, const char *sid, const char *more)
{
    char body[400], token[64];
    struct rig_reply reply;
    assert_true(snprintf(body, sizeof(body), "CallSid=%s&AccountSid=AC1&CallStatus=ringing&Direction=inbound&%s", sid,
                         more) < (int)sizeof(body));
    reply = rig_http(r, "POST", "/twiml", "Content-Type: application/x-www-form-urlencoded\r\n", body);
    assert_int_equal(reply.status, 200);
    size_t at = str_search(buf_str(&reply.body), STR("name=\"token\" value=\""));
    assert_true(at != SIZE_MAX);
    struct str rest = {buf_str(&reply.body).p + at + 20, reply.body.len - at - 20};
    assert_ok(str_copy(token, sizeof(token), (struct str){rest.p, str_find(rest, '"')}));
    buf_done(&reply.body);
    struct rig_socket *s = rig_socket(r, "/media-stream");
    rig_send_start(s, sid, token);
    rig_send_media(s, 1);
}

static bool has_line(struct rig *r, const char *sid, const char *line)
{
    char path[128];
    assert_true(snprintf(path, sizeof(path), "/v1/calls/%s", sid) > 0);
    struct rig_reply reply = rig_http(r, "GET", path, "", "");
    assert_int_equal(reply.status, 200);
    bool found = str_search(buf_str(&reply.body), str_from(line)) != SIZE_MAX;
    buf_done(&reply.body);
    return found;
}

static void assert_agent(struct rig *r, const char *sid, const char *agent, const char *provider)
{
    char path[128];
    assert_true(snprintf(path, sizeof(path), "/v1/calls/%s", sid) > 0);
    struct rig_reply reply = rig_http(r, "GET", path, "", "");
    assert_str_is(rig_json(&reply, "agent"), agent);
    assert_str_is(rig_json(&reply, "provider"), provider);
    buf_done(&reply.body);
}

static bool both_greeted(void *arg)
{
    struct rig *r = arg;
    return r->lines >= 2;
}

#define SID1 "CA11111111111111111111111111111111"
#define SID2 "CA22222222222222222222222222222222"
#define SID3 "CA33333333333333333333333333333333"

TEST(two_called_numbers_get_two_agents)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.extra = TWO "routes: [{when: {called: '+15550002'}, agent: support}]\n"});
    webhook(&r, SID1, "From=%2B4930&To=%2B15550001");
    webhook(&r, SID2, "From=%2B4930&To=%2B15550002");
    wait_until(r.loop, both_greeted, &r);
    assert_agent(&r, SID1, "sales", "test");
    assert_agent(&r, SID2, "support", "test");
    assert_true(has_line(&r, SID1, "Sales speaking."));
    assert_true(has_line(&r, SID2, "Support for +4930."));
    for (size_t i = 0; i < r.n_sockets; i++) {
        ws_close(r.sockets[i].ws, 1000, STR_NULL);
    }
    rig_wait_ended(&r, 2);
    rig_close(&r, false);
}

TEST(headers_and_parameters_of_the_carrier_choose_too)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.extra = TWO "routes:\n"
                                                 "  - {when: {header: {X-Desk: help}}, agent: support}\n"
                                                 "  - {when: {parameter: {desk: help}}, agent: support}\n"});
    webhook(&r, SID1, "SipHeader_x-desk=Help&To=%2B1");
    webhook(&r, SID2, "desk=help&To=%2B1");
    webhook(&r, SID3, "desk=other&SipHeader_X-Desk=other&To=%2B1");
    wait_until(r.loop, both_greeted, &r);
    assert_agent(&r, SID1, "support", "test");
    assert_agent(&r, SID2, "support", "test");
    assert_agent(&r, SID3, "sales", "test");
    for (size_t i = 0; i < r.n_sockets; i++) {
        ws_close(r.sockets[i].ws, 1000, STR_NULL);
    }
    rig_wait_ended(&r, 3);
    rig_close(&r, false);
}

/* The rig's model asks for order 1234 as soon as the session has the tool. */
TEST(a_route_takes_tools_away)
{
    static const char *const routes[] = {"", "routes: [{tools: [end_call]}]\n"};
    for (uint32_t i = 0; i < ARRAY_LEN(routes); i++) {
        struct rig r;
        char extra[400];
        assert_true(snprintf(extra, sizeof(extra), "agent: {turn_detection: server_vad}\n%s", routes[i]) > 0);
        rig_open(&r, &(struct rig_opts){.extra = extra});
        struct rig_call *c = rig_call(&r, default_when, 1, agent_stops);
        rig_wait_over(c);
        assert_int_equal(r.tools, i == 0 ? 1 : 0);
        assert_true(has_line(&r, c->sid, i == 0 ? "Looking." : "Not now."));
        rig_close(&r, false);
    }
}

static const char handing_dialogue[] = "name: test\n"
                                       "greeting: Hello.\n"
                                       "refusal: What?\n"
                                       "unavailable: Not now.\n"
                                       "prompt: Anything else?\n"
                                       "script:\n"
                                       "  - order one two\n"
                                       "  - the records please\n"
                                       "  - order one two\n"
                                       "rules:\n"
                                       "  digit: one | two | three | four\n"
                                       "  order_number: <digit> <digit>+\n"
                                       "slots:\n"
                                       "  order_number: digits\n"
                                       "intents:\n"
                                       "  order:\n"
                                       "    rules: [\"order [<order_number>]\"]\n"
                                       "    say: Looking.\n"
                                       "    call: {tool: check_order_status, arguments: {order_number: "
                                       "\"{order_number}\"}}\n"
                                       "  records:\n"
                                       "    rules: [the records please]\n"
                                       "    say: One moment.\n"
                                       "    call: {tool: transfer_to_records}\n";

TEST(an_agent_hands_over_to_one_with_other_tools)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.dialogue = handing_dialogue,
                                    .extra = "agent: {turn_detection: server_vad, tools: []}\n"
                                             "agents:\n"
                                             "  triage: {instructions: Ask., handoffs: [records]}\n"
                                             "  records: {instructions: Look., tools: [check_order_status]}\n"});
    struct rig_call *c = rig_call(&r, patient, 3, patient[0]);
    rig_wait_over(c);
    assert_int_equal(r.notes[NOTE_HANDOFF], 1);
    assert_int_equal(r.tools, 1); /* not by triage, which has no such tool */
    assert_true(has_line(&r, c->sid, "Not now."));
    assert_true(has_line(&r, c->sid, "This is records."));
    assert_true(has_line(&r, c->sid, "Looking."));
    rig_close(&r, false);
}

TEST_MAIN(T(two_called_numbers_get_two_agents), T(headers_and_parameters_of_the_carrier_choose_too),
          T(a_route_takes_tools_away), T(an_agent_hands_over_to_one_with_other_tools))
