/*
 * agents: a map of several; each begins with what agent: says and has a name of its own. While one is worked on it
 * stands in the draft in the place of agent:, so that everything that reads or checks agent: serves them all.
 */
#include <stdio.h>

#include "base/err.h"
#include "config/draft.h"

#define MAX_NAME 48 /* transfer_to_ and it are the name of a tool */

bool option_is_agent(const struct option *o)
{
    return o->scope == OPTION_ROOT && o->offset >= offsetof(struct config, agent) &&
           o->offset < offsetof(struct config, agent) + sizeof(struct config_agent) &&
           (o->type != OPTION_DROPPED || (o->key && str_starts(str_from(o->key), STR("agent."))));
}

/* ------------------------------------------------------------------------------------------------ the one worked on */

void draft_agent_enter(struct draft *d, const struct draft_agent *a)
{
    d->cfg->agent = a->v;
    for (uint32_t i = 0; i < option_count; i++) {
        if (option_is_agent(&option_table[i])) {
            d->origins[i] = a->origins[i];
        }
    }
    d->tool_refs = a->tools;
    d->handoff_refs = a->handoffs;
    d->agent_at = &a->at;
    d->agent_name = d->agent_count > 0 && d->several ? a->v.name : STR("");
}

void draft_agent_leave(struct draft *d, struct draft_agent *a)
{
    a->v = d->cfg->agent;
    memcpy(a->origins, d->origins, sizeof(a->origins));
    a->tools = d->tool_refs;
    a->handoffs = d->handoff_refs;
    d->agent_name = STR("");
}

/* ------------------------------------------------------------------------------------------------ references */

int draft_ref_add(struct draft *d, struct draft_refs *refs, const struct draft_ref *ref, struct buf *why)
{
    if (!refs->v) {
        refs->v = arena_alloc(d->arena, sizeof(*refs->v) * DRAFT_MAX_REFS);
        if (!refs->v) {
            return -ENOMEM;
        }
    }
    for (uint32_t i = 0; i < refs->n; i++) {
        if (str_eq(refs->v[i].name, ref->name)) {
            buf_printf(why, "names the same " STR_FMT " twice", (int)MIN(ref->name.n, 60u), ref->name.p);
            return -ERR_CONFIG;
        }
    }
    if (refs->n == DRAFT_MAX_REFS) {
        buf_printf(why, "has more than %u entries", DRAFT_MAX_REFS);
        return -ERR_CONFIG;
    }
    refs->v[refs->n] = *ref;
    refs->v[refs->n].name = arena_str(d->arena, ref->name);
    refs->v[refs->n].description = arena_str(d->arena, ref->description);
    return refs->v[refs->n].name.p && refs->v[refs->n++].description.p ? 0 : -ENOMEM;
}

int draft_refs_text(struct draft *d, struct draft_refs *refs, struct str text, struct buf *why)
{
    struct str part;
    int err = 0;

    refs->n = 0;
    while (err >= 0 && str_split(&text, ',', &part)) {
        struct draft_ref ref = {.name = str_trim(part), .at = {.kind = ORIGIN_DEFAULT}};

        err = ref.name.n ? draft_ref_add(d, refs, &ref, why) : 0;
    }
    return err;
}

/* {agent: billing, description: "...", enabled: {...}} */
static int read_handoff(struct draft *d, const struct yaml_node *n, uint32_t index, struct draft_ref *ref,
                        struct buf *why)
{
    static const struct option_word words[] = {
        {"agent", 0, false}, {"description", 1, false}, {"enabled", 2, false}, {NULL, 0, false}};

    for (const struct yaml_node *c = n->first; c; c = c->next) {
        struct origin at = {.kind = ORIGIN_FILE, .line = c->key_line, .col = c->key_col};
        char path[64];
        int err = 0;

        snprintf(path, sizeof(path), "agent.handoffs[%u].enabled", index); /* it fits */
        if (str_is(c->key, "enabled")) {
            ref->enabled = when_read(d, c, path);
        } else if (c->kind == YAML_SCALAR && str_is(c->key, "agent")) {
            err = env_expand(&d->env, c->text, why, &ref->name);
        } else if (c->kind == YAML_SCALAR && str_is(c->key, "description")) {
            err = env_expand(&d->env, c->text, why, &ref->description);
        } else {
            const char *near = NULL;
            bool found = option_word_nearest(words, c->key, &near);

            draft_fail(d, &at, "unknown key \"%.60s\" in agent.handoffs[%u]%s%s%s", c->key.p, index,
                       found ? "; did you mean \"" : "", found ? near : "", found ? "\"?" : "");
        }
        if (err < 0) {
            return err;
        }
    }
    if (ref->name.n == 0) {
        buf_printf(why, "needs the name of an agent in entry %u", index);
        return -ERR_CONFIG;
    }
    return 0;
}

int take_handoff_refs(struct draft *d, const struct yaml_node *list, struct buf *why)
{
    uint32_t index = 0;
    int err = 0;

    d->handoff_refs.n = 0;
    for (const struct yaml_node *c = list->first; c && err >= 0; c = c->next, index++) {
        struct draft_ref ref = {.at = {.kind = ORIGIN_FILE, .line = c->line, .col = c->col}, .description = STR("")};

        if (c->kind == YAML_MAP) {
            err = read_handoff(d, c, index, &ref, why);
        } else if (c->kind == YAML_SCALAR && !yaml_is_null(c)) {
            err = env_expand(&d->env, c->text, why, &ref.name);
        } else {
            buf_puts(why, "must be a list of agents: names, or maps with agent:");
            return -ERR_CONFIG;
        }
        if (err >= 0 && ref.name.n) {
            err = draft_ref_add(d, &d->handoff_refs, &ref, why);
        }
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ read */

static bool name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == ' ')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= MAX_NAME && s.p[0] != ' ' && s.p[s.n - 1] != ' ';
}

static struct draft_agent *agent_new(struct draft *d, const struct draft_agent *base, const struct origin *at)
{
    struct draft_agent *a;

    if (d->agent_count == CONFIG_MAX_AGENTS) {
        draft_fail(d, at, "more than %u agents", CONFIG_MAX_AGENTS);
        return NULL;
    }
    a = &d->agents[d->agent_count++];
    *a = *base;
    a->at = *at;
    return a;
}

/* What agent: says is said to each of them, but its own words count first. Lists are shared until they are replaced. */
static void inherit(struct draft *d, struct draft_agent *a)
{
    for (uint32_t i = 0; i < option_count; i++) {
        a->origins[i].inherited = true;
    }
    a->tools.v = NULL; /* the base's stays the base's */
    a->handoffs.v = NULL;
    for (uint32_t i = 0; i < d->tool_refs.n; i++) {
        struct buf why;

        buf_init(&why, 256);
        a->tools.n = i;
        d->out_of_memory = draft_ref_add(d, &a->tools, &d->tool_refs.v[i], &why) < 0 || d->out_of_memory;
        buf_done(&why);
    }
    for (uint32_t i = 0; i < d->handoff_refs.n; i++) {
        struct buf why;

        buf_init(&why, 256);
        a->handoffs.n = i;
        d->out_of_memory = draft_ref_add(d, &a->handoffs, &d->handoff_refs.v[i], &why) < 0 || d->out_of_memory;
        buf_done(&why);
    }
}

static void walk_agent(struct draft *d, const struct yaml_node *n, const struct draft_agent *base)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->key_line, .col = n->key_col};
    const struct option *name = option_find(OPTION_ROOT, STR("agent.name"));
    struct draft_agent *a;

    if (!name_ok(n->key)) {
        draft_fail(d, &at, "an agent's name is made of at most %u letters, digits, blanks, - and _, not \"%.60s\"",
                   MAX_NAME, n->key.p);
        return;
    }
    if (n->kind != YAML_MAP && !yaml_is_null(n)) {
        draft_fail(d, &at, "agents.%s must be a map of keys", n->key.p);
        return;
    }
    a = agent_new(d, base, &at);
    if (!a) {
        return;
    }
    a->v.name = arena_str(d->arena, n->key);
    d->out_of_memory = d->out_of_memory || !a->v.name.p;
    draft_agent_enter(d, base);
    inherit(d, a);
    draft_agent_enter(d, a);
    walk_group(d, "agent", n);
    draft_agent_leave(d, a);
    if (a->origins[name - option_table].kind == ORIGIN_FILE && !a->origins[name - option_table].inherited) {
        draft_fail(d, &a->origins[name - option_table], "agents.%s.name: its name is %s already", n->key.p, n->key.p);
    }
    a->v.name = arena_str(d->arena, n->key);
    d->out_of_memory = d->out_of_memory || !a->v.name.p;
}

void walk_agents(struct draft *d, const struct yaml_node *n)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};
    struct draft_agent *base;

    if (yaml_is_null(n)) {
        return;
    }
    if (n->kind != YAML_MAP || n->n == 0) {
        draft_fail(d, &at, "agents must be a map of agents");
        return;
    }
    base = &d->agents[CONFIG_MAX_AGENTS]; /* one more than there may be: what agent: says */
    draft_agent_leave(d, base);
    d->several = true;
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        walk_agent(d, c, base);
    }
    draft_agent_enter(d, base);
}

/* ------------------------------------------------------------------------------------------------ finish */

void agent_unknown(struct draft *d, const struct origin *at, const char *key, struct str name)
{
    uint32_t best = NEAREST_NONE;
    struct str near = STR_NULL;

    for (uint32_t i = 0; i < d->agent_count; i++) {
        option_consider(d->agents[i].v.name, name, &best, &near);
    }
    bool found = best < NEAREST_NONE;
    draft_fail(d, at, "%s: there is no agent \"%.60s\"%s" STR_FMT "%s", key, name.p, found ? "; did you mean \"" : "",
               STR_ARG(near), found ? "\"?" : "");
}

static uint32_t find_agent(const struct draft *d, struct str name)
{
    for (uint32_t i = 0; i < d->agent_count; i++) {
        if (str_eq(d->agents[i].v.name, name)) {
            return i;
        }
    }
    return CONFIG_NONE;
}

/* "Billing Desk" is reached by transfer_to_billing_desk; call_handoff_name says the same. */
static struct str handoff_tool(struct draft *d, struct str agent)
{
    char text[16 + MAX_NAME];
    size_t n = strlen("transfer_to_");
    struct str copy;

    memcpy(text, "transfer_to_", n);
    for (size_t i = 0; i < agent.n && n < sizeof(text); i++) {
        char c = agent.p[i];
        bool upper = c >= 'A' && c <= 'Z';

        text[n++] = upper ? (char)(c - 'A' + 'a') : c == ' ' || c == '-' ? '_' : c;
    }
    copy = arena_str(d->arena, (struct str){text, n});
    d->out_of_memory = d->out_of_memory || !copy.p;
    return copy.p ? copy : STR("");
}

static bool finish_handoff(struct draft *d, const struct draft_ref *ref, struct config_handoff *ret)
{
    uint32_t agent = find_agent(d, ref->name);

    if (agent == CONFIG_NONE) {
        agent_unknown(d, &ref->at, "agent.handoffs", ref->name);
        return false;
    }
    if (str_eq(ref->name, d->cfg->agent.name)) {
        draft_fail(d, &ref->at, "agent.handoffs: %s cannot hand over to itself", ref->name.p);
        return false;
    }
    *ret = (struct config_handoff){
        .agent_name = d->agents[agent].v.name,
        .agent = agent,
        .tool_name = handoff_tool(d, ref->name),
        .description = ref->description.n ? ref->description : d->agents[agent].v.handoff_description,
        .enabled = ref->enabled,
    };
    return true;
}

static void finish_handoffs(struct draft *d)
{
    struct config_agent *a = &d->cfg->agent;
    uint32_t n = d->handoff_refs.n;
    struct config_handoff *list = arena_alloc(d->arena, sizeof(*list) * MAX(n, 1u));
    uint32_t kept = 0;

    if (!list) {
        d->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        kept += finish_handoff(d, &d->handoff_refs.v[i], &list[kept]);
    }
    a->handoffs = list;
    a->handoff_count = kept;
    if (kept > CONFIG_MAX_HANDOFFS) {
        draft_fail(d, draft_origin(d, "agent.handoffs"), "agent.handoffs has more than %u entries",
                   CONFIG_MAX_HANDOFFS);
    }
}

/* A name that is there twice only under conditions is looked at when a call begins: then only one may be left. */
static void check_names(struct draft *d)
{
    const struct config_agent *a = &d->cfg->agent;

    for (uint32_t i = 0; i < a->handoff_count; i++) {
        const struct config_handoff *h = &a->handoffs[i];

        for (uint32_t j = 0; j < i; j++) {
            if (str_eq(h->tool_name, a->handoffs[j].tool_name) && !h->enabled && !a->handoffs[j].enabled) {
                draft_fail(d, &d->handoff_refs.v[i].at, "agent.handoffs: %s and %s would both be the tool %s",
                           a->handoffs[j].agent_name.p, h->agent_name.p, h->tool_name.p);
            }
        }
        for (uint32_t j = 0; j < a->tool_ref_count; j++) {
            const struct config_tool *t = &d->tools[a->tool_refs[j]];

            if (str_eq(h->tool_name, t->name) && !h->enabled && !t->enabled) {
                draft_fail(d, &d->handoff_refs.v[i].at,
                           "agent.handoffs: %s would be the tool %s, and there is another one in agent.tools",
                           h->agent_name.p, h->tool_name.p);
            }
        }
    }
    if (a->handoff_count > 0 && a->tool_ref_count + a->handoff_count > CALL_MAX_TOOLS) {
        draft_fail(d, draft_origin(d, "agent.tools"), "agent.tools and agent.handoffs have more than %u entries",
                   CALL_MAX_TOOLS);
    }
}

static void choose_start(struct draft *d)
{
    struct config *c = d->cfg;

    c->start_agent = c->start_agent_name.n ? find_agent(d, c->start_agent_name) : 0;
    if (c->start_agent == CONFIG_NONE) {
        agent_unknown(d, draft_origin(d, "start_agent"), "start_agent", c->start_agent_name);
        c->start_agent = 0;
    }
    c->start_agent_name = d->agents[c->start_agent].v.name;
}

static void check_concierge(struct draft *d)
{
    struct str name = d->cfg->concierge.agent;

    if (name.n > 0 && find_agent(d, name) == CONFIG_NONE) {
        agent_unknown(d, draft_origin(d, "concierge.agent"), "concierge.agent", name);
    }
}

static void finish_one(struct draft *d, struct draft_agent *a)
{
    draft_agent_enter(d, a);
    finish_agent(d);
    finish_handoffs(d);
    check_names(d);
    draft_agent_leave(d, a);
}

void finish_agents(struct draft *d)
{
    struct config_agent *list;
    uint32_t n;

    if (d->agent_count == 0) { /* agent: alone, or all of agents: refused */
        struct origin at = {.kind = ORIGIN_DEFAULT};

        d->several = false;
        draft_agent_leave(d, &d->agents[CONFIG_MAX_AGENTS]);
        ignore_result(agent_new(d, &d->agents[CONFIG_MAX_AGENTS], &at) != NULL); /* there is room */
        draft_agent_enter(d, &d->agents[0]);
        finish_agent_env(d);
        draft_agent_leave(d, &d->agents[0]);
    } else {
        choose_start(d);
        for (uint32_t i = 0; i < d->agent_count; i++) {
            draft_agent_enter(d, &d->agents[i]);
            d->is_start = i == d->cfg->start_agent;
            finish_agent_env(d);
            draft_agent_leave(d, &d->agents[i]);
        }
    }
    choose_start(d); /* the only one may have got its name from the environment */
    check_concierge(d);
    n = d->agent_count;
    list = arena_alloc(d->arena, sizeof(*list) * n);
    if (!list) {
        d->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        finish_one(d, &d->agents[i]);
        list[i] = d->agents[i].v;
    }
    finish_tools(d);
    draft_agent_enter(d, &d->agents[d->cfg->start_agent]); /* whoever asks for the origin of agent.x means it */
    d->agent_name = STR("");
    d->cfg->agents = list;
    d->cfg->agent_count = n;
}
