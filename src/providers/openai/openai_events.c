/* Events of an established session, from the service's words into the call's. */
#include "providers/openai/openai_impl.h"

#define LOG_EVERY    64u /* of the same complaint */
#define LOG_TEXT_MAX 2048

bool openai_read(struct openai_model *m, struct str text, struct openai_event *ret)
{
    const char *field = NULL;
    int err = openai_decode(text, &m->scratch->text, ret, &field);
    if (err == 0) {
        return true;
    }
    if (m->n_bad_messages++ % LOG_EVERY == 0) {
        log_warn(&m->link.scope, "model.bad-message", "err=%s field=%s bytes=%zu count=%u", err_name(err),
                 field ? field : "-", text.n, m->n_bad_messages);
    }
    return false;
}

static uint32_t u32(uint64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void emit_text(struct openai_model *m, enum call_event_type type, const struct openai_event *e)
{
    struct call_event ev = {.type = type};
    ev.model_text.response_id = e->response_id;
    ev.model_text.item_id = e->item_id;
    ev.model_text.text = e->text;
    link_emit(&m->link, &ev);
}

static void emit_speech(struct openai_model *m, enum call_event_type type, const struct openai_event *e, uint64_t at_ms)
{
    struct call_event ev = {.type = type};
    ev.model_speech.item_id = e->item_id;
    ev.model_speech.at_ms = u32(at_ms);
    link_emit(&m->link, &ev);
}

static void emit_tool(struct openai_model *m, const struct openai_tool *t)
{
    struct call_event ev = {.type = EV_MODEL_TOOL_CALL};
    ev.model_tool.response_id = t->response_id;
    ev.model_tool.item_id = t->item_id;
    ev.model_tool.tool_call_id = t->call_id;
    ev.model_tool.name = t->name;
    ev.model_tool.arguments = t->arguments;
    link_emit(&m->link, &ev);
}

static void on_audio(struct openai_model *m, const struct openai_event *e)
{
    struct call_event ev = {.type = EV_MODEL_AUDIO};
    ev.model_audio.response_id = e->response_id;
    ev.model_audio.item_id = e->item_id;
    int err = openai_audio_read(&m->audio, e->text, m->scratch, &ev.model_audio.audio);
    if (err < 0) {
        if (m->n_bad_audio++ % LOG_EVERY == 0) {
            log_warn(&m->link.scope, "model.bad-audio", "err=%s item=" STR_FMT " count=%u", err_name(err),
                     STR_ARG(e->item_id), m->n_bad_audio);
        }
        return;
    }
    if (err > 0) {
        log_warn(&m->link.scope, "model.format-deviates", "confirmed=%s sent=%s action=converted",
                 audio_format_wire(m->audio.format), audio_format_wire(AUDIO_PCM16_24K));
    }
    if (ev.model_audio.audio.n > 0) {
        link_emit(&m->link, &ev);
    }
}

static void on_audio_done(struct openai_model *m, const struct openai_event *e)
{
    openai_audio_restart(&m->audio);
    struct call_event ev = {.type = EV_MODEL_AUDIO_DONE};
    ev.model_audio.response_id = e->response_id;
    ev.model_audio.item_id = e->item_id;
    link_emit(&m->link, &ev);
}

static void on_item_added(struct openai_model *m, const struct openai_event *e)
{
    if (e->item.type == OPENAI_ITEM_FUNCTION_CALL) {
        openai_tools_added(&m->tools, e->response_id, &e->item);
    }
    openai_audio_restart(&m->audio);
    struct call_event ev = {.type = EV_MODEL_ITEM_ADDED};
    ev.model_item_added.response_id = e->response_id;
    ev.model_item_added.item_id = e->item_id;
    link_emit(&m->link, &ev);
}

static void on_item_done(struct openai_model *m, struct str response_id, const struct openai_item *item)
{
    struct openai_tool tool;
    if (item->type == OPENAI_ITEM_FUNCTION_CALL && openai_tools_item_done(&m->tools, response_id, item, &tool)) {
        emit_tool(m, &tool);
    }
}

static void on_item_gone(struct openai_model *m, enum call_event_type type, const struct openai_event *e)
{
    struct call_event ev = {.type = type};
    ev.model_item_gone.item_id = e->item_id;
    ev.model_item_gone.ms = type == EV_MODEL_ITEM_TRUNCATED ? u32(e->audio.end_ms) : 0;
    link_emit(&m->link, &ev);
}

static void on_user_delta(struct openai_model *m, const struct openai_event *e)
{
    struct call_event ev = {.type = EV_MODEL_USER_DELTA};
    ev.model_user_text.item_id = e->item_id;
    ev.model_user_text.text = e->text;
    link_emit(&m->link, &ev);
}

static void on_user_text(struct openai_model *m, const struct openai_event *e, bool failed)
{
    struct call_event ev = {.type = EV_MODEL_USER_TEXT};
    ev.model_user_text.item_id = e->item_id;
    ev.model_user_text.text = failed ? STR("") : e->text;
    ev.model_user_text.failed = failed;
    if (failed) {
        log_warn(&m->link.scope, "model.transcription-failed", "item=" STR_FMT " code=" STR_FMT, STR_ARG(e->item_id),
                 STR_ARG(e->error.code));
    }
    link_emit(&m->link, &ev);
}

/* Of a total, what is no audio: its details are optional, and name pictures apart, which we count as text. */
static uint32_t but_audio(uint64_t total, uint64_t audio, uint64_t text)
{
    return u32(total > audio ? MAX(total - audio, text) : text);
}

static struct call_usage usage_of(const struct openai_usage *u)
{
    struct call_usage r = {
        .in_text = but_audio(u->input_tokens, u->input_audio_tokens, u->input_text_tokens),
        .in_audio = u32(u->input_audio_tokens),
        .cached_text = but_audio(u->cached_tokens, u->cached_audio_tokens, u->cached_text_tokens),
        .cached_audio = u32(u->cached_audio_tokens),
        .out_text = but_audio(u->output_tokens, u->output_audio_tokens, u->output_text_tokens),
        .out_audio = u32(u->output_audio_tokens),
    };
    r.cached_text = MIN(r.cached_text, r.in_text);
    return r;
}

static enum response_status status_of(const struct openai_response *r)
{
    switch (r->status) {
    case OPENAI_STATUS_INCOMPLETE:
        /* Some traces tell a caller's interruption this way. */
        return str_is(r->reason, "turn_detected") ? RESPONSE_CANCELLED : RESPONSE_INCOMPLETE;
    case OPENAI_STATUS_CANCELLED:
        return RESPONSE_CANCELLED;
    case OPENAI_STATUS_FAILED:
        return RESPONSE_FAILED;
    case OPENAI_STATUS_NONE:
    case OPENAI_STATUS_IN_PROGRESS:
    case OPENAI_STATUS_COMPLETED:
    case OPENAI_STATUS_N:
        break;
    }
    return RESPONSE_COMPLETED;
}

/* Calls that only arguments.done told of, and those that only stand in response.output, before the end is told. */
static void flush_tools(struct openai_model *m, const struct openai_response *r)
{
    struct openai_tool tool;
    struct openai_item item;
    for (struct json_it it = json_array(r->output); openai_item_next(&it, &m->scratch->text, &item);) {
        on_item_done(m, r->id, &item);
        if (m->link.state != LINK_READY) {
            return;
        }
    }
    while (openai_tools_next_unproved(&m->tools, r->id, &tool)) {
        emit_tool(m, &tool);
        if (m->link.state != LINK_READY) {
            return;
        }
    }
}

static void on_response_done(struct openai_model *m, const struct openai_event *e)
{
    const struct openai_response *r = &e->response;
    struct call_event ev = {.type = EV_MODEL_RESPONSE_DONE};
    ev.model_done.response_id = r->id;
    ev.model_done.status = status_of(r);
    ev.model_done.reason = r->reason.n > 0 ? r->reason : r->error.code.n > 0 ? r->error.code : r->error.type;
    ev.model_done.usage = usage_of(&r->usage);
    if (ev.model_done.status == RESPONSE_FAILED) {
        struct buf room;
        buf_init(&room, LOG_TEXT_MAX);
        log_warn(&m->link.scope, "model.response-failed", "response=" STR_FMT " code=" STR_FMT " message=%s",
                 STR_ARG(r->id), STR_ARG(ev.model_done.reason), link_quoted(&room, r->error.message));
        buf_done(&room);
    }
    openai_audio_restart(&m->audio);
    if (ev.model_done.status == RESPONSE_COMPLETED) {
        flush_tools(m, r);
    }
    openai_tools_drop(&m->tools, r->id);
    link_emit(&m->link, &ev);
}

static void on_response_created(struct openai_model *m, const struct openai_event *e)
{
    struct call_event ev = {.type = EV_MODEL_RESPONSE_CREATED};
    ev.model_response.response_id = e->response.id;
    link_emit(&m->link, &ev);
}

/* "rt_17" -> 17; anything else -> 0 */
static uint32_t request_of(struct str event_id)
{
    int64_t n;
    struct str prefix = STR("rt_");
    if (!str_starts(event_id, prefix)) {
        return 0;
    }
    struct str digits = {event_id.p + prefix.n, event_id.n - prefix.n};
    return str_to_i64(digits, &n) == 0 && n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

void openai_keep_error(struct openai_model *m, const struct openai_error *e)
{
    struct openai_last_error *last = &m->last_error;
    struct str code = e->code.n > 0 ? e->code : e->type;
    last->fresh = true;
    snprintf(last->code, sizeof(last->code), STR_FMT, STR_ARG(code));
    snprintf(last->message, sizeof(last->message), STR_FMT "%s" STR_FMT, STR_ARG(e->param), e->param.n > 0 ? ": " : "",
             STR_ARG(e->message));
}

static void on_error(struct openai_model *m, const struct openai_event *e)
{
    struct call_event ev = {.type = EV_MODEL_ERROR};
    ev.model_error.code = e->error.code.n > 0 ? e->error.code : e->error.type;
    ev.model_error.message = e->error.message;
    ev.model_error.param = e->error.param;
    ev.model_error.request = request_of(e->error.event_id);
    openai_keep_error(m, &e->error);
    link_emit(&m->link, &ev);
}

static void on_limits(struct openai_model *m, const struct openai_event *e)
{
    log_debug(&m->link.scope, "model.limits", "tokens=%.0f requests=%.0f reset_s=%.1f", e->limits.tokens_remaining,
              e->limits.requests_remaining, e->limits.reset_seconds);
}

/* The turn that the service makes of the silence and its answer follow as events of their own. */
static void on_idle(struct openai_model *m, const struct openai_event *e)
{
    log_info(&m->link.scope, "model.idle-timeout", "item=" STR_FMT " ms=%u", STR_ARG(e->item_id),
             u32(e->audio.end_ms - MIN(e->audio.start_ms, e->audio.end_ms)));
    link_emit(&m->link, &(struct call_event){.type = EV_MODEL_IDLE});
}

static void on_unknown(struct openai_model *m, const struct openai_event *e)
{
    if (m->n_unknown++ % LOG_EVERY == 0) {
        log_debug(&m->link.scope, "model.unknown-event", "type=" STR_FMT " count=%u", STR_ARG(e->type_name),
                  m->n_unknown);
    }
}

/* A flat table of what each event becomes; those without a line mean nothing to a call. */
static void dispatch(struct openai_model *m, const struct openai_event *e)
{
    switch (e->type) {
    case OPENAI_AUDIO_DELTA:
        on_audio(m, e);
        break;
    case OPENAI_AUDIO_DONE:
        on_audio_done(m, e);
        break;
    case OPENAI_TRANSCRIPT_DELTA:
    case OPENAI_TEXT_DELTA:
        emit_text(m, EV_MODEL_TEXT_DELTA, e);
        break;
    case OPENAI_TRANSCRIPT_DONE:
    case OPENAI_TEXT_DONE:
        emit_text(m, EV_MODEL_TEXT_DONE, e);
        break;
    case OPENAI_SPEECH_STARTED:
        emit_speech(m, EV_MODEL_SPEECH_STARTED, e, e->audio.start_ms);
        break;
    case OPENAI_SPEECH_STOPPED:
        emit_speech(m, EV_MODEL_SPEECH_STOPPED, e, e->audio.end_ms);
        break;
    case OPENAI_COMMITTED:
        emit_speech(m, EV_MODEL_COMMITTED, e, 0);
        break;
    case OPENAI_INPUT_TRANSCRIPT_DONE:
        on_user_text(m, e, false);
        break;
    case OPENAI_INPUT_TRANSCRIPT_FAILED:
        on_user_text(m, e, true);
        break;
    case OPENAI_RESPONSE_CREATED:
        on_response_created(m, e);
        break;
    case OPENAI_RESPONSE_DONE:
        on_response_done(m, e);
        break;
    case OPENAI_OUTPUT_ITEM_ADDED:
        on_item_added(m, e);
        openai_emit_item(m, e);
        break;
    case OPENAI_OUTPUT_ITEM_DONE:
        openai_emit_item(m, e);
        on_item_done(m, e->response_id, &e->item);
        break;
    case OPENAI_ITEM_ADDED:
    case OPENAI_ITEM_DONE:
    case OPENAI_ITEM_CREATED:
    case OPENAI_ITEM_RETRIEVED:
        openai_emit_item(m, e);
        break;
    case OPENAI_ITEM_DELETED:
        on_item_gone(m, EV_MODEL_ITEM_DELETED, e);
        break;
    case OPENAI_ITEM_TRUNCATED:
        on_item_gone(m, EV_MODEL_ITEM_TRUNCATED, e);
        break;
    case OPENAI_INPUT_TRANSCRIPT_DELTA:
        on_user_delta(m, e);
        break;
    case OPENAI_SESSION_UPDATED:
        link_emit(&m->link, &(struct call_event){.type = EV_MODEL_UPDATED});
        break;
    case OPENAI_ARGUMENTS_DONE:
        openai_tools_arguments(&m->tools, e);
        break;
    case OPENAI_ERROR:
        on_error(m, e);
        break;
    case OPENAI_RATE_LIMITS:
        on_limits(m, e);
        break;
    case OPENAI_IDLE_TIMEOUT:
        on_idle(m, e);
        break;
    case OPENAI_UNKNOWN:
        on_unknown(m, e);
        break;
    case OPENAI_SESSION_CREATED:
    case OPENAI_CONVERSATION_CREATED:
    case OPENAI_INPUT_TRANSCRIPT_SEGMENT:
    case OPENAI_INPUT_CLEARED:
    case OPENAI_DTMF:
    case OPENAI_OUTPUT_STARTED:
    case OPENAI_OUTPUT_STOPPED:
    case OPENAI_OUTPUT_CLEARED:
    case OPENAI_PART_ADDED:
    case OPENAI_PART_DONE:
    case OPENAI_ARGUMENTS_DELTA:
    case OPENAI_MCP_ARGUMENTS_DELTA:
    case OPENAI_MCP_ARGUMENTS_DONE:
    case OPENAI_MCP_CALL_IN_PROGRESS:
    case OPENAI_MCP_CALL_COMPLETED:
    case OPENAI_MCP_CALL_FAILED:
    case OPENAI_MCP_TOOLS_IN_PROGRESS:
    case OPENAI_MCP_TOOLS_COMPLETED:
    case OPENAI_MCP_TOOLS_FAILED:
    case OPENAI_EVENT_N:
        break;
    }
}

void openai_on_message(struct openai_model *m, struct str text)
{
    struct openai_event e;
    if (!openai_read(m, text, &e)) {
        return;
    }
    m->last_error.fresh = false;
    dispatch(m, &e);
}
