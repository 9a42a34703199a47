/*
 * What fills a hole in the caller's audio, so that no detector sees a step where a packet was lost: the last period of
 * the voice repeated and faded out over 60 ms, or noise as loud as what was lost when it had no pitch; then noise at
 * the level and of the colour of the line's own floor, -42 dBFS at most. When audio comes back, its first 4 ms are
 * blended. Before anything was heard, and on a line that is digitally silent between words, it ends in plain silence.
 *
 * Pure, integers only. One struct per leg. At most 0.03 ms of CPU per second heard. Thread: any, one call at a time per
 * struct. Allocates: no.
 */
#ifndef AUDIO_COMFORT_H
#define AUDIO_COMFORT_H

#include "audio/hush.h"

#define COMFORT_HISTORY_MS 36 /* two periods of the lowest voice that is followed, and a little */
#define COMFORT_FADE_MS    60
#define COMFORT_BLEND_MS   4
#define COMFORT_ROOM_MS    (COMFORT_HISTORY_MS + HUSH_MS)
#define COMFORT_ROOM_MAX   (24 * COMFORT_ROOM_MS)

struct comfort {
    uint32_t rate_hz;
    int16_t *history;  /* lent */
    uint32_t n;        /* samples in it, the last one is the newest */
    uint64_t position; /* samples heard and filled */
    uint32_t gap;      /* samples filled since audio was last heard; 0: no hole now */
    uint32_t period;   /* of the voice in samples, found at the start of a hole; 0: it has none */
    int32_t level;     /* mean magnitude just before the hole */
    int32_t floor;     /* mean magnitude of the quietest frame of the last second or two; below 0: not known */
    int32_t low;       /* of the present second */
    uint32_t window;   /* samples into it */
    struct hush hush;
    uint64_t quiet, flat; /* samples: at rest, as hush heard them; of digital silence */
};

/* Samples that a struct of this rate needs room for: 2.2 kB at 8000 Hz. */
static inline size_t comfort_room(uint32_t rate_hz)
{
    return (size_t)rate_hz / 1000 * COMFORT_ROOM_MS;
}
/* rate_hz: 8000, 16000 or 24000. room: so many samples, which the struct uses as long as it lives. */
void comfort_init(struct comfort *c, uint32_t rate_hz, int16_t *room);
/* Samples of the caller, in order, 10 to 60 ms at a time. After a hole the first COMFORT_BLEND_MS change, in place. */
void comfort_hear(struct comfort *c, int16_t *pcm, size_t n);
/* The next n samples of a hole. */
void comfort_fill(struct comfort *c, int16_t *out, size_t n);
/* The next n samples of the line at rest, in the place of what nobody shall hear: no voice is carried on. */
void comfort_rest(struct comfort *c, int16_t *out, size_t n);
/*
 * Digital silence that a carrier sends in place of packets in which it hears nobody: a detector takes the step out of
 * it for an onset. True: the line at rest stands in pcm now. False: it is sound, or this line is silent between words;
 * give it to comfort_hear.
 */
bool comfort_bridge(struct comfort *c, int16_t *pcm, size_t n);

#endif
