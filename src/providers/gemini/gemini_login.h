/*
 * A login at Google Cloud for providers of Vertex AI: an access token that is always fresh. It comes from a token
 * server, by a key file, or from the metadata server of Google's own machines; it is asked for at once, again before it
 * runs out, and after a failure with growing pauses, while an old one still counts. The key file is read anew each
 * time, on a job thread, so that a key may be changed under a running gateway. Loop thread only. Not here: who uses the
 * token (gateway/logins.h), the texts (gemini_grant.h).
 */
#ifndef PROVIDERS_GEMINI_LOGIN_H
#define PROVIDERS_GEMINI_LOGIN_H

#include "base/str.h"
#include "net/http_client.h"

struct gemini_login;

struct gemini_login_opts {
    struct loop *loop;
    struct http_client *http;
    struct str key_file;                                 /* empty: the metadata server */
    struct str url;                                      /* of the token server; empty: the key file's, Google's own */
    struct str ca_file;                                  /* empty: the system's store */
    uint32_t deadline_ms;                                /* for one answer; 0: 10000 */
    uint32_t pause_ms;                                   /* after a first failure; 0: 1000 */
    void (*on_tried)(struct gemini_login *l, void *arg); /* an attempt has ended, well or not; may free it */
    void *arg;
};

/* Texts are copied. Nothing is called before it returns. -ENOMEM */
MUST_USE int gemini_login_open(const struct gemini_login_opts *opts, struct gemini_login **ret);
/* Asks no more. NULL is fine. */
struct gemini_login *gemini_login_close(struct gemini_login *l);

struct gemini_login_state {
    struct str token;   /* empty: there is none that still counts */
    uint32_t lasts_s;   /* how long it does */
    bool tried;         /* an attempt has ended */
    int err;            /* of the last one: 0; -ERR_AUTH refused, -ERR_CONFIG the key file, others of http_client.h */
    struct str account; /* who logs in, as far as known */
    struct str problem; /* a sentence when err < 0 */
    const char *advice; /* what to do about it */
    uint32_t retry_ms;  /* until it is tried again */
};
/* Lent until the next turn of the loop. */
void gemini_login_state(const struct gemini_login *l, struct gemini_login_state *ret);
/* The service did not take the token: another one is asked for, unless this one is new. */
void gemini_login_refused(struct gemini_login *l);

#endif
