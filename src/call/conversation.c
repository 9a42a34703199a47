/*
 * The history of a call: what the service announces, what the agent says, what was heard of it, tool calls and texts of
 * ours become items (items.h), and every change is told to who watches. A truncated item is not fetched from the
 * service again: what was heard of it is known better here.
 */
#include <stdio.h>

#include "base/err.h"
#include "call/state.h"

#define SIGNAL_IMAGE_MAX 4096 /* a longer URL is data, which watchers are not sent */

struct call_signal *call_tell(struct call *c, enum call_signal_kind kind)
{
    struct call_signal *s = &call_emit(c, ACT_SIGNAL)->signal;
    s->kind = kind;
    s->agent = c->agent;
    return s;
}

void conv_init(struct call *c)
{
    items_init(&c->history, (size_t)c->o->limits.history_kb << 10);
}

void conv_done(struct call *c)
{
    items_done(&c->history);
}

/* A copy that lasts as long as the actions. */
static struct call_item *keep_item(struct call *c, const struct call_item *it)
{
    struct call_item *kept = arena_raw(&c->out->bytes, sizeof(*kept));
    if (!kept) {
        c->out->overflow = true;
        return NULL;
    }
    *kept = *it;
    struct str *texts[] = {&kept->id,        &kept->previous_id, &kept->call_id, &kept->name,
                           &kept->arguments, &kept->output,      &kept->unheard};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = texts[i]->p ? call_keep(c, *texts[i]) : STR_NULL;
    }
    for (uint32_t i = 0; i < kept->n_parts; i++) {
        struct call_part *p = &kept->parts[i];
        p->text = p->text.p ? call_keep(c, p->text) : STR_NULL;
        p->detail = call_keep(c, p->detail);
    }
    return kept;
}

static void shorten_images(struct call_item *it)
{
    for (uint32_t i = 0; i < it->n_parts; i++) {
        if (it->parts[i].kind == PART_IMAGE && it->parts[i].text.n > SIGNAL_IMAGE_MAX) {
            it->parts[i].text = STR("");
        }
    }
}

static void tell_item(struct call *c, enum call_signal_kind kind, uint32_t index)
{
    struct call_item copy = *items_at(&c->history, index);
    shorten_images(&copy);
    const struct call_item *kept = keep_item(c, &copy);
    if (kept) {
        struct call_signal *s = call_tell(c, kind);
        s->agent = kept->agent;
        s->item_id = kept->id;
        s->index = index;
        s->item = kept;
    }
}

static void tell_removed(struct call *c, struct str kept_id, uint32_t index)
{
    struct call_signal *s = call_tell(c, SIGNAL_HISTORY_REMOVED);
    s->item_id = kept_id;
    s->index = index;
}

/* Over the limit the oldest go; calls without their outputs and cut ones go the same way. */
static void trim(struct call *c)
{
    while (items_overfull(&c->history)) {
        struct str id = call_keep(c, items_at(&c->history, 0)->id);
        uint32_t index = 0;
        items_remove(&c->history, id, &index);
        call_remark(c, NOTE_HISTORY_FULL, 0, id);
        tell_removed(c, id, 0);
    }
}

static void tell_change(struct call *c, enum items_change change, uint32_t index)
{
    switch (change) {
    case ITEMS_ADDED:
        tell_item(c, SIGNAL_HISTORY_ADDED, index);
        trim(c);
        break;
    case ITEMS_UPDATED:
        tell_item(c, SIGNAL_HISTORY_UPDATED, index);
        trim(c);
        break;
    case ITEMS_LOST:
        c->out->overflow = true;
        break;
    case ITEMS_NONE:
    case ITEMS_REMOVED:
        break;
    }
}

void conv_item(struct call *c, const struct call_event *ev)
{
    uint32_t index = items_find(&c->history, ev->model_item.item->id);
    bool output = ev->model_item.response_id.n > 0;
    if (c->renew.renewals && index != UINT32_MAX && !output) {
        return; /* what we told this session ourselves: known better here */
    }
    struct call_item it = *ev->model_item.item;
    it.agent = it.role == ITEM_USER ? c->agent : c->response_agent;
    if (it.type == ITEM_FUNCTION_CALL) {
        it.status = ITEM_IN_PROGRESS; /* until its output is there, whatever the service thinks of the call */
    }
    enum items_change change = items_put(&c->history, &it, &index);
    tell_change(c, change, index);
}

void conv_deleted(struct call *c, struct str item_id)
{
    uint32_t index = 0;
    if (items_remove(&c->history, item_id, &index) == ITEMS_REMOVED) {
        tell_removed(c, call_keep(c, item_id), index);
    }
}

void conv_transcript(struct call *c, struct str item_id, struct str text)
{
    uint32_t index = 0;
    enum items_change change = items_transcript(&c->history, item_id, text, c->agent, &index);
    tell_change(c, change, index);
}

void conv_text(struct call *c, const struct item *it, struct str text, bool all)
{
    uint32_t index = 0;
    const struct call_item who = {.id = str_from(it->id), .agent = it->agent};
    enum part_kind kind = c->o->text_only ? PART_TEXT : PART_AUDIO;
    enum items_change change =
        all ? items_final(&c->history, &who, kind, text, &index) : items_delta(&c->history, &who, kind, text, &index);
    if (all || change != ITEMS_UPDATED) { /* pieces are told as they are */
        tell_change(c, change, index);
    }
    struct str id = call_keep(c, str_from(it->id));
    struct str response = call_keep(c, str_from(it->response_id));
    struct str kept = call_keep(c, text);
    struct call_signal *s = call_tell(c, all ? SIGNAL_TEXT_END : SIGNAL_TEXT);
    s->agent = it->agent;
    s->item_id = id;
    s->response_id = response;
    s->text = kept;
}

void conv_heard(struct call *c, const struct item *it, struct str heard, struct str unheard, bool whole)
{
    uint32_t index = 0;
    struct str id = str_from(it->id);
    enum items_change change =
        whole ? items_finish(&c->history, id, &index) : items_cut(&c->history, id, heard, unheard, &index);
    tell_change(c, change, index);
}

void conv_call(struct call *c, const struct call_event *ev)
{
    uint32_t index = 0;
    const struct call_item it = {
        .id = ev->model_tool.item_id.n ? ev->model_tool.item_id : ev->model_tool.tool_call_id,
        .type = ITEM_FUNCTION_CALL,
        .status = ITEM_IN_PROGRESS,
        .call_id = ev->model_tool.tool_call_id,
        .name = ev->model_tool.name,
        .arguments = ev->model_tool.arguments,
        .agent = c->response_agent,
    };
    enum items_change change = items_put(&c->history, &it, &index);
    tell_change(c, change, index);
}

void conv_output(struct call *c, struct str tool_call_id, struct str output)
{
    uint32_t index = 0;
    enum items_change change = items_output(&c->history, tool_call_id, output, &index);
    tell_change(c, change, index);
}

const struct call_item *conv_own(struct call *c, const struct call_item *item)
{
    char id[CALL_ID_MAX];
    uint32_t index = 0;
    int n = snprintf(id, sizeof(id), "rt_item_%u", ++c->own_items);
    struct call_item it = *item;
    it.id = (struct str){id, (size_t)n};
    it.agent = c->agent;
    it.status = ITEM_COMPLETED;
    const struct call_item *kept = keep_item(c, &it);
    if (kept) {
        enum items_change change = items_put(&c->history, kept, &index);
        tell_change(c, change, index);
    }
    return kept;
}

struct str conv_own_text(struct call *c, struct str text)
{
    const struct call_item it = {
        .type = ITEM_MESSAGE, .role = ITEM_USER, .n_parts = 1, .parts = {{.kind = PART_TEXT, .text = text}}};
    const struct call_item *kept = conv_own(c, &it);
    return kept ? kept->id : STR_NULL;
}
