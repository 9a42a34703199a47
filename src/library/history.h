/* A conversation as a program gets it: an immutable copy in one arena. */
#ifndef LIBRARY_HISTORY_H
#define LIBRARY_HISTORY_H

#include "base/arena.h"
#include "ringtrip/history.h"

struct rt_history {
    struct arena bytes; /* items and all their texts */
    struct rt_history_item *items;
    size_t n;
    const char *json;
};

#endif
