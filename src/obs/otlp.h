/*
 * Sends finished spans to an OpenTelemetry collector: OTLP over HTTP with JSON, in batches, one request at a time.
 * Nothing here waits: a span is written as text when it ends and queued, or dropped and counted when the queue is full.
 * A collector that cannot be reached, or that answers 429, 502, 503 or 504, is asked again with growing pauses, or when
 * its Retry-After says; any other answer than 2xx loses the batch. Loop thread only. Source: OTLP 1.9, "OTLP/HTTP".
 */
#ifndef OBS_OTLP_H
#define OBS_OTLP_H

#include "net/http_client.h"
#include "obs/metrics.h"
#include "obs/trace.h"

struct otlp;

/* Copied. */
struct otlp_opts {
    struct str url;     /* the whole address */
    struct str headers; /* "name=value,name=value", values percent-encoded */
    struct str ca_file; /* empty: the system's store */
    uint32_t timeout_ms;
    bool gzip;
    uint32_t delay_ms;   /* a span waits at most so long */
    uint32_t max_batch;  /* spans in one request */
    uint32_t max_queue;  /* spans that wait, those under way not counted */
    struct str service;  /* service.name */
    struct str resource; /* OTEL_RESOURCE_ATTRIBUTES */
    uint32_t retry_ms;   /* first pause; 0: 1000. For tests */
};

struct otlp_env {
    struct loop *loop;
    struct http_client *http; /* outlives it */
    struct metrics *metrics;
    void (*on_idle)(void *arg); /* after otlp_stop: nothing is under way any more. May be NULL */
    void *arg;
};

/* ret_err gets a sentence: headers or attributes that are no pairs. -ERR_CONFIG, -ENOMEM */
MUST_USE int otlp_new(const struct otlp_env *env, const struct otlp_opts *opts, struct buf *ret_err, struct otlp **ret);
/* What is under way is given up. NULL is fine. */
struct otlp *otlp_free(struct otlp *o);
/* For batches from now on; on failure the old ones stay. */
MUST_USE int otlp_set(struct otlp *o, const struct otlp_opts *opts, struct buf *ret_err);
/* Sends what waits at once and takes nothing more; no second tries from now on. */
void otlp_stop(struct otlp *o);
/* Spans that wait or are under way. */
uint32_t otlp_pending(const struct otlp *o);

/* For tracer_add; arg is the exporter. */
extern const struct trace_processor otlp_processor;

/*
 * "name=value,name=value" as the OTEL_ variables have it: blanks around both go away, values are percent-decoded. Calls
 * fn for each pair. -ERR_SYNTAX: something is no pair, or holds a control character. Pure.
 */
typedef int (*otlp_pair_fn)(struct str name, struct str value, void *arg);
MUST_USE int otlp_pairs(struct str text, otlp_pair_fn fn, void *arg);

#endif
