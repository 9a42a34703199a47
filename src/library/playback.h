/* The inside of a tracker: how a session reads it. */
#ifndef LIBRARY_PLAYBACK_H
#define LIBRARY_PLAYBACK_H

#include "base/defs.h"
#include "ringtrip/playback.h"

/* One session at a time reads it. -EBUSY: another one does. */
MUST_USE int playback_claim(struct rt_playback *p);
void playback_release(struct rt_playback *p);
/* Of the session's format; what was reported in bytes so far is converted. */
void playback_set_format(struct rt_playback *p, uint32_t bytes_per_ms);

#endif
