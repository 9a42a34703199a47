/* Servers of the Model Context Protocol: from the configuration to the hub, from what they offer to the snapshot. */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/gateway_impl.h"

static bool is_taken(const struct snapshot *s, struct str name)
{
    return snapshot_tool(s, name) != NULL;
}

/* Texts into the snapshot: the hub's are lent only until they change. */
static int add_tool(struct snapshot *s, const struct config_mcp *c, const struct mcp_tool_info *t)
{
    struct snapshot_tool *slot = &s->mcp[s->n_mcp];
    *slot = (struct snapshot_tool){.mcp_server = c->name};
    tool_rules_init(&slot->call.rules);
    slot->call.rules.approval.kind = c->approval;
    slot->call.name = arena_str(&s->own, t->name);
    slot->call.description = arena_str(&s->own, t->description);
    slot->call.parameters = arena_str(&s->own, t->schema);
    slot->mcp_tool = arena_str(&s->own, t->remote);
    slot->mcp_ms = c->timeout_ms ? c->timeout_ms : s->cfg->deadlines.tool_ms;
    slot->call.deadline_ms = slot->mcp_ms + 500; /* it ends by itself, in its own words */
    if (!slot->call.name.p || !slot->call.description.p || !slot->call.parameters.p || !slot->mcp_tool.p) {
        return -ENOMEM;
    }
    int err = json_schema_new(slot->call.parameters, NULL, NULL, NULL, &slot->schema);
    if (err == -ENOMEM) {
        return err;
    }
    if (err < 0) { /* the server checks for itself */
        log_warn(NULL, "mcp.schema", "server=%s tool=" STR_FMT " error=%s", c->name.p, STR_ARG(t->name), err_name(err));
    }
    s->n_mcp++;
    return 0;
}

static int add_server(struct snapshot *s, const struct mcp *hub, const struct config_mcp *c)
{
    struct mcp_offer offer;
    int err = mcp_offer(hub, c->name, &offer);
    if (err < 0 || offer.n_tools == 0) {
        return 0;
    }
    struct snapshot_tool *more = realloc(s->mcp, (s->n_mcp + offer.n_tools) * sizeof(*more));
    if (!more) {
        return -ENOMEM;
    }
    s->mcp = more;
    for (uint32_t i = 0; i < offer.n_tools && err >= 0; i++) {
        if (is_taken(s, offer.tools[i].name)) {
            log_warn(NULL, "mcp.name-conflict", "server=%s tool=" STR_FMT " text=\"give the server a prefix\"",
                     c->name.p, STR_ARG(offer.tools[i].name));
        } else {
            err = add_tool(s, c, &offer.tools[i]);
        }
    }
    return err;
}

int gateway_mcp_add(const struct gateway *gw, struct snapshot *s)
{
    int err = 0;
    for (uint32_t i = 0; gw->mcp && i < s->cfg->mcp_count && err >= 0; i++) {
        err = add_server(s, gw->mcp, &s->cfg->mcp[i]);
    }
    return err;
}

static void on_changed(void *arg)
{
    struct gateway *gw = arg;
    struct buf text;
    buf_init(&text, 4096);
    int err = gateway_refresh(gw, &text);
    if (err < 0) {
        log_error(NULL, "mcp.not-taken", "error=%s text=\"" STR_FMT "\" the old tools stay", err_name(err),
                  STR_ARG(buf_str(&text)));
    }
    buf_done(&text);
}

/* ---- from the configuration ---- */

static const struct mcp_pair *pairs_of(const struct config_map *m, struct arena *a)
{
    struct mcp_pair *v = arena_alloc(a, MAX(m->n, 1u) * sizeof(*v));
    for (uint32_t i = 0; v && i < m->n; i++) {
        v[i] = (struct mcp_pair){m->v[i].name, m->v[i].value};
    }
    return v;
}

static int fill_opts(struct mcp_server_opts *o, const struct config *cfg, const struct config_mcp *c, struct arena *a)
{
    *o = (struct mcp_server_opts){
        .name = c->name,
        .argv = c->command.v,
        .n_argv = c->command.n,
        .env = pairs_of(&c->env, a),
        .n_env = c->env.n,
        .url = c->url,
        .headers = pairs_of(&c->headers, a),
        .n_headers = c->headers.n,
        .ca_file = c->ca_file,
        .start_ms = c->start_ms,
        .timeout_ms = c->timeout_ms ? c->timeout_ms : cfg->deadlines.tool_ms,
        .refresh_s = c->refresh_s,
        .tools = c->tools.v,
        .n_tools = c->tools.n,
        .prefix = c->prefix,
    };
    return o->env && o->headers ? 0 : -ENOMEM;
}

int gateway_mcp_follow(struct gateway *gw, const struct config *cfg)
{
    struct arena a;
    if (!gw->mcp) {
        return 0;
    }
    arena_init(&a, (size_t)4 << 20);
    struct mcp_server_opts *list = arena_alloc(&a, MAX(cfg->mcp_count, 1u) * sizeof(*list));
    int err = list ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < cfg->mcp_count && err >= 0; i++) {
        err = fill_opts(&list[i], cfg, &cfg->mcp[i], &a);
    }
    err = err < 0 ? err : mcp_set_servers(gw->mcp, list, cfg->mcp_count);
    arena_done(&a);
    return err;
}

/* A session of the library may wait for it. */
static void on_state(void *arg)
{
    gateway_check_ready(arg);
}

int gateway_mcp_init(struct gateway *gw)
{
    int err = mcp_new(gw->loop, gw->http, on_changed, gw, &gw->mcp);
    if (err >= 0 && gw->o.headless) {
        mcp_on_state(gw->mcp, on_state);
    }
    return err;
}

bool gateway_mcp_starts(const struct gateway *gw, struct str server)
{
    struct mcp_offer offer;
    return gw->mcp && mcp_offer(gw->mcp, server, &offer) >= 0 && !offer.up && offer.problem.n == 0;
}
