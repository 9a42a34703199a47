/*
 * X-Twilio-Signature: the text that is signed. Which spellings of a URL are to be tried: wire/spelling.h. The HMAC-SHA1
 * over it (key: the auth token as text, result in base64) is the caller's, see net/crypto.h. Pure.
 */
#ifndef WIRE_TWILIO_SIG_H
#define WIRE_TWILIO_SIG_H

#include "wire/form.h"

/*
 * Appends the text to sign: the URL, then for a form POST every parameter, sorted by name, each distinct value once.
 * params: sorted by this function; NULL for GET, JSON bodies and WebSocket upgrades. Returns 0 or out's error.
 */
MUST_USE int twilio_sign_base(struct buf *out, struct str url, struct form *params);

#endif
