/*
 * Threads for work of somebody else that may block as long as it likes: callbacks of a program that embeds us. Apart
 * from the job pool, which must stay free for our own files and databases. Threads start when there is work for them.
 */
#ifndef NET_CREW_H
#define NET_CREW_H

#include "base/defs.h"

struct crew;

#define CREW_MAX_THREADS 64

/* At most so many at once, 1 to CREW_MAX_THREADS. -EINVAL, -ENOMEM */
MUST_USE int crew_new(uint32_t threads, struct crew **ret);
/* What waits still runs; returns when all of it is done. Not on a thread of the crew. NULL is fine. */
struct crew *crew_free(struct crew *c);
/* Runs fn(arg) on one of the threads, first come first served. Thread: any. -ENOMEM, -EAGAIN (no thread to be had) */
MUST_USE int crew_run(struct crew *c, void (*fn)(void *arg), void *arg);
/* Is the caller one of them? Thread: any. */
bool crew_is_here(struct crew *c);

#endif
