#include "gateway/host_trace.h"

#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "gateway/host_impl.h"
#include "obs/trace_json.h"

#define MAX_NAME_BYTES    256
#define MAX_MESSAGE_BYTES (64u << 10)

/* ---- small helpers ---- */

static uint64_t now_of(const struct host *h)
{
    return loop_now_us(h->worker->env.loop);
}

static bool keeps_content(const struct host *h)
{
    return h->snapshot->cfg->tracing.content != 0;
}

static struct str agent_name(const struct host *h)
{
    uint32_t i = h->trace.agent;
    return i < h->opts.n_agents ? h->opts.agents[i].name : h->opts.agent;
}

/* Of the model session that was opened last: another one may have taken over. */
static const struct config_provider *provider_of(const struct host *h)
{
    return &h->snapshot->cfg->providers[host_provider(h, h->trace.provider)];
}

static struct str asked_model(const struct host *h)
{
    return h->plan && h->trace.provider == 0 && h->plan->model.n > 0 ? h->plan->model : provider_of(h)->model;
}

static struct str model_name(const struct host *h)
{
    return h->facts.model[0] ? str_from(h->facts.model) : asked_model(h);
}

/* As the conventions spell it where they know it. */
static struct str provider_name(const struct host *h)
{
    const struct config_provider *p = provider_of(h);
    if (p->kind == CONFIG_SANDBOX) {
        return STR("ringtrip.sandbox");
    }
    if (config_is_live(p)) {
        return STR("gcp.gemini");
    }
    return str_search(p->url, STR(".azure.com")) != SIZE_MAX ? STR("azure.ai.openai") : STR("openai");
}

/* "execute_tool look_up" */
static struct str joined(char *out, size_t cap, const char *word, struct str name)
{
    int n = snprintf(out, cap, "%s%s" STR_FMT, word, name.n > 0 ? " " : "", (int)MIN(name.n, cap / 2),
                     name.p ? name.p : "");
    return (struct str){out, (size_t)CLAMP(n, 0, (int)cap - 1)};
}

/* FNV-1a: ids are the peer's, two that collide only share a span. */
static uint64_t hash(struct str s)
{
    uint64_t v = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++) {
        v = (v ^ (uint8_t)s.p[i]) * 0x100000001b3u;
    }
    return v;
}

static struct host_trace_slot *find(struct host *h, enum trace_type type, uint64_t key)
{
    for (size_t i = 0; i < HOST_TRACE_OPEN; i++) {
        struct host_trace_slot *s = &h->trace.slots[i];
        if (s->span && s->span->type == type && s->key == key) {
            return s;
        }
    }
    return NULL;
}

static void end_slot(struct host *h, struct host_trace_slot *s)
{
    if (s) {
        span_end(s->span, now_of(h));
        s->span = NULL;
    }
}

/* What every span of a GenAI operation says. */
static void put_operation(const struct host *h, struct trace_span *s, const char *operation)
{
    span_str(s, "ringtrip.span.type", str_from(s ? trace_type_word(s->type) : ""));
    if (operation) {
        span_str(s, "gen_ai.operation.name", str_from(operation));
        span_str(s, "gen_ai.provider.name", provider_name(h));
    }
    span_str(s, "gen_ai.conversation.id", str_from(h->call_id));
    span_str(s, "gen_ai.agent.name", agent_name(h));
}

/* The turn under way; whatever happens outside of one begins it. */
static struct trace_span *turn(struct host *h)
{
    char name[MAX_NAME_BYTES];
    struct host_trace *t = &h->trace;
    if (!t->turn && t->call) {
        t->turn = span_make(t->trace, t->call, TRACE_TURN, TRACE_INTERNAL,
                            joined(name, sizeof(name), "invoke_agent", agent_name(h)), now_of(h));
        put_operation(h, t->turn, "invoke_agent");
        span_str(t->turn, "gen_ai.request.model", asked_model(h));
        span_announce(t->turn);
    }
    return t->turn;
}

/* A span that will be found again. NULL: there is no room, or no trace. */
static struct host_trace_slot *begin(struct host *h, enum trace_type type, const struct trace_span *parent,
                                     struct str name, uint64_t key)
{
    struct host_trace *t = &h->trace;
    enum trace_kind kind = type == TRACE_RESPONSE || type == TRACE_SESSION ? TRACE_CLIENT : TRACE_INTERNAL;
    for (size_t i = 0; t->trace && i < HOST_TRACE_OPEN; i++) {
        struct host_trace_slot *s = &t->slots[i];
        if (!s->span) {
            *s = (struct host_trace_slot){.key = key, .since_us = now_of(h)};
            s->span = span_make(t->trace, parent, type, kind, name, s->since_us);
            return s->span ? s : NULL;
        }
    }
    return NULL;
}

/* An attribute that holds what was said or done, for whom contents are kept. */
static void put_content(const struct host *h, struct trace_span *s, const char *key, struct str text)
{
    struct buf masked;
    if (!keeps_content(h)) {
        return;
    }
    buf_init(&masked, MAX_MESSAGE_BYTES);
    span_str(s, key, host_masked(h, text, &masked));
    buf_done(&masked);
}

/* [{"role":"user","parts":[{"type":"text","content":"..."}]}], as the conventions want messages. */
static void put_message(const struct host *h, struct trace_span *s, const char *key, const char *role, struct str said)
{
    struct buf out;
    struct buf masked;
    if (!s || said.n == 0) {
        return;
    }
    buf_init(&masked, MAX_MESSAGE_BYTES);
    struct str text = host_masked(h, said, &masked);
    buf_init(&out, MAX_MESSAGE_BYTES);
    struct json_w w = json_w(&out);
    json_w_array(&w);
    json_w_open(&w);
    json_w_kz(&w, "role", role);
    json_w_key(&w, "parts");
    json_w_array(&w);
    json_w_open(&w);
    json_w_kz(&w, "type", "text");
    json_w_kstr(&w, "content", text);
    json_w_close(&w);
    json_w_end(&w);
    json_w_close(&w);
    json_w_end(&w);
    if (out.err >= 0) {
        span_str(s, key, buf_str(&out));
    }
    buf_done(&out);
    buf_done(&masked);
}

/* ---- call ---- */

void host_trace_begin(struct host *h, const struct trace_parent *remote)
{
    struct host_trace *t = &h->trace;
    const struct trace_opts o = {.group = str_from(h->call_id),
                                 .remote = remote,
                                 .wall_us = h->facts.started_wall_us,
                                 .now_us = h->facts.begun_us};
    if (!h->snapshot->cfg->tracing.enabled || trace_new(h->worker->env.tracer, &o, &t->trace) < 0 || !t->trace) {
        return;
    }
    t->call = span_make(t->trace, NULL, TRACE_CALL, TRACE_SERVER, STR("call"), h->facts.begun_us);
    put_operation(h, t->call, NULL);
    span_str(t->call, "gen_ai.provider.name", provider_name(h));
    span_str(t->call, "ringtrip.call.carrier", h->opts.carrier);
    span_str(t->call, "ringtrip.call.direction", str_from(store_direction_word(h->facts.direction)));
    span_str(t->call, "ringtrip.call.carrier_id", str_from(h->facts.carrier_id));
    char id[2 * TRACE_ID_BYTES + 1];
    trace_hex(trace_id(t->trace), TRACE_ID_BYTES, id);
    log_write(h->snapshot->cfg->tracing.exports ? LOG_INFO : LOG_DEBUG, &h->log, "call.trace", "trace_id=%s sampled=%d",
              id, trace_sampled(t->trace));
    if (keeps_content(h)) { /* numbers are somebody's */
        span_str(t->call, "ringtrip.call.from", str_from(h->facts.caller));
        span_str(t->call, "ringtrip.call.to", str_from(h->facts.called));
    }
    span_announce(t->call);
}

static void put_usage(struct trace_span *s, const struct cost_usage *u)
{
    span_int(s, "gen_ai.usage.input_tokens", (int64_t)(u->in_text + u->in_audio));
    span_int(s, "gen_ai.usage.output_tokens", (int64_t)(u->out_text + u->out_audio));
    span_int(s, "gen_ai.usage.cache_read.input_tokens", (int64_t)(u->cached_text + u->cached_audio));
}

void host_trace_end(struct host *h)
{
    struct host_trace *t = &h->trace;
    const struct host_facts *f = &h->facts;
    enum call_reason reason = f->end.end.reason;
    if (!t->trace) {
        return;
    }
    span_str(t->call, "ringtrip.call.reason", str_from(call_reason_name(reason)));
    span_int(t->call, "ringtrip.call.turns", f->turns);
    span_int(t->call, "ringtrip.call.barge_ins", f->barge_ins);
    put_usage(t->call, &f->usage);
    if (f->bill.priced) {
        span_f64(t->call, "ringtrip.call.cost", (double)cost_bill_total(&f->bill) / 1e6);
    }
    if (store_status_of(reason) == STORE_FAILED) {
        span_error(t->call, str_from(call_reason_name(reason)),
                   f->error[0] ? str_from(f->error) : str_from(call_reason_text(reason)));
    }
    t->trace = trace_free(t->trace, now_of(h));
    *t = (struct host_trace){0};
}

/* ---- model sessions ---- */

static void session_begins(struct host *h, const struct call_action *act)
{
    char name[MAX_NAME_BYTES];
    h->trace.provider = act->model_open.provider;
    struct host_trace_slot *s = begin(h, TRACE_SESSION, h->trace.call,
                                      joined(name, sizeof(name), "open_session", asked_model(h)), act->session);
    if (s) {
        put_operation(h, s->span, NULL);
        span_str(s->span, "gen_ai.provider.name", provider_name(h));
        span_str(s->span, "gen_ai.request.model", asked_model(h));
        span_int(s->span, "ringtrip.session.number", act->session);
        span_str(s->span, "ringtrip.session.why", str_from(call_renewal_name(act->model_open.why)));
        span_announce(s->span);
    }
}

static void session_is_ready(struct host *h, const struct call_event *ev)
{
    struct host_trace_slot *s = find(h, TRACE_SESSION, ev->session);
    if (s) {
        span_str(s->span, "ringtrip.session.id", ev->model_ready.session_id);
        span_str(s->span, "gen_ai.response.model", ev->model_ready.model);
        end_slot(h, s);
    }
}

/* Its responses end with it; no other event of it follows. */
static void session_failed(struct host *h, const struct call_event *ev)
{
    struct str code = ev->model_failed.code;
    for (size_t i = 0; i < HOST_TRACE_OPEN; i++) {
        struct host_trace_slot *s = &h->trace.slots[i];
        bool concerned =
            s->span && (s->span->type == TRACE_RESPONSE || (s->span->type == TRACE_SESSION && s->key == ev->session));
        if (concerned) {
            span_error(s->span, code, ev->model_failed.message);
            end_slot(h, s);
        }
    }
    h->trace.request = 0;
    if (ev->model_failed.was_ready) {
        span_event(h->trace.call, "session lost", now_of(h), "error.type", code);
    }
}

/* ---- responses ---- */

static struct host_trace_slot *response_begins(struct host *h, uint64_t key)
{
    char name[MAX_NAME_BYTES];
    struct host_trace_slot *s =
        begin(h, TRACE_RESPONSE, turn(h), joined(name, sizeof(name), "chat", asked_model(h)), key);
    if (s) {
        put_operation(h, s->span, "chat");
        span_str(s->span, "gen_ai.request.model", asked_model(h));
        span_str(s->span, "gen_ai.response.model", model_name(h));
        span_str(s->span, "gen_ai.output.type", h->opts.text_only ? STR("text") : STR("speech"));
        span_announce(s->span);
    }
    return s;
}

static void response_is_asked_for(struct host *h, const struct call_action *act)
{
    struct host_trace_slot *s = response_begins(h, 0);
    if (s) {
        h->trace.request = (uint32_t)(s - h->trace.slots) + 1;
        if (keeps_content(h)) {
            span_str(s->span, "gen_ai.system_instructions", act->model_respond.instructions);
        }
    }
}

static void response_is_created(struct host *h, const struct call_event *ev)
{
    struct str id = ev->model_response.response_id;
    struct host_trace *t = &h->trace;
    struct host_trace_slot *s = t->request > 0 ? &t->slots[t->request - 1] : NULL;
    t->request = 0;
    s = s && s->span ? s : response_begins(h, 0);
    if (s) {
        s->key = hash(id);
        span_str(s->span, "gen_ai.response.id", id);
    }
}

/* Many times a second: only the first one costs more than a look. */
static void response_speaks(struct host *h, struct str response_id, bool audio)
{
    struct host_trace_slot *s = find(h, TRACE_RESPONSE, hash(response_id));
    if (s && !s->spoke) {
        s->spoke = true;
        uint64_t now_us = now_of(h);
        span_f64(s->span, "gen_ai.response.time_to_first_chunk", (double)(now_us - s->since_us) / 1e6);
        span_event(s->span, audio ? "first audio" : "first text", now_us, NULL, STR_NULL);
    }
}

static struct str finish_reason(const struct call_event *ev)
{
    struct str reason = ev->model_done.reason;
    switch (ev->model_done.status) {
    case RESPONSE_COMPLETED:
        return STR("stop");
    case RESPONSE_INCOMPLETE:
        return str_is(reason, "max_output_tokens") ? STR("length") : reason.n > 0 ? reason : STR("incomplete");
    case RESPONSE_CANCELLED:
        return reason.n > 0 ? reason : STR("cancelled");
    case RESPONSE_FAILED:
    case RESPONSE_STATUS_N:
        break;
    }
    return STR("error");
}

static void response_is_done(struct host *h, const struct call_event *ev)
{
    const struct call_usage *u = &ev->model_done.usage;
    struct host_trace_slot *s = find(h, TRACE_RESPONSE, hash(ev->model_done.response_id));
    struct cost_usage usage = {0};
    if (!s) {
        return;
    }
    cost_usage_add(&usage, u);
    put_usage(s->span, &usage);
    span_int(s->span, "gen_ai.usage.audio.input_tokens", u->in_audio);
    span_int(s->span, "gen_ai.usage.audio.output_tokens", u->out_audio);
    span_strs(s->span, "gen_ai.response.finish_reasons", finish_reason(ev));
    if (ev->model_done.status == RESPONSE_FAILED) {
        span_error(s->span, ev->model_done.reason, STR_NULL);
    }
    end_slot(h, s);
}

/* A request of ours that never became a response. */
static void request_is_lost(struct host *h, const char *why)
{
    struct host_trace *t = &h->trace;
    struct host_trace_slot *s = t->request > 0 ? &t->slots[t->request - 1] : NULL;
    t->request = 0;
    if (s && s->span) {
        span_error(s->span, str_from(why), STR_NULL);
        end_slot(h, s);
    }
}

/* ---- tools ---- */

static struct host_trace_slot *tool_begins(struct host *h, struct str id, struct str name, struct str arguments)
{
    char text[MAX_NAME_BYTES];
    struct host_trace_slot *s = find(h, TRACE_TOOL, hash(id));
    if (s) {
        return s; /* told twice: dispatched, and carried out */
    }
    s = begin(h, TRACE_TOOL, turn(h), joined(text, sizeof(text), "execute_tool", name), hash(id));
    if (s) {
        put_operation(h, s->span, "execute_tool");
        span_str(s->span, "gen_ai.tool.name", name);
        span_str(s->span, "gen_ai.tool.call.id", id);
        span_str(s->span, "gen_ai.tool.type", STR("function"));
        put_content(h, s->span, "gen_ai.tool.call.arguments", arguments);
        span_announce(s->span);
    }
    return s;
}

static void tool_ends(struct host *h, struct str id, struct str output, bool failed)
{
    struct host_trace_slot *s = find(h, TRACE_TOOL, hash(id));
    if (!s) {
        return;
    }
    span_int(s->span, "ringtrip.tool.result_bytes", (int64_t)output.n);
    put_content(h, s->span, "gen_ai.tool.call.result", output);
    if (failed) {
        struct buf masked;
        buf_init(&masked, MAX_MESSAGE_BYTES);
        span_error(s->span, STR("tool_error"), keeps_content(h) ? host_masked(h, output, &masked) : STR_NULL);
        buf_done(&masked);
    }
    end_slot(h, s);
}

/* Nobody waits for it any more; a deadline has said so before. */
static void tool_is_cancelled(struct host *h, struct str id)
{
    struct host_trace_slot *s = find(h, TRACE_TOOL, hash(id));
    if (s) {
        span_error(s->span, STR("cancelled"), STR_NULL);
        end_slot(h, s);
    }
}

static void tool_is_late(struct host *h, struct str name)
{
    for (size_t i = 0; i < HOST_TRACE_OPEN; i++) {
        struct trace_span *s = h->trace.slots[i].span;
        if (s && s->type == TRACE_TOOL && s->status == TRACE_UNSET && str_ends(s->name, name)) {
            span_error(s, STR("timeout"), STR_NULL);
            return;
        }
    }
}

static void tool_is_unknown(struct host *h, struct str name)
{
    char text[MAX_NAME_BYTES];
    struct host_trace_slot *s =
        begin(h, TRACE_TOOL, turn(h), joined(text, sizeof(text), "execute_tool", name), hash(name));
    if (s) {
        put_operation(h, s->span, "execute_tool");
        span_str(s->span, "gen_ai.tool.name", name);
        span_error(s->span, STR("unknown_tool"), STR_NULL);
        end_slot(h, s);
    }
}

/* ---- approvals, guardrails, handoffs ---- */

static void approval_begins(struct host *h, const struct call_action *act)
{
    char text[MAX_NAME_BYTES];
    struct str id = act->tool_ask.tool_call_id;
    struct str name = act->tool_ask.name;
    struct host_trace_slot *s =
        begin(h, TRACE_APPROVAL, turn(h), joined(text, sizeof(text), "approve_tool", name), hash(id));
    if (s) {
        put_operation(h, s->span, NULL);
        span_str(s->span, "gen_ai.tool.name", name);
        span_str(s->span, "gen_ai.tool.call.id", id);
        span_announce(s->span);
    }
}

static void approval_ends(struct host *h, const struct call_action *act)
{
    struct host_trace_slot *s = find(h, TRACE_APPROVAL, hash(act->tool_decided.tool_call_id));
    if (!s) {
        return;
    }
    struct str outcome = str_from(approval_outcome_name(act->tool_decided.outcome));
    if (act->tool_decided.outcome == APPROVAL_CALLER_ASKED) { /* the answer is still to come */
        span_event(s->span, "caller asked", now_of(h), NULL, STR_NULL);
        return;
    }
    span_str(s->span, "ringtrip.approval.outcome", outcome);
    end_slot(h, s);
}

static void guard_begins(struct host *h, const struct call_action *act)
{
    uint32_t guards = act->guard_check.guards;
    struct host_trace_slot *s = begin(h, TRACE_GUARDRAIL, turn(h), STR("apply_guardrail"), act->guard_check.check);
    if (!s) {
        return;
    }
    s->left = guards;
    put_operation(h, s->span, NULL);
    span_str(s->span, "gen_ai.operation.name", STR("apply_guardrail"));
    span_str(s->span, "ringtrip.guardrail.side", str_from(guard_side_name(act->guard_check.side)));
    if (guards && !(guards & (guards - 1))) { /* one of them: then the span has its name */
        char text[MAX_NAME_BYTES];
        uint32_t i = (uint32_t)__builtin_ctz(guards);
        struct str name = i < h->opts.guards.n_list ? h->opts.guards.list[i].name : STR_NULL;
        span_rename(s->span, joined(text, sizeof(text), "apply_guardrail", name));
        span_str(s->span, "ringtrip.guardrail.name", name);
    }
    span_announce(s->span);
}

static void guard_answers(struct host *h, const struct call_event *ev)
{
    struct host_trace_slot *s = find(h, TRACE_GUARDRAIL, ev->guard.check);
    if (!s) {
        return;
    }
    s->left &= ~ev->guard.answered;
    if (ev->guard.tripped) {
        span_bool(s->span, "ringtrip.guardrail.tripped", true);
        span_str(s->span, "ringtrip.guardrail.reason", keeps_content(h) ? ev->guard.info : STR_NULL);
    }
    if (ev->guard.failed) {
        span_error(s->span, STR("guardrail_failed"), ev->guard.info);
    }
    if (s->left == 0) {
        end_slot(h, s);
    }
}

static void guard_tripped(struct host *h, const struct call_action *act)
{
    span_event(turn(h), "guardrail tripped", now_of(h), "ringtrip.guardrail.name", act->guard_trip.names);
}

/* From the change of agents to the new one's first response, or the end of the turn. */
static void hand_over(struct host *h, uint32_t to)
{
    char text[MAX_NAME_BYTES];
    struct str from = agent_name(h);
    struct trace_span *parent = turn(h);
    h->trace.agent = to;
    end_slot(h, find(h, TRACE_HANDOFF, 0));
    struct host_trace_slot *s =
        begin(h, TRACE_HANDOFF, parent, joined(text, sizeof(text), "handoff", agent_name(h)), 0);
    if (s) {
        put_operation(h, s->span, NULL);
        span_str(s->span, "ringtrip.handoff.from", from);
        span_str(s->span, "ringtrip.handoff.to", agent_name(h));
        span_announce(s->span);
    }
}

/* ---- turns ---- */

static uint64_t leg_time(const struct host *h, int32_t ms)
{
    return h->trace.leg_us + (uint64_t)ms * 1000;
}

/* Where it began, and when its parts came, is known only now. */
static void put_times(struct host *h, struct trace_span *s, const struct call_turn *t)
{
    int32_t first = t->speech_start_ms >= 0 ? t->speech_start_ms : t->commit_ms >= 0 ? t->commit_ms : t->created_ms;
    if (first >= 0 && trace_wall_us(h->trace.trace, leg_time(h, first)) < s->start_us) {
        span_start_at(s, leg_time(h, first));
    }
    if (t->speech_stop_ms >= 0 && t->first_sent_ms >= t->speech_stop_ms) {
        span_int(s, "ringtrip.turn.response_ms", t->first_sent_ms - t->speech_stop_ms);
    }
    if (t->speech_stop_ms >= 0 && t->commit_ms >= t->speech_stop_ms) {
        span_int(s, "ringtrip.turn.detection_ms", t->commit_ms - t->speech_stop_ms);
    }
    if (t->created_ms >= 0 && t->first_audio_ms >= t->created_ms) {
        span_int(s, "ringtrip.turn.first_audio_ms", t->first_audio_ms - t->created_ms);
    }
    if (t->speech_stop_ms >= 0) {
        span_event(s, "caller silent", leg_time(h, t->speech_stop_ms), NULL, STR_NULL);
    }
    if (t->first_sent_ms >= 0) {
        span_event(s, "agent audible", leg_time(h, t->first_sent_ms), NULL, STR_NULL);
    }
}

void host_trace_turn(struct host *h, const struct call_turn *t, struct str user, struct str agent)
{
    struct trace_span *s = turn(h);
    if (!s) {
        return;
    }
    put_times(h, s, t);
    span_int(s, "ringtrip.turn.number", t->number);
    span_int(s, "ringtrip.turn.audio_ms", t->item_ms);
    span_int(s, "ringtrip.turn.heard_ms", t->heard_ms);
    span_int(s, "ringtrip.turn.tools", t->tools);
    span_bool(s, "ringtrip.turn.interrupted", t->interrupted);
    if (t->verdict != VERDICT_NONE) {
        span_str(s, "ringtrip.turn.verdict", str_from(call_verdict_name(t->verdict)));
    }
    if (t->pauses > 0) {
        span_int(s, "ringtrip.turn.pauses", t->pauses);
        char words[CALL_VERDICTS_MAX];
        span_int(s, "ringtrip.turn.paused_ms", t->paused_ms);
        span_str(s, "ringtrip.turn.paused_for", call_verdicts_words(t->paused_for, words));
    }
    if (keeps_content(h)) {
        put_message(h, s, "gen_ai.input.messages", "user", user);
        put_message(h, s, "gen_ai.output.messages", "assistant", agent);
    }
    end_slot(h, find(h, TRACE_HANDOFF, 0));
    span_end(s, now_of(h));
    h->trace.turn = NULL;
}

/* ---- what the host tells ---- */

void host_trace_before(struct host *h, const struct call_event *ev)
{
    if (!h->trace.trace) {
        return;
    }
    switch ((int)ev->type) {
    case EV_LEG_START:
        h->trace.leg_us = now_of(h);
        span_event(h->trace.call, "answered", h->trace.leg_us, NULL, STR_NULL);
        break;
    case EV_MODEL_READY:
        session_is_ready(h, ev);
        break;
    case EV_MODEL_FAILED:
        session_failed(h, ev);
        break;
    case EV_MODEL_AUDIO:
        response_speaks(h, ev->model_audio.response_id, true);
        break;
    case EV_MODEL_TEXT_DELTA:
        if (h->opts.text_only) {
            response_speaks(h, ev->model_text.response_id, false);
        }
        break;
    case EV_MODEL_RESPONSE_DONE:
        response_is_done(h, ev);
        break;
    case EV_TOOL_RESULT:
        tool_ends(h, ev->tool_result.tool_call_id, ev->tool_result.output, ev->tool_result.failed);
        break;
    case EV_GUARD:
        guard_answers(h, ev);
        break;
    default: /* the rest is told by actions */
        break;
    }
}

/* A response belongs to the turn that its creation begins: the one before has been closed by then. */
void host_trace_after(struct host *h, const struct call_event *ev)
{
    if (h->trace.trace && ev->type == EV_MODEL_RESPONSE_CREATED && h->state == HOST_LIVE) {
        response_is_created(h, ev);
        end_slot(h, find(h, TRACE_HANDOFF, 0));
    }
}

static void trace_note(struct host *h, const struct call_action *act)
{
    struct str text = act->note.text;
    switch ((int)act->note.note) {
    case NOTE_BARGE_IN:
        span_event(turn(h), "interrupted", now_of(h), "ringtrip.turn.verdict", text);
        break;
    case NOTE_TOOL_UNKNOWN:
        tool_is_unknown(h, text);
        break;
    case NOTE_TOOL_TIMEOUT:
        tool_is_late(h, text);
        break;
    case NOTE_RESPONSE_TIMEOUT:
        span_event(turn(h), "response timeout", now_of(h), "ringtrip.response.stage", text);
        if (str_is(text, "created")) {
            request_is_lost(h, "timeout");
        }
        break;
    case NOTE_RESPONSE_COLLISION:
        request_is_lost(h, "collision");
        break;
    case NOTE_MODEL_ERROR:
        span_event(h->trace.turn ? h->trace.turn : h->trace.call, "model error", now_of(h), "error.type", text);
        break;
    case NOTE_RENEWED:
    case NOTE_FAILOVER:
    case NOTE_RENEWAL_FAILED:
    case NOTE_TRANSFER:
    case NOTE_SILENCE:
    case NOTE_DEAD_AIR:
        span_event(h->trace.call, call_note_name(act->note.note), now_of(h), "ringtrip.note", text);
        break;
    case NOTE_HANDOFF:
        hand_over(h, (uint32_t)MAX(act->note.value, 0));
        break;
    default: /* the log has them */
        break;
    }
}

static void trace_signal(struct host *h, const struct call_signal *s)
{
    if (s->kind == SIGNAL_TOOL_START) {
        ignore_result(tool_begins(h, s->tool_call_id, s->name, s->text) == NULL); /* it may not be traced */
    } else if (s->kind == SIGNAL_TOOL_END) {
        tool_ends(h, s->tool_call_id, s->text, false);
    } else if (s->kind == SIGNAL_AGENT_CHANGED) {
        h->trace.agent = s->to;
    }
}

void host_trace_action(struct host *h, const struct call_action *act)
{
    if (!h->trace.trace) {
        return;
    }
    switch ((int)act->type) {
    case ACT_MODEL_OPEN:
        session_begins(h, act);
        break;
    case ACT_MODEL_RESPOND:
        response_is_asked_for(h, act);
        break;
    case ACT_TOOL_RUN:
        ignore_result(tool_begins(h, act->tool_run.tool_call_id, act->tool_run.name, act->tool_run.arguments) == NULL);
        break;
    case ACT_TOOL_CANCEL:
        tool_is_cancelled(h, act->tool_cancel.tool_call_id);
        break;
    case ACT_TOOL_APPROVAL:
        approval_begins(h, act);
        break;
    case ACT_TOOL_DECIDED:
        approval_ends(h, act);
        break;
    case ACT_GUARD_CHECK:
        guard_begins(h, act);
        break;
    case ACT_GUARD_TRIP:
        guard_tripped(h, act);
        break;
    case ACT_NOTE:
        trace_note(h, act);
        break;
    case ACT_SIGNAL:
        trace_signal(h, &act->signal);
        break;
    default: /* sound, and what notes tell of */
        break;
    }
}

static void put_headers(const struct host *h, enum trace_type type, uint64_t key, struct host_trace_headers *ret)
{
    const struct host_trace *t = &h->trace;
    const struct trace_span *at = t->turn ? t->turn : t->call;
    struct trace_parent parent;
    *ret = (struct host_trace_headers){0};
    for (size_t i = 0; i < HOST_TRACE_OPEN; i++) {
        const struct host_trace_slot *s = &t->slots[i];
        if (s->span && s->span->type == type && s->key == key) {
            at = s->span;
        }
    }
    if (at) {
        span_context(at, &parent);
        traceparent_print(&parent, ret->parent);
        ignore_result(str_copy(ret->state, sizeof(ret->state), str_from(parent.state))); /* of the same size */
    }
}

void host_trace_headers(const struct host *h, struct str tool_call_id, struct host_trace_headers *ret)
{
    put_headers(h, TRACE_TOOL, hash(tool_call_id), ret);
}

void host_trace_guard_headers(const struct host *h, uint32_t check, struct host_trace_headers *ret)
{
    put_headers(h, TRACE_GUARDRAIL, check, ret);
}

struct trace *host_trace(const struct host *h)
{
    return h->trace.trace;
}

struct trace_span *host_trace_now(const struct host *h)
{
    return h->trace.turn ? h->trace.turn : h->trace.call;
}
