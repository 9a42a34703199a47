#include "audio/comfort.h"

#include <stdlib.h>
#include <string.h>

#define PITCH_MAX_US 15000 /* 67 Hz */
#define PITCH_MIN_US 2500  /* 400 Hz */
#define WHOLE_MS     10    /* repeated at full level, before it fades */
#define VOICED       2     /* periods differ by less than 1 / VOICED of their level: a voice */
#define LEVEL_MS     10
#define FLOOR_MS     1000
#define FLOOR_MAX    1024 /* louder is no floor: somebody spoke all the time */
#define LOW_NONE     INT32_MAX
#define FLAT_MOST    2 /* times as much digital silence as rest: then that is how this line rests */

static uint32_t samples_of(const struct comfort *c, uint32_t ms)
{
    return c->rate_hz / 1000 * ms;
}

void comfort_init(struct comfort *c, uint32_t rate_hz, int16_t *room)
{
    *c = (struct comfort){.rate_hz = rate_hz, .history = room, .floor = -1, .low = LOW_NONE};
    hush_init(&c->hush, rate_hz, room + samples_of(c, COMFORT_HISTORY_MS));
}

static int32_t magnitude_of(const int16_t *x, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += abs(x[i]);
    }
    return n ? (int32_t)(sum / (int64_t)n) : 0;
}

/* ---- what is lost ---- */

/* Mean difference between the last samples and those a lag before, looking at every step-th. */
static int32_t difference(const struct comfort *c, uint32_t lag, uint32_t length, uint32_t step)
{
    const int16_t *end = c->history + c->n;
    int64_t sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 1; i <= length; i += step, count++) {
        sum += abs(*(end - i) - *(end - i - lag));
    }
    return (int32_t)(sum / MAX(count, 1u));
}

/* The lag at which the end of the history repeats itself best, or 0. Coarse at 8 kHz, then fine. */
static uint32_t find_period(const struct comfort *c)
{
    uint32_t longest = c->rate_hz / 1000 * PITCH_MAX_US / 1000;
    uint32_t shortest = c->rate_hz / 1000 * PITCH_MIN_US / 1000;
    uint32_t step = c->rate_hz / 8000;
    if (c->n < 2 * longest) {
        return 0;
    }
    uint32_t best = 0;
    int32_t least = INT32_MAX;
    for (uint32_t lag = shortest; lag <= longest; lag += step) {
        int32_t d = difference(c, lag, longest, step);
        if (d < least - least / 16) { /* of lags that are alike the shortest: not twice the period */
            least = d;
            best = lag;
        }
    }
    for (uint32_t lag = best - step + 1; step > 1 && lag < best + step; lag++) {
        int32_t d = difference(c, lag, longest, 1);
        if (d < least) {
            least = d;
            best = lag;
        }
    }
    int32_t level = magnitude_of(c->history + c->n - longest, longest);
    return best <= longest && least < level / VOICED ? best : 0;
}

/* A period repeated; its last quarter is bent into what comes before its beginning, so that it joins itself. */
static int32_t repeated(const struct comfort *c, uint32_t at)
{
    const int16_t *last = c->history + c->n - c->period;
    uint32_t k = at % c->period;
    uint32_t quarter = c->period / 4;
    if (k < c->period - quarter) {
        return last[k];
    }
    int32_t t = (int32_t)(k - (c->period - quarter)) + 1;
    int32_t all = (int32_t)quarter + 1;
    return (last[k] * (all - t) + *(last - c->period + k) * t) / all;
}

/* ---- noise ---- */

/* -65536 .. 65535, by position. */
static int32_t random_at(uint64_t position)
{
    uint64_t h = (position + 1) * 0x9E3779B97F4A7C15u;
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
    return (int32_t)(h >> 47) - 65536;
}

/* The line at rest; before it is known, white noise as loud as its floor: the mean magnitude is half the largest. */
static void rest_at(const struct comfort *c, uint64_t position, int16_t *out, size_t n)
{
    if (c->hush.n) {
        hush_fill(&c->hush, position, out, n);
        return;
    }
    int32_t floor = CLAMP(c->floor, 0, FLOOR_MAX);
    for (size_t i = 0; i < n; i++) {
        out[i] = (int16_t)(random_at(position + i) * floor / 32768);
    }
}

/* Q15: one for WHOLE_MS, then down to nothing at COMFORT_FADE_MS. */
static int32_t fade_q15(const struct comfort *c, uint32_t at)
{
    uint32_t whole = samples_of(c, WHOLE_MS);
    uint32_t end = samples_of(c, COMFORT_FADE_MS);
    if (at < whole) {
        return 32768;
    }
    return at < end ? (int32_t)((uint64_t)(end - at) * 32768 / (end - whole)) : 0;
}

static int16_t lost_sample(struct comfort *c)
{
    int64_t fade = fade_q15(c, c->gap);
    int16_t rest;
    rest_at(c, c->position, &rest, 1);
    int64_t v = rest;
    if (c->period && fade) {
        v = repeated(c, c->gap) * fade / 32768 + rest * (32768 - fade) / 32768;
    } else if (fade) { /* what was lost had no pitch: noise as loud as it was, as far as the line is quieter */
        v += random_at(c->position) * MAX(c->level * fade / 32768 - MAX(c->floor, 0), INT64_C(0)) / 32768;
    }
    c->gap = MIN(c->gap + 1, samples_of(c, COMFORT_FADE_MS)); /* from there on it is the line at rest */
    c->position++;
    return (int16_t)CLAMP(v, INT16_MIN, INT16_MAX);
}

static void fill_rest(struct comfort *c, int16_t *out, size_t n)
{
    rest_at(c, c->position, out, n);
    c->position += n;
}

void comfort_fill(struct comfort *c, int16_t *out, size_t n)
{
    if (c->gap == 0 && n) {
        uint32_t recent = MIN(c->n, samples_of(c, LEVEL_MS));
        c->period = find_period(c);
        c->level = magnitude_of(c->history + c->n - recent, recent);
    }
    size_t i = 0;
    while (i < n && c->gap < samples_of(c, COMFORT_FADE_MS)) {
        out[i++] = lost_sample(c);
    }
    fill_rest(c, out + i, n - i);
}

void comfort_rest(struct comfort *c, int16_t *out, size_t n)
{
    c->gap = samples_of(c, COMFORT_FADE_MS);
    fill_rest(c, out, n);
}

static bool is_flat(const int16_t *pcm, size_t n)
{
    size_t i = 1;
    while (i < n && pcm[i] == pcm[0]) {
        i++;
    }
    return i >= n;
}

bool comfort_bridge(struct comfort *c, int16_t *pcm, size_t n)
{
    if (!is_flat(pcm, n)) {
        return false;
    }
    c->flat += n;
    if (c->hush.n == 0 || c->flat > FLAT_MOST * c->quiet) {
        return false;
    }
    comfort_rest(c, pcm, n);
    return true;
}

/* ---- what is heard ---- */

static void follow_floor(struct comfort *c, const int16_t *pcm, size_t n)
{
    int32_t level = magnitude_of(pcm, n);
    if (level > 0 && 2 * level < c->floor) {
        hush_forget(&c->hush);
        c->quiet = 0;
    }
    if (level > 0 && 2 * level <= 3 * MIN(c->floor, FLOOR_MAX)) {
        hush_hear(&c->hush, c->position, pcm, n);
        c->quiet += n;
    }
    c->low = MIN(c->low, level);
    c->floor = c->floor < 0 ? level : MIN(c->floor, level);
    c->window += (uint32_t)n;
    if (c->window >= samples_of(c, FLOOR_MS)) {
        c->floor = c->low; /* rises too, once a second */
        c->low = LOW_NONE;
        c->window = 0;
    }
}

static void remember(struct comfort *c, const int16_t *pcm, size_t n)
{
    uint32_t room = samples_of(c, COMFORT_HISTORY_MS);
    uint32_t take = (uint32_t)MIN(n, (size_t)room);
    uint32_t keep = MIN(c->n, room - take);
    memmove(c->history, c->history + c->n - keep, keep * sizeof(*pcm));
    memcpy(c->history + keep, pcm + n - take, take * sizeof(*pcm));
    c->n = keep + take;
}

void comfort_hear(struct comfort *c, int16_t *pcm, size_t n)
{
    if (n == 0) {
        return;
    }
    size_t blend = 0;
    if (c->gap) {
        blend = MIN(n, (size_t)samples_of(c, COMFORT_BLEND_MS));
        for (int32_t i = 0; i < (int32_t)blend; i++) {
            int32_t old = lost_sample(c);
            pcm[i] = (int16_t)((old * ((int32_t)blend - i) + pcm[i] * (i + 1)) / ((int32_t)blend + 1));
        }
        c->position -= blend;
        c->gap = 0;
        c->n = 0; /* what lies before the hole is no past of what comes now */
    }
    remember(c, pcm, n);
    c->position += blend;
    if (n > blend) { /* of the line itself, not of what was made up */
        follow_floor(c, pcm + blend, n - blend);
    }
    c->position += n - blend;
}
