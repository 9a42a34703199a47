#include "peer/speech/speech_tts.h"

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

/* ---- when the words sound ---- */

/* Seconds from the start of the wave; 0 for what has no sounds ("..."). */
static double first_sound_s(const cst_item *word)
{
    return (double)ffeature_float(word, "R:SylStructure.daughter1.daughter1.R:Segment.p.end");
}

static double last_sound_s(const cst_item *word)
{
    return (double)ffeature_float(word, "R:SylStructure.daughtern.daughtern.R:Segment.end");
}

/* The word of text that begins last before byte pos: where flite's reader was when it had a token. */
static struct speech_word word_before(struct str text, size_t pos)
{
    struct speech_word found = {0};
    size_t at = 0;
    for (;;) {
        struct speech_word word = speech_word_next(text, &at);
        if (word.n == 0 || word.from >= pos) {
            return found;
        }
        found = word;
    }
}

/* One token may be several words ("$12.50"), and one word of the text several tokens. */
static int word_take(struct speech_words *words, struct speech_word word, const cst_item *token)
{
    double start_s = 0, end_s = 0;
    for (const cst_item *d = item_daughter(token); d; d = item_next(d)) {
        double from_s = first_sound_s(d), to_s = last_sound_s(d);
        if (to_s > from_s) {
            start_s = end_s > 0 ? start_s : from_s;
            end_s = to_s;
        }
    }
    if (end_s <= 0 || word.n == 0) {
        return 0;
    }
    word.start_ms = (uint32_t)(start_s * 1000.0);
    word.end_ms = (uint32_t)(end_s * 1000.0);
    struct speech_word *last = words->n ? &words->at[words->n - 1] : NULL;
    if (last && last->from == word.from) {
        last->end_ms = word.end_ms;
        return 0;
    }
    return speech_words_add(words, word);
}

static int words_take(const cst_utterance *utt, struct str text, struct speech_words *words)
{
    const cst_item *token = relation_head(utt_relation(utt, "Token"));
    int err = 0;
    for (; token && err >= 0; token = item_next(token)) {
        int pos = item_feat_present(token, "file_pos") ? item_feat_int(token, "file_pos") : 0;
        err = word_take(words, word_before(text, (size_t)MAX(pos, 0)), token);
    }
    return err;
}

/* ---- saying ---- */

static int audio_take(const cst_wave *wave, struct tts_audio *ret)
{
    size_t n = wave->num_samples > 0 ? (size_t)wave->num_samples : 0;
    int16_t *samples = malloc(n * sizeof(*samples) + 1);
    if (!samples) {
        return -ENOMEM;
    }
    if (n > 0) {
        memcpy(samples, wave->samples, n * sizeof(*samples));
    }
    *ret = (struct tts_audio){.samples = samples, .n = n, .rate_hz = (uint32_t)wave->sample_rate};
    return 0;
}

int tts_say_words(struct str text, enum tts_voice voice, struct tts_audio *ret, struct speech_words *words)
{
    if (text.n > TTS_TEXT_MAX_BYTES) {
        return -ERR_TOO_BIG;
    }
    if (pthread_once(&voices.once, voices_load) != 0 || !voices.kal || !voices.kal16) {
        return -ENOTSUP;
    }
    if (text_is_blank(text)) {
        *ret = (struct tts_audio){.rate_hz = voice == TTS_KAL_8K ? 8000 : 16000};
        return 0;
    }
    char *z = text_for_flite(text);
    if (!z) {
        return -ENOMEM;
    }
    cst_utterance *utt = flite_synth_text(z, voice == TTS_KAL_8K ? voices.kal : voices.kal16);
    free(z);
    if (!utt) {
        return -ENOMEM;
    }
    int err = words ? words_take(utt, text, words) : 0;
    if (err >= 0) {
        err = audio_take(utt_wave(utt), ret);
    }
    delete_utterance(utt);
    return err;
}

int tts_say(struct str text, enum tts_voice voice, struct tts_audio *ret)
{
    return tts_say_words(text, voice, ret, NULL);
}

void tts_audio_done(struct tts_audio *a)
{
    free(a->samples);
    *a = (struct tts_audio){0};
}
