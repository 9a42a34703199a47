/**
 * libringtrip: a voice-agent gateway as a library. Strict C11, also C++17. All handles are opaque; every function says
 * what it returns and which thread may call it. Functions returning int: 0 or more is success, negative is an error
 * that rt_error_text explains. Nothing here aborts on bad input.
 */
#ifndef RINGTRIP_H
#define RINGTRIP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RT_API __attribute__((visibility("default")))

/** Version of the library at run time, "0.1.0". Thread: any. */
RT_API const char *rt_version(void);
/** One sentence for a negative result of any function here. Never NULL. Thread: any. */
RT_API const char *rt_error_text(int err);

enum rt_log_level { RT_LOG_ERROR, RT_LOG_WARN, RT_LOG_INFO, RT_LOG_DEBUG };
/** level, constant event name, "key=value ..." fields; lent. May come from any thread. */
typedef void (*rt_log_fn)(enum rt_log_level level, const char *call_id, const char *event, const char *fields,
                          void *arg);

struct rt_gateway;

struct rt_gateway_opts {
    size_t struct_size;      /**< sizeof(struct rt_gateway_opts), so that it can grow */
    const char *config_file; /**< YAML; NULL: environment and defaults alone */
    const char
        *env_file; /**< ".env"-style file read before the environment; NULL: ".env" beside the process if there */
    rt_log_fn log; /**< NULL: the built-in sink of the configuration */
    void *log_arg;
};

/**
 * Loads and checks the configuration, opens store and listeners. On failure nothing is left open and err_text (room for
 * err_cap bytes) says what, where and what to do. *ret is untouched on error.
 */
RT_API int rt_gateway_new(const struct rt_gateway_opts *opts, struct rt_gateway **ret, char *err_text, size_t err_cap);
/** The port that was bound (server.listen may say 0). */
RT_API uint16_t rt_gateway_port(const struct rt_gateway *gw);
/** Serves until rt_gateway_stop and the drain are over. Thread: one; blocks. */
RT_API int rt_gateway_run(struct rt_gateway *gw);
/** Begins to drain: no new calls, live ones may end until drain_ms (0: the configured time), then they are hung up.
 * Thread: any. */
RT_API void rt_gateway_stop(struct rt_gateway *gw, uint32_t drain_ms);
/** New settings for new calls, new certificate; what SIGHUP does. Thread: any. Result in the log. */
RT_API void rt_gateway_reload(struct rt_gateway *gw);
/** NULL is fine. Not before rt_gateway_run returned. */
RT_API void rt_gateway_free(struct rt_gateway *gw);

/** What a replay found. */
struct rt_replay_report {
    size_t struct_size;
    uint64_t records;    /**< inputs replayed */
    uint64_t actions;    /**< actions they caused */
    int identical;       /**< 1: every digest matched */
    uint64_t first_diff; /**< number of the first record whose actions differ, from 1; 0: none */
    int torn_tail;       /**< 1: the file ends in mid-record, as after a kill */
};
/**
 * Replays a journal. print (may be NULL) gets one line per event and action. Returns 0 also when actions differ (see
 * the report); negative when the file cannot be read or is no journal.
 */
RT_API int rt_replay(const char *file, void (*print)(const char *line, void *arg), void *arg,
                     struct rt_replay_report *ret);

#ifdef __cplusplus
}
#endif

#endif
