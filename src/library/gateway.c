/* The gateway inside a program: ringtrip/gateway.h on top of gateway/gateway.h. */
#include "ringtrip/gateway.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "gateway/gateway.h"
#include "gateway/host.h"
#include "gateway/worker.h"
#include "library/derive.h"
#include "library/guarding.h"
#include "library/log_sink.h"
#include "library/tracing.h"
#include "library/wording.h"
#include "net/crew.h"

#define ERR_TEXT_BYTES  (64u << 10)
#define DEFAULT_THREADS 4

/* What the program gives to an agent: one of the two. */
struct gift {
    char *agent; /* NULL: every one */
    struct rt_tool *tool;
    struct rt_guardrail *guardrail;
    struct guarding guarding;
};

struct rt_gateway {
    struct gateway *gw;
    struct crew *crew;
    struct log_sink sink; /* outlives every line */
    pthread_t thread;
    bool ran, started;
    struct gift *gifts[CALL_MAX_TOOLS];
    uint32_t n_gifts;
    struct tracing *tracing[TRACE_MAX_PROCESSORS];
    uint32_t n_tracing;
    rt_approval_fn on_approval;
    void *approval_arg;
};

void rt_gateway_opts_init(struct rt_gateway_opts *opts)
{
    memset(opts, 0, sizeof(*opts));
    opts->struct_size = sizeof(*opts);
}

/* ---- what the program brings ---- */

static void gift_free(struct gift *g)
{
    if (g) {
        free(g->agent);
        rt_tool_free(g->tool);
        rt_guardrail_free(g->guardrail);
        free(g);
    }
}

static int adorn(struct snapshot *s, struct buf *err, void *arg)
{
    struct rt_gateway *gw = arg;
    int e = 0;
    for (uint32_t i = 0; i < gw->n_gifts && e >= 0; i++) {
        const struct gift *g = gw->gifts[i];
        if (g->guardrail) {
            e = guarding_add(s, gw->crew, &g->guarding);
            continue;
        }
        if (config_find_tool(s->cfg, str_from(g->tool->name)) != CONFIG_NONE) {
            buf_printf(err, "tools: the program and the configuration both have a tool \"%s\"", g->tool->name);
            return -EEXIST;
        }
        e = derive_offer_tool(s, gw->crew, g->tool, g->agent);
    }
    return e;
}

static bool knows_agent(const struct rt_gateway *gw, const char *agent)
{
    return !agent || config_find_agent(gateway_config(gw->gw), str_from(agent)) != CONFIG_NONE;
}

/* One name, one function; an agent gets it once. */
static int check_gift(const struct rt_gateway *gw, const char *agent, const struct rt_tool *tool)
{
    for (uint32_t i = 0; i < gw->n_gifts; i++) {
        const struct gift *g = gw->gifts[i];
        if (!g->tool || strcmp(g->tool->name, tool->name) != 0) {
            continue;
        }
        bool same = g->tool->fn == tool->fn && g->tool->arg == tool->arg;
        if (!same || !g->agent || !agent || strcmp(g->agent, agent) == 0) {
            return -EEXIST;
        }
    }
    return 0;
}

/* Takes g, which was made with this result. */
static int give(struct rt_gateway *gw, struct gift *g, int err)
{
    struct buf why;
    if (err < 0) {
        gift_free(g);
        return err;
    }
    buf_init(&why, ERR_TEXT_BYTES);
    gw->gifts[gw->n_gifts++] = g;
    err = gateway_refresh(gw->gw, &why);
    buf_done(&why);
    if (err < 0) {
        gift_free(gw->gifts[--gw->n_gifts]);
    }
    return err;
}

int rt_gateway_add_tool(struct rt_gateway *gw, const char *agent, const struct rt_tool *tool)
{
    if (!gw || !tool) {
        return -EINVAL;
    }
    if (gw->ran) {
        return -ERR_STATE;
    }
    int err = !knows_agent(gw, agent)         ? -ENOENT
              : gw->n_gifts == CALL_MAX_TOOLS ? -ERR_LIMIT
                                              : check_gift(gw, agent, tool);
    if (err < 0) {
        return err;
    }
    struct gift *g = calloc(1, sizeof(*g));
    err = g ? wording_set(&g->agent, agent) : -ENOMEM;
    err = err < 0 ? err : describe_tool_copy(tool, &g->tool);
    return give(gw, g, err);
}

int rt_gateway_add_guardrail(struct rt_gateway *gw, const char *agent, const struct rt_guardrail *guardrail)
{
    if (!gw || !guardrail) {
        return -EINVAL;
    }
    int err = gw->ran ? -ERR_STATE : !knows_agent(gw, agent) ? -ENOENT : gw->n_gifts == CALL_MAX_TOOLS ? -ERR_LIMIT : 0;
    if (err < 0) {
        return err;
    }
    struct gift *g = calloc(1, sizeof(*g));
    err = g ? wording_set(&g->agent, agent) : -ENOMEM;
    err = err < 0 ? err : describe_guardrail_copy(guardrail, &g->guardrail);
    if (err >= 0) {
        g->guarding = (struct guarding){g->guardrail, g->agent};
    }
    return give(gw, g, err);
}

int rt_gateway_add_trace_processor(struct rt_gateway *gw, const struct rt_trace_processor *processor, void *arg)
{
    if (!gw || gw->ran) {
        return gw ? -ERR_STATE : -EINVAL;
    }
    if (gw->n_tracing == ARRAY_LEN(gw->tracing)) {
        return -ENOSPC;
    }
    struct tracing *t = calloc(1, sizeof(*t));
    int err = t ? tracing_init(t, processor, arg) : -ENOMEM;
    err = err < 0 ? err : tracing_add(t, gateway_tracer(gw->gw));
    if (err < 0) {
        free(t);
        return err;
    }
    gw->tracing[gw->n_tracing++] = t;
    return 0;
}

/* ---- birth ---- */

static int open_handle(struct rt_gateway *handle, const struct rt_gateway_opts *opts, struct buf *err)
{
    const struct str text = str_from(opts->config_text);
    const struct gateway_opts o = {
        .config = {.path = opts->config_text ? "settings" : opts->config_file,
                   .text = opts->config_text ? &text : NULL,
                   .dotenv_path = opts->env_file},
        .own_log = opts->log != NULL,
        .port_given = opts->port_given != 0,
        .port = opts->port,
        .sandbox_file = opts->sandbox_program,
        .adorn = adorn,
        .arg = handle,
    };
    handle->sink = (struct log_sink){opts->log, opts->log_arg};
    int e = crew_new(opts->worker_threads ? opts->worker_threads : DEFAULT_THREADS, &handle->crew);
    if (e < 0) {
        return e;
    }
    log_sink_set(&handle->sink);
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
        wording_give(err_text_out, err_cap, err.len > 0 ? buf_str(&err) : str_from(err_text(e)));
        log_sink_unset(&handle->sink);
        crew_free(handle->crew);
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

uint32_t rt_gateway_calls(const struct rt_gateway *gw)
{
    return gateway_places(gw->gw);
}

/* ---- approvals ---- */

static const char *text_of(struct arena *a, struct str s)
{
    const char *copy = s.n > 0 ? arena_str(a, s).p : "";
    return copy ? copy : "";
}

static void on_approval(const struct approval *a, void *arg)
{
    struct rt_gateway *gw = arg;
    struct arena texts;
    arena_init(&texts, LIBRARY_TEXT_MAX);
    const struct rt_approval_request request = {
        .call_id = text_of(&texts, a->call_id),
        .tool_call_id = text_of(&texts, a->tool_call_id),
        .tool_name = text_of(&texts, a->tool),
        .arguments = text_of(&texts, a->arguments),
        .agent = text_of(&texts, a->agent),
    };
    gw->on_approval(&request, gw->approval_arg);
    arena_done(&texts);
}

int rt_gateway_set_approval_fn(struct rt_gateway *gw, rt_approval_fn fn, void *arg)
{
    if (!gw || !fn) {
        return -EINVAL;
    }
    if (gw->ran) {
        return -ERR_STATE;
    }
    gw->on_approval = fn;
    gw->approval_arg = arg;
    gateway_worker(gw->gw)->approval_hook = (struct approval_hook){on_approval, gw};
    return 0;
}

/* On its way to the loop. */
struct decision {
    struct gateway *gw;
    char *call_id, *tool_call_id, *message;
    bool approve, always;
};

static void decision_free(struct decision *d)
{
    free(d->call_id);
    free(d->tool_call_id);
    free(d->message);
    free(d);
}

/* What was decided otherwise meanwhile is nobody's mistake. */
static void carry_out(void *arg)
{
    struct decision *d = arg;
    struct worker *w = gateway_worker(d->gw);
    struct host *h = worker_by_call_id(w, str_from(d->call_id));
    const struct approval *a = h ? approvals_of(&w->approvals, host_id(h), str_from(d->tool_call_id)) : NULL;
    if (a) {
        const struct approval_decision decision = {
            .approval = a, .approve = d->approve, .always = d->always, .message = str_from(d->message)};
        ignore_result(worker_decide(w, &decision));
    }
    decision_free(d);
}

static int decide(struct rt_gateway *gw, const char *call_id, const char *tool_call_id, const struct decision *how)
{
    if (!gw || !call_id || !tool_call_id) {
        return -EINVAL;
    }
    struct decision *d = calloc(1, sizeof(*d));
    if (!d) {
        return -ENOMEM;
    }
    d->gw = gw->gw;
    d->approve = how->approve;
    d->always = how->always;
    d->call_id = str_dup(str_from(call_id));
    d->tool_call_id = str_dup(str_from(tool_call_id));
    d->message = str_dup(str_from(how->message ? how->message : ""));
    int err = d->call_id && d->tool_call_id && d->message ? loop_post(gateway_loop(gw->gw), carry_out, d) : -ENOMEM;
    if (err < 0) {
        decision_free(d);
    }
    return err;
}

int rt_gateway_approve(struct rt_gateway *gw, const char *call_id, const char *tool_call_id, int always)
{
    return decide(gw, call_id, tool_call_id, &(struct decision){.approve = true, .always = always != 0});
}

int rt_gateway_reject(struct rt_gateway *gw, const char *call_id, const char *tool_call_id, int always,
                      const char *message)
{
    const struct decision how = {.always = always != 0, .message = (char *)(uintptr_t)message}; /* only read */
    return decide(gw, call_id, tool_call_id, &how);
}

/* ---- life ---- */

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
    if (!gw->started) {
        return 0;
    }
    if (pthread_equal(gw->thread, pthread_self()) || crew_is_here(gw->crew)) {
        return -ERR_STATE;
    }
    gw->started = false;
    return -pthread_join(gw->thread, NULL);
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
    if (!gw) {
        return;
    }
    if (gw->started) {
        gateway_stop(gw->gw, 1);
        ignore_result(rt_gateway_wait(gw)); /* it was ours to join */
    }
    crew_free(gw->crew); /* what it still answers goes to a loop that is there */
    gateway_free(gw->gw);
    log_sink_unset(&gw->sink);
    for (uint32_t i = 0; i < gw->n_gifts; i++) {
        gift_free(gw->gifts[i]);
    }
    for (uint32_t i = 0; i < gw->n_tracing; i++) {
        free(gw->tracing[i]);
    }
    free(gw);
}
