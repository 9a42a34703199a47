#include "gateway/tracing.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "net/crypto.h"
#include "obs/trace_json.h"

#define MAX_JSON_BYTES (192u << 10) /* the store takes a quarter of a megabyte */

struct tracing {
    struct tracing_env env;
    struct tracer *tracer;
    struct otlp *otlp;        /* NULL: nothing is exported */
    struct buf attrs, events; /* of the span being written */
    bool local;
};

/* ---- into the store ---- */

static void keep_span(struct tracing *t, const struct trace_span *s)
{
    static const uint8_t none[TRACE_SPAN_BYTES] = {0};
    char trace_text[2 * TRACE_ID_BYTES + 1];
    char id[2 * TRACE_SPAN_BYTES + 1];
    char parent[2 * TRACE_SPAN_BYTES + 1] = "";
    struct str call_id = trace_group(s->trace);
    if (!t->local || call_id.n == 0) {
        return; /* a trace that belongs to no call is only exported */
    }
    trace_hex(trace_id(s->trace), TRACE_ID_BYTES, trace_text);
    trace_hex(s->id, sizeof(s->id), id);
    if (memcmp(s->parent_id, none, sizeof(none)) != 0) {
        trace_hex(s->parent_id, sizeof(s->parent_id), parent);
    }
    buf_clear(&t->attrs);
    buf_clear(&t->events);
    trace_put_attrs(&t->attrs, s->attrs, s->n_attrs);
    trace_put_events(&t->events, s);
    const struct store_span row = {
        .call_id = call_id,
        .seq = s->seq,
        .trace_id = str_from(trace_text),
        .span_id = str_from(id),
        .parent_id = str_from(parent),
        .type = str_from(trace_type_word(s->type)),
        .name = s->name,
        .kind = (uint32_t)s->kind,
        .start_us = s->start_us,
        .end_us = s->end_us,
        .failed = s->status == TRACE_ERROR,
        .error = s->status_text,
        .attrs = t->attrs.err < 0 ? STR("{}") : buf_str(&t->attrs), /* a span without its texts is better than none */
        .events = t->events.err < 0 ? STR("[]") : buf_str(&t->events),
    };
    scribe_put(t->env.scribe,
               &(struct store_op){.kind = STORE_SPAN_ADD, .at_us = (uint64_t)clock_wall_us(), .u.span = &row});
}

/* The root is written when it begins too: a killed call keeps a tree. */
static void on_span_start(const struct trace_span *s, void *arg)
{
    if (s->type == TRACE_CALL) {
        keep_span(arg, s);
    }
}

static void on_span_end(const struct trace_span *s, void *arg)
{
    keep_span(arg, s);
}

static void on_trace_end(const struct trace *trace, void *arg)
{
    struct tracing *t = arg;
    uint32_t dropped = trace_dropped(trace);
    if (dropped > 0) {
        metrics_add_word(t->env.metrics, METRIC_TRACE_SPANS, STR("over_limit"), dropped);
        log_warn(NULL, "trace.too-many-spans", "call=" STR_FMT " spans=%u", STR_ARG(trace_group(trace)), dropped);
    }
}

static const struct trace_processor keeper = {
    .name = "store", .on_span_start = on_span_start, .on_span_end = on_span_end, .on_trace_end = on_trace_end};

/* ---- settings ---- */

static struct otlp_opts export_opts(const struct config_tracing *cfg)
{
    return (struct otlp_opts){
        .url = cfg->traces_endpoint,
        .headers = cfg->headers,
        .ca_file = cfg->ca_file,
        .timeout_ms = cfg->timeout_ms,
        .gzip = cfg->gzip != 0,
        .delay_ms = cfg->delay_ms,
        .max_batch = cfg->max_batch,
        .max_queue = cfg->max_queue,
        .service = cfg->service_name,
        .resource = cfg->resource,
    };
}

static int open_export(struct tracing *t, const struct config_tracing *cfg, struct buf *ret_err)
{
    const struct otlp_env env = {.loop = t->env.loop, .http = t->env.http, .metrics = t->env.metrics};
    const struct otlp_opts o = export_opts(cfg);
    int err = otlp_new(&env, &o, ret_err, &t->otlp);
    if (err >= 0) {
        err = tracer_add(t->tracer, &otlp_processor, t->otlp);
    }
    if (err >= 0) {
        log_info(NULL, "trace.export", "url=" STR_FMT " gzip=%d", STR_ARG(cfg->traces_endpoint), cfg->gzip);
    }
    return err;
}

static void close_export(struct tracing *t)
{
    tracer_remove(t->tracer, &otlp_processor, t->otlp);
    t->otlp = otlp_free(t->otlp);
}

void tracing_set(struct tracing *t, const struct config_tracing *cfg)
{
    const struct otlp_opts o = export_opts(cfg);
    struct buf why;
    buf_init(&why, 512);
    int err = 0;
    t->local = cfg->local && t->env.scribe;
    tracer_set_sampler(t->tracer, cfg->sampler, cfg->sampler_ratio);
    if (cfg->exports) {
        err = t->otlp ? otlp_set(t->otlp, &o, &why) : open_export(t, cfg, &why);
    } else if (t->otlp) {
        close_export(t);
    }
    if (err < 0) {
        const char *text = buf_cstr(&why);
        log_error(NULL, "trace.export-settings", "error=%s text=\"%s\"", err_name(err), text ? text : "");
    }
    buf_done(&why);
}

/* ---- life ---- */

int tracing_new(const struct tracing_env *env, const struct config_tracing *cfg, struct buf *ret_err,
                struct tracing **ret)
{
    const struct tracer_opts o = {.random = crypto_random, .sampler = cfg->sampler, .ratio = cfg->sampler_ratio};
    struct tracing *t = calloc(1, sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    t->env = *env;
    t->local = cfg->local && env->scribe;
    buf_init(&t->attrs, MAX_JSON_BYTES);
    buf_init(&t->events, MAX_JSON_BYTES);
    int err = tracer_new(&o, &t->tracer);
    if (err >= 0) {
        err = tracer_add(t->tracer, &keeper, t);
    }
    if (err >= 0 && cfg->exports) {
        err = open_export(t, cfg, ret_err);
    }
    if (err < 0) {
        tracing_free(t);
        return err;
    }
    *ret = t;
    return 0;
}

struct tracing *tracing_free(struct tracing *t)
{
    if (t) {
        otlp_free(t->otlp);
        tracer_free(t->tracer);
        buf_done(&t->attrs);
        buf_done(&t->events);
        free(t);
    }
    return NULL;
}

void tracing_stop(struct tracing *t)
{
    if (t->otlp) {
        otlp_stop(t->otlp);
    }
}

bool tracing_busy(const struct tracing *t)
{
    return t->otlp && otlp_pending(t->otlp) > 0;
}

struct tracer *tracing_tracer(struct tracing *t)
{
    return t ? t->tracer : NULL;
}
