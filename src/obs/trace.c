#include "obs/trace.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define MAX_SPAN_BYTES (128u << 10)
#define FIRST_PLACES   8 /* attributes or events of a span before its list grows: most have no more */

struct tracer {
    struct tracer_opts o;
    struct {
        const struct trace_processor *p; /* NULL: free */
        void *arg;
    } processors[TRACE_MAX_PROCESSORS];
};

/* A span with what only its trace needs. */
struct span_node {
    struct trace_span s;
    struct span_node *next; /* older */
    struct arena arena;
    uint32_t cap_attrs, cap_events;
    bool announced; /* the processors know of it */
    bool ending;    /* a handler is being told of the end */
};

struct trace {
    struct tracer *tracer;
    char *group;
    struct trace_parent remote; /* trace_id is ours as well; span_id all zero: nobody */
    bool sampled;
    uint64_t wall_us, now_us; /* one moment on both clocks */
    struct span_node *open;   /* newest first */
    uint32_t n_open, n_spans, dropped;
    uint8_t root[TRACE_SPAN_BYTES];
};

const char *trace_type_word(enum trace_type type)
{
    static const char *const words[TRACE_TYPE_N] = {
#define X(name, word) [name] = word,
        TRACE_TYPE_LIST(X)
#undef X
    };
    return (unsigned)type < TRACE_TYPE_N ? words[type] : "custom";
}

/* ---- tracer ---- */

int tracer_new(const struct tracer_opts *opts, struct tracer **ret)
{
    struct tracer *t = calloc(1, sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    t->o = *opts;
    *ret = t;
    return 0;
}

struct tracer *tracer_free(struct tracer *t)
{
    free(t);
    return NULL;
}

void tracer_set_sampler(struct tracer *t, enum trace_sampler sampler, double ratio)
{
    t->o.sampler = sampler;
    t->o.ratio = ratio;
}

int tracer_add(struct tracer *t, const struct trace_processor *p, void *arg)
{
    for (size_t i = 0; i < TRACE_MAX_PROCESSORS; i++) {
        if (!t->processors[i].p) {
            t->processors[i].p = p;
            t->processors[i].arg = arg;
            return 0;
        }
    }
    return -ENOSPC;
}

void tracer_remove(struct tracer *t, const struct trace_processor *p, void *arg)
{
    for (size_t i = 0; i < TRACE_MAX_PROCESSORS; i++) {
        if (t->processors[i].p == p && t->processors[i].arg == arg) {
            t->processors[i].p = NULL;
        }
    }
}

/* Slots never move, so that a handler may add and remove processors, itself too. */
#define TELL(tracer, member, what)                                                                                     \
    for (size_t i_ = 0; i_ < TRACE_MAX_PROCESSORS; i_++) {                                                             \
        const struct trace_processor *p_ = (tracer)->processors[i_].p;                                                 \
        if (p_ && p_->member) {                                                                                        \
            p_->member((what), (tracer)->processors[i_].arg);                                                          \
        }                                                                                                              \
    }

/* ---- traces ---- */

static void draw(struct tracer *t, uint8_t *p, size_t n)
{
    uint8_t any = 0;
    do { /* all zero means none */
        t->o.random(p, n);
        for (size_t i = 0; i < n; i++) {
            any |= p[i];
        }
    } while (!any);
}

/* By the trace id, so that every program with the same ratio decides alike: its last 7 bytes are the random ones. */
static bool by_ratio(const uint8_t id[TRACE_ID_BYTES], double ratio)
{
    uint64_t v = 0;
    for (size_t i = TRACE_ID_BYTES - 7; i < TRACE_ID_BYTES; i++) {
        v = v << 8 | id[i];
    }
    return ratio >= 1 || (double)v < ratio * (double)(1ull << 56);
}

static bool decide(const struct tracer_opts *o, const struct trace_parent *remote, const uint8_t id[TRACE_ID_BYTES])
{
    bool by_parent = o->sampler <= TRACE_PARENT_RATIO;
    if (by_parent && remote) {
        return remote->sampled;
    }
    switch (o->sampler) {
    case TRACE_PARENT_RATIO:
    case TRACE_RATIO:
        return by_ratio(id, o->ratio);
    case TRACE_PARENT_ALWAYS_OFF:
    case TRACE_ALWAYS_OFF:
        return false;
    case TRACE_PARENT_ALWAYS_ON:
    case TRACE_ALWAYS_ON:
    case TRACE_SAMPLER_N:
        break;
    }
    return true;
}

int trace_new(struct tracer *t, const struct trace_opts *opts, struct trace **ret)
{
    if (!t) {
        *ret = NULL;
        return 0;
    }
    struct trace *trace = calloc(1, sizeof(*trace));
    if (!trace) {
        return -ENOMEM;
    }
    trace->group = str_dup(opts->group);
    if (!trace->group) {
        free(trace);
        return -ENOMEM;
    }
    trace->tracer = t;
    trace->wall_us = opts->wall_us;
    trace->now_us = opts->now_us;
    if (opts->remote) {
        trace->remote = *opts->remote;
    } else {
        draw(t, trace->remote.trace_id, sizeof(trace->remote.trace_id));
    }
    trace->sampled = decide(&t->o, opts->remote, trace->remote.trace_id);
    TELL(t, on_trace_start, trace)
    *ret = trace;
    return 0;
}

struct trace *trace_free(struct trace *t, uint64_t now_us)
{
    if (!t) {
        return NULL;
    }
    while (t->open) {
        span_end(&t->open->s, now_us);
    }
    TELL(t->tracer, on_trace_end, t)
    free(t->group);
    free(t);
    return NULL;
}

const uint8_t *trace_id(const struct trace *t)
{
    return t->remote.trace_id;
}

struct str trace_group(const struct trace *t)
{
    return str_from(t->group);
}

struct str trace_state(const struct trace *t)
{
    return str_from(t->remote.state);
}

bool trace_sampled(const struct trace *t)
{
    return t->sampled;
}

uint32_t trace_dropped(const struct trace *t)
{
    return t->dropped;
}

uint64_t trace_wall_us(const struct trace *t, uint64_t now_us)
{
    return t->wall_us + (now_us - t->now_us); /* wraps back for moments before the trace */
}

uint64_t span_clock(const struct trace_span *s)
{
    uint64_t wall_us = s->end_us ? s->end_us : s->start_us;
    return s->trace->now_us + (wall_us - s->trace->wall_us);
}

/* ---- spans ---- */

/* Cut between characters, so that half of one never leaves us. */
static struct str shorten(struct str s)
{
    if (s.n > TRACE_MAX_TEXT) {
        s.n = TRACE_MAX_TEXT;
        while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80) {
            s.n--;
        }
    }
    return s;
}

static struct span_node *node_of(struct trace_span *s)
{
    return CONTAINER_OF(s, struct span_node, s);
}

static struct str keep(struct trace_span *s, struct str text)
{
    struct str kept = arena_str(&node_of(s)->arena, shorten(text));
    return kept.p ? kept : STR("");
}

static struct span_node *node_new(struct trace *t)
{
    if (t->n_spans >= TRACE_MAX_SPANS || t->n_open >= TRACE_MAX_OPEN) {
        t->dropped++;
        return NULL;
    }
    struct span_node *node = calloc(1, sizeof(*node));
    if (!node) {
        t->dropped++;
        return NULL;
    }
    arena_init(&node->arena, MAX_SPAN_BYTES);
    node->next = t->open;
    t->open = node;
    t->n_open++;
    t->n_spans++;
    return node;
}

struct trace_span *span_make(struct trace *t, const struct trace_span *parent, enum trace_type type,
                             enum trace_kind kind, struct str name, uint64_t now_us)
{
    struct span_node *node = t ? node_new(t) : NULL;
    if (!node) {
        return NULL;
    }
    struct trace_span *s = &node->s;
    s->trace = t;
    s->seq = t->n_spans;
    s->type = type;
    s->kind = kind;
    s->name = keep(s, name);
    s->start_us = trace_wall_us(t, now_us);
    draw(t->tracer, s->id, sizeof(s->id));
    if (s->seq == 1) {
        memcpy(t->root, s->id, sizeof(t->root));
        memcpy(s->parent_id, t->remote.span_id, sizeof(s->parent_id));
    } else {
        memcpy(s->parent_id, parent ? parent->id : t->root, sizeof(s->parent_id));
    }
    return s;
}

void span_announce(struct trace_span *s)
{
    if (s && !node_of(s)->announced) {
        node_of(s)->announced = true;
        TELL(s->trace->tracer, on_span_start, s)
    }
}

struct trace_span *span_start(struct trace *t, const struct trace_span *parent, enum trace_type type,
                              enum trace_kind kind, struct str name, uint64_t now_us)
{
    struct trace_span *s = span_make(t, parent, type, kind, name, now_us);
    span_announce(s);
    return s;
}

void span_start_at(struct trace_span *s, uint64_t now_us)
{
    if (s) {
        s->start_us = trace_wall_us(s->trace, now_us);
    }
}

void span_rename(struct trace_span *s, struct str name)
{
    if (s) {
        s->name = keep(s, name);
    }
}

/* A list with room for one more than n; NULL: no memory, and the list is as it was. */
static void *list_room(void *list, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap) {
        return list;
    }
    uint32_t more = MAX(*cap * 2, (uint32_t)FIRST_PLACES);
    void *grown = realloc(list, (size_t)more * size);
    *cap = grown ? more : *cap;
    return grown;
}

/* The attribute of this name, new or to be overwritten; NULL: no room. */
static struct trace_attr *slot(struct trace_span *s, struct str key)
{
    for (uint32_t i = 0; i < s->n_attrs; i++) {
        if (str_eq(s->attrs[i].key, key)) {
            return &s->attrs[i];
        }
    }
    struct trace_attr *attrs =
        s->n_attrs < TRACE_MAX_ATTRS ? list_room(s->attrs, s->n_attrs, &node_of(s)->cap_attrs, sizeof(*attrs)) : NULL;
    if (!attrs) {
        s->dropped_attrs++;
        return NULL;
    }
    s->attrs = attrs;
    return &s->attrs[s->n_attrs++];
}

static void put(struct trace_span *s, struct trace_attr attr)
{
    struct trace_attr *a = s ? slot(s, attr.key) : NULL;
    if (a) {
        if (attr.type == TRACE_VALUE_STR || attr.type == TRACE_VALUE_STRS) {
            attr.text = keep(s, attr.text);
        }
        *a = attr;
    }
}

void span_str(struct trace_span *s, const char *key, struct str value)
{
    if (value.n > 0) {
        put(s, (struct trace_attr){.key = str_from(key), .type = TRACE_VALUE_STR, .text = value});
    }
}

void span_strs(struct trace_span *s, const char *key, struct str only)
{
    if (only.n > 0) {
        put(s, (struct trace_attr){.key = str_from(key), .type = TRACE_VALUE_STRS, .text = only});
    }
}

void span_int(struct trace_span *s, const char *key, int64_t value)
{
    put(s, (struct trace_attr){.key = str_from(key), .type = TRACE_VALUE_INT, .i = value});
}

void span_f64(struct trace_span *s, const char *key, double value)
{
    put(s, (struct trace_attr){.key = str_from(key), .type = TRACE_VALUE_F64, .f = value});
}

void span_bool(struct trace_span *s, const char *key, bool value)
{
    put(s, (struct trace_attr){.key = str_from(key), .type = TRACE_VALUE_BOOL, .i = value});
}

void span_own_str(struct trace_span *s, struct str key, struct str value)
{
    if (s && key.n > 0) {
        struct str kept = keep(s, key);
        if (kept.n > 0) {
            put(s, (struct trace_attr){.key = kept, .type = TRACE_VALUE_STR, .text = value});
        }
    }
}

void span_event(struct trace_span *s, const char *name, uint64_t now_us, const char *key, struct str value)
{
    if (!s) {
        return;
    }
    struct trace_event *events = s->n_events < TRACE_MAX_EVENTS
                                     ? list_room(s->events, s->n_events, &node_of(s)->cap_events, sizeof(*events))
                                     : NULL;
    if (!events) {
        s->dropped_events++;
        return;
    }
    s->events = events;
    struct trace_event *e = &s->events[s->n_events++];
    *e = (struct trace_event){.name = str_from(name), .at_us = trace_wall_us(s->trace, now_us)};
    e->attrs = key && value.n > 0 ? ARENA_NEW(&node_of(s)->arena, struct trace_attr) : NULL;
    if (e->attrs) {
        *e->attrs = (struct trace_attr){.key = str_from(key), .type = TRACE_VALUE_STR, .text = keep(s, value)};
        e->n_attrs = 1;
    }
}

void span_error(struct trace_span *s, struct str type, struct str text)
{
    if (!s || s->status == TRACE_ERROR) {
        return;
    }
    s->status = TRACE_ERROR;
    s->status_text = keep(s, text);
    span_str(s, "error.type", type.n > 0 ? type : STR("_OTHER"));
}

static void unlink_node(struct trace *t, struct span_node *node)
{
    struct span_node **at = &t->open;
    while (*at != node) {
        at = &(*at)->next;
    }
    *at = node->next;
    t->n_open--;
}

void span_end(struct trace_span *s, uint64_t now_us)
{
    struct span_node *node = s ? node_of(s) : NULL;
    if (!node || node->ending) { /* a handler ends the span that it is told the end of */
        return;
    }
    node->ending = true;
    span_announce(s);
    s->end_us = MAX(trace_wall_us(s->trace, now_us), s->start_us);
    unlink_node(s->trace, node);
    TELL(s->trace->tracer, on_span_end, s)
    arena_done(&node->arena);
    free(s->attrs);
    free(s->events);
    free(node);
}

struct trace_span *trace_find(const struct trace *t, const uint8_t id[TRACE_SPAN_BYTES])
{
    for (struct span_node *node = t ? t->open : NULL; node; node = node->next) {
        if (memcmp(node->s.id, id, TRACE_SPAN_BYTES) == 0) {
            return &node->s;
        }
    }
    return NULL;
}

void span_context(const struct trace_span *s, struct trace_parent *ret)
{
    *ret = s->trace->remote;
    memcpy(ret->span_id, s->id, sizeof(ret->span_id));
    ret->sampled = s->trace->sampled;
}
