/*
 * TCP byte streams, plain or TLS; private to src/net. Loop thread only.
 * Handlers are called from the loop only, never by a call into the stream. A stream may be closed in any of its
 * handlers; its memory goes later, on a fresh stack. The owner calls stream_close or stream_finish exactly once.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "net/loop.h"
#include "net/tls.h"

#include <uv.h> /* after ours: it brings macros MIN and MAX of its own */

struct stream;

struct stream_handler {
    void (*on_open)(struct stream *s, void *arg);                       /* connected, TLS handshake done; optional */
    void (*on_data)(struct stream *s, uint8_t *p, size_t n, void *arg); /* lent, may be modified */
    /* 0: the peer sends no more; negative: broken. Nothing follows; the owner has to close. */
    void (*on_end)(struct stream *s, int err, void *arg);
    void (*prefetch)(const void *arg, unsigned depth); /* optional: on_data is about to come, base/prefetch.h */
};

/* host: for the check of the certificate, used when tls is not NULL */
MUST_USE int stream_connect(struct loop *loop, const struct sockaddr *addr, struct tls_ctx *tls, const char *host,
                            struct stream **ret);
MUST_USE int stream_accept(struct loop *loop, uv_stream_t *listener, struct tls_ctx *tls, struct stream **ret);
void stream_set_handler(struct stream *s, const struct stream_handler *h, void *arg);
/* One direct write; what the kernel does not take is copied and queued. -ERR_CLOSED, -ENOMEM, -errno */
MUST_USE int stream_write(struct stream *s, struct span data);
enum { STREAM_PARTS_MAX = 40 };
/* The same for up to STREAM_PARTS_MAX parts, none of them empty. */
MUST_USE int stream_write_parts(struct stream *s, const struct span *parts, size_t n);
size_t stream_queued_bytes(const struct stream *s);
/* What was read in this pass is still delivered. */
void stream_pause(struct stream *s, bool paused);
/* Drops what is queued. No handler is called any more. */
void stream_close(struct stream *s);
enum stream_fin {
    STREAM_FIN_NOW,   /* we half-close as soon as the queue is empty */
    STREAM_FIN_AFTER, /* the peer goes first */
};
/*
 * Gentle form: what is queued is still sent, what the peer sends is thrown away until it closes, at most deadline_ms
 * long. (A plain close with unread bytes makes the kernel reset the connection and destroys our last words.)
 */
void stream_finish(struct stream *s, uint32_t deadline_ms, enum stream_fin fin);
void stream_prefetch(const struct stream *s); /* something is about to be written */
struct loop *stream_loop(const struct stream *s);
bool stream_is_tls(const struct stream *s);
/* "127.0.0.1:4711", lent */
const char *stream_peer(const struct stream *s);
/* Why the TLS handshake failed, or "". */
const char *stream_error(const struct stream *s);

#endif
