#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "audio/comfort.h"

static int16_t room[COMFORT_ROOM_MAX];

static const uint32_t rates[] = {8000, 16000, 24000};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static double mean_level(const int16_t *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += abs(x[i]);
    }
    return sum / (double)n;
}

/* A vowel: harmonics of hz. Sample i. */
static int16_t vowel(double hz, uint32_t rate_hz, size_t i)
{
    double w = 2 * M_PI * hz * (double)i / rate_hz;
    return (int16_t)lrint(5000 * sin(w) + 3000 * sin(2 * w + 1) + 2000 * sin(3 * w + 2) + 1000 * sin(5 * w));
}

static void hear_noise(struct comfort *c, uint32_t frames, int32_t amplitude, uint32_t *seed)
{
    for (uint32_t k = 0; k < frames; k++) {
        int16_t x[480];
        size_t n = c->rate_hz / 50;
        for (size_t i = 0; i < n; i++) {
            x[i] = (int16_t)((int32_t)(next_random(seed) % (uint32_t)(2 * amplitude + 1)) - amplitude);
        }
        comfort_hear(c, x, n);
    }
}

TEST(before_anything_was_heard_it_is_silence)
{
    struct comfort c;
    int16_t x[800];
    comfort_init(&c, 8000, room);
    comfort_fill(&c, x, 800);
    for (size_t i = 0; i < 800; i++) {
        assert_int_equal(x[i], 0);
    }
}

TEST(audio_without_a_hole_is_not_touched)
{
    struct comfort c;
    uint32_t seed = 1;
    comfort_init(&c, 8000, room);
    for (int k = 0; k < 100; k++) {
        int16_t x[160];
        int16_t was[160];
        for (int i = 0; i < 160; i++) {
            x[i] = (int16_t)next_random(&seed);
        }
        memcpy(was, x, sizeof(x));
        comfort_hear(&c, x, 160);
        assert_memory_equal(x, was, sizeof(x));
    }
}

/* A lost frame of a vowel: nearly what was lost, and no step at either edge. */
TEST(a_lost_frame_of_a_vowel_is_repeated)
{
    static const double pitches[] = {75, 110, 163, 220, 301, 390};
    for (size_t r = 0; r < 3; r++) {
        for (size_t p = 0; p < ARRAY_LEN(pitches); p++) {
            struct comfort c;
            comfort_init(&c, rates[r], room);
            size_t frame = rates[r] / 50;
            int16_t x[480];
            int16_t all[480 * 10];
            double error = 0;
            double power = 0;
            for (size_t k = 0; k < 10; k++) {
                for (size_t i = 0; i < frame; i++) {
                    x[i] = vowel(pitches[p], rates[r], k * frame + i);
                }
                if (k == 7) {
                    int16_t want[480];
                    memcpy(want, x, sizeof(want));
                    comfort_fill(&c, x, frame);
                    for (size_t i = 0; i < frame / 2; i++) { /* the first 10 ms are not faded */
                        error += pow(x[i] - want[i], 2);
                        power += pow(want[i], 2);
                    }
                } else {
                    comfort_hear(&c, x, frame);
                }
                memcpy(all + k * frame, x, frame * sizeof(*x));
            }
            assert_true(10 * log10(power / (error + 1)) > 10); /* 10 dB: one period is as good as the next */
            double slope = 2 * M_PI * pitches[p] / rates[r] * (5000 + 6000 + 6000 + 5000);
            for (size_t i = 1; i < 10 * frame; i++) {
                assert_true(abs(all[i] - all[i - 1]) < 1.5 * slope + 1000); /* and what noise has come in */
            }
        }
    }
}

/* Longer holes fade to the floor that the line had before, whatever was said. */
TEST(a_long_hole_fades_to_the_floor_of_the_line)
{
    for (size_t r = 0; r < 3; r++) {
        struct comfort c;
        uint32_t seed = 3;
        size_t frame = rates[r] / 50;
        int16_t x[480];
        comfort_init(&c, rates[r], room);
        hear_noise(&c, 60, 100, &seed); /* mean magnitude 50 */
        for (size_t k = 0; k < 10; k++) {
            for (size_t i = 0; i < frame; i++) {
                x[i] = vowel(140, rates[r], k * frame + i);
            }
            comfort_hear(&c, x, frame);
        }
        double last = 1e9;
        for (int k = 0; k < 20; k++) {
            comfort_fill(&c, x, frame);
            double level = mean_level(x, frame);
            assert_true(level < last * 1.05 || k > 3);
            last = level;
            if (k >= 3) {
                assert_true(level > 30 && level < 65);
            }
        }
    }
}

TEST(a_digitally_silent_line_stays_silent)
{
    struct comfort c;
    int16_t x[160];
    comfort_init(&c, 8000, room);
    for (int k = 0; k < 50; k++) {
        memset(x, 0, sizeof(x));
        comfort_hear(&c, x, 160);
    }
    for (int k = 0; k < 10; k++) {
        comfort_fill(&c, x, 160);
        for (int i = 0; i < 160; i++) {
            assert_int_equal(x[i], 0);
        }
    }
}

/* 20 ms of one value. */
static bool bridge(struct comfort *c, int16_t value, int16_t *x)
{
    for (size_t i = 0; i < 160; i++) {
        x[i] = value;
    }
    return comfort_bridge(c, x, 160);
}

TEST(digital_silence_in_the_noise_of_a_line_sounds_like_the_line)
{
    struct comfort c;
    int16_t x[160];
    uint32_t seed = 1;
    uint32_t bridged = 0;
    comfort_init(&c, 8000, room);
    hear_noise(&c, 100, 200, &seed);
    assert_false(comfort_bridge(&c, (int16_t[]){1, 1, 2}, 3));
    while (bridge(&c, bridged % 2 ? 0 : 8, x)) { /* A-law's silence is 8 */
        assert_true(mean_level(x, 160) > 70 && mean_level(x, 160) < 130);
        bridged++;
    }
    assert_true(bridged > 150 && bridged <= 200); /* so long a silence is the line's own */
    assert_int_equal(x[0], bridged % 2 ? 0 : 8);  /* and left alone */
}

/* Its quietest sound is a voice. */
TEST(a_line_that_is_silent_between_words_stays_so)
{
    struct comfort c;
    int16_t x[160];
    comfort_init(&c, 8000, room);
    for (size_t k = 0; k < 1000; k++) {
        if (k % 100 < 40) {
            assert_false(bridge(&c, 0, x));
            comfort_hear(&c, x, 160);
            continue;
        }
        double loud = 0.02 + fabs(sin((double)k / 5));
        for (size_t i = 0; i < 160; i++) {
            x[i] = (int16_t)(loud * vowel(120, 8000, k * 160 + i));
        }
        assert_false(comfort_bridge(&c, x, 160));
        comfort_hear(&c, x, 160);
    }
}

/* Lost noise has no pitch: it is replaced by noise that is no louder and falls. */
TEST(a_hiss_is_not_made_a_buzz)
{
    struct comfort c;
    uint32_t seed = 9;
    int16_t x[160];
    comfort_init(&c, 8000, room);
    hear_noise(&c, 60, 60, &seed);
    hear_noise(&c, 5, 4000, &seed);
    comfort_fill(&c, x, 160);
    assert_int_equal(c.period, 0);
    double first = mean_level(x, 160);
    assert_true(first > 1200 && first < 2300);
    comfort_fill(&c, x, 160);
    assert_true(mean_level(x, 160) < first * 0.8);
    comfort_fill(&c, x, 160);
    comfort_fill(&c, x, 160);
    assert_true(mean_level(x, 160) < 45);
}

/* The floor follows a line that becomes noisier, within two seconds, and one that becomes quieter, at once. */
TEST(the_floor_follows_the_line)
{
    struct comfort c;
    uint32_t seed = 2;
    comfort_init(&c, 8000, room);
    hear_noise(&c, 60, 40, &seed);
    assert_in_range(c.floor, 14, 22);
    hear_noise(&c, 110, 400, &seed);
    assert_in_range(c.floor, 160, 210);
    hear_noise(&c, 2, 40, &seed);
    assert_in_range(c.floor, 14, 24);
}

/* Correlation of neighbours: 1 for the lowest frequencies, -1 for the highest. */
static double colour_of(const int16_t *x, size_t n)
{
    double cross = 0;
    double power = 1e-9;
    for (size_t i = 1; i < n; i++) {
        cross += x[i] * x[i - 1];
        power += x[i] * x[i];
    }
    return cross / power;
}

/* What a line sounds like at rest: hiss, rumble, hum, the click-clack of the highest frequency. */
static int16_t rest_sample(int kind, size_t i, double *rumble, uint32_t *seed)
{
    double white = (double)(next_random(seed) % 201) - 100;
    double w = 2 * M_PI * 50 * (double)i / 8000;
    *rumble += 0.2 * (white - *rumble);
    switch (kind) {
    case 0:
        return (int16_t)white;
    case 1:
        return (int16_t)(2 * *rumble);
    case 2:
        return (int16_t)(80 * sin(w) + 40 * sin(3 * w) + white / 20);
    default:
        return (int16_t)(i % 2 ? white / 4 + 60 : white / 4 - 60);
    }
}

TEST(a_line_at_rest_keeps_its_colour_and_its_loudness)
{
    for (int kind = 0; kind < 4; kind++) {
        struct comfort c;
        uint32_t seed = 5;
        double rumble = 0;
        int16_t heard[8000];
        int16_t x[4000];
        comfort_init(&c, 8000, room);
        for (size_t i = 0; i < 8000; i++) {
            heard[i] = rest_sample(kind, i, &rumble, &seed);
        }
        for (size_t at = 0; at < 8000; at += 160) {
            comfort_hear(&c, heard + at, 160);
        }
        comfort_rest(&c, x, 4000);
        double want = mean_level(heard, 8000);
        double is = mean_level(x + 400, 3600);
        assert_true(fabs(20 * log10(is / want)) < 2.5);
        assert_true(fabs(colour_of(x + 400, 3600) - colour_of(heard, 8000)) < 0.15);
    }
}

/* No voice is carried on into a rest, however loud it was. */
TEST(a_rest_is_at_rest_at_once)
{
    struct comfort c;
    uint32_t seed = 3;
    int16_t x[160];
    comfort_init(&c, 8000, room);
    hear_noise(&c, 60, 100, &seed);
    for (size_t k = 0; k < 10; k++) {
        for (size_t i = 0; i < 160; i++) {
            x[i] = vowel(140, 8000, k * 160 + i);
        }
        comfort_hear(&c, x, 160);
    }
    comfort_rest(&c, x, 160);
    assert_true(mean_level(x, 160) > 35 && mean_level(x, 160) < 65);
}

/* The mains hum on, in phase, on both sides of what is filled: nothing for a detector to hear. */
TEST(a_hum_goes_on_where_it_was)
{
    static const double mains[] = {50, 60};
    for (size_t r = 0; r < 3; r++) {
        for (size_t m = 0; m < 2; m++) {
            struct comfort c;
            size_t frame = rates[r] / 50;
            int16_t x[480];
            comfort_init(&c, rates[r], room);
            for (size_t k = 0; k < 100; k++) {
                int16_t want[480];
                for (size_t i = 0; i < frame; i++) {
                    double w = 2 * M_PI * mains[m] * (double)(k * frame + i) / rates[r];
                    want[i] = x[i] = (int16_t)lrint(400 * sin(w) + 250 * sin(3 * w + 1) + 100 * sin(5 * w + 2));
                }
                if (k >= 50 && k % 17 < 9) { /* at the beginning, at the end, and for long */
                    comfort_rest(&c, x, frame);
                } else {
                    comfort_hear(&c, x, frame);
                }
                for (size_t i = 0; i < frame; i++) {
                    assert_in_range(x[i] - want[i] + 3, 0, 6);
                }
            }
        }
    }
}

/* A line that grows quiet is not filled with what it was before. */
TEST(a_line_that_grows_quiet_is_quiet_at_once)
{
    struct comfort c;
    uint32_t seed = 4;
    int16_t x[160];
    comfort_init(&c, 8000, room);
    hear_noise(&c, 110, 400, &seed);
    comfort_rest(&c, x, 160);
    assert_true(mean_level(x, 160) > 150);
    hear_noise(&c, 2, 40, &seed);
    comfort_rest(&c, x, 160);
    assert_true(mean_level(x, 160) < 30);
}

TEST(holes_cut_anyhow_are_filled_the_same)
{
    struct comfort a;
    struct comfort b;
    int16_t other[COMFORT_ROOM_MAX];
    uint32_t seed = 7;
    comfort_init(&a, 8000, room);
    comfort_init(&b, 8000, other);
    for (size_t k = 0; k < 20; k++) {
        int16_t x[160];
        for (size_t i = 0; i < 160; i++) {
            x[i] = (int16_t)(vowel(120, 8000, k * 160 + i) + (int32_t)(next_random(&seed) % 100));
        }
        int16_t same[160];
        memcpy(same, x, sizeof(same));
        comfort_hear(&a, x, 160);
        comfort_hear(&b, same, 160);
    }
    int16_t once[2000];
    int16_t pieces[2000];
    comfort_fill(&a, once, 2000);
    for (size_t at = 0; at < 2000;) {
        size_t n = MIN(at % 61 + 1, 2000 - at);
        comfort_fill(&b, pieces + at, n);
        at += n;
    }
    assert_memory_equal(once, pieces, sizeof(once));
}

TEST_MAIN(T(digital_silence_in_the_noise_of_a_line_sounds_like_the_line),
          T(a_line_that_is_silent_between_words_stays_so), T(before_anything_was_heard_it_is_silence),
          T(audio_without_a_hole_is_not_touched), T(a_lost_frame_of_a_vowel_is_repeated),
          T(a_long_hole_fades_to_the_floor_of_the_line), T(a_digitally_silent_line_stays_silent),
          T(a_hiss_is_not_made_a_buzz), T(the_floor_follows_the_line),
          T(a_line_at_rest_keeps_its_colour_and_its_loudness), T(a_rest_is_at_rest_at_once),
          T(a_hum_goes_on_where_it_was), T(a_line_that_grows_quiet_is_quiet_at_once),
          T(holes_cut_anyhow_are_filled_the_same))
