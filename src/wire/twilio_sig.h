/*
 * X-Twilio-Signature: the text that is signed, and which spellings of a URL are to be tried. The HMAC-SHA1 over it
 * (key: the auth token as text, result in base64) is the caller's, see net/crypto.h. Pure.
 */
#ifndef WIRE_TWILIO_SIG_H
#define WIRE_TWILIO_SIG_H

#include "wire/form.h"

#define TWILIO_URL_VARIANTS 8

/*
 * Appends the text to sign: the URL, then for a form POST every parameter, sorted by name, each distinct value once.
 * params: sorted by this function; NULL for GET, JSON bodies and WebSocket upgrades. Returns 0 or out's error.
 */
MUST_USE int twilio_sign_base(struct buf *out, struct str url, struct form *params);

struct twilio_urls {
    size_t n;
    struct str url[TWILIO_URL_VARIANTS]; /* [0] is the URL as given */
    struct buf text;                     /* what the others lend; twilio_urls_done */
};

/*
 * The spellings under which Twilio may have signed url: as given, without its port, with the scheme's default port
 * (443 for https and wss, 80 for http and ws); for ws and wss each also with a final slash added or taken away.
 * User info, path and query stay as they are. -ERR_SYNTAX when it has no scheme and host.
 */
MUST_USE int twilio_urls_init(struct twilio_urls *u, struct str url);
void twilio_urls_done(struct twilio_urls *u);

#endif
