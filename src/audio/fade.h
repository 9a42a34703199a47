/*
 * Short ramps at cuts, in the codec's own domain: where speech is cut off or goes on in mid-word, a step would be heard
 * as a click. Only the samples of the ramp change; digital silence stays as it is. A fade-out and a fade-in of the same
 * length add up to one (up to rounding), so they also make a cross-fade. Pure, integers only. Thread: any. Allocates:
 * no.
 */
#ifndef AUDIO_FADE_H
#define AUDIO_FADE_H

#include "audio/format.h"

#define FADE_MS 5 /* long enough that no click is heard, too short to be heard as a fade */

/* Bytes of FADE_MS in this format. */
static inline size_t fade_bytes(enum audio_format f)
{
    return (size_t)FADE_MS * audio_bytes_per_ms(f);
}

/* Gain of sample i of a fade-in over n samples, Q15, 0 .. 32768, never falling; i from 0. Sample n - 1 - i of a
 * fade-out has the same. The curve is 3t^2 - 2t^3, within 1 % of a raised cosine. */
int32_t fade_gain_q15(size_t i, size_t n);

/*
 * Ramps the first (last) ramp_bytes of the block up from (down to) silence, in place; a shorter block is ramped whole.
 *   audio  n bytes that begin at a sample; half a linear sample at the end is left alone
 */
void fade_in(enum audio_format f, uint8_t *audio, size_t n, size_t ramp_bytes);
void fade_out(enum audio_format f, uint8_t *audio, size_t n, size_t ramp_bytes);

#endif
