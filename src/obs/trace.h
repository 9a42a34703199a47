/*
 * Traces: what happened in a call as a tree of spans, each with a beginning, an end, attributes and how it came out.
 * A tracer makes traces and tells its processors (the record store, the exporter, a program's own) of every span; it
 * knows no call, reads no clock and draws no random number that is not given to it. Not here: what becomes a span
 * (gateway/host_trace.c), the forms on the wire (trace_json.h), sending (otlp.h).
 *
 * A span is best effort: every function here takes a NULL span and does nothing, so that a limit or a lack of memory
 * costs a span and never a call. Thread: the tracer's loop. Handlers may do anything but
 * free the tracer or the trace, and end the span that they are told of.
 */
#ifndef OBS_TRACE_H
#define OBS_TRACE_H

#include "base/str.h"
#include "obs/trace_opts.h"
#include "obs/traceparent.h"

#define TRACE_MAX_PROCESSORS 8
#define TRACE_MAX_SPANS      20000 /* of one trace; what comes then is counted as dropped */
#define TRACE_MAX_OPEN       256   /* of them at one time */
#define TRACE_MAX_ATTRS      64    /* of one span */
#define TRACE_MAX_EVENTS     64    /* likewise */
#define TRACE_MAX_TEXT       8192  /* bytes of one text; longer ones are cut between characters */

/* As OTLP numbers them. */
enum trace_kind { TRACE_INTERNAL = 1, TRACE_SERVER = 2, TRACE_CLIENT = 3 };
enum trace_status { TRACE_UNSET = 0, TRACE_OK = 1, TRACE_ERROR = 2 };

/* What a span is about, by word: attribute ringtrip.span.type. X(constant, word) */
#define TRACE_TYPE_LIST(X)                                                                                             \
    X(TRACE_CALL, "call")                                                                                              \
    X(TRACE_SESSION, "session")   /* a session of the model is opened, at first or instead of another */               \
    X(TRACE_TURN, "turn")         /* the caller's words and the agent's answer */                                      \
    X(TRACE_RESPONSE, "response") /* one generation of the model */                                                    \
    X(TRACE_TOOL, "tool")                                                                                              \
    X(TRACE_APPROVAL, "approval") /* a tool waits for a yes */                                                         \
    X(TRACE_HANDOFF, "handoff")                                                                                        \
    X(TRACE_GUARDRAIL, "guardrail")                                                                                    \
    X(TRACE_CUSTOM, "custom") /* a program's own */
enum trace_type {
#define X(name, word) name,
    TRACE_TYPE_LIST(X)
#undef X
        TRACE_TYPE_N
};
const char *trace_type_word(enum trace_type type);

enum trace_value_type { TRACE_VALUE_STR, TRACE_VALUE_INT, TRACE_VALUE_F64, TRACE_VALUE_BOOL, TRACE_VALUE_STRS };

struct trace_attr {
    struct str key;
    enum trace_value_type type;
    struct str text; /* STRS: one element; more are not needed so far */
    int64_t i;       /* INT, BOOL */
    double f;
};

struct trace_event {
    struct str name;
    uint64_t at_us; /* wall clock */
    struct trace_attr *attrs;
    uint32_t n_attrs;
};

struct trace;

/* Read only, for processors. Times are microseconds since 1970. Strings live as long as the span. */
struct trace_span {
    struct trace *trace;
    uint8_t id[TRACE_SPAN_BYTES];
    uint8_t parent_id[TRACE_SPAN_BYTES]; /* all zero: none */
    uint32_t seq;                        /* order of beginning within the trace, from 1 */
    enum trace_type type;
    enum trace_kind kind;
    struct str name;
    uint64_t start_us, end_us; /* end 0: open */
    enum trace_status status;
    struct str status_text;
    struct trace_attr *attrs;
    uint32_t n_attrs, dropped_attrs;
    struct trace_event *events;
    uint32_t n_events, dropped_events;
};

/* Every member may be NULL. A span is lent until return; on_span_end sees it complete. */
struct trace_processor {
    const char *name;
    void (*on_trace_start)(const struct trace *t, void *arg);
    void (*on_span_start)(const struct trace_span *s, void *arg);
    void (*on_span_end)(const struct trace_span *s, void *arg);
    void (*on_trace_end)(const struct trace *t, void *arg);
};

struct tracer;

struct tracer_opts {
    void (*random)(void *p, size_t n); /* crypto_random; tests give their own */
    enum trace_sampler sampler;
    double ratio; /* of the ratio samplers, 0 to 1 */
};

/* -ENOMEM */
MUST_USE int tracer_new(const struct tracer_opts *opts, struct tracer **ret);
/* Only without traces. NULL is fine. */
struct tracer *tracer_free(struct tracer *t);
/* For new traces. */
void tracer_set_sampler(struct tracer *t, enum trace_sampler sampler, double ratio);
/* keeps p, which outlives the tracer. Told of what begins from now on, in the order of adding. -ENOSPC */
MUST_USE int tracer_add(struct tracer *t, const struct trace_processor *p, void *arg);
/* Not told of anything from now on; unknown ones are ignored. */
void tracer_remove(struct tracer *t, const struct trace_processor *p, void *arg);

struct trace_opts {
    struct str group;                  /* our call id; empty: a trace of its own */
    const struct trace_parent *remote; /* who called us; NULL: nobody known */
    uint64_t wall_us;                  /* now, since 1970 */
    uint64_t now_us;                   /* the same moment on the loop's clock */
};

/* NULL tracer gives no trace and no error: *ret is NULL. -ENOMEM */
MUST_USE int trace_new(struct tracer *t, const struct trace_opts *opts, struct trace **ret);
/* Ends what is open, the newest first. NULL is fine. */
struct trace *trace_free(struct trace *t, uint64_t now_us);

const uint8_t *trace_id(const struct trace *t); /* TRACE_ID_BYTES of them */
struct str trace_group(const struct trace *t);
struct str trace_state(const struct trace *t); /* tracestate of the caller, handed on */
bool trace_sampled(const struct trace *t);
uint32_t trace_dropped(const struct trace *t); /* spans over a limit */
/* A moment of the loop's clock as microseconds since 1970. */
uint64_t trace_wall_us(const struct trace *t, uint64_t now_us);

/* The reverse, for handlers that begin spans of their own: when this span began, or ended. */
uint64_t span_clock(const struct trace_span *s);

/* parent NULL: the trace's first span, which itself hangs below the remote one. NULL: none (no trace, a limit). */
struct trace_span *span_start(struct trace *t, const struct trace_span *parent, enum trace_type type,
                              enum trace_kind kind, struct str name, uint64_t now_us);
/* The same, and the processors are told of it only by span_announce, when its first attributes are there, or at the
 * end. */
struct trace_span *span_make(struct trace *t, const struct trace_span *parent, enum trace_type type,
                             enum trace_kind kind, struct str name, uint64_t now_us);
void span_announce(struct trace_span *s);
/* The beginning turns out to be another; only backwards or forwards within the span's life. */
void span_start_at(struct trace_span *s, uint64_t now_us);
void span_rename(struct trace_span *s, struct str name);
/* key is a constant. A key that is there gets the new value. Empty texts are left out. */
void span_str(struct trace_span *s, const char *key, struct str value);
void span_strs(struct trace_span *s, const char *key, struct str only);
void span_int(struct trace_span *s, const char *key, int64_t value);
void span_f64(struct trace_span *s, const char *key, double value);
void span_bool(struct trace_span *s, const char *key, bool value);
/* Keys that are not constants: a program's own. copies */
void span_own_str(struct trace_span *s, struct str key, struct str value);
/* A moment of the span; key NULL: without an attribute. */
void span_event(struct trace_span *s, const char *name, uint64_t now_us, const char *key, struct str value);
/* Status error and error.type; the first one stays. */
void span_error(struct trace_span *s, struct str type, struct str text);
/* Tells the processors and frees. */
void span_end(struct trace_span *s, uint64_t now_us);
/* The open span with this id, NULL when it is over: for whoever may outlive it. */
struct trace_span *trace_find(const struct trace *t, const uint8_t id[TRACE_SPAN_BYTES]);
/* Where a request that this span makes belongs: for the traceparent header. */
void span_context(const struct trace_span *s, struct trace_parent *ret);

#endif
