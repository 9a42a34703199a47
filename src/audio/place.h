/*
 * Where a frame belongs on the media clock, by the carrier's timestamp: next, after a gap, late into a gap, or a second
 * time. Timestamps that only jitter are smoothed over; a clock that starts anew or makes no sense is not believed, and
 * its audio is taken as it comes: no wrong timestamp may silence a caller. One struct per leg. Pure. Thread: any.
 * Allocates: no.
 */
#ifndef AUDIO_PLACE_H
#define AUDIO_PLACE_H

#include "base/str.h"

#define PLACE_JITTER_MS 10    /* a timestamp off by no more is jitter; the drift adds up until it is more */
#define PLACE_GAP_MAX   10000 /* ms; a longer jump is a new clock */
#define PLACE_HOLES     8
#define PLACE_SEEN      32

enum place_kind {
    PLACE_NEXT,   /* follows the last one */
    PLACE_GAP,    /* follows after gap_ms that did not come */
    PLACE_LATE,   /* belongs back_ms before the end, into a gap told before; whoever streams drops it */
    PLACE_DOUBLE, /* came already, byte by byte: drop it */
    PLACE_JUMP,   /* the carrier's clock began anew here: as NEXT, how much is missing is unknown */
};

struct place_spot {
    enum place_kind kind;
    uint32_t gap_ms;  /* of PLACE_GAP */
    uint32_t back_ms; /* of PLACE_LATE: from the end of what is placed to the start of this frame */
};

struct place {
    bool started;
    bool deaf;       /* timestamps are not believed any more */
    uint32_t end_ms; /* on the carrier's clock: where the next frame is expected */
    uint32_t jumps;
    uint32_t refused; /* frames in a row that were late or doubled */
    uint32_t strange; /* frames in a row with an old timestamp and new sound */
    struct {
        uint32_t from_ms, to_ms; /* empty when equal */
    } holes[PLACE_HOLES];
    struct {
        uint32_t at_ms, hash, n;
    } seen[PLACE_SEEN];
    uint32_t hole_next, seen_next;
    uint32_t gaps, gap_ms, late, doubled; /* counters */
};

void place_init(struct place *p);
/*
 *   timestamp_ms  the carrier's, of the frame's first sample; wraps around
 *   length_ms     of the frame
 */
struct place_spot place_judge(struct place *p, uint32_t timestamp_ms, uint32_t length_ms, struct span audio);

#endif
