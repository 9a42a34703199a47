#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/err.h"

/* The one process-wide sink: set by the host before its threads start, read by all. */
static struct {
    log_sink_fn sink;
    void *arg;
    _Atomic int max_level;
} log_state = {.max_level = LOG_INFO};

void log_set_sink(log_sink_fn sink, void *arg, enum log_level max_level)
{
    log_state.sink = sink;
    log_state.arg = arg;
    log_set_level(max_level);
}

void log_set_level(enum log_level max_level)
{
    atomic_store_explicit(&log_state.max_level, (int)max_level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return log_state.sink && (int)level <= atomic_load_explicit(&log_state.max_level, memory_order_relaxed);
}

void log_write(enum log_level level, const struct log_scope *scope, const char *event, const char *fmt, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    char fields[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(fields, sizeof(fields), fmt, args);
    va_end(args);
    if (n < 0) {
        fields[0] = '\0';
    } else if ((size_t)n >= sizeof(fields)) {
        memcpy(fields + sizeof(fields) - 4, "...", 4); /* a cut line says so */
    }
    log_state.sink(level, scope, event, fields, log_state.arg);
}

static const char *const level_names[LOG_LEVEL_N] = {"error", "warn", "info", "debug"};

const char *log_level_name(enum log_level level)
{
    return (unsigned)level < LOG_LEVEL_N ? level_names[level] : "unknown";
}

int log_level_parse(struct str name, enum log_level *ret)
{
    if (str_ieq(name, STR("warning"))) {
        *ret = LOG_WARN;
        return 0;
    }
    for (unsigned i = 0; i < LOG_LEVEL_N; i++) {
        if (str_ieq(name, str_from(level_names[i]))) {
            *ret = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}
