#include "wire/reader.h"

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
