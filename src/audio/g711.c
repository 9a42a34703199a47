#include "audio/g711.h"

#include "audio/g711_avx2.h"
#include "base/cpu.h"

/* Made by tables_gen.c. The encode tables are indexed by the bits that the law looks at: 14 and 12 of 16. */
#include "g711_tables.inc"

static inline uint8_t mulaw_of(int16_t sample)
{
    return g711_mulaw_encode_table[(uint16_t)sample >> 2];
}

static inline uint8_t alaw_of(int16_t sample)
{
    return g711_alaw_encode_table[(uint16_t)sample >> 4];
}

uint8_t g711_mulaw_encode1(int16_t sample)
{
    return mulaw_of(sample);
}

uint8_t g711_alaw_encode1(int16_t sample)
{
    return alaw_of(sample);
}

/* Unrolled: the loop's own counting costs as much as the look-up. */
void g711_mulaw_decode(struct span in, int16_t *out)
{
    size_t done = cpu_has_avx2() ? g711_mulaw_decode_avx2(in, out) : 0;
#pragma GCC unroll 8
    for (size_t i = done; i < in.n; i++) {
        out[i] = g711_mulaw_table[in.p[i]];
    }
}

void g711_alaw_decode(struct span in, int16_t *out)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < in.n; i++) {
        out[i] = g711_alaw_table[in.p[i]];
    }
}

void g711_mulaw_encode(const int16_t *in, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = mulaw_of(in[i]);
    }
}

void g711_alaw_encode(const int16_t *in, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = alaw_of(in[i]);
    }
}

void g711_mulaw_to_alaw(struct span in, uint8_t *out)
{
    for (size_t i = 0; i < in.n; i++) {
        out[i] = g711_mulaw_to_alaw_table[in.p[i]];
    }
}

void g711_alaw_to_mulaw(struct span in, uint8_t *out)
{
    for (size_t i = 0; i < in.n; i++) {
        out[i] = g711_alaw_to_mulaw_table[in.p[i]];
    }
}
