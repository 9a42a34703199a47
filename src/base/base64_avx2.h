/* The wide twins of base64.c for CPUs with AVX2, each held to the plain one by tests. Inner header of base64.c. */
#ifndef BASE_BASE64_AVX2_H
#define BASE_BASE64_AVX2_H

#include "base/str.h"

/* Encodes as many whole groups of 24 bytes as can be read safely. Returns the bytes taken; 4/3 as many were written. */
size_t base64_encode_avx2(char *out, struct span in);
/*
 * Decodes whole blocks of 32 characters, leaving at least 16 for the caller, because each store spills 8 bytes over
 * its 24. Returns the characters taken; stops before a block that holds anything but the alphabet.
 */
size_t base64_decode_avx2(uint8_t *out, struct str in);

#endif
