/* session.created and session.updated: the effective session as the service echoes it, always whole. */
#include "wire/openai_check.h"
#include "wire/openai_server.h"

static void put_raw(struct json_w *w, const char *key, const struct buf *json)
{
    json_w_key(w, key);
    json_w_raw(w, buf_str(json));
}

static void put_opt_text(struct json_w *w, const char *key, struct str s)
{
    json_w_key(w, key);
    if (s.n) {
        json_w_str(w, s);
    } else {
        json_w_null(w);
    }
}

static void put_transcription(struct json_w *w, const struct openai_server_session *s)
{
    json_w_key(w, "transcription");
    if (!s->transcription) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    json_w_kz(w, "model", s->transcription_model);
    put_opt_text(w, "language", str_from(s->transcription_language));
    put_opt_text(w, "prompt", buf_str(&s->transcription_prompt));
    if (s->transcription_extra.len) {
        json_w_raw(w, buf_str(&s->transcription_extra));
    }
    json_w_close(w);
}

static void put_turn_detection(struct json_w *w, const struct openai_server_session *s)
{
    const struct openai_turn_detection *t = &s->turn_detection;
    json_w_key(w, "turn_detection");
    if (t->type == OPENAI_VAD_NONE) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    if (t->type == OPENAI_VAD_SERVER) {
        json_w_kz(w, "type", "server_vad");
        json_w_kf64(w, "threshold", t->threshold.v);
        json_w_ki64(w, "prefix_padding_ms", t->prefix_padding_ms.v);
        json_w_ki64(w, "silence_duration_ms", t->silence_duration_ms.v);
        if (!s->transcription_only && t->idle_timeout_ms.null) {
            json_w_kz(w, "idle_timeout_ms", NULL);
        } else if (!s->transcription_only) {
            json_w_ki64(w, "idle_timeout_ms", t->idle_timeout_ms.v);
        }
    } else {
        json_w_kz(w, "type", "semantic_vad");
        json_w_kz(w, "eagerness", openai_eagerness_name(t->eagerness));
    }
    if (!s->transcription_only) {
        json_w_kbool(w, "create_response", t->create_response == OPENAI_YES);
        json_w_kbool(w, "interrupt_response", t->interrupt_response == OPENAI_YES);
    }
    json_w_close(w);
}

static void put_audio(struct json_w *w, const struct openai_server_session *s)
{
    json_w_key(w, "audio");
    json_w_open(w);
    json_w_key(w, "input");
    json_w_open(w);
    json_w_key(w, "format");
    openai_put_format(w, s->input_format);
    put_transcription(w, s);
    json_w_key(w, "noise_reduction");
    if (s->noise_reduction == OPENAI_NOISE_OFF) {
        json_w_null(w);
    } else {
        json_w_open(w);
        json_w_kz(w, "type", s->noise_reduction == OPENAI_NOISE_FAR ? "far_field" : "near_field");
        json_w_close(w);
    }
    put_turn_detection(w, s);
    json_w_close(w);
    if (!s->transcription_only) {
        json_w_key(w, "output");
        json_w_open(w);
        json_w_key(w, "format");
        openai_put_format(w, s->output_format);
        openai_server_put_voice(w, str_from(s->voice), s->voice_is_id);
        json_w_kf64(w, "speed", s->speed);
        json_w_close(w);
    }
    json_w_close(w);
}

/* What only the speech-to-speech session has, in the vendor's order. */
static void put_conversation_settings(struct json_w *w, const struct openai_server_session *s)
{
    json_w_key(w, "output_modalities");
    json_w_array(w);
    json_w_str(w, s->output_modality == OPENAI_MODALITY_TEXT ? STR("text") : STR("audio"));
    json_w_end(w);
    json_w_kstr(w, "instructions", buf_str(&s->instructions));
    put_raw(w, "tools", &s->tools);
    put_raw(w, "tool_choice", &s->tool_choice);
    if (s->max_output_tokens) {
        json_w_ki64(w, "max_output_tokens", s->max_output_tokens);
    } else {
        json_w_kz(w, "max_output_tokens", "inf");
    }
    put_raw(w, "tracing", &s->tracing);
    put_raw(w, "truncation", &s->truncation);
    put_raw(w, "prompt", &s->prompt);
}

void openai_server_put_session(struct buf *out, struct str event_id, enum openai_event_type type,
                               const struct openai_server_session *s)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "type", openai_event_name(type));
    json_w_kstr(&w, "event_id", event_id);
    json_w_key(&w, "session");
    json_w_open(&w);
    json_w_kz(&w, "type", s->transcription_only ? "transcription" : "realtime");
    json_w_kz(&w, "object", s->transcription_only ? "realtime.transcription_session" : "realtime.session");
    json_w_kz(&w, "id", s->id);
    if (!s->transcription_only) {
        json_w_kz(&w, "model", s->model);
        put_conversation_settings(&w, s);
    }
    json_w_ki64(&w, "expires_at", s->expires_at);
    put_audio(&w, s);
    put_raw(&w, "include", &s->include);
    if (!s->transcription_only && s->parallel_tool_calls != OPENAI_UNSET) {
        json_w_kbool(&w, "parallel_tool_calls", s->parallel_tool_calls == OPENAI_YES);
    }
    if (!s->transcription_only && s->reasoning_effort != OPENAI_EFFORT_UNSET) {
        json_w_key(&w, "reasoning");
        json_w_open(&w);
        json_w_kz(&w, "effort", openai_effort_name(s->reasoning_effort));
        json_w_close(&w);
    }
    json_w_close(&w);
    json_w_close(&w);
}
