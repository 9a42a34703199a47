/*
 * Log sink: constant event name, then key=value pairs. The library logs only through the host's callback; who
 * handles an error logs it, once. Never above debug: secrets and speech. Thread: any; the sink must be safe for that.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVEL_N };

/* What every line of one origin carries; lent to each call, may be NULL. */
struct log_scope {
    const char *call_id; /* "" or NULL: no call */
    int worker;          /* -1: none */
};

/* fields: "key=value key=\"quoted value\"" as formatted by the caller; lent. */
typedef void (*log_sink_fn)(enum log_level level, const struct log_scope *scope, const char *event, const char *fields,
                            void *arg);

/* Set once before threads start. NULL silences. */
void log_set_sink(log_sink_fn sink, void *arg, enum log_level max_level);
void log_set_level(enum log_level max_level);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const struct log_scope *scope, const char *event, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
const char *log_level_name(enum log_level level);
/* -EINVAL for an unknown name; accepts any case and "warning". */
MUST_USE int log_level_parse(struct str name, enum log_level *ret);

#define log_error(scope, event, ...) log_write(LOG_ERROR, scope, event, __VA_ARGS__)
#define log_warn(scope, event, ...)  log_write(LOG_WARN, scope, event, __VA_ARGS__)
#define log_info(scope, event, ...)  log_write(LOG_INFO, scope, event, __VA_ARGS__)
#define log_debug(scope, event, ...)                                                                                   \
    do {                                                                                                               \
        if (log_enabled(LOG_DEBUG)) {                                                                                  \
            log_write(LOG_DEBUG, scope, event, __VA_ARGS__);                                                           \
        }                                                                                                              \
    } while (0)

#endif
