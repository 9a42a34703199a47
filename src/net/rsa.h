/*
 * A private RSA key, and signatures with it (RSASSA-PKCS1-v1_5 with SHA-256, which JSON web tokens call RS256). Signing
 * costs a millisecond and more: for a job thread. Thread: any, one key by one thread at a time. OpenSSL behind.
 */
#ifndef NET_RSA_H
#define NET_RSA_H

#include "base/buf.h"

struct rsa_key;

/* PEM, PKCS#8 or PKCS#1, without a passphrase, 1024 bits at least. -ERR_SYNTAX; -ERR_TYPE: of another kind; -ENOMEM */
MUST_USE int rsa_key_new(struct str pem, struct rsa_key **ret);
/* Appends the signature's bytes. -ENOMEM and whatever is wrong with out. */
MUST_USE int rsa_sign_sha256(const struct rsa_key *key, struct span data, struct buf *out);
/* Forgets the key's bytes. NULL is fine. */
struct rsa_key *rsa_key_free(struct rsa_key *key);
DEFINE_CLEANUP(struct rsa_key, rsa_key_free);

#endif
