/* The YAML tree into the draft: finds each key's option, refuses what is unknown, goes on after a problem. */
#include <stdio.h>

#include "base/err.h"
#include "config/draft.h"
#include "config/elsewhere.h"

#define MAX_PATH 200

struct walk {
    struct draft *d;
    enum option_scope scope;
    void *base;
    struct origin *origins;
    char prefix[80]; /* "providers.main." for messages */
};

static struct origin value_origin(const struct yaml_node *n)
{
    return (struct origin){.kind = ORIGIN_FILE, .line = n->line, .col = n->col};
}

static struct origin key_origin(const struct yaml_node *n)
{
    return (struct origin){.kind = ORIGIN_FILE, .line = n->key_line, .col = n->key_col};
}

static void unknown_key(struct walk *w, struct str group, const struct yaml_node *n)
{
    struct origin at = key_origin(n);
    char near[64];
    char path[MAX_PATH];
    int len = snprintf(path, sizeof(path), STR_FMT "%s" STR_FMT, STR_ARG(group), group.n ? "." : "", STR_ARG(n->key));
    const char *hint = len > 0 && (size_t)len < sizeof(path) ? elsewhere_hint(w->scope, str_from(path)) : NULL;

    if (hint) {
        draft_fail(w->d, &at, "unknown key \"%.60s\"; %s", n->key.p, hint);
    } else if (option_nearest(w->scope, group, n->key, near, sizeof(near))) {
        draft_fail(w->d, &at, "unknown key \"%.60s\"; did you mean \"%s\"?", n->key.p, near);
    } else if (group.n || w->prefix[0]) {
        draft_fail(w->d, &at, "unknown key \"%.60s\" in %s" STR_FMT, n->key.p, w->prefix, STR_ARG(group));
    } else {
        draft_fail(w->d, &at, "unknown key \"%.60s\"", n->key.p);
    }
}

static void report_dropped(struct walk *w, const struct option *o, const struct yaml_node *n)
{
    draft_warn(w->d, STR_FMT ":%u:%u: %s%s has no effect: %s", STR_ARG(w->d->name), n->key_line, n->key_col, w->prefix,
               o->key, o->meaning);
}

static void set_option(struct walk *w, const struct option *o, const struct yaml_node *n)
{
    struct origin at = value_origin(n);
    struct buf why;
    int err;

    if (w->origins[o - option_table].kind == ORIGIN_FILE && !w->origins[o - option_table].inherited) {
        draft_fail(w->d, &at, "%s%s is given twice, under two spellings", w->prefix, o->key);
        return;
    }
    buf_init(&why, 4096);
    w->d->prefix = w->prefix;
    if (yaml_is_null(n)) {
        err = o->null_text ? value_set_text(w->d, o, w->base, str_from(o->null_text), true, &why) : 0;
        err = err >= 0 && o->null_text ? 1 : err;
    } else {
        err = value_set_node(w->d, o, w->base, n, &why);
    }
    if (err == -ENOMEM) {
        w->d->out_of_memory = true;
    } else if (err < 0) {
        draft_fail(w->d, &at, "%s%s %s", w->prefix, o->key, why.len ? buf_cstr(&why) : err_text(err));
    } else if (err > 0) {
        w->origins[o - option_table] = at;
    }
    if (err > 0 && o->type == OPTION_DROPPED) {
        report_dropped(w, o, n);
    }
    w->d->prefix = "";
    buf_done(&why);
}

static const struct option_shorthand *shorthand_find(enum option_scope scope, struct str path)
{
    for (uint32_t i = 0; i < option_shorthand_count; i++) {
        if (option_shorthands[i].scope == scope && str_is(path, option_shorthands[i].group)) {
            return &option_shorthands[i];
        }
    }
    return NULL;
}

/* A group written as one word, or null. */
static bool take_shorthand(struct walk *w, struct str path, const struct yaml_node *n)
{
    const struct option_shorthand *s = n->kind == YAML_SCALAR ? shorthand_find(w->scope, path) : NULL;
    const struct option *o;

    if (!s) {
        return false;
    }
    o = option_find(w->scope, str_from(yaml_is_null(n) ? s->null_key : s->word_key));
    set_option(w, o, n);
    return true;
}

static void walk_map(struct walk *w, struct str group, const struct yaml_node *map);

static void walk_member(struct walk *w, struct str group, const struct yaml_node *n)
{
    char path[MAX_PATH];
    char known[MAX_PATH];
    struct origin at = value_origin(n);
    const struct option *o;
    int len = snprintf(path, sizeof(path), STR_FMT "%s" STR_FMT, STR_ARG(group), group.n ? "." : "", STR_ARG(n->key));

    if (len < 0 || (size_t)len >= sizeof(path) || memchr(n->key.p, '.', n->key.n)) {
        unknown_key(w, group, n);
        return;
    }
    if (w->scope != OPTION_ROOT) {
        ignore_result(str_copy(known, sizeof(known), str_from(path))); /* of the same size */
    } else if (option_canonical(str_from(path), known, sizeof(known)) < 0) {
        unknown_key(w, group, n);
        return;
    }
    o = option_find(w->scope, str_from(known));
    if (o && (n->kind != YAML_MAP || value_takes_map(o->type) || !option_is_group(w->scope, str_from(known)))) {
        set_option(w, o, n);
    } else if (option_is_group(w->scope, str_from(known)) || option_is_group(w->scope, str_from(path))) {
        if (n->kind == YAML_MAP) {
            walk_map(w, str_from(path), n);
        } else if (!take_shorthand(w, str_from(known), n) && !yaml_is_null(n)) {
            draft_fail(w->d, &at, "%s%s must be a map of keys, not a %s", w->prefix, path,
                       n->kind == YAML_LIST ? "list" : "single text");
        }
    } else {
        unknown_key(w, group, n);
    }
}

static void walk_map(struct walk *w, struct str group, const struct yaml_node *map)
{
    for (const struct yaml_node *n = map->first; n; n = n->next) {
        walk_member(w, group, n);
    }
}

void walk_group(struct draft *d, const char *group, const struct yaml_node *map)
{
    struct walk w = {.d = d, .scope = OPTION_ROOT, .base = d->cfg, .origins = d->origins};

    walk_map(&w, str_from(group), map);
}

void walk_struct(struct draft *d, enum option_scope scope, const struct yaml_node *map, void *base,
                 struct origin *origins, const char *prefix)
{
    struct walk w = {.d = d, .scope = scope, .base = base, .origins = origins};

    snprintf(w.prefix, sizeof(w.prefix), "%s", prefix); /* for messages */
    walk_map(&w, STR_NULL, map);
}

static bool name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              c == '.')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 64;
}

static void walk_provider(struct draft *d, const struct yaml_node *n)
{
    struct origin at = key_origin(n);
    struct draft_provider *p;
    struct walk w = {.d = d, .scope = OPTION_PROVIDER};
    uint32_t problems = d->problems;

    if (!name_ok(n->key)) {
        draft_fail(d, &at, "a provider's name is made of letters, digits, - and _, not \"%.60s\"", n->key.p);
        return;
    }
    if (n->kind != YAML_MAP && !yaml_is_null(n)) {
        draft_fail(d, &at, "providers.%s must be a map of keys", n->key.p);
        return;
    }
    p = draft_provider_add(d, n->key, &at);
    if (!p) {
        return;
    }
    w.base = &p->v;
    w.origins = p->origins;
    snprintf(w.prefix, sizeof(w.prefix), "providers.%s.", n->key.p);
    walk_map(&w, STR_NULL, n);
    p->broken = d->problems > problems;
}

static void walk_price(struct draft *d, const struct yaml_node *n)
{
    struct origin at = key_origin(n);
    struct origin origins[DRAFT_MAX_OPTIONS] = {{ORIGIN_DEFAULT, 0, 0, NULL}};
    struct walk w = {.d = d, .scope = OPTION_PRICE, .origins = origins};
    struct config_price *price;

    if (!name_ok(n->key) || n->kind != YAML_MAP) {
        draft_fail(d, &at, "prices.%.60s must be the name of a model with a map of prices", n->key.p);
        return;
    }
    if (d->price_count == DRAFT_MAX_PRICES) {
        draft_fail(d, &at, "more than %u prices", DRAFT_MAX_PRICES);
        return;
    }
    price = &d->prices[d->price_count++];
    price->model = arena_str(d->arena, n->key);
    d->out_of_memory = d->out_of_memory || !price->model.p;
    w.base = price;
    snprintf(w.prefix, sizeof(w.prefix), "prices.%s.", n->key.p);
    walk_map(&w, STR_NULL, n);
}

static void walk_each(struct draft *d, const struct yaml_node *n,
                      void (*walk)(struct draft *, const struct yaml_node *), const char *of_what)
{
    struct origin at = value_origin(n);

    if (n->kind != YAML_MAP && !yaml_is_null(n)) {
        draft_fail(d, &at, "%s must be a map of %s", n->key.p, of_what);
        return;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        walk(d, c);
    }
}

static void walk_providers(struct draft *d, const struct yaml_node *n)
{
    walk_each(d, n, walk_provider, "providers");
}

static void walk_prices(struct draft *d, const struct yaml_node *n)
{
    walk_each(d, n, walk_price, "models");
}

/* Sections whose keys, or entries, are the user's own. The second pass comes when all else has been read. */
static const struct section {
    const char *key;
    void (*walk)(struct draft *d, const struct yaml_node *n);
    bool second;
} sections[] = {
    {"providers", walk_providers, false}, {"prices", walk_prices, false},
    {"tools", walk_tools, false},         {"mcp", walk_mcp, false},
    {"routes", walk_routes, false},       {"guardrails", walk_guardrails, false},
    {"agents", walk_agents, true}, /* they begin with what agent: says */
};

static const struct section *section_find(struct str key)
{
    for (uint32_t i = 0; i < ARRAY_LEN(sections); i++) {
        if (str_is(key, sections[i].key)) {
            return &sections[i];
        }
    }
    return NULL;
}

void walk_tree(struct draft *d, const struct yaml_node *root)
{
    struct walk w = {.d = d, .scope = OPTION_ROOT, .base = d->cfg, .origins = d->origins};
    struct origin at = value_origin(root);

    if (root->kind != YAML_MAP) {
        draft_fail(d, &at, "a configuration is a map of keys (server:, providers:, agent:, ...)");
        return;
    }
    for (uint32_t second = 0; second < 2; second++) {
        for (const struct yaml_node *n = root->first; n; n = n->next) {
            const struct section *s = section_find(n->key);

            if (s && s->second == second) {
                s->walk(d, n);
            } else if (!s && !second) {
                walk_member(&w, STR_NULL, n);
            }
        }
    }
}
