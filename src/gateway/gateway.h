/*
 * The whole gateway on one loop: chosen, wired, served, drained. What the daemon, the demonstration and the public
 * library start. Not here: signals (apps), single calls (host.h), routes (gateway_impl.h).
 *
 *     gateway_open -> gateway_run ... gateway_stop: DRAINING (no new calls, live ones may end)
 *     -> FLUSHING (last rows, files, answers) -> gateway_run returns -> gateway_free
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/buf.h"
#include "config/config.h"
#include "gateway/tap.h"
#include "net/loop.h"

struct gateway;
struct snapshot;
struct tracer;
struct worker;

struct gateway_opts {
    struct config_source config;
    struct loop *loop; /* NULL: its own. A given one is stopped when a stop is over, and never freed */
    bool port_given;   /* port instead of the configured one */
    uint16_t port;
    bool own_log;             /* the sink is the caller's: log_set_sink was called, logging settings are ignored */
    const char *sandbox_file; /* NULL: found (sandbox_child.h) */
    const char *const *sandbox_args; /* more arguments, ends with NULL; NULL: none; lent */
    struct tap tap;
    /*
     * Nobody calls from outside: no server, no carrier, no API; calls are made by the library. Records stay in memory
     * unless records is set. The sandbox starts when gateway_want_sandbox asks for it.
     */
    bool headless;
    bool records;
    /* Adds what the embedding program brings to each new snapshot, before any call uses it. NULL: nothing. */
    int (*adorn)(struct snapshot *s, struct buf *err, void *arg);
    /* Once: calls are taken, the model's sandbox (if ours) runs. headless: each time something may have come that a
     * call waits for: a sandbox of ours, a server of tools. NULL: nobody asks. */
    void (*on_ready)(void *arg);
    void *arg;
};

/*
 * Loads the configuration, opens store, listener and whatever else there is. On failure nothing is left open and err
 * has a sentence or more: -ERR_CONFIG, -EADDRINUSE, -EACCES, -ENOENT, ... Blocking (files).
 */
MUST_USE int gateway_open(const struct gateway_opts *opts, struct buf *err, struct gateway **ret);
/* Serves until a stop is over. */
void gateway_run(struct gateway *gw);
/* Begins to drain; drain_ms 0: the configured time. Again: ends every call at once. Thread: any. */
void gateway_stop(struct gateway *gw, uint32_t drain_ms);
/* New settings for new calls, new certificate. The result is logged. Thread: any. */
void gateway_reload(struct gateway *gw);
/* Not while gateway_run runs. NULL is fine. */
struct gateway *gateway_free(struct gateway *gw);

struct loop *gateway_loop(struct gateway *gw);
uint16_t gateway_port(const struct gateway *gw);
/* Calls that are live. Loop thread. */
uint32_t gateway_calls(const struct gateway *gw);
/* Loop thread; of the snapshot for new calls; lent until the next reload. */
const struct config *gateway_config(const struct gateway *gw);
/* Loop thread. Starts the sandbox unless there is one; on_ready says when it is there. -ENOENT, -ENOMEM ... */
MUST_USE int gateway_want_sandbox(struct gateway *gw);
bool gateway_sandbox_ready(const struct gateway *gw);
/* Loop thread. No provider's first login is under way any more; on_ready says when that changes. */
bool gateway_logins_settled(const struct gateway *gw);
/* Loop thread; for calls of the library. */
struct worker *gateway_worker(struct gateway *gw);
/* Loop thread, or before gateway_run: for a program's own processors of spans (obs/trace.h). */
struct tracer *gateway_tracer(struct gateway *gw);
/* Fresh settings for calls of the library, adorned; takes cfg's reference also on failure. Thread: any, one at a time.
 */
MUST_USE int gateway_snapshot(struct gateway *gw, struct config *cfg, struct buf *err, struct snapshot **ret);
/* What servers of the Model Context Protocol offer now, into a snapshot that nobody uses yet. Loop thread. -ENOMEM */
MUST_USE int gateway_mcp_add(const struct gateway *gw, struct snapshot *s);
/* It was not up yet, and has not failed. Loop thread. */
bool gateway_mcp_starts(const struct gateway *gw, struct str server);
/* Adorns the snapshot for new calls once more, after what the program brings has changed. Before gateway_run. */
MUST_USE int gateway_refresh(struct gateway *gw, struct buf *err);
/* Calls that have a place now. Thread: any. */
uint32_t gateway_places(const struct gateway *gw);

#endif
