/*
 * Streaming resampler between 8, 16 and 24 kHz: polyphase FIR, int16 samples, Q15 or Q14 taps, 32-bit sums, Kaiser
 * window beta 7.5, cut off at half the lower rate. Tested by sweeps of full-scale sines for all six ways:
 *
 *   pass band   100 to 3400 Hz within 0.05 dB; to 6000 Hz within 0.1 dB between 16 and 24 kHz
 *   images      of what lies below 3.4 kHz (16 to 24 kHz: 6 kHz) at most -69 dB
 *   aliases     of what lies above 4.7 kHz (24 to 16 kHz: 9.3 kHz) at most -69 dB
 *   delay       linear phase; 1979 us between 8 and 24 kHz, 1969 us between 8 and 16, 990 us between 16 and 24
 *
 * The output does not depend on how the input is cut into blocks, nor on the processor. DC gain is exactly 1; overshoot
 * saturates. State lives in the struct; equal rates copy. Thread: any, one call at a time per struct. Allocates: no.
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
/* How much later a sound comes out than it went in, in us, rounded; 0 for equal rates. */
uint32_t resample_delay_us(const struct resample *r);
/* Room needed for the output of n_in samples, whatever came before. */
size_t resample_out_max(const struct resample *r, size_t n_in);
/*
 * Resamples n_in samples. After a total of n input samples exactly ceil(n * out_hz / in_hz) have come out.
 *   out    room for resample_out_max(r, n_in) samples; must not overlap in
 */
void resample_run(struct resample *r, const int16_t *in, size_t n_in, int16_t *out, size_t *ret_n);

#endif
