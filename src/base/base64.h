/* Standard base64 with padding, no line breaks (RFC 4648 section 4). Own table code; figures in bench/. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/str.h"

struct buf;

static inline size_t base64_enc_len(size_t n)
{
    return (n + 2) / 3 * 4;
}

/* Upper bound of the bytes that n characters decode to. */
static inline size_t base64_dec_max(size_t n)
{
    return n / 4 * 3 + 3;
}

/* Writes exactly base64_enc_len(in.n) characters, no NUL. Returns that count. */
size_t base64_encode(char *out, struct span in);
/* Appends it to out, whose sticky error tells of failure. */
void base64_put(struct buf *out, struct span in);
/* Decodes text into out (room for base64_dec_max). Padding is required. Returns bytes, or -ERR_BASE64. */
MUST_USE int base64_decode(uint8_t *out, struct str in);

#endif
