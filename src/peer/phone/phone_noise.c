#include "peer/phone/phone_noise.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "peer/phone/phone_link.h"
#include "peer/speech/speech_tts.h"

#define LOOP_SAMPLES 64000u /* 8 s */
#define TALKERS      6
#define PI_F         3.14159265F

struct phone_noise {
    float loop[LOOP_SAMPLES]; /* unit RMS */
};

static const char *const names[PHONE_NOISE_N] = {
    [PHONE_NOISE_WHITE] = "white",
    [PHONE_NOISE_PINK] = "pink",
    [PHONE_NOISE_BABBLE] = "babble",
    [PHONE_NOISE_HUM] = "hum",
};

int phone_noise_parse(struct str name, enum phone_noise_kind *ret)
{
    for (size_t i = 0; i < PHONE_NOISE_N; i++) {
        if (str_is(name, names[i])) {
            *ret = (enum phone_noise_kind)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *phone_noise_name(enum phone_noise_kind kind)
{
    return names[kind];
}

static void make_white(float *out, struct phone_dice *d)
{
    for (size_t i = 0; i < LOOP_SAMPLES; i++) {
        out[i] = phone_dice_normal(d);
    }
}

/* Three leaky integrators over the telephone band approximate 1/f within a dB or two (Kellet's economy form). */
static void make_pink(float *out, struct phone_dice *d)
{
    float a = 0, b = 0, c = 0;
    for (size_t i = 0; i < LOOP_SAMPLES; i++) {
        float white = phone_dice_normal(d);
        a = 0.99765F * a + white * 0.0990460F;
        b = 0.96300F * b + white * 0.2965164F;
        c = 0.57000F * c + white * 1.0526913F;
        out[i] = a + b + c + white * 0.1848F;
    }
}

/* Whole periods of 50 Hz in the loop, so that it closes without a click. */
static void make_hum(float *out, struct phone_dice *d)
{
    for (uint32_t harmonic = 2; harmonic <= 24; harmonic++) {
        float phase = phone_dice_unit(d) * 2.0F * PI_F;
        float level = 1.0F / (float)harmonic;
        float step = 2.0F * PI_F * 50.0F * (float)harmonic / 8000.0F;
        for (size_t i = 0; i < LOOP_SAMPLES; i++) {
            out[i] += level * sinf(step * (float)(i % 160) + phase);
        }
    }
}

/* Adds one clip from a place of its own on, at another pitch, until the loop is full. */
static void talk(float *out, const struct tts_audio *clip, float pitch, size_t begin)
{
    float at = 0;
    for (size_t i = 0; i < LOOP_SAMPLES; i++) {
        size_t k = (size_t)at;
        if (k + 1 >= clip->n) {
            at = 0;
            k = 0;
        }
        float part = at - (float)k;
        float x = (float)clip->samples[k] * (1.0F - part) + (float)clip->samples[k + 1] * part;
        out[(begin + i) % LOOP_SAMPLES] += x / 32768.0F;
        at += pitch;
    }
}

static void babble_shaped(float *out, struct phone_dice *d)
{
    float rate[TALKERS], phase[TALKERS], low = 0;
    for (size_t t = 0; t < TALKERS; t++) {
        rate[t] = 2.0F * PI_F * (3.0F + 3.0F * phone_dice_unit(d)) / 8000.0F;
        phase[t] = phone_dice_unit(d) * 2.0F * PI_F;
    }
    for (size_t i = 0; i < LOOP_SAMPLES; i++) {
        float swell = 0;
        for (size_t t = 0; t < TALKERS; t++) {
            swell += 1.0F + sinf(rate[t] * (float)i + phase[t]);
        }
        low += 0.35F * (phone_dice_normal(d) * swell - low);
        out[i] = low;
    }
}

static void make_babble(float *out, struct phone_dice *d)
{
    static const char *const lines[TALKERS] = {
        "I told him that the train leaves at half past seven and he still came late",
        "we should really ask the people next door what they think about the garden",
        "two coffees and a piece of the apple cake please and the bill for table nine",
        "she has been working there for almost three years now and likes it very much",
        "have you seen the game last night it was over before it had really begun",
        "the weather will be better on sunday so let us go to the lake and take the dog",
    };
    static const float pitch[TALKERS] = {0.82F, 0.9F, 1.0F, 1.12F, 1.25F, 1.4F};
    for (size_t t = 0; t < TALKERS; t++) {
        struct tts_audio clip;
        if (tts_say(str_from(lines[t]), TTS_KAL_8K, &clip) < 0) {
            babble_shaped(out, d);
            return;
        }
        if (clip.n > 1) {
            talk(out, &clip, pitch[t], (size_t)phone_dice_below(d, LOOP_SAMPLES));
        }
        tts_audio_done(&clip);
    }
}

static void normalise(float *out)
{
    float sum = 0;
    for (size_t i = 0; i < LOOP_SAMPLES; i++) {
        sum += out[i] * out[i] / (float)LOOP_SAMPLES;
    }
    float scale = sum > 0 ? 1.0F / sqrtf(sum) : 0;
    for (size_t i = 0; i < LOOP_SAMPLES; i++) {
        out[i] *= scale;
    }
}

int phone_noise_new(enum phone_noise_kind kind, uint64_t seed, struct phone_noise **ret)
{
    struct phone_noise *n = calloc(1, sizeof(*n));
    if (!n) {
        return -ENOMEM;
    }
    struct phone_dice d = {seed};
    switch (kind) {
    case PHONE_NOISE_PINK:
        make_pink(n->loop, &d);
        break;
    case PHONE_NOISE_BABBLE:
        make_babble(n->loop, &d);
        break;
    case PHONE_NOISE_HUM:
        make_hum(n->loop, &d);
        break;
    case PHONE_NOISE_WHITE:
    case PHONE_NOISE_N:
        make_white(n->loop, &d);
        break;
    }
    normalise(n->loop);
    *ret = n;
    return 0;
}

struct phone_noise *phone_noise_free(struct phone_noise *n)
{
    free(n);
    return NULL;
}

void phone_noise_add(const struct phone_noise *n, uint64_t *at, float rms, float *out, size_t n_out)
{
    for (size_t i = 0; i < n_out; i++) {
        out[i] += rms * n->loop[(*at)++ % LOOP_SAMPLES];
    }
}
