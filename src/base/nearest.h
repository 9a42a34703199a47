/* How far a word is from one that is known, as people mistype: "did you mean ...?". */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/str.h"

/* No slip: the words have nothing to do with each other, or one is longer than this. */
#define NEAREST_NONE 40u

/*
 * Edits (insert, delete, replace, swap of neighbours) from word to known when that is near enough to be a slip: up to a
 * third of the word, or one is the beginning of the other; else NEAREST_NONE. Bytes, not characters.
 */
uint32_t nearest_slip(struct str word, struct str known);

#endif
