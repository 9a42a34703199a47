/* Writers of OpenAI Realtime server events, in the key order of the live service. */
#include "base/base64.h"
#include "wire/openai_check.h"
#include "wire/openai_server.h"

#define PUT(out, lit) buf_put((out), (lit), sizeof(lit) - 1)

static struct json_w event_open(struct buf *out, enum openai_event_type type, struct str event_id)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "type", openai_event_name(type));
    json_w_kstr(&w, "event_id", event_id);
    return w;
}

/* p NULL is JSON null. */
static void put_nullable(struct json_w *w, const char *key, struct str s)
{
    json_w_key(w, key);
    if (s.p) {
        json_w_str(w, s);
    } else {
        json_w_null(w);
    }
}

void openai_server_put_voice(struct json_w *w, struct str voice, bool is_id)
{
    json_w_key(w, "voice");
    if (!is_id) {
        json_w_str(w, voice);
        return;
    }
    json_w_open(w);
    json_w_kstr(w, "id", voice);
    json_w_close(w);
}

void openai_server_put_error(struct buf *out, struct str event_id, const struct openai_server_error *e,
                             struct str client_event_id)
{
    struct json_w w = event_open(out, OPENAI_ERROR, event_id);
    json_w_key(&w, "error");
    json_w_open(&w);
    json_w_kz(&w, "type", e->type ? e->type : "invalid_request_error");
    json_w_kz(&w, "code", e->code);
    json_w_kz(&w, "message", e->message);
    json_w_kz(&w, "param", e->param[0] ? e->param : NULL);
    put_nullable(&w, "event_id", client_event_id);
    json_w_close(&w);
    json_w_close(&w);
}

void openai_server_put_limits(struct buf *out, struct str event_id, const struct openai_server_limit *limits, size_t n)
{
    struct json_w w = event_open(out, OPENAI_RATE_LIMITS, event_id);
    json_w_key(&w, "rate_limits");
    json_w_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_w_open(&w);
        json_w_kz(&w, "name", limits[i].name);
        json_w_ki64(&w, "limit", limits[i].limit);
        json_w_ki64(&w, "remaining", limits[i].remaining);
        json_w_kf64(&w, "reset_seconds", limits[i].reset_seconds);
        json_w_close(&w);
    }
    json_w_end(&w);
    json_w_close(&w);
}

/* ---- items ---- */

/* Retrieved assistant parts are named "audio" and "text", as the service names them there. */
static const char *part_name(enum openai_part_type type, bool retrieved)
{
    switch (type) {
    case OPENAI_PART_INPUT_TEXT:
        return "input_text";
    case OPENAI_PART_INPUT_AUDIO:
        return "input_audio";
    case OPENAI_PART_INPUT_IMAGE:
        return "input_image";
    case OPENAI_PART_OUTPUT_TEXT:
        return retrieved ? "text" : "output_text";
    case OPENAI_PART_OUTPUT_AUDIO:
        return retrieved ? "audio" : "output_audio";
    case OPENAI_PART_NONE:
    case OPENAI_PART_TYPE_N:
        break;
    }
    return "";
}

static void put_part(struct json_w *w, const struct openai_part *part, bool retrieved)
{
    bool speech = part->type == OPENAI_PART_INPUT_AUDIO || part->type == OPENAI_PART_OUTPUT_AUDIO;
    json_w_open(w);
    json_w_kz(w, "type", part_name(part->type, retrieved));
    if (part->type == OPENAI_PART_INPUT_IMAGE) {
        json_w_kstr(w, "image_url", part->image_url);
        json_w_kz(w, "detail", picture_detail_name(part->detail));
        json_w_close(w);
        return;
    }
    if (retrieved && part->audio.p) {
        json_w_kstr(w, "audio", part->audio);
        json_w_kz(w, "format", "pcm16");
    }
    put_nullable(w, speech ? "transcript" : "text", part->has_text ? part->text : STR_NULL);
    json_w_close(w);
}

static void put_item(struct json_w *w, const struct openai_server_item *item, bool retrieved)
{
    json_w_open(w);
    json_w_kstr(w, "id", item->id);
    json_w_kz(w, "object", "realtime.item");
    json_w_kz(w, "type", openai_item_type_name(item->type));
    if (item->status != OPENAI_STATUS_NONE) {
        json_w_kz(w, "status", openai_status_name(item->status));
    }
    switch (item->type) {
    case OPENAI_ITEM_MESSAGE:
        json_w_kz(w, "role", openai_role_name(item->role));
        json_w_key(w, "content");
        json_w_array(w);
        for (size_t i = 0; i < item->n_parts; i++) {
            put_part(w, &item->parts[i], retrieved);
        }
        json_w_end(w);
        break;
    case OPENAI_ITEM_FUNCTION_CALL:
        json_w_kstr(w, "name", item->name);
        json_w_kstr(w, "call_id", item->call_id);
        json_w_kstr(w, "arguments", item->arguments);
        break;
    case OPENAI_ITEM_FUNCTION_OUTPUT:
        json_w_kstr(w, "call_id", item->call_id);
        json_w_kstr(w, "output", item->output);
        break;
    case OPENAI_ITEM_MCP_APPROVAL_RESPONSE:
        json_w_kstr(w, "approval_request_id", item->approval_request_id);
        json_w_kbool(w, "approve", item->approve);
        json_w_kz(w, "reason", NULL);
        break;
    case OPENAI_ITEM_MCP_LIST_TOOLS: /* the sandbox reaches no MCP servers: nothing is listed, nothing called */
        json_w_kstr(w, "server_label", item->name);
        json_w_key(w, "tools");
        json_w_array(w);
        json_w_end(w);
        break;
    case OPENAI_ITEM_UNKNOWN:
    case OPENAI_ITEM_MCP_CALL:
    case OPENAI_ITEM_MCP_APPROVAL_REQUEST:
    case OPENAI_ITEM_REFERENCE:
    case OPENAI_ITEM_TYPE_N:
        break;
    }
    json_w_close(w);
}

void openai_server_put_mcp_listing(struct buf *out, struct str event_id, enum openai_event_type type,
                                   struct str item_id)
{
    struct json_w w = event_open(out, type, event_id);
    json_w_kstr(&w, "item_id", item_id);
    json_w_close(&w);
}

void openai_server_put_item(struct buf *out, struct str event_id, enum openai_event_type type, struct str previous,
                            const struct openai_server_item *item)
{
    struct json_w w = event_open(out, type, event_id);
    bool retrieved = type == OPENAI_ITEM_RETRIEVED;
    if (!retrieved) {
        put_nullable(&w, "previous_item_id", previous);
    }
    json_w_key(&w, "item");
    put_item(&w, item, retrieved);
    json_w_close(&w);
}

void openai_server_put_deleted(struct buf *out, struct str event_id, struct str item_id)
{
    struct json_w w = event_open(out, OPENAI_ITEM_DELETED, event_id);
    json_w_kstr(&w, "item_id", item_id);
    json_w_close(&w);
}

void openai_server_put_truncated(struct buf *out, struct str event_id, struct str item_id, uint64_t audio_end_ms)
{
    struct json_w w = event_open(out, OPENAI_ITEM_TRUNCATED, event_id);
    json_w_kstr(&w, "item_id", item_id);
    json_w_ki64(&w, "content_index", 0);
    json_w_ki64(&w, "audio_end_ms", (int64_t)audio_end_ms);
    json_w_close(&w);
}

/* ---- what the caller was heard to say ---- */

static struct json_w heard_open(struct buf *out, enum openai_event_type type, struct str event_id, struct str item_id)
{
    struct json_w w = event_open(out, type, event_id);
    json_w_kstr(&w, "item_id", item_id);
    json_w_ki64(&w, "content_index", 0);
    return w;
}

void openai_server_put_heard_delta(struct buf *out, struct str event_id, struct str item_id, struct str delta)
{
    struct json_w w = heard_open(out, OPENAI_INPUT_TRANSCRIPT_DELTA, event_id, item_id);
    json_w_kstr(&w, "delta", delta);
    json_w_close(&w);
}

void openai_server_put_heard(struct buf *out, struct str event_id, struct str item_id, struct str transcript,
                             const struct openai_usage *usage)
{
    struct json_w w = heard_open(out, OPENAI_INPUT_TRANSCRIPT_DONE, event_id, item_id);
    json_w_kstr(&w, "transcript", transcript);
    if (usage) {
        json_w_key(&w, "usage");
        json_w_open(&w);
        json_w_kz(&w, "type", usage->seconds > 0 ? "duration" : "tokens");
        if (usage->seconds > 0) {
            json_w_kf64(&w, "seconds", usage->seconds);
        } else {
            json_w_ki64(&w, "total_tokens", (int64_t)usage->total_tokens);
            json_w_ki64(&w, "input_tokens", (int64_t)usage->input_tokens);
            json_w_key(&w, "input_token_details");
            json_w_open(&w);
            json_w_ki64(&w, "text_tokens", (int64_t)usage->input_text_tokens);
            json_w_ki64(&w, "audio_tokens", (int64_t)usage->input_audio_tokens);
            json_w_close(&w);
            json_w_ki64(&w, "output_tokens", (int64_t)usage->output_tokens);
        }
        json_w_close(&w);
    }
    json_w_close(&w);
}

void openai_server_put_heard_failed(struct buf *out, struct str event_id, struct str item_id,
                                    const struct openai_server_error *e)
{
    struct json_w w = heard_open(out, OPENAI_INPUT_TRANSCRIPT_FAILED, event_id, item_id);
    json_w_key(&w, "error");
    json_w_open(&w);
    json_w_kz(&w, "type", e->type ? e->type : "transcription_error");
    json_w_kz(&w, "code", e->code ? e->code : "audio_unintelligible");
    json_w_kz(&w, "message", e->message);
    json_w_close(&w);
    json_w_close(&w);
}

/* ---- buffers ---- */

void openai_server_put_speech(struct buf *out, struct str event_id, enum openai_event_type type,
                              struct openai_server_span span, struct str item_id)
{
    struct json_w w = event_open(out, type, event_id);
    if (type != OPENAI_SPEECH_STOPPED) {
        json_w_ki64(&w, "audio_start_ms", (int64_t)span.start_ms);
    }
    if (type != OPENAI_SPEECH_STARTED) {
        json_w_ki64(&w, "audio_end_ms", (int64_t)span.end_ms);
    }
    json_w_kstr(&w, "item_id", item_id);
    json_w_close(&w);
}

void openai_server_put_committed(struct buf *out, struct str event_id, struct str previous, struct str item_id)
{
    struct json_w w = event_open(out, OPENAI_COMMITTED, event_id);
    put_nullable(&w, "previous_item_id", previous);
    json_w_kstr(&w, "item_id", item_id);
    json_w_close(&w);
}

void openai_server_put_input_cleared(struct buf *out, struct str event_id)
{
    struct json_w w = event_open(out, OPENAI_INPUT_CLEARED, event_id);
    json_w_close(&w);
}

/* ---- responses ---- */

static void put_status_details(struct json_w *w, const struct openai_server_response *r)
{
    json_w_key(w, "status_details");
    if (r->status == OPENAI_STATUS_IN_PROGRESS || r->status == OPENAI_STATUS_COMPLETED) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    json_w_kz(w, "type", openai_status_name(r->status));
    if (r->reason.p) {
        json_w_kstr(w, "reason", r->reason);
    }
    if (r->error) {
        json_w_key(w, "error");
        json_w_open(w);
        json_w_kz(w, "type", r->error->type ? r->error->type : "server_error");
        json_w_kz(w, "code", r->error->code);
        json_w_kz(w, "message", r->error->message);
        json_w_close(w);
    }
    json_w_close(w);
}

static void put_usage(struct json_w *w, const struct openai_usage *u)
{
    json_w_key(w, "usage");
    if (!u) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    json_w_ki64(w, "total_tokens", (int64_t)u->total_tokens);
    json_w_ki64(w, "input_tokens", (int64_t)u->input_tokens);
    json_w_ki64(w, "output_tokens", (int64_t)u->output_tokens);
    json_w_key(w, "input_token_details");
    json_w_open(w);
    json_w_ki64(w, "text_tokens", (int64_t)u->input_text_tokens);
    json_w_ki64(w, "audio_tokens", (int64_t)u->input_audio_tokens);
    json_w_ki64(w, "image_tokens", (int64_t)u->input_image_tokens);
    json_w_ki64(w, "cached_tokens", (int64_t)u->cached_tokens);
    json_w_key(w, "cached_tokens_details");
    json_w_open(w);
    json_w_ki64(w, "text_tokens", (int64_t)u->cached_text_tokens);
    json_w_ki64(w, "audio_tokens", (int64_t)u->cached_audio_tokens);
    json_w_ki64(w, "image_tokens", 0);
    json_w_close(w);
    json_w_close(w);
    json_w_key(w, "output_token_details");
    json_w_open(w);
    json_w_ki64(w, "text_tokens", (int64_t)u->output_text_tokens);
    json_w_ki64(w, "audio_tokens", (int64_t)u->output_audio_tokens);
    json_w_close(w);
    json_w_close(w);
}

/* What the response was made with. */
static void put_response_settings(struct json_w *w, const struct openai_server_response *r)
{
    put_nullable(w, "conversation_id", r->conversation_id);
    json_w_key(w, "output_modalities");
    json_w_array(w);
    json_w_str(w, r->output_modality == OPENAI_MODALITY_TEXT ? STR("text") : STR("audio"));
    json_w_end(w);
    if (r->max_output_tokens) {
        json_w_ki64(w, "max_output_tokens", r->max_output_tokens);
    } else {
        json_w_kz(w, "max_output_tokens", "inf");
    }
    json_w_key(w, "audio");
    json_w_open(w);
    json_w_key(w, "output");
    json_w_open(w);
    json_w_key(w, "format");
    openai_put_format(w, r->output_format);
    openai_server_put_voice(w, r->voice, r->voice_is_id);
    json_w_close(w);
    json_w_close(w);
}

void openai_server_put_response(struct buf *out, struct str event_id, enum openai_event_type type,
                                const struct openai_server_response *r)
{
    struct json_w w = event_open(out, type, event_id);
    json_w_key(&w, "response");
    json_w_open(&w);
    json_w_kz(&w, "object", "realtime.response");
    json_w_kstr(&w, "id", r->id);
    json_w_kz(&w, "status", openai_status_name(r->status));
    put_status_details(&w, r);
    json_w_key(&w, "output");
    json_w_array(&w);
    for (size_t i = 0; i < r->n_output; i++) {
        put_item(&w, &r->output[i], false);
    }
    json_w_end(&w);
    put_response_settings(&w, r);
    put_usage(&w, r->usage);
    json_w_key(&w, "metadata");
    json_w_raw(&w, r->metadata_raw.p ? r->metadata_raw : STR("null"));
    json_w_close(&w);
    json_w_close(&w);
}

void openai_server_put_output_item(struct buf *out, struct str event_id, enum openai_event_type type,
                                   const struct openai_server_ref *ref, const struct openai_server_item *item)
{
    struct json_w w = event_open(out, type, event_id);
    json_w_kstr(&w, "response_id", ref->response_id);
    json_w_ki64(&w, "output_index", ref->output_index);
    json_w_key(&w, "item");
    put_item(&w, item, false);
    json_w_close(&w);
}

static struct json_w ref_open(struct buf *out, struct str event_id, enum openai_event_type type,
                              const struct openai_server_ref *ref)
{
    struct json_w w = event_open(out, type, event_id);
    json_w_kstr(&w, "response_id", ref->response_id);
    json_w_kstr(&w, "item_id", ref->item_id);
    json_w_ki64(&w, "output_index", ref->output_index);
    return w;
}

void openai_server_put_part(struct buf *out, struct str event_id, enum openai_event_type type,
                            const struct openai_server_ref *ref, const struct openai_server_part *part)
{
    bool text = part->modality == OPENAI_MODALITY_TEXT;
    struct json_w w = ref_open(out, event_id, type, ref);
    json_w_ki64(&w, "content_index", ref->content_index);
    json_w_key(&w, "part");
    json_w_open(&w);
    json_w_kz(&w, "type", text ? "text" : "audio");
    json_w_kstr(&w, text ? "text" : "transcript", part->text);
    json_w_close(&w);
    json_w_close(&w);
}

/* The member that carries the text of an event; NULL: none. */
static const char *text_key(enum openai_event_type type)
{
    return type == OPENAI_TEXT_DONE         ? "text"
           : type == OPENAI_TRANSCRIPT_DONE ? "transcript"
           : type == OPENAI_ARGUMENTS_DONE  ? "arguments"
           : type == OPENAI_AUDIO_DONE      ? NULL
                                            : "delta";
}

void openai_server_put_text(struct buf *out, struct str event_id, enum openai_event_type type,
                            const struct openai_server_ref *ref, struct str text)
{
    struct json_w w = ref_open(out, event_id, type, ref);
    if (type == OPENAI_ARGUMENTS_DELTA || type == OPENAI_ARGUMENTS_DONE) {
        json_w_kstr(&w, "call_id", ref->call_id);
    } else {
        json_w_ki64(&w, "content_index", ref->content_index);
    }
    if (type == OPENAI_ARGUMENTS_DONE) {
        json_w_kstr(&w, "name", ref->name);
    }
    const char *key = text_key(type);
    if (key) {
        json_w_kstr(&w, key, text);
    }
    if (ref->obfuscation.p && key && str_is(str_from(key), "delta")) {
        json_w_kstr(&w, "obfuscation", ref->obfuscation);
    }
    json_w_close(&w);
}

void openai_server_put_audio(struct buf *out, struct str event_id, const struct openai_server_ref *ref,
                             struct span audio)
{
    struct json_w w = ref_open(out, event_id, OPENAI_AUDIO_DELTA, ref);
    json_w_ki64(&w, "content_index", ref->content_index);
    PUT(out, ",\"delta\":\"");
    base64_put(out, audio);
    PUT(out, "\"");
    if (ref->obfuscation.p) {
        json_w_kstr(&w, "obfuscation", ref->obfuscation);
    }
    json_w_close(&w);
}
