/*
 * A line at rest, kept as a short loop: its quiet frames lie where their position on the media clock, modulo the loop,
 * puts them. The loop holds whole periods of the mains' 50 and 60 Hz and their overtones, so that a hum played from it
 * goes on in phase, and noise keeps its spectrum because it is that noise. A detector that has heard a line hum takes
 * any made-up noise in its place for an onset.
 *
 * Pure, integers only. Allocates: no. Thread: any, one call at a time per struct.
 */
#ifndef AUDIO_HUSH_H
#define AUDIO_HUSH_H

#include "base/defs.h"

#define HUSH_MS 100 /* five periods of 50 Hz, six of 60 Hz */

struct hush {
    uint32_t n;     /* samples of the loop; 0: nothing was heard yet */
    uint32_t whole; /* what n becomes */
    int16_t *x;     /* lent */
};

/* rate_hz: 8000, 16000 or 24000. room: HUSH_MS of samples, which the struct uses as long as it lives. */
void hush_init(struct hush *h, uint32_t rate_hz, int16_t *room);
/* A quiet frame that begins at position. The first one stands for the whole loop until others come. n > 0. */
void hush_hear(struct hush *h, uint64_t position, const int16_t *pcm, size_t n);
/* What was heard before counts no more. */
void hush_forget(struct hush *h);
/* The n samples from position on; silence while nothing was heard. */
void hush_fill(const struct hush *h, uint64_t position, int16_t *out, size_t n);

#endif
