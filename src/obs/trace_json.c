#include "obs/trace_json.h"

#include "base/json.h"

/* Bits 8 and 9 of OTLP's flags: it is known whether the parent is remote, and it is. */
#define FLAG_SAMPLED 0x001
#define FLAG_KNOWN   0x100
#define FLAG_REMOTE  0x200

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

void trace_hex(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

/* ---- plain ---- */

static void put_value(struct json_w *w, const struct trace_attr *a)
{
    switch (a->type) {
    case TRACE_VALUE_STR:
        json_w_str(w, a->text);
        break;
    case TRACE_VALUE_INT:
        json_w_i64(w, a->i);
        break;
    case TRACE_VALUE_F64:
        json_w_f64(w, a->f);
        break;
    case TRACE_VALUE_BOOL:
        json_w_bool(w, a->i != 0);
        break;
    case TRACE_VALUE_STRS:
        json_w_array(w);
        json_w_str(w, a->text);
        json_w_end(w);
        break;
    }
}

/* Keys of a program's own may hold anything. */
static void put_key(struct json_w *w, struct str key)
{
    json_w_str(w, key);
    buf_putc(w->out, ':');
    w->comma = false;
}

void trace_put_attrs(struct buf *out, const struct trace_attr *attrs, uint32_t n)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    for (uint32_t i = 0; i < n; i++) {
        put_key(&w, attrs[i].key);
        put_value(&w, &attrs[i]);
    }
    json_w_close(&w);
}

void trace_put_events(struct buf *out, const struct trace_span *s)
{
    struct json_w w = json_w(out);
    json_w_array(&w);
    for (uint32_t i = 0; i < s->n_events; i++) {
        const struct trace_event *e = &s->events[i];
        json_w_open(&w);
        json_w_kstr(&w, "name", e->name);
        json_w_ki64(&w, "at_us", (int64_t)e->at_us);
        if (e->n_attrs > 0) {
            json_w_key(&w, "attributes");
            trace_put_attrs(out, e->attrs, e->n_attrs);
            w.comma = true;
        }
        json_w_close(&w);
    }
    json_w_end(&w);
}

/* ---- OTLP ---- */

static void put_figure(struct json_w *w, const char *key, int64_t v, uint64_t scale)
{
    json_w_key(w, key);
    buf_putc(w->out, '"');
    buf_put_i64(w->out, v);
    buf_puts(w->out, scale == 1000 && v != 0 ? "000" : ""); /* nanoseconds of microseconds */
    buf_putc(w->out, '"');
    w->comma = true;
}

static void put_otlp_value(struct json_w *w, const struct trace_attr *a)
{
    json_w_open(w);
    switch (a->type) {
    case TRACE_VALUE_STR:
        json_w_kstr(w, "stringValue", a->text);
        break;
    case TRACE_VALUE_INT:
        put_figure(w, "intValue", a->i, 1);
        break;
    case TRACE_VALUE_F64:
        json_w_kf64(w, "doubleValue", a->f);
        break;
    case TRACE_VALUE_BOOL:
        json_w_kbool(w, "boolValue", a->i != 0);
        break;
    case TRACE_VALUE_STRS:
        json_w_key(w, "arrayValue");
        json_w_open(w);
        json_w_key(w, "values");
        json_w_array(w);
        json_w_open(w);
        json_w_kstr(w, "stringValue", a->text);
        json_w_close(w);
        json_w_end(w);
        json_w_close(w);
        break;
    }
    json_w_close(w);
}

static void put_otlp_attr(struct json_w *w, const struct trace_attr *a)
{
    json_w_open(w);
    json_w_kstr(w, "key", a->key);
    json_w_key(w, "value");
    put_otlp_value(w, a);
    json_w_close(w);
}

static void put_otlp_attrs(struct json_w *w, const struct trace_attr *attrs, uint32_t n, uint32_t dropped)
{
    json_w_key(w, "attributes");
    json_w_array(w);
    for (uint32_t i = 0; i < n; i++) {
        put_otlp_attr(w, &attrs[i]);
    }
    json_w_end(w);
    if (dropped > 0) {
        json_w_ki64(w, "droppedAttributesCount", dropped);
    }
}

static void put_otlp_events(struct json_w *w, const struct trace_span *s)
{
    json_w_key(w, "events");
    json_w_array(w);
    for (uint32_t i = 0; i < s->n_events; i++) {
        const struct trace_event *e = &s->events[i];
        json_w_open(w);
        put_figure(w, "timeUnixNano", (int64_t)e->at_us, 1000);
        json_w_kstr(w, "name", e->name);
        put_otlp_attrs(w, e->attrs, e->n_attrs, 0);
        json_w_close(w);
    }
    json_w_end(w);
    if (s->dropped_events > 0) {
        json_w_ki64(w, "droppedEventsCount", s->dropped_events);
    }
}

static void put_ids(struct json_w *w, const struct trace_span *s)
{
    char hex[2 * TRACE_ID_BYTES + 1];
    bool has_parent = !is_zero(s->parent_id, sizeof(s->parent_id));
    bool remote = has_parent && s->seq == 1;
    trace_hex(trace_id(s->trace), TRACE_ID_BYTES, hex);
    json_w_kz(w, "traceId", hex);
    trace_hex(s->id, sizeof(s->id), hex);
    json_w_kz(w, "spanId", hex);
    if (trace_state(s->trace).n > 0) {
        json_w_kstr(w, "traceState", trace_state(s->trace));
    }
    if (has_parent) {
        trace_hex(s->parent_id, sizeof(s->parent_id), hex);
        json_w_kz(w, "parentSpanId", hex);
    }
    json_w_ki64(w, "flags", (trace_sampled(s->trace) ? FLAG_SAMPLED : 0) | FLAG_KNOWN | (remote ? FLAG_REMOTE : 0));
}

void trace_put_otlp(struct buf *out, const struct trace_span *s)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    put_ids(&w, s);
    json_w_kstr(&w, "name", s->name);
    json_w_ki64(&w, "kind", s->kind);
    put_figure(&w, "startTimeUnixNano", (int64_t)s->start_us, 1000);
    put_figure(&w, "endTimeUnixNano", (int64_t)s->end_us, 1000);
    put_otlp_attrs(&w, s->attrs, s->n_attrs, s->dropped_attrs);
    put_otlp_events(&w, s);
    json_w_key(&w, "status");
    json_w_open(&w);
    if (s->status != TRACE_UNSET) {
        json_w_ki64(&w, "code", s->status);
    }
    if (s->status_text.n > 0) {
        json_w_kstr(&w, "message", s->status_text);
    }
    json_w_close(&w);
    json_w_close(&w);
}

void trace_put_otlp_str(struct buf *out, struct str key, struct str value)
{
    struct json_w w = json_w(out);
    put_otlp_attr(&w, &(struct trace_attr){.key = key, .type = TRACE_VALUE_STR, .text = value});
}
