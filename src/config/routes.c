/* routes: which calls go to which agent, over which provider, with which tools. */
#include <stdio.h>

#include "base/err.h"
#include "config/draft.h"

static const struct origin *origin_of(const struct draft_route *r, const char *key)
{
    const struct origin *at = &r->origins[option_find(OPTION_ROUTE, str_from(key)) - option_table];

    return at->kind == ORIGIN_DEFAULT ? &r->at : at;
}

static bool given(const struct draft_route *r, const char *key)
{
    return r->origins[option_find(OPTION_ROUTE, str_from(key)) - option_table].kind != ORIGIN_DEFAULT;
}

static void walk_route(struct draft *d, const struct yaml_node *n)
{
    struct draft_route *r = &d->routes[d->route_count];
    char prefix[32];

    r->at = (struct origin){.kind = ORIGIN_FILE, .line = n->line, .col = n->col};
    snprintf(prefix, sizeof(prefix), "routes[%u].", d->route_count++); /* it fits */
    draft_defaults(d, OPTION_ROUTE, &r->v);
    if (n->kind != YAML_MAP) {
        draft_fail(d, &r->at, "routes must be a list of maps (when:, agent:, ...)");
        return;
    }
    walk_struct(d, OPTION_ROUTE, n, &r->v, r->origins, prefix);
}

void walk_routes(struct draft *d, const struct yaml_node *n)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};

    if (yaml_is_null(n)) {
        return;
    }
    if (n->kind != YAML_LIST) {
        draft_fail(d, &at, "routes must be a list of maps (when:, agent:, ...)");
        return;
    }
    if (n->n > CONFIG_MAX_ROUTES) {
        draft_fail(d, &at, "more than %u routes", CONFIG_MAX_ROUTES);
        return;
    }
    d->routes = arena_alloc(d->arena, sizeof(*d->routes) * MAX(n->n, 1u));
    if (!d->routes) {
        d->out_of_memory = true;
        return;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        walk_route(d, c);
    }
}

static void name_route(struct draft *d, struct draft_route *r, uint32_t index)
{
    char name[16];
    struct str copy;

    if (r->v.name.n == 0) {
        snprintf(name, sizeof(name), "#%u", index + 1); /* it fits */
        copy = arena_str(d->arena, str_from(name));
        d->out_of_memory = d->out_of_memory || !copy.p;
        r->v.name = copy.p ? copy : STR("");
    }
}

static void finish_agent_of(struct draft *d, struct draft_route *r, uint32_t index)
{
    const struct config *c = d->cfg;
    uint32_t agent = r->v.agent_name.n ? config_find_agent(c, r->v.agent_name) : c->start_agent;
    char key[32];

    if (agent == CONFIG_NONE) {
        snprintf(key, sizeof(key), "routes[%u].agent", index); /* it fits */
        agent_unknown(d, origin_of(r, "agent"), key, r->v.agent_name);
        agent = 0;
    }
    r->v.agent = agent;
}

static void finish_provider_of(struct draft *d, struct draft_route *r, uint32_t index)
{
    struct str near = STR_NULL;

    r->v.provider = CONFIG_NONE;
    if (r->v.provider_name.n == 0) {
        return;
    }
    r->v.provider = config_find_provider(d->cfg, r->v.provider_name);
    if (r->v.provider == CONFIG_NONE) {
        bool found = provider_nearest(d, r->v.provider_name, &near);

        draft_fail(d, origin_of(r, "provider"), "routes[%u].provider: there is no provider \"%.60s\"%s" STR_FMT "%s",
                   index, r->v.provider_name.p, found ? "; did you mean \"" : "", STR_ARG(near), found ? "\"?" : "");
    }
}

static void check_narrowing(struct draft *d, const struct config_list *names, const struct origin *at, const char *key)
{
    for (uint32_t i = 0; i < names->n; i++) {
        struct str near = STR_NULL;
        bool found;

        if (config_find_tool(d->cfg, names->v[i]) != CONFIG_NONE) {
            continue;
        }
        found = tool_nearest(d, names->v[i], &near) && !str_eq(near, names->v[i]); /* it is known, but nobody has it */
        draft_fail(d, at, "%s: no agent has a tool \"%.60s\"%s" STR_FMT "%s", key, names->v[i].p,
                   found ? "; did you mean \"" : "", STR_ARG(near), found ? "\"?" : "");
    }
}

/* Whoever writes behind a route without a condition hardly means it. */
static void check_order(struct draft *d, uint32_t index)
{
    if (index > 0 && !given(&d->routes[index - 1], "when")) {
        draft_fail(d, &d->routes[index].at, "routes[%u] is never reached: routes[%u] has no when and takes every call",
                   index, index - 1);
    }
}

static void finish_route(struct draft *d, uint32_t index)
{
    struct draft_route *r = &d->routes[index];
    char key[40];

    name_route(d, r, index);
    finish_agent_of(d, r, index);
    finish_provider_of(d, r, index);
    check_order(d, index);
    r->v.narrowed = given(r, "tools");
    r->v.greeting_given = given(r, "greeting");
    snprintf(key, sizeof(key), "routes[%u].tools", index); /* it fits */
    check_narrowing(d, &r->v.tools, origin_of(r, "tools"), key);
    snprintf(key, sizeof(key), "routes[%u].variables", index);
    check_variables(d, &r->v.variables, origin_of(r, "variables"), key);
}

void finish_routes(struct draft *d)
{
    struct config_route *list = arena_alloc(d->arena, sizeof(*list) * MAX(d->route_count, 1u));
    const struct option *tools = option_find(OPTION_PROVIDER, STR("tools"));

    if (!list) {
        d->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < d->provider_count; i++) {
        char key[120];

        snprintf(key, sizeof(key), "providers.%s.tools", d->providers[i].v.name.p);
        check_narrowing(d, &d->providers[i].v.tools, &d->providers[i].origins[tools - option_table], key);
    }
    for (uint32_t i = 0; i < d->route_count; i++) {
        finish_route(d, i);
        list[i] = d->routes[i].v;
    }
    d->cfg->routes = list;
    d->cfg->route_count = d->route_count;
}
