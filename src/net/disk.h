/*
 * Files that grow while calls run (recordings, journals), written by one thread so that no loop ever waits for a disk.
 * The loop side appends to a short run of blocks; full or old runs (1 s) go to the writer thread, many per wake-up.
 * Loop thread only, one struct disk per loop.
 */
#ifndef NET_DISK_H
#define NET_DISK_H

#include "net/loop.h"

struct disk;
struct disk_file;

struct disk_file_handler {
    /* Called once at most: the file is unusable (ENOSPC, EIO, ...), later appends are dropped and counted. */
    void (*on_error)(struct disk_file *f, int err, void *arg);
    /* Last: everything is on its way to the disk and the descriptor is closed. size: bytes of the file. */
    void (*on_closed)(struct disk_file *f, uint64_t size, int err, void *arg);
};

MUST_USE int disk_new(struct loop *loop, struct disk **ret);
/* Writes out everything, joins the thread; the on_closed of files still open are called. */
struct disk *disk_free(struct disk *d);
/* Creates (0600, O_EXCL unless replace; missing folders are made 0700). Errors of the creation come by on_error. keeps
 * nothing */
MUST_USE int disk_file_create(struct disk *d, const char *path, bool replace, const struct disk_file_handler *h,
                              void *arg, struct disk_file **ret);
/* Copies data. Bounded: at most 1 MiB waits per file, over it the data is dropped, counted and on_error(-ERR_LIMIT). */
void disk_file_append(struct disk_file *f, struct span data);
/* What was appended need not wait for more: for those who append much at once, so that no memory is held in between. */
void disk_file_flush(struct disk_file *f);
/* Overwrites bytes near the start (a header) after what was appended so far has been written. At most 64 bytes. */
void disk_file_patch(struct disk_file *f, uint64_t offset, struct span data);
/* on_closed follows from the loop. Idempotent. */
void disk_file_close(struct disk_file *f);
/* Something is about to be appended: base/prefetch.h. */
void disk_file_prefetch(const struct disk_file *f, unsigned depth);
/* Bytes that append had to drop so far. */
uint64_t disk_file_dropped_bytes(const struct disk_file *f);
/* Bytes free on the file system that holds path; -errno. Blocking but quick: job thread or start-up only. */
MUST_USE int disk_free_bytes(const char *path, uint64_t *ret);

#endif
