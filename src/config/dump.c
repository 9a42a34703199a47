/* The effective configuration as YAML, secrets masked. */
#include "base/json.h"
#include "config/draft.h"

/* Quoted as JSON, which is YAML too. */
static void put_text(struct buf *out, struct str s)
{
    json_put_quoted(out, s);
}

static void put_list(struct buf *out, const struct config_list *list, bool masked)
{
    buf_putc(out, '[');
    for (uint32_t i = 0; i < list->n; i++) {
        buf_puts(out, i ? ", " : "");
        put_text(out, masked ? STR("***") : list->v[i]);
    }
    buf_putc(out, ']');
}

static void put_map(struct buf *out, const struct config_map *map, bool masked)
{
    buf_putc(out, '{');
    for (uint32_t i = 0; i < map->n; i++) {
        buf_puts(out, i ? ", " : "");
        put_text(out, map->v[i].name);
        buf_puts(out, ": ");
        put_text(out, masked ? STR("***") : map->v[i].value);
    }
    buf_putc(out, '}');
}

static void put_blocks(struct buf *out, const struct config *cfg)
{
    buf_putc(out, '[');
    for (uint32_t i = 0; i < cfg->server.trusted_proxy_count; i++) {
        const struct config_block *b = &cfg->server.trusted_proxies[i];
        static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

        buf_puts(out, i ? ", \"" : "\"");
        if (memcmp(b->addr, mapped, 12) == 0 && b->bits >= 96) {
            buf_printf(out, "%u.%u.%u.%u/%u", b->addr[12], b->addr[13], b->addr[14], b->addr[15], b->bits - 96u);
        } else {
            for (uint32_t j = 0; j < 16; j += 2) {
                buf_printf(out, "%s%x", j ? ":" : "", b->addr[j] << 8 | b->addr[j + 1]);
            }
            buf_printf(out, "/%u", b->bits);
        }
        buf_putc(out, '"');
    }
    buf_putc(out, ']');
}

static void put_word(struct buf *out, const struct option_word *words, int value)
{
    for (; words->word; words++) {
        if (words->value == value && !words->hidden) {
            buf_puts(out, words->word);
            return;
        }
    }
    buf_puts(out, "null");
}

/* What lies outside the limits was not given. */
static void put_number(struct buf *out, const struct option *o, const void *field)
{
    switch (o->type) {
    case OPTION_U16:
        buf_put_u64(out, *(const uint16_t *)field);
        return;
    case OPTION_I32:
        if (*(const int32_t *)field < 0) {
            buf_puts(out, "null");
            return;
        }
        buf_put_i64(out, *(const int32_t *)field);
        return;
    case OPTION_F64:
        if (*(const double *)field < o->min) {
            buf_puts(out, "null");
            return;
        }
        buf_printf(out, "%.10g", *(const double *)field);
        return;
    case OPTION_PPM:
        buf_printf(out, "%.6g", *(const uint32_t *)field / 1e6);
        return;
    case OPTION_MONEY:
        buf_printf(out, "%lld.%06lld", (long long)(*(const int64_t *)field / 1000000),
                   (long long)(*(const int64_t *)field % 1000000));
        return;
    default: /* the plain ones */
        buf_put_u64(out, *(const uint32_t *)field);
    }
}

/* Whose value is printed: base is the struct of the option's scope, agent stands in for cfg->agent. */
struct dump {
    struct buf *out;
    const struct config *cfg;
    const struct config_agent *agent;
    bool several;
};

static void put_value(const struct dump *d, const struct option *o, const void *base);

/* Keys of a shared tool that mean nothing for one that is built in. */
static bool is_silent(const struct option *o, const void *base)
{
    const struct config_tool *tool = o->scope == OPTION_TOOL ? base : NULL;

    if (o->scope == OPTION_GUARD && o->type == OPTION_SCHEMA) {
        return ((const struct config_guardrail *)base)->schema.n == 0;
    }
    return tool && tool->builtin && (str_starts(str_from(o->key), STR("webhook.")) || o->type == OPTION_SCHEMA);
}

/* How many leading words two keys have in common, the last word of either aside. */
static uint32_t common_groups(struct str a, struct str b)
{
    uint32_t n = 0;

    while (str_find(a, '.') < a.n && str_find(b, '.') < b.n) {
        struct str x, y;

        ignore_result(str_split(&a, '.', &x));
        ignore_result(str_split(&b, '.', &y));
        if (!str_eq(x, y)) {
            return n;
        }
        n++;
    }
    return n;
}

static uint32_t groups_of(struct str key)
{
    uint32_t n = 0;

    for (size_t i = 0; i < key.n; i++) {
        n += key.p[i] == '.';
    }
    return n;
}

/* A struct on one line: {name: "x", webhook: {url: "y"}}. */
static void put_flow(const struct dump *d, enum option_scope scope, const void *base)
{
    struct str before = STR("");
    bool first = true;

    buf_putc(d->out, '{');
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        struct str rest = str_from(o->key), part;
        uint32_t same = 0;

        if (o->scope != scope || !o->key || o->type == OPTION_DROPPED || is_silent(o, base)) {
            continue;
        }
        same = common_groups(before, rest);
        for (uint32_t j = first ? 0 : groups_of(before); j > same; j--) {
            buf_putc(d->out, '}');
        }
        buf_puts(d->out, first ? "" : ", ");
        for (uint32_t j = 0; str_find(rest, '.') < rest.n; j++) {
            ignore_result(str_split(&rest, '.', &part));
            if (j >= same) {
                buf_printf(d->out, STR_FMT ": {", STR_ARG(part));
            }
        }
        buf_printf(d->out, STR_FMT ": ", STR_ARG(rest));
        put_value(d, o, base);
        before = str_from(o->key);
        first = false;
    }
    for (uint32_t j = groups_of(before); j > 0; j--) {
        buf_putc(d->out, '}');
    }
    buf_putc(d->out, '}');
}

static void put_handoffs(const struct dump *d)
{
    const struct config_agent *a = d->agent;

    buf_putc(d->out, '[');
    for (uint32_t i = 0; i < a->handoff_count; i++) {
        const struct config_handoff *h = &a->handoffs[i];

        buf_puts(d->out, i ? ", {agent: " : "{agent: ");
        put_text(d->out, h->agent_name);
        buf_puts(d->out, ", description: ");
        put_text(d->out, h->description);
        buf_puts(d->out, ", enabled: ");
        when_put(h->enabled, d->out);
        buf_putc(d->out, '}');
    }
    buf_putc(d->out, ']');
}

/* What was not given must not come back as given. */
static bool is_absent(const struct dump *d, const struct option *o, const void *base)
{
    const struct config_provider *p = base;
    const struct config_route *r = base;

    if (o->scope == OPTION_PROVIDER) {
        return (o->offset == offsetof(struct config_provider, tools) && !p->narrowed) ||
               (o->kinds && !config_is_live(p));
    }
    if (o->scope == OPTION_ROUTE) {
        return (o->offset == offsetof(struct config_route, tools) && !r->narrowed) ||
               (o->offset == offsetof(struct config_route, greeting) && !r->greeting_given);
    }
    return o->scope == OPTION_ROOT && o->key && !turns_say(d->agent, o->key);
}

static const void *field_of(const struct dump *d, const struct option *o, const void *base)
{
    return option_is_agent(o) ? (const char *)d->agent + (o->offset - offsetof(struct config, agent))
                              : (const char *)base + o->offset;
}

static void put_value(const struct dump *d, const struct option *o, const void *base)
{
    const void *field = field_of(d, o, base);
    const struct config *cfg = d->cfg;
    struct buf *out = d->out;

    if (is_absent(d, o, base)) {
        buf_puts(out, "null");
        return;
    }
    switch (o->type) {
    case OPTION_STR:
    case OPTION_FILE:
    case OPTION_URL:
    case OPTION_HOSTNAME:
    case OPTION_VOICE:
    case OPTION_CHOICE:
        put_text(out, *(const struct str *)field);
        return;
    case OPTION_SECRET:
        put_text(out, ((const struct str *)field)->n ? STR("***") : STR(""));
        return;
    case OPTION_LISTEN:
        buf_printf(out, strchr(cfg->server.host.p, ':') ? "\"[%s]:%u\"" : "\"%s:%u\"", cfg->server.host.p,
                   cfg->server.port);
        return;
    case OPTION_BOOL:
        buf_puts(out, *(const bool *)field ? "true" : "false");
        return;
    case OPTION_ENUM:
        put_word(out, o->words, *(const int *)field);
        return;
    case OPTION_AUDIO:
        buf_puts(out, ((const struct config_audio *)field)->given
                          ? audio_format_wire(((const struct config_audio *)field)->format)
                          : "null");
        return;
    case OPTION_MODALITIES:
        buf_puts(out, *(const enum config_modality *)field == CONFIG_AUDIO ? "[audio]" : "[text]");
        return;
    case OPTION_TRACING:
    case OPTION_TRUNCATION:
    case OPTION_PROMPT:
        if (((const struct str *)field)->n == 0) {
            buf_puts(out, "null");
            return;
        }
        if (!str_starts(*(const struct str *)field, STR("{"))) {
            put_text(out, *(const struct str *)field);
            return;
        }
        buf_put_str(out, *(const struct str *)field);
        return;
    case OPTION_SCHEMA:
        buf_put_str(out, *(const struct str *)field);
        return;
    case OPTION_LIST:
    case OPTION_TOOLS:
        put_list(out, field, false);
        return;
    case OPTION_HANDOFFS:
        put_handoffs(d);
        return;
    case OPTION_WHEN:
        when_put(*(const struct when *const *)field, out);
        return;
    case OPTION_TEXTS:
    case OPTION_SECRETS:
        put_list(out, field, o->type == OPTION_SECRETS);
        return;
    case OPTION_MAP:
    case OPTION_SECRET_MAP:
        put_map(out, field, o->type == OPTION_SECRET_MAP);
        return;
    case OPTION_BLOCKS:
        put_blocks(out, cfg);
        return;
    case OPTION_U16:
    case OPTION_U32:
    case OPTION_I32:
    case OPTION_MS:
    case OPTION_SECONDS:
    case OPTION_F64:
    case OPTION_PPM:
    case OPTION_MONEY:
        put_number(out, o, field);
        return;
    case OPTION_DROPPED:
        return;
    }
}

static void indent(struct buf *out, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        buf_puts(out, "  ");
    }
}

/* Opens the groups of key that the key before it was not in; returns the depth of its last word. */
static uint32_t put_groups(struct buf *out, struct str before, struct str key, uint32_t depth, struct str *ret_word)
{
    struct str rest = key;
    struct str old = before;
    struct str part, old_part;
    bool same = true;

    while (str_find(rest, '.') < rest.n) {
        str_split(&rest, '.', &part);
        same = same && str_split(&old, '.', &old_part) && str_eq(part, old_part) && old.n;
        if (!same) {
            indent(out, depth);
            buf_printf(out, STR_FMT ":\n", STR_ARG(part));
        }
        depth++;
    }
    *ret_word = rest;
    return depth;
}

/* Only agent: or all but it; strip takes "agent." away. */
static bool is_wanted(const struct dump *d, const struct option *o, enum option_scope scope, bool agent)
{
    bool named = str_is(str_from(o->key), "agent.name") && d->several;

    return o->scope == scope && o->key && o->type != OPTION_DROPPED && option_is_agent(o) == agent && !named;
}

static void put_scope(const struct dump *d, enum option_scope scope, const void *base, uint32_t depth, bool agent)
{
    struct str before = STR("");

    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        struct str word, key = str_from(o->key);

        if (!is_wanted(d, o, scope, agent)) {
            continue;
        }
        if (agent) {
            key = (struct str){key.p + strlen("agent."), key.n - strlen("agent.")};
        }
        indent(d->out, put_groups(d->out, before, key, depth, &word));
        buf_printf(d->out, STR_FMT ": ", STR_ARG(word));
        put_value(d, o, base);
        buf_putc(d->out, '\n');
        before = key;
    }
}

static void put_agents(const struct dump *d)
{
    for (uint32_t i = 0; i < d->cfg->agent_count; i++) {
        struct dump one = *d;

        one.agent = &d->cfg->agents[i];
        buf_puts(d->out, !d->several ? "agent:\n" : i == 0 ? "agents:\n" : "");
        if (d->several) {
            buf_puts(d->out, "  ");
            put_text(d->out, one.agent->name);
            buf_puts(d->out, ":\n");
        }
        put_scope(&one, OPTION_ROOT, d->cfg, d->several ? 2 : 1, true);
    }
}

static void put_entries(const struct dump *d)
{
    const struct config *cfg = d->cfg;

    buf_puts(d->out, cfg->tool_count ? "tools:\n" : "");
    for (uint32_t i = 0; i < cfg->tool_count; i++) {
        buf_puts(d->out, "  - ");
        put_flow(d, OPTION_TOOL, &cfg->tools[i]);
        buf_putc(d->out, '\n');
    }
    buf_puts(d->out, cfg->guardrail_count ? "guardrails:\n" : "");
    for (uint32_t i = 0; i < cfg->guardrail_count; i++) {
        buf_puts(d->out, "  ");
        put_text(d->out, cfg->guardrails[i].name);
        buf_puts(d->out, ": ");
        put_flow(d, OPTION_GUARD, &cfg->guardrails[i]);
        buf_putc(d->out, '\n');
    }
    buf_puts(d->out, cfg->route_count ? "routes:\n" : "");
    for (uint32_t i = 0; i < cfg->route_count; i++) {
        buf_puts(d->out, "  - ");
        put_flow(d, OPTION_ROUTE, &cfg->routes[i]);
        buf_putc(d->out, '\n');
    }
}

void config_dump_masked(const struct config *cfg, struct buf *out)
{
    struct dump d = {.out = out, .cfg = cfg, .agent = &cfg->agent};

    d.several = cfg->agent_count > 1;
    put_scope(&d, OPTION_ROOT, cfg, 0, false);
    put_agents(&d);
    put_entries(&d);
    buf_puts(out, "providers:\n");
    for (uint32_t i = 0; i < cfg->provider_count; i++) {
        buf_printf(out, "  %s:\n", cfg->providers[i].name.p);
        put_scope(&d, OPTION_PROVIDER, &cfg->providers[i], 2, false);
    }
    buf_puts(out, cfg->mcp_count ? "mcp:\n" : "");
    for (uint32_t i = 0; i < cfg->mcp_count; i++) {
        buf_printf(out, "  %s:\n", cfg->mcp[i].name.p);
        put_scope(&d, OPTION_MCP, &cfg->mcp[i], 2, false);
    }
    buf_puts(out, cfg->price_count ? "prices:\n" : "");
    for (uint32_t i = 0; i < cfg->price_count; i++) {
        buf_printf(out, "  %s:\n", cfg->prices[i].model.p);
        put_scope(&d, OPTION_PRICE, &cfg->prices[i], 2, false);
    }
}
