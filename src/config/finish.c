/* What follows from several values together: the environment, files that are read, checks across keys. Providers:
 * finish_provider.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "config/draft.h"

#define MAX_INSTRUCTIONS_BYTES ((size_t)256 * 1024)

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
        if (v.unquoted) {
            draft_warn(d, "environment: %s stands in quotes, as docker --env-file leaves them; they are taken off",
                       o->env[i]);
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
bool draft_field_taken(const struct origin *origins, const struct option *o)
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

/* The listening address is there once, under several names. */
static bool listens_elsewhere(const struct draft *d, const struct option *o)
{
    return draft_given(d, "server.listen") &&
           (o->offset == offsetof(struct config, server.host) || o->offset == offsetof(struct config, server.port));
}

static void root_env(struct draft *d)
{
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        if (o->scope == OPTION_ROOT && o->env[0] && !option_is_agent(o) && !listens_elsewhere(d, o) &&
            (o->env_wins || !draft_field_taken(d->origins, o))) {
            take_env(d, o, d->cfg, &d->origins[i]);
        }
    }
}

/* Of several agents the starting one is spoken to by the environment; how to listen is told to all. */
static bool speaks_to(const struct draft *d, const struct option *o)
{
    static const size_t own[] = {offsetof(struct config, agent.instructions),
                                 offsetof(struct config, agent.greeting.text)};

    if (!d->several) {
        return true;
    }
    for (uint32_t i = 0; i < ARRAY_LEN(own); i++) {
        if (o->offset == own[i]) {
            return d->is_start;
        }
    }
    return o->offset != offsetof(struct config, agent.name);
}

void finish_agent_env(struct draft *d)
{
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        if (option_is_agent(o) && o->env[0] && speaks_to(d, o) && (o->env_wins || !draft_field_taken(d->origins, o))) {
            take_env(d, o, d->cfg, &d->origins[i]);
        }
    }
}

void finish_provider_env(struct draft *d, struct draft_provider *p)
{
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        if (o->scope == OPTION_PROVIDER && o->env[0] &&
            (o->env_kinds == 0 || (o->env_kinds & OPTION_KIND(p->v.kind))) && !draft_field_taken(p->origins, o)) {
            take_env(d, o, &p->v, &p->origins[i]);
        }
    }
}

void draft_set_text(struct draft *d, struct str *field, struct str text)
{
    struct str copy = arena_str(d->arena, text);

    if (copy.p) {
        *field = copy;
    } else {
        d->out_of_memory = true;
    }
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
    const struct origin *text_at = draft_origin(d, "agent.instructions");
    enum origin_kind direct = text_at->kind;
    struct buf text;
    int err;

    if (agent->instructions_file.n == 0 || (at->inherited && direct == ORIGIN_FILE && !text_at->inherited)) {
        agent->instructions_file = STR(""); /* its own words count */
        return;
    }
    if (direct == ORIGIN_FILE && !(text_at->inherited && !at->inherited)) {
        draft_fail(d, at, "agent.instructions and agent.instructions_file are both given");
        return;
    }
    if (direct == ORIGIN_DOTENV || direct == ORIGIN_ENV) {
        return; /* SYSTEM_PROMPT */
    }
    buf_init(&text, MAX_INSTRUCTIONS_BYTES);
    err = read_text(agent->instructions_file.p, &text);
    if (err < 0) {
        draft_fail(d, at, "agent.instructions_file: %s: %s", agent->instructions_file.p, err_text(err));
    } else if (!utf8_valid(buf_str(&text)) || memchr(buf_ptr(&text) ? (const char *)buf_ptr(&text) : "", 0, text.len)) {
        draft_fail(d, at, "agent.instructions_file: %s is not a UTF-8 text", agent->instructions_file.p);
    } else {
        draft_set_text(d, &agent->instructions, str_trim(buf_str(&text)));
    }
    buf_done(&text);
}

/* The default ones are the demonstration's. */
static void need_instructions(struct draft *d)
{
    if (d->several && !draft_given(d, "agent.instructions") && !draft_given(d, "agent.instructions_file")) {
        draft_fail(d, d->agent_at, "agent.instructions is missing");
    }
}

static void finish_greeting(struct draft *d)
{
    struct config_greeting *g = &d->cfg->agent.greeting;
    bool own_text = draft_given(d, "agent.greeting.text");

    if (d->several && !own_text && !draft_given(d, "agent.greeting.kind")) {
        g->kind = GREETING_PROMPT; /* the demonstration's words are nobody's here: each greets as it is told to be */
    }
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
    return false;
}

static bool is_word(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

void check_variables(struct draft *d, const struct config_map *m, const struct origin *at, const char *key)
{
    for (uint32_t i = 0; i < m->n; i++) {
        bool ok = m->v[i].name.n <= 64;

        for (size_t j = 0; j < m->v[i].name.n; j++) {
            ok = ok && is_word(m->v[i].name.p[j], j == 0);
        }
        if (!ok) {
            draft_fail(d, at, "%s: \"%.60s\" is no name: letters, digits and _, at most 64", key, m->v[i].name.p);
        }
    }
}

void finish_agent(struct draft *d)
{
    struct config_agent *agent = &d->cfg->agent;
    struct str choice = agent->tool_choice;

    finish_provider_choice(d);
    read_instructions(d);
    need_instructions(d);
    default_agent_tools(d);
    finish_agent_tools(d);
    finish_agent_mcp(d);
    finish_turns(d);
    finish_tracing(d);
    finish_service(d, d->provider_count > 0 ? &d->providers[agent->provider].v : NULL);
    finish_approvals(d);
    finish_greeting(d);
    check_variables(d, &agent->variables, draft_origin(d, "agent.variables"), "agent.variables");
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

/* With its plus, which the vendor leaves out. */
static void finish_plivo_number(struct draft *d)
{
    struct config_plivo *p = &d->cfg->plivo;
    struct str s = p->phone_number;
    bool digits = s.n > 0;
    char room[32] = "+";
    for (size_t i = 0; i < s.n && digits; i++) {
        digits = s.p[i] >= '0' && s.p[i] <= '9';
    }
    if (!digits || str_copy(room + 1, sizeof(room) - 1, s) < 0) {
        return;
    }
    struct str copy = arena_str(d->arena, str_from(room));
    if (copy.p) {
        p->phone_number = copy;
    } else {
        draft_fail(d, draft_origin(d, "carriers.plivo.phone_number"), "out of memory");
    }
}

static void finish_plivo(struct draft *d)
{
    struct config_plivo *p = &d->cfg->plivo;

    p->auth_token = p->auth_tokens.n ? p->auth_tokens.v[0] : STR("");
    if (!draft_given(d, "carriers.plivo.verify_signature")) {
        p->verify_signature = p->auth_tokens.n > 0;
    } else if (p->verify_signature && p->auth_tokens.n == 0) {
        draft_fail(d, draft_origin(d, "carriers.plivo.verify_signature"),
                   "carriers.plivo.verify_signature needs carriers.plivo.auth_token (or PLIVO_AUTH_TOKEN)");
    }
    if (str_starts(p->api_base, STR("ws"))) {
        draft_fail(d, draft_origin(d, "carriers.plivo.api_base"),
                   "carriers.plivo.api_base must begin with https:// or http://");
    }
    finish_plivo_number(d);
}

/*
 * A carrier that nobody configured would answer everybody's unsigned requests. It is served only when no carrier is
 * configured at all: then we are being tried out.
 */
static void finish_carriers(struct draft *d)
{
    struct config_twilio *t = &d->cfg->twilio;
    struct config_plivo *p = &d->cfg->plivo;
    bool twilio_said = draft_given(d, "carriers.twilio.enabled");
    bool plivo_said = draft_given(d, "carriers.plivo.enabled");
    bool twilio = t->account_sid.n > 0 || t->auth_tokens.n > 0 || (twilio_said && t->enabled);
    bool plivo = p->auth_id.n > 0 || p->auth_tokens.n > 0 || (plivo_said && p->enabled);

    if (!twilio_said) {
        t->enabled = twilio || !plivo;
    }
    if (!plivo_said) {
        p->enabled = plivo || !twilio;
    }
}

static bool is_priced(const struct cost_prices *p)
{
    return p->in_text || p->in_audio || p->out_text || p->out_audio;
}

static void check_hooks(struct draft *d)
{
    const struct config_event_hooks *h = &d->cfg->event_hooks;
    static const char *const known[] = {"call.started",  "call.dialled",  "call.ringing",
                                        "call.answered", "call.answerer", "call.consent",
                                        "call.ended",    "call.outcome",  "call.report"};

    if (h->urls.n > 0 && h->secret.n == 0) {
        draft_fail(d, draft_origin(d, "webhooks.urls"),
                   "webhooks.urls needs webhooks.secret, which signs what is sent");
    }
    for (uint32_t i = 0; i < h->urls.n; i++) {
        if (!str_starts(h->urls.v[i], STR("https://")) && !str_starts(h->urls.v[i], STR("http://"))) {
            draft_fail(d, draft_origin(d, "webhooks.urls"),
                       "webhooks.urls: \"%.80s\" is no http:// or https:// address", h->urls.v[i].p);
        }
    }
    for (uint32_t i = 0; i < h->events.n; i++) {
        bool found = false;
        for (size_t k = 0; k < ARRAY_LEN(known); k++) {
            found = found || str_is(h->events.v[i], known[k]);
        }
        if (!found) {
            draft_fail(d, draft_origin(d, "webhooks.events"),
                       "webhooks.events: there is no event %.40s; known are "
                       "call.started, call.dialled, call.ringing, call.answered, call.answerer, call.consent, "
                       "call.ended, call.outcome "
                       "and call.report",
                       h->events.v[i].p);
        }
    }
}

static void check_cost(struct draft *d)
{
    const struct config *c = d->cfg;

    for (uint32_t i = 0; i < c->agent_count && c->provider_count && c->limits.max_cost_micro > 0; i++) {
        struct str model = config_model(c, &c->agents[i], CONFIG_NONE);
        const struct cost_prices *prices = config_prices(c, model);

        if (!prices || !is_priced(prices)) {
            draft_fail(d, draft_origin(d, "limits.max_cost"), "limits.max_cost needs prices.%s", model.p);
            return;
        }
    }
}

static void finish_limits(struct draft *d)
{
    const struct config *c = d->cfg;

    check_hooks(d);
    check_cost(d);
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
        draft_set_text(d, &r->database, buf_str(&path));
    }
    buf_done(&path);
}

static void finish_store(struct draft *d)
{
    struct str url = d->cfg->store.url;

    if (url.n && !str_starts(url, STR("postgres://")) && !str_starts(url, STR("postgresql://"))) {
        draft_fail(d, draft_origin(d, "store.url"), "store.url must begin with postgres:// or postgresql://");
    }
}

static void finish_campaigns(struct draft *d)
{
    /* Read here only to refuse what is none; the scheduler reads the zone of each contact by itself. */
    ignore_result(
        draft_zone(d, d->cfg->campaigns.timezone, draft_origin(d, "campaigns.timezone"), "campaigns.timezone") == NULL);
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
    draft_set_text(d, c, (struct str){upper, 2});
}

static void finish_shared(struct draft *d)
{
    d->cfg->zone = draft_zone(d, d->cfg->time_zone, draft_origin(d, "time_zone"), "time_zone");
    check_variables(d, &d->cfg->variables, draft_origin(d, "variables"), "variables");
}

void finish_draft(struct draft *d)
{
    root_env(d);
    finish_server(d);
    finish_records(d);
    finish_store(d);
    finish_campaigns(d);
    finish_providers(d);
    finish_twilio(d);
    finish_plivo(d);
    finish_carriers(d);
    finish_shared(d);
    finish_mcp(d);
    finish_agents(d);
    finish_routes(d);
    finish_guardrails(d);
    finish_limits(d);
    finish_country(d);
    finish_departments(d);
}
