/*
 * One channel of a WAV file at the rate somebody needs it: for tools that look at whole recordings. Any rate to any
 * other, by a windowed sinc of 16 zero crossings a side; calls use the streaming audio/resample.h.
 */
#ifndef GATEWAY_WAV_SOUND_H
#define GATEWAY_WAV_SOUND_H

#include "audio/wav.h"

/*
 * channel: 0 is left; with one channel, always that one. *ret_pcm: for free(); NULL when the file holds no sound.
 * -ERR_RANGE (no such channel), -ERR_TOO_BIG (more than an hour at 192 kHz), -ENOMEM
 */
MUST_USE int wav_sound_read(const struct wav *wav, uint32_t channel, uint32_t rate_hz, int16_t **ret_pcm,
                            size_t *ret_n);

#endif
