/*
 * One TLS connection as a pure engine over memory: bytes from the peer are lent by tls_feed, bytes for the peer are
 * appended to out. No socket here. Used by stream.c only.
 */
#ifndef NET_TLS_IMPL_H
#define NET_TLS_IMPL_H

#include "net/tls.h"

struct tls_session;

/* host: client: the name or address that the peer's certificate must carry; NULL: server. keeps ctx */
MUST_USE int tls_session_new(struct tls_ctx *ctx, const char *host, struct tls_session **ret);
struct tls_session *tls_session_free(struct tls_session *t);
/* Lends ciphertext; the calls that follow use it up, unless they fail. */
void tls_feed(struct tls_session *t, const uint8_t *p, size_t n);
/* 1 done, 0 needs more from the peer, -ERR_TLS. out may have to be sent in every case (alerts). */
MUST_USE int tls_handshake(struct tls_session *t, struct buf *out);
/* Decrypts as many records as fit into p; 0: needs more; -ERR_CLOSED: close_notify; -ERR_TLS */
MUST_USE int tls_read(struct tls_session *t, uint8_t *p, size_t cap, struct buf *out);
MUST_USE int tls_write(struct tls_session *t, struct span data, struct buf *out);
void tls_close_notify(struct tls_session *t, struct buf *out);
/* A sentence about the last failure: why the certificate was refused. Never NULL. */
const char *tls_session_error(const struct tls_session *t);

#endif
