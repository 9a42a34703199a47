#include "test.h"

#include "audio/echo_bank.h"

TEST(levels_are_eighths_of_an_octave)
{
    assert_int_equal(echo_log8(0), 0);
    assert_int_equal(echo_log8(1), 0);
    assert_int_equal(echo_log8(2), 8);
    assert_int_equal(echo_log8(3), 12);
    assert_int_equal(echo_log8(4), 16);
    assert_int_equal(echo_log8(1u << 30), 240);
    assert_int_equal(echo_log8(UINT64_MAX), ECHO_LEVEL_MAX);
    for (uint64_t v = 1, last = 0; v < 1u << 20; v += 1 + v / 50) {
        assert_true(echo_log8(v) >= last);
        last = echo_log8(v);
    }
}

/* A square wave of period samples; the loudest band. */
static struct echo_level square(uint32_t period, int16_t amplitude, uint32_t decimation)
{
    struct echo_bank b = {{0}, {0}};
    struct echo_level v = {{0}, 0};
    int16_t x[ECHO_SLOT_MAX];
    for (uint32_t slot = 0, t = 0; slot < 4; slot++) {
        for (uint32_t i = 0; i < 80 * decimation; i++, t++) {
            x[i] = t / decimation % period < period / 2 ? amplitude : (int16_t)-amplitude;
        }
        v = echo_bank_run(&b, x, 80 * (size_t)decimation, decimation);
    }
    return v;
}

TEST(each_band_hears_its_octave)
{
    static const uint32_t periods[ECHO_BANDS] = {20, 10, 6, 2}; /* 400, 800, 1333, 4000 Hz */
    for (int b = 0; b < ECHO_BANDS; b++) {
        for (uint32_t decimation = 1; decimation <= 3; decimation++) {
            struct echo_level v = square(periods[b], 4000, decimation);
            for (int other = 0; other < ECHO_BANDS; other++) {
                assert_true(other == b || v.band[other] < v.band[b]);
            }
            assert_true(v.all >= v.band[b]);
        }
    }
}

TEST(twice_the_amplitude_is_six_dB)
{
    struct echo_level soft = square(10, 2000, 1);
    struct echo_level loud = square(10, 4000, 1);
    assert_int_equal(loud.all - soft.all, 16);
}

TEST(a_constant_is_silence_and_extremes_fit)
{
    struct echo_bank b = {{0}, {0}};
    int16_t x[ECHO_SLOT_MAX];
    struct echo_level v = {{0}, 0};
    for (size_t i = 0; i < ECHO_SLOT_MAX; i++) {
        x[i] = 12345;
    }
    for (int i = 0; i < 10; i++) {
        v = echo_bank_run(&b, x, 80, 1);
    }
    assert_in_range(v.all, 0, 16);
    for (size_t i = 0; i < ECHO_SLOT_MAX; i++) {
        x[i] = i % 2 ? INT16_MAX : INT16_MIN;
    }
    for (int i = 0; i < 10; i++) {
        v = echo_bank_run(&b, x, 80, 1);
    }
    assert_in_range(v.all, 230, ECHO_LEVEL_MAX);
    assert_int_equal(echo_bank_run(&b, x, 0, 1).all, 0);
    echo_bank_run(&b, x, 1, 1);
    echo_bank_run(&b, x, 5000, 3);
}

static int16_t sat16(int32_t v)
{
    return (int16_t)CLAMP(v, INT16_MIN, INT16_MAX);
}

/* The tree as the header describes it, a pair at a time. */
static struct echo_level twin_run(struct echo_bank *b, const int16_t *pcm, size_t n)
{
    int16_t x[ECHO_SLOT_MAX];
    struct echo_level level = {{0}, 0};
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = (int16_t)(pcm[i] >> 1);
    }
    size_t pairs = n / 2;
    for (int band = ECHO_BANDS - 1; band >= 0; band--) {
        uint64_t energy = 0;
        for (size_t i = 0; i < pairs; i++) {
            int16_t before = b->sample[band];
            int16_t behind = x[2 * i + 1];
            int16_t d = sat16(x[2 * i] - (sat16(before + behind) >> 1));
            x[i] = sat16(before + (sat16(b->detail[band] + d) >> 2));
            energy += (uint32_t)(d * d);
            b->sample[band] = behind;
            b->detail[band] = d;
        }
        uint64_t power = energy * 4 / MAX(pairs, 1u);
        level.band[band] = echo_log8(power);
        all += power;
        pairs /= 2;
    }
    level.all = echo_log8(all);
    return level;
}

/* Vectors and plain arithmetic must agree: journals are replayed on other machines. */
TEST(every_length_and_loudness_is_the_same_to_the_bit)
{
    struct echo_bank a = {{0}, {0}};
    struct echo_bank b = a;
    uint32_t seed = 17;
    for (int turn = 0; turn < 20000; turn++) {
        int16_t x[ECHO_SLOT_MAX];
        size_t n = turn % 3 ? 80 : (size_t)turn % (ECHO_SLOT_MAX + 1);
        int shift = turn / 7 % 16;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            x[i] = turn % 11 == 0 ? (seed >> 31 ? INT16_MAX : INT16_MIN) : (int16_t)((int16_t)(seed >> 16) >> shift);
        }
        struct echo_level want = twin_run(&b, x, n);
        struct echo_level is = echo_bank_run(&a, x, n, 1);
        assert_memory_equal(&is, &want, sizeof(is));
        assert_memory_equal(&a, &b, sizeof(a));
    }
}

TEST_MAIN(T(every_length_and_loudness_is_the_same_to_the_bit), T(levels_are_eighths_of_an_octave),
          T(each_band_hears_its_octave), T(twice_the_amplitude_is_six_dB), T(a_constant_is_silence_and_extremes_fit))
