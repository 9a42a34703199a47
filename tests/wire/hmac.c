#include "hmac.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void test_hmac_sha1(struct str key, struct span data, uint8_t ret[20])
{
    unsigned n = 0;
    unsigned char *done = HMAC(EVP_sha1(), key.p, (int)key.n, data.p, data.n, ret, &n);
    assert(done && n == 20);
}

void test_hmac_sha256(struct str key, struct span data, uint8_t ret[32])
{
    unsigned n = 0;
    unsigned char *done = HMAC(EVP_sha256(), key.p, (int)key.n, data.p, data.n, ret, &n);
    assert(done && n == 32);
}
