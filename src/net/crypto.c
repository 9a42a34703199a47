#include "net/crypto.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/err.h"
#include "net/openssl.h"

/* These fail only when the library itself is unusable; no caller could go on with a wrong digest. */
static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

void crypto_sha1(struct span data, uint8_t ret[20])
{
    require(EVP_Digest(data.p, data.n, ret, NULL, EVP_sha1(), NULL) == 1);
}

void crypto_sha256(struct span data, uint8_t ret[32])
{
    require(EVP_Digest(data.p, data.n, ret, NULL, EVP_sha256(), NULL) == 1);
}

static void hmac(const EVP_MD *md, struct span key, struct span data, uint8_t *ret)
{
    require(key.n <= INT_MAX);
    /* A NULL key means "the previous one" to OpenSSL, not an empty one. */
    const void *k = key.p ? (const void *)key.p : "";
    require(HMAC(md, k, (int)key.n, data.p, data.n, ret, NULL) != NULL);
}

void crypto_hmac_sha1(struct span key, struct span data, uint8_t ret[20])
{
    hmac(EVP_sha1(), key, data, ret);
}

void crypto_hmac_sha256(struct span key, struct span data, uint8_t ret[32])
{
    hmac(EVP_sha256(), key, data, ret);
}

void crypto_random(void *p, size_t n)
{
    uint8_t *at = p;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        require(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        }
    }
}

bool crypto_equal(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

void crypto_hex(struct span in, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.n; i++) {
        *out++ = digits[in.p[i] >> 4];
        *out++ = digits[in.p[i] & 15];
    }
    *out = '\0';
}

void crypto_base64url(struct span in, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < in.n; i += 3) {
        size_t left = MIN(in.n - i, (size_t)3);
        uint32_t bits = (uint32_t)in.p[i] << 16;
        bits |= left > 1 ? (uint32_t)in.p[i + 1] << 8 : 0;
        bits |= left > 2 ? in.p[i + 2] : 0;
        for (size_t k = 0; k <= left; k++) {
            *out++ = digits[bits >> (18 - 6 * k) & 63];
        }
    }
    *out = '\0';
}
