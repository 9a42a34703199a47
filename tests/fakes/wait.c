#include "fakes/wait.h"

#include "test.h"

#define WATCHDOG_US 10000000

struct waiting {
    struct loop *loop;
    bool (*cond)(void *arg);
    void *arg;
    uint64_t until_us;
    bool timed_out;
};

static void look(void *arg)
{
    struct waiting *w = arg;
    if (w->cond(w->arg)) {
        loop_stop(w->loop);
    } else if (clock_now_us() > w->until_us) {
        w->timed_out = true;
        loop_stop(w->loop);
    }
}

void wait_until(struct loop *loop, bool (*cond)(void *arg), void *arg)
{
    struct waiting w = {.loop = loop, .cond = cond, .arg = arg, .until_us = clock_now_us() + WATCHDOG_US};
    struct timer *t;
    assert_ok(timer_new(loop, look, &w, &t));
    timer_start(t, 0, 1000);
    loop_run(loop);
    timer_free(t);
    assert_false(w.timed_out);
}

static bool counted_down(void *arg)
{
    int *left = arg;
    return --*left <= 0;
}

void settle(struct loop *loop)
{
    int left = 20;
    wait_until(loop, counted_down, &left);
}
