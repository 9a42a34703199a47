#include "gateway/check.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/check_agents.h"
#include "gateway/check_turns.h"
#include "gateway/gateway_impl.h"
#include "net/disk.h"
#include "net/tls.h"

#define TEXT_MAX (64u << 10)

struct check {
    check_fn fn;
    void *arg;
    int errors;
    struct buf text;
};

const char *check_level_word(enum check_level level)
{
    static const char *const words[CHECK_LEVEL_N] = {"ok", "warning", "error"};
    return (unsigned)level < CHECK_LEVEL_N ? words[level] : "error";
}

static void find(struct check *c, enum check_level level, const char *subject, struct str text)
{
    c->errors += level == CHECK_ERROR;
    c->fn(level, subject, text, c->arg);
}

static void find_built(struct check *c, enum check_level level, const char *subject)
{
    find(c, level, subject, c->text.err < 0 ? STR("out of memory") : buf_str(&c->text));
    buf_clear(&c->text, 0);
}

/* One finding for each line. */
static void find_lines(struct check *c, enum check_level level, const char *subject, struct str lines)
{
    struct str line;
    while (lines.n > 0 && str_split(&lines, '\n', &line)) {
        if (line.n > 0) {
            find(c, level, subject, line);
        }
    }
}

static void check_config(struct check *c, const struct config *cfg)
{
    buf_printf(&c->text, "read from %s", cfg->source.n > 0 ? cfg->source.p : "the environment alone");
    find_built(c, CHECK_OK, "configuration");
    for (uint32_t i = 0; i < cfg->warnings.n; i++) {
        find(c, CHECK_WARNING, "configuration", cfg->warnings.v[i]);
    }
}

static void check_provider(struct check *c, const struct config_provider *p)
{
    char file[512];
    if (p->kind == CONFIG_SANDBOX && p->url.n == 0) {
        int err = sandbox_child_find(file, sizeof(file));
        buf_printf(&c->text, err < 0
                                 ? "the offline sandbox, but ringtrip-sandbox is neither beside ringtrip nor in PATH"
                                 : "the offline sandbox, no key needed");
        find_built(c, err < 0 ? CHECK_ERROR : CHECK_OK, "provider");
    } else if (p->kind != CONFIG_SANDBOX && p->api_key.n == 0) {
        buf_printf(&c->text, "%s has no api_key (%s)", p->name.p,
                   p->kind == CONFIG_GEMINI ? "GEMINI_API_KEY" : "OPENAI_API_KEY");
        find_built(c, CHECK_WARNING, "provider");
    } else {
        buf_printf(&c->text, "%s, model %s at %s", p->name.p, p->model.p, p->url.p);
        for (uint32_t i = 0; i < p->failover.n; i++) {
            buf_printf(&c->text, "%s " STR_FMT, i ? "," : "; then", STR_ARG(p->failover.v[i]));
        }
        find_built(c, CHECK_OK, "provider");
    }
}

static void check_carrier(struct check *c, const struct config *cfg)
{
    const struct config_twilio *t = &cfg->twilio;
    if (t->auth_tokens.n == 0) {
        find(c, CHECK_WARNING, "twilio", STR("no auth_token (TWILIO_AUTH_TOKEN): webhooks are not verified"));
    } else if (!t->verify_signature) {
        find(c, CHECK_WARNING, "twilio", STR("verify_signature is false: webhooks are not verified"));
    }
    if (!t->require_token) {
        find(c, CHECK_WARNING, "twilio",
             STR("require_token is false: anybody who reaches /media-stream starts a call"));
    }
    if (cfg->server.public_url.n == 0) {
        find(c, CHECK_WARNING, "twilio",
             STR("server.public_url (PUBLIC_URL) is not set: the Host of each request is taken"));
    }
    if (t->account_sid.n == 0 || t->auth_token.n == 0) {
        find(c, CHECK_WARNING, "twilio", STR("no account: calls are hung up by closing the media socket, not by REST"));
    }
    if (t->auth_tokens.n > 0 && t->verify_signature && t->require_token && cfg->server.public_url.n > 0) {
        find(c, CHECK_OK, "twilio", STR("signatures and tokens are checked"));
    }
    find(c, CHECK_OK, "control routes",
         cfg->server.tokens.n > 0 ? STR("need a bearer token, loopback does not")
                                  : STR("only from loopback: server.tokens is empty"));
}

/* The nearest folder that exists is what must be writable; the rest is made at the start. */
static void check_records(struct check *c, const struct config *cfg)
{
    char dir[RECORDS_PATH_MAX];
    struct stat st;
    uint64_t free_bytes = 0;
    if (str_copy(dir, sizeof(dir), cfg->records.dir) < 0) {
        find(c, CHECK_ERROR, "records", STR("records.dir is too long"));
        return;
    }
    while (stat(dir, &st) < 0 && errno == ENOENT) {
        char *slash = strrchr(dir, '/');
        if (!slash || slash == dir) {
            ignore_result(str_copy(dir, sizeof(dir), slash ? STR("/") : STR("."))); /* both fit */
            break;
        }
        *slash = '\0';
    }
    if (access(dir, W_OK | X_OK) < 0) {
        buf_printf(&c->text, "%s: %s is not writable: %s", cfg->records.dir.p, dir, err_text(-errno));
        find_built(c, CHECK_ERROR, "records");
        return;
    }
    int err = disk_free_bytes(dir, &free_bytes);
    bool low = err < 0 || free_bytes >> 20 < cfg->records.min_free_mb;
    buf_printf(&c->text, "%s: %llu MB free%s", cfg->records.dir.p, (unsigned long long)(free_bytes >> 20),
               low ? ", less than records.min_free_mb: nothing will be recorded" : "");
    find_built(c, low ? CHECK_WARNING : CHECK_OK, "records");
}

static void no_request(struct http_exchange *x, const struct http_request *req UNUSED, void *arg UNUSED)
{
    http_respond(x, 503, STR("text/plain"), STR_NULL, span_of_str(STR("checking\n")));
}

static void check_port(struct check *c, const struct config *cfg)
{
    static const struct http_server_handler handler = {.on_request = no_request};
    const struct http_server_opts o = {.host = cfg->server.host.p, .port = cfg->server.port};
    struct loop *loop = NULL;
    struct http_server *server = NULL;
    int err = loop_new(&loop);
    if (err >= 0) {
        err = http_server_open(loop, &o, &handler, NULL, &server);
    }
    buf_printf(&c->text, "%s:%u%s%s", o.host, o.port, err < 0 ? ": " : " is free", err < 0 ? err_text(err) : "");
    find_built(c, err < 0 ? CHECK_ERROR : CHECK_OK, "port");
    http_server_free(server);
    loop_free(loop);
}

static void check_tls(struct check *c, const struct config *cfg)
{
    struct tls_ctx *tls = NULL;
    int err = gateway_load_tls(cfg, &c->text, &tls);
    if (err < 0) {
        find_built(c, CHECK_ERROR, "server.tls");
    } else if (tls) {
        find(c, CHECK_OK, "server.tls", STR("certificate and key belong together"));
    }
    tls_unref(tls);
}

static void check_vad(struct check *c, const struct config *cfg)
{
    struct vad_model *model = NULL;
    int err = vad_load(cfg->vad.model_file, &c->text, &model);
    if (err >= 0) {
        buf_printf(&c->text, "weights %s, kernel %s", vad_model_id(model), vad_kernel_name(vad_kernel_best()));
    }
    find_built(c, err < 0 ? CHECK_ERROR : CHECK_OK, "speech detector");
    vad_model_free(model);
}

/* Whatever the parts themselves refuse: tools, CA files. NULL then. */
static struct snapshot *check_parts(struct check *c, struct config *cfg)
{
    struct snapshot *s = NULL;
    if (snapshot_new(config_ref(cfg), &c->text, &s) < 0) {
        find_built(c, CHECK_ERROR, "configuration");
    }
    return s;
}

static void check_providers(struct check *c, const struct snapshot *s)
{
    for (uint32_t i = 0; i < s->cfg->provider_count; i++) {
        if (s->providers[i].used) {
            check_provider(c, &s->cfg->providers[i]);
        } else {
            buf_printf(&c->text, "%s is not used: no agent, route or failover names it", s->cfg->providers[i].name.p);
            find_built(c, CHECK_OK, "provider");
        }
    }
}

static void check_installation(struct check *c, struct config *cfg)
{
    check_config(c, cfg);
    struct snapshot *s = check_parts(c, cfg);
    if (s) {
        check_providers(c, s);
    }
    snapshot_unref(s);
    check_carrier(c, cfg);
    check_vad(c, cfg);
    check_agents(cfg, c->fn, c->arg);
    for (uint32_t i = 0; i < cfg->agent_count; i++) {
        check_turns(&cfg->agents[i], c->fn, c->arg);
    }
    check_tls(c, cfg);
    check_records(c, cfg);
    check_port(c, cfg);
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

static void check_one_call(struct check *c, struct config *cfg, const struct check_question *q)
{
    struct when_facts facts = q->facts;
    facts.zone = cfg->zone;
    facts.wall_us = clock_wall_us();
    if (q->at.n > 0 && !read_time(q->at, cfg->zone, &facts.wall_us)) {
        find(c, CHECK_ERROR, "call", STR("--at must be a time such as 2026-12-24T09:30"));
        return;
    }
    struct snapshot *s = check_parts(c, cfg);
    if (s) {
        check_call(s, &facts, c->fn, c->arg);
    }
    snapshot_unref(s);
}

int check_run(const struct config_source *source, const struct check_question *question, check_fn fn, void *arg)
{
    struct check c = {.fn = fn, .arg = arg};
    struct config *cfg = NULL;
    buf_init(&c.text, TEXT_MAX);
    int err = config_load(source, &c.text, &cfg);
    if (err < 0) {
        if (c.text.len == 0) {
            buf_printf(&c.text, "%s: %s", source->path ? source->path : "environment", err_text(err));
        }
        find_lines(&c, CHECK_ERROR, "configuration", buf_str(&c.text));
    } else if (question) {
        check_one_call(&c, cfg, question);
    } else {
        check_installation(&c, cfg);
    }
    config_unref(cfg);
    buf_done(&c.text);
    return c.errors;
}
