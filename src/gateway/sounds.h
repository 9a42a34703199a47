/*
 * Recordings that calls play in place of words: the WAV files of the folder outbound.sounds, each known by its name
 * without ".wav". Read once, with the configuration: as mu-law for our own playout, and as a WAV file of 8000 Hz that
 * carriers fetch, at an address that nobody guesses who does not have the recording. Immutable; any thread.
 * Not here: who plays them (call/voicemail.c, the carriers' documents), the ten seconds of fillers (snapshot_sound).
 */
#ifndef GATEWAY_SOUNDS_H
#define GATEWAY_SOUNDS_H

#include "base/buf.h"

#define SOUNDS_MAX     100
#define SOUNDS_MAX_S   60
#define SOUND_NAME_MAX 64
#define SOUND_PATH_MAX 48
#define SOUNDS_PREFIX  "/sounds/"
#define SOUNDS_TYPE    "audio/wav"

struct sound {
    char name[SOUND_NAME_MAX + 1];
    char path[SOUND_PATH_MAX]; /* "/sounds/<32 hex digits of its SHA-256>.wav" */
    uint32_t ms;
    struct span mulaw; /* 8000 Hz */
    struct span wav;   /* a whole file: PCM16, mono, 8000 Hz */
};

struct sounds;

/* Blocking. -errno, -ERR_SYNTAX, -ERR_TOO_BIG, ...: ret_err then has a sentence with the file's name. */
MUST_USE int sounds_read(struct str dir, struct buf *ret_err, struct sounds **ret);
struct sounds *sounds_free(struct sounds *s);
/* s NULL: there are none. NULL: no such one. */
const struct sound *sounds_find(const struct sounds *s, struct str name);
const struct sound *sounds_at(const struct sounds *s, struct str path);
/* A sentence: there is no such one, and which there are. */
void sounds_put_unknown(const struct sounds *s, struct str name, struct buf *out);

#endif
