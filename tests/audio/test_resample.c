#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "audio/resample.h"
#include "audio/resample_kernel.h"

static const uint32_t rates[] = {8000, 16000, 24000};

/* Small deterministic generator: the same blocks in every run. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int16_t *noise(size_t n, uint32_t seed)
{
    int16_t *x = test_calloc(n, sizeof(*x));
    for (size_t i = 0; i < n; i++) {
        x[i] = (int16_t)(next_random(&seed) & 0xFFFF);
    }
    return x;
}

static struct resample started(uint32_t in_hz, uint32_t out_hz)
{
    struct resample r;
    assert_int_equal(resample_init(&r, in_hz, out_hz), 0);
    return r;
}

TEST(only_the_three_rates_are_known)
{
    struct resample r;
    assert_int_equal(resample_init(&r, 8000, 11025), -EINVAL);
    assert_int_equal(resample_init(&r, 22050, 24000), -EINVAL);
    assert_int_equal(resample_init(&r, 44100, 44100), -EINVAL);
    assert_int_equal(resample_init(&r, 8000, 0), -EINVAL);
    assert_int_equal(resample_init(&r, 8000, 8000), 0);
}

TEST(long_run_lengths_are_exact)
{
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            struct resample r = started(rates[a], rates[b]);
            size_t n_in = rates[a];
            int16_t *x = noise(n_in, 7);
            int16_t *y = test_calloc(rates[b], sizeof(*y));
            size_t n = 0;
            assert_int_equal(resample_out_max(&r, n_in), rates[b]);
            resample_run(&r, x, n_in, y, &n);
            assert_int_equal(n, rates[b]);
            resample_run(&r, x, 0, y, &n);
            assert_int_equal(n, 0);
            test_free(x);
            test_free(y);
        }
    }
}

TEST(blocks_of_any_size_give_the_same_samples)
{
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            size_t n_in = 4321;
            size_t max = n_in * 3 + 3;
            int16_t *x = noise(n_in, 42);
            int16_t *once = test_calloc(max, sizeof(*once));
            int16_t *pieces = test_calloc(max, sizeof(*pieces));
            struct resample r = started(rates[a], rates[b]);
            size_t n_once;
            resample_run(&r, x, n_in, once, &n_once);
            uint32_t seed = 1;
            r = started(rates[a], rates[b]);
            size_t done = 0;
            size_t n_pieces = 0;
            while (done < n_in) {
                size_t n = MIN(next_random(&seed) % 700, n_in - done);
                n = next_random(&seed) % 4 == 0 ? MIN(n, (size_t)1) : n;
                size_t got = 0;
                resample_run(&r, x + done, n, pieces + n_pieces, &got);
                assert_true(got <= resample_out_max(&r, n));
                done += n;
                n_pieces += got;
                /* ceil(n * out / in) after every block, not only at the end */
                assert_int_equal(n_pieces, (done * rates[b] + rates[a] - 1) / rates[a]);
            }
            assert_int_equal(n_pieces, n_once);
            assert_memory_equal(pieces, once, n_once * sizeof(*once));
            test_free(x);
            test_free(once);
            test_free(pieces);
        }
    }
}

TEST(a_constant_keeps_its_value_exactly)
{
    static const int16_t values[] = {0, 1, -1, 1000, -12345, INT16_MAX, INT16_MIN};
    for (size_t k = 0; k < ARRAY_LEN(values); k++) {
        for (size_t a = 0; a < 3; a++) {
            for (size_t b = 0; b < 3; b++) {
                int16_t x[1200];
                int16_t y[3600];
                size_t n;
                for (size_t i = 0; i < 1200; i++) {
                    x[i] = values[k];
                }
                struct resample r = started(rates[a], rates[b]);
                resample_run(&r, x, 1200, y, &n);
                for (size_t i = 300; i < n; i++) {
                    assert_int_equal(y[i], values[k]);
                }
            }
        }
    }
}

/* Gain in dB of the component at f_out when a full-scale tone of f_in goes in. */
static double gain_db(uint32_t in_hz, uint32_t out_hz, double f_in, double f_out)
{
    size_t n_in = in_hz / 5;
    int16_t *x = test_calloc(n_in, sizeof(*x));
    int16_t *y = test_calloc(n_in * 3 + 3, sizeof(*y));
    for (size_t i = 0; i < n_in; i++) {
        x[i] = (int16_t)lrint(32000 * sin(2 * M_PI * f_in * (double)i / in_hz + 0.3));
    }
    struct resample r = started(in_hz, out_hz);
    size_t n;
    resample_run(&r, x, n_in, y, &n);
    size_t from = out_hz / 50;
    double re = 0;
    double im = 0;
    double weight = 0;
    for (size_t i = from; i < n; i++) {
        double w = 0.5 - 0.5 * cos(2 * M_PI * (double)(i - from) / (double)(n - from));
        re += w * y[i] * cos(2 * M_PI * f_out * (double)i / out_hz);
        im += w * y[i] * sin(2 * M_PI * f_out * (double)i / out_hz);
        weight += w;
    }
    test_free(x);
    test_free(y);
    return 20 * log10(2 * sqrt(re * re + im * im) / weight / 32000 + 1e-9);
}

TEST(the_telephone_band_passes_flat)
{
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            for (double f = 100; f <= 3400; f += 100) {
                double db = gain_db(rates[a], rates[b], f, f);
                if (fabs(db) > 0.05) {
                    fail_msg("%u -> %u: %.2f dB at %.0f Hz", rates[a], rates[b], db, f);
                }
            }
        }
    }
    for (double f = 3500; f <= 6000; f += 250) { /* between the wide rates the band is wide */
        assert_true(fabs(gain_db(16000, 24000, f, f)) < 0.1);
        assert_true(fabs(gain_db(24000, 16000, f, f)) < 0.1);
    }
}

TEST(images_lie_below_69_db)
{
    double worst = -200;
    for (double f = 300; f <= 3400; f += 100) {
        worst = fmax(worst, gain_db(8000, 24000, f, 8000 - f));
        worst = fmax(worst, gain_db(8000, 24000, f, 8000 + f));
        worst = fmax(worst, gain_db(8000, 16000, f, 8000 - f));
    }
    for (double f = 300; f <= 6000; f += 300) {
        worst = fmax(worst, gain_db(16000, 24000, f, 16000 - f > 12000 ? 24000 - (16000 - f) : 16000 - f));
    }
    print_message("# worst image %.1f dB\n", worst);
    assert_true(worst < -69);
}

TEST(aliases_lie_below_69_db)
{
    double worst = -200;
    for (double f = 4700; f < 12000; f += 100) {
        double folded = fabs(f - 8000 * round(f / 8000));
        worst = fmax(worst, gain_db(24000, 8000, f, folded));
    }
    for (double f = 4700; f < 8000; f += 100) {
        worst = fmax(worst, gain_db(16000, 8000, f, 8000 - f));
    }
    for (double f = 9300; f < 12000; f += 100) {
        worst = fmax(worst, gain_db(24000, 16000, f, 16000 - f));
    }
    print_message("# worst alias %.1f dB\n", worst);
    assert_true(worst < -69);
}

/* Time in us by which a tone comes out later, from its phase. */
static double lag_us(uint32_t in_hz, uint32_t out_hz, double f)
{
    int16_t x[4800];
    int16_t y[14400];
    struct resample r = started(in_hz, out_hz);
    size_t n;
    for (size_t i = 0; i < in_hz / 5; i++) {
        x[i] = (int16_t)lrint(20000 * cos(2 * M_PI * f * (double)i / in_hz));
    }
    resample_run(&r, x, in_hz / 5, y, &n);
    double re = 0;
    double im = 0;
    for (size_t i = out_hz / 10; i < out_hz / 5; i++) { /* 100 ms: whole periods of all the tones */
        re += y[i] * cos(2 * M_PI * f * (double)i / out_hz);
        im += y[i] * sin(2 * M_PI * f * (double)i / out_hz);
    }
    return atan2(im, re) / (2 * M_PI * f) * 1e6;
}

/* The same for every frequency, and what the struct says. */
TEST(the_delay_is_the_one_that_is_stated)
{
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            struct resample r = started(rates[a], rates[b]);
            uint32_t stated = resample_delay_us(&r);
            uint32_t low = MIN(rates[a], rates[b]);
            uint32_t want = a == b ? 0 : low == 16000 ? 990 : MAX(rates[a], rates[b]) == 24000 ? 1979 : 1969;
            assert_int_equal(stated, want);
            assert_true(fabs(lag_us(rates[a], rates[b], 200) - stated) < 2);
            for (double f = 400; f <= 3400; f += 600) {
                double lag = lag_us(rates[a], rates[b], f);
                double period = 1e6 / f;
                assert_true(fabs(remainder(lag - stated, period)) < 1);
            }
        }
    }
}

/* A tone cut into odd blocks must stay a tone: no step larger than its slope allows. */
TEST(block_edges_do_not_click)
{
    int16_t x[8000];
    int16_t y[24000];
    for (int i = 0; i < 8000; i++) {
        x[i] = (int16_t)lrint(20000 * sin(2 * M_PI * 440 * i / 8000));
    }
    struct resample r = started(8000, 24000);
    size_t n = 0;
    for (size_t i = 0; i < 8000;) {
        size_t block = MIN(i % 161 + 1, 8000 - i);
        size_t got;
        resample_run(&r, x + i, block, y + n, &got);
        n += got;
        i += block;
    }
    assert_int_equal(n, 24000);
    double slope = 20000 * 2 * M_PI * 440 / 24000;
    for (size_t i = 200; i < n; i++) {
        assert_true(abs(y[i] - y[i - 1]) < 1.02 * slope + 4);
    }
}

/* Full-scale square waves overshoot the filter; the output must clip, not wrap. */
TEST(overshoot_saturates)
{
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            int16_t x[2000];
            int16_t y[6000];
            size_t n;
            for (int i = 0; i < 2000; i++) {
                x[i] = i / 40 % 2 ? INT16_MIN : INT16_MAX;
            }
            struct resample r = started(rates[a], rates[b]);
            resample_run(&r, x, 2000, y, &n);
            double ratio = (double)rates[b] / rates[a];
            double delay = a == b ? 0 : (a && b ? 0.001 : 0.002) * rates[b]; /* of the filter */
            for (size_t i = (size_t)(100 * ratio); i < n; i++) {
                double t = ((double)i - delay) / ratio; /* in input samples */
                double phase = fmod(t, 80);
                if (fmod(phase, 40) > 8 && fmod(phase, 40) < 32) {
                    assert_true(phase < 40 ? y[i] > 25000 : y[i] < -25000);
                }
            }
        }
    }
}

/* Fast code against its plain twin: all shapes of the six banks and more, at every alignment and at full scale. */
TEST(the_fast_steps_equal_the_plain_one)
{
#ifdef __SSE2__
    uint32_t seed = 99;
    for (int round = 0; round < 3000; round++) {
        uint32_t pairs[3][200];
        _Alignas(16) int16_t taps[96];
        int16_t want[128];
        int16_t got[128];
        struct resample_sum s = {.taps = taps, .n_streams = 1 + next_random(&seed) % 3, .shift = 14 + round % 2};
        s.n_taps = 2 + next_random(&seed) % 16 * 2;
        size_t n = RESAMPLE_LANES * (1 + next_random(&seed) % 4);
        uint32_t total = s.n_streams * s.n_taps;
        for (uint32_t i = 0; i < total; i++) { /* sum of magnitudes below 64000, as the generator guarantees */
            taps[i] = (int16_t)((int32_t)(next_random(&seed) % (128000 / total)) - (int32_t)(64000 / total));
        }
        for (uint32_t k = 0; k < 3; k++) {
            for (int i = 0; i < 200; i++) {
                uint32_t v = next_random(&seed);
                bool ends = round % 5 == 0;
                pairs[k][i] = ends ? (v & 1 ? 0x7FFF : 0x8000) | (v & 2 ? 0x7FFF0000u : 0x80000000u)
                                   : v ^ next_random(&seed) << 16;
            }
            s.pairs[k] = pairs[k] + next_random(&seed) % 16;
        }
        resample_kernel_plain(&s, want, n);
        resample_kernel_sse2(&s, got, n);
        assert_memory_equal(got, want, n * sizeof(*want));
        if (__builtin_cpu_supports("avx2")) {
            memset(got, 0, sizeof(got));
            resample_kernel_avx2(&s, got, n);
            assert_memory_equal(got, want, n * sizeof(*want));
        }
    }
#else
    assert_ptr_equal(resample_kernel_best(), resample_kernel_plain);
#endif
}

TEST(a_reset_forgets)
{
    int16_t loud[100];
    int16_t quiet[200] = {0};
    int16_t y[600];
    size_t n;
    for (int i = 0; i < 100; i++) {
        loud[i] = 20000;
    }
    struct resample r = started(8000, 24000);
    resample_run(&r, loud, 100, y, &n);
    resample_reset(&r);
    resample_run(&r, quiet, 200, y, &n);
    assert_int_equal(n, 600);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(y[i], 0);
    }
}

TEST_MAIN(T(only_the_three_rates_are_known), T(long_run_lengths_are_exact), T(blocks_of_any_size_give_the_same_samples),
          T(a_constant_keeps_its_value_exactly), T(the_telephone_band_passes_flat), T(images_lie_below_69_db),
          T(aliases_lie_below_69_db), T(the_delay_is_the_one_that_is_stated), T(block_edges_do_not_click),
          T(overshoot_saturates), T(the_fast_steps_equal_the_plain_one), T(a_reset_forgets))
