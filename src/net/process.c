#include "net/process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/loop_impl.h"

#define PROCESS_LINE_MAX 4096

struct process {
    struct loop *loop;
    struct loop_item item;
    uv_process_t uv;
    uv_pipe_t in; /* held open, never written */
    uv_pipe_t out;
    uv_timer_t killer;
    const struct process_handler *handler;
    void *arg;
    uint32_t kill_ms;
    int handles; /* not yet closed */
    bool exited;
    int status, signo;
    size_t line_n;
    char line[PROCESS_LINE_MAX];
    char chunk[PROCESS_LINE_MAX];
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct process *p = handle->data;
    loop_enter(p->loop);
    if (--p->handles > 0) {
        return;
    }
    list_leave(&p->item.link);
    if (p->exited) { /* not when it was never started */
        p->handler->on_closed(p, p->status, p->signo, p->arg);
    }
    free(p);
}

static void close_handles(struct process *p)
{
    uv_handle_t *all[] = {(uv_handle_t *)&p->uv, (uv_handle_t *)&p->in, (uv_handle_t *)&p->out,
                          (uv_handle_t *)&p->killer};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (!uv_is_closing(all[i])) {
            uv_close(all[i], on_handle_closed);
        }
    }
}

static void on_exit_seen(uv_process_t *uv, int64_t status, int signo)
{
    struct process *p = CONTAINER_OF(uv, struct process, uv);
    loop_enter(p->loop);
    p->exited = true;
    p->status = (int)status;
    p->signo = signo;
    close_handles(p);
}

static void on_alloc(uv_handle_t *handle, size_t hint UNUSED, uv_buf_t *ret)
{
    struct process *p = handle->data;
    *ret = uv_buf_init(p->chunk, sizeof(p->chunk));
}

static void give_line(struct process *p)
{
    size_t n = p->line_n;
    p->line_n = 0;
    if (n > 0 && p->line[n - 1] == '\r') {
        n--;
    }
    if (p->handler->on_line) {
        p->handler->on_line(p, (struct str){p->line, n}, p->arg);
    }
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct process *p = stream->data;
    loop_enter(p->loop);
    if (n < 0) {
        uv_read_stop(stream);
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (buf->base[i] == '\n') {
            give_line(p);
            continue;
        }
        if (p->line_n == sizeof(p->line)) {
            give_line(p);
        }
        p->line[p->line_n++] = buf->base[i];
    }
}

static void on_kill_due(uv_timer_t *uv)
{
    struct process *p = CONTAINER_OF(uv, struct process, killer);
    loop_enter(p->loop);
    if (!p->exited) {
        ignore_result(uv_process_kill(&p->uv, SIGKILL)); /* gone already: its exit is on the way */
    }
}

static void close_item(void *arg)
{
    process_close(arg);
}

static int spawn(struct process *p, const struct process_opts *opts)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&p->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&p->out},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    char **argv = NULL;
    memcpy(&argv, &opts->argv, sizeof(argv)); /* libuv's field lacks the const; it copies nothing, exec reads only */
    uv_process_options_t o = {
        .file = opts->file,
        .args = argv,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = ARRAY_LEN(stdio),
        .stdio = stdio,
        .exit_cb = on_exit_seen,
    };
    return uv_spawn(&p->loop->uv, &p->uv, &o);
}

int process_open(struct loop *loop, const struct process_opts *opts, const struct process_handler *h, void *arg,
                 struct process **ret)
{
    struct process *p = calloc(1, sizeof(*p));
    if (!p) {
        return -ENOMEM;
    }
    p->loop = loop;
    p->handler = h;
    p->arg = arg;
    p->kill_ms = opts->kill_ms ? opts->kill_ms : 2000;
    p->handles = 4;
    uv_pipe_init(&loop->uv, &p->in, 0);
    uv_pipe_init(&loop->uv, &p->out, 0);
    uv_timer_init(&loop->uv, &p->killer);
    p->uv.data = p->in.data = p->out.data = p->killer.data = p;
    loop_add(loop, &p->item, close_item, p);
    int err = spawn(p, opts);
    if (err < 0) {
        close_handles(p); /* uv_spawn has initialised its handle also when it fails */
        return err;
    }
    p->uv.data = p;
    err = uv_read_start((uv_stream_t *)&p->out, on_alloc, on_output);
    if (err < 0) { /* cannot happen with a fresh pipe; the child would run unheard */
        process_close(p);
    }
    *ret = p;
    return 0;
}

int process_id(const struct process *p)
{
    return p->uv.pid;
}

void process_close(struct process *p)
{
    if (p->exited || uv_is_closing((uv_handle_t *)&p->uv) || uv_is_active((uv_handle_t *)&p->killer)) {
        return;
    }
    ignore_result(uv_process_kill(&p->uv, SIGTERM)); /* gone already: its exit is on the way */
    uv_timer_start(&p->killer, on_kill_due, p->kill_ms, 0);
}
