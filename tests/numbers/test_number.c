#include "test.h"

#include <errno.h>

#include "numbers/number.h"

TEST(three_spellings_are_one_number)
{
    static const char *const spellings[] = {"+16572338892",   "+1 657-233-8892", "(657) 233-8892",
                                            "1 657 233 8892", " 657.233.8892 ",  ""};
    char number[E164_MAX];
    for (size_t i = 0; i < 5; i++) {
        struct buf digits;
        buf_init(&digits, 64);
        assert_int_equal(phone_number_read(str_from(spellings[i]), STR("US"), number, NULL), 0);
        assert_string_equal(number, "+16572338892");
        phone_number_digits(str_from(spellings[i]), STR("US"), &digits);
        assert_str_is(buf_str(&digits), "16572338892");
        buf_done(&digits);
    }
}

TEST(numbers_of_other_countries)
{
    static const struct {
        const char *text, *country, *want;
    } cases[] = {
        {"030 901820", "DE", "+4930901820"},      {"+49 (0) 30 901820", "US", "+4930901820"},
        {"020 7946 0018", "GB", "+442079460018"}, {"98765 43210", "IN", "+919876543210"},
        {"+15550002222", "DE", "+15550002222"},   {"0049 30 901820", "FR", "+4930901820"},
    };
    char number[E164_MAX];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(phone_number_read(str_from(cases[i].text), str_from(cases[i].country), number, NULL), 0);
        assert_string_equal(number, cases[i].want);
    }
}

TEST(what_cannot_be_called_is_said_with_the_number_and_a_cure)
{
    static const struct {
        const char *text, *country, *holds;
    } cases[] = {
        {"", "US", "A telephone number is missing"},
        {"   ", "US", "A telephone number is missing"},
        {"not a number", "US", "\"not a number\" cannot be called: it is no telephone number; write it with +"},
        {"12", "US", "\"12\" cannot be called"},
        {"+1555", "US", "\"+1555\" cannot be called"},
        {"+1234567890123456789", "US", "cannot be called"},
        {"555\x01", "US", "cannot be called"},
        {"20 7946 0018", "", "no country code and the default country is not known"},
    };
    char number[E164_MAX] = "unchanged";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf why;
        buf_init(&why, 1024);
        assert_int_equal(phone_number_read(str_from(cases[i].text), str_from(cases[i].country), number, &why), -EINVAL);
        assert_has(buf_str(&why), cases[i].holds);
        buf_done(&why);
    }
}

TEST(of_what_is_no_number_the_digits_stay)
{
    struct buf digits;
    buf_init(&digits, 64);
    phone_number_digits(STR("call 12"), STR("US"), &digits);
    assert_str_is(buf_str(&digits), "12");
    buf_clear(&digits);
    phone_number_digits(STR(""), STR("US"), &digits);
    assert_int_equal(digits.len, 0);
    buf_done(&digits);
    assert_non_null(phone_number_source());
}

TEST_MAIN(T(three_spellings_are_one_number), T(numbers_of_other_countries),
          T(what_cannot_be_called_is_said_with_the_number_and_a_cure), T(of_what_is_no_number_the_digits_stay))
