/**
 * @file agent.h
 * Agents: who speaks, with which instructions and tools, and to whom it may hand over.
 *
 * An agent is a description. A runner copies the agent it starts with and all that can be reached from it by handoffs,
 * so that the handles may be changed or freed afterwards. Voice and model are not the agent's: a session keeps them
 * (settings.h).
 */
#ifndef RINGTRIP_AGENT_H
#define RINGTRIP_AGENT_H

#include <ringtrip/guardrail.h>
#include <ringtrip/tool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A description of an agent. Thread: one at a time. */
struct rt_agent;

/** An agent by name, which is unique among those of a runner. Copied. Returns 0, -EINVAL (no name), -ENOMEM. */
RT_API int rt_agent_new(const char *name, struct rt_agent **ret);
/**
 * A copy with a name of its own (NULL: the same name). It shares no list with the original: tools, handoffs and
 * guardrails that are added to one are not added to the other. Handoffs of both go to the same agents.
 */
RT_API int rt_agent_clone(const struct rt_agent *agent, const char *name, struct rt_agent **ret);
/** NULL is fine. Not before the last runner that reaches it was made: handoffs lend the agent they go to. */
RT_API void rt_agent_free(struct rt_agent *agent);
/** Its name. Lent until the agent is freed. */
RT_API const char *rt_agent_name(const struct rt_agent *agent);

/** What the agent is told about its role; copied. */
RT_API int rt_agent_set_instructions(struct rt_agent *agent, const char *text);
/**
 * Instructions that are made for each session: fn is asked whenever the settings of a session are built, on the thread
 * that calls rt_session_connect or rt_session_update_agent, and may block. arg outlives the sessions.
 */
RT_API int rt_agent_set_instructions_fn(struct rt_agent *agent, rt_text_fn fn, void *arg);
/** Why another agent would hand over to this one, in words for the model; copied. */
RT_API int rt_agent_set_handoff_description(struct rt_agent *agent, const char *text);
/** What the agent says first by itself (copied); without it the user begins. */
RT_API int rt_agent_set_greeting(struct rt_agent *agent, const char *text);
/** Adds a copy of a tool. -EEXIST: the agent has one of this name; -RT_ERR_LIMIT: no room; -ENOMEM */
RT_API int rt_agent_add_tool(struct rt_agent *agent, const struct rt_tool *tool);
/** The agent may hand over to another one, which is lent (see rt_agent_free). -EEXIST, -RT_ERR_LIMIT, -ENOMEM */
RT_API int rt_agent_add_handoff(struct rt_agent *agent, const struct rt_agent *to);
/**
 * The same by a tool of the program's (copied), which gives the handoff its name, description and schema (arguments are
 * checked against it, those that do not fit keep the agent). Its function is asked first: rt_tool_call_done lets the
 * other agent take over (what it says is not the output), rt_tool_call_fail keeps this one, with the text as the
 * model's answer. Approval, timeout and condition are the tool's. The same use delivered twice is asked about once.
 */
RT_API int rt_agent_add_handoff_tool(struct rt_agent *agent, const struct rt_agent *to, const struct rt_tool *tool);
/** The same with a condition: asked as for tools, also again before the other agent takes over. */
RT_API int rt_agent_add_handoff_if(struct rt_agent *agent, const struct rt_agent *to, rt_enabled_fn enabled, void *arg);
/**
 * The agent may use the tools of a server of the Model Context Protocol, by its name under mcp in the runner's
 * configuration, as they are when a session connects; copied. A runner whose configuration has no such server is
 * refused. -EEXIST, -RT_ERR_LIMIT, -ENOMEM
 */
RT_API int rt_agent_add_mcp_server(struct rt_agent *agent, const char *name);
/** Adds a copy of an output guardrail. */
RT_API int rt_agent_add_guardrail(struct rt_agent *agent, const struct rt_guardrail *guardrail);

#ifdef __cplusplus
}
#endif

#endif
