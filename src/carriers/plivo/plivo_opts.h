/* What the Plivo carrier is told: filled by the host from the configuration. Strings are lent as long as the opts. */
#ifndef CARRIERS_PLIVO_OPTS_H
#define CARRIERS_PLIVO_OPTS_H

#include "base/str.h"

#define PLIVO_MAX_TOKENS 4

struct plivo_opts {
    struct str auth_id; /* empty: no REST; calls are hung up by closing the socket */
    /* Any of them may have signed a request (two during a token roll, or main and sub-account); the first is for REST.
     */
    struct str auth_tokens[PLIVO_MAX_TOKENS];
    uint32_t n_auth_tokens;
    struct str phone_number;       /* ours, E.164; caller id of what we dial, sender of text messages */
    struct str public_url;         /* "https://voice.example.com", no slash at the end; empty: from the request */
    struct str application;        /* name of the application that is kept up to date at the start */
    bool configure;                /* do that */
    uint32_t transfer_ring_s;      /* how long a transfer lets it ring; 0: 30 */
    bool require_token;            /* a media socket needs a one-time token or a valid signature */
    bool verify_signature;         /* needs an auth token */
    bool accept_v2;                /* news of text messages may carry the signature that protects no parameters */
    bool text_events;              /* {"event":"text"} on the media socket counts as the caller's words: tests only */
    bool record;                   /* the carrier records every call, besides us */
    struct str api_base;           /* empty: "https://api.plivo.com" */
    const char *ca_file;           /* for REST; NULL: the system's store */
    struct str apology;            /* spoken by the carrier when no model can; empty: a plain English sentence */
    struct str apology_xml;        /* in its place; empty: none */
    struct str busy_xml;           /* for callers over a limit; empty: <Hangup reason="busy"/> */
    struct str voice;              /* of the carrier's own sentences; empty: "Polly.Joanna" */
    uint32_t max_unauthenticated;  /* sockets before an accepted start; 0: 64 */
    uint32_t socket_start_ms;      /* upgrade to an accepted start; 0: 5000 */
    uint32_t rest_ms;              /* one REST request; 0: 5000 */
    uint32_t max_send_queue_bytes; /* of one media socket; 0: 1 MiB */
};

#endif
