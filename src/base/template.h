/*
 * Texts with placeholders, {{name}}: cut out here, put in by whoever knows the values. No logic, no nesting. What a
 * value may do to the text around it is decided by where it goes: into an address it is percent-encoded, into a
 * header it must not break the line, into JSON it is escaped within quotes and a JSON value outside of them.
 */
#ifndef BASE_TEMPLATE_H
#define BASE_TEMPLATE_H

#include "base/json_doc.h"

#define TEMPLATE_MAX_NAME 128

enum template_kind { TEMPLATE_URL, TEMPLATE_HEADER, TEMPLATE_JSON };

/* A value by its name; type JSON_NONE: there is none. Lent until the next question. */
typedef struct json_doc (*template_get_fn)(void *arg, struct str name);

/*
 * Splits off the text before the next placeholder and the placeholder's name, which is empty at the end of the text.
 * 1: go on; 0: that was all; -ERR_SYNTAX: a {{ that is not closed, or an empty or overlong name.
 */
MUST_USE int template_next(struct str *rest, struct str *ret_text, struct str *ret_name);

/* A value by its name, lent until the next question; false: there is none of that name. */
typedef bool (*template_text_fn)(void *arg, struct str name, struct str *ret);

/*
 * Texts for people: {{name}} and {name} are replaced by their values; whatever is no known name stays as it is.
 */
void template_fill(struct str text, template_text_fn get, void *arg, struct buf *out);

/*
 * Appends the text with its values. On failure ret_name tells the placeholder (lent by text):
 * -ERR_MISSING: no such value (in JSON outside of quotes it is null instead); -ERR_TYPE: an object or array where only
 * text can stand; -ERR_RANGE: a control character for a header, or nothing, "." or ".." as part of a path;
 * -ERR_SYNTAX; or out's error.
 */
MUST_USE int template_write(struct str text, enum template_kind kind, template_get_fn get, void *arg, struct buf *out,
                            struct str *ret_name);

#endif
