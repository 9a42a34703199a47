#include "gateway/session_json.h"

#include "base/base64.h"
#include "base/err.h"
#include "call/journal.h"

#define SAID_MAX ((size_t)256 << 10)

static void put_given(struct json_w *w, const char *key, struct str s)
{
    if (s.n > 0) {
        json_w_kstr(w, key, s);
    }
}

/* What somebody said or did, with what looks like a secret masked when that is configured. */
static void put_said(struct json_w *w, const struct session_json *s, const char *key, struct str text)
{
    struct buf masked;
    json_w_key(w, key);
    if (!s->mask) {
        json_w_str(w, text);
        return;
    }
    buf_init(&masked, SAID_MAX);
    guard_mask_put(s->mask, text, &masked);
    json_w_str(w, masked.err < 0 ? STR("***") : buf_str(&masked));
    buf_done(&masked);
}

/* ---- items ---- */

static const char *part_type(const struct call_part *p, enum item_role role)
{
    static const char *const input[] = {"input_text", "input_audio", "input_image"};
    static const char *const output[] = {"text", "audio", "image"};
    return role == ITEM_ASSISTANT ? output[p->kind] : input[p->kind];
}

static void put_part(struct json_w *w, const struct session_json *s, const struct call_part *p, enum item_role role)
{
    static const char *const keys[] = {"text", "transcript", "image_url"};
    json_w_open(w);
    json_w_kz(w, "type", part_type(p, role));
    bool data = p->kind == PART_IMAGE && str_starts(p->text, STR("data:"));
    if (p->text.p && !data) {
        put_said(w, s, keys[p->kind], p->text);
    } else {
        json_w_key(w, keys[p->kind]);
        json_w_null(w); /* a transcript that is not known, or an image that is only named */
    }
    put_given(w, "detail", p->detail);
    json_w_close(w);
}

void session_json_item(struct json_w *w, const struct session_json *s, const struct call_item *it)
{
    json_w_open(w);
    json_w_kstr(w, "item_id", it->id);
    json_w_key(w, "previous_item_id");
    if (it->previous_id.p) {
        json_w_str(w, it->previous_id);
    } else {
        json_w_null(w);
    }
    json_w_kz(w, "type", item_type_name(it->type));
    json_w_kz(w, "status", item_status_name(it->status));
    if (it->type == ITEM_MESSAGE) {
        json_w_kz(w, "role", item_role_name(it->role));
        json_w_key(w, "content");
        json_w_array(w);
        for (uint32_t i = 0; i < it->n_parts; i++) {
            put_part(w, s, &it->parts[i], it->role);
        }
        json_w_end(w);
    } else {
        json_w_kstr(w, "call_id", it->call_id);
        json_w_kstr(w, "name", it->name);
        put_said(w, s, "arguments", it->arguments);
        if (it->output.p) {
            put_said(w, s, "output", it->output);
        } else {
            json_w_key(w, "output");
            json_w_null(w);
        }
    }
    json_w_kstr(w, "agent", call_opts_name(s->opts, it->agent));
    if (it->unheard.n > 0) {
        put_said(w, s, "unheard", it->unheard);
    }
    json_w_close(w);
}

void session_json_history(struct json_w *w, const struct session_json *s, const struct items *items)
{
    json_w_array(w);
    for (uint32_t i = 0; i < items_count(items); i++) {
        session_json_item(w, s, items_at(items, i));
    }
    json_w_end(w);
}

/* ---- events ---- */

const char *session_json_alias(const char *type)
{
    static const char *const pairs[][2] = {{"audio", "audio_delta"}, {"audio_end", "audio_done"}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (str_is(str_from(type), pairs[i][0])) {
            return pairs[i][1];
        }
    }
    return NULL;
}

static struct json_w begin(struct buf *out, const struct session_json *s, const char *type, uint32_t agent)
{
    struct json_w w = json_w(out);
    const char *alias = session_json_alias(type);
    json_w_open(&w);
    json_w_kz(&w, "type", type);
    if (alias) {
        json_w_kz(&w, "alias", alias);
    }
    json_w_ki64(&w, "seq", (int64_t)s->seq);
    json_w_ki64(&w, "at_ms", s->at_ms);
    json_w_kstr(&w, "agent", call_opts_name(s->opts, agent));
    return w;
}

static const char *signal_type(enum call_signal_kind kind)
{
    static const char *const types[CALL_SIGNAL_N] = {
        [SIGNAL_AGENT_START] = "agent_start",
        [SIGNAL_AGENT_END] = "agent_end",
        [SIGNAL_AUDIO] = "audio",
        [SIGNAL_AUDIO_END] = "audio_end",
        [SIGNAL_INTERRUPTED] = "audio_interrupted",
        [SIGNAL_TEXT] = "transcript_delta",
        [SIGNAL_TEXT_END] = "transcript_done",
        [SIGNAL_TOOL_START] = "tool_start",
        [SIGNAL_TOOL_END] = "tool_end",
        [SIGNAL_TOOL_APPROVAL] = "tool_approval_required",
        [SIGNAL_HANDOFF] = "handoff",
        [SIGNAL_AGENT_CHANGED] = "agent_changed",
        [SIGNAL_HISTORY_ADDED] = "history_added",
        [SIGNAL_HISTORY_UPDATED] = "history_updated",
        [SIGNAL_HISTORY_REMOVED] = "history_removed",
        [SIGNAL_GUARDRAIL] = NULL, /* ACT_GUARD_TRIP says more */
        [SIGNAL_IDLE_TIMEOUT] = "input_audio_timeout_triggered",
        [SIGNAL_ERROR] = "error",
    };
    return types[kind];
}

static void put_audio(struct json_w *w, const struct session_json *s, struct span audio)
{
    json_w_ki64(w, "bytes", (int64_t)audio.n);
    if (!s->audio) {
        return;
    }
    json_w_key(w, "audio");
    char *room = (char *)buf_room(w->out, base64_enc_len(audio.n) + 2);
    if (room) {
        room[0] = '"';
        size_t n = base64_encode(room + 1, audio);
        room[n + 1] = '"';
        buf_added(w->out, n + 2);
    }
    w->comma = true;
}

/* What a tool takes and gives is JSON as a text, as the reference has it. */
static void put_tool(struct json_w *w, const struct session_json *s, const struct call_signal *sig)
{
    json_w_kstr(w, "tool", sig->name);
    json_w_kstr(w, "call_id", sig->tool_call_id);
    put_said(w, s, sig->kind == SIGNAL_TOOL_END ? "output" : "arguments", sig->text);
}

static bool put_signal(struct buf *out, const struct session_json *s, const struct call_signal *sig,
                       const char **ret_type)
{
    const char *type = signal_type(sig->kind);
    if (!type) {
        return false;
    }
    *ret_type = type;
    struct json_w w = begin(out, s, type, sig->agent);
    put_given(&w, "response_id", sig->response_id);
    put_given(&w, "item_id", sig->item_id);
    switch (sig->kind) {
    case SIGNAL_AUDIO:
        put_audio(&w, s, sig->audio);
        break;
    case SIGNAL_INTERRUPTED:
        json_w_ki64(&w, "content_index", 0);
        json_w_ki64(&w, "heard_ms", sig->ms);
        break;
    case SIGNAL_TEXT:
        json_w_kstr(&w, "delta", sig->text); /* masked before it is told: watch.c */
        break;
    case SIGNAL_TEXT_END:
        put_said(&w, s, "transcript", sig->text);
        break;
    case SIGNAL_AGENT_END:
        json_w_kstr(&w, "status", sig->text);
        break;
    case SIGNAL_TOOL_START:
    case SIGNAL_TOOL_END:
    case SIGNAL_TOOL_APPROVAL:
        put_tool(&w, s, sig);
        break;
    case SIGNAL_HANDOFF:
    case SIGNAL_AGENT_CHANGED:
        json_w_kstr(&w, "from_agent", call_opts_name(s->opts, sig->agent));
        json_w_kstr(&w, "to_agent", call_opts_name(s->opts, sig->to));
        break;
    case SIGNAL_HISTORY_ADDED:
    case SIGNAL_HISTORY_UPDATED:
        json_w_ki64(&w, "index", sig->index);
        json_w_key(&w, "item");
        session_json_item(&w, s, sig->item);
        break;
    case SIGNAL_HISTORY_REMOVED:
        json_w_ki64(&w, "index", sig->index);
        break;
    case SIGNAL_ERROR:
        json_w_kstr(&w, "error", sig->text);
        json_w_kstr(&w, "code", sig->name);
        break;
    case SIGNAL_AGENT_START:
    case SIGNAL_AUDIO_END:
    case SIGNAL_GUARDRAIL:
    case SIGNAL_IDLE_TIMEOUT:
    case CALL_SIGNAL_N:
        break;
    }
    json_w_close(&w);
    return true;
}

static void put_usage(struct buf *out, const struct session_json *s, const struct call_usage *u)
{
    const struct cost_usage *sum = s->usage;
    struct json_w w = begin(out, s, "usage", 0);
    json_w_ki64(&w, "input_text_tokens", u->in_text);
    json_w_ki64(&w, "input_audio_tokens", u->in_audio);
    json_w_ki64(&w, "cached_text_tokens", u->cached_text);
    json_w_ki64(&w, "cached_audio_tokens", u->cached_audio);
    json_w_ki64(&w, "output_text_tokens", u->out_text);
    json_w_ki64(&w, "output_audio_tokens", u->out_audio);
    json_w_ki64(&w, "total_tokens", (int64_t)u->in_text + u->in_audio + u->out_text + u->out_audio);
    json_w_key(&w, "call");
    json_w_open(&w);
    json_w_ki64(&w, "input_tokens", (int64_t)(sum->in_text + sum->in_audio));
    json_w_ki64(&w, "output_tokens", (int64_t)(sum->out_text + sum->out_audio));
    json_w_ki64(&w, "total_tokens", (int64_t)cost_usage_total(sum));
    json_w_close(&w);
    json_w_close(&w);
}

static void put_ms(struct json_w *w, const char *key, int32_t ms)
{
    json_w_key(w, key);
    if (ms < 0) {
        json_w_null(w);
    } else {
        json_w_i64(w, ms);
    }
}

static void put_turn(struct buf *out, const struct session_json *s, const struct call_turn *t)
{
    struct json_w w = begin(out, s, "turn", t->agent);
    json_w_ki64(&w, "number", t->number);
    put_ms(&w, "speech_start_ms", t->speech_start_ms);
    put_ms(&w, "speech_stop_ms", t->speech_stop_ms);
    put_ms(&w, "first_audio_ms", t->first_audio_ms);
    put_ms(&w, "first_sent_ms", t->first_sent_ms);
    put_ms(&w, "agent_end_ms", t->agent_end_ms);
    put_ms(&w, "latency_ms", call_turn_latency_ms(t));
    json_w_ki64(&w, "heard_ms", t->heard_ms);
    json_w_kbool(&w, "interrupted", t->interrupted);
    json_w_ki64(&w, "tools", t->tools);
    json_w_close(&w);
}

static void put_line(struct buf *out, const struct session_json *s, const struct call_action *act)
{
    struct json_w w = begin(out, s, "line", act->line.agent);
    json_w_kz(&w, "who", call_party_name(act->line.who));
    json_w_kstr(&w, "text", act->line.text); /* masked by the host, for the store as well */
    put_given(&w, "unheard", act->line.unheard);
    json_w_close(&w);
}

static void put_trip(struct buf *out, const struct session_json *s, const struct call_action *act)
{
    struct json_w w = begin(out, s, "guardrail_tripped", act->guard_trip.agent);
    put_given(&w, "response_id", act->guard_trip.response_id);
    put_given(&w, "item_id", act->guard_trip.item_id);
    json_w_kz(&w, "side", guard_side_name(act->guard_trip.side));
    json_w_kstr(&w, "guardrails", act->guard_trip.names);
    json_w_kstr(&w, "info", act->guard_trip.info);
    put_said(&w, s, "message", act->guard_trip.text);
    json_w_ki64(&w, "leaked_words", act->guard_trip.leaked_words);
    json_w_close(&w);
}

static void put_end(struct buf *out, const struct session_json *s, const struct call_action *act)
{
    struct json_w w = begin(out, s, "end_of_stream", 0);
    json_w_kz(&w, "reason", call_reason_name(act->end.reason));
    put_given(&w, "detail", act->end.detail);
    json_w_ki64(&w, "duration_ms", act->end.duration_ms);
    json_w_close(&w);
}

static void put_connection(struct buf *out, const struct session_json *s, const struct tap_event *e)
{
    struct json_w w = begin(out, s, "connection_status", 0);
    bool ready = e->kind == TAP_MODEL_READY;
    json_w_kz(&w, "status", ready ? "connected" : "disconnected");
    if (ready) {
        put_given(&w, "model", e->ev->model_ready.model);
    } else {
        put_given(&w, "code", e->ev->model_failed.code);
    }
    json_w_close(&w);
}

static bool put_action(struct buf *out, const struct session_json *s, const struct call_action *act,
                       const char **ret_type)
{
    switch ((int)act->type) {
    case ACT_SIGNAL:
        return put_signal(out, s, &act->signal, ret_type);
    case ACT_USAGE:
        *ret_type = "usage";
        put_usage(out, s, &act->usage);
        return true;
    case ACT_TURN:
        *ret_type = "turn";
        put_turn(out, s, &act->turn);
        return true;
    case ACT_LINE:
        *ret_type = "line";
        put_line(out, s, act);
        return true;
    case ACT_GUARD_TRIP:
        *ret_type = "guardrail_tripped";
        put_trip(out, s, act);
        return true;
    default:
        return false;
    }
}

bool session_json_put(struct buf *out, const struct session_json *s, const struct tap_event *e, const char **ret_type)
{
    switch (e->kind) {
    case TAP_MODEL_READY:
    case TAP_MODEL_FAILED:
        *ret_type = "connection_status";
        put_connection(out, s, e);
        return true;
    case TAP_ACTION:
    case TAP_SIGNAL:
        return put_action(out, s, e->action, ret_type);
    case TAP_END:
        *ret_type = "end_of_stream";
        put_end(out, s, e->action);
        return true;
    case TAP_BEGIN:
    case TAP_LEG_START:
    case TAP_TOOL_RESULT:
        break;
    }
    return false;
}

/* Words in pieces, or within others' texts: nothing can be masked in them for certain. */
static bool holds_words(const struct call_event *ev)
{
    switch ((int)ev->type) {
    case EV_MODEL_USER_TEXT:
    case EV_MODEL_USER_DELTA:
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
    case EV_MODEL_TOOL_CALL:
    case EV_MODEL_ITEM:
        return true;
    default:
        return false;
    }
}

bool session_json_put_raw(struct buf *out, const struct session_json *s, const struct call_event *ev)
{
    struct buf line;
    if (ev->type < EV_MODEL_READY || ev->type > EV_MODEL_ERROR) {
        return false;
    }
    buf_init(&line, 64 << 10);
    event_print(ev, &line);
    struct json_w w = begin(out, s, "raw_model_event", 0);
    json_w_kz(&w, "name", call_event_name(ev->type));
    json_w_key(&w, "data");
    if (s->mask && holds_words(ev)) {
        json_w_null(&w);
    } else {
        json_w_str(&w, str_trim(line.err < 0 ? STR("") : buf_str(&line)));
    }
    json_w_close(&w);
    buf_done(&line);
    return true;
}
