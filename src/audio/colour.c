#include "audio/colour.h"

#include <stdlib.h>
#include <string.h>

#define LOUD       4000
#define FADE       8       /* a frame in so many is forgotten with each that comes */
#define A_BITS     20      /* of predictor and reflection */
#define R_BITS     30      /* autocorrelation is scaled to so many */
#define REFLECT    1046479 /* 0.998; beyond it rounding speaks */
#define FLOOR_PART 512     /* so much white noise is always in it: a tone makes no singular matrix */

void colour_learn(struct colour *c, const int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (abs(pcm[i]) > LOUD) {
            return;
        }
    }
    for (size_t lag = 0; lag <= COLOUR_ORDER && lag < n; lag++) {
        int64_t sum = 0;
        for (size_t i = lag; i < n; i++) {
            sum += pcm[i] * pcm[i - lag];
        }
        c->r[lag] += sum - c->r[lag] / FADE;
    }
    c->n += (int64_t)n - c->n / FADE;
}

void colour_forget(struct colour *c)
{
    *c = (struct colour){0};
}

static int64_t root(int64_t x)
{
    int64_t r = 0;
    for (int64_t bit = INT64_C(1) << 40; bit > 0; bit >>= 2) {
        if (x >= r + bit) {
            x -= r + bit;
            r = (r >> 1) + bit;
        } else {
            r >>= 1;
        }
    }
    return r;
}

/* Levinson-Durbin. Returns the part of the power that cannot be predicted, of one in 2^R_BITS. */
static int64_t predict(struct colour *c)
{
    int64_t r[COLOUR_ORDER + 1];
    int64_t all = c->r[0] + c->r[0] / FLOOR_PART + 1;
    for (size_t i = 1; i <= COLOUR_ORDER; i++) {
        r[i] = c->r[i] * (INT64_C(1) << 20) / all * (INT64_C(1) << (R_BITS - 20));
    }
    int64_t left = INT64_C(1) << R_BITS;
    memset(c->k, 0, sizeof(c->k));
    int64_t a[COLOUR_ORDER] = {0};
    for (size_t i = 0; i < COLOUR_ORDER; i++) {
        int64_t acc = r[i + 1] * (INT64_C(1) << A_BITS); /* may be negative: no shift */
        for (size_t j = 0; j < i; j++) {
            acc -= a[j] * r[i - j];
        }
        int64_t k = CLAMP(acc / left, -REFLECT, REFLECT);
        int64_t was[COLOUR_ORDER];
        for (size_t j = 0; j < i; j++) {
            was[j] = a[j];
        }
        for (size_t j = 0; j < i; j++) {
            a[j] = was[j] - (k * was[i - 1 - j] >> A_BITS);
        }
        a[i] = k;
        c->k[i] = (int32_t)k;
        left -= left * (k * k >> A_BITS) >> A_BITS;
        if (k == REFLECT || k == -REFLECT) {
            break;
        }
    }
    return left;
}

void colour_settle(struct colour *c)
{
    c->level = 0;
    if (c->n == 0 || c->r[0] <= 0) {
        return;
    }
    int64_t left = predict(c);
    int64_t power = c->r[0] * 65536 / c->n; /* of a sample; its root is in 256ths */
    int64_t rms = root(power);
    c->level = (int32_t)(rms * 4 / (5 * 256)); /* of noise with a normal distribution */
    /* Uniform noise of width w to either side has a third of the power of w. */
    c->width = (int32_t)root(3 * (power * (left >> 10) >> (R_BITS - 10)));
    if (c->level == 0) {
        c->level = rms > 0;
    }
}

/* A lattice: stable, and as loud as it should be, however the coefficients were rounded. */
void colour_run(struct colour *c, int32_t *x, size_t n)
{
    int64_t back[COLOUR_ORDER];
    int64_t k[COLOUR_ORDER];
    for (size_t i = 0; i < COLOUR_ORDER; i++) {
        back[i] = c->back[i];
        k[i] = c->k[i];
    }
    for (size_t at = 0; at < n; at++) {
        int64_t f = (int64_t)x[at] * c->width >> 16;
        f += k[COLOUR_ORDER - 1] * back[COLOUR_ORDER - 1] >> A_BITS;
        for (size_t i = COLOUR_ORDER - 1; i-- > 0;) {
            f += k[i] * back[i] >> A_BITS;
            back[i + 1] = back[i] - (k[i] * f >> A_BITS);
        }
        f = CLAMP(f, -256 * 32767, 256 * 32767);
        back[0] = f;
        x[at] = (int32_t)f;
    }
    for (size_t i = 0; i < COLOUR_ORDER; i++) {
        c->back[i] = (int32_t)back[i];
    }
}
