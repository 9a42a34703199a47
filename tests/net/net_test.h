/*
 * Helpers of the network tests: a loop with a watchdog, and raw TCP peers that run a script of blocking calls on a
 * thread of their own, so that a test can say exactly which bytes the code under test meets.
 */
#ifndef TESTS_NET_NET_TEST_H
#define TESTS_NET_NET_TEST_H

#include "test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/loop.h"

enum { WATCHDOG_US = 20 * 1000 * 1000 };

struct watchdog {
    struct loop *loop;
    bool fired;
};

static void watchdog_bite(void *arg)
{
    struct watchdog *w = arg;
    w->fired = true;
    loop_stop(w->loop);
}

/* Runs until somebody calls loop_stop; fails the test when nobody does. */
static UNUSED void run_loop(struct loop *loop)
{
    struct watchdog w = {.loop = loop};
    struct timer *t;
    assert_ok(timer_new(loop, watchdog_bite, &w, &t));
    timer_start(t, WATCHDOG_US, 0);
    loop_run(loop);
    timer_free(t);
    assert_false(w.fired);
}

static UNUSED void stop_loop(void *arg)
{
    loop_stop(arg);
}

/* Lets the loop run for a while: for things that must not happen. */
static UNUSED void run_loop_for(struct loop *loop, uint64_t us)
{
    struct timer *t;
    assert_ok(timer_new(loop, stop_loop, loop, &t));
    timer_start(t, us, 0);
    loop_run(loop);
    timer_free(t);
}

/* ---- raw peers ---- */

struct raw {
    pthread_t thread;
    struct loop *loop; /* stopped when the script ends */
    int listener, fd;
    uint16_t port;
    void (*script)(struct raw *r);
    const void *arg;
    struct buf got; /* what raw_read collected */
    bool failed;    /* a blocking call took longer than 10 s or could not be made */
};

static UNUSED void raw_send(struct raw *r, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = send(r->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* the other side may have closed already; what it said is still read */
        }
        bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
    }
}

/* Reads until the end of the stream, or until got holds needle when that is not empty. */
static UNUSED void raw_read(struct raw *r, struct str needle)
{
    char chunk[4096];
    while (needle.n == 0 || str_search(buf_str(&r->got), needle) == SIZE_MAX) {
        ssize_t n = recv(r->fd, chunk, sizeof(chunk), 0);
        if (n < 0 && errno == EAGAIN) {
            r->failed = true;
        }
        if (n <= 0) {
            return;
        }
        buf_put(&r->got, chunk, (size_t)n);
    }
}

/* Reads until at least n bytes came in all. */
static UNUSED void raw_read_n(struct raw *r, size_t n)
{
    char chunk[4096];
    while (r->got.len < n) {
        ssize_t k = recv(r->fd, chunk, MIN(sizeof(chunk), n - r->got.len), 0);
        if (k <= 0) {
            r->failed |= k < 0 && errno == EAGAIN;
            return;
        }
        buf_put(&r->got, chunk, (size_t)k);
    }
}

static UNUSED void raw_wait_ms(int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

static struct sockaddr_in raw_addr(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void raw_set_deadline(int fd)
{
    struct timeval limit = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void *raw_main(void *arg)
{
    struct raw *r = arg;
    if (r->listener >= 0) {
        raw_set_deadline(r->listener);
        r->fd = accept(r->listener, NULL, NULL);
    } else {
        struct sockaddr_in a = raw_addr(r->port);
        r->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(r->fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
            r->failed = true;
        }
    }
    raw_set_deadline(r->fd);
    if (r->fd < 0) {
        r->failed = true;
    } else {
        r->script(r);
        if (r->fd >= 0) {
            close(r->fd);
        }
    }
    if (r->loop) {
        loop_stop(r->loop);
    }
    return NULL;
}

static void raw_start(struct raw *r)
{
    buf_init(&r->got, 16 * 1024 * 1024);
    assert_int_equal(pthread_create(&r->thread, NULL, raw_main, r), 0);
}

/* A client of port; loop may be NULL (then the test itself has to stop the loop). */
static UNUSED void raw_connect(struct raw *r, struct loop *loop, uint16_t port, void (*script)(struct raw *r),
                               const void *arg)
{
    *r = (struct raw){.loop = loop, .listener = -1, .fd = -1, .port = port, .script = script, .arg = arg};
    raw_start(r);
}

/* A server for one connection; r->port says where. */
static UNUSED void raw_listen(struct raw *r, struct loop *loop, void (*script)(struct raw *r), const void *arg)
{
    *r = (struct raw){.loop = loop, .fd = -1, .script = script, .arg = arg};
    r->listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = raw_addr(0);
    socklen_t size = sizeof(a);
    assert_int_equal(bind(r->listener, (struct sockaddr *)&a, size), 0);
    assert_int_equal(listen(r->listener, 4), 0);
    assert_int_equal(getsockname(r->listener, (struct sockaddr *)&a, &size), 0);
    r->port = ntohs(a.sin_port);
    raw_start(r);
}

static UNUSED void raw_join(struct raw *r)
{
    pthread_join(r->thread, NULL);
    if (r->listener >= 0) {
        close(r->listener);
    }
    assert_false(r->failed);
}

static UNUSED void raw_done(struct raw *r)
{
    buf_done(&r->got);
}

#endif
