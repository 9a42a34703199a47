/* Runs the journal of a call again on its own clock and compares what the core answers. Blocking; any thread. */
#ifndef GATEWAY_REPLAY_H
#define GATEWAY_REPLAY_H

#include "gateway/replay_vad.h"

struct replay_report {
    uint64_t records;
    uint64_t actions;
    uint64_t first_diff; /* number of the first record whose actions differ, from 1; 0: none */
    bool torn_tail;
    struct replay_vad_report vad; /* with opts.vad */
};

/* One line, NUL-terminated, lent until return. */
typedef void (*replay_print_fn)(const char *line, void *arg);

struct replay_opts {
    replay_print_fn print; /* NULL: nobody reads along */
    void *arg;
    const struct vad_model *vad; /* runs the speech detector again; NULL: does not */
};

/* opts NULL: only compares. 0 also when actions differ; -errno of the file, -ERR_CORRUPT, -ERR_RANGE (another version)
 */
MUST_USE int replay_run(const char *file, const struct replay_opts *opts, struct replay_report *ret);

#endif
