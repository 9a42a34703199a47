/**
 * @file playback.h
 * Playback trackers: how far the agent's audio has been heard.
 *
 * When the user interrupts, the model is told how much of its answer was heard, so that it does not remember words that
 * nobody heard. A session without a tracker assumes that audio plays at normal speed from the moment the program takes
 * its event. A program that plays from a device knows better and reports what it played.
 */
#ifndef RINGTRIP_PLAYBACK_H
#define RINGTRIP_PLAYBACK_H

#include <ringtrip/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A tracker that the program feeds. One session at a time uses it. Thread: any. */
struct rt_playback;

/** What is being played. */
struct rt_playback_state {
    size_t struct_size;     /**< sizeof(struct rt_playback_state), set by the caller */
    int playing;            /**< 0: nothing; the other members then are empty */
    char item_id[129];      /**< the item that played last */
    uint32_t content_index; /**< its content part */
    double elapsed_ms;      /**< how much of it was heard */
};

/**
 * Functions of a tracker of the program's own, instead of a rt_playback. Thread: the session's loop thread; return at
 * once.
 */
struct rt_playback_ops {
    size_t struct_size; /**< sizeof(struct rt_playback_ops) */
    /** Fills *ret with what is being played now. Mandatory. */
    void (*get_state)(struct rt_playback_state *ret, void *arg);
    /** What waits for its playback is not wanted any more: drop it. NULL: nobody needs to know. */
    void (*on_interrupted)(void *arg);
};

/** A tracker. -ENOMEM */
RT_API int rt_playback_new(struct rt_playback **ret);
/** NULL is fine. Not while a session uses it. */
RT_API void rt_playback_free(struct rt_playback *playback);
/** ms more of a part of an item were played. Another item than before begins a new count. -EINVAL (a bad number) */
RT_API int rt_playback_on_play_ms(struct rt_playback *playback, const char *item_id, uint32_t content_index, double ms);
/** The same in bytes of the session's audio format; before a format is known they are kept and converted later. */
RT_API int rt_playback_on_play_bytes(struct rt_playback *playback, const char *item_id, uint32_t content_index,
                                     size_t bytes);
/** Playback was cut: nothing is being played. The session calls it itself when it interrupts. */
RT_API void rt_playback_on_interrupted(struct rt_playback *playback);
/** What is being played. -EINVAL (struct_size) */
RT_API int rt_playback_get_state(struct rt_playback *playback, struct rt_playback_state *ret);

#ifdef __cplusplus
}
#endif

#endif
