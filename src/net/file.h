/*
 * Writing a whole block to a descriptor, blocking, with the interruptions and short writes that it may meet. For the
 * job pool, the disk thread and programs at their end; files that grow are disk.h.
 */
#ifndef NET_FILE_H
#define NET_FILE_H

#include "base/str.h"

/* 0; -errno, and part of it may be written. Any thread; no other may write to the descriptor meanwhile. */
MUST_USE int file_write_all(int fd, struct span data);

#endif
