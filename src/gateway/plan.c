#include "gateway/plan.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/template.h"
#include "gateway/plan_vars.h"

#define ARENA_MAX ((size_t)4 << 20)
#define TEXT_MAX  ((size_t)512 << 10) /* instructions with their values */
#define NO_TOOL   UINT8_MAX

/* A plan while it is made. */
struct making {
    const struct snapshot *s;
    const struct config *cfg;
    struct plan *p;
    struct call_opts *o;
    struct plan_vars vars;
    bool all_on;                                 /* conditions are not asked: plan_check */
    uint8_t tool_of[256];                        /* config tool -> call tool */
    uint32_t agent_of[CALL_MAX_AGENTS];          /* call agent -> config agent */
    const char *why;                             /* what did not fit */
    struct plan_switch switches[CALL_MAX_TOOLS]; /* those of p while it is made */
};

/* What is off now may be on later: then it has its place from the beginning. */
static bool may_hold(const struct making *m, const struct when *w)
{
    return m->all_on || when_may_hold(w, &m->p->facts);
}

/* ---- texts ---- */

static int keep_text(struct making *m, struct str text, struct str *ret)
{
    struct buf out;
    buf_init(&out, TEXT_MAX);
    template_fill(text, plan_var, &m->vars, &out);
    *ret = out.err < 0 ? STR_NULL : arena_str(&m->p->arena, buf_str(&out));
    int err = out.err < 0 ? out.err : ret->p ? 0 : -ENOMEM;
    buf_done(&out);
    return err;
}

/* A text that grew too long with its values stays as it was written. */
static int fill_text(struct making *m, struct str *text)
{
    struct str filled;
    int err = str_find(*text, '{') == text->n ? 0 : keep_text(m, *text, &filled);
    if (err == -ENOMEM) {
        return err;
    }
    if (err == 0 && str_find(*text, '{') < text->n) {
        *text = filled;
    }
    return 0;
}

static int fill_texts(struct making *m)
{
    struct call_opts *o = m->o;
    int err = fill_text(m, &o->greeting.text);
    if (err >= 0) {
        err = fill_text(m, &o->farewell.text);
    }
    if (err >= 0) {
        err = fill_text(m, &o->transfer.text);
    }
    if (err >= 0) {
        err = fill_text(m, &o->silence.goodbye);
    }
    for (uint32_t i = 0; i < o->silence.n_prompts && err >= 0; i++) {
        err = fill_text(m, &o->silence.prompts[i]);
    }
    for (uint32_t i = 0; i < o->n_agents && err >= 0; i++) {
        m->vars.agent = &m->cfg->agents[m->agent_of[i]];
        err = fill_text(m, &o->agents[i].instructions);
    }
    o->instructions = o->agents[0].instructions;
    return err;
}

/* ---- tools ---- */

static bool is_in(const struct config_list *list, struct str name)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (str_eq(list->v[i], name)) {
            return true;
        }
    }
    return false;
}

/* Provider and route may leave only some. */
static bool is_left(const struct making *m, struct str name)
{
    const struct config_provider *p = &m->cfg->providers[m->p->provider];
    const struct config_route *r = m->p->route;
    return (!p->narrowed || is_in(&p->tools, name)) && (!r || !r->narrowed || is_in(&r->tools, name));
}

static int add_tool(struct making *m, const struct call_tool *tool, uint8_t *ret)
{
    if (m->o->n_tools == CALL_MAX_TOOLS) {
        m->why = "more tools and handoffs than a call can have";
        return -ERR_LIMIT;
    }
    *ret = (uint8_t)m->o->n_tools;
    m->o->tools[m->o->n_tools++] = *tool;
    return 0;
}

static void add_switch(struct making *m, uint8_t tool, const struct when *condition, const struct when *agent)
{
    if (condition || agent) {
        m->p->switches[m->p->n_switches++] =
            (struct plan_switch){.tool = tool, .on = true, .condition = condition, .agent = agent};
    }
}

bool plan_offers(const struct plan *p, uint32_t tool)
{
    for (uint32_t i = 0; i < p->n_switches; i++) {
        const struct plan_switch *sw = &p->switches[i];
        if (sw->tool == tool) {
            return when_holds(sw->condition, &p->facts) && when_holds(sw->agent, &p->facts);
        }
    }
    return true;
}

/* One that is there and on. */
static bool has_name(const struct making *m, const struct call_agent *a, struct str name)
{
    for (uint32_t i = 0; i < a->n_tools; i++) {
        if (str_eq(m->o->tools[a->tools[i]].name, name) && plan_offers(m->p, a->tools[i])) {
            return true;
        }
    }
    return false;
}

/*
 * Two that were never both on when the configuration was written are now. The first stays. (Those that come to be on
 * together later are the call's matter: it tells the model of the first.)
 */
static int give(const struct making *m, struct call_agent *a, uint8_t tool)
{
    if (has_name(m, a, m->o->tools[tool].name) && plan_offers(m->p, tool)) {
        if (!m->all_on) {
            log_error(NULL, "plan.name-conflict", "agent=" STR_FMT " tool=" STR_FMT, STR_ARG(a->name),
                      STR_ARG(m->o->tools[tool].name));
        }
        return 0;
    }
    return call_agent_add_tool(a, tool);
}

/* Of the servers that it names, what they offer; more than fits is left out. */
static int give_mcp(struct making *m, struct call_agent *a, const struct config_agent *c)
{
    for (uint32_t i = 0; i < m->s->n_mcp; i++) {
        const struct snapshot_tool *t = &m->s->mcp[i];
        uint8_t at = 0;
        if (!is_in(&c->mcp, t->mcp_server) || !is_left(m, t->call.name)) {
            continue;
        }
        while (at < m->o->n_tools && !str_eq(m->o->tools[at].name, t->call.name)) {
            at++;
        }
        int err = at < m->o->n_tools ? 0 : add_tool(m, &t->call, &at);
        err = err < 0 ? err : give(m, a, at);
        if (err == -ERR_LIMIT) {
            log_warn(NULL, "mcp.too-many-tools", "agent=" STR_FMT " left_out=" STR_FMT, STR_ARG(a->name),
                     STR_ARG(t->call.name));
            m->why = NULL;
            return 0;
        }
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int give_tools(struct making *m, struct call_agent *a, const struct config_agent *c)
{
    for (uint32_t i = 0; i < c->tool_ref_count; i++) {
        uint32_t ref = c->tool_refs[i];
        const struct config_tool *t = &m->cfg->tools[ref];
        if (!is_left(m, t->name) || !may_hold(m, t->enabled)) {
            continue;
        }
        if (m->tool_of[ref] == NO_TOOL) {
            int err = add_tool(m, &m->s->tools[ref].call, &m->tool_of[ref]);
            if (err < 0) {
                return err;
            }
            add_switch(m, m->tool_of[ref], t->enabled, NULL);
        }
        int err = give(m, a, m->tool_of[ref]);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* What the program that embeds us gives its agents besides. */
static int give_added(struct making *m, struct call_agent *a)
{
    for (uint32_t i = 0; i < m->s->n_added; i++) {
        const struct snapshot_added *added = &m->s->added[i];
        const struct call_tool *tool = &m->s->tools[added->tool].call;
        uint8_t index = 0;
        if ((added->agent && !str_is(a->name, added->agent)) || !is_left(m, tool->name)) {
            continue;
        }
        while (index < m->o->n_tools && !str_eq(m->o->tools[index].name, tool->name)) {
            index++;
        }
        int err = index == m->o->n_tools ? add_tool(m, tool, &index) : 0;
        err = err < 0 ? err : give(m, a, index);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* ---- handoffs ---- */

static int reach(struct making *m, uint32_t agent, uint32_t *ret)
{
    for (uint32_t i = 0; i < m->o->n_agents; i++) {
        if (m->agent_of[i] == agent) {
            *ret = i;
            return 0;
        }
    }
    if (m->o->n_agents == CALL_MAX_AGENTS) {
        m->why = "more agents by handoff than a call can have";
        return -ERR_LIMIT;
    }
    const struct config_agent *c = &m->cfg->agents[agent];
    *ret = m->o->n_agents;
    m->agent_of[m->o->n_agents] = agent;
    m->o->agents[m->o->n_agents++] = (struct call_agent){.name = c->name,
                                                         .instructions = c->instructions,
                                                         .handoff_description = c->handoff_description,
                                                         .guards = snapshot_agent_guards(m->s, c)};
    return 0;
}

static int add_handoff(struct making *m, const struct config_handoff *h, uint32_t to, uint8_t *ret)
{
    static const char parameters[] = "{\"type\":\"object\",\"properties\":{},\"required\":[]}";
    for (uint32_t i = 0; i < m->o->n_tools; i++) { /* several lead to the same one, under the same words */
        const struct call_tool *t = &m->o->tools[i];
        bool conditional = h->enabled || m->cfg->agents[h->agent].enabled;
        if (t->kind == CALL_TOOL_HANDOFF && t->agent == to && str_eq(t->description, h->description) && !conditional) {
            *ret = (uint8_t)i;
            return 0;
        }
    }
    struct call_tool tool = {.name = h->tool_name,
                             .description = h->description,
                             .parameters = STR(parameters),
                             .kind = CALL_TOOL_HANDOFF,
                             .agent = to};
    tool_rules_init(&tool.rules);
    int err = add_tool(m, &tool, ret);
    if (err >= 0) {
        add_switch(m, *ret, h->enabled, m->cfg->agents[h->agent].enabled);
    }
    return err;
}

static int give_handoffs(struct making *m, uint32_t from, const struct config_agent *c)
{
    for (uint32_t i = 0; i < c->handoff_count; i++) {
        const struct config_handoff *h = &c->handoffs[i];
        uint32_t to;
        uint8_t tool;
        if (!may_hold(m, h->enabled) || !may_hold(m, m->cfg->agents[h->agent].enabled)) {
            continue;
        }
        int err = reach(m, h->agent, &to);
        if (err >= 0) {
            err = add_handoff(m, h, to, &tool);
        }
        if (err >= 0) {
            err = give(m, &m->o->agents[from], tool);
        }
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* Whoever can be reached from the one who starts, in the order in which they are found. */
static int fill_agents(struct making *m, uint32_t start)
{
    uint32_t first;
    memset(m->tool_of, NO_TOOL, sizeof(m->tool_of));
    int err = reach(m, start, &first);
    for (uint32_t i = 0; i < m->o->n_agents && err >= 0; i++) {
        const struct config_agent *c = &m->cfg->agents[m->agent_of[i]];
        err = give_tools(m, &m->o->agents[i], c);
        if (err >= 0) {
            err = give_added(m, &m->o->agents[i]);
        }
        if (err >= 0) {
            err = give_handoffs(m, i, c);
        }
    }
    for (uint32_t i = 0; i < m->o->n_agents && err >= 0; i++) { /* last: others' tools leave out none of ours */
        err = give_mcp(m, &m->o->agents[i], &m->cfg->agents[m->agent_of[i]]);
    }
    return err;
}

/* ---- a plan ---- */

static int keep_facts(struct plan *p, const struct plan_facts *f)
{
    struct when_facts *k = &p->facts;
    *k = f->when;
    struct when_pair *pairs = arena_alloc(&p->arena, sizeof(*pairs) * (k->n_headers + k->n_parameters + 1u));
    struct str *texts[] = {&k->called, &k->caller, &k->carrier, &k->direction};
    bool ok = pairs;
    for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_str(&p->arena, *texts[i]);
        ok = ok && texts[i]->p;
    }
    for (uint32_t i = 0; ok && i < k->n_headers + k->n_parameters; i++) {
        const struct when_pair *from = i < k->n_headers ? &k->headers[i] : &k->parameters[i - k->n_headers];
        pairs[i].name = arena_str(&p->arena, from->name);
        pairs[i].value = arena_str(&p->arena, from->value);
        ok = pairs[i].name.p && pairs[i].value.p;
    }
    k->headers = pairs;
    k->parameters = ok ? pairs + k->n_headers : NULL;
    return ok ? 0 : -ENOMEM;
}

/* Somebody wants this one. */
static void take_agent(struct making *m, struct str name)
{
    uint32_t i = name.n > 0 ? config_find_agent(m->cfg, name) : CONFIG_NONE;
    if (i != CONFIG_NONE) {
        m->p->route = NULL;
        m->p->agent = &m->cfg->agents[i];
        m->p->provider = m->p->agent->provider;
        m->p->model = config_model(m->cfg, m->p->agent, m->p->provider);
        m->p->voice = config_voice(m->cfg, m->p->agent, m->p->provider);
        m->p->language = m->p->agent->transcription.language;
    }
}

static void take_route(struct making *m)
{
    struct plan *p = m->p;
    const struct config_route *r = p->route;
    p->agent = &m->cfg->agents[r ? r->agent : m->cfg->start_agent];
    p->provider = r && r->provider != CONFIG_NONE ? r->provider : p->agent->provider;
    p->model = config_model(m->cfg, p->agent, p->provider);
    p->voice = r && r->voice.n > 0 ? r->voice : config_voice(m->cfg, p->agent, p->provider);
    p->language = r && r->language.n > 0 ? r->language : p->agent->transcription.language;
}

#define OPENING                                                                                                        \
    "You have called this person, and they have just picked up. Say at once who you are and for whom you call, then "  \
    "why "                                                                                                             \
    "you call: {{opening_reason}}. Keep it to two short sentences, and let them answer."
#define OPENING_WITHOUT_REASON                                                                                         \
    "You have called this person, and they have just picked up. Say at once who you are and for whom you call, and "   \
    "ask "                                                                                                             \
    "in one short sentence whether this is a good moment to talk."

static bool has_reason(const struct plan *p)
{
    for (uint32_t i = 0; i < p->facts.n_parameters; i++) {
        if (str_is(p->facts.parameters[i].name, "opening_reason") && p->facts.parameters[i].value.n > 0) {
            return true;
        }
    }
    return false;
}

static bool is_outgoing(const struct making *m)
{
    return str_is(m->p->facts.direction, "outbound");
}

/* Who was called did not ask for anything: the greeting for callers would be odd. */
static void open_outgoing(struct making *m)
{
    struct str words = m->cfg->outbound.opening;
    m->o->greeting.kind = GREETING_PROMPT;
    m->o->greeting.text = words.n ? words : has_reason(m->p) ? STR(OPENING) : STR(OPENING_WITHOUT_REASON);
}

static void greet(struct making *m)
{
    const struct config_route *r = m->p->route;
    if (r && r->greeting_given) {
        m->o->greeting.kind = r->greeting.n > 0 ? GREETING_TEXT : GREETING_NONE;
        m->o->greeting.text = r->greeting;
    } else if (is_outgoing(m)) {
        open_outgoing(m);
    }
}

/* Who was called may have put the phone down to look for something: he did not ask to be asked. */
static void wait_for_caller(struct making *m)
{
    m->o->silence.on = m->o->silence.on && (!is_outgoing(m) || m->p->agent->silence_outbound);
}

/* A plan lives as long as its call: it keeps no room for more. */
static int pack(struct making *m)
{
    struct plan_switch *switches = arena_raw(&m->p->arena, m->p->n_switches * sizeof(*switches));
    if (!switches) {
        return -ENOMEM;
    }
    memcpy(switches, m->switches, m->p->n_switches * sizeof(*switches));
    m->p->switches = switches;
    return call_opts_pack(m->o, &m->p->arena);
}

static int make(struct making *m, uint32_t start, const struct plan_facts *f, struct call_opts_room *room)
{
    snapshot_call(m->s, m->p->agent, m->o);
    call_opts_lend(m->o, room);
    m->o->provider = m->cfg->providers[m->p->provider].name;
    if (m->p->facts.carrier.n > 0) {
        m->o->carrier = m->p->facts.carrier;
    }
    greet(m);
    wait_for_caller(m);
    int err = fill_agents(m, start);
    if (err < 0) {
        return err;
    }
    plan_vars_init(&m->vars, m->cfg, m->p, f);
    err = fill_texts(m);
    m->vars.agent = m->p->agent;
    m->p->apology = m->p->agent->apology;
    err = err < 0 ? err : fill_text(m, &m->p->apology);
    return err < 0 ? err : pack(m);
}

int plan_make(const struct snapshot *s, const struct plan_facts *f, struct call_opts *ret_opts, struct plan **ret)
{
    struct plan *p = calloc(1, sizeof(*p));
    struct making m = {.s = s, .cfg = s->cfg, .p = p, .o = ret_opts};
    if (!p) {
        return -ENOMEM;
    }
    arena_init(&p->arena, ARENA_MAX);
    p->switches = m.switches;
    int err = keep_facts(p, f);
    if (err >= 0) {
        p->route = s->session.fixed_agent ? NULL : config_find_route(s->cfg, &p->facts);
        take_route(&m);
        take_agent(&m, f->agent);
        struct call_opts_room room;
        err = make(&m, (uint32_t)(p->agent - s->cfg->agents), f, &room);
    }
    if (err < 0) {
        plan_free(p);
        return err;
    }
    *ret = p;
    return 0;
}

int plan_text(const struct plan *p, const struct snapshot *s, const struct plan_facts *f, struct str text,
              struct buf *out)
{
    struct plan_vars vars;
    plan_vars_init(&vars, s->cfg, p, f);
    template_fill(text, plan_var, &vars, out);
    return out->err;
}

struct plan *plan_free(struct plan *p)
{
    if (p) {
        arena_done(&p->arena);
        free(p);
    }
    return NULL;
}

int plan_check(const struct snapshot *s, uint32_t agent, struct buf *ret_err)
{
    struct plan *p = calloc(1, sizeof(*p));
    struct call_opts_room room;
    struct call_opts opts = {0};
    struct call_opts *o = &opts;
    struct making m = {.s = s, .cfg = s->cfg, .p = p, .o = o, .all_on = true};
    int err = -ENOMEM;
    call_opts_lend(o, &room);
    if (p) {
        p->switches = m.switches;
        p->agent = &s->cfg->agents[agent];
        p->provider = p->agent->provider;
        err = fill_agents(&m, agent);
    }
    if (err < 0 && m.why) {
        buf_printf(ret_err, "agents." STR_FMT ": it would reach %s", STR_ARG(s->cfg->agents[agent].name), m.why);
        err = -ERR_CONFIG;
    }
    free(p);
    return err;
}

/* A choice that names a tool which this call does not have would be refused by the service. */
static bool can_choose(const struct plan *p, const struct snapshot *s, struct str choice)
{
    uint32_t tool = config_find_tool(s->cfg, choice);
    const struct config_provider *c = &s->cfg->providers[p->provider];
    if (tool == CONFIG_NONE) {
        return true; /* auto and the like */
    }
    return when_holds(s->cfg->tools[tool].enabled, &p->facts) && (!c->narrowed || is_in(&c->tools, choice)) &&
           (!p->route || !p->route->narrowed || is_in(&p->route->tools, choice));
}

void plan_opening(const struct plan *p, const struct snapshot *s, uint32_t provider, struct provider_opts *ret)
{
    struct openai_opts *o = &ret->openai;
    snapshot_opening(s, provider, p->agent, ret);
    if (p->route && p->route->voice.n > 0) {
        o->voice = p->route->voice;
        ret->gemini.voice = provider == p->provider ? p->route->voice : ret->gemini.voice;
    }
    o->transcription.language = p->language;
    if (!can_choose(p, s, o->tool_choice)) {
        o->tool_choice = STR("auto");
    }
}

bool plan_turned(struct plan *p, int64_t wall_us, uint32_t *ret_tool, bool *ret_on)
{
    p->facts.wall_us = wall_us;
    for (uint32_t i = 0; i < p->n_switches; i++) {
        struct plan_switch *sw = &p->switches[i];
        bool on = when_holds(sw->condition, &p->facts) && when_holds(sw->agent, &p->facts);
        if (on != sw->on) {
            sw->on = on;
            *ret_tool = sw->tool;
            *ret_on = on;
            return true;
        }
    }
    return false;
}
