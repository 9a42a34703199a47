#include "audio/tone.h"

#include <errno.h>
#include <string.h>

/* static const int16_t tone_sine[], Q15: one period and its first sample again, indexed by phase >> TONE_SINE_SHIFT;
 * made by tables_gen.c. */
#include "tone_tables.inc"

#define RAMP_MS      5
#define ONE_Q15      32768
#define LEVEL_MIN_CB (-600)
#define LEVEL_MAX_CB 31
#define DIGIT_ROW_CB (-80)
#define DIGIT_COL_CB (-60)

const struct tone_spec tone_ringback_us = {{440, 480}, {-190, -190}, {2000}, {4000}, 0};
const struct tone_spec tone_ringback_eu = {{425, 0}, {-130, 0}, {1000}, {4000}, 0};
const struct tone_spec tone_busy_us = {{480, 620}, {-240, -240}, {500}, {500}, 0};
const struct tone_spec tone_busy_eu = {{425, 0}, {-130, 0}, {480}, {480}, 0};
const struct tone_spec tone_beep = {{1000, 0}, {-130, 0}, {300}, {0}, 1};

int tone_spec_digit(struct tone_spec *ret, char digit, uint32_t on_ms, uint32_t off_ms)
{
    static const char digits[] = "123A456B789C*0#D";
    static const uint32_t rows[] = {697, 770, 852, 941};
    static const uint32_t columns[] = {1209, 1336, 1477, 1633};
    if (digit >= 'a' && digit <= 'd') {
        digit = (char)(digit - 'a' + 'A');
    }
    const char *at = digit ? strchr(digits, digit) : NULL;
    if (!at) {
        return -EINVAL;
    }
    size_t key = (size_t)(at - digits);
    *ret = (struct tone_spec){{rows[key / 4], columns[key % 4]}, {DIGIT_ROW_CB, DIGIT_COL_CB}, {on_ms}, {off_ms}, 1};
    return 0;
}

/* Peak at 16 bits of a sine of so many tenths of dBm0: 22379 at 0, as the mu-law scale ends at 3.14 dBm0. */
static int32_t amplitude_of(int32_t level_cb)
{
    static const uint16_t tenths_q16[] = {0, 64786, 64044, 63311, 62586, 61870, 61162, 60461, 59770, 59085};
    static const uint32_t wholes_q16[] = {65536, 58409, 52057, 46396, 41350, 36854, 32846, 29274, 26090, 23253};
    level_cb = CLAMP(level_cb, LEVEL_MIN_CB, LEVEL_MAX_CB);
    uint64_t amplitude = 32124ull << 16;
    uint32_t below = (uint32_t)(LEVEL_MAX_CB - level_cb); /* 3.14 dBm0 counts as 3.1 */
    for (; below >= 200; below -= 200) {
        amplitude /= 10;
    }
    if (below >= 100) {
        amplitude = amplitude * 20724 >> 16; /* 10 dB */
        below -= 100;
    }
    amplitude = amplitude * wholes_q16[below / 10] >> 16;
    amplitude = below % 10 ? amplitude * tenths_q16[below % 10] >> 16 : amplitude;
    return (int32_t)(amplitude >> 16);
}

static bool is_empty(const struct tone_spec *s)
{
    uint64_t on_ms = 0;
    for (size_t i = 0; i < TONE_BURSTS; i++) {
        on_ms += s->on_ms[i];
    }
    return on_ms == 0 || (s->hz[0] == 0 && s->hz[1] == 0);
}

int tone_init(struct tone *t, uint32_t rate_hz, const struct tone_spec *spec)
{
    bool known = rate_hz == 8000 || rate_hz == 16000 || rate_hz == 24000;
    if (!known || is_empty(spec) || spec->hz[0] >= rate_hz / 2 || spec->hz[1] >= rate_hz / 2) {
        return -EINVAL;
    }
    *t = (struct tone){.spec = *spec, .rate_hz = rate_hz};
    for (size_t i = 0; i < 2; i++) {
        t->step[i] = (uint32_t)(((uint64_t)spec->hz[i] << 32) / rate_hz);
        t->amplitude[i] = spec->hz[i] ? amplitude_of(spec->level_cb[i]) : 0;
    }
    return 0;
}

/* The sine by linear interpolation, Q15. */
static int32_t sine_q15(uint32_t phase)
{
    uint32_t at = phase >> TONE_SINE_SHIFT;
    int32_t rest = (int32_t)(phase >> (TONE_SINE_SHIFT - 15) & (ONE_Q15 - 1));
    return tone_sine[at] + (tone_sine[at + 1] - tone_sine[at]) * rest / ONE_Q15;
}

/* Linear: at the edges of a burst. left: samples to its end. */
static int32_t ramp_q15(uint64_t at, uint64_t left, uint64_t ramp)
{
    uint64_t near = MIN(MIN(at, left), ramp);
    return (int32_t)(near * ONE_Q15 / ramp);
}

static uint64_t samples_of(const struct tone *t, uint32_t ms)
{
    return (uint64_t)ms * (t->rate_hz / 1000);
}

static int16_t sample(struct tone *t, uint64_t on)
{
    uint64_t ramp = MIN(samples_of(t, RAMP_MS), on / 2);
    int64_t sum = 0;
    for (size_t i = 0; i < 2; i++) {
        sum += (int64_t)t->amplitude[i] * sine_q15(t->phase[i]);
        t->phase[i] += t->step[i];
    }
    if (ramp) {
        sum = sum * ramp_q15(t->at, on - 1 - t->at, ramp) / ONE_Q15;
    }
    return (int16_t)CLAMP(sum / ONE_Q15, INT16_MIN, INT16_MAX);
}

/* To the next burst that has a length; the cadence may be over with it. Every burst begins at phase zero. */
static void next_burst(struct tone *t)
{
    t->at = 0;
    t->phase[0] = t->phase[1] = 0;
    t->burst++;
    if (t->burst < TONE_BURSTS) {
        return;
    }
    t->burst = 0;
    t->times++;
    t->over = t->spec.times && t->times >= t->spec.times;
}

size_t tone_run(struct tone *t, int16_t *out, size_t n)
{
    size_t done = 0;
    while (done < n && !t->over) {
        uint64_t on = samples_of(t, t->spec.on_ms[t->burst]);
        uint64_t all = on + samples_of(t, t->spec.off_ms[t->burst]);
        if (t->at >= all) {
            next_burst(t);
            continue;
        }
        out[done++] = t->at < on ? sample(t, on) : 0;
        t->at++;
    }
    return done;
}
