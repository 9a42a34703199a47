/* Events that came up while a call's actions were being carried out: copied, in order, stepped afterwards. */
#ifndef GATEWAY_EVENT_QUEUE_H
#define GATEWAY_EVENT_QUEUE_H

#include "call/event.h"

struct queued_event;

struct event_queue {
    struct queued_event *first;
    struct queued_event **end; /* NULL while nothing was ever put */
};

/* Copies ev with everything it lends. -ENOMEM */
MUST_USE int event_queue_put(struct event_queue *q, const struct call_event *ev);
/* Takes the oldest; *ret and what it lends are valid until queued_event_free. NULL: empty. */
struct queued_event *event_queue_take(struct event_queue *q, const struct call_event **ret);
struct queued_event *queued_event_free(struct queued_event *e);
void event_queue_done(struct event_queue *q);

#endif
