#include "call/visit.h"

static void visit_persona(struct visit *v, struct call_persona *p)
{
    visit_u32(v, &p->agent);
    visit_str(v, &p->instructions);
    visit_u32(v, &p->n_tools);
    for (uint32_t i = 0; i < p->n_tools && i < CALL_MAX_TOOLS; i++) {
        uint32_t tool = p->tools[i];
        visit_u32(v, &tool);
        p->tools[i] = (uint8_t)tool;
    }
}

static void visit_signal(struct visit *v, struct call_signal *s)
{
    VISIT_ENUM(v, s->kind, CALL_SIGNAL_N);
    visit_u32(v, &s->agent);
    visit_u32(v, &s->to);
    struct str *texts[] = {&s->response_id, &s->item_id, &s->tool_call_id, &s->name, &s->text};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        visit_str(v, texts[i]);
    }
    uint64_t bytes = s->audio.n; /* what it holds stands in the event that brought it */
    visit_u64(v, &bytes);
    visit_u32(v, &s->ms);
    visit_u32(v, &s->index);
    bool there = s->item != NULL;
    visit_bool(v, &there);
    if (there) {
        visit_item_ref(v, &s->item);
    }
}

static void f_turn(struct visit *v, struct call_turn *t)
{
    visit_u32(v, &t->number);
    int32_t *times[] = {&t->speech_start_ms, &t->speech_stop_ms, &t->commit_ms,   &t->created_ms,
                        &t->first_audio_ms,  &t->first_sent_ms,  &t->agent_end_ms};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        visit_i32(v, times[i]);
    }
    visit_u32(v, &t->item_ms);
    visit_u32(v, &t->heard_ms);
    visit_u32(v, &t->tools);
    visit_u32(v, &t->agent);
    visit_bool(v, &t->interrupted);
    VISIT_ENUM(v, t->verdict, VERDICT_N);
    visit_u32(v, &t->pauses);
    visit_u32(v, &t->paused_ms);
    visit_u32(v, &t->paused_for);
    visit_u32(v, &t->end_silence_ms);
}

static void f_line_stats(struct visit *v, struct call_line *l)
{
    visit_bool(v, &l->echo);
    uint32_t *numbers[] = {&l->echo_loss_cb, &l->echo_delay_ms, &l->gate_closures, &l->gated_ms,  &l->gaps,
                           &l->gap_ms,       &l->late,          &l->doubled,       &l->stalls,    &l->stall_ms,
                           &l->odd_frames,   &l->clipped_ms,    &l->zero_ms,       &l->linear_ms, &l->rate_hz};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        visit_u32(v, numbers[i]);
    }
    visit_i32(v, &l->dc_offset);
}

/* A caller's line may hold keys that the journal masks: its length stands for it. */
static void f_line_text(struct visit *v, struct call_action *a)
{
    if (a->line.who == PARTY_CALLER) {
        uint64_t length = a->line.text.n;
        visit_u64(v, &length);
    } else {
        visit_str(v, &a->line.text);
    }
}

/* What the caller said may hold keys that the journal masks: its length stands for it. */
static void f_said(struct visit *v, enum guard_side side, struct str *text)
{
    if (side == GUARD_INPUT) {
        uint64_t length = text->n;
        visit_u64(v, &length);
    } else {
        visit_str(v, text);
    }
}

static void f_guard_action(struct visit *v, struct call_action *a)
{
    if (a->type == ACT_GUARD_CHECK) {
        visit_u32(v, &a->guard_check.check);
        VISIT_ENUM(v, a->guard_check.side, GUARD_SIDE_N);
        visit_u32(v, &a->guard_check.guards);
        visit_str(v, &a->guard_check.response_id);
        visit_str(v, &a->guard_check.item_id);
        visit_u32(v, &a->guard_check.agent);
        visit_u32(v, &a->guard_check.offset);
        f_said(v, a->guard_check.side, &a->guard_check.text);
        visit_bool(v, &a->guard_check.final);
        return;
    }
    visit_u32(v, &a->guard_trip.check);
    VISIT_ENUM(v, a->guard_trip.side, GUARD_SIDE_N);
    visit_u32(v, &a->guard_trip.guards);
    visit_str(v, &a->guard_trip.response_id);
    visit_str(v, &a->guard_trip.item_id);
    visit_u32(v, &a->guard_trip.agent);
    visit_str(v, &a->guard_trip.names);
    visit_str(v, &a->guard_trip.info);
    f_said(v, a->guard_trip.side, &a->guard_trip.text);
    VISIT_ENUM(v, a->guard_trip.verb, GUARD_VERB_N);
    visit_u32(v, &a->guard_trip.heard_ms);
    visit_u32(v, &a->guard_trip.leaked_words);
    visit_bool(v, &a->guard_trip.retried);
}

void visit_action(struct visit *v, struct call_action *a)
{
    VISIT_ENUM(v, a->type, CALL_ACTION_N);
    if (a->type >= ACT_MODEL_OPEN && a->type <= ACT_MODEL_CLOSE) {
        visit_u32(v, &a->session);
    }
    switch (a->type) {
    case ACT_LEG_MEDIA:
        visit_span(v, &a->leg_media.audio);
        visit_u32(v, &a->leg_media.mark);
        break;
    case ACT_LEG_MARK:
        visit_u32(v, &a->leg_mark.mark);
        break;
    case ACT_LEG_HANGUP:
        VISIT_ENUM(v, a->leg_hangup.reason, CALL_REASON_N);
        visit_bool(v, &a->leg_hangup.apologise);
        break;
    case ACT_MODEL_OPEN:
        visit_u32(v, &a->model_open.provider);
        VISIT_ENUM(v, a->model_open.why, RENEWAL_N);
        visit_bool(v, &a->model_open.resume);
        visit_u32(v, &a->model_open.from);
        visit_persona(v, &a->model_open.persona);
        break;
    case ACT_LEG_TRANSFER:
        visit_str(v, &a->leg_transfer.to);
        visit_str(v, &a->leg_transfer.name);
        break;
    case ACT_MODEL_APPEND:
        visit_span(v, &a->model_append.audio);
        break;
    case ACT_MODEL_RESPOND:
        visit_u32(v, &a->model_respond.request);
        visit_str(v, &a->model_respond.instructions);
        visit_bool(v, &a->model_respond.no_tools);
        break;
    case ACT_MODEL_CANCEL:
        visit_u32(v, &a->model_cancel.request);
        visit_str(v, &a->model_cancel.response_id);
        break;
    case ACT_MODEL_TRUNCATE:
        visit_u32(v, &a->model_truncate.request);
        visit_str(v, &a->model_truncate.item_id);
        visit_u32(v, &a->model_truncate.heard_ms);
        break;
    case ACT_MODEL_TOOL_OUTPUT:
        visit_u32(v, &a->model_tool_output.request);
        visit_str(v, &a->model_tool_output.tool_call_id);
        visit_str(v, &a->model_tool_output.output);
        visit_bool(v, &a->model_tool_output.silent);
        break;
    case ACT_MODEL_USER_TEXT: {
        visit_str(v, &a->model_user_text.item_id);
        uint64_t length = a->model_user_text.text.n; /* the words may hold keys that the journal masks */
        visit_u64(v, &length);
        break;
    }
    case ACT_TOOL_CHECK:
    case ACT_TOOL_APPROVAL:
        visit_str(v, &a->tool_ask.tool_call_id);
        visit_str(v, &a->tool_ask.name);
        visit_str(v, &a->tool_ask.arguments);
        visit_u32(v, &a->tool_ask.timeout_ms);
        visit_bool(v, &a->tool_ask.timeout_approves);
        break;
    case ACT_TOOL_DECIDED:
        visit_str(v, &a->tool_decided.tool_call_id);
        visit_str(v, &a->tool_decided.name);
        VISIT_ENUM(v, a->tool_decided.outcome, APPROVAL_OUTCOME_N);
        break;
    case ACT_MODEL_UPDATE:
        visit_u32(v, &a->model_update.request);
        visit_persona(v, &a->model_update.persona);
        break;
    case ACT_MODEL_ITEM:
        visit_u32(v, &a->model_item.request);
        visit_item_ref(v, &a->model_item.item);
        break;
    case ACT_SIGNAL:
        visit_signal(v, &a->signal);
        break;
    case ACT_TOOL_RUN:
        visit_str(v, &a->tool_run.tool_call_id);
        visit_str(v, &a->tool_run.name);
        visit_str(v, &a->tool_run.arguments);
        visit_u32(v, &a->tool_run.deadline_ms);
        break;
    case ACT_TOOL_CANCEL:
        visit_str(v, &a->tool_cancel.tool_call_id);
        break;
    case ACT_GUARD_CHECK:
    case ACT_GUARD_TRIP:
        f_guard_action(v, a);
        break;
    case ACT_VAD:
        visit_u32(v, &a->vad.chunk);
        visit_u32(v, &a->vad.rate_hz);
        visit_bool(v, &a->vad.reset);
        visit_span(v, &a->vad.pcm);
        break;
    case ACT_RECORD:
        visit_u64(v, &a->record.at_samples);
        visit_span(v, &a->record.pairs);
        break;
    case ACT_LINE:
        VISIT_ENUM(v, a->line.who, PARTY_N);
        visit_u32(v, &a->line.agent);
        visit_i32(v, &a->line.at_ms);
        f_line_text(v, a);
        visit_str(v, &a->line.unheard);
        visit_bool(v, &a->line.estimated);
        break;
    case ACT_TURN:
        f_turn(v, &a->turn);
        break;
    case ACT_NOTE:
        VISIT_ENUM(v, a->note.note, CALL_NOTE_N);
        visit_i64(v, &a->note.value);
        visit_str(v, &a->note.text);
        break;
    case ACT_USAGE:
        visit_usage(v, &a->usage);
        break;
    case ACT_END:
        VISIT_ENUM(v, a->end.reason, CALL_REASON_N);
        visit_str(v, &a->end.detail);
        visit_u32(v, &a->end.duration_ms);
        f_line_stats(v, &a->end.line);
        break;
    case ACT_LEG_CLEAR:
    case ACT_MODEL_COMMIT:
    case ACT_MODEL_CLEAR_INPUT:
    case ACT_MODEL_CLOSE:
    case CALL_ACTION_N:
        break;
    }
}
