#include "api/api_json.h"

#include <stdio.h>
#include <time.h>

void api_json_time(struct json_w *w, const char *key, uint64_t wall_us)
{
    char text[40] = "";
    struct tm tm;
    time_t seconds = (time_t)(wall_us / 1000000);
    if (wall_us == 0 || !gmtime_r(&seconds, &tm)) {
        json_w_kz(w, key, NULL);
        return;
    }
    size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    ignore_result(snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(wall_us / 1000 % 1000)) < 0);
    json_w_kz(w, key, text);
}

static void put_or_null(struct json_w *w, const char *key, struct str s)
{
    if (s.n > 0) {
        json_w_kstr(w, key, s);
    } else {
        json_w_kz(w, key, NULL);
    }
}

static uint64_t duration_ms(const struct store_call *c, uint64_t now_us)
{
    if (c->ended_us > 0 || c->answered_us == 0) {
        return c->duration_ms;
    }
    return now_us > c->answered_us ? (now_us - c->answered_us) / 1000 : 0;
}

static void put_short(struct json_w *w, const struct store_call *c)
{
    json_w_kstr(w, "call_id", c->id);
    json_w_kz(w, "status", store_status_word(c->status));
    put_or_null(w, "call_sid", c->carrier_call_id);
    put_or_null(w, "from", c->caller);
    put_or_null(w, "to", c->called);
    api_json_time(w, "start_time", c->started_us);
    api_json_time(w, "end_time", c->ended_us);
}

void api_json_item(struct json_w *w, const struct store_call *c)
{
    json_w_open(w);
    put_short(w, c);
    json_w_kf64(w, "duration", (double)c->duration_ms / 1000.0);
    json_w_ki64(w, "transcript_lines", c->line_count);
    json_w_close(w);
}

void api_json_status(struct json_w *w, const struct store_call *c, uint64_t now_us)
{
    json_w_open(w);
    put_short(w, c);
    put_or_null(w, "confirmation_number", c->confirmation);
    json_w_kf64(w, "duration", (double)duration_ms(c, now_us) / 1000.0);
    json_w_ki64(w, "transcript_lines", c->line_count);
    put_or_null(w, "error", c->error);
    put_or_null(w, "reason", c->reason == REASON_NONE ? STR_NULL : str_from(call_reason_name(c->reason)));
    json_w_close(w);
}

/* Times of a turn: what did not happen is null. */
static void put_ms(struct json_w *w, const char *key, int32_t ms)
{
    if (ms < 0) {
        json_w_kz(w, key, NULL);
    } else {
        json_w_ki64(w, key, ms);
    }
}

/* The time between two moments of a turn, null when one of them did not happen or they came the other way round. */
static void put_gap(struct json_w *w, const char *key, int32_t from_ms, int32_t to_ms)
{
    put_ms(w, key, from_ms >= 0 && to_ms >= from_ms ? to_ms - from_ms : -1);
}

static void put_verdicts(struct json_w *w, const char *key, uint32_t mask)
{
    json_w_key(w, key);
    json_w_array(w);
    for (uint32_t i = 0; i < VERDICT_N; i++) {
        if (mask >> i & 1) {
            json_w_str(w, str_from(call_verdict_name((enum call_verdict)i)));
        }
    }
    json_w_end(w);
}

static void put_turn(struct json_w *w, const struct store_turn *turn)
{
    const struct call_turn *t = &turn->t;
    json_w_open(w);
    json_w_ki64(w, "number", t->number);
    put_or_null(w, "agent", turn->agent);
    put_or_null(w, "user_text", turn->user_text);
    put_or_null(w, "agent_text", turn->agent_text);
    put_ms(w, "speech_start_ms", t->speech_start_ms);
    put_ms(w, "speech_stop_ms", t->speech_stop_ms);
    put_ms(w, "commit_ms", t->commit_ms);
    put_ms(w, "response_created_ms", t->created_ms);
    put_ms(w, "first_audio_ms", t->first_audio_ms);
    put_ms(w, "first_sent_ms", t->first_sent_ms);
    put_ms(w, "agent_end_ms", t->agent_end_ms);
    json_w_ki64(w, "item_ms", t->item_ms);
    json_w_ki64(w, "heard_ms", t->heard_ms);
    json_w_ki64(w, "tools", t->tools);
    json_w_kbool(w, "interrupted", t->interrupted);
    json_w_kz(w, "verdict", t->verdict == VERDICT_NONE ? NULL : call_verdict_name(t->verdict));
    json_w_ki64(w, "pauses", t->pauses);
    json_w_ki64(w, "paused_ms", t->paused_ms);
    put_verdicts(w, "paused_for", t->paused_for);
    json_w_ki64(w, "end_silence_ms", t->end_silence_ms);
    json_w_key(w, "latency");
    json_w_open(w);
    put_gap(w, "response_ms", t->speech_stop_ms, t->first_sent_ms);
    put_gap(w, "detection_ms", t->speech_stop_ms, t->commit_ms);
    put_gap(w, "model_ms", t->created_ms, t->first_audio_ms);
    put_gap(w, "gateway_ms", t->first_audio_ms, t->first_sent_ms);
    json_w_close(w);
    json_w_close(w);
}

static void put_line(struct json_w *w, const struct store_line *l)
{
    json_w_open(w);
    json_w_ki64(w, "at_ms", l->at_ms);
    json_w_kz(w, "who", call_party_name(l->who));
    put_or_null(w, "agent", l->agent);
    json_w_kstr(w, "text", l->text);
    if (l->unheard.n > 0) {
        json_w_kstr(w, "unheard", l->unheard);
        json_w_kbool(w, "estimated", l->estimated);
    }
    json_w_close(w);
}

static void put_usage(struct json_w *w, const struct store_call *c)
{
    const struct cost_usage *u = &c->usage;
    json_w_key(w, "usage");
    json_w_open(w);
    json_w_ki64(w, "input_text_tokens", (int64_t)u->in_text);
    json_w_ki64(w, "input_audio_tokens", (int64_t)u->in_audio);
    json_w_ki64(w, "cached_text_tokens", (int64_t)u->cached_text);
    json_w_ki64(w, "cached_audio_tokens", (int64_t)u->cached_audio);
    json_w_ki64(w, "output_text_tokens", (int64_t)u->out_text);
    json_w_ki64(w, "output_audio_tokens", (int64_t)u->out_audio);
    json_w_close(w);
    if (c->cost_micro == STORE_NO_COST) {
        json_w_kz(w, "cost", NULL);
    } else {
        json_w_kf64(w, "cost", (double)c->cost_micro / 1e6);
    }
}

/* What was learned about the line; null while nobody knows it. */
static void put_quality(struct json_w *w, const struct store_call *c)
{
    const struct call_line *l = &c->line;
    if (!c->has_line) {
        json_w_kz(w, "line", NULL);
        return;
    }
    json_w_key(w, "line");
    json_w_open(w);
    json_w_kbool(w, "echo", l->echo);
    if (l->echo) {
        json_w_kf64(w, "echo_return_loss_db", (double)l->echo_loss_cb / 10);
        json_w_ki64(w, "echo_delay_ms", l->echo_delay_ms);
    } else {
        json_w_kz(w, "echo_return_loss_db", NULL);
        json_w_kz(w, "echo_delay_ms", NULL);
    }
    json_w_ki64(w, "gate_closures", l->gate_closures);
    json_w_ki64(w, "gated_ms", l->gated_ms);
    json_w_ki64(w, "gaps", l->gaps);
    json_w_ki64(w, "gap_ms", l->gap_ms);
    json_w_ki64(w, "late_frames", l->late);
    json_w_ki64(w, "doubled_frames", l->doubled);
    json_w_ki64(w, "stalls", l->stalls);
    json_w_ki64(w, "stall_ms", l->stall_ms);
    json_w_ki64(w, "odd_frames", l->odd_frames);
    json_w_ki64(w, "clipped_ms", l->clipped_ms);
    json_w_ki64(w, "zero_ms", l->zero_ms);
    json_w_ki64(w, "linear_ms", l->linear_ms);
    if (l->rate_hz > 0) {
        json_w_ki64(w, "rate_hz", l->rate_hz);
    } else {
        json_w_kz(w, "rate_hz", NULL);
    }
    json_w_ki64(w, "dc_offset", l->dc_offset);
    json_w_close(w);
}

static void put_live(struct json_w *w, const struct api_live *live)
{
    json_w_key(w, "live");
    json_w_open(w);
    json_w_kz(w, "phase", live->phase);
    json_w_kstr(w, "agent", live->agent);
    json_w_kz(w, "caller", live->caller);
    json_w_kz(w, "response", live->response);
    json_w_kz(w, "playout", live->playout);
    json_w_ki64(w, "queued_ms", live->queued_ms);
    json_w_ki64(w, "outstanding_ms", live->outstanding_ms);
    json_w_ki64(w, "pending_tools", live->pending_tools);
    json_w_ki64(w, "barge_ins", live->barge_ins);
    json_w_ki64(w, "turns", live->turns);
    json_w_close(w);
}

static void put_lists(struct json_w *w, const struct api_record *r)
{
    json_w_key(w, "turns");
    json_w_array(w);
    for (uint32_t i = 0; i < r->n_turns; i++) {
        put_turn(w, &r->turns[i]);
    }
    json_w_end(w);
    json_w_key(w, "transcript");
    json_w_array(w);
    for (uint32_t i = 0; i < r->n_lines; i++) {
        put_line(w, &r->lines[i]);
    }
    json_w_end(w);
}

static void put_dial(struct json_w *w, const struct store_dial *d)
{
    json_w_key(w, "dial");
    json_w_open(w);
    put_or_null(w, "campaign_id", d->campaign);
    put_or_null(w, "opening_reason", d->opening_reason);
    put_or_null(w, "objective", d->objective);
    put_or_null(w, "context", d->context);
    put_or_null(w, "request_id", d->request_id);
    put_or_null(w, "answered_by", d->answered_by);
    put_or_null(w, "outcome", d->outcome);
    put_or_null(w, "cause", d->cause);
    put_or_null(w, "detail", d->detail);
    api_json_time(w, "asked_at", d->asked_us);
    api_json_time(w, "ringing_at", d->ringing_us);
    api_json_time(w, "answered_at", d->answered_us);
    api_json_time(w, "ended_at", d->ended_us);
    json_w_ki64(w, "talk_s", (int64_t)d->talk_s);
    json_w_close(w);
}

void api_json_record(struct json_w *w, const struct api_record *r, bool full)
{
    const struct store_call *c = r->call;
    json_w_open(w);
    json_w_kstr(w, "id", c->id);
    json_w_kstr(w, "carrier", c->carrier);
    put_or_null(w, "carrier_call_id", c->carrier_call_id);
    put_or_null(w, "stream_id", c->stream_id);
    json_w_kstr(w, "provider", c->provider);
    put_or_null(w, "model", c->model);
    json_w_kstr(w, "agent", c->agent);
    json_w_kz(w, "direction", store_direction_word(c->direction));
    put_or_null(w, "from", c->caller);
    put_or_null(w, "to", c->called);
    json_w_kz(w, "status", store_status_word(c->status));
    put_or_null(w, "outcome", c->outcome);
    put_or_null(w, "confirmation_number", c->confirmation);
    put_or_null(w, "reason", c->reason == REASON_NONE ? STR_NULL : str_from(call_reason_name(c->reason)));
    put_or_null(w, "error", c->error);
    api_json_time(w, "started_at", c->started_us);
    api_json_time(w, "answered_at", c->answered_us);
    api_json_time(w, "ended_at", c->ended_us);
    json_w_ki64(w, "duration_ms", (int64_t)c->duration_ms);
    put_or_null(w, "recording", c->recording);
    put_or_null(w, "journal", c->journal);
    put_usage(w, c);
    json_w_ki64(w, "renewals", c->renewals);
    put_quality(w, c);
    json_w_ki64(w, "turn_count", c->turn_count);
    json_w_ki64(w, "line_count", c->line_count);
    if (r->live) {
        put_live(w, r->live);
    }
    if (r->dial) {
        put_dial(w, r->dial);
    }
    if (full) {
        put_lists(w, r);
    }
    json_w_close(w);
}

void api_json_callback(struct json_w *w, const struct store_callback *c)
{
    json_w_open(w);
    json_w_kstr(w, "callback_id", c->id);
    json_w_kz(w, "status", c->closed_us ? "closed" : "open");
    json_w_kstr(w, "phone_number", c->phone);
    json_w_kstr(w, "department", c->department);
    json_w_kstr(w, "scheduled_time", c->scheduled);
    json_w_kstr(w, "reason", c->reason);
    put_or_null(w, "call_id", c->call_id);
    api_json_time(w, "created_at", c->created_us);
    api_json_time(w, "closed_at", c->closed_us);
    put_or_null(w, "note", c->note);
    json_w_close(w);
}

void api_json_callbacks(struct json_w *w, const struct store_callbacks *page)
{
    json_w_open(w);
    json_w_ki64(w, "total", (int64_t)page->total);
    json_w_key(w, "callbacks");
    json_w_array(w);
    for (uint32_t i = 0; i < page->n; i++) {
        api_json_callback(w, &page->list[i]);
    }
    json_w_end(w);
    json_w_close(w);
}

static const char *kind_word(uint32_t kind)
{
    return kind == 2 ? "server" : kind == 3 ? "client" : "internal";
}

/* JSON of our own writing, but from a file: what is not whole would break the answer around it. */
static void put_json(struct json_w *w, const char *key, struct str json, const char *otherwise)
{
    struct json_val v;
    json_w_key(w, key);
    json_w_raw(w, json_parse(json, &v) < 0 ? str_from(otherwise) : json);
}

/* Milliseconds with their three decimals, however long the call was. */
static void put_span_ms(struct json_w *w, const char *key, int64_t us)
{
    char text[32];
    uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    int n = snprintf(text, sizeof(text), "%s%llu.%03llu", us < 0 ? "-" : "", (unsigned long long)(size / 1000),
                     (unsigned long long)(size % 1000));
    json_w_key(w, key);
    json_w_raw(w, (struct str){text, (size_t)MAX(n, 0)});
}

static void put_span(struct json_w *w, const struct store_span *s, uint64_t zero_us)
{
    bool ended = s->end_us > 0 && s->end_us >= s->start_us;
    json_w_open(w);
    json_w_kstr(w, "span_id", s->span_id);
    put_or_null(w, "parent_id", s->parent_id);
    json_w_kstr(w, "type", s->type);
    json_w_kstr(w, "name", s->name);
    json_w_kz(w, "kind", kind_word(s->kind));
    api_json_time(w, "start_time", s->start_us);
    put_span_ms(w, "start_ms", (int64_t)(s->start_us - zero_us)); /* before the first one: the caller spoke first */
    if (ended) {
        put_span_ms(w, "duration_ms", (int64_t)(s->end_us - s->start_us));
    } else {
        json_w_kz(w, "duration_ms", NULL);
    }
    json_w_kz(w, "status", s->failed ? "error" : "unset");
    put_or_null(w, "error", s->error);
    put_json(w, "attributes", s->attrs, "{}");
    put_json(w, "events", s->events, "[]");
    json_w_close(w);
}

void api_json_trace(struct json_w *w, struct str call_id, const struct store_span *spans, uint32_t n)
{
    json_w_open(w);
    json_w_kstr(w, "call_id", call_id);
    put_or_null(w, "trace_id", n > 0 ? spans[0].trace_id : STR(""));
    json_w_key(w, "spans");
    json_w_array(w);
    for (uint32_t i = 0; i < n; i++) {
        put_span(w, &spans[i], spans[0].start_us);
    }
    json_w_end(w);
    json_w_close(w);
}
