/*
 * Tests: one executable a file, cmocka underneath.
 *     TEST(barge_in_cuts_playback_within_one_frame) { assert_int_equal(...); }
 *     TEST_MAIN(T(barge_in_cuts_playback_within_one_frame), ...)
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define TEST(name) static void name(void **state UNUSED)
#define T(name)    cmocka_unit_test(name)
#define TEST_MAIN(...)                                                                                                 \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                                               \
        return cmocka_run_group_tests(tests, NULL, NULL);                                                              \
    }

#define assert_ok(expr)       assert_return_code(expr, 0)
#define assert_err(expr, err) assert_int_equal(expr, -(err))
/* Compares a view with a literal and shows both when they differ. */
static inline UNUSED void assert_str_is_(struct str got, const char *want, const char *file, int line)
{
    if (!str_is(got, want)) {
        print_error("got  [" STR_FMT "]\nwant [%s]\n", STR_ARG(got), want);
        _fail(file, line);
    }
}
#define assert_str_is(got, want) assert_str_is_(got, want, __FILE__, __LINE__)
/* A view holds these words, or does not; shows both when that is wrong. */
static inline UNUSED void assert_has_(struct str text, const char *part, bool wanted, const char *file, int line)
{
    if ((str_search(text, str_from(part)) != SIZE_MAX) != wanted) {
        print_error("[%s] is %sin\n", part, wanted ? "not " : "");
        for (size_t i = 0; i < text.n; i += 1000) { /* cmocka cuts a message off at 1023 bytes */
            print_error(STR_FMT, STR_ARG(((struct str){text.p + i, text.n - i < 1000 ? text.n - i : 1000})));
        }
        print_error("\n");
        _fail(file, line);
    }
}
#define assert_has(text, part)     assert_has_(text, part, true, __FILE__, __LINE__)
#define assert_has_not(text, part) assert_has_(text, part, false, __FILE__, __LINE__)

#endif
