#include "test.h"

#include <math.h>

#include "audio/energy.h"

#define FRAME 160 /* 20 ms at 8 kHz */

static uint32_t seed = 3;

static void fill_noise(int16_t *x, double amplitude)
{
    for (int i = 0; i < FRAME; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (int16_t)lrint(amplitude * ((double)(seed >> 8) / (1 << 23) - 1));
    }
}

static void fill_tone(int16_t *x, double amplitude, int at)
{
    for (int i = 0; i < FRAME; i++) {
        x[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * 300 * (i + at * FRAME) / 8000));
    }
}

TEST(levels_are_in_dbfs)
{
    int16_t x[FRAME] = {0};
    assert_true(energy_dbfs(x, FRAME) == ENERGY_SILENCE_DBFS);
    assert_true(energy_dbfs(x, 0) == ENERGY_SILENCE_DBFS);
    fill_tone(x, 32767, 0);
    assert_true(fabsf(energy_dbfs(x, FRAME) - -3.01f) < 0.05f);
    assert_true(fabsf(energy_peak_dbfs(x, FRAME)) < 0.05f);
    fill_tone(x, 3276.7, 0);
    assert_true(fabsf(energy_dbfs(x, FRAME) - -23.01f) < 0.05f);
    for (int i = 0; i < FRAME; i++) {
        x[i] = INT16_MIN;
    }
    assert_true(fabsf(energy_dbfs(x, FRAME)) < 0.001f);
    assert_true(fabsf(energy_peak_dbfs(x, FRAME)) < 0.001f);
}

/* Frames judged active among n of noise or of syllables (120 ms tone, 60 ms pause) in noise. */
static int count_active(struct energy *e, int n, double noise, double tone)
{
    int active = 0;
    for (int i = 0; i < n; i++) {
        int16_t x[FRAME];
        int16_t t[FRAME] = {0};
        bool is;
        fill_noise(x, noise);
        if (i % 9 < 6) {
            fill_tone(t, tone, i);
        }
        for (int k = 0; k < FRAME; k++) {
            x[k] = (int16_t)CLAMP(x[k] + t[k], INT16_MIN, INT16_MAX);
        }
        energy_frame(e, x, FRAME, &is);
        active += is;
    }
    return active;
}

TEST(silence_and_line_noise_are_not_speech)
{
    struct energy e;
    energy_init(&e, 8000);
    assert_int_equal(count_active(&e, 100, 0, 0), 0);
    assert_int_equal(count_active(&e, 100, 60, 0), 0);
    assert_int_equal(count_active(&e, 100, 0, 0), 0);
}

TEST(speech_is_heard_over_quiet_and_over_noise)
{
    struct energy e;
    energy_init(&e, 8000);
    assert_int_equal(count_active(&e, 50, 30, 0), 0);
    assert_true(count_active(&e, 90, 30, 6000) >= 58);
    assert_int_equal(count_active(&e, 50, 30, 0), 0);
    /* A fan at -39 dBFS: after 3 s it is the floor, and speech 16 dB above it still shows. */
    count_active(&e, 320, 600, 0);
    assert_int_equal(count_active(&e, 100, 600, 0), 0);
    int heard = count_active(&e, 90, 600, 6000);
    assert_true(heard >= 55 && heard <= 65);
    assert_int_equal(count_active(&e, 100, 600, 0), 0);
}

TEST(long_speech_does_not_become_the_floor)
{
    struct energy e;
    energy_init(&e, 8000);
    count_active(&e, 50, 30, 0);
    assert_true(count_active(&e, 1500, 30, 6000) >= 980); /* half a minute without a breath */
}

TEST(an_empty_frame_changes_nothing)
{
    struct energy e;
    bool active = true;
    energy_init(&e, 8000);
    struct energy before = e;
    assert_true(energy_frame(&e, NULL, 0, &active) == ENERGY_SILENCE_DBFS);
    assert_false(active);
    assert_memory_equal(&e, &before, sizeof(e));
}

TEST_MAIN(T(levels_are_in_dbfs), T(silence_and_line_noise_are_not_speech), T(speech_is_heard_over_quiet_and_over_noise),
          T(long_speech_does_not_become_the_floor), T(an_empty_frame_changes_nothing))
