/*
 * JSON on the wire: a pull scanner over slices and a writer into a buf. The scanner allocates nothing and copies
 * nothing; values are slices of the text. It checks what it walks over: structure, literals, numbers, string ends.
 * Limits: nesting 64. Documents that must be kept or edited live behind json_doc.h instead. Source: RFC 8259.
 *
 *     struct json_val msg, v; struct json_it it; struct str key;
 *     err = json_parse(text, &msg);
 *     for (it = json_object(msg); json_next(&it, &key, &v);) { if (str_is(key, "event")) ... }
 *     if (it.err) ...
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#define JSON_MAX_DEPTH 64

enum json_type { JSON_NONE, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_OBJECT, JSON_ARRAY };

struct json_val {
    enum json_type type;
    bool escaped; /* a string that holds backslashes: json_unescape before use as text */
    struct str s; /* string without quotes, number text, or the container with its brackets; lent */
};

struct json_it {
    const char *p;
    const char *end;
    bool started;
    bool object;
    int err; /* -ERR_SYNTAX after a malformed member; the loop has ended */
};

/* Takes one whole value with nothing but blanks around it; checks all of it. -ERR_SYNTAX. */
MUST_USE int json_parse(struct str text, struct json_val *ret);
/* As json_parse, but requires an object and leaves its members unchecked until they are walked. The fast path. */
MUST_USE int json_open(struct str text, struct json_val *ret);
/* Iterators; a value of another type gives an empty iteration with err set to -ERR_TYPE. */
struct json_it json_object(struct json_val v);
struct json_it json_array(struct json_val v);
bool json_next(struct json_it *it, struct str *ret_key, struct json_val *ret);
bool json_elem(struct json_it *it, struct json_val *ret);
/* Member of an object by its (unescaped) name; type JSON_NONE when absent or v is no object. */
struct json_val json_get(struct json_val v, const char *key);
/* Walks "a.b.c". */
struct json_val json_path(struct json_val v, const char *path);
/* Typed reads: 0, -ERR_MISSING (absent or null), -ERR_TYPE, -ERR_RANGE. *ret untouched on error. */
MUST_USE int json_to_i64(struct json_val v, int64_t *ret); /* fractions are cut towards zero */
MUST_USE int json_to_f64(struct json_val v, double *ret);
MUST_USE int json_to_bool(struct json_val v, bool *ret);
/* The text of a string; appended unescaped to scratch when it holds escapes, else lent. -ERR_TYPE, -ERR_UTF8, -ENOMEM
 */
MUST_USE int json_to_str(struct json_val v, struct buf *scratch, struct str *ret);
/* Copies the unescaped text with a closing NUL into a fixed array. -ENOSPC, -ERR_TYPE */
MUST_USE int json_copy_str(struct json_val v, char *dst, size_t cap);
/* Appends the unescaped text; lone surrogates become U+FFFD. -ERR_SYNTAX on a bad escape. */
MUST_USE int json_unescape(struct str raw, struct buf *out);

/* Writer. Commas are put by the writer; the buffer's sticky error tells at the end whether all went well. */
struct json_w {
    struct buf *out;
    bool comma;
};

static inline struct json_w json_w(struct buf *out)
{
    return (struct json_w){out, false};
}
void json_w_open(struct json_w *w);                 /* { */
void json_w_close(struct json_w *w);                /* } */
void json_w_array(struct json_w *w);                /* [ */
void json_w_end(struct json_w *w);                  /* ] */
void json_w_key(struct json_w *w, const char *key); /* "key": (key needs no escaping) */
void json_w_str(struct json_w *w, struct str s);    /* escaped; invalid UTF-8 bytes become U+FFFD */
void json_w_i64(struct json_w *w, int64_t v);
void json_w_f64(struct json_w *w, double v); /* shortest of %.6g that is finite; else null */
void json_w_bool(struct json_w *w, bool v);
void json_w_null(struct json_w *w);
void json_w_raw(struct json_w *w, struct str json); /* a value already in JSON */
/* key and value in one */
void json_w_kstr(struct json_w *w, const char *key, struct str s);
void json_w_kz(struct json_w *w, const char *key, const char *z); /* NULL gives null */
void json_w_ki64(struct json_w *w, const char *key, int64_t v);
void json_w_kf64(struct json_w *w, const char *key, double v);
void json_w_kbool(struct json_w *w, const char *key, bool v);
/* Quoted and escaped text straight into a buffer. */
void json_put_quoted(struct buf *out, struct str s);

/* Length of the well-formed UTF-8 sequence at s (1 to 4), 0 when malformed. */
size_t utf8_len(struct str s);
bool utf8_valid(struct str s);

#endif
