#include "audio/convert.h"

#include "audio/g711.h"
#include "base/err.h"

#define BLOCK_SAMPLES 480

void audio_conv_init(struct audio_conv *c, enum audio_format from, enum audio_format to)
{
    *c = (struct audio_conv){.from = from, .to = to};
    /* Only the rates of the format list come here, all of them known to the resampler. */
    ignore_result(resample_init(&c->resample, audio_rate_hz(from), audio_rate_hz(to)));
}

size_t audio_conv_max(const struct audio_conv *c, size_t n_in)
{
    size_t samples = (n_in + 1) / audio_sample_bytes(c->from) + 1;
    size_t blocks = samples / BLOCK_SAMPLES + 1;
    size_t out = samples * audio_rate_hz(c->to) / audio_rate_hz(c->from) + 4 * blocks + 4;
    return MAX(out, samples) * audio_sample_bytes(c->to);
}

static void to_linear(enum audio_format from, const uint8_t *in, size_t n, int16_t *out)
{
    if (from == AUDIO_PCMU) {
        g711_mulaw_decode(span_from(in, n), out);
    } else if (from == AUDIO_PCMA) {
        g711_alaw_decode(span_from(in, n), out);
    } else {
        memcpy(out, in, n * 2); /* little-endian on the wire and here */
    }
}

static size_t from_linear(enum audio_format to, const int16_t *in, size_t n, uint8_t *out)
{
    if (to == AUDIO_PCMU) {
        g711_mulaw_encode(in, n, out);
    } else if (to == AUDIO_PCMA) {
        g711_alaw_encode(in, n, out);
    } else {
        memcpy(out, in, n * 2);
    }
    return n * audio_sample_bytes(to);
}

static size_t run_block(struct audio_conv *c, const uint8_t *in, size_t n, uint8_t *out)
{
    int16_t linear[BLOCK_SAMPLES];
    int16_t resampled[BLOCK_SAMPLES * 3 + 8];
    size_t m = 0;
    to_linear(c->from, in, n, linear);
    resample_run(&c->resample, linear, n, resampled, &m);
    return from_linear(c->to, resampled, m, out);
}

/* Formats that need no linear detour. */
static bool run_direct(struct audio_conv *c, struct span in, uint8_t *out, size_t *ret_n)
{
    if (c->from == c->to && audio_sample_bytes(c->from) == 1) {
        if (in.n) {
            memcpy(out, in.p, in.n);
        }
    } else if (c->from == AUDIO_PCMU && c->to == AUDIO_PCMA) {
        g711_mulaw_to_alaw(in, out);
    } else if (c->from == AUDIO_PCMA && c->to == AUDIO_PCMU) {
        g711_alaw_to_mulaw(in, out);
    } else {
        return false;
    }
    *ret_n = in.n;
    return true;
}

int audio_conv_run(struct audio_conv *c, struct span in, uint8_t *out, size_t cap, size_t *ret_n)
{
    if (cap < audio_conv_max(c, in.n)) {
        return -ENOSPC;
    }
    if (run_direct(c, in, out, ret_n)) {
        return 0;
    }
    size_t bytes = audio_sample_bytes(c->from);
    size_t done = 0;
    if (c->has_odd && in.n) {
        uint8_t sample[2] = {c->odd, in.p[0]};
        in.p++;
        in.n--;
        c->has_odd = false;
        done += run_block(c, sample, 1, out);
    }
    while (in.n >= bytes) {
        size_t n = MIN(in.n / bytes, (size_t)BLOCK_SAMPLES);
        done += run_block(c, in.p, n, out + done);
        in.p += n * bytes;
        in.n -= n * bytes;
    }
    if (in.n) {
        c->odd = in.p[0];
        c->has_odd = true;
    }
    *ret_n = done;
    return 0;
}
