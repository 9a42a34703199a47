/* The inside of a runner: agents, settings and the thread with the loop that carries all its sessions. */
#ifndef LIBRARY_RUNNER_H
#define LIBRARY_RUNNER_H

#include <pthread.h>

#include "gateway/gateway.h"
#include "library/graph.h"
#include "library/guarding.h"
#include "library/log_sink.h"
#include "library/settings.h"
#include "library/tracing.h"
#include "net/crew.h"
#include "ringtrip/session.h"

struct rt_runner {
    struct gateway *gw;
    const struct config *config; /* of gw, which never reads it again */
    struct crew *crew;
    struct graph *graph; /* NULL: the agents of the configuration */
    struct rt_settings *settings;
    struct rt_guardrail **guardrails;
    size_t n_guardrails;
    struct guarding *guardings; /* those and the agents' own */
    size_t n_guardings;
    uint32_t debounce; /* 0: not given */
    bool sequential, untraced;
    char *config_file, *config_text, *env_file, *agent_name, *records_dir, *sandbox_program;
    struct log_sink sink;
    struct tracing tracing;
    pthread_mutex_t lock;
    pthread_cond_t news;
    pthread_t thread;
    bool running, opened;
    int open_err;
    struct buf open_text;
    uint32_t sessions;           /* handles that are not freed, */
    uint32_t objects;            /* and what is behind them or behind freed ones */
    struct rt_session *starting; /* loop thread: they wait for the sandbox, or for servers of tools */
};

/* Is this one of the runner's own threads, which must not wait for it? */
bool runner_is_here(struct rt_runner *r);
/* Makes the source of the configuration with these settings over it and gives it to use, whose result it returns. */
MUST_USE int runner_load(const struct rt_runner *r, const struct rt_settings *s,
                         int (*use)(const struct config_source *source, void *arg), void *arg);

#endif
