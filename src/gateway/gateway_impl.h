/* The inside of the gateway, shared by gateway.c (open, free), serve.c (run, drain, reload) and routes.c. */
#ifndef GATEWAY_GATEWAY_IMPL_H
#define GATEWAY_GATEWAY_IMPL_H

#include <stdatomic.h>

#include "api/api.h"
#include "carriers/plivo/plivo.h"
#include "carriers/twilio/twilio.h"
#include "gateway/campaigns.h"
#include "gateway/carriers.h"
#include "gateway/gateway.h"
#include "gateway/idle.h"
#include "gateway/logins.h"
#include "gateway/machine.h"
#include "gateway/sandbox_child.h"
#include "gateway/tracing.h"
#include "gateway/vad_load.h"
#include "gateway/worker.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "obs/logger.h"
#include "tools/mcp/mcp.h"

enum gateway_state { GATEWAY_SERVING, GATEWAY_DRAINING, GATEWAY_HANGING_UP, GATEWAY_FLUSHING, GATEWAY_STOPPED };

struct gateway_carrier {
    struct carrier *carrier;
    bool wanted;               /* its routes are served */
    struct carrier_stats last; /* as of the last look at the gauges */
};

struct gateway {
    struct gateway_opts o;
    char *config_path, *dotenv_path, *config_text, *config_over; /* copies, for reloads */
    struct str text, over;                                       /* of them */
    enum gateway_state state;
    struct loop *loop;
    struct logger *logger;
    struct metrics *metrics;
    struct snapshot *snapshot; /* for new calls */
    struct disk *disk;
    const struct store_ops *ops;
    struct store *store;
    struct scribe *scribe;
    struct records *records;
    struct tracing *tracing;
    struct admission *admission;
    struct vad_model *vad; /* shared by all calls */
    struct worker *worker;
    struct http_client *http;
    struct mcp *mcp;
    struct logins *logins;
    struct idle *idle;
    struct gateway_carrier carriers[CARRIERS_MAX];
    uint32_t n_carriers;
    struct plivo *plivo; /* one of them; NULL: none */
    struct outbound *outbound;
    struct campaign_host *campaigns; /* NULL: headless */
    struct hooks *hooks;
    uint32_t reports; /* end-of-call reports that are being read */
    struct api *api;
    struct http_server *server;
    struct tls_ctx *tls;
    struct sandbox_child *sandbox;
    bool opened; /* gateway_open succeeded */
    bool was_ready;
    uint64_t started_us;
    uint64_t drain_until_us;
    uint64_t give_up_us;
    struct timer *drain_timer; /* runs from the stop on */
    uint64_t spool_kept;       /* 1: rows of an earlier process still wait in the spool */
    bool scribe_settling, scribe_settled;
    struct reload *reload;        /* under way */
    struct loop_stats last_stats; /* as of the last look at the gauges */
    struct machine_time machine;  /* likewise */
    _Atomic uint32_t stop_ms;
};

/* routes.c */
extern const struct carrier_host gateway_carrier_host;
extern const struct api_host gateway_api_host;
extern const struct http_server_handler gateway_http_handler;

/* routes_approvals.c */
uint32_t gateway_api_approvals(api_approval_fn fn, void *fn_arg, void *arg);
int gateway_api_decide(struct str id, const struct api_decision *decision, void *arg);

/* gateway.c */
/* NULL when the configuration has no certificate. */
MUST_USE int gateway_load_tls(const struct config *cfg, struct buf *err, struct tls_ctx **ret);
void gateway_check_ready(struct gateway *gw);
void gateway_log_config(struct gateway *gw, const struct config *cfg);

/* gateway_campaigns.c */
MUST_USE int gateway_campaigns_open(struct gateway *gw);
void gateway_campaigns_changed(void *arg);

/* gateway_mcp.c */
MUST_USE int gateway_mcp_init(struct gateway *gw);
/* The servers of this configuration from now on. */
MUST_USE int gateway_mcp_follow(struct gateway *gw, const struct config *cfg);

/* serve.c */
/* Last part of gateway_open. -ENOMEM */
MUST_USE int gateway_serve_init(struct gateway *gw);

#endif
