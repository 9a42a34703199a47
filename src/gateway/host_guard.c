/*
 * Guardrails of a call: rules answer in the same pass of the loop, endpoints and text models over HTTP, functions of
 * the program that embeds us on its threads; what they say goes back to the call if it is still there. Arguments of
 * tools and texts from outside are looked at here alone.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/host_impl.h"
#include "guards/question.h"
#include "tools/webhook/webhook.h"

#define QUESTION_MAX   (96u << 10)
#define REFUSAL_MAX    1000
#define CANNOT_BE_USED "{\"error\":\"The tool cannot be used now.\"}"

static uint32_t bit(uint32_t i)
{
    return UINT32_C(1) << i;
}

static struct str kind_of(const struct host *h, uint32_t i)
{
    return str_from(guard_kind_name(h->snapshot->guards[i].kind));
}

static void count_failure(struct host *h, uint32_t i, const char *why)
{
    metrics_add_word(h->worker->env.metrics, METRIC_GUARD_FAILED, kind_of(h, i), 1);
    log_warn(&h->log, "guardrail.failed", "name=" STR_FMT " kind=" STR_FMT " error=%s",
             STR_ARG(h->snapshot->guarding.list[i].name), STR_ARG(kind_of(h, i)), why);
}

/* ---- rules ---- */

static void ask_rule(struct host *h, const struct call_action *act, uint32_t i, struct call_event *ev)
{
    struct guard_finding f;
    int err = guard_rule_scan(h->snapshot->guards[i].rule, act->guard_check.text, act->guard_check.final, &f);
    uint32_t offset = act->guard_check.offset;
    ev->guard.answered |= bit(i);
    if (err < 0) {
        ev->guard.failed |= bit(i);
        count_failure(h, i, err_name(err));
    } else if (f.tripped) {
        bool first = ev->guard.tripped == 0;
        ev->guard.tripped |= bit(i);
        ev->guard.from = first ? offset + f.from : ev->guard.from;
        ev->guard.to = first && f.to ? offset + f.to : ev->guard.to;
        ev->guard.info = first && f.what ? str_from(f.what) : ev->guard.info;
    } else {
        ev->guard.covered = MIN(ev->guard.covered, offset + f.sure);
    }
}

static void ask_rules(struct host *h, const struct call_action *act)
{
    struct str text = act->guard_check.text;
    uint32_t end = act->guard_check.offset + (uint32_t)text.n;
    struct call_event ev = {.type = EV_GUARD, .guard = {.check = act->guard_check.check, .covered = end}};
    ev.guard.info = STR("");
    for (uint32_t i = 0; i < CALL_MAX_GUARDS; i++) {
        if ((act->guard_check.guards & bit(i)) && h->snapshot->guards[i].rule) {
            ask_rule(h, act, i, &ev);
        }
    }
    if (ev.guard.answered) {
        /* What began so long ago is not waited for: an expression may never be sure. */
        ev.guard.covered = MAX(ev.guard.covered, end - MIN(end, GUARD_CONTEXT_BYTES));
        host_event(h, &ev);
    }
}

/* ---- those that take their time ---- */

/* Owns all it needs: the call may be gone before the answer comes. */
struct guard_job {
    struct worker *worker;
    struct host_id id;
    struct snapshot *snapshot; /* rules, functions and names live there */
    uint32_t check, index, offset;
    char *text, *agent, *call_id, *side;
    bool final;
    uint64_t started_us;
    struct webhook *webhook; /* NULL: a function of the program */
    struct guard_job *next;  /* on the worker's list */
    int answer;              /* of a function */
    struct buf why;
};

static void job_free(struct guard_job *j)
{
    buf_done(&j->why);
    snapshot_unref(j->snapshot);
    free(j->text);
    free(j->agent);
    free(j->call_id);
    free(j->side);
    free(j);
}

static struct guard_job *job_new(struct host *h, const struct call_action *act, uint32_t i)
{
    struct guard_job *j = calloc(1, sizeof(*j));
    if (!j) {
        return NULL;
    }
    buf_init(&j->why, GUARD_INFO_BYTES * 4);
    j->worker = h->worker;
    j->id = h->id;
    j->snapshot = snapshot_ref(h->snapshot);
    j->check = act->guard_check.check;
    j->index = i;
    j->offset = act->guard_check.offset;
    j->final = act->guard_check.final;
    j->text = str_dup(act->guard_check.text);
    j->agent = str_dup(call_opts_agent(&h->opts, act->guard_check.agent).name);
    j->call_id = str_dup(str_from(h->call_id));
    j->side = str_dup(str_from(guard_side_name(act->guard_check.side)));
    j->started_us = clock_now_us();
    if (!j->text || !j->agent || !j->call_id || !j->side) {
        job_free(j);
        return NULL;
    }
    return j;
}

static void leave_list(struct guard_job *j)
{
    struct guard_job **at = &j->worker->guard_jobs;
    while (*at && *at != j) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = j->next;
    }
}

/* To the call, if it still waits. err < 0: it could not tell. Frees. */
static void give_back(struct guard_job *j, int err, const char *why, const struct guard_verdict *v)
{
    struct host *h = worker_by_id(j->worker, j->id);
    struct call_event ev = {.type = EV_GUARD, .guard = {.check = j->check, .answered = bit(j->index)}};
    leave_list(j);
    j->worker->tool_jobs--;
    metrics_observe_us(j->worker->env.metrics, METRIC_GUARD_SECONDS, clock_now_us() - j->started_us);
    if (h && err < 0) {
        count_failure(h, j->index, why);
    }
    ev.guard.failed = err < 0 ? bit(j->index) : 0;
    ev.guard.tripped = err >= 0 && v->tripped ? bit(j->index) : 0;
    ev.guard.from = err >= 0 && v->to ? j->offset + v->from : 0;
    ev.guard.to = err >= 0 && v->to ? j->offset + v->to : 0;
    ev.guard.info = err >= 0 && j->why.err == 0 ? buf_str(&j->why) : STR("");
    if (h) {
        host_event(h, &ev);
    }
    job_free(j);
}

static void webhook_done(const struct webhook_result *r, void *arg)
{
    struct guard_job *j = arg;
    struct guard_verdict v = {0};
    int err = r->outcome == WEBHOOK_OK ? guard_answer_read(r->output, str_from(j->text), &v, &j->why) : -ERR_HTTP;
    const char *why = r->outcome != WEBHOOK_OK ? webhook_outcome_word(r->outcome) : err_name(err);
    give_back(j, err, why, &v);
}

static int put_question(const struct guard_job *j, const struct call_action *act, struct buf *out)
{
    const struct snapshot_guard *g = &j->snapshot->guards[j->index];
    const struct guard_question q = {
        .guardrail = j->snapshot->guarding.list[j->index].name,
        .side = str_from(j->side),
        .agent = str_from(j->agent),
        .call_id = str_from(j->call_id),
        .response_id = act->guard_check.response_id,
        .item_id = act->guard_check.item_id,
        .text = str_from(j->text),
        .final = j->final,
    };
    if (g->kind == GUARD_MODEL) {
        guard_chat_put(&q, g->config->model, g->config->instructions, g->config->schema, out);
    } else {
        guard_question_put(&q, out);
    }
    return out->err;
}

/* The sandbox that we start ourselves is where it is now. */
static int put_sandbox_url(struct host *h, struct buf *out)
{
    const struct worker_env *env = &h->worker->env;
    struct str url = env->sandbox_url(env->arg);
    size_t host = str_search(url, STR("://"));
    if (url.n == 0 || host == SIZE_MAX) {
        return -ERR_CLOSED;
    }
    struct str rest = {url.p + host, url.n - host};
    rest.n = 3 + str_find((struct str){rest.p + 3, rest.n - 3}, '/');
    buf_puts(out, "http");
    buf_put_str(out, rest);
    buf_puts(out, "/v1/chat/completions");
    return out->err;
}

static int run_webhook(struct host *h, struct guard_job *j, const struct call_action *act)
{
    struct worker *w = h->worker;
    struct webhook_opts o = j->snapshot->guards[j->index].webhook;
    const struct json_doc *doc = NULL;
    struct buf question;
    struct buf url;
    buf_init(&question, QUESTION_MAX);
    buf_init(&url, 512);
    int err = put_question(j, act, &question);
    if (err >= 0 && o.url.n == 0) {
        err = put_sandbox_url(h, &url);
        o.url = buf_str(&url);
    }
    err = err < 0 ? err : json_doc_parse(buf_str(&question), &doc);
    if (err >= 0) {
        struct host_trace_headers trace;
        host_trace_guard_headers(h, j->check, &trace);
        const struct webhook_call c = {.call_id = str_from(j->call_id),
                                       .tool_call_id = STR(""),
                                       .traceparent = str_from(trace.parent),
                                       .tracestate = str_from(trace.state),
                                       .caller = str_from(h->facts.caller),
                                       .called = str_from(h->facts.called),
                                       .agent = str_from(j->agent),
                                       .arguments = doc};
        struct buf refusal; /* meant for models */
        buf_init(&refusal, REFUSAL_MAX);
        err = webhook_run(w->env.loop, w->env.http, &o, &c, &refusal, webhook_done, j, &j->webhook);
        buf_done(&refusal);
    }
    json_doc_free(doc);
    buf_done(&question);
    buf_done(&url);
    return err;
}

static void code_told(void *arg)
{
    struct guard_job *j = arg;
    struct guard_verdict v = {.tripped = j->answer > 0};
    give_back(j, j->answer < 0 ? j->answer : 0, "the function failed", &v);
}

static void code_work(void *arg)
{
    struct guard_job *j = arg;
    const struct guard_code *code = &j->snapshot->guards[j->index].code;
    const struct guard_code_check check = {.agent = j->agent,
                                           .call_id = j->call_id,
                                           .text = j->text,
                                           .side = j->side,
                                           .final = j->final,
                                           .context = j->snapshot->context};
    j->answer = code->fn(&check, &j->why, code->arg);
    if (loop_post(j->worker->env.loop, code_told, j) < 0) {
        /* No memory for the message: the call passes it over by itself, and the job is lost with what it holds. */
        log_error(NULL, "guardrail.lost", "error=ENOMEM");
    }
}

static int run_job(struct host *h, struct guard_job *j, const struct call_action *act)
{
    const struct snapshot_guard *g = &j->snapshot->guards[j->index];
    return g->kind == GUARD_CODE ? crew_run(g->code.crew, code_work, j) : run_webhook(h, j, act);
}

static void ask_later(struct host *h, const struct call_action *act, uint32_t i)
{
    struct guard_job *j = job_new(h, act, i);
    int err = j ? run_job(h, j, act) : -ENOMEM;
    if (err >= 0) {
        j->next = h->worker->guard_jobs;
        h->worker->guard_jobs = j;
        h->worker->tool_jobs++;
        return;
    }
    if (j) {
        job_free(j);
    }
    count_failure(h, i, err_name(err));
    const struct call_event ev = {
        .type = EV_GUARD,
        .guard = {.check = act->guard_check.check, .answered = bit(i), .failed = bit(i), .info = STR("")}};
    host_event(h, &ev);
}

void host_check_guards(struct host *h, const struct call_action *act)
{
    ask_rules(h, act);
    for (uint32_t i = 0; i < CALL_MAX_GUARDS && i < h->snapshot->guarding.n_list; i++) {
        if ((act->guard_check.guards & bit(i)) && !h->snapshot->guards[i].rule) {
            ask_later(h, act, i);
        }
    }
}

void host_cancel_guards(struct host *h)
{
    for (struct guard_job *j = h->worker->guard_jobs; j; j = j->next) {
        if (j->webhook && j->id.slot == h->id.slot && j->id.generation == h->id.generation) {
            webhook_cancel(j->webhook);
        }
    }
}

/* ---- trips ---- */

static void count_trips(struct host *h, uint32_t guards)
{
    for (uint32_t i = 0; i < CALL_MAX_GUARDS; i++) {
        if (guards & bit(i)) {
            metrics_add_word(h->worker->env.metrics, METRIC_GUARD_TRIPS, kind_of(h, i), 1);
        }
    }
}

void host_guard_tripped(struct host *h, const struct call_action *act)
{
    count_trips(h, act->guard_trip.guards);
    metrics_add(h->worker->env.metrics, METRIC_GUARD_LEAKED, act->guard_trip.leaked_words);
    log_warn(&h->log, "guardrail.tripped",
             "names=\"" STR_FMT "\" side=%s action=%s heard_ms=%u leaked_words=%u retried=%d info=\"" STR_FMT "\"",
             STR_ARG(act->guard_trip.names), guard_side_name(act->guard_trip.side),
             guard_verb_name(act->guard_trip.verb), act->guard_trip.heard_ms, act->guard_trip.leaked_words,
             act->guard_trip.retried, STR_ARG(act->guard_trip.info));
    host_tap(h, TAP_ACTION, act, NULL);
}

/* ---- before a call is told ---- */

static void tell_signal(struct host *h, enum call_signal_kind kind, struct str name, struct str text)
{
    struct call_action act = {.type = ACT_SIGNAL};
    struct call_view view;
    call_view(h->call, &view);
    act.signal = (struct call_signal){.kind = kind, .agent = view.agent, .name = name, .text = text};
    host_tap(h, TAP_SIGNAL, &act, NULL);
}

/* A text that never comes to the call: whoever watches is told of it all the same. */
static void tell_refused(struct host *h, uint32_t i, struct str text, const char *what)
{
    struct call_action act = {.type = ACT_GUARD_TRIP};
    struct call_view view;
    struct str name = h->opts.guards.list[i].name;
    call_view(h->call, &view);
    count_trips(h, bit(i));
    log_warn(&h->log, "guardrail.tripped", "names=\"" STR_FMT "\" side=input action=refuse info=\"%s\"", STR_ARG(name),
             what ? what : "");
    act.guard_trip.side = GUARD_INPUT;
    act.guard_trip.guards = bit(i);
    act.guard_trip.agent = view.agent;
    act.guard_trip.names = name;
    act.guard_trip.info = str_from(what ? what : "");
    act.guard_trip.text = text;
    host_tap(h, TAP_ACTION, &act, NULL);
    tell_signal(h, SIGNAL_GUARDRAIL, name, text);
}

/* sides: mask of enum guard_side. Those of who speaks now, and those of everybody. */
static const char *refused(struct host *h, struct str text, uint32_t sides)
{
    const struct call_guard_opts *o = &h->opts.guards;
    struct call_view view;
    call_view(h->call, &view);
    uint32_t mask = o->everywhere | call_opts_agent(&h->opts, view.agent).guards;
    for (uint32_t i = 0; i < o->n_list; i++) {
        struct guard_rule *rule = h->snapshot->guards[i].rule;
        struct guard_finding f;
        if (!rule || !(mask & bit(i)) || !(o->list[i].sides & sides)) {
            continue;
        }
        int err = guard_rule_scan(rule, text, true, &f);
        if (err < 0) {
            count_failure(h, i, err_name(err));
        } else if (f.tripped) {
            tell_refused(h, i, text, f.what);
            return o->list[i].name.p;
        }
    }
    return NULL;
}

const char *host_text_refused(struct host *h, struct str text)
{
    return refused(h, text, 1u << GUARD_INPUT);
}

static const char *message_refused(struct host *h, const struct call_item *it)
{
    uint32_t sides = 1u << GUARD_INPUT | (it->role == ITEM_ASSISTANT ? 1u << GUARD_OUTPUT : 0);
    const char *name = NULL;
    for (uint32_t i = 0; i < it->n_parts && !name; i++) {
        name = it->parts[i].kind == PART_TEXT ? refused(h, it->parts[i].text, sides) : NULL;
    }
    return name;
}

const char *host_control_refused(struct host *h, const struct call_event *ev)
{
    if (ev->type == EV_CONTROL_SAY) {
        return refused(h, ev->control_say.text, 1u << GUARD_INPUT | 1u << GUARD_OUTPUT);
    }
    return ev->type == EV_CONTROL_MESSAGE ? message_refused(h, ev->control_message.item) : NULL;
}

/* Does the guardrail look at this tool's arguments? */
static bool looks_at(const struct host *h, uint32_t i, struct str tool)
{
    const struct snapshot_guard *g = &h->snapshot->guards[i];
    if (!g->rule || !(h->opts.guards.list[i].sides & 1u << GUARD_TOOL)) {
        return false;
    }
    for (uint32_t k = 0; k < g->config->tools.n; k++) {
        if (str_eq(g->config->tools.v[k], tool)) {
            return true;
        }
    }
    return g->config->tools.n == 0;
}

static void put_refusal(const struct config_guardrail *c, const struct guard_finding *f, struct buf *out)
{
    struct buf text;
    buf_clear(out);
    if (c->raise) {
        buf_puts(out, CANNOT_BE_USED);
        return;
    }
    if (c->refusal.n) {
        buf_put_str(out, c->refusal);
        return;
    }
    buf_init(&text, REFUSAL_MAX);
    buf_printf(&text, "The guardrail " STR_FMT " refuses these arguments%s%s.", STR_ARG(c->name), f->what ? ": " : "",
               f->what ? f->what : "");
    buf_puts(out, "{\"error\":");
    json_put_quoted(out, buf_str(&text));
    buf_putc(out, '}');
    buf_done(&text);
}

/* An error of the session: the program that watches it decides what is to become of it. */
static void raise_refusal(struct host *h, const struct config_guardrail *c, struct str tool)
{
    struct buf text;
    buf_init(&text, REFUSAL_MAX);
    buf_printf(&text, "The guardrail " STR_FMT " refuses the arguments of the tool " STR_FMT ".", STR_ARG(c->name),
               STR_ARG(tool));
    tell_signal(h, SIGNAL_ERROR, STR("guardrail"), buf_str(&text));
    buf_done(&text);
}

const char *host_guard_arguments(struct host *h, struct str tool, const struct json_doc *arguments, struct buf *refusal)
{
    const struct call_guard_opts *o = &h->opts.guards;
    uint32_t mask = o->everywhere;
    for (uint32_t i = 0; i < MAX(h->opts.n_agents, 1u); i++) {
        mask |= call_opts_agent(&h->opts, i).guards; /* whoever called: a tool is as dangerous for all of them */
    }
    for (uint32_t i = 0; i < o->n_list; i++) {
        struct guard_finding f;
        if (!(mask & bit(i)) || !looks_at(h, i, tool)) {
            continue;
        }
        int err = guard_rule_scan_arguments(h->snapshot->guards[i].rule, arguments, &f);
        if (err < 0) {
            count_failure(h, i, err_name(err));
        } else if (f.tripped) {
            const struct config_guardrail *c = h->snapshot->guards[i].config;
            count_trips(h, bit(i));
            log_warn(&h->log, "guardrail.tripped",
                     "names=\"" STR_FMT "\" side=tool tool=" STR_FMT " action=%s info=\"%s\"", STR_ARG(c->name),
                     STR_ARG(tool), c->raise ? "raise" : "refuse", f.what ? f.what : "");
            put_refusal(c, &f, refusal);
            if (c->raise) {
                raise_refusal(h, c, tool);
            }
            return c->name.p;
        }
    }
    return NULL;
}

/* ---- masking ---- */

struct str host_masked(const struct host *h, struct str text, struct buf *out)
{
    if (!h->snapshot->mask || text.n == 0) {
        return text;
    }
    buf_clear(out);
    guard_mask_put(h->snapshot->mask, text, out);
    return out->err < 0 ? STR("***") : buf_str(out);
}
