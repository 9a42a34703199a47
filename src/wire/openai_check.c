#include "wire/openai_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "wire/openai_words.h"

#define SHOWN_MAX 64 /* bytes of a client's text quoted in a message */
#define SHOWN(s)  (int)MIN((s).n, (size_t)SHOWN_MAX), (s).p ? (s).p : ""

static PRINTF_LIKE(3, 0) void error_vset(struct openai_server_error *e, const char *code, const char *fmt, va_list args)
{
    e->type = "invalid_request_error";
    e->code = code;
    /* Cutting a message for people short is harmless. */
    ignore_result(vsnprintf(e->message, sizeof(e->message), fmt, args) < 0);
}

void openai_server_error_set(struct openai_server_error *e, const char *code, const char *param, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_vset(e, code, fmt, args);
    va_end(args);
    ignore_result(snprintf(e->param, sizeof(e->param), "%s", param ? param : "") < 0); /* as above */
}

int check_refuse(struct check *c, int err, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    error_vset(c->error, code, fmt, args);
    va_end(args);
    memcpy(c->error->param, c->path, c->path_n);
    c->error->param[c->path_n] = 0;
    return err;
}

int check_missing(struct check *c, const char *name)
{
    check_down(c, str_from(name));
    return check_refuse(c, -ERR_MISSING, "missing_required_parameter", "Missing required parameter: '%.*s'.",
                        (int)c->path_n, c->path);
}

int check_unknown(struct check *c, struct str name)
{
    check_down(c, name);
    return check_refuse(c, -ERR_TYPE, "unknown_parameter", "Unknown parameter: '%.*s'.", (int)c->path_n, c->path);
}

static const char *type_word(struct json_val v)
{
    static const char *const words[] = {
        [JSON_NONE] = "nothing",    [JSON_STRING] = "a string", [JSON_NUMBER] = "a number",  [JSON_TRUE] = "a boolean",
        [JSON_FALSE] = "a boolean", [JSON_NULL] = "null",       [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array"};
    return words[v.type];
}

int check_type(struct check *c, const char *expected, struct json_val got)
{
    return check_refuse(c, -ERR_TYPE, "invalid_type", "Invalid type for '%.*s': expected %s, but got %s instead.",
                        (int)c->path_n, c->path, expected, type_word(got));
}

/* A path that grows past its array is cut: it only serves messages. */
static void path_put(struct check *c, struct str s)
{
    size_t n = MIN(s.n, sizeof(c->path) - 1 - c->path_n);
    if (n) {
        memcpy(c->path + c->path_n, s.p, n);
        c->path_n += n;
    }
}

size_t check_down(struct check *c, struct str name)
{
    size_t before = c->path_n;
    if (before) {
        path_put(c, STR("."));
    }
    path_put(c, name);
    return before;
}

size_t check_down_index(struct check *c, uint32_t i)
{
    size_t before = c->path_n;
    char text[16];
    int n = snprintf(text, sizeof(text), "[%u]", i);
    path_put(c, (struct str){text, n > 0 ? (size_t)n : 0});
    return before;
}

void check_up(struct check *c, size_t before)
{
    c->path_n = before;
}

int check_object(struct check *c, struct json_val v, const struct check_field *fields, size_t n)
{
    if (v.type != JSON_OBJECT) {
        return check_type(c, "an object", v);
    }
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    while (json_next(&it, &key, &member)) {
        size_t i = 0;
        while (i < n && !str_is(key, fields[i].name)) {
            i++;
        }
        if (i == n) {
            return check_unknown(c, key);
        }
        size_t before = check_down(c, key);
        int err = fields[i].read ? fields[i].read(c, member) : 0;
        if (err < 0) {
            return err;
        }
        check_up(c, before);
    }
    return it.err < 0 ? check_refuse(c, it.err, "invalid_json", "Invalid event: failed to parse JSON value.") : 0;
}

int check_str(struct check *c, struct json_val v, size_t max, struct str *ret)
{
    if (v.type != JSON_STRING) {
        return check_type(c, "a string", v);
    }
    struct str s = v.s;
    if (v.escaped) {
        if (c->scratch->len == 0 && !buf_room(c->scratch, c->text_bytes)) {
            return check_refuse(c, c->scratch->err, "invalid_value", "The message is too large.");
        }
        int err = json_to_str(v, c->scratch, &s);
        if (err < 0) {
            return check_refuse(c, err, "invalid_json", "Invalid event: failed to parse JSON value.");
        }
    }
    if (s.n > max) {
        return check_refuse(c, -ERR_TOO_BIG, "string_above_max_length",
                            "Invalid '%.*s': string too long. Expected a string with maximum length %zu, but got a "
                            "string with length %zu instead.",
                            (int)c->path_n, c->path, max, s.n);
    }
    *ret = s;
    return 0;
}

int check_bool(struct check *c, struct json_val v, enum openai_tri *ret)
{
    if (v.type != JSON_TRUE && v.type != JSON_FALSE) {
        return check_type(c, "a boolean", v);
    }
    *ret = v.type == JSON_TRUE ? OPENAI_YES : OPENAI_NO;
    return 0;
}

int check_num(struct check *c, struct json_val v, double lo, double hi, double *ret)
{
    double n;
    if (json_to_f64(v, &n) < 0) {
        return check_type(c, "a decimal", v);
    }
    if (n < lo || n > hi) {
        return check_refuse(c, -ERR_RANGE, "invalid_value",
                            "Invalid '%.*s': expected a value >= %g and <= %g, but got %.*s instead.", (int)c->path_n,
                            c->path, lo, hi, SHOWN(v.s));
    }
    *ret = n;
    return 0;
}

int check_int(struct check *c, struct json_val v, int64_t lo, int64_t hi, int64_t *ret)
{
    double n;
    if (json_to_f64(v, &n) < 0 || n != (double)(int64_t)CLAMP(n, -9e15, 9e15)) {
        return check_type(c, "an integer", v);
    }
    if (n < (double)lo || n > (double)hi) {
        return check_refuse(c, -ERR_RANGE, "invalid_value",
                            "Invalid '%.*s': expected an integer >= %lld and <= %lld, but got %.*s instead.",
                            (int)c->path_n, c->path, (long long)lo, (long long)hi, SHOWN(v.s));
    }
    *ret = (int64_t)n;
    return 0;
}

int check_word(struct check *c, struct json_val v, const char *const *words, size_t n, size_t *ret)
{
    if (v.type != JSON_STRING) {
        return check_type(c, "a string", v);
    }
    for (size_t i = 0; i < n; i++) {
        if (str_is(v.s, words[i])) {
            *ret = i;
            return 0;
        }
    }
    char list[512];
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *before = i == 0 ? "" : i + 1 < n ? ", " : n > 2 ? ", and " : " and ";
        int k = snprintf(list + at, sizeof(list) - at, "%s'%s'", before, words[i]);
        if (k < 0 || (size_t)k >= sizeof(list) - at) {
            break;
        }
        at += (size_t)k;
    }
    return check_refuse(c, -ERR_RANGE, "invalid_value", "Invalid value: '%.*s'. Supported values are: %.*s.",
                        SHOWN(v.s), (int)at, list);
}

struct str check_raw(struct json_val v)
{
    return v.type == JSON_STRING ? (struct str){v.s.p - 1, v.s.n + 2} : v.s;
}

/* ---- shared settings ---- */

int check_modalities(struct check *c, struct json_val v, enum openai_modality *ret)
{
    if (v.type != JSON_ARRAY) {
        return check_type(c, "an array", v);
    }
    struct json_it it = json_array(v);
    struct json_val first;
    struct json_val more;
    bool one = json_elem(&it, &first) && !json_elem(&it, &more);
    if (one && first.type == JSON_STRING && str_is(first.s, "audio")) {
        *ret = OPENAI_MODALITY_AUDIO;
        return 0;
    }
    if (one && first.type == JSON_STRING && str_is(first.s, "text")) {
        *ret = OPENAI_MODALITY_TEXT;
        return 0;
    }
    return check_refuse(c, -ERR_RANGE, "invalid_value",
                        "Invalid modalities: %.*s. Supported combinations are: ['text'] and ['audio'].", SHOWN(v.s));
}

static int format_rate(struct check *c, struct json_val v)
{
    int64_t rate;
    return check_int(c, v, 24000, 24000, &rate);
}

static int format_type(struct check *c, struct json_val v)
{
    static const char *const words[] = {"audio/pcm", "audio/pcmu", "audio/pcma"};
    size_t i;
    int err = check_word(c, v, words, ARRAY_LEN(words), &i);
    if (err == 0) {
        *(enum openai_format *)c->target = openai_format_of(str_from(words[i]));
    }
    return err;
}

int check_format(struct check *c, struct json_val v, enum openai_format *ret)
{
    static const struct check_field pcm[] = {{"type", format_type}, {"rate", format_rate}};
    void *outer = c->target;
    enum openai_format format = OPENAI_FORMAT_NONE;
    c->target = &format;
    bool linear = v.type == JSON_OBJECT && str_is(json_get(v, "type").s, "audio/pcm");
    int err = check_object(c, v, pcm, linear ? 2 : 1); /* G.711 has no rate member */
    c->target = outer;
    if (err == 0 && format == OPENAI_FORMAT_NONE) {
        return check_missing(c, "type");
    }
    if (err == 0) {
        *ret = format;
    }
    return err;
}

int check_voice(struct check *c, struct json_val v, struct str *ret_voice, bool *ret_is_id)
{
    static const char *const voices[] = {"alloy", "ash",     "ballad", "coral", "echo",
                                         "sage",  "shimmer", "verse",  "marin", "cedar"};
    if (v.type == JSON_OBJECT) {
        struct json_val id = json_get(v, "id");
        if (id.type == JSON_NONE) {
            return check_missing(c, "id");
        }
        *ret_is_id = true;
        return check_str(c, id, OPENAI_ID_MAX, ret_voice);
    }
    size_t i;
    int err = check_word(c, v, voices, ARRAY_LEN(voices), &i);
    if (err == 0) {
        *ret_voice = str_from(voices[i]);
        *ret_is_id = false;
    }
    return err;
}

static int tool_name(struct check *c, struct json_val v)
{
    struct str name;
    int err = check_str(c, v, 64, &name);
    if (err < 0) {
        return err;
    }
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];
        bool ok =
            (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-';
        if (!ok) {
            name.n = 0;
        }
    }
    if (name.n == 0) {
        return check_refuse(c, -ERR_RANGE, "invalid_value",
                            "Invalid '%.*s': string does not match pattern. Expected a string that matches the "
                            "pattern '^[a-zA-Z0-9_-]+$'.",
                            (int)c->path_n, c->path);
    }
    return 0;
}

static int any_str(struct check *c, struct json_val v)
{
    struct str s;
    return v.type == JSON_NULL ? 0 : check_str(c, v, OPENAI_TOOLS_MAX, &s);
}

static int any_object(struct check *c, struct json_val v)
{
    return v.type == JSON_OBJECT || v.type == JSON_NULL ? 0 : check_type(c, "an object", v);
}

static const struct check_field function_fields[] = {
    {"type", NULL}, {"name", tool_name}, {"description", any_str}, {"parameters", any_object}};
static const struct check_field mcp_fields[] = {
    {"type", NULL},          {"server_label", any_str},  {"server_url", any_str}, {"connector_id", any_str},
    {"tunnel_id", any_str},  {"authorization", any_str}, {"headers", any_object}, {"server_description", any_str},
    {"allowed_tools", NULL}, {"require_approval", NULL}, {"defer_loading", NULL}, {"allowed_callers", NULL}};

static int check_tool(struct check *c, struct json_val v)
{
    static const char *const types[] = {"function", "mcp"};
    size_t type;
    if (v.type != JSON_OBJECT) {
        return check_type(c, "an object", v);
    }
    struct json_val word = json_get(v, "type");
    if (word.type == JSON_NONE) {
        return check_missing(c, "type");
    }
    size_t before = check_down(c, STR("type"));
    int err = check_word(c, word, types, ARRAY_LEN(types), &type);
    if (err < 0) {
        return err;
    }
    check_up(c, before);
    if (type == 0) {
        err = check_object(c, v, function_fields, ARRAY_LEN(function_fields));
        return err < 0 ? err : json_get(v, "name").type == JSON_NONE ? check_missing(c, "name") : 0;
    }
    err = check_object(c, v, mcp_fields, ARRAY_LEN(mcp_fields));
    if (err == 0 && json_get(v, "server_label").type == JSON_NONE) {
        return check_missing(c, "server_label");
    }
    int ways = (json_get(v, "server_url").type == JSON_STRING) + (json_get(v, "connector_id").type == JSON_STRING) +
               (json_get(v, "tunnel_id").type == JSON_STRING);
    return err < 0 ? err : ways == 0 ? check_missing(c, "server_url") : 0;
}

int check_tools(struct check *c, struct json_val v)
{
    if (v.type != JSON_ARRAY) {
        return check_type(c, "an array", v);
    }
    if (v.s.n > OPENAI_TOOLS_MAX) {
        return check_refuse(c, -ERR_TOO_BIG, "invalid_value", "Invalid '%.*s': the tools are too large.",
                            (int)c->path_n, c->path);
    }
    struct json_it it = json_array(v);
    struct json_val tool;
    for (uint32_t i = 0; json_elem(&it, &tool); i++) {
        size_t before = check_down_index(c, i);
        int err = check_tool(c, tool);
        if (err < 0) {
            return err;
        }
        check_up(c, before);
    }
    return 0;
}

int check_tool_choice(struct check *c, struct json_val v)
{
    static const char *const words[] = {"auto", "none", "required"};
    static const char *const types[] = {"function", "mcp"};
    static const struct check_field function[] = {{"type", NULL}, {"name", any_str}};
    static const struct check_field mcp[] = {{"type", NULL}, {"server_label", any_str}, {"name", any_str}};
    size_t i;
    if (v.type == JSON_STRING) {
        return check_word(c, v, words, ARRAY_LEN(words), &i);
    }
    if (v.type != JSON_OBJECT) {
        return check_type(c, "a string or an object", v);
    }
    struct json_val type = json_get(v, "type");
    if (type.type == JSON_NONE) {
        return check_missing(c, "type");
    }
    size_t before = check_down(c, STR("type"));
    int err = check_word(c, type, types, ARRAY_LEN(types), &i);
    if (err < 0) {
        return err;
    }
    check_up(c, before);
    const char *needed = i == 0 ? "name" : "server_label";
    err = i == 0 ? check_object(c, v, function, ARRAY_LEN(function)) : check_object(c, v, mcp, ARRAY_LEN(mcp));
    return err < 0 ? err : json_get(v, needed).type == JSON_NONE ? check_missing(c, needed) : 0;
}

int check_max_tokens(struct check *c, struct json_val v, int64_t *ret)
{
    if (v.type == JSON_STRING) {
        static const char *const words[] = {"inf"};
        size_t i;
        int err = check_word(c, v, words, 1, &i);
        if (err == 0) {
            *ret = 0;
        }
        return err;
    }
    return check_int(c, v, 1, 4096, ret);
}

int check_reasoning(struct check *c, struct json_val v, enum openai_effort *ret)
{
    static const char *const efforts[] = {"minimal", "low", "medium", "high", "xhigh"};
    static const struct check_field fields[] = {{"effort", NULL}};
    int err = check_object(c, v, fields, 1);
    struct json_val effort = v.type == JSON_OBJECT ? json_get(v, "effort") : (struct json_val){0};
    if (err < 0 || effort.type == JSON_NONE) {
        return err;
    }
    size_t before = check_down(c, STR("effort"));
    size_t i;
    err = check_word(c, effort, efforts, ARRAY_LEN(efforts), &i);
    if (err == 0) {
        *ret = openai_effort_of(str_from(efforts[i]));
        check_up(c, before);
    }
    return err;
}

static int prompt_id(struct check *c, struct json_val v)
{
    struct str id;
    return check_str(c, v, OPENAI_ID_MAX, &id);
}

/* A text, or a part of a message. */
static int check_variable(struct check *c, struct json_val v)
{
    static const char *const types[] = {"input_text", "input_image", "input_file"};
    struct json_val type = v.type == JSON_OBJECT ? json_get(v, "type") : (struct json_val){0};
    size_t i;
    if (v.type == JSON_STRING) {
        return any_str(c, v);
    }
    if (v.type != JSON_OBJECT) {
        return check_type(c, "a string or an object", v);
    }
    if (type.type == JSON_NONE) {
        return check_missing(c, "type");
    }
    size_t before = check_down(c, STR("type"));
    int err = check_word(c, type, types, ARRAY_LEN(types), &i);
    if (err == 0) {
        check_up(c, before);
    }
    return err;
}

static int prompt_variables(struct check *c, struct json_val v)
{
    struct str name;
    struct json_val value;
    int err = any_object(c, v);
    if (err < 0 || v.type == JSON_NULL) {
        return err;
    }
    for (struct json_it it = json_object(v); err == 0 && json_next(&it, &name, &value);) {
        size_t before = check_down(c, name);
        err = check_variable(c, value);
        if (err == 0) {
            check_up(c, before);
        }
    }
    return err;
}

int check_prompt(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {
        {"id", prompt_id}, {"version", any_str}, {"variables", prompt_variables}};
    if (v.type == JSON_NULL) {
        return 0;
    }
    int err = check_object(c, v, fields, ARRAY_LEN(fields));
    return err < 0 ? err : json_get(v, "id").type == JSON_NONE ? check_missing(c, "id") : 0;
}
