/*
 * Audio of one session on its way in: base64 to bytes in the confirmed format. Some services confirm G.711 and then
 * send PCM16 at 24 kHz, which would be heard as noise: the bytes themselves tell, and are then converted here.
 */
#ifndef PROVIDERS_OPENAI_AUDIO_H
#define PROVIDERS_OPENAI_AUDIO_H

#include "audio/format.h"
#include "audio/resample.h"
#include "providers/openai/openai_opts.h"

enum openai_audio_verdict { OPENAI_AUDIO_UNDECIDED, OPENAI_AUDIO_AS_TOLD, OPENAI_AUDIO_PCM_UNTOLD };

struct openai_audio {
    enum audio_format format; /* confirmed */
    enum openai_audio_verdict verdict;
    uint32_t n_pairs;               /* of bytes looked at that say something */
    uint32_t n_even_far, n_odd_far; /* bytes of them outside of 0xf0 .. 0x0f */
    uint8_t carry;                  /* half a PCM16 sample between two deltas */
    bool has_carry;
    struct resample down;
};

void openai_audio_init(struct openai_audio *a, enum audio_format confirmed);
/* A new item begins, or one is over: nothing of the one before belongs to it. */
void openai_audio_restart(struct openai_audio *a);
/*
 * Decodes a delta. *ret lies in scratch, lent until the next call; whole samples, aligned; may be empty.
 * Returns 0; 1 when this delta was the one that gave an untold PCM16 away; -ERR_BASE64, -ENOMEM.
 */
MUST_USE int openai_audio_read(struct openai_audio *a, struct str base64, struct openai_scratch *scratch,
                               struct span *ret);

#endif
