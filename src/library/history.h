/* A conversation as a program gets it: immutable copies in one arena, made from the items that a session collects. */
#ifndef LIBRARY_HISTORY_H
#define LIBRARY_HISTORY_H

#include "base/arena.h"
#include "base/buf.h"
#include "call/item.h"
#include "ringtrip/history.h"

struct rt_history {
    struct arena bytes; /* items and all their texts */
    struct rt_history_item *items;
    size_t n;
    const char *json;
};

/* The items of one session in order, each as a history of one. One thread at a time. */
struct history_book {
    struct rt_history **items;
    size_t n, cap;
};

void history_book_done(struct history_book *b);
/* A copy of one item. -ENOMEM */
MUST_USE int history_of_item(const struct call_item *item, const char *agent, struct rt_history **ret);
/* Puts one (takes it, also on failure) at index or over the one that is there. -ENOMEM */
MUST_USE int history_book_put(struct history_book *b, size_t index, bool over, struct rt_history *one);
void history_book_remove(struct history_book *b, size_t index);
/* All of it, as it is now. -ENOMEM */
MUST_USE int history_book_copy(const struct history_book *b, struct rt_history **ret);

#endif
