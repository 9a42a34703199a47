/* The agents of a runner: copies of all that can be reached, with handoffs as indices. Not here: running them. */
#ifndef LIBRARY_GRAPH_H
#define LIBRARY_GRAPH_H

#include "base/buf.h"
#include "call/opts.h"
#include "library/describe.h"

struct graph_handoff {
    uint32_t to;
    const struct rt_tool *tool; /* of the agent; NULL: nobody is asked */
};

struct graph_agent {
    struct rt_agent *agent; /* ours; its handoffs are the indices below */
    const struct rt_agent *from;
    struct graph_handoff handoffs[LIBRARY_MAX_LIST];
    uint32_t n_handoffs;
};

struct graph {
    uint32_t n;
    struct graph_agent agents[CALL_MAX_AGENTS]; /* the first one begins */
};

/*
 * first and all that it reaches, then others (n of them) and what they reach. -EEXIST: two agents or, in one agent, two
 * tools of one name; -ERR_LIMIT: too many; -ENOMEM. err gets a sentence.
 */
MUST_USE int graph_new(const struct rt_agent *first, const struct rt_agent *const *others, size_t n, struct buf *err,
                       struct graph **ret);
struct graph *graph_free(struct graph *g);
/* UINT32_MAX: none */
uint32_t graph_find(const struct graph *g, const char *name);

#endif
