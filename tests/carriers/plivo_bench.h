/*
 * The Plivo carrier under test on a real loopback socket: a server that mounts it, a host that writes down what it is
 * told, and the carrier's end of one media socket, strict as the vendor.
 */
#ifndef TESTS_CARRIERS_PLIVO_BENCH_H
#define TESTS_CARRIERS_PLIVO_BENCH_H

#include "base/buf.h"
#include "call/leg_ops.h"
#include "carriers/plivo/plivo.h"
#include "net/ws.h"

#define SID "s-1"
#define START                                                                                                          \
    "{\"event\":\"start\",\"sequenceNumber\":0,\"start\":{\"callId\":\"c-1\",\"streamId\":\"" SID                      \
    "\",\"accountId\":\"7\",\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":"  \
    "8000}},\"extra_headers\":\"{X-PH-tier: gold}\"}"
#define MEDIA(ts, payload)                                                                                             \
    "{\"event\":\"media\",\"sequenceNumber\":2,\"streamId\":\"" SID                                                    \
    "\",\"media\":{\"track\":\"inbound\",\"timestamp\":"                                                               \
    "\"" ts "\",\"chunk\":1,\"payload\":\"" payload "\"}}"
/* 160 bytes of silence */
#define S40   "////////////////////////////////////////"
#define FRAME S40 S40 S40 S40 S40 "/////////////w=="

struct plivo_bench {
    struct loop *loop;
    struct http_server *server;
    struct plivo *plivo;
    struct plivo_opts o;
    struct leg *leg;
    struct buf log; /* what the host was told */
    struct buf got; /* what the carrier got: A first-byte, C name, X for a clear, K keys */
    bool gone;
    int gone_err;
    struct ws *ws;
    bool open, closed;
    uint16_t code;
    char reason[128];
    const char *want;
};

void plivo_open_bench(struct plivo_bench *b); /* and dials; waits until it is open */
void plivo_open_leg(struct plivo_bench *b);   /* and says start; waits for the leg */
void plivo_close_bench(struct plivo_bench *b);
void plivo_say(struct plivo_bench *b, const char *text);
/* Waits for as much as that, compares, and forgets it. */
void plivo_wait_got(struct plivo_bench *b, const char *want);
void plivo_wait_log(struct plivo_bench *b, const char *want);
void plivo_play(struct plivo_bench *b, uint8_t sound, size_t n, uint32_t mark);
void plivo_mark(struct plivo_bench *b, uint32_t number);
void plivo_clear(struct plivo_bench *b);
bool plivo_is_closed(void *arg);
bool plivo_is_gone(void *arg);

#endif
