/* Messages of an established session, from the service's words into the call's. What is made up here is explained in
 * gemini.h. */
#include "base/base64.h"
#include "providers/gemini/gemini_impl.h"

#define LOG_EVERY   64u     /* of the same complaint */
#define LATE_US     150000  /* words that come behind the last sound */
#define STALE_US    3000000 /* after something new was asked for, what comes is believed to be that */
#define COMPACT_MAX (1u << 20)

bool gemini_read(struct gemini_model *m, struct str text, struct gemini_message *ret)
{
    const char *field = NULL;
    if (text.n == 0) {
        return false; /* never a JSON object, but no harm either */
    }
    int err = gemini_decode(text, &m->scratch->text, ret, &field);
    if (err == 0) {
        return true;
    }
    if (m->n_bad_messages++ % LOG_EVERY == 0) {
        log_warn(&m->link.scope, "model.bad-message", "err=%s field=%s bytes=%zu count=%u", err_name(err),
                 field ? field : "-", text.n, m->n_bad_messages);
    }
    return false;
}

/* ---- the caller ---- */

static void emit_speech(struct gemini_model *m, enum call_event_type type)
{
    struct call_event ev = {.type = type};
    ev.model_speech.item_id = str_from(m->caller.item_id);
    link_emit(&m->link, &ev);
}

/* The words of the caller's turn are all there. */
static void settle_words(struct gemini_model *m, bool over)
{
    struct gemini_caller *c = &m->caller;
    struct str words = str_trim(buf_str(&c->words));
    if (!c->committed || c->worded || (words.n == 0 && !(over && m->hears))) {
        return;
    }
    struct call_event ev = {.type = EV_MODEL_USER_TEXT};
    c->worded = true;
    ev.model_user_text.item_id = str_from(c->item_id);
    ev.model_user_text.text = words;
    ev.model_user_text.failed = words.n == 0;
    link_emit(&m->link, &ev);
}

void gemini_caller_begin(struct gemini_model *m)
{
    struct gemini_caller *c = &m->caller;
    settle_words(m, false);
    c->open = true;
    c->told = c->committed = c->worded = false;
    c->since_us = loop_now_us(m->link.loop);
    snprintf(c->item_id, sizeof(c->item_id), "gu_%llx_%u", (unsigned long long)m->born_us, ++m->callers);
    buf_clear(&c->words);
}

static void caller_speaks(struct gemini_model *m)
{
    if (!m->caller.open) {
        gemini_caller_begin(m);
    }
    if (!m->caller.told) {
        m->caller.told = true;
        emit_speech(m, EV_MODEL_SPEECH_STARTED);
    }
}

/* Its place in the conversation is told at once, its words when they are known. */
static void emit_item(struct gemini_model *m)
{
    const struct call_item item = {.id = str_from(m->caller.item_id),
                                   .type = ITEM_MESSAGE,
                                   .role = ITEM_USER,
                                   .status = ITEM_COMPLETED,
                                   .n_parts = 1,
                                   .parts = {{.kind = PART_AUDIO, .text = STR_NULL}}};
    struct call_event ev = {.type = EV_MODEL_ITEM};
    ev.model_item.item = &item;
    link_emit(&m->link, &ev);
}

void gemini_caller_commit(struct gemini_model *m)
{
    if (!m->caller.open) {
        return;
    }
    m->caller.open = false;
    m->caller.committed = true;
    if (m->caller.told) {
        emit_speech(m, EV_MODEL_SPEECH_STOPPED);
    }
    emit_speech(m, EV_MODEL_COMMITTED);
    emit_item(m);
}

static void on_heard(struct gemini_model *m, const struct gemini_message *msg)
{
    struct gemini_caller *c = &m->caller;
    bool awaited = c->open || (c->committed && !c->worded);
    if (!awaited && (m->manual || msg->heard.n == 0)) {
        return; /* behind what was told already */
    }
    if (!awaited) {
        gemini_caller_begin(m);
    }
    if (msg->heard.n > 0 && c->words.len + msg->heard.n <= GEMINI_TEXT_MAX) {
        buf_put_str(&c->words, msg->heard);
        struct call_event ev = {.type = EV_MODEL_USER_DELTA};
        ev.model_user_text.item_id = str_from(c->item_id);
        ev.model_user_text.text = msg->heard;
        link_emit(&m->link, &ev);
    }
    if (msg->heard_finished) {
        settle_words(m, false);
    }
}

static void on_voice(struct gemini_model *m, enum gemini_voice voice)
{
    if (m->manual) {
        return; /* ours are the marks that count */
    }
    if (voice == GEMINI_VOICE_START && !m->turn.open) {
        caller_speaks(m); /* while the agent speaks only "interrupted" counts */
    } else if (voice == GEMINI_VOICE_END) {
        gemini_caller_commit(m);
    }
}

/* ---- the response ---- */

void gemini_response_begin(struct gemini_model *m)
{
    struct gemini_response *r = &m->response;
    r->state = GEMINI_PROMISED;
    r->number = ++m->responses;
    r->has_item = r->no_tools = false;
    r->audio_bytes = 0;
    buf_clear(&r->words);
    snprintf(r->id, sizeof(r->id), "gr_%llx_%u", (unsigned long long)m->born_us, r->number);
    snprintf(r->item_id, sizeof(r->item_id), "gi_%llx_%u", (unsigned long long)m->born_us, r->number);
    struct call_event ev = {.type = EV_MODEL_RESPONSE_CREATED};
    ev.model_response.response_id = str_from(r->id);
    link_emit(&m->link, &ev);
}

static void emit_audio_done(struct gemini_model *m)
{
    struct call_event ev = {.type = EV_MODEL_AUDIO_DONE};
    ev.model_audio.response_id = str_from(m->response.id);
    ev.model_audio.item_id = str_from(m->response.item_id);
    link_emit(&m->link, &ev);
}

void gemini_response_end(struct gemini_model *m, enum response_status status, struct str reason)
{
    struct gemini_response *r = &m->response;
    if (r->state == GEMINI_NO_RESPONSE) {
        return;
    }
    timer_stop(m->link.deadline);
    if (r->has_item) {
        if (r->state != GEMINI_SPOKEN) {
            emit_audio_done(m);
        }
        struct call_event text = {.type = EV_MODEL_TEXT_DONE};
        text.model_text.response_id = str_from(r->id);
        text.model_text.item_id = str_from(r->item_id);
        text.model_text.text = buf_str(&r->words);
        link_emit(&m->link, &text);
    }
    r->state = GEMINI_NO_RESPONSE;
    struct call_event ev = {.type = EV_MODEL_RESPONSE_DONE};
    ev.model_done.response_id = str_from(r->id);
    ev.model_done.status = status;
    ev.model_done.reason = reason;
    link_emit(&m->link, &ev);
}

void gemini_words_due(struct gemini_model *m)
{
    if (m->response.state == GEMINI_SPOKEN) {
        gemini_response_end(m, RESPONSE_COMPLETED, STR(""));
        gemini_flush_turns(m);
    }
}

void gemini_supersede(struct gemini_model *m)
{
    struct gemini_turn *t = &m->turn;
    if (t->open) {
        t->absorbs = true;
        t->stale = t->stale || !t->generated;
    } else {
        t->stale = false;
    }
    t->asked_us = loop_now_us(m->link.loop);
}

/* Something of a turn has come. False: nobody listens to it. */
static bool is_wanted(struct gemini_model *m)
{
    struct gemini_turn *t = &m->turn;
    bool recent = t->asked_us == 0 || loop_now_us(m->link.loop) - t->asked_us < STALE_US;
    bool talked_over = m->manual && m->caller.open && m->response.state == GEMINI_NO_RESPONSE;
    if ((t->stale && recent) || talked_over) {
        t->open = true;
        t->stale = true;
        if (m->n_late++ % LOG_EVERY == 0) {
            log_debug(&m->link.scope, "model.late-content", "count=%u", m->n_late);
        }
        return false;
    }
    t->stale = t->absorbs = t->generated = false;
    t->open = m->spoke = true;
    return true;
}

/* The model says something: whose turn it was before is settled, and there is a response that it belongs to. */
static void need_response(struct gemini_model *m)
{
    if (!m->manual) {
        gemini_caller_commit(m);
    }
    settle_words(m, false);
    m->expects = false;
    if (m->response.state == GEMINI_SPOKEN) {
        gemini_response_end(m, RESPONSE_COMPLETED, STR("")); /* more comes: a turn of its own */
    }
    if (m->response.state == GEMINI_NO_RESPONSE) {
        gemini_response_begin(m);
    }
    m->response.state = GEMINI_SPEAKING;
}

static void need_item(struct gemini_model *m)
{
    struct gemini_response *r = &m->response;
    if (r->has_item) {
        return;
    }
    struct call_event ev = {.type = EV_MODEL_ITEM_ADDED};
    r->has_item = true;
    ev.model_item_added.response_id = str_from(r->id);
    ev.model_item_added.item_id = str_from(r->item_id);
    link_emit(&m->link, &ev);
}

static void complain(struct gemini_model *m, const char *what, uint32_t value)
{
    if (m->n_bad_audio++ % LOG_EVERY == 0) {
        log_warn(&m->link.scope, "model.bad-audio", "why=%s value=%u count=%u", what, value, m->n_bad_audio);
    }
}

static void on_audio(struct gemini_model *m, const struct gemini_part *part)
{
    struct buf *room = &m->scratch->audio;
    buf_clear(room);
    uint8_t *at = buf_room(room, base64_dec_max(part->text.n));
    int n = at ? base64_decode(at, part->text) : -ENOMEM;
    if (n < 0) {
        complain(m, err_name(n), (uint32_t)part->text.n);
        return;
    }
    if (part->rate_hz != GEMINI_OUT_HZ) {
        complain(m, "rate", part->rate_hz);
        return;
    }
    if (n == 0 || m->text_only) {
        return;
    }
    need_item(m);
    m->response.audio_bytes += (uint32_t)n;
    struct call_event ev = {.type = EV_MODEL_AUDIO};
    ev.model_audio.response_id = str_from(m->response.id);
    ev.model_audio.item_id = str_from(m->response.item_id);
    ev.model_audio.audio = span_from(at, (size_t)n);
    link_emit(&m->link, &ev);
}

static void on_said(struct gemini_model *m, struct str text)
{
    struct gemini_response *r = &m->response;
    if (text.n == 0) {
        return;
    }
    need_item(m);
    if (r->words.len + text.n <= GEMINI_TEXT_MAX) {
        buf_put_str(&r->words, text);
    }
    struct call_event ev = {.type = EV_MODEL_TEXT_DELTA};
    ev.model_text.response_id = str_from(r->id);
    ev.model_text.item_id = str_from(r->item_id);
    ev.model_text.text = text;
    link_emit(&m->link, &ev);
}

/* Thoughts, code and empty parts begin nothing and are told to nobody. */
static bool has_sound(const struct gemini_model *m, const struct gemini_message *msg)
{
    struct gemini_part part;
    for (struct json_it it = json_array(msg->parts); gemini_part_next(&it, msg, &m->scratch->text, &part);) {
        if (part.kind == GEMINI_PART_AUDIO && part.text.n > 0) {
            return true;
        }
    }
    return false;
}

static void on_content(struct gemini_model *m, const struct gemini_message *msg)
{
    struct gemini_part part;
    bool sound = msg->parts.type == JSON_ARRAY && has_sound(m, msg);
    bool late = m->response.state == GEMINI_SPOKEN && !sound; /* words behind the last sound */
    if (!sound && msg->said.n == 0) {
        return;
    }
    if (!late) {
        if (!is_wanted(m)) {
            return;
        }
        need_response(m);
    }
    for (struct json_it it = json_array(msg->parts); sound && gemini_part_next(&it, msg, &m->scratch->text, &part);) {
        if (part.kind == GEMINI_PART_AUDIO) {
            on_audio(m, &part);
        }
    }
    on_said(m, msg->said);
}

/* ---- ends ---- */

static void on_interrupted(struct gemini_model *m)
{
    struct gemini_turn *t = &m->turn;
    bool theirs = !m->manual && !t->cut; /* the service heard the caller */
    bool spoke = m->response.state == GEMINI_SPEAKING || m->response.state == GEMINI_SPOKEN;
    t->cut = t->stale = t->working = false;
    t->generated = true;
    t->absorbs = t->open;
    if (!m->silent_tools) {
        gemini_tools_withdraw(&m->tools, loop_now_us(m->link.loop));
        gemini_release_held(m);
    }
    if (theirs && (spoke || m->spoke)) {
        caller_speaks(m);
    }
    if (spoke) {
        gemini_response_end(m, RESPONSE_CANCELLED, theirs ? STR("turn_detected") : STR("interrupted"));
    }
}

static void on_generated(struct gemini_model *m)
{
    m->turn.generated = true;
    if (m->response.state == GEMINI_SPEAKING) {
        if (m->response.has_item) {
            emit_audio_done(m);
        }
        m->response.state = GEMINI_SPOKEN;
        link_deadline(&m->link, LATE_US);
    }
}

static void on_turn_complete(struct gemini_model *m, const struct gemini_message *msg)
{
    struct gemini_turn *t = &m->turn;
    bool absorbed = t->absorbs;
    t->open = t->stale = t->absorbs = t->cut = t->generated = false;
    t->working = msg->has_status && !msg->idle; /* of extended thinking: a filler is over, the answer comes */
    if (absorbed) {
        return;
    }
    bool empty = m->response.state == GEMINI_PROMISED;
    gemini_response_end(m, empty && msg->reason.n > 0 ? RESPONSE_FAILED : RESPONSE_COMPLETED, msg->reason);
    m->expects = false;
    settle_words(m, true);
}

static uint32_t u32(uint64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* Details are optional and need not add up; a total without them is counted as text, the cheaper kind. */
static void on_usage(struct gemini_model *m, const struct gemini_usage *u)
{
    struct call_event ev = {.type = EV_MODEL_USAGE};
    struct call_usage *r = &ev.model_usage.usage;
    r->in_text = u32(u->in_text || u->in_audio ? u->in_text : u->in);
    r->in_audio = u32(u->in_audio);
    r->out_text = u32((u->out_text || u->out_audio ? u->out_text : u->out) + u->thoughts);
    r->out_audio = u32(u->out_audio);
    bool detailed = u->cached_text || u->cached_audio;
    r->cached_text = MIN(u32(detailed ? u->cached_text : u->cached), r->in_text);
    r->cached_audio = MIN(u32(u->cached_audio), r->in_audio);
    if (r->in_text | r->in_audio | r->out_text | r->out_audio) {
        link_emit(&m->link, &ev);
    }
}

/* ---- tools ---- */

static void refuse(struct gemini_model *m, const struct gemini_call *call)
{
    struct gemini_tool *tool = gemini_tools_called(&m->tools, call);
    if (tool) {
        const struct gemini_result r = {.id = call->id,
                                        .name = call->name,
                                        .output = STR("\"Tools are not available in this answer.\""),
                                        .failed = true};
        tool->state = GEMINI_TOOL_DONE;
        gemini_send_results(m, &r, 1);
    }
}

/* Dropped when it was interrupted, and wanted again: it still runs, or has its output already. */
static bool repeat(struct gemini_model *m, const struct gemini_call *call)
{
    struct gemini_tool *tool = gemini_tools_again(&m->tools, call, loop_now_us(m->link.loop));
    if (!tool) {
        return false;
    }
    log_info(&m->link.scope, "model.tool-again", "tool=%s answered=%d", tool->name,
             tool->state == GEMINI_TOOL_ANSWERED);
    if (tool->state == GEMINI_TOOL_ANSWERED) {
        const struct gemini_result r = {
            .id = call->id, .name = call->name, .output = buf_str(&tool->output), .scheduling = m->scheduling};
        gemini_send_results(m, &r, 1);
        tool->state = GEMINI_TOOL_DONE;
    } else {
        tool->state = GEMINI_TOOL_PENDING;
    }
    return true;
}

static void tell_call(struct gemini_model *m, const struct gemini_call *call)
{
    struct gemini_tool *tool = gemini_tools_called(&m->tools, call);
    struct buf arguments;
    if (!tool) {
        log_warn(&m->link.scope, "model.tool-twice", "tool=" STR_FMT, STR_ARG(call->name));
        return;
    }
    buf_init(&arguments, COMPACT_MAX);
    gemini_put_compact(&arguments, call->args);
    struct call_event ev = {.type = EV_MODEL_TOOL_CALL};
    ev.model_tool.response_id = str_from(m->response.id);
    ev.model_tool.tool_call_id = str_from(tool->id);
    ev.model_tool.name = call->name;
    ev.model_tool.arguments = arguments.err < 0 ? STR("{}") : buf_str(&arguments);
    link_emit(&m->link, &ev);
    buf_done(&arguments);
}

/* The calls end the response: what the model says to the outputs is the next one. */
static void on_calls(struct gemini_model *m, const struct gemini_message *msg)
{
    struct gemini_call call;
    if (!is_wanted(m)) {
        return; /* of a turn that was cut: the service has dropped them itself */
    }
    need_response(m);
    bool no_tools = m->response.no_tools;
    for (struct json_it it = json_array(msg->calls); gemini_call_next(&it, msg, &m->scratch->text, &call);) {
        if (no_tools) {
            refuse(m, &call);
        } else if (!repeat(m, &call)) {
            tell_call(m, &call);
        }
    }
    m->turn.generated = true;
    if (!no_tools) {
        gemini_response_end(m, RESPONSE_COMPLETED, STR(""));
    }
}

static void on_cancelled(struct gemini_model *m, const struct gemini_message *msg)
{
    struct str id;
    for (struct json_it it = json_array(msg->cancelled); gemini_id_next(&it, msg, &m->scratch->text, &id);) {
        struct gemini_tool *tool = gemini_tools_find_wire(&m->tools, id);
        if (tool && (tool->state == GEMINI_TOOL_PENDING || tool->state == GEMINI_TOOL_WITHDRAWN)) {
            struct call_event ev = {.type = EV_MODEL_TOOL_WITHDRAWN};
            tool->state = GEMINI_TOOL_DONE;
            ev.model_withdrawn.tool_call_id = str_from(tool->id);
            link_emit(&m->link, &ev);
        }
    }
    gemini_release_held(m);
}

/* ---- the session ---- */

static void on_resumption(struct gemini_model *m, const struct gemini_message *msg)
{
    if (!msg->resumable) {
        return; /* not now: the last one still holds, and what came behind it is told again */
    }
    buf_clear(&m->handle);
    buf_put_str(&m->handle, msg->handle);
    if (m->handle.err == 0) {
        link_emit(&m->link, &(struct call_event){.type = EV_MODEL_RESUMABLE});
    }
}

static void on_go_away(struct gemini_model *m, const struct gemini_message *msg)
{
    struct call_event ev = {.type = EV_MODEL_LEAVING};
    ev.model_leaving.left_ms = msg->left_ms;
    log_info(&m->link.scope, "model.go-away", "left_ms=%u", msg->left_ms);
    link_emit(&m->link, &ev);
}

/* One message may hold several things; this is the order in which they count. */
void gemini_on_message(struct gemini_model *m, struct str text)
{
    struct gemini_message msg;
    if (!gemini_read(m, text, &msg)) {
        return;
    }
    if (msg.voice != GEMINI_VOICE_NONE) {
        on_voice(m, msg.voice);
    }
    if (msg.interrupted) {
        on_interrupted(m);
    }
    if (msg.has_heard) {
        on_heard(m, &msg);
    }
    on_content(m, &msg);
    if (msg.calls.type == JSON_ARRAY) {
        on_calls(m, &msg);
    }
    if (msg.cancelled.type == JSON_ARRAY) {
        on_cancelled(m, &msg);
    }
    if (msg.generation_complete) {
        on_generated(m);
    }
    if (msg.usage.present) {
        on_usage(m, &msg.usage);
    }
    if (msg.turn_complete) {
        on_turn_complete(m, &msg);
    } else if (msg.has_status && msg.idle && m->turn.working) {
        m->turn.working = false;
    }
    if (msg.has_resumption) {
        on_resumption(m, &msg);
    }
    if (msg.go_away) {
        on_go_away(m, &msg);
    }
    if (msg.interrupted || msg.turn_complete || msg.idle) {
        gemini_flush_turns(m); /* what they waited for may be over; not each of these is followed by a step */
    }
}
