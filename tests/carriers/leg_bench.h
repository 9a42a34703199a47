/*
 * A leg of any carrier and its other end. Those of telephone carriers stand on real loopback sockets, the other end of
 * which is as strict as the vendor and keeps what it is sent until the test has it heard; the leg of programs has its
 * program.
 */
#ifndef TESTS_CARRIERS_LEG_BENCH_H
#define TESTS_CARRIERS_LEG_BENCH_H

#include "base/buf.h"
#include "call/event.h"
#include "call/leg.h"
#include "carriers/embedded/embedded.h"
#include "net/ws.h"

#define BENCH_FRAME    160 /* bytes of 20 ms on a telephone */
#define BENCH_SENT_MAX 64

enum kind { TWILIO, PLIVO, EMBEDDED };

/* What came to the other end, in its order. */
struct sent {
    enum { SENT_AUDIO, SENT_MARK, SENT_CLEAR } what;
    uint8_t first; /* of the audio */
    size_t n;
    char name[32];
};

struct bench {
    enum kind kind;
    struct loop *loop;
    struct http_server *server;
    struct http_client *http;
    struct twilio *twilio;
    struct plivo *plivo;
    struct embedded *embedded;
    struct leg *leg;

    /* what the host was told */
    uint32_t starts, frames, stops, closed, transfers_failed;
    size_t media_bytes;
    uint32_t last_ms, step_ms;
    uint32_t marks[BENCH_SENT_MAX], n_marks;
    char keys[32];
    int err;
    enum call_event_type close_at; /* the handler closes the leg there; CALL_EVENT_N: nowhere */

    /* the other end */
    struct ws *ws;
    bool open, ws_closed;
    bool silent; /* it does not answer a clear */
    bool deaf;   /* it takes nothing any more */
    struct sent sent[BENCH_SENT_MAX];
    size_t n_sent, heard; /* so far they were heard, or dropped */
    uint64_t sequence, at_ms;

    size_t want;
    const uint32_t *counter;
};

/* Ready for a call; queue_bytes: what may wait for the socket, 0: as usual. */
void bench_init(struct bench *b, enum kind kind, uint32_t queue_bytes);
void bench_start(struct bench *b);
/* Both. */
void bench_up(struct bench *b, enum kind kind);
void bench_down(struct bench *b);

/* What the call wants. */
void bench_play(struct bench *b, uint8_t sound, uint32_t mark); /* 20 ms */
void bench_mark(struct bench *b, uint32_t number);
void bench_clear(struct bench *b);

/* What the other end does. */
void bench_speak(struct bench *b);           /* 20 ms of the caller */
void bench_press(struct bench *b, char key); /* of a telephone */
void bench_hang_up(struct bench *b);
void bench_deafen(struct bench *b);                /* from now on it takes nothing */
void bench_hear(struct bench *b);                  /* all that waits is heard now */
void bench_say(struct bench *b, struct buf *text); /* as it is; done with text */

/* Until a counter of the bench, or the number of things sent, is that high. */
void bench_wait_count(struct bench *b, const uint32_t *counter, size_t want);
void bench_wait_sent(struct bench *b, size_t want);
/* Until the leg has gone; until its socket has. */
void bench_wait_closed(struct bench *b);
void bench_wait_torn(struct bench *b);

#endif
