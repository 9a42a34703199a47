/*
 * JSON documents that are looked into by name and more than once: tool arguments, their schemas, answers of web
 * services. A tree in an arena of its own, made by the scanner of json.h. Not for the wire and not for calls: those
 * scan. Limits: nesting 64, JSON_DOC_MAX_VALUES values; the size of the text is the caller's to bound. Immutable:
 * several threads may read one document.
 */
#ifndef BASE_JSON_DOC_H
#define BASE_JSON_DOC_H

#include "base/arena.h"
#include "base/json.h"

#define JSON_DOC_MAX_VALUES 50000

/* One value; it lives as long as its document. */
struct json_doc {
    enum json_type type;
    bool whole;      /* a number without a fraction: 3, 3.0 */
    double number;   /* of a number */
    struct str text; /* of a string, unescaped, may hold NUL bytes; of a number as it was written */
    struct str key;  /* of a member, unescaped */
    const struct json_doc *first, *next;
    uint32_t count; /* members or elements */
};

/*
 * Takes any value with nothing around it; keeps nothing of text. Doubled keys stay: json_doc_get finds the first.
 * -ERR_SYNTAX; -ERR_UTF8 for a string that is none; -ERR_RANGE for a number that no double holds; -ERR_TOO_BIG;
 * -ENOMEM.
 */
MUST_USE int json_doc_parse(struct str text, const struct json_doc **ret);
/* The whole document, given its root. NULL is fine. */
const struct json_doc *json_doc_free(const struct json_doc *root);

/* NULL: not there, or v is NULL, or no object or array. */
const struct json_doc *json_doc_get(const struct json_doc *v, struct str key);
const struct json_doc *json_doc_at(const struct json_doc *v, uint32_t index);
/* Steps through "a.b.0.c" or, beginning with a slash, a JSON pointer (RFC 6901); empty: v itself. */
const struct json_doc *json_doc_find(const struct json_doc *v, struct str path);
/* The same value; 1 and 1.0 are, the order of members does not count. */
bool json_doc_equal(const struct json_doc *a, const struct json_doc *b);
/* Compact text, in the order of the document. */
void json_doc_write(const struct json_doc *v, struct buf *out);

#endif
