/* For those who implement a carrier: the table behind leg.h and the part every leg begins with. */
#ifndef CALL_LEG_OPS_H
#define CALL_LEG_OPS_H

#include "call/leg.h"

struct leg_ops {
    const char *name;
    int (*perform)(struct leg *leg, const struct call_action *act); /* mandatory */
    void (*close)(struct leg *leg);                                 /* mandatory, idempotent */
    void (*prefetch)(const struct leg *leg, unsigned depth);        /* optional */
    const char *(*cannot_transfer)(struct leg *leg);                /* optional: then it can never be transferred */
};

struct leg {
    const struct leg_ops *ops;
    const struct leg_handler *handler; /* outlives the leg */
    void *arg;
};

#endif
