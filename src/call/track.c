#include "call/track.h"

#include <stdlib.h>

#include "base/err.h"

typedef uint8_t bytes8 __attribute__((vector_size(8))); /* GCC and clang */

#define TRACK_MAX_PAIRS 80000 /* 10 s at 8 kHz; a stall longer than that leaves a gap */

void track_init(struct track *t, enum audio_format format)
{
    *t = (struct track){.sample_bytes = audio_sample_bytes(format), .silence = audio_silence_byte(format)};
}

void track_done(struct track *t)
{
    for (int i = 0; i < 2; i++) {
        free(t->side[i]);
        t->side[i] = NULL;
    }
    t->cap = 0;
}

static int grow(struct track *t, uint32_t cap)
{
    for (int i = 0; i < 2; i++) {
        uint8_t *side = realloc(t->side[i], (size_t)cap * t->sample_bytes);
        if (!side) {
            return -ENOMEM;
        }
        t->side[i] = side; /* the other side may stay smaller: cap tells what both have */
    }
    for (int i = 0; i < 2; i++) {
        memset(t->side[i] + (size_t)t->cap * t->sample_bytes, t->silence, (size_t)(cap - t->cap) * t->sample_bytes);
    }
    t->cap = cap;
    return 0;
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
    return grow(t, cap);
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
    memcpy(t->side[channel] + (size_t)(at - t->base) * ss, audio.p, (size_t)n * ss);
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

/* a0 b0 a1 b1 ... */
static void interleave(const uint8_t *a, const uint8_t *b, size_t n, uint32_t ss, uint8_t *out)
{
    if (ss != 1) {
        for (size_t i = 0; i < n; i++) {
            memcpy(out + i * 2 * ss, a + i * ss, ss);
            memcpy(out + (i * 2 + 1) * ss, b + i * ss, ss);
        }
        return;
    }
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        bytes8 va;
        bytes8 vb;
        memcpy(&va, a + i, 8);
        memcpy(&vb, b + i, 8);
        bytes8 lo = __builtin_shufflevector(va, vb, 0, 8, 1, 9, 2, 10, 3, 11);
        bytes8 hi = __builtin_shufflevector(va, vb, 4, 12, 5, 13, 6, 14, 7, 15);
        memcpy(out + i * 2, &lo, 8);
        memcpy(out + i * 2 + 8, &hi, 8);
    }
    for (; i < n; i++) {
        out[i * 2] = a[i];
        out[i * 2 + 1] = b[i];
    }
}

/* Samples of the window that may hold anything but silence. */
static size_t used(const struct track *t)
{
    uint64_t end = MAX(t->caller_end, t->agent_end);
    return end > t->base ? (size_t)MIN(end - t->base, (uint64_t)t->cap) : 0;
}

/* Only what is used: a window that a stall once made large would else be moved whole, for ever. */
static void shift(struct track *t, uint8_t *side, size_t n, size_t in_use)
{
    uint32_t ss = t->sample_bytes;
    size_t gone = MIN(n, in_use);
    memmove(side, side + gone * ss, (in_use - gone) * ss);
    memset(side + (in_use - gone) * ss, t->silence, gone * ss);
}

void track_pull_caller(struct track *t, uint64_t n)
{
    if (t->base == 0 && n <= t->caller_end && t->caller_end <= t->cap) {
        shift(t, t->side[0], (size_t)n, used(t));
        t->caller_end -= n;
    }
}

void track_take(struct track *t, uint64_t upto, uint8_t *out)
{
    size_t pair = (size_t)t->sample_bytes * 2;
    size_t n = (size_t)(upto - t->base);
    size_t have = MIN(n, (size_t)t->cap);
    if (have) {
        size_t in_use = used(t);
        interleave(t->side[0], t->side[1], have, t->sample_bytes, out);
        shift(t, t->side[0], have, in_use);
        shift(t, t->side[1], have, in_use);
    }
    memset(out + have * pair, t->silence, (n - have) * pair);
    t->base = upto;
}
