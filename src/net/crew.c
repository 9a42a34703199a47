#include "net/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/list.h"

struct crew_work {
    struct list link;
    void (*fn)(void *arg);
    void *arg;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct list waiting;
    uint32_t n_waiting, n_idle;
    bool closing;
    uint32_t max, n;
    pthread_t threads[CREW_MAX_THREADS];
};

static struct crew_work *take(struct crew *c)
{
    c->n_idle++;
    while (list_empty(&c->waiting) && !c->closing) {
        pthread_cond_wait(&c->news, &c->lock);
    }
    c->n_idle--;
    if (list_empty(&c->waiting)) {
        return NULL;
    }
    struct crew_work *work = CONTAINER_OF(c->waiting.next, struct crew_work, link);
    list_leave(&work->link);
    c->n_waiting--;
    return work;
}

static void *run(void *arg)
{
    struct crew *c = arg;
    sigset_t all;
    sigfillset(&all); /* signals are for the program's own threads */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_mutex_lock(&c->lock);
    for (struct crew_work *work = take(c); work; work = take(c)) {
        pthread_mutex_unlock(&c->lock);
        work->fn(work->arg);
        free(work);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int crew_new(uint32_t threads, struct crew **ret)
{
    if (threads < 1 || threads > CREW_MAX_THREADS) {
        return -EINVAL;
    }
    struct crew *c = calloc(1, sizeof(*c));
    if (!c) {
        return -ENOMEM;
    }
    c->max = threads;
    list_init(&c->waiting);
    if (pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c);
        return -ENOMEM;
    }
    if (pthread_cond_init(&c->news, NULL) != 0) {
        pthread_mutex_destroy(&c->lock);
        free(c);
        return -ENOMEM;
    }
    *ret = c;
    return 0;
}

struct crew *crew_free(struct crew *c)
{
    if (!c) {
        return NULL;
    }
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
    for (uint32_t i = 0; i < c->n; i++) {
        pthread_join(c->threads[i], NULL);
    }
    pthread_cond_destroy(&c->news);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

int crew_run(struct crew *c, void (*fn)(void *arg), void *arg)
{
    struct crew_work *work = calloc(1, sizeof(*work));
    int err = 0;
    if (!work) {
        return -ENOMEM;
    }
    work->fn = fn;
    work->arg = arg;
    pthread_mutex_lock(&c->lock);
    if (c->n_idle <= c->n_waiting && c->n < c->max) {
        err = -pthread_create(&c->threads[c->n], NULL, run, c);
        c->n += err == 0;
        err = c->n > 0 ? 0 : err; /* those who are there will come to it */
    }
    if (err == 0) {
        list_append(&c->waiting, &work->link);
        c->n_waiting++;
        pthread_cond_signal(&c->news);
    }
    pthread_mutex_unlock(&c->lock);
    if (err < 0) {
        free(work);
    }
    return err;
}

bool crew_is_here(struct crew *c)
{
    bool here = false;
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->n; i++) {
        here |= pthread_equal(c->threads[i], pthread_self()) != 0;
    }
    pthread_mutex_unlock(&c->lock);
    return here;
}
