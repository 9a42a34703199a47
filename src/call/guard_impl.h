/* What guard.c, guard_trip.c and guard_hold.c share; state.h has what the rest of the call may ask of them. */
#ifndef CALL_GUARD_IMPL_H
#define CALL_GUARD_IMPL_H

#include "call/state.h"

static inline uint32_t guard_bit(uint32_t i)
{
    return UINT32_C(1) << i;
}

static inline const struct call_guard *guard_at(const struct call *c, uint32_t i)
{
    return &c->o->guards.list[i];
}

/* ---- guard.c ---- */

/* Who looks at this side of an agent's turn, as a mask. */
uint32_t guard_watchers(const struct call *c, enum guard_side side, uint32_t agent);
/* Of them those that audio waits for. */
uint32_t guard_holders(const struct call *c, uint32_t mask);
/* What is known of an item of the agent; NULL: nothing. */
const struct guard_item *guard_find_said(const struct call *c, const char *item_id);
bool guard_was_tripped(const struct call *c, const char *response_id);
/* One of these has been asked about it and has not answered. */
bool guard_is_asked(const struct call *c, const struct guard_item *gi, uint32_t mask);
/* "a, b" into out, which is lent back. */
struct str guard_put_names(const struct call *c, uint32_t mask, struct buf *out);
void guard_remark(struct call *c, enum call_note note, int64_t value, uint32_t mask);
/* Forgets what nobody looks at any more: no check under way, no audio that waits for one. */
void guard_sweep(struct call *c);

/* ---- guard_trip.c ---- */

/* These object to the item, for the first time in its response. */
void guard_trip(struct call *c, struct guard_item *gi, const struct call_event *ev, uint32_t tripped);
/* Counts one more in a row. */
bool guard_too_often(struct call *c);
void guard_end_over(struct call *c, const char *why, bool apologise);
/* The turn that is open was cut by a guardrail. */
void guard_interrupted(struct call *c);
/* A response was asked for, or will be at once. */
bool guard_awaits_response(const struct call *c);

#endif
