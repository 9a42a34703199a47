#include "audio/limit.h"

#include <stdlib.h>

#define FULL         32768 /* largest magnitude of int16 */
#define KNEE_PERCENT 79    /* of the ceiling: 2 dB below it */
#define HOLD_MS      10    /* half a period of 50 Hz: the gain stands still while a voice swings */
#define RELEASE_MS   100   /* from full scale to the knee */
#define GAIN_SHIFT   20

void limit_init(struct limit *l, uint32_t rate_hz, int32_t ceiling)
{
    ceiling = CLAMP(ceiling, LIMIT_CEILING_MIN, INT16_MAX);
    int32_t knee = ceiling * KNEE_PERCENT / 100;
    *l = (struct limit){.ceiling = ceiling,
                        .knee = knee,
                        .envelope_q8 = knee << 8,
                        .hold_samples = rate_hz / 1000 * HOLD_MS,
                        .fall_q8 = ((FULL - knee) << 8) /
                                   (int32_t)(rate_hz / 1000 * RELEASE_MS)}; /* 64 ms at 8 and 16 kHz, 43 ms at 24 kHz */
}

/*
 * What a magnitude above the knee becomes: a parabola that leaves the knee with slope 1 and reaches the ceiling at full
 * scale. With a ceiling far below full scale it would turn before; then it is a hyperbola through the same two points.
 */
static int32_t bent(const struct limit *l, int32_t magnitude)
{
    int64_t over = magnitude - l->knee;
    int64_t width = FULL - l->knee;
    int64_t height = l->ceiling - l->knee;
    if (2 * height >= width) {
        return (int32_t)(l->knee + over - over * over * (width - height) / (width * width));
    }
    /* over / (1 + over (1 / height - 1 / width)) */
    return (int32_t)(l->knee + over * height * width / (height * width + over * (width - height)));
}

/* The gain in Q20 that the envelope asks for; rounded down, so that no product passes the ceiling. */
static int64_t gain_of(const struct limit *l)
{
    int32_t envelope = (l->envelope_q8 + 255) >> 8;
    return ((int64_t)bent(l, envelope) << GAIN_SHIFT) / envelope;
}

static void follow(struct limit *l, int32_t magnitude)
{
    if (magnitude << 8 >= l->envelope_q8) {
        l->envelope_q8 = magnitude << 8;
        l->hold = l->hold_samples;
    } else if (l->hold) {
        l->hold--;
    } else {
        l->envelope_q8 = MAX(l->envelope_q8 - l->fall_q8, MAX(magnitude, l->knee) << 8);
    }
}

static bool is_quiet(const int16_t *pcm, size_t n, int32_t knee)
{
    int32_t low = 0;
    int32_t high = 0;
    for (size_t i = 0; i < n; i++) {
        low = MIN(low, pcm[i]);
        high = MAX(high, pcm[i]);
    }
    return high <= knee && -low <= knee;
}

void limit_run(struct limit *l, int16_t *pcm, size_t n)
{
    if (l->envelope_q8 == l->knee << 8 && is_quiet(pcm, n, l->knee - 1)) {
        return; /* nothing would change, neither here nor in the state */
    }
    for (size_t i = 0; i < n; i++) {
        int32_t x = pcm[i];
        follow(l, abs(x));
        if (l->envelope_q8 > l->knee << 8) {
            int64_t y = x * gain_of(l) / (1 << GAIN_SHIFT); /* towards zero */
            l->limited_samples += y != x;
            pcm[i] = (int16_t)y;
        }
    }
}
