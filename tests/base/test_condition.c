/* Conditions on arguments: what holds, what does not, and what nobody can tell. */
#include "base/condition.h"

#include "base/err.h"
#include "test.h"

static const char doc[] =
    "{\"amount\": 150.5, \"country\": \"DE\", \"note\": \"very urgent order\", \"gift\": true, "
    "\"nothing\": null, \"tags\": [\"new\", 7], \"to\": {\"iban\": \"DE123\"}, \"text\": \"200\"}";

static enum condition_answer ask(const char *text, const char *json)
{
    struct condition *c = NULL;
    const struct json_doc *d = NULL;
    struct buf why;
    buf_init(&why, 256);
    int err = condition_new(str_from(text), &why, &c);
    if (err < 0) {
        fail_msg("%s: %s", text, buf_cstr(&why));
    }
    if (json) {
        assert_ok(json_doc_parse(str_from(json), &d));
    }
    enum condition_answer answer = condition_ask(c, d);
    json_doc_free(d);
    condition_free(c);
    buf_done(&why);
    return answer;
}

TEST(comparisons_hold_or_not_or_are_in_doubt)
{
    static const struct {
        const char *text;
        enum condition_answer want;
    } cases[] = {
        {"amount > 100", CONDITION_TRUE},
        {"amount>100", CONDITION_TRUE},
        {"arguments.amount >= 150.5", CONDITION_TRUE},
        {"amount < 150.5", CONDITION_FALSE},
        {"amount <= 150.5", CONDITION_TRUE},
        {"amount == 150.5", CONDITION_TRUE},
        {"amount != 150.5", CONDITION_FALSE},
        {"country == DE", CONDITION_TRUE},
        {"country == \"DE\"", CONDITION_TRUE},
        {"country != FR", CONDITION_TRUE},
        {"gift == true", CONDITION_TRUE},
        {"gift == false", CONDITION_FALSE},
        {"nothing == null", CONDITION_TRUE},
        {"nothing exists", CONDITION_FALSE},
        {"missing exists", CONDITION_FALSE},
        {"to.iban exists", CONDITION_TRUE},
        {"to.iban matches ^DE[0-9]+$", CONDITION_TRUE},
        {"to.iban matches ^FR", CONDITION_FALSE},
        {"note contains urgent", CONDITION_TRUE},
        {"note contains very urgent", CONDITION_TRUE},
        {"note contains calm", CONDITION_FALSE},
        {"tags contains new", CONDITION_TRUE},
        {"tags contains 7", CONDITION_TRUE},
        {"tags contains 8", CONDITION_FALSE},
        {"tags.1 == 7", CONDITION_TRUE},
        {"text > 100", CONDITION_TRUE}, /* a number as a text */
        {"text == 200.0", CONDITION_TRUE},
        {"text != 201", CONDITION_TRUE},
        {"note == 5", CONDITION_FALSE},
        {"gift == 5", CONDITION_FALSE},
        /* doubt */
        {"missing > 5", CONDITION_UNKNOWN},
        {"missing != 5", CONDITION_UNKNOWN},
        {"note > 100", CONDITION_UNKNOWN},
        {"amount == many", CONDITION_UNKNOWN},
        {"amount contains 5", CONDITION_UNKNOWN},
        {"amount matches ^5", CONDITION_UNKNOWN},
        {"to == 5", CONDITION_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum condition_answer got = ask(cases[i].text, doc);
        if (got != cases[i].want) {
            fail_msg("%s: %d instead of %d", cases[i].text, (int)got, (int)cases[i].want);
        }
    }
    assert_int_equal(ask("amount > 100", NULL), CONDITION_UNKNOWN);
    assert_int_equal(ask("amount exists", NULL), CONDITION_UNKNOWN);
}

TEST(what_is_no_comparison_is_refused_with_a_reason)
{
    static const char *const texts[] = {"",
                                        "amount",
                                        "> 5",
                                        "amount >",
                                        "amount > many",
                                        "a = 5",
                                        "a exists now",
                                        "a matches [",
                                        "a matches 5",
                                        "a == [1]",
                                        "a containsx b",
                                        "amount => 5"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct condition *c = NULL;
        struct buf why;
        buf_init(&why, 256);
        if (condition_new(str_from(texts[i]), &why, &c) != -ERR_SYNTAX || why.len == 0) {
            fail_msg("%s was accepted", texts[i]);
        }
        buf_done(&why);
    }
}

TEST_MAIN(T(comparisons_hold_or_not_or_are_in_doubt), T(what_is_no_comparison_is_refused_with_a_reason))
