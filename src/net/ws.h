/*
 * WebSocket connections (RFC 6455), both roles, over TCP or TLS. The byte codec is wire/ws.h.
 * Loop thread only. Messages are lent to the handler and lie in the loop's receive buffer.
 * Limits: message size and send queue are bounded; a peer over them is closed with 1009 / a slow one with -ERR_LIMIT.
 */
#ifndef NET_WS_H
#define NET_WS_H

#include "base/buf.h"
#include "net/loop.h"
#include "net/tls.h"

struct ws;

struct ws_close {
    int err;           /* 0: closing handshake done; -ERR_xxx or -errno: why the connection died */
    uint16_t code;     /* close code from the peer, 1005 none, 1006 no close frame */
    struct str reason; /* from the peer; when err < 0 a detail for people, may be empty; lent */
    int http_status;   /* client: status of a refused upgrade, else 0 */
};

struct ws_handler {
    /* Client only: the upgrade was answered with 101. protocol: the selected subprotocol, may be empty. Optional. */
    void (*on_open)(struct ws *ws, struct str protocol, void *arg);
    void (*on_text)(struct ws *ws, struct str text, void *arg); /* whole message, UTF-8 checked */
    /* NULL: a binary message closes with 1003. */
    void (*on_binary)(struct ws *ws, struct span data, void *arg);
    /* Last call ever made; ws is gone after it returns. */
    void (*on_closed)(struct ws *ws, const struct ws_close *why, void *arg);
    void (*on_ping)(struct ws *ws, struct span data, void *arg); /* optional; the pong is sent by itself */
    void (*prefetch)(const void *arg, unsigned depth); /* optional: a message is about to come, base/prefetch.h */
};

struct ws_opts {
    uint32_t max_message_bytes; /* 0: 1 MiB */
    uint32_t max_queue_bytes;   /* unsent bytes before -ERR_LIMIT; 0: 4 MiB */
    uint32_t ping_ms;           /* own pings; 0: none */
    uint32_t pong_deadline_ms;  /* after a ping without any byte received: close; 0: never */
    uint32_t close_deadline_ms; /* wait for the peer's close frame; 0: 2000 */
};

struct ws_client_opts {
    struct ws_opts ws;
    struct str url;               /* ws:// or wss://, with path and query */
    struct str headers;           /* extra lines, each ended by \r\n; lent until return */
    struct str protocol;          /* Sec-WebSocket-Protocol offer, may be empty */
    struct tls_ctx *tls;          /* for wss; kept (referenced); NULL: system store */
    uint32_t connect_deadline_ms; /* name lookup + TCP + TLS + upgrade; 0: 5000 */
};

/* Nothing is called before it returns. On failure nothing is called at all. */
MUST_USE int ws_connect(struct loop *loop, const struct ws_client_opts *opts, const struct ws_handler *h, void *arg,
                        struct ws **ret);

/*
 * Sending: ws_begin lends the loop's send buffer, positioned behind the frame header room; append the payload and
 * call ws_end, which writes header and mask. What is sent in one loop pass leaves at its end in one write; earlier
 * only when the buffer that all connections share is full (256 kB, or a few dozen messages in turn).
 * ws_end returns -ERR_LIMIT (queue full, the connection is being closed), -ERR_CLOSED, -ERR_STATE (not open yet), or
 * the buffer's error (-ERR_TOO_BIG, -ENOMEM: nothing was sent, the connection stays). A write that fails is told by
 * on_closed. Between begin and end append only, and begin no message of another connection. A begun message may be
 * dropped by never ending it.
 */
struct buf *ws_begin(struct ws *ws);
MUST_USE int ws_end(struct ws *ws); /* as a text message */
MUST_USE int ws_send_text(struct ws *ws, struct str text);
MUST_USE int ws_send_binary(struct ws *ws, struct span data);
MUST_USE int ws_send_ping(struct ws *ws, struct span data);
/* Something is about to be sent: base/prefetch.h. */
void ws_prefetch(const struct ws *ws, unsigned depth);
/* Bytes accepted but not yet taken by the kernel. */
size_t ws_queued_bytes(const struct ws *ws);
/* Sends a close frame, waits for the peer's up to the deadline, then on_closed. Idempotent; legal in a handler. */
void ws_close(struct ws *ws, uint16_t code, struct str reason);
/* No closing handshake: on_closed comes from the next loop pass. */
void ws_abort(struct ws *ws, int err);
/* Stops / resumes reading from the socket: backpressure, and fault injection of the test peers. */
void ws_pause_reading(struct ws *ws, bool paused);
void ws_set_arg(struct ws *ws, const struct ws_handler *h, void *arg);
/* "127.0.0.1:4711" */
const char *ws_peer(const struct ws *ws);

#endif
