/* The text side of the sandbox: one rule, and no body that upsets it. */
#include "test.h"

#include "base/err.h"
#include "base/json_doc.h"
#include "peer/sandbox/sandbox_chat.h"

static void expect(const char *system, const char *user, bool tripped)
{
    struct buf body;
    struct buf out;
    const struct json_doc *doc = NULL;
    const struct json_doc *verdict = NULL;
    buf_init(&body, 8192);
    buf_init(&out, 8192);
    buf_puts(&body, "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":");
    json_put_quoted(&body, str_from(system));
    buf_puts(&body, "},{\"role\":\"user\",\"content\":");
    json_put_quoted(&body, str_from(user));
    buf_puts(&body, "}]}");
    assert_ok(chat_answer(buf_str(&body), 1, &out));
    assert_ok(json_doc_parse(buf_str(&out), &doc));
    assert_str_is(json_doc_find(doc, STR("model"))->text, "m");
    assert_ok(json_doc_parse(json_doc_find(doc, STR("choices.0.message.content"))->text, &verdict));
    assert_int_equal(json_doc_find(verdict, STR("tripped"))->type, tripped ? JSON_TRUE : JSON_FALSE);
    json_doc_free(verdict);
    json_doc_free(doc);
    buf_done(&body);
    buf_done(&out);
}

TEST(phrases_in_quotes_trip)
{
    expect("Never say \"full refund\" or \"stupid\".", "{\"side\":\"output\",\"text\":\"A Full Refund it is\"}", true);
    expect("Never say \"full refund\" or \"stupid\".", "How STUPID", true);
    expect("Never say \"full refund\".", "{\"text\":\"a refund in full\"}", false);
    expect("Be nice.", "{\"text\":\"anything\"}", false);
    expect("A quote \" that stays open", "anything", false);
    expect("\"\"", "anything", false);
}

TEST(bodies_that_are_no_request_are_refused)
{
    struct buf out;
    buf_init(&out, 8192);
    assert_int_equal(chat_answer(STR(""), 1, &out), -ERR_SYNTAX);
    assert_int_equal(chat_answer(STR("{}"), 1, &out), -ERR_MISSING);
    assert_int_equal(chat_answer(STR("{\"messages\":{}}"), 1, &out), -ERR_MISSING);
    assert_int_equal(chat_answer(STR("[1]"), 1, &out), -ERR_MISSING);
    assert_ok(chat_answer(STR("{\"messages\":[1,{\"role\":\"user\"}]}"), 1, &out));
    buf_done(&out);
}

TEST_MAIN(T(phrases_in_quotes_trip), T(bodies_that_are_no_request_are_refused))
