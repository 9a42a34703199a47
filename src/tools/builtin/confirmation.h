/*
 * The number that somebody gives at the end of a booking, found in a line of a transcript:
 *
 *     "Your confirmation number is ABC123"       ABC123
 *     "reference: A B C, one two three"          ABC123     spelt, as people do on the telephone
 *     "We have you down as XY4711."              XY4711     two letters and four digits, or the reverse
 *     "a reservation UNDER the name of Smith"    none       a code holds a digit
 *     "your reservation is at 1930"              none       times, dates and counts are none
 *
 * Pure. Thread: any.
 */
#ifndef TOOLS_BUILTIN_CONFIRMATION_H
#define TOOLS_BUILTIN_CONFIRMATION_H

#include "base/str.h"

#define CONFIRMATION_MAX 25 /* with its NUL */

/* The first one, in upper case. False: none. */
bool confirmation_find(struct str text, char ret[CONFIRMATION_MAX]);

#endif
