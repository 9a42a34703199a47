/* A whole file, read-only in memory: journals, weights. Blocking; any thread. */
#ifndef GATEWAY_MAPPED_H
#define GATEWAY_MAPPED_H

#include "base/str.h"

/* An empty file is an empty span. -errno; -EISDIR, -EINVAL: not a regular file */
MUST_USE int mapped_open(const char *path, struct span *ret);
void mapped_close(struct span file);

#endif
