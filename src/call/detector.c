#include "call/detector.h"

#include "base/err.h"

#define FILL_BLOCK 320 /* leg samples that pass the resampler at once */
#define TRACE_PPM  50000
#define QUIET_MAX  31 /* chunks; one second */
#define LOOK_MIN   96 /* samples behind the last chunk */

void detector_init(struct detector *d, const struct call_vad_opts *o, uint32_t leg_hz)
{
    *d = (struct detector){.leg_hz = leg_hz, .rate_hz = o->rate_hz == 16000 ? 16000 : 8000, .reset = true};
    d->chunk_samples = d->rate_hz / 1000 * DETECTOR_CHUNK_MS;
    d->resamples = d->rate_hz != leg_hz;
    ignore_result(resample_init(&d->resample, leg_hz, d->rate_hz)); /* legs have no other rates than it knows */
}

void detector_restart(struct detector *d)
{
    d->filled = 0;
    d->reset = true;
    d->sound = d->looking = false;
    d->speech_ms = d->silence_ms = d->peak_ppm = 0;
    resample_reset(&d->resample);
}

static bool can_look(const struct detector *d)
{
    return !d->resamples && d->chunk_samples == DETECTOR_LOOK - DETECTOR_CONTEXT;
}

/* How many leg samples may go in so that the chunk does not overflow. */
static size_t room(const struct detector *d)
{
    size_t missing = d->chunk_samples - d->filled;
    if (!d->resamples) {
        return missing;
    }
    size_t leg = missing * d->leg_hz / d->rate_hz;
    return MIN(MAX(leg, (size_t)1), (size_t)FILL_BLOCK);
}

size_t detector_fill(struct detector *d, uint64_t at, const int16_t *pcm, size_t n, struct detector_chunk *ret)
{
    *ret = (struct detector_chunk){0};
    if (d->filled >=
        d->chunk_samples) { /* the chunk handed out last; what the resampler gave too much begins the next */
        uint32_t over = d->filled - d->chunk_samples;
        if (can_look(d)) {
            memcpy(d->pcm + d->chunk_samples, d->pcm, d->chunk_samples * sizeof(d->pcm[0]));
        } else {
            memmove(d->pcm, d->pcm + d->chunk_samples, over * sizeof(d->pcm[0]));
        }
        d->filled = over;
    }
    n = MIN(n, room(d));
    if (d->resamples) {
        size_t made = 0;
        int16_t out[FILL_BLOCK * 2 + 8];
        resample_run(&d->resample, pcm, n, out, &made);
        made = MIN(made, (size_t)(ARRAY_LEN(d->pcm) - d->filled));
        memcpy(d->pcm + d->filled, out, made * sizeof(out[0]));
        d->filled += (uint32_t)made;
    } else {
        memcpy(d->pcm + d->filled, pcm, n * sizeof(pcm[0]));
        d->filled += (uint32_t)n;
    }
    if (d->filled >= d->chunk_samples && d->sent - d->answered < DETECTOR_PENDING) {
        ret->number = ++d->sent;
        ret->reset = d->reset;
        d->reset = false;
        d->ends[d->sent % DETECTOR_PENDING] = at + n;
    }
    return n;
}

static void begin_sound(struct detector *d, uint32_t start_ppm, uint64_t end)
{
    uint64_t length = (uint64_t)d->leg_hz / 1000 * DETECTOR_CHUNK_MS;
    d->sound = true;
    d->quiet = 0;
    d->begun_ppm = MIN(start_ppm, 990000u);
    d->onset = end > length ? end - length : 0;
    d->speech_ms = d->silence_ms = d->peak_ppm = d->fading_ms = d->firm_ms = 0;
}

bool detector_look(struct detector *d, uint64_t end, uint8_t note, int16_t ret[DETECTOR_LOOK])
{
    if (!can_look(d) || d->looking || d->reset || d->filled < LOOK_MIN || d->filled >= d->chunk_samples) {
        return false;
    }
    /* The end of the last chunk, which detector_fill keeps behind this one, then what there is of this one. */
    size_t last = DETECTOR_LOOK - d->filled;
    memcpy(ret, d->pcm + 2 * (size_t)d->chunk_samples - last, last * sizeof(ret[0]));
    memcpy(ret + last, d->pcm, d->filled * sizeof(ret[0]));
    d->looking = true;
    d->look_note = note;
    d->look_end = end;
    return true;
}

bool detector_look_answer(struct detector *d, uint32_t ppm, uint32_t start_ppm)
{
    bool begins = d->looking && !d->sound && ppm >= MIN(start_ppm, 990000u);
    d->looking = false;
    if (begins) {
        begin_sound(d, start_ppm, d->look_end);
    }
    return begins;
}

bool detector_answer(struct detector *d, const struct call_vad_opts *o, uint32_t number, uint32_t ppm,
                     uint32_t start_ppm)
{
    if (number != d->answered + 1 || number > d->sent) {
        return false;
    }
    d->answered = number;
    d->ppm = MIN(ppm, 1000000u);
    uint64_t end = d->ends[number % DETECTOR_PENDING];
    if (!d->sound) {
        d->quiet = d->ppm < TRACE_PPM ? d->quiet + 1 : 0;
        if (d->quiet >= QUIET_MAX) {
            d->quiet = 0;
            d->reset = true;
        }
        if (d->ppm < MIN(start_ppm, 990000u)) {
            return true;
        }
        begin_sound(d, start_ppm, end);
    }
    uint32_t sure_ppm = o->start_ppm + (1000000u - MIN(o->start_ppm, 1000000u)) / 2;
    bool sure = d->ppm >= sure_ppm;
    d->fading_ms = sure ? 0 : d->peak_ppm >= sure_ppm ? d->fading_ms + DETECTOR_CHUNK_MS : 0;
    d->peak_ppm = MAX(d->peak_ppm, d->ppm);
    /* Speech may rise slowly: until it is believed, what is still above the level that began the sound is no silence.
     */
    uint32_t silent_ppm = d->peak_ppm < o->start_ppm ? MIN(o->end_ppm, d->begun_ppm) : o->end_ppm;
    if (d->ppm < silent_ppm) {
        d->silence_ms += DETECTOR_CHUNK_MS;
    } else if (d->ppm >= o->end_ppm) {
        d->silence_ms = 0;
        d->firm_ms += d->ppm >= o->start_ppm ? DETECTOR_CHUNK_MS : 0;
        d->speech_ms += DETECTOR_CHUNK_MS;
        d->speech_end = end;
    }
    return true;
}

bool detector_ended(const struct detector *d, uint32_t min_silence_ms)
{
    return d->silence_ms >= min_silence_ms || (d->fading_ms >= min_silence_ms && d->silence_ms >= min_silence_ms / 2);
}

void detector_close_sound(struct detector *d)
{
    d->sound = false;
}
