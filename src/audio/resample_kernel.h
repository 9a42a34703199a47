/*
 * The resampler's inner step: a run of outputs of one phase at once, each in a lane of its own, so that nothing is
 * added up across a register. Private to resample.c and its test. The plain one is the reference; the others must give
 * the same samples, bit by bit.
 */
#ifndef AUDIO_RESAMPLE_KERNEL_H
#define AUDIO_RESAMPLE_KERNEL_H

#include "base/defs.h"

#define RESAMPLE_STREAMS 3
#define RESAMPLE_LANES   32 /* outputs are made in groups of so many */

/*
 * A filter over input that was dealt out to n_streams streams: sample i of the input is sample i / n of stream i % n.
 * Pair i of a stream holds its samples i (low half) and i + 1 (high half), which is what pmaddwd wants.
 */
struct resample_sum {
    const uint32_t *pairs[RESAMPLE_STREAMS];
    const int16_t *taps; /* n_taps of the first stream, then of the second ... ; aligned to 4 bytes */
    uint32_t n_streams;
    uint32_t n_taps; /* even */
    int shift;
};

/*
 * out[i] = saturate((sum + half) >> shift), where sum is over all streams and q < n_taps of sample[i + q] * tap[q].
 * No partial sum may leave 32 bits (tables_gen.c sees to that).
 *   n  outputs, a multiple of RESAMPLE_LANES; pairs 0 .. n + n_taps - 3 are read
 */
typedef void (*resample_kernel_fn)(const struct resample_sum *s, int16_t *out, size_t n);

void resample_kernel_plain(const struct resample_sum *s, int16_t *out, size_t n);
#ifdef __SSE2__
void resample_kernel_sse2(const struct resample_sum *s, int16_t *out, size_t n);
/* Only where the processor has AVX2. */
void resample_kernel_avx2(const struct resample_sum *s, int16_t *out, size_t n);
#endif
/* The fastest that this processor runs. */
resample_kernel_fn resample_kernel_best(void);

#endif
