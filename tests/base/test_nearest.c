#include "test.h"

#include "base/nearest.h"

TEST(slips_are_counted_and_strangers_are_not)
{
    static const struct {
        const char *word, *known;
        uint32_t want;
    } cases[] = {
        {"serve", "serve", 0},
        {"sevre", "serve", 1}, /* neighbours swapped */
        {"serv", "serve", 1},
        {"servee", "serve", 1},
        {"zerve", "serve", 1},
        {"cam", "campaigns", 2}, /* a beginning, however much is missing */
        {"campaigns-list", "campaigns", 2},
        {"ca", "campaigns", NEAREST_NONE}, /* too short for one */
        {"", "a", 1},
        {"", "ab", NEAREST_NONE},
        {"xylophone", "options", NEAREST_NONE},
        {"abc", "abxyz", NEAREST_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t got = nearest_slip(str_from(cases[i].word), str_from(cases[i].known));
        if (got != cases[i].want) {
            fail_msg("%s for %s: %u, not %u", cases[i].word, cases[i].known, got, cases[i].want);
        }
    }
}

TEST(words_beyond_the_longest_are_strangers_even_to_themselves)
{
    char longest[NEAREST_NONE + 1];
    memset(longest, 'x', sizeof(longest));
    struct str fits = {longest, NEAREST_NONE};
    struct str too_long = {longest, sizeof(longest)};
    assert_int_equal(nearest_slip(fits, fits), 0);
    assert_int_equal(nearest_slip(too_long, STR("yyyy")), NEAREST_NONE);
}

TEST_MAIN(T(slips_are_counted_and_strangers_are_not), T(words_beyond_the_longest_are_strangers_even_to_themselves))
