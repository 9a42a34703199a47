#include "library/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

#define HISTORY_MAX ((size_t)64 << 20)
#define JSON_MAX    ((size_t)32 << 20)

/* ---- items ---- */

static struct rt_history *history_alloc(size_t n)
{
    struct rt_history *h = calloc(1, sizeof(*h));
    if (h) {
        arena_init(&h->bytes, HISTORY_MAX);
        h->items = arena_alloc(&h->bytes, MAX(n, (size_t)1) * sizeof(*h->items));
        h->n = n;
    }
    if (h && !h->items) {
        rt_history_free(h);
        return NULL;
    }
    return h;
}

/* NULL: out of memory. */
static const char *keep(struct rt_history *h, struct str s)
{
    return arena_str(&h->bytes, s.p ? s : STR("")).p;
}

static const char *part_type(const struct call_item *item, const struct call_part *part)
{
    bool user = item->role != ITEM_ASSISTANT;
    switch (part->kind) {
    case PART_TEXT:
        return user ? "input_text" : "text";
    case PART_AUDIO:
        return user ? "input_audio" : "audio";
    case PART_IMAGE:
        return "input_image";
    case PART_KIND_N:
        break;
    }
    return "other";
}

static void put_message(struct json_w *w, const struct call_item *item)
{
    json_w_kz(w, "role", item_role_name(item->role));
    json_w_key(w, "content");
    json_w_array(w);
    for (uint32_t i = 0; i < item->n_parts; i++) {
        const struct call_part *part = &item->parts[i];
        json_w_open(w);
        json_w_kz(w, "type", part_type(item, part));
        const char *key = part->kind == PART_TEXT ? "text" : part->kind == PART_AUDIO ? "transcript" : "image_url";
        if (part->text.p) {
            json_w_kstr(w, key, part->text);
        } else {
            json_w_kz(w, key, NULL);
        }
        if (part->detail.n > 0) {
            json_w_kstr(w, "detail", part->detail);
        }
        json_w_close(w);
    }
    json_w_end(w);
}

static void put_call(struct json_w *w, const struct call_item *item)
{
    json_w_kstr(w, "call_id", item->call_id);
    json_w_kstr(w, "name", item->name);
    json_w_kstr(w, "arguments", item->arguments);
    if (item->output.p) {
        json_w_kstr(w, "output", item->output);
    } else {
        json_w_kz(w, "output", NULL);
    }
}

static void put_item(const struct call_item *item, struct buf *out)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kstr(&w, "id", item->id);
    json_w_kz(&w, "type", item_type_name(item->type));
    if (item->status != ITEM_NO_STATUS) {
        json_w_kz(&w, "status", item_status_name(item->status));
    }
    if (item->type == ITEM_MESSAGE) {
        put_message(&w, item);
    } else {
        put_call(&w, item);
    }
    json_w_close(&w);
}

static enum rt_role public_role(enum item_role role)
{
    return role == ITEM_ASSISTANT ? RT_ROLE_ASSISTANT : role == ITEM_SYSTEM ? RT_ROLE_SYSTEM : RT_ROLE_USER;
}

static enum rt_item_status public_status(enum item_status status)
{
    return status == ITEM_IN_PROGRESS  ? RT_ITEM_IN_PROGRESS
           : status == ITEM_INCOMPLETE ? RT_ITEM_INCOMPLETE
                                       : RT_ITEM_COMPLETED;
}

static const char *texts_of(struct rt_history *h, const struct call_item *item)
{
    struct buf all;
    buf_init(&all, HISTORY_MAX);
    for (uint32_t i = 0; i < item->n_parts; i++) {
        if (item->parts[i].kind != PART_IMAGE && item->parts[i].text.n > 0) {
            buf_puts(&all, all.len > 0 ? " " : "");
            buf_put_str(&all, item->parts[i].text);
        }
    }
    const char *kept = all.err < 0 ? NULL : keep(h, buf_str(&all));
    buf_done(&all);
    return kept;
}

static const char *json_of(struct rt_history *h, const struct call_item *item)
{
    struct buf json;
    buf_init(&json, JSON_MAX);
    put_item(item, &json);
    const char *kept = json.err < 0 ? NULL : keep(h, buf_str(&json));
    buf_done(&json);
    return kept;
}

int history_of_item(const struct call_item *item, const char *agent, struct rt_history **ret)
{
    struct rt_history *h = history_alloc(1);
    if (!h) {
        return -ENOMEM;
    }
    struct rt_history_item *to = &h->items[0];
    to->kind = item->type == ITEM_MESSAGE ? RT_ITEM_MESSAGE : RT_ITEM_FUNCTION_CALL;
    to->role = public_role(item->role);
    to->status = public_status(item->status);
    to->item_id = keep(h, item->id);
    to->agent = keep(h, str_from(agent));
    to->text = texts_of(h, item);
    to->unheard = keep(h, item->unheard);
    to->tool_call_id = keep(h, item->call_id);
    to->tool_name = keep(h, item->name);
    to->arguments = keep(h, item->arguments);
    to->json = json_of(h, item);
    to->output = item->output.p ? keep(h, item->output) : NULL;
    to->previous_item_id = item->previous_id.p ? keep(h, item->previous_id) : NULL;
    bool whole = to->item_id && to->agent && to->text && to->unheard && to->tool_call_id && to->tool_name &&
                 to->arguments && to->json && (to->output || !item->output.p) &&
                 (to->previous_item_id || !item->previous_id.p);
    if (!whole) {
        rt_history_free(h);
        return -ENOMEM;
    }
    *ret = h;
    return 0;
}

/* ---- the book ---- */

void history_book_done(struct history_book *b)
{
    for (size_t i = 0; i < b->n; i++) {
        rt_history_free(b->items[i]);
    }
    free(b->items);
    *b = (struct history_book){0};
}

int history_book_put(struct history_book *b, size_t index, bool over, struct rt_history *one)
{
    if (over && index < b->n) {
        rt_history_free(b->items[index]);
        b->items[index] = one;
        return 0;
    }
    if (b->n == b->cap) {
        size_t cap = MAX(b->cap * 2, (size_t)16);
        struct rt_history **items = reallocarray(b->items, cap, sizeof(*items));
        if (!items) {
            rt_history_free(one);
            return -ENOMEM;
        }
        b->items = items;
        b->cap = cap;
    }
    index = MIN(index, b->n);
    memmove(b->items + index + 1, b->items + index, (b->n - index) * sizeof(*b->items));
    b->items[index] = one;
    b->n++;
    return 0;
}

void history_book_remove(struct history_book *b, size_t index)
{
    if (index < b->n) {
        rt_history_free(b->items[index]);
        b->n--;
        memmove(b->items + index, b->items + index + 1, (b->n - index) * sizeof(*b->items));
    }
}

static bool copy_item(struct rt_history *h, const struct rt_history_item *from, struct rt_history_item *to)
{
    *to = *from;
    const char **const texts[] = {&to->item_id,   &to->previous_item_id, &to->agent,     &to->text,   &to->unheard,
                                  &to->tool_name, &to->tool_call_id,     &to->arguments, &to->output, &to->json};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (*texts[i]) {
            *texts[i] = keep(h, str_from(*texts[i]));
            if (!*texts[i]) {
                return false;
            }
        }
    }
    return true;
}

int history_book_copy(const struct history_book *b, struct rt_history **ret)
{
    struct buf json;
    struct rt_history *h = history_alloc(b->n);
    if (!h) {
        return -ENOMEM;
    }
    buf_init(&json, JSON_MAX);
    buf_putc(&json, '[');
    bool whole = true;
    for (size_t i = 0; i < b->n && whole; i++) {
        whole = copy_item(h, &b->items[i]->items[0], &h->items[i]);
        buf_puts(&json, i > 0 ? "," : "");
        buf_puts(&json, whole ? h->items[i].json : "");
    }
    buf_putc(&json, ']');
    h->json = json.err < 0 ? NULL : keep(h, buf_str(&json));
    buf_done(&json);
    if (!whole || !h->json) {
        rt_history_free(h);
        return -ENOMEM;
    }
    *ret = h;
    return 0;
}

/* ---- for the program ---- */

size_t rt_history_count(const struct rt_history *history)
{
    return history ? history->n : 0;
}

const struct rt_history_item *rt_history_item(const struct rt_history *history, size_t index)
{
    return history && index < history->n ? &history->items[index] : NULL;
}

const char *rt_history_json(const struct rt_history *history)
{
    return history && history->json ? history->json : "[]";
}

void rt_history_free(struct rt_history *history)
{
    if (history) {
        arena_done(&history->bytes);
        free(history);
    }
}
