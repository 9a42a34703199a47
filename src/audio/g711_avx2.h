/* The wide twin of g711.c for CPUs with AVX2, held to the table by tests. Inner header of g711.c. */
#ifndef AUDIO_G711_AVX2_H
#define AUDIO_G711_AVX2_H

#include "base/str.h"

/* Decodes whole groups of 16 samples. Returns how many samples that were. */
size_t g711_mulaw_decode_avx2(struct span in, int16_t *out);

#endif
