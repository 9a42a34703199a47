#include "audio/codec.h"

#include "audio/g711.h"

static inline int16_t sample_of(const uint8_t *p)
{
    return (int16_t)(uint16_t)(p[0] | p[1] << 8);
}

size_t codec_decode(enum audio_format f, struct span in, int16_t *out)
{
    if (f == AUDIO_PCMU) {
        g711_mulaw_decode(in, out);
        return in.n;
    }
    if (f == AUDIO_PCMA) {
        g711_alaw_decode(in, out);
        return in.n;
    }
    for (size_t i = 0; i < in.n / 2; i++) {
        out[i] = sample_of(in.p + 2 * i);
    }
    return in.n / 2;
}

size_t codec_encode(enum audio_format f, const int16_t *pcm, size_t n, uint8_t *out)
{
    if (f == AUDIO_PCMU) {
        g711_mulaw_encode(pcm, n, out);
        return n;
    }
    if (f == AUDIO_PCMA) {
        g711_alaw_encode(pcm, n, out);
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = (uint8_t)((uint16_t)pcm[i] & 0xFF);
        out[2 * i + 1] = (uint8_t)((uint16_t)pcm[i] >> 8);
    }
    return 2 * n;
}
