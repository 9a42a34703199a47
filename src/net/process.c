#include "net/process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/loop_impl.h"

#define PROCESS_LINE_MAX  4096
#define PROCESS_INPUT_MAX (1024 * 1024)

struct process {
    struct loop *loop;
    struct loop_item item;
    uv_process_t uv;
    uv_pipe_t in;
    uv_pipe_t out;
    uv_timer_t killer;
    const struct process_handler *handler;
    void *arg;
    uint32_t kill_ms;
    int handles; /* not yet closed */
    bool exited;
    int status, signo;
    size_t max_line;
    struct buf line;
    char chunk[PROCESS_LINE_MAX];
};

struct process_input {
    uv_write_t req;
    uint8_t data[];
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
    buf_done(&p->line);
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
    struct str line = buf_str(&p->line);
    if (line.n > 0 && line.p[line.n - 1] == '\r') {
        line.n--;
    }
    if (p->handler->on_line && p->line.err == 0) {
        p->handler->on_line(p, line, p->arg);
    }
    buf_clear(&p->line);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct process *p = stream->data;
    loop_enter(p->loop);
    if (n < 0) {
        uv_read_stop(stream);
        return;
    }
    struct str rest = {buf->base, (size_t)n};
    while (rest.n > 0) {
        size_t end = str_find(rest, '\n');
        size_t take = MIN(end, p->max_line - p->line.len);
        buf_put(&p->line, rest.p, take);
        bool whole = take == end && end < rest.n;
        if (whole || p->line.len == p->max_line || p->line.err) {
            give_line(p);
        }
        rest = (struct str){rest.p + take + whole, rest.n - take - whole};
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
    char **env = NULL;
    memcpy(&argv, &opts->argv, sizeof(argv)); /* libuv's fields lack the const; it copies nothing, exec reads only */
    memcpy(&env, &opts->env, sizeof(env));
    uv_process_options_t o = {
        .file = opts->file,
        .args = argv,
        .env = env,
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
    p->max_line = opts->max_line ? opts->max_line : PROCESS_LINE_MAX;
    buf_init(&p->line, p->max_line);
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

static void on_written(uv_write_t *req, int status UNUSED)
{
    free(CONTAINER_OF(req, struct process_input, req));
}

int process_write(struct process *p, struct span data)
{
    uv_stream_t *in = (uv_stream_t *)&p->in;
    if (p->exited || uv_is_closing((uv_handle_t *)in)) {
        return -ERR_CLOSED;
    }
    if (in->write_queue_size + data.n > PROCESS_INPUT_MAX) {
        return -ERR_LIMIT;
    }
    struct process_input *input = malloc(sizeof(*input) + data.n);
    if (!input) {
        return -ENOMEM;
    }
    memcpy(input->data, data.p, data.n);
    uv_buf_t buf = uv_buf_init((char *)input->data, (unsigned)data.n);
    int err = uv_write(&input->req, in, &buf, 1, on_written);
    if (err < 0) {
        free(input);
        return err == -EPIPE ? -ERR_CLOSED : err;
    }
    return 0;
}

void process_close(struct process *p)
{
    if (p->exited || uv_is_closing((uv_handle_t *)&p->uv) || uv_is_active((uv_handle_t *)&p->killer)) {
        return;
    }
    ignore_result(uv_process_kill(&p->uv, SIGTERM)); /* gone already: its exit is on the way */
    uv_timer_start(&p->killer, on_kill_due, p->kill_ms, 0);
}
