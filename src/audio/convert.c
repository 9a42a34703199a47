#include "audio/convert.h"

#include <assert.h>

#include "audio/codec.h"
#include "audio/g711.h"
#include "base/err.h"

#define BLOCK  480 /* samples decoded at a time; bounds the stack */
#define UP_MAX 3   /* the resampler makes at most three samples of one */

void audio_conv_init(struct audio_conv *c, enum audio_format from, enum audio_format to)
{
    *c = (struct audio_conv){.from = from, .to = to};
    int err = resample_init(&c->resample, audio_rate_hz(from), audio_rate_hz(to));
    assert(err == 0); /* every rate of format.h is one of the resampler's */
    ignore_result(err);
}

void audio_conv_limit(struct audio_conv *c, int32_t ceiling)
{
    c->limits = audio_sample_bytes(c->from) == 2 && audio_sample_bytes(c->to) == 1;
    if (c->limits) {
        limit_init(&c->limit, audio_rate_hz(c->to), ceiling);
    }
}

size_t audio_conv_max(const struct audio_conv *c, size_t n_in)
{
    if (c->from == c->to) {
        return n_in;
    }
    size_t samples = (n_in + c->has_carry) / audio_sample_bytes(c->from);
    return resample_out_max(&c->resample, samples) * audio_sample_bytes(c->to);
}

/* Takes up to BLOCK linear samples off the front of *in; an odd last byte becomes the carry. */
static size_t take_pcm16(struct audio_conv *c, struct span *in, int16_t *out)
{
    size_t n = 0;
    if (c->has_carry && in->n) {
        uint8_t joined[2] = {c->carry, in->p[0]};
        n += codec_decode(c->from, span_from(joined, 2), out);
        c->has_carry = false;
        *in = span_from(in->p + 1, in->n - 1);
    }
    size_t more = MIN(in->n / 2, BLOCK - n);
    n += codec_decode(c->from, span_from(in->p, 2 * more), out + n);
    *in = span_from(in->p + 2 * more, in->n - 2 * more);
    if (in->n == 1) {
        c->carry = in->p[0];
        c->has_carry = true;
        in->n = 0;
    }
    return n;
}

static size_t take(struct audio_conv *c, struct span *in, int16_t *out)
{
    if (audio_sample_bytes(c->from) == 2) {
        return take_pcm16(c, in, out);
    }
    struct span part = {in->p, MIN(in->n, (size_t)BLOCK)};
    codec_decode(c->from, part, out);
    *in = span_from(in->p + part.n, in->n - part.n);
    return part.n;
}

/* The ways that need no linear samples; false when there is none. */
static bool shortcut(const struct audio_conv *c, struct span in, uint8_t *out)
{
    if (c->from == c->to) {
        if (in.n) {
            memcpy(out, in.p, in.n);
        }
        return true;
    }
    if (c->from == AUDIO_PCMU && c->to == AUDIO_PCMA) {
        g711_mulaw_to_alaw(in, out);
        return true;
    }
    if (c->from == AUDIO_PCMA && c->to == AUDIO_PCMU) {
        g711_alaw_to_mulaw(in, out);
        return true;
    }
    return false;
}

int audio_conv_run(struct audio_conv *c, struct span in, uint8_t *out, size_t cap, size_t *ret_n)
{
    if (cap < audio_conv_max(c, in.n)) {
        return -ENOSPC;
    }
    if (shortcut(c, in, out)) {
        *ret_n = in.n;
        return 0;
    }
    size_t written = 0;
    while (in.n) {
        int16_t pcm[BLOCK];
        int16_t resampled[BLOCK * UP_MAX];
        size_t n = take(c, &in, pcm);
        int16_t *from = pcm;
        if (c->resample.bank) {
            resample_run(&c->resample, pcm, n, resampled, &n);
            from = resampled;
        }
        if (c->limits) {
            limit_run(&c->limit, from, n);
        }
        written += codec_encode(c->to, from, n, out + written);
    }
    *ret_n = written;
    return 0;
}
