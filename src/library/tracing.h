/* A program's processor of spans, behind one of obs/trace.h. */
#ifndef LIBRARY_TRACING_H
#define LIBRARY_TRACING_H

#include "obs/trace.h"
#include "ringtrip/trace.h"

struct tracing {
    struct rt_trace_processor p; /* all zero: nobody */
    void *arg;
};

/* Copies what the program's header knew of it. -EINVAL */
MUST_USE int tracing_init(struct tracing *t, const struct rt_trace_processor *p, void *arg);
/* t outlives the tracer. -ENOSPC */
MUST_USE int tracing_add(struct tracing *t, struct tracer *tracer);

#endif
