/*
 * X-Plivo-Signature-V3 and -V2: the text that is signed, and the walk over a header that may hold several signatures.
 * The HMAC-SHA256 over it (key: the auth token as text, result in base64) is the caller's, see net/crypto.h. Pure.
 * Source: the vectors of Plivo's Go and Node SDKs; its prose on the dot between query and form is wrong.
 */
#ifndef WIRE_PLIVO_SIG_H
#define WIRE_PLIVO_SIG_H

#include "wire/form.h"

#define PLIVO_NONCE_MAX 128 /* bytes of a nonce that is looked at */

/*
 * Appends the text of V3: the URL without its query, the query's parameters decoded and sorted, those of the form
 * likewise, the nonce. url: with its query, without a fragment.
 * params: of a form POST, sorted by this function; NULL for GET, other bodies and WebSocket upgrades.
 * Returns 0; results of form_decode for the query; out's error.
 */
MUST_USE int plivo_sign_base(struct buf *out, struct str url, struct form *params, struct str nonce);
/* The text of V2, which protects no parameters: the URL without its query, and the nonce. Returns out's error. */
MUST_USE int plivo_sign_base_v2(struct buf *out, struct str url, struct str nonce);
/* Takes the next signature off a header's list; false when there is none. Blanks around commas do not count. */
bool plivo_next_signature(struct str *list, struct str *ret);

#endif
