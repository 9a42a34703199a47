/* Strict decoder of Gemini Live client messages. */
#include "wire/gemini_server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "wire/reader.h"

#define SCHEMA_MAX 40

void gemini_server_refuse(struct gemini_refusal *r, uint16_t code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    r->code = code;
    vsnprintf(r->reason, sizeof(r->reason), fmt, ap); /* cut as the service cuts it */
    va_end(ap);
}

/* ---- names in two spellings ---- */

static bool name_is(struct str key, const char *camel)
{
    size_t i = 0;
    for (; *camel; camel++) {
        bool upper = *camel >= 'A' && *camel <= 'Z';
        if (i < key.n && key.p[i] == *camel) {
            i++;
        } else if (upper && i + 1 < key.n && key.p[i] == '_' && key.p[i + 1] == *camel - 'A' + 'a') {
            i += 2;
        } else {
            return false;
        }
    }
    return i == key.n;
}

struct json_val gemini_server_get(struct json_val v, const char *name)
{
    struct json_it it = json_object(v);
    struct str key;
    struct json_val m;
    while (json_next(&it, &key, &m)) {
        if (name_is(key, name) && m.type != JSON_NULL) {
            return m;
        }
    }
    return (struct json_val){0};
}

struct decoding {
    struct reader r;
    struct gemini_refusal *why;
    struct gemini_client_message *m;
};

static int invalid(struct decoding *d)
{
    gemini_server_refuse(d->why, 1007, "Request contains an invalid argument.");
    return -ERR_SYNTAX;
}

/* Every member of v is one of the names, which are separated by blanks. */
static int check_names(struct decoding *d, struct json_val v, const char *where, const char *names)
{
    struct json_it it = json_object(v);
    struct str key;
    struct json_val m;
    if (v.type != JSON_OBJECT) {
        return invalid(d);
    }
    while (json_next(&it, &key, &m)) {
        struct str rest = str_from(names);
        struct str name;
        bool known = false;
        char one[64];
        while (!known && str_split(&rest, ' ', &name)) {
            known = str_copy(one, sizeof(one), name) == 0 && name_is(key, one);
        }
        if (!known) {
            gemini_server_refuse(
                d->why, 1007, "Invalid JSON payload received. Unknown name \"" STR_FMT "\" at '%s': Cannot find field.",
                (int)MIN(key.n, (size_t)40), key.p, where);
            return -ERR_SYNTAX;
        }
    }
    return it.err < 0 ? invalid(d) : 0;
}

static int get_str(struct decoding *d, struct json_val v, const char *name, struct str *ret)
{
    struct json_val m = gemini_server_get(v, name);
    if (m.type == JSON_NONE) {
        return 0;
    }
    return reader_str(&d->r, m, "x", SIZE_MAX, ret) < 0 ? invalid(d) : 0;
}

static bool is_true(struct json_val v, const char *name)
{
    return gemini_server_get(v, name).type == JSON_TRUE;
}

/* Numbers may come as strings. */
static uint32_t get_u32(struct json_val v, const char *name)
{
    struct json_val m = gemini_server_get(v, name);
    int64_t n = 0;
    int err = m.type == JSON_STRING ? str_to_i64(m.s, &n) : json_to_i64(m, &n);
    return err == 0 && n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static bool word_is(struct json_val v, const char *name, const char *word)
{
    struct json_val m = gemini_server_get(v, name);
    return m.type == JSON_STRING && str_ieq(m.s, str_from(word));
}

/* ---- setup ---- */

static int check_schema(struct decoding *d, struct json_val v, int depth)
{
    struct json_val properties = gemini_server_get(v, "properties");
    struct json_val items = gemini_server_get(v, "items");
    struct json_val any = gemini_server_get(v, "anyOf");
    struct json_val type = gemini_server_get(v, "type");
    struct json_val m;
    struct str key;
    int err = depth > SCHEMA_MAX
                  ? invalid(d)
                  : check_names(d, v, "setup.tools[0].function_declarations[0].parameters",
                                "type format title description nullable enum items properties required minimum "
                                "maximum minItems maxItems minLength maxLength pattern default anyOf "
                                "propertyOrdering example");
    static const char *const types[] = {"OBJECT", "STRING", "INTEGER", "NUMBER", "BOOLEAN", "ARRAY"};
    bool known = type.type == JSON_NONE && any.type == JSON_ARRAY;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        known = known || (type.type == JSON_STRING && str_is(type.s, types[i]));
    }
    err = err < 0 || known ? err : invalid(d);
    for (struct json_it it = json_object(properties);
         err >= 0 && properties.type == JSON_OBJECT && json_next(&it, &key, &m);) {
        err = check_schema(d, m, depth + 1);
    }
    if (err >= 0 && items.type == JSON_OBJECT) {
        err = check_schema(d, items, depth + 1);
    }
    for (struct json_it it = json_array(any); err >= 0 && any.type == JSON_ARRAY && json_elem(&it, &m);) {
        err = check_schema(d, m, depth + 1);
    }
    return err;
}

static int check_function(struct decoding *d, struct json_val f)
{
    struct gemini_client_setup *s = &d->m->setup;
    struct str name = STR("");
    struct json_val parameters = gemini_server_get(f, "parameters");
    int err = check_names(d, f, "setup.tools[0].function_declarations[0]",
                          "name description parameters parametersJsonSchema response responseJsonSchema behavior");
    err = err < 0 ? err : get_str(d, f, "name", &name);
    if (err >= 0 && !gemini_name_ok(name)) {
        err = invalid(d);
    }
    s->n_functions++;
    s->non_blocking = s->non_blocking || word_is(f, "behavior", "NON_BLOCKING");
    return err < 0 || parameters.type != JSON_OBJECT ? err : check_schema(d, parameters, 0);
}

static int read_tools(struct decoding *d, struct json_val tools)
{
    struct json_it it = json_array(tools);
    struct json_val tool;
    struct json_val f;
    int err = 0;
    if (tools.type == JSON_NONE) {
        return 0;
    }
    if (tools.type != JSON_ARRAY) {
        return invalid(d);
    }
    d->m->setup.tools = tools;
    while (err >= 0 && json_elem(&it, &tool)) {
        struct json_val list = gemini_server_get(tool, "functionDeclarations");
        err = check_names(d, tool, "setup.tools[0]",
                          "functionDeclarations googleSearch googleSearchRetrieval codeExecution urlContext");
        for (struct json_it at = json_array(list); err >= 0 && list.type == JSON_ARRAY && json_elem(&at, &f);) {
            err = check_function(d, f);
        }
    }
    return err;
}

static int read_generation(struct decoding *d, struct json_val v)
{
    struct gemini_client_setup *s = &d->m->setup;
    if (v.type == JSON_NONE) {
        return 0;
    }
    int err = check_names(d, v, "setup.generation_config",
                          "responseModalities temperature topP topK maxOutputTokens candidateCount presencePenalty "
                          "frequencyPenalty seed mediaResolution speechConfig thinkingConfig enableAffectiveDialog "
                          "translationConfig");
    struct json_val modalities = gemini_server_get(v, "responseModalities");
    struct json_val m;
    for (struct json_it it = json_array(modalities); modalities.type == JSON_ARRAY && json_elem(&it, &m);) {
        s->text_only = m.type == JSON_STRING && str_ieq(m.s, STR("TEXT"));
    }
    struct json_val speech = gemini_server_get(v, "speechConfig");
    struct json_val voice = gemini_server_get(gemini_server_get(speech, "voiceConfig"), "prebuiltVoiceConfig");
    s->thinking = gemini_server_get(v, "thinkingConfig").type == JSON_OBJECT;
    s->affective = gemini_server_get(v, "enableAffectiveDialog").type != JSON_NONE;
    return err < 0 ? err : get_str(d, voice, "voiceName", &s->voice);
}

static int read_realtime(struct decoding *d, struct json_val v)
{
    struct gemini_client_setup *s = &d->m->setup;
    struct json_val detection = gemini_server_get(v, "automaticActivityDetection");
    if (v.type == JSON_NONE) {
        return 0;
    }
    int err =
        check_names(d, v, "setup.realtime_input_config", "automaticActivityDetection activityHandling turnCoverage");
    if (err >= 0 && detection.type != JSON_NONE) {
        err = check_names(d, detection, "setup.realtime_input_config.automatic_activity_detection",
                          "disabled startOfSpeechSensitivity endOfSpeechSensitivity prefixPaddingMs silenceDurationMs");
    }
    s->manual = is_true(detection, "disabled");
    s->silence_ms = get_u32(detection, "silenceDurationMs");
    s->no_interruption = word_is(v, "activityHandling", "NO_INTERRUPTION");
    return err;
}

static int read_resumption(struct decoding *d, struct json_val v)
{
    struct gemini_client_setup *s = &d->m->setup;
    s->resumption = v.type == JSON_OBJECT;
    if (v.type == JSON_NONE) {
        return 0;
    }
    int err = check_names(d, v, "setup.session_resumption", "handle");
    err = err < 0 ? err : get_str(d, v, "handle", &s->handle);
    if (err >= 0 && gemini_server_get(v, "handle").type == JSON_STRING && s->handle.n == 0) {
        gemini_server_refuse(d->why, 1008, "Requested entity was not found.");
        return -ERR_SYNTAX;
    }
    return err;
}

static int read_compression(struct decoding *d, struct json_val v)
{
    if (v.type == JSON_NONE) {
        return 0;
    }
    int err = check_names(d, v, "setup.context_window_compression", "triggerTokens slidingWindow");
    struct json_val window = gemini_server_get(v, "slidingWindow");
    return err < 0 || window.type == JSON_NONE
               ? err
               : check_names(d, window, "setup.context_window_compression.sliding_window", "targetTokens");
}

static int read_transcription(struct decoding *d, struct json_val v, const char *where, bool *ret)
{
    *ret = v.type == JSON_OBJECT;
    return v.type == JSON_NONE
               ? 0
               : check_names(d, v, where,
                             "languageCodes customVocabulary adaptationPhrases wordTimestamp diarization mode");
}

static int read_history(struct decoding *d, struct json_val v)
{
    d->m->setup.history = is_true(v, "initialHistoryInClientContent");
    return v.type == JSON_NONE ? 0 : check_names(d, v, "setup.history_config", "initialHistoryInClientContent");
}

static int read_setup(struct decoding *d, struct json_val v)
{
    struct gemini_client_setup *s = &d->m->setup;
    struct json_val proactive = gemini_server_get(v, "proactivity");
    int err = check_names(d, v, "setup",
                          "model generationConfig systemInstruction tools realtimeInputConfig sessionResumption "
                          "contextWindowCompression inputAudioTranscription outputAudioTranscription proactivity "
                          "historyConfig avatarConfig explicitVadSignal labels safetySettings");
    err = err < 0 ? err : get_str(d, v, "model", &s->model);
    err = err < 0 ? err : read_generation(d, gemini_server_get(v, "generationConfig"));
    err = err < 0 ? err : read_tools(d, gemini_server_get(v, "tools"));
    err = err < 0 ? err : read_realtime(d, gemini_server_get(v, "realtimeInputConfig"));
    err = err < 0 ? err : read_resumption(d, gemini_server_get(v, "sessionResumption"));
    err = err < 0 ? err : read_compression(d, gemini_server_get(v, "contextWindowCompression"));
    err = err < 0 ? err : read_history(d, gemini_server_get(v, "historyConfig"));
    err = err < 0 ? err
                  : read_transcription(d, gemini_server_get(v, "inputAudioTranscription"),
                                       "setup.input_audio_transcription", &s->hears);
    err = err < 0 ? err
                  : read_transcription(d, gemini_server_get(v, "outputAudioTranscription"),
                                       "setup.output_audio_transcription", &s->says);
    s->system = gemini_server_get(v, "systemInstruction");
    s->proactive_off = gemini_server_get(proactive, "proactiveAudio").type == JSON_FALSE;
    return err;
}

/* ---- the other messages ---- */

static uint32_t rate_of(struct str type)
{
    size_t at = str_search(type, STR("rate="));
    int64_t hz = 0;
    if (at == SIZE_MAX) {
        return GEMINI_IN_HZ;
    }
    return str_to_i64((struct str){type.p + at + 5, type.n - at - 5}, &hz) == 0 && hz > 0 && hz <= 48000 ? (uint32_t)hz
                                                                                                         : 0;
}

static int read_blob(struct decoding *d, struct json_val v)
{
    struct gemini_client_input *in = &d->m->input;
    struct str type = STR("");
    int err = check_names(d, v, "realtime_input.audio", "data mimeType displayName");
    err = err < 0 ? err : get_str(d, v, "mimeType", &type);
    err = err < 0 ? err : get_str(d, v, "data", &in->audio);
    in->rate_hz = rate_of(type);
    bool fine = str_starts(type, STR("audio/pcm")) && in->rate_hz > 0 && in->audio.p;
    return err < 0 || fine ? err : invalid(d);
}

static int read_image(struct decoding *d, struct json_val v)
{
    struct str type = STR("");
    struct str data = STR("");
    uint8_t *bytes = NULL;
    size_t n = 0;
    int err = check_names(d, v, "realtime_input.video", "data mimeType displayName");
    err = err < 0 ? err : get_str(d, v, "mimeType", &type);
    err = err < 0 ? err : get_str(d, v, "data", &data);
    bool fine = err >= 0 && str_starts(type, STR("image/")) && gemini_server_audio(data, &bytes, &n) == 0 && n > 0;
    free(bytes);
    d->m->input.image = fine;
    return err < 0 || fine ? err : invalid(d);
}

static int read_input(struct decoding *d, struct json_val v)
{
    struct gemini_client_input *in = &d->m->input;
    struct json_val audio = gemini_server_get(v, "audio");
    struct json_val chunks = gemini_server_get(v, "mediaChunks");
    int err =
        check_names(d, v, "realtime_input", "audio video text mediaChunks activityStart activityEnd audioStreamEnd");
    if (audio.type == JSON_NONE && chunks.type == JSON_ARRAY) {
        struct json_it it = json_array(chunks);
        if (!json_elem(&it, &audio)) {
            return invalid(d);
        }
    }
    if (err >= 0 && audio.type != JSON_NONE) {
        err = read_blob(d, audio);
    }
    if (err >= 0 && gemini_server_get(v, "video").type != JSON_NONE) {
        err = read_image(d, gemini_server_get(v, "video"));
    }
    in->activity_start = gemini_server_get(v, "activityStart").type == JSON_OBJECT;
    in->activity_end = gemini_server_get(v, "activityEnd").type == JSON_OBJECT;
    in->stream_end = is_true(v, "audioStreamEnd");
    return err < 0 ? err : get_str(d, v, "text", &in->text);
}

static int read_content(struct decoding *d, struct json_val v)
{
    struct json_val turns = gemini_server_get(v, "turns");
    struct json_val turn;
    int err = check_names(d, v, "client_content", "turns turnComplete");
    d->m->turns = turns.type == JSON_ARRAY ? turns : (struct json_val){0};
    d->m->turn_complete = is_true(v, "turnComplete");
    if (turns.type != JSON_NONE && turns.type != JSON_ARRAY) {
        return invalid(d);
    }
    for (struct json_it it = json_array(d->m->turns); err >= 0 && turns.type == JSON_ARRAY && json_elem(&it, &turn);) {
        err = check_names(d, turn, "client_content.turns[0]", "parts role");
        bool user = word_is(turn, "role", "user") || word_is(turn, "role", "model");
        if (err >= 0 && gemini_server_get(turn, "role").type != JSON_NONE && !user) {
            gemini_server_refuse(d->why, 1007, "Please use a valid role: user, model.");
            err = -ERR_SYNTAX;
        }
    }
    return err;
}

static int read_context(struct decoding *d, struct json_val v)
{
    struct json_val tools = gemini_server_get(v, "tools");
    int err = check_names(d, v, "context_update", "systemInstruction tools");
    d->m->setup.system = gemini_server_get(v, "systemInstruction");
    if (err >= 0 && tools.type != JSON_NONE) {
        err = check_names(d, tools, "context_update.tools", "tools");
        err = err < 0 ? err : read_tools(d, gemini_server_get(tools, "tools"));
    }
    return err;
}

static int read_responses(struct decoding *d, struct json_val v)
{
    struct json_val list = gemini_server_get(v, "functionResponses");
    struct json_val r;
    int err = check_names(d, v, "tool_response", "functionResponses");
    d->m->responses = list;
    if (err >= 0 && list.type != JSON_ARRAY) {
        return invalid(d);
    }
    for (struct json_it it = json_array(list); err >= 0 && json_elem(&it, &r);) {
        err =
            check_names(d, r, "tool_response.function_responses[0]", "id name response scheduling willContinue parts");
        bool fine =
            gemini_server_get(r, "response").type == JSON_OBJECT && gemini_server_get(r, "name").type == JSON_STRING;
        err = err < 0 || fine ? err : invalid(d);
    }
    return err;
}

int gemini_server_decode(struct str text, struct buf *scratch, struct gemini_client_message *ret,
                         struct gemini_refusal *ret_why)
{
    static const struct {
        const char *name;
        enum gemini_client_type type;
        int (*read)(struct decoding *d, struct json_val v);
    } kinds[] = {{"setup", GEMINI_CLIENT_SETUP, read_setup},
                 {"clientContent", GEMINI_CLIENT_CONTENT, read_content},
                 {"realtimeInput", GEMINI_CLIENT_INPUT, read_input},
                 {"toolResponse", GEMINI_CLIENT_TOOLS, read_responses},
                 {"contextUpdate", GEMINI_CLIENT_CONTEXT, read_context}};
    struct decoding d = {.r = reader_of(text, scratch), .why = ret_why, .m = ret};
    struct json_val top;
    *ret = (struct gemini_client_message){0};
    if (json_parse(text, &top) < 0 || top.type != JSON_OBJECT) {
        gemini_server_refuse(ret_why, 1007, "Invalid JSON payload received. Unexpected token.");
        return -ERR_SYNTAX;
    }
    int err = check_names(&d, top, "", "setup clientContent realtimeInput toolResponse contextUpdate");
    for (size_t i = 0; err >= 0 && i < ARRAY_LEN(kinds); i++) {
        struct json_val v = gemini_server_get(top, kinds[i].name);
        if (v.type != JSON_NONE) {
            ret->type = kinds[i].type;
            return kinds[i].read(&d, v);
        }
    }
    return err < 0 ? err : invalid(&d);
}

void gemini_server_content_text(struct json_val content, struct buf *out)
{
    struct json_val parts = gemini_server_get(content, "parts");
    struct json_val p;
    if (content.type == JSON_STRING) {
        ignore_result(json_unescape(content.s, out)); /* the text was checked */
        return;
    }
    for (struct json_it it = json_array(parts); parts.type == JSON_ARRAY && json_elem(&it, &p);) {
        struct json_val text = gemini_server_get(p, "text");
        if (text.type == JSON_STRING) {
            buf_puts(out, out->len ? "\n" : "");
            ignore_result(json_unescape(text.s, out)); /* as above */
        }
    }
}

int gemini_server_audio(struct str base64, uint8_t **ret, size_t *ret_n)
{
    char *text = malloc(base64.n + 4);
    uint8_t *bytes = malloc(base64_dec_max(base64.n) + 4);
    int n = -ENOMEM;
    if (text && bytes) {
        size_t len = base64.n;
        for (size_t i = 0; i < len; i++) {
            char c = base64.p[i];
            text[i] = c == '-' ? '+' : c == '_' ? '/' : c;
        }
        while (len % 4) {
            text[len++] = '=';
        }
        n = base64_decode(bytes, (struct str){text, len});
    }
    free(text);
    if (n < 0) {
        free(bytes);
        return n;
    }
    *ret = bytes;
    *ret_n = (size_t)n;
    return 0;
}
