/* The TwiML documents that this carrier answers with. Appended to out, whose sticky error tells of failure. */
#ifndef CARRIERS_TWILIO_TWIML_H
#define CARRIERS_TWILIO_TWIML_H

#include "carriers/twilio/twilio.h"

struct twilio_own_urls {
    struct str stream; /* "wss://host/media-stream" */
    struct str after;  /* empty: <Hangup/> stands behind <Connect> */
    struct str status; /* of the stream; empty: none */
};

void twilio_put_connect(struct buf *out, const struct twilio_own_urls *urls, const struct carrier_answer *answer);
struct twilio_words {
    struct str apology;
    struct str apology_twiml; /* in its place; empty: none */
    struct str busy_twiml;    /* empty: <Reject reason="busy"/> */
    struct str caller_id;     /* for a dial, may be empty */
};
/* Every answer but CONNECT and ASK. */
void twilio_put_refusal(struct buf *out, const struct carrier_answer *answer, const struct twilio_words *words);
/* Says the answer's text, or plays its sound, and waits for a key, with which asked_url is asked; without one likewise.
 */
void twilio_put_ask(struct buf *out, const struct carrier_answer *answer, struct str asked_url);
/* Rings a number or sip: address for so long; action is asked when that is over, else the call ends then. */
void twilio_put_transfer(struct buf *out, struct str to, struct str action, uint32_t ring_s);
/* A sentence, then the end. */
void twilio_put_say(struct buf *out, struct str sentence);

#endif
