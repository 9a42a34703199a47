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

int32_t call_turn_latency_ms(const struct call_turn *t)
{
    int32_t from = t->speech_stop_ms >= 0 ? t->speech_stop_ms : t->commit_ms;
    return from >= 0 && t->first_audio_ms >= from ? t->first_audio_ms - from : -1;
}
