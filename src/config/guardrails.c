/* guardrails: what they need, and who may name them. Whether an expression is one is found out where it is used. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json_doc.h"
#include "base/loopback.h"
#include "config/draft.h"

static const struct origin *origin_of(const struct draft_guardrail *g, const char *key)
{
    const struct origin *at = &g->origins[option_find(OPTION_GUARD, str_from(key)) - option_table];

    return at->kind == ORIGIN_DEFAULT ? &g->at : at;
}

static bool given(const struct draft_guardrail *g, const char *key)
{
    return g->origins[option_find(OPTION_GUARD, str_from(key)) - option_table].kind != ORIGIN_DEFAULT;
}

static bool name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 48;
}

static void walk_guardrail(struct draft *d, const struct yaml_node *n)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->key_line, .col = n->key_col};
    struct draft_guardrail *g;
    char prefix[80];

    if (!name_ok(n->key)) {
        draft_fail(d, &at, "a guardrail's name is 1 to 48 letters, digits, - and _, not \"%.60s\"", n->key.p);
        return;
    }
    if (n->kind != YAML_MAP) {
        draft_fail(d, &at, "guardrails.%s must be a map of keys (kind:, ...)", n->key.p);
        return;
    }
    if (d->guardrail_count == CALL_MAX_GUARDS) {
        draft_fail(d, &at, "more than %u guardrails", CALL_MAX_GUARDS);
        return;
    }
    g = &d->guardrails[d->guardrail_count++];
    *g = (struct draft_guardrail){.at = at};
    draft_defaults(d, OPTION_GUARD, &g->v);
    g->v.name = arena_str(d->arena, n->key);
    d->out_of_memory = d->out_of_memory || !g->v.name.p;
    snprintf(prefix, sizeof(prefix), "guardrails.%s.", n->key.p); /* for messages */
    walk_struct(d, OPTION_GUARD, n, &g->v, g->origins, prefix);
}

void walk_guardrails(struct draft *d, const struct yaml_node *n)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};

    if (n->kind != YAML_MAP && !yaml_is_null(n)) {
        draft_fail(d, &at, "guardrails must be a map of guardrails by name");
        return;
    }
    d->guardrails = arena_alloc(d->arena, sizeof(*d->guardrails) * CALL_MAX_GUARDS);
    if (!d->guardrails) {
        d->out_of_memory = true;
        return;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        walk_guardrail(d, c);
    }
}

/* ------------------------------------------------------------------------------------------------ each kind */

static uint32_t mask_of(const struct config_list *list, const struct option_word *words)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < list->n; i++) {
        for (const struct option_word *w = words; w->word; w++) {
            mask |= str_is(list->v[i], w->word) ? UINT32_C(1) << w->value : 0;
        }
    }
    return mask;
}

static void need(struct draft *d, const struct draft_guardrail *g, const char *key, bool there)
{
    if (!there) {
        draft_fail(d, &g->at, "guardrails.%s.%s is missing", g->v.name.p, key);
    }
}

/* A key that belongs to another kind is a slip. */
static void check_strangers(struct draft *d, const struct draft_guardrail *g)
{
    static const struct {
        const char *key;
        uint32_t kinds;
    } keys[] = {
        {"pattern", 1u << GUARD_REGEX},
        {"case_sensitive", 1u << GUARD_REGEX | 1u << GUARD_WORDS},
        {"words", 1u << GUARD_WORDS},
        {"shapes", 1u << GUARD_SHAPES},
        {"min_chars", 1u << GUARD_LENGTH},
        {"max_chars", 1u << GUARD_LENGTH},
        {"argument", 1u << GUARD_RANGE},
        {"min", 1u << GUARD_RANGE},
        {"max", 1u << GUARD_RANGE},
        {"url", 1u << GUARD_HTTP | 1u << GUARD_MODEL},
        {"headers", 1u << GUARD_HTTP | 1u << GUARD_MODEL},
        {"api_key", 1u << GUARD_MODEL},
        {"model", 1u << GUARD_MODEL},
        {"instructions", 1u << GUARD_MODEL},
        {"schema", 1u << GUARD_MODEL},
        {"sign_secret", 1u << GUARD_HTTP},
        {"ca_file", 1u << GUARD_HTTP | 1u << GUARD_MODEL},
        {"timeout_ms", 1u << GUARD_HTTP | 1u << GUARD_MODEL},
        {"max_response_bytes", 1u << GUARD_HTTP | 1u << GUARD_MODEL},
        {"hold", 1u << GUARD_HTTP | 1u << GUARD_MODEL},
    };

    for (uint32_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (given(g, keys[i].key) && !(keys[i].kinds & 1u << g->v.def.kind)) {
            draft_fail(d, origin_of(g, keys[i].key), "guardrails.%s.%s has no meaning for kind %s", g->v.name.p,
                       keys[i].key, option_find(OPTION_GUARD, STR("kind"))->words[g->v.def.kind].word);
        }
    }
    if (!(g->v.sides & 1u << GUARD_TOOL) && (given(g, "tools") || given(g, "refusal") || given(g, "raise"))) {
        draft_fail(d, &g->at, "guardrails.%s: tools, refusal and raise need on: tool", g->v.name.p);
    }
}

static void check_schema(struct draft *d, const struct draft_guardrail *g)
{
    const struct json_doc *doc = NULL;
    const struct json_doc *type = NULL;

    if (g->v.schema.n == 0) {
        return;
    }
    if (json_doc_parse(g->v.schema, &doc) < 0) {
        d->out_of_memory = true; /* it was written by us */
        return;
    }
    type = json_doc_find(doc, STR("properties.tripped.type"));
    if (!type || !str_is(type->text, "boolean")) {
        draft_fail(d, origin_of(g, "schema"), "guardrails.%s.schema must have a property tripped of type boolean",
                   g->v.name.p);
    }
    json_doc_free(doc);
}

static void check_edge(struct draft *d, const struct draft_guardrail *g)
{
    const struct config_guardrail *v = &g->v;

    if (v->url.n && !str_starts(v->url, STR("https://")) && !str_starts(v->url, STR("http://"))) {
        draft_fail(d, origin_of(g, "url"), "guardrails.%s.url must begin with https:// or http://", v->name.p);
    } else if (str_starts(v->url, STR("http://")) && !loopback_url(v->url)) {
        draft_warn(d, "guardrails.%s.url is not encrypted: what is said travels in the clear", v->name.p);
    }
    if (v->sides & 1u << GUARD_TOOL) {
        draft_fail(d, origin_of(g, "on"), "guardrails.%s: kind %s cannot look at tools", v->name.p,
                   option_find(OPTION_GUARD, STR("kind"))->words[v->def.kind].word);
    }
    if (v->ca_file.n && access(v->ca_file.p, R_OK) < 0) {
        draft_fail(d, origin_of(g, "ca_file"), "guardrails.%s.ca_file: %.200s: %s", v->name.p, v->ca_file.p,
                   err_text(-errno));
    }
}

static void check_kind(struct draft *d, const struct draft_guardrail *g)
{
    const struct config_guardrail *v = &g->v;

    switch (v->def.kind) {
    case GUARD_REGEX:
        need(d, g, "pattern", v->def.pattern.n > 0);
        break;
    case GUARD_WORDS:
        need(d, g, "words", v->words.n > 0);
        break;
    case GUARD_SHAPES:
        need(d, g, "shapes", v->shapes.n > 0);
        break;
    case GUARD_LENGTH:
        need(d, g, "min_chars or max_chars", v->def.min_chars || v->def.max_chars);
        if (v->def.max_chars && v->def.min_chars > v->def.max_chars) {
            draft_fail(d, origin_of(g, "min_chars"), "guardrails.%s.min_chars is more than max_chars", v->name.p);
        }
        break;
    case GUARD_RANGE:
        need(d, g, "argument", v->def.argument.n > 0);
        if (v->def.min > v->def.max) {
            draft_fail(d, origin_of(g, "min"), "guardrails.%s.min is more than max", v->name.p);
        }
        if (v->sides != 1u << GUARD_TOOL) {
            draft_fail(d, &g->at, "guardrails.%s: a range needs on: tool, and nothing else", v->name.p);
        }
        break;
    case GUARD_HTTP:
        need(d, g, "url", v->url.n > 0);
        check_edge(d, g);
        break;
    case GUARD_MODEL:
        need(d, g, "instructions", v->instructions.n > 0);
        check_schema(d, g);
        check_edge(d, g);
        break;
    case GUARD_CODE:
    case GUARD_KIND_N:
        break;
    }
}

static void finish_guardrail(struct draft *d, struct draft_guardrail *g)
{
    struct config_guardrail *v = &g->v;

    v->sides = mask_of(&v->on, option_find(OPTION_GUARD, STR("on"))->words);
    v->def.words = v->words.v;
    v->def.n_words = v->words.n;
    v->def.shapes = mask_of(&v->shapes, option_find(OPTION_GUARD, STR("shapes"))->words);
    need(d, g, "kind", given(g, "kind"));
    need(d, g, "on", v->sides != 0);
    check_strangers(d, g);
    check_kind(d, g);
    for (uint32_t i = 0; i < v->tools.n; i++) {
        if (config_find_tool(d->cfg, v->tools.v[i]) == CONFIG_NONE) {
            draft_fail(d, origin_of(g, "tools"), "guardrails.%s.tools: there is no tool %.60s", v->name.p,
                       v->tools.v[i].p);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ all of them */

static void check_names(struct draft *d, const struct config_agent *a)
{
    for (uint32_t i = 0; i < a->guardrails.n; i++) {
        if (config_find_guardrail(d->cfg, a->guardrails.v[i]) == CONFIG_NONE) {
            draft_fail(d, draft_origin(d, "agent.guardrails"),
                       "the agent %.48s names a guardrail %.60s, and there is none", a->name.p, a->guardrails.v[i].p);
        }
    }
}

static bool is_used(const struct config *c, const struct config_guardrail *g)
{
    for (uint32_t i = 0; i < c->agent_count; i++) {
        for (uint32_t k = 0; k < c->agents[i].guardrails.n; k++) {
            if (str_eq(c->agents[i].guardrails.v[k], g->name)) {
                return true;
            }
        }
    }
    return g->for_all;
}

void finish_guardrails(struct draft *d)
{
    struct config *c = d->cfg;
    struct config_guardrail *all = arena_alloc(d->arena, sizeof(*all) * MAX(d->guardrail_count, 1u));

    if (!all) {
        d->out_of_memory = true;
        return;
    }
    c->guardrails = all;
    c->guarding.mask_shapes =
        mask_of(&c->guarding.mask, option_find(OPTION_ROOT, STR("guardrail_settings.mask"))->words);
    for (uint32_t i = 0; i < d->guardrail_count; i++) {
        finish_guardrail(d, &d->guardrails[i]);
        all[c->guardrail_count++] = d->guardrails[i].v;
    }
    for (uint32_t i = 0; i < c->agent_count; i++) {
        check_names(d, &c->agents[i]);
    }
    for (uint32_t i = 0; i < c->guardrail_count; i++) {
        if (!is_used(c, &all[i])) {
            draft_warn(d, "guardrails.%s watches nobody: name it in an agent's guardrails, or set for_all",
                       all[i].name.p);
        }
    }
}
