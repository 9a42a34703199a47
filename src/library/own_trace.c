/* Traces that belong to no session: the program's own. Spans are made on the loop thread; whoever asks waits for it. */
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "library/runner.h"
#include "library/span_id.h"
#include "obs/traceparent.h"

struct rt_trace {
    struct rt_runner *runner;
    struct trace *trace; /* loop thread */
    struct trace_span *root;
    char id[2 * TRACE_ID_BYTES + 1];
};

/* Something to be done on the loop thread; lent by who waits. */
struct errand {
    int (*fn)(struct errand *e, struct rt_trace *t);
    struct rt_trace *t;
    const char *span, *a, *b;
    char *out;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool done;
    int result;
};

static void run(void *arg)
{
    struct errand *e = arg;
    int result = e->fn(e, e->t);
    pthread_mutex_lock(&e->lock);
    e->result = result;
    e->done = true;
    pthread_cond_signal(&e->news);
    pthread_mutex_unlock(&e->lock); /* the last touch: who waits owns it */
}

static int send(struct errand *e)
{
    struct rt_runner *r = e->t->runner;
    if (pthread_equal(r->thread, pthread_self())) {
        return e->fn(e, e->t);
    }
    if (pthread_mutex_init(&e->lock, NULL) != 0) {
        return -ENOMEM;
    }
    int err = pthread_cond_init(&e->news, NULL) == 0 ? 0 : -ENOMEM;
    if (err == 0) {
        err = loop_post(gateway_loop(r->gw), run, e);
        pthread_mutex_lock(&e->lock);
        while (err == 0 && !e->done) {
            pthread_cond_wait(&e->news, &e->lock);
        }
        pthread_mutex_unlock(&e->lock);
        err = err < 0 ? err : e->result;
        pthread_cond_destroy(&e->news);
    }
    pthread_mutex_destroy(&e->lock);
    return err;
}

static uint64_t now_us(const struct rt_trace *t)
{
    return loop_now_us(gateway_loop(t->runner->gw));
}

/* NULL: the first one. */
static struct trace_span *find(const struct rt_trace *t, const char *id)
{
    uint8_t bytes[TRACE_SPAN_BYTES];
    if (!id) {
        return t->root;
    }
    return span_id_read(id, bytes) ? trace_find(t->trace, bytes) : NULL;
}

/* ---- on the loop thread ---- */

static int begin(struct errand *e, struct rt_trace *t)
{
    const struct trace_opts o = {.wall_us = (uint64_t)clock_wall_us(), .now_us = now_us(t)};
    int err = t->runner->untraced ? 0 : trace_new(gateway_tracer(t->runner->gw), &o, &t->trace);
    if (err < 0 || !t->trace) {
        return err < 0 ? err : -ERR_STATE;
    }
    trace_hex(trace_id(t->trace), TRACE_ID_BYTES, t->id);
    t->root = span_start(t->trace, NULL, TRACE_CUSTOM, TRACE_INTERNAL, str_from(e->a), o.now_us);
    if (!t->root) {
        t->trace = trace_free(t->trace, o.now_us);
        return -ENOMEM;
    }
    return 0;
}

static int finish(struct errand *e UNUSED, struct rt_trace *t)
{
    t->trace = trace_free(t->trace, now_us(t));
    return 0;
}

static int start(struct errand *e, struct rt_trace *t)
{
    struct trace_span *parent = find(t, e->span);
    if (!parent) {
        return -ENOENT;
    }
    struct trace_span *s = span_start(t->trace, parent, TRACE_CUSTOM, TRACE_INTERNAL, str_from(e->a), now_us(t));
    if (!s) {
        return -ERR_LIMIT;
    }
    trace_hex(s->id, TRACE_SPAN_BYTES, e->out);
    return 0;
}

static int attribute(struct errand *e, struct rt_trace *t)
{
    struct trace_span *s = find(t, e->span);
    if (s) {
        span_own_str(s, str_from(e->a), str_from(e->b));
    }
    return s ? 0 : -ENOENT;
}

static int end(struct errand *e, struct rt_trace *t)
{
    struct trace_span *s = find(t, e->span);
    if (!s || s == t->root) {
        return -ENOENT; /* the first one ends with the trace */
    }
    if (e->a) {
        span_error(s, STR("program"), str_from(e->a));
    }
    span_end(s, now_us(t));
    return 0;
}

static int context(struct errand *e, struct rt_trace *t)
{
    struct trace_parent parent;
    struct trace_span *s = find(t, e->span);
    if (!s) {
        return -ENOENT;
    }
    span_context(s, &parent);
    traceparent_print(&parent, e->out);
    return 0;
}

/* ---- any thread ---- */

static void count(struct rt_runner *r, int by)
{
    pthread_mutex_lock(&r->lock);
    r->sessions = (uint32_t)((int64_t)r->sessions + by);
    pthread_mutex_unlock(&r->lock);
}

int rt_trace_new(struct rt_runner *runner, const char *name, struct rt_trace **ret)
{
    if (!runner || !name || !*name || !ret) {
        return -EINVAL;
    }
    struct rt_trace *t = calloc(1, sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    t->runner = runner;
    struct errand e = {.fn = begin, .t = t, .a = name};
    int err = send(&e);
    if (err < 0) {
        free(t);
        return err;
    }
    count(runner, 1);
    *ret = t;
    return 0;
}

int rt_trace_free(struct rt_trace *trace)
{
    if (!trace) {
        return 0;
    }
    struct errand e = {.fn = finish, .t = trace};
    int err = send(&e);
    if (err < 0) {
        return err;
    }
    count(trace->runner, -1);
    free(trace);
    return 0;
}

const char *rt_trace_id(const struct rt_trace *trace)
{
    return trace ? trace->id : "";
}

int rt_trace_span_start(struct rt_trace *trace, const char *parent, const char *name, char id[RT_SPAN_ID_MAX])
{
    if (!trace || !name || !*name || !id) {
        return -EINVAL;
    }
    struct errand e = {.fn = start, .t = trace, .span = parent, .a = name, .out = id};
    return send(&e);
}

int rt_trace_span_attribute(struct rt_trace *trace, const char *id, const char *key, const char *value)
{
    struct errand e = {.fn = attribute, .t = trace, .span = id, .a = key, .b = value};
    return trace && key && *key && value ? send(&e) : -EINVAL;
}

int rt_trace_span_end(struct rt_trace *trace, const char *id, const char *error)
{
    struct errand e = {.fn = end, .t = trace, .span = id, .a = error};
    return trace && id ? send(&e) : -EINVAL;
}

int rt_trace_parent(struct rt_trace *trace, const char *id, char ret[RT_TRACEPARENT_MAX])
{
    struct errand e = {.fn = context, .t = trace, .span = id, .out = ret};
    return trace && ret ? send(&e) : -EINVAL;
}
