#include "call/visit.h"

#include "base/err.h"

static void f_turn_taking(struct visit *v, struct call_opts *o)
{
    bool *flags[] = {&o->vad.on,      &o->barge_in.on, &o->barge_in.pause, &o->silence.on,
                     &o->dead_air.on, &o->echo_guard,  &o->dtmf_in_band};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        visit_bool(v, flags[i]);
    }
    uint32_t *numbers[] = {&o->vad.rate_hz,
                           &o->vad.start_ppm,
                           &o->vad.end_ppm,
                           &o->vad.min_speech_ms,
                           &o->vad.min_silence_ms,
                           &o->vad.pre_speech_ms,
                           &o->vad.grace_ms,
                           &o->barge_in.verdict_ms,
                           &o->barge_in.pause_ppm,
                           &o->barge_in.min_speech_ms,
                           &o->barge_in.echo_extra_ms,
                           &o->barge_in.reject_silence_ms,
                           &o->barge_in.backchannel_ms,
                           &o->barge_in.edge_ms,
                           &o->barge_in.back_ms,
                           &o->barge_in.backoff_ms,
                           &o->barge_in.backoff_ppm,
                           &o->silence.after_ms,
                           &o->silence.again_ms,
                           &o->silence.n_prompts,
                           &o->dead_air.nudge_ms,
                           &o->dead_air.nudges,
                           &o->dead_air.max_response_ms};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        visit_u32(v, numbers[i]);
    }
    if (o->silence.n_prompts > CALL_SILENCE_PROMPTS) {
        visit_fail(v, -ERR_CORRUPT);
        o->silence.n_prompts = 0;
    }
    for (uint32_t i = 0; i < CALL_SILENCE_PROMPTS; i++) {
        visit_str(v, &o->silence.prompts[i]);
    }
    visit_str(v, &o->silence.goodbye);
}

static void f_tool_rules(struct visit *v, struct tool_rules *r)
{
    VISIT_ENUM(v, r->mode, TOOL_MODE_N);
    visit_bool(v, &r->background);
    visit_bool(v, &r->cancel_on_interrupt);
    visit_str(v, &r->timeout_text);
    visit_u32(v, &r->filler.after_ms);
    visit_str(v, &r->filler.words);
    struct str sound = str_of_span(r->filler.sound);
    visit_str(v, &sound);
    r->filler.sound = span_of_str(sound);
    VISIT_ENUM(v, r->approval.kind, APPROVAL_KIND_N);
    visit_u32(v, &r->approval.timeout_ms);
    visit_bool(v, &r->approval.timeout_approves);
    visit_str(v, &r->approval.words);
}

static void f_renewal(struct visit *v, struct call_renewal_opts *o)
{
    uint32_t *numbers[] = {&o->n_providers, &o->before_s, &o->latest_s,  &o->open_ms,   &o->attempts,
                           &o->backoff_ms,  &o->gap_ms,   &o->filler_ms, &o->max_items, &o->max_bytes};
    visit_bool(v, &o->on);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        visit_u32(v, numbers[i]);
    }
    if (o->n_providers < 1 || o->n_providers > CALL_MAX_PROVIDERS) {
        visit_fail(v, -ERR_CORRUPT);
        o->n_providers = 1;
    }
    for (uint32_t i = 0; i < CALL_MAX_PROVIDERS; i++) {
        visit_u32(v, &o->session_max_s[i]);
    }
    struct str filler = str_of_span(o->filler);
    visit_str(v, &filler);
    o->filler = span_of_str(filler);
}

static void f_guards(struct visit *v, struct call_guard_opts *o)
{
    uint32_t *numbers[] = {&o->everywhere, &o->debounce_chars, &o->hold_max_ms, &o->unit_us,
                           &o->margin_ms,  &o->max_trips,      &o->n_list};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        visit_u32(v, numbers[i]);
    }
    visit_bool(v, &o->hold_back);
    VISIT_ENUM(v, o->expiry, GUARD_EXPIRY_N);
    if (o->n_list > CALL_MAX_GUARDS) {
        visit_fail(v, -ERR_CORRUPT);
        o->n_list = 0;
    }
    for (uint32_t i = 0; i < o->n_list; i++) {
        struct call_guard *g = &o->list[i];
        visit_str(v, &g->name);
        visit_str(v, &g->feedback);
        visit_u32(v, &g->sides);
        VISIT_ENUM(v, g->verb, GUARD_VERB_N);
        visit_bool(v, &g->local);
        visit_bool(v, &g->holds);
        visit_u32(v, &g->deadline_ms);
    }
}

/* Places in a table, each below its size. */
static void f_indices(struct visit *v, uint8_t *list, uint32_t *n, uint32_t size)
{
    visit_u32(v, n);
    if (*n > size) {
        visit_fail(v, -ERR_CORRUPT);
        *n = 0;
    }
    for (uint32_t i = 0; i < *n; i++) {
        list[i] = (uint8_t)visit_enum(v, list[i], size);
    }
}

static void f_agents(struct visit *v, struct call_opts *o)
{
    visit_u32(v, &o->n_agents);
    if (o->n_agents > CALL_MAX_AGENTS) {
        visit_fail(v, -ERR_CORRUPT);
        o->n_agents = 0;
    }
    for (uint32_t i = 0; i < o->n_agents; i++) {
        struct call_agent *a = &o->agents[i];
        visit_str(v, &a->name);
        visit_str(v, &a->instructions);
        visit_str(v, &a->handoff_description);
        f_indices(v, a->tools, &a->n_tools, CALL_MAX_TOOLS);
        visit_u32(v, &a->guards);
    }
}

void visit_opts(struct visit *v, struct call_opts *o)
{
    struct str *texts[] = {&o->call_id,      &o->agent,         &o->provider,      &o->carrier,
                           &o->instructions, &o->greeting.text, &o->farewell.text, &o->turn.eagerness,
                           &o->vad.weights,  &o->transfer.text};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        visit_str(v, texts[i]);
    }
    visit_bool(v, &o->outgoing);
    VISIT_ENUM(v, o->greeting.kind, GREETING_KIND_N);
    visit_bool(v, &o->greeting.protect);
    VISIT_ENUM(v, o->turn.kind, TURN_KIND_N);
    visit_f64(v, &o->turn.threshold);
    visit_i32(v, &o->turn.prefix_padding_ms);
    visit_i32(v, &o->turn.silence_duration_ms);
    visit_i32(v, &o->turn.idle_timeout_ms);
    visit_bool(v, &o->turn.create_response);
    visit_bool(v, &o->turn.interrupt_response);
    uint32_t *numbers[] = {
        &o->greeting.fallback_ms,   &o->playout.lead_ms,          &o->playout.max_lead_ms,   &o->playout.burst_ms,
        &o->deadlines.leg_start_ms, &o->deadlines.model_ready_ms, &o->deadlines.response_ms, &o->deadlines.stall_ms,
        &o->deadlines.cancel_ms,    &o->deadlines.tool_ms,        &o->deadlines.farewell_ms, &o->deadlines.hangup_ms,
        &o->deadlines.media_ms,     &o->deadlines.transfer_ms,    &o->deadlines.update_ms,   &o->limits.max_call_s,
        &o->limits.queue_ms,        &o->limits.uplink_ms,         &o->limits.history_kb,     &o->n_tools};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        visit_u32(v, numbers[i]);
    }
    visit_bool(v, &o->record);
    visit_bool(v, &o->text_only);
    f_turn_taking(v, o);
    visit_str(v, &o->approvals.yes);
    visit_str(v, &o->approvals.no);
    visit_str(v, &o->approvals.rejection);
    visit_u32(v, &o->approvals.transcript_ms);
    f_renewal(v, &o->renewal);
    f_guards(v, &o->guards);
    if (o->n_tools > CALL_MAX_TOOLS) {
        visit_fail(v, -ERR_CORRUPT);
        o->n_tools = 0;
    }
    for (uint32_t i = 0; i < o->n_tools; i++) {
        visit_str(v, &o->tools[i].name);
        visit_str(v, &o->tools[i].description);
        visit_str(v, &o->tools[i].parameters);
        VISIT_ENUM(v, o->tools[i].kind, CALL_TOOL_KIND_N);
        visit_u32(v, &o->tools[i].deadline_ms);
        f_tool_rules(v, &o->tools[i].rules);
        visit_u32(v, &o->tools[i].agent);
    }
    f_agents(v, o);
}
