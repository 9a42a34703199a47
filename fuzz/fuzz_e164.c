/* Telephone numbers: the first line is a country, the rest a number. What comes out has the form, and stays as it is.
 */
#include "fuzz.h"

#include "base/e164.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    size_t line = size ? str_find(rest, '\n') : 0;
    struct str country = {rest.p, line};
    struct str text = {rest.p + MIN(line + 1, size), size - MIN(line + 1, size)};
    char number[E164_MAX];
    char again[E164_MAX];
    bool is = e164_is(text);
    int err = e164_normalize(text, country, number);
    REQUIRE(err == 0 || err < 0);
    REQUIRE(!is || (err == 0 && str_is(text, number))); /* one that has the form already is one */
    if (err == 0) {
        REQUIRE(e164_is(str_from(number)));
        REQUIRE(e164_normalize(str_from(number), country, again) == 0);
        REQUIRE(str_is(str_from(again), number));
    }
    return 0;
}
