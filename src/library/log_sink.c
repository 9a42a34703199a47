#include "library/log_sink.h"

#include "base/log.h"

static enum rt_log_level public_level(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return RT_LOG_ERROR;
    case LOG_WARN:
        return RT_LOG_WARN;
    case LOG_INFO:
        return RT_LOG_INFO;
    case LOG_DEBUG:
    case LOG_LEVEL_N:
        break;
    }
    return RT_LOG_DEBUG;
}

static void sink(enum log_level level, const struct log_scope *scope, const char *event, const char *fields, void *arg)
{
    const struct log_sink *s = arg;
    const char *call_id = scope && scope->call_id ? scope->call_id : "";
    s->fn(public_level(level), call_id, event, fields, s->arg);
}

void log_sink_set(const struct log_sink *s)
{
    if (s->fn) {
        log_set_sink(sink, (void *)(uintptr_t)s, LOG_INFO); /* only read there */
    }
}

void log_sink_unset(const struct log_sink *s)
{
    if (s->fn) {
        log_set_sink(NULL, NULL, LOG_ERROR);
    }
}
