/* Texts that look like a secret: their expressions, what an expression alone cannot tell, and masking them. */
#ifndef GUARDS_SHAPES_H
#define GUARDS_SHAPES_H

#include "base/buf.h"
#include "guards/guards_opts.h"

const char *shape_pattern(enum guard_shape shape);
/* A match of the shape's expression is one indeed; narrows [from, to) to it. */
bool shape_confirm(enum guard_shape shape, struct str text, uint32_t *from, uint32_t *to);

struct guard_mask;

/* Masks texts by these shapes (bits); one thread at a time. -ENOMEM */
MUST_USE int guard_mask_new(uint32_t shapes, struct guard_mask **ret);
struct guard_mask *guard_mask_free(struct guard_mask *m);
/*
 * Appends text with every such thing replaced by "***"; an api key keeps its "sk-". Returns how many there were.
 * What cannot be looked through in time is left out whole. out's sticky error tells of memory.
 */
uint32_t guard_mask_put(struct guard_mask *m, struct str text, struct buf *out);

/* A text that comes in pieces: what may still become a secret waits for the next one. */
struct mask_stream {
    struct buf text; /* its end: what was given out already and stands before the rest, then what waits */
    uint32_t from;   /* where it begins to wait */
};

void mask_stream_init(struct mask_stream *s);
void mask_stream_done(struct mask_stream *s);
/* Appends to out what is sure behind this piece; final: all that waits, and the stream is empty again. Memory that is
 * not there, or a text of more than 64 kB that never becomes sure, comes out as "***". */
void guard_mask_more(struct guard_mask *m, struct mask_stream *s, struct str piece, bool final, struct buf *out);

#endif
