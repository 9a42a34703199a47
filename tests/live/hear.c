/*
 * hear WAV: what a recogniser that knows nothing of the call makes of one side of its recording, a line per utterance.
 *
 *     live_hear RECORDING.wav left|right
 *
 * Left is the caller, right the agent. English, with the general language model of pocketsphinx-en-us: it mishears, so
 * tests ask for some words of many. Offline, and free.
 */
#include <math.h>
#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/wav.h"
#include "base/buf.h"

#define FRAME_MS    20
#define QUIET_MS    500 /* ends an utterance */
#define LOUD_RMS    300.0
#define MIN_MS      200
#define FILE_MAX    (512u << 20)
#define CHANNEL_MAX 2

struct side {
    int16_t *pcm;
    size_t n;
    uint32_t rate_hz;
};

static bool read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    uint8_t chunk[65536];
    size_t n = 0;
    while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        buf_put(out, (const char *)chunk, n);
    }
    bool ok = f && !ferror(f) && out->err == 0;
    if (f) {
        fclose(f);
    }
    return ok;
}

/* One channel of 16-bit samples. */
static bool read_side(struct span file, bool right, struct side *ret)
{
    struct wav wav;
    const char *why = "";
    if (wav_parse(file, &wav, &why) < 0 || wav.codec != WAV_PCM16 || wav.channels != CHANNEL_MAX) {
        fprintf(stderr, "not a recording of two channels in 16 bits. %s\n", why);
        return false;
    }
    ret->n = wav_frames(&wav);
    ret->rate_hz = wav.rate_hz;
    ret->pcm = calloc(ret->n + 1, sizeof(*ret->pcm));
    for (size_t i = 0; ret->pcm && i < ret->n; i++) {
        memcpy(&ret->pcm[i], wav.data.p + (i * CHANNEL_MAX + right) * sizeof(int16_t), sizeof(int16_t));
    }
    return ret->pcm != NULL;
}

static double rms(const int16_t *pcm, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)pcm[i] * pcm[i];
    }
    return n ? sqrt(sum / (double)n) : 0;
}

static ps_decoder_t *decoder_new(void)
{
    cmd_ln_t *config = cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", SPEECH_MODEL_DIR "/en-us/en-us", "-dict",
                                   SPEECH_MODEL_DIR "/en-us/cmudict-en-us.dict", "-lm",
                                   SPEECH_MODEL_DIR "/en-us/en-us.lm.bin", "-logfn", "/dev/null", NULL);
    ps_decoder_t *ps = config ? ps_init(config) : NULL;
    cmd_ln_free_r(config);
    return ps;
}

/* To the 16 kHz of the model by straight lines: the mirror images above 4 kHz are what it would miss in a telephone's
 * band. */
static bool widen(struct side *s)
{
    int16_t *wide = calloc(2 * s->n + 1, sizeof(*wide));
    for (size_t i = 0; wide && i < s->n; i++) {
        wide[2 * i] = s->pcm[i];
        wide[2 * i + 1] = (int16_t)((s->pcm[i] + (i + 1 < s->n ? s->pcm[i + 1] : s->pcm[i])) / 2);
    }
    free(s->pcm);
    s->pcm = wide;
    s->n *= 2;
    s->rate_hz *= 2;
    return wide != NULL;
}

static void hear(ps_decoder_t *ps, const int16_t *pcm, size_t n, double at_s)
{
    int32 score = 0;
    ps_start_utt(ps);
    ps_process_raw(ps, pcm, n, FALSE, TRUE);
    ps_end_utt(ps);
    const char *text = ps_get_hyp(ps, &score);
    printf("%.1f %s\n", at_s, text ? text : "");
}

/* Utterances are what stands between silences of half a second. */
static void hear_all(ps_decoder_t *ps, const struct side *s)
{
    size_t frame = s->rate_hz * FRAME_MS / 1000;
    size_t quiet = 0;
    size_t from = SIZE_MAX;
    for (size_t at = 0; at + frame <= s->n; at += frame) {
        bool loud = rms(s->pcm + at, frame) > LOUD_RMS;
        bool last = at + 2 * frame > s->n;
        from = loud && from == SIZE_MAX ? at : from;
        quiet = loud ? 0 : quiet + FRAME_MS;
        if (from != SIZE_MAX && (quiet >= QUIET_MS || last)) {
            if ((at - from) * 1000 / s->rate_hz >= MIN_MS + QUIET_MS) {
                hear(ps, s->pcm + from, at - from, (double)from / s->rate_hz);
            }
            from = SIZE_MAX;
        }
    }
}

int main(int argc, char **argv)
{
    struct buf file;
    struct side side = {0};
    bool right = argc == 3 && strcmp(argv[2], "right") == 0;
    if (argc != 3 || (!right && strcmp(argv[2], "left") != 0)) {
        fprintf(stderr, "usage: live_hear RECORDING.wav left|right\n");
        return 2;
    }
    buf_init(&file, FILE_MAX);
    bool ok = read_file(argv[1], &file) && read_side(buf_span(&file), right, &side);
    ok = ok && (side.rate_hz != 8000 || widen(&side));
    err_set_logfp(NULL);
    ps_decoder_t *ps = ok ? decoder_new() : NULL;
    if (ps) {
        hear_all(ps, &side);
        ps_free(ps);
    } else {
        fprintf(stderr, "%s cannot be heard\n", argv[1]);
    }
    free(side.pcm);
    buf_done(&file);
    return ps ? 0 : 1;
}
