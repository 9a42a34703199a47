/*
 * Client secrets: POST /v1/realtime/client_secrets gives a key (ek_...) that opens sessions for a while, with settings
 * of its own. Bounded: the oldest go when there are too many. Loop thread only.
 */
#ifndef PEER_SANDBOX_SECRETS_H
#define PEER_SANDBOX_SECRETS_H

#include "base/buf.h"
#include "wire/openai_server.h"

#define SECRET_PREFIX "ek_"
#define SECRETS_MAX   1024

struct secret {
    struct secret *next;
    char value[40];
    char model[OPENAI_ID_MAX + 1];
    bool transcription;
    int64_t expires_at;  /* unix seconds */
    struct buf settings; /* the session object to apply; empty: none */
};

struct secrets {
    struct secret *first; /* oldest first */
    uint32_t n;
};

void secrets_done(struct secrets *s);
/* The secret, when there is such a one that has not expired; NULL otherwise. lends */
const struct secret *secrets_find(const struct secrets *s, struct str value, int64_t now_s);
/*
 * Makes one as the body asks and writes the vendor's answer to out: {"value","expires_at","session"}.
 *   body        {"expires_after":{"anchor":"created_at","seconds":10..7200},"session":{...}}, or empty
 *   ret_error   filled on error only
 * The errors of openai_server_decode, all explained; -ENOMEM.
 */
MUST_USE int secrets_make(struct secrets *s, struct str body, int64_t now_s, struct buf *out,
                          struct openai_server_error *ret_error);

#endif
