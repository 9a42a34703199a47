/*
 * A fast 64-bit hash of bytes, to tell them from others and to find them again; not for secrets and not against an
 * adversary. The same on every little-endian machine. Method: products of two words folded, after wyhash by Wang Yi.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

/* seed: 0, or the hash of what came before */
uint64_t hash_bytes(uint64_t seed, struct span bytes);

#endif
