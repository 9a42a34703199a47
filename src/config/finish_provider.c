/* Providers: what follows from several of their values, which is the one in charge, and who takes over. */
#include <stdio.h>

#include "base/err.h"
#include "base/loopback.h"
#include "config/draft.h"

#define OPENAI_URL       "https://api.openai.com/v1"
#define GEMINI_URL       "https://generativelanguage.googleapis.com"
#define GEMINI_SESSION_S 600

static const struct origin *provider_origin(const struct draft_provider *p, const char *key)
{
    const struct option *o = option_find(OPTION_PROVIDER, str_from(key));

    return &p->origins[o - option_table];
}

static bool provider_given(const struct draft_provider *p, const char *key)
{
    return provider_origin(p, key)->kind != ORIGIN_DEFAULT;
}

/* The service itself, not a server of the user's whose names are its own business (Azure deployments). */
static bool speaks_vendor_names(const struct config_provider *p)
{
    return p->kind != CONFIG_GEMINI && p->dialect == CONFIG_GA && str_search(p->url, STR(".azure.com")) == SIZE_MAX;
}

static void check_model(struct draft *d, struct str *model, const struct config_provider *p, const char *key)
{
    if (model->n && model_is_retired(*model) && speaks_vendor_names(p)) {
        draft_warn(d, "%s: the model %s has been retired by the service; using %s", key, model->p, model_default());
        draft_set_text(d, model, str_from(model_default()));
    }
}

static void check_voice(struct draft *d, struct str voice, const struct config_provider *p, const char *key)
{
    struct buf names;
    bool live = str_is(p->url, GEMINI_URL);

    if (voice.n == 0 || !(live || str_is(p->url, OPENAI_URL)) ||
        (live ? live_voice_is_known(voice) : voice_is_known(voice))) {
        return;
    }
    buf_init(&names, 2048);
    if (live) {
        live_voice_put_names(&names);
    } else {
        voice_put_names(&names);
    }
    const char *list = buf_cstr(&names);
    draft_warn(d, "%s: the voice %.60s is not one that the service is known to have: %s", key, voice.p,
               list ? list : "see docs/voices.md");
    buf_done(&names);
}

/* Loopback needs no TLS. */
static bool goes_in_the_clear(struct str url)
{
    return (str_starts(url, STR("ws://")) || str_starts(url, STR("http://"))) && !loopback_url(url);
}

/* In the file or under any of its names in the environment. */
static bool field_given(const struct draft_provider *p, const char *key)
{
    return draft_field_taken(p->origins, option_find(OPTION_PROVIDER, str_from(key)));
}

/* A setting of another kind of service would silently do nothing. */
static void check_kinds(struct draft *d, const struct draft_provider *p)
{
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        if (o->scope == OPTION_PROVIDER && o->key && o->kinds && p->origins[i].kind == ORIGIN_FILE &&
            (!(o->kinds & OPTION_KIND(p->v.kind)) || !config_is_live(&p->v))) {
            draft_fail(d, &p->origins[i], "providers.%s.%s is a setting of Gemini Live: it needs kind: gemini",
                       p->v.name.p, o->key);
        }
    }
    if (p->v.dialect == CONFIG_LIVE && p->v.kind != CONFIG_SANDBOX) {
        draft_fail(d, provider_origin(p, "dialect"), "providers.%s.dialect: live is for a sandbox; say kind: gemini",
                   p->v.name.p);
    }
}

static void check_thinking(struct draft *d, const struct draft_provider *p)
{
    bool given = p->v.gemini.thinking_level.n > 0 || p->v.gemini.thinking_budget >= -1;

    if (given && str_search(p->v.model, STR("gemini-3.8-live")) != SIZE_MAX &&
        str_search(p->v.model, STR("extended-thinking")) == SIZE_MAX) {
        const char *key = p->v.gemini.thinking_level.n > 0 ? "thinking_level" : "thinking_budget";

        draft_fail(d, provider_origin(p, key),
                   "providers.%s.%s: the model %s takes none; gemini-3.8-live-extended-thinking does", p->v.name.p, key,
                   p->v.model.p);
    }
}

/* A place of Vertex AI has a host of its own; what is global has the bare one. */
static void set_vertex_url(struct draft *d, struct draft_provider *p)
{
    struct str location = p->v.gemini.location.n > 0 ? p->v.gemini.location : STR("us-central1");
    bool global = str_is(location, "global");
    struct buf url;

    buf_init(&url, 512);
    buf_printf(&url, "https://%.*s%saiplatform.googleapis.com", global ? 0 : (int)location.n, location.p,
               global ? "" : "-");
    draft_set_text(d, &p->v.url, buf_str(&url));
    buf_done(&url);
}

static bool in_file(const struct draft_provider *p, const char *key)
{
    return provider_origin(p, key)->kind == ORIGIN_FILE;
}

/* What an API key has no use for. The environment may name a key file for other programs: then it is let be. */
static void refuse_login(struct draft *d, struct draft_provider *p)
{
    struct config_gemini *g = &p->v.gemini;
    const struct {
        const char *key;
        bool says;
    } keys[] = {
        {"location", g->location.n > 0},
        {"credentials_file", g->credentials_file.n > 0},
        {"login", g->login != CONFIG_LOGIN_KEY},
        {"token_url", g->token_url.n > 0},
    };

    for (uint32_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (keys[i].says && in_file(p, keys[i].key)) {
            draft_fail(d, provider_origin(p, keys[i].key), "providers.%s.%s needs providers.%s.project (Vertex AI)",
                       p->v.name.p, keys[i].key, p->v.name.p);
        }
    }
    g->login = CONFIG_LOGIN_KEY;
}

/* A key file beats a key, unless only the key stands in our file. */
static void choose_login(struct draft *d, struct draft_provider *p)
{
    struct config_gemini *g = &p->v.gemini;
    bool key_stands = in_file(p, "api_key") && !in_file(p, "credentials_file");

    if (!provider_given(p, "login") && g->credentials_file.n > 0 && !key_stands) {
        g->login = CONFIG_LOGIN_FILE;
    }
    if (g->login == CONFIG_LOGIN_FILE && g->credentials_file.n == 0 && !p->broken) {
        draft_fail(d, provider_origin(p, "login"), "providers.%s.login: file needs providers.%s.credentials_file",
                   p->v.name.p, p->v.name.p);
    }
    if (g->token_url.n > 0 && g->login == CONFIG_LOGIN_KEY) {
        draft_fail(d, provider_origin(p, "token_url"),
                   "providers.%s.token_url needs credentials_file or login: metadata beside it", p->v.name.p);
    }
    if (g->login == CONFIG_LOGIN_KEY && p->v.api_key.n == 0 && str_ends(p->v.url, STR("googleapis.com")) &&
        !p->broken) {
        draft_fail(d, &p->at,
                   "providers.%s: Vertex AI wants access tokens: give credentials_file (the JSON key of a service "
                   "account), login: metadata (on a machine of Google Cloud), or api_key (one access token)",
                   p->v.name.p);
    }
    if (g->login != CONFIG_LOGIN_KEY) {
        p->v.api_key = STR("");
    }
}

static void finish_address(struct draft *d, struct draft_provider *p)
{
    bool vertex = p->v.gemini.project.n > 0;

    if (p->v.url.n == 0 && p->v.kind == CONFIG_GEMINI && vertex) {
        set_vertex_url(d, p);
    } else if (p->v.url.n == 0 && p->v.kind == CONFIG_GEMINI) {
        draft_set_text(d, &p->v.url, STR(GEMINI_URL));
    }
    if (vertex) {
        choose_login(d, p);
    } else {
        refuse_login(d, p);
    }
    if (p->v.api_key.n == 0 && str_is(p->v.url, GEMINI_URL) && !p->broken) {
        draft_fail(d, &p->at, "providers.%s.api_key is missing; give it there or as GEMINI_API_KEY", p->v.name.p);
    }
    if (!provider_given(p, "auth_header")) {
        draft_set_text(d, &p->v.auth_header, vertex ? STR("Authorization") : STR("x-goog-api-key"));
    }
}

/* What differs for Gemini Live. */
static void finish_live(struct draft *d, struct draft_provider *p)
{
    finish_address(d, p);
    if (!field_given(p, "model")) {
        draft_set_text(d, &p->v.model, str_from(live_model_default()));
    }
    if (!field_given(p, "voice")) {
        draft_set_text(d, &p->v.voice, str_from(live_voice_default()));
    }
    if (!provider_given(p, "session_max_s")) {
        p->v.session_max_s = GEMINI_SESSION_S;
    }
    check_thinking(d, p);
}

static void finish_provider(struct draft *d, struct draft_provider *p)
{
    char key[120];

    if (!provider_given(p, "kind")) {
        p->v.kind = str_is(p->v.name, "sandbox")  ? CONFIG_SANDBOX
                    : str_is(p->v.name, "gemini") ? CONFIG_GEMINI
                                                  : p->v.kind;
    }
    finish_provider_env(d, p);
    check_kinds(d, p);
    if (config_is_live(&p->v)) {
        finish_live(d, p);
    }
    if (p->v.url.n == 0 && p->v.kind == CONFIG_OPENAI) {
        draft_set_text(d, &p->v.url, STR(OPENAI_URL));
    }
    if (p->v.api_key.n == 0 && str_is(p->v.url, OPENAI_URL) && !p->broken) {
        draft_fail(d, &p->at, "providers.%s.api_key is missing; give it there or as OPENAI_API_KEY", p->v.name.p);
    }
    if (!field_given(p, "model") && !config_is_live(&p->v)) {
        draft_set_text(d, &p->v.model, str_from(model_default()));
    }
    snprintf(key, sizeof(key), "providers.%s.model", p->v.name.p);
    check_model(d, &p->v.model, &p->v, key);
    snprintf(key, sizeof(key), "providers.%s.voice", p->v.name.p);
    check_voice(d, p->v.voice, &p->v, key);
    if (p->v.api_key.n && goes_in_the_clear(p->v.url)) {
        draft_warn(d, "providers.%s.url is not encrypted: the key travels in the clear", p->v.name.p);
    }
}

/* Without a file: the first service that there is a key for, else the sandbox. */
static void default_provider(struct draft *d)
{
    static const struct {
        const char *env, *provider;
    } keys[] = {{"OPENAI_API_KEY", "openai"}, {"GEMINI_API_KEY", "gemini"}, {"GOOGLE_API_KEY", "gemini"}};
    const char *name = "sandbox";
    struct origin at = {.kind = ORIGIN_DEFAULT};

    for (uint32_t i = 0; i < ARRAY_LEN(keys) && at.kind == ORIGIN_DEFAULT; i++) {
        if (env_get(&d->env, keys[i].env).value.p) {
            at = (struct origin){.kind = ORIGIN_ENV, .env = keys[i].env};
            name = keys[i].provider;
        }
    }
    ignore_result(draft_provider_add(d, str_from(name), &at)); /* reports by itself */
}

bool provider_nearest(const struct draft *d, struct str name, struct str *ret)
{
    uint32_t best = NEAREST_NONE;

    for (uint32_t i = 0; i < d->provider_count; i++) {
        option_consider(d->providers[i].v.name, name, &best, ret);
    }
    return best < NEAREST_NONE;
}

/* CONFIG_NONE after a report. */
static uint32_t find_provider(struct draft *d, struct str name, const struct origin *at, const char *key)
{
    struct str near = STR_NULL;
    bool found;

    for (uint32_t i = 0; i < d->provider_count; i++) {
        if (str_eq(d->providers[i].v.name, name)) {
            return i;
        }
    }
    found = provider_nearest(d, name, &near);
    draft_fail(d, at, "%s: there is no provider \"%.60s\"%s" STR_FMT "%s", key, name.p,
               found ? "; did you mean \"" : "", STR_ARG(near), found ? "\"?" : "");
    return CONFIG_NONE;
}

static void choose_provider(struct draft *d)
{
    struct config_agent *agent = &d->cfg->agent;
    uint32_t found = 0;

    if (agent->provider_name.n) {
        found = find_provider(d, agent->provider_name, draft_origin(d, "agent.provider"), "agent.provider");
    } else if (d->provider_count > 1) {
        draft_fail(d, &d->providers[1].at, "several providers are configured; name one of them in agent.provider");
    }
    agent->provider = found < d->provider_count ? found : 0;
}

void finish_provider_choice(struct draft *d)
{
    struct config_agent *agent = &d->cfg->agent;

    if (d->provider_count > 0) {
        struct config_provider *p;

        choose_provider(d);
        p = &d->providers[agent->provider].v;
        check_model(d, &agent->model, p, "agent.model");
        check_voice(d, agent->voice, p, "agent.voice");
        draft_set_text(d, &agent->provider_name, p->name);
    }
}

/* Who takes over, and which tools are left. */
static void finish_failover(struct draft *d, struct draft_provider *p)
{
    const struct config_list *names = &p->v.failover;
    const struct origin *at = provider_origin(p, "failover");
    uint32_t *to = arena_alloc(d->arena, sizeof(*to) * MAX(names->n, 1u));
    char key[120];

    p->v.narrowed = provider_given(p, "tools");
    p->v.failover_to = to;
    if (!to) {
        d->out_of_memory = true;
        return;
    }
    snprintf(key, sizeof(key), "providers.%s.failover", p->v.name.p);
    for (uint32_t i = 0; i < names->n; i++) {
        uint32_t found = find_provider(d, names->v[i], at, key);

        to[i] = found == CONFIG_NONE ? 0 : found;
        if (str_eq(names->v[i], p->v.name)) {
            draft_fail(d, at, "%s: %s cannot take over from itself", key, p->v.name.p);
        }
    }
}

void finish_providers(struct draft *d)
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
    for (uint32_t i = 0; i < d->provider_count; i++) {
        finish_failover(d, &d->providers[i]);
    }
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
