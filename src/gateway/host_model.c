/*
 * The model sessions of a call: one that counts, at times one that is prepared beside it, and some that are on their
 * way out. The core numbers them; what comes from one carries its number, and what it wants of one goes there.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/host_impl.h"

struct host_model {
    struct host_model *next;
    struct host *host;
    struct model *model;
    uint32_t session, provider;
    uint64_t opening_us;
    bool closing; /* by us: it has nothing more to say */
    bool corked;
};

void host_providers(struct host *h)
{
    const struct config *cfg = h->snapshot->cfg;
    struct call_renewal_opts *o = &h->opts.renewal;
    o->n_providers = MIN(1 + cfg->providers[host_provider(h, 0)].failover.n, CALL_MAX_PROVIDERS);
    for (uint32_t i = 0; i < o->n_providers; i++) {
        o->session_max_s[i] = cfg->providers[host_provider(h, i)].session_max_s;
    }
}

static struct host_model *find(struct host *h, uint32_t session)
{
    struct host_model *m = h->models;
    while (m && (m->session != session || m->closing)) {
        m = m->next;
    }
    return m;
}

static void drop(struct host *h, struct host_model *m)
{
    struct host_model **at = &h->models;
    while (*at != m) {
        at = &(*at)->next;
    }
    *at = m->next;
    free(m);
}

static void on_event(struct model *model UNUSED, const struct call_event *ev, void *arg)
{
    struct host_model *m = arg;
    struct host *h = m->host;
    struct call_event told = *ev;
    told.session = m->session;
    if (m->closing) {
        return;
    }
    if (ev->type == EV_MODEL_READY) {
        h->facts.opening_us = m->opening_us;
        record_model_ready(h, &told);
        host_tap(h, TAP_MODEL_READY, NULL, &told);
    } else if (ev->type == EV_MODEL_FAILED) {
        record_model_failed(h, &told);
        host_tap(h, TAP_MODEL_FAILED, NULL, &told);
    } else if (ev->type == EV_MODEL_TOOL_CALL) {
        host_switch(h);
    }
    host_event(h, &told);
}

static void on_closed(struct model *model UNUSED, int err UNUSED, void *arg)
{
    struct host_model *m = arg;
    struct host *h = m->host;
    drop(h, m);
    host_settle(h);
}

static const struct model_handler handler = {.on_event = on_event, .on_closed = on_closed};

static void not_opened(struct host *h, uint32_t session, int err, const char *code, const char *message)
{
    struct call_event ev = {.type = EV_MODEL_FAILED, .session = session};
    ev.model_failed.err = err;
    ev.model_failed.code = str_from(code);
    ev.model_failed.message = str_from(message);
    log_error(&h->log, "model.failed", "session=%u error=%s code=%s message=\"%s\"", session, err_name(err), code,
              message);
    record_model_failed(h, &ev);
    host_tap(h, TAP_MODEL_FAILED, NULL, &ev);
    host_event(h, &ev);
}

void host_open_model(struct host *h, const struct call_action *act)
{
    struct worker *w = h->worker;
    uint32_t provider = host_provider(h, act->model_open.provider);
    struct provider_opts o;
    host_opening(h, provider, &o);
    provider_introduce(&o, &act->model_open.persona);
    if (provider_url(&o).n == 0) {
        not_opened(h, act->session, -ERR_CLOSED, "sandbox-not-running", "the offline sandbox is not running");
        return;
    }
    struct host_model *m = calloc(1, sizeof(*m));
    int err = -ENOMEM;
    if (m) {
        m->host = h;
        m->session = act->session;
        m->provider = act->model_open.provider;
        m->opening_us = loop_now_us(w->env.loop);
        err = provider_open(w->env.loop, &o, &h->opts, &handler, m, &m->model);
    }
    if (err < 0) {
        free(m);
        not_opened(h, act->session, err, err_name(err), err_text(err));
        return;
    }
    m->next = h->models;
    h->models = m;
    if (act->session > 0) {
        log_info(&h->log, "model.renewing", "session=%u provider=" STR_FMT " why=%s", act->session,
                 STR_ARG(h->snapshot->cfg->providers[provider].name), call_renewal_name(act->model_open.why));
    }
}

static void close_one(struct host_model *m)
{
    if (!m->closing) {
        m->closing = true;
        model_close(m->model); /* on_closed follows from the loop */
    }
}

void host_close_model(struct host *h, uint32_t session)
{
    struct host_model *m = find(h, session);
    if (m) {
        close_one(m);
    }
}

void host_close_models(struct host *h)
{
    for (struct host_model *m = h->models; m; m = m->next) {
        close_one(m);
    }
}

void host_perform_model(struct host *h, const struct call_action *act)
{
    struct host_model *m = find(h, act->session);
    if (m) {
        ignore_result(model_perform(m->model, act)); /* on failure EV_MODEL_FAILED comes by itself */
    }
}

void host_cork_models(struct host *h)
{
    for (struct host_model *m = h->models; m; m = m->next) {
        m->corked = !m->closing;
        if (m->corked) {
            model_cork(m->model);
        }
    }
}

void host_uncork_models(struct host *h)
{
    for (struct host_model *m = h->models; m; m = m->next) {
        if (m->corked && !m->closing) {
            model_uncork(m->model);
        }
        m->corked = false;
    }
}
