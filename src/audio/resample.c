#include "audio/resample.h"

#include <errno.h>
#include <string.h>

#include "audio/resample_kernel.h"

/* static const int16_t taps_IN_OUT[up * taps] and the scale taps_IN_OUT_shift, made by tables_gen.c: of each phase the
 * taps of the streams one after the other, of each stream the tap of the oldest sample first. */
#include "resample_taps.inc"

#define BLOCK 512 /* input samples handled at a time; bounds the stack */

struct resample_bank {
    uint32_t in_hz;
    uint32_t out_hz;
    uint32_t up;
    uint32_t down;
    uint32_t taps; /* of one phase */
    const int16_t *phases;
    int shift; /* the taps are Q15 or Q14 */
};

#define BANK(in, out, up, down, taps, table)                                                                           \
    {                                                                                                                  \
        in, out, up, down, taps, table, table##_shift                                                                  \
    }
static const struct resample_bank banks[] = {
    BANK(8000, 24000, 3, 1, 32, taps_8_24),   BANK(24000, 8000, 1, 3, 96, taps_24_8),
    BANK(8000, 16000, 2, 1, 32, taps_8_16),   BANK(16000, 8000, 1, 2, 64, taps_16_8),
    BANK(16000, 24000, 3, 2, 32, taps_16_24), BANK(24000, 16000, 2, 3, 48, taps_24_16),
};

/* Pairs of one stream: what the window before the block and the block have, and what a group of lanes reads too far. */
#define PAIRS_MAX (RESAMPLE_TAPS_MAX + BLOCK + RESAMPLE_STREAMS * (2 * RESAMPLE_LANES + 2))

int resample_init(struct resample *r, uint32_t in_hz, uint32_t out_hz)
{
    bool known = in_hz == 8000 || in_hz == 16000 || in_hz == 24000;
    const struct resample_bank *bank = NULL;
    for (size_t i = 0; i < ARRAY_LEN(banks); i++) {
        if (banks[i].in_hz == in_hz && banks[i].out_hz == out_hz) {
            bank = &banks[i];
        }
    }
    if (!bank && !(known && in_hz == out_hz)) {
        return -EINVAL;
    }
    *r = (struct resample){.bank = bank};
    return 0;
}

void resample_reset(struct resample *r)
{
    *r = (struct resample){.bank = r->bank};
}

uint32_t resample_delay_us(const struct resample *r)
{
    const struct resample_bank *b = r->bank;
    if (!b) {
        return 0;
    }
    uint32_t rate_hz = b->in_hz * b->up; /* of the prototype, whose middle the sound comes out at */
    return (uint32_t)(((b->taps * b->up - 1) * 500000ull + rate_hz / 2) / rate_hz);
}

size_t resample_out_max(const struct resample *r, size_t n_in)
{
    return r->bank ? (n_in * r->bank->up + r->bank->down - 1) / r->bank->down : n_in;
}

/* The input as the kernels want it: dealt out to streams, two neighbours of a stream in a word. */
struct dealt {
    uint32_t pairs[PAIRS_MAX];
    size_t length; /* of one stream */
};

static inline uint32_t pair_of(int16_t first, int16_t second)
{
    return (uint32_t)(uint16_t)first | (uint32_t)(uint16_t)second << 16;
}

/* Every step-th sample. Callers give a constant step: each copy of the loop is made for its own. */
static inline void pick(int16_t *out, size_t n, const int16_t *x, size_t step)
{
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++) {
        out[i] = x[i * step];
    }
}

/* x: n samples, window and block. What the last lanes read behind the end is zero and goes nowhere. */
static void deal(struct dealt *d, const int16_t *x, size_t n, uint32_t streams)
{
    int16_t one[(RESAMPLE_TAPS_MAX + BLOCK) / 2 + 1];
    d->length = n / streams + RESAMPLE_LANES + 2;
    for (uint32_t s = 0; s < streams; s++) {
        uint32_t *pairs = d->pairs + s * d->length;
        const int16_t *from = streams == 1 ? x : one;
        size_t samples = n > s ? (n - s + streams - 1) / streams : 0;
        size_t whole = samples ? samples - 1 : 0; /* pairs that have both halves */
        if (streams == 2) {
            pick(one, samples, x + s, 2);
        } else if (streams == 3) {
            pick(one, samples, x + s, 3);
        }
        for (size_t i = 0; i < whole; i++) {
            pairs[i] = pair_of(from[i], from[i + 1]);
        }
        memset(pairs + whole, 0, (d->length - whole) * sizeof(*pairs));
    }
}

/* n outputs whose windows begin at sample first and then every `down` samples. out has room for whole groups. */
static void run_phase(const struct resample_bank *b, const struct dealt *d, size_t first, uint32_t phase, int16_t *out,
                      size_t n)
{
    struct resample_sum sum = {
        .taps = b->phases + phase * b->taps, .n_streams = b->down, .n_taps = b->taps / b->down, .shift = b->shift};
    for (uint32_t s = 0; s < b->down; s++) {
        size_t at = first + s;
        sum.pairs[s] = d->pairs + at % b->down * d->length + at / b->down;
    }
    resample_kernel_best()(&sum, out, (n + RESAMPLE_LANES - 1) / RESAMPLE_LANES * RESAMPLE_LANES);
}

/* Sample i comes from phase i % up. */
static void weave(uint32_t up, int16_t (*phases)[BLOCK + RESAMPLE_LANES], int16_t *out, size_t n)
{
    size_t groups = n / up;
    if (up == 1) {
        memcpy(out, phases[0], n * sizeof(*out));
        return;
    }
    for (size_t i = 0; i < groups && up == 2; i++) {
        out[2 * i] = phases[0][i];
        out[2 * i + 1] = phases[1][i];
    }
    for (size_t i = 0; i < groups && up == 3; i++) {
        out[3 * i] = phases[0][i];
        out[3 * i + 1] = phases[1][i];
        out[3 * i + 2] = phases[2][i];
    }
    for (size_t j = groups * up; j < n; j++) {
        out[j] = phases[j % up][groups];
    }
}

/* x: taps - 1 samples of history and n_in of the block. Returns the samples written. */
static size_t run_block(struct resample *r, const int16_t *x, size_t n_in, int16_t *out)
{
    const struct resample_bank *b = r->bank;
    size_t end = n_in * b->up;
    size_t n_out = r->position < end ? (end - r->position + b->down - 1) / b->down : 0;
    struct dealt dealt;
    int16_t phases[RESAMPLE_STREAMS][BLOCK + RESAMPLE_LANES];
    deal(&dealt, x, b->taps - 1 + n_in, b->down);
    for (uint32_t j = 0; j < b->up && j < n_out; j++) {
        size_t at = r->position + j * b->down;
        size_t n = (n_out - j + b->up - 1) / b->up;
        run_phase(b, &dealt, at / b->up, (uint32_t)(at % b->up), phases[j], n);
    }
    weave(b->up, phases, out, n_out);
    r->position = (uint32_t)(r->position + n_out * b->down - end);
    return n_out;
}

void resample_run(struct resample *r, const int16_t *in, size_t n_in, int16_t *out, size_t *ret_n)
{
    if (!r->bank) {
        if (n_in) {
            memcpy(out, in, n_in * sizeof(*in));
        }
        *ret_n = n_in;
        return;
    }
    int16_t work[RESAMPLE_TAPS_MAX + BLOCK];
    size_t keep = r->bank->taps - 1;
    size_t n_out = 0;
    memcpy(work, r->history, keep * sizeof(*work));
    while (n_in) {
        size_t n = MIN(n_in, (size_t)BLOCK);
        memcpy(work + keep, in, n * sizeof(*work));
        n_out += run_block(r, work, n, out + n_out);
        memmove(work, work + n, keep * sizeof(*work));
        in += n;
        n_in -= n;
    }
    memcpy(r->history, work, keep * sizeof(*work));
    *ret_n = n_out;
}
