/*
 * Streaming conversion between any two formats: companding, resampling, both. Equal formats are copied, mu-law and
 * A-law are mapped directly. Bytes that do not fill a sample are carried over to the next block. Thread: any, one call
 * at a time per struct. Allocates: no.
 */
#ifndef AUDIO_CONVERT_H
#define AUDIO_CONVERT_H

#include "audio/format.h"
#include "audio/resample.h"

struct audio_conv {
    enum audio_format from, to;
    struct resample resample;
    uint8_t odd; /* first half of a 16-bit sample */
    bool has_odd;
};

/* Starts anew, as after silence. */
void audio_conv_init(struct audio_conv *c, enum audio_format from, enum audio_format to);
/* Room that the output of n_in bytes can need. */
size_t audio_conv_max(const struct audio_conv *c, size_t n_in);
/* -ENOSPC when cap is below audio_conv_max(c, in.n); nothing is consumed then. out must not overlap in. */
MUST_USE int audio_conv_run(struct audio_conv *c, struct span in, uint8_t *out, size_t cap, size_t *ret_n);

#endif
