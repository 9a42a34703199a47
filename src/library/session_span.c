/* Spans of the program's own in the trace of its session. Any thread. */
#include "base/err.h"
#include "library/session_order.h"
#include "library/span_id.h"

static struct trace_span *span_of(struct order *o, struct host *h)
{
    uint8_t id[TRACE_SPAN_BYTES];
    struct trace *t = h ? host_trace(h) : NULL;
    return t && span_id_read(o->texts[0], id) ? trace_find(t, id) : NULL;
}

static int span_begin(struct order *o, struct host *h)
{
    struct trace *t = h ? host_trace(h) : NULL;
    uint64_t now_us = loop_now_us(gateway_loop(o->s->runner->gw));
    struct trace_span *span =
        t ? span_start(t, host_trace_now(h), TRACE_CUSTOM, TRACE_INTERNAL, str_from(o->texts[0]), now_us) : NULL;
    if (!span) {
        return -ERR_STATE;
    }
    trace_hex(span->id, TRACE_SPAN_BYTES, o->span_id);
    return 0;
}

static int span_attribute(struct order *o, struct host *h)
{
    struct trace_span *span = span_of(o, h);
    if (span) {
        span_own_str(span, str_from(o->texts[1]), str_from(o->texts[2]));
    }
    return span ? 0 : -ENOENT;
}

static int span_finish(struct order *o, struct host *h)
{
    struct trace_span *span = span_of(o, h);
    if (!span) {
        return -ENOENT;
    }
    if (o->texts[1]) {
        span_error(span, STR("program"), str_from(o->texts[1]));
    }
    span_end(span, loop_now_us(gateway_loop(o->s->runner->gw)));
    return 0;
}

int rt_session_span_start(struct rt_session *session, const char *name, char id[RT_SPAN_ID_MAX])
{
    if (!session || !name || !*name || !id) {
        return -EINVAL;
    }
    struct order *o = order_of_texts(session, span_begin, name, NULL, NULL);
    if (o) {
        o->span_id = id; /* the caller waits */
    }
    return order_ask(o, true);
}

int rt_session_span_attribute(struct rt_session *session, const char *id, const char *key, const char *value)
{
    bool whole = session && id && key && *key && value;
    return whole ? order_ask(order_of_texts(session, span_attribute, id, key, value), true) : -EINVAL;
}

int rt_session_span_end(struct rt_session *session, const char *id, const char *error)
{
    return session && id ? order_ask(order_of_texts(session, span_finish, id, error, NULL), true) : -EINVAL;
}
