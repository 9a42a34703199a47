/* What a webhook tool is told: one HTTP endpoint. Texts are lent; types only. */
#ifndef TOOLS_WEBHOOK_WEBHOOK_OPTS_H
#define TOOLS_WEBHOOK_WEBHOOK_OPTS_H

#include "base/str.h"

#define WEBHOOK_MAX_URL_BYTES    8192
#define WEBHOOK_MAX_HEADER_BYTES 8192 /* one line */
#define WEBHOOK_MAX_BODY_BYTES   (128 * 1024)
#define WEBHOOK_MAX_OUTPUT_BYTES 12000 /* what the model is given */
#define WEBHOOK_MAX_RESPONSE     (1024 * 1024)

enum webhook_method { WEBHOOK_POST, WEBHOOK_GET, WEBHOOK_PUT, WEBHOOK_PATCH, WEBHOOK_DELETE, WEBHOOK_METHOD_N };

struct webhook_pair {
    struct str name;
    struct str value; /* a template */
};

struct webhook_opts {
    struct str name; /* of the tool */
    enum webhook_method method;
    struct str url; /* a template behind the host */
    const struct webhook_pair *headers;
    uint32_t n_headers;
    struct str body;        /* a JSON template; empty: ours for POST, PUT and PATCH, none for the others */
    struct str response;    /* path of the part of the answer that the model gets; empty: all */
    struct str sign_secret; /* empty: not signed */
    const char *ca_file;    /* NULL: the system's store */
    uint32_t timeout_ms;    /* with the second try, if any */
    uint32_t max_response_bytes;
    bool retry;        /* also what is not idempotent may be tried twice */
    uint32_t retry_on; /* mask of webhook_retry_bit: answers after which it is */
};

/* Answers after which a second try may come to something. */
#define WEBHOOK_RETRY_STATUSES 408, 425, 429, 500, 502, 503, 504
#define WEBHOOK_RETRY_USUAL    (1u << 4 | 1u << 5 | 1u << 6) /* 502, 503, 504 */

/* The bit of such a status; 0: asking again makes no sense. */
static inline uint32_t webhook_retry_bit(int status)
{
    static const uint16_t statuses[] = {WEBHOOK_RETRY_STATUSES};
    for (uint32_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i] == status) {
            return 1u << i;
        }
    }
    return 0;
}

#endif
