/* HMACs for the signature tests, apart because OpenSSL's err.h and ours both know an ERR_STATE. */
#ifndef TESTS_WIRE_HMAC_H
#define TESTS_WIRE_HMAC_H

#include "base/str.h"

void test_hmac_sha1(struct str key, struct span data, uint8_t ret[20]);
void test_hmac_sha256(struct str key, struct span data, uint8_t ret[32]);

#endif
