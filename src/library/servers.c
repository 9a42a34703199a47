#include "library/servers.h"

#include "base/err.h"
#include "base/log.h"

static const struct config_mcp *find_server(const struct config *cfg, const char *name)
{
    for (uint32_t i = 0; i < cfg->mcp_count; i++) {
        if (str_is(cfg->mcp[i].name, name)) {
            return &cfg->mcp[i];
        }
    }
    return NULL;
}

int servers_check(const struct graph *g, const struct config *cfg, struct buf *err)
{
    for (uint32_t i = 0; g && i < g->n; i++) {
        const struct rt_agent *a = g->agents[i].agent;
        for (uint32_t k = 0; k < a->n_servers; k++) {
            if (!find_server(cfg, a->servers[k])) {
                buf_printf(err, "agent \"%s\" names the server \"%s\", which the configuration does not have under mcp",
                           a->name, a->servers[k]);
                return -ERR_CONFIG;
            }
        }
    }
    return 0;
}

/* ---- waiting ---- */

static bool graph_uses(const struct graph *g, struct str server)
{
    for (uint32_t i = 0; i < g->n; i++) {
        const struct rt_agent *a = g->agents[i].agent;
        for (uint32_t k = 0; k < a->n_servers; k++) {
            if (str_is(server, a->servers[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool config_uses(const struct config *cfg, struct str server)
{
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        const struct config_list *list = &cfg->agents[i].mcp;
        for (uint32_t k = 0; k < list->n; k++) {
            if (str_eq(list->v[k], server)) {
                return true;
            }
        }
    }
    return false;
}

bool servers_start(const struct rt_runner *r, const struct snapshot *s)
{
    for (uint32_t i = 0; i < s->cfg->mcp_count; i++) {
        struct str name = s->cfg->mcp[i].name;
        bool used = r->graph ? graph_uses(r->graph, name) : config_uses(s->cfg, name);
        if (used && gateway_mcp_starts(r->gw, name)) {
            return true;
        }
    }
    return false;
}

/* ---- giving ---- */

static int give(struct snapshot *s, struct call_agent *a, const struct call_tool *tool)
{
    struct call_opts *o = &s->call;
    uint32_t at = 0;
    while (at < o->n_tools && !str_eq(o->tools[at].name, tool->name)) {
        at++;
    }
    int err = at < CALL_MAX_TOOLS ? call_agent_add_tool(a, at) : -ERR_LIMIT;
    if (err < 0) {
        return err;
    }
    if (at == o->n_tools) {
        o->tools[o->n_tools++] = *tool;
    }
    return 0;
}

static void give_server(struct snapshot *s, struct call_agent *a, const char *server)
{
    for (uint32_t i = 0; i < s->n_mcp; i++) {
        const struct snapshot_tool *t = &s->mcp[i];
        if (str_is(t->mcp_server, server) && give(s, a, &t->call) < 0) {
            log_warn(NULL, "mcp.too-many-tools", "agent=" STR_FMT " left_out=" STR_FMT, STR_ARG(a->name),
                     STR_ARG(t->call.name));
            return;
        }
    }
}

int servers_give(const struct rt_runner *r, struct snapshot *s)
{
    int err = gateway_mcp_add(r->gw, s);
    for (uint32_t i = 0; err >= 0 && r->graph && i < r->graph->n; i++) { /* those of the configuration: plan.c */
        const struct rt_agent *a = r->graph->agents[i].agent;
        for (uint32_t k = 0; k < a->n_servers; k++) {
            give_server(s, &s->call.agents[i], a->servers[k]);
        }
    }
    return err;
}
