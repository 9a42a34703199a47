/* JSON Schema: what fits, what does not, and in which words; documents and schemas of people who mean ill. */
#include "base/json_schema.h"

#include <stdio.h>

#include "base/err.h"
#include "test.h"

static void keep_note(struct str pointer, struct str text, void *arg)
{
    buf_printf(arg, STR_FMT " " STR_FMT "\n", STR_ARG(pointer), STR_ARG(text));
}

/* What is said about the value; "" when it fits. */
static void assert_said_(const char *schema, const char *value, const char *want, int line)
{
    struct json_schema *s = NULL;
    const struct json_doc *v = NULL;
    struct buf why;
    buf_init(&why, 4096);
    if (json_schema_new(str_from(schema), keep_note, NULL, &why, &s) < 0) {
        fail_msg("line %d: %s", line, buf_cstr(&why));
    }
    assert_ok(json_doc_parse(str_from(value), &v));
    int err = json_schema_check(s, v, &why);
    if ((err == 0) != (*want == '\0') || (err < 0 && !str_is(buf_str(&why), want))) {
        fail_msg("line %d: %d \"%s\", not \"%s\"", line, err, buf_cstr(&why), want);
    }
    json_doc_free(v);
    json_schema_free(s);
    buf_done(&why);
}
#define assert_said(schema, value, want) assert_said_(schema, value, want, __LINE__)

/* "pointer text\n" of the mistake. */
static void assert_refused_(const char *schema, int err, const char *want, int line)
{
    struct json_schema *s = NULL;
    struct buf said;
    buf_init(&said, 4096);
    int got = json_schema_new(str_from(schema), keep_note, NULL, &said, &s);
    if (got != -err || !str_is(buf_str(&said), want)) {
        fail_msg("line %d: %s \"%s\", not \"%s\"", line, err_name(got), buf_cstr(&said), want);
    }
    buf_done(&said);
}
#define assert_refused(schema, err, want) assert_refused_(schema, err, want, __LINE__)

TEST(types_are_told_apart)
{
    assert_said("{\"type\":\"string\"}", "\"a\"", "");
    assert_said("{\"type\":\"string\"}", "1", "the value must be a text, not a number");
    assert_said("{\"type\":\"integer\"}", "3.0", "");
    assert_said("{\"type\":\"integer\"}", "3.5", "the value must be a whole number, not a number");
    assert_said("{\"type\":\"number\"}", "3", "");
    assert_said("{\"type\":\"boolean\"}", "false", "");
    assert_said("{\"type\":\"boolean\"}", "\"false\"", "the value must be true or false, not a text");
    assert_said("{\"type\":\"null\"}", "null", "");
    assert_said("{\"type\":[\"string\",\"null\"]}", "null", "");
    assert_said("{\"type\":[\"string\",\"integer\",\"null\"]}", "[]",
                "the value must be a text, a whole number or null, not a list");
    assert_said("{}", "[1,{}]", "");
    assert_said("true", "1", "");
    assert_said("false", "1", "the value must not be there");
}

TEST(members_are_named_by_their_path)
{
    static const char schema[] =
        "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"address\":{\"type\":\"object\","
        "\"properties\":{\"zip\":{\"type\":\"string\",\"minLength\":5,\"maxLength\":5}},\"required\":[\"zip\"]},"
        "\"items\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":1,\"maxItems\":3}},"
        "\"required\":[\"id\"],\"additionalProperties\":false}";
    assert_said(schema, "{\"id\":\"a\"}", "");
    assert_said(schema, "{}", "id is missing");
    assert_said(schema, "[]", "the value must be an object, not a list");
    assert_said(schema, "{\"id\":\"a\",\"address\":{}}", "address.zip is missing");
    assert_said(schema, "{\"id\":\"a\",\"address\":{\"zip\":12345}}", "address.zip must be a text, not a number");
    assert_said(schema, "{\"id\":\"a\",\"address\":{\"zip\":\"1234\"}}", "address.zip must have at least 5 characters");
    assert_said(schema, "{\"id\":\"a\",\"address\":{\"zip\":\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\"}}", "");
    assert_said(schema, "{\"id\":\"a\",\"items\":[]}", "items must have at least 1 elements");
    assert_said(schema, "{\"id\":\"a\",\"items\":[1,2,3,4]}", "items must have at most 3 elements");
    assert_said(schema, "{\"id\":\"a\",\"items\":[1,\"2\"]}", "items[1] must be a whole number, not a text");
    assert_said(schema, "{\"id\":\"a\",\"idd\":1}", "idd is not known; leave it out");
    assert_said(schema, "{\"id\":\"a\",\"id\":\"b\"}", "id is there twice");
    assert_said("{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":\"b\",\"c\":1}",
                "c must be a text, not a number");
    assert_said("{\"minProperties\":1,\"maxProperties\":2}", "{}", "the value must have at least 1 members");
    assert_said("{\"minProperties\":1,\"maxProperties\":2}", "{\"a\":1,\"b\":2,\"c\":3}",
                "the value must have at most 2 members");
}

TEST(values_and_limits_are_held)
{
    assert_said("{\"enum\":[\"sales\",\"support\",1,null]}", "\"support\"", "");
    assert_said("{\"enum\":[\"sales\",\"support\",1,null]}", "1.0", "");
    assert_said("{\"enum\":[\"sales\",\"support\",1,null]}", "\"billing\"",
                "the value must be one of sales, support, 1, null");
    assert_said("{\"const\":{\"a\":1,\"b\":[2]}}", "{\"b\":[2.0],\"a\":1}", "");
    assert_said("{\"const\":\"x\"}", "\"y\"", "the value must be x");
    assert_said("{\"minimum\":1,\"maximum\":10}", "10", "");
    assert_said("{\"minimum\":1,\"maximum\":10}", "0.99", "the value must be at least 1");
    assert_said("{\"minimum\":1,\"maximum\":10}", "11", "the value must be at most 10");
    assert_said("{\"exclusiveMinimum\":0}", "0", "the value must be more than 0");
    assert_said("{\"exclusiveMaximum\":1e3}", "1000", "the value must be less than 1e3");
    assert_said("{\"multipleOf\":0.1}", "0.3", "");
    assert_said("{\"multipleOf\":5}", "12", "the value must be a multiple of 5");
    assert_said("{\"minimum\":5}", "\"1\"", ""); /* limits of numbers say nothing about texts */
}

TEST(patterns_look_at_the_whole_text)
{
    assert_said("{\"pattern\":\"^[A-Z]{2}[0-9]+$\"}", "\"AB12\"", "");
    assert_said("{\"pattern\":\"^[A-Z]{2}[0-9]+$\"}", "\"ab12\"", "the value must have the form ^[A-Z]{2}[0-9]+$");
    assert_said("{\"pattern\":\"b\"}", "\"abc\"", ""); /* found anywhere */
    assert_said("{\"pattern\":\"^a$\"}", "\"a\\u0000; drop table\"", "the value must have the form ^a$");
    char text[6000];
    memset(text, 'a', sizeof(text));
    text[0] = text[5000] = '"';
    text[5001] = '\0';
    assert_said("{\"pattern\":\"a\"}", text, "the value is longer than 4096 bytes");
}

TEST(alternatives_are_tried)
{
    static const char any[] = "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\",\"minimum\":5}]}";
    assert_said(any, "\"a\"", "");
    assert_said(any, "7", "");
    assert_said(any, "3", "the value is none of the forms that are allowed");
    assert_said("{\"anyOf\":[{\"type\":\"string\"}]}", "3", "the value must be a text, not a number");
    static const char one[] = "{\"oneOf\":[{\"minimum\":5},{\"maximum\":10}]}";
    assert_said(one, "3", "");
    assert_said(one, "7", "the value fits more than one of the forms that exclude each other");
    static const char all[] = "{\"allOf\":[{\"minimum\":5},{\"maximum\":10}]}";
    assert_said(all, "7", "");
    assert_said(all, "11", "the value must be at most 10");
    assert_said("{\"not\":{\"type\":\"null\"}}", "null", "the value is what it must not be");
    assert_said("{\"not\":{\"type\":\"null\"}}", "1", "");
}

TEST(a_wrong_schema_is_refused_with_its_place)
{
    assert_refused("{\"properties\":{\"a\":{\"type\":\"text\"}}}", ERR_CONFIG,
                   "/properties/a/type must be string, number, integer, boolean, object, array or null, or a list of "
                   "these\n");
    assert_refused("{\"required\":\"a\"}", ERR_CONFIG, "/required must be a list of names\n");
    assert_refused("{\"minLength\":-1}", ERR_CONFIG, "/minLength must be a whole number from 0\n");
    assert_refused("{\"properties\":{\"a/b\":7}}", ERR_CONFIG,
                   "/properties/a~1b must be a schema: a map of keywords, true or false\n");
    assert_refused("{\"anyOf\":[{},3]}", ERR_CONFIG, "/anyOf/1 must be a schema: a map of keywords, true or false\n");
    assert_refused("{\"anyOf\":[]}", ERR_CONFIG, "/anyOf must be a list of schemas\n");
    assert_refused("{\"multipleOf\":0}", ERR_CONFIG, "/multipleOf must be a number above 0\n");
    assert_refused("{\"pattern\":\"(a)\\\\1\"}", ERR_CONFIG,
                   "/pattern must not refer back to a part of itself (\\1)\n");
    assert_refused("[]", ERR_CONFIG, " must be a schema: a map of keywords, true or false\n");
    assert_refused("{", ERR_SYNTAX, "");
    struct json_schema *s;
    struct buf said;
    buf_init(&said, 4096);
    assert_err(json_schema_new(STR("{\"pattern\":\"(a\"}"), keep_note, NULL, &said, &s), ERR_CONFIG);
    assert_true(str_starts(buf_str(&said), STR("/pattern is no POSIX extended regular expression: ")));
    buf_done(&said);
}

TEST(ignored_keywords_are_named)
{
    struct json_schema *s;
    struct buf said;
    buf_init(&said, 4096);
    assert_ok(
        json_schema_new(STR("{\"title\":\"t\",\"properties\":{\"a\":{\"format\":\"email\",\"default\":1}},\"$ref\":1}"),
                        NULL, keep_note, &said, &s));
    assert_str_is(buf_str(&said), "/properties/a/format is not checked\n/$ref is not checked\n");
    json_schema_free(s);
    buf_done(&said);
}

TEST(schemas_and_values_have_limits)
{
    struct buf b, why;
    struct json_schema *s;
    const struct json_doc *v;
    buf_init(&b, 1 << 20);
    buf_init(&why, 4096);
    for (int i = 0; i < 40; i++) {
        buf_puts(&b, "{\"not\":");
    }
    buf_puts(&b, "true");
    for (int i = 0; i < 40; i++) {
        buf_putc(&b, '}');
    }
    assert_err(json_schema_new(buf_str(&b), NULL, NULL, NULL, &s), ERR_CONFIG);
    buf_clear(&b); /* two to the power of fifteen branches */
    for (int i = 0; i < 15; i++) {
        buf_puts(&b, "{\"anyOf\":[false,");
    }
    buf_puts(&b, "false");
    for (int i = 0; i < 15; i++) {
        buf_puts(&b, "]}");
    }
    assert_ok(json_schema_new(buf_str(&b), NULL, NULL, NULL, &s));
    assert_ok(json_doc_parse(STR("1"), &v));
    assert_err(json_schema_check(s, v, &why), ERR_TYPE);
    json_doc_free(v);
    json_schema_free(s);
    buf_clear(&b);
    buf_putc(&b, '{');
    for (int i = 0; i < 300; i++) {
        buf_printf(&b, "%s\"k%d\":1", i ? "," : "", i);
    }
    buf_putc(&b, '}');
    assert_ok(json_schema_new(STR("{}"), NULL, NULL, NULL, &s));
    assert_ok(json_doc_parse(buf_str(&b), &v));
    assert_err(json_schema_check(s, v, &why), ERR_TYPE);
    assert_str_is(buf_str(&why), "the value has too many members");
    json_doc_free(v);
    buf_clear(&b);
    buf_putc(&b, '[');
    for (int i = 0; i < 5000; i++) {
        buf_puts(&b, i ? ",1" : "1");
    }
    buf_putc(&b, ']');
    json_schema_free(s);
    assert_ok(json_schema_new(STR("{\"not\":{\"items\":{\"type\":\"integer\"}}}"), NULL, NULL, NULL, &s));
    assert_ok(json_doc_parse(buf_str(&b), &v));
    assert_err(json_schema_check(s, v, &why), ERR_TYPE);
    assert_str_is(buf_str(&why), "the value is too much to be checked");
    json_doc_free(v);
    json_schema_free(s);
    buf_clear(&b);
    while (b.len <= JSON_SCHEMA_MAX_BYTES) {
        buf_putc(&b, ' ');
    }
    assert_err(json_schema_new(buf_str(&b), NULL, NULL, NULL, &s), ERR_TOO_BIG);
    buf_done(&b);
    buf_done(&why);
}

TEST(documents_are_read_by_name_and_pointer)
{
    const struct json_doc *d;
    struct buf out;
    buf_init(&out, 4096);
    assert_ok(json_doc_parse(
        STR(" {\"a\": {\"b\": [1, {\"c/d\": \"x\\n\\u00e9\"}]}, \"\": 2, \"a.b\": null, \"n\": -1.50e2} "), &d));
    assert_str_is(json_doc_find(d, STR("/a/b/1/c~1d"))->text, "x\n\xC3\xA9");
    assert_int_equal(json_doc_find(d, STR("a.b.0"))->type, JSON_NUMBER);
    assert_int_equal(json_doc_find(d, STR("/"))->type, JSON_NUMBER);
    assert_int_equal(json_doc_find(d, STR("/a.b"))->type, JSON_NULL);
    assert_true(json_doc_find(d, STR("")) == d);
    assert_null(json_doc_find(d, STR("a.b.2")));
    assert_null(json_doc_find(d, STR("a.b.-1")));
    assert_null(json_doc_find(d, STR("a.b.99999999999999999999")));
    assert_null(json_doc_find(d, STR("n.x")));
    assert_null(json_doc_find(d, STR("/a/b/1/c~2d")));
    json_doc_write(d, &out);
    assert_str_is(buf_str(&out), "{\"a\":{\"b\":[1,{\"c/d\":\"x\\n\xC3\xA9\"}]},\"\":2,\"a.b\":null,\"n\":-1.50e2}");
    json_doc_free(d);
    assert_err(json_doc_parse(STR("1e999"), &d), ERR_RANGE);
    assert_err(json_doc_parse(STR_NULL, &d), ERR_SYNTAX);
    assert_err(json_doc_parse(STR("\"\xFF\""), &d), ERR_UTF8);
    assert_err(json_doc_parse(STR("{\"a\":1"), &d), ERR_SYNTAX);
    buf_clear(&out);
    struct buf big;
    buf_init(&big, 1 << 20);
    for (int i = 0; i < 60000; i++) {
        buf_puts(&big, i ? ",1" : "[1");
    }
    buf_putc(&big, ']');
    assert_err(json_doc_parse(buf_str(&big), &d), ERR_TOO_BIG);
    buf_done(&big);
    buf_done(&out);
}

TEST_MAIN(T(types_are_told_apart), T(members_are_named_by_their_path), T(values_and_limits_are_held),
          T(patterns_look_at_the_whole_text), T(alternatives_are_tried), T(a_wrong_schema_is_refused_with_its_place),
          T(ignored_keywords_are_named), T(schemas_and_values_have_limits), T(documents_are_read_by_name_and_pointer))
