/* What ws.c, ws_connect.c and the HTTP server share of a WebSocket connection; private to src/net. */
#ifndef NET_WS_IMPL_H
#define NET_WS_IMPL_H

#include "net/loop_impl.h"
#include "net/stream.h"
#include "net/ws.h"
#include "wire/ws.h"

enum ws_state {
    WS_CONNECTING, /* client: until the 101 */
    WS_OPEN,
    WS_CLOSING, /* our close frame is out, the peer's is awaited; messages are no longer delivered */
    WS_DEAD,    /* on_closed is due in the next pass */
};

struct ws_connecting;

struct ws {
    struct loop *loop;
    const struct ws_handler *handler;
    void *arg;
    struct stream *stream;
    struct ws_connecting *connecting; /* client: only in WS_CONNECTING */
    enum ws_state state;
    enum ws_role role;
    struct ws_opts opts;
    struct ws_reader reader;
    uint64_t mask_state;
    bool paused;
    size_t in_runs;   /* bytes of ours in the loop's send buffer */
    struct buf early; /* bytes that came together with the upgrade request */
    struct timer *timer;
    uint64_t last_rx_us;
    uint64_t ping_due_us;
    uint64_t ping_sent_us; /* of the oldest ping that nothing followed; 0: none */
    uint64_t close_due_us;
    struct loop_task task; /* server: feeds early; client: starts the connection to a literal address */
    struct loop_task finish;
    struct loop_item item;
    struct ws_close why;
    char *reason; /* owned copy behind why.reason */
    char peer[64];
};

enum { WS_KEY_TEXT = 24, WS_ACCEPT_TEXT = 28 };

/* Sec-WebSocket-Accept for a key, with a closing NUL. */
void ws_accept_key(struct str key, char ret[WS_ACCEPT_TEXT + 1]);
MUST_USE int ws_new(struct loop *loop, enum ws_role role, const struct ws_opts *opts, const struct ws_handler *h,
                    void *arg, struct ws **ret);
/* Only for a ws that nobody has got yet; ws_die ends all others. */
void ws_free(struct ws *ws);
/* Server side: takes the stream after the 101 was written. early: bytes behind the request, copied. On failure the
 * stream stays the caller's. */
MUST_USE int ws_adopt(struct stream *stream, struct span early, const struct ws_opts *opts, const struct ws_handler *h,
                      void *arg, struct ws **ret);
/* The stream belongs to an open WebSocket from now on. */
void ws_start(struct ws *ws, struct stream *stream);
void ws_receive(struct ws *ws, uint8_t *p, size_t n);
MUST_USE int ws_send_frame(struct ws *ws, enum ws_opcode opcode, struct span data);
/* Writes now what would leave at the end of the pass. A failure ends ws: look at its state. */
void ws_flush(struct ws *ws);
/* Throws away what has not left. */
void ws_forget_unsent(struct ws *ws);
/* Ends ws: on_closed comes from the next pass. detail is copied. */
void ws_die(struct ws *ws, int err, struct str detail);
/* Gives up what belongs to the connecting phase. NULL is fine. */
struct ws_connecting *ws_connecting_free(struct ws_connecting *c);

#endif
