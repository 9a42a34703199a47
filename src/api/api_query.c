#include "api/api_query.h"

#include "base/err.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(struct str in, struct arena *a, struct str *ret)
{
    char *out = arena_alloc(a, in.n + 1);
    size_t n = 0;
    if (!out) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int hi = i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
            int lo = i + 2 < in.n ? hex_digit(in.p[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                return -ERR_SYNTAX;
            }
            c = (char)(hi * 16 + lo);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    *ret = (struct str){out, n};
    return 0;
}

static struct str find(struct str query, const char *name)
{
    struct str pair;
    while (str_split(&query, '&', &pair)) {
        size_t eq = str_find(pair, '=');
        if (str_is((struct str){pair.p, eq}, name)) {
            return eq < pair.n ? (struct str){pair.p + eq + 1, pair.n - eq - 1} : STR("");
        }
    }
    return STR_NULL;
}

int api_query_get(struct str query, const char *name, struct arena *a, struct str *ret)
{
    struct str raw = find(query, name);
    if (!raw.p) {
        *ret = STR_NULL;
        return 0;
    }
    return decode(raw, a, ret);
}

int api_query_u64(struct str query, const char *name, uint64_t max, uint64_t *ret)
{
    struct str raw = find(query, name);
    int64_t v = 0;
    if (!raw.p) {
        return 0;
    }
    int err = str_to_i64(raw, &v);
    if (err < 0) {
        return err;
    }
    if (v < 0 || (uint64_t)v > max) {
        return -ERR_RANGE;
    }
    *ret = (uint64_t)v;
    return 0;
}

const char *api_query_page(struct str query, uint32_t *ret_limit, uint32_t *ret_offset)
{
    uint64_t limit = 100;
    uint64_t offset = 0;
    if (api_query_u64(query, "limit", 1000, &limit) < 0 || limit == 0) {
        return "limit must be a number from 1 to 1000";
    }
    if (api_query_u64(query, "offset", UINT32_MAX, &offset) < 0) {
        return "offset must be a number";
    }
    *ret_limit = (uint32_t)limit;
    *ret_offset = (uint32_t)offset;
    return NULL;
}
