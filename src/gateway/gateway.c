#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "gateway/gateway_impl.h"
#include "gateway/hook_events.h"
#include "gateway/hooks.h"
#include "gateway/outbound.h"
#include "gateway/spool.h"
#include "gateway/store_choice.h"

/* ---- pieces ---- */

static int make_dirs(struct str path)
{
    char dir[RECORDS_PATH_MAX];
    if (str_copy(dir, sizeof(dir), path) < 0) {
        return -ENAMETOOLONG;
    }
    for (size_t i = 1; i <= path.n; i++) {
        if (i < path.n && dir[i] != '/') {
            continue;
        }
        char kept = dir[i];
        dir[i] = '\0';
        if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
            return -errno;
        }
        dir[i] = kept;
    }
    return 0;
}

static int open_logger(struct gateway *gw, const struct config *cfg, struct buf *err)
{
    const struct logger_opts o = {.json = cfg->log.format == CONFIG_LOG_JSON, .file = cfg->log.file.p};
    if (gw->o.own_log) {
        return 0;
    }
    int e = logger_new(&o, err, &gw->logger);
    if (e < 0) {
        return e;
    }
    log_set_sink(logger_sink, gw->logger, cfg->log.level);
    return 0;
}

/* Warnings of the configuration, once; its secrets before anything else can be logged. */
void gateway_log_config(struct gateway *gw, const struct config *cfg)
{
    for (uint32_t i = 0; gw->logger && i < cfg->secrets.n; i++) {
        ignore_result(logger_add_secret(gw->logger, cfg->secrets.v[i])); /* too short to be masked: said in the docs */
    }
    for (uint32_t i = 0; i < cfg->warnings.n; i++) {
        log_warn(NULL, "config.warning", "text=\"" STR_FMT "\"", STR_ARG(cfg->warnings.v[i]));
    }
    if (cfg->twilio.enabled && !cfg->twilio.require_token) {
        log_warn(NULL, "config.open-media-socket",
                 "text=\"require_token is false: anybody who reaches /media-stream starts a call\"");
    }
    if (cfg->plivo.enabled && !cfg->plivo.require_token) {
        log_warn(NULL, "config.open-media-socket",
                 "text=\"require_token is false: anybody who reaches /ws starts a call\"");
    }
    if (cfg->plivo.enabled && cfg->plivo.text_events) {
        log_warn(NULL, "config.text-events",
                 "text=\"text_events is true: whoever opens a media socket can speak as the caller\"");
    }
    if (cfg->plivo.auth_tokens.n > 0 && !cfg->plivo.verify_signature) {
        log_warn(NULL, "config.no-signatures",
                 "carrier=plivo text=\"verify_signature is false: webhooks are not checked\"");
    }
    if (cfg->twilio.auth_tokens.n > 0 && !cfg->twilio.verify_signature) {
        log_warn(NULL, "config.no-signatures", "text=\"verify_signature is false: webhooks are not checked\"");
    }
}

int gateway_snapshot(struct gateway *gw, struct config *cfg, struct buf *err, struct snapshot **ret)
{
    struct snapshot *s = NULL;
    int e = snapshot_new(cfg, err, &s); /* takes cfg */
    if (e >= 0 && gw->o.adorn) {
        e = gw->o.adorn(s, err, gw->o.arg);
    }
    if (e < 0) {
        snapshot_unref(s);
        return e;
    }
    *ret = s;
    return 0;
}

int gateway_refresh(struct gateway *gw, struct buf *err)
{
    struct snapshot *s = NULL;
    int e = gateway_snapshot(gw, config_ref(gw->snapshot->cfg), err, &s);
    if (e >= 0) {
        e = gateway_mcp_add(gw, s);
        if (e < 0) {
            snapshot_unref(s);
        }
    }
    if (e >= 0) {
        worker_set_snapshot(gw->worker, s);
        snapshot_unref(gw->snapshot);
        gw->snapshot = s;
        if (gw->api) {
            carriers_follow(gw, s);
            api_set_opts(gw->api, &s->api);
        }
    }
    return e;
}

static int load_snapshot(struct gateway *gw, struct buf *err)
{
    struct config *cfg = NULL;
    int e = config_load(&gw->o.config, err, &cfg);
    if (e < 0) {
        return e;
    }
    e = open_logger(gw, cfg, err);
    if (e < 0) {
        config_unref(cfg);
        return e;
    }
    gateway_log_config(gw, cfg);
    return gateway_snapshot(gw, cfg, err, &gw->snapshot); /* takes cfg */
}

/* What an earlier process could not write. Never a reason not to start: the scribe tries again. */
static void drain_spool(struct gateway *gw)
{
    struct spool_report report;
    char path[RECORDS_PATH_MAX];
    int err = spool_path(gw->snapshot->cfg->records.dir, path, sizeof(path));
    err = err < 0 ? err : spool_drain(path, gw->ops, gw->store, &report);
    if (err < 0 && err != -ENOENT) {
        log_error(NULL, "spool.kept", "path=%s error=%s it is tried again", path, err_name(err));
        gw->spool_kept = 1;
    } else if (err >= 0) {
        log_warn(NULL, "spool.drained", "rows=%llu refused=%llu", (unsigned long long)report.written,
                 (unsigned long long)report.refused);
    }
}

static int open_store(struct gateway *gw, struct buf *err)
{
    const struct config *cfg = gw->snapshot->cfg;
    bool memory = gw->o.headless && !gw->o.records;
    int e = memory ? 0 : make_dirs(cfg->records.dir);
    if (e < 0) {
        buf_printf(err, "records.dir: \"" STR_FMT "\" cannot be made: %s", STR_ARG(cfg->records.dir), err_text(e));
        return e;
    }
    e = store_choice_open(memory ? NULL : cfg, STORE_CHOICE_OWNER, err, &gw->ops, &gw->store);
    if (e < 0) {
        return e;
    }
    if (memory) {
        return 0;
    }
    drain_spool(gw); /* before calls are closed as killed: their true ends may wait there */
    int stale = gw->ops->close_stale(gw->store, (uint64_t)clock_wall_us());
    if (stale < 0) {
        buf_printf(err, "the record store: calls of a killed process cannot be closed: %s", err_text(stale));
        return stale;
    }
    if (stale > 0) {
        log_warn(NULL, "store.closed-stale", "calls=%d reason=%s", stale, call_reason_name(REASON_KILLED));
    }
    return 0;
}

static struct carrier *carrier(struct str name, void *arg)
{
    return carriers_find(arg, name);
}

static struct str sandbox_url(void *arg)
{
    struct gateway *gw = arg;
    return gw->sandbox ? sandbox_child_url(gw->sandbox) : STR("");
}

static void on_tap(const struct tap_event *e, void *arg)
{
    struct gateway *gw = arg;
    if (gw->o.tap.fn) {
        gw->o.tap.fn(e, gw->o.tap.arg);
    }
    if (gw->hooks) {
        hook_events_tap(gw, e);
    }
}

static int open_hooks(struct gateway *gw)
{
    char dir[RECORDS_PATH_MAX];
    const struct hooks_opts o = {.loop = gw->loop, .http = gw->http, .metrics = gw->metrics, .dir = dir};
    int n = snprintf(dir, sizeof(dir), STR_FMT "/webhooks", STR_ARG(gw->snapshot->cfg->records.dir));
    int err = n < 0 || (size_t)n >= sizeof(dir) ? -ENAMETOOLONG : hooks_new(&o, &gw->hooks);
    if (err >= 0) {
        hooks_set(gw->hooks, gw->snapshot->cfg);
    }
    return err;
}

static bool is_empty(void *arg)
{
    const struct gateway *gw = arg;
    return worker_calls(gw->worker) == 0;
}

static void on_empty(void *arg)
{
    const struct gateway *gw = arg;
    idle_begin(gw->idle);
}

static uint16_t own_port(void *arg)
{
    return gateway_port(arg);
}

static void on_login(void *arg)
{
    gateway_check_ready(arg);
}

static int open_logins(struct gateway *gw)
{
    const struct logins_opts o = {
        .loop = gw->loop, .http = gw->http, .metrics = gw->metrics, .on_tried = on_login, .arg = gw};
    int err = logins_new(&o, &gw->logins);
    return err < 0 ? err : logins_follow(gw->logins, gw->snapshot);
}

static int open_worker(struct gateway *gw, struct buf *err)
{
    const struct config *cfg = gw->snapshot->cfg;
    const struct admission_limits limits = {cfg->limits.max_calls, cfg->limits.max_calls_per_number};
    char spool[RECORDS_PATH_MAX];
    int e = spool_path(cfg->records.dir, spool, sizeof(spool));
    if (e < 0) {
        return e;
    }
    const struct scribe_opts scribe = {
        .loop = gw->loop,
        .ops = gw->ops,
        .store = gw->store,
        .metrics = gw->metrics,
        .spool = gw->o.headless && !gw->o.records ? NULL : spool,
        .spooled = gw->spool_kept,
    };
    e = scribe_new(&scribe, &gw->scribe);
    if (e < 0) {
        return e;
    }
    const struct records_opts records = {
        .loop = gw->loop,
        .ops = gw->ops,
        .store = gw->store,
        .scribe = gw->scribe,
        .dir = cfg->records.dir.p,
        .min_free_mb = cfg->records.min_free_mb,
        .retention_s = records_retention_s(&cfg->records),
    };
    e = records_new(&records, &gw->records);
    if (e < 0) {
        return e;
    }
    e = http_client_new(gw->loop, &gw->http);
    if (e < 0) {
        return e;
    }
    const struct idle_opts idle = {.loop = gw->loop, .still = is_empty, .arg = gw};
    e = gateway_mcp_init(gw);
    e = e < 0 ? e : open_logins(gw);
    e = e < 0 ? e : idle_new(&idle, &gw->idle);
    if (e < 0) {
        return e;
    }
    const struct tracing_env tracing = {
        .loop = gw->loop, .http = gw->http, .metrics = gw->metrics, .scribe = gw->scribe};
    e = tracing_new(&tracing, &cfg->tracing, err, &gw->tracing);
    if (e < 0) {
        return e;
    }
    e = admission_new(&limits, &gw->admission);
    if (e < 0) {
        return e;
    }
    const struct worker_env env = {
        .loop = gw->loop,
        .disk = gw->disk,
        .http = gw->http,
        .mcp = gw->mcp,
        .logins = gw->logins,
        .metrics = gw->metrics,
        .scribe = gw->scribe,
        .tracer = tracing_tracer(gw->tracing),
        .records = gw->records,
        .admission = gw->admission,
        .ops = gw->ops,
        .store = gw->store,
        .vad = gw->vad,
        .tap = {on_tap, gw},
        .carrier = carrier,
        .sandbox_url = sandbox_url,
        .own_port = own_port,
        .on_empty = on_empty,
        .arg = gw,
    };
    return worker_new(&env, gw->snapshot, &gw->worker);
}

static int open_edges(struct gateway *gw)
{
    const struct api_new_opts api = {
        .loop = gw->loop,
        .ops = gw->ops,
        .store = gw->store,
        .metrics = gw->metrics,
        .host = &gateway_api_host,
        .arg = gw,
    };
    int e = carriers_open(gw);
    if (e < 0) {
        return e;
    }
    e = outbound_new(gw, &gw->outbound);
    e = e < 0 ? e : gateway_campaigns_open(gw);
    if (e < 0) {
        return e;
    }
    e = open_hooks(gw);
    if (e < 0) {
        return e;
    }
    return api_new(&api, &gw->snapshot->api, &gw->api);
}

int gateway_load_tls(const struct config *cfg, struct buf *err, struct tls_ctx **ret)
{
    *ret = NULL;
    return cfg->server.tls_cert.n == 0 ? 0 : tls_server_new(cfg->server.tls_cert.p, cfg->server.tls_key.p, err, ret);
}

static int open_server(struct gateway *gw, struct buf *err)
{
    const struct config *cfg = gw->snapshot->cfg;
    const struct http_server_opts o = {
        .host = cfg->server.host.p,
        .port = gw->o.port_given ? gw->o.port : cfg->server.port,
        .tls = gw->tls,
        .max_connections = cfg->limits.max_calls * 2 + cfg->limits.max_unauthenticated_sockets + 256,
    };
    int e = http_server_open(gw->loop, &o, &gateway_http_handler, gw, &gw->server);
    if (e < 0) {
        buf_printf(err, "server.listen: %s:%u cannot be opened: %s%s", o.host, o.port, err_text(e),
                   e == -EADDRINUSE ? "; another program listens there (SERVER_PORT chooses another port)" : "");
    }
    return e;
}

/* ---- the sandbox ---- */

void gateway_check_ready(struct gateway *gw)
{
    if (gw->o.headless) { /* whoever waits for the sandbox looks for himself */
        if (gw->o.on_ready) {
            gw->o.on_ready(gw->o.arg);
        }
        return;
    }
    bool ready = gw->state == GATEWAY_SERVING && (!gw->snapshot->own_sandbox || sandbox_url(gw).n > 0) &&
                 logins_settled(gw->logins);
    if (ready && !gw->was_ready) {
        gw->was_ready = true;
        log_info(NULL, "gateway.ready", "port=%u tls=%d provider=" STR_FMT " start_ms=%llu", gateway_port(gw),
                 gw->tls != NULL, STR_ARG(gw->snapshot->provider->name),
                 (unsigned long long)((loop_now_us(gw->loop) - gw->started_us) / 1000));
        carriers_ready(gw);
        if (gw->o.on_ready) {
            gw->o.on_ready(gw->o.arg);
        }
    }
}

static void on_sandbox_ready(void *arg)
{
    gateway_check_ready(arg);
}

static void on_sandbox_closed(void *arg)
{
    struct gateway *gw = arg;
    gw->sandbox = NULL;
}

static const struct sandbox_child_handler sandbox_handler = {.on_ready = on_sandbox_ready,
                                                             .on_closed = on_sandbox_closed};

static int open_sandbox(struct gateway *gw, struct buf *err)
{
    const struct sandbox_child_opts o = {.file = gw->o.sandbox_file, .extra_args = gw->o.sandbox_args};
    if (gw->sandbox) {
        return 0;
    }
    int e = sandbox_child_open(gw->loop, &o, &sandbox_handler, gw, &gw->sandbox);
    if (e < 0) {
        buf_printf(err,
                   "the offline sandbox cannot be started (%s): build or install ringtrip-sandbox beside ringtrip, or "
                   "configure a provider (OPENAI_API_KEY, GEMINI_API_KEY)",
                   err_text(e));
    }
    return e;
}

int gateway_want_sandbox(struct gateway *gw)
{
    struct buf err;
    buf_init(&err, 4096);
    int e = gw->state == GATEWAY_SERVING ? open_sandbox(gw, &err) : -ERR_CLOSED;
    buf_done(&err);
    return e;
}

bool gateway_sandbox_ready(const struct gateway *gw)
{
    return gw->sandbox && sandbox_child_url(gw->sandbox).n > 0;
}

bool gateway_logins_settled(const struct gateway *gw)
{
    return logins_settled(gw->logins);
}

/* ---- life ---- */

static void when_running(void *arg)
{
    gateway_check_ready(arg);
}

static int open_all(struct gateway *gw, struct buf *err)
{
    int e = load_snapshot(gw, err);
    if (e < 0) {
        return e;
    }
    e = gateway_load_tls(gw->snapshot->cfg, err, &gw->tls); /* what may be refused comes before folders are made */
    if (e < 0) {
        return e;
    }
    e = vad_load(gw->snapshot->cfg->vad.model_file, err, &gw->vad);
    if (e < 0) {
        return e;
    }
    gw->loop = gw->o.loop;
    e = gw->loop ? 0 : loop_new(&gw->loop);
    if (e < 0) {
        return e;
    }
    gw->started_us = loop_now_us(gw->loop);
    gw->metrics = metrics_new();
    if (!gw->metrics) {
        return -ENOMEM;
    }
    e = open_store(gw, err);
    if (e >= 0) {
        e = disk_new(gw->loop, &gw->disk);
    }
    if (e >= 0) {
        e = open_worker(gw, err);
    }
    if (e >= 0 && !gw->o.headless) {
        e = open_edges(gw);
    }
    if (e >= 0 && !gw->o.headless) {
        e = open_server(gw, err);
    }
    if (e >= 0 && !gw->o.headless && gw->snapshot->own_sandbox) {
        e = open_sandbox(gw, err);
    }
    if (e >= 0) {
        e = gateway_mcp_follow(gw, gw->snapshot->cfg);
    }
    if (e >= 0) {
        e = gateway_serve_init(gw);
    }
    if (e >= 0) {
        e = loop_post(gw->loop, when_running, gw); /* on_ready never comes before gateway_open returned */
    }
    return e;
}

/* What a reload needs long after gateway_open's caller is gone. */
static int keep_paths(struct gateway *gw)
{
    struct config_source *c = &gw->o.config;
    if (c->path) {
        gw->config_path = str_dup(str_from(c->path));
        c->path = gw->config_path;
    }
    if (c->dotenv_path) {
        gw->dotenv_path = str_dup(str_from(c->dotenv_path));
        c->dotenv_path = gw->dotenv_path;
    }
    if (c->text) {
        gw->config_text = str_dup(*c->text);
        gw->text = (struct str){gw->config_text, c->text->n};
        c->text = &gw->text;
    }
    if (c->over) {
        gw->config_over = str_dup(*c->over);
        gw->over = (struct str){gw->config_over, c->over->n};
        c->over = &gw->over;
    }
    bool lost = (c->path && !gw->config_path) || (c->dotenv_path && !gw->dotenv_path) ||
                (c->text && !gw->config_text) || (c->over && !gw->config_over);
    return lost ? -ENOMEM : 0;
}

int gateway_open(const struct gateway_opts *opts, struct buf *err, struct gateway **ret)
{
    struct gateway *gw = calloc(1, sizeof(*gw));
    if (!gw) {
        return -ENOMEM;
    }
    gw->o = *opts;
    int e = keep_paths(gw);
    if (e >= 0) {
        e = open_all(gw, err);
    }
    if (e < 0) {
        if (err->len == 0) {
            buf_puts(err, err_text(e));
        }
        gateway_free(gw);
        return e;
    }
    gw->opened = true;
    log_info(NULL, "gateway.listening", "host=" STR_FMT " port=%u tls=%d version=%s",
             STR_ARG(gw->snapshot->cfg->server.host), gateway_port(gw), gw->tls != NULL, RINGTRIP_VERSION);
    *ret = gw;
    return 0;
}

struct gateway *gateway_free(struct gateway *gw)
{
    if (!gw) {
        return NULL;
    }
    if (gw->loop && !gw->o.loop) {
        loop_adopt(gw->loop);
    }
    if (gw->opened && gw->state != GATEWAY_STOPPED) { /* never run, or left by somebody's loop_stop: end its calls */
        gateway_stop(gw, 1);
        gateway_run(gw);
    }
    /* Outside in: what may still call back goes first, what it calls back into last. */
    outbound_stop(gw->outbound);
    campaign_host_free(gw->campaigns);
    carriers_free(gw);
    http_server_free(gw->server);
    if (gw->sandbox) {
        sandbox_child_close(gw->sandbox);
    }
    gw->mcp = mcp_free(gw->mcp);
    logins_free(gw->logins);
    http_client_free(gw->http);
    hooks_free(gw->hooks);
    disk_free(gw->disk);
    timer_free(gw->drain_timer);
    worker_free(gw->worker);
    idle_free(gw->idle);
    outbound_free(gw->outbound);
    tracing_free(gw->tracing);
    api_free(gw->api);
    records_free(gw->records);
    scribe_free(gw->scribe);
    if (gw->loop && !gw->o.loop) {
        loop_free(gw->loop);
    }
    if (gw->store) {
        gw->ops->close(gw->store);
    }
    admission_free(gw->admission);
    vad_model_free(gw->vad);
    tls_unref(gw->tls);
    snapshot_unref(gw->snapshot);
    metrics_free(gw->metrics);
    if (gw->logger) {
        log_set_sink(NULL, NULL, LOG_ERROR);
        logger_free(gw->logger);
    }
    free(gw->config_path);
    free(gw->dotenv_path);
    free(gw->config_text);
    free(gw->config_over);
    free(gw);
    return NULL;
}

struct loop *gateway_loop(struct gateway *gw)
{
    return gw->loop;
}

uint16_t gateway_port(const struct gateway *gw)
{
    return gw->server ? http_server_port(gw->server) : 0;
}

struct tracer *gateway_tracer(struct gateway *gw)
{
    return tracing_tracer(gw->tracing);
}

struct worker *gateway_worker(struct gateway *gw)
{
    return gw->worker;
}

uint32_t gateway_places(const struct gateway *gw)
{
    return admission_calls(gw->admission);
}

uint32_t gateway_calls(const struct gateway *gw)
{
    return worker_calls(gw->worker);
}

const struct config *gateway_config(const struct gateway *gw)
{
    return gw->snapshot->cfg;
}
