/*
 * The W3C trace context: the headers by which a trace goes on from one program to the next. Pure.
 * Source: W3C Recommendation "Trace Context", levels 1 and 2 (version 00 of traceparent).
 */
#ifndef OBS_TRACEPARENT_H
#define OBS_TRACEPARENT_H

#include "base/str.h"

#define TRACE_ID_BYTES    16
#define TRACE_SPAN_BYTES  8
#define TRACE_PARENT_TEXT 55  /* 00-32 digits-16 digits-2 digits */
#define TRACE_STATE_MAX   512 /* bytes of tracestate that must be passed on */

struct trace_parent {
    uint8_t trace_id[TRACE_ID_BYTES];
    uint8_t span_id[TRACE_SPAN_BYTES];
    bool sampled;
    char state[TRACE_STATE_MAX + 1]; /* "" without one, or when it is malformed or longer */
};

/* Both headers' values; state may be empty. -ERR_SYNTAX: no parent (a new trace begins). */
MUST_USE int traceparent_parse(struct str parent, struct str state, struct trace_parent *ret);
/* The value of traceparent. */
void traceparent_print(const struct trace_parent *p, char ret[TRACE_PARENT_TEXT + 1]);

#endif
