/*
 * The carrier's end of one media WebSocket: opens it as its vendor does, writes the vendor's messages with their
 * counters, checks what the server says as strictly as the vendor, and puts a simulated network (delay
 * and jitter, order kept) between the two. Not here: playout, pacing, what is said (phone.c). Loop thread only.
 *
 *     phone.c -> send -> [up link] -> ws ~~~ ws -> [down link] -> check -> handler
 */
#ifndef PEER_PHONE_STREAM_H
#define PEER_PHONE_STREAM_H

#include "net/loop.h"
#include "net/tls.h"
#include "peer/phone/phone_vendor.h"

struct phone_stream;

/* The vendor's debugger codes that a stream can earn (those of messages are in wire/twilio.h). */
enum {
    PHONE_ERR_TIMEOUT = 31901, /* no connection */
    PHONE_ERR_BROKEN = 31903,  /* died without a close frame */
    PHONE_ERR_TLS = 31910,
    PHONE_ERR_HANDSHAKE = 31920, /* answered, but not by 101 */
    PHONE_ERR_CLOSED = 31921,    /* the server closed; harmless with 1000 */
    PHONE_ERR_SCHEME = 31922,    /* neither ws nor wss */
    PHONE_ERR_PROTOCOL = 31924,  /* RFC 6455 broken */
};

struct phone_stream_end {
    bool was_open;      /* the upgrade had succeeded */
    bool ours;          /* we closed it */
    uint32_t code;      /* vendor's number; 0 when we closed it */
    uint16_t ws_code;   /* of the peer's close frame */
    int err;            /* as in struct ws_close */
    const char *detail; /* a sentence; lent */
};

struct phone_stream_handler {
    void (*on_open)(struct phone_stream *s, void *arg);
    void (*on_command)(struct phone_stream *s, const struct phone_command *cmd, void *arg);
    /* What the server did wrong; the message was ignored. code: the vendor's */
    void (*on_warning)(struct phone_stream *s, uint32_t code, const char *text, void *arg);
    void (*on_closed)(struct phone_stream *s, const struct phone_stream_end *end, void *arg); /* last */
};

struct phone_stream_opts {
    struct str url; /* ws:// or wss://, where to connect */
    const struct phone_vendor *vendor;
    uint32_t variants;     /* of it */
    struct str signature;  /* header lines; empty: none */
    struct str stream_sid; /* these are kept as copies */
    struct str call_sid;
    struct str account_sid;
    const struct str_pair *params;
    size_t n_params;
    struct tls_ctx *tls; /* NULL: the system's store */
    uint32_t delay_ms, jitter_ms;
    uint64_t seed;
};

/* Nothing is called before it returns, nothing at all on failure. */
MUST_USE int phone_stream_open(struct loop *loop, const struct phone_stream_opts *opts,
                               const struct phone_stream_handler *h, void *arg, struct phone_stream **ret);
/* Writers. connected goes out by itself; start must come first. Errors end the stream by on_closed. */
void phone_stream_start(struct phone_stream *s);
bool phone_stream_started(const struct phone_stream *s);
/* chunk: of the content, from 1; the same again for a packet that is sent twice. */
void phone_stream_media(struct phone_stream *s, uint64_t timestamp_ms, uint64_t chunk, struct span mulaw);
void phone_stream_mark(struct phone_stream *s, struct str name);
/* A clear has been carried out; nothing where the vendor does not say so. */
void phone_stream_cleared(struct phone_stream *s);
void phone_stream_key(struct phone_stream *s, char digit);
/* stop where the vendor says so, then a close frame 1000. */
void phone_stream_hang_up(struct phone_stream *s);
/* Close frame without stop (code 1000), or no handshake at all (abort). */
void phone_stream_close(struct phone_stream *s);
void phone_stream_abort(struct phone_stream *s);

#endif
