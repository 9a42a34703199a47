/*
 * Speaking: text to linear PCM by flite, for the sandbox and the simulated phone. Bit-exact: the same text gives the
 * same samples always. Not a voice for products. Thread: any, also several at once; it blocks for about 1 ms per
 * second of speech, so loops use the job pool. Built without flite every call answers -ENOTSUP (speech_tts_none.c).
 */
#ifndef PEER_SPEECH_TTS_H
#define PEER_SPEECH_TTS_H

#include "base/str.h"
#include "peer/speech/speech_words.h"

#define TTS_TEXT_MAX_BYTES 4000

enum tts_voice {
    TTS_KAL_8K,  /* diphone voice, 8000 Hz: the one that the recogniser understands best */
    TTS_KAL_16K, /* the same speaker at 16000 Hz */
};

struct tts_audio {
    int16_t *samples; /* owned */
    size_t n;
    uint32_t rate_hz;
};

/* False when built without flite. */
bool tts_available(void);
/* Fills *ret; free it by tts_audio_done. -ENOTSUP, -ERR_TOO_BIG (TTS_TEXT_MAX_BYTES), -ENOMEM. Empty text: no samples.
 */
MUST_USE int tts_say(struct str text, enum tts_voice voice, struct tts_audio *ret);
/* As tts_say, and adds to words (initialised) when each word of text sounds. */
MUST_USE int tts_say_words(struct str text, enum tts_voice voice, struct tts_audio *ret, struct speech_words *words);
void tts_audio_done(struct tts_audio *a);

#endif
