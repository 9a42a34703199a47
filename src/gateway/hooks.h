/*
 * Events of calls, told to programs of the user: HTTP POSTs, signed, one endpoint's in order, repeated with growing
 * pauses until they are taken. An event lies in a file of its own for each endpoint from the moment it happened until
 * it was taken, so that neither a dead endpoint nor kill -9 loses it. Loop thread only; files are written in the job
 * pool. Not here: what an event says (hook_events.c).
 *
 *     hooks_put ─▶ file written ─▶ head of its endpoint's queue ─▶ POST ─▶ 2xx: file deleted, the next one
 *                                                                    └▶ else: 1 s, 2 s, 4 s ... 5 min, give_up_s
 */
#ifndef GATEWAY_HOOKS_H
#define GATEWAY_HOOKS_H

#include "config/config.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "obs/metrics.h"

struct hooks;

struct hooks_opts {
    struct loop *loop;
    struct http_client *http;
    struct metrics *metrics;
    const char *dir;         /* of the files; copied; made when the first event comes */
    const char *ca_file;     /* NULL: the system's store */
    uint64_t first_retry_ms; /* 0: 1000 */
};

MUST_USE int hooks_new(const struct hooks_opts *o, struct hooks **ret);
/* What waits stays in its files. NULL is fine. */
struct hooks *hooks_free(struct hooks *h);
/* The endpoints of this configuration get what happens from now on; what waits goes to where it was meant for, as long
 * as that stands in the configuration. cfg is kept alive by the caller until the next one. Reads what an earlier
 * process has left, the first time. */
void hooks_set(struct hooks *h, const struct config *cfg);
/* Does somebody want events of this type? */
bool hooks_want(const struct hooks *h, const char *type);
/* To every endpoint: {"id", "type", "created_at_ms", "call_id", "data": data}. data: JSON, lent. */
void hooks_put(struct hooks *h, const char *type, struct str call_id, struct str data);
/* Nothing is begun any more; files under way are still written. */
void hooks_stop(struct hooks *h);
uint32_t hooks_busy(const struct hooks *h); /* files under way */
uint32_t hooks_waiting(const struct hooks *h);

/* "t=1700000000,v1=<hex of HMAC-SHA256 over "1700000000.body">"; room for 96. */
void hooks_sign(struct str secret, uint64_t unix_s, struct str body, char ret[96]);

#endif
