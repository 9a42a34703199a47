/* Packs a body for "Content-Encoding: gzip" (zlib behind). Thread: any; takes milliseconds for hundreds of kB: jobs. */
#ifndef NET_GZIP_H
#define NET_GZIP_H

#include "base/buf.h"

/* Appends to out. -ENOMEM, -ERR_TOO_BIG (more than out may hold) */
MUST_USE int gzip_pack(struct span in, struct buf *out);
/* The reverse, for tests and peers. -ERR_SYNTAX (no gzip, or cut off), -ERR_TOO_BIG, -ENOMEM */
MUST_USE int gzip_unpack(struct span in, struct buf *out);

#endif
