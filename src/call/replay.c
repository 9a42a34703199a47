/*
 * A new model session knows nothing. It is told what was said: messages as text, tool calls with their outputs, in
 * order; turns of the caller whose words are not known are told as sound. What the agent is still heard to say is told
 * when the caller has heard it (replay_said).
 */
#include <stdio.h>

#include "base/err.h"
#include "call/state.h"

#define ACTIONS_BESIDES 64 /* that one step may need for everything else */

static void put_item(struct call *c, const struct call_item *item)
{
    struct call_item *kept = arena_alloc(&c->out->bytes, sizeof(*kept));
    if (!kept) {
        c->out->overflow = true;
        return;
    }
    *kept = *item;
    struct call_action *act = call_emit(c, ACT_MODEL_ITEM);
    act->model_item.request = seq_number(c);
    act->model_item.item = kept;
}

/* The next turn of the caller that has no words; tag 0: the oldest, which gets an id of ours. */
static bool put_turn(struct call *c, uint64_t tag, struct str id)
{
    struct span audio;
    char own[CALL_ID_MAX];
    if (tag == 0) {
        int n = snprintf(own, sizeof(own), "rt_turn_%u", ++c->own_items);
        id = call_keep(c, (struct str){own, (size_t)n});
    }
    if (!uplink_turn(c, tag, call_tag(id), &audio)) {
        return false;
    }
    struct call_item item = {.id = id, .type = ITEM_MESSAGE, .role = ITEM_USER, .status = ITEM_COMPLETED};
    item.n_parts = 1;
    item.parts[0].kind = PART_AUDIO;
    item.parts[0].audio = audio;
    put_item(c, &item);
    return true;
}

/* ---- items of the history ---- */

/* The caller hears it now, or it waits to be heard: what will have been heard of it is told then. */
static bool is_played(struct call *c, struct str id)
{
    for (uint32_t i = 0; i < c->item_n; i++) {
        if (str_is(id, item_at(c, i)->id)) {
            return true;
        }
    }
    return false;
}

/* Sound becomes its words; what has none is left out. */
static bool put_message(struct call *c, const struct call_item *from)
{
    struct call_item item = {.type = ITEM_MESSAGE, .role = from->role, .status = from->status};
    bool silent = false;
    for (uint32_t i = 0; i < from->n_parts; i++) {
        const struct call_part *p = &from->parts[i];
        silent |= p->kind == PART_AUDIO && p->text.n == 0;
        if (p->text.n) {
            struct call_part *to = &item.parts[item.n_parts++];
            to->kind = p->kind == PART_IMAGE ? PART_IMAGE : PART_TEXT;
            to->text = call_keep(c, p->text);
            to->detail = call_keep(c, p->detail);
        }
    }
    item.id = call_keep(c, from->id);
    item.status = from->status == ITEM_INCOMPLETE ? ITEM_INCOMPLETE : ITEM_COMPLETED;
    if (item.n_parts) {
        put_item(c, &item);
        return true;
    }
    return silent && from->role == ITEM_USER && put_turn(c, call_tag(item.id), item.id);
}

static void put_output(struct call *c, struct str call_id, struct str output)
{
    const struct call_item item = {.type = ITEM_FUNCTION_OUTPUT, .call_id = call_id, .output = call_keep(c, output)};
    put_item(c, &item);
}

/* Its output is still to come: toolset.c sends it when it is there. */
static bool owes_output(struct call *c, struct str call_id)
{
    const struct tool_slot *s = tools_find(c, call_id);
    return s && s->state != TOOL_SENT && s->state != TOOL_BACKGROUND && s->state != TOOL_REPORT;
}

/* One that still runs answers to the new session; one that nobody knows any more is answered here. */
static uint32_t put_call(struct call *c, const struct call_item *from)
{
    const struct call_item item = {.id = call_keep(c, from->id),
                                   .type = ITEM_FUNCTION_CALL,
                                   .status = ITEM_COMPLETED,
                                   .call_id = call_keep(c, from->call_id),
                                   .name = call_keep(c, from->name),
                                   .arguments = call_keep(c, from->arguments)};
    put_item(c, &item);
    if (owes_output(c, item.call_id)) {
        return 1;
    }
    put_output(c, item.call_id, from->output.p ? from->output : STR("{\"error\":\"The tool was interrupted.\"}"));
    return 2;
}

static size_t size_of(const struct call_item *it)
{
    size_t n = it->arguments.n + it->output.n;
    for (uint32_t i = 0; i < it->n_parts; i++) {
        n += it->parts[i].text.n;
    }
    return n;
}

/* The first of the last items that may be told. A call and its output are one. */
static uint32_t first_item(const struct call *c)
{
    const struct call_renewal_opts *o = &c->o->renewal;
    uint32_t room = c->out->n + ACTIONS_BESIDES < CALL_MAX_ACTIONS ? CALL_MAX_ACTIONS - ACTIONS_BESIDES - c->out->n : 0;
    uint32_t most = MIN(o->max_items, room / 2);
    uint32_t n = items_count(&c->history);
    size_t bytes = 0;
    uint32_t first = n;
    while (first > 0 && n - first < most) {
        bytes += size_of(items_at(&c->history, first - 1));
        if (bytes > o->max_bytes) {
            break;
        }
        first--;
    }
    return first;
}

static void put_omission(struct call *c)
{
    struct call_item item = {.type = ITEM_MESSAGE, .role = ITEM_SYSTEM, .status = ITEM_COMPLETED, .n_parts = 1};
    item.parts[0].kind = PART_TEXT;
    item.parts[0].text = STR("The beginning of this conversation is left out here.");
    put_item(c, &item);
}

static uint32_t replay_from(struct call *c, uint32_t first)
{
    uint32_t told = 0;
    for (uint32_t i = first; i < items_count(&c->history); i++) {
        const struct call_item *it = items_at(&c->history, i);
        if (it->type == ITEM_FUNCTION_CALL) {
            told += put_call(c, it);
        } else if (it->type == ITEM_MESSAGE && !is_played(c, it->id)) {
            told += put_message(c, it);
        }
    }
    while (put_turn(c, 0, STR_NULL)) {
        told++;
    }
    return told;
}

uint32_t replay_history(struct call *c)
{
    uint32_t first = first_item(c);
    if (first > 0) {
        put_omission(c);
    }
    return replay_from(c, first);
}

uint32_t replay_since(struct call *c, struct str item_id)
{
    uint32_t known = items_find(&c->history, item_id);
    uint32_t first = first_item(c);
    return replay_from(c, known == UINT32_MAX ? first : MAX(first, known + 1));
}

void replay_said(struct call *c, const struct item *it, struct str heard)
{
    if (c->model != MODEL_READY || it->session == c->renew.session || it->ours || heard.n == 0) {
        return;
    }
    struct call_item item = {.id = call_keep(c, str_from(it->id)),
                             .type = ITEM_MESSAGE,
                             .role = ITEM_ASSISTANT,
                             .status = it->broken ? ITEM_INCOMPLETE : ITEM_COMPLETED};
    item.n_parts = 1;
    item.parts[0].kind = PART_TEXT;
    item.parts[0].text = heard;
    put_item(c, &item);
}
