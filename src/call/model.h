/*
 * The provider side of a call, as its host sees it. Implementers include model_ops.h. Loop thread of the model.
 */
#ifndef CALL_MODEL_H
#define CALL_MODEL_H

#include "call/action.h"
#include "call/opts.h"

struct model;

struct model_handler {
    /* Any EV_MODEL_*; after EV_MODEL_FAILED nothing but on_closed follows. ev is lent. */
    void (*on_event)(struct model *model, const struct call_event *ev, void *arg);
    /* Last; the model is gone after it returns. Preceded by EV_MODEL_FAILED unless model_close was called. */
    void (*on_closed)(struct model *model, int err, void *arg);
    void (*prefetch)(const void *arg, unsigned depth); /* optional: an event is about to come, base/prefetch.h */
};

/* Performs one ACT_MODEL_* action (not OPEN). 0, or a negative error: EV_MODEL_FAILED will come by itself. */
MUST_USE int model_perform(struct model *model, const struct call_action *act);
/* The last action of a step was performed: what gathered for those behind it may go. Owed once to a model that
 * performed any; until then it may keep them. */
void model_step_over(struct model *model);
/* Idempotent; no events after it returns, on_closed follows from the loop. */
void model_close(struct model *model);
/* What EV_MODEL_RESUMABLE spoke of, for the session that goes on from here; lent until the next event, or empty. */
struct str model_memory(struct model *model);
const char *model_kind(const struct model *model);              /* "openai" */
void model_prefetch(const struct model *model, unsigned depth); /* it is about to perform: base/prefetch.h */

#endif
