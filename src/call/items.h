/*
 * The history of a conversation: its items in order, each once. Pure data: no call, no events, no I/O. What comes is
 * merged by these rules: a new item goes behind its previous one, else to the end; a known id is replaced where it is;
 * an empty transcript never erases a known one, deltas never overwrite a final one; images survive an echo that lacks
 * them; a function's output completes the item of its call; what was cut keeps what was heard. Memory is bounded: over
 * max_bytes the caller drops the oldest (items_overfull), and of many images only the latest keep their data.
 */
#ifndef CALL_ITEMS_H
#define CALL_ITEMS_H

#include "call/item.h"

struct items_entry;

struct items {
    struct items_entry **list;
    uint32_t n, cap;
    size_t bytes;       /* of texts */
    size_t image_bytes; /* of images, besides */
    size_t max_bytes;
};

enum items_change {
    ITEMS_NONE, /* nothing is different now */
    ITEMS_ADDED,
    ITEMS_UPDATED,
    ITEMS_REMOVED,
    ITEMS_LOST, /* out of memory: nothing is different, but should be */
};

void items_init(struct items *s, size_t max_bytes);
void items_done(struct items *s);

uint32_t items_count(const struct items *s);
/* Lent until the next change; NULL: no such place. */
const struct call_item *items_at(const struct items *s, uint32_t index);
/* Place of the item of that id; UINT32_MAX: none. */
uint32_t items_find(const struct items *s, struct str id);
uint32_t items_find_call(const struct items *s, struct str call_id);

/* ret_index: where the item is now (removed: was); means nothing with ITEMS_NONE and ITEMS_LOST. */

/* An item as the service, or we, announce it. One without id, or of a kind that means nothing here, is ignored. */
enum items_change items_put(struct items *s, const struct call_item *item, uint32_t *ret_index);
/* The transcript of what the caller said is final. Unknown ids become a new item of the caller. */
enum items_change items_transcript(struct items *s, struct str id, struct str text, uint32_t agent,
                                   uint32_t *ret_index);
/* A piece of what the agent says (PART_AUDIO) or writes (PART_TEXT). Added: the first of an unknown id. */
enum items_change items_delta(struct items *s, const struct call_item *who, enum part_kind kind, struct str text,
                              uint32_t *ret_index);
/* All of it. */
enum items_change items_final(struct items *s, const struct call_item *who, enum part_kind kind, struct str text,
                              uint32_t *ret_index);
/* The caller heard only so much: the rest is kept apart, whatever else is said about the item later. */
enum items_change items_cut(struct items *s, struct str id, struct str heard, struct str unheard, uint32_t *ret_index);
/* It was heard to its end. */
enum items_change items_finish(struct items *s, struct str id, uint32_t *ret_index);
enum items_change items_output(struct items *s, struct str call_id, struct str output, uint32_t *ret_index);
enum items_change items_remove(struct items *s, struct str id, uint32_t *ret_index);
/* More is kept than may be: items_at(s, 0) should be removed. Never with a single item. */
bool items_overfull(const struct items *s);

#endif
