/* Intrusive circular lists, for src/net and who builds on it. A node knows whether it is linked, so leaving twice is
 * harmless. */
#ifndef NET_LIST_H
#define NET_LIST_H

#include "base/defs.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline bool list_linked(const struct list *node)
{
    return node->next != NULL;
}

static inline void list_append(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_prepend(struct list *head, struct list *node)
{
    list_append(head->next, node); /* before what is first */
}

static inline void list_leave(struct list *node)
{
    if (node->next) {
        node->next->prev = node->prev;
        node->prev->next = node->next;
        node->next = node->prev = NULL;
    }
}

/* Moves everything to the empty list to. */
static inline void list_move_all(struct list *from, struct list *to)
{
    if (!list_empty(from)) {
        *to = *from;
        to->next->prev = to;
        to->prev->next = to;
        list_init(from);
    }
}

#endif
