/*
 * The folder of recordings and journals: where a call's files lie, whether the disk has room for new ones, deletion of
 * everything that belongs to a call, and the retention sweep. Blocking work goes to the job pool. Loop thread only.
 *
 *     <dir>/YYYY/MM/DD/<call id>.wav   stereo recording      <dir>/YYYY/MM/DD/<call id>.rtj   journal
 */
#ifndef GATEWAY_RECORDS_H
#define GATEWAY_RECORDS_H

#include "call/store.h"
#include "config/config.h"
#include "gateway/scribe.h"
#include "net/loop.h"

struct records;

struct records_opts {
    struct loop *loop;
    const struct store_ops *ops;
    struct store *store;
    struct scribe *scribe;
    const char *dir;      /* copied */
    uint32_t min_free_mb; /* below it nothing new is recorded; 0: never mind */
    uint64_t retention_s; /* since a call's end; 0: for ever */
};

#define RECORDS_PATH_MAX 512

/* What a configuration says, for retention_s. */
uint64_t records_retention_s(const struct config_records *c);
MUST_USE int records_new(const struct records_opts *o, struct records **ret);
/* Only when records_busy is 0. NULL is fine. */
struct records *records_free(struct records *r);
/* Limits of a new configuration (the folder stays). */
void records_set(struct records *r, uint32_t min_free_mb, uint64_t retention_s);
/* Is there room for one more recording and journal? As of a look at most 10 s old. */
bool records_room(const struct records *r);
/* No more looks and sweeps. */
void records_stop(struct records *r);
/* Jobs under way. */
uint32_t records_busy(const struct records *r);

/* -ENOSPC when the folder's name is too long. */
MUST_USE int records_path(const char *dir, uint64_t wall_us, const char *call_id, const char *extension,
                          char ret[RECORDS_PATH_MAX]);

typedef void (*records_done_fn)(int err, void *arg);
/* Deletes row, recording and journal of a call that is over; id is ours or the carrier's. done: 0, -ENOENT, or what the
 * store said. -ENOMEM: done is not called. */
MUST_USE int records_remove(struct records *r, struct str id, records_done_fn done, void *arg);

#endif
