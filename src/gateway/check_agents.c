#include <stdlib.h>

#include "base/err.h"
#include "gateway/checker.h"
#include "gateway/plan.h"

#define GREETING_MAX 200

struct report {
    struct checker *c;
    const struct config *cfg;
};

static void put_condition(struct report *r, const struct when *w)
{
    if (w) {
        buf_puts(&r->c->text, " when ");
        when_put(w, &r->c->text);
    }
}

/* ---- agents ---- */

static void put_tools(struct report *r, const struct config_agent *a)
{
    buf_puts(&r->c->text, a->tool_ref_count ? "; tools " : "; no tools");
    for (uint32_t i = 0; i < a->tool_ref_count; i++) {
        const struct config_tool *t = &r->cfg->tools[a->tool_refs[i]];
        buf_puts(&r->c->text, i ? ", " : "");
        buf_put_str(&r->c->text, t->name);
        put_condition(r, t->enabled);
    }
}

static void put_handoffs(struct report *r, const struct config_agent *a)
{
    buf_puts(&r->c->text, a->handoff_count ? "; hands over to " : "");
    for (uint32_t i = 0; i < a->handoff_count; i++) {
        buf_puts(&r->c->text, i ? ", " : "");
        buf_put_str(&r->c->text, a->handoffs[i].agent_name);
        put_condition(r, a->handoffs[i].enabled);
    }
}

static void agent(struct report *r, uint32_t index)
{
    const struct config_agent *a = &r->cfg->agents[index];
    buf_printf(&r->c->text, STR_FMT "%s: " STR_FMT ", model " STR_FMT ", voice " STR_FMT, STR_ARG(a->name),
               index == r->cfg->start_agent ? " (takes calls)" : "", STR_ARG(a->provider_name),
               STR_ARG(config_model(r->cfg, a, CONFIG_NONE)), STR_ARG(config_voice(r->cfg, a, CONFIG_NONE)));
    put_condition(r, a->enabled);
    put_tools(r, a);
    put_handoffs(r, a);
    checker_say(r->c, CHECK_OK, "agent");
}

/* One to whom nothing in the configuration leads speaks only in calls that we make, if they name him. */
static bool is_reached(const struct config *cfg, uint32_t index)
{
    bool found = index == cfg->start_agent || str_eq(cfg->agents[index].name, cfg->concierge.agent);
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
        buf_printf(&r->c->text, STR_FMT ": no route and no handoff leads to it", STR_ARG(a->name));
        buf_puts(&r->c->remedy,
                 "name it in a route's agent or in another agent's handoffs, or take it out; or leave it, "
                 "when calls that you make ask for it by name");
        checker_say(r->c, CHECK_WARNING, "agent");
    }
    for (uint32_t i = 0; i < a->handoff_count; i++) {
        if (a->handoffs[i].description.n == 0) {
            buf_printf(&r->c->text,
                       STR_FMT ": it hands over to " STR_FMT ", which has no handoff_description: the model "
                               "knows only the name",
                       STR_ARG(a->name), STR_ARG(a->handoffs[i].agent_name));
            buf_printf(&r->c->remedy, "say in handoff_description of " STR_FMT " when it is the right one",
                       STR_ARG(a->handoffs[i].agent_name));
            checker_say(r->c, CHECK_WARNING, "agent");
        }
    }
    if (str_search(a->instructions, STR("company_name}")) != SIZE_MAX && r->cfg->company_name.n == 0) {
        buf_printf(&r->c->text, STR_FMT ": its instructions name {{company_name}}, and company_name is not set",
                   STR_ARG(a->name));
        buf_puts(&r->c->remedy, "set company_name (COMPANY_NAME)");
        checker_say(r->c, CHECK_WARNING, "agent");
    }
}

/* ---- routes ---- */

static void put_list(struct report *r, const struct config_list *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        buf_puts(&r->c->text, i ? ", " : "");
        buf_put_str(&r->c->text, list->v[i]);
    }
    buf_puts(&r->c->text, list->n ? "" : "none");
}

static void route(struct report *r, const struct config_route *x)
{
    buf_printf(&r->c->text, STR_FMT ": ", STR_ARG(x->name));
    buf_puts(&r->c->text, x->when ? "calls" : "every call");
    put_condition(r, x->when);
    buf_printf(&r->c->text, " -> " STR_FMT, STR_ARG(r->cfg->agents[x->agent].name));
    if (x->provider != CONFIG_NONE) {
        buf_printf(&r->c->text, " over " STR_FMT, STR_ARG(x->provider_name));
    }
    if (x->narrowed) {
        buf_puts(&r->c->text, ", of the tools only ");
        put_list(r, &x->tools);
    }
    checker_say(r->c, CHECK_OK, "route");
}

void check_agents(struct checker *c, const struct config *cfg)
{
    struct report r = {.c = c, .cfg = cfg};
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        agent(&r, i);
        words(&r, i);
    }
    for (uint32_t i = 0; i < cfg->route_count; i++) {
        route(&r, &cfg->routes[i]);
    }
    if (cfg->route_count > 0 && cfg->routes[cfg->route_count - 1].when) {
        buf_printf(&c->text, "otherwise: " STR_FMT, STR_ARG(cfg->start_agent_name));
        checker_say(c, CHECK_OK, "route");
    }
}

/* ---- one call ---- */

static void put_greeting(struct report *r, const struct call_opts *o)
{
    struct str text = {o->greeting.text.p, MIN(o->greeting.text.n, GREETING_MAX)};
    if (o->greeting.kind == GREETING_NONE) {
        buf_puts(&r->c->text, "; the caller begins");
    } else if (o->greeting.kind == GREETING_TEXT) {
        buf_printf(&r->c->text, "; greets with \"" STR_FMT "%s\"", STR_ARG(text),
                   text.n < o->greeting.text.n ? "..." : "");
    }
}

static void planned_agent(struct report *r, const struct plan *p, const struct call_opts *o, uint32_t index)
{
    const struct call_agent *a = &o->agents[index];
    buf_printf(&r->c->text, STR_FMT " may call ", STR_ARG(a->name));
    for (uint32_t i = 0; i < a->n_tools; i++) {
        buf_puts(&r->c->text, i ? ", " : "");
        buf_put_str(&r->c->text, o->tools[a->tools[i]].name);
        buf_puts(&r->c->text, plan_offers(p, a->tools[i]) ? "" : " (not at this time)");
    }
    buf_puts(&r->c->text, a->n_tools ? "" : "no tool");
    checker_say(r->c, CHECK_OK, "call");
}

void check_call(struct checker *c, const struct snapshot *s, const struct when_facts *call)
{
    struct call_opts *o = calloc(1, sizeof(*o));
    struct report r = {.c = c, .cfg = s->cfg};
    const struct plan_facts facts = {.when = *call, .call_id = STR("check")};
    struct plan *p = NULL;
    int err = o ? plan_make(s, &facts, o, &p) : -ENOMEM;
    if (err < 0) {
        buf_puts(&c->text, err_text(err));
        buf_puts(&c->remedy, "ringtrip check without a call says what is wrong with the configuration");
        checker_say(c, CHECK_ERROR, "call");
    } else {
        buf_printf(&c->text, "%s takes it by %s%s, over " STR_FMT ", model " STR_FMT ", voice " STR_FMT,
                   p->agent->name.p, p->route ? "route " : "default", p->route ? p->route->name.p : "",
                   STR_ARG(o->provider), STR_ARG(p->model), STR_ARG(p->voice));
        put_greeting(&r, o);
        checker_say(c, CHECK_OK, "call");
        for (uint32_t i = 0; i < o->n_agents; i++) {
            planned_agent(&r, p, o, i);
        }
    }
    plan_free(p);
    free(o);
}
