/* The effective session of the OpenAI server side: its defaults and the merge of session.update. */
#include "base/err.h"
#include "wire/openai_check.h"
#include "wire/openai_words.h"

/* The texts a session owns, with their limits and first values. */
static const struct {
    size_t offset;
    size_t max_bytes;
    const char *first;
} texts[] = {
    {offsetof(struct openai_server_session, instructions), OPENAI_INSTRUCTIONS_MAX, "You are a helpful assistant."},
    {offsetof(struct openai_server_session, tools), OPENAI_TOOLS_MAX, "[]"},
    {offsetof(struct openai_server_session, tool_choice), OPENAI_RAW_MAX, "\"auto\""},
    {offsetof(struct openai_server_session, tracing), OPENAI_RAW_MAX, "null"},
    {offsetof(struct openai_server_session, truncation), OPENAI_RAW_MAX, "\"auto\""},
    {offsetof(struct openai_server_session, prompt), OPENAI_RAW_MAX, "null"},
    {offsetof(struct openai_server_session, include), OPENAI_RAW_MAX, "null"},
    {offsetof(struct openai_server_session, transcription_prompt), OPENAI_RAW_MAX, ""},
    {offsetof(struct openai_server_session, transcription_extra), OPENAI_RAW_MAX, ""},
};

static struct buf *text_of(struct openai_server_session *s, size_t i)
{
    return (struct buf *)(void *)((char *)s + texts[i].offset);
}

static const struct buf *text_of_const(const struct openai_server_session *s, size_t i)
{
    return (const struct buf *)(const void *)((const char *)s + texts[i].offset);
}

static void vad_defaults(struct openai_turn_detection *t, enum openai_vad type)
{
    *t = (struct openai_turn_detection){.type = type};
    if (type == OPENAI_VAD_NONE) {
        return;
    }
    t->create_response = t->interrupt_response = OPENAI_YES;
    if (type == OPENAI_VAD_SEMANTIC) {
        t->eagerness = OPENAI_EAGERNESS_AUTO;
        return;
    }
    t->threshold = OPENAI_F64(0.5);
    t->prefix_padding_ms = OPENAI_I64(300);
    t->silence_duration_ms = OPENAI_I64(200); /* what the live service returns; its documentation says 500 */
    t->idle_timeout_ms = (struct openai_opt_i64){.set = true, .null = true};
}

int openai_server_session_init(struct openai_server_session *s, struct str id, struct str model)
{
    *s = (struct openai_server_session){
        .output_modality = OPENAI_MODALITY_AUDIO,
        .input_format = OPENAI_FORMAT_PCM24K,
        .output_format = OPENAI_FORMAT_PCM24K,
        .noise_reduction = OPENAI_NOISE_OFF,
        .voice = "marin",
        .speed = 1,
    };
    vad_defaults(&s->turn_detection, OPENAI_VAD_SERVER);
    int err = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_init(text_of(s, i), texts[i].max_bytes);
        buf_puts(text_of(s, i), texts[i].first);
        err = err < 0 ? err : text_of(s, i)->err;
    }
    err = err < 0 ? err : str_copy(s->id, sizeof(s->id), id);
    err = err < 0 ? err : str_copy(s->model, sizeof(s->model), model);
    if (err < 0) {
        openai_server_session_done(s);
    }
    return err;
}

void openai_server_session_done(struct openai_server_session *s)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_done(text_of(s, i));
    }
}

static int session_copy(struct openai_server_session *to, const struct openai_server_session *from)
{
    *to = *from;
    int err = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_init(text_of(to, i), texts[i].max_bytes);
        buf_put_str(text_of(to, i), buf_str(text_of_const(from, i)));
        err = err < 0 ? err : text_of(to, i)->err;
    }
    if (err < 0) {
        openai_server_session_done(to);
    }
    return err;
}

/* ---- session.update, member by member, into a copy ---- */

static struct openai_server_session *session_of(struct check *c)
{
    return c->target;
}

static int too_large(struct check *c)
{
    return check_refuse(c, -ERR_TOO_BIG, "invalid_value", "Invalid '%.*s': the value is too large.", (int)c->path_n,
                        c->path);
}

/* Checks the size before, so that only memory can fail. */
static int set_text(struct check *c, struct buf *to, struct str value)
{
    if (value.n > to->max_bytes) {
        return too_large(c);
    }
    buf_clear(to);
    buf_put_str(to, value);
    return to->err;
}

static int set_raw(struct check *c, struct buf *to, struct json_val v, int err)
{
    return err < 0 ? err : set_text(c, to, check_raw(v));
}

static int read_modalities(struct check *c, struct json_val v)
{
    return check_modalities(c, v, &session_of(c)->output_modality);
}

static int read_instructions(struct check *c, struct json_val v)
{
    struct str s;
    int err = check_str(c, v, OPENAI_INSTRUCTIONS_MAX, &s);
    return err < 0 ? err : set_text(c, &session_of(c)->instructions, s);
}

static int read_tools(struct check *c, struct json_val v)
{
    return set_raw(c, &session_of(c)->tools, v, check_tools(c, v));
}

static int read_tool_choice(struct check *c, struct json_val v)
{
    return set_raw(c, &session_of(c)->tool_choice, v, check_tool_choice(c, v));
}

static int read_parallel(struct check *c, struct json_val v)
{
    return check_bool(c, v, &session_of(c)->parallel_tool_calls);
}

static int read_reasoning(struct check *c, struct json_val v)
{
    return check_reasoning(c, v, &session_of(c)->reasoning_effort);
}

static int read_max_tokens(struct check *c, struct json_val v)
{
    return check_max_tokens(c, v, &session_of(c)->max_output_tokens);
}

static int read_prompt(struct check *c, struct json_val v)
{
    return set_raw(c, &session_of(c)->prompt, v, check_prompt(c, v));
}

static int read_tracing(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {{"workflow_name", NULL}, {"group_id", NULL}, {"metadata", NULL}};
    static const char *const words[] = {"auto"};
    size_t i;
    int err = v.type == JSON_NULL     ? 0
              : v.type == JSON_STRING ? check_word(c, v, words, 1, &i)
                                      : check_object(c, v, fields, ARRAY_LEN(fields));
    return set_raw(c, &session_of(c)->tracing, v, err);
}

static int truncation_ratio(struct check *c, struct json_val v)
{
    double ratio;
    return check_num(c, v, 0, 1, &ratio);
}

static int truncation_type(struct check *c, struct json_val v)
{
    static const char *const words[] = {"retention_ratio"};
    size_t i;
    return check_word(c, v, words, 1, &i);
}

static int read_truncation(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {
        {"type", truncation_type}, {"retention_ratio", truncation_ratio}, {"token_limits", NULL}};
    static const char *const words[] = {"auto", "disabled"};
    size_t i;
    int err = v.type == JSON_STRING ? check_word(c, v, words, ARRAY_LEN(words), &i)
                                    : check_object(c, v, fields, ARRAY_LEN(fields));
    if (err == 0 && v.type == JSON_OBJECT && json_get(v, "type").type == JSON_NONE) {
        err = check_missing(c, "type");
    }
    return set_raw(c, &session_of(c)->truncation, v, err);
}

static int read_include(struct check *c, struct json_val v)
{
    static const char *const words[] = {"item.input_audio_transcription.logprobs"};
    if (v.type != JSON_ARRAY && v.type != JSON_NULL) {
        return check_type(c, "an array", v);
    }
    struct json_val word;
    struct json_it it = json_array(v);
    for (uint32_t i = 0; json_elem(&it, &word); i++) {
        size_t before = check_down_index(c, i);
        size_t ignored;
        int err = check_word(c, word, words, 1, &ignored);
        if (err < 0) {
            return err;
        }
        check_up(c, before);
    }
    return set_text(c, &session_of(c)->include, check_raw(v));
}

static int read_input_format(struct check *c, struct json_val v)
{
    return check_format(c, v, &session_of(c)->input_format);
}

static int read_output_format(struct check *c, struct json_val v)
{
    return check_format(c, v, &session_of(c)->output_format);
}

static int transcription_model(struct check *c, struct json_val v)
{
    static const char *const words[] = {"whisper-1",
                                        "gpt-4o-transcribe",
                                        "gpt-4o-mini-transcribe",
                                        "gpt-4o-mini-transcribe-2025-12-15",
                                        "gpt-4o-transcribe-diarize",
                                        "gpt-transcribe",
                                        "gpt-live-transcribe",
                                        "gpt-realtime-whisper"};
    size_t i;
    int err = check_word(c, v, words, ARRAY_LEN(words), &i);
    return err < 0 ? err : str_copy(session_of(c)->transcription_model, OPENAI_ID_MAX + 1, str_from(words[i]));
}

static int transcription_language(struct check *c, struct json_val v)
{
    struct str s = STR_NULL;
    int err = v.type == JSON_NULL ? 0 : check_str(c, v, sizeof(session_of(c)->transcription_language) - 1, &s);
    return err < 0 ? err
                   : str_copy(session_of(c)->transcription_language, sizeof(session_of(c)->transcription_language), s);
}

static int transcription_prompt(struct check *c, struct json_val v)
{
    struct str s = STR_NULL;
    int err = v.type == JSON_NULL ? 0 : check_str(c, v, OPENAI_RAW_MAX, &s);
    return err < 0 ? err : set_text(c, &session_of(c)->transcription_prompt, s);
}

/* delay, keywords, languages: kept as they came, for the echo. */
static int keep_extras(struct check *c, struct json_val v)
{
    static const char *const names[] = {"delay", "keywords", "languages"};
    struct buf *extra = &session_of(c)->transcription_extra;
    buf_clear(extra);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct json_val member = json_get(v, names[i]);
        if (member.type != JSON_NONE) {
            buf_puts(extra, extra->len ? ",\"" : "\"");
            buf_puts(extra, names[i]);
            buf_puts(extra, "\":");
            buf_put_str(extra, check_raw(member));
        }
    }
    return extra->err == -ERR_TOO_BIG ? too_large(c) : extra->err;
}

static int transcription_delay(struct check *c, struct json_val v)
{
    static const char *const words[] = {"minimal", "low", "medium", "high", "xhigh"};
    size_t i;
    return check_word(c, v, words, ARRAY_LEN(words), &i);
}

static int array_or_null(struct check *c, struct json_val v)
{
    return v.type == JSON_ARRAY || v.type == JSON_NULL ? 0 : check_type(c, "an array", v);
}

static int read_transcription(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {{"model", transcription_model},   {"language", transcription_language},
                                                {"prompt", transcription_prompt}, {"delay", transcription_delay},
                                                {"keywords", array_or_null},      {"languages", array_or_null}};
    struct openai_server_session *s = session_of(c);
    s->transcription = v.type != JSON_NULL;
    if (v.type == JSON_NULL) {
        s->transcription_model[0] = s->transcription_language[0] = 0;
        buf_clear(&s->transcription_prompt);
        buf_clear(&s->transcription_extra);
        return 0;
    }
    int err = check_object(c, v, fields, ARRAY_LEN(fields));
    if (err < 0) {
        return err;
    }
    if (s->transcription_model[0] == 0) {
        return check_missing(c, "model");
    }
    return keep_extras(c, v);
}

static int noise_type(struct check *c, struct json_val v)
{
    static const char *const words[] = {"near_field", "far_field"};
    size_t i;
    int err = check_word(c, v, words, ARRAY_LEN(words), &i);
    if (err == 0) {
        session_of(c)->noise_reduction = i == 0 ? OPENAI_NOISE_NEAR : OPENAI_NOISE_FAR;
    }
    return err;
}

static int noise_strength(struct check *c, struct json_val v)
{
    double strength; /* accepted; the service does not echo it */
    return check_num(c, v, 0, 1, &strength);
}

static int read_noise(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {{"type", noise_type}, {"strength", noise_strength}};
    if (v.type == JSON_NULL) {
        session_of(c)->noise_reduction = OPENAI_NOISE_OFF;
        return 0;
    }
    int err = check_object(c, v, fields, ARRAY_LEN(fields));
    return err < 0 ? err : json_get(v, "type").type == JSON_NONE ? check_missing(c, "type") : 0;
}

static int vad_threshold(struct check *c, struct json_val v)
{
    return check_num(c, v, 0, 1, &session_of(c)->turn_detection.threshold.v);
}

static int vad_prefix(struct check *c, struct json_val v)
{
    return check_int(c, v, 0, 60000, &session_of(c)->turn_detection.prefix_padding_ms.v);
}

static int vad_silence(struct check *c, struct json_val v)
{
    return check_int(c, v, 0, 60000, &session_of(c)->turn_detection.silence_duration_ms.v);
}

static int vad_idle(struct check *c, struct json_val v)
{
    struct openai_opt_i64 *idle = &session_of(c)->turn_detection.idle_timeout_ms;
    idle->null = v.type == JSON_NULL;
    return idle->null ? 0 : check_int(c, v, 5000, 30000, &idle->v);
}

static int vad_eagerness(struct check *c, struct json_val v)
{
    static const char *const words[] = {"low", "medium", "high", "auto"};
    size_t i;
    int err = check_word(c, v, words, ARRAY_LEN(words), &i);
    if (err == 0) {
        session_of(c)->turn_detection.eagerness = openai_eagerness_of(str_from(words[i]));
    }
    return err;
}

static int vad_create(struct check *c, struct json_val v)
{
    return check_bool(c, v, &session_of(c)->turn_detection.create_response);
}

static int vad_interrupt(struct check *c, struct json_val v)
{
    return check_bool(c, v, &session_of(c)->turn_detection.interrupt_response);
}

/* Which type the update means: its own, else the present one. */
static int vad_type(struct check *c, struct json_val v, enum openai_vad *ret)
{
    static const char *const words[] = {"server_vad", "semantic_vad"};
    struct json_val type = json_get(v, "type");
    enum openai_vad now = session_of(c)->turn_detection.type;
    if (type.type == JSON_NONE) {
        *ret = now;
        return now == OPENAI_VAD_NONE ? check_missing(c, "type") : 0;
    }
    size_t before = check_down(c, STR("type"));
    size_t i;
    int err = check_word(c, type, words, ARRAY_LEN(words), &i);
    if (err == 0) {
        *ret = i == 0 ? OPENAI_VAD_SERVER : OPENAI_VAD_SEMANTIC;
        check_up(c, before);
    }
    return err;
}

static int read_turn_detection(struct check *c, struct json_val v)
{
    /* The last two (three for server_vad) concern responses: a transcription session has none. */
    static const struct check_field server[] = {
        {"type", NULL},
        {"threshold", vad_threshold},
        {"prefix_padding_ms", vad_prefix},
        {"silence_duration_ms", vad_silence},
        {"idle_timeout_ms", vad_idle},
        {"create_response", vad_create},
        {"interrupt_response", vad_interrupt},
    };
    static const struct check_field semantic[] = {{"type", NULL},
                                                  {"eagerness", vad_eagerness},
                                                  {"create_response", vad_create},
                                                  {"interrupt_response", vad_interrupt}};
    struct openai_server_session *s = session_of(c);
    if (v.type == JSON_NULL) {
        vad_defaults(&s->turn_detection, OPENAI_VAD_NONE);
        return 0;
    }
    if (v.type != JSON_OBJECT) {
        return check_type(c, "an object", v);
    }
    enum openai_vad type = OPENAI_VAD_NONE;
    int err = vad_type(c, v, &type);
    if (err < 0) {
        return err;
    }
    if (type != s->turn_detection.type) {
        vad_defaults(&s->turn_detection, type);
    }
    return type == OPENAI_VAD_SERVER ? check_object(c, v, server, s->transcription_only ? 4 : ARRAY_LEN(server))
                                     : check_object(c, v, semantic, s->transcription_only ? 2 : ARRAY_LEN(semantic));
}

static int read_input(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {{"format", read_input_format},
                                                {"transcription", read_transcription},
                                                {"noise_reduction", read_noise},
                                                {"turn_detection", read_turn_detection}};
    return check_object(c, v, fields, ARRAY_LEN(fields));
}

static int read_voice(struct check *c, struct json_val v)
{
    struct openai_server_session *s = session_of(c);
    struct str voice;
    bool is_id;
    int err = check_voice(c, v, &voice, &is_id);
    if (err < 0) {
        return err;
    }
    if (s->voice_locked && (is_id != s->voice_is_id || !str_is(voice, s->voice))) {
        return check_refuse(c, -ERR_STATE, "cannot_update_voice",
                            "Cannot update a conversation's voice if assistant audio is present.");
    }
    s->voice_is_id = is_id;
    return str_copy(s->voice, sizeof(s->voice), voice);
}

static int read_speed(struct check *c, struct json_val v)
{
    return check_num(c, v, 0.25, 1.5, &session_of(c)->speed);
}

static int read_output(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {
        {"format", read_output_format}, {"voice", read_voice}, {"speed", read_speed}};
    return check_object(c, v, fields, ARRAY_LEN(fields));
}

static int read_audio(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {{"input", read_input}, {"output", read_output}};
    return check_object(c, v, fields, session_of(c)->transcription_only ? 1 : 2);
}

/* The type cannot change; its presence is checked before. */
static int read_type(struct check *c, struct json_val v)
{
    static const char *const words[] = {"realtime", "transcription"};
    size_t i;
    int err = check_word(c, v, words, ARRAY_LEN(words), &i);
    if (err == 0 && (i == 1) != session_of(c)->transcription_only) {
        return check_refuse(c, -ERR_STATE, "invalid_value",
                            "Passing a %s session update event to a %s session is not allowed.", words[i],
                            words[1 - i]);
    }
    return err;
}

/* Set at connect; clients repeat what they believe it is, and the service keeps its own. */
static int read_model(struct check *c, struct json_val v)
{
    struct str ignored;
    return check_str(c, v, OPENAI_ID_MAX, &ignored);
}

static const struct check_field session_fields[] = {
    {"type", read_type},
    {"audio", read_audio},
    {"include", read_include},
    /* up to here in transcription sessions too */
    {"model", read_model},
    {"output_modalities", read_modalities},
    {"instructions", read_instructions},
    {"tools", read_tools},
    {"tool_choice", read_tool_choice},
    {"parallel_tool_calls", read_parallel},
    {"reasoning", read_reasoning},
    {"max_output_tokens", read_max_tokens},
    {"prompt", read_prompt},
    {"tracing", read_tracing},
    {"truncation", read_truncation},
};
#define TRANSCRIPTION_FIELDS 3

int openai_server_apply_update(struct openai_server_session *s, struct json_val session,
                               struct openai_server_error *ret_error)
{
    struct openai_server_session next;
    struct buf scratch;
    int err = session_copy(&next, s);
    if (err < 0) {
        openai_server_error_set(ret_error, "server_error", NULL, "The server had an error while processing.");
        return err;
    }
    buf_init(&scratch, session.s.n + 64);
    struct check c = {.error = ret_error, .scratch = &scratch, .text_bytes = session.s.n, .target = &next};
    check_down(&c, STR("session"));
    if (session.type == JSON_OBJECT && json_get(session, "type").type == JSON_NONE) {
        err = check_missing(&c, "type");
    } else {
        err = check_object(&c, session, session_fields,
                           s->transcription_only ? TRANSCRIPTION_FIELDS : ARRAY_LEN(session_fields));
    }
    buf_done(&scratch);
    if (err < 0) {
        if (err == -ENOMEM) {
            openai_server_error_set(ret_error, "server_error", NULL, "The server had an error while processing.");
        }
        openai_server_session_done(&next);
        return err;
    }
    openai_server_session_done(s);
    *s = next;
    return 0;
}

static bool tool_at(const struct openai_server_session *s, uint32_t i, struct json_val *ret)
{
    struct json_val tools = {JSON_ARRAY, false, buf_str(&s->tools)};
    struct json_it it = json_array(tools);
    for (uint32_t k = 0; json_elem(&it, ret); k++) {
        if (k == i) {
            return true;
        }
    }
    return false;
}

uint32_t openai_server_tool_count(const struct openai_server_session *s)
{
    struct json_val tool;
    uint32_t n = 0;
    while (tool_at(s, n, &tool)) {
        n++;
    }
    return n;
}

struct str openai_server_tool_name(const struct openai_server_session *s, uint32_t i)
{
    struct json_val tool;
    if (!tool_at(s, i, &tool)) {
        return STR_NULL;
    }
    struct json_val name = json_get(tool, "name");
    return name.type == JSON_STRING ? name.s : STR("");
}
