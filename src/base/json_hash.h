/*
 * A fingerprint of a JSON text by what it says: blanks and the order of members make no difference, everything else
 * does. Numbers and strings are compared as they are written: 1 and 1.0, or an escaped and a plain letter, may differ.
 * Not against forgery: whoever chooses texts can make two that collide.
 */
#ifndef BASE_JSON_HASH_H
#define BASE_JSON_HASH_H

#include "base/str.h"

/* A text that is no JSON counts by its bytes. Never 0. */
uint64_t json_hash(struct str text);

#endif
