/*
 * The media clock of many phones on one loop: a wheel of 20 slots of one millisecond, turned by one timer. Each seat
 * is called every 20 ms on its own slot, by absolute deadlines: a late pass is followed by as many calls as were
 * missed, so that the clock of a phone never drifts. Loop thread only.
 */
#ifndef PEER_PHONE_WHEEL_H
#define PEER_PHONE_WHEEL_H

#include "net/loop.h"

struct phone_wheel;

/* due_us: when this call was due, on the clock of clock_now_us. */
typedef void (*phone_wheel_fn)(uint64_t due_us, void *arg);

/* Caller's memory; zero it before the first join. */
struct phone_seat {
    struct phone_wheel *wheel; /* NULL: not seated */
    struct phone_seat *next, *prev;
    uint64_t due_ms; /* of the wheel */
    phone_wheel_fn fn;
    void *arg;
};

MUST_USE int phone_wheel_new(struct loop *loop, struct phone_wheel **ret);
/* All seats must have left. NULL is fine. */
struct phone_wheel *phone_wheel_free(struct phone_wheel *w);
/* The first call comes with the next millisecond. */
void phone_wheel_join(struct phone_wheel *w, struct phone_seat *seat, phone_wheel_fn fn, void *arg);
/* Legal inside any seat's call; idempotent. */
void phone_wheel_leave(struct phone_seat *seat);

#endif
