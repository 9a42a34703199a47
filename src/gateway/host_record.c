/* What is kept and said of a call: rows of the store, metrics, log lines, the tap. Its notes: host_note.c. */
#include <stdio.h>
#include <stdlib.h>

#include "audio/line.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "gateway/host_impl.h"
#include "tools/builtin/confirmation.h"

#define MASKED_MAX     (64u << 10)
#define RESOLUTION_MAX 1000
#define MAX_GAPS       100000
#define ALIVE_US       5000000

void host_tap(struct host *h, enum tap_kind kind, const struct call_action *act, const struct call_event *ev)
{
    const struct tap *const taps[] = {&h->worker->env.tap, &h->watch};
    const struct tap_event e = {kind, h->call_id, act, ev, h->facts.recording, h->facts.journal};
    for (size_t i = 0; i < ARRAY_LEN(taps); i++) {
        if (taps[i]->fn && (kind != TAP_SIGNAL || taps[i] == &h->watch)) {
            taps[i]->fn(&e, taps[i]->arg);
        }
    }
    if (h->watchers) {
        watch_tell(h, &e);
    }
}

void host_facts_done(struct host_facts *f)
{
    buf_done(&f->user);
    buf_done(&f->agent);
    buf_done(&f->end_text);
    free(f->gaps_ms);
}

static struct store_call identity(const struct host *h)
{
    return (struct store_call){.id = str_from(h->call_id), .cost_micro = STORE_NO_COST};
}

static void put_call(struct host *h, enum store_op_kind kind, const struct store_call *c)
{
    struct store_op op = {.kind = kind, .at_us = (uint64_t)clock_wall_us(), .u.call = c};
    scribe_put(h->worker->env.scribe, &op);
}

void record_begin(struct host *h)
{
    const struct host_facts *f = &h->facts;
    struct store_call c = identity(h);
    c.carrier = h->opts.carrier;
    c.provider = h->opts.provider;
    c.model = h->plan ? h->plan->model : provider_model(&h->snapshot->opening);
    c.agent = h->opts.agent;
    c.direction = f->direction;
    c.caller = str_from(f->caller);
    c.called = str_from(f->called);
    c.carrier_call_id = str_from(f->carrier_id);
    c.status = f->carrier_id[0] ? STORE_RINGING : STORE_INITIATED;
    c.started_us = f->started_wall_us;
    c.journal = str_from(f->journal);
    h->alive_us = f->begun_us;
    put_call(h, STORE_CALL_BEGIN, &c);
    log_info(&h->log, "call.begin", "carrier=" STR_FMT " carrier_call_id=%s from=%s to=%s provider=" STR_FMT,
             STR_ARG(h->opts.carrier), f->carrier_id, f->caller, f->called, STR_ARG(h->opts.provider));
}

uint64_t record_alive_due_us(const struct host *h)
{
    return h->alive_us + ALIVE_US;
}

void record_alive(struct host *h, uint64_t now_us)
{
    if (now_us - h->alive_us >= ALIVE_US) {
        h->alive_us = now_us;
        struct store_call c = identity(h);
        c.alive_us = (uint64_t)clock_wall_us();
        put_call(h, STORE_CALL_ALIVE, &c);
    }
}

/* Fills a fact that was unknown at birth: calls without a webhook learn it from the media socket. */
static void learn(char *dst, size_t cap, struct str s)
{
    if (!dst[0]) {
        s.n = MIN(s.n, cap - 1);
        ignore_result(str_copy(dst, cap, s)); /* it fits now */
    }
}

void record_ringing(struct host *h)
{
    struct store_call c = identity(h);
    c.status = STORE_RINGING;
    c.carrier_call_id = str_from(h->facts.carrier_id);
    put_call(h, STORE_CALL_UPDATE, &c);
}

void record_answered(struct host *h, const struct call_event *ev)
{
    struct host_facts *f = &h->facts;
    learn(f->stream_id, sizeof(f->stream_id), ev->leg_start.stream_id);
    learn(f->carrier_id, sizeof(f->carrier_id), ev->leg_start.carrier_call_id);
    f->answered_wall_us = (uint64_t)clock_wall_us();
    struct store_call c = identity(h);
    c.status = STORE_IN_PROGRESS;
    c.answered_us = f->answered_wall_us;
    c.stream_id = str_from(f->stream_id);
    c.carrier_call_id = str_from(f->carrier_id);
    c.recording = str_from(f->recording); /* now, so that a killed call's row knows its file */
    put_call(h, STORE_CALL_UPDATE, &c);
    log_info(&h->log, "call.answered", "stream=%s format=%s setup_ms=%llu", f->stream_id,
             audio_format_name(ev->leg_start.format),
             (unsigned long long)((loop_now_us(h->worker->env.loop) - f->begun_us) / 1000));
}

/* provider: of config.providers, the one whose session it is: its prices count from now on. */
void record_model_ready(struct host *h, uint32_t provider, const struct call_event *ev)
{
    struct host_facts *f = &h->facts;
    struct worker *w = h->worker;
    uint64_t took_us = loop_now_us(w->env.loop) - f->opening_us;
    f->model[0] = '\0';
    learn(f->model, sizeof(f->model), ev->model_ready.model);
    const struct cost_prices *prices = config_prices(h->snapshot->cfg, ev->model_ready.model);
    cost_bill_reprice(&f->bill, prices ? prices : &h->snapshot->cfg->providers[provider].prices);
    metrics_add_word(w->env.metrics, METRIC_MODEL_CONNECTS, STR("ok"), 1);
    metrics_observe_us(w->env.metrics, METRIC_WS_CONNECT, took_us);
}

void record_model_failed(struct host *h, const struct call_event *ev)
{
    struct host_facts *f = &h->facts;
    struct metrics *m = h->worker->env.metrics;
    struct str code = ev->model_failed.code;
    ignore_result(snprintf(f->error, sizeof(f->error), "model: " STR_FMT ": " STR_FMT, STR_ARG(code),
                           STR_ARG(ev->model_failed.message)) < 0); /* cut where it is too long: it is for people */
    if (!ev->model_failed.was_ready) {
        metrics_add_word(m, METRIC_MODEL_CONNECTS, STR("error"), 1);
    }
    metrics_add_word(m, METRIC_MODEL_ERRORS, code, 1);
}

static void add_text(struct buf *b, struct str text)
{
    if (b->len > 0 && text.n > 0) {
        buf_putc(b, ' ');
    }
    buf_put_str(b, text); /* a turn longer than the limit loses its text here, the transcript's lines keep it */
}

/* Numbers that are given in a call are its result: the first one is kept with it. */
static void look_for_confirmation(struct host *h, struct str text)
{
    struct host_facts *f = &h->facts;
    if (!h->snapshot->cfg->records.confirmation || f->confirmation[0] || !confirmation_find(text, f->confirmation)) {
        return;
    }
    const struct store_call row = {
        .id = str_from(h->call_id), .confirmation = str_from(f->confirmation), .cost_micro = STORE_NO_COST};
    const struct store_op op = {.kind = STORE_CALL_UPDATE, .at_us = (uint64_t)clock_wall_us(), .u.call = &row};
    scribe_put(h->worker->env.scribe, &op);
    log_info(&h->log, "call.confirmation", "length=%zu", strlen(f->confirmation));
}

/* What the agent of a call that we made says was achieved, when it hangs up: kept with the dialling. */
void record_resolution(struct host *h, const struct call_signal *s)
{
    struct json_val doc;
    struct buf text;
    struct buf masked;
    struct str said = STR("");
    if (h->facts.direction != STORE_OUTBOUND || s->kind != SIGNAL_TOOL_START || !str_is(s->name, "end_call") ||
        json_parse(s->text, &doc) < 0) {
        return;
    }
    buf_init(&text, RESOLUTION_MAX);
    buf_init(&masked, MASKED_MAX);
    struct json_val v = json_path(doc, "resolution");
    if (v.type == JSON_STRING && json_to_str(v, &text, &said) >= 0 && str_trim(said).n > 0) {
        const struct store_dial row = {.call_id = str_from(h->call_id),
                                       .detail = host_masked(h, str_trim(said), &masked)};
        const struct store_op op = {.kind = STORE_DIAL_PUT, .at_us = (uint64_t)clock_wall_us(), .u.dial = &row};
        scribe_put(h->worker->env.scribe, &op);
    }
    buf_done(&text);
    buf_done(&masked);
}

static void put_line(struct host *h, const struct call_action *act)
{
    struct host_facts *f = &h->facts;
    struct store_line line = {
        .call_id = str_from(h->call_id),
        .seq = ++f->lines,
        .at_ms = act->line.at_ms,
        .who = act->line.who,
        .text = act->line.text,
        .unheard = act->line.unheard,
        .estimated = act->line.estimated,
        .agent = call_opts_name(&h->opts, act->line.agent),
    };
    struct store_op op = {.kind = STORE_LINE_ADD, .at_us = (uint64_t)clock_wall_us(), .u.line = &line};
    scribe_put(h->worker->env.scribe, &op);
    look_for_confirmation(h, act->line.text);
    if (act->line.who == PARTY_CALLER) {
        add_text(&f->user, act->line.text);
    } else if (act->line.who == PARTY_AGENT) {
        add_text(&f->agent, act->line.text);
    }
    host_tap(h, TAP_ACTION, act, NULL);
}

/* Stored and told with what looks like a secret masked, when that is configured. */
void record_line(struct host *h, const struct call_action *act)
{
    struct call_action masked = *act;
    struct buf text;
    struct buf unheard;
    buf_init(&text, MASKED_MAX);
    buf_init(&unheard, MASKED_MAX);
    masked.line.text = host_masked(h, act->line.text, &text);
    masked.line.unheard = host_masked(h, act->line.unheard, &unheard);
    put_line(h, &masked);
    buf_done(&text);
    buf_done(&unheard);
}

static void add_gap(struct host_facts *f, uint32_t ms)
{
    if (f->n_gaps == f->cap_gaps) {
        size_t cap = MAX(f->cap_gaps * 2, 16u);
        uint32_t *grown = cap <= MAX_GAPS ? reallocarray(f->gaps_ms, cap, sizeof(*grown)) : NULL;
        if (!grown) {
            return; /* the median of the first hundred thousand turns will do */
        }
        f->gaps_ms = grown;
        f->cap_gaps = cap;
    }
    f->gaps_ms[f->n_gaps++] = ms;
}

static void observe_detection(struct metrics *m, const struct call_turn *t)
{
    if (t->speech_stop_ms >= 0 && t->commit_ms >= t->speech_stop_ms) {
        metrics_observe_us(m, METRIC_TURN_DETECTION, (uint64_t)(t->commit_ms - t->speech_stop_ms) * 1000);
    }
    if (t->end_silence_ms > 0) {
        metrics_observe_us(m, METRIC_END_SILENCE, (uint64_t)t->end_silence_ms * 1000);
    }
}

static void observe_turn(struct host *h, const struct call_turn *t)
{
    struct metrics *m = h->worker->env.metrics;
    observe_detection(m, t);
    if (t->first_sent_ms < 0) {
        return;
    }
    if (t->number == 0) {
        metrics_observe_us(m, METRIC_GREETING, (uint64_t)t->first_sent_ms * 1000);
    } else if (t->speech_stop_ms >= 0 && t->first_sent_ms >= t->speech_stop_ms) {
        uint32_t gap_ms = (uint32_t)(t->first_sent_ms - t->speech_stop_ms);
        metrics_observe_us(m, METRIC_TURN_RESPONSE, (uint64_t)gap_ms * 1000);
        add_gap(&h->facts, gap_ms);
    }
}

void record_turn(struct host *h, const struct call_action *act)
{
    struct host_facts *f = &h->facts;
    struct store_turn turn = {
        .call_id = str_from(h->call_id),
        .t = act->turn,
        .agent = call_opts_name(&h->opts, act->turn.agent),
        .user_text = f->user.err < 0 ? STR("") : buf_str(&f->user),
        .agent_text = f->agent.err < 0 ? STR("") : buf_str(&f->agent),
    };
    struct store_op op = {.kind = STORE_TURN_ADD, .at_us = (uint64_t)clock_wall_us(), .u.turn = &turn};
    scribe_put(h->worker->env.scribe, &op);
    host_trace_turn(h, &act->turn, turn.user_text, turn.agent_text);
    buf_clear(&f->user);
    buf_clear(&f->agent);
    f->turns += act->turn.number > 0;
    observe_turn(h, &act->turn);
    host_tap(h, TAP_ACTION, act, NULL);
}

static void count_tokens(struct metrics *m, const struct call_usage *u)
{
    metrics_add_word(m, METRIC_TOKENS, STR("in_text"), u->in_text);
    metrics_add_word(m, METRIC_TOKENS, STR("in_audio"), u->in_audio);
    metrics_add_word(m, METRIC_TOKENS, STR("cached_text"), u->cached_text);
    metrics_add_word(m, METRIC_TOKENS, STR("cached_audio"), u->cached_audio);
    metrics_add_word(m, METRIC_TOKENS, STR("out_text"), u->out_text);
    metrics_add_word(m, METRIC_TOKENS, STR("out_audio"), u->out_audio);
}

void record_usage(struct host *h, const struct call_action *act)
{
    struct host_facts *f = &h->facts;
    struct metrics *m = h->worker->env.metrics;
    int64_t max_cost = h->snapshot->cfg->limits.max_cost_micro;
    count_tokens(m, &act->usage);
    cost_usage_add(&f->usage, &act->usage);
    cost_bill_add(&f->bill, &act->usage);
    if (!f->bill.priced) {
        return;
    }
    int64_t cost = cost_bill_total(&f->bill);
    metrics_add(m, METRIC_COST, (uint64_t)MAX(cost - f->counted_cost, 0));
    bool was_below = f->counted_cost <= max_cost;
    f->counted_cost = cost;
    if (max_cost > 0 && cost > max_cost && was_below) {
        log_warn(&h->log, "call.max-cost", "cost_micro=%lld max_cost_micro=%lld", (long long)cost, (long long)max_cost);
        host_hangup(h, REASON_LIMIT_COST);
    }
}

static int compare_gaps(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* -1 without a single answered turn. */
static int64_t median_gap(struct host_facts *f)
{
    if (f->n_gaps == 0) {
        return -1;
    }
    qsort(f->gaps_ms, f->n_gaps, sizeof(*f->gaps_ms), compare_gaps);
    return f->gaps_ms[(f->n_gaps - 1) / 2];
}

/* Other findings have a note each, when they are made. */
static void count_line(struct metrics *m, const struct call_line *l)
{
    if (l->echo) {
        metrics_add(m, METRIC_ECHO_CALLS, 1);
        metrics_observe_micro(m, METRIC_ECHO_LOSS, (uint64_t)l->echo_loss_cb * 100000);
    }
    metrics_add_word(m, METRIC_LINE, STR("gap"), l->gaps > 0);
    metrics_add_word(m, METRIC_LINE, STR("late"), l->late > 0);
    metrics_add_word(m, METRIC_LINE, STR("doubled"), l->doubled > 0);
    metrics_add(m, METRIC_GATE_CLOSURES, l->gate_closures);
    metrics_add(m, METRIC_GATED_SECONDS, (uint64_t)l->gated_ms * 1000);
}

/* What was odd about the line, only when something was. */
static void log_line(const struct host *h)
{
    const struct call_line *l = &h->facts.end.end.line;
    if (l->echo || l->gate_closures > 0) {
        log_info(&h->log, "call.echo", "found=%d return_loss_db=%u.%u delay_ms=%u gate_closures=%u gated_ms=%u",
                 l->echo, l->echo_loss_cb / 10, l->echo_loss_cb % 10, l->echo_delay_ms, l->gate_closures, l->gated_ms);
    }
    if (l->gaps + l->late + l->doubled + l->stalls + l->odd_frames + l->clipped_ms + l->zero_ms + l->linear_ms +
                l->rate_hz >
            0 ||
        abs(l->dc_offset) >= LINE_DC_FINDING) {
        log_info(&h->log, "call.line",
                 "gaps=%u gap_ms=%u late=%u doubled=%u stalls=%u stall_ms=%u odd_frames=%u clipped_ms=%u zero_ms=%u "
                 "linear_ms=%u rate_hz=%u dc_offset=%d",
                 l->gaps, l->gap_ms, l->late, l->doubled, l->stalls, l->stall_ms, l->odd_frames, l->clipped_ms,
                 l->zero_ms, l->linear_ms, l->rate_hz, l->dc_offset);
    }
}

static void log_end(struct host *h)
{
    struct host_facts *f = &h->facts;
    const struct call_action *end = &f->end;
    char cost[32] = "unknown";
    if (f->bill.priced) {
        int64_t micro = cost_bill_total(&f->bill);
        ignore_result(snprintf(cost, sizeof(cost), "%lld.%06lld", (long long)(micro / 1000000),
                               (long long)(micro % 1000000)) < 0); /* fits */
    }
    log_info(&h->log, "call.end",
             "reason=%s detail=\"" STR_FMT
             "\" duration_s=%u.%03u turns=%u barge_ins=%u pauses=%u tools=%u renewals=%u latency_p50_ms=%lld "
             "tokens=%llu cost=%s",
             call_reason_name(end->end.reason), STR_ARG(end->end.detail), end->end.duration_ms / 1000,
             end->end.duration_ms % 1000, f->turns, f->barge_ins, f->pauses, f->tools, f->renewals,
             (long long)median_gap(f), (unsigned long long)cost_usage_total(&f->usage), cost);
}

void record_end(struct host *h)
{
    struct host_facts *f = &h->facts;
    struct metrics *m = h->worker->env.metrics;
    enum call_reason reason = f->end.end.reason;
    struct store_call c = identity(h);
    c.status = store_status_of(reason);
    c.reason = reason;
    c.ended_us = (uint64_t)clock_wall_us();
    c.duration_ms = f->end.end.duration_ms;
    c.model = str_from(f->model);
    c.recording = str_from(f->recording);
    c.usage = f->usage;
    c.renewals = f->renewals;
    c.has_line = true;
    c.line = f->end.end.line;
    if (reason == REASON_CALLER_SILENT) {
        c.outcome = STR("no_input_timeout");
    }
    c.cost_micro = f->bill.priced ? cost_bill_total(&f->bill) : STORE_NO_COST;
    if (c.status == STORE_FAILED) {
        c.error = f->error[0] ? str_from(f->error)
                              : (f->end.end.detail.n > 0 ? f->end.end.detail : str_from(call_reason_text(reason)));
    }
    put_call(h, STORE_CALL_END, &c);
    metrics_add_word(m, METRIC_CALLS, str_from(c.status == STORE_FAILED ? "failed" : "completed"), 1);
    metrics_add_word(m, METRIC_CALLS_CLOSED, str_from(call_reason_name(reason)), 1);
    metrics_observe_us(m, METRIC_CALL_SECONDS, (uint64_t)c.duration_ms * 1000);
    count_line(m, &f->end.end.line);
    log_line(h);
    log_end(h);
}
