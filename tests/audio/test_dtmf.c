#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/dtmf.h"
#include "audio/g711.h"
#include "audio/wav.h"

static const char keys[] = "123A456B789C*0#D";
static const double rows[] = {697, 770, 852, 941};
static const double columns[] = {1209, 1336, 1477, 1633};

/* Peak of a sine of 0 dBm0 at 16 bits: G.711 puts 3.14 dBm0 at the end of the mu-law scale. */
#define DBM0(db) (22379 * pow(10, (db) / 20.0))

#define SIZE 200000
static const size_t lead = 400; /* silence in front of a signal */

struct signal {
    int16_t x[SIZE];
    size_t n;
    uint32_t seed;
};

struct press {
    char key;
    double ms;
    double row_db, column_db;   /* dBm0 */
    double row_off, column_off; /* percent */
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static double uniform(struct signal *s)
{
    return (double)(next_random(&s->seed) & 0xFFFF) / 65536;
}

static double gauss(struct signal *s)
{
    double u = uniform(s) + 1e-6;
    return sqrt(-2 * log(u)) * cos(2 * M_PI * uniform(s));
}

static struct signal *signal_new(uint32_t seed)
{
    struct signal *s = test_calloc(1, sizeof(*s));
    s->seed = seed;
    s->n = lead;
    return s;
}

static void pause_ms(struct signal *s, double ms)
{
    s->n += (size_t)lrint(8 * ms);
    assert_true(s->n < SIZE);
}

static void press(struct signal *s, struct press p)
{
    size_t key = (size_t)(strchr(keys, p.key) - keys);
    double f = rows[key / 4] * (1 + p.row_off / 100);
    double g = columns[key % 4] * (1 + p.column_off / 100);
    double a = uniform(s) * 6;
    double b = uniform(s) * 6;
    size_t n = (size_t)lrint(8 * p.ms);
    for (size_t i = 0; i < n && s->n < SIZE; i++, s->n++) {
        double t = 2 * M_PI * (double)i / 8000;
        double v = s->x[s->n] + DBM0(p.row_db) * sin(f * t + a) + DBM0(p.column_db) * sin(g * t + b);
        s->x[s->n] = (int16_t)lrint(CLAMP(v, -32768.0, 32767.0));
    }
}

static void press_plain(struct signal *s, char key, double on_ms, double off_ms)
{
    press(s, (struct press){.key = key, .ms = on_ms, .row_db = -10, .column_db = -8});
    pause_ms(s, off_ms);
}

static void add_noise(struct signal *s, double dbm0)
{
    double rms = DBM0(dbm0) / sqrt(2);
    for (size_t i = 0; i < s->n; i++) {
        double v = s->x[i] + rms * gauss(s);
        s->x[i] = (int16_t)lrint(CLAMP(v, -32768.0, 32767.0));
    }
}

static void over_mulaw(struct signal *s)
{
    for (size_t i = 0; i < s->n; i++) {
        s->x[i] = g711_mulaw_decode1(g711_mulaw_encode1(s->x[i]));
    }
}

/* What is heard of it, in frames of n samples. */
static const char *heard(const struct signal *s, size_t frame)
{
    static char out[1024];
    struct dtmf d;
    size_t n = 0;
    dtmf_init(&d);
    for (size_t at = 0; at < s->n; at += frame) {
        size_t len = MIN(frame, s->n - at);
        assert_true(n + dtmf_max(len) < sizeof(out));
        size_t got = dtmf_run(&d, s->x + at, len, out + n);
        assert_true(got <= dtmf_max(len));
        n += got;
    }
    out[n] = '\0';
    return out;
}

TEST(every_key_is_heard_over_a_noisy_mulaw_line)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct signal *s = signal_new(seed);
        for (size_t k = 0; k < 16; k++) {
            press(s, (struct press){.key = keys[k], .ms = 50, .row_db = -12, .column_db = -10});
            pause_ms(s, 50);
        }
        add_noise(s, -7.9 - 15); /* the two tones have -7.9 dBm0 together */
        over_mulaw(s);
        assert_string_equal(heard(s, 160), keys);
        test_free(s);
    }
}

TEST(frames_of_any_size_hear_the_same)
{
    struct signal *s = signal_new(2);
    for (size_t k = 0; k < 16; k++) {
        press_plain(s, keys[k], 45, 45);
    }
    for (size_t frame = 1; frame < 2000; frame += frame / 3 + 1) {
        assert_string_equal(heard(s, frame), keys);
    }
    assert_string_equal(heard(s, SIZE), keys);
    test_free(s);
}

/* 40 ms of tone and of pause must do, wherever they fall; 23 ms of tone must not. */
TEST(durations_are_judged)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        struct signal *s = signal_new(seed);
        s->n += seed % 97;
        for (size_t k = 0; k < 16; k++) {
            press_plain(s, keys[(k / 2 * 5 + seed) % 16], 40, 40); /* each twice */
        }
        over_mulaw(s);
        const char *got = heard(s, 160);
        assert_int_equal(strlen(got), 16);
        for (size_t k = 0; k < 16; k++) {
            assert_int_equal(got[k], keys[(k / 2 * 5 + seed) % 16]);
        }
        test_free(s);
        s = signal_new(seed);
        s->n += seed % 97;
        for (size_t k = 0; k < 16; k++) {
            press_plain(s, keys[k], 23, 60);
        }
        over_mulaw(s);
        assert_string_equal(heard(s, 160), "");
        test_free(s);
    }
}

TEST(a_long_press_is_one_digit_and_short_interruptions_do_not_split_it)
{
    for (double hole = 1; hole <= 10; hole += 1) {
        for (uint32_t seed = 1; seed <= 20; seed++) {
            struct signal *s = signal_new(seed);
            s->n += seed * 13 % 64;
            press_plain(s, '5', 60, 0);
            for (int k = 0; k < 10; k++) {
                pause_ms(s, hole);
                press_plain(s, '5', 60, 0);
            }
            pause_ms(s, 100);
            over_mulaw(s);
            assert_string_equal(heard(s, 160), "5");
            test_free(s);
        }
    }
    struct signal *s = signal_new(1);
    press_plain(s, '*', 5000, 100);
    assert_string_equal(heard(s, 160), "*");
    test_free(s);
}

/* Digits that follow each other without a pause. */
TEST(a_change_of_key_is_a_new_digit)
{
    struct signal *s = signal_new(1);
    for (size_t k = 0; k < 16; k++) {
        press_plain(s, keys[k], 60, 0);
    }
    pause_ms(s, 50);
    assert_string_equal(heard(s, 160), keys);
    test_free(s);
}

TEST(levels_from_0_to_minus_26_are_heard_and_none_below_minus_36)
{
    for (int db = 0; db >= -26; db--) {
        struct signal *s = signal_new((uint32_t)(100 - db));
        for (size_t k = 0; k < 16; k++) {
            press(s, (struct press){.key = keys[k], .ms = 50, .row_db = db, .column_db = db});
            pause_ms(s, 50);
        }
        over_mulaw(s);
        assert_string_equal(heard(s, 160), keys);
        test_free(s);
    }
    for (int db = -36; db >= -60; db -= 4) {
        struct signal *s = signal_new((uint32_t)(100 - db));
        for (size_t k = 0; k < 16; k++) {
            press(s, (struct press){.key = keys[k], .ms = 50, .row_db = db, .column_db = db});
            pause_ms(s, 50);
        }
        over_mulaw(s);
        assert_string_equal(heard(s, 160), "");
        test_free(s);
    }
}

TEST(twist_is_allowed_within_its_limits)
{
    static const struct {
        double twist; /* column over row, dB */
        bool good;
    } cases[] = {{4, true}, {2, true}, {0, true}, {-4, true}, {-8, true}, {8, false}, {12, false}, {-12, false}};
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        struct signal *s = signal_new(7);
        for (size_t k = 0; k < 16; k++) {
            double row = cases[c].twist > 0 ? -8 - cases[c].twist : -8;
            press(s, (struct press){.key = keys[k], .ms = 50, .row_db = row, .column_db = row + cases[c].twist});
            pause_ms(s, 50);
        }
        over_mulaw(s);
        assert_string_equal(heard(s, 160), cases[c].good ? keys : "");
        test_free(s);
    }
}

/* Each frequency by itself and both together; long tones, in which a detector has many chances to err. */
TEST(frequencies_are_judged)
{
    static const double offs[] = {-1, 0, 1};
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            struct signal *s = signal_new(3);
            struct signal *t = signal_new(4);
            for (size_t k = 0; k < 16; k++) {
                double f = rows[k / 4];
                double g = columns[k % 4];
                press(s, (struct press){.key = keys[k],
                                        .ms = 50,
                                        .row_db = -10,
                                        .column_db = -10,
                                        .row_off = offs[a] * (1.5 + 200 / f),
                                        .column_off = offs[b] * (1.5 + 200 / g)});
                pause_ms(s, 50);
                press(t, (struct press){.key = keys[k],
                                        .ms = 300,
                                        .row_db = -10,
                                        .column_db = -10,
                                        .row_off = offs[a] * 3.5,
                                        .column_off = offs[b] * 3.5});
                pause_ms(t, 50);
            }
            add_noise(s, -7 - 20);
            add_noise(t, -7 - 20);
            over_mulaw(s);
            over_mulaw(t);
            assert_string_equal(heard(s, 160), keys);
            assert_string_equal(heard(t, 160), a == 1 && b == 1 ? keys : "");
            test_free(s);
            test_free(t);
        }
    }
}

/* Other offsets and single tones: between 3.5 % and the next frequency there is no digit. */
TEST(what_lies_between_the_frequencies_is_no_digit)
{
    for (double f = 300; f < 3400; f += 10) {
        struct signal *s = signal_new(5);
        for (size_t i = 0; i < 4000; i++, s->n++) {
            s->x[s->n] = (int16_t)lrint(8000 * sin(2 * M_PI * f * (double)i / 8000));
        }
        assert_string_equal(heard(s, 160), "");
        test_free(s);
    }
    for (double off = 3.5; off <= 7; off += 0.25) {
        for (int sign = -1; sign <= 1; sign += 2) {
            struct signal *s = signal_new(6);
            for (size_t k = 0; k < 16; k++) {
                press(s, (struct press){
                             .key = keys[k], .ms = 200, .row_db = -10, .column_db = -10, .column_off = sign * off});
                pause_ms(s, 40);
            }
            assert_string_equal(heard(s, 160), "");
            test_free(s);
        }
    }
}

/* Ring-back, dial tone, busy of two continents: pairs of tones, none of them a key. */
TEST(call_progress_tones_are_no_digits)
{
    static const double pairs[][2] = {{350, 440}, {440, 480}, {480, 620}, {425, 0},   {950, 1400}, {1400, 1800},
                                      {2100, 0},  {1100, 0},  {1300, 0},  {697, 770}, {1209, 1477}};
    for (size_t p = 0; p < ARRAY_LEN(pairs); p++) {
        struct signal *s = signal_new(8);
        for (size_t i = 0; i < 8000; i++, s->n++) {
            double t = 2 * M_PI * (double)i / 8000;
            s->x[s->n] = (int16_t)lrint(6000 * sin(pairs[p][0] * t) + 6000 * sin(pairs[p][1] * t));
        }
        assert_string_equal(heard(s, 160), "");
        test_free(s);
    }
}

/*
 * Noise; and sung vowels, held for 0.3 s with hardly any energy beside two formants: the hardest there is, since some
 * of it is two steady tones. Ten minutes of it may be mistaken twice; of speech (below) nothing may.
 */
TEST(noise_and_sung_vowels_are_no_digits)
{
    size_t mistaken = 0;
    for (uint32_t seed = 1; seed <= 12; seed++) {
        struct signal *s = signal_new(seed);
        s->n = SIZE;
        add_noise(s, -12);
        assert_string_equal(heard(s, 160), "");
        test_free(s);
    }
    for (uint32_t seed = 1; seed <= 24; seed++) {
        struct signal *s = signal_new(seed);
        double pitch = 0;
        double formant[2] = {700, 1300};
        double amplitude[30] = {0};
        for (s->n = 0; s->n < SIZE; s->n++) {
            double t = (double)s->n / 8000;
            if (s->n % 2400 == 0) {
                formant[0] = 250 + 700 * uniform(s);
                formant[1] = 900 + 1200 * uniform(s);
            }
            double f0 = 90 + 8 * seed + 40 * sin(2 * M_PI * 0.6 * t + seed);
            pitch += 2 * M_PI * f0 / 8000;
            for (int h = 1; h < 30 && s->n % 40 == 0; h++) { /* resonances; they need not be taken anew each time */
                double a = 1 / hypot(1, (h * f0 - formant[0]) / 45) + 1 / hypot(1, (h * f0 - formant[1]) / 60);
                amplitude[h] = h * f0 < 3500 ? a : 0;
            }
            double v = 0;
            double wave[2] = {0, sin(pitch)}; /* of harmonics h - 1 and h; each follows from two before it */
            double twice = 2 * cos(pitch);
            for (int h = 1; h < 30; h++) {
                v += amplitude[h] * wave[1];
                double next = twice * wave[1] - wave[0];
                wave[0] = wave[1];
                wave[1] = next;
            }
            s->x[s->n] = (int16_t)lrint(CLAMP(5000 * v, -32768.0, 32767.0));
        }
        over_mulaw(s);
        mistaken += strlen(heard(s, 160));
        test_free(s);
    }
    assert_in_range(mistaken, 0, 2);
}

static uint8_t *file_read(const char *name, size_t *ret_n)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", VAD_VECTORS, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *bytes = test_malloc(1 << 20);
    *ret_n = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

/* Spoken sentences of several voices, clean and over noise; then a file that has keys among other sounds. */
TEST(speech_is_no_digit)
{
    static const struct {
        const char *file, *keys;
    } cases[] = {{"clean_8k_ulaw.wav", ""}, {"noisy_8k_ulaw.wav", ""}, {"nonspeech_8k_ulaw.wav", "59"}};
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        size_t n = 0;
        struct wav w;
        uint8_t *bytes = file_read(cases[c].file, &n);
        assert_int_equal(wav_parse(span_from(bytes, n), &w, NULL), 0);
        struct signal *s = signal_new(1);
        s->n = wav_read_mono(&w, 0, SIZE, s->x);
        assert_true(s->n > 8000 * 5);
        assert_string_equal(heard(s, 160), cases[c].keys);
        test_free(s);
        test_free(bytes);
    }
}

/* A key pressed while somebody speaks more quietly is heard all the same. */
TEST(a_key_over_quiet_speech_is_heard)
{
    size_t n = 0;
    struct wav w;
    uint8_t *bytes = file_read("clean_8k_ulaw.wav", &n);
    assert_int_equal(wav_parse(span_from(bytes, n), &w, NULL), 0);
    struct signal *s = signal_new(1);
    size_t total = wav_read_mono(&w, 0, SIZE, s->x);
    for (size_t i = 0; i < total; i++) {
        s->x[i] = (int16_t)(s->x[i] / 8);
    }
    for (size_t k = 0; k < 16; k++) {
        press(s, (struct press){.key = keys[k], .ms = 80, .row_db = -6, .column_db = -6});
        pause_ms(s, 400);
    }
    assert_string_equal(heard(s, 160), keys);
    test_free(s);
    test_free(bytes);
}

TEST(a_held_key_is_known_while_it_lasts)
{
    struct signal *s = signal_new(1);
    press_plain(s, '7', 200, 200);
    struct dtmf d;
    char digits[8];
    uint32_t held = 0;
    dtmf_init(&d);
    for (size_t at = 0; at + 80 <= s->n; at += 80) {
        dtmf_run(&d, s->x + at, 80, digits);
        held += dtmf_held(&d);
    }
    assert_in_range(held * 10, 160, 220);
    assert_false(dtmf_held(&d));
    test_free(s);
}

TEST_MAIN(T(every_key_is_heard_over_a_noisy_mulaw_line), T(frames_of_any_size_hear_the_same), T(durations_are_judged),
          T(a_long_press_is_one_digit_and_short_interruptions_do_not_split_it), T(a_change_of_key_is_a_new_digit),
          T(levels_from_0_to_minus_26_are_heard_and_none_below_minus_36), T(twist_is_allowed_within_its_limits),
          T(frequencies_are_judged), T(what_lies_between_the_frequencies_is_no_digit),
          T(call_progress_tones_are_no_digits), T(noise_and_sung_vowels_are_no_digits), T(speech_is_no_digit),
          T(a_key_over_quiet_speech_is_heard), T(a_held_key_is_known_while_it_lasts))
