#include "audio/level.h"

#include <stdlib.h>

#include "base/cpu.h"
#include "base/str.h"

CPU_BODY struct level measure(const int16_t *x, size_t n, int16_t limit)
{
    struct level v = {.low = INT16_MAX, .high = INT16_MIN};
    for (size_t i = 0; i < n; i++) {
        v.sum += x[i];
        v.magnitude += abs(x[i]);
        v.low = MIN(v.low, x[i]);
        v.high = MAX(v.high, x[i]);
    }
    if (v.high >= limit || v.low <= -limit) {
        uint16_t clipped = 0;
        for (size_t i = 0; i < n; i++) {
            clipped = (uint16_t)(clipped + (x[i] >= limit) + (x[i] <= -limit));
        }
        v.clipped = clipped;
    }
    return v;
}

CPU_AVX2 static struct level measure_avx2(const int16_t *x, size_t n, int16_t limit)
{
    return measure(x, n, limit);
}

struct level level_measure(const int16_t *x, size_t n, int16_t limit)
{
    return cpu_has_avx2() ? measure_avx2(x, n, limit) : measure(x, n, limit);
}

typedef uint8_t bytes16 __attribute__((vector_size(16))); /* GCC and clang */

void level_extremes(const uint8_t *p, size_t n, uint32_t ret[2])
{
    ret[0] = ret[1] = 0;
    size_t i = 0;
    while (i + sizeof(bytes16) <= n) {
        size_t end = i + MIN((n - i) / sizeof(bytes16), (size_t)UINT8_MAX) * sizeof(bytes16);
        bytes16 counts = {0};
        for (; i < end; i += sizeof(bytes16)) {
            bytes16 v;
            memcpy(&v, p + i, sizeof(v));
            counts -= (bytes16)(v + 4 < 8); /* 0xFC .. 0x03; a comparison gives 0 or -1 */
        }
        for (size_t k = 0; k < sizeof(bytes16); k++) {
            ret[k % 2] += counts[k];
        }
    }
    for (; i < n; i++) {
        ret[i % 2] += (uint8_t)(p[i] + 4) < 8;
    }
}
