/*
 * One comparison on a JSON document, as a person writes it: "amount > 100", "country != DE", "items.0.kind == gift",
 * "note contains urgent", "iban matches ^DE", "coupon exists". What cannot be compared (a value that is not there,
 * a text that is no number where one is needed) is neither true nor false: whoever asks decides what doubt means.
 *
 *     comparison = path ("==" | "!=" | ">" | ">=" | "<" | "<=" | "contains" | "matches") value  |  path "exists"
 *     path       = as json_doc_find takes it, "arguments." before it is left out
 *     value      = the rest of the line: JSON (5, true, "a b"), else the text as it is
 */
#ifndef BASE_CONDITION_H
#define BASE_CONDITION_H

#include "base/json_doc.h"

#define CONDITION_MAX_BYTES 1024

struct condition;

enum condition_answer { CONDITION_FALSE, CONDITION_TRUE, CONDITION_UNKNOWN };

/* keeps nothing of text. -ERR_SYNTAX with what is wrong in ret_why; -ENOMEM */
MUST_USE int condition_new(struct str text, struct buf *ret_why, struct condition **ret);
struct condition *condition_free(struct condition *c);
/* doc NULL: there is no document, and only doubt. */
enum condition_answer condition_ask(const struct condition *c, const struct json_doc *doc);

#endif
