/*
 * What a block of samples is like: mean, loudness, range, how much of it is clipped. One pass over the samples. Pure.
 * Thread: any. Allocates: no.
 */
#ifndef AUDIO_LEVEL_H
#define AUDIO_LEVEL_H

#include <stddef.h>
#include <stdint.h>

struct level {
    int32_t sum;
    int32_t magnitude; /* sum of the absolute values */
    uint32_t clipped;  /* samples that reach limit, or -limit */
    int16_t low, high; /* of no samples: INT16_MAX and INT16_MIN */
};

#define LEVEL_SAMPLES_MAX 65535 /* more would overflow the sums */

/* limit > 0, n <= LEVEL_SAMPLES_MAX */
struct level level_measure(const int16_t *x, size_t n, int16_t limit);
/* How many bytes at even and odd places from p on lie within four of 0x00 and 0xFF. */
void level_extremes(const uint8_t *p, size_t n, uint32_t ret[2]);

#endif
