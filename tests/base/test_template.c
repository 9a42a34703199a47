/* Placeholders: what a hostile value may not do to an address, a header line or a JSON body. */
#include "base/template.h"

#include "base/err.h"
#include "test.h"

struct values {
    const struct json_doc *doc;
};

static struct json_doc get(void *arg, struct str name)
{
    const struct values *v = arg;
    const struct json_doc *found = json_doc_find(v->doc, name);
    return found ? *found : (struct json_doc){.type = JSON_NONE};
}

static int write_to(struct buf *out, const char *text, enum template_kind kind, const char *values,
                    struct str *ret_name)
{
    struct values v;
    assert_ok(json_doc_parse(str_from(values), &v.doc));
    buf_clear(out);
    int err = template_write(str_from(text), kind, get, &v, out, ret_name);
    json_doc_free(v.doc);
    return err;
}

static void assert_gives(const char *text, enum template_kind kind, const char *values, const char *want)
{
    struct buf out;
    struct str name;
    buf_init(&out, 4096);
    assert_ok(write_to(&out, text, kind, values, &name));
    assert_str_is(buf_str(&out), want);
    buf_done(&out);
}

static void assert_fails(const char *text, enum template_kind kind, const char *values, int err, const char *name)
{
    struct buf out;
    struct str got;
    buf_init(&out, 4096);
    assert_int_equal(write_to(&out, text, kind, values, &got), -err);
    if (name) {
        assert_str_is(got, name);
    }
    buf_done(&out);
}

TEST(an_address_takes_values_percent_encoded)
{
    assert_gives("/c/{{a}}?q={{ b }}&n={{n}}&t={{t}}", TEMPLATE_URL,
                 "{\"a\":\"x/../y?z#\",\"b\":\"\xC3\xA9 &=\\r\\n\",\"n\":-1.5,\"t\":true}",
                 "/c/x%2F..%2Fy%3Fz%23?q=%C3%A9%20%26%3D%0D%0A&n=-1.5&t=true");
    assert_gives("/c?q={{a}}", TEMPLATE_URL, "{\"a\":\"\"}", "/c?q=");
    assert_gives("/c?q={{a}}", TEMPLATE_URL, "{\"a\":null}", "/c?q=");
    assert_fails("/c/{{a}}", TEMPLATE_URL, "{\"a\":\"\"}", ERR_RANGE, "a");
    assert_fails("/c/{{a}}", TEMPLATE_URL, "{\"a\":\".\"}", ERR_RANGE, "a");
    assert_fails("/c/{{a}}/x", TEMPLATE_URL, "{\"a\":\"..\"}", ERR_RANGE, "a");
    assert_fails("/c/{{a}}", TEMPLATE_URL, "{}", ERR_MISSING, "a");
    assert_fails("/c/{{a}}", TEMPLATE_URL, "{\"a\":[1]}", ERR_TYPE, "a");
}

TEST(a_header_takes_no_line_breaks)
{
    assert_gives("Bearer {{a}}", TEMPLATE_HEADER, "{\"a\":\"x: y\"}", "Bearer x: y");
    assert_fails("{{a}}", TEMPLATE_HEADER, "{\"a\":\"x\\r\\nX-Admin: 1\"}", ERR_RANGE, "a");
    assert_fails("{{a}}", TEMPLATE_HEADER, "{\"a\":\"x\\u0000\"}", ERR_RANGE, "a");
    assert_fails("{{a}}", TEMPLATE_HEADER, "{\"a\":\"x\\u007f\"}", ERR_RANGE, "a");
}

TEST(json_takes_values_inside_and_outside_of_quotes)
{
    assert_gives("{\"a\":\"<{{a}}>\",\"b\":{{a}},\"c\":{{n}},\"d\":{{o}},\"e\":{{missing}}}", TEMPLATE_JSON,
                 "{\"a\":\"\\\",\\\"x\\\":\\\"\\\\\\n\",\"n\":1.0,\"o\":{\"k\":[true,null]}}",
                 "{\"a\":\"<\\\",\\\"x\\\":\\\"\\\\\\n>\",\"b\":\"\\\",\\\"x\\\":\\\"\\\\\\n\",\"c\":1.0,"
                 "\"d\":{\"k\":[true,null]},\"e\":null}");
    assert_gives("{\"a\":\"\\\"{{a}}\"}", TEMPLATE_JSON, "{\"a\":\"x\"}", "{\"a\":\"\\\"x\"}");
    assert_gives("[\"{{o}}\"]", TEMPLATE_JSON, "{\"o\":{\"k\":\"v\"}}", "[\"{\\\"k\\\":\\\"v\\\"}\"]");
    assert_gives("[\"{{n}}\"]", TEMPLATE_JSON, "{\"n\":null}", "[\"\"]");
    assert_fails("[\"{{a}}\"]", TEMPLATE_JSON, "{}", ERR_MISSING, "a");
}

TEST(broken_placeholders_are_refused)
{
    struct str rest = STR("a {{ x }} b"), text, name;
    assert_int_equal(template_next(&rest, &text, &name), 1);
    assert_str_is(text, "a ");
    assert_str_is(name, "x");
    assert_int_equal(template_next(&rest, &text, &name), 0);
    assert_str_is(text, " b");
    assert_fails("a {{x", TEMPLATE_URL, "{\"x\":\"1\"}", ERR_SYNTAX, NULL);
    assert_fails("a {{}}", TEMPLATE_URL, "{\"x\":\"1\"}", ERR_SYNTAX, NULL);
    assert_fails("a {{  }}", TEMPLATE_URL, "{\"x\":\"1\"}", ERR_SYNTAX, NULL);
    assert_gives("a } }} {x}", TEMPLATE_JSON, "{}", "a } }} {x}");
    struct buf out;
    struct values v;
    buf_init(&out, 8);
    assert_ok(json_doc_parse(STR("{\"x\":\"0123456789\"}"), &v.doc));
    assert_err(template_write(STR("{{x}}"), TEMPLATE_URL, get, &v, &out, &name), ERR_TOO_BIG);
    json_doc_free(v.doc);
    buf_done(&out);
}

TEST_MAIN(T(an_address_takes_values_percent_encoded), T(a_header_takes_no_line_breaks),
          T(json_takes_values_inside_and_outside_of_quotes), T(broken_placeholders_are_refused))
