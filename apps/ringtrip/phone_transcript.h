/*
 * What was said, word by word: a telephone hears sound only, so the gateway is asked for its own record of the call
 * once that is over (GET /v1/calls/{the carrier's id}). Blocking, for some seconds at most. Not here: what was
 * measured.
 */
#ifndef APPS_RINGTRIP_PHONE_TRANSCRIPT_H
#define APPS_RINGTRIP_PHONE_TRANSCRIPT_H

#include "base/buf.h"

struct phone_transcript_opts {
    struct str url;      /* of the webhook or the media socket: the gateway is where they are */
    const char *call_id; /* as the carrier named it */
    const char *token;   /* one of the gateway's server.tokens; "": none */
    const char *ca_file; /* NULL: the system's */
};

/* Appends the record as JSON; one that is still open after 5 s is given as it is. Negative with a sentence in ret_err.
 */
MUST_USE int phone_transcript_get(const struct phone_transcript_opts *o, struct buf *out, struct buf *ret_err);
/* Its lines for people. */
void phone_transcript_text(struct str record, struct buf *out);

#endif
