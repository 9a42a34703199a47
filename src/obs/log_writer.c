#include "obs/log_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "net/file.h"

#define KEEP_BYTES ((size_t)64 * 1024)
#define PATIENCE_S 3

struct log_writer {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake;  /* there is something to do */
    pthread_cond_t idle;  /* a round is over, or the thread is */
    pthread_t thread;
    struct buf bufs[2]; /* one fills while the other is written */
    uint32_t filling;
    int fd;
    bool own;
    int next_fd;      /* -1: none */
    size_t switch_at; /* bytes of the filling buffer that are still the old fd's */
    bool writing;
    bool stop, stopped;
};

/* A disk that is full or a closed terminal must not stop calls: what cannot be written is lost. */
static void write_out(int fd, struct str s)
{
    ignore_result(file_write_all(fd, span_of_str(s)));
}

/* One round: takes what has been put, without the lock while it writes. */
static void write_round(struct log_writer *w)
{
    struct buf *full = &w->bufs[w->filling];
    struct str text = buf_str(full);
    int old = w->fd, next = w->next_fd;
    size_t at = next >= 0 ? w->switch_at : text.n;
    bool own = w->own;

    w->filling ^= 1;
    w->writing = true;
    w->fd = next >= 0 ? next : old;
    w->own |= next >= 0;
    w->next_fd = -1;
    pthread_mutex_unlock(&w->lock);
    write_out(old, (struct str){text.p, at});
    if (next >= 0) {
        if (own) {
            close(old);
        }
        write_out(next, (struct str){text.p + at, text.n - at});
    }
    pthread_mutex_lock(&w->lock);
    if (full->cap > KEEP_BYTES) { /* of a burst */
        size_t max_bytes = full->max_bytes;

        buf_done(full);
        buf_init(full, max_bytes);
    } else {
        buf_clear(full);
    }
    w->writing = false;
    pthread_cond_broadcast(&w->idle);
}

static void *run(void *arg)
{
    struct log_writer *w = arg;

    pthread_mutex_lock(&w->lock);
    while (true) {
        if (w->bufs[w->filling].len > 0 || w->next_fd >= 0) {
            write_round(w);
        } else if (w->stop) {
            break;
        } else {
            pthread_cond_wait(&w->wake, &w->lock);
        }
    }
    w->stopped = true;
    pthread_cond_broadcast(&w->idle);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Signals are for the other threads. */
static int start_thread(struct log_writer *w)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -err;
}

static void free_memory(struct log_writer *w)
{
    buf_done(&w->bufs[0]);
    buf_done(&w->bufs[1]);
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->idle);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

int log_writer_new(int fd, bool own, size_t max_bytes, struct log_writer **ret)
{
    struct log_writer *w = calloc(1, sizeof(*w));
    pthread_condattr_t attr;

    if (!w) {
        return -ENOMEM;
    }
    w->fd = fd;
    w->own = own;
    w->next_fd = -1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->idle, &attr);
    pthread_condattr_destroy(&attr);
    buf_init(&w->bufs[0], max_bytes);
    buf_init(&w->bufs[1], max_bytes);
    int err = start_thread(w);
    if (err < 0) {
        free_memory(w);
        return err;
    }
    *ret = w;
    return 0;
}

struct log_writer *log_writer_free(struct log_writer *w)
{
    struct timespec until;
    bool stopped;

    if (!w) {
        return NULL;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    while (!w->stopped && pthread_cond_timedwait(&w->idle, &w->lock, &until) == 0) {
    }
    stopped = w->stopped;
    pthread_mutex_unlock(&w->lock);
    if (!stopped) {
        pthread_detach(w->thread); /* it hangs in a write; it keeps what it works on */
        return NULL;
    }
    pthread_join(w->thread, NULL);
    if (w->own) {
        close(w->fd);
    }
    free_memory(w);
    return NULL;
}

bool log_writer_put(struct log_writer *w, struct str line)
{
    struct buf *b;
    bool fits;

    pthread_mutex_lock(&w->lock);
    b = &w->bufs[w->filling];
    fits = line.n <= b->max_bytes - MIN(b->len, b->max_bytes);
    if (fits) {
        buf_put_str(b, line);
        fits = b->err == 0;
        b->err = 0; /* out of memory now; the next line may fit again */
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    return fits;
}

bool log_writer_roomy(struct log_writer *w)
{
    const struct buf *b;
    bool roomy;

    pthread_mutex_lock(&w->lock);
    b = &w->bufs[w->filling];
    roomy = b->len <= b->max_bytes / 2;
    pthread_mutex_unlock(&w->lock);
    return roomy;
}

void log_writer_switch(struct log_writer *w, int fd)
{
    int passed_over;

    pthread_mutex_lock(&w->lock);
    passed_over = w->next_fd;
    if (passed_over < 0) {
        w->switch_at = w->bufs[w->filling].len;
    }
    w->next_fd = fd;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    if (passed_over >= 0) {
        close(passed_over);
    }
}

void log_writer_flush(struct log_writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->writing || w->bufs[w->filling].len > 0 || w->next_fd >= 0) {
        pthread_cond_wait(&w->idle, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}
