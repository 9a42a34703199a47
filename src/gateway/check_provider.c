/*
 * Opens a session over each provider that is used, as the first agent would, and closes it again: that shows the
 * address, the key, access to the model, what the service thinks of settings and tools, and how long callers wait for
 * it. No response is asked for, so it costs nothing.
 */
#include "base/err.h"
#include "call/model.h"
#include "gateway/checker.h"
#include "gateway/plan.h"
#include "gateway/sandbox_child.h"

#define TOKEN_MAX (32u << 10)
#define SLOW_MS   1000 /* of opening a session: a greeting comes that late when the webhook could not warm it up */

struct opening {
    struct checker *c;
    struct loop *loop;
    const struct config_provider *p;
    struct model *model;
    struct timer *patience;
    uint64_t begun_us;
    uint32_t n_tools; /* that it was told of */
    bool told;
};

static const char *key_name(const struct config_provider *p)
{
    return p->kind == CONFIG_OPENAI ? "OPENAI_API_KEY" : p->kind == CONFIG_GEMINI ? "GEMINI_API_KEY" : "its api_key";
}

static void put_failed_remedy(struct opening *o, int err, struct str code)
{
    struct buf *b = &o->c->remedy;
    const char *name = o->p->name.p;
    /* An account without credit may be refused as a key is. */
    if (str_search(code, STR("quota")) != SIZE_MAX || str_search(code, STR("billing")) != SIZE_MAX) {
        buf_puts(b, "the account has no credit left: add some at the service");
    } else if (err == -ERR_AUTH && config_is_live(o->p) && o->p->gemini.login != CONFIG_LOGIN_KEY) {
        buf_printf(b,
                   "give the account that logs in the role Vertex AI User in the project, and switch the project's "
                   "aiplatform.googleapis.com on (providers.%s.project)",
                   name);
    } else if (err == -ERR_AUTH) {
        buf_printf(b, "give providers.%s.api_key (%s) a key that the service takes, whole and without quotes", name,
                   key_name(o->p));
    } else if (err == -ERR_LIMIT) {
        buf_puts(b, "too many sessions or requests: look at plan and limits of the account, or take another one");
    } else if (str_search(code, STR("model")) != SIZE_MAX) {
        buf_printf(b, "the key has no access to this model, or it was retired: set providers.%s.model", name);
    } else if (err == -ERR_CONFIG || err == -ERR_HTTP) {
        buf_printf(b, "change what the sentence names, in providers.%s or in the agent", name);
    } else if (err == -ERR_DNS) {
        buf_printf(b, "look at the spelling of providers.%s.url and at this machine's name service", name);
    } else if (err == -ERR_TLS) {
        buf_printf(b, "set providers.%s.ca_file when the service has a certificate of your own authority", name);
    } else {
        buf_printf(b, "look whether a firewall or proxy lets this machine connect to providers.%s.url", name);
    }
}

static void on_ready(struct opening *o, const struct call_event *ev)
{
    uint64_t ms = (clock_now_us() - o->begun_us) / 1000;
    const struct config_provider *p = o->p;
    buf_printf(&o->c->text, "%s takes the key: model " STR_FMT, p->name.p,
               STR_ARG(ev->model_ready.model.n ? ev->model_ready.model : p->model));
    if (ev->model_ready.voice.n) {
        buf_printf(&o->c->text, ", voice " STR_FMT, STR_ARG(ev->model_ready.voice));
    }
    buf_printf(&o->c->text, ", a session open in %llu ms", (unsigned long long)ms);
    if (ms > SLOW_MS) {
        buf_puts(&o->c->remedy,
                 "callers hear nothing for so long: serve from a place nearer to the service, or let the "
                 "carrier ring longer (the session is opened at the webhook)");
    }
    checker_say(o->c, ms > SLOW_MS ? CHECK_WARNING : CHECK_OK, "provider");
    if (ev->model_ready.n_tools < o->n_tools) {
        buf_printf(&o->c->text, "%s has taken %u of %u tools", p->name.p, ev->model_ready.n_tools, o->n_tools);
        buf_puts(&o->c->remedy, "look at their names and schemas: the service leaves out what it does not understand");
        checker_say(o->c, CHECK_WARNING, "provider");
    }
}

static void on_failed(struct opening *o, const struct call_event *ev)
{
    struct str code = ev->model_failed.code;
    buf_printf(&o->c->text, "%s at " STR_FMT ": ", o->p->name.p, STR_ARG(o->p->url));
    if (ev->model_failed.message.n) {
        buf_put_str(&o->c->text, ev->model_failed.message);
    } else {
        buf_puts(&o->c->text, err_text(ev->model_failed.err));
    }
    if (code.n) {
        buf_printf(&o->c->text, " (" STR_FMT ")", STR_ARG(code));
    }
    put_failed_remedy(o, ev->model_failed.err, code);
    checker_say(o->c, CHECK_ERROR, "provider");
}

static void on_event(struct model *model, const struct call_event *ev, void *arg)
{
    struct opening *o = arg;
    if (o->told || (ev->type != EV_MODEL_READY && ev->type != EV_MODEL_FAILED)) {
        return;
    }
    o->told = true;
    if (ev->type == EV_MODEL_READY) {
        on_ready(o, ev);
        model_close(model);
    } else {
        on_failed(o, ev);
    }
}

static void on_closed(struct model *model UNUSED, int err UNUSED, void *arg)
{
    struct opening *o = arg;
    o->model = NULL;
    loop_stop(o->loop);
}

/* Its own deadlines are shorter, unless it drips. */
static void on_patience(void *arg)
{
    struct opening *o = arg;
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.err = -ETIMEDOUT;
    if (!o->told && o->model) {
        o->told = true;
        on_failed(o, &ev);
        model_close(o->model);
    }
}

static void open_session(struct checker *c, const struct snapshot *s, uint32_t provider, struct str token)
{
    static const struct model_handler handler = {.on_event = on_event, .on_closed = on_closed};
    struct opening o = {.c = c, .p = &s->cfg->providers[provider], .begun_us = clock_now_us()};
    struct call_persona first = call_opts_persona(&s->call, 0);
    struct provider_scratch scratch;
    struct provider_opts opts;
    o.n_tools = first.n_tools;
    provider_scratch_init(&scratch);
    plan_opening(s->plan, s, provider, &opts);
    provider_scratch(&opts, &scratch);
    provider_introduce(&opts, &first);
    if (token.n > 0) {
        provider_unlock(&opts, token);
    }
    int err = loop_new(&o.loop);
    err = err < 0 ? err : timer_new(o.loop, on_patience, &o, &o.patience);
    err = err < 0 ? err : provider_open(o.loop, &opts, &s->call, &handler, &o, &o.model);
    if (err < 0) {
        struct call_event ev = {.type = EV_MODEL_FAILED};
        ev.model_failed.err = err;
        on_failed(&o, &ev);
    } else {
        timer_start(o.patience, (uint64_t)c->patience_ms * 1000 * 2, 0); /* name, handshake, settings */
        loop_run(o.loop);
    }
    timer_free(o.patience);
    loop_free(o.loop);
    provider_scratch_done(&scratch);
}

static void own_sandbox(struct checker *c)
{
    char file[512];
    int err = sandbox_child_find(file, sizeof(file));
    if (err < 0) {
        checker_tell(c, CHECK_ERROR, "provider",
                     "the offline sandbox, but ringtrip-sandbox is neither beside ringtrip nor in PATH",
                     "install ringtrip-sandbox, or set OPENAI_API_KEY to talk with a service");
    } else {
        checker_tell(c, CHECK_OK, "provider", "the offline sandbox, no key needed", "");
    }
}

static void provider(struct checker *c, const struct snapshot *s, uint32_t index, bool offline)
{
    const struct config_provider *p = &s->cfg->providers[index];
    if (!s->providers[index].used) {
        buf_printf(&c->text, "%s is not used: no agent, route or failover names it", p->name.p);
        checker_say(c, CHECK_OK, "provider");
        return;
    }
    if (s->providers[index].own_sandbox) {
        own_sandbox(c);
        return;
    }
    bool logs_in = config_is_live(p) && p->gemini.login != CONFIG_LOGIN_KEY;
    if (p->kind != CONFIG_SANDBOX && p->api_key.n == 0 && !logs_in) {
        buf_printf(&c->text, "%s has no api_key", p->name.p);
        buf_printf(&c->remedy, "set %s, or providers.%s.api_key; a service of your own that needs none is fine",
                   key_name(p), p->name.p);
        checker_say(c, CHECK_WARNING, "provider");
    }
    buf_printf(&c->text, "%s, model %s at %s", p->name.p, p->model.p, p->url.p);
    for (uint32_t i = 0; i < p->failover.n; i++) {
        buf_printf(&c->text, "%s " STR_FMT, i ? "," : "; then", STR_ARG(p->failover.v[i]));
    }
    checker_say(c, CHECK_OK, "provider");
    struct buf token;
    buf_init(&token, TOKEN_MAX);
    if (!offline && check_login(c, p, &token)) {
        open_session(c, s, index, buf_str(&token));
    }
    buf_done(&token);
}

void check_providers(struct checker *c, const struct snapshot *s, bool offline)
{
    for (uint32_t i = 0; i < s->cfg->provider_count; i++) {
        provider(c, s, i, offline);
    }
}
