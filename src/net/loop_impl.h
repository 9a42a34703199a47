/* What the files of src/net share of the loop. Nobody else includes this. */
#ifndef NET_LOOP_IMPL_H
#define NET_LOOP_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "net/list.h"
#include "net/loop.h"
#include "net/tls.h"

#include <uv.h> /* after ours: it brings macros MIN and MAX of its own */

enum {
    LOOP_RECV_BYTES = 64 * 1024,
    LOOP_RECV_ROOM = 16 * 1024, /* so much is free when a socket is read */
    LOOP_READS = 64,            /* sockets that are read before what they brought is handled */
    LOOP_SEND_MAX = 32 * 1024 * 1024,
    LOOP_SEND_KEEP = 256 * 1024, /* a send buffer that grew over it is given back after the write */
    LOOP_SEND_RUNS = 32,         /* connections, nearly, whose frames may wait for the end of the pass */
    LOOP_PASS_END_MAX = 4,
    LOOP_SLOW_PASS_US = 5000,
};

/* Work for the next pass, on a fresh stack. Embedded in its owner; leaving the list cancels it. */
struct loop_task {
    struct list link;
    loop_fn fn;
    void *arg;
};

/* Something that loop_free has to end: close must take it off the list, now or in a later pass. */
struct loop_item {
    struct list link;
    loop_fn close;
    void *arg;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /* active while tasks wait, so that the poll does not block */
    pthread_t thread;
    atomic_bool stop;
    bool in_pass;  /* now_us belongs to the current pass */
    bool in_timer; /* a timer's callback is running */
    bool closing;
    uint64_t now_us;
    struct loop_stats stats;
    struct {
        loop_fn fn;
        void *arg;
    } pass_end[LOOP_PASS_END_MAX];
    uint32_t pass_end_n;
    pthread_mutex_t mail_lock;
    struct list mail; /* struct loop_mail, guarded by mail_lock */
    struct list tasks;
    struct list items;
    struct list timers;
    struct list jobs;
    struct list signals;
    /*
     * The two buffers that all connections share. recv holds what the sockets brought in this poll, until all of them
     * have been read; cipher is what a TLS session wants sent, empty between calls.
     */
    uint8_t *recv;
    uint32_t recv_bytes; /* used */
    uint32_t n_reads;
    struct loop_read {
        struct stream *stream;
        uint32_t start, n; /* in recv */
    } reads[LOOP_READS];
    uint8_t *plain; /* decrypted bytes, allocated by the first TLS stream */
    struct buf cipher;
    struct tls_ctx *client_tls; /* the system's authorities, made by the first connection that names no other */
    /* The send buffer of ws_send.c: runs of finished frames, behind them the message of send_owner under construction.
     */
    struct buf send;
    size_t send_end;
    struct ws *send_owner;
    uint32_t n_runs;
    struct send_run {
        struct ws *ws; /* NULL: written already */
        size_t start, end;
    } runs[LOOP_SEND_RUNS];
};

/* First thing in every callback from libuv: the first one of a pass reads the clock. */
static inline void loop_enter(struct loop *loop)
{
    if (!loop->in_pass) {
        loop->now_us = clock_now_us();
        loop->in_pass = true;
    }
}

void loop_defer(struct loop *loop, struct loop_task *task);
static inline void loop_task_cancel(struct loop_task *task)
{
    list_leave(&task->link);
}

static inline void loop_add(struct loop *loop, struct loop_item *item, loop_fn close, void *arg)
{
    item->close = close;
    item->arg = arg;
    list_append(&loop->items, &item->link);
}

/* What the sockets brought is handed to their owners; in stream.c. */
void stream_deliver_all(struct loop *loop);
/* What all WebSockets of the loop have to send leaves; in ws_send.c. */
void ws_flush_all(struct loop *loop);

/* For loop_free. */
void timer_stop_all(struct loop *loop);
void timer_free_all(struct loop *loop);
void job_cancel_all(struct loop *loop);

#endif
