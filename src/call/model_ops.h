/* For those who implement a provider: the table behind model.h and the part every model begins with. */
#ifndef CALL_MODEL_OPS_H
#define CALL_MODEL_OPS_H

#include "call/model.h"

enum model_caps {
    MODEL_CAN_CANCEL = 1 << 0,
    MODEL_CAN_TRUNCATE = 1 << 1,
    MODEL_HAS_RESPONSE_IDS = 1 << 2,
    MODEL_MAY_INTERRUPT = 1 << 3, /* the service may cut its own response when the caller speaks */
};

struct model_ops {
    const char *name;
    uint32_t caps;
    int (*perform)(struct model *model, const struct call_action *act);
    void (*cork)(struct model *model);
    void (*uncork)(struct model *model);
    void (*close)(struct model *model);
};

struct model {
    const struct model_ops *ops;
    const struct model_handler *handler;
    void *arg;
};

#endif
