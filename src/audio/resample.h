/*
 * Streaming resampler between 8, 16 and 24 kHz: polyphase FIR, int16 samples, Q15 or Q14 taps, 32-bit sums, Kaiser
 * window beta 7.5. The cut-off is half the lower rate, so 3.4 kHz passes flat and images and aliases of telephone
 * speech lie below -60 dB. Delay 2 ms (16<->24 kHz: 1 ms). The output does not depend on how the input is cut into
 * blocks. DC gain is exactly 1; overshoot saturates. State lives in the struct; equal rates copy. Thread: any, one call
 * at a time per struct. Allocates: no.
 */
#ifndef AUDIO_RESAMPLE_H
#define AUDIO_RESAMPLE_H

#include "base/defs.h"

#define RESAMPLE_TAPS_MAX 96

struct resample_bank;

struct resample {
    const struct resample_bank *bank; /* NULL: equal rates */
    uint32_t position;                /* of the next output, in 1/up samples behind the last input seen */
    int16_t history[RESAMPLE_TAPS_MAX];
};

/* -EINVAL unless both rates are 8000, 16000 or 24000. Also resets. */
MUST_USE int resample_init(struct resample *r, uint32_t in_hz, uint32_t out_hz);
/* Forgets what was heard: the next sample follows silence. */
void resample_reset(struct resample *r);
/* Room needed for the output of n_in samples, whatever came before. */
size_t resample_out_max(const struct resample *r, size_t n_in);
/*
 * Resamples n_in samples. After a total of n input samples exactly ceil(n * out_hz / in_hz) have come out.
 *   out    room for resample_out_max(r, n_in) samples; must not overlap in
 */
void resample_run(struct resample *r, const int16_t *in, size_t n_in, int16_t *out, size_t *ret_n);

#endif
