/*
 * The event loop of one worker: time, timers, posted work, signals, jobs. Hides libuv; nobody outside src/net
 * includes uv.h. Everything runs on the loop thread unless its comment says "any thread".
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/str.h"

struct loop;
struct timer;
struct job;

typedef void (*loop_fn)(void *arg);

MUST_USE int loop_new(struct loop **ret);
/*
 * Closes the WebSockets, processes, jobs and timers that are left, runs their last callbacks, frees. Servers, HTTP
 * clients and disks have an owner who frees them before. NULL is fine.
 */
void loop_free(struct loop *loop);
/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* any thread */
/* The caller's thread is the loop's from now on: for who frees what another thread, which is gone, has run. */
void loop_adopt(struct loop *loop);
/* Monotonic microseconds, cached once per loop pass; the only clock that calls see. */
uint64_t loop_now_us(const struct loop *loop);
/* The clock itself, uncached. any thread */
uint64_t clock_now_us(void);
/* Unix time in microseconds, for records and logs only. any thread */
int64_t clock_wall_us(void);
/* Runs fn(arg) on the loop, in the order of the posts. any thread. -ENOMEM */
MUST_USE int loop_post(struct loop *loop, loop_fn fn, void *arg);
/* Aborts when called on another thread than the loop's (debug builds). */
void loop_assert(const struct loop *loop);
/* Calls fn when the process gets signo. One handler per number; replaced by a later call. */
MUST_USE int loop_on_signal(struct loop *loop, int signo, void (*fn)(int signo, void *arg), void *arg);
/* Runs fn at the end of each loop pass, after all sockets were served. At most 4 per loop. */
MUST_USE int loop_on_pass_end(struct loop *loop, loop_fn fn, void *arg);
/* Takes that back; not from within fn. What was never there is fine. */
void loop_off_pass_end(struct loop *loop, loop_fn fn, void *arg);
/* Passes that took longer than 5 ms, and the longest one so far. */
struct loop_stats {
    uint64_t passes;
    uint64_t slow_passes;
    uint64_t longest_pass_us;
};
void loop_stats(const struct loop *loop, struct loop_stats *ret);

MUST_USE int timer_new(struct loop *loop, loop_fn fn, void *arg, struct timer **ret);
/* Fires after delay_us (rounded up to a millisecond), then every repeat_us when that is not 0. Restarts a running
 * timer. */
void timer_start(struct timer *t, uint64_t delay_us, uint64_t repeat_us);
void timer_stop(struct timer *t);
/* Legal in its own callback. NULL is fine. */
struct timer *timer_free(struct timer *t);

/*
 * Blocking work in the job pool. work runs on a pool thread, done on the loop, always, also when cancelled
 * (-ECANCELED, work then never ran). Nothing is lent: arg is the caller's until done returns.
 */
typedef int (*job_work_fn)(void *arg);
typedef void (*job_done_fn)(int result, void *arg);
MUST_USE int job_run(struct loop *loop, job_work_fn work, job_done_fn done, void *arg);

#endif
