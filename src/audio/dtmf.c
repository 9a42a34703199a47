#include "audio/dtmf.h"

#include <stdlib.h>
#include <string.h>

/* Made by tables_gen.c: dtmf_window (Q13), dtmf_waves (Q12: cosine and minus sine of each frequency), dtmf_turns,
 * dtmf_limits (Q15). */
#include "dtmf_tables.inc"

#define TONES                4 /* of a group */
#define NONE                 '\0'
#define HITS                 4 /* windows in a row: 32 ms between the middles of the first and the last one, and a hop */
#define STRONG               2  /* of them that hold next to nothing else */
#define RELEASE              3  /* windows without it: an interruption of 10 ms spoils two */
#define DOMINANT             4  /* 6 dB above the next of its group */
#define TWIST_UP             4  /* column over row, as power: 4 dB must pass, 6 do not surely */
#define TWIST_DN             10 /* row over column: 8 dB must pass, 10 do not surely */
#define SHARE_PERCENT        50 /* of the energy, in half a window of tone and half of silence as well */
#define SHARE_STRONG_PERCENT 92
/*
 * A tone of amplitude A (of int16) gives |X| = 80 A after SHIFT and a window energy of 0.46875 A^2: what the two are to
 * each other when the tone is all there is.
 */
#define SHIFT       8
#define POWER_RATIO 13653
#define AMPLITUDE   560 /* -32 dBm0; -26 must pass */
#define POWER_MIN   (6400LL * AMPLITUDE * AMPLITUDE)
#define ENERGY_MIN  (AMPLITUDE * AMPLITUDE * 3 / 4)
#define FLATTEN_Q10 563 /* 0.55: what the window takes from a tone off its frequency, by 1 - cosine of the turn */

struct reading {
    struct dtmf_phase x[2 * TONES]; /* rows, then columns */
    int64_t power[2 * TONES];
    int64_t energy;
};

void dtmf_init(struct dtmf *d)
{
    *d = (struct dtmf){0};
}

/* ---- one window. The trip counts are constant, so that the compiler makes pmaddwd of the loops. ---- */

/* Windowed samples, an eighth as large; returns their energy. */
static int32_t shape(const int16_t *x, int16_t *y)
{
    int32_t energy = 0;
    for (int i = 0; i < DTMF_WINDOW; i++) {
        y[i] = (int16_t)(x[i] * dtmf_window[i] >> 16);
    }
    for (int i = 0; i < DTMF_WINDOW; i++) {
        energy += y[i] * y[i];
    }
    return energy;
}

static int32_t correlate(const int16_t *y, const int16_t *wave)
{
    int32_t sum = 0;
    for (int i = 0; i < DTMF_WINDOW; i++) {
        sum += y[i] * wave[i];
    }
    return sum >> SHIFT;
}

/* The strongest of four tones from first on, or -1 when it does not stand out. */
static int strongest(const int16_t *y, int first, struct reading *r)
{
    int best = first;
    int64_t second = 0;
    for (int f = first; f < first + TONES; f++) {
        int64_t re = correlate(y, dtmf_waves + (size_t)(2 * f) * DTMF_WINDOW);
        int64_t im = correlate(y, dtmf_waves + (size_t)(2 * f + 1) * DTMF_WINDOW);
        r->x[f] = (struct dtmf_phase){(int32_t)re, (int32_t)im};
        r->power[f] = re * re + im * im;
    }
    for (int f = first + 1; f < first + TONES; f++) {
        best = r->power[f] > r->power[best] ? f : best;
    }
    for (int f = first; f < first + TONES; f++) {
        second = f != best ? MAX(second, r->power[f]) : second;
    }
    return r->power[best] >= POWER_MIN && r->power[best] >= second * DOMINANT ? best : -1;
}

/* ---- steadiness ---- */

static struct dtmf_phase normal(struct dtmf_phase x)
{
    while (abs(x.re) >= 1 << 14 || abs(x.im) >= 1 << 14) {
        x.re /= 2;
        x.im /= 2;
    }
    return x;
}

static int64_t root(int64_t v)
{
    int64_t r = 0;
    for (int64_t bit = 1LL << 30; bit; bit /= 2) {
        if ((r + bit) * (r + bit) <= v) {
            r += bit;
        }
    }
    return r;
}

/*
 * How far the tone's phase turned in a hop beyond what its nominal frequency makes it turn: the cosine of it in Q10, or
 * -ERANGE's place: INT32_MIN when that is farther than the frequency may be off.
 */
static int32_t steady_cosine(int tone, struct dtmf_phase was, struct dtmf_phase is)
{
    was = normal(was);
    is = normal(is);
    int64_t re = (int64_t)is.re * was.re + (int64_t)is.im * was.im;
    int64_t im = (int64_t)is.im * was.re - (int64_t)is.re * was.im;
    int64_t c = (re * dtmf_turns[2 * tone] - im * dtmf_turns[2 * tone + 1]) / 32768;
    int64_t both =
        ((int64_t)is.re * is.re + (int64_t)is.im * is.im) * ((int64_t)was.re * was.re + (int64_t)was.im * was.im);
    if (both == 0 || c * llabs(c) < both / 32768 * dtmf_limits[tone]) {
        return INT32_MIN;
    }
    return (int32_t)(c * 1024 / MAX(root(both), 1));
}

/* Share of the window's energy in percent that the two tones hold, made up for by what each lost by being off. */
static int64_t share_of(const struct reading *r, int row, int column, const int32_t cosine_q10[2])
{
    int64_t a = r->power[row] / 1024 * (1024 + (1024 - cosine_q10[0]) * FLATTEN_Q10 / 1024);
    int64_t b = r->power[column] / 1024 * (1024 + (1024 - cosine_q10[1]) * FLATTEN_Q10 / 1024);
    return (a + b) * 100 / (r->energy * POWER_RATIO);
}

/* ---- windows to digits ---- */

static void miss(struct dtmf *d)
{
    d->candidate = NONE;
    d->hits = 0;
    d->strong = 0;
}

static void hit(struct dtmf *d, int row, int column, const struct reading *r)
{
    static const char digits[] = "123A456B789C*0#D";
    char digit = digits[row * TONES + column - TONES];
    int32_t cosine_q10[2] = {1024, 1024};
    bool steady = digit == d->candidate;
    if (steady) {
        cosine_q10[0] = steady_cosine(row, d->row, r->x[row]);
        cosine_q10[1] = steady_cosine(column, d->column, r->x[column]);
        steady = cosine_q10[0] != INT32_MIN && cosine_q10[1] != INT32_MIN;
    }
    if (!steady) {
        miss(d);
        cosine_q10[0] = cosine_q10[1] = 1024;
    }
    d->candidate = digit;
    d->hits++;
    d->strong += share_of(r, row, column, cosine_q10) >= SHARE_STRONG_PERCENT;
    d->row = r->x[row];
    d->column = r->x[column];
}

static void judge(struct dtmf *d)
{
    int16_t y[DTMF_WINDOW];
    struct reading r;
    r.energy = shape(d->samples, y);
    int row = r.energy >= ENERGY_MIN ? strongest(y, 0, &r) : -1;
    /* A row that holds too little even with the loudest column beside it: speech ends here. */
    if (row >= 0 && r.power[row] * 100 * (1 + TWIST_UP) < SHARE_PERCENT * r.energy * POWER_RATIO) {
        row = -1;
    }
    int column = row >= 0 ? strongest(y, TONES, &r) : -1;
    if (column < 0 || r.power[column] > TWIST_UP * r.power[row] || r.power[row] > TWIST_DN * r.power[column] ||
        (r.power[row] + r.power[column]) * 100 < SHARE_PERCENT * r.energy * POWER_RATIO) {
        miss(d);
    } else {
        hit(d, row, column, &r);
    }
}

/* Returns the digit that this window completes, or NONE. */
static char settle(struct dtmf *d)
{
    if (d->told != NONE) {
        d->misses = d->candidate == d->told ? 0 : d->misses + 1;
        if (d->misses >= RELEASE) {
            d->told = NONE;
        }
    }
    if (d->hits >= HITS && d->strong >= STRONG && d->candidate != d->told) {
        d->told = d->candidate;
        d->misses = 0;
        return d->told;
    }
    return NONE;
}

size_t dtmf_run(struct dtmf *d, const int16_t *pcm, size_t n, char *digits)
{
    size_t found = 0;
    while (n) {
        size_t take = MIN(n, (size_t)(DTMF_WINDOW - d->n));
        memcpy(d->samples + d->n, pcm, take * sizeof(*pcm));
        d->n += (uint32_t)take;
        pcm += take;
        n -= take;
        if (d->n == DTMF_WINDOW) {
            judge(d);
            char digit = settle(d);
            if (digit != NONE) {
                digits[found++] = digit;
            }
            memmove(d->samples, d->samples + DTMF_HOP, (DTMF_WINDOW - DTMF_HOP) * sizeof(*d->samples));
            d->n = DTMF_WINDOW - DTMF_HOP;
        }
    }
    return found;
}
