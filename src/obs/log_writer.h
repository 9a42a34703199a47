/*
 * Lines of the log to a file descriptor, by a thread of its own: whoever logs waits for no disk and no terminal. The
 * queue is bounded; what does not fit is refused, for the caller to count. Thread: any; free by one, when nobody puts.
 * Not here: what a line looks like (logger.h).
 */
#ifndef OBS_LOG_WRITER_H
#define OBS_LOG_WRITER_H

#include "base/buf.h"

struct log_writer;

/* own: fd is closed in the end. -ENOMEM, -EAGAIN (no thread) */
MUST_USE int log_writer_new(int fd, bool own, size_t max_bytes, struct log_writer **ret);
/* Writes out what waits, for at most 3 s: a pipe that nobody reads does not keep the process. NULL is fine. */
struct log_writer *log_writer_free(struct log_writer *w);
/* False: the queue is full. */
bool log_writer_put(struct log_writer *w, struct str line);
/* The queue is at most half full: a congestion is over. */
bool log_writer_roomy(struct log_writer *w);
/* What is put from now on goes to fd, which is owned from now on; the old one is closed when it has got its lines. */
void log_writer_switch(struct log_writer *w, int fd);
/* Waits until everything put so far is written. */
void log_writer_flush(struct log_writer *w);

#endif
