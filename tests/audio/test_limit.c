#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "audio/codec.h"
#include "audio/convert.h"
#include "audio/limit.h"

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void tone(int16_t *x, size_t n, double hz, double amplitude, uint32_t rate)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = (int16_t)CLAMP(lrint(amplitude * sin(2 * M_PI * hz * (double)i / rate + 0.4)), -32768L, 32767L);
    }
}

static int32_t peak(const int16_t *x, size_t n)
{
    int32_t p = 0;
    for (size_t i = 0; i < n; i++) {
        p = MAX(p, abs(x[i]));
    }
    return p;
}

TEST(what_stays_below_the_knee_passes_bit_by_bit)
{
    int16_t x[4000];
    int16_t was[4000];
    struct limit l;
    limit_init(&l, 8000, LIMIT_CEILING);
    uint32_t seed = 5;
    for (size_t i = 0; i < 4000; i++) {
        x[i] = (int16_t)((int32_t)(next_random(&seed) % 46000) - 23000);
    }
    memcpy(was, x, sizeof(x));
    limit_run(&l, x, 4000);
    assert_memory_equal(x, was, sizeof(x));
    assert_int_equal(l.limited_samples, 0);
}

TEST(nothing_passes_the_ceiling)
{
    static const int32_t ceilings[] = {LIMIT_CEILING, 32767, 16384, LIMIT_CEILING_MIN, 1, 100000};
    static const uint32_t rates[] = {8000, 16000, 24000};
    for (size_t c = 0; c < ARRAY_LEN(ceilings); c++) {
        for (size_t r = 0; r < 3; r++) {
            struct limit l;
            limit_init(&l, rates[r], ceilings[c]);
            int32_t ceiling = CLAMP(ceilings[c], LIMIT_CEILING_MIN, 32767);
            uint32_t seed = 9;
            int16_t x[3000];
            for (size_t i = 0; i < 3000; i++) {
                uint32_t v = next_random(&seed);
                x[i] = i < 1000 ? (int16_t)(v & 0xFFFF) : i / 50 % 2 ? INT16_MIN : INT16_MAX;
            }
            limit_run(&l, x, 3000);
            assert_in_range(peak(x, 3000), 0, ceiling);
            assert_true(peak(x + 1000, 2000) >= ceiling - 2); /* full scale uses all of it */
        }
    }
}

TEST(blocks_of_any_size_give_the_same_samples)
{
    int16_t once[6000];
    int16_t pieces[6000];
    for (size_t i = 0; i < 6000; i++) { /* swells in and out of the knee */
        double level = 18000 + 15000 * sin((double)i / 400);
        once[i] = (int16_t)lrint(level * sin((double)i * 0.31));
    }
    once[50] = 23071; /* just at the knee */
    memcpy(pieces, once, sizeof(once));
    struct limit l;
    limit_init(&l, 8000, LIMIT_CEILING);
    limit_run(&l, once, 6000);
    assert_true(l.limited_samples > 500);
    uint32_t seed = 3;
    struct limit k;
    limit_init(&k, 8000, LIMIT_CEILING);
    for (size_t at = 0; at < 6000;) {
        size_t n = MIN(next_random(&seed) % 200, 6000 - at);
        limit_run(&k, pieces + at, n);
        at += n;
    }
    assert_memory_equal(once, pieces, sizeof(once));
    assert_int_equal(l.limited_samples, k.limited_samples);
}

/* Louder in is never quieter out, and a tone stays a tone: harmonics of a limited sine lie far below a clipped one's.
 */
TEST(the_curve_is_monotonic_and_a_limited_tone_is_clean)
{
    int32_t last = 0;
    for (int amplitude = 20000; amplitude <= 32767; amplitude += 500) {
        int16_t x[8000];
        tone(x, 8000, 310, amplitude, 8000);
        struct limit l;
        limit_init(&l, 8000, LIMIT_CEILING);
        limit_run(&l, x, 8000);
        int32_t p = peak(x + 4000, 4000);
        assert_in_range(p, last, LIMIT_CEILING);
        last = p;
        double third[2] = {0, 0};
        double first[2] = {0, 0};
        for (size_t i = 4000; i < 8000; i++) {
            double w = 2 * M_PI * 310 * (double)i / 8000;
            first[0] += x[i] * cos(w);
            first[1] += x[i] * sin(w);
            third[0] += x[i] * cos(3 * w);
            third[1] += x[i] * sin(3 * w);
        }
        double db = 20 * log10(hypot(third[0], third[1]) / hypot(first[0], first[1]));
        assert_true(db < -60);
    }
}

/* No pumping: 120 ms after a peak the level of what follows is what it was, and on the way it never moves fast. */
TEST(the_gain_comes_back_within_120_ms_and_without_steps)
{
    int16_t x[8000];
    int16_t was[8000];
    tone(x, 8000, 500, 23000, 8000);
    for (size_t i = 1000; i < 1100; i++) {
        x[i] = (int16_t)CLAMP(x[i] * 2, -32768, 32767);
    }
    memcpy(was, x, sizeof(x));
    struct limit l;
    limit_init(&l, 8000, LIMIT_CEILING);
    limit_run(&l, x, 8000);
    assert_memory_equal(x, was, 1000 * sizeof(*x));
    assert_true(abs(x[1104]) < abs(was[1104])); /* held down at first */
    assert_memory_equal(x + 2060, was + 2060, (8000 - 2060) * sizeof(*x));
    double before = 0;
    for (size_t i = 1200; i < 2060; i++) {
        if (abs(was[i]) > 20000) {
            double gain = (double)x[i] / was[i];
            assert_true(gain >= before - 0.0005 && gain > 0.88 && gain <= 1);
            assert_true(before == 0 || gain - before < 0.002); /* 0.02 dB a sample */
            before = gain;
        }
    }
}

/* In the converter: on the way to companding only, and only when asked. */
TEST(the_converter_limits_linear_to_companded)
{
    int16_t pcm[960];
    uint8_t in[1920];
    uint8_t out[1920];
    tone(pcm, 960, 700, 32767, 24000);
    codec_encode(AUDIO_PCM16_24K, pcm, 960, in);
    static const enum audio_format to[] = {AUDIO_PCMU, AUDIO_PCMA, AUDIO_PCM16_8K};
    for (size_t i = 0; i < ARRAY_LEN(to); i++) {
        for (int asked = 0; asked < 2; asked++) {
            struct audio_conv c;
            size_t n;
            int16_t got[960];
            audio_conv_init(&c, AUDIO_PCM16_24K, to[i]);
            if (asked) {
                audio_conv_limit(&c, 16000);
            }
            assert_int_equal(audio_conv_run(&c, span_from(in, sizeof(in)), out, sizeof(out), &n), 0);
            codec_decode(to[i], span_from(out, n), got);
            int32_t p = peak(got, codec_samples(to[i], n));
            bool limited = asked && to[i] != AUDIO_PCM16_8K;
            assert_true(limited ? p <= 16000 + 512 : p > 30000); /* the nearest code may lie half a cell above */
        }
    }
    struct audio_conv c;
    audio_conv_init(&c, AUDIO_PCMU, AUDIO_PCMA);
    audio_conv_limit(&c, 5000);
    assert_false(c.limits);
}

TEST_MAIN(T(what_stays_below_the_knee_passes_bit_by_bit), T(nothing_passes_the_ceiling),
          T(blocks_of_any_size_give_the_same_samples), T(the_curve_is_monotonic_and_a_limited_tone_is_clean),
          T(the_gain_comes_back_within_120_ms_and_without_steps), T(the_converter_limits_linear_to_companded))
