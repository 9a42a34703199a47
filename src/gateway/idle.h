/*
 * What a gateway does when it has been without calls for a while: memory that they have freed goes back to the system.
 * The C library keeps it otherwise, in pieces between what still lives, after a busy hour tens of megabytes. Loop
 * thread only; the work itself runs on a job thread.
 */
#ifndef GATEWAY_IDLE_H
#define GATEWAY_IDLE_H

#include "net/loop.h"

#define IDLE_AFTER_MS 2000

struct idle;

struct idle_opts {
    struct loop *loop;
    uint32_t after_ms; /* 0: IDLE_AFTER_MS */
    /* Asked when that time is over: false when there are calls again. */
    bool (*still)(void *arg);
    void *arg;
};

/* -ENOMEM */
MUST_USE int idle_new(const struct idle_opts *opts, struct idle **ret);
/* The last call is gone; the time begins anew. */
void idle_begin(struct idle *idle);
/* NULL is fine. */
struct idle *idle_free(struct idle *idle);

#endif
