/*
 * The offline model as our child process: found beside our own program, started on a free port, its ready line read,
 * started again (with growing pauses) when it dies, stopped with us. Loop thread only.
 */
#ifndef GATEWAY_SANDBOX_CHILD_H
#define GATEWAY_SANDBOX_CHILD_H

#include "net/loop.h"

struct sandbox_child;

struct sandbox_child_handler {
    void (*on_ready)(void *arg);  /* its URL is known; after every start */
    void (*on_closed)(void *arg); /* last, after sandbox_child_close; the object is gone after it returns */
};

struct sandbox_child_opts {
    const char *file;              /* program; NULL: sandbox_child_find */
    const char *const *extra_args; /* after our own, ends with NULL; may be NULL; lent */
};

/* -ENOENT: no such program. */
MUST_USE int sandbox_child_open(struct loop *loop, const struct sandbox_child_opts *o,
                                const struct sandbox_child_handler *h, void *arg, struct sandbox_child **ret);
/* "ws://127.0.0.1:4711/v1/realtime", "" while it is not ready. */
struct str sandbox_child_url(const struct sandbox_child *s);
void sandbox_child_close(struct sandbox_child *s);

/* Where ringtrip-sandbox is: beside the running program, in its place in a build folder, else in PATH. -ENOENT when it
 * is neither; -ENOSPC */
MUST_USE int sandbox_child_find(char *ret, size_t cap);

#endif
