/* What this CPU can do beyond the baseline of its architecture. Asked where it matters: it costs two instructions. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>

/*
 * For loops over samples and the like that the compiler makes wide by itself: CPU_BODY is the loop, which is built into
 * two functions, one of them CPU_AVX2.
 */
#define CPU_BODY static inline __attribute__((always_inline))
#if defined(__x86_64__)
#define CPU_AVX2 __attribute__((target("avx2")))
#else
#define CPU_AVX2
#endif

static inline bool cpu_has_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

#endif
