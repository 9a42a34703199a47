/* The audio formats that a leg or a model can speak, and their arithmetic. Mono everywhere. */
#ifndef AUDIO_FORMAT_H
#define AUDIO_FORMAT_H

#include "base/str.h"

/* X(constant, GA wire type, short name, rate_hz, bytes per sample) */
#define AUDIO_FORMAT_LIST(X)                                                                                           \
    X(AUDIO_PCMU, "audio/pcmu", "g711_ulaw", 8000, 1)                                                                  \
    X(AUDIO_PCMA, "audio/pcma", "g711_alaw", 8000, 1)                                                                  \
    X(AUDIO_PCM16_8K, "audio/l16-8k", "pcm16_8k", 8000, 2)                                                             \
    X(AUDIO_PCM16_16K, "audio/l16-16k", "pcm16_16k", 16000, 2)                                                         \
    X(AUDIO_PCM16_24K, "audio/pcm", "pcm16", 24000, 2)

enum audio_format {
#define X(name, wire, word, hz, bytes) name,
    AUDIO_FORMAT_LIST(X)
#undef X
        AUDIO_FORMAT_N
};

extern const uint16_t audio_rates_hz[AUDIO_FORMAT_N];
extern const uint8_t audio_widths[AUDIO_FORMAT_N];

static inline uint32_t audio_rate_hz(enum audio_format f)
{
    return audio_rates_hz[f];
}
static inline uint32_t audio_sample_bytes(enum audio_format f)
{
    return audio_widths[f];
}
static inline uint32_t audio_bytes_per_ms(enum audio_format f)
{
    return audio_rate_hz(f) / 1000 * audio_sample_bytes(f);
}
/* "audio/pcmu" and so on; never NULL. */
const char *audio_format_wire(enum audio_format f);
const char *audio_format_name(enum audio_format f);
/* Accepts every spelling that is in use (pcm16, audio/pcm, pcm, g711_ulaw, audio/pcmu, pcmu, ...). -EINVAL */
MUST_USE int audio_format_parse(struct str s, enum audio_format *ret);
/* The byte that is silence: 0xFF mu-law, 0xD5 A-law, 0 linear. */
uint8_t audio_silence_byte(enum audio_format f);

#endif
