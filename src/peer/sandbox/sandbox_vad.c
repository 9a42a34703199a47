#include "peer/sandbox/sandbox_vad.h"

#include <math.h>

#define FLOOR_START_DB   -70.0
#define FLOOR_MAX_DB     -35.0 /* a background this loud is taken for speech */
#define FLOOR_RISE_DB    0.03  /* per frame: 1.5 dB/s, so a sentence does not lift it into the words */
#define FLOOR_MARGIN_DB  10.0
#define HYSTERESIS_DB    5.0
#define START_WINDOW     0xFu /* of the last 4 frames ... */
#define START_MIN_FRAMES 3    /* ... 3 are loud: 60 ms, longer than a click */

void sandbox_vad_init(struct sandbox_vad *v, const struct sandbox_vad_opts *opts)
{
    *v = (struct sandbox_vad){.opts = *opts, .floor_db = FLOOR_START_DB};
}

void sandbox_vad_set(struct sandbox_vad *v, const struct sandbox_vad_opts *opts)
{
    v->opts = *opts;
}

void sandbox_vad_reset(struct sandbox_vad *v)
{
    v->speaking = false;
    v->loud = 0;
    v->quiet_ms = 0;
}

static double frame_db(const int16_t *frame)
{
    double sum = 0, mean = 0;
    for (int i = 0; i < SANDBOX_VAD_FRAME_SAMPLES; i++) {
        mean += frame[i];
    }
    mean /= SANDBOX_VAD_FRAME_SAMPLES; /* a constant offset is no sound */
    for (int i = 0; i < SANDBOX_VAD_FRAME_SAMPLES; i++) {
        double x = frame[i] - mean;
        sum += x * x;
    }
    return 10.0 * log10(sum / SANDBOX_VAD_FRAME_SAMPLES / (32768.0 * 32768.0) + 1e-10);
}

static void floor_track(struct sandbox_vad *v, double db)
{
    if (db < v->floor_db) {
        v->floor_db += (db - v->floor_db) * 0.2;
    } else {
        v->floor_db = fmin(v->floor_db + FLOOR_RISE_DB, FLOOR_MAX_DB);
    }
    v->floor_db = fmax(v->floor_db, FLOOR_START_DB);
}

enum sandbox_vad_event sandbox_vad_feed(struct sandbox_vad *v, const int16_t frame[SANDBOX_VAD_FRAME_SAMPLES],
                                        uint64_t *ret_ms)
{
    double db = frame_db(frame);
    double start_db = fmax(-55.0 + 20.0 * v->opts.threshold, v->floor_db + FLOOR_MARGIN_DB);
    bool loud = db > (v->speaking ? start_db - HYSTERESIS_DB : start_db);
    uint64_t begin_ms = v->clock_ms;
    v->clock_ms += SANDBOX_VAD_FRAME_MS;
    floor_track(v, db);
    if (loud && (v->loud & START_WINDOW) == 0) {
        v->onset_ms = begin_ms;
    }
    v->loud = v->loud << 1 | (loud ? 1u : 0u);
    if (!v->speaking) {
        if (__builtin_popcount(v->loud & START_WINDOW) < START_MIN_FRAMES) {
            return SANDBOX_VAD_NOTHING;
        }
        v->speaking = true;
        v->quiet_ms = 0;
        *ret_ms = v->onset_ms;
        return SANDBOX_VAD_STARTED;
    }
    v->quiet_ms = loud ? 0 : v->quiet_ms + SANDBOX_VAD_FRAME_MS;
    if (v->quiet_ms < v->opts.silence_ms) {
        return SANDBOX_VAD_NOTHING;
    }
    v->speaking = false;
    v->loud = 0;
    *ret_ms = v->clock_ms;
    return SANDBOX_VAD_STOPPED;
}

/* ---- a whole piece ---- */

#define EXTENT_QUIET_DB  -52.0 /* below this nothing is speech */
#define EXTENT_MARGIN_DB 8.0   /* above the background */
#define EXTENT_RANGE_DB  30.0  /* speech is not so much quieter than its loudest syllable */
#define EXTENT_AROUND_MS 200
#define EXTENT_PAUSE_MS  400 /* inside a sentence; what is longer counts as this */
#define LEVELS           100 /* of 1 dB, from -100 */

/* Between the quietest tenth and the loudest frame. */
static double extent_threshold_db(const int16_t *pcm, size_t frames)
{
    uint32_t count[LEVELS] = {0};
    double loudest = -LEVELS;
    for (size_t i = 0; i < frames; i++) {
        double db = frame_db(pcm + i * SANDBOX_VAD_FRAME_SAMPLES);
        count[CLAMP((int)(db + LEVELS), 0, LEVELS - 1)]++;
        loudest = fmax(loudest, db);
    }
    size_t below = 0;
    int level = 0;
    while (level < LEVELS - 1 && below + count[level] <= frames / 10) {
        below += count[level++];
    }
    double over_background = fmin(level - LEVELS + EXTENT_MARGIN_DB, loudest - EXTENT_MARGIN_DB);
    return fmax(EXTENT_QUIET_DB, fmax(over_background, loudest - EXTENT_RANGE_DB));
}

bool sandbox_vad_extent(const int16_t *pcm, size_t n, struct sandbox_extent *ret)
{
    size_t frames = n / SANDBOX_VAD_FRAME_SAMPLES;
    double threshold_db = extent_threshold_db(pcm, frames);
    size_t first = SIZE_MAX, last = 0, around = EXTENT_AROUND_MS / SANDBOX_VAD_FRAME_MS;
    uint32_t speech_ms = 0;
    for (size_t i = 0; i < frames; i++) {
        if (frame_db(pcm + i * SANDBOX_VAD_FRAME_SAMPLES) <= threshold_db) {
            continue;
        }
        uint32_t since_ms = first == SIZE_MAX ? SANDBOX_VAD_FRAME_MS : (uint32_t)(i - last) * SANDBOX_VAD_FRAME_MS;
        speech_ms += MIN(since_ms, (uint32_t)EXTENT_PAUSE_MS);
        first = MIN(first, i);
        last = i;
    }
    if (first == SIZE_MAX) {
        return false;
    }
    size_t from = (first - MIN(first, around)) * SANDBOX_VAD_FRAME_SAMPLES;
    size_t to = MIN(n, (last + 1 + around) * SANDBOX_VAD_FRAME_SAMPLES);
    *ret = (struct sandbox_extent){.from = from, .n = to - from, .speech_ms = speech_ms};
    return true;
}
