/*
 * Echo guard: knows every sample that we sent and judges each frame of the caller before anybody listens to it. It
 * learns per call the delay (0 to 600 ms after our sending) and the return loss of the line's echo; a frame that holds
 * nothing but echo is to be replaced by silence; whether somebody speaks over the echo is decided by near-end energy
 * that the echo cannot explain, never by correlation alone. Not a canceller: it subtracts nothing.
 *
 * Integers only: the same inputs give the same judgement on every machine (a call is replayed from its journal).
 * At most 0.05 ms of CPU per call-second, no delay beyond the frame. One struct per call. Allocates: no. Thread: any.
 */
#ifndef AUDIO_ECHO_H
#define AUDIO_ECHO_H

#include "base/defs.h"

struct echo_guard; /* defined below; its fields are echo.c's */

enum echo_verdict {
    ECHO_NONE,   /* nothing of ours is outstanding, or this is not it: take the frame */
    ECHO_ONLY,   /* our own voice: replace the frame by silence */
    ECHO_DOUBLE, /* somebody speaks over our echo: take the frame */
};

struct echo_stats {
    bool found;
    uint32_t delay_ms; /* from echo_sent's position to the return */
    uint32_t loss_cb;  /* return loss in tenths of a dB */
    uint32_t closures; /* runs of ECHO_ONLY */
    uint32_t gated_ms;
};

/* rate_hz: 8000, 16000 or 24000, that of all samples below. */
void echo_init(struct echo_guard *e, uint32_t rate_hz);
/*
 * Agent audio that the carrier was given. Positions are samples on the media clock since the leg's start, where the
 * sound is heard at the earliest; they grow, or jump back to replace what was cut.
 */
void echo_sent(struct echo_guard *e, uint64_t at, const int16_t *pcm, size_t n);
/* What was sent for at and later was flushed: it will not sound (but for what the way to the carrier still let out). */
void echo_cut(struct echo_guard *e, uint64_t at);
/* Judges n samples (10 to 60 ms, usually 20) of the caller that begin at position at. */
enum echo_verdict echo_judge(struct echo_guard *e, uint64_t at, const int16_t *pcm, size_t n);
void echo_stats(const struct echo_guard *e, struct echo_stats *ret);

#endif
