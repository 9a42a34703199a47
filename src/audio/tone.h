/*
 * Tones of one or two frequencies in a cadence: keys, ring-back, busy, beeps. Every burst has 5 ms ramps. Integers only
 * (a phase accumulator and a sine table), so the same request gives the same samples everywhere; any rate of format.h.
 * Pure. Thread: any. Allocates: no.
 */
#ifndef AUDIO_TONE_H
#define AUDIO_TONE_H

#include "base/defs.h"

#define TONE_BURSTS 2 /* pairs of on and off that a cadence may have */

struct tone_spec {
    uint32_t hz[2];      /* 0: not used; below half the rate */
    int32_t level_cb[2]; /* each frequency's, tenths of dBm0; 0 to -600. A full-scale sine of G.711 is +31 */
    uint32_t on_ms[TONE_BURSTS];
    uint32_t off_ms[TONE_BURSTS]; /* on and off both 0: not used */
    uint32_t times;               /* of the whole cadence; 0: for ever */
};

/* -EINVAL unless digit is one of "0123456789ABCD*#" (a to d count too). -7 dBm0 a frequency; Q.23 lets the column be
 * louder by up to 2 dB: it is, by 2. off_ms follows the tone. */
MUST_USE int tone_spec_digit(struct tone_spec *ret, char digit, uint32_t on_ms, uint32_t off_ms);
extern const struct tone_spec tone_ringback_us; /* 440 + 480 Hz, 2 s on, 4 s off */
extern const struct tone_spec tone_ringback_eu; /* 425 Hz, 1 s on, 4 s off */
extern const struct tone_spec tone_busy_us;     /* 480 + 620 Hz, 0.5 s on and off */
extern const struct tone_spec tone_busy_eu;     /* 425 Hz, 0.48 s on and off */
extern const struct tone_spec tone_beep;        /* 1000 Hz, 0.3 s, once, as before a recording */

struct tone {
    struct tone_spec spec;
    uint32_t rate_hz;
    uint32_t phase[2], step[2]; /* 2^32 is one period */
    int32_t amplitude[2];       /* of int16 */
    uint32_t burst;             /* index into on_ms and off_ms */
    uint64_t at;                /* sample inside it */
    uint32_t times;             /* cadences done */
    bool over;
};

/* rate_hz: 8000, 16000 or 24000. -EINVAL: another one, a frequency at or above half of it, or a cadence without a
 * sound. */
MUST_USE int tone_init(struct tone *t, uint32_t rate_hz, const struct tone_spec *spec);
/* The next n samples. Returns how many there were: fewer once it is over, then 0. */
size_t tone_run(struct tone *t, int16_t *out, size_t n);

#endif
