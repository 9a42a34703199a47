#include "call/action.h"

void call_actions_init(struct call_actions *a)
{
    a->n = 0;
    a->overflow = false;
    arena_init(&a->bytes, (size_t)8 << 20);
}

void call_actions_done(struct call_actions *a)
{
    arena_done(&a->bytes);
    a->n = 0;
}

void call_actions_clear(struct call_actions *a)
{
    a->n = 0;
    a->overflow = false;
    arena_reset(&a->bytes);
}
