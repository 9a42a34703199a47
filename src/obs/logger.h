/*
 * Where log lines go: text ("2026-11-21T13:00:00.123Z info call.begin call=c_1 worker=0 key=value") or one JSON object
 * a line, to standard error or a file. Registered secrets and what looks like one (sk-..., Bearer ...) become "***".
 * A flood of one event name is cut; the next line of it says how many were left out. Lines are written by a thread of
 * their own: a slow disk or terminal holds nobody up; what its queue cannot hold is dropped and told of. Thread: any.
 */
#ifndef OBS_LOGGER_H
#define OBS_LOGGER_H

#include "base/buf.h"
#include "base/log.h"

struct logger;

struct logger_opts {
    bool json;
    const char *file;               /* NULL or "": standard error. Appended to, 0600 */
    uint32_t max_per_s;             /* lines of one event name; 0: 1000 */
    size_t max_queue;               /* bytes that wait for the disk; 0: 4 MiB */
    uint64_t (*wall_us)(void *arg); /* NULL: the real clock; tests give their own */
    void *wall_arg;
};

/* ret_err gets a sentence for people on failure. Use as: log_set_sink(logger_sink, logger, level). */
MUST_USE int logger_new(const struct logger_opts *opts, struct buf *ret_err, struct logger **ret);
/* The sink must have been taken back (log_set_sink(NULL, ...)) before. NULL is fine. */
struct logger *logger_free(struct logger *l);
/* keeps a copy. Shorter than 6 bytes is refused (-EINVAL): it would mask innocent text. A known one is no error. */
MUST_USE int logger_add_secret(struct logger *l, struct str secret);
/* Opens the file again under its name (after a rotation). */
MUST_USE int logger_reopen(struct logger *l);
/* Waits until every line so far is written. */
void logger_flush(struct logger *l);
/* Lines left out so far: by the rate limit, or because they could not be written fast enough. */
uint64_t logger_suppressed(const struct logger *l);
/* A log_sink_fn; arg is the logger. */
void logger_sink(enum log_level level, const struct log_scope *scope, const char *event, const char *fields, void *arg);

/* Appends text with every secret replaced; also for dumps and error answers. */
void logger_mask(struct logger *l, struct str text, struct buf *out);

#endif
