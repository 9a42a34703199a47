/* The object, its routes and its end. */
#include "carriers/plivo/plivo.h"

#include <assert.h>
#include <stdlib.h>

#include "carriers/plivo/plivo_impl.h"

struct plivo *plivo_of(struct carrier *carrier)
{
    assert(carrier->ops == &plivo_ops);
    return CONTAINER_OF(carrier, struct plivo, cloud.base);
}

struct plivo *plivo_of_cloud(struct cloud *c)
{
    return plivo_of(&c->base);
}

static void set_opts(struct carrier *carrier, const void *opts)
{
    struct plivo *p = plivo_of(carrier);
    p->opts = opts;
    p->cloud.opts = (struct cloud_opts){
        .public_url = p->opts->public_url,
        .require_token = p->opts->require_token,
        .max_unauthenticated = p->opts->max_unauthenticated,
        .socket_start_ms = p->opts->socket_start_ms,
        .max_send_queue_bytes = p->opts->max_send_queue_bytes,
        .ca_file = p->opts->ca_file,
        .rest_ms = p->opts->rest_ms,
    };
}

int plivo_new(struct loop *loop, struct http_client *http, const struct plivo_opts *opts,
              const struct carrier_host *host, void *arg, struct plivo **ret)
{
    struct plivo *p = calloc(1, sizeof(*p));
    if (!p) {
        return -ENOMEM;
    }
    p->cloud.base.ops = &plivo_ops;
    cloud_init(&p->cloud, loop, http, host, arg);
    set_opts(&p->cloud.base, opts);
    *ret = p;
    return 0;
}

static void close_all(struct carrier *carrier)
{
    struct plivo *p = plivo_of(carrier);
    plivo_setup_drop(p);
    cloud_done(&p->cloud);
    free(p);
}

struct carrier *plivo_carrier(struct plivo *p)
{
    return &p->cloud.base;
}

static void stats(struct carrier *carrier, struct carrier_stats *ret)
{
    *ret = plivo_of(carrier)->cloud.stats;
}

/* ---- routes ---- */

enum route_kind { ROUTE_HOOK, ROUTE_NEWS, ROUTE_MEDIA };

static const struct route {
    const char *path;
    enum route_kind kind;
    int what; /* plivo_hook or plivo_news */
} routes[] = {
    {PLIVO_ANSWER_PATH, ROUTE_HOOK, PLIVO_HOOK_ANSWER},     {PLIVO_MEDIA_PATH, ROUTE_MEDIA, 0},
    {PLIVO_HANGUP_PATH, ROUTE_NEWS, PLIVO_NEWS_CALL},       {PLIVO_FALLBACK_PATH, ROUTE_HOOK, PLIVO_HOOK_APOLOGY},
    {PLIVO_HOLD_PATH, ROUTE_HOOK, PLIVO_HOOK_HOLD},         {PLIVO_OUT_ANSWER_PATH, ROUTE_HOOK, PLIVO_HOOK_ANSWER},
    {PLIVO_OUT_HANGUP_PATH, ROUTE_NEWS, PLIVO_NEWS_CALL},   {PLIVO_AFTER_PATH, ROUTE_HOOK, PLIVO_HOOK_AFTER},
    {PLIVO_TRANSFER_PATH, ROUTE_HOOK, PLIVO_HOOK_TRANSFER}, {PLIVO_DIALLED_PATH, ROUTE_HOOK, PLIVO_HOOK_DIALLED},
    {PLIVO_APOLOGY_PATH, ROUTE_HOOK, PLIVO_HOOK_APOLOGY},   {PLIVO_RING_PATH, ROUTE_NEWS, PLIVO_NEWS_CALL},
    {PLIVO_AMD_PATH, ROUTE_NEWS, PLIVO_NEWS_AMD},           {PLIVO_STREAM_PATH, ROUTE_NEWS, PLIVO_NEWS_STREAM},
    {PLIVO_RECORDING_PATH, ROUTE_NEWS, PLIVO_NEWS_OTHER},   {PLIVO_SMS_PATH, ROUTE_NEWS, PLIVO_NEWS_SMS},
    {PLIVO_ASKED_PATH, ROUTE_HOOK, PLIVO_HOOK_ASKED},
};

static bool handle(struct carrier *carrier, struct http_exchange *x, const struct http_request *req)
{
    struct plivo *p = plivo_of(carrier);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!str_is(req->path, routes[i].path)) {
            continue;
        }
        switch (routes[i].kind) {
        case ROUTE_HOOK:
            plivo_on_webhook(p, x, req, (enum plivo_hook)routes[i].what);
            break;
        case ROUTE_NEWS:
            plivo_on_news(p, x, req, (enum plivo_news)routes[i].what);
            break;
        case ROUTE_MEDIA:
            plivo_upgrade(p, x, req);
            break;
        }
        return true;
    }
    return false;
}

static struct str number(struct carrier *carrier)
{
    return plivo_of(carrier)->opts->phone_number;
}

const struct carrier_ops plivo_ops = {
    .name = "plivo",
    .cannot = plivo_cannot,
    .send_sms = plivo_send_sms,
    .cancel = account_cancel,
    .dial = plivo_dial,
    .hangup = plivo_hangup,
    .record = plivo_record,
    .recall = plivo_recall,
    .find_calls = plivo_find_calls,
    .number = number,
    .handle = handle,
    .set_opts = set_opts,
    .stats = stats,
    .free = close_all,
};
