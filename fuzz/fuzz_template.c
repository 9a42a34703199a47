/*
 * Templates: the first line is a template, the rest a JSON object with the values. An address keeps its host, path
 * depth and query; a header stays one line; a body that is JSON with harmless values is JSON with any.
 */
#include "fuzz.h"

#include "base/template.h"

static struct json_doc get(void *arg, struct str name)
{
    const struct json_doc *v = json_doc_find(arg, name);
    return v ? *v : (struct json_doc){.type = JSON_NONE};
}

static struct json_doc harmless(void *arg, struct str name)
{
    return (struct json_doc){.type = JSON_STRING, .text = STR("x")};
}

static unsigned count(struct str s, char c)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.n; i++) {
        n += s.p[i] == c;
    }
    return n;
}

static bool is_json(struct str s)
{
    const struct json_doc *doc;
    if (json_doc_parse(s, &doc) < 0) {
        return false;
    }
    json_doc_free(doc);
    return true;
}

static bool text_of(void *arg, struct str name, struct str *ret)
{
    const struct json_doc *v = json_doc_find(arg, name);
    if (!v || v->type != JSON_STRING) {
        return false;
    }
    *ret = v->text;
    return true;
}

/* Texts for people never fail; without values they stay as they are. */
static void try_fill(struct str text, const struct json_doc *values, const struct json_doc *nothing)
{
    struct buf out;
    buf_init(&out, 1 << 22);
    template_fill(text, text_of, (void *)(uintptr_t)nothing, &out);
    REQUIRE(out.err < 0 || str_eq(buf_str(&out), text));
    buf_clear(&out);
    template_fill(text, text_of, (void *)(uintptr_t)values, &out);
    buf_done(&out);
}

static void try_kind(struct str text, enum template_kind kind, const struct json_doc *values)
{
    struct buf plain, out;
    struct str name;
    buf_init(&plain, 1 << 20);
    buf_init(&out, 1 << 20);
    if (template_write(text, kind, harmless, NULL, &plain, &name) == 0 &&
        template_write(text, kind, get, (void *)(uintptr_t)values, &out, &name) == 0) {
        static const char special[] = "/?#&= \r\n:@\\";
        struct str a = buf_str(&plain), b = buf_str(&out);
        for (size_t i = 0; kind == TEMPLATE_URL && special[i]; i++) {
            REQUIRE(count(a, special[i]) == count(b, special[i]));
        }
        if (kind == TEMPLATE_HEADER) {
            REQUIRE(count(a, '\n') == count(b, '\n') && count(a, '\r') == count(b, '\r') && count(a, 0) == count(b, 0));
        }
        if (kind == TEMPLATE_JSON && is_json(a)) {
            struct json_val v;
            REQUIRE(json_parse(b, &v) == 0);
        }
    }
    buf_done(&plain);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size};
    size_t line = str_find(all, '\n');
    const struct json_doc *values = NULL;
    if (line == size || json_doc_parse((struct str){all.p + line + 1, size - line - 1}, &values) < 0) {
        return 0;
    }
    for (int kind = TEMPLATE_URL; kind <= TEMPLATE_JSON; kind++) {
        try_kind((struct str){all.p, line}, (enum template_kind)kind, values);
    }
    const struct json_doc *nothing = NULL;
    if (json_doc_parse(STR("{}"), &nothing) == 0) {
        try_fill((struct str){all.p, line}, values, nothing);
    }
    json_doc_free(nothing);
    json_doc_free(values);
    return 0;
}
