/*
 * The settings of one session: a snapshot of the configuration, changed to what runner, agents and session say. The
 * program's callbacks for instructions, keys and enablement are asked here. Not here: which layer wins (settings.c).
 */
#ifndef LIBRARY_DERIVE_H
#define LIBRARY_DERIVE_H

#include "gateway/snapshot.h"
#include "library/runner.h"

/* What a session brings; copies of its options. */
struct derive_opts {
    const struct rt_settings *settings; /* those of the runner under them already */
    const char *api_key, *url, *user;   /* NULL: not given */
    const struct rt_header *headers;
    size_t n_headers;
    struct provider_transport transport;
    enum audio_format format;
    bool immediate;
    void (*on_raw)(struct str text, void *arg); /* NULL: nobody wants the service's own events */
    void *raw_arg;
    void *context;
};

/* Blocks (files, callbacks); not on the loop thread. err gets a sentence; *ret as snapshot_new. */
MUST_USE int derive_snapshot(struct rt_runner *r, const struct derive_opts *o, struct buf *err, struct snapshot **ret);
/* What agent i of the runner's graph is told now. gives */
MUST_USE int derive_instructions(const struct rt_agent *agent, char **ret);

/* The agents of the configuration with this name (NULL: all) get the tool besides theirs. tool and agent are lent, and
 * outlive the snapshot. -ERR_LIMIT, -ENOMEM */
MUST_USE int derive_offer_tool(struct snapshot *s, struct crew *crew, const struct rt_tool *tool, const char *agent);
/* Adds a tool of the program to a snapshot. tool is lent, and outlives it. */
MUST_USE int derive_add_tool(struct snapshot *s, struct crew *crew, const struct rt_tool *tool, uint32_t *ret_index);

#endif
