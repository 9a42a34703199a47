/*
 * Events of a session on their way to the program: copied, in order, bounded, taken by any thread. The descriptor is
 * readable while there is something to take or nothing will ever come. Thread: any.
 */
#ifndef LIBRARY_OUTBOX_H
#define LIBRARY_OUTBOX_H

#include <pthread.h>

#include "library/history.h"
#include "ringtrip/event.h"

struct queued_event;

struct outbox {
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct queued_event *first, **end;
    size_t bytes, max_bytes;
    uint64_t lost;
    int fd;
    bool closed;
};

/* -EMFILE and others of the descriptor; -ENOMEM */
MUST_USE int outbox_init(struct outbox *o, size_t max_bytes);
void outbox_done(struct outbox *o);
/*
 * Copies e with all it points to, but takes owner, which holds what e->history and e->item point to (NULL: nothing).
 * mark comes back with the event. -ERR_LIMIT: audio that has no room; -ENOMEM. After outbox_close nothing is taken in.
 */
MUST_USE int outbox_put(struct outbox *o, const struct rt_event *e, struct rt_history *owner, uint32_t mark);
/* Drops audio events that nobody took. */
void outbox_drop_audio(struct outbox *o);
/* Nothing more will come; whoever waits is woken when all is taken. */
void outbox_close(struct outbox *o);
/* 1 and an event, 0: none in time (below 0 waits for ever), -ERR_CLOSED. */
MUST_USE int outbox_take(struct outbox *o, int timeout_ms, struct rt_event **ret, uint32_t *ret_mark);

#endif
