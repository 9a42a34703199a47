/* mcp: a map of servers of the Model Context Protocol, and the names of them that agents use. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "config/draft.h"

static const struct origin *origin_of(const struct draft_mcp *m, const char *key)
{
    const struct origin *at = &m->origins[option_find(OPTION_MCP, str_from(key)) - option_table];

    return at->kind == ORIGIN_DEFAULT ? &m->at : at;
}

static bool name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 32;
}

static void walk_server(struct draft *d, const struct yaml_node *n)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->key_line, .col = n->key_col};
    struct draft_mcp *m = &d->mcp[d->mcp_count];
    char prefix[64];

    if (!name_ok(n->key)) {
        draft_fail(d, &at, "the name of a server under mcp is made of letters, digits, - and _, not \"%.60s\"",
                   n->key.p);
        return;
    }
    if (n->kind != YAML_MAP) {
        draft_fail(d, &at, "mcp.%s must be a map of keys (command:, or url:, ...)", n->key.p);
        return;
    }
    if (d->mcp_count == DRAFT_MAX_MCP) {
        draft_fail(d, &at, "more than %u servers under mcp", DRAFT_MAX_MCP);
        return;
    }
    d->mcp_count++;
    m->at = at;
    m->v.name = arena_str(d->arena, n->key);
    d->out_of_memory = d->out_of_memory || !m->v.name.p;
    draft_defaults(d, OPTION_MCP, &m->v);
    snprintf(prefix, sizeof(prefix), "mcp.%s.", n->key.p); /* it fits */
    walk_struct(d, OPTION_MCP, n, &m->v, m->origins, prefix);
}

void walk_mcp(struct draft *d, const struct yaml_node *n)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};

    if (yaml_is_null(n)) {
        return;
    }
    if (n->kind != YAML_MAP) {
        draft_fail(d, &at, "mcp must be a map of servers");
        return;
    }
    d->mcp = arena_alloc(d->arena, sizeof(*d->mcp) * DRAFT_MAX_MCP);
    if (!d->mcp) {
        d->out_of_memory = true;
        return;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        walk_server(d, c);
    }
}

static void check_server(struct draft *d, struct draft_mcp *m)
{
    struct config_mcp *s = &m->v;

    if ((s->command.n > 0) == (s->url.n > 0)) {
        draft_fail(d, &m->at, "mcp.%s needs either command, a program and its arguments, or url", s->name.p);
        return;
    }
    if (s->command.n > CONFIG_MAX_COMMAND) {
        draft_fail(d, origin_of(m, "command"), "mcp.%s.command: more than %u words", s->name.p, CONFIG_MAX_COMMAND);
    }
    if (s->url.n && !str_starts(s->url, STR("http"))) {
        draft_fail(d, origin_of(m, "url"), "mcp.%s.url must begin with https:// or http://", s->name.p);
    }
    if (s->url.n && s->env.n) {
        draft_fail(d, origin_of(m, "env"), "mcp.%s.env is for a program; with url there are headers", s->name.p);
    }
    if (s->command.n && s->headers.n) {
        draft_fail(d, origin_of(m, "headers"), "mcp.%s.headers are for a url; a program gets env", s->name.p);
    }
    if (s->ca_file.n && access(s->ca_file.p, R_OK) < 0) {
        draft_fail(d, origin_of(m, "ca_file"), "mcp.%s.ca_file: %.200s: %s", s->name.p, s->ca_file.p, err_text(-errno));
    }
    if (s->approval == APPROVAL_WHEN) {
        draft_fail(d, origin_of(m, "approval"), "mcp.%s.approval must be never, always or spoken", s->name.p);
    }
    if (!name_ok(s->prefix) && s->prefix.n) {
        draft_fail(d, origin_of(m, "prefix"), "mcp.%s.prefix is made of letters, digits, - and _", s->name.p);
    }
}

/* The agent that is worked on: the servers that it names. */
void finish_agent_mcp(struct draft *d)
{
    const struct config_list *names = &d->cfg->agent.mcp;

    for (uint32_t i = 0; i < names->n; i++) {
        bool there = false;

        for (uint32_t k = 0; k < d->mcp_count; k++) {
            there = there || str_eq(d->mcp[k].v.name, names->v[i]);
        }
        if (!there) {
            draft_fail(d, draft_origin(d, "agent.mcp"), "agent.mcp: there is no server \"%.60s\" under mcp",
                       names->v[i].p);
        }
    }
}

void finish_mcp(struct draft *d)
{
    struct config_mcp *list = arena_alloc(d->arena, sizeof(*list) * MAX(d->mcp_count, 1u));

    if (!list) {
        d->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < d->mcp_count; i++) {
        check_server(d, &d->mcp[i]);
        list[i] = d->mcp[i].v;
    }
    d->cfg->mcp = list;
    d->cfg->mcp_count = d->mcp_count;
}
