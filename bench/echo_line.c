#include "echo_line.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "audio/g711.h"

#define TAIL_TAPS 160 /* of a room, at 1 ms */

float line_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / (float)(1 << 24);
}

float line_dbfs(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum > 0 ? (float)(10 * log10(sum / (double)n)) : -120.0f;
}

static int16_t to_s16(float v)
{
    return (int16_t)lrintf(CLAMP(v, -1.0f, 0.9999f) * 32768);
}

static void mulaw(const float *x, size_t n, int16_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = g711_mulaw_decode1(g711_mulaw_encode1(to_s16(x[i])));
    }
}

static void place(float *to, size_t n, const struct line_talk *t, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < t[k].speech.n && t[k].at + i < n; i++) {
            to[t[k].at + i] += t[k].speech.x[i];
        }
    }
}

static float speaker(float v, const struct line_opts *o)
{
    if (o->clip >= 1) {
        return v;
    }
    return o->soft_clip ? o->clip * tanhf(v / o->clip) : CLAMP(v, -o->clip, o->clip);
}

/* Two resonances' worth of a telephone: high-pass at 300 Hz, low-pass at 3400 Hz, one pole each, twice. */
static void band(float *x, size_t n)
{
    for (int pass = 0; pass < 2; pass++) {
        float low = 0, slow = 0;
        for (size_t i = 0; i < n; i++) {
            slow += 0.15f * (x[i] - slow);
            low += 0.85f * (x[i] - slow - low);
            x[i] = low;
        }
    }
}

/* Delay of the sample that is sent here. */
static void delays(const struct line_opts *o, const struct line_talk *agent, size_t agent_n, struct line_call *c)
{
    uint32_t seed = o->seed * 7919u + 17;
    size_t run = 0;
    int32_t shift = 0;
    int32_t wander = 0;
    for (size_t f = 0; f < c->n / LINE_FRAME; f++) {
        while (run < agent_n && agent[run].at < (f + 1) * LINE_FRAME) {
            /* Base at first, then off by up to so much from the run before. */
            int32_t most = (int32_t)o->shift_ms;
            int32_t step = run > 0 ? (int32_t)((2 * line_random(&seed) - 1) * (float)most) : 0;
            shift = CLAMP(shift + step, -most, most);
            run++;
        }
        if (o->wander && line_random(&seed) < 0.005f) {
            wander = ((int32_t)(line_random(&seed) * 3) - 1) * 20;
        }
        c->delay[f] = (uint32_t)MAX((int32_t)o->delay_ms + shift + wander, 10) * (LINE_HZ / 1000);
    }
}

static void echo(const struct line_opts *o, struct line_call *c)
{
    float *wet = calloc(c->n, sizeof(*wet));
    if (!o->has_echo || !wet) {
        free(wet);
        return;
    }
    uint32_t seed = o->seed * 31 + 5;
    float tap[TAIL_TAPS] = {1};
    float rt_ms = 100 + 100 * line_random(&seed);
    for (int i = 2; o->room && i < TAIL_TAPS; i++) {
        tap[i] = 0.35f * powf(10, -3 * (float)i / rt_ms) * (2 * line_random(&seed) - 1);
    }
    for (size_t i = 0; i < c->n; i++) {
        float v = speaker((float)c->sent[i] / 32768, o);
        for (size_t k = 0; k < (o->room ? TAIL_TAPS : 1); k++) {
            size_t to = i + k * 8 + (k * 5) % 8;
            if (to < c->n) {
                wet[to] += v * tap[k];
            }
        }
    }
    band(wet, c->n);
    float gain = powf(10, -o->loss_db / 20);
    for (size_t i = 0; i < c->n; i++) {
        size_t to = i + c->delay[MIN(i / LINE_FRAME, c->n / LINE_FRAME - 1)];
        if (to < c->n) {
            c->echo[to] = wet[i] * gain;
        }
    }
    free(wet);
}

int line_render(const struct line_opts *o, const struct line_talk *agent, size_t agent_n,
                const struct line_talk *caller, size_t caller_n, size_t n, struct line_call *ret)
{
    struct line_call c = {.n = n,
                          .sent = calloc(n, sizeof(int16_t)),
                          .heard = calloc(n, sizeof(int16_t)),
                          .alone = calloc(n, sizeof(int16_t)),
                          .guarded = calloc(n, sizeof(int16_t)),
                          .echo = calloc(n, sizeof(float)),
                          .near = calloc(n, sizeof(float)),
                          .noise = calloc(n, sizeof(float)),
                          .delay = calloc(n / LINE_FRAME + 1, sizeof(uint32_t))};
    float *sum = calloc(n, sizeof(*sum));
    if (!c.sent || !c.heard || !c.alone || !c.guarded || !c.echo || !c.near || !c.noise || !c.delay || !sum) {
        free(sum);
        line_done(&c);
        return -ENOMEM;
    }
    place(sum, n, agent, agent_n);
    mulaw(sum, n, c.sent);
    delays(o, agent, agent_n, &c);
    echo(o, &c);
    place(c.near, n, caller, caller_n);
    band(c.near, n);
    uint32_t seed = o->seed + 99;
    float amplitude = powf(10, o->noise_dbfs / 20) * 1.732f;
    float rumble = 0;
    for (size_t i = 0; i < n; i++) {
        c.noise[i] = amplitude * (2 * line_random(&seed) - 1);
        if (o->hum) { /* as loud, all of it below some 300 Hz */
            double w = 2 * M_PI * 50 * (double)i / LINE_HZ;
            rumble += 0.2f * (c.noise[i] - rumble);
            c.noise[i] = 2 * rumble + amplitude * (float)(0.4 * sin(w) + 0.2 * sin(3 * w + 1));
        }
        sum[i] = c.echo[i] + c.near[i] + c.noise[i];
    }
    mulaw(sum, n, c.heard);
    for (size_t i = 0; i < n; i++) {
        sum[i] -= c.echo[i];
    }
    mulaw(sum, n, c.alone);
    free(sum);
    *ret = c;
    return 0;
}

void line_done(struct line_call *c)
{
    free(c->sent);
    free(c->heard);
    free(c->alone);
    free(c->guarded);
    free(c->echo);
    free(c->near);
    free(c->noise);
    free(c->delay);
    *c = (struct line_call){0};
}
