/*
 * Peak limiter in front of companding: keeps linear audio below a ceiling without the harshness of clipping. Zero
 * delay: the gain falls with the sample that needs it, is held for 10 ms and recovers within 0.1 s; above the knee (2
 * dB below the ceiling) the curve bends softly. What stays below the knee passes bit by bit. The output does not depend
 * on how the input is cut into blocks. Pure, integers only. Thread: any, one call at a time per struct. Allocates: no.
 */
#ifndef AUDIO_LIMIT_H
#define AUDIO_LIMIT_H

#include "base/defs.h"

/*
 * -1 dBFS. G.711 clips at 32635 (mu-law) and reaches 32124, its top cells are 1024 wide: a peak up there is off by up
 * to 3 %, and filters behind the carrier's decoder overshoot what we send by up to 1 dB (Gibbs: 9 %).
 */
#define LIMIT_CEILING     29204
#define LIMIT_CEILING_MIN 4096

struct limit {
    int32_t ceiling;
    int32_t knee;        /* no sample below it ever changes while the envelope is there too */
    int32_t envelope_q8; /* of |sample|, at least the knee */
    uint32_t hold;       /* samples until it may fall */
    uint32_t hold_samples;
    int32_t fall_q8;          /* of the envelope, per sample, when it may */
    uint32_t limited_samples; /* output that differs from its input; for a counter */
};

/* ceiling: largest magnitude that comes out, LIMIT_CEILING_MIN .. 32767 (others are brought into it). rate_hz: 8000,
 * 16000 or 24000. */
void limit_init(struct limit *l, uint32_t rate_hz, int32_t ceiling);
/* Limits n samples in place. */
void limit_run(struct limit *l, int16_t *pcm, size_t n);

#endif
