#include "peer/speech/speech_tts.h"

#include "base/err.h"

bool tts_available(void)
{
    return false;
}

int tts_say(struct str text, enum tts_voice voice, struct tts_audio *ret)
{
    return -ENOTSUP;
}

int tts_say_words(struct str text, enum tts_voice voice, struct tts_audio *ret, struct speech_words *words)
{
    return -ENOTSUP;
}

void tts_audio_done(struct tts_audio *a)
{
    *a = (struct tts_audio){0};
}
