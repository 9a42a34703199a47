#include "numbers/number.h"

#include "base/err.h"
#include "numbers/number_lib.h"

_Static_assert(NUMBER_LIB_MAX == E164_MAX, "the same room on both sides");

#define TEXT_MAX 64 /* no number is written longer */

static const char *reason_of(int err)
{
    switch (err) {
    case NUMBER_TOO_SHORT:
        return "it has too few digits for its country";
    case NUMBER_TOO_LONG:
        return "it has too many digits for its country";
    case NUMBER_EXTENSION:
        return "it has an extension, which nobody can dial; leave that out";
    case NUMBER_COUNTRY:
        return "it has no country code and the default country is not known: write it as +15551234567 or set "
               "DEFAULT_COUNTRY_CODE";
    default:
        return "it is no telephone number; write it with + and country code, as in +15551234567";
    }
}

static bool is_text(struct str s)
{
    bool ok = s.n > 0 && s.n <= TEXT_MAX;
    for (size_t i = 0; i < s.n && ok; i++) {
        ok = (uint8_t)s.p[i] >= ' ';
    }
    return ok;
}

int phone_number_read(struct str text, struct str country, char ret[E164_MAX], struct buf *why)
{
    struct str s = str_trim(text);
    int err = is_text(s) ? number_lib_read(s.p, s.n, country.p, country.n, ret) : NUMBER_NONE;
    if (err == 0) {
        return 0;
    }
    if (why && s.n == 0) {
        buf_puts(why, "A telephone number is missing: write it as +15551234567.");
    } else if (why) {
        struct str shown = {s.p, MIN(s.n, (size_t)TEXT_MAX)};
        buf_printf(why, "\"" STR_FMT "\" cannot be called: %s.", STR_ARG(shown), reason_of(err));
    }
    return -EINVAL;
}

void phone_number_digits(struct str text, struct str country, struct buf *out)
{
    char number[E164_MAX];
    if (phone_number_read(text, country, number, NULL) >= 0) {
        buf_puts(out, number + 1);
        return;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] >= '0' && text.p[i] <= '9') {
            buf_putc(out, text.p[i]);
        }
    }
}

const char *phone_number_source(void)
{
    return number_lib_name();
}
