/*
 * Telephone numbers as people write them, as carriers take them: +15551234567. With libphonenumber (Meson feature
 * phonenumber) numbering plans are known: how long the numbers of a country are, trunk prefixes, letters on keys.
 * Without it the calling codes of base/e164.h are. Whether a number exists is the carrier's to say. Pure. Thread: any.
 */
#ifndef NUMBERS_NUMBER_H
#define NUMBERS_NUMBER_H

#include "base/buf.h"
#include "base/e164.h"

/*
 * country: of a number without + ("US", "de"); DEFAULT_COUNTRY_CODE. 0; -EINVAL: it cannot be dialled, and why (may be
 * NULL) gets a sentence that names the number and says what to do.
 */
MUST_USE int phone_number_read(struct str text, struct str country, char ret[E164_MAX], struct buf *why);
/* The digits without +, as the reference system keeps them; of what is no number, the digits that are there. */
void phone_number_digits(struct str text, struct str country, struct buf *out);
/* "libphonenumber 8.12", or "built-in calling codes". */
const char *phone_number_source(void);

#endif
