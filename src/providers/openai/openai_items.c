/* Items of the conversation, from the service's words into the call's and back. */
#include "base/base64.h"
#include "providers/openai/openai_impl.h"

#define OWN_ID      "rt_item_" /* as the call names what it puts in: the echo of it says nothing new */
#define CONTENT_MAX (4u << 20)

/* ---- inward ---- */

static enum item_type type_of(enum openai_item_type type)
{
    switch (type) {
    case OPENAI_ITEM_MESSAGE:
        return ITEM_MESSAGE;
    case OPENAI_ITEM_FUNCTION_CALL:
        return ITEM_FUNCTION_CALL;
    case OPENAI_ITEM_FUNCTION_OUTPUT:
        return ITEM_FUNCTION_OUTPUT;
    case OPENAI_ITEM_UNKNOWN:
    case OPENAI_ITEM_MCP_LIST_TOOLS:
    case OPENAI_ITEM_MCP_CALL:
    case OPENAI_ITEM_MCP_APPROVAL_REQUEST:
    case OPENAI_ITEM_MCP_APPROVAL_RESPONSE:
    case OPENAI_ITEM_REFERENCE:
    case OPENAI_ITEM_TYPE_N:
        break;
    }
    return ITEM_OTHER;
}

static enum item_role role_of(enum openai_role role)
{
    return role == OPENAI_ROLE_USER        ? ITEM_USER
           : role == OPENAI_ROLE_ASSISTANT ? ITEM_ASSISTANT
           : role == OPENAI_ROLE_SYSTEM    ? ITEM_SYSTEM
                                           : ITEM_NO_ROLE;
}

static enum item_status item_status_of(enum openai_status status)
{
    return status == OPENAI_STATUS_IN_PROGRESS                                       ? ITEM_IN_PROGRESS
           : status == OPENAI_STATUS_COMPLETED                                       ? ITEM_COMPLETED
           : status == OPENAI_STATUS_INCOMPLETE || status == OPENAI_STATUS_CANCELLED ? ITEM_INCOMPLETE
                                                                                     : ITEM_NO_STATUS;
}

/* A member that is a text; p NULL: absent, null or something else. room has place for all of them. */
static struct str text_member(struct json_val part, const char *key, struct buf *room)
{
    struct str s = STR_NULL;
    struct json_val v = json_get(part, key);
    if (v.type != JSON_STRING || json_to_str(v, room, &s) < 0) {
        return STR_NULL;
    }
    return s.p ? s : STR("");
}

/* Both vocabularies: input_text, output_text, text; input_audio, output_audio, audio; input_image. */
static bool read_part(struct json_val v, struct buf *room, struct call_part *ret)
{
    struct json_val type = json_get(v, "type");
    struct str word = type.type == JSON_STRING ? type.s : STR("");
    *ret = (struct call_part){0};
    if (str_ends(word, STR("text"))) {
        ret->kind = PART_TEXT;
        ret->text = text_member(v, "text", room);
    } else if (str_ends(word, STR("audio"))) {
        ret->kind = PART_AUDIO;
        ret->text = text_member(v, "transcript", room);
    } else if (str_is(word, "input_image")) {
        ret->kind = PART_IMAGE;
        ret->text = text_member(v, "image_url", room);
        ret->detail = text_member(v, "detail", room);
    } else {
        return false;
    }
    return true;
}

static void read_parts(const struct openai_item *item, struct buf *room, struct call_item *ret)
{
    struct json_it it = json_array(item->content);
    struct json_val v;
    while (ret->n_parts < CALL_MAX_PARTS && json_elem(&it, &v)) {
        ret->n_parts += read_part(v, room, &ret->parts[ret->n_parts]);
    }
}

void openai_emit_item(struct openai_model *m, const struct openai_event *e)
{
    const struct openai_item *item = &e->item;
    struct buf room;
    struct call_item it = {
        .id = item->id,
        .previous_id = e->previous_item_id.n ? e->previous_item_id : STR_NULL,
        .type = type_of(item->type),
        .role = role_of(item->role),
        .status = item_status_of(item->status),
        .call_id = item->call_id,
        .name = item->name,
        .arguments = item->arguments,
        .output = item->output.n ? item->output : STR_NULL,
    };
    if (it.id.n == 0 || it.id.n >= CALL_ID_MAX || it.type == ITEM_OTHER) {
        return;
    }
    buf_init(&room, CONTENT_MAX);
    bool whole = item->content.type != JSON_ARRAY || item->content.s.n == 0 || buf_room(&room, item->content.s.n);
    if (whole && it.type == ITEM_MESSAGE && !str_starts(it.id, STR(OWN_ID))) {
        read_parts(item, &room, &it);
    }
    struct call_event ev = {.type = EV_MODEL_ITEM};
    ev.model_item.response_id = e->response_id;
    ev.model_item.item = &it;
    link_emit(&m->link, &ev);
    buf_done(&room);
}

/* ---- outward ---- */

static void put_audio(struct json_w *w, struct span audio)
{
    struct buf base64;
    buf_init(&base64, CONTENT_MAX);
    char *at = (char *)buf_room(&base64, base64_enc_len(audio.n));
    if (at) {
        buf_added(&base64, base64_encode(at, audio));
    }
    json_w_kstr(w, "audio", buf_str(&base64));
    buf_done(&base64);
}

/* What was said becomes text: its audio is not here any more. */
static void put_part(struct json_w *w, const struct call_part *p, bool assistant)
{
    json_w_open(w);
    if (p->kind == PART_IMAGE) {
        json_w_kz(w, "type", "input_image");
        json_w_kstr(w, "image_url", p->text);
        if (p->detail.n) {
            json_w_kstr(w, "detail", p->detail);
        }
    } else if (p->audio.n && !assistant) { /* whose words nobody knows: it is heard again */
        json_w_kz(w, "type", "input_audio");
        put_audio(w, p->audio);
    } else {
        json_w_kz(w, "type", assistant ? "output_text" : "input_text");
        json_w_kstr(w, "text", p->text);
    }
    json_w_close(w);
}

static void put_parts(struct buf *out, const struct call_item *it)
{
    struct json_w w = json_w(out);
    json_w_array(&w);
    for (uint32_t i = 0; i < it->n_parts; i++) {
        if (it->parts[i].text.n || it->parts[i].audio.n) { /* the service refuses empty ones */
            put_part(&w, &it->parts[i], it->role == ITEM_ASSISTANT);
        }
    }
    json_w_end(&w);
}

int openai_put_call_item(struct buf *out, struct str event_id, const struct call_item *it)
{
    struct buf content;
    struct openai_put_item put = {.id = it->id, .call_id = it->call_id, .text = it->output};
    put.previous_item_id = it->previous_id.n ? it->previous_id : STR_NULL;
    buf_init(&content, CONTENT_MAX);
    switch (it->type) {
    case ITEM_MESSAGE:
        put.kind = it->role == ITEM_ASSISTANT ? OPENAI_PUT_ASSISTANT
                   : it->role == ITEM_SYSTEM  ? OPENAI_PUT_SYSTEM
                                              : OPENAI_PUT_USER;
        put_parts(&content, it);
        put.content_raw = buf_str(&content);
        break;
    case ITEM_FUNCTION_CALL:
        put.kind = OPENAI_PUT_FUNCTION_CALL;
        put.name = it->name;
        put.text = it->arguments.n ? it->arguments : STR("{}");
        break;
    case ITEM_FUNCTION_OUTPUT:
        put.kind = OPENAI_PUT_FUNCTION_OUTPUT;
        break;
    case ITEM_OTHER:
    case ITEM_TYPE_N:
        buf_done(&content);
        return -EINVAL;
    }
    if (content.err == 0) {
        openai_put_item_create(out, event_id, &put);
    }
    int err = content.err < 0 ? content.err : out->err;
    buf_done(&content);
    return err;
}
