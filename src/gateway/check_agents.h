/*
 * What agents can do and which calls they get, in sentences for `ringtrip check`: every agent with its tools and
 * handoffs, every route, and for a call that is described the plan that it would have.
 */
#ifndef GATEWAY_CHECK_AGENTS_H
#define GATEWAY_CHECK_AGENTS_H

#include "gateway/check.h"
#include "gateway/snapshot.h"

void check_agents(const struct config *cfg, check_fn fn, void *arg);
/* Who would take this call. */
void check_call(const struct snapshot *s, const struct when_facts *call, check_fn fn, void *arg);

#endif
