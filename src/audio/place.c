#include "audio/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define FIT_MS      4 /* a late frame may stick out of its hole by so much */
#define REFUSED_MAX 5 /* so many frames in a row that are late or doubled: the clock is wrong, not the frames */
#define STRANGE_MAX 3 /* so many in a row with an old timestamp and new sound: the clock was set back */
#define JUMPS_MAX   8 /* so often in a call: timestamps are noise */

void place_init(struct place *p)
{
    *p = (struct place){0};
}

/* Tells a frame that came twice from one that carries an old timestamp by mistake. */
static uint32_t hash_of(struct span audio)
{
    return (uint32_t)hash_bytes(0, audio);
}

static int32_t ahead(uint32_t a_ms, uint32_t b_ms)
{
    return (int32_t)(a_ms - b_ms);
}

static bool seen_before(const struct place *p, uint32_t at_ms, struct span audio)
{
    uint32_t hash = hash_of(audio);
    for (size_t i = 0; i < PLACE_SEEN; i++) {
        if (p->seen[i].n && p->seen[i].at_ms == at_ms && p->seen[i].n == audio.n && p->seen[i].hash == hash) {
            return true;
        }
    }
    return false;
}

static void remember(struct place *p, uint32_t at_ms, struct span audio)
{
    p->seen[p->seen_next].at_ms = at_ms;
    p->seen[p->seen_next].hash = hash_of(audio);
    p->seen[p->seen_next].n = (uint32_t)audio.n;
    p->seen_next = (p->seen_next + 1) % PLACE_SEEN;
}

static void add_hole(struct place *p, uint32_t from_ms, uint32_t to_ms)
{
    if (from_ms != to_ms) {
        p->holes[p->hole_next].from_ms = from_ms;
        p->holes[p->hole_next].to_ms = to_ms;
        p->hole_next = (p->hole_next + 1) % PLACE_HOLES;
    }
}

/* The frame lies in a hole that was told: what is left of it stays one, before and behind. */
static bool fill_hole(struct place *p, uint32_t at_ms, uint32_t length_ms)
{
    for (size_t i = 0; i < PLACE_HOLES; i++) {
        uint32_t from = p->holes[i].from_ms;
        uint32_t to = p->holes[i].to_ms;
        uint32_t end = at_ms + length_ms;
        if (from == to || ahead(at_ms, from) < -FIT_MS || ahead(end, to) > FIT_MS) {
            continue;
        }
        p->holes[i].to_ms = ahead(at_ms, from) > FIT_MS ? at_ms : from;
        if (ahead(to, end) > FIT_MS) {
            add_hole(p, end, to);
        }
        return true;
    }
    return false;
}

static struct place_spot take(struct place *p, enum place_kind kind, uint32_t end_ms)
{
    p->end_ms = end_ms;
    p->refused = 0;
    p->strange = 0;
    return (struct place_spot){.kind = kind};
}

/* The carrier's clock is another one from here on; what was known of the old one is void. */
static struct place_spot jump(struct place *p, uint32_t end_ms)
{
    memset(p->holes, 0, sizeof(p->holes));
    p->jumps++;
    p->deaf = p->jumps >= JUMPS_MAX;
    return take(p, PLACE_JUMP, end_ms);
}

static struct place_spot judge_old(struct place *p, uint32_t at_ms, uint32_t length_ms, struct span audio)
{
    bool doubled = seen_before(p, at_ms, audio);
    bool late = !doubled && fill_hole(p, at_ms, length_ms);
    if (!doubled && !late) {
        if (++p->strange == STRANGE_MAX) {
            return jump(p, at_ms + length_ms);
        }
        p->end_ms += length_ms; /* one wrong timestamp: the clock behind it goes on */
        return (struct place_spot){.kind = PLACE_NEXT};
    }
    if (++p->refused > REFUSED_MAX) {
        return jump(p, at_ms + length_ms);
    }
    p->doubled += doubled;
    p->late += late;
    return (struct place_spot){.kind = doubled ? PLACE_DOUBLE : PLACE_LATE, .back_ms = p->end_ms - at_ms};
}

static struct place_spot judge(struct place *p, uint32_t at_ms, uint32_t length_ms, struct span audio)
{
    int32_t off = ahead(at_ms, p->end_ms);
    int32_t jitter = (int32_t)MIN(length_ms / 2, (uint32_t)PLACE_JITTER_MS);
    if (off >= -jitter && off <= jitter) {
        return take(p, PLACE_NEXT, p->end_ms + length_ms);
    }
    if (off > PLACE_GAP_MAX || off < -PLACE_GAP_MAX) {
        return jump(p, at_ms + length_ms);
    }
    if (off < 0) {
        return judge_old(p, at_ms, length_ms, audio);
    }
    add_hole(p, p->end_ms, at_ms);
    p->gaps++;
    p->gap_ms += (uint32_t)off;
    struct place_spot spot = take(p, PLACE_GAP, at_ms + length_ms);
    spot.gap_ms = (uint32_t)off;
    return spot;
}

struct place_spot place_judge(struct place *p, uint32_t timestamp_ms, uint32_t length_ms, struct span audio)
{
    if (!p->started || p->deaf) {
        p->started = true;
        remember(p, timestamp_ms, audio);
        return take(p, PLACE_NEXT, timestamp_ms + length_ms);
    }
    struct place_spot spot = judge(p, timestamp_ms, length_ms, audio);
    if (spot.kind != PLACE_DOUBLE) {
        remember(p, timestamp_ms, audio);
    }
    return spot;
}
