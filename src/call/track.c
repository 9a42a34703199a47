#include "call/track.h"

#include <stdlib.h>

#include "base/err.h"

#define TRACK_MAX_PAIRS 80000 /* 10 s at 8 kHz; a stall longer than that leaves a gap */

void track_init(struct track *t, enum audio_format format)
{
    *t = (struct track){.sample_bytes = audio_sample_bytes(format), .silence = audio_silence_byte(format)};
}

void track_done(struct track *t)
{
    free(t->pairs);
    t->pairs = NULL;
    t->cap = 0;
}

static int reserve(struct track *t, uint64_t end)
{
    uint64_t need = end - t->base;
    if (need <= t->cap) {
        return 0;
    }
    if (need > TRACK_MAX_PAIRS) {
        return -ENOBUFS;
    }
    uint32_t cap = t->cap ? t->cap : 4096;
    while (cap < need) {
        cap *= 2;
    }
    size_t pair = (size_t)t->sample_bytes * 2;
    uint8_t *pairs = realloc(t->pairs, cap * pair);
    if (!pairs) {
        return -ENOMEM;
    }
    memset(pairs + t->cap * pair, t->silence, (cap - t->cap) * pair);
    t->pairs = pairs;
    t->cap = cap;
    return 0;
}

static int put(struct track *t, uint64_t at, struct span audio, uint32_t channel)
{
    uint32_t ss = t->sample_bytes;
    uint64_t n = audio.n / ss;
    if (at < t->base) {
        uint64_t late = MIN(n, t->base - at);
        t->late_samples += late;
        audio.p += late * ss;
        n -= late;
        at += late;
    }
    if (n == 0) {
        return 0;
    }
    int err = reserve(t, at + n);
    if (err < 0) {
        t->late_samples += n;
        return err;
    }
    uint8_t *to = t->pairs + (size_t)(at - t->base) * 2 * ss + (size_t)channel * ss;
    if (ss == 1) {
        for (uint64_t i = 0; i < n; i++) {
            to[i * 2] = audio.p[i];
        }
    } else {
        for (uint64_t i = 0; i < n; i++) {
            memcpy(to + i * 2 * ss, audio.p + i * ss, ss);
        }
    }
    return 0;
}

int track_caller(struct track *t, uint64_t at, struct span audio)
{
    int err = put(t, at, audio, 0);
    t->caller_end = MAX(t->caller_end, at + audio.n / t->sample_bytes);
    return err;
}

int track_agent(struct track *t, uint64_t at, struct span audio)
{
    int err = put(t, at, audio, 1);
    t->agent_end = MAX(t->agent_end, at + audio.n / t->sample_bytes);
    return err;
}

void track_take(struct track *t, uint64_t upto, uint8_t *out)
{
    size_t pair = (size_t)t->sample_bytes * 2;
    size_t n = (size_t)(upto - t->base);
    size_t have = MIN(n, (size_t)t->cap);
    if (have) {
        memcpy(out, t->pairs, have * pair);
        memmove(t->pairs, t->pairs + have * pair, (t->cap - have) * pair);
        memset(t->pairs + (t->cap - have) * pair, t->silence, have * pair);
    }
    memset(out + have * pair, t->silence, (n - have) * pair);
    t->base = upto;
}
