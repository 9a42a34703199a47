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

static void put_value(struct buf *out, const struct option *o, const struct config *cfg, const void *base);

/* One entry of agent.tools, on one line. */
static void put_tool(struct buf *out, const struct config *cfg, const struct config_tool *tool)
{
    struct str group = STR("");
    bool first = true;

    buf_putc(out, '{');
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        struct str word = str_from(o->key);
        size_t dot = str_find(word, '.');

        if (o->scope != OPTION_TOOL) {
            continue;
        }
        buf_puts(out, first ? "" : ", ");
        first = false;
        if (dot < word.n && group.n == 0) {
            group = (struct str){word.p, dot};
            buf_printf(out, STR_FMT ": {", STR_ARG(group));
        }
        word = dot < word.n ? (struct str){word.p + dot + 1, word.n - dot - 1} : word;
        buf_printf(out, STR_FMT ": ", STR_ARG(word));
        put_value(out, o, cfg, tool);
    }
    buf_puts(out, "}}"); /* the group stands last */
}

static void put_tools(struct buf *out, const struct config *cfg)
{
    const struct config_agent *a = &cfg->agent;

    buf_putc(out, '[');
    for (uint32_t i = 0; i < a->tools.n; i++) {
        buf_puts(out, i ? ", " : "");
        put_text(out, a->tools.v[i]);
    }
    for (uint32_t i = 0; i < a->webhook_count; i++) {
        buf_puts(out, i || a->tools.n ? ", " : "");
        put_tool(out, cfg, &a->webhooks[i]);
    }
    buf_putc(out, ']');
}

static void put_value(struct buf *out, const struct option *o, const struct config *cfg, const void *base)
{
    const void *field = (const char *)base + o->offset;

    if (o->scope == OPTION_ROOT && o->key && !turns_say(&cfg->agent, o->key)) {
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
        if (((const struct str *)field)->p[0] != '{') {
            put_text(out, *(const struct str *)field);
            return;
        }
        buf_put_str(out, *(const struct str *)field);
        return;
    case OPTION_SCHEMA:
        buf_put_str(out, *(const struct str *)field);
        return;
    case OPTION_LIST:
        if (field == (const void *)&cfg->agent.tools) {
            put_tools(out, cfg);
            return;
        }
        put_list(out, field, false);
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

static void put_scope(struct buf *out, enum option_scope scope, const struct config *cfg, const void *base,
                      uint32_t depth)
{
    struct str before = STR("");

    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        struct str word;

        if (o->scope == scope && o->key && o->type != OPTION_DROPPED) {
            indent(out, put_groups(out, before, str_from(o->key), depth, &word));
            buf_printf(out, STR_FMT ": ", STR_ARG(word));
            put_value(out, o, cfg, base);
            buf_putc(out, '\n');
            before = str_from(o->key);
        }
    }
}

void config_dump_masked(const struct config *cfg, struct buf *out)
{
    put_scope(out, OPTION_ROOT, cfg, cfg, 0);
    buf_puts(out, "providers:\n");
    for (uint32_t i = 0; i < cfg->provider_count; i++) {
        buf_printf(out, "  %s:\n", cfg->providers[i].name.p);
        put_scope(out, OPTION_PROVIDER, cfg, &cfg->providers[i], 2);
    }
    buf_puts(out, cfg->price_count ? "prices:\n" : "");
    for (uint32_t i = 0; i < cfg->price_count; i++) {
        buf_printf(out, "  %s:\n", cfg->prices[i].model.p);
        put_scope(out, OPTION_PRICE, cfg, &cfg->prices[i], 2);
    }
}
