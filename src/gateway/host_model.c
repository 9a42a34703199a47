/*
 * The model sessions of a call: one that counts, at times one that is prepared beside it, and some that are on their
 * way out. The core numbers them; what comes from one carries its number, and what it wants of one goes there.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/prefetch.h"
#include "gateway/host_impl.h"
#include "gateway/logins.h"

#define HANDLE_MAX       (16u << 10)
#define INSTRUCTIONS_MAX (512u << 10)

struct host_model {
    struct host_model *next;
    struct host *host;
    struct model *model; /* NULL: it waits until those before it are closed */
    uint32_t session, provider;
    uint64_t opening_us;
    bool closing;                /* by us: it has nothing more to say */
    bool acted;                  /* in this step */
    struct call_persona persona; /* while it waits; */
    struct buf instructions;     /* its words */
    bool resumes;
    uint32_t from; /* whose memory it goes on from */
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

/* ---- what a session can be resumed by ---- */

static void remember(struct host *h, uint32_t session, struct str handle)
{
    struct host_memory *at = &h->memories[h->memory_n++ % ARRAY_LEN(h->memories)];
    for (size_t i = 0; i < ARRAY_LEN(h->memories); i++) {
        if (h->memories[i].handle.len > 0 && h->memories[i].session == session) {
            at = &h->memories[i];
            h->memory_n--;
            break;
        }
    }
    if (at->handle.max_bytes == 0) {
        buf_init(&at->handle, HANDLE_MAX);
    }
    buf_clear(&at->handle);
    buf_put_str(&at->handle, handle);
    at->session = session;
}

static struct str memory_of(const struct host *h, uint32_t session)
{
    for (size_t i = 0; i < ARRAY_LEN(h->memories); i++) {
        if (h->memories[i].session == session && h->memories[i].handle.err == 0) {
            return buf_str(&h->memories[i].handle);
        }
    }
    return STR("");
}

void host_forget_models(struct host *h)
{
    for (size_t i = 0; i < ARRAY_LEN(h->memories); i++) {
        buf_done(&h->memories[i].handle);
    }
}

/* ---- sessions ---- */

static void drop(struct host *h, struct host_model *m)
{
    struct host_model **at = &h->models;
    while (*at != m) {
        at = &(*at)->next;
    }
    *at = m->next;
    buf_done(&m->instructions);
    free(m);
}

static void open_waiting(struct host *h);

static const struct config_provider *provider_of(const struct host_model *m)
{
    return &m->host->snapshot->cfg->providers[host_provider(m->host, m->provider)];
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
        record_model_ready(h, host_provider(h, m->provider), &told);
        host_tap(h, TAP_MODEL_READY, NULL, &told);
    } else if (ev->type == EV_MODEL_FAILED) {
        if (ev->model_failed.err == -ERR_AUTH) {
            logins_refused(h->worker->env.logins, provider_of(m));
        }
        record_model_failed(h, &told);
        host_tap(h, TAP_MODEL_FAILED, NULL, &told);
    } else if (ev->type == EV_MODEL_TOOL_CALL) {
        host_switch(h);
    } else if (ev->type == EV_MODEL_RESUMABLE) {
        remember(h, m->session, model_memory(m->model));
    }
    host_event(h, &told);
}

static void on_closed(struct model *model UNUSED, int err UNUSED, void *arg)
{
    struct host_model *m = arg;
    struct host *h = m->host;
    drop(h, m);
    open_waiting(h);
    host_settle(h);
}

static void prefetch_host(const void *arg, unsigned depth)
{
    const struct host_model *m = arg;
    if (depth == 0) {
        prefetch(m, offsetof(struct host_model, persona));
    } else {
        host_prefetch(m->host, depth - 1);
    }
}

void host_prefetch_model(const struct host *h, unsigned depth)
{
    const struct host_model *m = h->models;
    if (m && depth == 0) {
        prefetch(m, offsetof(struct host_model, persona));
    } else if (m && m->model) {
        model_prefetch(m->model, depth - 1);
    }
}

static const struct model_handler handler = {.on_event = on_event, .on_closed = on_closed, .prefetch = prefetch_host};

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

/* A session of a program may bring one, for the provider that it asked for. */
static bool has_own_key(const struct host_model *m)
{
    const struct snapshot *s = m->host->snapshot;
    return s->session.own && (s->session.headers || s->session.api_key.p) &&
           host_provider(m->host, m->provider) == s->cfg->agent.provider;
}

static int open_now(struct host_model *m, const struct call_persona *persona)
{
    struct host *h = m->host;
    struct worker *w = h->worker;
    struct provider_opts o;
    host_opening(h, host_provider(h, m->provider), &o);
    provider_introduce(&o, persona);
    if (m->session > 0) {
        provider_continue(&o);
    }
    if (m->resumes) {
        provider_resume(&o, memory_of(h, m->from));
    }
    if (provider_url(&o).n == 0) {
        return -ERR_STATE;
    }
    int err = has_own_key(m) ? 0 : logins_unlock(w->env.logins, provider_of(m), &o);
    if (err < 0) {
        return err;
    }
    m->opening_us = loop_now_us(w->env.loop);
    return provider_open(w->env.loop, &o, &h->opts, &handler, m, &m->model);
}

static void say_no_token(struct host *h, uint32_t session, uint32_t turn)
{
    const struct config_provider *p = &h->snapshot->cfg->providers[host_provider(h, turn)];
    struct logins_problem why;
    struct buf text;
    buf_init(&text, 8192);
    logins_problem(h->worker->env.logins, p, &why);
    buf_printf(&text, STR_FMT "%s%s%s", STR_ARG(why.message), *why.advice ? " (" : "", why.advice,
               *why.advice ? ")" : "");
    const char *message = buf_cstr(&text);
    not_opened(h, session, why.err, why.code, message ? message : "");
    buf_done(&text);
}

/* turn: of the provider among those that may take the call. */
static void say_not_opened(struct host *h, uint32_t session, uint32_t turn, int err)
{
    if (err == -ERR_AUTH) {
        say_no_token(h, session, turn);
    } else if (err == -ERR_STATE) {
        not_opened(h, session, -ERR_CLOSED, "sandbox-not-running", "the offline sandbox is not running");
    } else {
        not_opened(h, session, err, err_name(err), err_text(err));
    }
}

/* Those that go on from one that was on its way out, once it is gone: beside it the service refuses them. */
static void open_waiting(struct host *h)
{
    for (struct host_model *m = h->models; m; m = m->next) {
        if (m->model && m->closing) {
            return;
        }
    }
    for (struct host_model *m = h->models, *next; m; m = next) {
        next = m->next;
        if (m->model) {
            continue;
        }
        uint32_t session = m->session, turn = m->provider;
        m->persona.instructions = buf_str(&m->instructions);
        int err = open_now(m, &m->persona);
        if (err < 0) {
            drop(h, m);
            say_not_opened(h, session, turn, err);
            return; /* the list may be another now */
        }
    }
}

static bool must_wait(const struct host *h)
{
    for (const struct host_model *m = h->models; m; m = m->next) {
        if (m->model && m->closing) {
            return true;
        }
    }
    return false;
}

static struct host_model *new_model(struct host *h, const struct call_action *act)
{
    struct host_model *m = calloc(1, sizeof(*m));
    if (m) {
        m->host = h;
        m->session = act->session;
        m->provider = act->model_open.provider;
        m->resumes = act->model_open.resume;
        m->from = act->model_open.from;
        m->persona = act->model_open.persona;
        buf_init(&m->instructions, INSTRUCTIONS_MAX);
    }
    return m;
}

void host_open_model(struct host *h, const struct call_action *act)
{
    struct host_model *m = new_model(h, act);
    int err = m ? 0 : -ENOMEM;
    if (m && m->resumes && must_wait(h)) {
        buf_put_str(&m->instructions, act->model_open.persona.instructions);
        err = m->instructions.err;
    } else if (m) {
        err = open_now(m, &act->model_open.persona);
    }
    if (err < 0) {
        free(m);
        say_not_opened(h, act->session, act->model_open.provider, err);
        return;
    }
    m->next = h->models;
    h->models = m;
    if (act->session > 0) {
        uint32_t provider = host_provider(h, m->provider);
        log_info(&h->log, "model.renewing", "session=%u provider=" STR_FMT " why=%s resume=%d", act->session,
                 STR_ARG(h->snapshot->cfg->providers[provider].name), call_renewal_name(act->model_open.why),
                 act->model_open.resume);
    }
}

static void close_one(struct host *h, struct host_model *m)
{
    if (!m->model) {
        drop(h, m); /* it was never opened */
    } else if (!m->closing) {
        m->closing = true;
        model_close(m->model); /* on_closed follows from the loop */
    }
}

void host_close_model(struct host *h, uint32_t session)
{
    struct host_model *m = find(h, session);
    if (m) {
        close_one(h, m);
    }
}

void host_close_models(struct host *h)
{
    for (struct host_model *m = h->models, *next; m; m = next) {
        next = m->next;
        close_one(h, m);
    }
}

void host_perform_model(struct host *h, const struct call_action *act)
{
    struct host_model *m = find(h, act->session);
    if (m && m->model) {
        m->acted = h->models_acted = true;
        ignore_result(model_perform(m->model, act)); /* on failure EV_MODEL_FAILED comes by itself */
    }
}

/* Sessions may have been closed since, or be gone: those are owed nothing. */
void host_models_step_over(struct host *h)
{
    h->models_acted = false;
    for (struct host_model *m = h->models; m; m = m->next) {
        if (m->acted && !m->closing) {
            model_step_over(m->model);
        }
        m->acted = false;
    }
}
