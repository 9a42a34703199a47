#include "peer/phone/phone_speech.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "audio/g711.h"
#include "audio/resample.h"
#include "audio/wav.h"
#include "base/err.h"
#include "peer/phone/phone_ears.h"
#include "peer/phone/phone_playout.h"
#include "peer/speech/speech_tts.h"

#define FILE_MAX_BYTES (600u * 24000u * 4u + 65536u) /* ten minutes of the dearest coding */

/* Cuts what is not loud off both ends, in whole frames. */
static int trim(struct phone_speech *s)
{
    size_t begin = 0, end = s->n;
    while (begin < end && !phone_frame_is_loud(s->mulaw + begin, MIN((size_t)PHONE_FRAME_BYTES, end - begin))) {
        begin += MIN((size_t)PHONE_FRAME_BYTES, end - begin);
    }
    while (end > begin && !phone_frame_is_loud(s->mulaw + end - MIN((size_t)PHONE_FRAME_BYTES, end - begin),
                                               MIN((size_t)PHONE_FRAME_BYTES, end - begin))) {
        end -= MIN((size_t)PHONE_FRAME_BYTES, end - begin);
    }
    if (begin == end) {
        return -EINVAL;
    }
    memmove(s->mulaw, s->mulaw + begin, end - begin);
    s->n = end - begin;
    return 0;
}

/* Takes mulaw. */
static int finish(struct phone_speech s, struct phone_speech *ret)
{
    int err = trim(&s);
    if (err < 0) {
        free(s.mulaw);
        return err;
    }
    *ret = s;
    return 0;
}

int phone_speech_say(struct str text, struct phone_speech *ret)
{
    struct tts_audio audio;
    int err = tts_say(text, TTS_KAL_8K, &audio);
    if (err < 0) {
        return err;
    }
    struct phone_speech s = {malloc(audio.n + 1), audio.n};
    if (s.mulaw) {
        g711_mulaw_encode(audio.samples, audio.n, s.mulaw);
    }
    tts_audio_done(&audio);
    return s.mulaw ? finish(s, ret) : -ENOMEM;
}

/* ---- WAV ---- */

/* Mono int16 at the file's rate, to mu-law at 8 kHz. */
static int wav_convert(const struct wav *w, struct phone_speech *ret)
{
    struct resample down;
    size_t n = wav_frames(w);
    if (resample_init(&down, w->rate_hz, 8000) < 0) {
        return -ENOTSUP;
    }
    int16_t *pcm = malloc((n + 1) * sizeof(*pcm));
    int16_t *out = malloc((resample_out_max(&down, n) + 1) * sizeof(*out));
    struct phone_speech s = {malloc(resample_out_max(&down, n) + 1), 0};
    int err = pcm && out && s.mulaw ? 0 : -ENOMEM;
    if (err == 0) {
        n = wav_read_mono(w, 0, n, pcm);
        resample_run(&down, pcm, n, out, &s.n);
        g711_mulaw_encode(out, s.n, s.mulaw);
    }
    free(pcm);
    free(out);
    if (err < 0) {
        free(s.mulaw);
        return err;
    }
    return finish(s, ret);
}

static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int err = 0;
    for (;;) {
        uint8_t *at = buf_room(out, 65536);
        if (!at) {
            err = out->err;
            break;
        }
        ssize_t n = read(fd, at, 65536);
        if (n <= 0) {
            err = n < 0 ? -errno : 0;
            break;
        }
        buf_added(out, (size_t)n);
    }
    close(fd);
    return err;
}

int phone_speech_load(const char *path, struct phone_speech *ret, struct buf *ret_err)
{
    struct buf file;
    struct wav w = {0};
    const char *reason = NULL;
    buf_init(&file, FILE_MAX_BYTES);
    int err = read_file(path, &file);
    if (err == 0) {
        err = wav_parse(buf_span(&file), &w, &reason);
    }
    if (err == 0) {
        err = wav_convert(&w, ret);
    }
    buf_done(&file);
    if (err < 0 && ret_err) {
        if (err == -ENOTSUP) {
            buf_printf(ret_err, "%s is sampled at %u Hz; wanted is 8000, 16000 or 24000", path, w.rate_hz);
        } else {
            buf_printf(ret_err, "%s: %s", path,
                       err == -EINVAL ? "nothing but silence"
                       : reason       ? reason
                                      : err_text(err));
        }
    }
    return err;
}
