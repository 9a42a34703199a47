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

/* False: it did not within 10 s. */
static bool comes_true(struct loop *loop, bool (*cond)(void *arg), void *arg)
{
    struct waiting w = {.loop = loop, .cond = cond, .arg = arg, .until_us = clock_now_us() + WATCHDOG_US};
    struct timer *t;
    assert_ok(timer_new(loop, look, &w, &t));
    timer_start(t, 0, 1000);
    loop_run(loop);
    timer_free(t);
    return !w.timed_out;
}

void wait_until(struct loop *loop, bool (*cond)(void *arg), void *arg)
{
    assert_true(comes_true(loop, cond, arg));
}

struct reading {
    const struct buf *text;
    struct str part;
};

static bool has_part(void *arg)
{
    const struct reading *r = arg;
    return str_search(buf_str(r->text), r->part) != SIZE_MAX;
}

void wait_text(struct loop *loop, const struct buf *text, const char *part)
{
    struct reading r = {.text = text, .part = str_from(part)};
    if (!comes_true(loop, has_part, &r)) {
        fail_msg("\"%s\" did not come, only:\n" STR_FMT, part, STR_ARG(buf_str(text)));
    }
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
