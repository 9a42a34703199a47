/*
 * What whoever watches a session is told as it happens and no other action says: the events of a session, as facts.
 * The core says each once (ACT_SIGNAL); the host makes session events of them (gateway/session_json.h).
 */
#ifndef CALL_SIGNAL_H
#define CALL_SIGNAL_H

#include "call/item.h"

/* X(constant, word): members that count stand beside it; agent and response_id nearly always do. */
#define CALL_SIGNAL_LIST(X)                                                                                            \
    X(SIGNAL_AGENT_START, "agent-start")         /* a response began */                                                \
    X(SIGNAL_AGENT_END, "agent-end")             /* it is over; text: status */                                        \
    X(SIGNAL_AUDIO, "audio")                     /* item_id, audio: taken in, will be played */                        \
    X(SIGNAL_AUDIO_END, "audio-end")             /* item_id */                                                         \
    X(SIGNAL_INTERRUPTED, "audio-interrupted")   /* item_id, ms heard */                                               \
    X(SIGNAL_TEXT, "text")                       /* item_id, text: delta of what the agent says or writes */           \
    X(SIGNAL_TEXT_END, "text-end")               /* item_id, text: all of it */                                        \
    X(SIGNAL_TOOL_START, "tool-start")           /* tool_call_id, name, text: arguments; dispatched, about to run */   \
    X(SIGNAL_TOOL_END, "tool-end")               /* tool_call_id, name, text: output; what the model will get */       \
    X(SIGNAL_TOOL_APPROVAL, "tool-approval")     /* tool_call_id, name, text: arguments; waits for a yes */            \
    X(SIGNAL_HANDOFF, "handoff")                 /* agent: from, to, tool_call_id */                                   \
    X(SIGNAL_AGENT_CHANGED, "agent-changed")     /* by update_agent: agent: from, to */                                \
    X(SIGNAL_HISTORY_ADDED, "history-added")     /* item, index */                                                     \
    X(SIGNAL_HISTORY_UPDATED, "history-updated") /* item, index */                                                     \
    X(SIGNAL_HISTORY_REMOVED, "history-removed") /* item_id, index it had */                                           \
    X(SIGNAL_GUARDRAIL, "guardrail-tripped")     /* name: guard, text: what was checked */                             \
    X(SIGNAL_IDLE_TIMEOUT, "idle-timeout")       /* the service's, of its own detection */                             \
    X(SIGNAL_ERROR, "error")                     /* name: code, text: sentence */

enum call_signal_kind {
#define X(name, word) name,
    CALL_SIGNAL_LIST(X)
#undef X
        CALL_SIGNAL_N
};
const char *call_signal_name(enum call_signal_kind kind);

struct call_signal {
    enum call_signal_kind kind;
    uint32_t agent; /* index in opts.agents */
    uint32_t to;
    struct str response_id, item_id, tool_call_id;
    struct str name, text;
    struct span audio; /* in the model's output format */
    uint32_t ms;
    uint32_t index;
    const struct call_item *item; /* NULL: none */
};

#endif
