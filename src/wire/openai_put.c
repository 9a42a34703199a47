/* Writers of OpenAI Realtime client events. */
#include "base/base64.h"
#include "wire/openai.h"

#define PUT(out, lit) buf_put((out), (lit), sizeof(lit) - 1)

static void put_bool(struct json_w *w, const char *key, enum openai_tri v)
{
    if (v != OPENAI_UNSET) {
        json_w_kbool(w, key, v == OPENAI_YES);
    }
}

static void put_i64(struct json_w *w, const char *key, struct openai_opt_i64 v)
{
    if (v.set && v.null) {
        json_w_kz(w, key, NULL);
    } else if (v.set) {
        json_w_ki64(w, key, v.v);
    }
}

static void put_f64(struct json_w *w, const char *key, struct openai_opt_f64 v)
{
    if (v.set) {
        json_w_kf64(w, key, v.v);
    }
}

static void put_text(struct json_w *w, const char *key, struct str s)
{
    if (s.p) {
        json_w_kstr(w, key, s);
    }
}

static void put_raw(struct json_w *w, const char *key, struct str json)
{
    if (json.p) {
        json_w_key(w, key);
        json_w_raw(w, json);
    }
}

static void put_modality(struct json_w *w, enum openai_modality modality)
{
    if (modality == OPENAI_MODALITY_NONE) {
        return;
    }
    json_w_key(w, "output_modalities");
    json_w_array(w);
    json_w_str(w, modality == OPENAI_MODALITY_TEXT ? STR("text") : STR("audio"));
    json_w_end(w);
}

static void put_max_tokens(struct json_w *w, struct openai_opt_i64 v)
{
    if (v.set && v.v <= 0) {
        json_w_kz(w, "max_output_tokens", "inf");
    } else {
        put_i64(w, "max_output_tokens", v);
    }
}

static void put_tool_choice(struct json_w *w, struct str raw, struct str choice, bool function)
{
    if (raw.p) {
        put_raw(w, "tool_choice", raw);
    } else if (choice.p && function) {
        json_w_key(w, "tool_choice");
        json_w_open(w);
        json_w_kz(w, "type", "function");
        json_w_kstr(w, "name", choice);
        json_w_close(w);
    } else {
        put_text(w, "tool_choice", choice);
    }
}

static void put_transcription(struct json_w *w, const struct openai_transcription *t)
{
    if (t->on == OPENAI_UNSET) {
        return;
    }
    json_w_key(w, "transcription");
    if (t->on == OPENAI_NO) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    put_text(w, "model", t->model);
    put_text(w, "language", t->language);
    put_text(w, "prompt", t->prompt);
    if (t->raw_extra.n) {
        json_w_raw(w, t->raw_extra);
    }
    json_w_close(w);
}

static void put_noise(struct json_w *w, enum openai_noise noise)
{
    if (noise == OPENAI_NOISE_UNSET) {
        return;
    }
    json_w_key(w, "noise_reduction");
    if (noise == OPENAI_NOISE_OFF) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    json_w_kz(w, "type", noise == OPENAI_NOISE_FAR ? "far_field" : "near_field");
    json_w_close(w);
}

/* Each type knows only its own members; the service refuses the others. */
static void put_turn_detection(struct json_w *w, const struct openai_turn_detection *t, bool transcription_only)
{
    if (t->type == OPENAI_VAD_UNSET) {
        return;
    }
    json_w_key(w, "turn_detection");
    if (t->type == OPENAI_VAD_NONE) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    if (t->type == OPENAI_VAD_SERVER) {
        json_w_kz(w, "type", "server_vad");
        put_f64(w, "threshold", t->threshold);
        put_i64(w, "prefix_padding_ms", t->prefix_padding_ms);
        put_i64(w, "silence_duration_ms", t->silence_duration_ms);
        if (!transcription_only) {
            put_i64(w, "idle_timeout_ms", t->idle_timeout_ms);
        }
    } else {
        json_w_kz(w, "type", "semantic_vad");
        if (t->eagerness != OPENAI_EAGERNESS_UNSET) {
            json_w_kz(w, "eagerness", openai_eagerness_name(t->eagerness));
        }
    }
    if (!transcription_only) {
        put_bool(w, "create_response", t->create_response);
        put_bool(w, "interrupt_response", t->interrupt_response);
    }
    json_w_close(w);
}

static void put_input(struct json_w *w, const struct openai_session *s)
{
    if (s->input_format == OPENAI_FORMAT_NONE && s->transcription.on == OPENAI_UNSET &&
        s->noise_reduction == OPENAI_NOISE_UNSET && s->turn_detection.type == OPENAI_VAD_UNSET) {
        return;
    }
    json_w_key(w, "input");
    json_w_open(w);
    if (s->input_format != OPENAI_FORMAT_NONE) {
        json_w_key(w, "format");
        openai_put_format(w, s->input_format);
    }
    put_transcription(w, &s->transcription);
    put_noise(w, s->noise_reduction);
    put_turn_detection(w, &s->turn_detection, s->transcription_only);
    json_w_close(w);
}

static void put_output(struct json_w *w, const struct openai_session *s)
{
    if (s->transcription_only ||
        (s->output_format == OPENAI_FORMAT_NONE && !s->voice.p && !s->voice_id.p && !s->speed.set)) {
        return;
    }
    json_w_key(w, "output");
    json_w_open(w);
    if (s->output_format != OPENAI_FORMAT_NONE) {
        json_w_key(w, "format");
        openai_put_format(w, s->output_format);
    }
    if (s->voice_id.p) {
        json_w_key(w, "voice");
        json_w_open(w);
        json_w_kstr(w, "id", s->voice_id);
        json_w_close(w);
    } else {
        put_text(w, "voice", s->voice);
    }
    put_f64(w, "speed", s->speed);
    json_w_close(w);
}

/* An "audio" object that turns out empty is taken back. */
static void put_audio(struct json_w *w, const struct openai_session *s)
{
    size_t before = w->out->len;
    bool comma = w->comma;
    json_w_key(w, "audio");
    json_w_open(w);
    size_t empty = w->out->len;
    put_input(w, s);
    put_output(w, s);
    if (w->out->len == empty && w->out->err == 0) {
        w->out->len = before;
        w->comma = comma;
        return;
    }
    json_w_close(w);
}

static struct json_w event_open(struct buf *out, const char *type, struct str event_id)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "type", type);
    put_text(&w, "event_id", event_id);
    return w;
}

void openai_put_session_update(struct buf *out, struct str event_id, const struct openai_session *s)
{
    struct json_w w = event_open(out, "session.update", event_id);
    json_w_key(&w, "session");
    json_w_open(&w);
    json_w_kz(&w, "type", s->transcription_only ? "transcription" : "realtime");
    if (!s->transcription_only) {
        put_text(&w, "model", s->model);
        put_text(&w, "instructions", s->instructions);
        put_modality(&w, s->output_modality);
    }
    put_audio(&w, s);
    if (!s->transcription_only) {
        put_raw(&w, "tools", s->tools_raw);
        put_tool_choice(&w, s->tool_choice_raw, s->tool_choice, s->tool_choice_function);
        put_bool(&w, "parallel_tool_calls", s->parallel_tool_calls);
        if (s->reasoning_effort != OPENAI_EFFORT_UNSET) {
            json_w_key(&w, "reasoning");
            json_w_open(&w);
            json_w_kz(&w, "effort", openai_effort_name(s->reasoning_effort));
            json_w_close(&w);
        }
        put_max_tokens(&w, s->max_output_tokens);
        put_raw(&w, "prompt", s->prompt_raw);
        put_raw(&w, "tracing", s->tracing_raw);
        put_raw(&w, "truncation", s->truncation_raw);
    }
    put_raw(&w, "include", s->include_raw);
    json_w_close(&w);
    json_w_close(&w);
}

void openai_put_append(struct buf *out, struct span audio)
{
    PUT(out, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
    uint8_t *at = buf_room(out, base64_enc_len(audio.n) + 2);
    if (at) {
        size_t n = base64_encode((char *)at, audio);
        at[n] = '"';
        at[n + 1] = '}';
        buf_added(out, n + 2);
    }
}

void openai_put_append_text(struct buf *out, struct str base64)
{
    PUT(out, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
    buf_put_str(out, base64);
    PUT(out, "\"}");
}

static void put_bare(struct buf *out, const char *type, struct str event_id)
{
    struct json_w w = event_open(out, type, event_id);
    json_w_close(&w);
}

void openai_put_commit(struct buf *out, struct str event_id)
{
    put_bare(out, "input_audio_buffer.commit", event_id);
}

void openai_put_input_clear(struct buf *out, struct str event_id)
{
    put_bare(out, "input_audio_buffer.clear", event_id);
}

/* User and system texts are input, what the assistant said is output: the service insists. */
static void put_message(struct json_w *w, const struct openai_put_item *item)
{
    static const char *const roles[] = {
        [OPENAI_PUT_USER] = "user", [OPENAI_PUT_ASSISTANT] = "assistant", [OPENAI_PUT_SYSTEM] = "system"};
    json_w_kz(w, "type", "message");
    json_w_kz(w, "role", roles[item->kind]);
    json_w_key(w, "content");
    if (item->content_raw.n) {
        json_w_raw(w, item->content_raw);
        return;
    }
    json_w_array(w);
    json_w_open(w);
    json_w_kz(w, "type", item->kind == OPENAI_PUT_ASSISTANT ? "output_text" : "input_text");
    json_w_kstr(w, "text", item->text);
    json_w_close(w);
    json_w_end(w);
}

void openai_put_item_create(struct buf *out, struct str event_id, const struct openai_put_item *item)
{
    struct json_w w = event_open(out, "conversation.item.create", event_id);
    put_text(&w, "previous_item_id", item->previous_item_id);
    json_w_key(&w, "item");
    json_w_open(&w);
    put_text(&w, "id", item->id);
    if (item->kind == OPENAI_PUT_FUNCTION_OUTPUT) {
        json_w_kz(&w, "type", "function_call_output");
        json_w_kstr(&w, "call_id", item->call_id);
        json_w_kstr(&w, "output", item->text);
    } else if (item->kind == OPENAI_PUT_FUNCTION_CALL) {
        json_w_kz(&w, "type", "function_call");
        json_w_kstr(&w, "call_id", item->call_id);
        json_w_kstr(&w, "name", item->name);
        json_w_kstr(&w, "arguments", item->text);
    } else {
        put_message(&w, item);
    }
    json_w_close(&w);
    json_w_close(&w);
}

void openai_put_response_create(struct buf *out, struct str event_id, const struct openai_put_response *opts)
{
    struct json_w w = event_open(out, "response.create", event_id);
    if (opts) {
        json_w_key(&w, "response");
        json_w_open(&w);
        if (opts->out_of_band) {
            json_w_kz(&w, "conversation", "none");
        }
        put_raw(&w, "metadata", opts->metadata_raw);
        put_modality(&w, opts->output_modality);
        put_text(&w, "instructions", opts->instructions);
        put_raw(&w, "tools", opts->tools_raw);
        put_tool_choice(&w, opts->tool_choice_raw, opts->tool_choice, false);
        put_max_tokens(&w, opts->max_output_tokens);
        put_raw(&w, "input", opts->input_raw);
        json_w_close(&w);
    }
    json_w_close(&w);
}

void openai_put_response_cancel(struct buf *out, struct str event_id, struct str response_id)
{
    struct json_w w = event_open(out, "response.cancel", event_id);
    put_text(&w, "response_id", response_id);
    json_w_close(&w);
}

void openai_put_truncate(struct buf *out, struct str event_id, struct str item_id, uint64_t audio_end_ms)
{
    struct json_w w = event_open(out, "conversation.item.truncate", event_id);
    json_w_kstr(&w, "item_id", item_id);
    json_w_ki64(&w, "content_index", 0);
    json_w_ki64(&w, "audio_end_ms", (int64_t)audio_end_ms);
    json_w_close(&w);
}
