/* Who knows numbering plans: libphonenumber behind C linkage, or what stands in for it. Private to src/numbers. */
#ifndef NUMBERS_NUMBER_LIB_H
#define NUMBERS_NUMBER_LIB_H

#include <stddef.h>

#define NUMBER_LIB_MAX 17 /* as E164_MAX */

#ifdef __cplusplus
extern "C" {
#endif

enum number_error {
    NUMBER_NONE = -1, /* it is none */
    NUMBER_TOO_SHORT = -2,
    NUMBER_TOO_LONG = -3,
    NUMBER_EXTENSION = -4,
    NUMBER_COUNTRY = -5 /* of which country? */
};

/* text: printable, trimmed; ret has room for NUMBER_LIB_MAX. 0 or a number_error; never throws. */
int number_lib_read(const char *text, size_t n, const char *country, size_t country_n, char *ret);
const char *number_lib_name(void);

#ifdef __cplusplus
}
#endif

#endif
