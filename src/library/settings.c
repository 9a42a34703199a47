#include "library/settings.h"

#include <stdlib.h>

#include "audio/format.h"
#include "base/err.h"
#include "base/json_doc.h"

#define VALUE_MAX (64u << 10)

/* Other spellings of names. */
static const struct {
    const char *name;
    enum setting setting;
} aliases[] = {
    {"model", SETTING_MODEL},
    {"output_modalities", SETTING_MODALITIES},
    {"audio.input.format", SETTING_INPUT_FORMAT},
    {"audio.output.format", SETTING_OUTPUT_FORMAT},
    {"audio.input.noise_reduction", SETTING_NOISE_REDUCTION},
    {"audio.input.transcription", SETTING_TRANSCRIPTION},
    {"audio.input.turn_detection", SETTING_TURN_DETECTION},
    {"audio.output.voice", SETTING_VOICE},
    {"audio.output.speed", SETTING_SPEED},
};

/* Members of turn_detection as other clients write them. */
static const struct {
    const char *camel, *name;
} turn_members[] = {
    {"createResponse", "create_response"},    {"interruptResponse", "interrupt_response"},
    {"prefixPaddingMs", "prefix_padding_ms"}, {"silenceDurationMs", "silence_duration_ms"},
    {"idleTimeoutMs", "idle_timeout_ms"},     {"modelVersion", "model_version"},
};

const char *setting_name(enum setting s)
{
    static const char *const names[] = {
#define X(constant, name) [constant] = name,
        SETTING_LIST(X)
#undef X
    };
    return s < SETTING_N ? names[s] : "";
}

static int find(const char *name, enum setting *ret)
{
    for (enum setting s = 0; s < SETTING_N; s++) {
        if (strcmp(name, setting_name(s)) == 0) {
            *ret = s;
            return 0;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
        if (strcmp(name, aliases[i].name) == 0) {
            *ret = aliases[i].setting;
            return 0;
        }
    }
    return -ERR_MISSING;
}

/* ---- checks: what can be known without the service ---- */

static bool is_text(const struct json_doc *v)
{
    return v && v->type == JSON_STRING && v->text.n > 0;
}

/* "voice", or {"id": "voice_..."} */
static int check_voice(const struct json_doc *v)
{
    return is_text(v) || is_text(json_doc_get(v, STR("id"))) ? 0 : -ERR_TYPE;
}

static int check_modalities(const struct json_doc *v)
{
    if (v->type != JSON_ARRAY) {
        return -ERR_TYPE;
    }
    for (const struct json_doc *e = v->first; e; e = e->next) {
        if (!is_text(e) || !(str_is(e->text, "audio") || str_is(e->text, "text"))) {
            return -ERR_RANGE;
        }
    }
    return v->first ? 0 : -ERR_RANGE;
}

static int check_tokens(const struct json_doc *v)
{
    if (v->type == JSON_STRING) {
        return str_is(v->text, "inf") ? 0 : -ERR_RANGE;
    }
    if (v->type != JSON_NUMBER || !v->whole) {
        return -ERR_TYPE;
    }
    return v->number >= 1 && v->number <= 4096 ? 0 : -ERR_RANGE;
}

static int check_speed(const struct json_doc *v)
{
    if (v->type != JSON_NUMBER) {
        return -ERR_TYPE;
    }
    return v->number >= 0.25 && v->number <= 1.5 ? 0 : -ERR_RANGE;
}

/* A name, or {"type": name, "rate": ...}; another rate than 24000 does not matter: there is no other. */
static int check_format(const struct json_doc *v)
{
    enum audio_format format;
    const struct json_doc *name = v->type == JSON_OBJECT ? json_doc_get(v, STR("type")) : v;
    if (!is_text(name)) {
        return -ERR_TYPE;
    }
    return audio_format_parse(name->text, &format) < 0 ? -ERR_RANGE : 0;
}

static int check_noise(const struct json_doc *v)
{
    const struct json_doc *name = v->type == JSON_OBJECT ? json_doc_get(v, STR("type")) : v;
    if (v->type == JSON_NULL) {
        return 0;
    }
    if (!is_text(name)) {
        return -ERR_TYPE;
    }
    return str_is(name->text, "near_field") || str_is(name->text, "far_field") ? 0 : -ERR_RANGE;
}

static int check_object_or_null(const struct json_doc *v)
{
    return v->type == JSON_OBJECT || v->type == JSON_NULL ? 0 : -ERR_TYPE;
}

static int check_turns(const struct json_doc *v)
{
    if (v->type == JSON_OBJECT) {
        return is_text(json_doc_get(v, STR("type"))) ? 0 : -ERR_MISSING;
    }
    return v->type == JSON_NULL ? 0 : -ERR_TYPE;
}

static int check_reasoning(const struct json_doc *v)
{
    return is_text(json_doc_get(v, STR("effort"))) ? 0 : -ERR_TYPE;
}

static int check_temperature(const struct json_doc *v)
{
    if (v->type != JSON_NUMBER) {
        return -ERR_TYPE;
    }
    return v->number >= 0 && v->number <= 2 ? 0 : -ERR_RANGE;
}

static int check_prompt(const struct json_doc *v)
{
    return v->type == JSON_OBJECT ? is_text(json_doc_get(v, STR("id"))) ? 0 : -ERR_MISSING : -ERR_TYPE;
}

static int check_truncation(const struct json_doc *v)
{
    if (v->type == JSON_STRING) {
        return str_is(v->text, "auto") || str_is(v->text, "disabled") ? 0 : -ERR_RANGE;
    }
    return v->type == JSON_OBJECT ? is_text(json_doc_get(v, STR("type"))) ? 0 : -ERR_MISSING : -ERR_TYPE;
}

static int check_tracing(const struct json_doc *v)
{
    return v->type == JSON_STRING && !str_is(v->text, "auto") ? -ERR_RANGE
           : v->type == JSON_STRING                           ? 0
                                                              : check_object_or_null(v);
}

/* A word, a tool's name, or {"type": "function", "name": ...} */
static int check_choice(const struct json_doc *v)
{
    return is_text(v) || is_text(json_doc_get(v, STR("name"))) ? 0 : -ERR_TYPE;
}

static int check(enum setting s, const struct json_doc *v)
{
    switch (s) {
    case SETTING_MODEL:
        return is_text(v) ? 0 : -ERR_TYPE;
    case SETTING_VOICE:
        return check_voice(v);
    case SETTING_MODALITIES:
        return check_modalities(v);
    case SETTING_SPEED:
        return check_speed(v);
    case SETTING_MAX_TOKENS:
        return check_tokens(v);
    case SETTING_INPUT_FORMAT:
    case SETTING_OUTPUT_FORMAT:
        return check_format(v);
    case SETTING_NOISE_REDUCTION:
        return check_noise(v);
    case SETTING_TRANSCRIPTION:
        return check_object_or_null(v);
    case SETTING_TURN_DETECTION:
        return check_turns(v);
    case SETTING_TOOL_CHOICE:
        return check_choice(v);
    case SETTING_PARALLEL:
        return v->type == JSON_TRUE || v->type == JSON_FALSE ? 0 : -ERR_TYPE;
    case SETTING_REASONING:
        return check_reasoning(v);
    case SETTING_TRACING:
        return check_tracing(v);
    case SETTING_TEMPERATURE:
        return check_temperature(v);
    case SETTING_PROMPT:
        return check_prompt(v);
    case SETTING_TRUNCATION:
        return check_truncation(v);
    case SETTING_N:
        break;
    }
    return -ERR_MISSING;
}

/* ---- setting ---- */

static void write_turns(const struct json_doc *v, struct buf *out)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    for (const struct json_doc *m = v->first; m; m = m->next) {
        struct buf one;
        const char *name = NULL;
        for (size_t i = 0; i < ARRAY_LEN(turn_members) && !name; i++) {
            name = str_is(m->key, turn_members[i].camel) ? turn_members[i].name : NULL;
        }
        buf_init(&one, VALUE_MAX);
        if (name) {
            buf_puts(&one, name);
        } else {
            buf_put_str(&one, m->key);
        }
        const char *key = buf_cstr(&one);
        if (key) {
            struct buf value;
            buf_init(&value, VALUE_MAX);
            json_doc_write(m, &value);
            json_w_key(&w, key);
            json_w_raw(&w, buf_str(&value));
            buf_done(&value);
        }
        buf_done(&one);
    }
    json_w_close(&w);
}

static int put(struct rt_settings *settings, enum setting s, const struct json_doc *v)
{
    int err = check(s, v);
    if (err < 0) {
        return err;
    }
    struct buf out;
    buf_init(&out, VALUE_MAX);
    if (s == SETTING_TURN_DETECTION && v->type == JSON_OBJECT) {
        write_turns(v, &out);
    } else {
        json_doc_write(v, &out);
    }
    char *copy = out.err < 0 ? NULL : str_dup(buf_str(&out));
    err = out.err < 0 ? out.err : copy ? 0 : -ENOMEM;
    buf_done(&out);
    if (err >= 0) {
        free(settings->json[s]);
        settings->json[s] = copy;
    }
    return err;
}

int rt_settings_new(struct rt_settings **ret)
{
    struct rt_settings *s = ret ? calloc(1, sizeof(*s)) : NULL;
    if (!s) {
        return ret ? -ENOMEM : -EINVAL;
    }
    *ret = s;
    return 0;
}

void rt_settings_free(struct rt_settings *settings)
{
    for (enum setting s = 0; settings && s < SETTING_N; s++) {
        free(settings->json[s]);
    }
    free(settings);
}

int rt_settings_set_json(struct rt_settings *settings, const char *name, const char *json)
{
    enum setting s;
    const struct json_doc *doc = NULL;
    if (!settings || !name || !json) {
        return -EINVAL;
    }
    int err = find(name, &s);
    if (err >= 0) {
        err = strlen(json) > VALUE_MAX ? -ERR_TOO_BIG : json_doc_parse(str_from(json), &doc);
    }
    if (err >= 0) {
        err = put(settings, s, doc);
        json_doc_free(doc);
    }
    return err;
}

int rt_settings_set(struct rt_settings *settings, const char *name, const char *text)
{
    struct buf quoted;
    if (!text) {
        return -EINVAL;
    }
    buf_init(&quoted, VALUE_MAX);
    json_put_quoted(&quoted, str_from(text));
    const char *json = buf_cstr(&quoted);
    int err = json ? rt_settings_set_json(settings, name, json) : quoted.err;
    buf_done(&quoted);
    return err;
}

/* ---- many at once ---- */

static int merge(struct rt_settings *to, const struct json_doc *object, const char *prefix)
{
    for (const struct json_doc *m = object->first; m; m = m->next) {
        struct buf name;
        enum setting s;
        buf_init(&name, VALUE_MAX);
        buf_puts(&name, prefix);
        buf_put_str(&name, m->key);
        const char *z = buf_cstr(&name);
        int err = name.err;
        if (z && (strcmp(z, "audio") == 0 || strcmp(z, "audio.input") == 0 || strcmp(z, "audio.output") == 0)) {
            buf_putc(&name, '.');
            z = buf_cstr(&name);
            err = !z ? name.err : m->type == JSON_OBJECT ? merge(to, m, z) : -ERR_TYPE;
        } else if (z) {
            err = find(z, &s);
            err = err < 0 ? err : put(to, s, m);
        }
        buf_done(&name);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

int settings_layer(const struct rt_settings *base, const struct rt_settings *over, struct rt_settings **ret)
{
    struct rt_settings *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    for (enum setting i = 0; i < SETTING_N; i++) {
        const char *json = over && over->json[i] ? over->json[i] : base ? base->json[i] : NULL;
        s->json[i] = json ? str_dup(str_from(json)) : NULL;
        if (json && !s->json[i]) {
            rt_settings_free(s);
            return -ENOMEM;
        }
    }
    *ret = s;
    return 0;
}

int rt_settings_merge_json(struct rt_settings *settings, const char *json)
{
    struct rt_settings *changed = NULL;
    const struct json_doc *doc = NULL;
    if (!settings || !json) {
        return -EINVAL;
    }
    int err = strlen(json) > VALUE_MAX ? -ERR_TOO_BIG : json_doc_parse(str_from(json), &doc);
    if (err < 0) {
        return err;
    }
    err = doc->type == JSON_OBJECT ? settings_layer(settings, NULL, &changed) : -ERR_TYPE;
    err = err < 0 ? err : merge(changed, doc, "");
    json_doc_free(doc);
    if (err >= 0) { /* all or nothing */
        struct rt_settings old = *settings;
        *settings = *changed;
        *changed = old;
    }
    rt_settings_free(changed);
    return err;
}
