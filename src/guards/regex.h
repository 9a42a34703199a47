/* The one place that knows the library of regular expressions. One thread at a time. */
#ifndef GUARDS_REGEX_H
#define GUARDS_REGEX_H

#include "base/buf.h"

struct regex;

/* ret_err gets what is wrong and where. -ERR_CONFIG, -ENOMEM */
MUST_USE int regex_new(struct str pattern, bool case_sensitive, struct buf *ret_err, struct regex **ret);
struct regex *regex_free(struct regex *r);

enum regex_result { REGEX_NONE, REGEX_MATCH, REGEX_PARTIAL };
/*
 * The first match at or behind offset. Without final also one that only begins at the end of the text: REGEX_PARTIAL,
 * from is where. Bytes that are not UTF-8 match nothing. -ERR_LIMIT, -ENOMEM.
 */
MUST_USE int regex_find(struct regex *r, struct str text, uint32_t offset, bool final, uint32_t *ret_from,
                        uint32_t *ret_to);

#endif
