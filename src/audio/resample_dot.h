/*
 * The resampler's inner step: four outputs at once. Private to resample.c and its test. The plain one is the
 * reference; the other must give the same samples, bit by bit.
 */
#ifndef AUDIO_RESAMPLE_DOT_H
#define AUDIO_RESAMPLE_DOT_H

#include "base/defs.h"

/* One output: the dot product of n_taps samples at x and as many taps. */
struct resample_row {
    const int16_t *x;
    const int16_t *taps; /* aligned to 16 bytes */
};

/*
 * out[i] = saturate((sum + half) >> shift) for each of four rows. n_taps is a multiple of 16; no partial sum may leave
 * 32 bits (tables_gen.c sees to that).
 */
typedef void (*resample_dot_fn)(const struct resample_row rows[4], uint32_t n_taps, int shift, int16_t *out);

void resample_dot4_plain(const struct resample_row rows[4], uint32_t n_taps, int shift, int16_t *out);
#ifdef __SSE2__
void resample_dot4_sse2(const struct resample_row rows[4], uint32_t n_taps, int shift, int16_t *out);
#endif

#endif
