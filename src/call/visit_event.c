#include "call/visit.h"

#include "base/err.h"

/* The words may hold keys that the journal masks: in actions their length stands for them. */
static void f_spoken(struct visit *v, struct str *s, bool masked)
{
    if (masked) {
        uint64_t length = s->n;
        visit_u64(v, &length);
    } else {
        visit_opt_str(v, s);
    }
}

static void f_item(struct visit *v, struct call_item *it)
{
    visit_str(v, &it->id);
    visit_opt_str(v, &it->previous_id);
    VISIT_ENUM(v, it->type, ITEM_TYPE_N);
    VISIT_ENUM(v, it->role, ITEM_ROLE_N);
    VISIT_ENUM(v, it->status, ITEM_STATUS_N);
    visit_u32(v, &it->n_parts);
    if (it->n_parts > CALL_MAX_PARTS) {
        visit_fail(v, -ERR_CORRUPT);
        it->n_parts = 0;
    }
    bool masked = v->mode == VISIT_DIGEST && it->role == ITEM_USER;
    for (uint32_t i = 0; i < it->n_parts; i++) {
        VISIT_ENUM(v, it->parts[i].kind, PART_KIND_N);
        f_spoken(v, &it->parts[i].text, masked);
        visit_str(v, &it->parts[i].detail);
        visit_span(v, &it->parts[i].audio);
    }
    visit_str(v, &it->call_id);
    visit_str(v, &it->name);
    visit_str(v, &it->arguments);
    visit_opt_str(v, &it->output);
    visit_u32(v, &it->agent);
    visit_str(v, &it->unheard);
    visit_bool(v, &it->estimated);
}

void visit_item_ref(struct visit *v, const struct call_item **ref)
{
    struct call_item copy = {0};
    if (v->mode != VISIT_READ && *ref) {
        copy = **ref;
    }
    f_item(v, &copy);
    if (v->mode == VISIT_READ && v->item) {
        *v->item = copy;
        *ref = v->item;
    }
}

void visit_usage(struct visit *v, struct call_usage *u)
{
    visit_u32(v, &u->in_text);
    visit_u32(v, &u->in_audio);
    visit_u32(v, &u->cached_text);
    visit_u32(v, &u->cached_audio);
    visit_u32(v, &u->out_text);
    visit_u32(v, &u->out_audio);
}

static void f_leg_event(struct visit *v, struct call_event *e)
{
    switch (e->type) {
    case EV_LEG_START:
        VISIT_ENUM(v, e->leg_start.format, AUDIO_FORMAT_N);
        visit_str(v, &e->leg_start.stream_id);
        visit_str(v, &e->leg_start.carrier_call_id);
        visit_str(v, &e->leg_start.caller);
        visit_str(v, &e->leg_start.called);
        break;
    case EV_LEG_MEDIA:
        visit_u32(v, &e->leg_media.timestamp_ms);
        visit_span(v, &e->leg_media.audio);
        break;
    case EV_LEG_MARK:
        visit_u32(v, &e->leg_mark.mark);
        break;
    case EV_LEG_DTMF: {
        /* Keys are not journalled, only whether one was the '#' that ends an input: that is what the core acts on. */
        uint32_t masked = e->leg_dtmf.digit == '#' ? '#' : '*';
        visit_u32(v, &masked);
        e->leg_dtmf.digit = masked == '#' ? '#' : '*';
        break;
    }
    case EV_LEG_CLOSED:
        visit_int(v, &e->leg_closed.err);
        break;
    case EV_LEG_TRANSFER_FAILED:
        visit_int(v, &e->leg_transfer_failed.err);
        visit_i32(v, &e->leg_transfer_failed.code);
        visit_str(v, &e->leg_transfer_failed.message);
        break;
    default: /* EV_LEG_STOP has no fields */
        break;
    }
}

static bool of_model(enum call_event_type type)
{
    return type >= EV_MODEL_READY && type <= EV_MODEL_ERROR;
}

static void f_model_event(struct visit *v, struct call_event *e)
{
    if (of_model(e->type)) {
        visit_u32(v, &e->session);
    }
    switch (e->type) {
    case EV_MODEL_READY:
        VISIT_ENUM(v, e->model_ready.in, AUDIO_FORMAT_N);
        VISIT_ENUM(v, e->model_ready.out, AUDIO_FORMAT_N);
        visit_str(v, &e->model_ready.session_id);
        visit_str(v, &e->model_ready.model);
        visit_str(v, &e->model_ready.voice);
        visit_u32(v, &e->model_ready.n_tools);
        visit_bool(v, &e->model_ready.interrupts);
        visit_bool(v, &e->model_ready.creates);
        visit_u32(v, &e->model_ready.lasts_s);
        visit_bool(v, &e->model_ready.no_truncate);
        visit_bool(v, &e->model_ready.no_update);
        visit_bool(v, &e->model_ready.resumed);
        break;
    case EV_MODEL_FAILED:
        visit_int(v, &e->model_failed.err);
        visit_str(v, &e->model_failed.code);
        visit_str(v, &e->model_failed.message);
        visit_bool(v, &e->model_failed.was_ready);
        break;
    case EV_MODEL_SPEECH_STARTED:
    case EV_MODEL_SPEECH_STOPPED:
    case EV_MODEL_COMMITTED:
        visit_str(v, &e->model_speech.item_id);
        visit_u32(v, &e->model_speech.at_ms);
        break;
    case EV_MODEL_USER_TEXT:
        visit_str(v, &e->model_user_text.item_id);
        visit_str(v, &e->model_user_text.text);
        visit_bool(v, &e->model_user_text.failed);
        break;
    case EV_MODEL_RESPONSE_CREATED:
        visit_str(v, &e->model_response.response_id);
        break;
    case EV_MODEL_ITEM_ADDED:
        visit_str(v, &e->model_item_added.response_id);
        visit_str(v, &e->model_item_added.item_id);
        break;
    case EV_MODEL_USER_DELTA:
        visit_str(v, &e->model_user_text.item_id);
        visit_str(v, &e->model_user_text.text);
        break;
    case EV_MODEL_ITEM:
        visit_str(v, &e->model_item.response_id);
        visit_item_ref(v, &e->model_item.item);
        break;
    case EV_MODEL_ITEM_DELETED:
    case EV_MODEL_ITEM_TRUNCATED:
        visit_str(v, &e->model_item_gone.item_id);
        visit_u32(v, &e->model_item_gone.ms);
        break;
    case EV_MODEL_AUDIO:
    case EV_MODEL_AUDIO_DONE:
        visit_str(v, &e->model_audio.response_id);
        visit_str(v, &e->model_audio.item_id);
        visit_span(v, &e->model_audio.audio);
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        visit_str(v, &e->model_text.response_id);
        visit_str(v, &e->model_text.item_id);
        visit_str(v, &e->model_text.text);
        break;
    case EV_MODEL_TOOL_CALL:
        visit_str(v, &e->model_tool.response_id);
        visit_str(v, &e->model_tool.item_id);
        visit_str(v, &e->model_tool.tool_call_id);
        visit_str(v, &e->model_tool.name);
        visit_str(v, &e->model_tool.arguments);
        break;
    case EV_MODEL_RESPONSE_DONE:
        visit_str(v, &e->model_done.response_id);
        VISIT_ENUM(v, e->model_done.status, RESPONSE_STATUS_N);
        visit_str(v, &e->model_done.reason);
        visit_usage(v, &e->model_done.usage);
        break;
    case EV_MODEL_USAGE:
        visit_usage(v, &e->model_usage.usage);
        break;
    case EV_MODEL_TOOL_WITHDRAWN:
        visit_str(v, &e->model_withdrawn.tool_call_id);
        break;
    case EV_MODEL_LEAVING:
        visit_u32(v, &e->model_leaving.left_ms);
        break;
    case EV_MODEL_ERROR:
        visit_str(v, &e->model_error.code);
        visit_str(v, &e->model_error.message);
        visit_str(v, &e->model_error.param);
        visit_u32(v, &e->model_error.request);
        break;
    default:
        break;
    }
}

static void f_control_event(struct visit *v, struct call_event *e)
{
    switch (e->type) {
    case EV_CONTROL_TURN:
        VISIT_ENUM(v, e->control_turn.cue, TURN_CUE_N);
        break;
    case EV_CONTROL_HANGUP:
        VISIT_ENUM(v, e->control_hangup.reason, CALL_REASON_N);
        break;
    case EV_CONTROL_USER_TEXT:
        visit_str(v, &e->control_text.text);
        break;
    case EV_CONTROL_INTERRUPT:
        VISIT_ENUM(v, e->control_interrupt.kind, INTERRUPT_KIND_N);
        visit_str(v, &e->control_interrupt.response_id);
        break;
    case EV_CONTROL_RESPOND:
        visit_str(v, &e->control_respond.instructions);
        visit_bool(v, &e->control_respond.no_tools);
        break;
    case EV_CONTROL_SAY:
        visit_str(v, &e->control_say.text);
        visit_bool(v, &e->control_say.interrupt);
        break;
    case EV_CONTROL_MESSAGE:
        visit_item_ref(v, &e->control_message.item);
        visit_bool(v, &e->control_message.respond);
        break;
    case EV_CONTROL_AGENT:
        visit_u32(v, &e->control_agent.agent);
        visit_str(v, &e->control_agent.instructions);
        break;
    case EV_CONTROL_ENABLE:
        visit_u32(v, &e->control_enable.tool);
        visit_bool(v, &e->control_enable.on);
        break;
    case EV_CONTROL_TRANSFER:
        visit_str(v, &e->control_transfer.tool_call_id);
        visit_str(v, &e->control_transfer.to);
        visit_str(v, &e->control_transfer.name);
        break;
    case EV_CONTROL_KEYS:
        visit_str(v, &e->control_keys.tool_call_id);
        visit_str(v, &e->control_keys.keys);
        break;
    case EV_CONTROL_VOICEMAIL:
        visit_str(v, &e->control_voicemail.text);
        visit_span(v, &e->control_voicemail.sound);
        visit_bool(v, &e->control_voicemail.after_beep);
        break;
    default:
        break;
    }
}

void visit_event(struct visit *v, struct call_event *e)
{
    VISIT_ENUM(v, e->type, CALL_EVENT_N);
    f_leg_event(v, e);
    f_model_event(v, e);
    f_control_event(v, e);
    switch (e->type) {
    case EV_TOOL_CHECKED:
        visit_str(v, &e->tool_checked.tool_call_id);
        VISIT_ENUM(v, e->tool_checked.check, TOOL_CHECK_N);
        visit_str(v, &e->tool_checked.output);
        break;
    case EV_TOOL_APPROVAL:
        visit_str(v, &e->tool_approval.tool_call_id);
        visit_bool(v, &e->tool_approval.approve);
        visit_bool(v, &e->tool_approval.always);
        visit_str(v, &e->tool_approval.message);
        break;
    case EV_TOOL_RESULT:
        visit_str(v, &e->tool_result.tool_call_id);
        visit_str(v, &e->tool_result.output);
        visit_bool(v, &e->tool_result.failed);
        break;
    case EV_GUARD:
        visit_u32(v, &e->guard.check);
        visit_u32(v, &e->guard.answered);
        visit_u32(v, &e->guard.tripped);
        visit_u32(v, &e->guard.failed);
        visit_u32(v, &e->guard.covered);
        visit_u32(v, &e->guard.from);
        visit_u32(v, &e->guard.to);
        visit_str(v, &e->guard.info);
        break;
    case EV_VAD:
        visit_u32(v, &e->vad.chunk);
        visit_u32(v, &e->vad.ppm);
        break;
    default:
        break;
    }
}
