#include "gateway/graph.h"

#include "base/err.h"

#define MAX_LABEL 60 /* bytes of a condition */

/* Who is drawn, by index. */
struct seen {
    bool agents[CONFIG_MAX_AGENTS];
    uint32_t queue[CONFIG_MAX_AGENTS];
    uint32_t n;
};

/* ---- text ---- */

/* A quoted string of the language: backslashes would begin an escape, and a line break ends no label. */
static void put_quoted(struct buf *out, struct str s)
{
    buf_putc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            buf_putc(out, '\\');
            buf_putc(out, (char)c);
        } else if (c == '\n') {
            buf_puts(out, "\\n");
        } else if (c < ' ' || c == 0x7F) {
            buf_putc(out, ' ');
        } else {
            buf_putc(out, (char)c);
        }
    }
    buf_putc(out, '"');
}

/* Tooltips are XML in the picture; the drawer escapes all but what looks like an entity. */
static void put_attr(struct buf *out, const char *name, struct str value)
{
    if (value.n > 0) {
        buf_printf(out, ", %s=", name);
        put_quoted(out, value);
    }
}

/* A condition as a label: without the signs of its notation, and not too long. The tooltip has all of it. */
static void put_condition(struct buf *out, const struct when *w)
{
    struct buf text, label;
    if (!w) {
        return;
    }
    buf_init(&text, 16u << 10);
    buf_init(&label, 1024);
    when_put(w, &text);
    struct str s = text.err < 0 ? STR("under a condition") : buf_str(&text);
    size_t i = 0;
    while (i < s.n && (label.len < MAX_LABEL || ((unsigned char)s.p[i] & 0xC0) == 0x80)) {
        if (!strchr("{}[]\"", s.p[i]) || s.p[i] == '\0') {
            buf_putc(&label, s.p[i]);
        }
        i++;
    }
    buf_puts(&label, i < s.n ? " ..." : "");
    put_attr(out, "label", label.err < 0 ? STR("") : buf_str(&label));
    put_attr(out, "tooltip", s);
    buf_puts(out, ", style=dashed");
    buf_done(&label);
    buf_done(&text);
}

/* ---- what is drawn ---- */

static void see(struct seen *s, uint32_t agent)
{
    if (agent < CONFIG_MAX_AGENTS && !s->agents[agent]) {
        s->agents[agent] = true;
        s->queue[s->n++] = agent;
    }
}

/* In the order of their distance from the start. */
static void follow(const struct config *cfg, struct seen *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        const struct config_agent *a = &cfg->agents[s->queue[i]];
        for (uint32_t j = 0; j < a->handoff_count; j++) {
            see(s, a->handoffs[j].agent);
        }
    }
}

static uint32_t find_agent(const struct config *cfg, struct str name)
{
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        if (str_eq(cfg->agents[i].name, name)) {
            return i;
        }
    }
    return CONFIG_NONE;
}

static bool uses_tool(const struct config_agent *a, uint32_t tool)
{
    for (uint32_t i = 0; i < a->tool_ref_count; i++) {
        if (a->tool_refs[i] == tool) {
            return true;
        }
    }
    return false;
}

/* ---- the parts ---- */

static void put_head(struct buf *out)
{
    buf_puts(out,
             "digraph agents {\n"
             "  graph [rankdir=LR, nodesep=0.35, ranksep=0.9, pad=0.3, bgcolor=white, splines=spline,\n"
             "         fontname=\"Helvetica\"];\n"
             "  node [fontname=\"Helvetica\", fontsize=13, color=\"#444444\", penwidth=1.2, margin=\"0.18,0.09\"];\n"
             "  edge [fontname=\"Helvetica\", fontsize=10, color=\"#444444\", fontcolor=\"#555555\", arrowsize=0.8];\n"
             "  start [shape=circle, style=filled, fillcolor=\"#4a90d9\", color=\"#2b6cb0\", label=\"\", width=0.26,\n"
             "         fixedsize=true, tooltip=\"a call comes in\", xlabel=\"call\", fontsize=11];\n");
}

static void put_agent(struct buf *out, const struct config *cfg, uint32_t i)
{
    const struct config_agent *a = &cfg->agents[i];
    buf_printf(out, "  agent%u [shape=box, style=\"filled,rounded%s\", fillcolor=\"#ffe066\", label=", i,
               a->enabled ? ",dashed" : "");
    put_quoted(out, a->name);
    put_attr(out, "tooltip", a->handoff_description.n > 0 ? a->handoff_description : a->name);
    buf_puts(out, "];\n");
}

static void put_tool(struct buf *out, const struct config *cfg, uint32_t i)
{
    const struct config_tool *t = &cfg->tools[i];
    buf_printf(out, "  tool%u [shape=ellipse, style=\"filled%s\", fillcolor=\"#a8e6a1\", fontsize=11, label=", i,
               t->enabled ? ",dashed" : "");
    put_quoted(out, t->name);
    put_attr(out, "tooltip", t->description.n > 0 ? t->description : t->name);
    buf_puts(out, "];\n");
}

static void put_tools(struct buf *out, const struct config *cfg, const struct seen *s)
{
    for (uint32_t t = 0; t < cfg->tool_count; t++) {
        bool used = false;
        for (uint32_t i = 0; i < s->n; i++) {
            if (uses_tool(&cfg->agents[s->queue[i]], t)) {
                if (!used) {
                    put_tool(out, cfg, t);
                }
                used = true;
                buf_printf(out, "  agent%u -> tool%u [style=dotted, arrowhead=none, color=\"#777777\"];\n", s->queue[i],
                           t);
            }
        }
    }
}

static void put_handoffs(struct buf *out, const struct config *cfg, const struct seen *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        const struct config_agent *a = &cfg->agents[s->queue[i]];
        for (uint32_t j = 0; j < a->handoff_count; j++) {
            buf_printf(out, "  agent%u -> agent%u [penwidth=1.6", s->queue[i], a->handoffs[j].agent);
            put_condition(out, a->handoffs[j].enabled);
            buf_puts(out, "];\n");
        }
    }
}

/* Routes that lead to the starting agent anyway are not drawn by name. */
static void put_routes(struct buf *out, const struct config *cfg)
{
    for (uint32_t i = 0; i < cfg->route_count; i++) {
        const struct config_route *r = &cfg->routes[i];
        if (r->agent != cfg->start_agent) {
            buf_printf(out, "  start -> agent%u [color=\"#2b6cb0\", style=dashed", r->agent);
            put_attr(out, "label", r->name);
            buf_puts(out, "];\n");
        }
    }
}

int graph_put_dot(const struct config *cfg, struct str agent, struct buf *out)
{
    struct seen s = {.n = 0};
    uint32_t start = agent.n > 0 ? find_agent(cfg, agent) : cfg->start_agent;
    if (start == CONFIG_NONE || start >= cfg->agent_count) {
        return -ENOENT;
    }
    see(&s, start);
    for (uint32_t i = 0; agent.n == 0 && i < cfg->route_count; i++) {
        see(&s, cfg->routes[i].agent);
    }
    follow(cfg, &s);
    for (uint32_t i = 0; agent.n == 0 && i < cfg->agent_count; i++) {
        see(&s, i); /* nobody reaches them: that too should be seen */
    }
    put_head(out);
    for (uint32_t i = 0; i < s.n; i++) {
        put_agent(out, cfg, s.queue[i]);
    }
    buf_printf(out, "  start -> agent%u [color=\"#2b6cb0\", penwidth=1.6];\n", start);
    if (agent.n == 0) {
        put_routes(out, cfg);
    }
    put_handoffs(out, cfg, &s);
    put_tools(out, cfg, &s);
    buf_puts(out, "}\n");
    return out->err;
}
