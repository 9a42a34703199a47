#include "peer/phone/phone_ears.h"

#include "audio/g711.h"
#include "peer/phone/phone_playout.h"

#define LOUD_RMS         164 /* -46 dB of 32768; telephone speech lies 15 to 30 dB above */
#define CANDIDATE_FRAMES 3   /* the second loud frame comes within these, counted from the first */

void phone_ears_init(struct phone_ears *e, uint32_t quiet_ms)
{
    *e = (struct phone_ears){.quiet_frames = MAX(quiet_ms / PHONE_FRAME_MS, 1u)};
}

static enum phone_heard step_silent(struct phone_ears *e, uint32_t frame, bool loud)
{
    if (e->candidate && frame - e->begin_frame >= CANDIDATE_FRAMES) {
        e->candidate = false;
    }
    if (!loud) {
        return PHONE_HEARD_NOTHING;
    }
    if (!e->candidate) {
        e->candidate = true;
        e->begin_frame = frame;
        return PHONE_HEARD_NOTHING;
    }
    e->candidate = false;
    e->speaking = true;
    e->end_frame = frame + 1;
    return PHONE_HEARD_BEGIN;
}

enum phone_heard phone_ears_step(struct phone_ears *e, uint32_t frame, bool loud)
{
    if (!e->speaking) {
        return step_silent(e, frame, loud);
    }
    if (loud) {
        e->end_frame = frame + 1;
        return PHONE_HEARD_NOTHING;
    }
    if (frame + 1 - e->end_frame < e->quiet_frames) {
        return PHONE_HEARD_NOTHING;
    }
    e->speaking = false;
    return PHONE_HEARD_END;
}

enum phone_heard phone_ears_cut(struct phone_ears *e)
{
    e->candidate = false;
    if (!e->speaking) {
        return PHONE_HEARD_NOTHING;
    }
    e->speaking = false;
    return PHONE_HEARD_END;
}

uint32_t phone_ears_pause(const struct phone_ears *e, uint32_t frame)
{
    return e->speaking ? frame + 1 - e->end_frame : 0;
}

bool phone_frame_is_loud(const uint8_t *mulaw, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t x = g711_mulaw_decode1(mulaw[i]);
        sum += (uint64_t)(x * (int64_t)x);
    }
    return sum >= (uint64_t)LOUD_RMS * LOUD_RMS * n && n > 0;
}
