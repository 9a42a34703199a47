/*
 * Variables of an agent's texts: who calls whom, when, and what configuration and carrier say. What comes from outside
 * is one line of bounded length: it stands among the instructions.
 */
#ifndef GATEWAY_PLAN_VARS_H
#define GATEWAY_PLAN_VARS_H

#include "gateway/plan.h"

struct plan_vars {
    const struct config *cfg;
    const struct plan *plan;
    const struct config_agent *agent; /* whose text is filled in */
    struct str caller_name, call_id;
    struct zone_time now;
    char text[4096]; /* of the last answer */
};

void plan_vars_init(struct plan_vars *v, const struct config *cfg, const struct plan *p, const struct plan_facts *f);
/* A template_text_fn. */
bool plan_var(void *arg, struct str name, struct str *ret);

#endif
