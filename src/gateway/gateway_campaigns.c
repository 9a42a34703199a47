/* Campaigns as a part of the gateway: whose leases they are, what they dial with. */
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/gateway_impl.h"
#include "gateway/outbound.h"
#include "gateway/store_choice.h"
#include "net/crypto.h"

#define OWNER_BYTES (STORE_NODE_MAX + 40)

static int dial(const struct dialer_request *req, const struct dialer_handler *handler, void *handler_arg,
                struct buf *ret_why, void *arg)
{
    struct gateway *gw = arg;
    return outbound_dial(gw->outbound, req, handler, handler_arg, NULL, ret_why);
}

/*
 * "<name>#<of this run>". The store lets one process have a name at a time, so leases of other runs under it are dead.
 * An SQLite file has one serving process altogether.
 */
static int put_owner(const struct gateway *gw, char *ret, size_t cap, struct str *ret_prefix)
{
    uint8_t bytes[8];
    char node[STORE_NODE_MAX] = "";
    const struct config *cfg = gw->snapshot->cfg;
    char hex[2 * sizeof(bytes) + 1];
    crypto_random(bytes, sizeof(bytes));
    crypto_hex(span_from(bytes, sizeof(bytes)), hex);
    int err = store_choice_node(cfg, node, sizeof(node));
    int n = err < 0 ? err : snprintf(ret, cap, "%s#%s", node, hex);
    if (n < 0 || (size_t)n >= cap) {
        return n < 0 ? n : -ENAMETOOLONG;
    }
    *ret_prefix = cfg->store.url.n ? (struct str){ret, strlen(node) + 1} : STR("");
    return 0;
}

int gateway_campaigns_open(struct gateway *gw)
{
    const struct config *cfg = gw->snapshot->cfg;
    char owner[OWNER_BYTES];
    struct str prefix = STR("");
    if (gw->o.headless || !gw->ops->campaigns) {
        return 0;
    }
    int err = put_owner(gw, owner, sizeof(owner), &prefix);
    if (err < 0) {
        return err;
    }
    const struct campaign_host_opts o = {.loop = gw->loop,
                                         .ops = gw->ops->campaigns,
                                         .store = gw->store,
                                         .metrics = gw->metrics,
                                         .owner = str_from(owner),
                                         .owner_prefix = prefix,
                                         .timezone = cfg->campaigns.timezone,
                                         .max_calls = cfg->campaigns.max_calls,
                                         .lease_s = cfg->campaigns.lease_s,
                                         .dial = dial,
                                         .arg = gw};
    return campaign_host_new(&o, &gw->campaigns);
}

void gateway_campaigns_changed(void *arg)
{
    struct gateway *gw = arg;
    if (gw->campaigns) {
        campaign_host_poke(gw->campaigns);
    }
}
