#include "peer/phone/phone_wheel.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "peer/phone/phone_playout.h"

#define SLOTS PHONE_FRAME_MS

struct phone_wheel {
    struct timer *timer;
    uint64_t base_us;              /* millisecond 0 of the wheel */
    uint64_t cursor_ms;            /* the next slot to serve */
    struct phone_seat slot[SLOTS]; /* list heads */
    struct phone_seat *iter;       /* next seat of the pass that is on: moved when it leaves */
    size_t n_seats;
};

static uint64_t wheel_now_ms(const struct phone_wheel *w)
{
    return (clock_now_us() - w->base_us) / 1000;
}

static void wheel_arm(struct phone_wheel *w)
{
    if (w->n_seats == 0) {
        timer_stop(w->timer);
        return;
    }
    uint64_t ms = w->cursor_ms;
    while (w->slot[ms % SLOTS].next == &w->slot[ms % SLOTS]) {
        ms++;
    }
    uint64_t due_us = w->base_us + ms * 1000;
    uint64_t now_us = clock_now_us();
    /* Never 0: libuv before 1.45 would run it again in the same pass, and a wheel that is behind would starve sockets.
     */
    timer_start(w->timer, due_us > now_us ? due_us - now_us : 1, 0);
}

static void slot_run(struct phone_wheel *w, uint64_t ms)
{
    struct phone_seat *head = &w->slot[ms % SLOTS];
    uint64_t due_us = w->base_us + ms * 1000;
    for (struct phone_seat *seat = head->next; seat != head; seat = w->iter) {
        w->iter = seat->next;
        if (seat->due_ms <= ms) {
            seat->due_ms += SLOTS;
            seat->fn(due_us, seat->arg);
        }
    }
    w->iter = NULL;
}

static void wheel_turn(void *arg)
{
    struct phone_wheel *w = arg;
    for (uint64_t now_ms = wheel_now_ms(w); w->cursor_ms <= now_ms && w->n_seats > 0;) {
        slot_run(w, w->cursor_ms++);
    }
    wheel_arm(w);
}

int phone_wheel_new(struct loop *loop, struct phone_wheel **ret)
{
    struct phone_wheel *w = calloc(1, sizeof(*w));
    if (!w) {
        return -ENOMEM;
    }
    int err = timer_new(loop, wheel_turn, w, &w->timer);
    if (err < 0) {
        free(w);
        return err;
    }
    w->base_us = clock_now_us();
    for (size_t i = 0; i < SLOTS; i++) {
        w->slot[i].next = w->slot[i].prev = &w->slot[i];
    }
    *ret = w;
    return 0;
}

struct phone_wheel *phone_wheel_free(struct phone_wheel *w)
{
    if (w) {
        assert(w->n_seats == 0);
        timer_free(w->timer);
        free(w);
    }
    return NULL;
}

void phone_wheel_join(struct phone_wheel *w, struct phone_seat *seat, phone_wheel_fn fn, void *arg)
{
    assert(!seat->wheel);
    uint64_t now_ms = wheel_now_ms(w);
    if (w->n_seats == 0) {
        w->cursor_ms = MAX(w->cursor_ms, now_ms); /* nobody was there to miss anything */
    }
    uint64_t ms = MAX(now_ms + 1, w->cursor_ms);
    struct phone_seat *head = &w->slot[ms % SLOTS];
    *seat = (struct phone_seat){w, head, head->prev, ms, fn, arg};
    head->prev->next = seat;
    head->prev = seat;
    w->n_seats++;
    wheel_arm(w);
}

void phone_wheel_leave(struct phone_seat *seat)
{
    struct phone_wheel *w = seat->wheel;
    if (!w) {
        return;
    }
    if (w->iter == seat) {
        w->iter = seat->next;
    }
    seat->prev->next = seat->next;
    seat->next->prev = seat->prev;
    seat->wheel = NULL;
    w->n_seats--;
}
