#include "voices.h"

#include <flite/flite.h>
#include <stdlib.h>

#include "audio/g711.h"
#include "audio/resample.h"
#include "base/err.h"
#include "peer/phone/phone_ears.h"
#include "peer/phone/phone_playout.h"

/* No header declares the voices; their libraries export one function each. */
cst_voice *register_cmu_us_rms(const char *voxdir);
cst_voice *register_cmu_us_slt(const char *voxdir);
cst_voice *register_cmu_us_awb(const char *voxdir);

const char *voice_name(enum voice v)
{
    static const char *const names[VOICE_N] = {"rms", "slt", "awb", "kal"};
    return names[v];
}

/* What is not loud is cut off at both ends, so that onset and end are those of the sound. */
static void trim(struct phone_speech *s)
{
    size_t begin = 0;
    while (begin + PHONE_FRAME_BYTES < s->n && !phone_frame_is_loud(s->mulaw + begin, PHONE_FRAME_BYTES)) {
        begin += PHONE_FRAME_BYTES;
    }
    while (s->n > begin + PHONE_FRAME_BYTES &&
           !phone_frame_is_loud(s->mulaw + s->n - PHONE_FRAME_BYTES, PHONE_FRAME_BYTES)) {
        s->n -= PHONE_FRAME_BYTES;
    }
    memmove(s->mulaw, s->mulaw + begin, s->n - begin);
    s->n -= begin;
}

static int to_mulaw(const cst_wave *wave, struct phone_speech *ret)
{
    struct resample down;
    size_t n = (size_t)wave->num_samples;
    int err = resample_init(&down, (uint32_t)wave->sample_rate, 8000);
    if (err < 0) {
        return err;
    }
    int16_t *pcm = malloc((resample_out_max(&down, n) + 1) * sizeof(*pcm));
    struct phone_speech s = {malloc(resample_out_max(&down, n) + 1), 0};
    if (!pcm || !s.mulaw) {
        free(pcm);
        free(s.mulaw);
        return -ENOMEM;
    }
    resample_run(&down, wave->samples, n, pcm, &s.n);
    g711_mulaw_encode(pcm, s.n, s.mulaw);
    free(pcm);
    trim(&s);
    *ret = s;
    return 0;
}

int voice_say(enum voice v, struct str text, struct phone_speech *ret)
{
    static cst_voice *(*const voices[])(const char *) = {register_cmu_us_rms, register_cmu_us_slt, register_cmu_us_awb};
    if (v == VOICE_KAL) {
        return phone_speech_say(text, ret);
    }
    char *z = str_dup(text);
    if (!z) {
        return -ENOMEM;
    }
    ignore_result(flite_init());
    cst_wave *wave = flite_text_to_wave(z, voices[v](NULL)); /* flite keeps each voice for the life of the process */
    free(z);
    if (!wave) {
        return -ENOMEM;
    }
    int err = to_mulaw(wave, ret);
    delete_wave(wave);
    return err;
}
