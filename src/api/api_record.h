/* All that the store has of one call, read at one go. BLOCKS: job threads. */
#ifndef API_API_RECORD_H
#define API_API_RECORD_H

#include "api/api_json.h"
#include "call/store.h"

struct api_record_room {
    struct store_call call; /* given */
    struct store_dial dial;
};

/*
 * Turns, lines and dialling of room->call into ret, which points into room and the arena; ret->live is left as it is.
 * The rows are read one after the other while others are written: what stands in two of them is told alike.
 * Errors of the store.
 */
MUST_USE int api_record_read(const struct store_ops *ops, struct store *store, struct arena *a,
                             struct api_record_room *room, struct api_record *ret);

#endif
