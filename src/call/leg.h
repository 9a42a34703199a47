/*
 * The phone side of a call, as its host sees it. Implementers include leg_ops.h. Loop thread of the leg.
 *
 * A leg is born by its carrier when a media socket has proved who it is; the host gives it a handler, performs
 * ACT_LEG_* actions on it and feeds what it reports into the call.
 */
#ifndef CALL_LEG_H
#define CALL_LEG_H

#include "call/action.h"

struct leg;

struct leg_handler {
    /* Any EV_LEG_* except EV_LEG_CLOSED, and EV_CONTROL_USER_TEXT where a test types instead of speaking; ev is lent.
     */
    void (*on_event)(struct leg *leg, const struct call_event *ev, void *arg);
    /* Last; the leg is gone after it returns. */
    void (*on_closed)(struct leg *leg, int err, void *arg);
    void (*prefetch)(const void *arg, unsigned depth); /* optional: an event is about to come, base/prefetch.h */
};

/* Performs one ACT_LEG_* action. 0, or a negative error: the leg is then closing by itself and on_closed will come. */
MUST_USE int leg_perform(struct leg *leg, const struct call_action *act);
/*
 * NULL: ACT_LEG_TRANSFER can be tried. Else a sentence for the agent that says why not. The action is asynchronous: the
 * leg stops (EV_LEG_STOP, on_closed), or EV_LEG_TRANSFER_FAILED comes and it goes on as it was. -ENOTSUP from
 * leg_perform: this kind of leg has no way to be handed over.
 */
const char *leg_cannot_transfer(struct leg *leg);
/* Idempotent; on_closed follows from the loop. */
void leg_close(struct leg *leg);
const char *leg_kind(const struct leg *leg);              /* "twilio" */
void leg_prefetch(const struct leg *leg, unsigned depth); /* it is about to perform: base/prefetch.h */

#endif
