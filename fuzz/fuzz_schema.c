/*
 * JSON documents and schemas: the first line is a schema, the rest a value. Whatever they are, both are read and
 * checked within their limits; what is written reads back as the same value; a value that fits its "const" is right.
 */
#include "fuzz.h"

#include "base/json_schema.h"

static void note(struct str pointer, struct str text, void *arg)
{
    REQUIRE(pointer.n == 0 || pointer.p[0] == '/');
    REQUIRE(text.n > 0);
    ++*(unsigned *)arg;
}

static void check_value(const struct json_schema *s, struct str text)
{
    const struct json_doc *v, *again;
    struct buf why, out;
    if (json_doc_parse(text, &v) < 0) {
        return;
    }
    buf_init(&why, 4096);
    buf_init(&out, text.n * 6 + 64);
    if (s) {
        int err = json_schema_check(s, v, &why);
        REQUIRE((err == 0) == (why.len == 0 && why.err == 0));
        REQUIRE(err == json_schema_check(s, v, &why));
    }
    json_doc_write(v, &out);
    if (out.err == 0) {
        REQUIRE(json_doc_parse(buf_str(&out), &again) == 0);
        REQUIRE(v->type == again->type && v->count == again->count);
        json_doc_free(again);
    }
    (void)json_doc_find(v, STR("a.0.b"));
    (void)json_doc_find(v, STR("/a/0/b~1c"));
    json_doc_free(v);
    buf_done(&why);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    size_t line = str_find(text, '\n');
    struct str value = line < size ? (struct str){text.p + line + 1, size - line - 1} : STR("");
    struct json_schema *s = NULL;
    unsigned errors = 0, ignored = 0;
    int err = json_schema_new((struct str){text.p, line}, note, note, &errors, &s);
    REQUIRE(err < 0 || s);
    check_value(s, value);
    json_schema_free(s);
    if (json_schema_new((struct str){text.p, line}, NULL, note, &ignored, &s) == 0) {
        json_schema_free(s);
    }
    return 0;
}
