/* The one door to OpenSSL's headers, private to src/net: a type of theirs has the name of one of our errors. */
#ifndef NET_OPENSSL_H
#define NET_OPENSSL_H

#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#endif
