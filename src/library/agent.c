#include <stdlib.h>

#include "base/err.h"
#include "call/opts.h"
#include "library/describe.h"
#include "library/wording.h"

int rt_agent_new(const char *name, struct rt_agent **ret)
{
    if (!name || !*name || !ret) {
        return -EINVAL;
    }
    struct rt_agent *a = calloc(1, sizeof(*a));
    if (!a) {
        return -ENOMEM;
    }
    int err = wording_set(&a->name, name);
    if (err < 0) {
        free(a);
        return err;
    }
    *ret = a;
    return 0;
}

static int add_handoff(struct rt_agent *agent, const struct rt_agent *to, const struct rt_tool *tool)
{
    for (uint32_t i = 0; i < agent->n_handoffs; i++) {
        if (agent->handoffs[i].to == to) {
            return -EEXIST;
        }
    }
    if (agent->n_handoffs == LIBRARY_MAX_LIST) {
        return -ERR_LIMIT;
    }
    struct handoff h = {.to = to};
    int err = tool ? describe_tool_copy(tool, &h.tool) : 0;
    if (err >= 0) {
        agent->handoffs[agent->n_handoffs++] = h;
    }
    return err;
}

static int copy_lists(struct rt_agent *to, const struct rt_agent *from)
{
    int err = 0;
    for (uint32_t i = 0; i < from->n_tools && err >= 0; i++) {
        err = rt_agent_add_tool(to, from->tools[i]);
    }
    for (uint32_t i = 0; i < from->n_guardrails && err >= 0; i++) {
        err = rt_agent_add_guardrail(to, from->guardrails[i]);
    }
    for (uint32_t i = 0; i < from->n_handoffs && err >= 0; i++) {
        err = add_handoff(to, from->handoffs[i].to, from->handoffs[i].tool);
    }
    for (uint32_t i = 0; i < from->n_servers && err >= 0; i++) {
        err = rt_agent_add_mcp_server(to, from->servers[i]);
    }
    return err;
}

static int copy_texts(struct rt_agent *to, const struct rt_agent *from)
{
    int err = wording_set(&to->instructions, from->instructions);
    if (err >= 0) {
        err = wording_set(&to->handoff_description, from->handoff_description);
    }
    return err < 0 ? err : wording_set(&to->greeting, from->greeting);
}

int rt_agent_clone(const struct rt_agent *agent, const char *name, struct rt_agent **ret)
{
    struct rt_agent *a = NULL;
    if (!agent || !ret) {
        return -EINVAL;
    }
    int err = rt_agent_new(name ? name : agent->name, &a);
    if (err < 0) {
        return err;
    }
    a->instructions_fn = agent->instructions_fn;
    a->instructions_arg = agent->instructions_arg;
    err = copy_texts(a, agent);
    if (err >= 0) {
        err = copy_lists(a, agent);
    }
    if (err < 0) {
        rt_agent_free(a);
        return err;
    }
    *ret = a;
    return 0;
}

void rt_agent_free(struct rt_agent *agent)
{
    if (!agent) {
        return;
    }
    for (uint32_t i = 0; i < agent->n_tools; i++) {
        rt_tool_free(agent->tools[i]);
    }
    for (uint32_t i = 0; i < agent->n_guardrails; i++) {
        rt_guardrail_free(agent->guardrails[i]);
    }
    for (uint32_t i = 0; i < agent->n_servers; i++) {
        free(agent->servers[i]);
    }
    for (uint32_t i = 0; i < agent->n_handoffs; i++) {
        rt_tool_free(agent->handoffs[i].tool);
    }
    free(agent->name);
    free(agent->instructions);
    free(agent->handoff_description);
    free(agent->greeting);
    free(agent);
}

const char *rt_agent_name(const struct rt_agent *agent)
{
    return agent ? agent->name : "";
}

int rt_agent_set_instructions(struct rt_agent *agent, const char *text)
{
    if (!agent) {
        return -EINVAL;
    }
    int err = wording_set(&agent->instructions, text);
    agent->instructions_fn = err < 0 ? agent->instructions_fn : NULL;
    return err;
}

int rt_agent_set_instructions_fn(struct rt_agent *agent, rt_text_fn fn, void *arg)
{
    if (!agent || !fn) {
        return -EINVAL;
    }
    agent->instructions_fn = fn;
    agent->instructions_arg = arg;
    return 0;
}

int rt_agent_set_handoff_description(struct rt_agent *agent, const char *text)
{
    return agent ? wording_set(&agent->handoff_description, text) : -EINVAL;
}

int rt_agent_set_greeting(struct rt_agent *agent, const char *text)
{
    return agent ? wording_set(&agent->greeting, text) : -EINVAL;
}

int rt_agent_add_tool(struct rt_agent *agent, const struct rt_tool *tool)
{
    if (!agent || !tool) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < agent->n_tools; i++) {
        if (strcmp(agent->tools[i]->name, tool->name) == 0) {
            return -EEXIST;
        }
    }
    if (agent->n_tools == LIBRARY_MAX_LIST) {
        return -ERR_LIMIT;
    }
    int err = describe_tool_copy(tool, &agent->tools[agent->n_tools]);
    agent->n_tools += err >= 0;
    return err;
}

static void accept(struct rt_tool_call *call, void *arg UNUSED)
{
    ignore_result(rt_tool_call_done(call, NULL)); /* nobody waits any more: then nothing is handed over */
}

int rt_agent_add_handoff_if(struct rt_agent *agent, const struct rt_agent *to, rt_enabled_fn enabled, void *arg)
{
    struct rt_tool *tool = NULL;
    char name[CALL_ID_MAX];
    if (!enabled || !agent || !to) {
        return agent && to ? add_handoff(agent, to, NULL) : -EINVAL;
    }
    int err = call_handoff_name(str_from(to->name), name);
    if (err >= 0) {
        err = rt_tool_new(name, NULL, NULL, accept, (void *)(uintptr_t)to, &tool); /* arg: one for each target */
    }
    if (err >= 0) {
        err = rt_tool_set_enabled_fn(tool, enabled, arg);
    }
    err = err < 0 ? err : add_handoff(agent, to, tool);
    rt_tool_free(tool);
    return err;
}

int rt_agent_add_handoff_tool(struct rt_agent *agent, const struct rt_agent *to, const struct rt_tool *tool)
{
    return agent && to && tool ? add_handoff(agent, to, tool) : -EINVAL;
}

int rt_agent_add_handoff(struct rt_agent *agent, const struct rt_agent *to)
{
    return agent && to ? add_handoff(agent, to, NULL) : -EINVAL;
}

int rt_agent_add_mcp_server(struct rt_agent *agent, const char *name)
{
    if (!agent || !name || !*name) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < agent->n_servers; i++) {
        if (strcmp(agent->servers[i], name) == 0) {
            return -EEXIST;
        }
    }
    if (agent->n_servers == LIBRARY_MAX_SERVERS) {
        return -ERR_LIMIT;
    }
    char *copy = str_dup(str_from(name));
    if (!copy) {
        return -ENOMEM;
    }
    agent->servers[agent->n_servers++] = copy;
    return 0;
}

int rt_agent_add_guardrail(struct rt_agent *agent, const struct rt_guardrail *guardrail)
{
    if (!agent || !guardrail) {
        return -EINVAL;
    }
    if (agent->n_guardrails == LIBRARY_MAX_LIST) {
        return -ERR_LIMIT;
    }
    int err = describe_guardrail_copy(guardrail, &agent->guardrails[agent->n_guardrails]);
    agent->n_guardrails += err >= 0;
    return err;
}
