#include "library/graph.h"

#include <stdlib.h>

#include "base/err.h"

uint32_t graph_find(const struct graph *g, const char *name)
{
    for (uint32_t i = 0; name && i < g->n; i++) {
        if (strcmp(g->agents[i].agent->name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

static uint32_t find_handle(const struct graph *g, const struct rt_agent *agent)
{
    uint32_t i = 0;
    while (i < g->n && g->agents[i].from != agent) {
        i++;
    }
    return i;
}

static int add(struct graph *g, const struct rt_agent *agent, struct buf *err)
{
    if (find_handle(g, agent) < g->n) {
        return 0;
    }
    if (graph_find(g, agent->name) != UINT32_MAX) {
        buf_printf(err, "two agents are called \"%s\"", agent->name);
        return -EEXIST;
    }
    if (g->n == CALL_MAX_AGENTS) {
        buf_printf(err, "there are more than %d agents", CALL_MAX_AGENTS);
        return -ERR_LIMIT;
    }
    struct graph_agent *a = &g->agents[g->n];
    int e = rt_agent_clone(agent, NULL, &a->agent);
    if (e >= 0) {
        a->from = agent;
        g->n++;
    }
    return e;
}

/* Names that the model sees must differ: tools among each other and from handoffs. */
static int check_names(const struct graph *g, const struct graph_agent *a, struct buf *err)
{
    for (uint32_t h = 0; h < a->n_handoffs; h++) {
        char name[CALL_ID_MAX];
        const char *to = g->agents[a->handoffs[h].to].agent->name;
        const struct rt_tool *own = a->handoffs[h].tool;
        int e = own ? str_copy(name, sizeof(name), str_from(own->name)) : call_handoff_name(str_from(to), name);
        if (e < 0) {
            buf_printf(err, "the name of agent \"%s\" is too long for a handoff", to);
            return e;
        }
        for (uint32_t t = 0; t < a->agent->n_tools; t++) {
            if (strcmp(a->agent->tools[t]->name, name) == 0 && !a->agent->tools[t]->enabled) {
                buf_printf(err, "agent \"%s\" has a tool and a handoff called \"%s\"", a->agent->name, name);
                return -EEXIST;
            }
        }
    }
    return 0;
}

static bool differs(const struct rt_tool *a, const struct rt_tool *b)
{
    return strcmp(a->name, b->name) == 0 && (a->fn != b->fn || a->arg != b->arg);
}

/* The host finds the function by the name alone: one name, one function in all agents. */
static int check_functions(const struct graph *g, const struct rt_tool *tool, struct buf *err)
{
    for (uint32_t i = 0; i < g->n; i++) {
        const struct rt_agent *a = g->agents[i].agent;
        for (uint32_t t = 0; t < a->n_tools; t++) {
            const struct rt_tool *other = a->tools[t];
            if (differs(other, tool)) {
                buf_printf(err, "two different tools are called \"%s\"", tool->name);
                return -EEXIST;
            }
        }
        for (uint32_t h = 0; h < g->agents[i].n_handoffs; h++) {
            const struct rt_tool *other = g->agents[i].handoffs[h].tool;
            if (other && differs(other, tool)) {
                buf_printf(err, "a handoff and something else are called \"%s\"", tool->name);
                return -EEXIST;
            }
        }
    }
    return 0;
}

/* Grows while it goes: what the last one reaches is looked at, too. */
static int add_reached(struct graph *g, struct buf *err)
{
    for (uint32_t i = 0; i < g->n; i++) {
        struct graph_agent *a = &g->agents[i];
        for (uint32_t h = 0; h < a->agent->n_handoffs; h++) {
            const struct handoff *way = &a->agent->handoffs[h];
            int e = add(g, way->to, err);
            if (e < 0) {
                return e;
            }
            a->handoffs[a->n_handoffs++] = (struct graph_handoff){find_handle(g, way->to), way->tool};
        }
    }
    for (uint32_t i = 0; i < g->n; i++) {
        const struct rt_agent *a = g->agents[i].agent;
        int e = check_names(g, &g->agents[i], err);
        for (uint32_t t = 0; t < a->n_tools && e >= 0; t++) {
            e = check_functions(g, a->tools[t], err);
        }
        for (uint32_t h = 0; h < g->agents[i].n_handoffs && e >= 0; h++) {
            const struct rt_tool *tool = g->agents[i].handoffs[h].tool;
            e = tool ? check_functions(g, tool, err) : 0;
        }
        if (e < 0) {
            return e;
        }
    }
    return 0;
}

int graph_new(const struct rt_agent *first, const struct rt_agent *const *others, size_t n, struct buf *err,
              struct graph **ret)
{
    struct graph *g = calloc(1, sizeof(*g));
    if (!g) {
        return -ENOMEM;
    }
    int e = add(g, first, err);
    for (size_t i = 0; i < n && e >= 0; i++) {
        e = others[i] ? add(g, others[i], err) : -EINVAL;
    }
    e = e < 0 ? e : add_reached(g, err);
    if (e < 0) {
        graph_free(g);
        return e;
    }
    *ret = g;
    return 0;
}

struct graph *graph_free(struct graph *g)
{
    for (uint32_t i = 0; g && i < g->n; i++) {
        rt_agent_free(g->agents[i].agent);
    }
    free(g);
    return NULL;
}
