/*
 * Rows that the record store did not take in time: one JSON object a line in a file of the records' folder, read back
 * when the store takes rows again, and at the next start before anything else is done with it. Every operation BLOCKS:
 * job threads and the start. Processes and threads may use one file at once (a lock beside it). A torn last line, as a
 * kill leaves it, is passed over.
 */
#ifndef GATEWAY_SPOOL_H
#define GATEWAY_SPOOL_H

#include "call/store.h"

#define SPOOL_NAME "unwritten.jsonl" /* in records.dir; 0600 */

/* path of the spool in dir, NUL-terminated. -ENAMETOOLONG */
MUST_USE int spool_path(struct str dir, char *ret, size_t cap);
/* Appends n rows, on the disk when it returns. -errno, -ENOMEM, -ERR_LIMIT (64 MiB are enough) */
MUST_USE int spool_put(const char *path, const struct store_op *ops, size_t n);

struct spool_report {
    uint64_t written, refused; /* rows: taken by the store; never to be taken, such as those of a deleted call */
};
/*
 * Writes the rows to the store, in order, and removes the file. A store that fails (busy, full) keeps the file as it
 * is: rows that went in are put once more next time, which changes nothing. -ENOENT: there is none.
 */
MUST_USE int spool_drain(const char *path, const struct store_ops *ops, struct store *store, struct spool_report *ret);
/* Takes every row of a call out: its deletion leaves no trace. 0 also when there is no file. */
MUST_USE int spool_forget(const char *path, struct str call_id);

#endif
