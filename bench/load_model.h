/*
 * The model end of the load run: an OpenAI Realtime server of canned answers that knows when it sent what. Each session
 * speaks without end: answers of 12 s at four times real time in uneven deltas with transcript events, cut after 10 s
 * by a barge-in (input_audio_buffer.speech_started) and followed by the next one. With "turn_detection": null it says
 * only what it is asked for: turns are found, committed and interrupted by the gateway. Not here: a model for anything
 * else than measuring (ringtrip-sandbox --canned is one).
 *
 * Blocks of 160 mu-law bytes carry a stamp in their first bytes, so that both ends recognise them:
 *     0x5A kind  session or call (2)  answer (1)  number (3)  exclusive or of the bytes before (1)
 */
#ifndef BENCH_LOAD_MODEL_H
#define BENCH_LOAD_MODEL_H

#include "load_stat.h"
#include "net/loop.h"
#include "net/tls.h"

#define STAMP_BYTES   9
#define BLOCK_BYTES   160
#define STAMP_UP      0xA1
#define STAMP_DOWN    0xB2
#define ANSWER_BLOCKS 600 /* 12 s */
#define ANSWERS       256

struct stamp {
    uint8_t kind, answer;
    uint16_t id;
    uint32_t number;
};

/* Fills a block: stamp, then noise at the level of speech. */
void block_fill(uint8_t block[BLOCK_BYTES], struct stamp s);
/* False when there is none at p. */
bool stamp_read(const uint8_t *p, struct stamp *ret);

struct load_model;

struct load_model_handler {
    /* An uplink block has arrived. */
    void (*on_block)(struct stamp s, uint64_t now_us, void *arg);
    /* The gateway has committed a turn that its own detector found. */
    void (*on_commit)(uint16_t session, uint64_t now_us, void *arg);
};

/* port 0: any free one. tls NULL: plain. */
MUST_USE int load_model_open(struct loop *loop, uint16_t port, struct tls_ctx *tls, const struct load_model_handler *h,
                             void *arg, struct load_model **ret);
uint16_t load_model_port(const struct load_model *m);
/* When the first block of that answer was sent; 0 when unknown. */
uint64_t load_model_sent_us(const struct load_model *m, uint16_t session, uint8_t answer);

struct load_model_counts {
    uint32_t sessions; /* now */
    uint64_t answers, barge_ins, errors_sent, unknown_events;
};
struct load_model_counts load_model_counts(const struct load_model *m);
/* Before loop_free, and after it: the loop closes the sockets that are left. */
void load_model_close(struct load_model *m);
void load_model_free(struct load_model *m);

#endif
