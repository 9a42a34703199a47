/* TLS by OpenSSL: contexts for servers and clients. Streams use them; nobody else sees OpenSSL. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"

struct tls_ctx; /* reference counted, immutable after creation */

/* Server context from PEM files. ret_err gets a sentence for people on failure. -ERR_TLS */
MUST_USE int tls_server_new(const char *cert_file, const char *key_file, struct buf *ret_err, struct tls_ctx **ret);
/* Client context; peers are verified against ca_file, or the system's store when NULL. */
MUST_USE int tls_client_new(const char *ca_file, struct buf *ret_err, struct tls_ctx **ret);
struct tls_ctx *tls_ref(struct tls_ctx *ctx);
struct tls_ctx *tls_unref(struct tls_ctx *ctx);

#endif
