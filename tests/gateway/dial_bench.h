/*
 * A gateway that dials and the account that it dials with, of either carrier, on one loop: who is called answers as
 * the test says, by real webhooks, documents and media.
 */
#ifndef TESTS_GATEWAY_DIAL_BENCH_H
#define TESTS_GATEWAY_DIAL_BENCH_H

#include "over_carriers.h"
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
    char called[64];  /* the number */
    uint32_t ended, answered;
    bool heard; /* the agent was */
    struct buf docs;
    struct buf heard_audio; /* mu-law that the callee's phone got, of all calls since the last dial */
    struct rig_reply last;
};

struct dial_bench_opts {
    const struct phone_vendor *as;
    const char *extra, *records, *dialogue; /* as those of the rig; NULL: none */
    uint32_t variants;                      /* of the vendor, PHONE_VARIANT_LIST */
    struct loop *loop;                      /* the bench's from now on; NULL: a new one */
};
void dial_bench_open_with(struct dial_bench *b, const struct dial_bench_opts *o);
/* extra: YAML, may be "". */
void dial_bench_open(struct dial_bench *b, const struct phone_vendor *as, const char *extra);
/* The account took everything that it was asked, as the vendor would. */
void dial_bench_close(struct dial_bench *b);
/* The answer to POST /v1/calls; headers: lines ended by \r\n, may be "". */
struct rig_reply dial_bench_ask(struct dial_bench *b, const char *body, const char *headers);
/* POST /v1/calls to BENCH_CALLED; more: ", \"key\": value". */
void dial_bench_dial(struct dial_bench *b, const char *more);
/* Looks again and again, with the loop running in between; false: never, which took a minute and a half. */
bool dial_bench_look(struct dial_bench *b, bool (*is_there)(void *arg), void *arg);
/* b->last is the record once everything is known of it: compare with rig_json(&b->last, ...). */
void dial_bench_wait(struct dial_bench *b, const char *outcome, const char *reason);
/* b->last is the record as soon as its status is this. */
void dial_bench_wait_status(struct dial_bench *b, const char *status);
struct exchange_stats dial_bench_stats(const struct dial_bench *b);
/* A webhook of the carrier's, signed with that token; its answer, free by buf_done(&reply.body). */
struct rig_reply dial_bench_hook(struct dial_bench *b, const char *path, const struct str_pair *form, size_t n,
                                 const char *token);
/* The documents that the callee's phone was given hold this. */
bool dial_bench_was_told(const struct dial_bench *b, const char *text);
void dial_bench_metric(struct dial_bench *b, const char *line);

#endif
