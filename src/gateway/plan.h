/*
 * What one call gets: from a snapshot and the facts of the call, the route, the agents that can be reached, their tools
 * under the conditions that hold now, and all texts with their variables filled in. Made once at a call's birth; asked
 * again when a tool or a handoff is called, because time goes on. Loop thread only.
 */
#ifndef GATEWAY_PLAN_H
#define GATEWAY_PLAN_H

#include "base/arena.h"
#include "gateway/snapshot.h"

/* What is known when a call is born. Lent; empty texts are unknown. */
struct plan_facts {
    struct when_facts when;
    struct str caller_name;
    struct str call_id;
    struct str agent; /* who is to speak, whatever the routes say; empty, or unknown: as they say */
};

/* A tool or handoff that has a condition. */
struct plan_switch {
    uint8_t tool;                 /* of opts.tools */
    bool on;                      /* as the call was told last; it begins with all of them */
    const struct when *condition; /* of the tool, or of the handoff */
    const struct when *agent;     /* handoff: of whom it leads to */
};

struct plan {
    struct arena arena;                /* texts that the call is lent, copies of the facts */
    const struct config_route *route;  /* NULL: none held */
    const struct config_agent *agent;  /* who starts */
    uint32_t provider;                 /* index into config.providers */
    struct str model, voice, language; /* of the route, else of the agent; language may be empty */
    struct str apology;                /* of the agent, filled in; empty: the carrier's own */
    struct when_facts facts;
    struct plan_switch *switches; /* in arena */
    uint32_t n_switches;
};

/* Fills opts (all but call_id, weights of the detector, whether there is room to record). -ENOMEM; others cannot be
 * when plan_check was passed. */
MUST_USE int plan_make(const struct snapshot *s, const struct plan_facts *f, struct call_opts *ret_opts,
                       struct plan **ret);
/* Another text of this call, with its variables filled in. */
MUST_USE int plan_text(const struct plan *p, const struct snapshot *s, const struct plan_facts *f, struct str text,
                       struct buf *out);
/* NULL is fine. */
struct plan *plan_free(struct plan *p);
/* Could this agent begin a call? With all conditions on. -ERR_CONFIG with a sentence. */
MUST_USE int plan_check(const struct snapshot *s, uint32_t agent, struct buf *ret_err);
/* The call over a provider, index into config.providers: p->provider, or one that takes over. */
void plan_opening(const struct plan *p, const struct snapshot *s, uint32_t provider, struct provider_opts *ret);
/* Does the call have this tool of opts.tools as things are (facts.wall_us)? */
bool plan_offers(const struct plan *p, uint32_t tool);
/* Tools and handoffs whose condition turned since the last time, one a call: false when none is left. The first time
 * those that are off when the call begins: opts.tools holds whatever the call may come to have. */
bool plan_turned(struct plan *p, int64_t wall_us, uint32_t *ret_tool, bool *ret_on);

#endif
