/* A byte queue in blocks: grows and shrinks with what waits in it, one spare block is kept. Not a ring, no copy on
 * growth. Blocks are small, and all of one size: what one queue gives back fits the next one. */
#ifndef BASE_FIFO_H
#define BASE_FIFO_H

#include "base/str.h"

#define FIFO_BLOCK_BYTES 1008 /* a sixteenth of a second at most is room that nobody uses */

struct fifo_block;

struct fifo {
    struct fifo_block *first, *last, *spare;
    size_t len;
};

void fifo_init(struct fifo *f);
void fifo_done(struct fifo *f);
void fifo_clear(struct fifo *f);
/* All or nothing. -ENOMEM */
MUST_USE int fifo_put(struct fifo *f, struct span data);
/* Puts data before everything that waits. All or nothing. -ENOMEM */
MUST_USE int fifo_put_front(struct fifo *f, struct span data);
/* Moves the first n bytes (n <= len) to out; out NULL drops them. */
void fifo_take(struct fifo *f, void *out, size_t n);
/* Copies n bytes from at on (at + n <= len); they stay. */
void fifo_copy(const struct fifo *f, size_t at, void *out, size_t n);
/* Takes n bytes out from at on (at + n <= len): what lies behind them moves up. */
void fifo_cut(struct fifo *f, size_t at, size_t n);
/* Both ends, then where the next byte goes: base/prefetch.h. */
void fifo_prefetch(const struct fifo *f, unsigned depth);

#endif
