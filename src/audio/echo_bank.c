#include "audio/echo_bank.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define PAD 16 /* may be read behind the last sample */

uint8_t echo_log8(uint64_t power)
{
    if (power < 2) {
        return 0;
    }
    int octave = 63 - __builtin_clzll(power);
    uint64_t part = octave >= 3 ? power >> (octave - 3) : power << (3 - octave);
    int level = octave * 8 + (int)(part & 7);
    return (uint8_t)MIN(level, ECHO_LEVEL_MAX);
}

/*
 * One step of the tree, a 5/3 lifting pair: detail is what a sample differs from its neighbours' mean (the upper half
 * of the band), smooth is the rest at half the rate, written over the input. 16 bits, saturating. Returns the energy of
 * the details. Both ways do the same to the bit; it is half of what the echo guard costs.
 */
#ifdef __SSE2__

/* v, moved up by one, behind the last of before. */
static __m128i follow_up(__m128i before, __m128i v)
{
    return _mm_or_si128(_mm_slli_si128(v, 2), _mm_srli_si128(before, 14));
}

static uint64_t sum_of(__m128i high, __m128i low)
{
    uint32_t h[4], l[4];
    _mm_storeu_si128((__m128i *)(void *)h, high);
    _mm_storeu_si128((__m128i *)(void *)l, low);
    return (((uint64_t)h[0] + h[1] + h[2] + h[3]) << 16) + ((uint64_t)l[0] + l[1] + l[2] + l[3]);
}

/* Eight pairs at a time; the last ones may be fewer, what lies behind them in x does not count. */
static uint64_t split(int16_t *x, size_t pairs, int16_t *sample, int16_t *detail)
{
    static const int16_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    __m128i odd = _mm_slli_si128(_mm_cvtsi32_si128(*sample), 14);
    __m128i d = _mm_slli_si128(_mm_cvtsi32_si128(*detail), 14);
    __m128i high = _mm_setzero_si128();
    __m128i low = _mm_setzero_si128();
    for (size_t i = 0; i < pairs; i += 8) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(x + 2 * i));
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(x + 2 * i + 8));
        __m128i even =
            _mm_packs_epi32(_mm_srai_epi32(_mm_slli_epi32(a, 16), 16), _mm_srai_epi32(_mm_slli_epi32(b, 16), 16));
        __m128i behind = _mm_packs_epi32(_mm_srai_epi32(a, 16), _mm_srai_epi32(b, 16));
        __m128i before = follow_up(odd, behind);
        __m128i now = _mm_subs_epi16(even, _mm_srai_epi16(_mm_adds_epi16(before, behind), 1));
        __m128i around = _mm_adds_epi16(follow_up(d, now), now);
        _mm_storeu_si128((__m128i *)(void *)(x + i), _mm_adds_epi16(before, _mm_srai_epi16(around, 2)));
        odd = behind;
        d = now;
        size_t over = pairs - i < 8 ? 8 - (pairs - i) : 0;
        now = _mm_and_si128(now, _mm_loadu_si128((const __m128i *)(const void *)(ones + over)));
        __m128i power = _mm_madd_epi16(now, now); /* twice the square of -32768 is right as an unsigned number */
        high = _mm_add_epi32(high, _mm_srli_epi32(power, 16));
        low = _mm_add_epi32(low, _mm_and_si128(power, _mm_set1_epi32(0xFFFF)));
    }
    if (pairs > 0) {
        int16_t last[8];
        _mm_storeu_si128((__m128i *)(void *)last, odd);
        *sample = last[(pairs - 1) % 8];
        _mm_storeu_si128((__m128i *)(void *)last, d);
        *detail = last[(pairs - 1) % 8];
    }
    return sum_of(high, low);
}

#else

static int16_t sat16(int32_t v)
{
    return (int16_t)CLAMP(v, INT16_MIN, INT16_MAX);
}

static uint64_t split(int16_t *x, size_t pairs, int16_t *sample, int16_t *detail)
{
    uint64_t energy = 0;
    for (size_t i = 0; i < pairs; i++) {
        int16_t behind = x[2 * i + 1];
        int16_t d = sat16(x[2 * i] - (sat16(*sample + behind) >> 1));
        x[i] = sat16(*sample + (sat16(*detail + d) >> 2));
        energy += (uint32_t)(d * d);
        *sample = behind;
        *detail = d;
    }
    return energy;
}

#endif

/* Half of each sample, at 8 kHz: the filters need the room. */
static size_t decimate(int16_t *x, const int16_t *pcm, size_t n, uint32_t decimation)
{
    if (decimation == 1) {
        for (size_t i = 0; i < n; i++) {
            x[i] = (int16_t)(pcm[i] >> 1);
        }
        return n;
    }
    size_t out = n / decimation;
    for (size_t i = 0; i < out; i++) {
        int32_t sum = 0;
        for (uint32_t k = 0; k < decimation; k++) {
            sum += pcm[i * decimation + k];
        }
        x[i] = (int16_t)(sum / (2 * (int32_t)decimation));
    }
    return out;
}

struct echo_level echo_bank_run(struct echo_bank *b, const int16_t *pcm, size_t n, uint32_t decimation)
{
    int16_t x[ECHO_SLOT_MAX + PAD];
    struct echo_level level = {{0}, 0};
    size_t pairs = decimate(x, pcm, MIN(n, (size_t)ECHO_SLOT_MAX), decimation) / 2;
    memset(x + 2 * pairs, 0, PAD * sizeof(*x));
    uint64_t all = 0;
    for (int i = ECHO_BANDS - 1; i >= 0; i--) {
        uint64_t power = split(x, pairs, &b->sample[i], &b->detail[i]) * 4 / MAX(pairs, 1u);
        level.band[i] = echo_log8(power);
        all += power;
        pairs /= 2;
    }
    level.all = echo_log8(all);
    return level;
}
