#include "peer/sandbox/sandbox_convo.h"

#include <stdlib.h>

#include "base/err.h"

struct convo_item *convo_item_new(enum openai_item_type type, enum openai_role role, struct str id)
{
    struct convo_item *item = calloc(1, sizeof(*item));
    if (!item) {
        return NULL;
    }
    item->type = type;
    item->role = role;
    item->status = OPENAI_STATUS_COMPLETED;
    if (str_copy(item->id, sizeof(item->id), id) < 0) {
        free(item);
        return NULL;
    }
    struct buf *texts[] = {&item->name, &item->call_id, &item->arguments, &item->output, &item->approval_request_id};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_init(texts[i], CONVO_MAX_TEXT);
    }
    buf_init(&item->audio, CONVO_MAX_AUDIO);
    return item;
}

struct convo_item *convo_item_free(struct convo_item *item)
{
    if (item) {
        struct buf *texts[] = {&item->name, &item->call_id, &item->arguments, &item->output, &item->approval_request_id,
                               &item->audio};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            buf_done(texts[i]);
        }
        for (uint32_t i = 0; i < item->n_parts; i++) {
            buf_done(&item->parts[i].text);
            buf_done(&item->parts[i].image);
        }
        free(item);
    }
    return NULL;
}

int convo_item_add_part(struct convo_item *item, enum openai_part_type type, bool has_text, struct str text)
{
    if (item->n_parts == CONVO_MAX_PARTS) {
        return -ERR_LIMIT;
    }
    struct convo_part *part = &item->parts[item->n_parts++];
    part->type = type;
    part->has_text = has_text;
    buf_init(&part->text, CONVO_MAX_TEXT);
    buf_init(&part->image, CONVO_MAX_IMAGE);
    buf_put_str(&part->text, text);
    return part->text.err;
}

int convo_item_add_image(struct convo_item *item, struct str url, enum picture_detail detail)
{
    struct picture picture;
    int err = picture_read(url, &picture);
    err = err < 0 ? err : convo_item_add_part(item, OPENAI_PART_INPUT_IMAGE, false, STR(""));
    if (err < 0) {
        return err;
    }
    struct convo_part *part = &item->parts[item->n_parts - 1];
    part->detail = detail;
    part->image_tokens = picture_tokens(&picture, detail);
    buf_put_str(&part->image, url);
    return part->image.err;
}

struct str convo_item_text(const struct convo_item *item)
{
    for (uint32_t i = 0; i < item->n_parts; i++) {
        if (item->parts[i].has_text) {
            return buf_str(&item->parts[i].text);
        }
    }
    return STR("");
}

/* An empty buffer has no memory; for the codec a text without memory is one that is not there. */
static struct str text_of(const struct buf *b)
{
    return b->len ? buf_str(b) : STR("");
}

void convo_item_wire(const struct convo_item *item, struct openai_part *parts, struct openai_server_item *ret)
{
    for (uint32_t i = 0; i < item->n_parts; i++) {
        const struct convo_part *part = &item->parts[i];
        parts[i] = (struct openai_part){.type = part->type,
                                        .has_text = part->has_text,
                                        .text = text_of(&part->text),
                                        .image_url = text_of(&part->image),
                                        .detail = part->detail};
    }
    *ret = (struct openai_server_item){
        .type = item->type,
        .status = item->status,
        .role = item->role,
        .id = str_from(item->id),
        .name = text_of(&item->name),
        .call_id = text_of(&item->call_id),
        .arguments = text_of(&item->arguments),
        .output = text_of(&item->output),
        .parts = parts,
        .n_parts = item->n_parts,
        .approval_request_id = text_of(&item->approval_request_id),
        .approve = item->approve,
    };
}

void convo_done(struct convo *c)
{
    while (c->first) {
        convo_remove(c, c->first);
    }
}

struct convo_item *convo_find(const struct convo *c, struct str id)
{
    struct convo_item *item = c->last;
    while (item && !str_is(id, item->id)) {
        item = item->prev;
    }
    return item;
}

struct convo_item *convo_find_call(const struct convo *c, struct str call_id)
{
    struct convo_item *item = c->last;
    while (item && !(item->type == OPENAI_ITEM_FUNCTION_CALL && str_eq(buf_str(&item->call_id), call_id))) {
        item = item->prev;
    }
    return item;
}

static size_t image_bytes(const struct convo_item *item)
{
    size_t n = 0;
    for (uint32_t i = 0; i < item->n_parts; i++) {
        n += item->parts[i].image.len;
    }
    return n;
}

static void drop_images(struct convo *c, struct convo_item *item)
{
    c->image_bytes -= image_bytes(item);
    for (uint32_t i = 0; i < item->n_parts; i++) {
        buf_done(&item->parts[i].image);
        buf_init(&item->parts[i].image, CONVO_MAX_IMAGE);
    }
}

void convo_insert(struct convo *c, struct convo_item *item, struct convo_item *after)
{
    item->prev = after;
    item->next = after ? after->next : c->first;
    *(item->prev ? &item->prev->next : &c->first) = item;
    *(item->next ? &item->next->prev : &c->last) = item;
    c->n++;
    c->audio_bytes += item->audio.len;
    c->image_bytes += image_bytes(item);
    for (struct convo_item *old = c->first; old && c->image_bytes > CONVO_MAX_IMAGE; old = old->next) {
        if (old != item) {
            drop_images(c, old);
        }
    }
    if (c->n > CONVO_MAX_ITEMS && c->first != item) {
        convo_remove(c, c->first);
    }
}

void convo_append(struct convo *c, struct convo_item *item)
{
    convo_insert(c, item, c->last);
}

void convo_remove(struct convo *c, struct convo_item *item)
{
    *(item->prev ? &item->prev->next : &c->first) = item->next;
    *(item->next ? &item->next->prev : &c->last) = item->prev;
    c->n--;
    c->audio_bytes -= item->audio.len;
    c->image_bytes -= image_bytes(item);
    convo_item_free(item);
}

void convo_add_audio(struct convo *c, struct convo_item *item, struct span audio)
{
    size_t before = item->audio.len;
    buf_put(&item->audio, audio.p, audio.n);
    c->audio_bytes += item->audio.len - before;
    for (struct convo_item *old = c->first; old && c->audio_bytes > CONVO_MAX_AUDIO; old = old->next) {
        if (old != item) {
            c->audio_bytes -= old->audio.len;
            buf_done(&old->audio);
            buf_init(&old->audio, CONVO_MAX_AUDIO);
        }
    }
}

struct str convo_previous_id(const struct convo_item *item)
{
    return item->prev ? str_from(item->prev->id) : STR_NULL;
}
