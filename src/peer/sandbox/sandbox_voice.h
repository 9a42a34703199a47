/*
 * The sandbox's voice: sentences to clips, by flite in the job pool or, where that is not built in, as speech-shaped
 * noise. Keeps what was spoken in a bounded cache, so that greetings and refusals cost nothing; who asks for a sentence
 * that is being made waits for that one. Loop thread only.
 */
#ifndef PEER_SANDBOX_VOICE_H
#define PEER_SANDBOX_VOICE_H

#include "net/loop.h"
#include "peer/sandbox/sandbox_clip.h"

struct voice;

struct voice_opts {
    bool noise;           /* no synthesis: noise with the rhythm of speech */
    uint32_t cache_bytes; /* 0: 16 MiB */
};

/* clip: a reference, given; NULL: speech failed. */
typedef void (*voice_fn)(struct clip *clip, void *arg);

MUST_USE int voice_new(struct loop *loop, const struct voice_opts *opts, struct voice **ret);
/* No request may be under way (loop_free runs what is left). */
struct voice *voice_free(struct voice *v);
/* The clip at once from the cache, a reference; else NULL, and done(clip, arg) is called later, once. */
struct clip *voice_say(struct voice *v, struct str text, enum openai_format format, voice_fn done, void *arg);

#endif
