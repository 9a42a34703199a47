/* Every sound of the suite, made once: the calls of a run share them. */
#include "suite.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/g711.h"
#include "base/err.h"
#include "peer/phone/phone_sound.h"
#include "peer/phone/phone_speech.h"

#define CLIPS_MAX 2048
#define SAID_MAX  256

struct studio {
    uint64_t seed;
    struct {
        enum voice voice;
        const char *text; /* a constant */
        struct phone_speech speech;
    } said[SAID_MAX];
    size_t n_said;
    uint8_t *clips[CLIPS_MAX];
    size_t n;
    struct phone_noise *noise[PHONE_NOISE_N];
};

int studio_new(uint64_t seed, struct studio **ret)
{
    struct studio *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->seed = seed;
    for (size_t i = 0; i < PHONE_NOISE_N; i++) {
        int err = phone_noise_new((enum phone_noise_kind)i, seed + i, &s->noise[i]);
        if (err < 0) {
            studio_free(s);
            return err;
        }
    }
    *ret = s;
    return 0;
}

struct studio *studio_free(struct studio *s)
{
    for (size_t i = 0; s && i < s->n; i++) {
        free(s->clips[i]);
    }
    for (size_t i = 0; s && i < s->n_said; i++) {
        free(s->said[i].speech.mulaw);
    }
    for (size_t i = 0; s && i < PHONE_NOISE_N; i++) {
        phone_noise_free(s->noise[i]);
    }
    free(s);
    return NULL;
}

/* offset bytes of silence, then the clip at another speed: its samples on a straight line between those given. */
static struct span keep(struct studio *s, const struct phone_speech *speech, double speed, uint32_t offset)
{
    size_t n = (size_t)((double)speech->n / speed);
    uint8_t *clip = malloc(n + offset);
    assert(clip && s->n < CLIPS_MAX && speech->n > 1);
    memset(clip, PHONE_SILENCE_BYTE, offset);
    for (size_t i = 0; i < n; i++) {
        double at = MIN((double)i * speed, (double)speech->n - 1.001);
        size_t k = (size_t)at;
        double part = at - (double)k;
        double x = g711_mulaw_decode1(speech->mulaw[k]) * (1 - part) + g711_mulaw_decode1(speech->mulaw[k + 1]) * part;
        clip[offset + i] = g711_mulaw_encode1((int16_t)x);
    }
    s->clips[s->n++] = clip;
    return span_from(clip, n + offset);
}

/* Each sentence is spoken once by each voice. */
static const struct phone_speech *say(struct studio *s, enum voice voice, const char *text)
{
    for (size_t i = 0; i < s->n_said; i++) {
        if (s->said[i].voice == voice && str_is(str_from(s->said[i].text), text)) {
            return &s->said[i].speech;
        }
    }
    assert(s->n_said < SAID_MAX);
    struct phone_speech *speech = &s->said[s->n_said].speech;
    int err = voice_say(voice, str_from(text), speech);
    if (err < 0) { /* built without flite: a voice of some kind all the same */
        err = phone_sound_make(STR("mmhm"), s->seed + s->n_said, speech);
    }
    assert(err == 0);
    s->said[s->n_said].voice = voice;
    s->said[s->n_said++].text = text;
    return speech;
}

struct span studio_say(struct studio *s, enum voice voice, const char *text, double speed, uint32_t offset)
{
    return keep(s, say(s, voice, text), speed, offset);
}

struct span studio_sound(struct studio *s, const char *name, uint64_t variant, uint32_t offset)
{
    struct phone_speech speech;
    int err = phone_sound_make(str_from(name), s->seed * 1000 + variant, &speech);
    assert(err == 0);
    ignore_result(err);
    struct span clip = keep(s, &speech, 1.0, offset);
    free(speech.mulaw);
    return clip;
}

const struct phone_noise *studio_noise(struct studio *s, enum phone_noise_kind kind)
{
    return s->noise[kind];
}
