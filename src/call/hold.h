/*
 * Caller audio that may have to be given to a model (again): bytes in the leg's format, oldest first, and where in them
 * turns end. What lies behind the last end is the open part: a turn under way, or the moments before one. A turn has a
 * tag, once the service has named it, and is known when its words are: then the words stand for the sound.
 */
#ifndef CALL_HOLD_H
#define CALL_HOLD_H

#include "base/fifo.h"

#define HOLD_TURNS 8

struct hold_turn {
    size_t end;   /* offset in bytes; ascending */
    uint64_t tag; /* 0: not named yet */
    bool known;
};

struct hold {
    struct fifo bytes;
    size_t max_bytes;
    int err; /* 0, -ENOMEM or -ERR_TOO_BIG; sticky */
    struct hold_turn turns[HOLD_TURNS];
    uint32_t n_turns;
    uint32_t dropped; /* turns that were settled so far */
};

void hold_init(struct hold *h, size_t max_bytes);
void hold_done(struct hold *h);
/* Empty, without an error. */
void hold_clear(struct hold *h);
/* Bytes of the open part. */
size_t hold_open(const struct hold *h);
/* h->err tells. */
void hold_put(struct hold *h, struct span audio);
/* Takes n bytes out of the open part, at bytes behind its begin. */
void hold_cut(struct hold *h, size_t at, size_t n);
/* Shortens the open part to its last keep bytes; returns how many were dropped. Turns stay. */
size_t hold_trim(struct hold *h, size_t keep);

/* The open part is a turn; an empty one is none. When there are too many, the two oldest become one. */
void hold_end_turn(struct hold *h, uint64_t tag);
/* Names the oldest turn that has no name. */
void hold_name(struct hold *h, uint64_t tag);
/* The words of this turn are known. True: it was here. */
bool hold_known(struct hold *h, uint64_t tag);
/* The first turns, up to this number counted from the very first one, are not needed any more. */
void hold_settle(struct hold *h, uint32_t upto);
uint32_t hold_count(const struct hold *h); /* turns ever ended: what settles all of them */
bool hold_owes(const struct hold *h);      /* a turn is here whose words are not known */
/* The turn at index, and its bytes into out. */
size_t hold_turn_bytes(const struct hold *h, uint32_t index);
void hold_turn_copy(const struct hold *h, uint32_t index, uint8_t *out);

/* Everything of the later one goes behind what is here, turns and open part; later is empty then. */
void hold_join(struct hold *h, struct hold *later);

#endif
