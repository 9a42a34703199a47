#include "gateway/check.h"

#include <time.h>

#include "base/err.h"
#include "gateway/checker.h"
#include "gateway/gateway_impl.h"
#include "net/tls.h"

/* One finding for each line. */
static void say_lines(struct checker *c, enum check_level level, const char *subject, struct str lines,
                      const char *remedy)
{
    struct str line;
    while (lines.n > 0 && str_split(&lines, '\n', &line)) {
        if (line.n > 0) {
            buf_put_str(&c->text, line);
            buf_puts(&c->remedy, remedy);
            checker_say(c, level, subject);
        }
    }
}

#define CONFIG_REMEDY "correct it there; docs/configuration.md lists every key and what it takes"

static void check_config(struct checker *c, const struct config *cfg)
{
    buf_printf(&c->text, "read from %s", cfg->source.n > 0 ? cfg->source.p : "the environment alone");
    checker_say(c, CHECK_OK, "configuration");
    for (uint32_t i = 0; i < cfg->warnings.n; i++) {
        say_lines(c, CHECK_WARNING, "configuration", cfg->warnings.v[i], CONFIG_REMEDY);
    }
}

static void check_twilio(struct checker *c, const struct config *cfg)
{
    const struct config_twilio *t = &cfg->twilio;
    if (t->auth_tokens.n == 0) {
        checker_tell(c, CHECK_WARNING, "twilio", "no auth_token: webhooks are not verified",
                     "set carriers.twilio.auth_token (TWILIO_AUTH_TOKEN), or serve where only you can reach it");
    } else if (!t->verify_signature) {
        checker_tell(c, CHECK_WARNING, "twilio", "verify_signature is false: webhooks are not verified",
                     "take carriers.twilio.verify_signature out: with an auth token it is on");
    }
    if (!t->require_token) {
        checker_tell(c, CHECK_WARNING, "twilio",
                     "require_token is false: anybody who reaches /media-stream starts a call",
                     "take carriers.twilio.require_token out, unless TwiML of your own opens the stream");
    }
    if (cfg->server.public_url.n == 0) {
        checker_tell(c, CHECK_WARNING, "public url", "not set: the Host of each request is taken",
                     "set server.public_url (PUBLIC_URL) to the address that the carrier calls: docs/reach.md");
    }
    if (t->account_sid.n == 0 || t->auth_token.n == 0) {
        checker_tell(c, CHECK_WARNING, "twilio",
                     "no account: calls are hung up by closing the media socket, and nothing can be sent or dialled",
                     "set carriers.twilio.account_sid and auth_token (TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN)");
    }
    if (t->auth_tokens.n > 0 && t->verify_signature && t->require_token && cfg->server.public_url.n > 0) {
        checker_tell(c, CHECK_OK, "twilio", "signatures and tokens are checked", "");
    }
}

static void check_plivo(struct checker *c, const struct config *cfg)
{
    const struct config_plivo *p = &cfg->plivo;
    bool account = p->auth_id.n > 0 && p->auth_token.n > 0;
    if (p->auth_tokens.n == 0) {
        checker_tell(c, CHECK_WARNING, "plivo", "no auth_token: webhooks are not verified",
                     "set carriers.plivo.auth_token (PLIVO_AUTH_TOKEN), or serve where only you can reach it");
    } else if (!p->verify_signature) {
        checker_tell(c, CHECK_WARNING, "plivo", "verify_signature is false: webhooks are not verified",
                     "take carriers.plivo.verify_signature out: with an auth token it is on");
    }
    if (!p->require_token) {
        checker_tell(c, CHECK_WARNING, "plivo", "require_token is false: anybody who reaches /ws starts a call",
                     "take carriers.plivo.require_token out, unless XML of your own opens the stream");
    }
    if (p->text_events) {
        checker_tell(c, CHECK_WARNING, "plivo",
                     "text_events is true: whoever opens a media socket can speak as the caller",
                     "take carriers.plivo.text_events out where strangers call");
    }
    if (!account) {
        checker_tell(c, CHECK_WARNING, "plivo",
                     "no account: calls are hung up by closing the media socket; no transfers, no text messages",
                     "set carriers.plivo.auth_id and auth_token (PLIVO_AUTH_ID, PLIVO_AUTH_TOKEN)");
    } else if (p->phone_number.n == 0) {
        checker_tell(c, CHECK_WARNING, "plivo", "no phone_number: no messages, and no number is led to this server",
                     "set carriers.plivo.phone_number (PLIVO_PHONE_NUMBER)");
    }
    if (account && p->verify_signature && p->require_token) {
        checker_tell(c, CHECK_OK, "plivo", "signatures and tokens are checked", "");
    }
}

static void check_carrier(struct checker *c, const struct config *cfg)
{
    /* Where no carrier is configured both are served, and one says it for both. */
    bool plivo = cfg->plivo.auth_id.n > 0 || cfg->plivo.auth_tokens.n > 0 || !cfg->twilio.enabled;
    if (cfg->twilio.enabled) {
        check_twilio(c, cfg);
    }
    if (cfg->plivo.enabled && plivo) {
        check_plivo(c, cfg);
    }
    if (!cfg->twilio.enabled && !cfg->plivo.enabled) {
        checker_tell(c, CHECK_WARNING, "carriers", "none is enabled: nobody can call",
                     "take carriers.twilio.enabled or carriers.plivo.enabled out");
    }
    checker_tell(c, CHECK_OK, "control routes",
                 cfg->server.tokens.n > 0 ? "need a bearer token, loopback does not"
                                          : "only from loopback: server.tokens is empty",
                 "");
}

/* NULL: it serves without. */
static struct tls_ctx *check_tls(struct checker *c, const struct config *cfg)
{
    struct tls_ctx *tls = NULL;
    int err = gateway_load_tls(cfg, &c->text, &tls);
    if (err < 0) {
        buf_puts(&c->remedy, "server.tls.cert and server.tls.key must be PEM files that belong together, readable for "
                             "the user who serves");
        checker_say(c, CHECK_ERROR, "server.tls");
    } else if (tls) {
        checker_tell(c, CHECK_OK, "server.tls", "certificate and key belong together", "");
    }
    return tls;
}

static void check_vad(struct checker *c, const struct config *cfg)
{
    struct vad_model *model = NULL;
    int err = vad_load(cfg->vad.model_file, &c->text, &model);
    if (err >= 0) {
        buf_printf(&c->text, "weights %s, kernel %s", vad_model_id(model), vad_kernel_name(vad_kernel_best()));
    } else {
        buf_puts(&c->remedy, "take vad.model_file (RINGTRIP_VAD_MODEL) out: the network is built in");
    }
    checker_say(c, err < 0 ? CHECK_ERROR : CHECK_OK, "speech detector");
    vad_model_free(model);
}

/* Whatever the parts themselves refuse: tools, CA files. NULL then. */
static struct snapshot *check_parts(struct checker *c, struct config *cfg)
{
    struct snapshot *s = NULL;
    if (snapshot_new(config_ref(cfg), &c->text, &s) < 0) {
        buf_puts(&c->remedy, CONFIG_REMEDY);
        checker_say(c, CHECK_ERROR, "configuration");
    }
    return s;
}

static void check_installation(struct checker *c, struct config *cfg, bool offline)
{
    check_config(c, cfg);
    struct snapshot *s = check_parts(c, cfg);
    if (s) {
        check_providers(c, s, offline);
        check_toolset(c, s);
    }
    snapshot_unref(s);
    check_carrier(c, cfg);
    if (!offline) {
        check_accounts(c, cfg);
    }
    check_vad(c, cfg);
    check_agents(c, cfg);
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        check_turns(c, &cfg->agents[i]);
    }
    check_store(c, cfg, offline);
    struct tls_ctx *tls = check_tls(c, cfg);
    check_reach(c, cfg, tls, offline);
    tls_unref(tls);
}

/* "2026-12-24T09:30" where the configuration's clock hangs. */
static bool read_time(struct str text, const struct zone *zone, int64_t *ret_us)
{
    struct tm tm = {0};
    char copy[32];
    struct zone_time t;
    if (str_copy(copy, sizeof(copy), text) < 0) {
        return false;
    }
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M", &tm);
    if (!end || *end) {
        return false;
    }
    int64_t wall = timegm(&tm), s = wall;
    for (int i = 0; i < 2; i++) { /* the offset there and then, looked for twice around a change of the clock */
        zone_at(zone, s, &t);
        s = wall - t.offset_s;
    }
    *ret_us = s * 1000000;
    return true;
}

static void check_one_call(struct checker *c, struct config *cfg, const struct check_question *q)
{
    struct when_facts facts = q->facts;
    facts.zone = cfg->zone;
    facts.wall_us = clock_wall_us();
    if (q->at.n > 0 && !read_time(q->at, cfg->zone, &facts.wall_us)) {
        checker_tell(c, CHECK_ERROR, "call", "the time is none", "--at must be a time such as 2026-12-24T09:30");
        return;
    }
    struct snapshot *s = check_parts(c, cfg);
    if (s) {
        check_call(c, s, &facts);
    }
    snapshot_unref(s);
}

enum check_level check_run(const struct config_source *source, const struct check_opts *opts, check_fn fn, void *arg)
{
    struct checker c;
    struct config *cfg = NULL;
    struct buf wrong;
    checker_init(&c, fn, arg);
    c.patience_ms = opts->patience_ms ? opts->patience_ms : c.patience_ms;
    buf_init(&wrong, 64u << 10);
    int err = config_load(source, &wrong, &cfg);
    if (err < 0) {
        if (wrong.len == 0) {
            buf_printf(&wrong, "%s: %s", source->path ? source->path : "environment", err_text(err));
        }
        say_lines(&c, CHECK_ERROR, "configuration", buf_str(&wrong), CONFIG_REMEDY);
    } else if (opts->question) {
        check_one_call(&c, cfg, opts->question);
    } else {
        check_installation(&c, cfg, opts->offline);
    }
    config_unref(cfg);
    buf_done(&wrong);
    checker_done(&c);
    return c.worst;
}
