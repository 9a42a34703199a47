/*
 * Telephone numbers as people write and say them, in the form that carriers take: "+" and 3 to 15 digits (E.164).
 * Knows the calling codes and trunk prefixes of countries, not their numbering plans: whether a number exists is the
 * carrier's to say. Pure. Thread: any.
 */
#ifndef BASE_E164_H
#define BASE_E164_H

#include "base/str.h"

#define E164_MAX 17 /* "+", 15 digits, NUL */

/*
 * Blanks, "-", ".", "/", "(" and ")" are passed over, "00" (and "011" from North America) count as "+", "(0)" behind a
 * calling code is left out. A number without + is one of country ("US", "de"); its trunk prefix is left out.
 * Returns 0; -EINVAL: it is no telephone number; -ERR_MISSING: without + and of an unknown country.
 */
MUST_USE int e164_normalize(struct str text, struct str country, char ret[E164_MAX]);
/* True when it has exactly that form. */
bool e164_is(struct str text);

#endif
