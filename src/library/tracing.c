#include "library/tracing.h"

#include "base/arena.h"
#include "base/err.h"
#include "obs/trace_json.h"

#define TEXTS_MAX (1u << 20)

#define HEX_OF(bytes) ((bytes)*2 + 1)

static const char *text_of(struct arena *a, struct str s)
{
    const char *copy = s.n > 0 ? arena_str(a, s).p : "";
    return copy ? copy : "";
}

static bool is_zero(const uint8_t *id, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (id[i]) {
            return false;
        }
    }
    return true;
}

static void tell_span(const struct trace_span *s, void (*fn)(const struct rt_span *span, void *arg), void *arg)
{
    char trace[HEX_OF(TRACE_ID_BYTES)], id[HEX_OF(TRACE_SPAN_BYTES)], parent[HEX_OF(TRACE_SPAN_BYTES)];
    struct arena texts;
    struct buf attributes;
    arena_init(&texts, TEXTS_MAX);
    buf_init(&attributes, TEXTS_MAX);
    trace_hex(trace_id(s->trace), TRACE_ID_BYTES, trace);
    trace_hex(s->id, TRACE_SPAN_BYTES, id);
    trace_hex(s->parent_id, TRACE_SPAN_BYTES, parent);
    trace_put_attrs(&attributes, s->attrs, s->n_attrs);
    const char *json = buf_cstr(&attributes);
    const struct rt_span span = {
        .trace_id = trace,
        .span_id = id,
        .parent_id = is_zero(s->parent_id, TRACE_SPAN_BYTES) ? "" : parent,
        .session_id = text_of(&texts, trace_group(s->trace)),
        .type = trace_type_word(s->type),
        .name = text_of(&texts, s->name),
        .start_us = s->start_us,
        .end_us = s->end_us,
        .status = s->status == TRACE_ERROR ? RT_SPAN_ERROR
                  : s->status == TRACE_OK  ? RT_SPAN_OK
                                           : RT_SPAN_UNSET,
        .status_text = text_of(&texts, s->status_text),
        .attributes = json ? json : "{}",
    };
    fn(&span, arg);
    buf_done(&attributes);
    arena_done(&texts);
}

static void tell_trace(const struct trace *t, void (*fn)(const char *id, const char *session, void *arg), void *arg)
{
    char id[HEX_OF(TRACE_ID_BYTES)];
    struct arena texts;
    arena_init(&texts, TEXTS_MAX);
    trace_hex(trace_id(t), TRACE_ID_BYTES, id);
    fn(id, text_of(&texts, trace_group(t)), arg);
    arena_done(&texts);
}

static void on_trace_start(const struct trace *trace, void *arg)
{
    struct tracing *t = arg;
    if (t->p.on_trace_start) {
        tell_trace(trace, t->p.on_trace_start, t->arg);
    }
}

static void on_span_start(const struct trace_span *s, void *arg)
{
    struct tracing *t = arg;
    if (t->p.on_span_start) {
        tell_span(s, t->p.on_span_start, t->arg);
    }
}

static void on_span_end(const struct trace_span *s, void *arg)
{
    struct tracing *t = arg;
    if (t->p.on_span_end) {
        tell_span(s, t->p.on_span_end, t->arg);
    }
}

static void on_trace_end(const struct trace *trace, void *arg)
{
    struct tracing *t = arg;
    if (t->p.on_trace_end) {
        tell_trace(trace, t->p.on_trace_end, t->arg);
    }
}

static const struct trace_processor processor = {.name = "program",
                                                 .on_trace_start = on_trace_start,
                                                 .on_span_start = on_span_start,
                                                 .on_span_end = on_span_end,
                                                 .on_trace_end = on_trace_end};

int tracing_init(struct tracing *t, const struct rt_trace_processor *p, void *arg)
{
    *t = (struct tracing){.arg = arg};
    if (!p || p->struct_size < sizeof(p->struct_size)) {
        return -EINVAL;
    }
    memcpy(&t->p, p, MIN(p->struct_size, sizeof(t->p)));
    return 0;
}

int tracing_add(struct tracing *t, struct tracer *tracer)
{
    return tracer_add(tracer, &processor, t);
}
