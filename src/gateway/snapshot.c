#include "gateway/snapshot.h"

#include <stdlib.h>

#include "base/err.h"
#include "call/model_ops.h"
#include "gateway/plan.h"
#include "gateway/sounds.h"
#include "net/tls.h"
#include "tools/builtin/builtin.h"

#define PARAMETERS_MAX   16384
#define SNAPSHOT_OWN_MAX ((size_t)8 << 20)

static const char *path_or_null(struct str s)
{
    return s.n > 0 ? s.p : NULL; /* a snapshot's strings are NUL-terminated */
}

static void fill_twilio(struct twilio_opts *o, const struct config *cfg)
{
    const struct config_twilio *t = &cfg->twilio;
    o->account_sid = t->account_sid;
    for (uint32_t i = 0; i < t->auth_tokens.n && i < TWILIO_MAX_TOKENS; i++) {
        o->auth_tokens[o->n_auth_tokens++] = t->auth_tokens.v[i];
    }
    o->phone_number = t->phone_number;
    o->messaging_service = t->messaging_service;
    o->transfer_ring_s = cfg->transfer.ring_s;
    o->public_url = cfg->server.public_url;
    o->require_token = t->require_token;
    o->verify_signature = t->verify_signature;
    o->api_base = t->api_base;
    o->ca_file = path_or_null(t->ca_file);
    o->apology = cfg->agent.apology;
    o->apology_twiml = cfg->fallback.twiml;
    o->busy_twiml = cfg->fallback.busy_twiml;
    o->max_unauthenticated = cfg->limits.max_unauthenticated_sockets;
    o->socket_start_ms = cfg->deadlines.socket_start_ms;
    o->rest_ms = cfg->deadlines.rest_ms;
}

static void fill_plivo(struct plivo_opts *o, const struct config *cfg)
{
    const struct config_plivo *p = &cfg->plivo;
    o->auth_id = p->auth_id;
    for (uint32_t i = 0; i < p->auth_tokens.n && i < PLIVO_MAX_TOKENS; i++) {
        o->auth_tokens[o->n_auth_tokens++] = p->auth_tokens.v[i];
    }
    o->phone_number = p->phone_number;
    o->application = p->application;
    o->configure = p->configure;
    o->transfer_ring_s = cfg->transfer.ring_s;
    o->public_url = cfg->server.public_url;
    o->require_token = p->require_token;
    o->verify_signature = p->verify_signature;
    o->accept_v2 = p->accept_v2;
    o->text_events = p->text_events;
    o->record = p->record;
    o->voice = p->voice;
    o->api_base = p->api_base;
    o->ca_file = path_or_null(p->ca_file);
    o->apology = cfg->agent.apology;
    o->apology_xml = cfg->fallback.plivo_xml;
    o->busy_xml = cfg->fallback.plivo_busy_xml;
    o->max_unauthenticated = cfg->limits.max_unauthenticated_sockets;
    o->socket_start_ms = cfg->deadlines.socket_start_ms;
    o->rest_ms = cfg->deadlines.rest_ms;
}

static void fill_api(struct api_opts *o, const struct config *cfg)
{
    o->tokens = cfg->server.tokens.v;
    o->n_tokens = cfg->server.tokens.n;
    o->public_url = cfg->server.public_url;
    o->phone_number = cfg->twilio.phone_number.n > 0 ? cfg->twilio.phone_number : cfg->plivo.phone_number;
    o->country = cfg->default_country;
    o->timezone = cfg->campaigns.timezone;
}

static struct str_pair *copy_pairs(const struct config_map *m)
{
    struct str_pair *pairs = calloc(MAX(m->n, 1u), sizeof(*pairs));
    for (uint32_t i = 0; pairs && i < m->n; i++) {
        pairs[i] = (struct str_pair){m->v[i].name, m->v[i].value};
    }
    return pairs;
}

/* What the phone leg speaks, unless the agent says otherwise: then nothing has to be converted. */
static enum audio_format wish(const struct config_audio *a)
{
    return a->given ? a->format : AUDIO_PCMU;
}

/* JSON for the service; empty: it is told nothing. */
static struct str tracing_for(const struct config *cfg, const struct config_agent *a)
{
    if (!cfg->tracing.enabled || str_is(a->tracing, "none")) {
        return STR("");
    }
    return str_is(a->tracing, "auto") ? STR("\"auto\"") : a->tracing;
}

/* "en-US,de-DE": as one text, in the snapshot's own memory. */
static int join_list(struct snapshot *s, const struct config_list *list, struct str *ret)
{
    struct buf text;
    buf_init(&text, 4096);
    for (uint32_t i = 0; i < list->n; i++) {
        buf_puts(&text, i ? "," : "");
        buf_put_str(&text, list->v[i]);
    }
    *ret = text.len > 0 ? arena_str(&s->own, buf_str(&text)) : STR("");
    int err = ret->p ? text.err : -ENOMEM;
    buf_done(&text);
    return err;
}

/* What does not depend on the agent. */
static int fill_live(struct snapshot *s, const struct config_provider *p, struct gemini_opts *o)
{
    const struct config_gemini *g = &p->gemini;
    *o = (struct gemini_opts){
        .url = p->url,
        .api_version = g->api_version,
        .project = g->project,
        .location = g->location,
        .api_key = p->api_key,
        .auth_header = p->auth_header,
        .language_code = g->language_code,
        .temperature = g->temperature,
        .top_p = g->top_p,
        .top_k = g->top_k,
        .presence_penalty = g->presence_penalty,
        .frequency_penalty = g->frequency_penalty,
        .hear_mode = g->transcription_mode,
        .media_resolution = g->media_resolution,
        .context_update = g->context_update,
        .seed = g->seed,
        .thinking_level = g->thinking_level,
        .thinking_budget = g->thinking_budget,
        .affective_dialog = g->affective_dialog,
        .proactive_audio = g->proactive_audio,
        .google_search = g->google_search,
        .start_sensitivity = g->start_sensitivity,
        .end_sensitivity = g->end_sensitivity,
        .turn_coverage = g->turn_coverage,
        .tools = g->tool_behavior == CONFIG_NON_BLOCKING ? GEMINI_TOOLS_TALK : GEMINI_TOOLS_BLOCK,
        .scheduling = g->tool_scheduling,
        .compress = g->compression,
        .trigger_tokens = g->trigger_tokens,
        .target_tokens = g->target_tokens,
    };
    int err = join_list(s, &g->transcription_languages, &o->hear_languages);
    return err < 0 ? err : join_list(s, &g->transcription_vocabulary, &o->hear_vocabulary);
}

static void fill_live_agent(const struct snapshot *s, uint32_t provider, const struct config_agent *a,
                            struct gemini_opts *o)
{
    const struct config *cfg = s->cfg;
    o->temperature = a->temperature >= 0 ? a->temperature : o->temperature; /* over the provider's */
    o->model = config_model(cfg, a, provider);
    o->voice = config_voice(cfg, a, provider);
    o->text_only = a->output_modality == CONFIG_TEXT;
    o->hears = a->transcription.enabled;
    o->max_output_tokens = a->max_output_tokens;
    if (o->thinking_level.n == 0 && a->reasoning_effort != CONFIG_EFFORT_DEFAULT) {
        bool most = a->reasoning_effort == CONFIG_EFFORT_XHIGH; /* there is no more than high */
        o->thinking_level = most ? STR("high") : str_from(config_effort_word(a->reasoning_effort));
    }
}

static int fill_provider(struct snapshot *s, struct snapshot_provider *sp, struct buf *ret_err)
{
    const struct config *cfg = s->cfg;
    int err;
    const struct config_provider *p = sp->config;
    sp->headers = copy_pairs(&p->headers);
    sp->query = copy_pairs(&p->query);
    if (!sp->headers || !sp->query) {
        return -ENOMEM;
    }
    sp->own_sandbox = p->kind == CONFIG_SANDBOX && p->url.n == 0;
    sp->opening.live = config_is_live(p);
    sp->opening.openai = (struct openai_opts){
        .url = p->url,
        .api_key = p->api_key,
        .auth_header = p->auth_header,
        .headers = sp->headers,
        .n_headers = p->headers.n,
        .query = sp->query,
        .n_query = p->query.n,
        .no_model_query = !p->model_in_query,
        .dialect = p->dialect == CONFIG_BETA ? OPENAI_BETA : OPENAI_GA,
        .updated_ms = cfg->deadlines.session_updated_ms,
        .ping_ms = p->ping_ms ? p->ping_ms : OPENAI_NEVER,
        .pong_ms = p->pong_ms ? p->pong_ms : OPENAI_NEVER,
        .connect_ms = p->connect_ms,
        .max_message_bytes = p->max_message_bytes,
    };
    err = fill_live(s, p, &sp->opening.gemini);
    if (err < 0) {
        return err;
    }
    sp->opening.gemini.connect_ms = p->connect_ms;
    sp->opening.gemini.max_message_bytes = p->max_message_bytes;
    sp->opening.gemini.headers = sp->headers;
    sp->opening.gemini.n_headers = p->headers.n;
    sp->opening.gemini.query = sp->query;
    sp->opening.gemini.n_query = p->query.n;
    bool tls = str_starts(p->url, STR("wss:")) || str_starts(p->url, STR("https:"));
    if (!tls) {
        return 0;
    }
    /* One context for all sessions: reading the system's store takes milliseconds and megabytes. */
    err = tls_client_new(path_or_null(p->ca_file), ret_err, &sp->tls);
    sp->opening.openai.tls = sp->opening.gemini.tls = sp->tls;
    return err;
}

static void fill_openai(const struct snapshot *s, uint32_t provider, const struct config_agent *a,
                        struct openai_opts *ret)
{
    const struct config *cfg = s->cfg;
    ret->model = config_model(cfg, a, provider);
    ret->voice = config_voice(cfg, a, provider);
    ret->input_format = wish(&a->input_format);
    ret->output_format = wish(&a->output_format);
    ret->text_only = a->output_modality == CONFIG_TEXT;
    ret->transcription.enabled = a->transcription.enabled;
    ret->transcription.model = a->transcription.model;
    ret->transcription.language = a->transcription.language;
    ret->transcription.prompt = a->transcription.prompt;
    ret->transcription.extra = a->transcription.extra;
    ret->noise_reduction =
        a->noise_reduction == CONFIG_NOISE_NONE ? STR("") : str_from(config_noise_word(a->noise_reduction));
    ret->speed = a->speed;
    ret->max_output_tokens = a->max_output_tokens;
    ret->tool_choice = a->tool_choice;
    ret->reasoning_effort = str_from(config_effort_word(a->reasoning_effort));
    ret->parallel_tool_calls_set = a->parallel_tool_calls_set;
    ret->parallel_tool_calls = a->parallel_tool_calls;
    ret->tracing = tracing_for(cfg, a);
    ret->temperature = MAX(a->temperature, 0.0);
    ret->prompt = a->prompt;
    ret->truncation = str_is(a->truncation, "auto")       ? STR("\"auto\"")
                      : str_is(a->truncation, "disabled") ? STR("\"disabled\"")
                                                          : a->truncation;
}

void snapshot_opening(const struct snapshot *s, uint32_t provider, const struct config_agent *a,
                      struct provider_opts *ret)
{
    *ret = s->providers[provider].opening;
    fill_openai(s, provider, a, &ret->openai);
    fill_live_agent(s, provider, a, &ret->gemini);
}

static void use_provider(struct snapshot *s, uint32_t index)
{
    const struct config_provider *p = &s->cfg->providers[index];
    if (s->providers[index].used) {
        return;
    }
    s->providers[index].used = true;
    for (uint32_t i = 0; i < p->failover.n; i++) {
        use_provider(s, p->failover_to[i]); /* at most once each */
    }
}

static int fill_providers(struct snapshot *s, struct buf *ret_err)
{
    const struct config *cfg = s->cfg;
    s->providers = calloc(cfg->provider_count, sizeof(*s->providers));
    if (!s->providers) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        use_provider(s, cfg->agents[i].provider);
    }
    for (uint32_t i = 0; i < cfg->route_count; i++) {
        if (cfg->routes[i].provider != CONFIG_NONE) {
            use_provider(s, cfg->routes[i].provider);
        }
    }
    for (uint32_t i = 0; i < cfg->provider_count; i++) {
        struct snapshot_provider *sp = &s->providers[i];
        sp->config = &cfg->providers[i];
        int err = sp->used ? fill_provider(s, sp, ret_err) : 0;
        if (err < 0) {
            return err;
        }
        s->own_sandbox = s->own_sandbox || sp->own_sandbox;
    }
    snapshot_opening(s, cfg->agent.provider, &cfg->agent, &s->opening);
    return 0;
}

/* A webhook ends by itself, in its own words; the call's deadline is for one that does not. */
#define WEBHOOK_GRACE_MS 500

static void fill_webhook(struct webhook_opts *o, const struct config_tool *t, const struct webhook_pair *headers,
                         uint32_t default_ms)
{
    *o = (struct webhook_opts){
        .name = t->name,
        .method = t->method,
        .url = t->url,
        .headers = headers,
        .n_headers = t->headers.n,
        .body = t->body,
        .response = t->response,
        .sign_secret = t->sign_secret,
        .ca_file = path_or_null(t->ca_file),
        .timeout_ms = t->timeout_ms ? t->timeout_ms : default_ms,
        .max_response_bytes = t->max_response_bytes,
        .retry = t->retry,
        .retry_on = t->retry_mask,
    };
}

#define BACKGROUND_MS 300000 /* nobody waits for it */

static int fill_webhook_tool(const struct config_tool *t, uint32_t tool_ms, struct snapshot_tool *slot)
{
    uint32_t default_ms = t->run_ms ? t->run_ms : t->rules.background ? BACKGROUND_MS : tool_ms;
    slot->headers = calloc(MAX(t->headers.n, 1u), sizeof(*slot->headers));
    if (!slot->headers) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < t->headers.n; i++) {
        slot->headers[i] = (struct webhook_pair){t->headers.v[i].name, t->headers.v[i].value};
    }
    slot->is_webhook = true;
    fill_webhook(&slot->webhook, t, slot->headers, default_ms);
    slot->call = (struct call_tool){.name = t->name, .description = t->description, .parameters = t->parameters};
    slot->call.deadline_ms = slot->webhook.timeout_ms + WEBHOOK_GRACE_MS;
    return 0;
}

/* The table that transfers go by, and what every tool that asks the carrier for something has to know. */
static int fill_departments(struct snapshot *s)
{
    const struct config_map *m = &s->cfg->departments;
    struct builtin_department *list = arena_alloc(&s->own, MAX(m->n, 1u) * sizeof(*list));
    if (!list) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        list[i] = (struct builtin_department){m->v[i].name, m->v[i].value};
    }
    const struct config_concierge *c = &s->cfg->concierge;
    s->concierge = (struct builtin_concierge){
        .name = c->name,
        .phone = c->phone,
        .address = c->address,
        .cuisine = c->cuisine,
        .has_account = (s->cfg->twilio.account_sid.n > 0 && s->cfg->twilio.auth_tokens.n > 0) ||
                       (s->cfg->plivo.auth_id.n > 0 && s->cfg->plivo.auth_tokens.n > 0),
        .has_public_url = s->cfg->server.public_url.n > 0,
    };
    s->wishes = (struct builtin_wish_ctx){list, m->n, s->cfg->default_country};
    return 0;
}

/* A model transfers better when it knows where to. */
static int name_departments(struct snapshot *s, struct call_tool *tool)
{
    struct buf text;
    if (builtin_wish_kind(tool->name) != BUILTIN_WISH_TRANSFER) {
        return 0;
    }
    buf_init(&text, PARAMETERS_MAX);
    builtin_put_transfer_parameters(&text, &s->wishes);
    int err = text.err;
    tool->parameters = err < 0 ? tool->parameters : arena_str(&s->own, buf_str(&text));
    buf_done(&text);
    return tool->parameters.p ? err : -ENOMEM;
}

static int fill_builtin_tool(struct snapshot *s, const struct config_tool *t, struct snapshot_tool *slot,
                             struct buf *ret_err)
{
    const struct call_tool *tool = builtin_tool_find(t->name);
    if (!tool) {
        buf_printf(ret_err, "tools: \"" STR_FMT "\" is no tool of this build", STR_ARG(t->name));
        return -ERR_CONFIG;
    }
    slot->call = *tool;
    if (t->description.n > 0) {
        slot->call.description = t->description;
    }
    return name_departments(s, &slot->call);
}

static int fill_tool(struct snapshot *s, const struct config_tool *t, struct buf *ret_err)
{
    struct snapshot_tool *slot = &s->tools[s->n_tools++];
    int err =
        t->builtin ? fill_builtin_tool(s, t, slot, ret_err) : fill_webhook_tool(t, s->cfg->deadlines.tool_ms, slot);
    if (err < 0) {
        return err;
    }
    err = snapshot_fill_rules(s->cfg, t, slot, ret_err);
    if (err < 0) {
        return err;
    }
    err = json_schema_new(slot->call.parameters, NULL, NULL, NULL, &slot->schema);
    if (err < 0) {
        buf_printf(ret_err, "tools: the parameters of \"" STR_FMT "\": %s", STR_ARG(t->name), err_text(err));
    }
    return err;
}

static int fill_tools(struct snapshot *s, struct buf *ret_err)
{
    const struct config *cfg = s->cfg;
    s->tools = calloc(MAX(cfg->tool_count, 1u), sizeof(*s->tools));
    int err = s->tools ? fill_departments(s) : -ENOMEM;
    if (err < 0) {
        return err;
    }
    for (uint32_t i = 0; i < cfg->tool_count; i++) {
        err = fill_tool(s, &cfg->tools[i], ret_err);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static int check_turns(const struct call_turn_opts *turn, const struct config_provider *p, struct buf *ret_err)
{
    if (model_can_turn(provider_caps(p), turn)) {
        bool detects = turn->kind == TURN_SERVER_VAD;
        if (!detects || turn->create_response || !config_is_live(p)) {
            return 0;
        }
        buf_printf(ret_err, "agent.turn_detection.create_response: %s always answers a turn that it detects",
                   p->name.p);
        return -ERR_CONFIG;
    }
    buf_printf(ret_err, "agent.turn_detection.type: the provider %s cannot do %s%s; it can do", p->name.p,
               turn_kind_name(turn->kind),
               turn->kind == TURN_HYBRID && turn->eagerness.n > 0 ? " with semantic_vad" : "");
    const char *glue = " ";
    for (int k = 0; k < TURN_KIND_N; k++) {
        const struct call_turn_opts other = {.kind = (enum turn_kind)k};
        if (model_can_turn(provider_caps(p), &other)) {
            buf_printf(ret_err, "%s%s", glue, turn_kind_name(other.kind));
            glue = ", ";
        }
    }
    return -ERR_CONFIG;
}

/* The providers are the call's: host_model.c. */
static void fill_renewal(struct call_renewal_opts *o, const struct config_renewal *r)
{
    o->on = r->enabled;
    o->before_s = r->before_s;
    o->latest_s = r->latest_s;
    o->attempts = r->attempts;
    o->open_ms = r->open_ms;
    o->backoff_ms = r->backoff_ms;
    o->gap_ms = r->gap_ms;
    o->filler_ms = r->filler_ms;
}

void snapshot_call(const struct snapshot *s, const struct config_agent *a, struct call_opts *o)
{
    const struct config *cfg = s->cfg;
    const struct config_deadlines *d = &cfg->deadlines;
    call_opts_init(o);
    o->agent = a->name;
    o->provider = a->provider_name;
    o->carrier = STR("twilio");
    o->greeting.kind = a->greeting.kind;
    o->greeting.text = a->greeting.text;
    o->greeting.protect = a->greeting.protect;
    o->greeting.fallback_ms = a->greeting.fallback_ms;
    o->farewell.text = a->farewell;
    o->transfer.text = cfg->transfer.announcement;
    o->turn = a->turn;
    o->vad = a->vad;
    o->barge_in = a->barge_in;
    o->silence = a->silence;
    o->dead_air = a->dead_air;
    o->echo_guard = a->echo_guard;
    o->dtmf_in_band = a->dtmf_in_band;
    fill_renewal(&o->renewal, &cfg->renewal);
    o->renewal.filler = s->gap_sound;
    o->playout.lead_ms = cfg->playout.lead_ms;
    o->playout.max_lead_ms = cfg->playout.max_lead_ms;
    o->playout.burst_ms = cfg->playout.burst_ms;
    o->deadlines.leg_start_ms = MIN(d->leg_start_ms, d->warm_session_ms);
    o->deadlines.model_ready_ms = d->model_ready_ms;
    o->deadlines.response_ms = d->response_ms;
    o->deadlines.stall_ms = d->stall_ms;
    o->deadlines.cancel_ms = d->cancel_ms;
    o->deadlines.tool_ms = d->tool_ms;
    o->deadlines.farewell_ms = d->farewell_ms;
    o->deadlines.hangup_ms = d->hangup_ms;
    o->deadlines.media_ms = d->media_ms;
    o->deadlines.transfer_ms = d->transfer_ms;
    o->limits.max_call_s = cfg->limits.max_call_s;
    o->limits.queue_ms = cfg->limits.queue_ms;
    o->limits.uplink_ms = cfg->limits.uplink_ms;
    o->limits.history_kb = cfg->limits.history_kb;
    o->record = cfg->records.recording;
    o->approvals.yes = cfg->approvals.yes_words;
    o->approvals.no = cfg->approvals.no_words;
    o->approvals.rejection = cfg->approvals.rejection;
    o->guards = s->guarding;
    if (a->speed > 1) {
        o->guards.unit_us = (uint32_t)(o->guards.unit_us / a->speed);
    }
}

/* Each agent may begin a call: what it would be told must fit, whatever conditions hold. */
static int check_agents(struct snapshot *s, struct buf *ret_err)
{
    const struct config *cfg = s->cfg;
    int err = 0;
    for (uint32_t i = 0; i < cfg->agent_count && err >= 0; i++) {
        const struct config_agent *a = &cfg->agents[i];
        err = check_turns(&a->turn, &cfg->providers[a->provider], ret_err);
        if (err >= 0) {
            err = plan_check(s, i, ret_err);
        }
    }
    return err;
}

static int fill_call(struct snapshot *s, struct buf *ret_err)
{
    const struct plan_facts nobody = {.when.zone = s->cfg->zone};
    int err = fill_tools(s, ret_err);
    if (err >= 0) {
        err = check_agents(s, ret_err);
    }
    return err < 0 ? err : plan_make(s, &nobody, &s->call, &s->plan);
}

static int fill_sounds(struct snapshot *s, struct buf *ret_err)
{
    const struct config_outbound *o = &s->cfg->outbound;
    int err = o->sounds.n > 0 ? sounds_read(o->sounds, ret_err, &s->sounds) : 0;
    if (err >= 0 && o->voicemail_sound.n > 0 && !sounds_find(s->sounds, o->voicemail_sound)) {
        buf_puts(ret_err, "outbound.voicemail_sound: ");
        sounds_put_unknown(s->sounds, o->voicemail_sound, ret_err);
        err = -ERR_CONFIG;
    }
    return err;
}

static int fill(struct snapshot *s, struct buf *ret_err)
{
    s->provider = &s->cfg->providers[s->cfg->agent.provider];
    fill_twilio(&s->twilio, s->cfg);
    fill_plivo(&s->plivo, s->cfg);
    fill_api(&s->api, s->cfg);
    int err = fill_providers(s, ret_err);
    if (err >= 0 && s->cfg->renewal.filler_sound.n > 0) {
        err =
            snapshot_sound(s->cfg->renewal.filler_sound, "renewal.filler_sound", &s->gap_bytes, &s->gap_sound, ret_err);
    }
    err = err < 0 ? err : fill_sounds(s, ret_err);
    err = err < 0 ? err : snapshot_fill_guards(s, ret_err);
    return err < 0 ? err : fill_call(s, ret_err);
}

int snapshot_new(struct config *cfg, struct buf *ret_err, struct snapshot **ret)
{
    struct snapshot *s = calloc(1, sizeof(*s));
    if (!s) {
        config_unref(cfg);
        return -ENOMEM;
    }
    s->refs = 1;
    arena_init(&s->own, SNAPSHOT_OWN_MAX);
    s->cfg = cfg;
    int err = fill(s, ret_err);
    if (err < 0) {
        snapshot_unref(s);
        return err;
    }
    *ret = s;
    return 0;
}

const struct snapshot_tool *snapshot_tool(const struct snapshot *s, struct str name)
{
    for (uint32_t i = 0; i < s->n_tools; i++) {
        if (str_eq(s->tools[i].call.name, name)) {
            return &s->tools[i];
        }
    }
    for (uint32_t i = 0; i < s->n_mcp; i++) {
        if (str_eq(s->mcp[i].call.name, name)) {
            return &s->mcp[i];
        }
    }
    return NULL;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    s->refs++;
    return s;
}

struct snapshot *snapshot_unref(struct snapshot *s)
{
    if (s && --s->refs == 0) {
        for (uint32_t i = 0; s->providers && i < s->cfg->provider_count; i++) {
            tls_unref(s->providers[i].tls);
            free(s->providers[i].headers);
            free(s->providers[i].query);
        }
        free(s->providers);
        plan_free(s->plan);
        for (uint32_t i = 0; i < s->n_tools; i++) {
            json_schema_free(s->tools[i].schema);
            free(s->tools[i].headers);
            snapshot_rules_done(&s->tools[i]);
        }
        free(s->tools);
        for (uint32_t i = 0; i < s->n_mcp; i++) {
            json_schema_free(s->mcp[i].schema);
        }
        free(s->mcp);
        snapshot_guards_done(s);
        free(s->gap_bytes);
        sounds_free(s->sounds);
        arena_done(&s->own);
        config_unref(s->cfg);
        free(s);
    }
    return NULL;
}
