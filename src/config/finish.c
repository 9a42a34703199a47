/* What follows from several values together: the provider in charge, files that are read, and checks across keys. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "config/draft.h"

#define OPENAI_URL             "https://api.openai.com/v1"
#define MAX_INSTRUCTIONS_BYTES ((size_t)256 * 1024)

static const struct origin *provider_origin(const struct draft_provider *p, const char *key)
{
    const struct option *o = option_find(OPTION_PROVIDER, str_from(key));

    return &p->origins[o - option_table];
}

static bool provider_given(const struct draft_provider *p, const char *key)
{
    return provider_origin(p, key)->kind != ORIGIN_DEFAULT;
}

/* ------------------------------------------------------------------------------------------------ environment */

static void take_env(struct draft *d, const struct option *o, void *base, struct origin *origin)
{
    for (uint32_t i = 0; i < OPTION_MAX_ENV && o->env[i]; i++) {
        struct env_value v = env_get(&d->env, o->env[i]);
        struct origin at = {.kind = v.line ? ORIGIN_DOTENV : ORIGIN_ENV, .line = v.line, .env = o->env[i]};
        struct buf why;
        int err;

        if (!v.value.p) {
            continue;
        }
        buf_init(&why, 4096);
        err = value_set_text(d, o, base, v.value, false, &why);
        if (err == -ENOMEM) {
            d->out_of_memory = true;
        } else if (err < 0) {
            draft_fail(d, &at, "%s", why.len ? buf_cstr(&why) : err_text(err));
        } else {
            *origin = at;
        }
        buf_done(&why);
        return;
    }
}

/* Another option that fills the same field has a value already: PUBLIC_URL before PUBLIC_DOMAIN. */
static bool field_taken(const struct origin *origins, const struct option *o)
{
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *other = &option_table[i];

        if (other->scope == o->scope && other->offset == o->offset && other->type != OPTION_DROPPED &&
            origins[i].kind != ORIGIN_DEFAULT) {
            return true;
        }
    }
    return false;
}

static void root_env(struct draft *d)
{
    bool listen_given = draft_given(d, "server.listen");

    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        if (o->scope != OPTION_ROOT || !o->env[0]) {
            continue;
        }
        if (listen_given &&
            (o->offset == offsetof(struct config, server.host) || o->offset == offsetof(struct config, server.port))) {
            continue;
        }
        if (o->env_wins || !field_taken(d->origins, o)) {
            take_env(d, o, d->cfg, &d->origins[i]);
        }
    }
}

static void provider_env(struct draft *d, struct draft_provider *p)
{
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        if (o->scope == OPTION_PROVIDER && o->env[0] && (o->env_kind == 0 || o->env_kind == 1 + p->v.kind) &&
            !field_taken(p->origins, o)) {
            take_env(d, o, &p->v, &p->origins[i]);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ providers */

static void set_text(struct draft *d, struct str *field, struct str text)
{
    struct str copy = arena_str(d->arena, text);

    if (copy.p) {
        *field = copy;
    } else {
        d->out_of_memory = true;
    }
}

/* The service itself, not a server of the user's whose names are its own business (Azure deployments). */
static bool speaks_vendor_names(const struct config_provider *p)
{
    return p->dialect == CONFIG_GA && str_search(p->url, STR(".azure.com")) == SIZE_MAX;
}

static void check_model(struct draft *d, struct str *model, const struct config_provider *p, const char *key)
{
    if (model->n && model_is_retired(*model) && speaks_vendor_names(p)) {
        draft_warn(d, "%s: the model %s has been retired by the service; using %s", key, model->p, model_default());
        set_text(d, model, str_from(model_default()));
    }
}

static void check_voice(struct draft *d, struct str voice, const struct config_provider *p, const char *key)
{
    if (voice.n && str_is(p->url, OPENAI_URL) && !voice_is_known(voice)) {
        draft_warn(d, "%s: the voice %.60s is not one that the service is known to have", key, voice.p);
    }
}

/* Loopback needs no TLS. */
static bool goes_in_the_clear(struct str url)
{
    size_t slashes = str_search(url, STR("://"));
    struct str host;

    if (slashes == SIZE_MAX || str_starts(url, STR("wss")) || str_starts(url, STR("https"))) {
        return false;
    }
    host = (struct str){url.p + slashes + 3, url.n - slashes - 3};
    return !str_starts(host, STR("127.")) && !str_starts(host, STR("localhost")) && !str_starts(host, STR("[::1]"));
}

static void finish_provider(struct draft *d, struct draft_provider *p)
{
    char key[120];

    if (!provider_given(p, "kind") && str_is(p->v.name, "sandbox")) {
        p->v.kind = CONFIG_SANDBOX;
    }
    provider_env(d, p);
    if (p->v.url.n == 0 && p->v.kind == CONFIG_OPENAI) {
        set_text(d, &p->v.url, STR(OPENAI_URL));
    }
    if (p->v.api_key.n == 0 && str_is(p->v.url, OPENAI_URL) && !p->broken) {
        draft_fail(d, &p->at, "providers.%s.api_key is missing; give it there or as OPENAI_API_KEY", p->v.name.p);
    }
    if (!provider_given(p, "model")) {
        set_text(d, &p->v.model, str_from(model_default()));
    }
    snprintf(key, sizeof(key), "providers.%s.model", p->v.name.p);
    check_model(d, &p->v.model, &p->v, key);
    snprintf(key, sizeof(key), "providers.%s.voice", p->v.name.p);
    check_voice(d, p->v.voice, &p->v, key);
    if (p->v.api_key.n && goes_in_the_clear(p->v.url)) {
        draft_warn(d, "providers.%s.url is not encrypted: the key travels in the clear", p->v.name.p);
    }
}

/* Without a file: the service when there is a key for it, else the sandbox. */
static void default_provider(struct draft *d)
{
    struct env_value key = env_get(&d->env, "OPENAI_API_KEY");
    struct origin at = {.kind = key.value.p ? ORIGIN_ENV : ORIGIN_DEFAULT,
                        .env = key.value.p ? "OPENAI_API_KEY" : NULL};

    ignore_result(draft_provider_add(d, key.value.p ? STR("openai") : STR("sandbox"), &at)); /* reports by itself */
}

static void choose_provider(struct draft *d)
{
    struct config_agent *agent = &d->cfg->agent;
    uint32_t found = d->provider_count;

    for (uint32_t i = 0; i < d->provider_count; i++) {
        if (str_eq(d->providers[i].v.name, agent->provider_name)) {
            found = i;
        }
    }
    if (found == d->provider_count && agent->provider_name.n) {
        draft_fail(d, draft_origin(d, "agent.provider"), "agent.provider: there is no provider \"%.60s\"",
                   agent->provider_name.p);
        found = 0;
    } else if (found == d->provider_count && d->provider_count > 1) {
        draft_fail(d, &d->providers[1].at, "several providers are configured; name one of them in agent.provider");
        found = 0;
    }
    agent->provider = found < d->provider_count ? found : 0;
}

static void merge_agent(struct draft *d)
{
    struct config_agent *agent = &d->cfg->agent;
    struct config_provider *p = &d->providers[agent->provider].v;

    check_model(d, &agent->model, p, "agent.model");
    check_voice(d, agent->voice, p, "agent.voice");
    p->model = agent->model.n ? agent->model : p->model;
    p->voice = agent->voice.n ? agent->voice : p->voice;
    set_text(d, &agent->provider_name, p->name);
}

static void finish_providers(struct draft *d)
{
    struct config_provider *list;

    if (d->provider_count == 0) {
        default_provider(d);
    }
    if (d->provider_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < d->provider_count; i++) {
        finish_provider(d, &d->providers[i]);
    }
    choose_provider(d);
    merge_agent(d);
    list = arena_alloc(d->arena, sizeof(*list) * d->provider_count);
    if (!list) {
        d->out_of_memory = true;
        return;
    }
    d->cfg->prices = d->prices;
    d->cfg->price_count = d->price_count;
    for (uint32_t i = 0; i < d->provider_count; i++) {
        const struct cost_prices *prices = config_prices(d->cfg, d->providers[i].v.model);

        list[i] = d->providers[i].v;
        list[i].prices = prices ? *prices : (struct cost_prices){0};
    }
    d->cfg->providers = list;
    d->cfg->provider_count = d->provider_count;
}

/* ------------------------------------------------------------------------------------------------ agent */

static int read_text(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    if (fd < 0) {
        return -errno;
    }
    do {
        uint8_t *room = buf_room(out, 16384);

        n = room ? read(fd, room, 16384) : -1;
        if (n > 0) {
            buf_added(out, (size_t)n);
        }
    } while (n > 0);
    n = n < 0 && out->err == 0 ? -errno : out->err;
    close(fd);
    return (int)n;
}

static void read_instructions(struct draft *d)
{
    struct config_agent *agent = &d->cfg->agent;
    const struct origin *at = draft_origin(d, "agent.instructions_file");
    enum origin_kind direct = draft_origin(d, "agent.instructions")->kind;
    struct buf text;
    int err;

    if (agent->instructions_file.n == 0) {
        return;
    }
    if (direct == ORIGIN_FILE) {
        draft_fail(d, at, "agent.instructions and agent.instructions_file are both given");
        return;
    }
    if (direct != ORIGIN_DEFAULT) {
        return; /* SYSTEM_PROMPT */
    }
    buf_init(&text, MAX_INSTRUCTIONS_BYTES);
    err = read_text(agent->instructions_file.p, &text);
    if (err < 0) {
        draft_fail(d, at, "agent.instructions_file: %s: %s", agent->instructions_file.p, err_text(err));
    } else if (!utf8_valid(buf_str(&text)) || memchr(buf_ptr(&text) ? (const char *)buf_ptr(&text) : "", 0, text.len)) {
        draft_fail(d, at, "agent.instructions_file: %s is not a UTF-8 text", agent->instructions_file.p);
    } else {
        set_text(d, &agent->instructions, str_trim(buf_str(&text)));
    }
    buf_done(&text);
}

static void finish_greeting(struct draft *d)
{
    struct config_greeting *g = &d->cfg->agent.greeting;
    bool own_text = draft_given(d, "agent.greeting.text");

    /* "greeting: null" came in as kind none through the shorthand. */
    if (g->kind == GREETING_TEXT && own_text && g->text.n == 0) {
        g->kind = GREETING_NONE;
    }
    if (g->kind == GREETING_PROMPT && !own_text) {
        g->text = STR("");
    }
}

static bool has_tool(const struct config_agent *agent, struct str name)
{
    for (uint32_t i = 0; i < agent->tools.n; i++) {
        if (str_eq(agent->tools.v[i], name)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < agent->webhook_count; i++) {
        if (str_eq(agent->webhooks[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void finish_agent(struct draft *d)
{
    struct config_agent *agent = &d->cfg->agent;
    struct str choice = agent->tool_choice;

    read_instructions(d);
    finish_tools(d);
    finish_turns(d);
    finish_tracing(d);
    finish_greeting(d);
    agent->parallel_tool_calls_set = draft_given(d, "agent.parallel_tool_calls");
    if (!str_is(choice, "auto") && !str_is(choice, "none") && !str_is(choice, "required") && !has_tool(agent, choice)) {
        draft_fail(d, draft_origin(d, "agent.tool_choice"),
                   "agent.tool_choice must be auto, none, required or one of the agent's tools, not \"%.60s\"",
                   choice.p);
    }
    if (agent->output_modality == CONFIG_TEXT) {
        draft_fail(d, draft_origin(d, "agent.output_modalities"), "agent.output_modalities: a phone call needs audio");
    }
}

/* ------------------------------------------------------------------------------------------------ the rest */

static void finish_server(struct draft *d)
{
    struct config_server *s = &d->cfg->server;

    if ((s->tls_cert.n > 0) != (s->tls_key.n > 0)) {
        draft_fail(d, draft_origin(d, s->tls_cert.n ? "server.tls.cert" : "server.tls.key"),
                   "server.tls needs both cert and key");
    }
    if (str_starts(s->public_url, STR("ws"))) {
        draft_fail(d, draft_origin(d, "server.public_url"), "server.public_url must begin with https:// or http://");
    }
}

static void finish_twilio(struct draft *d)
{
    struct config_twilio *t = &d->cfg->twilio;

    t->auth_token = t->auth_tokens.n ? t->auth_tokens.v[0] : STR("");
    if (!draft_given(d, "carriers.twilio.verify_signature")) {
        t->verify_signature = t->auth_tokens.n > 0;
    } else if (t->verify_signature && t->auth_tokens.n == 0) {
        draft_fail(d, draft_origin(d, "carriers.twilio.verify_signature"),
                   "carriers.twilio.verify_signature needs carriers.twilio.auth_token (or TWILIO_AUTH_TOKEN)");
    }
    if (str_starts(t->api_base, STR("ws"))) {
        draft_fail(d, draft_origin(d, "carriers.twilio.api_base"),
                   "carriers.twilio.api_base must begin with https:// or http://");
    }
}

static bool is_priced(const struct cost_prices *p)
{
    return p->in_text || p->in_audio || p->out_text || p->out_audio;
}

static void finish_limits(struct draft *d)
{
    const struct config *c = d->cfg;

    if (c->limits.max_cost_micro > 0 && c->provider_count && !is_priced(&c->providers[c->agent.provider].prices)) {
        draft_fail(d, draft_origin(d, "limits.max_cost"), "limits.max_cost needs prices.%s",
                   c->providers[c->agent.provider].model.p);
    }
    if (c->playout.burst_ms > c->playout.lead_ms) {
        draft_fail(d, draft_origin(d, draft_given(d, "playout.burst_ms") ? "playout.burst_ms" : "playout.lead_ms"),
                   "playout.burst_ms is longer than playout.lead_ms");
    }
    if (c->playout.max_lead_ms < c->playout.lead_ms) {
        draft_fail(d,
                   draft_origin(d, draft_given(d, "playout.max_lead_ms") ? "playout.max_lead_ms" : "playout.lead_ms"),
                   "playout.max_lead_ms is shorter than playout.lead_ms");
    }
}

static void finish_records(struct draft *d)
{
    struct config_records *r = &d->cfg->records;
    struct buf path;

    if (r->database.n) {
        return;
    }
    buf_init(&path, 8192);
    buf_printf(&path, "%s%sringtrip.db", r->dir.p, str_ends(r->dir, STR("/")) ? "" : "/");
    if (path.err < 0) {
        d->out_of_memory = true;
    } else {
        set_text(d, &r->database, buf_str(&path));
    }
    buf_done(&path);
}

static void finish_country(struct draft *d)
{
    struct str *c = &d->cfg->default_country;
    char upper[3] = {0};

    for (size_t i = 0; i < c->n && i < 2; i++) {
        upper[i] = c->p[i] >= 'a' && c->p[i] <= 'z' ? (char)(c->p[i] - 'a' + 'A') : c->p[i];
    }
    if (c->n != 2 || upper[0] < 'A' || upper[0] > 'Z' || upper[1] < 'A' || upper[1] > 'Z') {
        draft_fail(d, draft_origin(d, "default_country_code"),
                   "default_country_code must be two letters such as US, not \"%.20s\"", c->p);
        return;
    }
    set_text(d, c, (struct str){upper, 2});
}

/* One agent so far: it is the list. */
static void finish_agents(struct draft *d)
{
    struct config_agent *list = arena_alloc(d->arena, sizeof(*list));

    if (!list) {
        d->out_of_memory = true;
        return;
    }
    *list = d->cfg->agent;
    d->cfg->agents = list;
    d->cfg->agent_count = 1;
}

void finish_draft(struct draft *d)
{
    root_env(d);
    finish_server(d);
    finish_records(d);
    finish_providers(d);
    finish_twilio(d);
    finish_agent(d);
    finish_agents(d);
    finish_limits(d);
    finish_country(d);
}
