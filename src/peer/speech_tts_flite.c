#include "peer/speech_tts.h"

#include <flite/flite.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"

/* No header declares the voices; their libraries export one function each. */
cst_voice *register_cmu_us_kal(const char *voxdir);
cst_voice *register_cmu_us_kal16(const char *voxdir);

/* Constant after the first use: flite keeps its voices for the life of the process. */
static struct {
    pthread_once_t once;
    cst_voice *kal;
    cst_voice *kal16;
} voices = {.once = PTHREAD_ONCE_INIT};

static void voices_load(void)
{
    flite_init();
    voices.kal = register_cmu_us_kal(NULL);
    voices.kal16 = register_cmu_us_kal16(NULL);
}

bool tts_available(void)
{
    return true;
}

static bool text_is_blank(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80) {
            return false;
        }
    }
    return true;
}

/* flite reads bytes as ASCII; anything else becomes a space, so that "naïve" is odd but harmless. */
static char *text_for_flite(struct str text)
{
    char *z = str_dup(text);
    for (size_t i = 0; z && i < text.n; i++) {
        if ((unsigned char)z[i] >= 0x80 || (unsigned char)z[i] < 0x20) {
            z[i] = ' ';
        }
    }
    return z;
}

int tts_say(struct str text, enum tts_voice voice, struct tts_audio *ret)
{
    if (text.n > TTS_TEXT_MAX_BYTES) {
        return -ERR_TOO_BIG;
    }
    if (pthread_once(&voices.once, voices_load) != 0 || !voices.kal || !voices.kal16) {
        return -ENOTSUP;
    }
    uint32_t rate_hz = voice == TTS_KAL_8K ? 8000 : 16000;
    if (text_is_blank(text)) {
        *ret = (struct tts_audio){.rate_hz = rate_hz};
        return 0;
    }
    char *z = text_for_flite(text);
    if (!z) {
        return -ENOMEM;
    }
    cst_wave *wave = flite_text_to_wave(z, voice == TTS_KAL_8K ? voices.kal : voices.kal16);
    free(z);
    if (!wave) {
        return -ENOMEM;
    }
    size_t n = wave->num_samples > 0 ? (size_t)wave->num_samples : 0;
    int16_t *samples = malloc(n * sizeof(*samples) + 1);
    if (samples && n > 0) {
        memcpy(samples, wave->samples, n * sizeof(*samples));
    }
    rate_hz = (uint32_t)wave->sample_rate;
    delete_wave(wave);
    if (!samples) {
        return -ENOMEM;
    }
    *ret = (struct tts_audio){.samples = samples, .n = n, .rate_hz = rate_hz};
    return 0;
}

void tts_audio_done(struct tts_audio *a)
{
    free(a->samples);
    *a = (struct tts_audio){0};
}
