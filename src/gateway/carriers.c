#include "gateway/carriers.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/gateway_impl.h"
#include "gateway/host.h"

static int open_twilio(struct gateway *gw, struct carrier **ret)
{
    struct twilio *t = NULL;
    int err = twilio_new(gw->loop, gw->http, &gw->snapshot->twilio, &gateway_carrier_host, gw, &t);
    if (err >= 0) {
        *ret = twilio_carrier(t);
    }
    return err;
}

static const void *twilio_opts_of(const struct snapshot *s)
{
    return &s->twilio;
}

static bool twilio_wanted(const struct config *cfg)
{
    return cfg->twilio.enabled;
}

static int open_plivo(struct gateway *gw, struct carrier **ret)
{
    struct plivo *p = NULL;
    int err = plivo_new(gw->loop, gw->http, &gw->snapshot->plivo, &gateway_carrier_host, gw, &p);
    if (err >= 0) {
        gw->plivo = p;
        *ret = plivo_carrier(p);
    }
    return err;
}

static const void *plivo_opts_of(const struct snapshot *s)
{
    return &s->plivo;
}

static bool plivo_wanted(const struct config *cfg)
{
    return cfg->plivo.enabled;
}

static const struct kind {
    int (*open)(struct gateway *gw, struct carrier **ret);
    const void *(*opts)(const struct snapshot *s);
    bool (*wanted)(const struct config *cfg);
} kinds[] = {
    {open_twilio, twilio_opts_of, twilio_wanted},
    {open_plivo, plivo_opts_of, plivo_wanted},
};

_Static_assert(ARRAY_LEN(kinds) <= CARRIERS_MAX, "room for all carriers");

int carriers_open(struct gateway *gw)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct gateway_carrier *c = &gw->carriers[i];
        int err = kinds[i].open(gw, &c->carrier);
        if (err < 0) {
            return err;
        }
        c->wanted = kinds[i].wanted(gw->snapshot->cfg);
        gw->n_carriers++;
    }
    return 0;
}

void carriers_ready(struct gateway *gw)
{
    const struct config_plivo *p = &gw->snapshot->cfg->plivo;
    if (gw->plivo && p->enabled && p->configure && (p->auth_id.n > 0 || p->auth_tokens.n > 0)) {
        plivo_configure(gw->plivo);
    }
}

void carriers_free(struct gateway *gw)
{
    gw->plivo = NULL;
    for (uint32_t i = 0; i < gw->n_carriers; i++) {
        gw->carriers[i].carrier = carrier_free(gw->carriers[i].carrier);
    }
    gw->n_carriers = 0;
}

void carriers_follow(struct gateway *gw, const struct snapshot *s)
{
    for (uint32_t i = 0; i < gw->n_carriers; i++) {
        carrier_set_opts(gw->carriers[i].carrier, kinds[i].opts(s));
        gw->carriers[i].wanted = kinds[i].wanted(s->cfg);
    }
}

bool carriers_handle(struct gateway *gw, struct http_exchange *x, const struct http_request *req)
{
    for (uint32_t i = 0; i < gw->n_carriers; i++) {
        if (gw->carriers[i].wanted && carrier_handle(gw->carriers[i].carrier, x, req)) {
            return true;
        }
    }
    return false;
}

struct carrier *carriers_find(struct gateway *gw, struct str name)
{
    struct carrier *first = NULL;
    struct carrier *able = NULL;
    for (uint32_t i = 0; i < gw->n_carriers; i++) {
        struct carrier *c = gw->carriers[i].carrier;
        if (str_is(name, carrier_kind(c))) {
            return c;
        }
        first = first || !gw->carriers[i].wanted ? first : c;
        able = able || !gw->carriers[i].wanted || carrier_cannot(c, CARRIER_SMS) ? able : c;
    }
    return able ? able : first;
}

struct carrier *carriers_dialling(struct gateway *gw, struct str kind)
{
    struct carrier *first = NULL;
    for (uint32_t i = 0; i < gw->n_carriers; i++) {
        struct carrier *c = gw->carriers[i].carrier;
        bool wanted = gw->carriers[i].wanted && (kind.n == 0 || str_is(kind, carrier_kind(c)));
        if (wanted && !carrier_cannot(c, CARRIER_DIAL)) {
            return c;
        }
        first = first || !wanted ? first : c;
    }
    return first; /* it will say what it lacks */
}

/* arg: the call's id, ours. A refusal has been logged where it was read. */
static void on_recording(const struct carrier_result *r, void *arg)
{
    char *call_id = arg;
    const struct log_scope scope = {.call_id = call_id, .worker = -1};
    if (r->err >= 0) {
        log_info(&scope, "call.carrier-records", "recording=" STR_FMT, STR_ARG(r->id));
    }
    free(call_id);
}

int carriers_record(struct gateway *gw, const struct host *h, const char **ret_why)
{
    struct carrier *c = carriers_find(gw, host_opts(h)->carrier);
    const struct carrier_call_ref ref = {.call_id = host_carrier_id(h)};
    if (!c || !str_is(host_opts(h)->carrier, carrier_kind(c))) {
        *ret_why = "This call has no carrier that could record it";
        return -ERR_STATE;
    }
    if (!host_live(h) || !host_has_leg(h)) {
        *ret_why = "The call has not been answered yet, or is ending";
        return -ERR_STATE;
    }
    char *call_id = str_dup(str_from(host_call_id(h)));
    int err = call_id ? carrier_record(c, &ref, on_recording, call_id, NULL) : -ENOMEM;
    if (err < 0) {
        free(call_id);
    }
    if (err == -ERR_STATE) {
        *ret_why = "The carrier's account is not configured";
    } else if (err == -EINVAL) {
        *ret_why = "The carrier has no id for this call";
        err = -ERR_STATE;
    }
    return err;
}

void carriers_gauges(struct gateway *gw)
{
    int64_t waiting = 0;
    for (uint32_t i = 0; i < gw->n_carriers; i++) {
        struct gateway_carrier *c = &gw->carriers[i];
        struct carrier_stats now;
        carrier_stats(c->carrier, &now);
        waiting += now.unauthenticated;
        metrics_add_word(gw->metrics, METRIC_AUTH_FAILURES, STR("signature"),
                         now.bad_signatures - c->last.bad_signatures);
        metrics_add_word(gw->metrics, METRIC_AUTH_FAILURES, STR("token"), now.unproven - c->last.unproven);
        metrics_add_word(gw->metrics, METRIC_WS_ERRORS, STR("carrier"), now.bad_messages - c->last.bad_messages);
        metrics_add_word(gw->metrics, METRIC_CALLS_REFUSED, STR("sockets"), now.refused_limit - c->last.refused_limit);
        metrics_add_word(gw->metrics, METRIC_CARRIER_REQUESTS, STR("ok"), now.rest_ok - c->last.rest_ok);
        metrics_add_word(gw->metrics, METRIC_CARRIER_REQUESTS, STR("failed"), now.rest_failed - c->last.rest_failed);
        metrics_add_word(gw->metrics, METRIC_CARRIER_REQUESTS, STR("retried"), now.rest_retries - c->last.rest_retries);
        c->last = now;
    }
    metrics_set(gw->metrics, METRIC_SOCKETS, waiting);
}
