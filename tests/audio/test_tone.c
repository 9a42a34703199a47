#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "audio/dtmf.h"
#include "audio/g711.h"
#include "audio/resample.h"
#include "audio/tone.h"

static const uint32_t rates[] = {8000, 16000, 24000};

static struct tone started(uint32_t rate_hz, const struct tone_spec *spec)
{
    struct tone t;
    assert_int_equal(tone_init(&t, rate_hz, spec), 0);
    return t;
}

/* Level in dBm0 of one frequency in n samples. */
static double level_dbm0(const int16_t *x, size_t n, double hz, uint32_t rate_hz)
{
    double re = 0;
    double im = 0;
    double weight = 0;
    for (size_t i = 0; i < n; i++) {
        double w = 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)n);
        re += w * x[i] * cos(2 * M_PI * hz * (double)i / rate_hz);
        im += w * x[i] * sin(2 * M_PI * hz * (double)i / rate_hz);
        weight += w;
    }
    return 20 * log10(2 * hypot(re, im) / weight / 22379 + 1e-9);
}

TEST(what_makes_no_sound_is_refused)
{
    struct tone t;
    struct tone_spec s;
    assert_int_equal(tone_init(&t, 44100, &tone_beep), -EINVAL);
    s = (struct tone_spec){.hz = {4000}, .on_ms = {100}, .times = 1};
    assert_int_equal(tone_init(&t, 8000, &s), -EINVAL);
    assert_int_equal(tone_init(&t, 16000, &s), 0);
    s = (struct tone_spec){.hz = {1000}, .off_ms = {100}};
    assert_int_equal(tone_init(&t, 8000, &s), -EINVAL);
    s = (struct tone_spec){.on_ms = {100}};
    assert_int_equal(tone_init(&t, 8000, &s), -EINVAL);
    assert_int_equal(tone_spec_digit(&s, 'E', 100, 50), -EINVAL);
    assert_int_equal(tone_spec_digit(&s, '\0', 100, 50), -EINVAL);
}

TEST(frequencies_and_levels_are_what_was_asked)
{
    for (size_t r = 0; r < 3; r++) {
        for (int32_t cb = 0; cb >= -400; cb -= 37) {
            struct tone_spec spec = {.hz = {440, 1633}, .level_cb = {cb, cb - 60}, .on_ms = {1000}, .times = 1};
            int16_t x[24000];
            struct tone t = started(rates[r], &spec);
            size_t n = tone_run(&t, x, rates[r]);
            assert_int_equal(n, rates[r]);
            assert_true(fabs(level_dbm0(x + 800, n - 1600, 440, rates[r]) - cb / 10.0) < 0.1);
            assert_true(fabs(level_dbm0(x + 800, n - 1600, 1633, rates[r]) - (cb - 60) / 10.0) < 0.1);
            double other = level_dbm0(x + 800, n - 1600, 2500, rates[r]); /* and nothing else */
            assert_true(other < cb / 10.0 - 70 || other < -70);
        }
    }
}

/* Every digit at every rate is what the detector hears. */
TEST(digits_are_heard_as_what_they_are)
{
    static const char digits[] = "0123456789abcd*#";
    for (size_t r = 0; r < 3; r++) {
        struct dtmf d;
        struct resample down;
        char got[40];
        size_t n_got = 0;
        dtmf_init(&d);
        assert_int_equal(resample_init(&down, rates[r], 8000), 0);
        for (const char *c = digits; *c; c++) {
            struct tone_spec spec;
            int16_t x[2400];
            int16_t y[2400];
            size_t n_y;
            assert_int_equal(tone_spec_digit(&spec, *c, 50, 50), 0);
            struct tone t = started(rates[r], &spec);
            size_t n = tone_run(&t, x, 2400);
            assert_int_equal(n, rates[r] / 10);
            resample_run(&down, x, n, y, &n_y);
            for (size_t i = 0; i < n_y; i++) {
                y[i] = g711_mulaw_decode1(g711_mulaw_encode1(y[i]));
            }
            n_got += dtmf_run(&d, y, n_y, got + n_got);
        }
        assert_int_equal(n_got, 16);
        assert_memory_equal(got, "0123456789ABCD*#", 16);
    }
}

TEST(a_cadence_keeps_its_time_to_the_sample)
{
    static const struct tone_spec spec = {{400, 0}, {-100, 0}, {100, 50}, {30, 200}, 3};
    for (size_t r = 0; r < 3; r++) {
        int16_t x[40000];
        struct tone t = started(rates[r], &spec);
        uint32_t ms = rates[r] / 1000;
        size_t n = tone_run(&t, x, 40000);
        assert_int_equal(n, 3 * 380 * ms);
        assert_int_equal(tone_run(&t, x, 10), 0);
        for (size_t k = 0; k < 3; k++) {
            const int16_t *from = x + k * 380 * ms;
            for (size_t i = 100 * ms; i < 130 * ms; i++) {
                assert_int_equal(from[i], 0);
            }
            for (size_t i = 180 * ms; i < 380 * ms; i++) {
                assert_int_equal(from[i], 0);
            }
            assert_true(level_dbm0(from + 10 * ms, 80 * ms, 400, rates[r]) > -10.2);
            assert_true(level_dbm0(from + 135 * ms, 40 * ms, 400, rates[r]) > -10.3);
        }
    }
}

TEST(blocks_of_any_size_give_the_same_samples)
{
    int16_t once[30000];
    int16_t pieces[30000];
    struct tone_spec spec = tone_busy_us;
    struct tone a = started(8000, &spec);
    struct tone b = started(8000, &spec);
    assert_int_equal(tone_run(&a, once, 30000), 30000); /* for ever */
    for (size_t at = 0; at < 30000;) {
        size_t n = MIN(at * 7 % 333 + 1, 30000 - at);
        assert_int_equal(tone_run(&b, pieces + at, n), n);
        at += n;
    }
    assert_memory_equal(once, pieces, sizeof(once));
}

/* No click at either end of a burst. */
TEST(bursts_begin_and_end_softly)
{
    static const struct tone_spec *const specs[] = {&tone_beep, &tone_busy_us, &tone_busy_eu, &tone_ringback_us,
                                                    &tone_ringback_eu};
    for (size_t k = 0; k < ARRAY_LEN(specs); k++) {
        int16_t x[24000];
        struct tone t = started(8000, specs[k]);
        size_t n = tone_run(&t, x, 24000);
        size_t on = specs[k]->on_ms[0] * 8;
        assert_true(n >= on);
        assert_int_equal(x[0], 0);
        assert_true(abs(x[on - 1]) < 400);
        for (size_t i = 0; i < 40; i++) { /* below a straight line from nothing */
            int32_t bound = (t.amplitude[0] + t.amplitude[1]) * (int32_t)(i + 1) / 40 + 4;
            assert_true(abs(x[i]) <= bound && abs(x[on - 1 - i]) <= bound);
        }
    }
}

TEST_MAIN(T(what_makes_no_sound_is_refused), T(frequencies_and_levels_are_what_was_asked),
          T(digits_are_heard_as_what_they_are), T(a_cadence_keeps_its_time_to_the_sample),
          T(blocks_of_any_size_give_the_same_samples), T(bursts_begin_and_end_softly))
