/* Which record store a configuration names, opened: PostgreSQL with store.url, else SQLite. Blocks. */
#ifndef GATEWAY_STORE_CHOICE_H
#define GATEWAY_STORE_CHOICE_H

#include "base/buf.h"
#include "call/store.h"
#include "config/config.h"

enum store_choice {
    STORE_CHOICE_OWNER, /* a serving gateway: its name or file is its own */
    STORE_CHOICE_GUEST, /* looks and deletes beside one that may serve; -ENOENT: there is nothing yet */
};

/* cfg NULL: in memory. err gets a sentence. ops->close is the caller's. */
MUST_USE int store_choice_open(const struct config *cfg, enum store_choice choice, struct buf *err,
                               const struct store_ops **ret_ops, struct store **ret);

#define STORE_NODE_MAX 400

/* This gateway's name among those that share a store: store.node, or the host's name and records.dir. -ENAMETOOLONG */
MUST_USE int store_choice_node(const struct config *cfg, char *ret, size_t cap);

#endif
