#include "call/track.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/prefetch.h"

typedef uint8_t bytes16 __attribute__((vector_size(16))); /* GCC and clang */

#define TRACK_MAX_PAIRS 80000 /* 10 s at 8 kHz; a stall longer than that leaves a gap */
#define TRACK_STEP      512
#define SILENT_PAIRS    256

void track_init(struct track *t, enum audio_format format)
{
    *t = (struct track){.sample_bytes = audio_sample_bytes(format), .silence = audio_silence_byte(format)};
}

void track_done(struct track *t)
{
    for (int i = 0; i < 2; i++) {
        free(t->side[i]);
        t->side[i] = NULL;
        t->cap[i] = 0;
    }
}

/* A window grows by steps, not by doubling: it soon is as long as it ever gets, and stays so for the whole call. */
static int reserve(struct track *t, uint32_t channel, uint64_t end)
{
    uint64_t need = end - t->base;
    if (need <= t->cap[channel]) {
        return 0;
    }
    if (need > TRACK_MAX_PAIRS) {
        return -ENOBUFS;
    }
    size_t ss = t->sample_bytes;
    uint32_t cap = (uint32_t)((need + TRACK_STEP - 1) / TRACK_STEP * TRACK_STEP);
    uint8_t *side = realloc(t->side[channel], cap * ss);
    if (!side) {
        return -ENOMEM;
    }
    memset(side + t->cap[channel] * ss, t->silence, (cap - t->cap[channel]) * ss);
    t->side[channel] = side;
    t->cap[channel] = cap;
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
    int err = reserve(t, channel, at + n);
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
    for (; i + 16 <= n; i += 16) {
        bytes16 va;
        bytes16 vb;
        memcpy(&va, a + i, 16);
        memcpy(&vb, b + i, 16);
        bytes16 lo = __builtin_shufflevector(va, vb, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        bytes16 hi = __builtin_shufflevector(va, vb, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        memcpy(out + i * 2, &lo, 16);
        memcpy(out + i * 2 + 16, &hi, 16);
    }
    for (; i < n; i++) {
        out[i * 2] = a[i];
        out[i * 2 + 1] = b[i];
    }
}

/* Samples of a window that may hold anything but silence. */
static size_t used(const struct track *t, uint32_t channel)
{
    uint64_t end = channel == 0 ? t->caller_end : t->agent_end;
    return end > t->base ? (size_t)MIN(end - t->base, (uint64_t)t->cap[channel]) : 0;
}

/* Only what is used: a window that a stall once made large would else be moved whole, for ever. */
static void shift(struct track *t, uint32_t channel, size_t n)
{
    uint32_t ss = t->sample_bytes;
    uint8_t *side = t->side[channel];
    size_t in_use = used(t, channel);
    size_t gone = MIN(n, in_use);
    if (gone > 0) {
        memmove(side, side + gone * ss, (in_use - gone) * ss);
        memset(side + (in_use - gone) * ss, t->silence, gone * ss);
    }
}

void track_pull_caller(struct track *t, uint64_t n)
{
    if (t->base == 0 && n <= t->caller_end && t->caller_end <= t->cap[0]) {
        shift(t, 0, (size_t)n);
        t->caller_end -= n;
    }
}

/* Both windows as far as both reach, then the one that goes on against silence, then silence. */
static void copy_pairs(const struct track *t, size_t n, uint8_t *out)
{
    size_t ss = t->sample_bytes;
    uint8_t silent[SILENT_PAIRS * 2]; /* of up to two bytes a sample */
    memset(silent, t->silence, sizeof(silent));
    for (size_t at = 0; at < n;) {
        size_t part = n - at;
        const uint8_t *side[2];
        for (int i = 0; i < 2; i++) {
            bool there = at < t->cap[i];
            side[i] = there ? t->side[i] + at * ss : silent;
            part = MIN(part, there ? t->cap[i] - at : (size_t)SILENT_PAIRS);
        }
        interleave(side[0], side[1], part, t->sample_bytes, out + at * 2 * ss);
        at += part;
    }
}

void track_take(struct track *t, uint64_t upto, uint8_t *out)
{
    size_t n = (size_t)(upto - t->base);
    copy_pairs(t, n, out);
    shift(t, 0, n);
    shift(t, 1, n);
    t->base = upto;
}

void track_prefetch(const struct track *t)
{
    enum { FRAME_SAMPLES = 192 }; /* 20 ms at 8 kHz, or more */
    if (t->side[0] && t->caller_end >= t->base) {
        prefetch(t->side[0] + (size_t)(t->caller_end - t->base) * t->sample_bytes, FRAME_SAMPLES);
    }
}
