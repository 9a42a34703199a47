#include "net/http_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "net/http_impl.h"

enum { BACKLOG = 511 };

static void set_defaults(struct http_server_opts *o)
{
    o->max_header_bytes = o->max_header_bytes ? o->max_header_bytes : 32 * 1024;
    o->max_body_bytes = o->max_body_bytes ? o->max_body_bytes : 1024 * 1024;
    o->max_connections = o->max_connections ? o->max_connections : 4096;
    o->header_deadline_ms = o->header_deadline_ms ? o->header_deadline_ms : 10 * 1000;
    o->idle_deadline_ms = o->idle_deadline_ms ? o->idle_deadline_ms : 60 * 1000;
    o->tls = tls_ref(o->tls);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http_server *s = CONTAINER_OF((uv_tcp_t *)listener, struct http_server, tcp);
    loop_enter(s->loop);
    if (status < 0) {
        s->stats.refused++;
        return;
    }
    struct stream *stream;
    int err = stream_accept(s->loop, listener, s->opts.tls, &stream);
    if (err < 0 || s->stats.connections >= s->opts.max_connections) {
        s->stats.refused++;
        if (err == 0) {
            stream_close(stream);
        }
        return;
    }
    s->stats.accepted++;
    http_conn_start(s, stream);
}

static int set_option(int fd, int name)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, name, &on, sizeof(on)) == 0 ? 0 : -errno;
}

/* The socket is made here and not by libuv because SO_REUSEPORT has to be set before bind. */
static int bind_socket(const struct addrinfo *ai, bool reuse_port)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int err = set_option(fd, SO_REUSEADDR);
    if (err == 0 && reuse_port) {
        err = set_option(fd, SO_REUSEPORT);
    }
    if (err == 0 && bind(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
        err = -errno;
    }
    if (err < 0) {
        close(fd);
        return err;
    }
    return fd;
}

static int open_socket(const struct http_server_opts *opts)
{
    char port[6];
    snprintf(port, sizeof(port), "%u", (unsigned)opts->port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list;
    if (getaddrinfo(opts->host, port, &hints, &list) != 0) {
        return -ERR_DNS;
    }
    int fd = -ERR_DNS;
    for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
        fd = bind_socket(ai, opts->reuse_port);
    }
    freeaddrinfo(list);
    return fd;
}

static int start_listening(struct http_server *s)
{
    int fd = open_socket(&s->opts);
    if (fd < 0) {
        return fd;
    }
    int err = uv_tcp_open(&s->tcp, fd);
    if (err < 0) {
        close(fd);
        return err;
    }
    err = uv_listen((uv_stream_t *)&s->tcp, BACKLOG, on_connection);
    struct sockaddr_storage addr;
    int size = sizeof(addr);
    if (err == 0) {
        err = uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&addr, &size);
    }
    if (err < 0) {
        return err;
    }
    in_port_t port = addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
                                                : ((struct sockaddr_in *)&addr)->sin_port;
    s->port = ntohs(port);
    return 0;
}

int http_server_open(struct loop *loop, const struct http_server_opts *opts, const struct http_server_handler *h,
                     void *arg, struct http_server **ret)
{
    struct http_server *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->loop = loop;
    s->handler = h;
    s->arg = arg;
    s->opts = *opts;
    set_defaults(&s->opts);
    list_init(&s->conns);
    int err = uv_tcp_init(&loop->uv, &s->tcp);
    if (err < 0) {
        tls_unref(s->opts.tls);
        free(s);
        return err;
    }
    s->listener_open = true;
    err = start_listening(s);
    if (err < 0) {
        http_server_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_set_tls(struct http_server *s, struct tls_ctx *tls)
{
    struct tls_ctx *old = s->opts.tls;
    s->opts.tls = tls_ref(tls);
    tls_unref(old);
}

void http_server_stats(const struct http_server *s, struct http_server_stats *ret)
{
    *ret = s->stats;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct http_server *s = CONTAINER_OF((uv_tcp_t *)handle, struct http_server, tcp);
    s->listener_open = false;
    if (s->freed) {
        free(s);
    }
}

void http_server_stop_listening(struct http_server *s)
{
    if (s->listener_open && !uv_is_closing((uv_handle_t *)&s->tcp)) {
        uv_close((uv_handle_t *)&s->tcp, on_listener_closed);
    }
}

struct http_server *http_server_free(struct http_server *s)
{
    if (!s) {
        return NULL;
    }
    while (!list_empty(&s->conns)) {
        http_conn_close(CONTAINER_OF(s->conns.next, struct http_conn, link));
    }
    tls_unref(s->opts.tls);
    s->opts.tls = NULL;
    s->freed = true;
    if (s->listener_open) {
        http_server_stop_listening(s);
    } else {
        free(s);
    }
    return NULL;
}
