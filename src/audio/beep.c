#include "audio/beep.h"

#include <string.h>

#define BLOCK_MS     40
#define BEEP_MIN_MS  120 /* three blocks that lie in it wholly */
#define BEEP_MAX_MS  3000
#define FLAW_MS      20 /* a lost packet within a beep */
#define SILENCE_MS   1500
#define STEP_W       502655 /* 8 Hz as 2 pi f, times 10000 */
#define STEPS        8      /* to each side */
#define QUIET_RMS    120    /* about -49 dBFS: nobody speaks so softly into a machine */
#define TONE_RMS     250    /* about -42 dBFS */
#define FLOOR_FACTOR 3      /* over the floor it is sound */

struct range {
    uint32_t rate_hz;
    int32_t c_min, c_max; /* 2 cos(2 pi f / rate) in Q14 of 2500 and of 380 Hz */
};

static const struct range ranges[] = {
    {8000, -12540, 31319},
    {16000, 18205, 32404},
    {24000, 25997, 32606},
};

void beep_init(struct beep *b, uint32_t rate_hz)
{
    const struct range *r = &ranges[0];
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        r = ranges[i].rate_hz == rate_hz ? &ranges[i] : r;
    }
    *b = (struct beep){.rate_hz = r->rate_hz,
                       .block = r->rate_hz / 1000 * BLOCK_MS,
                       .c_min = r->c_min,
                       .c_max = r->c_max,
                       .floor = UINT32_MAX};
}

struct block {
    uint32_t rms;
    int32_t c;    /* of its strongest tone */
    int32_t step; /* so much of c are STEP_HZ there */
    bool pure;    /* nearly all of it is that tone */
};

static uint32_t square_root(uint64_t v)
{
    uint64_t r = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1) {
        if ((r | bit) * (r | bit) <= v) {
            r |= bit;
        }
    }
    return (uint32_t)r;
}

/* The block's part of one tone (Goertzel): amplitude squared times half the block, squared. */
static int64_t power_at(const int16_t *x, uint32_t n, int64_t c)
{
    int64_t s1 = 0;
    int64_t s2 = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t s = x[i] + c * s1 / 16384 - s2;
        s2 = s1;
        s1 = s;
    }
    return s1 * s1 + s2 * s2 - s1 * s2 / 16384 * c;
}

/* The least-squares c is drawn aside by noise: the strongest tone near to it is looked for. */
static void refine(const struct beep *b, struct block *k, int64_t xx)
{
    const int16_t *x = b->pcm + 2;
    int64_t half = k->c / 2; /* cos w, Q14 */
    int64_t sine = square_root((uint64_t)MAX((INT64_C(1) << 28) - half * half, 0));
    int64_t best = -1;
    int32_t middle = k->c;
    k->step = (int32_t)(sine * 2 * STEP_W / b->rate_hz / 10000);
    /* None of those near it would count; and towards 0 Hz, of a hum or an offset, power_at has no bound. */
    if (k->c < b->c_min - STEPS * k->step || k->c > b->c_max + STEPS * k->step) {
        return;
    }
    for (int32_t i = -STEPS; i <= STEPS; i++) {
        int32_t c = middle + i * k->step;
        int64_t power = power_at(x, b->block, c);
        if (power > best) {
            best = power;
            k->c = c;
        }
    }
    k->pure = best * 4 >= xx * (int64_t)b->block / 2 * 3;
}

static struct block look(const struct beep *b)
{
    int64_t xx = 0;
    int64_t xy = 0;
    const int16_t *x = b->pcm + 2;
    for (int32_t i = 0; i < (int32_t)b->block; i++) {
        int64_t mid = x[i - 1];
        xx += mid * mid;
        xy += mid * ((int64_t)x[i] + x[i - 2]);
    }
    struct block k = {.rms = square_root((uint64_t)xx / b->block)};
    if (k.rms >= TONE_RMS) {
        k.c = (int32_t)(xy * 16384 / xx);
        refine(b, &k, xx);
    }
    return k;
}

static bool is_tone(const struct beep *b, const struct block *k)
{
    return k->rms >= TONE_RMS && k->pure && k->c >= b->c_min && k->c <= b->c_max;
}

/* True: a beep has just ended. */
static bool follow_tone(struct beep *b, const struct block *k)
{
    int32_t away = k->c > b->c ? k->c - b->c : b->c - k->c;
    if (is_tone(b, k) && (b->tone_ms == 0 || away <= 2 * k->step)) {
        b->c = k->c;
        b->tone_ms += BLOCK_MS + b->off_ms;
        b->off_ms = 0;
        return false;
    }
    if (b->tone_ms == 0) {
        return false;
    }
    if (b->off_ms < FLAW_MS) {
        b->off_ms += BLOCK_MS;
        return false;
    }
    bool was_beep = b->tone_ms >= BEEP_MIN_MS && b->tone_ms <= BEEP_MAX_MS;
    b->off_ms = 0;
    b->tone_ms = is_tone(b, k) ? BLOCK_MS : 0; /* another tone may begin here */
    b->c = k->c;
    return was_beep;
}

/* True: it has been silent for long enough. */
static bool follow_silence(struct beep *b, const struct block *k)
{
    b->floor = MIN(b->floor, k->rms);
    bool silent = k->rms < QUIET_RMS || (k->rms < TONE_RMS && k->rms / FLOOR_FACTOR < b->floor);
    b->floor += b->floor / 256;
    b->silent_ms = silent ? b->silent_ms + BLOCK_MS : 0;
    return b->silent_ms >= SILENCE_MS;
}

enum beep_finding beep_run(struct beep *b, const int16_t *pcm, size_t n)
{
    enum beep_finding found = BEEP_NOTHING;
    for (size_t i = 0; i < n; i++) {
        b->pcm[2 + b->n++] = pcm[i];
        if (b->n < b->block) {
            continue;
        }
        struct block k = look(b);
        bool beeped = follow_tone(b, &k);
        bool silent = follow_silence(b, &k);
        memcpy(b->pcm, b->pcm + b->block, 2 * sizeof(b->pcm[0])); /* the last two, for the next block */
        b->n = 0;
        if (found == BEEP_NOTHING && (beeped || silent)) {
            found = beeped ? BEEP_HEARD : BEEP_SILENCE;
            b->silent_ms = 0;
        }
    }
    return found;
}
