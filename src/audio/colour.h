/*
 * Noise of the colour of a line: learns the spectrum of its quiet frames (autocorrelation, Levinson-Durbin) and makes
 * noise of the same spectrum and loudness out of white noise. A detector that has heard a line hum takes a hiss in its
 * place for an onset, and the other way round.
 *
 * Pure, integers only: the same on every machine. At most 0.02 ms of CPU per second heard. Allocates: no. Thread: any,
 * one call at a time per struct.
 */
#ifndef AUDIO_COLOUR_H
#define AUDIO_COLOUR_H

#include "base/defs.h"

#define COLOUR_ORDER 6

struct colour {
    int64_t r[COLOUR_ORDER + 1]; /* autocorrelation of what was learned, fading */
    int64_t n;                   /* samples in it, fading */
    int32_t k[COLOUR_ORDER];     /* reflection coefficients, 2^-20 */
    int32_t back[COLOUR_ORDER];  /* of the lattice; 256ths */
    int32_t width;               /* of the white noise; 256ths */
    int32_t level;               /* mean magnitude of what is made; 0: nothing is known */
};

/* A quiet frame. Loud ones (a sample beyond +-4000) are not looked at. */
void colour_learn(struct colour *c, const int16_t *pcm, size_t n);
/* What was learned before counts no more. */
void colour_forget(struct colour *c);
/* Makes the filter of what was learned; before that there is no noise. */
void colour_settle(struct colour *c);
/* Colours n random numbers of -65536 .. 65535 in place; they become samples in 256ths. */
void colour_run(struct colour *c, int32_t *x, size_t n);

#endif
