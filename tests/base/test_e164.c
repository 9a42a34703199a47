#include "base/e164.h"

#include "base/err.h"
#include "test.h"

TEST(numbers_become_what_a_carrier_takes)
{
    static const struct {
        const char *text, *country, *want;
    } cases[] = {
        {"+1 (555) 000-1111", "", "+15550001111"},
        {"555-000-1111", "US", "+15550001111"},
        {"1 555 000 1111", "us", "+15550001111"},
        {"(555) 000.1111", "CA", "+15550001111"},
        {"011 49 30 1234567", "US", "+49301234567"},
        {"030 123 45 67", "DE", "+49301234567"},
        {"0049 30 1234567", "GB", "+49301234567"},
        {"+49 (0) 30 / 1234567", "", "+49301234567"},
        {"020 7946 0018", "GB", "+442079460018"},
        {"06 1234 5678", "IT", "+390612345678"},
        {"612 345 678", "ES", "+34612345678"},
        {" +15550001111 ", "XX", "+15550001111"},
        {"+112", "", "+112"},
        {"123456789012345", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[E164_MAX] = "";
        int err = e164_normalize(str_from(cases[i].text), str_from(cases[i].country), got);
        assert_string_equal(got, cases[i].want);
        assert_int_equal(err, cases[i].want[0] ? 0 : -ERR_MISSING);
        assert_int_equal(e164_is(str_from(got)), cases[i].want[0] != '\0');
    }
}

TEST(what_is_no_number_is_refused)
{
    static const char *const wrong[] = {"",
                                        "+",
                                        "+12",
                                        "call me",
                                        "+1555x",
                                        "911",
                                        "12345",
                                        "+0123456789",
                                        "++15550001111",
                                        "1+5550001111",
                                        "+1234567890123456",
                                        "2 555 000 1111",
                                        "555000111",
                                        "+1 555 000 1111;ext=5",
                                        "99999999999999999999999999999999999999999999999999999999999999999999999999",
                                        "(0)",
                                        "00"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char got[E164_MAX] = "untouched";
        assert_err(e164_normalize(str_from(wrong[i]), STR("US"), got), EINVAL);
        assert_string_equal(got, "untouched");
    }
    char got[E164_MAX];
    assert_err(e164_normalize((struct str){"+1555\0000001111", 13}, STR("US"), got), EINVAL);
    assert_false(e164_is(STR("15550001111")));
    assert_false(e164_is(STR("+1555 0001111")));
    assert_false(e164_is(STR("+0555")));
}

TEST_MAIN(T(numbers_become_what_a_carrier_takes), T(what_is_no_number_is_refused))
