#include "audio/resample_dot.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void resample_dot4_plain(const struct resample_row rows[4], uint32_t n_taps, int shift, int16_t *out)
{
    for (int r = 0; r < 4; r++) {
        int32_t sum = 1 << (shift - 1);
        for (uint32_t i = 0; i < n_taps; i++) {
            sum += rows[r].x[i] * rows[r].taps[i];
        }
        sum >>= shift;
        out[r] = (int16_t)CLAMP(sum, INT16_MIN, INT16_MAX);
    }
}

#ifdef __SSE2__
static inline __m128i load(const int16_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Taps are aligned, so that they go into pmaddwd as a memory operand. */
static inline __m128i step(__m128i sum, const int16_t *x, const int16_t *taps)
{
    return _mm_add_epi32(sum, _mm_madd_epi16(load(x), *(const __m128i *)(const void *)taps));
}

/* Four sums stay apart in their registers; one transposition at the end adds each of them up. */
void resample_dot4_sse2(const struct resample_row rows[4], uint32_t n_taps, int shift, int16_t *out)
{
    const struct resample_row p = rows[0];
    const struct resample_row q = rows[1];
    const struct resample_row r = rows[2];
    const struct resample_row s = rows[3];
    __m128i a = _mm_setzero_si128();
    __m128i b = a;
    __m128i c = a;
    __m128i d = a;
    for (uint32_t i = 0; i < n_taps; i += 16) {
        a = step(step(a, p.x + i, p.taps + i), p.x + i + 8, p.taps + i + 8);
        b = step(step(b, q.x + i, q.taps + i), q.x + i + 8, q.taps + i + 8);
        c = step(step(c, r.x + i, r.taps + i), r.x + i + 8, r.taps + i + 8);
        d = step(step(d, s.x + i, s.taps + i), s.x + i + 8, s.taps + i + 8);
    }
    __m128i ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b)); /* a0+a2 b0+b2 a1+a3 b1+b3 */
    __m128i cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
    __m128i sums = _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
    sums = _mm_add_epi32(sums, _mm_set1_epi32(1 << (shift - 1)));
    sums = _mm_sra_epi32(sums, _mm_cvtsi32_si128(shift));
    _mm_storel_epi64((__m128i *)(void *)out, _mm_packs_epi32(sums, sums)); /* packs saturates */
}
#endif
