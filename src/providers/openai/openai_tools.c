#include "providers/openai/openai_tools.h"

#include <stdlib.h>

struct openai_tool_call {
    char *response_id, *item_id, *call_id, *name, *arguments; /* NULL: not known */
    bool given; /* handed out; freed by the next call here, so that the caller may read it */
};

static void call_free(struct openai_tool_call *c)
{
    if (c) {
        free(c->response_id);
        free(c->item_id);
        free(c->call_id);
        free(c->name);
        free(c->arguments);
        free(c);
    }
}

static void remove_at(struct openai_tools *t, uint32_t i)
{
    call_free(t->open[i]);
    t->open[i] = t->open[--t->n_open];
}

static void sweep(struct openai_tools *t)
{
    for (uint32_t i = 0; i < t->n_open;) {
        if (t->open[i]->given) {
            remove_at(t, i);
        } else {
            i++;
        }
    }
}

void openai_tools_init(struct openai_tools *t)
{
    *t = (struct openai_tools){0};
}

void openai_tools_done(struct openai_tools *t)
{
    while (t->n_open > 0) {
        remove_at(t, 0);
    }
}

/* FNV-1a: 64 bits are plenty to tell 64 ids apart. */
static uint64_t hash(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
    }
    return h ? h : 1;
}

static bool first_time(struct openai_tools *t, struct str call_id)
{
    uint64_t h = hash(call_id);
    for (uint32_t i = 0; i < OPENAI_TOOLS_SEEN; i++) {
        if (t->seen[i] == h) {
            return false;
        }
    }
    t->seen[t->n_seen++ % OPENAI_TOOLS_SEEN] = h;
    return true;
}

static struct openai_tool_call *find(struct openai_tools *t, struct str call_id, struct str item_id)
{
    for (uint32_t i = 0; i < t->n_open; i++) {
        struct openai_tool_call *c = t->open[i];
        bool same_call = call_id.n > 0 && str_eq(str_from(c->call_id), call_id);
        bool same_item = item_id.n > 0 && str_eq(str_from(c->item_id), item_id);
        if (same_call || same_item) {
            return c;
        }
    }
    return NULL;
}

/* Keeps the first text that says something; one that holds a NUL is a confused service's and says nothing. */
static void note(char **slot, struct str s)
{
    if (s.n > 0 && !*slot && str_find(s, '\0') == s.n) {
        *slot = str_dup(s);
    }
}

static struct openai_tool_call *take_in(struct openai_tools *t, struct str call_id, struct str item_id)
{
    struct openai_tool_call *c = find(t, call_id, item_id);
    if (c) {
        return c;
    }
    if (t->n_open == OPENAI_TOOLS_OPEN) {
        remove_at(t, 0);
    }
    c = calloc(1, sizeof(*c));
    if (c) {
        t->open[t->n_open++] = c;
    }
    return c;
}

void openai_tools_added(struct openai_tools *t, struct str response_id, const struct openai_item *item)
{
    sweep(t);
    struct openai_tool_call *c = take_in(t, item->call_id, item->id);
    if (c) {
        note(&c->response_id, response_id);
        note(&c->item_id, item->id);
        note(&c->call_id, item->call_id);
        note(&c->name, item->name);
    }
}

void openai_tools_arguments(struct openai_tools *t, const struct openai_event *ev)
{
    sweep(t);
    struct openai_tool_call *c = take_in(t, ev->call_id, ev->item_id);
    if (c) {
        note(&c->response_id, ev->response_id);
        note(&c->item_id, ev->item_id);
        note(&c->call_id, ev->call_id);
        note(&c->name, ev->name);
        note(&c->arguments, ev->text);
    }
}

/* An item without a status comes from compatible services: its arguments tell that it is final. */
static bool is_final_call(const struct openai_item *item)
{
    return item->type == OPENAI_ITEM_FUNCTION_CALL &&
           (item->status == OPENAI_STATUS_COMPLETED || (item->status == OPENAI_STATUS_NONE && item->arguments.n > 0));
}

static struct str either(struct str a, const char *b)
{
    return a.n > 0 ? a : str_from(b);
}

bool openai_tools_item_done(struct openai_tools *t, struct str response_id, const struct openai_item *item,
                            struct openai_tool *ret)
{
    static const struct openai_tool_call nothing;

    sweep(t);
    struct openai_tool_call *c = find(t, item->call_id, item->id);
    if (!is_final_call(item)) {
        if (c && item->status == OPENAI_STATUS_INCOMPLETE) {
            c->given = true; /* cut short: its arguments prove nothing any more */
        }
        return false;
    }
    const struct openai_tool_call *known = c ? c : &nothing;
    *ret = (struct openai_tool){
        .response_id = either(response_id, known->response_id),
        .item_id = either(item->id, known->item_id),
        .call_id = either(item->call_id, known->call_id),
        .name = either(item->name, known->name),
        .arguments = either(item->arguments, known->arguments),
    };
    if (c) {
        c->given = true;
    }
    return ret->call_id.n > 0 && first_time(t, ret->call_id);
}

bool openai_tools_next_unproved(struct openai_tools *t, struct str response_id, struct openai_tool *ret)
{
    sweep(t);
    for (uint32_t i = 0; i < t->n_open; i++) {
        struct openai_tool_call *c = t->open[i];
        if (!c->arguments || !c->call_id || !c->name || !str_eq(str_from(c->response_id), response_id)) {
            continue;
        }
        c->given = true;
        if (first_time(t, str_from(c->call_id))) {
            *ret = (struct openai_tool){str_from(c->response_id), str_from(c->item_id), str_from(c->call_id),
                                        str_from(c->name), str_from(c->arguments)};
            return true;
        }
    }
    return false;
}

void openai_tools_drop(struct openai_tools *t, struct str response_id)
{
    sweep(t);
    for (uint32_t i = 0; i < t->n_open;) {
        if (response_id.n == 0 || str_eq(str_from(t->open[i]->response_id), response_id)) {
            remove_at(t, i);
        } else {
            i++;
        }
    }
}
