/*
 * RFC 6455 frames: pure codec, no socket, no clock, no randomness. The reader unmasks in place and lends slices of
 * the bytes it was given; only an incomplete frame or a fragmented message is copied, into buffers that are freed
 * as soon as they are empty. Extensions are never negotiated, so every reserved bit is an error. Thread: any.
 */
#ifndef WIRE_WS_H
#define WIRE_WS_H

#include "base/buf.h"

#define WS_HEAD_MAX    14  /* bytes of the longest frame header */
#define WS_CONTROL_MAX 125 /* payload of a ping, pong or close frame */

enum ws_role { WS_SERVER, WS_CLIENT }; /* our side: a server receives masked frames and sends unmasked ones */

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

/* Close codes of RFC 6455 section 7.4.1 that this program uses. */
enum ws_code {
    WS_CODE_NORMAL = 1000,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_UNSUPPORTED = 1003,
    WS_CODE_NONE = 1005,     /* never on the wire: the close frame was empty */
    WS_CODE_ABNORMAL = 1006, /* never on the wire: no close frame */
    WS_CODE_UTF8 = 1007,
    WS_CODE_TOO_BIG = 1009,
};

struct ws_head {
    bool fin;
    enum ws_opcode opcode;
    bool masked;
    uint8_t mask[4]; /* in wire order */
    uint64_t len;    /* of the payload */
};

/* Writes a final frame's header (2 to 14 bytes), masked when mask is not NULL; returns its length. */
size_t ws_head_encode(uint8_t out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len, const uint8_t *mask);
/* Length of the header that ws_head_encode would write. */
size_t ws_head_len(uint64_t len, bool masked);
/* Reads a header: its length, 0 when in is too short to tell, -ERR_WS when it breaks the protocol. */
MUST_USE int ws_head_decode(struct span in, struct ws_head *ret);
/* dst = src xor mask, n bytes. dst may be src, or lie before it (also overlapping). */
void ws_mask(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t mask[4]);
bool ws_utf8_ok(struct span text);
/* May code stand in a close frame? */
bool ws_code_ok(uint16_t code);
/* Payload of a close frame: code and as much of the reason as fits, cut at a character; returns its length. */
size_t ws_close_encode(uint8_t out[WS_CONTROL_MAX], uint16_t code, struct str reason);

struct ws_reader {
    enum ws_role role;
    uint32_t max_message_bytes;
    struct buf tail;           /* an incomplete frame, from its first byte */
    struct buf message;        /* the fragments of a message so far */
    enum ws_opcode fragmented; /* WS_TEXT or WS_BINARY between fragments, else WS_CONTINUATION */
    bool spent_tail;           /* lent out by the last call, to be emptied by the next */
    bool spent_message;
    uint16_t close_code; /* what to answer after an error */
};

/* Bytes lent to the reader, modified in place and consumed from the front. */
struct ws_input {
    uint8_t *p;
    size_t n;
};

/* A whole message or control frame. */
struct ws_msg {
    enum ws_opcode opcode;
    struct span data; /* lent until the next call; of a close frame: the reason */
    uint16_t code;    /* of a close frame, WS_CODE_NONE when it was empty */
};

void ws_reader_init(struct ws_reader *r, enum ws_role role, uint32_t max_message_bytes);
void ws_reader_done(struct ws_reader *r);
/*
 * Takes the next message out of in. Returns 1 with *ret set; 0 when in is used up; -ERR_WS, -ERR_UTF8, -ERR_TOO_BIG
 * or -ENOMEM, after which close_code says what the peer is told and the reader must not be called again.
 */
MUST_USE int ws_reader_next(struct ws_reader *r, struct ws_input *in, struct ws_msg *ret);

#endif
