/* For those who implement a provider: the table behind model.h and the part every model begins with. */
#ifndef CALL_MODEL_OPS_H
#define CALL_MODEL_OPS_H

#include "call/model.h"

enum model_caps {
    MODEL_CAN_CANCEL = 1 << 0,
    MODEL_CAN_TRUNCATE = 1 << 1,
    MODEL_HAS_RESPONSE_IDS = 1 << 2,
    MODEL_MAY_INTERRUPT = 1 << 3, /* the service may cut its own response when the caller speaks */
    MODEL_HEARS_SPEECH = 1 << 4,  /* it detects turns by loudness */
    MODEL_HEARS_MEANING = 1 << 5, /* and by what is said */
    MODEL_TAKES_TURNS = 1 << 6,   /* its detection can be off: we commit, throw away and ask */
    MODEL_ONLY_HEARS = 1 << 7,    /* it can tell of turns without answering or interrupting by itself */
};

/* A service with these capabilities can do what the kind of turn detection wants of it. */
static inline bool model_can_turn(uint32_t caps, const struct call_turn_opts *turn)
{
    bool by_meaning = turn->kind == TURN_SEMANTIC_VAD || (turn->kind == TURN_HYBRID && turn->eagerness.n > 0);
    uint32_t hears = by_meaning ? MODEL_HEARS_MEANING : MODEL_HEARS_SPEECH;
    uint32_t wanted = turn->kind == TURN_LOCAL || turn->kind == TURN_MANUAL ? MODEL_TAKES_TURNS
                      : turn->kind == TURN_HYBRID                           ? hears | MODEL_ONLY_HEARS
                                                                            : hears;
    return (caps & wanted) == wanted;
}

struct model_ops {
    const char *name;
    uint32_t caps;
    int (*perform)(struct model *model, const struct call_action *act);
    void (*step_over)(struct model *model); /* optional: all actions of a step were performed */
    void (*close)(struct model *model);
    void (*prefetch)(const struct model *model, unsigned depth); /* optional */
    struct str (*memory)(struct model *model);                   /* NULL: its sessions cannot be resumed */
};

struct model {
    const struct model_ops *ops;
    const struct model_handler *handler;
    void *arg;
};

#endif
