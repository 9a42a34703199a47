/* Runs the journal of a call again on its own clock and compares what the core answers. Blocking; any thread. */
#ifndef GATEWAY_REPLAY_H
#define GATEWAY_REPLAY_H

#include "base/buf.h"

struct replay_report {
    uint64_t records;
    uint64_t actions;
    uint64_t first_diff; /* number of the first record whose actions differ, from 1; 0: none */
    bool torn_tail;
};

/* One line, NUL-terminated, lent until return. */
typedef void (*replay_print_fn)(const char *line, void *arg);

/* print may be NULL. 0 also when actions differ; -errno of the file, -ERR_CORRUPT, -ERR_RANGE (another version) */
MUST_USE int replay_run(const char *file, replay_print_fn print, void *arg, struct replay_report *ret);

#endif
