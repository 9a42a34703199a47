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

#ifdef __cplusplus
}
#endif

#endif
