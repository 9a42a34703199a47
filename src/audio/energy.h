/*
 * Voice by energy: level of a frame against a tracked noise floor. For the sandbox's server VAD and the phone's
 * measuring, not for deciding barge-in on real calls. Hangover and minimum durations are the caller's. Pure.
 */
#ifndef AUDIO_ENERGY_H
#define AUDIO_ENERGY_H

#include "base/defs.h"

#define ENERGY_SILENCE_DBFS (-96.0f) /* level of digital silence, and of an empty frame */

struct energy {
    uint32_t rate_hz;
    float floor_db;     /* noise floor as believed now */
    float margin_db;    /* how far above the floor speech starts; it ends 3 dB lower. Default 9 */
    float threshold_db; /* never speech below this. Default -50 */
    float minimum_db;   /* smallest level of the present window: what the floor falls back to */
    uint32_t window_ms; /* of minimum_db */
    bool active;
};

/* Root mean square of n samples relative to full scale (32768); ENERGY_SILENCE_DBFS and more. */
float energy_dbfs(const int16_t *pcm, size_t n);
/* The same of mu-law bytes is energy_dbfs of what g711.h decodes. Peak instead of RMS: */
float energy_peak_dbfs(const int16_t *pcm, size_t n);

void energy_init(struct energy *e, uint32_t rate_hz);
/*
 * Judges one frame (10 to 40 ms are sensible; any length works).
 *   ret_active  speech or not, may be NULL
 * Returns the frame's level in dBFS.
 */
float energy_frame(struct energy *e, const int16_t *pcm, size_t n, bool *ret_active);

#endif
