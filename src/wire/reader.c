#include "wire/reader.h"

#include "base/base64.h"

int reader_str(struct reader *r, struct json_val v, const char *field, size_t max, struct str *ret)
{
    struct str s = v.s;
    if (v.type != JSON_STRING) {
        return reader_wrong(r, field, v);
    }
    if (v.escaped) {
        if (r->scratch->len == 0 && !buf_room(r->scratch, r->text_bytes)) {
            return reader_fail(r, field, r->scratch->err);
        }
        int err = json_to_str(v, r->scratch, &s);
        if (err < 0) {
            return reader_fail(r, field, err);
        }
    }
    if (s.n > max) {
        return reader_fail(r, field, -ERR_TOO_BIG);
    }
    *ret = s;
    return 0;
}

int reader_opt_str(struct reader *r, struct json_val v, const char *field, size_t max, struct str *ret)
{
    return reader_absent(v) ? 0 : reader_str(r, v, field, max, ret);
}

static int digits_to_u64(struct str s, uint64_t *ret)
{
    if (s.n == 0 || s.n > READER_DIGITS_MAX) {
        return -ERR_RANGE;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return -ERR_RANGE;
        }
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *ret = v;
    return 0;
}

int reader_u64(struct reader *r, struct json_val v, const char *field, uint64_t *ret)
{
    if (v.type != JSON_STRING && v.type != JSON_NUMBER) {
        return reader_wrong(r, field, v);
    }
    return digits_to_u64(v.s, ret) < 0 ? reader_fail(r, field, -ERR_RANGE) : 0;
}

int reader_u32(struct reader *r, struct json_val v, const char *field, uint32_t *ret)
{
    uint64_t n;
    int err = reader_u64(r, v, field, &n);
    if (err < 0) {
        return err;
    }
    if (n > UINT32_MAX) {
        return reader_fail(r, field, -ERR_RANGE);
    }
    *ret = (uint32_t)n;
    return 0;
}

int reader_key(struct reader *r, struct str digit, const char *field, char *ret)
{
    if (digit.n != 1 || !memchr("0123456789*#ABCDabcd", digit.p[0], 20)) {
        return reader_fail(r, field, -ERR_RANGE);
    }
    *ret = digit.p[0] >= 'a' ? (char)(digit.p[0] - 'a' + 'A') : digit.p[0];
    return 0;
}

/* A multiple of 4; decoded piecewise into a small array, for the payload may have any length. */
#define PIECE 1024

bool reader_is_base64(struct str s)
{
    if (s.n == 0 || s.n % 4 != 0) {
        return false;
    }
    while (s.n) {
        uint8_t out[PIECE];
        struct str part = {s.p, MIN(s.n, (size_t)PIECE)};
        int n = base64_decode(out, part);
        if (n < 0 || (part.n < s.n && n != PIECE / 4 * 3)) { /* padding only at the very end */
            return false;
        }
        s.p += part.n;
        s.n -= part.n;
    }
    return true;
}

int64_t reader_days(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400; /* years before 0 do not come in */
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}
