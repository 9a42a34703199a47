/* The log of the process, handed to a program's callback. */
#ifndef LIBRARY_LOG_SINK_H
#define LIBRARY_LOG_SINK_H

#include "base/defs.h"
#include "ringtrip/base.h"

struct log_sink {
    rt_log_fn fn;
    void *arg;
};

/* From now on every line goes there; s outlives that. fn NULL: nothing changes. */
void log_sink_set(const struct log_sink *s);
/* Nobody listens any more, if s did. */
void log_sink_unset(const struct log_sink *s);

#endif
