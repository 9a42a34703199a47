/*
 * Arena: memory that is freed all at once. Set-up of a call, scratch of one event. Not for the 20 ms path unless
 * it is reset in between. Limits: max_bytes given at birth; past it arena_alloc returns NULL.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used_bytes; /* of all blocks */
    size_t max_bytes;
};

void arena_init(struct arena *a, size_t max_bytes);
void arena_done(struct arena *a);
/* Empties; keeps the largest block, so that a steady user soon allocates nothing. */
void arena_reset(struct arena *a);
/* Zeroed, 16-byte aligned. NULL when out of memory or over the limit. */
void *arena_alloc(struct arena *a, size_t n);
/* The same, not zeroed: for what is written over at once. */
void *arena_raw(struct arena *a, size_t n);
/* Copy with a closing NUL; p NULL on failure. */
struct str arena_str(struct arena *a, struct str s);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))

#endif
