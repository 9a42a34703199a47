/*
 * Tools of servers of the Model Context Protocol in sessions of a program: which servers its agents use, and what those
 * offer at the moment, given to the agents of a snapshot. Loop thread.
 */
#ifndef LIBRARY_SERVERS_H
#define LIBRARY_SERVERS_H

#include "gateway/snapshot.h"
#include "library/runner.h"

/* The program's agents name only servers that the configuration has; else err gets a sentence: -ERR_CONFIG. */
MUST_USE int servers_check(const struct graph *g, const struct config *cfg, struct buf *err);
/* One that an agent of this session uses has not come up yet, and has not failed either. */
bool servers_start(const struct rt_runner *r, const struct snapshot *s);
/* What they offer, before the session's call begins; what is too much for a call is left out. -ENOMEM */
MUST_USE int servers_give(const struct rt_runner *r, struct snapshot *s);

#endif
