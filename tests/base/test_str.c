#include "test.h"

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

TEST(numbers_are_exact_or_refused)
{
    int64_t v = 5;
    assert_ok(str_to_i64(STR("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_err(str_to_i64(STR("9223372036854775808"), &v), ERR_RANGE);
    assert_err(str_to_i64(STR("12x"), &v), ERR_SYNTAX);
    assert_err(str_to_i64(STR(""), &v), ERR_SYNTAX);
    assert_err(str_to_i64(STR("-"), &v), ERR_SYNTAX);
    double d;
    assert_ok(str_to_f64(STR("0.5"), &d));
    assert_err(str_to_f64(STR("inf"), &d), ERR_SYNTAX);
    assert_err(str_to_f64(STR(" 1"), &d), ERR_SYNTAX);
}

TEST(copies_never_cut)
{
    char a[4];
    assert_ok(str_copy(a, sizeof(a), STR("abc")));
    assert_string_equal(a, "abc");
    assert_int_equal(str_copy(a, sizeof(a), STR("abcd")), -ENOSPC);
    assert_string_equal(a, "");
}

TEST(split_search_and_case)
{
    struct str rest = STR("a,,b");
    struct str part;
    assert_true(str_split(&rest, ',', &part));
    assert_str_is(part, "a");
    assert_true(str_split(&rest, ',', &part));
    assert_str_is(part, "");
    assert_true(str_split(&rest, ',', &part));
    assert_str_is(part, "b");
    assert_false(str_split(&rest, ',', &part));
    assert_true(str_ieq(STR("AbC"), STR("aBc")));
    assert_int_equal(str_search(STR("hello"), STR("ll")), 2);
    assert_true(str_search(STR("hello"), STR("x")) == SIZE_MAX);
    assert_str_is(str_trim(STR(" \tx \n")), "x");
    static const char *const words[] = {"one", "two"};
    assert_int_equal(str_index(STR("two"), words, 2), 1);
    assert_int_equal(str_index(STR("tw"), words, 2), -EINVAL);
    assert_int_equal(str_index(STR("two"), words, 1), -EINVAL);
}

TEST(errors_have_names_and_texts)
{
    assert_string_equal(err_name(-ERR_BASE64), "bad-base64");
    assert_string_equal(err_name(-ETIMEDOUT), "ETIMEDOUT");
    assert_string_equal(err_name(0), "ok");
    assert_true(strlen(err_text(-ERR_REPLAY)) > 5);
    assert_true(strlen(err_text(-123456)) > 5);
    enum log_level level;
    assert_ok(log_level_parse(STR("WARNING"), &level));
    assert_int_equal(level, LOG_WARN);
    assert_int_equal(log_level_parse(STR("loud"), &level), -EINVAL);
}

TEST_MAIN(T(numbers_are_exact_or_refused), T(copies_never_cut), T(split_search_and_case),
          T(errors_have_names_and_texts))
