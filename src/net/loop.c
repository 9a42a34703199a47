#include "net/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "net/loop_impl.h"

struct loop_mail {
    struct list link;
    loop_fn fn;
    void *arg;
};

struct loop_signal {
    struct list link;
    uv_signal_t uv;
    void (*fn)(int signo, void *arg);
    void *arg;
};

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return (int64_t)read_clock(CLOCK_REALTIME);
}

uint64_t loop_now_us(const struct loop *loop)
{
    /* Between passes (set-up, tests) nothing keeps the cached value fresh. */
    return loop->in_pass ? loop->now_us : clock_now_us();
}

void loop_assert(const struct loop *loop)
{
    assert(pthread_equal(loop->thread, pthread_self()));
    (void)loop;
}

void loop_adopt(struct loop *loop)
{
    loop->thread = pthread_self();
}

void loop_stats(const struct loop *loop, struct loop_stats *ret)
{
    *ret = loop->stats;
}

/* Neither a peer that left nor a file that may not grow (ulimit -f) must kill the process by our next write. Blocked
 * per thread: the embedding program's choice of a disposition stays its own. */
static void block_write_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void run_mail(struct loop *loop)
{
    struct list due;
    list_init(&due);
    pthread_mutex_lock(&loop->mail_lock);
    list_move_all(&loop->mail, &due);
    pthread_mutex_unlock(&loop->mail_lock);
    while (!list_empty(&due)) {
        struct loop_mail *mail = CONTAINER_OF(due.next, struct loop_mail, link);
        list_leave(&mail->link);
        mail->fn(mail->arg);
        free(mail);
    }
}

static void on_wake(uv_async_t *async)
{
    struct loop *loop = async->data;
    loop_enter(loop);
    run_mail(loop);
    if (atomic_load(&loop->stop)) {
        uv_stop(&loop->uv);
    }
}

static void on_idle(uv_idle_t *idle)
{
    struct loop *loop = idle->data;
    loop_enter(loop);
    struct list due;
    list_init(&due);
    list_move_all(&loop->tasks, &due);
    while (!list_empty(&due)) {
        struct loop_task *task = CONTAINER_OF(due.next, struct loop_task, link);
        list_leave(&task->link);
        task->fn(task->arg);
    }
    if (list_empty(&loop->tasks)) {
        uv_idle_stop(idle);
    }
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (!list_linked(&task->link)) {
        list_append(&loop->tasks, &task->link);
        uv_idle_start(&loop->idle, on_idle);
    }
}

/* All sockets and timers were served; how long that took is known now. */
static void end_pass(struct loop *loop)
{
    if (!loop->in_pass) {
        return;
    }
    for (uint32_t i = 0; i < loop->pass_end_n; i++) {
        loop->pass_end[i].fn(loop->pass_end[i].arg);
    }
    ws_flush_all(loop);
    uint64_t spent_us = clock_now_us() - loop->now_us;
    loop->stats.passes++;
    loop->stats.slow_passes += spent_us > LOOP_SLOW_PASS_US;
    loop->stats.longest_pass_us = MAX(loop->stats.longest_pass_us, spent_us);
    loop->in_pass = false;
}

/* Right before the loop may block. What was sent outside of a pass leaves here too. */
static void on_prepare(uv_prepare_t *prepare)
{
    ws_flush_all(prepare->data); /* first: nobody's audio waits for the work at a pass's end */
    end_pass(prepare->data);
}

/* Behind the poll: all sockets that had something were read. Timers follow. */
static void on_check(uv_check_t *check)
{
    loop_enter(check->data);
    stream_deliver_all(check->data);
}

static int start_handles(struct loop *loop)
{
    loop->wake.data = loop->prepare.data = loop->check.data = loop->idle.data = loop;
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
    return uv_async_init(&loop->uv, &loop->wake, on_wake);
}

static void free_memory(struct loop *loop)
{
    pthread_mutex_destroy(&loop->mail_lock);
    buf_done(&loop->send);
    buf_done(&loop->cipher);
    tls_unref(loop->client_tls);
    free(loop->plain);
    free(loop->recv);
    free(loop);
}

int loop_new(struct loop **ret)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop) {
        return -ENOMEM;
    }
    loop->recv = malloc(LOOP_RECV_BYTES);
    loop->thread = pthread_self();
    pthread_mutex_init(&loop->mail_lock, NULL);
    struct list *lists[] = {&loop->mail, &loop->tasks, &loop->items, &loop->timers, &loop->jobs, &loop->signals};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        list_init(lists[i]);
    }
    buf_init(&loop->send, LOOP_SEND_MAX);
    buf_init(&loop->cipher, LOOP_SEND_MAX * 2);
    int err = loop->recv ? uv_loop_init(&loop->uv) : -ENOMEM;
    if (err < 0) {
        free_memory(loop);
        return err;
    }
    err = start_handles(loop);
    if (err < 0) {
        loop_free(loop);
        return err;
    }
    block_write_signals();
    *ret = loop;
    return 0;
}

void loop_run(struct loop *loop)
{
    loop->thread = pthread_self();
    block_write_signals();
    while (!atomic_load(&loop->stop)) {
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    atomic_store(&loop->stop, false);
    end_pass(loop);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stop, true);
    uv_async_send(&loop->wake);
}

int loop_post(struct loop *loop, loop_fn fn, void *arg)
{
    struct loop_mail *mail = malloc(sizeof(*mail));
    if (!mail) {
        return -ENOMEM;
    }
    *mail = (struct loop_mail){.fn = fn, .arg = arg};
    pthread_mutex_lock(&loop->mail_lock);
    bool first = list_empty(&loop->mail);
    list_append(&loop->mail, &mail->link);
    pthread_mutex_unlock(&loop->mail_lock);
    if (first) {
        uv_async_send(&loop->wake);
    }
    return 0;
}

int loop_on_pass_end(struct loop *loop, loop_fn fn, void *arg)
{
    if (loop->pass_end_n == LOOP_PASS_END_MAX) {
        return -ERR_LIMIT;
    }
    loop->pass_end[loop->pass_end_n].fn = fn;
    loop->pass_end[loop->pass_end_n++].arg = arg;
    return 0;
}

void loop_off_pass_end(struct loop *loop, loop_fn fn, void *arg)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < loop->pass_end_n; i++) {
        if (loop->pass_end[i].fn != fn || loop->pass_end[i].arg != arg) {
            loop->pass_end[kept++] = loop->pass_end[i];
        }
    }
    loop->pass_end_n = kept;
}

static void on_signal(uv_signal_t *uv, int signo)
{
    struct loop_signal *s = uv->data;
    loop_enter(CONTAINER_OF(uv->loop, struct loop, uv));
    s->fn(signo, s->arg);
}

int loop_on_signal(struct loop *loop, int signo, void (*fn)(int signo, void *arg), void *arg)
{
    for (struct list *at = loop->signals.next; at != &loop->signals; at = at->next) {
        struct loop_signal *s = CONTAINER_OF(at, struct loop_signal, link);
        if (s->uv.signum == signo) {
            s->fn = fn;
            s->arg = arg;
            return 0;
        }
    }
    struct loop_signal *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    *s = (struct loop_signal){.fn = fn, .arg = arg};
    s->uv.data = s;
    int err = uv_signal_init(&loop->uv, &s->uv);
    if (err < 0) {
        free(s);
        return err;
    }
    list_append(&loop->signals, &s->link);
    return uv_signal_start(&s->uv, on_signal, signo);
}

static void on_signal_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Ends every connection and job; their last callbacks run here and may open something new, hence the loop. */
static void close_items(struct loop *loop)
{
    run_mail(loop);
    while (!list_empty(&loop->items) || !list_empty(&loop->jobs) || !list_empty(&loop->tasks)) {
        timer_stop_all(loop);
        job_cancel_all(loop);
        struct list due;
        list_init(&due);
        list_move_all(&loop->items, &due);
        while (!list_empty(&due)) {
            struct loop_item *item = CONTAINER_OF(due.next, struct loop_item, link);
            list_leave(&item->link);
            list_append(&loop->items, &item->link); /* until its last callback ran */
            item->close(item->arg);
        }
        uv_run(&loop->uv, UV_RUN_ONCE);
        run_mail(loop);
    }
}

static void close_handles(struct loop *loop)
{
    timer_free_all(loop);
    while (!list_empty(&loop->signals)) {
        struct loop_signal *s = CONTAINER_OF(loop->signals.next, struct loop_signal, link);
        list_leave(&s->link);
        uv_close((uv_handle_t *)&s->uv, on_signal_closed);
    }
    uv_handle_t *own[] = {(uv_handle_t *)&loop->wake, (uv_handle_t *)&loop->prepare, (uv_handle_t *)&loop->check,
                          (uv_handle_t *)&loop->idle};
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (own[i]->type != UV_UNKNOWN_HANDLE && !uv_is_closing(own[i])) {
            uv_close(own[i], NULL);
        }
    }
}

/* A server, client or disk has to be freed before its loop; better loud than a loop that never ends. */
static void require_closing(uv_handle_t *handle, void *arg)
{
    (void)arg;
    assert(uv_is_closing(handle));
}

void loop_free(struct loop *loop)
{
    if (!loop) {
        return;
    }
    loop->thread = pthread_self();
    loop->closing = true;
    close_items(loop);
    close_handles(loop);
    uv_walk(&loop->uv, require_closing, NULL);
    while (uv_loop_close(&loop->uv) == UV_EBUSY) {
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    free_memory(loop);
}
