/* Running, draining, reloading: how a gateway that was opened goes on and ends. */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/gateway_impl.h"
#include "gateway/hooks.h"
#include "gateway/outbound.h"
#include "net/tls.h"

#define DRAIN_TICK_US 10000
#define GRACE_US      2000000  /* over the hang-up deadline, before sockets are cut */
#define FLUSH_MAX_US  15000000 /* last rows and files; then we leave without them */

static uint64_t now(const struct gateway *gw)
{
    return loop_now_us(gw->loop);
}

/* ---- the end ---- */

static void on_settled(void *arg)
{
    struct gateway *gw = arg;
    gw->scribe_settled = true;
}

/* Rows may still come until the last call and job are gone; then one look behind the queue is the last. */
static bool all_written(struct gateway *gw)
{
    if (!gw->scribe_settling) {
        gw->scribe_settling = true;
        if (scribe_after(gw->scribe, on_settled, gw) < 0) {
            gw->scribe_settled = true; /* out of memory: leave without waiting */
        }
    }
    return gw->scribe_settled;
}

static void flush(struct gateway *gw)
{
    uint32_t answers = gw->api ? api_pending(gw->api) : 0;
    bool idle = worker_calls(gw->worker) == 0 && worker_busy(gw->worker) == 0 && answers == 0 &&
                records_busy(gw->records) == 0 && gw->reports == 0 && (!gw->hooks || hooks_busy(gw->hooks) == 0) &&
                (!gw->campaigns || campaign_host_busy(gw->campaigns) == 0) && !gw->reload && !gw->sandbox &&
                all_written(gw) && !tracing_busy(gw->tracing);
    if (!idle && now(gw) < gw->give_up_us) {
        return;
    }
    if (!idle) {
        log_error(NULL, "gateway.flush-timeout", "calls=%u jobs=%u answers=%u traces=%d", worker_calls(gw->worker),
                  worker_busy(gw->worker), answers, tracing_busy(gw->tracing));
    }
    gw->state = GATEWAY_STOPPED;
    if (gw->hooks) {
        hooks_stop(gw->hooks);
    }
    if (gw->campaigns) {
        campaign_host_leave(gw->campaigns); /* in this very pass it might begin a job */
    }
    timer_stop(gw->drain_timer);
    log_info(NULL, "gateway.stopped", "lost_rows=%llu spooled_rows=%llu uptime_s=%llu",
             (unsigned long long)scribe_lost(gw->scribe), (unsigned long long)scribe_spooled(gw->scribe),
             (unsigned long long)((now(gw) - gw->started_us) / 1000000));
    loop_stop(gw->loop);
}

static void begin_flush(struct gateway *gw)
{
    gw->state = GATEWAY_FLUSHING;
    gw->give_up_us = now(gw) + FLUSH_MAX_US;
    if (gw->server) {
        http_server_stop_listening(gw->server);
    }
    records_stop(gw->records);
    scribe_hurry(gw->scribe);
    tracing_stop(gw->tracing);
    if (gw->sandbox) {
        sandbox_child_close(gw->sandbox);
    }
}

static void begin_hangup(struct gateway *gw)
{
    gw->state = GATEWAY_HANGING_UP;
    gw->give_up_us = now(gw) + (uint64_t)gw->snapshot->cfg->deadlines.hangup_ms * 1000 + GRACE_US;
    log_warn(NULL, "gateway.hanging-up", "calls=%u", worker_calls(gw->worker));
    worker_hangup_all(gw->worker, REASON_DRAIN);
}

static void on_drain_tick(void *arg)
{
    struct gateway *gw = arg;
    switch (gw->state) {
    case GATEWAY_DRAINING:
        if (worker_calls(gw->worker) == 0 && outbound_under_way(gw->outbound) == 0) {
            begin_flush(gw);
        } else if (now(gw) >= gw->drain_until_us) {
            begin_hangup(gw);
        }
        break;
    case GATEWAY_HANGING_UP:
        if (worker_calls(gw->worker) == 0 && (outbound_under_way(gw->outbound) == 0 || now(gw) >= gw->give_up_us)) {
            begin_flush(gw); /* last words of carriers that come later are taken by the next process */
        } else if (now(gw) >= gw->give_up_us) {
            log_error(NULL, "gateway.aborting", "calls=%u", worker_calls(gw->worker));
            gw->give_up_us = UINT64_MAX;
            worker_abort_all(gw->worker);
        }
        break;
    case GATEWAY_FLUSHING:
        flush(gw);
        break;
    case GATEWAY_SERVING:
    case GATEWAY_STOPPED:
        break;
    }
}

static void on_stop(void *arg)
{
    struct gateway *gw = arg;
    uint32_t ms = atomic_load(&gw->stop_ms);
    if (gw->state == GATEWAY_SERVING) {
        if (gw->campaigns) {
            campaign_host_stop(gw->campaigns);
        }
        gw->state = GATEWAY_DRAINING;
        gw->drain_until_us = now(gw) + (uint64_t)(ms ? ms : gw->snapshot->cfg->deadlines.drain_ms) * 1000;
        admission_drain(gw->admission);
        metrics_set(gw->metrics, METRIC_DRAINING, 1);
        log_info(NULL, "gateway.draining", "calls=%u drain_ms=%llu", worker_calls(gw->worker),
                 (unsigned long long)((gw->drain_until_us - now(gw)) / 1000));
        timer_start(gw->drain_timer, 0, DRAIN_TICK_US);
    } else if (gw->state == GATEWAY_DRAINING) {
        gw->drain_until_us = now(gw);
    }
}

void gateway_stop(struct gateway *gw, uint32_t drain_ms)
{
    atomic_store(&gw->stop_ms, drain_ms);
    if (loop_post(gw->loop, on_stop, gw) < 0) {
        loop_stop(gw->loop); /* no memory for a message: leave the hard way */
    }
}

void gateway_run(struct gateway *gw)
{
    loop_run(gw->loop);
}

/* ---- reload ---- */

struct reload {
    struct gateway *gw;
    struct config *cfg;
    struct buf err;
};

static int reload_work(void *arg)
{
    struct reload *r = arg;
    return config_load(&r->gw->o.config, &r->err, &r->cfg);
}

/* Settings that are read only at the start. */
static void warn_fixed(const struct config *old, const struct config *cfg)
{
    if (!str_eq(old->server.host, cfg->server.host) || old->server.port != cfg->server.port) {
        log_warn(NULL, "config.needs-restart", "key=server.listen");
    }
    if (!str_eq(old->records.dir, cfg->records.dir) || !str_eq(old->records.database, cfg->records.database)) {
        log_warn(NULL, "config.needs-restart", "key=records.dir");
    }
    if (!str_eq(old->store.url, cfg->store.url) || !str_eq(old->store.node, cfg->store.node)) {
        log_warn(NULL, "config.needs-restart", "key=store");
    }
    if (!str_eq(old->campaigns.timezone, cfg->campaigns.timezone) ||
        old->campaigns.max_calls != cfg->campaigns.max_calls || old->campaigns.lease_s != cfg->campaigns.lease_s) {
        log_warn(NULL, "config.needs-restart", "key=campaigns");
    }
    if (!str_eq(old->vad.model_file, cfg->vad.model_file)) {
        log_warn(NULL, "config.needs-restart", "key=vad.model_file");
    }
    if (old->log.format != cfg->log.format || !str_eq(old->log.file, cfg->log.file)) {
        log_warn(NULL, "config.needs-restart", "key=log.file");
    }
    if ((old->server.tls_cert.n > 0) != (cfg->server.tls_cert.n > 0)) {
        log_warn(NULL, "config.needs-restart", "key=server.tls");
    }
}

static void use_snapshot(struct gateway *gw, struct snapshot *s, struct tls_ctx *tls)
{
    const struct config *cfg = s->cfg;
    const struct admission_limits limits = {cfg->limits.max_calls, cfg->limits.max_calls_per_number};
    struct snapshot *old = gw->snapshot;
    gateway_log_config(gw, cfg);
    warn_fixed(old->cfg, cfg);
    if (tls && gw->tls) {
        http_server_set_tls(gw->server, tls);
        tls_unref(gw->tls);
        gw->tls = tls_ref(tls);
    }
    admission_set_limits(gw->admission, &limits);
    records_set(gw->records, cfg->records.min_free_mb, records_retention_s(&cfg->records));
    tracing_set(gw->tracing, &cfg->tracing);
    worker_set_snapshot(gw->worker, s);
    if (gw->api) {
        carriers_follow(gw, s);
        api_set_opts(gw->api, &s->api);
        hooks_set(gw->hooks, cfg);
    }
    if (!gw->o.own_log) {
        log_set_level(cfg->log.level);
    }
    gw->snapshot = s;
    snapshot_unref(old);
}

static int apply(struct reload *r)
{
    struct gateway *gw = r->gw;
    struct tls_ctx *tls = NULL;
    struct snapshot *s = NULL;
    struct config *cfg = r->cfg;
    r->cfg = NULL;
    int err = gateway_load_tls(cfg, &r->err, &tls);
    if (err < 0) {
        config_unref(cfg);
        return err;
    }
    err = gateway_snapshot(gw, cfg, &r->err, &s);
    if (err >= 0 && (err = gateway_mcp_add(gw, s)) < 0) {
        snapshot_unref(s);
    }
    if (err >= 0 && s->own_sandbox && !gw->sandbox) {
        buf_puts(&r->err, "the offline sandbox is started only with the program: restart it");
        snapshot_unref(s);
        err = -ERR_CONFIG;
    }
    if (err >= 0) {
        use_snapshot(gw, s, tls);
        err = logins_follow(gw->logins, s);
        err = err < 0 ? err : gateway_mcp_follow(gw, s->cfg);
    }
    tls_unref(tls);
    return err;
}

static void reload_done(int err, void *arg)
{
    struct reload *r = arg;
    struct gateway *gw = r->gw;
    gw->reload = NULL;
    if (err >= 0) {
        err = apply(r);
    }
    metrics_add_word(gw->metrics, METRIC_RELOADS, err < 0 ? STR("error") : STR("ok"), 1);
    if (err < 0) {
        const char *text = buf_cstr(&r->err);
        log_error(NULL, "config.reload-failed", "error=%s text=\"%s\" the old settings stay", err_name(err),
                  text ? text : "");
    } else {
        log_info(NULL, "config.reloaded", "source=" STR_FMT, STR_ARG(gw->snapshot->cfg->source));
    }
    config_unref(r->cfg);
    buf_done(&r->err);
    free(r);
}

static void on_reload(void *arg)
{
    struct gateway *gw = arg;
    if (gw->reload || gw->state != GATEWAY_SERVING) {
        log_warn(NULL, "config.reload-ignored", "reason=%s", gw->reload ? "reloading" : "draining");
        return;
    }
    if (gw->logger) {
        ignore_result(logger_reopen(gw->logger)); /* the old file goes on being used; the sink says why */
    }
    struct reload *r = calloc(1, sizeof(*r));
    if (r) {
        r->gw = gw;
        buf_init(&r->err, 64u << 10);
        gw->reload = r;
        int err = job_run(gw->loop, reload_work, reload_done, r);
        if (err < 0) {
            reload_done(err, r);
        }
    }
}

void gateway_reload(struct gateway *gw)
{
    ignore_result(loop_post(gw->loop, on_reload, gw)); /* out of memory: the old settings stay */
}

/* ---- start ---- */

static void on_pass_end(void *arg)
{
    struct gateway *gw = arg;
    metrics_observe_us(gw->metrics, METRIC_LOOP_PASS, clock_now_us() - loop_now_us(gw->loop));
}

int gateway_serve_init(struct gateway *gw)
{
    int err = timer_new(gw->loop, on_drain_tick, gw, &gw->drain_timer);
    /* A loop that is not ours goes on when we are gone. */
    return err < 0 || gw->o.loop ? err : loop_on_pass_end(gw->loop, on_pass_end, gw);
}
