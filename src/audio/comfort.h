/*
 * What fills a hole in the caller's audio, so that no detector sees a step where a packet was lost: the last period of
 * the voice repeated and faded out over 60 ms, then noise at the level of the line's own floor. When audio comes back,
 * the first 4 ms are blended. Without history (or on a line that was digitally silent) it is plain silence.
 *
 * Pure, integers only; the noise is a fixed sequence by position. One struct per leg. At most 0.02 ms of CPU per second
 * heard. Thread: any, one call at a time per struct. Allocates: no.
 */
#ifndef AUDIO_COMFORT_H
#define AUDIO_COMFORT_H

#include "base/defs.h"

#define COMFORT_HISTORY 1152 /* samples: 48 ms at 24 kHz, two periods of the lowest voice (50 Hz is taken as 66) */

struct comfort {
    uint32_t rate_hz;
    int16_t history[COMFORT_HISTORY]; /* a ring would save the shift, but the pitch search wants it in one piece */
    uint32_t n;                       /* samples in it */
    uint64_t seen;                    /* samples heard; with filled the seed of the noise */
    uint64_t filled;
    uint32_t gap;    /* samples filled since audio was last heard; 0: no hole now */
    uint32_t period; /* of the voice, found at the start of a hole; 0: noise or silence */
    int32_t floor;   /* mean magnitude of the quietest 20 ms of late, Q4; below 0: not known yet */
    int32_t low;     /* of the present window */
    uint32_t window; /* samples into it */
    int32_t shape;   /* state of the noise's low-pass */
};

/* rate_hz: 8000, 16000 or 24000. */
void comfort_init(struct comfort *c, uint32_t rate_hz);
/* Samples of the caller, in order; n of 10 to 60 ms are sensible. After a hole the first 4 ms are blended in place. */
void comfort_hear(struct comfort *c, int16_t *pcm, size_t n);
/* The next n samples of a hole. */
void comfort_fill(struct comfort *c, int16_t *out, size_t n);

#endif
