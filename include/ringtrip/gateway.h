/**
 * @file gateway.h
 * The whole gateway inside a program: what `ringtrip serve` runs, with tools and guardrails of the program's own.
 */
#ifndef RINGTRIP_GATEWAY_H
#define RINGTRIP_GATEWAY_H

#include <ringtrip/guardrail.h>
#include <ringtrip/tool.h>
#include <ringtrip/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A gateway. */
struct rt_gateway;

/** How to make a gateway. rt_gateway_opts_init fills in struct_size and zeroes; zero always is the default. */
struct rt_gateway_opts {
    size_t struct_size;      /**< sizeof(struct rt_gateway_opts), so that it can grow */
    const char *config_file; /**< YAML; NULL: environment and defaults alone */
    const char *env_file;    /**< ".env"-style file read before the environment; NULL: ".env" here if there; "": none */
    rt_log_fn log;           /**< NULL: the built-in sink of the configuration */
    void *log_arg;           /**< for log */
    const char *config_text; /**< YAML as text, instead of a file; NULL: none */
    int port_given;          /**< 1: port instead of the configured one */
    uint16_t port;           /**< 0: any free one */
    uint32_t worker_threads; /**< for callbacks that may block; 0: 4; at most 64 */
    const char *sandbox_program; /**< ringtrip-sandbox, when it is not beside the program or in PATH */
};
/** Zeroes, and the size. Thread: any. */
RT_API void rt_gateway_opts_init(struct rt_gateway_opts *opts);

/**
 * Loads and checks the configuration, opens store and listeners. On failure nothing is left open and err_text (room for
 * err_cap bytes) says what, where and what to do. *ret is untouched on error. One gateway or runner with log settings
 * of its own may exist in a process at a time: the log is the process'.
 */
RT_API int rt_gateway_new(const struct rt_gateway_opts *opts, struct rt_gateway **ret, char *err_text, size_t err_cap);
/** The port that was bound (server.listen may say 0). Thread: any. */
RT_API uint16_t rt_gateway_port(const struct rt_gateway *gw);

/**
 * Adds a copy of a tool to an agent of the configuration (NULL: to every agent). Before the gateway runs. -ENOENT: no
 * such agent; -EEXIST: it has a tool of this name; -RT_ERR_STATE: it runs; -RT_ERR_LIMIT, -ENOMEM
 */
RT_API int rt_gateway_add_tool(struct rt_gateway *gw, const char *agent, const struct rt_tool *tool);
/** Adds a copy of an output guardrail to an agent (NULL: to every agent); likewise. */
RT_API int rt_gateway_add_guardrail(struct rt_gateway *gw, const char *agent, const struct rt_guardrail *guardrail);

/** A tool call that waits for a person. Lent until the callback returns. Members may be added at the end. */
struct rt_approval_request {
    const char *call_id;      /**< of the telephone call */
    const char *tool_call_id; /**< of the tool call */
    const char *tool_name;    /**< which tool */
    const char *arguments;    /**< JSON */
    const char *agent;        /**< who calls it */
};
/** Told when a tool call waits; answered by rt_gateway_approve or _reject, also later. Thread: loop; return at once. */
typedef void (*rt_approval_fn)(const struct rt_approval_request *request, void *arg);
/** Who is told. Before the gateway runs: -RT_ERR_STATE. */
RT_API int rt_gateway_set_approval_fn(struct rt_gateway *gw, rt_approval_fn fn, void *arg);
/** As rt_session_approve, for a call of the gateway. 0: it is on its way. -ENOMEM. Thread: any. */
RT_API int rt_gateway_approve(struct rt_gateway *gw, const char *call_id, const char *tool_call_id, int always);
/** As rt_session_reject; likewise. */
RT_API int rt_gateway_reject(struct rt_gateway *gw, const char *call_id, const char *tool_call_id, int always,
                             const char *message);

/** Who hears of the spans of all calls; copied. Before the gateway runs: -RT_ERR_STATE. -ENOSPC: there are too many. */
RT_API int rt_gateway_add_trace_processor(struct rt_gateway *gw, const struct rt_trace_processor *processor, void *arg);

/** Serves until rt_gateway_stop and the drain are over. Thread: one; blocks. */
RT_API int rt_gateway_run(struct rt_gateway *gw);
/** Serves on a thread of its own. -RT_ERR_STATE: it runs or ran already; -EAGAIN: no thread to be had. */
RT_API int rt_gateway_start(struct rt_gateway *gw);
/** Begins to drain: no new calls, live ones may end until drain_ms (0: the configured time), then they are hung up.
 * Thread: any, also a signal-handling thread, not a signal handler. */
RT_API void rt_gateway_stop(struct rt_gateway *gw, uint32_t drain_ms);
/** Waits until a gateway that rt_gateway_start started has stopped. 0 also when none was. Thread: any but its own. */
RT_API int rt_gateway_wait(struct rt_gateway *gw);
/** Calls that are live. Thread: any. */
RT_API uint32_t rt_gateway_calls(const struct rt_gateway *gw);
/** New settings for new calls, new certificate; what SIGHUP does. Thread: any. Result in the log. */
RT_API void rt_gateway_reload(struct rt_gateway *gw);
/** NULL is fine. Not before rt_gateway_run returned; one that was started is stopped and waited for. */
RT_API void rt_gateway_free(struct rt_gateway *gw);

#ifdef __cplusplus
}
#endif

#endif
