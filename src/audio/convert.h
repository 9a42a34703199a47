/*
 * Streaming converter between any two audio formats: companding, resampling, both, or a plain copy. Blocks may be cut
 * anywhere: half a linear sample is carried over to the next block. One per direction of a call. Thread: any, one call
 * at a time per struct. Allocates: no.
 */
#ifndef AUDIO_CONVERT_H
#define AUDIO_CONVERT_H

#include "audio/format.h"
#include "audio/limit.h"
#include "audio/resample.h"

struct audio_conv {
    enum audio_format from;
    enum audio_format to;
    struct resample resample;
    bool has_carry; /* the low byte of a sample whose high byte comes next */
    uint8_t carry;
    bool limits; /* linear to companded, and asked for */
    struct limit limit;
};

/* Also resets: the next sample follows silence. */
void audio_conv_init(struct audio_conv *c, enum audio_format from, enum audio_format to);
/*
 * From now on what is companded is kept below a ceiling (LIMIT_CEILING is a good one): on the way from linear to G.711
 * only, behind the resampler and before the encoder; other ways are not touched. Call after audio_conv_init.
 */
void audio_conv_limit(struct audio_conv *c, int32_t ceiling);
/* Room needed for the output of n_in bytes, whatever came before. */
size_t audio_conv_max(const struct audio_conv *c, size_t n_in);
/*
 * Converts a block of any length.
 *   out    cap bytes; must not overlap in
 *   ret_n  bytes written, whole samples; untouched on error
 * Returns 0; -ENOSPC when cap is below audio_conv_max(c, in.n), with nothing consumed.
 */
MUST_USE int audio_conv_run(struct audio_conv *c, struct span in, uint8_t *out, size_t cap, size_t *ret_n);

#endif
