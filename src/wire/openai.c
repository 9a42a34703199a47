#include "wire/openai.h"

#include "wire/openai_words.h"
#include "wire/reader.h"

/* The members of a server event that we know, each the slice that was found; one walk fills them. */
struct members {
    struct json_val type, event_id, response_id, item_id, previous_item_id, call_id;
    struct json_val output_index, content_index, audio_start_ms, audio_end_ms;
    struct json_val delta, text, transcript, arguments, name, event;
    struct json_val session, error, item, response, usage, rate_limits;
};

#define MEMBER(lit, slot) KEY_IS(key, lit) ? &m->slot

/* By length first: a member costs one or two comparisons. */
static struct json_val *slot_of(struct members *m, struct str key)
{
    switch (key.n) {
    case 4:
        return MEMBER("type", type) : MEMBER("item", item) : MEMBER("text", text) : MEMBER("name", name) : NULL;
    case 5:
        return MEMBER("delta", delta) : MEMBER("error", error) : MEMBER("usage", usage) : MEMBER("event", event) : NULL;
    case 7:
        return MEMBER("item_id", item_id) : MEMBER("call_id", call_id) : MEMBER("session", session) : NULL;
    case 8:
        return MEMBER("event_id", event_id) : MEMBER("response", response) : NULL;
    case 9:
        return MEMBER("arguments", arguments) : NULL;
    case 10:
        return MEMBER("transcript", transcript) : NULL;
    case 11:
        return MEMBER("response_id", response_id) : MEMBER("rate_limits", rate_limits) : NULL;
    case 12:
        return MEMBER("output_index", output_index) : MEMBER("audio_end_ms", audio_end_ms) : NULL;
    case 13:
        return MEMBER("content_index", content_index) : NULL;
    case 14:
        return MEMBER("audio_start_ms", audio_start_ms) : NULL;
    case 16:
        return MEMBER("previous_item_id", previous_item_id) : NULL;
    default:
        return NULL;
    }
}

static int collect(struct reader *r, struct json_val top, struct members *m)
{
    struct json_it it = json_object(top);
    struct str key;
    struct json_val v;
    while (json_next(&it, &key, &v)) {
        struct json_val *slot = slot_of(m, key);
        if (slot) {
            *slot = v;
        }
    }
    return it.err < 0 ? reader_fail(r, NULL, it.err) : 0;
}

static int read_id(struct reader *r, struct json_val v, const char *field, struct str *ret)
{
    if (v.type == JSON_STRING && !v.escaped && v.s.n <= OPENAI_ID_MAX) {
        *ret = v.s;
        return 0;
    }
    return reader_opt_str(r, v, field, OPENAI_ID_MAX, ret);
}

static int read_index(struct reader *r, struct json_val v, const char *field, uint32_t *ret)
{
    if (v.type == JSON_NUMBER && v.s.n == 1) {
        *ret = (uint32_t)(v.s.p[0] - '0');
        return 0;
    }
    int64_t n = 0;
    if (!reader_absent(v) && json_to_i64(v, &n) < 0) {
        return reader_fail(r, field, v.type == JSON_NUMBER ? -ERR_RANGE : -ERR_TYPE);
    }
    if (n < 0 || n > UINT32_MAX) {
        return reader_fail(r, field, -ERR_RANGE);
    }
    *ret = (uint32_t)n;
    return 0;
}

static int read_ms(struct reader *r, struct json_val v, const char *field, uint64_t *ret)
{
    int64_t n = 0;
    if (!reader_absent(v) && json_to_i64(v, &n) < 0) {
        return reader_fail(r, field, v.type == JSON_NUMBER ? -ERR_RANGE : -ERR_TYPE);
    }
    *ret = n < 0 ? 0 : (uint64_t)n;
    return 0;
}

static int read_head(struct reader *r, const struct members *m, struct openai_event *e)
{
    int err = read_id(r, m->event_id, "event_id", &e->event_id);
    err = err < 0 ? err : read_id(r, m->response_id, "response_id", &e->response_id);
    err = err < 0 ? err : read_id(r, m->item_id, "item_id", &e->item_id);
    err = err < 0 ? err : read_id(r, m->previous_item_id, "previous_item_id", &e->previous_item_id);
    err = err < 0 ? err : read_id(r, m->call_id, "call_id", &e->call_id);
    err = err < 0 ? err : read_index(r, m->output_index, "output_index", &e->output_index);
    return err < 0 ? err : read_index(r, m->content_index, "content_index", &e->content_index);
}

/* ---- objects inside events ---- */

/* A count that may be missing, null, fractional or nonsense: bookkeeping must not end a call. */
static uint64_t count_of(struct json_val v)
{
    int64_t n;
    return json_to_i64(v, &n) == 0 && n > 0 ? (uint64_t)n : 0;
}

static void read_usage(struct json_val v, struct openai_usage *u)
{
    *u = (struct openai_usage){.present = v.type == JSON_OBJECT};
    if (!u->present) {
        return;
    }
    struct json_val in = json_get(v, "input_token_details");
    struct json_val cached = json_get(in, "cached_tokens_details");
    struct json_val out = json_get(v, "output_token_details");
    u->total_tokens = count_of(json_get(v, "total_tokens"));
    u->input_tokens = count_of(json_get(v, "input_tokens"));
    u->output_tokens = count_of(json_get(v, "output_tokens"));
    u->input_text_tokens = count_of(json_get(in, "text_tokens"));
    u->input_audio_tokens = count_of(json_get(in, "audio_tokens"));
    u->input_image_tokens = count_of(json_get(in, "image_tokens"));
    u->cached_tokens = count_of(json_get(in, "cached_tokens"));
    u->cached_text_tokens = count_of(json_get(cached, "text_tokens"));
    u->cached_audio_tokens = count_of(json_get(cached, "audio_tokens"));
    u->output_text_tokens = count_of(json_get(out, "text_tokens"));
    u->output_audio_tokens = count_of(json_get(out, "audio_tokens"));
    double seconds;
    if (json_to_f64(json_get(v, "seconds"), &seconds) == 0 && seconds > 0) {
        u->seconds = seconds;
    }
}

static int read_error(struct reader *r, struct json_val v, struct openai_error *e)
{
    *e = (struct openai_error){0};
    if (v.type == JSON_STRING) { /* some compatible servers */
        return reader_str(r, v, "error", SIZE_MAX, &e->message);
    }
    if (v.type != JSON_OBJECT) {
        return reader_wrong(r, "error", v);
    }
    int err = reader_opt_str(r, json_get(v, "type"), "error.type", SIZE_MAX, &e->type);
    err = err < 0 ? err : reader_opt_str(r, json_get(v, "message"), "error.message", SIZE_MAX, &e->message);
    err = err < 0 ? err : reader_opt_str(r, json_get(v, "param"), "error.param", SIZE_MAX, &e->param);
    err = err < 0 ? err : reader_opt_str(r, json_get(v, "event_id"), "error.event_id", SIZE_MAX, &e->event_id);
    struct json_val code = json_get(v, "code");
    if (code.type == JSON_NUMBER) {
        e->code = code.s;
        return err;
    }
    return err < 0 ? err : reader_opt_str(r, code, "error.code", SIZE_MAX, &e->code);
}

/* The text of the first content part that has one, whichever of the spellings it uses. */
static int read_item_text(struct reader *r, struct json_val content, struct str *ret)
{
    struct json_it it = json_array(content);
    struct json_val part;
    while (json_elem(&it, &part)) {
        struct json_val text = json_get(part, "text");
        if (text.type != JSON_STRING) {
            text = json_get(part, "transcript");
        }
        if (text.type == JSON_STRING) {
            return reader_str(r, text, "item.content", SIZE_MAX, ret);
        }
    }
    return it.err < 0 ? reader_fail(r, "item.content", it.err) : 0;
}

static int read_item(struct reader *r, struct json_val v, struct openai_item *item)
{
    *item = (struct openai_item){0};
    if (v.type != JSON_OBJECT) {
        return reader_wrong(r, "item", v);
    }
    struct json_val type = json_get(v, "type");
    struct json_val status = json_get(v, "status");
    struct json_val role = json_get(v, "role");
    item->type = type.type == JSON_STRING ? openai_item_type_of(type.s) : OPENAI_ITEM_UNKNOWN;
    item->status = status.type == JSON_STRING ? openai_status_of(status.s) : OPENAI_STATUS_NONE;
    item->role = role.type == JSON_STRING ? openai_role_of(role.s) : OPENAI_ROLE_NONE;
    int err = read_id(r, json_get(v, "id"), "item.id", &item->id);
    err = err < 0 ? err : read_id(r, json_get(v, "call_id"), "item.call_id", &item->call_id);
    err = err < 0 ? err : reader_opt_str(r, json_get(v, "name"), "item.name", SIZE_MAX, &item->name);
    err = err < 0 ? err : reader_opt_str(r, json_get(v, "arguments"), "item.arguments", SIZE_MAX, &item->arguments);
    struct json_val output = json_get(v, "output");
    if (err == 0 && output.type == JSON_STRING) {
        err = reader_str(r, output, "item.output", SIZE_MAX, &item->output);
    }
    item->content = json_get(v, "content");
    if (err == 0 && item->content.type == JSON_ARRAY) {
        err = read_item_text(r, item->content, &item->text);
    }
    return err;
}

int openai_item_read(struct json_val v, struct buf *scratch, struct openai_item *ret)
{
    struct reader r = {scratch, v.s.n, NULL};
    return read_item(&r, v, ret);
}

bool openai_item_next(struct json_it *it, struct buf *scratch, struct openai_item *ret)
{
    struct json_val v;
    if (!json_elem(it, &v)) {
        return false;
    }
    int err = openai_item_read(v, scratch, ret);
    if (err < 0) {
        it->p = NULL;
        it->err = err;
        return false;
    }
    return true;
}

/* null, an object, or (compatible servers) a string. */
static int read_status_details(struct reader *r, struct json_val v, struct openai_response *resp)
{
    if (v.type == JSON_STRING) {
        return reader_str(r, v, "response.status_details", SIZE_MAX, &resp->reason);
    }
    if (v.type != JSON_OBJECT) {
        return 0;
    }
    int err = reader_opt_str(r, json_get(v, "reason"), "response.status_details.reason", SIZE_MAX, &resp->reason);
    struct json_val error = json_get(v, "error");
    return err < 0 || reader_absent(error) ? err : read_error(r, error, &resp->error);
}

static int read_response(struct reader *r, struct json_val v, struct openai_event *e)
{
    struct openai_response *resp = &e->response;
    *resp = (struct openai_response){0};
    if (v.type != JSON_OBJECT) {
        return reader_wrong(r, "response", v);
    }
    int err = read_id(r, json_get(v, "id"), "response.id", &resp->id);
    err =
        err < 0 ? err : read_id(r, json_get(v, "conversation_id"), "response.conversation_id", &resp->conversation_id);
    err = err < 0 ? err : read_id(r, json_get(v, "status"), "response.status", &resp->status_name);
    err = err < 0 ? err : read_status_details(r, json_get(v, "status_details"), resp);
    if (err < 0) {
        return err;
    }
    resp->status = openai_status_of(resp->status_name);
    read_usage(json_get(v, "usage"), &resp->usage);
    resp->metadata = json_get(v, "metadata");
    resp->output = json_get(v, "output");
    if (resp->id.n) {
        e->response_id = resp->id;
    }
    /* Room for what openai_item_next will unescape, so that its slices live together. */
    return buf_room(r->scratch, r->text_bytes - r->scratch->len) ? 0 : reader_fail(r, "response", r->scratch->err);
}

static struct openai_opt_i64 opt_i64(struct json_val v)
{
    struct openai_opt_i64 n = {.set = v.type != JSON_NONE, .null = v.type == JSON_NULL};
    if (n.set && !n.null && json_to_i64(v, &n.v) < 0) {
        n.set = false;
    }
    return n;
}

static enum openai_tri opt_bool(struct json_val v)
{
    return v.type == JSON_TRUE ? OPENAI_YES : v.type == JSON_FALSE ? OPENAI_NO : OPENAI_UNSET;
}

static void read_turn_detection(struct json_val v, struct openai_turn_detection *t)
{
    *t = (struct openai_turn_detection){.type = v.type == JSON_NULL ? OPENAI_VAD_NONE : OPENAI_VAD_UNSET};
    if (v.type != JSON_OBJECT) {
        return;
    }
    struct json_val type = json_get(v, "type");
    struct json_val eagerness = json_get(v, "eagerness");
    t->type = str_is(type.s, "semantic_vad") ? OPENAI_VAD_SEMANTIC
              : str_is(type.s, "server_vad") ? OPENAI_VAD_SERVER
              : str_is(type.s, "none")       ? OPENAI_VAD_NONE
                                             : OPENAI_VAD_UNSET;
    t->threshold.set = json_to_f64(json_get(v, "threshold"), &t->threshold.v) == 0;
    t->prefix_padding_ms = opt_i64(json_get(v, "prefix_padding_ms"));
    t->silence_duration_ms = opt_i64(json_get(v, "silence_duration_ms"));
    t->idle_timeout_ms = opt_i64(json_get(v, "idle_timeout_ms"));
    t->eagerness = eagerness.type == JSON_STRING ? openai_eagerness_of(eagerness.s) : OPENAI_EAGERNESS_UNSET;
    t->create_response = opt_bool(json_get(v, "create_response"));
    t->interrupt_response = opt_bool(json_get(v, "interrupt_response"));
}

static uint32_t array_count(struct json_val v)
{
    uint32_t n = 0;
    struct json_val elem;
    for (struct json_it it = json_array(v); json_elem(&it, &elem);) {
        n++;
    }
    return n;
}

/* The GA path, or the flat beta member. */
static struct json_val either(struct json_val session, const char *path, const char *beta)
{
    struct json_val v = json_path(session, path);
    return v.type == JSON_NONE ? json_get(session, beta) : v;
}

static int read_session(struct reader *r, struct json_val v, struct openai_session_info *s)
{
    *s = (struct openai_session_info){0};
    if (v.type != JSON_OBJECT) {
        return reader_wrong(r, "session", v);
    }
    struct json_val voice = either(v, "audio.output.voice", "voice");
    if (voice.type == JSON_OBJECT) {
        voice = json_get(voice, "id");
    }
    int err = read_id(r, json_get(v, "id"), "session.id", &s->id);
    err = err < 0 ? err : read_id(r, json_get(v, "model"), "session.model", &s->model);
    err = err < 0 ? err : read_id(r, voice, "session.audio.output.voice", &s->voice);
    if (err < 0) {
        return err;
    }
    s->input_format = openai_format_read(either(v, "audio.input.format", "input_audio_format"));
    s->output_format = openai_format_read(either(v, "audio.output.format", "output_audio_format"));
    struct json_val modality;
    struct json_it it = json_array(either(v, "output_modalities", "modalities"));
    while (json_elem(&it, &modality)) {
        if (str_is(modality.s, "audio")) { /* the beta says ["text","audio"] for speech */
            s->output_modality = OPENAI_MODALITY_AUDIO;
        } else if (s->output_modality == OPENAI_MODALITY_NONE && str_is(modality.s, "text")) {
            s->output_modality = OPENAI_MODALITY_TEXT;
        }
    }
    s->n_tools = array_count(json_get(v, "tools"));
    read_turn_detection(either(v, "audio.input.turn_detection", "turn_detection"), &s->turn_detection);
    s->transcription = either(v, "audio.input.transcription", "input_audio_transcription").type == JSON_OBJECT;
    int64_t expires = 0;
    s->expires_at = json_to_i64(json_get(v, "expires_at"), &expires) == 0 ? expires : 0;
    return 0;
}

static void read_limits(struct json_val v, struct openai_event *e)
{
    e->limits.requests_remaining = e->limits.tokens_remaining = -1;
    e->limits.reset_seconds = 0;
    struct json_val entry;
    for (struct json_it it = json_array(v); json_elem(&it, &entry);) {
        double remaining;
        double reset;
        struct json_val name = json_get(entry, "name");
        if (json_to_f64(json_get(entry, "remaining"), &remaining) == 0) {
            if (str_is(name.s, "tokens")) {
                e->limits.tokens_remaining = remaining;
            } else if (str_is(name.s, "requests")) {
                e->limits.requests_remaining = remaining;
            }
        }
        if (json_to_f64(json_get(entry, "reset_seconds"), &reset) == 0) {
            e->limits.reset_seconds = MAX(e->limits.reset_seconds, reset);
        }
    }
}

/* ---- events ---- */

static int read_item_event(struct reader *r, const struct members *m, struct openai_event *e)
{
    int err = read_item(r, m->item, &e->item);
    if (err == 0) {
        e->item_id = e->item.id.n ? e->item.id : e->item_id;
        e->call_id = e->item.call_id.n ? e->item.call_id : e->call_id;
    }
    return err;
}

static int read_audio_span(struct reader *r, const struct members *m, struct openai_event *e)
{
    e->audio.start_ms = e->audio.end_ms = 0;
    int err = read_ms(r, m->audio_start_ms, "audio_start_ms", &e->audio.start_ms);
    return err < 0 ? err : read_ms(r, m->audio_end_ms, "audio_end_ms", &e->audio.end_ms);
}

static int read_transcript_done(struct reader *r, const struct members *m, struct openai_event *e)
{
    read_usage(m->usage, &e->usage);
    return reader_opt_str(r, m->transcript, "transcript", SIZE_MAX, &e->text);
}

static int read_arguments_done(struct reader *r, const struct members *m, struct openai_event *e)
{
    e->name = STR_NULL;
    int err = reader_opt_str(r, m->name, "name", SIZE_MAX, &e->name);
    return err < 0 ? err : reader_str(r, m->arguments, "arguments", SIZE_MAX, &e->text);
}

static int read_body(struct reader *r, const struct members *m, struct openai_event *e)
{
    switch (e->type) {
    case OPENAI_AUDIO_DELTA:
    case OPENAI_TEXT_DELTA:
    case OPENAI_TRANSCRIPT_DELTA:
    case OPENAI_ARGUMENTS_DELTA:
    case OPENAI_MCP_ARGUMENTS_DELTA:
        return reader_str(r, m->delta, "delta", SIZE_MAX, &e->text);
    case OPENAI_INPUT_TRANSCRIPT_DELTA: /* seen without delta when only logprobs change */
        return reader_opt_str(r, m->delta, "delta", SIZE_MAX, &e->text);
    case OPENAI_TEXT_DONE:
    case OPENAI_INPUT_TRANSCRIPT_SEGMENT:
        return reader_opt_str(r, m->text, "text", SIZE_MAX, &e->text);
    case OPENAI_TRANSCRIPT_DONE:
        return reader_opt_str(r, m->transcript, "transcript", SIZE_MAX, &e->text);
    case OPENAI_INPUT_TRANSCRIPT_DONE:
        return read_transcript_done(r, m, e);
    case OPENAI_ARGUMENTS_DONE:
    case OPENAI_MCP_ARGUMENTS_DONE:
        return read_arguments_done(r, m, e);
    case OPENAI_SESSION_CREATED:
    case OPENAI_SESSION_UPDATED:
        return read_session(r, m->session, &e->session);
    case OPENAI_ERROR:
    case OPENAI_INPUT_TRANSCRIPT_FAILED:
        return read_error(r, m->error, &e->error);
    case OPENAI_ITEM_ADDED:
    case OPENAI_ITEM_DONE:
    case OPENAI_ITEM_CREATED:
    case OPENAI_ITEM_RETRIEVED:
    case OPENAI_OUTPUT_ITEM_ADDED:
    case OPENAI_OUTPUT_ITEM_DONE:
        return read_item_event(r, m, e);
    case OPENAI_RESPONSE_CREATED:
    case OPENAI_RESPONSE_DONE:
        return read_response(r, m->response, e);
    case OPENAI_SPEECH_STARTED:
    case OPENAI_SPEECH_STOPPED:
    case OPENAI_IDLE_TIMEOUT:
    case OPENAI_ITEM_TRUNCATED:
        return read_audio_span(r, m, e);
    case OPENAI_RATE_LIMITS:
        read_limits(m->rate_limits, e);
        return 0;
    case OPENAI_DTMF:
        return reader_str(r, m->event, "event", 8, &e->text);
    case OPENAI_UNKNOWN:
    case OPENAI_CONVERSATION_CREATED:
    case OPENAI_ITEM_DELETED:
    case OPENAI_COMMITTED:
    case OPENAI_INPUT_CLEARED:
    case OPENAI_OUTPUT_STARTED:
    case OPENAI_OUTPUT_STOPPED:
    case OPENAI_OUTPUT_CLEARED:
    case OPENAI_PART_ADDED:
    case OPENAI_PART_DONE:
    case OPENAI_AUDIO_DONE:
    case OPENAI_MCP_CALL_IN_PROGRESS:
    case OPENAI_MCP_CALL_COMPLETED:
    case OPENAI_MCP_CALL_FAILED:
    case OPENAI_MCP_TOOLS_IN_PROGRESS:
    case OPENAI_MCP_TOOLS_COMPLETED:
    case OPENAI_MCP_TOOLS_FAILED:
    case OPENAI_EVENT_N:
        break;
    }
    return 0;
}

int openai_decode(struct str text, struct buf *scratch, struct openai_event *ret, const char **ret_field)
{
    struct reader r = reader_of(text, scratch);
    struct members m = {0};
    struct json_val top;
    ret->type = OPENAI_UNKNOWN;
    ret->type_name = ret->event_id = ret->response_id = ret->item_id = STR_NULL;
    ret->previous_item_id = ret->call_id = ret->text = STR_NULL;
    ret->output_index = ret->content_index = 0;
    int err = json_open(text, &top);
    err = err < 0 ? err : collect(&r, top, &m);
    err = err < 0 ? err : reader_str(&r, m.type, "type", OPENAI_ID_MAX, &ret->type_name);
    if (err == 0) {
        ret->type = openai_event_of(ret->type_name);
        err = read_head(&r, &m, ret);
    }
    if (err == 0) {
        err = read_body(&r, &m, ret);
    }
    if (err < 0 && ret_field) {
        *ret_field = r.field;
    }
    return err;
}
