#include "base/json_doc.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"

#define ARENA_MAX_BYTES ((size_t)32 << 20)
#define MAX_NAME        256

struct document {
    struct json_doc root;
    struct arena arena;
};

struct builder {
    struct arena *arena;
    struct buf scratch;
    uint32_t values;
};

static int keep_text(struct builder *b, struct str raw, bool escaped, struct str *ret)
{
    struct str text = raw;
    if (escaped) {
        buf_clear(&b->scratch);
        int err = json_unescape(raw, &b->scratch);
        if (err < 0 || b->scratch.err < 0) {
            return err < 0 ? err : b->scratch.err;
        }
        text = buf_str(&b->scratch);
    }
    if (!utf8_valid(text)) {
        return -ERR_UTF8;
    }
    struct str kept = arena_str(b->arena, text.n ? text : STR(""));
    if (!kept.p) {
        return -ENOMEM;
    }
    *ret = kept;
    return 0;
}

static int fill(struct builder *b, struct json_val v, struct json_doc *node);

static int add_child(struct builder *b, struct json_val v, struct json_doc *parent, struct json_doc **last,
                     struct json_doc **ret)
{
    struct json_doc *child = ARENA_NEW(b->arena, struct json_doc);
    if (!child) {
        return -ENOMEM;
    }
    if (*last) {
        (*last)->next = child;
    } else {
        parent->first = child;
    }
    *last = child;
    *ret = child;
    parent->count++;
    return fill(b, v, child);
}

static int fill_members(struct builder *b, struct json_val v, struct json_doc *node)
{
    struct json_doc *last = NULL, *child;
    struct json_val member;
    struct str key;
    struct json_it it = json_object(v);
    while (json_next(&it, &key, &member)) {
        int err = add_child(b, member, node, &last, &child);
        err = err < 0 ? err : keep_text(b, key, memchr(key.p, '\\', key.n) != NULL, &child->key);
        if (err < 0) {
            return err;
        }
    }
    return it.err;
}

static int fill_elements(struct builder *b, struct json_val v, struct json_doc *node)
{
    struct json_doc *last = NULL, *child;
    struct json_val elem;
    struct json_it it = json_array(v);
    while (json_elem(&it, &elem)) {
        int err = add_child(b, elem, node, &last, &child);
        if (err < 0) {
            return err;
        }
    }
    return it.err;
}

/* The scanner has bounded the nesting: the recursion is 64 deep at most. */
static int fill(struct builder *b, struct json_val v, struct json_doc *node)
{
    int err;
    if (++b->values > JSON_DOC_MAX_VALUES) {
        return -ERR_TOO_BIG;
    }
    node->type = v.type;
    node->text = STR("");
    node->key = STR("");
    switch (v.type) {
    case JSON_OBJECT:
        return fill_members(b, v, node);
    case JSON_ARRAY:
        return fill_elements(b, v, node);
    case JSON_STRING:
        return keep_text(b, v.s, v.escaped, &node->text);
    case JSON_NUMBER:
        err = json_to_f64(v, &node->number);
        if (err < 0 || !isfinite(node->number)) {
            return err < 0 ? err : -ERR_RANGE;
        }
        node->whole = trunc(node->number) == node->number;
        return keep_text(b, v.s, false, &node->text);
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
    case JSON_NONE:
        return 0;
    }
    return 0;
}

int json_doc_parse(struct str text, const struct json_doc **ret)
{
    struct json_val v;
    int err = text.n > 0 ? json_parse(text, &v) : -ERR_SYNTAX; /* nothing may be NULL */
    if (err < 0) {
        return err;
    }
    struct document *doc = calloc(1, sizeof(*doc));
    if (!doc) {
        return -ENOMEM;
    }
    arena_init(&doc->arena, ARENA_MAX_BYTES);
    struct builder b = {.arena = &doc->arena};
    buf_init(&b.scratch, text.n + 64);
    err = fill(&b, v, &doc->root);
    buf_done(&b.scratch);
    if (err < 0) {
        json_doc_free(&doc->root);
        return err;
    }
    *ret = &doc->root;
    return 0;
}

const struct json_doc *json_doc_free(const struct json_doc *root)
{
    if (root) {
        /* Const is for readers; whoever frees is the owner. */
        struct document *doc = CONTAINER_OF((uintptr_t)root, struct document, root);
        arena_done(&doc->arena);
        free(doc);
    }
    return NULL;
}

const struct json_doc *json_doc_get(const struct json_doc *v, struct str key)
{
    const struct json_doc *m = v && v->type == JSON_OBJECT ? v->first : NULL;
    while (m && !str_eq(m->key, key)) {
        m = m->next;
    }
    return m;
}

const struct json_doc *json_doc_at(const struct json_doc *v, uint32_t index)
{
    const struct json_doc *e = v && v->type == JSON_ARRAY && index < v->count ? v->first : NULL;
    for (; e && index > 0; index--) {
        e = e->next;
    }
    return e;
}

/* ~1 is a slash and ~0 a tilde. False: too long, or another ~. */
static bool unpoint(struct str part, char *out, struct str *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < part.n; i++) {
        char c = part.p[i];
        if (c == '~') {
            c = ++i < part.n ? part.p[i] : 'x';
            if (c != '0' && c != '1') {
                return false;
            }
            c = c == '0' ? '~' : '/';
        }
        if (n == MAX_NAME) {
            return false;
        }
        out[n++] = c;
    }
    *ret = (struct str){out, n};
    return true;
}

static const struct json_doc *step_into(const struct json_doc *v, struct str part)
{
    int64_t index;
    if (!v || v->type != JSON_ARRAY) {
        return json_doc_get(v, part);
    }
    bool digits = part.n > 0 && part.p[0] >= '0' && part.p[0] <= '9';
    return digits && str_to_i64(part, &index) == 0 && index <= UINT32_MAX ? json_doc_at(v, (uint32_t)index) : NULL;
}

const struct json_doc *json_doc_find(const struct json_doc *v, struct str path)
{
    bool pointer = path.n > 0 && path.p[0] == '/';
    char name[MAX_NAME];
    struct str part;
    if (pointer) {
        path = (struct str){path.p + 1, path.n - 1};
    } else if (path.n == 0) {
        return v;
    }
    for (bool more = true; v && more;) {
        size_t end = str_find(path, pointer ? '/' : '.');
        part = (struct str){path.p, end};
        more = end < path.n;
        path = more ? (struct str){path.p + end + 1, path.n - end - 1} : STR("");
        if (pointer && !unpoint(part, name, &part)) {
            return NULL;
        }
        v = step_into(v, part);
    }
    return v;
}

bool json_doc_equal(const struct json_doc *a, const struct json_doc *b)
{
    if (!a || !b || a->type != b->type || a->count != b->count) {
        return false;
    }
    if (a->type == JSON_NUMBER) {
        return a->number == b->number;
    }
    if (a->type == JSON_STRING) {
        return str_eq(a->text, b->text);
    }
    const struct json_doc *other = b->first;
    for (const struct json_doc *c = a->first; c; c = c->next) {
        if (!json_doc_equal(c, a->type == JSON_OBJECT ? json_doc_get(b, c->key) : other)) {
            return false;
        }
        other = other->next;
    }
    return true;
}

void json_doc_write(const struct json_doc *v, struct buf *out)
{
    switch (v->type) {
    case JSON_STRING:
        json_put_quoted(out, v->text);
        return;
    case JSON_NUMBER:
        buf_put_str(out, v->text);
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_puts(out, v->type == JSON_TRUE ? "true" : "false");
        return;
    case JSON_NULL:
    case JSON_NONE:
        buf_puts(out, "null");
        return;
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    buf_putc(out, v->type == JSON_OBJECT ? '{' : '[');
    for (const struct json_doc *c = v->first; c; c = c->next) {
        if (c != v->first) {
            buf_putc(out, ',');
        }
        if (v->type == JSON_OBJECT) {
            json_put_quoted(out, c->key);
            buf_putc(out, ':');
        }
        json_doc_write(c, out);
    }
    buf_putc(out, v->type == JSON_OBJECT ? '}' : ']');
}
