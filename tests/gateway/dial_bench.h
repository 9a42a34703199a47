/*
 * A gateway that dials and the account that it dials with, of either carrier, on one loop: who is called answers as
 * the test says, by real webhooks, documents and media.
 */
#ifndef TESTS_GATEWAY_DIAL_BENCH_H
#define TESTS_GATEWAY_DIAL_BENCH_H

#include "peer/exchange/exchange.h"
#include "rig.h"

#define BENCH_TOKEN  "0123456789abcdef0123456789abcdef"
#define BENCH_OURS   "+15005550006"
#define BENCH_CALLED "+15550002222"
#define BENCH_PUBLIC "https://voice.example.com"

struct dial_bench {
    struct rig r;
    const struct phone_vendor *as;
    struct exchange *x;
    struct http_client *http;
    struct exchange_callee callee; /* whoever is called */
    char carrier[512];
    char call_id[80]; /* of the last dial */
    char sid[80];     /* the carrier's */
    uint32_t ended, answered;
    bool early; /* the agent was heard within a second of the answer */
    struct buf docs;
    struct rig_reply last;
};

/* extra: YAML, may be "". */
void dial_bench_open(struct dial_bench *b, const struct phone_vendor *as, const char *extra);
/* On a loop of the caller's, which is the bench's from now on. */
void dial_bench_open_on(struct dial_bench *b, struct loop *loop, const struct phone_vendor *as, const char *extra);
void dial_bench_close(struct dial_bench *b);
/* POST /v1/calls to BENCH_CALLED; more: ", \"key\": value". */
void dial_bench_dial(struct dial_bench *b, const char *more);
/* b->last is the record once everything is known of it. */
void dial_bench_wait(struct dial_bench *b, const char *outcome, const char *reason);
/* A webhook of the carrier's, signed with that token; its answer, free by buf_done(&reply.body). */
struct rig_reply dial_bench_hook(struct dial_bench *b, const char *path, const struct str_pair *form, size_t n,
                                 const char *token);
/* The documents that the callee's phone was given hold this. */
bool dial_bench_was_told(const struct dial_bench *b, const char *text);
void dial_bench_metric(struct dial_bench *b, const char *line);

#endif
