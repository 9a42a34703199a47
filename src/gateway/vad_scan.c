#include "gateway/vad_scan.h"

#include "base/err.h"
#include "call/detector.h"

struct scan {
    const struct vad_scan_handler *h;
    void *arg;
    struct call_vad_opts opts;
    struct detector detector;
    double sum; /* of the chunks of this stretch, and of those that end it or do not */
    double pending;
    uint32_t chunks, pending_chunks;
};

static uint64_t to_ms(const struct scan *s, uint64_t samples)
{
    return samples * 1000 / s->detector.rate_hz;
}

static void finish(struct scan *s)
{
    const struct detector *d = &s->detector;
    struct vad_speech speech = {
        .start_ms = to_ms(s, d->onset),
        .end_ms = to_ms(s, d->speech_end),
        .peak = (float)d->peak_ppm * 1e-6F,
        .mean = (float)(s->sum / s->chunks),
    };
    s->h->on_speech(&speech, s->arg);
    detector_close_sound(&s->detector);
    s->sum = s->pending = 0;
    s->chunks = s->pending_chunks = 0;
}

static void judge(struct scan *s, uint32_t number, float probability)
{
    struct detector *d = &s->detector;
    s->h->on_chunk(number - 1, probability, s->arg);
    ignore_result(detector_answer(d, &s->opts, number, (uint32_t)(probability * 1e6F + 0.5F), 0)); /* in order */
    if (!d->sound) {
        return;
    }
    s->pending += (double)probability;
    s->pending_chunks++;
    if (d->silence_ms == 0) { /* still speech: so was what came before it */
        s->sum += s->pending;
        s->chunks += s->pending_chunks;
        s->pending = 0;
        s->pending_chunks = 0;
    } else if (d->silence_ms >= s->opts.min_silence_ms) {
        finish(s);
    }
}

void vad_scan(const struct vad_model *m, const struct vad_scan_opts *o, const int16_t *pcm, size_t n,
              const struct vad_scan_handler *h, void *arg)
{
    static const int16_t silence[DETECTOR_CHUNK_MAX];
    const struct vad_kernel *kernel = o->kernel ? o->kernel : vad_kernel_best();
    uint32_t rate_hz = vad_rate_hz(o->branch);
    size_t chunk = vad_chunk_samples(o->branch);
    size_t end = (n + chunk - 1) / chunk * chunk;
    struct vad_state state;
    struct scan s = {.h = h, .arg = arg};
    s.opts = (struct call_vad_opts){.on = true,
                                    .rate_hz = rate_hz,
                                    .start_ppm = o->start_ppm,
                                    .end_ppm = o->end_ppm,
                                    .min_silence_ms = o->min_silence_ms};
    detector_init(&s.detector, &s.opts, rate_hz);
    vad_reset(&state);
    for (size_t at = 0; at < end;) {
        struct detector_chunk made;
        bool sound = at < n;
        at += detector_fill(&s.detector, at, sound ? pcm + at : silence, sound ? n - at : end - at, &made);
        if (made.number) {
            struct vad_job job = {.state = &state, .pcm = s.detector.pcm};
            vad_run_with(kernel, m, o->branch, &job, 1);
            judge(&s, made.number, job.probability);
        }
    }
    if (s.detector.sound) {
        finish(&s);
    }
}
