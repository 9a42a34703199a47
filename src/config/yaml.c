#include "config/yaml.h"

#include <libfyaml.h>

#include "base/err.h"
#include "base/json.h"

struct anchor {
    struct str name;
    struct yaml_node *node;
    struct anchor *next;
};

struct reader {
    struct str name;
    struct arena *arena;
    struct buf *errors;
    struct yaml_node *root;
    struct yaml_node *open[YAML_MAX_DEPTH];
    struct yaml_node *pending; /* a key that waits for its value: an empty node of the map at the top */
    struct anchor *anchors;
    uint32_t depth;
    uint32_t nodes;
    uint32_t documents;
};

struct position {
    uint32_t line;
    uint32_t col;
};

static int fail(struct reader *r, struct position at, int err, const char *message)
{
    buf_printf(r->errors, STR_FMT ":%u:%u: %s\n", STR_ARG(r->name), at.line, at.col, message);
    return err;
}

static struct position position_of(struct fy_event *ev)
{
    const struct fy_mark *m = fy_event_start_mark(ev);

    if (!m) {
        return (struct position){1, 1};
    }
    return (struct position){(uint32_t)(m->line + 1), (uint32_t)(m->column + 1)};
}

static struct yaml_node *node_new(struct reader *r, enum yaml_kind kind, struct position at)
{
    struct yaml_node *n = ARENA_NEW(r->arena, struct yaml_node);

    if (n) {
        n->kind = kind;
        n->line = at.line;
        n->col = at.col;
    }
    return n;
}

static void append(struct yaml_node *parent, struct yaml_node *child)
{
    if (parent->last) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
    parent->n++;
}

static int anchor_add(struct reader *r, struct fy_token *token, struct yaml_node *node)
{
    size_t n = 0;
    const char *text = token ? fy_token_get_text(token, &n) : NULL;
    struct anchor *a;

    if (!text) {
        return 0;
    }
    a = ARENA_NEW(r->arena, struct anchor);
    if (!a) {
        return -ENOMEM;
    }
    a->name = arena_str(r->arena, (struct str){text, n});
    a->node = node;
    a->next = r->anchors;
    r->anchors = a;
    return a->name.p ? 0 : -ENOMEM;
}

/* A node that is being built must not be its own descendant. */
static bool is_open(const struct reader *r, const struct yaml_node *node)
{
    for (uint32_t i = 0; i < r->depth; i++) {
        if (r->open[i] == node) {
            return true;
        }
    }
    return false;
}

/* Gives a finished value to the container at the top. What it copies: the value's own fields, never its key. */
static int deliver(struct reader *r, struct yaml_node *value)
{
    struct yaml_node *top = r->depth ? r->open[r->depth - 1] : NULL;

    if (!top) {
        r->root = value;
    } else if (top->kind == YAML_LIST) {
        append(top, value);
    } else {
        value->key = r->pending->key;
        value->key_line = r->pending->key_line;
        value->key_col = r->pending->key_col;
        append(top, value);
        r->pending = NULL;
    }
    return 0;
}

static bool is_quoted(struct fy_token *token)
{
    enum fy_scalar_style style = fy_token_scalar_style(token);

    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static int take_key(struct reader *r, struct fy_event *ev, struct position at)
{
    struct yaml_node *top = r->open[r->depth - 1];
    struct yaml_node *n;
    size_t len = 0;
    const char *text;
    char message[160];

    if (ev->type != FYET_SCALAR) {
        return fail(r, at, -ERR_SYNTAX, "a key must be a plain word");
    }
    text = fy_token_get_text(ev->scalar.value, &len);
    n = node_new(r, YAML_SCALAR, at);
    if (!n || !text) {
        return -ENOMEM;
    }
    n->key = arena_str(r->arena, (struct str){text, len});
    n->key_line = at.line;
    n->key_col = at.col - (is_quoted(ev->scalar.value) && at.col > 1); /* the mark lies behind the quote */
    if (!n->key.p) {
        return -ENOMEM;
    }
    if (str_is(n->key, "<<")) {
        return fail(r, at, -ERR_SYNTAX, "merge keys (<<) are not supported; repeat the keys");
    }
    for (const struct yaml_node *c = top->first; c; c = c->next) {
        if (str_eq(c->key, n->key)) {
            snprintf(message, sizeof(message), "the key \"%.60s\" is there twice, first in line %u", n->key.p,
                     c->key_line);
            return fail(r, at, -ERR_SYNTAX, message);
        }
    }
    r->pending = n;
    return 0;
}

static int take_scalar(struct reader *r, struct fy_event *ev, struct position at)
{
    struct yaml_node *n = node_new(r, YAML_SCALAR, at);
    size_t len = 0;
    const char *text = fy_token_get_text(ev->scalar.value, &len);
    int err;

    if (!n) {
        return -ENOMEM;
    }
    n->text = arena_str(r->arena, text ? (struct str){text, len} : STR(""));
    if (!n->text.p) {
        return -ENOMEM;
    }
    n->plain = !ev->scalar.value || fy_token_scalar_style(ev->scalar.value) == FYSS_PLAIN;
    n->col -= ev->scalar.value && is_quoted(ev->scalar.value) && n->col > 1; /* as above */
    err = anchor_add(r, ev->scalar.anchor, n);
    return err < 0 ? err : deliver(r, n);
}

static int take_alias(struct reader *r, struct fy_event *ev, struct position at)
{
    size_t len = 0;
    const char *text = fy_token_get_text(ev->alias.anchor, &len);
    const struct anchor *a = r->anchors;
    struct yaml_node *copy;

    at.col -= at.col > 1; /* the mark lies behind the star */
    while (a && text && !str_eq(a->name, (struct str){text, len})) {
        a = a->next;
    }
    if (!a || !text) {
        return fail(r, at, -ERR_SYNTAX, "the alias names no anchor above it");
    }
    if (is_open(r, a->node)) {
        return fail(r, at, -ERR_SYNTAX, "the alias stands inside its own anchor");
    }
    /* The copy shares the members: a bomb of aliases stays as small as its text. */
    copy = node_new(r, a->node->kind, at);
    if (!copy) {
        return -ENOMEM;
    }
    copy->plain = a->node->plain;
    copy->text = a->node->text;
    copy->first = a->node->first;
    copy->last = a->node->last;
    copy->n = a->node->n;
    return deliver(r, copy);
}

static int take_start(struct reader *r, struct fy_event *ev, struct position at)
{
    bool map = ev->type == FYET_MAPPING_START;
    struct yaml_node *n = node_new(r, map ? YAML_MAP : YAML_LIST, at);
    int err;

    if (!n) {
        return -ENOMEM;
    }
    if (r->depth == YAML_MAX_DEPTH) {
        return fail(r, at, -ERR_LIMIT, "nested too deeply");
    }
    err = anchor_add(r, map ? ev->mapping_start.anchor : ev->sequence_start.anchor, n);
    if (err < 0) {
        return err;
    }
    err = deliver(r, n);
    r->open[r->depth++] = n;
    return err;
}

/* Within a map keys and values take turns. */
static bool wants_key(const struct reader *r, enum fy_event_type type)
{
    return r->depth && r->open[r->depth - 1]->kind == YAML_MAP && !r->pending && type != FYET_MAPPING_END;
}

static int take(struct reader *r, struct fy_event *ev)
{
    struct position at = position_of(ev);

    switch (ev->type) {
    case FYET_SCALAR:
    case FYET_ALIAS:
    case FYET_MAPPING_START:
    case FYET_SEQUENCE_START:
        if (++r->nodes > YAML_MAX_NODES) {
            return fail(r, at, -ERR_LIMIT, "too many values for a configuration");
        }
        if (wants_key(r, ev->type)) {
            return take_key(r, ev, at);
        }
        if (ev->type == FYET_SCALAR) {
            return take_scalar(r, ev, at);
        }
        return ev->type == FYET_ALIAS ? take_alias(r, ev, at) : take_start(r, ev, at);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        r->depth--;
        return 0;
    case FYET_DOCUMENT_START:
        if (++r->documents > 1) {
            return fail(r, at, -ERR_SYNTAX, "a second document begins; a configuration is one document");
        }
        return 0;
    default: /* stream and document ends */
        return 0;
    }
}

static void report(struct reader *r, struct fy_diag *diag)
{
    void *prev = NULL;
    struct fy_diag_error *e;

    while ((e = fy_diag_errors_iterate(diag, &prev))) {
        struct position at = {(uint32_t)(e->line > 0 ? e->line : 1), (uint32_t)(e->column > 0 ? e->column : 1)};

        ignore_result(fail(r, at, 0, e->msg ? e->msg : "not well-formed YAML")); /* one line for each */
    }
}

static void no_output(struct fy_diag *diag, void *user, const char *text, size_t len)
{
    /* The errors are collected; nothing goes to standard error by itself. */
}

/* libfyaml is told of nothing but UTF-8; the position of the first bad byte is ours to find. */
static int check_text(struct reader *r, struct str text)
{
    struct position at = {1, 1};

    for (size_t i = 0; i < text.n;) {
        size_t n = utf8_len((struct str){text.p + i, text.n - i});
        uint8_t c = (uint8_t)text.p[i];

        if (n == 0) {
            return fail(r, at, -ERR_SYNTAX, "not UTF-8");
        }
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
            return fail(r, at, -ERR_SYNTAX, "a control character");
        }
        at.col++;
        if (c == '\n') {
            at.line++;
            at.col = 1;
        }
        i += n;
    }
    return 0;
}

static int read_events(struct reader *r, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_event *ev;
    size_t errors_before = r->errors->len;
    int err = 0;

    while (err >= 0 && (ev = fy_parser_parse(parser))) {
        err = take(r, ev);
        fy_parser_event_free(parser, ev);
    }
    if (err >= 0 && fy_parser_get_stream_error(parser)) {
        report(r, diag);
        if (r->errors->len == errors_before) {
            ignore_result(fail(r, (struct position){1, 1}, 0, "not well-formed YAML")); /* says so without a place */
        }
        err = -ERR_SYNTAX;
    }
    return err;
}

int yaml_parse(struct str name, struct str text, struct arena *a, struct buf *errors, struct yaml_node **ret)
{
    struct reader r = {.name = name, .arena = a, .errors = errors};
    struct fy_diag_cfg diag_cfg;
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE};
    struct fy_diag *diag;
    struct fy_parser *parser;
    int err = check_text(&r, text);

    if (err < 0) {
        return err;
    }
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = no_output;
    diag_cfg.colorize = false;
    diag = fy_diag_create(&diag_cfg);
    if (!diag) {
        return -ENOMEM;
    }
    fy_diag_set_collect_errors(diag, true);
    cfg.diag = diag;
    parser = fy_parser_create(&cfg);
    if (!parser) {
        fy_diag_destroy(diag);
        return -ENOMEM;
    }
    err = fy_parser_set_string(parser, text.p ? text.p : "", text.n) ? -ENOMEM : read_events(&r, parser, diag);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    if (err >= 0 && (!r.root || yaml_is_null(r.root))) {
        r.root = node_new(&r, YAML_MAP, (struct position){1, 1});
        err = r.root ? 0 : -ENOMEM;
    }
    if (err >= 0) {
        *ret = r.root;
    }
    return err;
}

bool yaml_is_null(const struct yaml_node *n)
{
    return n->kind == YAML_SCALAR && n->plain &&
           (n->text.n == 0 || str_is(n->text, "~") || str_is(n->text, "null") || str_is(n->text, "Null") ||
            str_is(n->text, "NULL"));
}

struct yaml_node *yaml_over(struct yaml_node *base, struct yaml_node *over)
{
    if (base->kind != YAML_MAP || over->kind != YAML_MAP) {
        return over;
    }
    for (struct yaml_node *o = over->first, *next; o; o = next) {
        struct yaml_node **at = &base->first;
        next = o->next;
        while (*at && !str_eq((*at)->key, o->key)) {
            at = &(*at)->next;
        }
        if (!*at) {
            base->n++;
            o->next = NULL;
            *at = base->last = o;
            continue;
        }
        struct yaml_node *old = *at, *after = old->next, *won = yaml_over(old, o);
        won->next = after;
        *at = won;
        base->last = base->last == old ? won : base->last;
    }
    return base;
}
