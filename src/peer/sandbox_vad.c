#include "peer/sandbox_vad.h"

#include <math.h>

#define FLOOR_START_DB   -70.0
#define FLOOR_MAX_DB     -35.0 /* a background this loud is taken for speech */
#define FLOOR_RISE_DB    0.03  /* per frame: 1.5 dB/s, so a sentence does not lift it into the words */
#define FLOOR_MARGIN_DB  10.0
#define HYSTERESIS_DB    5.0
#define START_WINDOW     0xFu /* of the last 4 frames ... */
#define START_MIN_FRAMES 3    /* ... 3 are loud: 60 ms, longer than a click */

void vad_init(struct vad *v, const struct vad_opts *opts)
{
    *v = (struct vad){.opts = *opts, .floor_db = FLOOR_START_DB};
}

void vad_set(struct vad *v, const struct vad_opts *opts)
{
    v->opts = *opts;
}

void vad_reset(struct vad *v)
{
    v->speaking = false;
    v->loud = 0;
    v->quiet_ms = 0;
}

static double frame_db(const int16_t *frame)
{
    double sum = 0, mean = 0;
    for (int i = 0; i < VAD_FRAME_SAMPLES; i++) {
        mean += frame[i];
    }
    mean /= VAD_FRAME_SAMPLES; /* a constant offset is no sound */
    for (int i = 0; i < VAD_FRAME_SAMPLES; i++) {
        double x = frame[i] - mean;
        sum += x * x;
    }
    return 10.0 * log10(sum / VAD_FRAME_SAMPLES / (32768.0 * 32768.0) + 1e-10);
}

static void floor_track(struct vad *v, double db)
{
    if (db < v->floor_db) {
        v->floor_db += (db - v->floor_db) * 0.2;
    } else {
        v->floor_db = fmin(v->floor_db + FLOOR_RISE_DB, FLOOR_MAX_DB);
    }
    v->floor_db = fmax(v->floor_db, FLOOR_START_DB);
}

enum vad_event vad_feed(struct vad *v, const int16_t frame[VAD_FRAME_SAMPLES], uint64_t *ret_ms)
{
    double db = frame_db(frame);
    double start_db = fmax(-55.0 + 20.0 * v->opts.threshold, v->floor_db + FLOOR_MARGIN_DB);
    bool loud = db > (v->speaking ? start_db - HYSTERESIS_DB : start_db);
    uint64_t begin_ms = v->clock_ms;
    v->clock_ms += VAD_FRAME_MS;
    floor_track(v, db);
    if (loud && (v->loud & START_WINDOW) == 0) {
        v->onset_ms = begin_ms;
    }
    v->loud = v->loud << 1 | (loud ? 1u : 0u);
    if (!v->speaking) {
        if (__builtin_popcount(v->loud & START_WINDOW) < START_MIN_FRAMES) {
            return VAD_NOTHING;
        }
        v->speaking = true;
        v->quiet_ms = 0;
        *ret_ms = v->onset_ms;
        return VAD_STARTED;
    }
    v->quiet_ms = loud ? 0 : v->quiet_ms + VAD_FRAME_MS;
    if (v->quiet_ms < v->opts.silence_ms) {
        return VAD_NOTHING;
    }
    v->speaking = false;
    v->loud = 0;
    *ret_ms = v->clock_ms;
    return VAD_STOPPED;
}
