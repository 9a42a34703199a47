/* What the Twilio carrier is told: filled by the host from the configuration. Strings are lent as long as the opts. */
#ifndef CARRIERS_TWILIO_OPTS_H
#define CARRIERS_TWILIO_OPTS_H

#include "base/str.h"

#define TWILIO_MAX_TOKENS 4

struct twilio_opts {
    struct str account_sid; /* empty: no REST; calls are hung up by closing the socket */
    /* Any of them may have signed a request (two during a token roll); the first is for REST. */
    struct str auth_tokens[TWILIO_MAX_TOKENS];
    uint32_t n_auth_tokens;
    struct str phone_number;       /* ours, E.164; caller id of a dial refusal when the call names none */
    struct str public_url;         /* "https://voice.example.com", no slash at the end; empty: see twilio.h */
    struct str media_path;         /* empty: "/media-stream" */
    struct str messaging_service;  /* "MG...": text messages go through it; empty: from phone_number */
    uint32_t transfer_ring_s;      /* how long a transfer lets it ring; 0: 30 */
    bool require_token;            /* a media socket needs a one-time token or a valid signature */
    bool verify_signature;         /* needs an auth token */
    struct str api_base;           /* empty: "https://api.twilio.com" */
    const char *ca_file;           /* for REST; NULL: the system's store */
    struct str apology;            /* spoken by the carrier when no model can; empty: a plain English sentence */
    struct str apology_twiml;      /* in its place; empty: none */
    struct str busy_twiml;         /* for callers over a limit; empty: <Reject reason="busy"/> */
    uint32_t max_unauthenticated;  /* sockets before an accepted start; 0: 64 */
    uint32_t socket_start_ms;      /* upgrade to an accepted start; 0: 5000 */
    uint32_t rest_ms;              /* one REST request; 0: 5000 */
    uint32_t max_send_queue_bytes; /* of one media socket; 0: 1 MiB */
};

#endif
