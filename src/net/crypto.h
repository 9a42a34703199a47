/* Hashes, HMAC, randomness and encodings for all edges (OpenSSL behind). Thread: any. */
#ifndef NET_CRYPTO_H
#define NET_CRYPTO_H

#include "base/buf.h"

void crypto_sha1(struct span data, uint8_t ret[20]);
void crypto_sha256(struct span data, uint8_t ret[32]);
void crypto_hmac_sha1(struct span key, struct span data, uint8_t ret[20]);
void crypto_hmac_sha256(struct span key, struct span data, uint8_t ret[32]);
/* Aborts the process when the kernel gives no randomness. */
void crypto_random(void *p, size_t n);
/* Constant time in the contents (not in the length). */
bool crypto_equal(struct span a, struct span b);
/* Lower-case hex with a closing NUL: out has room for 2 n + 1. */
void crypto_hex(struct span in, char *out);
/* Unpadded base64url with a closing NUL; out has room for (n * 4 + 2) / 3 + 1. */
void crypto_base64url(struct span in, char *out);

#endif
