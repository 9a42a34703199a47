/*
 * Under which spellings a carrier may have signed one of our URLs: ports that are implied, slashes at the end. Pure.
 */
#ifndef WIRE_SPELLING_H
#define WIRE_SPELLING_H

#include "base/buf.h"

#define SPELLING_MAX 8

struct spelling {
    size_t n;
    struct str url[SPELLING_MAX]; /* [0] is the URL as given */
    struct buf text;              /* what the others lend; spelling_done */
};

/*
 * The URL as given, without its port, with the scheme's default port (443 for https and wss, 80 for http and ws); for
 * ws and wss each also with a final slash added or taken away. User info, path and query stay as they are. -ERR_SYNTAX
 * when it has no scheme and host.
 */
MUST_USE int spelling_init(struct spelling *u, struct str url);
void spelling_done(struct spelling *u);

#endif
