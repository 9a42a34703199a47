/* Who speaks in a call: state and calls of agents.c, for src/call alone. */
#ifndef CALL_AGENTS_H
#define CALL_AGENTS_H

#include "base/buf.h"
#include "call/action.h"

struct call;
struct tool_slot;

#define CALL_UPDATES 8

/* A session.update that was sent and not confirmed yet. */
struct agent_update {
    uint32_t request;
    uint32_t before;  /* who spoke before it */
    uint32_t version; /* of the persona that it tells */
};

void agents_init(struct call *c);
void agents_done(struct call *c);
/* What a new session is told; agents_ready is owed when that session counts. */
void agents_told(struct call *c, struct call_persona *ret);
/* The session that counts may have been told of somebody who does not speak any more. */
void agents_ready(struct call *c);
/* Index in opts of the tool of that name which the agent that called may use; UINT32_MAX: none. */
uint32_t agents_tool(const struct call *c, struct str name);
/* Switched off by hand or by a condition. */
bool agents_tool_off(const struct call *c, uint32_t tool);
/*
 * A handoff was called: the agent changes and the session is told, before the output goes out. Writes the output, also
 * when it is refused: then nothing changes.
 */
void agents_handoff(struct call *c, const struct tool_slot *s, struct buf *ret_output);
void agents_updated(struct call *c);
/* An error of the service about an update of ours: true, it is dealt with. */
bool agents_error(struct call *c, uint32_t request, struct str code);
/* The session that was to tell of the agent who speaks now cannot be had: the one before goes on. */
void agents_not_switched(struct call *c, struct str code);
void agents_expired(struct call *c);
/* update_agent and enablement, by hand. */
void agents_switch(struct call *c, const struct call_event *ev);
void agents_enable(struct call *c, const struct call_event *ev);
struct str agents_name(const struct call *c, uint32_t agent);

#endif
