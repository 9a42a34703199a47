/*
 * Magnitudes of the four frames of a chunk, part of kernel.c. The frames lie in the lanes of one vector of four, so one
 * transform does all of them and no step mixes lanes: half-length complex FFT of the even and odd samples (Stockham,
 * radix 4, a last step of radix 2 where needed), then the two halves are taken apart.
 */
#ifndef AUDIO_VAD_STFT_H
#define AUDIO_VAD_STFT_H

#include <math.h>

#include "audio/vad/kernel.h"

typedef float stft_v __attribute__((vector_size(16)));
typedef float stft_vu __attribute__((vector_size(16), aligned(4), may_alias)); /* anywhere in memory */

/* One complex number of each frame. */
struct stft_c {
    stft_v re, im;
};

static inline struct stft_c stft_add(struct stft_c a, struct stft_c b)
{
    return (struct stft_c){a.re + b.re, a.im + b.im};
}

static inline struct stft_c stft_sub(struct stft_c a, struct stft_c b)
{
    return (struct stft_c){a.re - b.re, a.im - b.im};
}

/* turn: a pair of net->turn. */
static inline struct stft_c stft_mul(struct stft_c a, const float *turn)
{
    return (struct stft_c){a.re * turn[0] - a.im * turn[1], a.re * turn[1] + a.im * turn[0]};
}

/* Four samples of each frame from row to row, times the window: samples 0 and 2 are even, 1 and 3 are odd. */
static inline void stft_load(const float *x, uint32_t hop, const float *window, struct stft_c *z)
{
    stft_v w = *(const stft_vu *)(const void *)window;
    stft_v a = *(const stft_vu *)(const void *)x * w;
    stft_v b = *(const stft_vu *)(const void *)(x + hop) * w;
    stft_v c = *(const stft_vu *)(const void *)(x + 2 * hop) * w;
    stft_v d = *(const stft_vu *)(const void *)(x + 3 * hop) * w;
    stft_v ab_lo = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    stft_v ab_hi = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    stft_v cd_lo = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    stft_v cd_hi = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    z[0].re = __builtin_shufflevector(ab_lo, cd_lo, 0, 1, 4, 5);
    z[0].im = __builtin_shufflevector(ab_lo, cd_lo, 2, 3, 6, 7);
    z[1].re = __builtin_shufflevector(ab_hi, cd_hi, 0, 1, 4, 5);
    z[1].im = __builtin_shufflevector(ab_hi, cd_hi, 2, 3, 6, 7);
}

/* One step of radix 4 from x to y: sub-transforms of n points, stride of them; by: steps of net->turn per n-th turn. */
static inline void stft_radix4(const struct vad_net *net, uint32_t n, uint32_t stride, const struct stft_c *x,
                               struct stft_c *y)
{
    uint32_t m = n / 4;
    uint32_t by = net->points / n;
    for (uint32_t p = 0; p < m; p++) {
        const float *w1 = net->turn + (size_t)2 * p * by;
        const float *w2 = net->turn + (size_t)4 * p * by;
        const float *w3 = net->turn + (size_t)6 * p * by;
        for (uint32_t q = 0; q < stride; q++) {
            const struct stft_c *in = x + q + stride * p;
            struct stft_c *out = y + q + stride * 4 * p;
            struct stft_c sum_ac = stft_add(in[0], in[stride * 2 * m]);
            struct stft_c dif_ac = stft_sub(in[0], in[stride * 2 * m]);
            struct stft_c sum_bd = stft_add(in[stride * m], in[stride * 3 * m]);
            struct stft_c dif_bd = stft_sub(in[stride * m], in[stride * 3 * m]);
            struct stft_c quarter = {-dif_bd.im, dif_bd.re}; /* a quarter of a turn */
            out[0] = stft_add(sum_ac, sum_bd);
            out[stride] = stft_mul(stft_sub(dif_ac, quarter), w1);
            out[2 * stride] = stft_mul(stft_sub(sum_ac, sum_bd), w2);
            out[3 * stride] = stft_mul(stft_add(dif_ac, quarter), w3);
        }
    }
}

static inline void stft_radix2(uint32_t stride, const struct stft_c *x, struct stft_c *y)
{
    for (uint32_t q = 0; q < stride; q++) {
        y[q] = stft_add(x[q], x[q + stride]);
        y[q + stride] = stft_sub(x[q], x[q + stride]);
    }
}

/* Power of both halves of the spectrum, four frames a bin. */
static inline void stft_split(const struct vad_net *net, const struct stft_c *z, stft_v *power)
{
    uint32_t half = net->points / 2;
    stft_v first = z[0].re + z[0].im;
    stft_v last = z[0].re - z[0].im;
    power[0] = first * first;
    power[half] = last * last;
    for (uint32_t k = 1; k <= half / 2; k++) {
        struct stft_c a = z[k];
        struct stft_c b = {z[half - k].re, -z[half - k].im};
        struct stft_c even = stft_add(a, b);
        struct stft_c odd = stft_sub(a, b);
        odd = stft_mul((struct stft_c){odd.im, -odd.re}, net->turn + (size_t)2 * k);
        struct stft_c lo = stft_add(even, odd);
        struct stft_c hi = stft_sub(even, odd);
        power[k] = (lo.re * lo.re + lo.im * lo.im) * 0.25F; /* both halves came out doubled */
        power[half - k] = (hi.re * hi.re + hi.im * hi.im) * 0.25F;
    }
}

/* ret: VAD_FRAMES frames of net->bins. */
static inline void stft_magnitudes(const struct vad_net *net, const float *samples, float *ret)
{
    struct stft_c buffers[2][VAD_POINTS_MAX / 2];
    union {
        stft_v v[VAD_BINS_MAX];
        float f[VAD_BINS_MAX][VAD_FRAMES];
    } power;
    uint32_t hop = net->points / 2;
    uint32_t n = net->points / 2;
    uint32_t now = 0;
    for (uint32_t i = 0; i < net->points; i += 4) {
        stft_load(samples + i, hop, net->window + i, &buffers[0][i / 2]);
    }
    for (; n >= 4; n /= 4) {
        stft_radix4(net, n, net->points / 2 / n, buffers[now], buffers[!now]);
        now = !now;
    }
    if (n == 2) {
        stft_radix2(net->points / 4, buffers[now], buffers[!now]);
        now = !now;
    }
    stft_split(net, buffers[now], power.v);
    for (uint32_t frame = 0; frame < VAD_FRAMES; frame++) {
        for (uint32_t bin = 0; bin < net->bins; bin++) {
            ret[frame * net->bins + bin] = sqrtf(power.f[bin][frame]);
        }
    }
}

#endif
