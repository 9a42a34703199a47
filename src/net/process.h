/*
 * A child process whose standard output is read by the loop, line by line. Loop thread only.
 *
 * The child leads a session of its own, so that Ctrl-C on our terminal reaches it only through us. Its standard input
 * is a pipe that ends when we do, however we die; standard error is ours. Not here: restarting, what the lines mean.
 */
#ifndef NET_PROCESS_H
#define NET_PROCESS_H

#include "net/loop.h"

struct process;

struct process_handler {
    /* A line of standard output without its end; longer ones than opts.max_line come in pieces; lent. Optional. */
    void (*on_line)(struct process *p, struct str line, void *arg);
    /* Last: the child is gone and so is p after this returns. signo: what killed it, 0 when it exited by itself. */
    void (*on_closed)(struct process *p, int status, int signo, void *arg);
};

struct process_opts {
    const char *file;        /* with a slash: that file; without: looked up in PATH */
    const char *const *argv; /* argv[0] included, ends with NULL; lent until return */
    const char *const *env;  /* "NAME=value", ends with NULL, lent until return; NULL: ours */
    uint32_t kill_ms;        /* process_close: after so long without an exit SIGKILL follows; 0: 2000 */
    size_t max_line;         /* bytes; 0: 4096 */
};

/* Nothing is called before it returns. -ENOENT, -EACCES, -ENOMEM, ...; then nothing is called at all. */
MUST_USE int process_open(struct loop *loop, const struct process_opts *opts, const struct process_handler *h,
                          void *arg, struct process **ret);
int process_id(const struct process *p);
/*
 * To its standard input; copied. -ERR_CLOSED: it is gone, or closing; -ERR_LIMIT: it has not read the last megabyte.
 */
MUST_USE int process_write(struct process *p, struct span data);
/* SIGTERM now, SIGKILL later; on_closed follows from the loop. Idempotent. */
void process_close(struct process *p);

#endif
