/**
 * @file trace.h
 * Traces: what happened in a conversation as a tree of spans, told to a program while it happens.
 *
 * Every session and telephone call is one trace; turns, answers, tools, approvals, handoffs and guardrails are its
 * spans, with the names of OpenTelemetry's conventions for generative AI. A processor hears of each; a session may add
 * spans of the program's own.
 */
#ifndef RINGTRIP_TRACE_H
#define RINGTRIP_TRACE_H

#include <ringtrip/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How a span came out. */
enum rt_span_status { RT_SPAN_UNSET, RT_SPAN_OK, RT_SPAN_ERROR };

/** A span. Lent until the callback returns; texts are never NULL. Members may be added at the end. */
struct rt_span {
    const char *trace_id;       /**< 32 hexadecimal digits */
    const char *span_id;        /**< 16 of them */
    const char *parent_id;      /**< 16 of them; "" without a parent */
    const char *session_id;     /**< of the session or telephone call */
    const char *type;           /**< "call", "turn", "response", "tool", "handoff", "guardrail", "custom" ... */
    const char *name;           /**< "execute_tool weather" */
    uint64_t start_us;          /**< microseconds since 1970 */
    uint64_t end_us;            /**< likewise; 0 while it is open */
    enum rt_span_status status; /**< how it came out */
    const char *status_text;    /**< of an error */
    const char *attributes;     /**< a JSON object */
};

/** Who is told of traces. Every function may be NULL. Thread: the loop thread; return soon. */
struct rt_trace_processor {
    size_t struct_size; /**< sizeof(struct rt_trace_processor) */
    /** A trace begins. */
    void (*on_trace_start)(const char *trace_id, const char *session_id, void *arg);
    /** A span begins; its attributes may not all be there. */
    void (*on_span_start)(const struct rt_span *span, void *arg);
    /** A span is over and complete. */
    void (*on_span_end)(const struct rt_span *span, void *arg);
    /** A trace is over: no span of it follows. */
    void (*on_trace_end)(const char *trace_id, const char *session_id, void *arg);
};

/**
 * A trace of the program's own, for what it does outside of sessions, or around several of them (trace_parent of their
 * options). Processors and the exporter of the configuration hear of it as of others, with an empty session id. Thread:
 * any, several at once; its functions wait for the loop thread of the runner, not for longer.
 */
struct rt_trace;
struct rt_runner;

/** Room for the id of a span and its end. */
#define RT_SPAN_ID_MAX 17
/** Room for a traceparent and its end. */
#define RT_TRACEPARENT_MAX 56

/**
 * Begins a trace with its first span, which bears the name and is over when the trace is. -RT_ERR_STATE: nothing is
 * traced; -EINVAL (no name), -ENOMEM. The runner is not freed before it.
 */
RT_API int rt_trace_new(struct rt_runner *runner, const char *name, struct rt_trace **ret);
/** Ends it, with all spans that are open. -ENOMEM: it could not be ended, and is still there. NULL is fine. */
RT_API int rt_trace_free(struct rt_trace *trace);
/** Its 32 hexadecimal digits. Lent until it is freed. */
RT_API const char *rt_trace_id(const struct rt_trace *trace);
/** Begins a span below another one (NULL: the first) and gives its id. -ENOENT: the parent is over; -RT_ERR_LIMIT */
RT_API int rt_trace_span_start(struct rt_trace *trace, const char *parent, const char *name, char id[RT_SPAN_ID_MAX]);
/** Gives it (NULL: the first) an attribute. -ENOENT: it is over. */
RT_API int rt_trace_span_attribute(struct rt_trace *trace, const char *id, const char *key, const char *value);
/** Ends it; error (NULL: none) says what went wrong. -ENOENT: it is over. */
RT_API int rt_trace_span_end(struct rt_trace *trace, const char *id, const char *error);
/**
 * The W3C traceparent of a span (NULL: the first): a header for requests of the program, or trace_parent of a session
 * that belongs below it. -ENOENT: it is over.
 */
RT_API int rt_trace_parent(struct rt_trace *trace, const char *id, char ret[RT_TRACEPARENT_MAX]);

#ifdef __cplusplus
}
#endif

#endif
