#include <stdlib.h>

#include "net/loop_impl.h"

#define STALL_MS 50 /* later than that: this process stood still, and so did everything that waits in its sockets */

struct timer {
    uv_timer_t uv;
    struct list link;
    struct loop *loop;
    loop_fn fn;
    void *arg;
    uint64_t due_ms; /* by libuv's clock */
    bool waited;     /* a pass more, behind a stall */
};

static void on_timer(uv_timer_t *uv);

static void arm(struct timer *t, uint64_t delay_ms, uint64_t repeat_ms)
{
    t->due_ms = uv_now(&t->loop->uv) + delay_ms;
    uv_timer_start(&t->uv, on_timer, delay_ms, repeat_ms);
}

/*
 * libuv asks its timers before its sockets. Behind a stall the answer that a deadline waits for may have been there for
 * long: what has come is taken first, and the timer fires a pass later, if it still runs.
 */
static bool lets_input_in(struct timer *t)
{
    uint64_t now_ms = uv_now(&t->loop->uv);
    uint64_t repeat_ms = uv_timer_get_repeat(&t->uv);
    t->waited = !t->waited && now_ms > t->due_ms + STALL_MS;
    if (t->waited) {
        arm(t, 1, repeat_ms);
    } else {
        t->due_ms = now_ms + repeat_ms;
    }
    return t->waited;
}

static void on_timer(uv_timer_t *uv)
{
    struct timer *t = CONTAINER_OF(uv, struct timer, uv);
    struct loop *loop = t->loop;
    if (lets_input_in(t)) {
        return;
    }
    loop_enter(loop);
    /* libuv reads the clock after us: a timer must not see a time before it was due, or it would arm itself again. */
    loop->now_us = MAX(loop->now_us, uv_now(&loop->uv) * 1000);
    loop->in_timer = true;
    t->fn(t->arg); /* t may be closing now; its memory lives until on_timer_closed */
    loop->in_timer = false;
}

int timer_new(struct loop *loop, loop_fn fn, void *arg, struct timer **ret)
{
    struct timer *t = calloc(1, sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    t->loop = loop;
    t->fn = fn;
    t->arg = arg;
    uv_timer_init(&loop->uv, &t->uv);
    list_append(&loop->timers, &t->link);
    *ret = t;
    return 0;
}

void timer_start(struct timer *t, uint64_t delay_us, uint64_t repeat_us)
{
    /* libuv counts whole milliseconds from its own, possibly older, reading of the same clock: aim at the first
     * millisecond that is not before the due time, so that no timer fires early. */
    uint64_t due_ms = (loop_now_us(t->loop) + delay_us + 999) / 1000;
    uint64_t uv_ms = uv_now(&t->loop->uv);
    /* A timer that is due at once when another fires would run in the same round, before any socket, for ever. */
    uint64_t least_ms = t->loop->in_timer ? 1 : 0;
    t->waited = false;
    arm(t, due_ms > uv_ms + least_ms ? due_ms - uv_ms : least_ms, (repeat_us + 999) / 1000);
}

void timer_stop(struct timer *t)
{
    uv_timer_stop(&t->uv);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_timer_t *)handle, struct timer, uv));
}

struct timer *timer_free(struct timer *t)
{
    if (t) {
        list_leave(&t->link);
        uv_close((uv_handle_t *)&t->uv, on_timer_closed);
    }
    return NULL;
}

void timer_stop_all(struct loop *loop)
{
    for (struct list *at = loop->timers.next; at != &loop->timers; at = at->next) {
        timer_stop(CONTAINER_OF(at, struct timer, link));
    }
}

void timer_free_all(struct loop *loop)
{
    while (!list_empty(&loop->timers)) {
        timer_free(CONTAINER_OF(loop->timers.next, struct timer, link));
    }
}
