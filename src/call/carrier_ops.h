/* For those who implement a carrier: the table behind carrier.h and the part every carrier begins with. */
#ifndef CALL_CARRIER_OPS_H
#define CALL_CARRIER_OPS_H

#include "call/carrier.h"
#include "call/carrier_host.h"

struct carrier_ops {
    const char *name;
    const char *(*cannot)(struct carrier *carrier, enum carrier_service service);
    int (*send_sms)(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                    uint64_t *ret_id);
    void (*cancel)(struct carrier *carrier, uint64_t id);
    /* All five or none: then carrier_dial and the others answer -ENOTSUP. */
    int (*dial)(struct carrier *carrier, const struct carrier_dial *dial, carrier_done_fn done, void *arg,
                uint64_t *ret_id);
    int (*hangup)(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                  uint64_t *ret_id);
    int (*record)(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                  uint64_t *ret_id);
    int (*recall)(struct carrier *carrier, const struct carrier_call_ref *ref, struct str attempt);
    int (*find_calls)(struct carrier *carrier, const struct carrier_find *find, carrier_found_fn done, void *arg,
                      uint64_t *ret_id);
    struct str (*number)(struct carrier *carrier); /* optional */
    bool (*handle)(struct carrier *carrier, struct http_exchange *x, const struct http_request *req);
    void (*set_opts)(struct carrier *carrier, const void *opts);
    void (*stats)(struct carrier *carrier, struct carrier_stats *ret);
    void (*free)(struct carrier *carrier);
};

struct carrier {
    const struct carrier_ops *ops;
};

#endif
