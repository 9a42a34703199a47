/* What this CPU can do beyond the baseline of its architecture. Asked where it matters: it costs two instructions. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>

static inline bool cpu_has_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

#endif
