/* The same request in other words has the same fingerprint, another one does not. */
#include "base/json_hash.h"

#include "test.h"

static bool same(const char *a, const char *b)
{
    return json_hash(str_from(a)) == json_hash(str_from(b));
}

TEST(blanks_and_the_order_of_members_make_no_difference)
{
    assert_true(same("{\"a\":1,\"b\":[1,2]}", " { \"b\" : [ 1 , 2 ] , \"a\" : 1 } "));
    assert_true(same("{\"a\":{\"x\":null,\"y\":true}}", "{\"a\":{\"y\":true,\"x\":null}}"));
    assert_true(same("", ""));
    assert_true(same("{}", "{ }"));
}

TEST(everything_else_does)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"a\":1}",
        "{\"a\":2}",
        "{\"b\":1}",
        "{\"a\":\"1\"}",
        "{\"a\":[1]}",
        "[1,2]",
        "[2,1]",
        "[[1],2]",
        "[[1,2]]",
        "{\"a\":null}",
        "{\"a\":true}",
        "{\"a\":false}",
        "{\"a\":\"\"}",
        "{\"a\":1,\"b\":2}",
        "{\"a\":2,\"b\":1}",
        "{\"a\":{\"b\":1}}",
        "",
        "{",
        "not json",
        "{\"a\":1}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_true(json_hash(str_from(texts[i])) != 0);
        for (size_t k = 0; k < i; k++) {
            if (same(texts[i], texts[k])) {
                fail_msg("%s and %s", texts[i], texts[k]);
            }
        }
    }
}

TEST_MAIN(T(blanks_and_the_order_of_members_make_no_difference), T(everything_else_does))
