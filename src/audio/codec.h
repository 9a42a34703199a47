/*
 * Bytes of any format to int16 samples of the same rate, and back: the one switch over the formats that fade, line,
 * comfort and the converter share. No state: a linear block holds whole samples. Thread: any. Allocates: no.
 */
#ifndef AUDIO_CODEC_H
#define AUDIO_CODEC_H

#include "audio/format.h"

/* Samples of n bytes; half a linear sample at the end does not count. */
static inline size_t codec_samples(enum audio_format f, size_t n_bytes)
{
    return n_bytes / audio_sample_bytes(f);
}

/* Decodes codec_samples(f, in.n) samples to out, at 16-bit scale. Returns their number. */
size_t codec_decode(enum audio_format f, struct span in, int16_t *out);
/* Encodes n samples. out has room for n * audio_sample_bytes(f) bytes and may be the block that pcm came from, but not
 * pcm itself. Returns the bytes written. */
size_t codec_encode(enum audio_format f, const int16_t *pcm, size_t n, uint8_t *out);

#endif
