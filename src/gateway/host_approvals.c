/*
 * The host's part in approvals: does this use of a tool need one (conditions on its arguments, a function of the
 * program that embeds us), who waits for a decision, and the decision on its way to the call.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/host_impl.h"
#include "tools/code/code.h"

/* ---- is one needed? ---- */

static void tell_checked(struct host *h, struct str tool_call_id, bool needed)
{
    struct call_event ev = {.type = EV_TOOL_CHECKED};
    ev.tool_checked.tool_call_id = tool_call_id;
    ev.tool_checked.check = needed ? TOOL_CHECK_ASK : TOOL_CHECK_RUN;
    ev.tool_checked.output = STR("");
    host_event(h, &ev);
}

/* Nobody is asked about arguments that a guardrail objects to. */
static bool refused_before(struct host *h, const struct call_action *act)
{
    const struct json_doc *doc = NULL;
    struct buf refusal;
    buf_init(&refusal, 4096);
    bool refused = h->snapshot->cfg->guarding.before_approval && json_doc_parse(act->tool_ask.arguments, &doc) >= 0 &&
                   host_guard_arguments(h, act->tool_ask.name, doc, &refusal);
    json_doc_free(doc);
    if (refused) {
        struct call_event ev = {.type = EV_TOOL_CHECKED};
        ev.tool_checked.tool_call_id = act->tool_ask.tool_call_id;
        ev.tool_checked.check = TOOL_CHECK_REFUSE;
        ev.tool_checked.output = buf_str(&refusal);
        host_event(h, &ev);
    }
    buf_done(&refusal);
    return refused;
}

/* Doubt counts as yes: arguments that are no JSON, a value that is not there or of another kind. */
static bool conditions_hold(const struct snapshot_tool *tool, struct str arguments)
{
    const struct json_doc *doc = NULL;
    bool needed = tool->n_conditions == 0 || json_doc_parse(arguments, &doc) < 0;
    for (uint32_t i = 0; i < tool->n_conditions && !needed; i++) {
        needed = condition_ask(tool->conditions[i], doc) != CONDITION_FALSE;
    }
    json_doc_free(doc);
    return needed;
}

/* A question to the program that embeds us; the call may be gone when the answer comes. */
struct question {
    struct worker *worker;
    struct host_id id;
    char tool_call_id[CALL_ID_MAX + 1];
};

static void answered(bool needed, void *arg)
{
    struct question *q = arg;
    struct host *h = worker_by_id(q->worker, q->id);
    q->worker->tool_jobs--;
    if (h) {
        tell_checked(h, str_from(q->tool_call_id), needed);
    }
    free(q);
}

static int ask_program(struct host *h, const struct snapshot_tool *tool, const struct call_action *act)
{
    struct worker *w = h->worker;
    struct question *q = calloc(1, sizeof(*q));
    const struct code_facts facts = {.call_id = str_from(h->call_id),
                                     .tool_call_id = act->tool_ask.tool_call_id,
                                     .name = act->tool_ask.name,
                                     .arguments = act->tool_ask.arguments,
                                     .agent = call_opts_name(&h->opts, act->tool_ask.agent),
                                     .context = h->snapshot->context};
    if (!q) {
        return -ENOMEM;
    }
    q->worker = w;
    q->id = h->id;
    int err = str_copy(q->tool_call_id, sizeof(q->tool_call_id), act->tool_ask.tool_call_id);
    err = err < 0 ? err : code_ask(w->env.loop, &tool->code, &facts, answered, q);
    if (err < 0) {
        free(q);
        return err;
    }
    w->tool_jobs++;
    return 0;
}

void host_check_tool(struct host *h, const struct call_action *act)
{
    const struct snapshot_tool *tool = snapshot_tool(h->snapshot, act->tool_ask.name);
    const struct json_doc *doc = NULL;
    host_tap(h, TAP_ACTION, act, NULL);
    if (refused_before(h, act)) {
        return;
    }
    if (tool && tool->is_code && tool->code.asks && json_doc_parse(act->tool_ask.arguments, &doc) >= 0) {
        json_doc_free(doc);
        if (ask_program(h, tool, act) >= 0) {
            return;
        }
    }
    bool program = tool && tool->is_code; /* it could not be asked: then somebody is */
    tell_checked(h, act->tool_ask.tool_call_id, !tool || program || conditions_hold(tool, act->tool_ask.arguments));
}

/* ---- who waits ---- */

static void count_pending(struct worker *w)
{
    metrics_set(w->env.metrics, METRIC_APPROVALS_PENDING, w->approvals.n);
}

void host_ask_approval(struct host *h, const struct call_action *act)
{
    struct worker *w = h->worker;
    const struct approval *added = NULL;
    uint64_t now_us = (uint64_t)clock_wall_us();
    uint64_t timeout_us = (uint64_t)act->tool_ask.timeout_ms * 1000;
    const struct approval what = {.host = h->id,
                                  .call_id = str_from(h->call_id),
                                  .tool_call_id = act->tool_ask.tool_call_id,
                                  .tool = act->tool_ask.name,
                                  .arguments = act->tool_ask.arguments,
                                  .agent = call_opts_name(&h->opts, act->tool_ask.agent),
                                  .caller = str_from(h->facts.caller),
                                  .asked_wall_us = now_us,
                                  .expires_wall_us = timeout_us ? now_us + timeout_us : 0,
                                  .expires_approved = act->tool_ask.timeout_approves};
    host_tap(h, TAP_ACTION, act, NULL);
    if (approvals_add(&w->approvals, &what, &added) < 0) {
        log_error(&h->log, "approval.lost", "tool=" STR_FMT " error=ENOMEM", STR_ARG(what.tool));
        return; /* nobody can decide: the policy will */
    }
    log_info(&h->log, "approval.needed", "id=%s tool=" STR_FMT " timeout_ms=%u", added->id, STR_ARG(added->tool),
             act->tool_ask.timeout_ms);
    count_pending(w);
    if (w->approval_hook.fn) {
        w->approval_hook.fn(added, w->approval_hook.arg);
    }
}

void host_approval_decided(struct host *h, const struct call_action *act)
{
    struct worker *w = h->worker;
    const char *outcome = approval_outcome_name(act->tool_decided.outcome);
    host_tap(h, TAP_ACTION, act, NULL);
    metrics_add_word(w->env.metrics, METRIC_APPROVALS, str_from(outcome), 1);
    log_info(&h->log, "approval.decided", "tool=" STR_FMT " outcome=%s", STR_ARG(act->tool_decided.name), outcome);
    approvals_remove(&w->approvals, h->id, act->tool_decided.tool_call_id);
    count_pending(w);
}

void host_approvals_drop(struct host *h)
{
    if (approvals_remove(&h->worker->approvals, h->id, STR_NULL) > 0) {
        count_pending(h->worker);
    }
}

/* ---- the decision ---- */

int worker_decide(struct worker *w, const struct approval_decision *d)
{
    struct host *h = worker_by_id(w, d->approval->host);
    if (!h) {
        return -ENOENT;
    }
    struct call_event ev = {.type = EV_TOOL_APPROVAL};
    ev.tool_approval.approve = d->approve;
    ev.tool_approval.always = d->always;
    ev.tool_approval.message = d->message;
    /* The step removes the entry, and with it the text that the event lends. */
    char tool_call_id[CALL_ID_MAX + 1];
    int err = str_copy(tool_call_id, sizeof(tool_call_id), d->approval->tool_call_id);
    if (err < 0) {
        return err;
    }
    ev.tool_approval.tool_call_id = str_from(tool_call_id);
    host_event(h, &ev);
    return 0;
}
