#include "net_test.h"

#include <signal.h>
#include <stdatomic.h>

struct trace {
    struct loop *loop;
    struct timer *timer, *other;
    struct buf text;
    uint64_t at_us;
    uint32_t n;
};

static void trace_new(struct trace *t)
{
    *t = (struct trace){0};
    buf_init(&t->text, 1024 * 1024);
    assert_ok(loop_new(&t->loop));
}

static void trace_done(struct trace *t)
{
    loop_free(t->loop);
    buf_done(&t->text);
}

/* ---- timers ---- */

static void on_fire(void *arg)
{
    struct trace *t = arg;
    t->at_us = loop_now_us(t->loop);
    t->n++;
    loop_stop(t->loop);
}

TEST(a_timer_never_fires_early)
{
    struct trace t;
    trace_new(&t);
    assert_ok(timer_new(t.loop, on_fire, &t, &t.timer));
    static const uint64_t delays_us[] = {0, 1, 999, 1000, 1001, 2500, 7300};
    for (size_t i = 0; i < ARRAY_LEN(delays_us) * 4; i++) {
        uint64_t delay_us = delays_us[i % ARRAY_LEN(delays_us)];
        uint64_t from_us = clock_now_us();
        timer_start(t.timer, delay_us, 0);
        run_loop(t.loop);
        assert_true(t.at_us >= from_us + delay_us);
    }
    timer_free(t.timer);
    trace_done(&t);
}

static void free_itself(void *arg)
{
    struct trace *t = arg;
    t->n++;
    t->timer = timer_free(t->timer);
    loop_stop(t->loop);
}

TEST(a_timer_may_be_freed_in_its_own_callback)
{
    struct trace t;
    trace_new(&t);
    assert_ok(timer_new(t.loop, free_itself, &t, &t.timer));
    timer_start(t.timer, 1000, 1000);
    run_loop(t.loop);
    run_loop_for(t.loop, 5000);
    assert_int_equal(t.n, 1);
    assert_null(timer_free(NULL));
    trace_done(&t);
}

static void must_not_fire(void *arg)
{
    fail_msg("timer %p fired", arg);
}

static void free_the_other(void *arg)
{
    struct trace *t = arg;
    t->other = timer_free(t->other);
    loop_stop(t->loop);
}

TEST(a_timer_that_was_freed_or_stopped_does_not_fire)
{
    struct trace t;
    struct timer *stopped;
    trace_new(&t);
    assert_ok(timer_new(t.loop, free_the_other, &t, &t.timer));
    assert_ok(timer_new(t.loop, must_not_fire, &t, &t.other));
    assert_ok(timer_new(t.loop, must_not_fire, &t, &stopped));
    timer_start(t.timer, 2000, 0);
    timer_start(t.other, 2000, 0); /* due in the same pass, behind the one that frees it */
    timer_start(stopped, 1000, 1000);
    timer_stop(stopped);
    run_loop(t.loop);
    run_loop_for(t.loop, 5000);
    timer_free(t.timer);
    trace_done(&t); /* frees stopped, which nobody did */
}

static void answer(void *arg)
{
    struct trace *t = arg;
    t->other = timer_free(t->other);
    loop_stop(t->loop);
}

static void busy_for(uint64_t us)
{
    uint64_t from_us = clock_now_us();
    while (clock_now_us() < from_us + us) {
    }
}

/* The process stands still until long behind the other timer's time; meanwhile its answer arrives. */
static void stand_still(void *arg)
{
    struct trace *t = arg;
    assert_ok(loop_post(t->loop, answer, t));
    busy_for(120000);
}

TEST(behind_a_stall_what_has_come_is_taken_before_deadlines)
{
    struct trace t;
    trace_new(&t);
    assert_ok(timer_new(t.loop, must_not_fire, &t, &t.other));
    timer_start(t.other, 10000, 0);
    assert_ok(loop_post(t.loop, stand_still, &t));
    run_loop(t.loop);
    trace_done(&t);
}

static void count_to_five(void *arg)
{
    struct trace *t = arg;
    if (++t->n == 5) {
        loop_stop(t->loop);
    }
}

static void stand_still_alone(void *arg UNUSED)
{
    busy_for(120000);
}

TEST(a_late_timer_fires_all_the_same_and_goes_on)
{
    struct trace t;
    trace_new(&t);
    assert_ok(timer_new(t.loop, count_to_five, &t, &t.timer));
    timer_start(t.timer, 10000, 1000);
    assert_ok(loop_post(t.loop, stand_still_alone, &t));
    run_loop(t.loop);
    assert_int_equal(t.n, 5);
    timer_free(t.timer);
    trace_done(&t);
}

TEST(a_repeating_timer_goes_on)
{
    struct trace t;
    trace_new(&t);
    assert_ok(timer_new(t.loop, count_to_five, &t, &t.timer));
    timer_start(t.timer, 1000, 1000);
    run_loop(t.loop);
    assert_int_equal(t.n, 5);
    timer_free(t.timer);
    trace_done(&t);
}

static void arm_at_once(void *arg)
{
    struct trace *t = arg;
    t->n++;
    timer_start(t->timer, 0, 0);
}

TEST(a_timer_that_arms_itself_for_now_does_not_starve_the_loop)
{
    struct trace t;
    trace_new(&t);
    assert_ok(timer_new(t.loop, arm_at_once, &t, &t.timer));
    timer_start(t.timer, 0, 0);
    assert_ok(timer_new(t.loop, stop_loop, t.loop, &t.other));
    timer_start(t.other, 10 * 1000, 0);
    loop_run(t.loop);
    assert_in_range(t.n, 1, 11);
    timer_free(t.timer);
    timer_free(t.other);
    trace_done(&t);
}

static void expect_due(void *arg)
{
    struct trace *t = arg;
    t->n++;
    assert_true(loop_now_us(t->loop) >= t->at_us);
    loop_stop(t->loop);
}

TEST(a_timer_sees_a_time_that_is_not_before_it_was_due)
{
    struct trace t;
    trace_new(&t);
    assert_ok(timer_new(t.loop, expect_due, &t, &t.timer));
    for (int i = 0; i < 20; i++) {
        t.at_us = clock_now_us() + 1500;
        timer_start(t.timer, 1500, 0);
        run_loop(t.loop);
    }
    timer_free(t.timer);
    trace_done(&t);
}

/* ---- time ---- */

static void spend_8_ms(void *arg)
{
    struct trace *t = arg;
    uint64_t now_us = loop_now_us(t->loop);
    while (clock_now_us() < now_us + 8000) {
    }
    assert_true(loop_now_us(t->loop) == now_us); /* cached for the pass */
    loop_stop(t->loop);
}

TEST(a_pass_that_takes_longer_than_5_ms_is_counted)
{
    struct trace t;
    trace_new(&t);
    assert_ok(loop_post(t.loop, spend_8_ms, &t));
    run_loop(t.loop);
    run_loop_for(t.loop, 1000); /* the pass ends when the loop goes on */
    struct loop_stats stats;
    loop_stats(t.loop, &stats);
    assert_true(stats.slow_passes >= 1);
    assert_true(stats.longest_pass_us >= 8000);
    assert_true(stats.passes > stats.slow_passes);
    trace_done(&t);
}

static void on_pass_end(void *arg)
{
    struct trace *t = arg;
    buf_puts(&t->text, "end ");
    loop_stop(t->loop);
}

static void on_posted(void *arg)
{
    struct trace *t = arg;
    buf_puts(&t->text, "work ");
}

TEST(the_end_of_a_pass_comes_after_its_work)
{
    struct trace t;
    trace_new(&t);
    assert_ok(loop_on_pass_end(t.loop, on_pass_end, &t));
    assert_ok(loop_post(t.loop, on_posted, &t));
    assert_ok(loop_post(t.loop, on_posted, &t));
    loop_run(t.loop);
    assert_true(str_starts(buf_str(&t.text), STR("work work end")));
    for (int i = 0; i < 3; i++) {
        assert_ok(loop_on_pass_end(t.loop, on_pass_end, &t));
    }
    assert_err(loop_on_pass_end(t.loop, on_pass_end, &t), ERR_LIMIT);
    trace_done(&t);
}

TEST(the_end_of_a_pass_can_be_let_go_of)
{
    struct trace t, other;
    trace_new(&t);
    assert_ok(loop_on_pass_end(t.loop, on_posted, &t));
    assert_ok(loop_on_pass_end(t.loop, on_posted, &other));
    loop_off_pass_end(t.loop, on_posted, &other);
    loop_off_pass_end(t.loop, on_posted, &other); /* it is not there any more */
    run_loop_for(t.loop, 1000);
    assert_true(str_starts(buf_str(&t.text), STR("work "))); /* the first one is still called */
    loop_off_pass_end(t.loop, on_posted, &t);
    buf_clear(&t.text);
    run_loop_for(t.loop, 1000);
    assert_str_is(buf_str(&t.text), "");
    for (int i = 0; i < 4; i++) { /* the places are free again */
        assert_ok(loop_on_pass_end(t.loop, on_posted, &t));
    }
    trace_done(&t);
}

/* ---- mail ---- */

enum { THREADS = 4, POSTS = 5000 };

struct poster {
    struct loop *loop;
    pthread_t thread;
    uint32_t next, wrong;
    struct letter {
        struct poster *poster;
        uint32_t no;
    } letters[POSTS];
    atomic_uint *left;
};

static void on_letter(void *arg)
{
    struct letter *l = arg;
    l->poster->wrong += l->no != l->poster->next++;
    if (atomic_fetch_sub(l->poster->left, 1) == 1) {
        loop_stop(l->poster->loop);
    }
}

static void *post_all(void *arg)
{
    struct poster *p = arg;
    for (uint32_t i = 0; i < POSTS; i++) {
        p->letters[i] = (struct letter){p, i};
        if (loop_post(p->loop, on_letter, &p->letters[i]) < 0) {
            return arg;
        }
    }
    return NULL;
}

TEST(posts_from_other_threads_arrive_all_and_in_order)
{
    struct trace t;
    static struct poster posters[THREADS];
    atomic_uint left = THREADS * POSTS;
    trace_new(&t);
    for (int i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){.loop = t.loop, .left = &left};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    run_loop(t.loop);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(posters[i].thread, &failed);
        assert_null(failed);
        assert_int_equal(posters[i].next, POSTS);
        assert_int_equal(posters[i].wrong, 0);
    }
    trace_done(&t);
}

static void count(void *arg)
{
    ((struct trace *)arg)->n++;
}

TEST(what_was_posted_before_the_loop_is_freed_still_runs)
{
    struct trace t;
    trace_new(&t);
    assert_ok(loop_post(t.loop, count, &t));
    loop_free(t.loop);
    assert_int_equal(t.n, 1);
    buf_done(&t.text);
    loop_free(NULL);
}

TEST(a_stop_before_the_run_is_not_lost)
{
    struct trace t;
    trace_new(&t);
    loop_stop(t.loop);
    loop_run(t.loop);
    trace_done(&t);
}

/* ---- jobs ---- */

struct chore {
    struct trace *t;
    pthread_t ran_on;
    atomic_bool ran;
    bool done;
    int result;
};

static int do_chore(void *arg)
{
    struct chore *c = arg;
    c->ran_on = pthread_self();
    atomic_store(&c->ran, true);
    return 42;
}

static void chore_done(int result, void *arg)
{
    struct chore *c = arg;
    c->done = true;
    c->result = result;
    loop_stop(c->t->loop);
}

TEST(a_job_runs_elsewhere_and_answers_on_the_loop)
{
    struct trace t;
    trace_new(&t);
    struct chore c = {.t = &t};
    assert_ok(job_run(t.loop, do_chore, chore_done, &c));
    assert_false(c.done);
    run_loop(t.loop);
    assert_int_equal(c.result, 42);
    assert_false(pthread_equal(c.ran_on, pthread_self()));
    trace_done(&t);
}

static int slow_chore(void *arg)
{
    raw_wait_ms(20);
    return do_chore(arg);
}

TEST(freeing_the_loop_ends_every_job_once)
{
    struct trace t;
    trace_new(&t);
    struct chore chores[40] = {0};
    for (size_t i = 0; i < ARRAY_LEN(chores); i++) {
        chores[i].t = &t;
        assert_ok(job_run(t.loop, slow_chore, chore_done, &chores[i]));
    }
    trace_done(&t);
    size_t cancelled = 0;
    for (size_t i = 0; i < ARRAY_LEN(chores); i++) {
        assert_true(chores[i].done);
        assert_int_equal(chores[i].result, atomic_load(&chores[i].ran) ? 42 : -ECANCELED);
        cancelled += chores[i].result == -ECANCELED;
    }
    assert_true(cancelled > 0); /* the pool has fewer threads than there were jobs */
}

/* ---- signals ---- */

static void on_signal(int signo, void *arg)
{
    struct trace *t = arg;
    t->n += (uint32_t)signo;
    loop_stop(t->loop);
}

static void on_signal_again(int signo, void *arg)
{
    struct trace *t = arg;
    t->n += 1000 + (uint32_t)signo;
    loop_stop(t->loop);
}

TEST(a_signal_reaches_its_latest_handler)
{
    struct trace t;
    trace_new(&t);
    assert_ok(loop_on_signal(t.loop, SIGUSR1, on_signal, &t));
    raise(SIGUSR1);
    run_loop(t.loop);
    assert_int_equal(t.n, SIGUSR1);
    assert_ok(loop_on_signal(t.loop, SIGUSR1, on_signal_again, &t));
    raise(SIGUSR1);
    run_loop(t.loop);
    assert_int_equal(t.n, 1000 + 2 * SIGUSR1);
    trace_done(&t);
}

TEST_MAIN(T(a_timer_never_fires_early), T(a_timer_may_be_freed_in_its_own_callback),
          T(a_timer_that_was_freed_or_stopped_does_not_fire), T(a_repeating_timer_goes_on),
          T(behind_a_stall_what_has_come_is_taken_before_deadlines), T(a_late_timer_fires_all_the_same_and_goes_on),
          T(a_timer_that_arms_itself_for_now_does_not_starve_the_loop),
          T(a_timer_sees_a_time_that_is_not_before_it_was_due), T(a_pass_that_takes_longer_than_5_ms_is_counted),
          T(the_end_of_a_pass_comes_after_its_work), T(the_end_of_a_pass_can_be_let_go_of),
          T(posts_from_other_threads_arrive_all_and_in_order), T(what_was_posted_before_the_loop_is_freed_still_runs),
          T(a_stop_before_the_run_is_not_lost), T(a_job_runs_elsewhere_and_answers_on_the_loop),
          T(freeing_the_loop_ends_every_job_once), T(a_signal_reaches_its_latest_handler))
