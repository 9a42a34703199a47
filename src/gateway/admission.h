/*
 * Who may come in: counted places for calls (in all and per caller's number) and one-time tokens that tie a media
 * socket to the webhook that announced it. One object for all workers; thread: any. Not here: sockets (the carrier
 * counts its own), TwiML, what a refused caller hears.
 */
#ifndef GATEWAY_ADMISSION_H
#define GATEWAY_ADMISSION_H

#include "base/str.h"

struct admission;

struct admission_limits {
    uint32_t max_calls;            /* 0: none at all */
    uint32_t max_calls_per_number; /* 0: no bound */
};

/* X(constant, word for logs and metrics) */
#define ADMISSION_CAUSE_LIST(X)                                                                                        \
    X(ADMISSION_MAX_CALLS, "max-calls")                                                                                \
    X(ADMISSION_PER_NUMBER, "per-number")                                                                              \
    X(ADMISSION_DRAINING, "draining")                                                                                  \
    X(ADMISSION_OTHER, "other")

enum admission_cause {
#define X(name, word) name,
    ADMISSION_CAUSE_LIST(X)
#undef X
        ADMISSION_CAUSE_N
};
const char *admission_cause_word(enum admission_cause cause);

/* A call as timers, jobs and replies name it: a slot of the worker's table and how often that slot was used. */
struct host_id {
    uint32_t slot;
    uint32_t generation; /* never 0 */
};

#define ADMISSION_TOKEN_MAX 33 /* 32 characters of base64url, NUL */

MUST_USE int admission_new(const struct admission_limits *limits, struct admission **ret);
struct admission *admission_free(struct admission *a);
/* New limits; calls that are in stay. */
void admission_set_limits(struct admission *a, const struct admission_limits *limits);
/* No new calls from now on. */
void admission_drain(struct admission *a);

/* Takes a place. -ERR_LIMIT with *ret_cause, -ENOMEM. An empty number is not counted by number. */
MUST_USE int admission_enter(struct admission *a, struct str number, enum admission_cause *ret_cause);
/* Gives the place back; number as at the entry. */
void admission_leave(struct admission *a, struct str number);
/* Would a call with an unknown number get a place now? *ret_cause says why not. */
bool admission_open(struct admission *a, enum admission_cause *ret_cause);
uint32_t admission_calls(struct admission *a);

/* A token for call id, bound to the carrier's call id, valid until expires_us. One per call: who asks again before it
 * was spent gets the same one (a webhook comes twice, and nobody knows which answer counts); for another call of the
 * carrier an older one is void from now on. -ENOMEM */
MUST_USE int admission_token_new(struct admission *a, struct str carrier_call_id, struct host_id id,
                                 uint64_t expires_us, char ret[ADMISSION_TOKEN_MAX]);
/* Spends a token: it works once. -ERR_AUTH when it is unknown, spent, late or another call's; the comparison takes the
 * same time whatever differs. */
MUST_USE int admission_token_use(struct admission *a, struct str token, struct str carrier_call_id, uint64_t now_us,
                                 struct host_id *ret);
/* The call is over: its token, if any, is void. */
void admission_token_drop(struct admission *a, struct host_id id);

#endif
