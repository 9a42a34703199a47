/* Guardrails of a program on their way into a snapshot. */
#ifndef LIBRARY_GUARDING_H
#define LIBRARY_GUARDING_H

#include "gateway/snapshot.h"
#include "library/describe.h"

/* A guardrail and whose words it reads. */
struct guarding {
    struct rt_guardrail *guardrail; /* lent */
    const char *agent;              /* NULL: of every agent; lent */
};

/* Adds it; g outlives the snapshot. -ERR_LIMIT */
MUST_USE int guarding_add(struct snapshot *s, struct crew *crew, const struct guarding *g);

#endif
