/*
 * A piece of speech ready to be sent: bytes in one wire format, shared by the cache and by whoever is speaking it.
 * Reference counted, loop thread only.
 */
#ifndef PEER_SANDBOX_CLIP_H
#define PEER_SANDBOX_CLIP_H

#include "audio/format.h"
#include "base/buf.h"
#include "peer/speech/speech_words.h"
#include "wire/openai.h"

struct clip {
    uint32_t refs;
    enum openai_format format;
    struct span audio; /* in owned, or in another clip's memory that outlives this one */
    uint8_t *owned;
    struct speech_words words; /* owned; of the text that was asked for. Empty: not known */
};

/* Takes owned (malloc), on failure too; NULL when out of memory. */
struct clip *clip_new(enum openai_format format, uint8_t *owned, size_t n);
/* A view of memory that outlives the clip. */
struct clip *clip_view(enum openai_format format, struct span audio);
struct clip *clip_ref(struct clip *c);
struct clip *clip_unref(struct clip *c);
/* The audio format behind a format of the wire. */
enum audio_format clip_audio_format(enum openai_format format);
static inline uint32_t clip_bytes_per_ms(enum openai_format format)
{
    return audio_bytes_per_ms(clip_audio_format(format));
}
/* Samples at 8 or 16 kHz to a new clip of the format. Pure; thread: any. -ENOMEM, -EINVAL (rate) */
MUST_USE int clip_encode(const int16_t *pcm, size_t n, uint32_t rate_hz, enum openai_format format, struct clip **ret);
/* The other way: what a client appended, to 8 kHz samples. gives *ret (malloc). -ENOMEM */
MUST_USE int clip_decode_8k(struct span audio, enum openai_format format, int16_t **ret, size_t *ret_n);

#endif
