#include "base/json_schema.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define MAX_DEPTH         32
#define MAX_STEPS         4096
#define MAX_MEMBERS       256
#define MAX_PATTERN_BYTES 256
#define MAX_MATCHED_BYTES 4096
#define MAX_SHOWN         60
#define MAX_POINTER       512

/* A pattern, compiled once. */
struct pattern {
    const struct json_doc *where; /* the keyword's value */
    regex_t regex;
    struct pattern *next;
};

struct json_schema {
    const struct json_doc *root;
    struct pattern *patterns;
};

/* ---- words ---- */

static const struct {
    const char *name;
    const char *word;
} types[] = {{"string", "a text"},
             {"number", "a number"},
             {"integer", "a whole number"},
             {"boolean", "true or false"},
             {"object", "an object"},
             {"array", "a list"},
             {"null", "null"}};

static bool type_matches(struct str name, const struct json_doc *v)
{
    switch (v->type) {
    case JSON_STRING:
        return str_is(name, "string");
    case JSON_NUMBER:
        return str_is(name, "number") || (v->whole && str_is(name, "integer"));
    case JSON_TRUE:
    case JSON_FALSE:
        return str_is(name, "boolean");
    case JSON_OBJECT:
        return str_is(name, "object");
    case JSON_ARRAY:
        return str_is(name, "array");
    case JSON_NULL:
    case JSON_NONE:
        return str_is(name, "null");
    }
    return false;
}

static const char *type_word(struct str name)
{
    for (uint32_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_is(name, types[i].name)) {
            return types[i].word;
        }
    }
    return NULL;
}

static const char *word_of(const struct json_doc *v)
{
    for (uint32_t i = 0; i < ARRAY_LEN(types); i++) {
        if (type_matches(str_from(types[i].name), v)) {
            return v->type == JSON_TRUE ? "true" : v->type == JSON_FALSE ? "false" : types[i].word;
        }
    }
    return "something else";
}

/* ---- reading a schema ---- */

enum keyword_kind {
    KEYWORD_NONE, /* says something about the schema, not about the value */
    KEYWORD_TYPE,
    KEYWORD_SCHEMA,
    KEYWORD_SCHEMAS,      /* a map of names to schemas */
    KEYWORD_ALTERNATIVES, /* a list of schemas */
    KEYWORD_NAMES,        /* a list of texts */
    KEYWORD_VALUES,       /* a list of anything */
    KEYWORD_VALUE,
    KEYWORD_NUMBER,
    KEYWORD_POSITIVE,
    KEYWORD_COUNT,
    KEYWORD_PATTERN,
};

static const struct {
    const char *name;
    enum keyword_kind kind;
    const char *wanted;
} keywords[] = {
    {"type", KEYWORD_TYPE, "string, number, integer, boolean, object, array or null, or a list of these"},
    {"properties", KEYWORD_SCHEMAS, "a map of names to schemas"},
    {"required", KEYWORD_NAMES, "a list of names"},
    {"additionalProperties", KEYWORD_SCHEMA, "true, false or a schema"},
    {"items", KEYWORD_SCHEMA, "a schema"},
    {"not", KEYWORD_SCHEMA, "a schema"},
    {"anyOf", KEYWORD_ALTERNATIVES, "a list of schemas"},
    {"oneOf", KEYWORD_ALTERNATIVES, "a list of schemas"},
    {"allOf", KEYWORD_ALTERNATIVES, "a list of schemas"},
    {"enum", KEYWORD_VALUES, "a list of values"},
    {"const", KEYWORD_VALUE, NULL},
    {"minimum", KEYWORD_NUMBER, "a number"},
    {"maximum", KEYWORD_NUMBER, "a number"},
    {"exclusiveMinimum", KEYWORD_NUMBER, "a number"},
    {"exclusiveMaximum", KEYWORD_NUMBER, "a number"},
    {"multipleOf", KEYWORD_POSITIVE, "a number above 0"},
    {"minLength", KEYWORD_COUNT, "a whole number from 0"},
    {"maxLength", KEYWORD_COUNT, "a whole number from 0"},
    {"minItems", KEYWORD_COUNT, "a whole number from 0"},
    {"maxItems", KEYWORD_COUNT, "a whole number from 0"},
    {"minProperties", KEYWORD_COUNT, "a whole number from 0"},
    {"maxProperties", KEYWORD_COUNT, "a whole number from 0"},
    {"pattern", KEYWORD_PATTERN, "a text"},
    {"title", KEYWORD_NONE, NULL},
    {"description", KEYWORD_NONE, NULL},
    {"default", KEYWORD_NONE, NULL},
    {"examples", KEYWORD_NONE, NULL},
    {"deprecated", KEYWORD_NONE, NULL},
    {"$comment", KEYWORD_NONE, NULL},
    {"$schema", KEYWORD_NONE, NULL},
    {"$id", KEYWORD_NONE, NULL},
};

struct reader {
    struct json_schema *schema;
    json_schema_note_fn on_error, on_ignored;
    void *arg;
    char pointer[MAX_POINTER];
    size_t len;
};

/* Appends one step; a pointer that does not fit is cut, it is for people. Returns the length before. */
static size_t push(struct reader *r, struct str key)
{
    size_t before = r->len;
    for (size_t i = 0; i <= key.n && r->len + 2 < sizeof(r->pointer); i++) {
        char c = i == 0 ? '/' : key.p[i - 1];
        if (i > 0 && (c == '/' || c == '~')) {
            r->pointer[r->len++] = '~';
            c = c == '/' ? '1' : '0';
        }
        r->pointer[r->len++] = c;
    }
    return before;
}

static size_t push_index(struct reader *r, uint32_t i)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "%u", i);
    return push(r, (struct str){text, (size_t)n});
}

static int refuse(struct reader *r, const char *text)
{
    if (r->on_error) {
        r->on_error((struct str){r->pointer, r->len}, str_from(text), r->arg);
    }
    return -ERR_CONFIG;
}

static bool all_of_type(const struct json_doc *list, enum json_type type)
{
    for (const struct json_doc *e = list->first; e; e = e->next) {
        if (e->type != type) {
            return false;
        }
    }
    return list->type == JSON_ARRAY;
}

static bool type_ok(const struct json_doc *v)
{
    if (v->type == JSON_STRING) {
        return type_word(v->text);
    }
    for (const struct json_doc *e = v->first; e; e = e->next) {
        if (e->type != JSON_STRING || !type_word(e->text)) {
            return false;
        }
    }
    return v->type == JSON_ARRAY && v->count > 0;
}

static bool is_schema(const struct json_doc *v)
{
    return v->type == JSON_OBJECT || v->type == JSON_TRUE || v->type == JSON_FALSE;
}

static bool keyword_ok(enum keyword_kind kind, const struct json_doc *v)
{
    switch (kind) {
    case KEYWORD_TYPE:
        return type_ok(v);
    case KEYWORD_SCHEMA:
        return is_schema(v);
    case KEYWORD_SCHEMAS:
        return v->type == JSON_OBJECT;
    case KEYWORD_ALTERNATIVES:
        return v->type == JSON_ARRAY && v->count > 0;
    case KEYWORD_NAMES:
        return all_of_type(v, JSON_STRING);
    case KEYWORD_VALUES:
        return v->type == JSON_ARRAY && v->count > 0;
    case KEYWORD_NUMBER:
        return v->type == JSON_NUMBER;
    case KEYWORD_POSITIVE:
        return v->type == JSON_NUMBER && v->number > 0;
    case KEYWORD_COUNT:
        return v->type == JSON_NUMBER && v->whole && v->number >= 0;
    case KEYWORD_PATTERN:
        return v->type == JSON_STRING && !memchr(v->text.p, 0, v->text.n);
    case KEYWORD_VALUE:
    case KEYWORD_NONE:
        return true;
    }
    return false;
}

/* \1 makes matching take for ever, and no argument needs it. */
static bool has_back_reference(struct str s)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] == '\\') {
            i++;
            if (s.p[i] >= '1' && s.p[i] <= '9') {
                return true;
            }
        }
    }
    return false;
}

static int read_pattern(struct reader *r, const struct json_doc *v)
{
    char text[160];
    if (v->text.n > MAX_PATTERN_BYTES) {
        return refuse(r, "is longer than 256 bytes");
    }
    if (has_back_reference(v->text)) {
        return refuse(r, "must not refer back to a part of itself (\\1)");
    }
    struct pattern *p = calloc(1, sizeof(*p));
    if (!p) {
        return -ENOMEM;
    }
    int code = regcomp(&p->regex, v->text.p, REG_EXTENDED | REG_NOSUB); /* texts of a document end with a NUL */
    if (code != 0) {
        char reason[100];
        regerror(code, &p->regex, reason, sizeof(reason));
        free(p);
        ignore_result(snprintf(text, sizeof(text), "is no POSIX extended regular expression: %s", reason) < 0);
        return code == REG_ESPACE ? -ENOMEM : refuse(r, text);
    }
    p->where = v;
    p->next = r->schema->patterns;
    r->schema->patterns = p;
    return 0;
}

static int read_schema(struct reader *r, const struct json_doc *s, uint32_t depth);

/* Each of a map or list of schemas. */
static int read_all(struct reader *r, const struct json_doc *v, uint32_t depth)
{
    uint32_t i = 0;
    for (const struct json_doc *c = v->first; c; c = c->next, i++) {
        size_t before = v->type == JSON_OBJECT ? push(r, c->key) : push_index(r, i);
        int err = read_schema(r, c, depth);
        if (err < 0) {
            return err;
        }
        r->len = before;
    }
    return 0;
}

static int read_keyword(struct reader *r, const struct json_doc *v, uint32_t depth)
{
    char text[160];
    for (uint32_t i = 0; i < ARRAY_LEN(keywords); i++) {
        if (!str_is(v->key, keywords[i].name)) {
            continue;
        }
        enum keyword_kind kind = keywords[i].kind;
        if (!keyword_ok(kind, v)) {
            ignore_result(snprintf(text, sizeof(text), "must be %s", keywords[i].wanted) < 0); /* it fits */
            return refuse(r, text);
        }
        if (kind == KEYWORD_SCHEMA) {
            return read_schema(r, v, depth + 1);
        }
        if (kind == KEYWORD_SCHEMAS || kind == KEYWORD_ALTERNATIVES) {
            return read_all(r, v, depth + 1);
        }
        return kind == KEYWORD_PATTERN ? read_pattern(r, v) : 0;
    }
    if (r->on_ignored) {
        r->on_ignored((struct str){r->pointer, r->len}, STR("is not checked"), r->arg);
    }
    return 0;
}

static int read_schema(struct reader *r, const struct json_doc *s, uint32_t depth)
{
    if (!is_schema(s)) {
        return refuse(r, "must be a schema: a map of keywords, true or false");
    }
    if (depth > MAX_DEPTH) {
        return refuse(r, "is nested too deeply");
    }
    for (const struct json_doc *k = s->type == JSON_OBJECT ? s->first : NULL; k; k = k->next) {
        size_t before = push(r, k->key);
        int err = read_keyword(r, k, depth);
        if (err < 0) {
            return err;
        }
        r->len = before;
    }
    return 0;
}

int json_schema_new(struct str text, json_schema_note_fn on_error, json_schema_note_fn on_ignored, void *arg,
                    struct json_schema **ret)
{
    if (text.n > JSON_SCHEMA_MAX_BYTES) {
        return -ERR_TOO_BIG;
    }
    struct json_schema *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    struct reader r = {.schema = s, .on_error = on_error, .on_ignored = on_ignored, .arg = arg};
    int err = json_doc_parse(text, &s->root);
    err = err < 0 ? err : read_schema(&r, s->root, 0);
    if (err < 0) {
        json_schema_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

struct json_schema *json_schema_free(struct json_schema *s)
{
    if (s) {
        while (s->patterns) {
            struct pattern *p = s->patterns;
            s->patterns = p->next;
            regfree(&p->regex);
            free(p);
        }
        json_doc_free(s->root);
        free(s);
    }
    return NULL;
}

/* ---- checking a value ---- */

/* Where we are in the value, from the inside out; lives on the stack. */
struct spot {
    const struct spot *outer;
    struct str key; /* p NULL: an element */
    uint32_t index;
};

struct checker {
    const struct json_schema *schema;
    struct buf *why; /* NULL: only the answer counts */
    uint32_t steps;
};

static void put_shown(struct buf *out, struct str s)
{
    size_t n = 0;
    while (n < s.n && n < MAX_SHOWN) {
        size_t len = utf8_len((struct str){s.p + n, s.n - n});
        if (len == 0) {
            break;
        }
        if (len == 1 && (uint8_t)s.p[n] < ' ') {
            buf_putc(out, '?');
        } else {
            buf_put(out, s.p + n, len);
        }
        n += len;
    }
    buf_puts(out, n < s.n ? "..." : "");
}

static void put_spot(struct buf *out, const struct spot *at)
{
    if (!at) {
        return;
    }
    put_spot(out, at->outer);
    if (at->key.p) {
        buf_puts(out, out->len ? "." : "");
        put_shown(out, at->key);
    } else {
        buf_printf(out, "[%u]", at->index);
    }
}

/* The first sentence counts: everything before it was right. */
static int wrong(struct checker *c, const struct spot *at, const char *text)
{
    if (c->why && c->why->len == 0) {
        put_spot(c->why, at);
        buf_printf(c->why, "%s%s", at ? " " : "the value ", text);
    }
    return -ERR_TYPE;
}

static int wrong_number(struct checker *c, const struct spot *at, const char *text, const struct json_doc *limit)
{
    char line[160];
    ignore_result(snprintf(line, sizeof(line), "must %s %.*s", text, (int)MIN(limit->text.n, (size_t)40),
                           limit->text.p) < 0); /* it fits */
    return wrong(c, at, line);
}

static int wrong_type(struct checker *c, const struct spot *at, const struct json_doc *type, const struct json_doc *v)
{
    struct buf text;
    buf_init(&text, 512);
    buf_puts(&text, "must be ");
    if (type->type == JSON_STRING) {
        buf_puts(&text, type_word(type->text));
    }
    for (const struct json_doc *e = type->first; e; e = e->next) {
        buf_printf(&text, "%s%s", e == type->first ? "" : e->next ? ", " : " or ", type_word(e->text));
    }
    buf_printf(&text, ", not %s", word_of(v));
    const char *z = buf_cstr(&text);
    int err = wrong(c, at, z ? z : "has the wrong type");
    buf_done(&text);
    return err;
}

static int check(struct checker *c, const struct json_doc *s, const struct json_doc *v, const struct spot *at);

static int check_type(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    bool ok = k->type == JSON_STRING && type_matches(k->text, v);
    for (const struct json_doc *e = k->first; e && !ok; e = e->next) {
        ok = type_matches(e->text, v);
    }
    return ok ? 0 : wrong_type(c, at, k, v);
}

static int check_values(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    bool list = str_is(k->key, "enum");
    struct buf text;
    for (const struct json_doc *e = list ? k->first : k; e; e = list ? e->next : NULL) {
        if (json_doc_equal(e, v)) {
            return 0;
        }
    }
    buf_init(&text, 1024);
    buf_puts(&text, list ? "must be one of " : "must be ");
    for (const struct json_doc *e = list ? k->first : k; e && text.len < 600; e = list ? e->next : NULL) {
        buf_puts(&text, list && e != k->first ? ", " : "");
        if (e->type == JSON_STRING) {
            put_shown(&text, e->text);
        } else {
            struct buf json;
            buf_init(&json, 200);
            json_doc_write(e, &json);
            buf_put_str(&text, json.err < 0 ? STR("...") : buf_str(&json));
            buf_done(&json);
        }
    }
    const char *z = buf_cstr(&text);
    int err = wrong(c, at, z ? z : "is not one of the values that are allowed");
    buf_done(&text);
    return err;
}

/* Characters, not bytes. */
static size_t length_of(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        n += ((uint8_t)s.p[i] & 0xC0) != 0x80;
    }
    return n;
}

static int check_pattern(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    char line[MAX_PATTERN_BYTES + 60];
    const struct pattern *p = c->schema->patterns;
    while (p && p->where != k) {
        p = p->next;
    }
    if (v->text.n > MAX_MATCHED_BYTES) {
        return wrong(c, at, "is longer than 4096 bytes");
    }
    /* What a NUL hides would not be looked at. */
    if (p && !memchr(v->text.p, 0, v->text.n) && regexec(&p->regex, v->text.p, 0, NULL, 0) == 0) {
        return 0;
    }
    ignore_result(snprintf(line, sizeof(line), "must have the form %.*s", (int)k->text.n, k->text.p) < 0); /* it fits */
    return wrong(c, at, line);
}

static int check_number(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    double limit = k->number;
    if (str_is(k->key, "minimum") && v->number < limit) {
        return wrong_number(c, at, "be at least", k);
    }
    if (str_is(k->key, "maximum") && v->number > limit) {
        return wrong_number(c, at, "be at most", k);
    }
    if (str_is(k->key, "exclusiveMinimum") && v->number <= limit) {
        return wrong_number(c, at, "be more than", k);
    }
    if (str_is(k->key, "exclusiveMaximum") && v->number >= limit) {
        return wrong_number(c, at, "be less than", k);
    }
    if (str_is(k->key, "multipleOf")) {
        double n = v->number / limit;
        if (fabs(n - nearbyint(n)) > 1e-9 * MAX(1.0, fabs(n))) { /* 0.3 is a multiple of 0.1 */
            return wrong_number(c, at, "be a multiple of", k);
        }
    }
    return 0;
}

static int check_count(struct checker *c, const struct json_doc *k, size_t n, const char *unit, const struct spot *at)
{
    char line[160];
    bool min = str_starts(k->key, STR("min"));
    if (min ? (double)n >= k->number : (double)n <= k->number) {
        return 0;
    }
    ignore_result(snprintf(line, sizeof(line), "must have %s %.0f %s", min ? "at least" : "at most", k->number, unit) <
                  0); /* it fits */
    return wrong(c, at, line);
}

static int check_required(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    for (const struct json_doc *e = k->first; e; e = e->next) {
        if (!json_doc_get(v, e->text)) {
            struct spot inner = {at, e->text, 0};
            return wrong(c, &inner, "is missing");
        }
    }
    return 0;
}

/* properties and additionalProperties together; doubled names could be read in two ways by two readers. */
static int check_members(struct checker *c, const struct json_doc *s, const struct json_doc *v, const struct spot *at)
{
    const struct json_doc *known = json_doc_get(s, STR("properties"));
    const struct json_doc *other = json_doc_get(s, STR("additionalProperties"));
    if (v->count > MAX_MEMBERS) {
        return wrong(c, at, "has too many members");
    }
    for (const struct json_doc *m = v->first; m; m = m->next) {
        struct spot inner = {at, m->key, 0};
        const struct json_doc *schema = json_doc_get(known, m->key);
        int err = 0;
        if (json_doc_get(v, m->key) != m) {
            return wrong(c, &inner, "is there twice");
        }
        if (schema || (other && other->type == JSON_OBJECT)) {
            err = check(c, schema ? schema : other, m, &inner);
        } else if (other && other->type == JSON_FALSE) {
            err = wrong(c, &inner, "is not known; leave it out");
        }
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int check_items(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    uint32_t i = 0;
    for (const struct json_doc *e = v->first; e; e = e->next, i++) {
        struct spot inner = {at, STR_NULL, i};
        int err = check(c, k, e, &inner);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* anyOf, oneOf, not: what the branches say stays inside; allOf is checked by the caller's own words. */
static int check_branches(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    bool one = str_is(k->key, "oneOf"), inverse = str_is(k->key, "not");
    struct buf *why = c->why;
    uint32_t fits = 0;
    c->why = NULL;
    for (const struct json_doc *e = inverse ? k : k->first; e; e = inverse ? NULL : e->next) {
        fits += check(c, e, v, at) == 0;
    }
    c->why = why;
    if (c->steps > MAX_STEPS) { /* not for "not" to turn into a yes */
        return wrong(c, at, "is too much to be checked");
    }
    if (inverse) {
        return fits ? wrong(c, at, "is what it must not be") : 0;
    }
    if (fits == 0 && k->count == 1) {
        return check(c, k->first, v, at); /* once more, for its words */
    }
    if (fits == 0) {
        return wrong(c, at, "is none of the forms that are allowed");
    }
    return one && fits > 1 ? wrong(c, at, "fits more than one of the forms that exclude each other") : 0;
}

static int check_text(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    if (str_is(k->key, "minLength") || str_is(k->key, "maxLength")) {
        return check_count(c, k, length_of(v->text), "characters", at);
    }
    return str_is(k->key, "pattern") ? check_pattern(c, k, v, at) : 0;
}

static int check_object(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    if (str_is(k->key, "minProperties") || str_is(k->key, "maxProperties")) {
        return check_count(c, k, v->count, "members", at);
    }
    return str_is(k->key, "required") ? check_required(c, k, v, at) : 0;
}

static int check_array(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    if (str_is(k->key, "minItems") || str_is(k->key, "maxItems")) {
        return check_count(c, k, v->count, "elements", at);
    }
    return str_is(k->key, "items") ? check_items(c, k, v, at) : 0;
}

static int check_keyword(struct checker *c, const struct json_doc *k, const struct json_doc *v, const struct spot *at)
{
    if (str_is(k->key, "enum") || str_is(k->key, "const")) {
        return check_values(c, k, v, at);
    }
    if (str_is(k->key, "anyOf") || str_is(k->key, "oneOf") || str_is(k->key, "not")) {
        return check_branches(c, k, v, at);
    }
    if (str_is(k->key, "allOf")) {
        int err = 0;
        for (const struct json_doc *e = k->first; e && err == 0; e = e->next) {
            err = check(c, e, v, at);
        }
        return err;
    }
    switch (v->type) {
    case JSON_STRING:
        return check_text(c, k, v, at);
    case JSON_NUMBER:
        return check_number(c, k, v, at);
    case JSON_OBJECT:
        return check_object(c, k, v, at);
    case JSON_ARRAY:
        return check_array(c, k, v, at);
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
    case JSON_NONE:
        return 0;
    }
    return 0;
}

static int check(struct checker *c, const struct json_doc *s, const struct json_doc *v, const struct spot *at)
{
    if (++c->steps > MAX_STEPS) {
        return wrong(c, at, "is too much to be checked");
    }
    if (s->type != JSON_OBJECT) {
        return s->type == JSON_TRUE ? 0 : wrong(c, at, "must not be there");
    }
    /* The type first: whatever else is said follows from it. */
    const struct json_doc *type = json_doc_get(s, STR("type"));
    int err = type ? check_type(c, type, v, at) : 0;
    for (const struct json_doc *k = s->first; k && err == 0; k = k->next) {
        err = k != type ? check_keyword(c, k, v, at) : 0;
    }
    return err == 0 && v->type == JSON_OBJECT ? check_members(c, s, v, at) : err;
}

int json_schema_check(const struct json_schema *s, const struct json_doc *value, struct buf *why)
{
    struct checker c = {.schema = s, .why = why};
    buf_clear(why);
    int err = check(&c, s->root, value, NULL);
    return err < 0 && why->err == -ENOMEM ? -ENOMEM : err;
}
