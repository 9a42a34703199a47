/*
 * JSON Schema, the part that describes the arguments of a function: type (also a list of types), properties,
 * required, additionalProperties, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf,
 * minLength, maxLength, pattern, items, minItems, maxItems, minProperties, maxProperties, anyOf, oneOf, allOf, not;
 * true and false as schemas. Other keywords are ignored, and named once by json_schema_new. Not here: $ref, format.
 *
 * Limits: nesting 32, 4096 steps for one value; an object that is checked has at most 256 members. pattern is a POSIX
 * extended regular expression without back references, looked for in at most 4096 bytes. Immutable, except that one
 * schema is used by one thread at a time.
 */
#ifndef BASE_JSON_SCHEMA_H
#define BASE_JSON_SCHEMA_H

#include "base/json_doc.h"

#define JSON_SCHEMA_MAX_BYTES (32 * 1024)

struct json_schema;

/* Tells where something is wrong or ignored: a JSON pointer into the schema, and a sentence about it. */
typedef void (*json_schema_note_fn)(struct str pointer, struct str text, void *arg);

/*
 * Reads a schema. on_error gets the mistake (of -ERR_CONFIG), on_ignored every keyword that will not be checked; both
 * may be NULL. -ERR_SYNTAX, -ERR_UTF8 and -ERR_TOO_BIG without a note when it is no JSON document at all; -ENOMEM.
 */
MUST_USE int json_schema_new(struct str text, json_schema_note_fn on_error, json_schema_note_fn on_ignored, void *arg,
                             struct json_schema **ret);
struct json_schema *json_schema_free(struct json_schema *s);

/*
 * 0: the value is as described. -ERR_TYPE: why says where and what was expected, in words for whoever made the value
 * ("address.zip must be a text, not a number"); -ENOMEM.
 */
MUST_USE int json_schema_check(const struct json_schema *s, const struct json_doc *value, struct buf *why);

#endif
