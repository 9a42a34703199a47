#include "call/items.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"

#define IMAGES_MAX_BYTES ((size_t)4 << 20)
#define IMAGE_MIN_BYTES  1024  /* a shorter URL is a text like others */
#define DELTA_MAX_BYTES  16384 /* of what one item says */
#define MAX_TEXTS        (8 + 2 * CALL_MAX_PARTS)

struct items_entry {
    struct call_item it; /* its texts lie in bytes, those of a running delta in delta */
    char *bytes;
    struct buf delta;
    size_t size, images; /* as counted in struct items */
    bool final;          /* all of its text is known: deltas come too late */
    bool cut;            /* its text is what was heard */
};

void items_init(struct items *s, size_t max_bytes)
{
    *s = (struct items){.max_bytes = max_bytes};
}

static void entry_free(struct items_entry *e)
{
    if (e) {
        buf_done(&e->delta);
        free(e->bytes);
        free(e);
    }
}

void items_done(struct items *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        entry_free(s->list[i]);
    }
    free(s->list);
    items_init(s, s->max_bytes);
}

uint32_t items_count(const struct items *s)
{
    return s->n;
}

const struct call_item *items_at(const struct items *s, uint32_t index)
{
    return index < s->n ? &s->list[index]->it : NULL;
}

/* From the end: what is spoken of is nearly always what came last. */
uint32_t items_find(const struct items *s, struct str id)
{
    for (uint32_t i = s->n; id.n > 0 && i-- > 0;) {
        if (str_eq(s->list[i]->it.id, id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

uint32_t items_find_call(const struct items *s, struct str call_id)
{
    for (uint32_t i = s->n; call_id.n > 0 && i-- > 0;) {
        if (s->list[i]->it.type == ITEM_FUNCTION_CALL && str_eq(s->list[i]->it.call_id, call_id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* ---- one entry ---- */

static uint32_t texts_of(struct call_item *it, struct str *ret[MAX_TEXTS])
{
    struct str *fixed[] = {&it->id,        &it->previous_id, &it->call_id, &it->name,
                           &it->arguments, &it->output,      &it->unheard};
    uint32_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        ret[n++] = fixed[i];
    }
    for (uint32_t i = 0; i < it->n_parts; i++) {
        ret[n++] = &it->parts[i].text;
        ret[n++] = &it->parts[i].detail;
    }
    return n;
}

static void count(struct items *s, struct items_entry *e)
{
    struct str *texts[MAX_TEXTS];
    uint32_t n = texts_of(&e->it, texts);
    s->bytes -= e->size;
    s->image_bytes -= e->images;
    e->size = sizeof(*e);
    e->images = 0;
    for (uint32_t i = 0; i < n; i++) {
        e->size += texts[i]->n;
    }
    for (uint32_t i = 0; i < e->it.n_parts; i++) {
        const struct call_part *p = &e->it.parts[i];
        if (p->kind == PART_IMAGE && p->text.n >= IMAGE_MIN_BYTES) {
            e->images += p->text.n;
            e->size -= p->text.n;
        }
    }
    s->bytes += e->size;
    s->image_bytes += e->images;
}

/* The entry becomes next, whose texts may lie in the entry as it was. */
static int assign(struct items *s, struct items_entry *e, const struct call_item *next)
{
    struct call_item copy = *next;
    struct str *texts[MAX_TEXTS];
    uint32_t n = texts_of(&copy, texts);
    size_t total = 1; /* so that there is a pointer */
    for (uint32_t i = 0; i < n; i++) {
        total += texts[i]->n;
    }
    char *bytes = malloc(total);
    if (!bytes) {
        return -ENOMEM;
    }
    char *at = bytes;
    for (uint32_t i = 0; i < n; i++) {
        if (texts[i]->p) {
            memcpy(at, texts[i]->p, texts[i]->n);
            texts[i]->p = at;
            at += texts[i]->n;
        }
    }
    free(e->bytes);
    e->bytes = bytes;
    e->it = copy;
    count(s, e);
    return 0;
}

static bool same_text(struct str a, struct str b)
{
    return str_eq(a, b) && !a.p == !b.p;
}

static bool same_item(const struct call_item *a, const struct call_item *b)
{
    struct call_item x = *a;
    struct call_item y = *b;
    struct str *left[MAX_TEXTS];
    struct str *right[MAX_TEXTS];
    bool same = a->type == b->type && a->role == b->role && a->status == b->status && a->n_parts == b->n_parts &&
                a->agent == b->agent && a->estimated == b->estimated;
    uint32_t n = same ? texts_of(&x, left) : 0;
    ignore_result(same && texts_of(&y, right));
    for (uint32_t i = 0; i < n && same; i++) {
        same = same_text(*left[i], *right[i]);
    }
    for (uint32_t i = 0; i < a->n_parts && same; i++) {
        same = a->parts[i].kind == b->parts[i].kind;
    }
    return same;
}

static enum items_change replace(struct items *s, uint32_t index, const struct call_item *next, uint32_t *ret_index)
{
    struct items_entry *e = s->list[index];
    *ret_index = index;
    if (same_item(&e->it, next)) {
        return ITEMS_NONE;
    }
    return assign(s, e, next) < 0 ? ITEMS_LOST : ITEMS_UPDATED;
}

/* ---- places ---- */

static int make_room(struct items *s)
{
    if (s->n < s->cap) {
        return 0;
    }
    uint32_t cap = s->cap ? s->cap * 2 : 32;
    struct items_entry **list = realloc(s->list, cap * sizeof(struct items_entry *));
    if (!list) {
        return -ENOMEM;
    }
    s->list = list;
    s->cap = cap;
    return 0;
}

static enum items_change insert(struct items *s, const struct call_item *item, uint32_t *ret_index)
{
    struct items_entry *e = make_room(s) < 0 ? NULL : calloc(1, sizeof(*e));
    if (!e) {
        return ITEMS_LOST;
    }
    buf_init(&e->delta, DELTA_MAX_BYTES);
    if (assign(s, e, item) < 0) {
        entry_free(e);
        return ITEMS_LOST;
    }
    uint32_t before = items_find(s, item->previous_id);
    uint32_t at = before == UINT32_MAX ? s->n : before + 1;
    memmove(&s->list[at + 1], &s->list[at], (s->n - at) * sizeof(struct items_entry *));
    s->list[at] = e;
    s->n++;
    *ret_index = at;
    return ITEMS_ADDED;
}

static void take_out(struct items *s, uint32_t index)
{
    struct items_entry *e = s->list[index];
    s->bytes -= e->size;
    s->image_bytes -= e->images;
    memmove(&s->list[index], &s->list[index + 1], (s->n - index - 1) * sizeof(struct items_entry *));
    s->n--;
    entry_free(e);
}

/* The oldest images become empty URLs: that there was one is kept. */
static void drop_images(struct items *s)
{
    for (uint32_t i = 0; i < s->n && s->image_bytes > IMAGES_MAX_BYTES; i++) {
        struct items_entry *e = s->list[i];
        struct call_item less = e->it;
        for (uint32_t k = 0; k < less.n_parts && e->images; k++) {
            if (less.parts[k].kind == PART_IMAGE) {
                less.parts[k].text = STR("");
            }
        }
        if (e->images && assign(s, e, &less) < 0) {
            return; /* the next item tries again */
        }
    }
}

/* ---- merging ---- */

static bool has_image(const struct call_item *it)
{
    for (uint32_t i = 0; i < it->n_parts; i++) {
        if (it->parts[i].kind == PART_IMAGE) {
            return true;
        }
    }
    return false;
}

/* An echo of a message may leave its images out: they go back to their places. */
static void keep_images(const struct call_item *old, struct call_item *next)
{
    if (has_image(next)) {
        return;
    }
    for (uint32_t i = 0; i < old->n_parts && next->n_parts < CALL_MAX_PARTS; i++) {
        if (old->parts[i].kind == PART_IMAGE) {
            uint32_t at = MIN(i, next->n_parts);
            memmove(&next->parts[at + 1], &next->parts[at], (next->n_parts - at) * sizeof(next->parts[0]));
            next->parts[at] = old->parts[i];
            next->n_parts++;
        }
    }
}

static void keep_parts(const struct items_entry *e, struct call_item *next)
{
    const struct call_item *old = &e->it;
    bool silent = next->n_parts == 0;
    if (e->cut || silent) {
        next->n_parts = old->n_parts;
        memcpy(next->parts, old->parts, sizeof(next->parts));
        return;
    }
    for (uint32_t i = 0; i < next->n_parts; i++) {
        bool text = next->parts[i].kind != PART_IMAGE;
        if (text && next->parts[i].text.n == 0 && i < old->n_parts && old->parts[i].kind != PART_IMAGE) {
            next->parts[i].text = old->parts[i].text;
        }
    }
    keep_images(old, next);
}

/* What an announcement leaves out stays as it was. */
static void merge(const struct items_entry *e, struct call_item *next)
{
    const struct call_item *old = &e->it;
    struct str *kept[MAX_TEXTS];
    struct str *given[MAX_TEXTS];
    struct call_item copy = *old;
    copy.n_parts = 0;
    uint32_t parts = next->n_parts;
    next->n_parts = 0; /* the fixed texts only */
    uint32_t n = texts_of(&copy, kept);
    ignore_result(texts_of(next, given));
    next->n_parts = parts;
    for (uint32_t i = 0; i < n; i++) {
        *given[i] = given[i]->n ? *given[i] : *kept[i];
    }
    next->type = old->type;
    next->role = next->role == ITEM_NO_ROLE ? old->role : next->role;
    bool settled = old->status == ITEM_COMPLETED || old->status == ITEM_INCOMPLETE;
    if (next->status == ITEM_NO_STATUS || e->cut || (settled && next->status == ITEM_IN_PROGRESS)) {
        next->status = old->status;
    }
    next->agent = old->agent;
    next->estimated = old->estimated;
    keep_parts(e, next);
}

static bool meaningful(const struct call_item *it)
{
    return it->id.n > 0 && (it->type == ITEM_MESSAGE || it->type == ITEM_FUNCTION_CALL);
}

enum items_change items_put(struct items *s, const struct call_item *item, uint32_t *ret_index)
{
    if (item->type == ITEM_FUNCTION_OUTPUT) {
        return items_output(s, item->call_id, item->output, ret_index);
    }
    if (!meaningful(item)) {
        return ITEMS_NONE;
    }
    uint32_t at = items_find(s, item->id);
    if (at == UINT32_MAX && item->type == ITEM_FUNCTION_CALL) {
        at = items_find_call(s, item->call_id);
    }
    enum items_change change;
    if (at == UINT32_MAX) {
        change = insert(s, item, ret_index);
    } else {
        struct call_item next = *item;
        merge(s->list[at], &next);
        change = replace(s, at, &next, ret_index);
    }
    drop_images(s);
    return change;
}

enum items_change items_transcript(struct items *s, struct str id, struct str text, uint32_t agent, uint32_t *ret_index)
{
    struct call_item it = {.id = id, .type = ITEM_MESSAGE, .role = ITEM_USER, .agent = agent, .n_parts = 1};
    it.parts[0] = (struct call_part){.kind = PART_AUDIO};
    uint32_t at = items_find(s, id);
    if (id.n == 0 || text.n == 0) {
        return ITEMS_NONE;
    }
    if (at != UINT32_MAX) {
        it = s->list[at]->it;
    }
    uint32_t part = 0;
    while (part < it.n_parts && it.parts[part].kind != PART_AUDIO) {
        part++;
    }
    if (part == CALL_MAX_PARTS) {
        return ITEMS_NONE;
    }
    it.n_parts = MAX(it.n_parts, part + 1);
    it.parts[part] = (struct call_part){.kind = PART_AUDIO, .text = text};
    it.status = ITEM_COMPLETED;
    return at == UINT32_MAX ? insert(s, &it, ret_index) : replace(s, at, &it, ret_index);
}

/* The agent's item of that id, made when it is not known yet; NULL: out of memory. */
static struct items_entry *need(struct items *s, const struct call_item *who, uint32_t *ret_index,
                                enum items_change *ret)
{
    uint32_t at = items_find(s, who->id);
    *ret = ITEMS_NONE;
    if (at == UINT32_MAX) {
        struct call_item it = {.id = who->id,
                               .previous_id = who->previous_id,
                               .type = ITEM_MESSAGE,
                               .role = ITEM_ASSISTANT,
                               .status = ITEM_IN_PROGRESS,
                               .agent = who->agent};
        *ret = insert(s, &it, ret_index);
        at = *ret == ITEMS_ADDED ? *ret_index : UINT32_MAX;
    }
    *ret_index = at;
    return at == UINT32_MAX ? NULL : s->list[at];
}

enum items_change items_delta(struct items *s, const struct call_item *who, enum part_kind kind, struct str text,
                              uint32_t *ret_index)
{
    enum items_change change = ITEMS_NONE;
    struct items_entry *e = who->id.n ? need(s, who, ret_index, &change) : NULL;
    if (!e || e->final || e->cut || e->it.type != ITEM_MESSAGE || e->it.role != ITEM_ASSISTANT ||
        e->delta.len + text.n > DELTA_MAX_BYTES) {
        return change;
    }
    buf_put_str(&e->delta, text);
    if (e->delta.err < 0) {
        return ITEMS_LOST;
    }
    e->it.n_parts = MAX(e->it.n_parts, 1u);
    e->it.parts[0] = (struct call_part){.kind = kind, .text = buf_str(&e->delta)};
    count(s, e);
    return change == ITEMS_ADDED ? ITEMS_ADDED : ITEMS_UPDATED;
}

/* All is known and lies in bytes. */
static void settle(struct items_entry *e)
{
    e->final = true;
    buf_done(&e->delta);
    buf_init(&e->delta, DELTA_MAX_BYTES);
}

enum items_change items_final(struct items *s, const struct call_item *who, enum part_kind kind, struct str text,
                              uint32_t *ret_index)
{
    enum items_change change = ITEMS_NONE;
    struct items_entry *e = who->id.n && text.n ? need(s, who, ret_index, &change) : NULL;
    if (!e || e->cut || e->it.type != ITEM_MESSAGE) {
        return change;
    }
    struct call_item next = e->it;
    next.n_parts = MAX(next.n_parts, 1u);
    next.parts[0] = (struct call_part){.kind = kind, .text = text};
    enum items_change second = replace(s, *ret_index, &next, ret_index);
    if (second != ITEMS_LOST) {
        /* Known even when it says nothing new: the text must not lie in the delta any more. */
        if (second == ITEMS_NONE && e->delta.len && assign(s, e, &next) < 0) {
            return ITEMS_LOST;
        }
        settle(e);
    }
    return change == ITEMS_ADDED && second != ITEMS_LOST ? ITEMS_ADDED : second;
}

enum items_change items_cut(struct items *s, struct str id, struct str heard, struct str unheard, uint32_t *ret_index)
{
    uint32_t at = items_find(s, id);
    if (at == UINT32_MAX || s->list[at]->it.type != ITEM_MESSAGE) {
        return ITEMS_NONE;
    }
    struct call_item next = s->list[at]->it;
    enum part_kind kind = next.n_parts ? next.parts[0].kind : PART_AUDIO;
    next.n_parts = MAX(next.n_parts, 1u);
    next.parts[0] = (struct call_part){.kind = kind, .text = heard.p ? heard : STR("")};
    next.unheard = unheard;
    next.estimated = true;
    next.status = ITEM_INCOMPLETE;
    enum items_change change = replace(s, at, &next, ret_index);
    if (change != ITEMS_LOST && (change == ITEMS_UPDATED || assign(s, s->list[at], &next) == 0)) {
        s->list[at]->cut = true;
        settle(s->list[at]);
    }
    return change;
}

enum items_change items_finish(struct items *s, struct str id, uint32_t *ret_index)
{
    uint32_t at = items_find(s, id);
    if (at == UINT32_MAX || s->list[at]->it.status == ITEM_INCOMPLETE) {
        return ITEMS_NONE;
    }
    struct call_item next = s->list[at]->it;
    next.status = ITEM_COMPLETED;
    return replace(s, at, &next, ret_index);
}

enum items_change items_output(struct items *s, struct str call_id, struct str output, uint32_t *ret_index)
{
    uint32_t at = items_find_call(s, call_id);
    if (at == UINT32_MAX) {
        return ITEMS_NONE;
    }
    struct call_item next = s->list[at]->it;
    next.output = output.p ? output : STR("");
    next.status = ITEM_COMPLETED;
    return replace(s, at, &next, ret_index);
}

enum items_change items_remove(struct items *s, struct str id, uint32_t *ret_index)
{
    uint32_t at = items_find(s, id);
    if (at == UINT32_MAX) {
        return ITEMS_NONE;
    }
    *ret_index = at;
    take_out(s, at);
    return ITEMS_REMOVED;
}

bool items_overfull(const struct items *s)
{
    return s->max_bytes && s->n > 1 && s->bytes > s->max_bytes;
}
