#include "audio/energy.h"

#include <math.h>

#define START_FLOOR_DB  (-60.0f)
#define LOWEST_FLOOR_DB (-78.0f) /* digital silence must not make a whisper of line noise into speech */
#define MARGIN_DB       9.0f
#define RELEASE_DB      3.0f
#define THRESHOLD_DB    (-50.0f)
#define RISE_DB_PER_S   1.0f /* while speech may be going on the floor hardly moves */
#define FALL_DB_PER_S   60.0f
#define WINDOW_MS       3000 /* a level held this long without a dip is noise, not speech */

static float to_dbfs(double power)
{
    return power > 0 ? fmaxf((float)(10 * log10(power)), ENERGY_SILENCE_DBFS) : ENERGY_SILENCE_DBFS;
}

float energy_dbfs(const int16_t *pcm, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (int32_t)pcm[i] * pcm[i];
    }
    return n ? to_dbfs((double)sum / (double)n / (32768.0 * 32768.0)) : ENERGY_SILENCE_DBFS;
}

float energy_peak_dbfs(const int16_t *pcm, size_t n)
{
    int32_t peak = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t v = pcm[i] < 0 ? -(int32_t)pcm[i] : pcm[i];
        peak = MAX(peak, v);
    }
    return to_dbfs((double)peak * peak / (32768.0 * 32768.0));
}

void energy_init(struct energy *e, uint32_t rate_hz)
{
    *e = (struct energy){.rate_hz = rate_hz,
                         .floor_db = START_FLOOR_DB,
                         .margin_db = MARGIN_DB,
                         .threshold_db = THRESHOLD_DB,
                         .minimum_db = 0};
}

/*
 * The floor falls fast towards any quieter frame and rises slowly. Speech dips between syllables, noise does not: the
 * smallest level of each window of 3 s is noise by definition, so a fan that is switched on stops being speech then.
 */
static void track_floor(struct energy *e, float level, float ms)
{
    e->minimum_db = fminf(e->minimum_db, level);
    e->window_ms += (uint32_t)ms;
    if (e->window_ms >= WINDOW_MS) {
        e->floor_db = fmaxf(e->floor_db, e->minimum_db);
        e->minimum_db = 0;
        e->window_ms = 0;
    }
    float step = (level < e->floor_db ? -FALL_DB_PER_S : RISE_DB_PER_S) * ms / 1000;
    float next = e->floor_db + step;
    e->floor_db = step < 0 ? fmaxf(next, level) : fminf(next, level);
    e->floor_db = fmaxf(e->floor_db, LOWEST_FLOOR_DB);
}

float energy_frame(struct energy *e, const int16_t *pcm, size_t n, bool *ret_active)
{
    float level = energy_dbfs(pcm, n);
    if (n) {
        float start = fmaxf(e->floor_db + e->margin_db, e->threshold_db);
        e->active = level >= start - (e->active ? RELEASE_DB : 0);
        track_floor(e, level, 1000.0f * (float)n / (float)e->rate_hz);
    }
    if (ret_active) {
        *ret_active = e->active;
    }
    return level;
}
