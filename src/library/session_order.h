/*
 * What a program asks of a session from any thread, carried out on the loop thread of the runner. An order owns the
 * texts and the audio that it is about; who gives it may wait for its result. Private to the session.
 */
#ifndef LIBRARY_SESSION_ORDER_H
#define LIBRARY_SESSION_ORDER_H

#include "library/session.h"

#define ORDER_PARTS CALL_MAX_PARTS
#define ORDER_TEXTS (ORDER_PARTS * 2 + 2)

struct order {
    struct rt_session *s;
    int (*fn)(struct order *o, struct host *h);
    bool waited, done;
    int result;
    /* what it is about */
    struct call_event ev;
    struct call_item item;
    char *texts[ORDER_TEXTS]; /* its own */
    uint8_t *audio;           /* likewise */
    size_t bytes;
    bool commit;
    uint32_t mark;
    char *span_id; /* lent by who waits */
};

/* fn runs on the loop thread; h is NULL when the session has no live call. NULL: out of memory. */
struct order *order_new(struct rt_session *s, int (*fn)(struct order *o, struct host *h));
/* The same with up to three texts; NULL ones stay NULL. */
struct order *order_of_texts(struct rt_session *s, int (*fn)(struct order *o, struct host *h), const char *a,
                             const char *b, const char *c);
void order_free(struct order *o);

/* Takes o. wait: for its result, which is 0 else. Errors: those of fn, and that the loop takes no orders. */
MUST_USE int order_give(struct order *o, bool wait);
/* The same for a session that is live; -ERR_CLOSED: it is not. o may be NULL: -ENOMEM. */
MUST_USE int order_ask(struct order *o, bool wait);

/* An fn: o->ev for the call. */
int order_control(struct order *o, struct host *h);

#endif
