#include "peer/sandbox/sandbox_clip.h"

#include <stdlib.h>

#include "audio/g711.h"
#include "audio/resample.h"
#include "base/err.h"

struct clip *clip_new(enum openai_format format, uint8_t *owned, size_t n)
{
    struct clip *c = calloc(1, sizeof(*c));
    if (!c) {
        free(owned);
        return NULL;
    }
    *c = (struct clip){.refs = 1, .format = format, .audio = {owned, n}, .owned = owned};
    return c;
}

struct clip *clip_view(enum openai_format format, struct span audio)
{
    struct clip *c = clip_new(format, NULL, 0);
    if (c) {
        c->audio = audio;
    }
    return c;
}

struct clip *clip_ref(struct clip *c)
{
    c->refs++;
    return c;
}

struct clip *clip_unref(struct clip *c)
{
    if (c && --c->refs == 0) {
        speech_words_done(&c->words);
        free(c->owned);
        free(c);
    }
    return NULL;
}

enum audio_format clip_audio_format(enum openai_format format)
{
    switch (format) {
    case OPENAI_FORMAT_PCMU:
        return AUDIO_PCMU;
    case OPENAI_FORMAT_PCMA:
        return AUDIO_PCMA;
    case OPENAI_FORMAT_NONE:
    case OPENAI_FORMAT_PCM24K:
    case OPENAI_FORMAT_N:
        break;
    }
    return AUDIO_PCM16_24K;
}

static int resample_all(const int16_t *in, size_t n, uint32_t in_hz, uint32_t out_hz, int16_t **ret, size_t *ret_n)
{
    struct resample r;
    int err = resample_init(&r, in_hz, out_hz);
    if (err < 0) {
        return err;
    }
    int16_t *out = malloc(resample_out_max(&r, n) * sizeof(*out) + 1);
    if (!out) {
        return -ENOMEM;
    }
    *ret_n = 0;
    resample_run(&r, in, n, out, ret_n);
    *ret = out;
    return 0;
}

int clip_encode(const int16_t *pcm, size_t n, uint32_t rate_hz, enum openai_format format, struct clip **ret)
{
    uint32_t out_hz = audio_rate_hz(clip_audio_format(format));
    int16_t *samples = NULL;
    int err = resample_all(pcm, n, rate_hz, out_hz, &samples, &n);
    if (err < 0) {
        return err;
    }
    uint8_t *bytes = (uint8_t *)samples; /* linear little-endian as it is; G.711 needs less room */
    size_t len = n * sizeof(*samples);
    if (format == OPENAI_FORMAT_PCMU || format == OPENAI_FORMAT_PCMA) {
        bytes = malloc(n + 1);
        len = n;
        if (bytes && format == OPENAI_FORMAT_PCMU) {
            g711_mulaw_encode(samples, n, bytes);
        } else if (bytes) {
            g711_alaw_encode(samples, n, bytes);
        }
        free(samples);
    }
    struct clip *c = bytes ? clip_new(format, bytes, len) : NULL;
    if (!c) {
        return -ENOMEM;
    }
    *ret = c;
    return 0;
}

int clip_decode_8k(struct span audio, enum openai_format format, int16_t **ret, size_t *ret_n)
{
    if (format == OPENAI_FORMAT_PCM24K || format == OPENAI_FORMAT_NONE) {
        size_t n = audio.n / 2;
        int16_t *aligned = malloc(n * sizeof(*aligned) + 1);
        if (!aligned) {
            return -ENOMEM;
        }
        if (n > 0) {
            memcpy(aligned, audio.p, n * sizeof(*aligned));
        }
        int err = resample_all(aligned, n, 24000, 8000, ret, ret_n);
        free(aligned);
        return err;
    }
    int16_t *out = malloc(audio.n * sizeof(*out) + 1);
    if (!out) {
        return -ENOMEM;
    }
    if (format == OPENAI_FORMAT_PCMU) {
        g711_mulaw_decode(audio, out);
    } else {
        g711_alaw_decode(audio, out);
    }
    *ret = out;
    *ret_n = audio.n;
    return 0;
}
