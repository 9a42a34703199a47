#include "net/rsa.h"

#include <limits.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/openssl.h"

#define BITS_MIN 1024

struct rsa_key {
    EVP_PKEY *pkey;
};

/* Without it OpenSSL asks for a passphrase on the terminal. */
static int no_passphrase(char *buf UNUSED, int size UNUSED, int writing UNUSED, void *arg UNUSED)
{
    return -1;
}

static EVP_PKEY *read_pem(struct str pem)
{
    BIO *bio = pem.n > 0 && pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

int rsa_key_new(struct str pem, struct rsa_key **ret)
{
    EVP_PKEY *pkey = read_pem(pem);
    if (!pkey) {
        return -ERR_SYNTAX;
    }
    bool fits = EVP_PKEY_base_id(pkey) == EVP_PKEY_RSA && EVP_PKEY_bits(pkey) >= BITS_MIN;
    struct rsa_key *key = fits ? calloc(1, sizeof(*key)) : NULL;
    if (!key) {
        EVP_PKEY_free(pkey);
        return fits ? -ENOMEM : -ERR_TYPE;
    }
    key->pkey = pkey;
    *ret = key;
    return 0;
}

int rsa_sign_sha256(const struct rsa_key *key, struct span data, struct buf *out)
{
    size_t n = (size_t)EVP_PKEY_size(key->pkey);
    uint8_t *room = buf_room(out, n);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = room && ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
              EVP_DigestSign(ctx, room, &n, data.p, data.n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    if (!ok) {
        return out->err < 0 ? out->err : -ENOMEM;
    }
    buf_added(out, n);
    return 0;
}

struct rsa_key *rsa_key_free(struct rsa_key *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey); /* OpenSSL overwrites private numbers */
        free(key);
    }
    return NULL;
}
