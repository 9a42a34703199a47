#include "peer/sandbox/sandbox_speak.h"

#include <errno.h>

#include "audio/wav.h"
#include "base/err.h"
#include "peer/speech/speech_tts.h"

static void put_samples(struct buf *out, const struct tts_audio *a)
{
    const struct wav format = {.codec = WAV_PCM16, .rate_hz = a->rate_hz, .channels = 1};
    uint8_t head[WAV_HEADER_MAX];

    buf_put(out, head, wav_header(head, &format, a->n * 2));
    for (size_t i = 0; i < a->n; i++) {
        uint16_t sample = (uint16_t)a->samples[i];
        buf_putc(out, (char)(sample & 0xFF));
        buf_putc(out, (char)(sample >> 8));
    }
}

int sandbox_speak(struct str text, FILE *out)
{
    struct tts_audio audio = {0};
    struct buf file;
    int err = tts_say(text, TTS_KAL_8K, &audio);

    if (err < 0) {
        return err;
    }
    buf_init(&file, WAV_HEADER_MAX + audio.n * 2);
    put_samples(&file, &audio);
    err = audio.n == 0 ? -ERR_MISSING : file.err;
    if (err >= 0 && (fwrite(buf_ptr(&file), 1, file.len, out) != file.len || fflush(out) != 0)) {
        err = errno ? -errno : -EIO;
    }
    buf_done(&file);
    tts_audio_done(&audio);
    return err;
}
