#include "peer/phone/phone_line.h"

#include <math.h>
#include <stdlib.h>

#include "audio/g711.h"
#include "base/err.h"
#include "peer/phone/phone_ears.h"

#define PAST_SAMPLES 16384u  /* a power of two above delay, tail and a frame */
#define USUAL_RMS    2300.0F /* -23 dB of full scale */
#define CLIP_AT      8192.0F
#define TAP_EVERY    48 /* samples between reflections, on average */

_Static_assert((PHONE_ECHO_DELAY_MAX_MS + PHONE_ECHO_TAIL_MAX_MS) * 8 + PHONE_FRAME_BYTES < PAST_SAMPLES, "ring");

static float from_db(double db)
{
    return powf(10.0F, (float)db / 20.0F);
}

/* The direct sound, then reflections that die away by 60 dB; together of unit power. */
static void taps_make(struct phone_line *l, struct phone_dice *d)
{
    uint32_t tail = l->o.echo_tail_ms * 8;
    float power = 1;
    l->n_taps = 1;
    l->taps[0].at = 0;
    l->taps[0].gain = 1;
    uint32_t every = MAX((uint32_t)TAP_EVERY, tail / (uint32_t)(ARRAY_LEN(l->taps) - 1));
    for (uint32_t at = every; at < tail && l->n_taps < ARRAY_LEN(l->taps); at += every) {
        float gain = 0.5F * powf(10.0F, -3.0F * (float)at / (float)tail);
        l->taps[l->n_taps].at = at + (uint32_t)phone_dice_below(d, every / 2);
        l->taps[l->n_taps].gain = phone_dice_below(d, 2) ? gain : -gain;
        l->n_taps++;
        power += gain * gain;
    }
    for (size_t i = 0; i < l->n_taps; i++) {
        l->taps[i].gain /= sqrtf(power);
    }
}

static bool in_range(const struct phone_line_opts *o)
{
    return o->echo_delay_ms <= PHONE_ECHO_DELAY_MAX_MS && o->echo_tail_ms <= PHONE_ECHO_TAIL_MAX_MS &&
           o->echo_db >= -90 && o->echo_db <= 20 && o->noise_db >= -60 && o->noise_db <= 120 && o->gain_db >= -60 &&
           o->gain_db <= 60 && o->dc_offset >= -32768 && o->dc_offset <= 32767;
}

int phone_line_init(struct phone_line *l, const struct phone_line_opts *o, float speech_rms, uint64_t seed)
{
    *l = (struct phone_line){.o = *o};
    if (!in_range(o)) {
        return -EINVAL;
    }
    struct phone_dice d = {seed};
    l->gain = from_db(o->gain_db);
    l->on = o->echo || o->noise || o->gain_db < 0 || o->gain_db > 0 || o->dc_offset != 0;
    if (o->echo) {
        l->echo_gain = from_db(o->echo_db);
        taps_make(l, &d);
        l->past = calloc(PAST_SAMPLES, sizeof(*l->past));
        if (!l->past) {
            return -ENOMEM;
        }
    }
    if (o->noise) {
        l->noise_rms = (speech_rms > 0 ? speech_rms : USUAL_RMS) * l->gain * from_db(-o->noise_db);
        l->noise_at = phone_dice_next(&d);
        if (!o->noise_bed) {
            int err = phone_noise_new(o->noise_kind, seed, &l->own_bed);
            l->o.noise_bed = l->own_bed;
            return err;
        }
    }
    return 0;
}

void phone_line_done(struct phone_line *l)
{
    free(l->past);
    l->own_bed = phone_noise_free(l->own_bed);
    *l = (struct phone_line){0};
}

static void echo_add(struct phone_line *l, const uint8_t heard[PHONE_FRAME_BYTES], float out[PHONE_FRAME_BYTES])
{
    for (size_t i = 0; i < PHONE_FRAME_BYTES; i++) {
        float x = g711_mulaw_decode1(heard[i]);
        l->past[(l->past_n + i) % PAST_SAMPLES] = l->o.echo_clip ? MAX(MIN(x, CLIP_AT), -CLIP_AT) : x;
    }
    uint64_t delay = l->o.echo_delay_ms * 8;
    for (size_t i = 0; i < PHONE_FRAME_BYTES; i++) {
        float sum = 0;
        for (size_t t = 0; t < l->n_taps; t++) { /* the ring was zero before the start */
            sum += l->taps[t].gain * l->past[(l->past_n + i - delay - l->taps[t].at) % PAST_SAMPLES];
        }
        out[i] += l->echo_gain * sum;
    }
    l->past_n += PHONE_FRAME_BYTES;
}

static bool is_silence(const uint8_t frame[PHONE_FRAME_BYTES])
{
    for (size_t i = 0; i < PHONE_FRAME_BYTES; i++) {
        if (frame[i] != PHONE_SILENCE_BYTE) {
            return false;
        }
    }
    return true;
}

void phone_line_step(struct phone_line *l, const uint8_t heard[PHONE_FRAME_BYTES], uint8_t said[PHONE_FRAME_BYTES])
{
    if (l->on) {
        float sum[PHONE_FRAME_BYTES];
        for (size_t i = 0; i < PHONE_FRAME_BYTES; i++) {
            sum[i] = l->gain * (float)g711_mulaw_decode1(said[i]);
        }
        if (l->o.echo) {
            echo_add(l, heard, sum);
        }
        if (l->o.noise) {
            phone_noise_add(l->o.noise_bed, &l->noise_at, l->noise_rms, sum, PHONE_FRAME_BYTES);
        }
        for (size_t i = 0; i < PHONE_FRAME_BYTES; i++) {
            float x = sum[i] + (float)l->o.dc_offset;
            said[i] = g711_mulaw_encode1((int16_t)lrintf(MAX(MIN(x, 32767.0F), -32768.0F)));
        }
    }
    if (l->o.zero_silence && is_silence(said)) {
        memset(said, 0, PHONE_FRAME_BYTES);
    }
}

void phone_level_add(struct phone_level *v, struct span mulaw)
{
    for (size_t at = 0; at < mulaw.n; at += PHONE_FRAME_BYTES) {
        size_t n = MIN((size_t)PHONE_FRAME_BYTES, mulaw.n - at);
        if (phone_frame_is_loud(mulaw.p + at, n)) {
            for (size_t i = 0; i < n; i++) {
                double x = g711_mulaw_decode1(mulaw.p[at + i]);
                v->sum += x * x;
            }
            v->n += n;
        }
    }
}

float phone_level_rms(const struct phone_level *v)
{
    return v->n > 0 ? (float)sqrt(v->sum / (double)v->n) : 0;
}
