/* What endpoints and text models are asked, and that no answer of theirs does harm. */
#include "test.h"

#include "base/err.h"
#include "base/json_doc.h"
#include "guards/question.h"

static const struct guard_question question = {
    .guardrail = STR("tone"),
    .side = STR("output"),
    .agent = STR("Robin"),
    .call_id = STR("c1"),
    .response_id = STR("r1"),
    .item_id = STR("i1"),
    .text = STR("He said \"stop\"\nand \xc3\xa4"),
    .final = true,
};

static struct str text_at(const struct json_doc *doc, const char *path)
{
    const struct json_doc *v = json_doc_find(doc, str_from(path));
    assert_non_null(v);
    return v->text;
}

TEST(an_endpoint_is_told_what_was_said_and_by_whom)
{
    struct buf out;
    const struct json_doc *doc = NULL;
    buf_init(&out, 4096);
    guard_question_put(&question, &out);
    assert_ok(json_doc_parse(buf_str(&out), &doc));
    assert_str_is(text_at(doc, "guardrail"), "tone");
    assert_str_is(text_at(doc, "side"), "output");
    assert_str_is(text_at(doc, "agent"), "Robin");
    assert_str_is(text_at(doc, "call_id"), "c1");
    assert_str_is(text_at(doc, "text"), "He said \"stop\"\nand \xc3\xa4");
    assert_int_equal(json_doc_find(doc, STR("final"))->type, JSON_TRUE);
    json_doc_free(doc);
    buf_done(&out);
}

TEST(a_text_model_gets_the_text_as_data_and_a_schema_for_its_answer)
{
    struct buf out;
    const struct json_doc *doc = NULL;
    const struct json_doc *inner = NULL;
    buf_init(&out, 65536);
    guard_chat_put(&question, STR("gpt-4o-mini"), STR("No threats."), STR(""), &out);
    assert_ok(json_doc_parse(buf_str(&out), &doc));
    assert_str_is(text_at(doc, "model"), "gpt-4o-mini");
    assert_str_is(text_at(doc, "messages.0.role"), "system");
    assert_true(str_starts(text_at(doc, "messages.0.content"), STR("No threats.")));
    assert_str_is(text_at(doc, "messages.1.role"), "user");
    assert_ok(json_doc_parse(text_at(doc, "messages.1.content"), &inner));
    assert_str_is(text_at(inner, "text"), "He said \"stop\"\nand \xc3\xa4");
    assert_str_is(text_at(doc, "response_format.type"), "json_schema");
    assert_str_is(text_at(doc, "response_format.json_schema.schema.properties.tripped.type"), "boolean");
    json_doc_free(inner);
    json_doc_free(doc);
    buf_clear(&out);
    guard_chat_put(&question, STR("m"), STR("x"), STR("{\"type\":\"object\"}"), &out);
    assert_has(buf_str(&out), "\"schema\":{\"type\":\"object\"}");
    buf_done(&out);
}

TEST(answers_are_read_strictly)
{
    static const struct {
        const char *json;
        int err;
        bool tripped;
        uint32_t from, to;
        const char *info;
    } cases[] = {
        {"{\"tripped\":true,\"reason\":\" rude \"}", 0, true, 0, 0, "rude"},
        {" {\"tripped\":false} ", 0, false, 0, 0, ""},
        {"{\"tripped\":true,\"from\":1,\"to\":3}", 0, true, 2, 5, ""}, /* of "aeo", with an umlaut first */
        {"{\"tripped\":true,\"from\":3,\"to\":1}", 0, true, 0, 0, ""},
        {"{\"tripped\":true,\"from\":-1,\"to\":1e300}", 0, true, 0, 0, ""},
        {"{\"tripped\":true,\"from\":0,\"to\":1e300}", 0, true, 0, 5, ""},
        {"{\"tripped\":true,\"reason\":7}", 0, true, 0, 0, ""},
        {"{\"tripped\":\"true\"}", -ERR_MISSING, false, 0, 0, ""},
        {"{}", -ERR_MISSING, false, 0, 0, ""},
        {"[true]", -ERR_TYPE, false, 0, 0, ""},
        {"true", -ERR_TYPE, false, 0, 0, ""},
        {"", -ERR_SYNTAX, false, 0, 0, ""},
        {"Sure! {\"tripped\":true}", -ERR_SYNTAX, false, 0, 0, ""},
        {"{\"tripped\":true", -ERR_SYNTAX, false, 0, 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct guard_verdict v;
        struct buf info;
        buf_init(&info, 1024);
        assert_int_equal(guard_answer_read(str_from(cases[i].json),
                                           STR("\xc3\xa4"
                                               "eo"),
                                           &v, &info),
                         cases[i].err);
        assert_int_equal(v.tripped, cases[i].tripped);
        if (i == 2) {
            assert_int_equal(v.from, 2);
            assert_int_equal(v.to, 4);
        } else if (i == 5) {
            assert_int_equal(v.to, 4);
        } else {
            assert_int_equal(v.to, 0);
        }
        assert_str_is(buf_str(&info), cases[i].info);
        buf_done(&info);
    }
}

TEST(a_long_reason_is_cut_between_characters)
{
    struct buf json;
    struct buf info;
    struct guard_verdict v;
    buf_init(&json, 4096);
    buf_init(&info, 1024);
    buf_puts(&json, "{\"tripped\":true,\"reason\":\"x");
    for (int i = 0; i < 300; i++) {
        buf_puts(&json, "\xc3\xa4");
    }
    buf_puts(&json, "\"}");
    assert_ok(guard_answer_read(buf_str(&json), STR(""), &v, &info));
    assert_true(info.len <= GUARD_INFO_BYTES && info.len > GUARD_INFO_BYTES - 3);
    assert_true(utf8_valid(buf_str(&info)));
    buf_done(&json);
    buf_done(&info);
}

TEST_MAIN(T(an_endpoint_is_told_what_was_said_and_by_whom),
          T(a_text_model_gets_the_text_as_data_and_a_schema_for_its_answer), T(answers_are_read_strictly),
          T(a_long_reason_is_cut_between_characters))
