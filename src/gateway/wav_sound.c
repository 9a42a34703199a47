#include "gateway/wav_sound.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"

#define SAMPLES_MAX ((size_t)192000 * 3600)
#define CROSSINGS   16

/* The channel's bytes as a file of one channel. */
static int16_t *one_channel(const struct wav *wav, uint32_t channel, size_t n)
{
    size_t bytes = wav_sample_bytes(wav->codec);
    uint8_t *copy = malloc(n * bytes);
    int16_t *pcm = copy ? malloc(n * sizeof(*pcm)) : NULL;
    if (pcm) {
        for (size_t i = 0; i < n; i++) {
            memcpy(copy + i * bytes, wav->data.p + (i * wav->channels + channel) * bytes, bytes);
        }
        struct wav mono = *wav;
        mono.channels = 1;
        mono.data = span_from(copy, n * bytes);
        ignore_result(wav_read_mono(&mono, 0, n, pcm) != n);
    }
    free(copy);
    return pcm;
}

/* ---- another rate ---- */

struct sinc {
    uint32_t up, down; /* the rates without their common divisor: output m lies at input m * down / up */
    uint32_t taps;     /* an even number, half of them before the place */
    float *bank;       /* up phases of taps */
};

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static double tap(double distance, double cut, double half)
{
    double x = M_PI * distance * cut;
    double window = fabs(distance) < half ? 0.5 + 0.5 * cos(M_PI * distance / half) : 0;
    return window * (fabs(x) < 1e-9 ? 1 : sin(x) / x);
}

static int sinc_init(struct sinc *s, uint32_t in_hz, uint32_t out_hz)
{
    uint32_t divisor = common_divisor(in_hz, out_hz);
    double cut = fmin(1, (double)out_hz / in_hz); /* of the input's band */
    double half = CROSSINGS / cut;
    *s = (struct sinc){.up = out_hz / divisor, .down = in_hz / divisor, .taps = 2 * (uint32_t)ceil(half)};
    s->bank = calloc((size_t)s->up * s->taps, sizeof(*s->bank));
    if (!s->bank) {
        return -ENOMEM;
    }
    for (uint32_t phase = 0; phase < s->up; phase++) {
        float *row = s->bank + (size_t)phase * s->taps;
        double sum = 0;
        for (uint32_t i = 0; i < s->taps; i++) {
            sum += tap((double)i - s->taps / 2 + 1 - (double)phase / s->up, cut, half);
        }
        for (uint32_t i = 0; i < s->taps; i++) {
            row[i] = (float)(tap((double)i - s->taps / 2 + 1 - (double)phase / s->up, cut, half) / sum);
        }
    }
    return 0;
}

static void sinc_run(const struct sinc *s, const int16_t *in, size_t n_in, int16_t *out, size_t n_out)
{
    for (size_t m = 0; m < n_out; m++) {
        const float *row = s->bank + m * s->down % s->up * s->taps;
        size_t place = m * s->down / s->up + 1; /* behind the last tap before it */
        float sum = 0;
        for (uint32_t i = 0; i < s->taps; i++) {
            size_t at = place + i - s->taps / 2; /* before the beginning: wraps to far behind the end */
            sum += at < n_in ? row[i] * (float)in[at] : 0;
        }
        out[m] = (int16_t)lrintf(CLAMP(sum, -32768.0F, 32767.0F));
    }
}

static int change_rate(int16_t **pcm, size_t *n, uint32_t in_hz, uint32_t out_hz)
{
    struct sinc s;
    size_t n_out = (size_t)(((uint64_t)*n * out_hz + in_hz - 1) / in_hz);
    int err = sinc_init(&s, in_hz, out_hz);
    int16_t *out = err == 0 ? malloc(n_out * sizeof(*out)) : NULL;
    if (!out) {
        free(s.bank);
        return -ENOMEM;
    }
    sinc_run(&s, *pcm, *n, out, n_out);
    free(s.bank);
    free(*pcm);
    *pcm = out;
    *n = n_out;
    return 0;
}

int wav_sound_read(const struct wav *wav, uint32_t channel, uint32_t rate_hz, int16_t **ret_pcm, size_t *ret_n)
{
    size_t n = wav_frames(wav);
    channel = wav->channels == 1 ? 0 : channel;
    if (channel >= wav->channels) {
        return -ERR_RANGE;
    }
    if (n > SAMPLES_MAX || (uint64_t)n * rate_hz / wav->rate_hz > SAMPLES_MAX) {
        return -ERR_TOO_BIG;
    }
    int16_t *pcm = n ? one_channel(wav, channel, n) : NULL;
    int err = n && !pcm ? -ENOMEM : 0;
    if (err == 0 && n && wav->rate_hz != rate_hz) {
        err = change_rate(&pcm, &n, wav->rate_hz, rate_hz);
    }
    if (err < 0) {
        free(pcm);
        return err;
    }
    *ret_pcm = pcm;
    *ret_n = n;
    return 0;
}
