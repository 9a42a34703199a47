/*
 * Where the traces of calls go: one tracer, whose spans the record store gets (tracing.local) and the exporter, when
 * one is configured. Loop thread only. Not here: what becomes a span (host_trace.c).
 */
#ifndef GATEWAY_TRACING_H
#define GATEWAY_TRACING_H

#include "config/config.h"
#include "gateway/scribe.h"
#include "net/http_client.h"
#include "obs/otlp.h"

struct tracing;

struct tracing_env {
    struct loop *loop;
    struct http_client *http;
    struct metrics *metrics;
    struct scribe *scribe; /* NULL: nothing is kept */
};

/* ret_err gets a sentence: settings of the export that cannot be used. -ERR_CONFIG, -ENOMEM */
MUST_USE int tracing_new(const struct tracing_env *env, const struct config_tracing *cfg, struct buf *ret_err,
                         struct tracing **ret);
/* Only without calls, before the HTTP client and the scribe. NULL is fine. */
struct tracing *tracing_free(struct tracing *t);
/* For calls from now on; what of it cannot be used is left as it was, and said in the log. */
void tracing_set(struct tracing *t, const struct config_tracing *cfg);
/* The last spans are sent; tracing_busy says when that is over. */
void tracing_stop(struct tracing *t);
bool tracing_busy(const struct tracing *t);
/* For new traces and a program's own processors; NULL for a NULL t. */
struct tracer *tracing_tracer(struct tracing *t);

#endif
