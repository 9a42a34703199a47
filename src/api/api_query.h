/* Query strings (application/x-www-form-urlencoded). Pure. */
#ifndef API_API_QUERY_H
#define API_API_QUERY_H

#include "base/arena.h"

/* The decoded value of the first parameter of that name, empty (p NULL) when absent. -ERR_SYNTAX (bad %xx), -ENOMEM */
MUST_USE int api_query_get(struct str query, const char *name, struct arena *a, struct str *ret);
/* Decimal in [0, max]; *ret is untouched when absent. -ERR_SYNTAX, -ERR_RANGE */
MUST_USE int api_query_u64(struct str query, const char *name, uint64_t max, uint64_t *ret);
/* limit (1 to 1000, 100 when absent) and offset of a list. NULL, or a sentence for the client. */
const char *api_query_page(struct str query, uint32_t *ret_limit, uint32_t *ret_offset);

#endif
