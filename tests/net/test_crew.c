#include "net/crew.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "test.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t news;
    unsigned inside, most, done;
    bool open;
};

static struct gate gate_closed(void)
{
    return (struct gate){.lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};
}

static void pass_gate(void *arg)
{
    struct gate *g = arg;
    pthread_mutex_lock(&g->lock);
    g->inside++;
    g->most = MAX(g->most, g->inside);
    pthread_cond_broadcast(&g->news);
    while (!g->open) {
        pthread_cond_wait(&g->news, &g->lock);
    }
    g->inside--;
    g->done++;
    pthread_mutex_unlock(&g->lock);
}

static void open_gate(struct gate *g, unsigned when_inside)
{
    pthread_mutex_lock(&g->lock);
    while (g->inside < when_inside) {
        pthread_cond_wait(&g->news, &g->lock);
    }
    g->open = true;
    pthread_cond_broadcast(&g->news);
    pthread_mutex_unlock(&g->lock);
}

TEST(as_many_run_at_once_as_there_are_threads)
{
    struct gate g = gate_closed();
    struct crew *c = NULL;
    assert_ok(crew_new(3, &c));
    for (int i = 0; i < 10; i++) {
        assert_ok(crew_run(c, pass_gate, &g));
    }
    open_gate(&g, 3);
    c = crew_free(c);
    assert_null(c);
    assert_int_equal(g.done, 10); /* what waited still ran */
    assert_int_equal(g.most, 3);
}

struct order {
    pthread_mutex_t lock;
    int n, list[50];
};

struct numbered {
    struct order *order;
    int number;
};

static void note(void *arg)
{
    struct numbered *me = arg;
    pthread_mutex_lock(&me->order->lock);
    me->order->list[me->order->n++] = me->number;
    pthread_mutex_unlock(&me->order->lock);
}

TEST(one_thread_works_in_the_order_of_arrival)
{
    struct order order = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct numbered work[50];
    struct crew *c = NULL;
    assert_ok(crew_new(1, &c));
    for (int i = 0; i < 50; i++) {
        work[i] = (struct numbered){&order, i};
        assert_ok(crew_run(c, note, &work[i]));
    }
    crew_free(c);
    assert_int_equal(order.n, 50);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(order.list[i], i);
    }
}

struct place {
    struct crew *crew;
    atomic_int here;
};

static void look(void *arg)
{
    struct place *p = arg;
    atomic_store(&p->here, crew_is_here(p->crew) ? 1 : -1);
}

TEST(a_thread_knows_whether_it_belongs)
{
    struct place p = {0};
    assert_ok(crew_new(2, &p.crew));
    assert_false(crew_is_here(p.crew));
    assert_ok(crew_run(p.crew, look, &p));
    crew_free(p.crew);
    assert_int_equal(atomic_load(&p.here), 1);
}

TEST(an_idle_crew_has_no_threads_and_a_silly_one_is_refused)
{
    struct crew *c = NULL;
    assert_int_equal(crew_new(0, &c), -EINVAL);
    assert_int_equal(crew_new(CREW_MAX_THREADS + 1, &c), -EINVAL);
    assert_ok(crew_new(CREW_MAX_THREADS, &c));
    crew_free(c);
    assert_null(crew_free(NULL));
}

TEST_MAIN(T(as_many_run_at_once_as_there_are_threads), T(one_thread_works_in_the_order_of_arrival),
          T(a_thread_knows_whether_it_belongs), T(an_idle_crew_has_no_threads_and_a_silly_one_is_refused))
