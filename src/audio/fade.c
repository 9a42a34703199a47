#include "audio/fade.h"

#include "audio/codec.h"

#define ONE_Q15 32768

/* t = (2i + 1) / 2n lies in the middle of the sample, so that the curve is its own mirror image. */
int32_t fade_gain_q15(size_t i, size_t n)
{
    if (i >= n) {
        return ONE_Q15;
    }
    int64_t t = (int64_t)((2 * (uint64_t)i + 1) * ONE_Q15 / (2 * (uint64_t)n));
    int64_t square = t * t / ONE_Q15;
    return (int32_t)(square * (3 * ONE_Q15 - 2 * t) / ONE_Q15);
}

/* Towards zero, so that nothing quiet is made louder. */
static int16_t scale(int16_t x, int32_t gain_q15)
{
    return (int16_t)((int64_t)x * gain_q15 / ONE_Q15);
}

static void ramp_sample(enum audio_format f, uint8_t *p, int32_t gain_q15)
{
    uint32_t width = audio_sample_bytes(f);
    int16_t x;
    codec_decode(f, span_from(p, width), &x);
    if (x != 0) { /* both zeros of mu-law stay what they are */
        x = scale(x, gain_q15);
        codec_encode(f, &x, 1, p);
    }
}

void fade_in(enum audio_format f, uint8_t *audio, size_t n, size_t ramp_bytes)
{
    uint32_t width = audio_sample_bytes(f);
    size_t ramp = MIN(n, ramp_bytes) / width;
    for (size_t i = 0; i < ramp; i++) {
        ramp_sample(f, audio + i * width, fade_gain_q15(i, ramp));
    }
}

void fade_out(enum audio_format f, uint8_t *audio, size_t n, size_t ramp_bytes)
{
    uint32_t width = audio_sample_bytes(f);
    size_t ramp = MIN(n, ramp_bytes) / width;
    size_t from = n / width - ramp;
    for (size_t i = 0; i < ramp; i++) {
        ramp_sample(f, audio + (from + i) * width, fade_gain_q15(ramp - 1 - i, ramp));
    }
}
