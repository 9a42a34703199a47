#include "api/api_verbs.h"

#include "api/api_control.h"
#include "base/err.h"
#include "base/json.h"

#define SAY_MAX          8000
#define INSTRUCTIONS_MAX 32000
#define TEXT_MAX         32000 /* of one part of a message */
#define HISTORY_MAX      (4u << 20)

/* A body while it is read: the first mistake wins. */
struct body {
    struct json_val doc; /* an object, or nothing */
    struct buf *room;
    const char *mistake;
};

static void refuse(struct api *api, struct http_exchange *x, struct str id, int err, const char *why)
{
    if (err == -ENOENT) {
        api_calls_absent(api, x, id);
    } else if (err == -ERR_STATE) {
        api_error(api, x, 409, STR_NULL, why ? why : "The call cannot take that now");
    } else if (err == -EINVAL) {
        api_error(api, x, 400, STR_NULL, why ? why : err_text(err));
    } else if (err == -ERR_RANGE) {
        api_control_refused(api, x, why);
    } else {
        api_error(api, x, 503, STR("Retry-After: 5\r\n"), err_text(err));
    }
}

static void mistake(struct body *b, const char *text)
{
    b->mistake = b->mistake ? b->mistake : text;
}

/* An empty body is an empty object. */
static void open_body(struct body *b, struct span bytes)
{
    struct str text = str_trim(str_of_span(bytes));
    if (text.n == 0) {
        text = STR("{}");
    }
    if (json_parse(text, &b->doc) < 0 || b->doc.type != JSON_OBJECT || !utf8_valid(text)) {
        mistake(b, "The body must be one JSON object");
    }
}

static bool has(const struct body *b, const char *key)
{
    return !b->mistake && json_get(b->doc, key).type != JSON_NONE;
}

/* A member that is a text of at most max bytes; empty when it is absent. */
static struct str read_text(struct body *b, struct json_val object, const char *key, size_t max)
{
    struct str s = STR_NULL;
    struct json_val v = b->mistake ? (struct json_val){0} : json_get(object, key);
    if (v.type == JSON_NONE || v.type == JSON_NULL) {
        return STR_NULL;
    }
    if (v.type != JSON_STRING || json_to_str(v, b->room, &s) < 0) {
        mistake(b, "A member that must be a text is none");
        return STR_NULL;
    }
    if (s.n > max) {
        mistake(b, "A text is too long");
    }
    return s.p ? s : STR("");
}

static bool read_bool(struct body *b, const char *key, bool otherwise)
{
    struct json_val v = b->mistake ? (struct json_val){0} : json_get(b->doc, key);
    bool value = otherwise;
    if (v.type != JSON_NONE && json_to_bool(v, &value) < 0) {
        mistake(b, "A member that must be true or false is neither");
    }
    return value;
}

/* ---- one verb each ---- */

static void read_interrupt(struct body *b, struct call_event *ev)
{
    struct str mode = read_text(b, b->doc, "mode", 16);
    ev->type = EV_CONTROL_INTERRUPT;
    ev->control_interrupt.response_id = read_text(b, b->doc, "response_id", CALL_ID_MAX);
    if (mode.n == 0) {
        return;
    }
    for (enum interrupt_kind k = INTERRUPT_NORMAL; k < INTERRUPT_KIND_N; k++) {
        if (str_is(mode, interrupt_kind_name(k))) {
            ev->control_interrupt.kind = k;
            return;
        }
    }
    mistake(b, "\"mode\" must be \"normal\", \"forced\", \"response\" or \"playback\"");
}

static void read_respond(struct body *b, struct call_event *ev)
{
    ev->type = EV_CONTROL_RESPOND;
    ev->control_respond.instructions = read_text(b, b->doc, "instructions", INSTRUCTIONS_MAX);
    ev->control_respond.no_tools = !read_bool(b, "tools", true);
}

static void read_say(struct body *b, struct call_event *ev)
{
    ev->type = EV_CONTROL_SAY;
    ev->control_say.text = str_trim(read_text(b, b->doc, "text", SAY_MAX));
    ev->control_say.interrupt = read_bool(b, "interrupt", false);
    if (ev->control_say.text.n == 0) {
        mistake(b, "The body must be {\"text\": \"...\"} with 1 to 8000 bytes");
    }
}

/* Parts that hold nothing are passed over, as the reference does. */
static void read_part(struct body *b, struct json_val v, struct call_item *it)
{
    struct str type = read_text(b, v, "type", 32);
    struct call_part part = {0};
    if (str_is(type, "input_text") || str_is(type, "text")) {
        part.text = read_text(b, v, "text", TEXT_MAX);
    } else if (str_is(type, "input_image")) {
        part.kind = PART_IMAGE;
        part.text = read_text(b, v, "image_url", SIZE_MAX);
        part.detail = read_text(b, v, "detail", 16);
    } else {
        mistake(b, "A part of \"content\" must be of type \"input_text\" or \"input_image\"");
    }
    if (part.text.n > 0 && it->n_parts < CALL_MAX_PARTS) {
        it->parts[it->n_parts++] = part;
    }
}

static void read_content(struct body *b, struct call_item *it)
{
    struct json_val content = json_get(b->doc, "content");
    struct json_it parts = json_array(content);
    struct json_val v;
    uint32_t n = 0;
    if (content.type != JSON_ARRAY) {
        mistake(b, "\"content\" must be a list of parts");
        return;
    }
    for (; json_elem(&parts, &v); n++) {
        if (v.type != JSON_OBJECT || n == CALL_MAX_PARTS) {
            mistake(b, v.type != JSON_OBJECT ? "A part of \"content\" must be an object"
                                             : "\"content\" has too many parts");
            return;
        }
        read_part(b, v, it);
    }
}

static void read_role(struct body *b, struct call_item *it)
{
    struct str role = read_text(b, b->doc, "role", 16);
    it->role = ITEM_USER;
    for (enum item_role r = ITEM_USER; role.n > 0 && r <= ITEM_ROLE_N; r++) {
        if (r == ITEM_ROLE_N) {
            mistake(b, "\"role\" must be \"user\", \"assistant\" or \"system\"");
        } else if (str_is(role, item_role_name(r))) {
            it->role = r;
            return;
        }
    }
}

static void read_message(struct body *b, struct call_event *ev, struct call_item *it)
{
    ev->type = EV_CONTROL_MESSAGE;
    ev->control_message.item = it;
    read_role(b, it);
    ev->control_message.respond = read_bool(b, "respond", true);
    if (has(b, "content")) {
        read_content(b, it);
    } else {
        it->parts[0].text = str_trim(read_text(b, b->doc, "text", TEXT_MAX));
        it->n_parts = it->parts[0].text.n > 0;
    }
    if (it->n_parts == 0) {
        mistake(b, "The message says nothing: give \"text\", or \"content\" with a part that is not empty");
    }
    for (uint32_t i = 0; i < it->n_parts; i++) {
        if (it->parts[i].kind == PART_IMAGE && it->role != ITEM_USER) {
            mistake(b, "Only a message of the user may hold an image");
        }
    }
}

static int read_agent(struct api *api, struct body *b, struct str id, struct call_event *ev)
{
    struct str name = read_text(b, b->doc, "agent", 256);
    ev->type = EV_CONTROL_AGENT;
    ev->control_agent.agent = UINT32_MAX;
    ev->control_agent.instructions = read_text(b, b->doc, "instructions", INSTRUCTIONS_MAX);
    if (name.n == 0 && ev->control_agent.instructions.n == 0) {
        mistake(b, "The body must name an \"agent\", or give \"instructions\", or both");
    }
    if (b->mistake || name.n == 0) {
        return 0;
    }
    int err = api->o.host->agent(id, name, &ev->control_agent.agent, api->o.arg);
    if (err == -EINVAL) {
        mistake(b, "This call has no agent of that name");
        return 0;
    }
    return err;
}

static int read_verb(struct api *api, struct body *b, enum api_verb verb, struct str id, struct call_event *ev,
                     struct call_item *it)
{
    switch (verb) {
    case API_INTERRUPT:
        read_interrupt(b, ev);
        break;
    case API_RESPOND:
        read_respond(b, ev);
        break;
    case API_COMMIT:
        ev->type = EV_CONTROL_COMMIT;
        break;
    case API_SAY:
        read_say(b, ev);
        break;
    case API_MESSAGE:
        read_message(b, ev, it);
        break;
    case API_AGENT:
        return read_agent(api, b, id, ev);
    case API_RECONNECT:
        ev->type = EV_CONTROL_RENEW;
        break;
    case API_VERB_N:
        break;
    }
    return 0;
}

static void answer(struct api *api, struct http_exchange *x, struct str id)
{
    struct buf out;
    buf_init(&out, 1024);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kstr(&w, "call_id", id);
    json_w_kz(&w, "status", "accepted");
    json_w_close(&w);
    api_respond(api, x, 200, STR_NULL, buf_str(&out));
    buf_done(&out);
}

void api_verb(struct api *api, struct http_exchange *x, enum api_verb verb, struct str id, struct span body)
{
    struct buf room;
    struct body b = {.room = &room};
    struct call_event ev = {.type = EV_CONTROL_COMMIT};
    struct call_item item = {0};
    const char *why = NULL;
    buf_init(&room, body.n + 1);
    if (body.n > 0 && !buf_room(&room, body.n)) { /* texts must not move while others are read */
        refuse(api, x, id, -ENOMEM, NULL);
        buf_done(&room);
        return;
    }
    open_body(&b, body);
    int err = b.mistake ? 0 : read_verb(api, &b, verb, id, &ev, &item);
    if (b.mistake) {
        api_error(api, x, 400, STR_NULL, b.mistake);
    } else {
        err = err < 0 ? err : api->o.host->control(id, &ev, &why, api->o.arg);
        if (err < 0) {
            refuse(api, x, id, err, why);
        } else {
            answer(api, x, id);
        }
    }
    buf_done(&room);
}

void api_events(struct api *api, struct http_exchange *x, struct str id, struct str query)
{
    const char *why = NULL;
    int err = api->o.host->events(id, x, query, &why, api->o.arg);
    if (err == -ERR_LIMIT) {
        api_error(api, x, 429, STR("Retry-After: 5\r\n"), "Too many watch this call already");
    } else if (err < 0) {
        refuse(api, x, id, err, why);
    }
}

void api_history(struct api *api, struct http_exchange *x, struct str id)
{
    struct buf out;
    buf_init(&out, HISTORY_MAX);
    int err = api->o.host->history(id, &out, api->o.arg);
    err = err < 0 ? err : out.err;
    if (err < 0) {
        refuse(api, x, id, err, NULL);
    } else {
        api_respond(api, x, 200, STR_NULL, buf_str(&out));
    }
    buf_done(&out);
}
