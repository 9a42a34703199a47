/* The gateway inside a program: ringtrip/gateway.h and replay.h on top of gateway/gateway.h. */
#include "ringtrip/gateway.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/replay.h"
#include "library/wording.h"
#include "ringtrip/replay.h"

#define ERR_TEXT_BYTES (64u << 10)

/* A handle is the gateway with the host's log callback, which must outlive every line. */
struct rt_gateway {
    struct gateway *gw;
    rt_log_fn log;
    void *log_arg;
    pthread_t thread;
    bool ran, started;
};

void rt_gateway_opts_init(struct rt_gateway_opts *opts)
{
    memset(opts, 0, sizeof(*opts));
    opts->struct_size = sizeof(*opts);
}

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
    const struct rt_gateway *handle = arg;
    const char *call_id = scope && scope->call_id ? scope->call_id : "";
    handle->log(public_level(level), call_id, event, fields, handle->log_arg);
}

static int open_handle(struct rt_gateway *handle, const struct rt_gateway_opts *opts, struct buf *err)
{
    const struct str text = str_from(opts->config_text);
    const struct gateway_opts o = {
        .config = {.path = opts->config_text ? "the configuration" : opts->config_file,
                   .text = opts->config_text ? &text : NULL,
                   .dotenv_path = opts->env_file},
        .own_log = opts->log != NULL,
        .port_given = opts->port_given != 0,
        .port = opts->port,
        .sandbox_file = opts->sandbox_program,
    };
    if (opts->log) {
        handle->log = opts->log;
        handle->log_arg = opts->log_arg;
        log_set_sink(sink, handle, LOG_INFO);
    }
    return gateway_open(&o, err, &handle->gw);
}

int rt_gateway_new(const struct rt_gateway_opts *opts, struct rt_gateway **ret, char *err_text_out, size_t err_cap)
{
    /* Members that a caller compiled against an older header does not know count as zero. */
    struct rt_gateway_opts known = {0};
    if (!opts || !ret || opts->struct_size < sizeof(opts->struct_size)) {
        wording_give(err_text_out, err_cap, STR("opts.struct_size must be sizeof(struct rt_gateway_opts)"));
        return -EINVAL;
    }
    memcpy(&known, opts, MIN(opts->struct_size, sizeof(known)));
    struct rt_gateway *handle = calloc(1, sizeof(*handle));
    if (!handle) {
        wording_give(err_text_out, err_cap, STR("out of memory"));
        return -ENOMEM;
    }
    struct buf err;
    buf_init(&err, ERR_TEXT_BYTES);
    int e = open_handle(handle, &known, &err);
    if (e < 0) {
        wording_give(err_text_out, err_cap, buf_str(&err));
        if (handle->log) {
            log_set_sink(NULL, NULL, LOG_ERROR);
        }
        free(handle);
    } else {
        *ret = handle;
    }
    buf_done(&err);
    return e < 0 ? e : 0;
}

uint16_t rt_gateway_port(const struct rt_gateway *gw)
{
    return gateway_port(gw->gw);
}

int rt_gateway_run(struct rt_gateway *gw)
{
    if (gw->ran) {
        return -ERR_STATE;
    }
    gw->ran = true;
    gateway_run(gw->gw);
    return 0;
}

static void *run_thread(void *arg)
{
    struct rt_gateway *gw = arg;
    gateway_run(gw->gw);
    return NULL;
}

int rt_gateway_start(struct rt_gateway *gw)
{
    if (gw->ran) {
        return -ERR_STATE;
    }
    int err = pthread_create(&gw->thread, NULL, run_thread, gw);
    if (err != 0) {
        return -err;
    }
    gw->ran = gw->started = true;
    return 0;
}

int rt_gateway_wait(struct rt_gateway *gw)
{
    if (gw->started) {
        gw->started = false;
        return -pthread_join(gw->thread, NULL);
    }
    return 0;
}

void rt_gateway_stop(struct rt_gateway *gw, uint32_t drain_ms)
{
    gateway_stop(gw->gw, drain_ms);
}

void rt_gateway_reload(struct rt_gateway *gw)
{
    gateway_reload(gw->gw);
}

void rt_gateway_free(struct rt_gateway *gw)
{
    if (gw) {
        if (gw->started) {
            gateway_stop(gw->gw, 1);
            ignore_result(rt_gateway_wait(gw)); /* it was ours to join */
        }
        gateway_free(gw->gw);
        if (gw->log) {
            log_set_sink(NULL, NULL, LOG_ERROR);
        }
        free(gw);
    }
}

uint32_t rt_gateway_calls(const struct rt_gateway *gw)
{
    (void)gw;
    return 0;
}

int rt_gateway_add_tool(struct rt_gateway *gw, const char *agent, const struct rt_tool *tool)
{
    (void)gw;
    (void)agent;
    (void)tool;
    return -ENOSYS;
}

int rt_gateway_add_guardrail(struct rt_gateway *gw, const char *agent, const struct rt_guardrail *guardrail)
{
    (void)gw;
    (void)agent;
    (void)guardrail;
    return -ENOSYS;
}

int rt_gateway_set_approval_fn(struct rt_gateway *gw, rt_approval_fn fn, void *arg)
{
    (void)gw;
    (void)fn;
    (void)arg;
    return -ENOSYS;
}

int rt_gateway_approve(struct rt_gateway *gw, const char *call_id, const char *tool_call_id, int always)
{
    (void)gw;
    (void)call_id;
    (void)tool_call_id;
    (void)always;
    return -ENOSYS;
}

int rt_gateway_reject(struct rt_gateway *gw, const char *call_id, const char *tool_call_id, int always,
                      const char *message)
{
    (void)message;
    return rt_gateway_approve(gw, call_id, tool_call_id, always);
}

int rt_replay(const char *file, void (*print)(const char *line, void *arg), void *arg, struct rt_replay_report *ret)
{
    struct replay_report report;
    if (!file || !ret || ret->struct_size < sizeof(ret->struct_size)) {
        return -EINVAL;
    }
    int err = replay_run(file, &(struct replay_opts){.print = print, .arg = arg}, &report);
    if (err < 0) {
        return err;
    }
    struct rt_replay_report full = {
        .struct_size = ret->struct_size,
        .records = report.records,
        .actions = report.actions,
        .identical = report.first_diff == 0,
        .first_diff = report.first_diff,
        .torn_tail = report.torn_tail,
    };
    memcpy(ret, &full, MIN(ret->struct_size, sizeof(full)));
    return 0;
}
