#include "audio/echo_bank.h"

uint8_t echo_log8(uint64_t power)
{
    if (power < 2) {
        return 0;
    }
    int octave = 63 - __builtin_clzll(power);
    uint64_t part = octave >= 3 ? power >> (octave - 3) : power << (3 - octave);
    int level = octave * 8 + (int)(part & 7);
    return (uint8_t)MIN(level, ECHO_LEVEL_MAX);
}

/*
 * One step of the tree, a 5/3 lifting pair: detail is what a sample differs from its neighbours' mean (the upper half
 * of the band), smooth is the rest at half the rate, written over the input. Returns the energy of the details.
 */
static uint64_t split(int32_t *x, size_t pairs, int32_t *sample, int32_t *detail)
{
    int32_t before = *sample;
    int32_t last = *detail;
    uint64_t energy = 0;
    for (size_t i = 0; i < pairs; i++) {
        int32_t behind = x[2 * i + 1];
        int32_t d = x[2 * i] - ((before + behind) >> 1);
        x[i] = before + ((last + d) >> 2);
        energy += (uint64_t)((int64_t)d * d);
        before = behind;
        last = d;
    }
    *sample = before;
    *detail = last;
    return energy;
}

static size_t decimate(int32_t *x, const int16_t *pcm, size_t n, uint32_t decimation)
{
    if (decimation == 1) {
        for (size_t i = 0; i < n; i++) {
            x[i] = pcm[i];
        }
        return n;
    }
    size_t out = n / decimation;
    for (size_t i = 0; i < out; i++) {
        int32_t sum = 0;
        for (uint32_t k = 0; k < decimation; k++) {
            sum += pcm[i * decimation + k];
        }
        x[i] = sum / (int32_t)decimation;
    }
    return out;
}

struct echo_level echo_bank_run(struct echo_bank *b, const int16_t *pcm, size_t n, uint32_t decimation)
{
    int32_t x[ECHO_SLOT_MAX];
    struct echo_level level = {{0}, 0};
    size_t pairs = decimate(x, pcm, MIN(n, (size_t)ECHO_SLOT_MAX), decimation) / 2;
    uint64_t all = 0;
    for (int i = ECHO_BANDS - 1; i >= 0; i--) {
        uint64_t power = split(x, pairs, &b->sample[i], &b->detail[i]) / MAX(pairs, 1u);
        level.band[i] = echo_log8(power);
        all += power;
        pairs /= 2;
    }
    level.all = echo_log8(all);
    return level;
}
