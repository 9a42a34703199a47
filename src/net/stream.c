#include "net/stream.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/prefetch.h"
#include "net/loop_impl.h"
#include "net/tls_impl.h"

struct stream {
    uv_tcp_t tcp;
    uv_write_t write_req;
    uv_connect_t connect_req;
    uv_shutdown_t shutdown_req;
    struct loop_item item;
    struct loop *loop;
    struct tls_session *tls;
    const struct stream_handler *handler; /* NULL: nobody owns it any more */
    void *arg;
    int fd;             /* libuv's */
    struct buf flight;  /* the write that libuv works on; empty: none */
    struct buf pending; /* what was written meanwhile */
    struct timer *deadline;
    bool open; /* on_open was called */
    bool reading;
    bool paused;
    bool eof;
    bool finishing;
    bool fin_sent;
    bool ended;  /* on_end was called */
    bool broken; /* by an error; after a mere half-close we may still write */
    enum stream_fin fin;
    char peer[INET6_ADDRSTRLEN + 10];
};

static void on_write(uv_write_t *req, int status);

static bool is_closing(const struct stream *s)
{
    return uv_is_closing((const uv_handle_t *)&s->tcp);
}

static void on_closed(uv_handle_t *handle)
{
    struct stream *s = CONTAINER_OF((uv_tcp_t *)handle, struct stream, tcp);
    list_leave(&s->item.link);
    tls_session_free(s->tls);
    buf_done(&s->flight);
    buf_done(&s->pending);
    free(s);
}

void stream_close(struct stream *s)
{
    s->handler = NULL;
    s->deadline = timer_free(s->deadline);
    if (!is_closing(s)) {
        uv_close((uv_handle_t *)&s->tcp, on_closed);
    }
}

static void end(struct stream *s, int err)
{
    uv_read_stop((uv_stream_t *)&s->tcp);
    s->reading = false;
    s->eof = true;
    s->broken |= err < 0;
    if (s->handler && !s->ended) {
        s->ended = true;
        s->handler->on_end(s, err, s->arg);
    } else if (!s->handler && !is_closing(s)) {
        stream_close(s);
    }
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)req;
    (void)status; /* a peer that has gone is noticed by the read */
}

/* Called whenever something changed for a stream that is being finished. */
static void finish_step(struct stream *s)
{
    if (!s->finishing || is_closing(s) || s->flight.len > 0) {
        return;
    }
    if (s->eof) {
        stream_close(s);
    } else if (s->fin == STREAM_FIN_NOW && !s->fin_sent) {
        s->fin_sent = true;
        if (uv_shutdown(&s->shutdown_req, (uv_stream_t *)&s->tcp, on_shutdown) < 0) {
            stream_close(s);
        }
    }
}

static int start_flight(struct stream *s)
{
    struct buf empty = s->flight;
    s->flight = s->pending;
    s->pending = empty;
    uv_buf_t part = uv_buf_init((char *)buf_ptr(&s->flight), (unsigned)s->flight.len);
    return uv_write(&s->write_req, (uv_stream_t *)&s->tcp, &part, 1, on_write);
}

static void on_write(uv_write_t *req, int status)
{
    struct stream *s = CONTAINER_OF(req, struct stream, write_req);
    loop_enter(s->loop);
    buf_done(&s->flight);
    if (is_closing(s)) {
        return;
    }
    if (status >= 0 && s->pending.len > 0) {
        status = start_flight(s);
    }
    if (status < 0) {
        stream_deliver_all(s->loop); /* what came before */
        end(s, status);
        return;
    }
    finish_step(s);
}

/* What the kernel takes of the parts at once. By send, not libuv's write: a third of the way through the kernel's file
 * layer is saved. */
static ssize_t write_now(struct stream *s, const struct span *parts, size_t n)
{
    struct iovec iov[STREAM_PARTS_MAX];
    assert(n <= STREAM_PARTS_MAX);
    for (size_t i = 0; i < n; i++) {
        iov[i] = (struct iovec){.iov_base = (void *)(uintptr_t)parts[i].p, .iov_len = parts[i].n};
    }
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n};
    ssize_t rc;
    do {
        rc = n == 1 ? send(s->fd, parts[0].p, parts[0].n, MSG_DONTWAIT | MSG_NOSIGNAL)
                    : sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (rc < 0 && errno == EINTR);
    return rc >= 0 ? rc : errno == EAGAIN ? 0 : -errno;
}

static int write_raw(struct stream *s, const struct span *parts, size_t n)
{
    size_t sent = 0;
    if (s->flight.len == 0) {
        ssize_t rc = write_now(s, parts, n);
        if (rc < 0) {
            return (int)rc;
        }
        sent = (size_t)rc;
    }
    for (size_t i = 0; i < n; i++) {
        size_t skip = MIN(sent, parts[i].n);
        sent -= skip;
        buf_put(&s->pending, parts[i].p + skip, parts[i].n - skip);
    }
    if (s->pending.err) {
        return s->pending.err;
    }
    return s->flight.len == 0 && s->pending.len > 0 ? start_flight(s) : 0;
}

static int flush_cipher(struct stream *s)
{
    struct buf *cipher = &s->loop->cipher;
    int err = cipher->err;
    if (!err && cipher->len > 0) {
        struct span part = buf_span(cipher);
        err = write_raw(s, &part, 1);
    }
    if (cipher->cap > LOOP_SEND_KEEP) {
        buf_done(cipher);
    }
    buf_clear(cipher);
    return err;
}

int stream_write_parts(struct stream *s, const struct span *parts, size_t n)
{
    if (s->broken || s->finishing || is_closing(s)) {
        return -ERR_CLOSED;
    }
    if (n == 0) {
        return 0;
    }
    if (!s->tls) {
        return write_raw(s, parts, n);
    }
    int err = 0;
    for (size_t i = 0; i < n && err == 0; i++) {
        err = tls_write(s->tls, parts[i], &s->loop->cipher);
    }
    int flushed = flush_cipher(s);
    return err < 0 ? err : flushed;
}

int stream_write(struct stream *s, struct span data)
{
    return stream_write_parts(s, &data, data.n > 0);
}

/* True when the connection is there and may go on. */
static bool shake_hands(struct stream *s)
{
    int rc = tls_handshake(s->tls, &s->loop->cipher);
    int err = flush_cipher(s);
    if (rc < 0 || err < 0) {
        end(s, rc < 0 ? rc : err);
        return false;
    }
    if (rc == 0) {
        return false;
    }
    s->open = true;
    if (s->handler && s->handler->on_open) {
        s->handler->on_open(s, s->arg);
    }
    return !is_closing(s);
}

static void read_tls(struct stream *s, const uint8_t *p, size_t n)
{
    tls_feed(s->tls, p, n);
    if (!s->open && !shake_hands(s)) {
        return;
    }
    while (!is_closing(s)) {
        int got = tls_read(s->tls, s->loop->plain, LOOP_RECV_BYTES, &s->loop->cipher);
        int err = flush_cipher(s); /* an answer to a key update */
        if (got > 0 && s->handler) {
            s->handler->on_data(s, s->loop->plain, (size_t)got, s->arg);
        }
        if (got == 0) {
            return;
        }
        if (got < 0 || err < 0) {
            if (!is_closing(s)) {
                end(s, got == -ERR_CLOSED ? 0 : got < 0 ? got : err);
            }
            return;
        }
    }
}

/* Lends libuv no memory: it then tells on_read so instead of reading by itself. */
static void on_alloc(uv_handle_t *handle UNUSED, size_t size UNUSED, uv_buf_t *ret)
{
    *ret = uv_buf_init(NULL, 0);
}

static void on_bytes(struct stream *s, uint8_t *p, size_t n)
{
    if (s->finishing) {
        return; /* thrown away */
    }
    if (s->tls) {
        read_tls(s, p, n);
    } else if (s->handler) {
        s->handler->on_data(s, p, n, s->arg);
    }
}

/* Nothing follows on_end, and nobody owns a stream that is closing. */
static void deliver(const struct loop *loop, const struct loop_read *read)
{
    struct stream *s = read->stream;
    if (!s->ended && !is_closing(s)) {
        on_bytes(s, loop->recv + read->start, read->n);
    }
}

static void prefetch_owners(const struct loop *loop)
{
    for (unsigned depth = 0; depth < PREFETCH_DEPTHS; depth++) {
        for (uint32_t i = 0; i < loop->n_reads; i++) {
            const struct stream *s = loop->reads[i].stream;
            if (s->handler && s->handler->prefetch) {
                s->handler->prefetch(s->arg, depth);
            }
        }
    }
}

void stream_deliver_all(struct loop *loop)
{
    prefetch_owners(loop);
    for (uint32_t i = 0; i < loop->n_reads; i++) {
        deliver(loop, &loop->reads[i]);
    }
    loop->n_reads = 0;
    loop->recv_bytes = 0;
}

/* err 0: the peer sends no more. */
static void on_no_more(struct stream *s, int err)
{
    stream_deliver_all(s->loop); /* what it sent before */
    if (is_closing(s) || s->ended) {
        return;
    }
    s->eof = true;
    if (s->finishing && err == 0) {
        uv_read_stop((uv_stream_t *)&s->tcp);
        finish_step(s);
    } else {
        end(s, err < 0 ? err : s->open ? 0 : -ERR_CLOSED);
    }
}

/*
 * The socket is readable. By recv, not libuv's read, which goes through the kernel's file layer. Whoever sends more
 * than there is room gets another turn after the others had theirs. What came is handled when all sockets have been
 * read: code that runs for one message after the other, without the kernel between, is not fetched anew for each.
 */
static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf UNUSED)
{
    struct stream *s = CONTAINER_OF((uv_tcp_t *)tcp, struct stream, tcp);
    struct loop *loop = s->loop;
    loop_enter(loop);
    if (n != UV_ENOBUFS) {
        on_no_more(s, n == UV_EOF ? 0 : (int)n);
        return;
    }
    if (loop->n_reads == LOOP_READS || loop->recv_bytes > LOOP_RECV_BYTES - LOOP_RECV_ROOM) {
        stream_deliver_all(loop);
        if (is_closing(s) || !s->reading) {
            return;
        }
    }
    do {
        n = recv(s->fd, loop->recv + loop->recv_bytes, LOOP_RECV_BYTES - loop->recv_bytes, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        loop->reads[loop->n_reads++] = (struct loop_read){s, loop->recv_bytes, (uint32_t)n};
        loop->recv_bytes += (uint32_t)n;
    } else if (n == 0) {
        on_no_more(s, 0);
    } else if (errno != EAGAIN) {
        on_no_more(s, -errno);
    }
}

static void set_reading(struct stream *s, bool on)
{
    if (on == s->reading || is_closing(s) || s->ended) {
        return;
    }
    s->reading = on;
    if (on) {
        ignore_result(uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read)); /* fails only on closing handles */
    } else {
        uv_read_stop((uv_stream_t *)&s->tcp);
    }
}

void stream_pause(struct stream *s, bool paused)
{
    s->paused = paused;
    set_reading(s, !paused);
}

static void close_item(void *arg)
{
    struct stream *s = arg;
    if (!is_closing(s)) {
        end(s, -ECANCELED);
    }
}

static void set_peer(struct stream *s, const struct sockaddr *addr)
{
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)addr;
        ignore_result(uv_ip6_name(in6, host, sizeof(host))); /* "?" stays */
        port = ntohs(in6->sin6_port);
    } else if (addr->sa_family == AF_INET) {
        const struct sockaddr_in *in4 = (const void *)addr;
        ignore_result(uv_ip4_name(in4, host, sizeof(host)));
        port = ntohs(in4->sin_port);
    }
    struct buf text;
    buf_init(&text, sizeof(s->peer));
    buf_printf(&text, addr->sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
    ignore_result(str_copy(s->peer, sizeof(s->peer), buf_str(&text)));
    buf_done(&text);
}

static int stream_new(struct loop *loop, struct tls_ctx *tls, const char *host, struct stream **ret)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->loop = loop;
    buf_init(&s->flight, SIZE_MAX / 2);
    buf_init(&s->pending, SIZE_MAX / 2);
    if (tls && !loop->plain) {
        loop->plain = malloc(LOOP_RECV_BYTES);
    }
    int err = tls ? (loop->plain ? tls_session_new(tls, host, &s->tls) : -ENOMEM) : 0;
    if (err == 0) {
        err = uv_tcp_init(&loop->uv, &s->tcp);
    }
    if (err < 0) {
        tls_session_free(s->tls);
        free(s);
        return err;
    }
    loop_add(loop, &s->item, close_item, s);
    *ret = s;
    return 0;
}

int stream_accept(struct loop *loop, uv_stream_t *listener, struct tls_ctx *tls, struct stream **ret)
{
    struct stream *s;
    int err = stream_new(loop, tls, NULL, &s);
    if (err < 0) {
        return err;
    }
    err = uv_accept(listener, (uv_stream_t *)&s->tcp);
    struct sockaddr_storage addr = {0};
    int size = sizeof(addr);
    if (err == 0) {
        err = uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&addr, &size);
    }
    if (err < 0) {
        stream_close(s);
        return err;
    }
    set_peer(s, (struct sockaddr *)&addr);
    uv_tcp_nodelay(&s->tcp, 1);
    ignore_result(uv_fileno((uv_handle_t *)&s->tcp, &s->fd));
    s->open = !tls;
    set_reading(s, true);
    *ret = s;
    return 0;
}

static void on_connect(uv_connect_t *req, int status)
{
    struct stream *s = CONTAINER_OF(req, struct stream, connect_req);
    loop_enter(s->loop);
    if (is_closing(s)) {
        return;
    }
    if (status < 0) {
        end(s, status);
        return;
    }
    uv_tcp_nodelay(&s->tcp, 1);
    ignore_result(uv_fileno((uv_handle_t *)&s->tcp, &s->fd));
    set_reading(s, !s->paused);
    if (s->tls) {
        shake_hands(s);
        return;
    }
    s->open = true;
    if (s->handler && s->handler->on_open) {
        s->handler->on_open(s, s->arg);
    }
}

int stream_connect(struct loop *loop, const struct sockaddr *addr, struct tls_ctx *tls, const char *host,
                   struct stream **ret)
{
    struct stream *s;
    int err = stream_new(loop, tls, host, &s);
    if (err < 0) {
        return err;
    }
    set_peer(s, addr);
    err = uv_tcp_connect(&s->connect_req, &s->tcp, addr, on_connect);
    if (err < 0) {
        stream_close(s);
        return err;
    }
    *ret = s;
    return 0;
}

void stream_set_handler(struct stream *s, const struct stream_handler *h, void *arg)
{
    s->handler = h;
    s->arg = arg;
}

void stream_prefetch(const struct stream *s)
{
    prefetch(&s->tcp, 128); /* its flags */
    PREFETCH_MEMBERS(s, loop, peer);
}

size_t stream_queued_bytes(const struct stream *s)
{
    size_t flying = s->flight.len > 0 ? uv_stream_get_write_queue_size((const uv_stream_t *)&s->tcp) : 0;
    return flying + s->pending.len;
}

static void on_deadline(void *arg)
{
    stream_close(arg);
}

void stream_finish(struct stream *s, uint32_t deadline_ms, enum stream_fin fin)
{
    s->handler = NULL;
    if (is_closing(s)) {
        return;
    }
    if (s->tls && s->open && !s->broken) {
        tls_close_notify(s->tls, &s->loop->cipher);
        ignore_result(flush_cipher(s)); /* best effort: the connection ends anyway */
    }
    s->finishing = true;
    s->fin = fin;
    if (!s->open || timer_new(s->loop, on_deadline, s, &s->deadline) < 0) {
        stream_close(s);
        return;
    }
    timer_start(s->deadline, (uint64_t)deadline_ms * 1000, 0);
    set_reading(s, true);
    finish_step(s);
}

struct loop *stream_loop(const struct stream *s)
{
    return s->loop;
}

bool stream_is_tls(const struct stream *s)
{
    return s->tls != NULL;
}

const char *stream_peer(const struct stream *s)
{
    return s->peer;
}

const char *stream_error(const struct stream *s)
{
    return s->tls ? tls_session_error(s->tls) : "";
}
