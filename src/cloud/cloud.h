/*
 * What carriers in the cloud have in common: they ask by webhooks, bring the call over a media socket and are asked
 * through an account. A carrier begins with struct cloud and adds its own words: messages, documents, signatures,
 * orders. Only carriers include this folder. Loop thread.
 *
 *     params.h      parameters of a webhook        socket_leg.h  a media socket from the upgrade to its end
 *     origin.h      our own address                account.h     requests of the account
 */
#ifndef CLOUD_CLOUD_H
#define CLOUD_CLOUD_H

#include "base/log.h"
#include "call/carrier_ops.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define CLOUD_ID_MAX      128 /* bytes of a carrier's ids */
#define CLOUD_URL_MAX     4096
#define CLOUD_MESSAGE_MAX (64u << 10) /* of a media socket */

struct account_request;
struct socket_leg;

/* What every such carrier is told, out of its own opts. */
struct cloud_opts {
    struct str public_url;
    bool require_token;
    uint32_t max_unauthenticated;  /* sockets before an accepted start; 0: 64 */
    uint32_t socket_start_ms;      /* upgrade to an accepted start; 0: 5000 */
    uint32_t max_send_queue_bytes; /* of one media socket; 0: 1 MiB */
    const char *ca_file;           /* for the account's requests; NULL: the system's store */
    uint32_t rest_ms;              /* one of them; 0: 5000 */
};

struct cloud {
    struct carrier base;
    struct loop *loop;
    struct http_client *http; /* NULL: there is no account */
    struct cloud_opts opts;
    const struct carrier_host *host;
    void *arg;
    struct socket_leg *sockets;
    struct account_request *requests;
    uint64_t request_ids;
    struct buf text;  /* unescaped strings of a message */
    struct buf audio; /* decoded payload of a message */
    struct log_scope scope;
    struct carrier_stats stats;
};

static inline uint32_t or_u32(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static inline struct str or_str(struct str value, const char *otherwise)
{
    return value.n > 0 ? value : str_from(otherwise);
}

/* c is zeroed but for base.ops. */
void cloud_init(struct cloud *c, struct loop *loop, struct http_client *http, const struct carrier_host *host,
                void *arg);
/* Cancels requests, aborts sockets: all callbacks come before it returns. */
void cloud_done(struct cloud *c);
/* The peer is a proxy of ours, whose forwarded headers count. */
bool cloud_trusts(const struct cloud *c, const struct http_request *req);
/* Our own address with this path; out is cleared, and stays empty when the address is unknown. */
void cloud_put_url(const struct cloud *c, const struct http_request *req, bool websocket, struct str path,
                   struct buf *out);
/* public_url, a path, and the attempt in its query; attempt empty: without. */
void cloud_put_own_url(const struct cloud *c, struct buf *out, const char *path, struct str attempt);
/* Likewise, with "&round=N" behind the attempt: see CARRIER_ROUND_ARG. */
void cloud_put_round_url(const struct cloud *c, struct buf *out, const char *path, struct str attempt, uint32_t round);
/* An attempt's id that may stand in a URL as it is. */
bool cloud_is_attempt(struct str id);
/* E.164 with +. */
bool cloud_is_number(struct str s);
bool cloud_is_sip(struct str s); /* sip: or sips: */
/* A plain answer. */
void cloud_respond(struct http_exchange *x, int status, const char *text);

enum cloud_verdict {
    CLOUD_SIGNED,    /* by one of our tokens */
    CLOUD_UNSIGNED,  /* no signature at all */
    CLOUD_FORGED,    /* a wrong one */
    CLOUD_UNCHECKED, /* verification is off */
};
/*
 * Method and signature of a webhook. False: it has been answered, by 405 or 403. header: its name, for the answer.
 */
bool cloud_admit(struct cloud *c, struct http_exchange *x, const struct http_request *req, enum cloud_verdict verdict,
                 const char *header);

#endif
