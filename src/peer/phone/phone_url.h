/* URLs as the carrier handles them: take apart, resolve, put another base in front. Pure slices and a buffer. */
#ifndef PEER_PHONE_URL_H
#define PEER_PHONE_URL_H

#include "base/buf.h"

struct phone_url {
    struct str scheme; /* "https" */
    struct str base;   /* "https://host:port" */
    struct str path;   /* from the first '/', without query and fragment; may be empty */
    struct str query;  /* without '?'; p NULL when there is none */
};

/* -ERR_SYNTAX without scheme and host. */
MUST_USE int phone_url_parse(struct str url, struct phone_url *ret);
/* Appends ref as seen from the document at base: absolute, "/path", or relative to the document's folder. */
MUST_USE int phone_url_resolve(struct str base, struct str ref, struct buf *out);
/* http -> ws, https -> wss; others as they are. Appends. */
void phone_url_put_ws(struct str url, struct buf *out);
/* Appends url with scheme and host of base, when base is not empty. -ERR_SYNTAX */
MUST_USE int phone_url_rebase(struct str url, struct str base, struct buf *out);

#endif
