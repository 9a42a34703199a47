#include "library/history.h"

#include <stdlib.h>

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
