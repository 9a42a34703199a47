#include "gateway/sounds.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audio/codec.h"
#include "audio/wav.h"
#include "base/err.h"
#include "gateway/mapped.h"
#include "gateway/wav_sound.h"
#include "net/crypto.h"

#define RATE_HZ    8000
#define SHOWN_HASH 16 /* bytes of it in an address */
#define SUFFIX     ".wav"

struct sounds {
    struct sound of[SOUNDS_MAX];
    uint32_t n;
};

/* ---- one file ---- */

static bool is_name(struct str s)
{
    bool ok = s.n > 0 && s.n <= SOUND_NAME_MAX && s.p[0] != '.';
    for (size_t i = 0; i < s.n && ok; i++) {
        char c = s.p[i];
        ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
             c == '.';
    }
    return ok;
}

/* Both forms in memory that sounds_free gives back. */
static int encode(struct sound *s, const int16_t *pcm, size_t n)
{
    const struct wav head = {.codec = WAV_PCM16, .rate_hz = RATE_HZ, .channels = 1};
    uint8_t digest[32];
    char hex[2 * SHOWN_HASH + 1];
    uint8_t *mulaw = malloc(n);
    uint8_t *wav = malloc(WAV_HEADER_MAX + n * sizeof(*pcm));
    if (!mulaw || !wav) {
        free(mulaw);
        free(wav);
        return -ENOMEM;
    }
    s->mulaw = span_from(mulaw, codec_encode(AUDIO_PCMU, pcm, n, mulaw));
    size_t at = wav_header(wav, &head, n * sizeof(*pcm));
    for (size_t i = 0; i < n; i++) { /* little endian */
        wav[at++] = (uint8_t)((uint16_t)pcm[i] & 0xFF);
        wav[at++] = (uint8_t)((uint16_t)pcm[i] >> 8);
    }
    s->wav = span_from(wav, at);
    s->ms = (uint32_t)(n * 1000 / RATE_HZ);
    crypto_sha256(s->wav, digest);
    crypto_hex(span_from(digest, SHOWN_HASH), hex);
    ignore_result(snprintf(s->path, sizeof(s->path), SOUNDS_PREFIX "%s" SUFFIX, hex) < 0); /* it fits */
    return 0;
}

static int take_wav(struct sound *s, const struct wav *wav, const char **ret_reason)
{
    int16_t *pcm = NULL;
    size_t n = 0;
    int err = wav_sound_read(wav, 0, RATE_HZ, &pcm, &n);
    if (err >= 0 && n == 0) {
        *ret_reason = "there is no sound in it";
        err = -ERR_MISSING;
    } else if (err >= 0 && n > (size_t)RATE_HZ * SOUNDS_MAX_S) {
        *ret_reason = "it is longer than a minute";
        err = -ERR_TOO_BIG;
    }
    err = err < 0 ? err : encode(s, pcm, n);
    free(pcm);
    return err;
}

static int take_file(struct sounds *all, struct str dir, const char *file, struct buf *ret_err)
{
    struct sound *s = &all->of[all->n];
    struct buf path;
    struct span bytes;
    struct wav wav;
    const char *reason = NULL;
    buf_init(&path, 8192);
    buf_printf(&path, STR_FMT "/%s", STR_ARG(dir), file);
    int err = path.err < 0 ? path.err : mapped_open(buf_cstr(&path), &bytes);
    if (err >= 0) {
        err = wav_parse(bytes, &wav, &reason);
        err = err < 0 ? err : take_wav(s, &wav, &reason);
        mapped_close(bytes);
    }
    if (err < 0) {
        buf_printf(ret_err, "outbound.sounds: " STR_FMT "/%s: %s", STR_ARG(dir), file, reason ? reason : err_text(err));
    }
    buf_done(&path);
    return err;
}

/* ---- the folder ---- */

static int take_entry(struct sounds *all, struct str dir, const char *file, struct buf *ret_err)
{
    struct str name = str_from(file);
    if (!str_ends(name, STR(SUFFIX))) {
        return 0;
    }
    name.n -= sizeof(SUFFIX) - 1;
    if (!is_name(name)) {
        buf_printf(ret_err,
                   "outbound.sounds: " STR_FMT "/%s: a name has letters, digits, \"-\", \"_\" and \".\", at most %d",
                   STR_ARG(dir), file, SOUND_NAME_MAX);
        return -ERR_CONFIG;
    }
    if (all->n == SOUNDS_MAX) {
        buf_printf(ret_err, "outbound.sounds: there are more than %d WAV files in " STR_FMT, SOUNDS_MAX, STR_ARG(dir));
        return -ERR_LIMIT;
    }
    ignore_result(str_copy(all->of[all->n].name, sizeof(all->of[all->n].name), name)); /* looked at above */
    int err = take_file(all, dir, file, ret_err);
    all->n += err >= 0;
    return err;
}

int sounds_read(struct str dir, struct buf *ret_err, struct sounds **ret)
{
    struct sounds *s = calloc(1, sizeof(*s));
    DIR *d = s ? opendir(dir.p) : NULL;
    int err = s ? 0 : -ENOMEM;
    if (s && !d) {
        err = -errno;
        buf_printf(ret_err, "outbound.sounds: the folder " STR_FMT " cannot be read: %s", STR_ARG(dir), err_text(err));
    }
    for (const struct dirent *e = NULL; err >= 0 && (e = readdir(d)) != NULL;) {
        err = take_entry(s, dir, e->d_name, ret_err);
    }
    if (d) {
        closedir(d);
    }
    if (err < 0) {
        sounds_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

struct sounds *sounds_free(struct sounds *s)
{
    for (uint32_t i = 0; s && i < s->n; i++) {
        free((void *)(uintptr_t)s->of[i].mulaw.p);
        free((void *)(uintptr_t)s->of[i].wav.p);
    }
    free(s);
    return NULL;
}

const struct sound *sounds_find(const struct sounds *s, struct str name)
{
    for (uint32_t i = 0; s && i < s->n; i++) {
        if (str_is(name, s->of[i].name)) {
            return &s->of[i];
        }
    }
    return NULL;
}

const struct sound *sounds_at(const struct sounds *s, struct str path)
{
    for (uint32_t i = 0; s && i < s->n; i++) {
        if (str_is(path, s->of[i].path)) {
            return &s->of[i];
        }
    }
    return NULL;
}

void sounds_put_unknown(const struct sounds *s, struct str name, struct buf *out)
{
    uint32_t n = s ? s->n : 0;
    buf_printf(out, "There is no recording \"" STR_FMT "\" in outbound.sounds", STR_ARG(name));
    for (uint32_t i = 0; i < n; i++) {
        buf_printf(out, "%s%s", i == 0 ? "; there are: " : ", ", s->of[i].name);
    }
    buf_puts(out, n > 0 ? "." : ", which has none.");
}
