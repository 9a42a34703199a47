#include "audio/resample.h"

#include <errno.h>
#include <string.h>

#include "audio/resample_dot.h"

/* static const int16_t taps_IN_OUT[up * taps], oldest sample first, and the scale taps_IN_OUT_shift; made by
 * tables_gen.c. */
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

#ifdef __SSE2__
static const resample_dot_fn dot4 = resample_dot4_sse2;
#else
static const resample_dot_fn dot4 = resample_dot4_plain;
#endif

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

size_t resample_out_max(const struct resample *r, size_t n_in)
{
    return r->bank ? (n_in * r->bank->up + r->bank->down - 1) / r->bank->down : n_in;
}

/* x[0 .. n_in) is the block, preceded by taps - 1 samples of history. Returns the samples written. */
static size_t run_block(struct resample *r, const int16_t *x, size_t n_in, int16_t *out)
{
    const struct resample_bank *b = r->bank;
    size_t n_out = 0;
    size_t whole = r->position / b->up;
    uint32_t phase = r->position % b->up;
    size_t stride = b->down / b->up;
    uint32_t rest = b->down % b->up;
    const int16_t *window = x - (b->taps - 1);
    while (whole < n_in) {
        struct resample_row rows[4];
        size_t n = 0;
        for (; n < 4 && whole < n_in; n++) {
            rows[n] = (struct resample_row){window + whole, b->phases + phase * b->taps};
            whole += stride;
            phase += rest;
            if (phase >= b->up) {
                phase -= b->up;
                whole++;
            }
        }
        int16_t last[4];
        for (size_t i = n; i < 4; i++) {
            rows[i] = rows[0];
        }
        dot4(rows, b->taps, b->shift, n == 4 ? out + n_out : last);
        if (n < 4) {
            memcpy(out + n_out, last, n * sizeof(*out));
        }
        n_out += n;
    }
    r->position = (uint32_t)(whole - n_in) * b->up + phase;
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
        n_out += run_block(r, work + keep, n, out + n_out);
        memmove(work, work + n, keep * sizeof(*work));
        in += n;
        n_in -= n;
    }
    memcpy(r->history, work, keep * sizeof(*work));
    *ret_n = n_out;
}
