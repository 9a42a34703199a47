#include "test.h"

#include <math.h>

#include "audio/beep.h"
#include "audio/g711.h"

static int16_t pcm[12 * 24000];
static uint32_t n_pcm, rate;
static uint32_t seed;

static void begin(uint32_t rate_hz)
{
    n_pcm = 0;
    rate = rate_hz;
    seed = 12345;
}

static int32_t noise(int32_t peak)
{
    seed = seed * 1664525u + 1013904223u;
    return (int32_t)(seed >> 16) % (2 * peak + 1) - peak;
}

/* Two sines (the second may have no height) and noise, through mu-law as a phone line is. */
static void add(uint32_t ms, double hz, double height, double hz2, double height2, int32_t noise_peak)
{
    uint32_t n = rate / 1000 * ms;
    for (uint32_t i = 0; i < n; i++) {
        double t = 2 * M_PI * i / rate;
        double v = height * sin(t * hz) + height2 * sin(t * hz2) + noise(noise_peak);
        int16_t s = (int16_t)fmax(-32000, fmin(32000, v));
        pcm[n_pcm++] = g711_mulaw_decode1(g711_mulaw_encode1(s));
    }
}

/* Harmonics of a voice whose pitch wanders, loud and soft by turns. */
static void speak(uint32_t ms, double pitch)
{
    uint32_t n = rate / 1000 * ms;
    double phase = 0;
    for (uint32_t i = 0; i < n; i++) {
        double at = (double)i / rate;
        double hz = pitch * (1 + 0.08 * sin(at * 9));
        phase += 2 * M_PI * hz / rate;
        double v = 0;
        for (int h = 1; h <= 12; h++) {
            double formant = 1 / (1 + fabs(h * hz - 600) / 200) + 0.7 / (1 + fabs(h * hz - 1400) / 250);
            v += formant * sin(h * phase);
        }
        double syllable = 0.55 + 0.45 * sin(at * 25);
        pcm[n_pcm++] = (int16_t)(v * 2500 * syllable + noise(60));
    }
}

/* What was found and when, in ms; BEEP_NOTHING: nothing in all of it. Fed in frames of 20 ms. */
static enum beep_finding run(uint32_t *ret_ms)
{
    struct beep b;
    uint32_t frame = rate / 50;
    beep_init(&b, rate);
    for (uint32_t i = 0; i + frame <= n_pcm; i += frame) {
        enum beep_finding f = beep_run(&b, pcm + i, frame);
        if (f != BEEP_NOTHING) {
            *ret_ms = (i + frame) / (rate / 1000);
            return f;
        }
    }
    *ret_ms = 0;
    return BEEP_NOTHING;
}

TEST(beeps_of_every_kind_are_heard_when_they_end)
{
    static const double tones[] = {400, 440, 620, 850, 1000, 1400, 1800, 2400};
    static const uint32_t lengths[] = {160, 300, 500, 1000, 2000};
    static const uint32_t rates[] = {8000, 16000, 24000};
    uint32_t ms;
    for (size_t r = 0; r < ARRAY_LEN(rates); r++) {
        for (size_t t = 0; t < ARRAY_LEN(tones); t++) {
            for (size_t l = 0; l < ARRAY_LEN(lengths); l++) {
                begin(rates[r]);
                speak(1500, 130);
                add(310, 0, 0, 0, 0, 40);
                add(lengths[l], tones[t], 6000, 0, 0, 40);
                add(500, 0, 0, 0, 0, 40);
                assert_int_equal(run(&ms), BEEP_HEARD);
                uint32_t end = 1810 + lengths[l];
                assert_true(ms >= end && ms <= end + 160);
            }
        }
    }
}

TEST(a_soft_beep_on_a_noisy_line_is_heard)
{
    uint32_t ms;
    begin(8000);
    add(1000, 0, 0, 0, 0, 100);
    add(400, 1000, 1000, 0, 0, 100);
    add(400, 0, 0, 0, 0, 100);
    assert_int_equal(run(&ms), BEEP_HEARD);
}

TEST(speech_is_no_beep_and_no_silence)
{
    static const double pitches[] = {85, 110, 140, 180, 220, 260, 300};
    uint32_t ms;
    for (size_t i = 0; i < ARRAY_LEN(pitches); i++) {
        begin(8000);
        speak(8000, pitches[i]);
        assert_int_equal(run(&ms), BEEP_NOTHING);
    }
}

TEST(keys_ringing_and_tones_without_end_are_no_beeps)
{
    uint32_t ms;
    begin(8000);
    add(1000, 770, 4000, 1336, 4000, 30); /* a key */
    add(300, 0, 0, 0, 0, 30);
    assert_int_equal(run(&ms), BEEP_NOTHING);
    begin(8000);
    add(2000, 440, 4000, 480, 4000, 30); /* ringing */
    add(300, 0, 0, 0, 0, 30);
    assert_int_equal(run(&ms), BEEP_NOTHING);
    begin(8000);
    add(5000, 425, 4000, 0, 0, 30); /* a dial tone */
    add(300, 0, 0, 0, 0, 30);
    assert_int_equal(run(&ms), BEEP_NOTHING);
    begin(8000);
    add(80, 1000, 4000, 0, 0, 30); /* a click of the line */
    add(300, 0, 0, 0, 0, 30);
    assert_int_equal(run(&ms), BEEP_NOTHING);
    begin(8000);
    add(500, 200, 4000, 0, 0, 30); /* hum */
    add(300, 0, 0, 0, 0, 30);
    assert_int_equal(run(&ms), BEEP_NOTHING);
}

/* Of the mains, of a bad transformer, an offset: far from any beep, where the search would have no bound. */
TEST(hums_are_no_beeps)
{
    static const double hums[] = {1, 10, 25, 50, 60, 100, 250};
    for (size_t i = 0; i < ARRAY_LEN(hums) * 3; i++) {
        uint32_t ms;
        begin((uint32_t)(i % 3 + 1) * 8000);
        add(500, hums[i / 3], 31000, 0, 0, 0);
        add(500, rate / 2.0 - hums[i / 3], 31000, 0, 0, 0);
        add(200, 0, 0, 0, 0, 20);
        assert_int_equal(run(&ms), BEEP_NOTHING);
    }
}

TEST(silence_is_found_after_a_second_and_a_half)
{
    static const int32_t floors[] = {0, 30, 90};
    uint32_t ms;
    for (size_t i = 0; i < ARRAY_LEN(floors); i++) {
        begin(8000);
        speak(2000, 120);
        add(1000, 0, 0, 0, 0, floors[i]); /* a breath of the greeting */
        speak(1000, 120);
        add(2000, 0, 0, 0, 0, floors[i]);
        assert_int_equal(run(&ms), BEEP_SILENCE);
        assert_true(ms >= 5480 && ms <= 5560);
    }
}

TEST(nothing_that_comes_in_breaks_it)
{
    struct beep b;
    int16_t wild[7];
    beep_init(&b, 44100);
    seed = 7;
    for (int i = 0; i < 20000; i++) {
        for (size_t k = 0; k < ARRAY_LEN(wild); k++) {
            wild[k] = i % 3 == 0 ? (int16_t)(i % 2 ? 32767 : -32768) : (int16_t)noise(32767);
        }
        assert_true(beep_run(&b, wild, (size_t)i % 8) <= BEEP_SILENCE);
    }
}

TEST_MAIN(T(beeps_of_every_kind_are_heard_when_they_end), T(a_soft_beep_on_a_noisy_line_is_heard),
          T(speech_is_no_beep_and_no_silence), T(keys_ringing_and_tones_without_end_are_no_beeps), T(hums_are_no_beeps),
          T(silence_is_found_after_a_second_and_a_half), T(nothing_that_comes_in_breaks_it))
