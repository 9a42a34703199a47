/*
 * Writes of the record store, off the loop: collects them in memory and hands them to the job pool in batches, one
 * transaction each, at most one under way, in order. Loop thread only. Not here: what is written (host.c), reading.
 *
 * A store that is busy or full is tried again with growing pauses; in the end the rows go to a spool (spool.h), from
 * where they are tried again by themselves, and before newer rows. When the spool fails too (one full disk for both)
 * they stay in memory and both are tried on. A row that the store refuses is left out, logged, and the rest is written.
 * Memory is bounded: over the limit new rows are dropped and counted, calls go on.
 */
#ifndef GATEWAY_SCRIBE_H
#define GATEWAY_SCRIBE_H

#include "call/store.h"
#include "net/loop.h"
#include "obs/metrics.h"

struct scribe;

struct scribe_opts {
    struct loop *loop;
    const struct store_ops *ops;
    struct store *store;
    struct metrics *metrics;
    uint32_t flush_ms;  /* rows wait at most so long; 0: 200. The end of a call takes them along at once */
    size_t max_bytes;   /* of waiting rows; 0: 32 MiB */
    uint32_t retry_ms;  /* first pause after a failure, doubled each time; 0: 500 */
    uint32_t max_tries; /* of one batch, then it goes to the spool; 0: 4 */
    const char *spool;  /* path, copied; NULL: rows that are given up are lost */
    uint64_t spooled;   /* rows that are in it already, or 1 when nobody has counted */
};

MUST_USE int scribe_new(const struct scribe_opts *opts, struct scribe **ret);
/* Only when idle (scribe_after has called). What still waits is lost. NULL is fine. */
struct scribe *scribe_free(struct scribe *s);
/* Copies op with its strings. */
void scribe_put(struct scribe *s, const struct store_op *op);
/*
 * Calls fn once everything put so far is in the store (or given up for now), at once when nothing waits: what a reader
 * of the store does first, to see its own writes. -ENOMEM
 */
MUST_USE int scribe_after(struct scribe *s, loop_fn fn, void *arg);
/* From now on a failing batch is given up at the first failure, and what the spool does not take is lost: shutdown must
 * end. */
void scribe_hurry(struct scribe *s);
/* Rows lost so far, and rows that wait in the spool. */
uint64_t scribe_lost(const struct scribe *s);
uint64_t scribe_spooled(const struct scribe *s);

#endif
