/* Strict decoder of OpenAI Realtime client events. */
#include "wire/openai_server.h"

#include "base/err.h"
#include "wire/openai_check.h"
#include "wire/openai_words.h"

static struct openai_client_event *event_of(struct check *c)
{
    return c->target;
}

void openai_server_error_base64(struct openai_server_error *e)
{
    openai_server_error_set(e, "invalid_value", "audio",
                            "Invalid 'audio'. Expected base64-encoded audio bytes, but "
                            "got something else.");
}

void openai_server_error_binary(struct openai_server_error *e)
{
    openai_server_error_set(e, "invalid_event", NULL,
                            "Expected a text WebSocket message; binary frames are not supported.");
}

static int read_event_id(struct check *c, struct json_val v)
{
    return check_str(c, v, OPENAI_EVENT_ID_MAX, &event_of(c)->event_id);
}

/* ---- content parts ---- */

static const char *const part_names[OPENAI_PART_TYPE_N] = {
    [OPENAI_PART_NONE] = "",
    [OPENAI_PART_INPUT_TEXT] = "input_text",
    [OPENAI_PART_INPUT_AUDIO] = "input_audio",
    [OPENAI_PART_INPUT_IMAGE] = "input_image",
    [OPENAI_PART_OUTPUT_TEXT] = "output_text",
    [OPENAI_PART_OUTPUT_AUDIO] = "output_audio",
};

static int any_str(struct check *c, struct json_val v)
{
    struct str s;
    return check_str(c, v, SIZE_MAX, &s);
}

static int str_or_null(struct check *c, struct json_val v)
{
    return v.type == JSON_NULL ? 0 : any_str(c, v);
}

static int image_detail(struct check *c, struct json_val v)
{
    static const char *const words[] = {"auto", "low", "high"};
    size_t i;
    return check_word(c, v, words, ARRAY_LEN(words), &i);
}

#define DATA_URL_WANTED                                                                                                \
    "Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU=')"

static int refuse_image(struct check *c, int err, struct str url)
{
    struct str type = picture_url_type(url);
    if (err == -ERR_RANGE) {
        return check_refuse(c, err, "invalid_value",
                            "You uploaded an unsupported image. Please make sure your image is valid.");
    }
    if (err == -ERR_TYPE) {
        return check_refuse(c, err, "invalid_value",
                            "Invalid '%.*s'. " DATA_URL_WANTED ", but got unsupported MIME type '%.*s'.",
                            (int)c->path_n, c->path, (int)type.n, type.p);
    }
    if (err == -ENOMEM) {
        return check_refuse(c, err, "invalid_value", "The message is too large.");
    }
    return check_refuse(c, err, "invalid_value", "Invalid '%.*s'. " DATA_URL_WANTED ", but got %s.", (int)c->path_n,
                        c->path, type.p ? "an invalid base64-encoded value" : "a value without the 'data:' prefix");
}

static int image_url(struct check *c, struct json_val v)
{
    struct str url;
    struct picture picture;
    int err = check_str(c, v, SIZE_MAX, &url);
    if (err < 0) {
        return err;
    }
    err = picture_read(url, &picture);
    return err < 0 ? refuse_image(c, err, url) : 0;
}

static const struct check_field text_fields[] = {{"type", NULL}, {"text", any_str}};
static const struct check_field audio_fields[] = {{"type", NULL}, {"audio", any_str}, {"transcript", str_or_null}};
static const struct check_field image_fields[] = {{"type", NULL}, {"image_url", image_url}, {"detail", image_detail}};

static int part_body(struct check *c, struct json_val v, enum openai_part_type type)
{
    int err = 0;
    const char *needed = "text";
    switch (type) {
    case OPENAI_PART_INPUT_AUDIO:
        needed = "audio";
        err = check_object(c, v, audio_fields, ARRAY_LEN(audio_fields));
        break;
    case OPENAI_PART_INPUT_IMAGE:
        needed = "image_url";
        err = check_object(c, v, image_fields, ARRAY_LEN(image_fields));
        break;
    case OPENAI_PART_OUTPUT_AUDIO:
        /* Assistant audio cannot be put back: the service asks for the text that is not there. */
        return check_missing(c, "text");
    case OPENAI_PART_INPUT_TEXT:
    case OPENAI_PART_OUTPUT_TEXT:
    case OPENAI_PART_NONE:
    case OPENAI_PART_TYPE_N:
        err = check_object(c, v, text_fields, ARRAY_LEN(text_fields));
        break;
    }
    return err < 0 ? err : json_get(v, needed).type == JSON_NONE ? check_missing(c, needed) : 0;
}

static int check_part(struct check *c, struct json_val v, enum openai_role role)
{
    static const char *const user[] = {"input_text", "input_audio", "input_image"};
    static const char *const system[] = {"input_text"};
    static const char *const assistant[] = {"output_text", "output_audio"};
    if (v.type != JSON_OBJECT) {
        return check_type(c, "an object", v);
    }
    struct json_val type = json_get(v, "type");
    if (type.type == JSON_NONE) {
        return check_missing(c, "type");
    }
    size_t before = check_down(c, STR("type"));
    size_t i;
    int err = role == OPENAI_ROLE_USER     ? check_word(c, type, user, ARRAY_LEN(user), &i)
              : role == OPENAI_ROLE_SYSTEM ? check_word(c, type, system, ARRAY_LEN(system), &i)
                                           : check_word(c, type, assistant, ARRAY_LEN(assistant), &i);
    if (err < 0) {
        return err;
    }
    check_up(c, before);
    enum openai_part_type part = OPENAI_PART_NONE;
    for (unsigned k = 1; k < OPENAI_PART_TYPE_N; k++) {
        part = str_is(type.s, part_names[k]) ? (enum openai_part_type)k : part;
    }
    return part_body(c, v, part);
}

static int check_content(struct check *c, struct json_val content, enum openai_role role)
{
    size_t before = check_down(c, STR("content"));
    if (content.type != JSON_ARRAY) {
        return check_type(c, "an array", content);
    }
    struct json_it it = json_array(content);
    struct json_val part;
    for (uint32_t i = 0; json_elem(&it, &part); i++) {
        size_t inner = check_down_index(c, i);
        int err = check_part(c, part, role);
        if (err < 0) {
            return err;
        }
        check_up(c, inner);
    }
    check_up(c, before);
    return 0;
}

bool openai_part_next(struct json_it *it, struct buf *scratch, struct openai_part *ret)
{
    struct json_val v;
    if (!json_elem(it, &v)) {
        return false;
    }
    *ret = (struct openai_part){0};
    struct json_val type = json_get(v, "type");
    struct json_val text = json_get(v, "text");
    struct json_val audio = json_get(v, "audio");
    for (unsigned k = 1; k < OPENAI_PART_TYPE_N; k++) {
        ret->type = str_is(type.s, part_names[k]) ? (enum openai_part_type)k : ret->type;
    }
    if (text.type != JSON_STRING) {
        text = json_get(v, "transcript");
    }
    ret->audio = audio.type == JSON_STRING ? audio.s : STR_NULL;
    ret->has_text = text.type == JSON_STRING;
    struct json_val image = json_get(v, "image_url"), detail = json_get(v, "detail");
    ret->detail = detail.type == JSON_STRING ? picture_detail_of(detail.s) : PICTURE_AUTO;
    int err = ret->has_text ? json_to_str(text, scratch, &ret->text) : 0;
    if (err == 0 && image.type == JSON_STRING) {
        err = json_to_str(image, scratch, &ret->image_url);
    }
    if (err < 0) {
        it->p = NULL;
        it->err = err;
    }
    return err == 0;
}

/* ---- items ---- */

static int item_id(struct check *c, struct json_val v)
{
    struct str id;
    return check_str(c, v, 32, &id);
}

static int item_word_object(struct check *c, struct json_val v)
{
    static const char *const words[] = {"realtime.item"};
    size_t i;
    return check_word(c, v, words, 1, &i);
}

static int item_status(struct check *c, struct json_val v)
{
    static const char *const words[] = {"completed", "incomplete", "in_progress"};
    size_t i;
    return check_word(c, v, words, ARRAY_LEN(words), &i);
}

static int item_role(struct check *c, struct json_val v)
{
    static const char *const words[] = {"user", "assistant", "system"};
    size_t i;
    return check_word(c, v, words, ARRAY_LEN(words), &i);
}

static int any_bool(struct check *c, struct json_val v)
{
    enum openai_tri b;
    return check_bool(c, v, &b);
}

static int call_id(struct check *c, struct json_val v)
{
    struct str id;
    return check_str(c, v, OPENAI_ID_MAX, &id);
}

#define ITEM_COMMON                                                                                                    \
    {"id", item_id}, {"type", NULL}, {"object", item_word_object},                                                     \
    {                                                                                                                  \
        "status", item_status                                                                                          \
    }

static const struct check_field message_fields[] = {ITEM_COMMON, {"role", item_role}, {"content", NULL}};
static const struct check_field call_fields[] = {
    ITEM_COMMON, {"name", any_str}, {"call_id", call_id}, {"arguments", any_str}};
static const struct check_field output_fields[] = {ITEM_COMMON, {"call_id", call_id}, {"output", any_str}};
static const struct check_field approval_fields[] = {
    ITEM_COMMON, {"approval_request_id", call_id}, {"approve", any_bool}, {"reason", str_or_null}};
static const struct check_field reference_fields[] = {{"type", NULL}, {"id", call_id}};

/* What a type of item may have, and must have. */
static const struct item_rule {
    const char *type;
    const struct check_field *fields;
    size_t n;
    const char *needed[3];
} item_rules[] = {
    {"message", message_fields, ARRAY_LEN(message_fields), {"role", "content"}},
    {"function_call", call_fields, ARRAY_LEN(call_fields), {"name", "arguments"}},
    {"function_call_output", output_fields, ARRAY_LEN(output_fields), {"call_id", "output"}},
    {"mcp_approval_response", approval_fields, ARRAY_LEN(approval_fields), {"approval_request_id", "approve"}},
    {"item_reference", reference_fields, ARRAY_LEN(reference_fields), {"id"}},
};

static int check_item_type(struct check *c, struct json_val v, bool in_response, size_t *ret)
{
    const char *words[ARRAY_LEN(item_rules)];
    size_t n = ARRAY_LEN(item_rules) - (in_response ? 0 : 1); /* references only as input of a response */
    for (size_t i = 0; i < n; i++) {
        words[i] = item_rules[i].type;
    }
    struct json_val type = json_get(v, "type");
    if (type.type == JSON_NONE) {
        return check_missing(c, "type");
    }
    size_t before = check_down(c, STR("type"));
    int err = check_word(c, type, words, n, ret);
    if (err == 0) {
        check_up(c, before);
    }
    return err;
}

static int check_item(struct check *c, struct json_val v, bool in_response)
{
    if (v.type != JSON_OBJECT) {
        return check_type(c, "an object", v);
    }
    size_t rule = 0;
    int err = check_item_type(c, v, in_response, &rule);
    err = err < 0 ? err : check_object(c, v, item_rules[rule].fields, item_rules[rule].n);
    if (err < 0) {
        return err;
    }
    for (size_t i = 0; i < ARRAY_LEN(item_rules[rule].needed) && item_rules[rule].needed[i]; i++) {
        if (json_get(v, item_rules[rule].needed[i]).type == JSON_NONE) {
            return check_missing(c, item_rules[rule].needed[i]);
        }
    }
    return rule == 0 ? check_content(c, json_get(v, "content"), openai_role_of(json_get(v, "role").s)) : 0;
}

static int check_new_item(struct check *c, struct json_val v)
{
    return check_item(c, v, false);
}

/*
 * Runs a check whose unescaped text nobody keeps, and gives its room in scratch back. Room for that text twice is made
 * sure of: the item is read again below, and its parts once more by the caller, and no slice may move meanwhile.
 */
static int check_apart(struct check *c, struct json_val v, check_fn check)
{
    if (!buf_room(c->scratch, 2 * c->text_bytes)) {
        return check_refuse(c, c->scratch->err, "invalid_value", "The message is too large.");
    }
    size_t before = c->scratch->len;
    int err = check(c, v);
    c->scratch->len = before;
    return err;
}

static int read_item(struct check *c, struct json_val v)
{
    struct openai_client_event *e = event_of(c);
    int err = check_apart(c, v, check_new_item);
    if (err < 0) {
        return err;
    }
    if (openai_item_read(v, c->scratch, &e->create.item) < 0) {
        return check_refuse(c, -ERR_SYNTAX, "invalid_json", "Invalid event: failed to parse JSON value.");
    }
    struct json_val request = json_get(v, "approval_request_id");
    e->create.approval_request_id = request.type == JSON_STRING ? request.s : STR_NULL;
    e->create.approve = json_get(v, "approve").type == JSON_TRUE;
    return 0;
}

static int read_previous(struct check *c, struct json_val v)
{
    struct openai_client_event *e = event_of(c);
    e->create.has_previous = v.type != JSON_NULL;
    return v.type == JSON_NULL ? 0 : check_str(c, v, OPENAI_ID_MAX, &e->create.previous_item_id);
}

/* ---- response.create ---- */

static struct openai_server_params *params_of(struct check *c)
{
    return &event_of(c)->response;
}

static int params_instructions(struct check *c, struct json_val v)
{
    return check_str(c, v, OPENAI_INSTRUCTIONS_MAX, &params_of(c)->instructions);
}

static int params_modalities(struct check *c, struct json_val v)
{
    return check_modalities(c, v, &params_of(c)->output_modality);
}

static int params_format(struct check *c, struct json_val v)
{
    return check_format(c, v, &params_of(c)->output_format);
}

static int params_voice(struct check *c, struct json_val v)
{
    bool is_id;
    return check_voice(c, v, &params_of(c)->voice, &is_id);
}

static int params_output(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {{"format", params_format}, {"voice", params_voice}};
    return check_object(c, v, fields, ARRAY_LEN(fields));
}

static int params_audio(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {{"output", params_output}};
    return check_object(c, v, fields, ARRAY_LEN(fields));
}

static int params_tools(struct check *c, struct json_val v)
{
    params_of(c)->tools_raw = v.s;
    return check_tools(c, v);
}

static int params_tool_choice(struct check *c, struct json_val v)
{
    params_of(c)->tool_choice = check_raw(v);
    return check_tool_choice(c, v);
}

static int params_parallel(struct check *c, struct json_val v)
{
    return check_bool(c, v, &params_of(c)->parallel_tool_calls);
}

static int params_reasoning(struct check *c, struct json_val v)
{
    enum openai_effort ignored;
    return check_reasoning(c, v, &ignored);
}

static int params_max_tokens(struct check *c, struct json_val v)
{
    params_of(c)->max_output_tokens.set = true;
    return check_max_tokens(c, v, &params_of(c)->max_output_tokens.v);
}

static int params_metadata(struct check *c, struct json_val v)
{
    if (v.type == JSON_NULL) {
        return 0;
    }
    if (v.type != JSON_OBJECT) {
        return check_type(c, "an object", v);
    }
    struct json_it it = json_object(v);
    struct str key;
    struct json_val value;
    for (uint32_t n = 0; json_next(&it, &key, &value); n++) {
        struct str text;
        if (n == 16 || key.n > 64) {
            return check_refuse(c, -ERR_RANGE, "invalid_value",
                                "Invalid '%.*s': expected at most 16 pairs with keys of at most 64 characters.",
                                (int)c->path_n, c->path);
        }
        size_t before = check_down(c, key);
        int err = check_str(c, value, 512, &text);
        if (err < 0) {
            return err;
        }
        check_up(c, before);
    }
    params_of(c)->metadata_raw = v.s;
    return 0;
}

static int params_conversation(struct check *c, struct json_val v)
{
    static const char *const words[] = {"auto", "none"};
    size_t i;
    int err = check_word(c, v, words, ARRAY_LEN(words), &i);
    if (err == 0) {
        params_of(c)->out_of_band = i == 1;
    }
    return err;
}

static int check_input(struct check *c, struct json_val v)
{
    struct json_it it = json_array(v);
    struct json_val item;
    for (uint32_t i = 0; json_elem(&it, &item); i++) {
        size_t before = check_down_index(c, i);
        int err = check_item(c, item, true);
        if (err < 0) {
            return err;
        }
        check_up(c, before);
    }
    return 0;
}

static int params_input(struct check *c, struct json_val v)
{
    if (v.type != JSON_ARRAY) {
        return check_type(c, "an array", v);
    }
    params_of(c)->has_input = true;
    params_of(c)->input = v;
    return check_apart(c, v, check_input);
}

static int read_response(struct check *c, struct json_val v)
{
    static const struct check_field fields[] = {{"instructions", params_instructions},
                                                {"output_modalities", params_modalities},
                                                {"audio", params_audio},
                                                {"tools", params_tools},
                                                {"tool_choice", params_tool_choice},
                                                {"parallel_tool_calls", params_parallel},
                                                {"reasoning", params_reasoning},
                                                {"max_output_tokens", params_max_tokens},
                                                {"prompt", check_prompt},
                                                {"metadata", params_metadata},
                                                {"conversation", params_conversation},
                                                {"input", params_input}};
    return check_object(c, v, fields, ARRAY_LEN(fields));
}

/* ---- the other members of events ---- */

static int read_session(struct check *c, struct json_val v)
{
    event_of(c)->session = v; /* judged by openai_server_apply_update */
    return v.type == JSON_OBJECT ? 0 : check_type(c, "an object", v);
}

static int read_audio(struct check *c, struct json_val v)
{
    if (v.type == JSON_STRING && v.s.n > (size_t)OPENAI_APPEND_MAX / 3 * 4 + 4) {
        return check_refuse(c, -ERR_TOO_BIG, "invalid_value", "Invalid 'audio': at most 15 MiB are accepted.");
    }
    return check_str(c, v, SIZE_MAX, &event_of(c)->audio);
}

static int read_item_id(struct check *c, struct json_val v)
{
    return check_str(c, v, OPENAI_ID_MAX, &event_of(c)->item.item_id);
}

static int read_content_index(struct check *c, struct json_val v)
{
    int64_t i;
    return check_int(c, v, 0, 0, &i);
}

static int read_audio_end(struct check *c, struct json_val v)
{
    int64_t ms;
    int err = check_int(c, v, 0, INT32_MAX, &ms);
    if (err == 0) {
        event_of(c)->item.audio_end_ms = (uint64_t)ms;
    }
    return err;
}

static int read_response_id(struct check *c, struct json_val v)
{
    return v.type == JSON_NULL ? 0 : check_str(c, v, OPENAI_ID_MAX, &event_of(c)->response_id);
}

#define HEAD                                                                                                           \
    {"type", NULL},                                                                                                    \
    {                                                                                                                  \
        "event_id", read_event_id                                                                                      \
    }

static const struct check_field bare_fields[] = {HEAD};
static const struct check_field update_fields[] = {HEAD, {"session", read_session}};
static const struct check_field append_fields[] = {HEAD, {"audio", read_audio}};
static const struct check_field create_fields[] = {HEAD, {"previous_item_id", read_previous}, {"item", read_item}};
static const struct check_field on_item_fields[] = {HEAD, {"item_id", read_item_id}};
static const struct check_field truncate_fields[] = {
    HEAD, {"item_id", read_item_id}, {"content_index", read_content_index}, {"audio_end_ms", read_audio_end}};
static const struct check_field respond_fields[] = {HEAD, {"response", read_response}};
static const struct check_field cancel_fields[] = {HEAD, {"response_id", read_response_id}};

#define RULE(fields, ...)                                                                                              \
    {                                                                                                                  \
        fields, ARRAY_LEN(fields),                                                                                     \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

static const struct event_rule {
    const struct check_field *fields;
    size_t n;
    const char *needed[4];
} rules[OPENAI_CLIENT_N] = {
    [OPENAI_CLIENT_SESSION_UPDATE] = RULE(update_fields, "session"),
    [OPENAI_CLIENT_APPEND] = RULE(append_fields, "audio"),
    [OPENAI_CLIENT_COMMIT] = RULE(bare_fields, NULL),
    [OPENAI_CLIENT_INPUT_CLEAR] = RULE(bare_fields, NULL),
    [OPENAI_CLIENT_OUTPUT_CLEAR] = RULE(bare_fields, NULL),
    [OPENAI_CLIENT_ITEM_CREATE] = RULE(create_fields, "item"),
    [OPENAI_CLIENT_ITEM_RETRIEVE] = RULE(on_item_fields, "item_id"),
    [OPENAI_CLIENT_ITEM_TRUNCATE] = RULE(truncate_fields, "item_id", "content_index", "audio_end_ms"),
    [OPENAI_CLIENT_ITEM_DELETE] = RULE(on_item_fields, "item_id"),
    [OPENAI_CLIENT_RESPONSE_CREATE] = RULE(respond_fields, NULL),
    [OPENAI_CLIENT_RESPONSE_CANCEL] = RULE(cancel_fields, NULL),
};

static const char *const client_names[OPENAI_CLIENT_N] = {
#define X(name, wire) [name] = wire,
    OPENAI_CLIENT_EVENT_LIST(X)
#undef X
};

static int refuse_json(struct check *c)
{
    return check_refuse(c, -ERR_SYNTAX, "invalid_json", "Invalid event: failed to parse JSON value.");
}

/* Finds out the type. An append is walked but not checked in depth: its one large member is base64. */
static int read_type(struct check *c, struct str text, struct json_val *ret_top, enum openai_client_type *ret)
{
    if (json_open(text, ret_top) < 0) {
        return refuse_json(c);
    }
    struct json_val type = json_get(*ret_top, "type");
    bool append = type.type == JSON_STRING && str_is(type.s, client_names[OPENAI_CLIENT_APPEND]);
    if (!append && (json_parse(text, ret_top) < 0 || ret_top->type != JSON_OBJECT)) {
        return refuse_json(c);
    }
    struct json_val id = json_get(*ret_top, "event_id");
    if (id.type == JSON_STRING && id.s.n <= OPENAI_EVENT_ID_MAX && !id.escaped) {
        event_of(c)->event_id = id.s;
    }
    if (append) {
        *ret = OPENAI_CLIENT_APPEND;
        return 0;
    }
    if (type.type != JSON_STRING) {
        return check_refuse(c, -ERR_MISSING, "invalid_event", "Invalid event: missing required parameter 'type'.");
    }
    check_down(c, STR("type"));
    size_t i;
    int err = check_word(c, type, client_names, OPENAI_CLIENT_N, &i);
    check_up(c, 0);
    *ret = err < 0 ? OPENAI_CLIENT_N : (enum openai_client_type)i;
    return err;
}

int openai_server_decode(struct str text, struct buf *scratch, struct openai_client_event *ret,
                         struct openai_server_error *ret_error)
{
    struct check c = {.error = ret_error, .scratch = scratch, .text_bytes = text.n, .target = ret};
    struct json_val top;
    buf_clear(scratch);
    *ret = (struct openai_client_event){0};
    int err = read_type(&c, text, &top, &ret->type);
    if (err < 0) {
        return err;
    }
    const struct event_rule *rule = &rules[ret->type];
    err = check_object(&c, top, rule->fields, rule->n);
    for (size_t i = 0; err == 0 && i < ARRAY_LEN(rule->needed) && rule->needed[i]; i++) {
        if (json_get(top, rule->needed[i]).type == JSON_NONE) {
            err = check_missing(&c, rule->needed[i]);
        }
    }
    return err;
}
