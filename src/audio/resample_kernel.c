#include "audio/resample_kernel.h"

#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

static inline int16_t low_of(uint32_t pair)
{
    return (int16_t)(uint16_t)(pair & 0xFFFF);
}

static inline int16_t high_of(uint32_t pair)
{
    return (int16_t)(uint16_t)(pair >> 16);
}

void resample_kernel_plain(const struct resample_sum *s, int16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 1 << (s->shift - 1);
        for (uint32_t stream = 0; stream < s->n_streams; stream++) {
            const int16_t *taps = s->taps + stream * s->n_taps;
            const uint32_t *x = s->pairs[stream] + i;
            for (uint32_t q = 0; q < s->n_taps; q += 2) {
                sum += low_of(x[q]) * taps[q] + high_of(x[q]) * taps[q + 1];
            }
        }
        sum >>= s->shift;
        out[i] = (int16_t)CLAMP(sum, INT16_MIN, INT16_MAX);
    }
}

#ifdef __SSE2__
static inline int32_t two_taps(const int16_t *taps)
{
    int32_t both;
    memcpy(&both, taps, sizeof(both));
    return both;
}

static inline __m128i step4(__m128i sum, const uint32_t *x, __m128i taps)
{
    return _mm_add_epi32(sum, _mm_madd_epi16(_mm_loadu_si128((const __m128i *)(const void *)x), taps));
}

static inline void store8(int16_t *out, __m128i a, __m128i b, __m128i shift)
{
    a = _mm_packs_epi32(_mm_sra_epi32(a, shift), _mm_sra_epi32(b, shift)); /* packs saturates */
    _mm_storeu_si128((__m128i *)(void *)out, a);
}

/* Half a group: eight sums at once would want more registers than there are. */
static inline void half_group(const struct resample_sum *s, size_t i, int16_t *out)
{
    const __m128i shift = _mm_cvtsi32_si128(s->shift);
    __m128i a = _mm_set1_epi32(1 << (s->shift - 1));
    __m128i b = a;
    __m128i c = a;
    __m128i d = a;
    for (uint32_t stream = 0; stream < s->n_streams; stream++) {
        const int16_t *taps = s->taps + stream * s->n_taps;
        const uint32_t *x = s->pairs[stream] + i;
        for (uint32_t q = 0; q < s->n_taps; q += 2) {
            __m128i h = _mm_set1_epi32(two_taps(taps + q));
            a = step4(a, x + q, h);
            b = step4(b, x + q + 4, h);
            c = step4(c, x + q + 8, h);
            d = step4(d, x + q + 12, h);
        }
    }
    store8(out + i, a, b, shift);
    store8(out + i + 8, c, d, shift);
}

void resample_kernel_sse2(const struct resample_sum *s, int16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += RESAMPLE_LANES) {
        half_group(s, i, out);
        half_group(s, i + RESAMPLE_LANES / 2, out);
    }
}

#define AVX2 __attribute__((target("avx2")))

static inline AVX2 __m256i step8(__m256i sum, const uint32_t *x, __m256i taps)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_loadu_si256((const __m256i *)(const void *)x), taps));
}

static inline AVX2 void store16(int16_t *out, __m256i a, __m256i b, __m128i shift)
{
    __m256i packed = _mm256_packs_epi32(_mm256_sra_epi32(a, shift), _mm256_sra_epi32(b, shift));
    packed = _mm256_permute4x64_epi64(packed, 0xD8); /* packs works in halves: a0 b0 a1 b1 */
    _mm256_storeu_si256((__m256i *)(void *)out, packed);
}

AVX2 void resample_kernel_avx2(const struct resample_sum *s, int16_t *out, size_t n)
{
    const __m128i shift = _mm_cvtsi32_si128(s->shift);
    for (size_t i = 0; i < n; i += RESAMPLE_LANES) {
        __m256i a = _mm256_set1_epi32(1 << (s->shift - 1));
        __m256i b = a;
        __m256i c = a;
        __m256i d = a;
        for (uint32_t stream = 0; stream < s->n_streams; stream++) {
            const int16_t *taps = s->taps + stream * s->n_taps;
            const uint32_t *x = s->pairs[stream] + i;
            for (uint32_t q = 0; q < s->n_taps; q += 2) {
                __m256i h = _mm256_set1_epi32(two_taps(taps + q));
                a = step8(a, x + q, h);
                b = step8(b, x + q + 8, h);
                c = step8(c, x + q + 16, h);
                d = step8(d, x + q + 24, h);
            }
        }
        store16(out + i, a, b, shift);
        store16(out + i + 16, c, d, shift);
    }
}
#endif

resample_kernel_fn resample_kernel_best(void)
{
#ifdef __SSE2__
    return __builtin_cpu_supports("avx2") ? resample_kernel_avx2 : resample_kernel_sse2;
#else
    return resample_kernel_plain;
#endif
}
