/*
 * ITU-T G.711 mu-law and A-law to and from 16-bit linear samples, by table. Pure; tables are const once loaded.
 * Scale: linear full scale is int16 (mu-law reaches +-32124, A-law +-32256). Thread: any. Allocates: no.
 */
#ifndef AUDIO_G711_H
#define AUDIO_G711_H

#include "base/str.h"

extern const int16_t g711_mulaw_table[256];
extern const int16_t g711_alaw_table[256];
extern const uint8_t g711_mulaw_to_alaw_table[256];
extern const uint8_t g711_alaw_to_mulaw_table[256];

static inline int16_t g711_mulaw_decode1(uint8_t code)
{
    return g711_mulaw_table[code];
}

static inline int16_t g711_alaw_decode1(uint8_t code)
{
    return g711_alaw_table[code];
}

uint8_t g711_mulaw_encode1(int16_t sample);
uint8_t g711_alaw_encode1(int16_t sample);

/* Blocks: out has room for as many samples (bytes) as come in. in and out of the last two may be the same memory. */
void g711_mulaw_decode(struct span in, int16_t *out);
void g711_alaw_decode(struct span in, int16_t *out);
void g711_mulaw_encode(const int16_t *in, size_t n, uint8_t *out);
void g711_alaw_encode(const int16_t *in, size_t n, uint8_t *out);
void g711_mulaw_to_alaw(struct span in, uint8_t *out);
void g711_alaw_to_mulaw(struct span in, uint8_t *out);

#endif
