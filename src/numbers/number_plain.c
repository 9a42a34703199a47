/* Built without libphonenumber: calling codes and trunk prefixes. */
#include "base/err.h"
#include "numbers/number.h"
#include "numbers/number_lib.h"

int number_lib_read(const char *text, size_t n, const char *country, size_t country_n, char *ret)
{
    int err = e164_normalize((struct str){text, n}, (struct str){country, country_n}, ret);
    return err >= 0 ? 0 : err == -ERR_MISSING ? NUMBER_COUNTRY : NUMBER_NONE;
}

const char *number_lib_name(void)
{
    return "built-in calling codes";
}
