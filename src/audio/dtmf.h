/*
 * DTMF in the audio itself (ITU-T Q.23, judged in the manner of Q.24), for carriers that do not report keys. 8 kHz,
 * frames of any size. Windows of 20 ms every 8 ms are correlated with the eight frequencies; a digit is one row and one
 * column that hold nearly all the energy, at steady frequency, for four windows.
 *
 *   accepted: tones and pauses from 40 ms, 0 to -26 dBm0 each, within 1.5 % + 2 Hz, column at most 4 dB above and 8 dB
 *             below its row, noise to 15 dB below
 *   refused:  tones to 23 ms, frequencies 3.5 % off; interruptions to 10 ms do not split a digit
 *
 * A digit is told once, 40 to 50 ms after its start. Pure, integers only: the same samples give the same digits on
 * every machine. At most 0.02 ms of CPU per second of audio. One struct per leg. Thread: any. Allocates: no.
 */
#ifndef AUDIO_DTMF_H
#define AUDIO_DTMF_H

#include "base/defs.h"

#define DTMF_RATE_HZ 8000
#define DTMF_WINDOW  160
#define DTMF_HOP     64

struct dtmf_phase {
    int32_t re, im;
};

struct dtmf {
    int16_t samples[DTMF_WINDOW]; /* the last ones, oldest first */
    uint32_t n;
    char candidate;                /* digit of the last windows, or '\0' */
    uint32_t hits;                 /* windows in a row that agree on it */
    uint32_t strong;               /* of them those that hold next to nothing else */
    char told;                     /* digit that was told and has not ended */
    uint32_t misses;               /* windows since it was last there */
    struct dtmf_phase row, column; /* of the last window of the candidate */
};

void dtmf_init(struct dtmf *d);
/* Most digits that n samples can complete. */
static inline size_t dtmf_max(size_t n)
{
    return n / (4 * DTMF_HOP) + 1;
}
/*
 * Hears n samples. digits: room for dtmf_max(n) characters of "0123456789ABCD*#"; not terminated.
 * Returns how many are new.
 */
size_t dtmf_run(struct dtmf *d, const int16_t *pcm, size_t n, char *digits);
/* A key is held right now: what is heard is no speech. */
static inline bool dtmf_held(const struct dtmf *d)
{
    return d->told != '\0';
}

#endif
