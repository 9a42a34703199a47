/*
 * Turns "this frame was loud" into speech: when somebody began, when they fell silent. One object listens to one
 * party. Pure, in frames of 20 ms on the media clock. Not here: what to do about it.
 *
 * Speech begins with the first of two loud frames that are at most two apart (one click is no speech) and is over
 * once quiet_frames in a row were not loud; its end is the last loud frame, not the moment of that verdict.
 */
#ifndef PEER_PHONE_EARS_H
#define PEER_PHONE_EARS_H

#include "base/defs.h"

enum phone_heard {
    PHONE_HEARD_NOTHING,
    PHONE_HEARD_BEGIN, /* ears->begin_frame */
    PHONE_HEARD_END,   /* ears->begin_frame, ears->end_frame */
};

struct phone_ears {
    uint32_t quiet_frames; /* silence that ends speech */
    bool speaking;
    bool candidate;       /* one loud frame, not yet speech */
    uint32_t begin_frame; /* first loud frame of the speech (or the candidate) */
    uint32_t end_frame;   /* one behind the last loud frame */
};

void phone_ears_init(struct phone_ears *e, uint32_t quiet_ms);
/* frame must grow by one from call to call. */
enum phone_heard phone_ears_step(struct phone_ears *e, uint32_t frame, bool loud);
/* Ends the speech here and now: what comes next is something new. HEARD_END when there was speech. */
enum phone_heard phone_ears_cut(struct phone_ears *e);
/* Frames since the last loud one while speaking; 0 when not. */
uint32_t phone_ears_pause(const struct phone_ears *e, uint32_t frame);

/* Whether a person would hear it: 20 ms of mu-law whose RMS is above -46 dB of full scale. */
bool phone_frame_is_loud(const uint8_t *mulaw, size_t n);

#endif
