/*
 * application/x-www-form-urlencoded bodies and query strings: decoder, encoder, sorted walk. Pure.
 * Decoding takes + and %20 for a blank; encoding writes %20, and %2B for a plus, as the carriers do.
 */
#ifndef WIRE_FORM_H
#define WIRE_FORM_H

#include "base/buf.h"

#define FORM_PAIRS_MAX 128

struct form_pair {
    struct str name;
    struct str value;
};

struct form {
    struct form_pair pairs[FORM_PAIRS_MAX];
    size_t n;
    struct buf text; /* what was decoded; the pairs lend it */
};

/* max_bytes limits the text of one body. */
void form_init(struct form *f, size_t max_bytes);
void form_done(struct form *f);
/*
 * Decodes a body or a query (without the question mark); what was there before is forgotten. Empty pairs ("a&&b") are
 * skipped; a name without "=" has an empty value.
 * Returns 0; -ERR_SYNTAX (malformed %XX, a NUL), -ERR_UTF8, -ERR_TOO_BIG (too many pairs or bytes), -ENOMEM.
 */
MUST_USE int form_decode(struct form *f, struct str text);
/* The first value of that name; p NULL when absent. */
struct str form_get(const struct form *f, const char *name);
bool form_has(const struct form *f, const char *name);
/* Sorts the pairs by name, then value, in byte order. */
void form_sort(struct form *f);

/*
 * One value out of a query without decoding all of it: true, and the decoded value appended to value, when name is
 * there and well-formed.
 */
bool form_find(struct str text, const char *name, struct buf *value);

/* Appends name=value, with & before it when out is not empty; percent-encoding of all but A-Z a-z 0-9 - . _ ~ */
void form_put(struct buf *out, struct str name, struct str value);
void form_put_encoded(struct buf *out, struct str text);

#endif
