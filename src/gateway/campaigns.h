/*
 * Campaigns of a running gateway: carries out what the scheduler (dialer/campaign.h) wants, on the store (job pool) and
 * with the dialer, and tells it what came of it. Loop thread only.
 */
#ifndef GATEWAY_CAMPAIGNS_H
#define GATEWAY_CAMPAIGNS_H

#include "call/campaign_store.h"
#include "call/store.h"
#include "dialer/campaign.h"
#include "net/loop.h"
#include "obs/metrics.h"

struct campaign_host;

/* The narrow way to the dialer: dialer_start, as far as campaigns need it. */
typedef int (*campaign_dial_fn)(const struct dialer_request *req, const struct dialer_handler *handler,
                                void *handler_arg, struct buf *ret_why, void *arg);

struct campaign_host_opts {
    struct loop *loop;
    const struct campaign_ops *ops;
    struct store *store;
    struct metrics *metrics;
    struct str owner;        /* of leases; no other process has it */
    struct str owner_prefix; /* owners that begin so are earlier runs of this gateway */
    struct str timezone;     /* of campaigns that name none */
    uint32_t max_calls, lease_s;
    campaign_dial_fn dial;
    void *arg;
};

MUST_USE int campaign_host_new(const struct campaign_host_opts *o, struct campaign_host **ret);
/*
 * Jobs that the store has not answered go on; nobody is told of them. The store and the texts lent to it stay until
 * the loop has waited for them (loop_free). NULL is fine.
 */
struct campaign_host *campaign_host_free(struct campaign_host *h);
/* Something about a campaign has changed: look now. */
void campaign_host_poke(struct campaign_host *h);
/* Leases nobody any more; what is under way is written down. */
void campaign_host_stop(struct campaign_host *h);
/* Behind campaign_host_stop, when it is busy no more: no lease is renewed, so that no job begins again. */
void campaign_host_leave(struct campaign_host *h);
/* Jobs under way, and ends that the store has not taken yet. */
uint32_t campaign_host_busy(const struct campaign_host *h);

#endif
