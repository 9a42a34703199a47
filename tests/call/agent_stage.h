/* A call with two agents that hand over to each other, and what its tests do with it. */
#ifndef TESTS_CALL_AGENT_STAGE_H
#define TESTS_CALL_AGENT_STAGE_H

#include "stage.h"

enum { LOOK, END, TO_BILLING, REFUND, TO_DESK, TO_NOBODY };

static UNUSED struct call_tool handoff(struct str name, uint32_t to)
{
    return (struct call_tool){.name = name, .parameters = STR("{}"), .kind = CALL_TOOL_HANDOFF, .agent = to};
}

static UNUSED void configure(void)
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

static UNUSED void start(bool interrupts, bool creates)
{
    raise_curtain(interrupts, creates);
}

static UNUSED void up(void)
{
    configure();
    start(true, true);
}

/* All of these are in the log, each behind the one before. */
#define assert_order(...) assert_in_order((const char *const[]){__VA_ARGS__, NULL})
static UNUSED void assert_in_order(const char *const *texts)
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

static UNUSED void tool_event(const char *response, const char *id, const char *name, const char *arguments)
{
    struct call_event ev = {.type = EV_MODEL_TOOL_CALL};
    ev.model_tool.response_id = str_from(response);
    ev.model_tool.item_id = STR("f1");
    ev.model_tool.tool_call_id = str_from(id);
    ev.model_tool.name = str_from(name);
    ev.model_tool.arguments = str_from(arguments);
    sim_event(&s, &ev);
}

static UNUSED void error_event(uint32_t request, const char *code)
{
    struct call_event ev = {.type = EV_MODEL_ERROR};
    ev.model_error.code = str_from(code);
    ev.model_error.request = request;
    sim_event(&s, &ev);
}

static UNUSED uint32_t update_request(void)
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

static UNUSED void control(struct call_event ev)
{
    sim_event(&s, &ev);
}

/* The desk hands over to billing, whose answer r2 is under way then. */
static UNUSED void hand_over(void)
{
    sim_created(&s, "r1");
    tool_event("r1", "c1", "transfer_to_billing", "{}");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    sim_created(&s, "r2");
}

static UNUSED void speak(const char *response, uint8_t item, uint32_t ms)
{
    sim_created(&s, response);
    sim_audio(&s, response, item, ms);
}

static UNUSED void message(enum item_role role, const char *text, bool respond)
{
    struct call_item it = {.role = role, .n_parts = 1};
    it.parts[0] = (struct call_part){.kind = PART_TEXT, .text = str_from(text)};
    struct call_event ev = {.type = EV_CONTROL_MESSAGE};
    ev.control_message.item = &it;
    ev.control_message.respond = respond;
    sim_event(&s, &ev);
}

#endif
