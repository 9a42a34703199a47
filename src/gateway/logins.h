/*
 * The logins of the providers that have one (Vertex AI): kept from configuration to configuration while nothing of them
 * changes, logged and counted, and their tokens put into the options of a session. Loop thread only. How a token is
 * come by: providers/gemini/gemini_login.h.
 */
#ifndef GATEWAY_LOGINS_H
#define GATEWAY_LOGINS_H

#include "gateway/snapshot.h"
#include "net/http_client.h"
#include "obs/metrics.h"
#include "providers/gemini/gemini_login.h"

struct logins;

struct logins_opts {
    struct loop *loop;
    struct http_client *http;
    struct metrics *metrics;
    loop_fn on_tried; /* one of them has ended an attempt */
    void *arg;
};

MUST_USE int logins_new(const struct logins_opts *opts, struct logins **ret);
struct logins *logins_free(struct logins *l);
/* Those of the providers that this snapshot uses, from now on. -ENOMEM */
MUST_USE int logins_follow(struct logins *l, const struct snapshot *s);
/* Each has ended an attempt. */
bool logins_settled(const struct logins *l);

/* What a provider's login is opened with. */
void logins_fill(const struct config_provider *p, struct gemini_login_opts *ret);

/* Why there is no token; texts are lent until the next turn of the loop. */
struct logins_problem {
    int err;
    const char *code; /* "no-access-token" for now, "login-refused" for good */
    struct str message;
    const char *advice;
};
/* Puts the token of the provider, when it has a login, into o. -ERR_AUTH: there is none that counts. */
MUST_USE int logins_unlock(const struct logins *l, const struct config_provider *p, struct provider_opts *o);
/* Why so. */
void logins_problem(const struct logins *l, const struct config_provider *p, struct logins_problem *ret);
/* A session was refused for its key. */
void logins_refused(struct logins *l, const struct config_provider *p);

#endif
