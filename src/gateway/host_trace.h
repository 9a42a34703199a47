/*
 * A call as a trace: its events and actions become spans (obs/trace.h). Names are those of OpenTelemetry's GenAI
 * conventions where they have one. Loop thread only. Only for host.c and its like; a call whose tracing is off has no
 * trace and every function here does nothing.
 *
 *     call                        call to its end
 *       session "open_session m"    a model session is opened ... ready, or failed
 *       turn "invoke_agent a"       the caller's speech, or what else began it ... all of its answer was heard
 *         response "chat m"           asked for or created ... done
 *         tool "execute_tool t"       runs ... result, deadline or cancellation
 *         approval, guardrail, handoff
 */
#ifndef GATEWAY_HOST_TRACE_H
#define GATEWAY_HOST_TRACE_H

#include "call/action.h"
#include "obs/trace.h"

#define HOST_TRACE_OPEN 24 /* spans of one call that are found again by what they are about */

struct host;

/* A span that waits for its end, found by type and key. */
struct host_trace_slot {
    struct trace_span *span; /* NULL: free */
    uint64_t key;            /* hash of an id, or a number */
    uint64_t since_us;
    uint32_t left; /* guardrails that have not answered */
    bool spoke;    /* a response: something came */
};

struct host_trace {
    struct trace *trace; /* NULL: off */
    struct trace_span *call, *turn;
    struct host_trace_slot slots[HOST_TRACE_OPEN];
    uint64_t leg_us;   /* start of the leg, loop clock */
    uint32_t agent;    /* who speaks, index in opts.agents */
    uint32_t provider; /* of the session opened last, as ACT_MODEL_OPEN numbers them */
    uint32_t request;  /* response asked for and not yet created: its slot + 1 */
};

/* remote may be NULL. Never fails: without memory the call has no trace. */
void host_trace_begin(struct host *h, const struct trace_parent *remote);
/* Everything of the call has been told; the spans that are left end. */
void host_trace_end(struct host *h);
/* Before the step that ev is for, and behind it. */
void host_trace_before(struct host *h, const struct call_event *ev);
void host_trace_after(struct host *h, const struct call_event *ev);
/* Before it is carried out. */
void host_trace_action(struct host *h, const struct call_action *act);
/* A finished turn, with its texts. */
void host_trace_turn(struct host *h, const struct call_turn *t, struct str user, struct str agent);
/* Values of the two headers of the W3C trace context; "" without a trace. */
struct host_trace_headers {
    char parent[TRACE_PARENT_TEXT + 1];
    char state[TRACE_STATE_MAX + 1];
};
/* Of a request that this tool makes, and of one that is part of this check of guardrails. */
void host_trace_headers(const struct host *h, struct str tool_call_id, struct host_trace_headers *ret);
void host_trace_guard_headers(const struct host *h, uint32_t check, struct host_trace_headers *ret);

#endif
