/*
 * Level of a slot of sound in four octave bands (250 to 500 Hz, to 1, 2 and 4 kHz) and over all of them, for the echo
 * guard: integers only, a few operations a sample. What lies below 250 Hz (hum, DC) is left out. Levels are an
 * eighth of an octave of power, 0.376 dB, a step. Pure. Allocates: no.
 */
#ifndef AUDIO_ECHO_BANK_H
#define AUDIO_ECHO_BANK_H

#include "base/defs.h"

#define ECHO_BANDS     4
#define ECHO_SLOT_MAX  240 /* samples: 10 ms at 24 kHz */
#define ECHO_LEVEL_MAX 255
/* Steps of level in a number of dB. */
#define ECHO_STEPS(db) (((db)*2657 + 500) / 1000)
/* The level of speech or noise at so many dBFS: full scale power is 2^30, and the filters add about 4 dB. */
#define ECHO_DBFS(db) (240 + ECHO_STEPS(4) - ECHO_STEPS(-(db)))

/* What the filters remember between slots that follow each other. */
struct echo_bank {
    int16_t sample[ECHO_BANDS];
    int16_t detail[ECHO_BANDS];
};

struct echo_level {
    uint8_t band[ECHO_BANDS];
    uint8_t all;
};

/* Eight times the binary logarithm of power, by straight lines between the octaves; 0 for 0 and 1. */
uint8_t echo_log8(uint64_t power);
/*
 * Levels of n samples at 8 kHz times decimation (1 to 3); at most ECHO_SLOT_MAX. Higher rates are averaged down first:
 * the telephone's band is what matters.
 */
struct echo_level echo_bank_run(struct echo_bank *b, const int16_t *pcm, size_t n, uint32_t decimation);

#endif
