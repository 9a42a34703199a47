/*
 * Tools of a call: their arguments are checked against their schema, then they run, built-in ones in the job pool and
 * webhooks on the loop, and their result goes back to the call if it is still there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/host_impl.h"
#include "net/crypto.h"
#include "tools/builtin/builtin.h"
#include "tools/code/code.h"
#include "tools/mcp/mcp.h"
#include "tools/webhook/webhook.h"

#define TOOL_OUTPUT_MAX    (64u << 10)
#define ARGUMENTS_MAX      (32u << 10) /* more would have to be parsed off the loop, and no tool needs it */
#define REFUSAL_MAX        4096
#define JOB_NOT_NEEDED     1 /* somebody else answers */
#define CANNOT_BE_USED_NOW "{\"error\":\"The tool cannot be used now.\"}"

/* Owns all it needs: the call may be gone before the job is. */
struct tool_job {
    struct worker *worker;
    struct host_id id;
    struct builtin_ctx ctx;
    char call_id[CALL_ID_MAX + 1];
    char *tool_call_id, *name, *arguments;
    uint32_t agent; /* who called */
    struct buf output;
    bool failed;
    uint64_t started_us;
    struct snapshot *snapshot; /* of the call */
    struct webhook *webhook;   /* NULL: no webhook */
    struct code_call *code;    /* NULL: no function of the program */
    struct mcp_run *mcp;       /* NULL: no server's; all three: built in */
    struct tool_job *next;     /* webhooks and functions: on the worker's list */
};

static void tool_job_free(struct tool_job *job)
{
    snapshot_unref(job->snapshot);
    buf_done(&job->output);
    free(job->tool_call_id);
    free(job->name);
    free(job->arguments);
    free(job);
}

static struct tool_job *tool_job_new(struct host *h, const struct call_action *act)
{
    struct tool_job *job = calloc(1, sizeof(*job));
    if (!job) {
        return NULL;
    }
    job->worker = h->worker;
    job->snapshot = snapshot_ref(h->snapshot);
    job->id = h->id;
    job->agent = act->tool_run.agent;
    memcpy(job->call_id, h->call_id, sizeof(job->call_id));
    buf_init(&job->output, TOOL_OUTPUT_MAX);
    job->tool_call_id = str_dup(act->tool_run.tool_call_id);
    job->name = str_dup(act->tool_run.name);
    job->arguments = str_dup(act->tool_run.arguments);
    if (!job->tool_call_id || !job->name || !job->arguments) {
        tool_job_free(job);
        return NULL;
    }
    job->started_us = clock_now_us();
    return job;
}

/* ---- results ---- */

static void tool_result(struct host *h, struct str tool_call_id, struct str output, bool failed)
{
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = tool_call_id;
    ev.tool_result.output = output;
    ev.tool_result.failed = failed;
    host_tap(h, TAP_TOOL_RESULT, NULL, &ev);
    host_event(h, &ev);
}

static uint64_t count_result(const struct tool_job *job, struct str word)
{
    struct metrics *m = job->worker->env.metrics;
    uint64_t took_us = clock_now_us() - job->started_us;
    metrics_add_word(m, METRIC_TOOLS, word, 1);
    metrics_observe_us(m, METRIC_TOOL_SECONDS, took_us);
    return took_us / 1000;
}

/* To the call, if it still waits. */
static void give_back(const struct tool_job *job, struct str output, bool failed)
{
    struct host *h = worker_by_id(job->worker, job->id);
    if (h) {
        tool_result(h, str_from(job->tool_call_id), output.n > 0 ? output : STR(CANNOT_BE_USED_NOW), failed);
    }
}

static void leave_list(struct tool_job *job)
{
    struct tool_job **at = &job->worker->webhooks;
    while (*at && *at != job) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = job->next;
    }
}

/* How a tool ended, whatever kind it is of. */
struct tool_end {
    bool cancelled;      /* the call knows: it asked for it, or is over */
    bool failed;         /* the output says so */
    const char *word;    /* of the metric and the log */
    const char *details; /* for the log, behind the rest; "" */
    struct str output;   /* for the model; empty: a sentence of ours */
};

/* The one end of every tool that was started. Frees. */
static void job_done(struct tool_job *job, const struct tool_end *end)
{
    const struct log_scope log = {.call_id = job->call_id, .worker = -1};
    leave_list(job); /* built-in ones are on none */
    job->worker->tool_jobs--;
    if (end->cancelled) {
        log_info(&log, "tool.done", "name=%s ms=%llu result=cancelled", job->name,
                 (unsigned long long)(clock_now_us() - job->started_us) / 1000);
    } else {
        uint64_t took_ms = count_result(job, str_from(end->word));
        log_info(&log, "tool.done", "name=%s ms=%llu result=%s%s", job->name, (unsigned long long)took_ms, end->word,
                 end->details);
        give_back(job, end->output, end->failed);
    }
    tool_job_free(job);
}

/* It can be broken off from now on. */
static void enter_list(struct tool_job *job)
{
    job->next = job->worker->webhooks;
    job->worker->webhooks = job;
}

/* ---- built-in tools ---- */

static int builtin_work(void *arg)
{
    struct tool_job *job = arg;
    return builtin_tool_run(&job->ctx, str_from(job->name), str_from(job->arguments), &job->output, &job->failed);
}

static void builtin_done(int err, void *arg)
{
    struct tool_job *job = arg;
    char details[64] = "";
    if (err < 0) {
        ignore_result(snprintf(details, sizeof(details), " error=%s", err_name(err)) < 0); /* a name is short */
    }
    job_done(job, &(struct tool_end){.failed = err < 0 || job->failed,
                                     .word = err < 0 || job->failed ? "error" : "ok",
                                     .details = details,
                                     .output = buf_str(&job->output)});
}

static int run_builtin(struct tool_job *job)
{
    struct worker *w = job->worker;
    job->ctx = (struct builtin_ctx){
        .ops = w->env.ops,
        .store = w->env.store,
        .call_id = str_from(job->call_id),
        .wall_us = (uint64_t)clock_wall_us(),
        .concierge = &job->snapshot->concierge,
    };
    crypto_random(&job->ctx.random, sizeof(job->ctx.random));
    return job_run(w->env.loop, builtin_work, builtin_done, job);
}

/* ---- webhooks ---- */

static void webhook_done(const struct webhook_result *r, void *arg)
{
    char details[96];
    ignore_result(snprintf(details, sizeof(details), " status=%d error=%s tries=%u", r->status, err_name(r->err),
                           r->tries) < 0); /* it is shorter */
    job_done(arg, &(struct tool_end){.cancelled = r->outcome == WEBHOOK_CANCELLED,
                                     .failed = r->outcome != WEBHOOK_OK,
                                     .word = webhook_outcome_word(r->outcome),
                                     .details = details,
                                     .output = r->output});
}

static int run_webhook(struct host *h, struct tool_job *job, const struct webhook_opts *o,
                       const struct json_doc *arguments, struct buf *refusal)
{
    struct worker *w = h->worker;
    struct host_trace_headers trace;
    host_trace_headers(h, str_from(job->tool_call_id), &trace);
    const struct webhook_call c = {
        .call_id = str_from(h->call_id),
        .tool_call_id = str_from(job->tool_call_id),
        .caller = str_from(h->facts.caller),
        .called = str_from(h->facts.called),
        .agent = call_opts_name(&h->opts, job->agent),
        .traceparent = str_from(trace.parent),
        .tracestate = str_from(trace.state),
        .arguments = arguments,
    };
    int err = webhook_run(w->env.loop, w->env.http, o, &c, refusal, webhook_done, job, &job->webhook);
    if (err >= 0) {
        enter_list(job);
    }
    return err;
}

/* ---- functions of the program that embeds us ---- */

static void code_done(const struct code_result *r, void *arg)
{
    bool failed = r->outcome == CODE_FAILED;
    job_done(arg, &(struct tool_end){.cancelled = r->outcome == CODE_CANCELLED,
                                     .failed = failed,
                                     .word = failed ? "error" : "ok",
                                     .details = "",
                                     .output = r->output});
}

static int run_code(struct host *h, struct tool_job *job, const struct code_opts *o)
{
    struct worker *w = h->worker;
    const struct code_facts facts = {
        .call_id = str_from(h->call_id),
        .tool_call_id = str_from(job->tool_call_id),
        .name = str_from(job->name),
        .arguments = str_trim(str_from(job->arguments)).n > 0 ? str_from(job->arguments) : STR("{}"),
        .agent = call_opts_name(&h->opts, job->agent),
        .context = h->snapshot->context,
    };
    int err = code_run(w->env.loop, o, &facts, code_done, job, &job->code);
    if (err >= 0) {
        enter_list(job);
    }
    return err;
}

static void put_error(struct buf *out, struct str before, struct str text, struct str after)
{
    struct buf sentence;
    buf_init(&sentence, REFUSAL_MAX / 2);
    buf_put_str(&sentence, before);
    buf_put_str(&sentence, text);
    buf_put_str(&sentence, after);
    buf_puts(out, "{\"error\":");
    json_put_quoted(out, sentence.err < 0 ? STR("The arguments are wrong.") : buf_str(&sentence));
    buf_putc(out, '}');
    buf_done(&sentence);
}

/* ---- servers of the Model Context Protocol ---- */

static void mcp_done(const struct mcp_output *r, void *arg)
{
    job_done(arg, &(struct tool_end){.cancelled = r->outcome == MCP_CANCELLED,
                                     .failed = r->outcome != MCP_OK,
                                     .word = mcp_outcome_word(r->outcome),
                                     .details = "",
                                     .output = r->text});
}

static int run_mcp(struct host *h, struct tool_job *job, const struct snapshot_tool *t, struct buf *refusal)
{
    struct worker *w = h->worker;
    struct str arguments = str_trim(str_from(job->arguments));
    struct host_trace_headers trace;
    host_trace_headers(h, str_from(job->tool_call_id), &trace);
    const struct mcp_order order = {.server = t->mcp_server,
                                    .use = {.tool = t->mcp_tool,
                                            .arguments = arguments.n > 0 ? arguments : STR("{}"),
                                            .traceparent = str_from(trace.parent),
                                            .tracestate = str_from(trace.state)},
                                    .timeout_ms = t->mcp_ms};
    int err = w->env.mcp ? mcp_run_tool(w->env.mcp, &order, mcp_done, job, &job->mcp) : -ERR_CLOSED;
    if (err >= 0) {
        enter_list(job);
    } else if (err == -ERR_CLOSED || err == -ENOENT) {
        put_error(refusal, STR("The tool cannot be reached now."), STR(""), STR(""));
    }
    return err;
}

void host_cancel_tool(struct host *h, struct str tool_call_id)
{
    host_cancel_message(h, tool_call_id);
    for (struct tool_job *job = h->worker->webhooks, *next; job; job = next) {
        next = job->next;
        if (job->id.slot == h->id.slot && job->id.generation == h->id.generation &&
            (!tool_call_id.p || str_is(tool_call_id, job->tool_call_id))) {
            if (job->webhook) {
                webhook_cancel(job->webhook);
            } else if (job->mcp) {
                mcp_run_cancel(job->mcp);
            } else {
                code_cancel(job->code);
            }
        }
    }
}

void host_cancel_tools(struct host *h)
{
    host_cancel_tool(h, STR_NULL);
}

/* ---- checks ---- */

/* No arguments at all are an empty object: models leave them out. */
static int read_arguments(struct str text, const struct snapshot_tool *tool, struct buf *refusal,
                          const struct json_doc **ret)
{
    const struct json_doc *doc = NULL;
    struct buf why;
    int err = text.n > ARGUMENTS_MAX ? -ERR_TOO_BIG : json_doc_parse(str_trim(text).n ? text : STR("{}"), &doc);
    if (err == -ENOMEM) {
        return err;
    }
    if (err < 0) {
        put_error(refusal, STR(""),
                  err == -ERR_TOO_BIG ? STR("The arguments are too long.") : STR("The arguments are not valid JSON."),
                  STR(" Call the function again."));
        return err;
    }
    buf_init(&why, REFUSAL_MAX / 4);
    err = tool->schema ? json_schema_check(tool->schema, doc, &why) : 0;
    if (err < 0 && err != -ENOMEM) {
        put_error(refusal, STR("The arguments are wrong: "), why.err < 0 ? STR("they do not fit") : buf_str(&why),
                  STR(". Call the function again with correct ones."));
    }
    buf_done(&why);
    if (err < 0) {
        json_doc_free(doc);
        return err;
    }
    *ret = doc;
    return 0;
}

static int run_checked(struct host *h, struct tool_job *job, struct buf *refusal)
{
    const struct snapshot_tool *tool = snapshot_tool(h->snapshot, str_from(job->name));
    const struct json_doc *arguments = NULL;
    if (!tool) {
        return -ENOENT; /* the core calls no tool that it was not told of */
    }
    int err = read_arguments(str_from(job->arguments), tool, refusal, &arguments);
    if (err < 0) {
        return err;
    }
    if (host_guard_arguments(h, str_from(job->name), arguments, refusal)) {
        json_doc_free(arguments);
        return -ERR_RANGE;
    }
    if (!tool->mcp_server.p && !tool->is_webhook && !tool->is_code &&
        builtin_wish_kind(tool->call.name) != BUILTIN_WISH_NONE) {
        json_doc_free(arguments);
        err = host_run_wish(h, str_from(job->tool_call_id), tool->call.name, str_from(job->arguments), refusal);
        return err < 0 ? err : JOB_NOT_NEEDED;
    }
    bool plain = !tool->mcp_server.p && !tool->is_webhook && !tool->is_code;
    if (plain && host_dials_reservation(h, tool->call.name)) {
        json_doc_free(arguments);
        err = host_run_reservation(h, str_from(job->tool_call_id), str_from(job->arguments), refusal);
        return err < 0 ? err : JOB_NOT_NEEDED;
    }
    err = tool->mcp_server.p ? run_mcp(h, job, tool, refusal)
          : tool->is_webhook ? run_webhook(h, job, &tool->webhook, arguments, refusal)
          : tool->is_code    ? run_code(h, job, &tool->code)
                             : run_builtin(job);
    json_doc_free(arguments);
    return err;
}

void host_run_tool(struct host *h, const struct call_action *act)
{
    host_tap(h, TAP_ACTION, act, NULL);
    h->facts.tools++;
    struct tool_job *job = tool_job_new(h, act);
    struct buf refusal;
    buf_init(&refusal, REFUSAL_MAX);
    int err = job ? run_checked(h, job, &refusal) : -ENOMEM;
    if (err == 0) {
        h->worker->tool_jobs++;
    } else if (err < 0) {
        struct str output = refusal.err < 0 || refusal.len == 0 ? STR(CANNOT_BE_USED_NOW) : buf_str(&refusal);
        metrics_add_word(h->worker->env.metrics, METRIC_TOOLS, STR("error"), 1);
        log_info(&h->log, "tool.refused", "name=" STR_FMT " error=%s", STR_ARG(act->tool_run.name), err_name(err));
        tool_result(h, act->tool_run.tool_call_id, output, true);
    }
    buf_done(&refusal);
    if (err != 0 && job) {
        tool_job_free(job);
    }
}
