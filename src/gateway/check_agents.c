#include "gateway/check_agents.h"

#include <stdlib.h>

#include "base/err.h"
#include "gateway/plan.h"

#define TEXT_MAX     (16u << 10)
#define GREETING_MAX 200

struct report {
    const struct config *cfg;
    check_fn fn;
    void *arg;
    struct buf text;
};

static void say(struct report *r, enum check_level level, const char *subject)
{
    r->fn(level, subject, r->text.err < 0 ? STR("(too long to show)") : buf_str(&r->text), r->arg);
    buf_clear(&r->text, 0);
}

static void put_condition(struct report *r, const struct when *w)
{
    if (w) {
        buf_puts(&r->text, " when ");
        when_put(w, &r->text);
    }
}

/* ---- agents ---- */

static void put_tools(struct report *r, const struct config_agent *a)
{
    buf_puts(&r->text, a->tool_ref_count ? "; tools " : "; no tools");
    for (uint32_t i = 0; i < a->tool_ref_count; i++) {
        const struct config_tool *t = &r->cfg->tools[a->tool_refs[i]];
        buf_puts(&r->text, i ? ", " : "");
        buf_put_str(&r->text, t->name);
        put_condition(r, t->enabled);
    }
}

static void put_handoffs(struct report *r, const struct config_agent *a)
{
    buf_puts(&r->text, a->handoff_count ? "; hands over to " : "");
    for (uint32_t i = 0; i < a->handoff_count; i++) {
        buf_puts(&r->text, i ? ", " : "");
        buf_put_str(&r->text, a->handoffs[i].agent_name);
        put_condition(r, a->handoffs[i].enabled);
    }
}

static void agent(struct report *r, uint32_t index)
{
    const struct config_agent *a = &r->cfg->agents[index];
    buf_printf(&r->text, STR_FMT "%s: " STR_FMT ", model " STR_FMT ", voice " STR_FMT, STR_ARG(a->name),
               index == r->cfg->start_agent ? " (takes calls)" : "", STR_ARG(a->provider_name),
               STR_ARG(config_model(r->cfg, a, CONFIG_NONE)), STR_ARG(config_voice(r->cfg, a, CONFIG_NONE)));
    put_condition(r, a->enabled);
    put_tools(r, a);
    put_handoffs(r, a);
    say(r, CHECK_OK, "agent");
}

/* One whom neither a route nor a handoff leads to says nothing to anybody. */
static bool is_reached(const struct config *cfg, uint32_t index)
{
    bool found = index == cfg->start_agent;
    for (uint32_t i = 0; i < cfg->route_count; i++) {
        found = found || cfg->routes[i].agent == index;
    }
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        for (uint32_t j = 0; j < cfg->agents[i].handoff_count; j++) {
            found = found || (i != index && cfg->agents[i].handoffs[j].agent == index);
        }
    }
    return found;
}

static void words(struct report *r, uint32_t index)
{
    const struct config_agent *a = &r->cfg->agents[index];
    if (!is_reached(r->cfg, index)) {
        buf_printf(&r->text, STR_FMT ": no route and no handoff leads to it", STR_ARG(a->name));
        say(r, CHECK_WARNING, "agent");
    }
    for (uint32_t i = 0; i < a->handoff_count; i++) {
        if (a->handoffs[i].description.n == 0) {
            buf_printf(&r->text,
                       STR_FMT ": it hands over to " STR_FMT ", which has no handoff_description: the model "
                               "knows only the name",
                       STR_ARG(a->name), STR_ARG(a->handoffs[i].agent_name));
            say(r, CHECK_WARNING, "agent");
        }
    }
    if (str_search(a->instructions, STR("company_name}")) != SIZE_MAX && r->cfg->company_name.n == 0) {
        buf_printf(&r->text, STR_FMT ": its instructions name {{company_name}}, and company_name is not set",
                   STR_ARG(a->name));
        say(r, CHECK_WARNING, "agent");
    }
}

/* ---- routes ---- */

static void put_list(struct report *r, const struct config_list *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        buf_puts(&r->text, i ? ", " : "");
        buf_put_str(&r->text, list->v[i]);
    }
    buf_puts(&r->text, list->n ? "" : "none");
}

static void route(struct report *r, const struct config_route *x)
{
    buf_printf(&r->text, STR_FMT ": ", STR_ARG(x->name));
    buf_puts(&r->text, x->when ? "calls" : "every call");
    put_condition(r, x->when);
    buf_printf(&r->text, " -> " STR_FMT, STR_ARG(r->cfg->agents[x->agent].name));
    if (x->provider != CONFIG_NONE) {
        buf_printf(&r->text, " over " STR_FMT, STR_ARG(x->provider_name));
    }
    if (x->narrowed) {
        buf_puts(&r->text, ", of the tools only ");
        put_list(r, &x->tools);
    }
    say(r, CHECK_OK, "route");
}

void check_agents(const struct config *cfg, check_fn fn, void *arg)
{
    struct report r = {.cfg = cfg, .fn = fn, .arg = arg};
    buf_init(&r.text, TEXT_MAX);
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        agent(&r, i);
        words(&r, i);
    }
    for (uint32_t i = 0; i < cfg->route_count; i++) {
        route(&r, &cfg->routes[i]);
    }
    if (cfg->route_count > 0 && cfg->routes[cfg->route_count - 1].when) {
        buf_printf(&r.text, "otherwise: " STR_FMT, STR_ARG(cfg->start_agent_name));
        say(&r, CHECK_OK, "route");
    }
    buf_done(&r.text);
}

/* ---- one call ---- */

static void put_greeting(struct report *r, const struct call_opts *o)
{
    struct str text = {o->greeting.text.p, MIN(o->greeting.text.n, GREETING_MAX)};
    if (o->greeting.kind == GREETING_NONE) {
        buf_puts(&r->text, "; the caller begins");
    } else if (o->greeting.kind == GREETING_TEXT) {
        buf_printf(&r->text, "; greets with \"" STR_FMT "%s\"", STR_ARG(text),
                   text.n < o->greeting.text.n ? "..." : "");
    }
}

static void planned_agent(struct report *r, const struct plan *p, const struct call_opts *o, uint32_t index)
{
    const struct call_agent *a = &o->agents[index];
    buf_printf(&r->text, STR_FMT " may call ", STR_ARG(a->name));
    for (uint32_t i = 0; i < a->n_tools; i++) {
        buf_puts(&r->text, i ? ", " : "");
        buf_put_str(&r->text, o->tools[a->tools[i]].name);
        buf_puts(&r->text, plan_offers(p, a->tools[i]) ? "" : " (not at this time)");
    }
    buf_puts(&r->text, a->n_tools ? "" : "no tool");
    say(r, CHECK_OK, "call");
}

void check_call(const struct snapshot *s, const struct when_facts *call, check_fn fn, void *arg)
{
    struct call_opts *o = calloc(1, sizeof(*o));
    struct report r = {.cfg = s->cfg, .fn = fn, .arg = arg};
    const struct plan_facts facts = {.when = *call, .call_id = STR("check")};
    struct plan *p = NULL;
    buf_init(&r.text, TEXT_MAX);
    int err = o ? plan_make(s, &facts, o, &p) : -ENOMEM;
    if (err < 0) {
        buf_puts(&r.text, err_text(err));
        say(&r, CHECK_ERROR, "call");
    } else {
        buf_printf(&r.text, "%s takes it by %s%s, over " STR_FMT ", model " STR_FMT ", voice " STR_FMT,
                   p->agent->name.p, p->route ? "route " : "default", p->route ? p->route->name.p : "",
                   STR_ARG(o->provider), STR_ARG(p->model), STR_ARG(p->voice));
        put_greeting(&r, o);
        say(&r, CHECK_OK, "call");
        for (uint32_t i = 0; i < o->n_agents; i++) {
            planned_agent(&r, p, o, i);
        }
    }
    plan_free(p);
    free(o);
    buf_done(&r.text);
}
