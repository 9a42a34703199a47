/* The inside of a tracker: how a session reads it and learns of news. */
#ifndef LIBRARY_PLAYBACK_H
#define LIBRARY_PLAYBACK_H

#include "base/defs.h"
#include "ringtrip/playback.h"

/* changed(arg) is called, on the thread that reports, whenever something was reported; NULL: nobody listens any more,
 * and no call of the old one is under way. -EBUSY: another session uses it. */
MUST_USE int playback_listen(struct rt_playback *p, void (*changed)(void *arg), void *arg);
/* Of the session's format; what was reported in bytes so far is converted. */
void playback_set_format(struct rt_playback *p, uint32_t bytes_per_ms);

#endif
