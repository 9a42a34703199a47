#include "base/str.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool str_ieq(struct str a, struct str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

int str_index(struct str a, const char *const *words, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (str_is(a, words[i])) {
            return (int)i;
        }
    }
    return -EINVAL;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

size_t str_find(struct str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

size_t str_search(struct str s, struct str needle)
{
    if (needle.n == 0) {
        return 0;
    }
    const char *at = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.n && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

bool str_split(struct str *rest, char sep, struct str *ret_part)
{
    if (!rest->p) {
        return false;
    }
    size_t at = str_find(*rest, sep);
    *ret_part = (struct str){rest->p, at};
    if (at == rest->n) {
        *rest = STR_NULL;
    } else {
        rest->p += at + 1;
        rest->n -= at + 1;
    }
    return true;
}

int str_copy(char *dst, size_t cap, struct str s)
{
    if (s.n >= cap) {
        if (cap) {
            dst[0] = '\0';
        }
        return -ENOSPC;
    }
    if (s.n) {
        memcpy(dst, s.p, s.n);
    }
    dst[s.n] = '\0';
    return 0;
}

int str_to_i64(struct str s, int64_t *ret)
{
    bool negative = s.n && s.p[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == s.n) {
        return -ERR_SYNTAX;
    }
    int64_t value = 0;
    for (; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return -ERR_SYNTAX;
        }
        int digit = s.p[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            (negative ? __builtin_sub_overflow(value, digit, &value) : __builtin_add_overflow(value, digit, &value))) {
            return -ERR_RANGE;
        }
    }
    *ret = value;
    return 0;
}

int str_to_f64(struct str s, double *ret)
{
    char text[64];
    if (s.n == 0 || is_blank(s.p[0]) || str_copy(text, sizeof(text), s) < 0) {
        return -ERR_SYNTAX;
    }
    char *end = NULL;
    double value = strtod(text, &end);
    if (end != text + s.n || !isfinite(value)) {
        return -ERR_SYNTAX;
    }
    *ret = value;
    return 0;
}

char *str_dup(struct str s)
{
    char *z = malloc(s.n + 1);
    if (z) {
        if (s.n) {
            memcpy(z, s.p, s.n);
        }
        z[s.n] = '\0';
    }
    return z;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
    }
    return h ? h : 1;
}
