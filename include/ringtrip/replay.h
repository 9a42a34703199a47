/**
 * @file replay.h
 * Journals of calls, run again.
 */
#ifndef RINGTRIP_REPLAY_H
#define RINGTRIP_REPLAY_H

#include <ringtrip/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a replay found. */
struct rt_replay_report {
    size_t struct_size;  /**< sizeof(struct rt_replay_report), set by the caller */
    uint64_t records;    /**< inputs replayed */
    uint64_t actions;    /**< actions they caused */
    int identical;       /**< 1: every digest matched */
    uint64_t first_diff; /**< number of the first record whose actions differ, from 1; 0: none */
    int torn_tail;       /**< 1: the file ends in mid-record, as after a kill */
};
/**
 * Replays a journal. print (may be NULL) gets one line per event and action. Returns 0 also when actions differ (see
 * the report); negative when the file cannot be read or is no journal. Thread: any. Blocks.
 */
RT_API int rt_replay(const char *file, void (*print)(const char *line, void *arg), void *arg,
                     struct rt_replay_report *ret);

#ifdef __cplusplus
}
#endif

#endif
