/*
 * The WebSocket of a model session, as every provider has one: opened, listened to, failed once with one
 * EV_MODEL_FAILED that says why, closed. Not here: addresses and settings, what messages mean (the provider). Loop
 * thread.
 *
 *   CONNECTING --101, on_open--> SETTING_UP --link_ready--> READY      any --failure, link_end--> CLOSING --> destroy
 */
#ifndef PROVIDERS_LINK_H
#define PROVIDERS_LINK_H

#include "base/buf.h"
#include "base/log.h"
#include "call/model_ops.h"
#include "net/loop.h"
#include "net/ws.h"

enum link_state {
    LINK_CONNECTING, /* until 101 */
    LINK_SETTING_UP, /* until the settings are confirmed */
    LINK_READY,
    LINK_CLOSING, /* failed or closed by the host; only on_closed follows */
};

/* Why a session ended. Texts are lent, by room or for as long as the link lives. */
struct link_failure {
    int err;
    struct str code, message;
};

struct link;

struct link_ops {
    void (*on_open)(struct link *l);                             /* 101 */
    void (*on_message)(struct link *l, struct str text);         /* while it is set up, and READY */
    void (*on_binary)(struct link *l, struct span data);         /* NULL: a binary message is as good as a text */
    void (*on_deadline)(struct link *l);                         /* link_deadline; not when CLOSING */
    bool (*knows_why)(struct link *l, struct link_failure *ret); /* the service has said it before it closed; NULL */
    /* The service closed the socket. */
    void (*judge)(struct link *l, const struct ws_close *why, struct buf *room, struct link_failure *ret);
    void (*destroy)(struct link *l); /* on_closed was told; the provider frees itself, and the link with link_done */
};

/* Begins the provider's struct. */
struct link {
    struct model base;
    const struct link_ops *ops;
    enum link_state state;
    bool was_ready, told_failed;
    struct loop *loop;
    struct ws *ws;          /* NULL: before link_connect, and when it is closed */
    struct timer *deadline; /* one at a time */
    struct buf setup;       /* the settings, until they are confirmed */
    void (*on_raw)(struct str text, void *arg);
    void *raw_arg;
    struct log_scope scope;
    char call_id[CALL_ID_MAX + 1];
};

static inline struct link *link_of(struct model *model)
{
    return CONTAINER_OF(model, struct link, base);
}

/* l is zeroed. setup_max: bytes of l->setup. -ENOMEM */
MUST_USE int link_init(struct link *l, struct loop *loop, const struct link_ops *ops, struct str call_id,
                       size_t setup_max);
/* Who listens; before link_connect. */
void link_listen(struct link *l, const struct model_ops *ops, const struct model_handler *h, void *arg);
void link_done(struct link *l);

/* The socket is opened; o.ws bounds it, o.url and o.headers are lent. Results of ws_connect. */
MUST_USE int link_connect(struct link *l, const struct ws_client_opts *o);
void link_deadline(struct link *l, uint64_t us);
/* The settings are confirmed: no deadline, no setup. */
void link_ready(struct link *l);
/* Nothing unless READY. */
void link_emit(struct link *l, const struct call_event *ev);
/* Says EV_MODEL_FAILED once and closes. */
void link_fail(struct link *l, int err, struct str code, struct str message);
/* For perform: 0, -ERR_CLOSED, -ERR_STATE (what comes now would be lost or misunderstood). */
MUST_USE int link_may_perform(const struct link *l);
/* A service's sentence as a quoted value for the log; lent by room, which the caller has initialised. */
const char *link_quoted(struct buf *room, struct str s);

/* For model_ops. */
void link_end(struct model *model);
void link_prefetch(const struct model *model, unsigned depth);

#endif
