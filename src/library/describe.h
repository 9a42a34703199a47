/*
 * What a program describes before anything runs: tools, guardrails, agents. Plain data with copies of every text;
 * runners, agents and gateways keep copies of what is added to them. Not here: running any of it.
 */
#ifndef LIBRARY_DESCRIBE_H
#define LIBRARY_DESCRIBE_H

#include "base/str.h"
#include "ringtrip/agent.h"

#define LIBRARY_MAX_LIST    64
#define LIBRARY_MAX_SERVERS 16

struct rt_tool {
    char *name, *description, *schema;
    rt_tool_fn fn;
    void *arg;
    uint32_t timeout_ms; /* 0: the default */
    enum rt_approval approval;
    rt_tool_ask_fn ask;
    void *ask_arg;
    enum rt_tool_failure failure;
    rt_enabled_fn enabled; /* NULL: always */
    void *enabled_arg;
};

struct rt_guardrail {
    char *name;
    rt_guardrail_fn fn;
    void *arg;
};

struct handoff {
    const struct rt_agent *to; /* lent */
    struct rt_tool *tool;      /* asked before; NULL: nobody is */
};

struct rt_agent {
    char *name, *instructions, *handoff_description, *greeting;
    rt_text_fn instructions_fn;
    void *instructions_arg;
    struct rt_tool *tools[LIBRARY_MAX_LIST];
    struct rt_guardrail *guardrails[LIBRARY_MAX_LIST];
    struct handoff handoffs[LIBRARY_MAX_LIST];
    char *servers[LIBRARY_MAX_SERVERS]; /* of the configuration, whose tools it may use */
    uint32_t n_tools, n_guardrails, n_handoffs, n_servers;
};

MUST_USE int describe_tool_copy(const struct rt_tool *tool, struct rt_tool **ret);
MUST_USE int describe_guardrail_copy(const struct rt_guardrail *guardrail, struct rt_guardrail **ret);
/* The name of a function as services accept it: letters, digits, _ and -, 1 to 64 of them. */
bool describe_name_ok(const char *name);

#endif
