/*
 * String and byte views. A view lends memory owned by somebody else: it is valid as long as the
 * function that received it runs, unless its comment says more. No allocation, no NUL needed.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>

#include "base/defs.h"

struct str {
    const char *p;
    size_t n;
};

struct span {
    const uint8_t *p;
    size_t n;
};

/* A name and what it stands for: parameters, headers. */
struct str_pair {
    struct str name;
    struct str value;
};

#define STR(lit)   ((struct str){(lit), sizeof(lit) - 1})
#define STR_NULL   ((struct str){NULL, 0})
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_from(const char *z)
{
    return (struct str){z, z ? strlen(z) : 0};
}

static inline struct str str_of_span(struct span s)
{
    return (struct str){(const char *)s.p, s.n};
}

static inline struct span span_of_str(struct str s)
{
    return (struct span){(const uint8_t *)s.p, s.n};
}

static inline struct span span_from(const void *p, size_t n)
{
    return (struct span){(const uint8_t *)p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *z)
{
    return str_eq(a, str_from(z));
}

/* ASCII case-insensitive compare. */
bool str_ieq(struct str a, struct str b);
/* Where a stands among n words; -EINVAL: nowhere. */
MUST_USE int str_index(struct str a, const char *const *words, uint32_t n);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* First position of c, or s.n when absent. */
size_t str_find(struct str s, char c);
/* First position of needle, or SIZE_MAX when absent. */
size_t str_search(struct str s, struct str needle);
struct str str_trim(struct str s);
/* Cuts off what precedes sep (or everything) and moves *rest behind it. False when *rest is exhausted. */
bool str_split(struct str *rest, char sep, struct str *ret_part);
/* Copies with a closing NUL; -ENOSPC (nothing written but an empty string) when it does not fit. */
MUST_USE int str_copy(char *dst, size_t cap, struct str s);
/* Decimal integer, whole string, no leading blanks; -ERR_SYNTAX or -ERR_RANGE. */
MUST_USE int str_to_i64(struct str s, int64_t *ret);
MUST_USE int str_to_f64(struct str s, double *ret);
/* Heap copy with a closing NUL, NULL when out of memory. gives */
char *str_dup(struct str s);

/* FNV-1a over the bytes, never 0: to find a text again. Not against forgery. */
uint64_t str_hash(struct str s);

#endif
