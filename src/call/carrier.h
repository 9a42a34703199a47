/*
 * What a carrier does for a call besides carrying it, through its account and not through a media socket. Handing a
 * running call over is the leg's (leg.h): each kind of leg has its own way. Implementers include carrier_ops.h.
 * Loop thread of the carrier.
 */
#ifndef CALL_CARRIER_H
#define CALL_CARRIER_H

#include "base/str.h"

struct carrier;

enum carrier_service { CARRIER_SMS, CARRIER_SERVICE_N };

/* Lent until carrier_send_sms returns. */
struct carrier_sms {
    struct str from; /* empty: the carrier's own number */
    struct str to;   /* E.164 with + */
    struct str text;
};

/* What became of a request. Texts are lent for the callback. */
struct carrier_result {
    int err;            /* 0: done. -ERR_HTTP: refused, and code and message say why; else no answer: -ETIMEDOUT ... */
    int status;         /* HTTP, 0: none */
    int64_t code;       /* the carrier's own number for the refusal, 0: none */
    struct str message; /* its sentence, may be empty */
    struct str id;      /* of what was made: "SM..." */
    struct str state;   /* its word for how far it is: "queued" */
};
typedef void (*carrier_done_fn)(const struct carrier_result *r, void *arg);

/* NULL: it can be tried. Else a sentence for the agent: no account, no number. */
const char *carrier_cannot(struct carrier *carrier, enum carrier_service service);
/*
 * done is called once, later, unless the request is cancelled. -ERR_STATE: carrier_cannot says why; -EINVAL: the number
 * or the text cannot be sent.
 */
MUST_USE int carrier_send_sms(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                              uint64_t *ret_id);
/* Nobody waits any more: done is not called. What was on its way may still be done. Unknown ids are fine. */
void carrier_cancel(struct carrier *carrier, uint64_t id);
const char *carrier_kind(const struct carrier *carrier); /* "twilio" */

#endif
