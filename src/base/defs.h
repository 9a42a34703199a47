/* Compiler facts and the few macros that every file may use. No functions, no state. */
#ifndef BASE_DEFS_H
#define BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED                 __attribute__((unused))

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define MIN(a, b)        ((a) < (b) ? (a) : (b))
#define MAX(a, b)        ((a) > (b) ? (a) : (b))
#define CLAMP(x, lo, hi) ((x) < (lo) ? (lo) : (x) > (hi) ? (hi) : (x))

/*
 * Cleanup of locals. DEFINE_CLEANUP(struct x, x_free) once beside the declaration of x_free, then
 *     CLEANUP(x_free) struct x *x = x_new();
 *     return TAKE(x);          ownership leaves, nothing is freed
 */
#define DEFINE_CLEANUP(type, fn)                                                                                       \
    static inline UNUSED void fn##_at_exit(type **p)                                                                   \
    {                                                                                                                  \
        if (*p) {                                                                                                      \
            fn(*p);                                                                                                    \
        }                                                                                                              \
    }                                                                                                                  \
    struct base_swallow_semicolon
#define CLEANUP(fn) __attribute__((cleanup(fn##_at_exit)))
#define TAKE(p)                                                                                                        \
    __extension__({                                                                                                    \
        __typeof__(p) take_ = (p);                                                                                     \
        (p) = NULL;                                                                                                    \
        take_;                                                                                                         \
    })

/* A result that is ignored on purpose; write the reason beside it. */
#define ignore_result(expr)                                                                                            \
    do {                                                                                                               \
        if (expr) {                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
