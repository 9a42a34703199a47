/* Writers of Gemini Live client messages. */
#include "base/base64.h"
#include "wire/gemini.h"

#define PUT(out, lit) buf_put((out), (lit), sizeof(lit) - 1)

static void put_number(struct json_w *w, const char *key, struct gemini_opt v)
{
    if (v.set) {
        json_w_kf64(w, key, v.v);
    }
}

static void put_count(struct json_w *w, const char *key, struct gemini_opt v)
{
    if (v.set) {
        json_w_ki64(w, key, (int64_t)v.v);
    }
}

static void put_text(struct json_w *w, const char *key, struct str s)
{
    if (s.n > 0) {
        json_w_kstr(w, key, s);
    }
}

static void put_tri(struct json_w *w, const char *key, enum gemini_tri v)
{
    if (v != GEMINI_UNSET) {
        json_w_kbool(w, key, v == GEMINI_YES);
    }
}

static void put_raw(struct json_w *w, const char *key, struct str json)
{
    if (json.n > 0) {
        json_w_key(w, key);
        json_w_raw(w, json);
    }
}

static void open_member(struct json_w *w, const char *key)
{
    json_w_key(w, key);
    json_w_open(w);
}

/* ---- setup ---- */

static void put_model(struct json_w *w, struct str model)
{
    bool bare = str_find(model, '/') == model.n;
    json_w_key(w, "model");
    PUT(w->out, "\"");
    if (bare) {
        PUT(w->out, "models/");
    }
    for (size_t i = 0; i < model.n; i++) { /* no name of a model needs escapes; what would, goes */
        char c = model.p[i];
        if (c > ' ' && c != '"' && c != '\\' && c < 0x7f) {
            buf_putc(w->out, c);
        }
    }
    PUT(w->out, "\"");
    w->comma = true;
}

static void put_speech(struct json_w *w, const struct gemini_setup *s)
{
    if (s->voice.n == 0 && s->language_code.n == 0) {
        return;
    }
    open_member(w, "speechConfig");
    if (s->voice.n > 0) {
        open_member(w, "voiceConfig");
        open_member(w, "prebuiltVoiceConfig");
        json_w_kstr(w, "voiceName", s->voice);
        json_w_close(w);
        json_w_close(w);
    }
    put_text(w, "languageCode", s->language_code);
    json_w_close(w);
}

static void put_thinking(struct json_w *w, const struct gemini_setup *s)
{
    if (s->thinking_level.n == 0 && !s->thinking_budget.set && s->include_thoughts == GEMINI_UNSET) {
        return;
    }
    open_member(w, "thinkingConfig");
    put_text(w, "thinkingLevel", s->thinking_level);
    put_count(w, "thinkingBudget", s->thinking_budget);
    put_tri(w, "includeThoughts", s->include_thoughts);
    json_w_close(w);
}

static void put_generation(struct json_w *w, const struct gemini_setup *s)
{
    open_member(w, "generationConfig");
    json_w_key(w, "responseModalities");
    json_w_raw(w, s->text_only ? STR("[\"TEXT\"]") : STR("[\"AUDIO\"]"));
    put_number(w, "temperature", s->temperature);
    put_number(w, "topP", s->top_p);
    put_count(w, "topK", s->top_k);
    put_count(w, "maxOutputTokens", s->max_output_tokens);
    put_number(w, "presencePenalty", s->presence_penalty);
    put_number(w, "frequencyPenalty", s->frequency_penalty);
    put_count(w, "seed", s->seed);
    put_text(w, "mediaResolution", s->media_resolution);
    put_speech(w, s);
    put_thinking(w, s);
    put_tri(w, "enableAffectiveDialog", s->affective_dialog);
    json_w_close(w);
}

/* role: as the service's own client sends it, or none. */
static void put_instructions(struct json_w *w, struct str text, const char *role)
{
    if (text.n == 0) {
        return;
    }
    open_member(w, "systemInstruction");
    json_w_key(w, "parts");
    json_w_array(w);
    json_w_open(w);
    json_w_kstr(w, "text", text);
    json_w_close(w);
    json_w_end(w);
    if (role) {
        json_w_kz(w, "role", role);
    }
    json_w_close(w);
}

static void put_tools(struct json_w *w, struct str functions_raw, bool google_search)
{
    json_w_key(w, "tools");
    json_w_array(w);
    if (functions_raw.n > 2) { /* "[]" */
        json_w_open(w);
        put_raw(w, "functionDeclarations", functions_raw);
        json_w_close(w);
    }
    if (google_search) {
        json_w_open(w);
        open_member(w, "googleSearch");
        json_w_close(w);
        json_w_close(w);
    }
    json_w_end(w);
}

static void put_realtime(struct json_w *w, const struct gemini_setup *s)
{
    bool detects =
        s->start_sensitivity.n || s->end_sensitivity.n || s->prefix_padding_ms.set || s->silence_duration_ms.set;
    open_member(w, "realtimeInputConfig");
    if (s->manual || detects) {
        open_member(w, "automaticActivityDetection");
        if (s->manual) {
            json_w_kbool(w, "disabled", true);
        } else {
            put_text(w, "startOfSpeechSensitivity", s->start_sensitivity);
            put_text(w, "endOfSpeechSensitivity", s->end_sensitivity);
            put_count(w, "prefixPaddingMs", s->prefix_padding_ms);
            put_count(w, "silenceDurationMs", s->silence_duration_ms);
        }
        json_w_close(w);
    }
    put_text(w, "activityHandling", s->activity_handling);
    put_text(w, "turnCoverage", s->turn_coverage);
    json_w_close(w);
}

static void put_transcripts(struct json_w *w, const struct gemini_setup *s)
{
    if (s->hear) {
        open_member(w, "inputAudioTranscription");
        put_raw(w, "languageCodes", s->hear_languages_raw);
        put_raw(w, "customVocabulary", s->hear_vocabulary_raw);
        put_text(w, "mode", s->hear_mode);
        json_w_close(w);
    }
    if (s->say) {
        open_member(w, "outputAudioTranscription");
        json_w_close(w);
    }
}

/* 64-bit integers go out as strings, as the protobuf rules have it. */
static void put_tokens(struct json_w *w, const char *key, struct gemini_opt v)
{
    if (v.set) {
        json_w_key(w, key);
        PUT(w->out, "\"");
        buf_put_i64(w->out, (int64_t)v.v);
        PUT(w->out, "\"");
        w->comma = true;
    }
}

static void put_memory(struct json_w *w, const struct gemini_setup *s)
{
    if (s->resumable || s->handle.n) {
        open_member(w, "sessionResumption");
        put_text(w, "handle", s->handle);
        json_w_close(w);
    }
    if (s->compress) {
        open_member(w, "contextWindowCompression");
        put_tokens(w, "triggerTokens", s->trigger_tokens);
        open_member(w, "slidingWindow");
        put_tokens(w, "targetTokens", s->target_tokens);
        json_w_close(w);
        json_w_close(w);
    }
}

void gemini_put_setup(struct buf *out, const struct gemini_setup *s)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    open_member(&w, "setup");
    put_model(&w, s->model);
    put_generation(&w, s);
    put_instructions(&w, s->instructions, NULL);
    if (s->functions_raw.n > 2 || s->google_search) {
        put_tools(&w, s->functions_raw, s->google_search);
    }
    put_realtime(&w, s);
    put_transcripts(&w, s);
    put_memory(&w, s);
    if (s->proactive_audio != GEMINI_UNSET) {
        open_member(&w, "proactivity");
        put_tri(&w, "proactiveAudio", s->proactive_audio);
        json_w_close(&w);
    }
    if (s->history) {
        open_member(&w, "historyConfig");
        json_w_kbool(&w, "initialHistoryInClientContent", true);
        json_w_close(&w);
    }
    put_raw(&w, "safetySettings", s->safety_raw);
    json_w_close(&w);
    json_w_close(&w);
}

/* ---- audio and marks ---- */

void gemini_put_audio(struct buf *out, struct span pcm)
{
    PUT(out, "{\"realtimeInput\":{\"audio\":{\"mimeType\":\"audio/pcm;rate=16000\",\"data\":\"");
    char *at = (char *)buf_room(out, base64_enc_len(pcm.n));
    if (at) {
        buf_added(out, base64_encode(at, pcm));
    }
    PUT(out, "\"}}}");
}

void gemini_put_mark(struct buf *out, enum gemini_mark mark)
{
    switch (mark) {
    case GEMINI_ACTIVITY_START:
        PUT(out, "{\"realtimeInput\":{\"activityStart\":{}}}");
        break;
    case GEMINI_ACTIVITY_END:
        PUT(out, "{\"realtimeInput\":{\"activityEnd\":{}}}");
        break;
    case GEMINI_STREAM_END:
        PUT(out, "{\"realtimeInput\":{\"audioStreamEnd\":true}}");
        break;
    }
}

void gemini_put_image(struct buf *out, struct str mime_type, struct str base64)
{
    PUT(out, "{\"realtimeInput\":{\"video\":{\"mimeType\":");
    json_put_quoted(out, mime_type);
    PUT(out, ",\"data\":");
    json_put_quoted(out, base64);
    PUT(out, "}}}");
}

void gemini_put_context(struct buf *out, struct str instructions, struct str functions_raw)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    open_member(&w, "contextUpdate");
    put_instructions(&w, instructions, "user");
    open_member(&w, "tools"); /* twice, as the service's own client has it; an empty list takes all away */
    put_tools(&w, functions_raw, false);
    json_w_close(&w);
    json_w_close(&w);
    json_w_close(&w);
}

void gemini_put_realtime_text(struct buf *out, struct str text)
{
    PUT(out, "{\"realtimeInput\":{\"text\":");
    json_put_quoted(out, text);
    PUT(out, "}}");
}

/* ---- content ---- */

void gemini_add_turn(struct buf *turns, enum gemini_role role, struct str text)
{
    if (text.n == 0) {
        return;
    }
    if (turns->len > 0) {
        PUT(turns, ",");
    }
    struct json_w w = json_w(turns);
    json_w_open(&w);
    json_w_kz(&w, "role", role == GEMINI_ROLE_MODEL ? "model" : "user");
    json_w_key(&w, "parts");
    json_w_array(&w);
    json_w_open(&w);
    json_w_kstr(&w, "text", text);
    json_w_close(&w);
    json_w_end(&w);
    json_w_close(&w);
}

void gemini_put_content(struct buf *out, struct str turns, bool complete)
{
    PUT(out, "{\"clientContent\":{");
    if (turns.n > 0) {
        PUT(out, "\"turns\":[");
        buf_put_str(out, turns);
        PUT(out, "],");
    }
    if (complete) {
        PUT(out, "\"turnComplete\":true}}");
    } else {
        PUT(out, "\"turnComplete\":false}}");
    }
}

/* ---- tools ---- */

/* The API's convention: "output" for results, "error" for failures; what is no JSON is a text. */
static void put_output(struct json_w *w, const struct gemini_result *r)
{
    struct json_val v;
    bool json = json_parse(r->output, &v) == 0;
    json_w_key(w, "response");
    json_w_open(w);
    json_w_key(w, r->failed ? "error" : "output");
    if (json) {
        json_w_raw(w, r->output);
    } else {
        json_w_str(w, r->output);
    }
    json_w_close(w);
}

void gemini_put_tool_response(struct buf *out, const struct gemini_result *list, size_t n)
{
    static const char *const words[] = {NULL, "WHEN_IDLE", "INTERRUPT", "SILENT"};
    struct json_w w = json_w(out);
    json_w_open(&w);
    open_member(&w, "toolResponse");
    json_w_key(&w, "functionResponses");
    json_w_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_w_open(&w);
        put_text(&w, "id", list[i].id);
        json_w_kstr(&w, "name", list[i].name);
        put_output(&w, &list[i]);
        if (list[i].scheduling != GEMINI_SCHEDULING_UNSET) {
            json_w_kz(&w, "scheduling", words[list[i].scheduling]);
        }
        json_w_close(&w);
    }
    json_w_end(&w);
    json_w_close(&w);
    json_w_close(&w);
}
