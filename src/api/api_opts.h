/* What the HTTP API is told: filled by the host from the configuration. Strings are lent as long as the opts. */
#ifndef API_API_OPTS_H
#define API_API_OPTS_H

#include "base/str.h"

struct api_opts {
    const struct str *tokens; /* bearer tokens of control routes; none: only loopback may use them */
    uint32_t n_tokens;
    struct str public_url;   /* empty: unknown */
    struct str phone_number; /* empty: not configured */
    struct str country;      /* of numbers without +: "US" */
    struct str timezone;     /* of campaigns that name none; empty: UTC */
};

#endif
