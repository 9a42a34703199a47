/*
 * What the JSON decoders of this folder share: the scratch buffer of one message and the name of the field that was
 * wrong. Room for the whole message is taken at the first escaped string, so that earlier slices never move.
 */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include "base/err.h"
#include "base/json.h"

struct reader {
    struct buf *scratch;
    size_t text_bytes; /* of the message: no unescaped text can be longer */
    const char *field; /* static; NULL: the text as a whole */
};

static inline struct reader reader_of(struct str text, struct buf *scratch)
{
    buf_clear(scratch);
    return (struct reader){scratch, text.n, NULL};
}

static inline int reader_fail(struct reader *r, const char *field, int err)
{
    r->field = field;
    return err;
}

/* Absent and null are the same to a reader. */
static inline bool reader_absent(struct json_val v)
{
    return v.type == JSON_NONE || v.type == JSON_NULL;
}

static inline int reader_wrong(struct reader *r, const char *field, struct json_val v)
{
    return reader_fail(r, field, reader_absent(v) ? -ERR_MISSING : -ERR_TYPE);
}

/* A string of at most max bytes: -ERR_MISSING, -ERR_TYPE, -ERR_TOO_BIG, -ERR_SYNTAX. */
MUST_USE int reader_str(struct reader *r, struct json_val v, const char *field, size_t max, struct str *ret);
/* The same, but absent or null leaves *ret as it is. */
MUST_USE int reader_opt_str(struct reader *r, struct json_val v, const char *field, size_t max, struct str *ret);

#define READER_DIGITS_MAX 18 /* fit 64 bits */

/* A whole number; carriers write some as strings, and both are taken everywhere. -ERR_TYPE, -ERR_RANGE. */
MUST_USE int reader_u64(struct reader *r, struct json_val v, const char *field, uint64_t *ret);
MUST_USE int reader_u32(struct reader *r, struct json_val v, const char *field, uint32_t *ret);
/* One key of a telephone: 0-9 * # A-D. -ERR_RANGE */
MUST_USE int reader_key(struct reader *r, struct str digit, const char *field, char *ret);

/* Well-formed and not empty. */
bool reader_is_base64(struct str s);

/* Days since 1970-01-01 of a Gregorian date (H. Hinnant, "chrono-compatible low-level date algorithms"). */
int64_t reader_days(int64_t year, int64_t month, int64_t day);

/* Behind the last member of an object or array: malformed text inside it. */
static inline int reader_end(struct reader *r, const struct json_it *it, const char *object)
{
    return it->err < 0 ? reader_fail(r, object, it->err) : 0;
}

static inline bool key_is(struct str key, const char *z, size_t n)
{
    return key.n == n && memcmp(key.p, z, n) == 0;
}
#define KEY_IS(key, lit) key_is((key), (lit), sizeof(lit) - 1)

#endif
