/* Settings of traces: the map for the service, and where the export goes. */
#include <errno.h>

#include "base/err.h"
#include "config/draft.h"

#define TRACES_PATH "/v1/traces"

static int refuse(const struct yaml_node *c, const char *what, struct buf *why)
{
    buf_printf(why, "must be auto, none or a map with workflow_name, group_id and metadata; \"%.60s\" %s", c->key.p,
               what);
    return -ERR_CONFIG;
}

int tracing_keep(struct draft *d, const struct yaml_node *n, struct str *ret, struct buf *why)
{
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        if (str_is(c->key, "metadata")) {
            if (c->kind != YAML_MAP) {
                return refuse(c, "must be a map", why);
            }
        } else if (!str_is(c->key, "workflow_name") && !str_is(c->key, "group_id")) {
            return refuse(c, "does not belong there", why);
        } else if (c->kind != YAML_SCALAR || yaml_is_null(c)) {
            return refuse(c, "must be a text", why);
        }
    }
    return schema_keep(d, n, ret);
}

/* The two names of OpenTelemetry differ: to the one the path of the signal is added, the other is taken as it is. */
static void fill_address(struct draft *d, struct config_tracing *t)
{
    struct buf url;

    if (t->traces_endpoint.n > 0 || t->endpoint.n == 0) {
        return;
    }
    buf_init(&url, t->endpoint.n + sizeof(TRACES_PATH));
    buf_put_str(&url, t->endpoint);
    buf_puts(&url, TRACES_PATH);
    struct str kept = url.err < 0 ? STR_NULL : arena_str(d->arena, buf_str(&url));
    buf_done(&url);
    if (kept.p) {
        t->traces_endpoint = kept;
    } else {
        d->out_of_memory = true;
    }
}

static bool wanted(struct draft *d, const struct config_tracing *t)
{
    bool otlp = t->exporters.n == 0;

    for (uint32_t i = 0; i < t->exporters.n; i++) {
        otlp = otlp || str_ieq(t->exporters.v[i], STR("otlp"));
        if (!str_ieq(t->exporters.v[i], STR("otlp")) && !str_ieq(t->exporters.v[i], STR("none"))) {
            draft_warn(d, "OTEL_TRACES_EXPORTER: \"%.60s\" is not known here, only otlp and none are",
                       t->exporters.v[i].p);
        }
    }
    return otlp && t->enabled && !t->sdk_disabled;
}

void finish_tracing(struct draft *d)
{
    struct config_tracing *t = &d->cfg->tracing;

    fill_address(d, t);
    t->exports = t->traces_endpoint.n > 0 && wanted(d, t);
    if (t->traces_endpoint.n > 0 && !str_starts(t->traces_endpoint, STR("http"))) {
        bool whole = draft_given(d, "tracing.export.traces_endpoint");
        const char *key = whole ? "tracing.export.traces_endpoint" : "tracing.export.endpoint";
        draft_fail(d, draft_origin(d, key), "%s must be an http or https address, not \"%.60s\"", key,
                   whole ? t->traces_endpoint.p : t->endpoint.p);
    }
    if (t->exports && t->protocol.n > 0 && !str_is(t->protocol, "http/json")) {
        draft_warn(d, "traces are sent as http/json, although OTEL_EXPORTER_OTLP_PROTOCOL says \"%.60s\"%s",
                   t->protocol.p,
                   str_is(t->protocol, "grpc") ? "; a collector takes them at its HTTP port, usually 4318" : "");
    }
}
