/*
 * A pool of recognisers for the sandbox: utterances queue until one is free, each is decoded on a job thread. The
 * decoders know the dialogue's grammar. Loop thread only.
 */
#ifndef PEER_SANDBOX_HEARING_H
#define PEER_SANDBOX_HEARING_H

#include "net/loop.h"
#include "peer/sandbox/sandbox_dialogue.h"
#include "peer/speech/speech_asr.h"

struct hearing;

struct hearing_opts {
    const struct dialogue *dialogue; /* outlives it */
    uint32_t decoders;               /* pairs; 0: 1 */
    int32_t max_margin;              /* 0: the recogniser's own defaults */
    double s_per_word, s_extra;
    const char *model_dir; /* NULL: as installed */
};

/* result NULL: the recogniser failed, or the pool is being freed. */
typedef void (*hearing_fn)(const struct asr_result *result, void *arg);

/* Loads the models (some 20 ms a pair). ret_err gets a sentence. As asr_new. */
MUST_USE int hearing_new(struct loop *loop, const struct hearing_opts *opts, struct buf *ret_err, struct hearing **ret);
/* Requests still queued are answered with NULL; none may be decoding (loop_free waits for those). */
struct hearing *hearing_free(struct hearing *h);
/* Copies pcm (8 kHz). done is called once, later. -ENOMEM, -ERR_LIMIT (too many wait), -ENOTSUP (no spoken rules) */
MUST_USE int hearing_request(struct hearing *h, const int16_t *pcm, size_t n, uint32_t silence_ms, hearing_fn done,
                             void *arg);

#endif
