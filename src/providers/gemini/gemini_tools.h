/*
 * Tool calls of one session: names by id (an answer must name both), which are still owed an answer, and which the
 * service dropped while they ran. The service calls such a tool again under another id; that use is the same one.
 */
#ifndef PROVIDERS_GEMINI_TOOLS_H
#define PROVIDERS_GEMINI_TOOLS_H

#include "call/opts.h"
#include "wire/gemini.h"

#define GEMINI_TOOLS_MAX 32 /* remembered; the oldest that is settled gives way */

enum gemini_tool_state {
    GEMINI_TOOL_FREE,
    GEMINI_TOOL_PENDING,   /* the service waits for it */
    GEMINI_TOOL_WITHDRAWN, /* it dropped the call; the call's side still works on it */
    GEMINI_TOOL_ANSWERED,  /* that came to an end: output is kept for a second call */
    GEMINI_TOOL_TOLD,      /* of an earlier session, told as history */
    GEMINI_TOOL_DONE,
};

struct gemini_tool {
    enum gemini_tool_state state;
    uint32_t order;
    uint64_t what; /* hash of name and arguments */
    uint64_t withdrawn_us, answered_us;
    char id[CALL_ID_MAX];            /* as the call knows it */
    char wire_id[GEMINI_ID_MAX + 1]; /* as the service knows it; may be empty */
    char name[GEMINI_ID_MAX + 1];
    struct buf output;
};

struct gemini_tools {
    struct gemini_tool list[GEMINI_TOOLS_MAX];
    uint32_t orders, invented;
    uint64_t born_us;
};

/* born_us: of the session, for ids that the service leaves out. */
void gemini_tools_init(struct gemini_tools *t, uint64_t born_us);
void gemini_tools_done(struct gemini_tools *t);
struct gemini_tool *gemini_tools_find(struct gemini_tools *t, struct str id);
struct gemini_tool *gemini_tools_find_wire(struct gemini_tools *t, struct str wire_id);
/* The service calls. NULL: the same id came twice. The tool's id is made up when it has none. */
struct gemini_tool *gemini_tools_called(struct gemini_tools *t, const struct gemini_call *call);
/* A call of an earlier session. */
void gemini_tools_told(struct gemini_tools *t, struct str id, struct str name);
/* One that was dropped not long ago and is now called again; NULL: none. */
struct gemini_tool *gemini_tools_again(struct gemini_tools *t, const struct gemini_call *call, uint64_t now_us);
/* It got its output, which is kept in case the service had dropped it meanwhile. */
void gemini_tools_answered(struct gemini_tool *tool, struct str output, uint64_t now_us);
/* All that are pending were dropped by the service, and those whose output was still on its way. */
void gemini_tools_withdraw(struct gemini_tools *t, uint64_t now_us);
bool gemini_tools_pending(const struct gemini_tools *t);

#endif
