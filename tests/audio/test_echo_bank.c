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

TEST_MAIN(T(levels_are_eighths_of_an_octave), T(each_band_hears_its_octave), T(twice_the_amplitude_is_six_dB),
          T(a_constant_is_silence_and_extremes_fit))
