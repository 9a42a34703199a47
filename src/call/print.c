/* Events and actions as lines of text, for `ringtrip replay --print`, scenarios and debugging. The text is stable. */
#include "call/journal.h"

#include "base/err.h"

static void quoted(struct buf *out, const char *key, struct str s)
{
    buf_printf(out, " %s=\"", key);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch == '"' || ch == '\\') {
            buf_putc(out, '\\');
        }
        if (ch >= 0x20) {
            buf_putc(out, (char)ch);
        } else {
            buf_printf(out, "\\x%02x", ch);
        }
    }
    buf_putc(out, '"');
}

/* Audio as its length and a checksum: lines stay readable and still differ when a byte does. */
static void audio(struct buf *out, struct span s)
{
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < s.n; i++) {
        sum = (sum ^ s.p[i]) * 16777619u;
    }
    buf_printf(out, " bytes=%zu sum=%08x", s.n, sum);
}

static void print_turn(const struct call_turn *t, struct buf *out)
{
    buf_printf(out, " number=%u speech_start=%d speech_stop=%d created=%d first_audio=%d first_sent=%d agent_end=%d",
               t->number, t->speech_start_ms, t->speech_stop_ms, t->created_ms, t->first_audio_ms, t->first_sent_ms,
               t->agent_end_ms);
    buf_printf(out, " agent=%u item_ms=%u heard_ms=%u tools=%u interrupted=%d", t->agent, t->item_ms, t->heard_ms,
               t->tools, t->interrupted);
    char words[CALL_VERDICTS_MAX];
    struct str reasons = call_verdicts_words(t->paused_for, words);
    buf_printf(out, " commit=%d verdict=%s pauses=%u paused_ms=%u paused_for=\"" STR_FMT "\" end_silence_ms=%u",
               t->commit_ms, call_verdict_name(t->verdict), t->pauses, t->paused_ms, STR_ARG(reasons),
               t->end_silence_ms);
}

static void print_usage(const struct call_usage *u, struct buf *out)
{
    buf_printf(out, " in_text=%u in_audio=%u cached_text=%u cached_audio=%u out_text=%u out_audio=%u", u->in_text,
               u->in_audio, u->cached_text, u->cached_audio, u->out_text, u->out_audio);
}

static void print_item(const struct call_item *it, struct buf *out)
{
    quoted(out, "id", it->id);
    if (it->previous_id.p) {
        quoted(out, "previous", it->previous_id);
    }
    buf_printf(out, " type=%s role=%s status=%s", item_type_name(it->type), item_role_name(it->role),
               item_status_name(it->status));
    for (uint32_t i = 0; i < it->n_parts; i++) {
        const struct call_part *p = &it->parts[i];
        if (p->kind == PART_IMAGE) {
            buf_printf(out, " image=%zu", p->text.n);
        } else {
            quoted(out, part_kind_name(p->kind), p->text);
        }
    }
    if (it->type != ITEM_MESSAGE) {
        quoted(out, "call", it->call_id);
        quoted(out, "name", it->name);
        quoted(out, "arguments", it->arguments);
        quoted(out, "output", it->output);
    }
    if (it->unheard.n) {
        quoted(out, "unheard", it->unheard);
    }
}

static void print_persona(const struct call_persona *p, struct buf *out)
{
    buf_printf(out, " agent=%u tools=", p->agent);
    for (uint32_t i = 0; i < p->n_tools && i < CALL_MAX_TOOLS; i++) {
        buf_printf(out, "%s%u", i ? "," : "", p->tools[i]);
    }
    quoted(out, "instructions", p->instructions);
}

static void print_signal(const struct call_signal *s, struct buf *out)
{
    static const char *const keys[] = {"response", "item", "call", "name", "text"};
    const struct str texts[] = {s->response_id, s->item_id, s->tool_call_id, s->name, s->text};
    buf_printf(out, " what=%s agent=%u", call_signal_name(s->kind), s->agent);
    if (s->kind == SIGNAL_HANDOFF || s->kind == SIGNAL_AGENT_CHANGED) {
        buf_printf(out, " to=%u", s->to);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].n) {
            quoted(out, keys[i], texts[i]);
        }
    }
    if (s->audio.n) {
        buf_printf(out, " bytes=%zu", s->audio.n);
    }
    if (s->kind == SIGNAL_INTERRUPTED) {
        buf_printf(out, " ms=%u", s->ms);
    }
    if (s->item) {
        buf_printf(out, " index=%u", s->index);
        print_item(s->item, out);
    }
}

static void print_line_stats(const struct call_line *l, struct buf *out)
{
    buf_printf(out, " echo=%d loss_cb=%u delay_ms=%u closures=%u gated_ms=%u", l->echo, l->echo_loss_cb,
               l->echo_delay_ms, l->gate_closures, l->gated_ms);
    buf_printf(out, " gaps=%u gap_ms=%u late=%u doubled=%u stalls=%u stall_ms=%u odd=%u clipped_ms=%u zero_ms=%u",
               l->gaps, l->gap_ms, l->late, l->doubled, l->stalls, l->stall_ms, l->odd_frames, l->clipped_ms,
               l->zero_ms);
    buf_printf(out, " linear_ms=%u rate_hz=%u dc=%d", l->linear_ms, l->rate_hz, l->dc_offset);
}

static void print_guard(const struct call_action *a, struct buf *out)
{
    if (a->type == ACT_GUARD_CHECK) {
        buf_printf(out, " check=%u side=%s guards=0x%x offset=%u final=%d", a->guard_check.check,
                   guard_side_name(a->guard_check.side), a->guard_check.guards, a->guard_check.offset,
                   a->guard_check.final);
        quoted(out, "item", a->guard_check.item_id);
        quoted(out, "text", a->guard_check.text);
        return;
    }
    buf_printf(out, " check=%u side=%s verb=%s heard_ms=%u leaked_words=%u retried=%d", a->guard_trip.check,
               guard_side_name(a->guard_trip.side), guard_verb_name(a->guard_trip.verb), a->guard_trip.heard_ms,
               a->guard_trip.leaked_words, a->guard_trip.retried);
    quoted(out, "names", a->guard_trip.names);
    quoted(out, "response", a->guard_trip.response_id);
    quoted(out, "item", a->guard_trip.item_id);
    quoted(out, "text", a->guard_trip.text);
}

static void print_action(const struct call_action *a, struct buf *out)
{
    buf_puts(out, call_action_name(a->type));
    if (a->session) {
        buf_printf(out, " session=%u", a->session);
    }
    switch (a->type) {
    case ACT_LEG_MEDIA:
        audio(out, a->leg_media.audio);
        buf_printf(out, " mark=%u", a->leg_media.mark);
        break;
    case ACT_LEG_MARK:
        buf_printf(out, " mark=%u", a->leg_mark.mark);
        break;
    case ACT_LEG_HANGUP:
        buf_printf(out, " reason=%s apologise=%d", call_reason_name(a->leg_hangup.reason), a->leg_hangup.apologise);
        break;
    case ACT_MODEL_OPEN:
        buf_printf(out, " provider=%u why=%s", a->model_open.provider, call_renewal_name(a->model_open.why));
        if (a->model_open.resume) {
            buf_printf(out, " from=%u", a->model_open.from);
        }
        print_persona(&a->model_open.persona, out);
        break;
    case ACT_LEG_TRANSFER:
        quoted(out, "to", a->leg_transfer.to);
        quoted(out, "name", a->leg_transfer.name);
        break;
    case ACT_MODEL_APPEND:
        audio(out, a->model_append.audio);
        break;
    case ACT_MODEL_RESPOND:
        buf_printf(out, " request=%u no_tools=%d", a->model_respond.request, a->model_respond.no_tools);
        quoted(out, "instructions", a->model_respond.instructions);
        break;
    case ACT_MODEL_CANCEL:
        buf_printf(out, " request=%u", a->model_cancel.request);
        quoted(out, "response", a->model_cancel.response_id);
        break;
    case ACT_MODEL_TRUNCATE:
        buf_printf(out, " request=%u heard_ms=%u", a->model_truncate.request, a->model_truncate.heard_ms);
        quoted(out, "item", a->model_truncate.item_id);
        break;
    case ACT_MODEL_TOOL_OUTPUT:
        buf_printf(out, " request=%u", a->model_tool_output.request);
        quoted(out, "call", a->model_tool_output.tool_call_id);
        quoted(out, "output", a->model_tool_output.output);
        if (a->model_tool_output.silent) {
            buf_puts(out, " silent");
        }
        break;
    case ACT_MODEL_UPDATE:
        buf_printf(out, " request=%u", a->model_update.request);
        print_persona(&a->model_update.persona, out);
        break;
    case ACT_MODEL_ITEM:
        buf_printf(out, " request=%u", a->model_item.request);
        print_item(a->model_item.item, out);
        break;
    case ACT_SIGNAL:
        print_signal(&a->signal, out);
        break;
    case ACT_MODEL_USER_TEXT:
        quoted(out, "text", a->model_user_text.text);
        break;
    case ACT_TOOL_CHECK:
    case ACT_TOOL_APPROVAL:
        quoted(out, "call", a->tool_ask.tool_call_id);
        quoted(out, "name", a->tool_ask.name);
        quoted(out, "arguments", a->tool_ask.arguments);
        buf_printf(out, " timeout_ms=%u", a->tool_ask.timeout_ms);
        break;
    case ACT_TOOL_DECIDED:
        quoted(out, "call", a->tool_decided.tool_call_id);
        quoted(out, "name", a->tool_decided.name);
        buf_printf(out, " outcome=%s", approval_outcome_name(a->tool_decided.outcome));
        break;
    case ACT_TOOL_RUN:
        quoted(out, "call", a->tool_run.tool_call_id);
        quoted(out, "name", a->tool_run.name);
        quoted(out, "arguments", a->tool_run.arguments);
        buf_printf(out, " deadline_ms=%u", a->tool_run.deadline_ms);
        break;
    case ACT_TOOL_CANCEL:
        quoted(out, "call", a->tool_cancel.tool_call_id);
        break;
    case ACT_GUARD_CHECK:
    case ACT_GUARD_TRIP:
        print_guard(a, out);
        break;
    case ACT_VAD:
        buf_printf(out, " chunk=%u rate=%u reset=%d", a->vad.chunk, a->vad.rate_hz, a->vad.reset);
        audio(out, a->vad.pcm);
        break;
    case ACT_RECORD:
        buf_printf(out, " at=%llu", (unsigned long long)a->record.at_samples);
        audio(out, a->record.pairs);
        break;
    case ACT_LINE:
        buf_printf(out, " who=%s agent=%u at_ms=%d estimated=%d", call_party_name(a->line.who), a->line.agent,
                   a->line.at_ms, a->line.estimated);
        quoted(out, "text", a->line.text);
        quoted(out, "unheard", a->line.unheard);
        break;
    case ACT_TURN:
        print_turn(&a->turn, out);
        break;
    case ACT_NOTE:
        buf_printf(out, " note=%s value=%lld", call_note_name(a->note.note), (long long)a->note.value);
        quoted(out, "text", a->note.text);
        break;
    case ACT_USAGE:
        print_usage(&a->usage, out);
        break;
    case ACT_END:
        buf_printf(out, " reason=%s duration_ms=%u", call_reason_name(a->end.reason), a->end.duration_ms);
        quoted(out, "detail", a->end.detail);
        print_line_stats(&a->end.line, out);
        break;
    case ACT_LEG_CLEAR:
    case ACT_MODEL_COMMIT:
    case ACT_MODEL_CLEAR_INPUT:
    case ACT_MODEL_CLOSE:
    case CALL_ACTION_N:
        break;
    }
    buf_putc(out, '\n');
}

void actions_print(const struct call_actions *actions, struct buf *out)
{
    for (uint32_t i = 0; i < actions->n; i++) {
        print_action(&actions->list[i], out);
    }
}

static void print_model_event(const struct call_event *e, struct buf *out)
{
    switch (e->type) {
    case EV_MODEL_READY:
        buf_printf(out, " in=%s out=%s tools=%u interrupts=%d creates=%d", audio_format_name(e->model_ready.in),
                   audio_format_name(e->model_ready.out), e->model_ready.n_tools, e->model_ready.interrupts,
                   e->model_ready.creates);
        quoted(out, "model", e->model_ready.model);
        if (e->model_ready.no_truncate || e->model_ready.no_update || e->model_ready.resumed) {
            buf_printf(out, " no_truncate=%d no_update=%d resumed=%d", e->model_ready.no_truncate,
                       e->model_ready.no_update, e->model_ready.resumed);
        }
        break;
    case EV_MODEL_FAILED:
        buf_printf(out, " err=%d was_ready=%d", e->model_failed.err, e->model_failed.was_ready);
        quoted(out, "code", e->model_failed.code);
        break;
    case EV_MODEL_SPEECH_STARTED:
    case EV_MODEL_SPEECH_STOPPED:
    case EV_MODEL_COMMITTED:
        quoted(out, "item", e->model_speech.item_id);
        buf_printf(out, " at_ms=%u", e->model_speech.at_ms);
        break;
    case EV_MODEL_USER_TEXT:
        quoted(out, "text", e->model_user_text.text);
        break;
    case EV_MODEL_USER_DELTA:
        quoted(out, "item", e->model_user_text.item_id);
        quoted(out, "text", e->model_user_text.text);
        break;
    case EV_MODEL_ITEM:
        quoted(out, "response", e->model_item.response_id);
        print_item(e->model_item.item, out);
        break;
    case EV_MODEL_ITEM_DELETED:
    case EV_MODEL_ITEM_TRUNCATED:
        quoted(out, "item", e->model_item_gone.item_id);
        buf_printf(out, " ms=%u", e->model_item_gone.ms);
        break;
    case EV_MODEL_RESPONSE_CREATED:
        quoted(out, "response", e->model_response.response_id);
        break;
    case EV_MODEL_ITEM_ADDED:
        quoted(out, "response", e->model_item_added.response_id);
        quoted(out, "item", e->model_item_added.item_id);
        break;
    case EV_MODEL_AUDIO:
    case EV_MODEL_AUDIO_DONE:
        quoted(out, "response", e->model_audio.response_id);
        quoted(out, "item", e->model_audio.item_id);
        audio(out, e->model_audio.audio);
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        quoted(out, "item", e->model_text.item_id);
        quoted(out, "text", e->model_text.text);
        break;
    case EV_MODEL_TOOL_CALL:
        quoted(out, "call", e->model_tool.tool_call_id);
        quoted(out, "name", e->model_tool.name);
        quoted(out, "arguments", e->model_tool.arguments);
        break;
    case EV_MODEL_RESPONSE_DONE:
        quoted(out, "response", e->model_done.response_id);
        buf_printf(out, " status=%d", (int)e->model_done.status);
        quoted(out, "reason", e->model_done.reason);
        break;
    case EV_MODEL_USAGE:
        print_usage(&e->model_usage.usage, out);
        break;
    case EV_MODEL_TOOL_WITHDRAWN:
        quoted(out, "call", e->model_withdrawn.tool_call_id);
        break;
    case EV_MODEL_LEAVING:
        buf_printf(out, " left_ms=%u", e->model_leaving.left_ms);
        break;
    case EV_MODEL_ERROR:
        quoted(out, "code", e->model_error.code);
        buf_printf(out, " request=%u", e->model_error.request);
        break;
    default:
        break;
    }
}

static void print_control_event(const struct call_event *e, struct buf *out)
{
    switch (e->type) {
    case EV_CONTROL_TURN:
        buf_printf(out, " cue=%s", turn_cue_name(e->control_turn.cue));
        break;
    case EV_CONTROL_HANGUP:
        buf_printf(out, " reason=%s", call_reason_name(e->control_hangup.reason));
        break;
    case EV_CONTROL_USER_TEXT:
        quoted(out, "text", e->control_text.text);
        break;
    case EV_CONTROL_INTERRUPT:
        buf_printf(out, " kind=%s", interrupt_kind_name(e->control_interrupt.kind));
        quoted(out, "response", e->control_interrupt.response_id);
        break;
    case EV_CONTROL_RESPOND:
        buf_printf(out, " no_tools=%d", e->control_respond.no_tools);
        quoted(out, "instructions", e->control_respond.instructions);
        break;
    case EV_CONTROL_SAY:
        buf_printf(out, " interrupt=%d", e->control_say.interrupt);
        quoted(out, "text", e->control_say.text);
        break;
    case EV_CONTROL_MESSAGE:
        buf_printf(out, " respond=%d", e->control_message.respond);
        print_item(e->control_message.item, out);
        break;
    case EV_CONTROL_AGENT:
        buf_printf(out, " agent=%d", (int)e->control_agent.agent);
        quoted(out, "instructions", e->control_agent.instructions);
        break;
    case EV_CONTROL_ENABLE:
        buf_printf(out, " tool=%u on=%d", e->control_enable.tool, e->control_enable.on);
        break;
    default:
        print_model_event(e, out);
        break;
    }
}

void event_print(const struct call_event *e, struct buf *out)
{
    buf_puts(out, call_event_name(e->type));
    if (e->session) {
        buf_printf(out, " session=%u", e->session);
    }
    switch (e->type) {
    case EV_LEG_START:
        buf_printf(out, " format=%s", audio_format_name(e->leg_start.format));
        quoted(out, "stream", e->leg_start.stream_id);
        break;
    case EV_LEG_MEDIA:
        buf_printf(out, " ts=%u", e->leg_media.timestamp_ms);
        audio(out, e->leg_media.audio);
        break;
    case EV_LEG_MARK:
        buf_printf(out, " mark=%u", e->leg_mark.mark);
        break;
    case EV_LEG_CLOSED:
        buf_printf(out, " err=%d", e->leg_closed.err);
        break;
    case EV_TOOL_CHECKED:
        quoted(out, "call", e->tool_checked.tool_call_id);
        buf_printf(out, " check=%s", tool_check_name(e->tool_checked.check));
        break;
    case EV_TOOL_APPROVAL:
        quoted(out, "call", e->tool_approval.tool_call_id);
        buf_printf(out, " approve=%d always=%d", e->tool_approval.approve, e->tool_approval.always);
        quoted(out, "message", e->tool_approval.message);
        break;
    case EV_LEG_TRANSFER_FAILED:
        buf_printf(out, " err=%d code=%d", e->leg_transfer_failed.err, e->leg_transfer_failed.code);
        quoted(out, "message", e->leg_transfer_failed.message);
        break;
    case EV_CONTROL_TRANSFER:
        quoted(out, "call", e->control_transfer.tool_call_id);
        quoted(out, "to", e->control_transfer.to);
        quoted(out, "name", e->control_transfer.name);
        break;
    case EV_CONTROL_KEYS:
        quoted(out, "call", e->control_keys.tool_call_id);
        quoted(out, "keys", e->control_keys.keys);
        break;
    case EV_CONTROL_VOICEMAIL:
        buf_printf(out, " after_beep=%d", e->control_voicemail.after_beep);
        quoted(out, "text", e->control_voicemail.text);
        buf_printf(out, " sound=%zu", e->control_voicemail.sound.n);
        break;
    case EV_TOOL_RESULT:
        quoted(out, "call", e->tool_result.tool_call_id);
        quoted(out, "output", e->tool_result.output);
        break;
    case EV_GUARD:
        buf_printf(out, " check=%u answered=0x%x tripped=0x%x failed=0x%x covered=%u from=%u to=%u", e->guard.check,
                   e->guard.answered, e->guard.tripped, e->guard.failed, e->guard.covered, e->guard.from, e->guard.to);
        quoted(out, "info", e->guard.info);
        break;
    case EV_VAD:
        buf_printf(out, " chunk=%u ppm=%u", e->vad.chunk, e->vad.ppm);
        break;
    default:
        print_control_event(e, out);
        break;
    }
    buf_putc(out, '\n');
}
