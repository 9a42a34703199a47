/*
 * The HTTP side of the carrier: parameters of a voice webhook or a status callback, their form encoding, and the
 * X-Twilio-Signature over them (another vendor's: phone_vendor.h). The signature is own code on purpose (the gateway's
 * check is wire/twilio_sig.h), so that phone and gateway cannot share a misreading; checked against the vendor's
 * vectors and its Node library. Not here: sending (phone_dial.c).
 */
#ifndef PEER_PHONE_WEBHOOK_H
#define PEER_PHONE_WEBHOOK_H

#include "base/buf.h"

#define PHONE_FORM_MAX        48
#define PHONE_SIGNATURE_BYTES 29 /* 28 characters of base64 and a NUL */

struct phone_form {
    struct str_pair fields[PHONE_FORM_MAX]; /* lent */
    size_t n;
};

/* Too many fields are a mistake of ours: asserted. */
void phone_form_add(struct phone_form *f, const char *name, struct str value);
/* The standard parameters of 3.1 in the vendor's order. status: "ringing", "in-progress" or a final one. */
struct phone_party {
    struct str account_sid, call_sid, from, to;
    struct str request_id; /* of the request that made the call; empty: none, or the vendor has none */
    struct str machine;    /* the detection's word, when it was waited for; empty: it was not */
    bool called;           /* the gateway has called it */
    bool again;            /* not the first document of the call */
};
void phone_form_call(struct phone_form *f, const struct phone_party *party, const char *status);
/* application/x-www-form-urlencoded; spaces as %20, as the vendor does. */
void phone_form_encode(const struct phone_form *f, struct buf *out);
/* Signature over url and the decoded fields; f NULL: none (GET, WebSocket). -ENOMEM */
MUST_USE int phone_sign(struct str token, struct str url, const struct phone_form *f, char ret[PHONE_SIGNATURE_BYTES]);

#endif
