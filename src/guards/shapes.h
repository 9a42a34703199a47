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

#endif
