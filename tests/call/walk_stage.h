/* What the two walks set up alike. */
#ifndef TESTS_CALL_WALK_STAGE_H
#define TESTS_CALL_WALK_STAGE_H

#include "stage.h"

/* One that answers at once and one that takes its time; both look at everything. */
static UNUSED void add_guards(struct call_opts *o, bool hold_back, enum guard_expiry expiry)
{
    const struct call_guard both = {.sides = 1u << GUARD_OUTPUT | 1u << GUARD_INPUT, .holds = true};
    o->guards.list[0] = o->guards.list[1] = both;
    o->guards.list[0].name = STR("codes");
    o->guards.list[0].local = true;
    o->guards.list[1].name = STR("tone");
    o->guards.list[1].deadline_ms = 1000;
    o->guards.n_list = 2;
    o->guards.everywhere = 3;
    o->guards.debounce_chars = 10;
    o->guards.hold_back = hold_back;
    o->guards.expiry = expiry;
}

/* Two agents that may hand over to each other; whatever else there is, both have. */
static UNUSED void two_agents(void)
{
    struct call_opts *o = &s.opts;
    uint32_t to_other = o->n_tools++;
    uint32_t to_first = o->n_tools++;
    o->tools[to_other] = (struct call_tool){
        .name = STR("transfer_to_other"), .parameters = STR("{}"), .kind = CALL_TOOL_HANDOFF, .agent = 1};
    o->tools[to_first] = o->tools[to_other];
    o->tools[to_first].name = STR("transfer_to_first");
    o->tools[to_first].agent = 0;
    o->tools[to_first].kind = CALL_TOOL_ASKED; /* the host says yes or no to it */
    o->n_agents = 2;
    o->agents[0] = (struct call_agent){.name = STR("first"), .instructions = STR("First.")};
    o->agents[1] = (struct call_agent){.name = STR("other"), .instructions = STR("Other.")};
    for (uint32_t i = 0; i < to_other; i++) {
        assert_int_equal(call_agent_add_tool(&o->agents[0], i) + call_agent_add_tool(&o->agents[1], i), 0);
    }
    assert_int_equal(call_agent_add_tool(&o->agents[0], to_other), 0);
    assert_int_equal(call_agent_add_tool(&o->agents[1], to_first), 0);
}

#endif
