/* Confirmation numbers in a line of a transcript: what is found is one, and stands for something in the text. */
#include "fuzz.h"

#include "base/str.h"
#include "tools/builtin/confirmation.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    char found[CONFIRMATION_MAX] = "?";
    char again[CONFIRMATION_MAX] = "";
    if (!confirmation_find(text, found)) {
        return 0;
    }
    size_t n = str_from(found).n;
    bool digit = false;
    REQUIRE(n >= 4 && n < CONFIRMATION_MAX);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(is_digit(found[i]) || (found[i] >= 'A' && found[i] <= 'Z') || found[i] == '-');
        digit = digit || is_digit(found[i]);
    }
    REQUIRE(digit);
    REQUIRE(confirmation_find(text, again) && str_is(str_from(again), found));
    return 0;
}
