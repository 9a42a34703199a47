#include "gateway/vad_scan.h"

#define CHUNK_MAX 512

/* The rule of call/detector.h for one sound after another, without the call around it. */
struct scan {
    const struct vad_scan_opts *opts;
    const struct vad_scan_handler *h;
    void *arg;
    bool speaks;
    uint32_t first, last; /* chunks: where it began, the last one at the end threshold */
    float peak;
    double sum, waiting; /* of the probabilities up to last, and behind it */
};

static void finish(struct scan *s)
{
    struct vad_speech speech = {
        .start_ms = (uint64_t)s->first * VAD_CHUNK_MS,
        .end_ms = ((uint64_t)s->last + 1) * VAD_CHUNK_MS,
        .peak = s->peak,
        .mean = (float)(s->sum / (s->last - s->first + 1)),
    };
    s->speaks = false;
    s->h->on_speech(&speech, s->arg);
}

static void judge(struct scan *s, uint32_t chunk, float probability)
{
    uint32_t ppm = (uint32_t)(probability * 1e6F + 0.5F);
    s->h->on_chunk(chunk, probability, s->arg);
    if (!s->speaks && ppm >= s->opts->start_ppm) {
        s->speaks = true;
        s->first = s->last = chunk;
        s->peak = 0;
        s->sum = s->waiting = 0;
    }
    if (!s->speaks) {
        return;
    }
    s->peak = MAX(s->peak, probability);
    s->waiting += (double)probability;
    if (ppm >= s->opts->end_ppm) {
        s->last = chunk;
        s->sum += s->waiting;
        s->waiting = 0;
    } else if ((uint64_t)(chunk - s->last) * VAD_CHUNK_MS >= s->opts->min_silence_ms) {
        finish(s);
    }
}

void vad_scan(const struct vad_model *m, const struct vad_scan_opts *o, const int16_t *pcm, size_t n,
              const struct vad_scan_handler *h, void *arg)
{
    const struct vad_kernel *kernel = o->kernel ? o->kernel : vad_kernel_best();
    size_t size = vad_chunk_samples(o->branch);
    struct vad_state state;
    struct scan s = {.opts = o, .h = h, .arg = arg};
    vad_reset(&state);
    for (size_t at = 0; at < n; at += size) {
        int16_t tail[CHUNK_MAX] = {0};
        struct vad_job job = {.state = &state, .pcm = pcm + at};
        if (n - at < size) { /* filled up with silence */
            memcpy(tail, pcm + at, (n - at) * sizeof(tail[0]));
            job.pcm = tail;
        }
        vad_run_with(kernel, m, o->branch, &job, 1);
        judge(&s, (uint32_t)(at / size), job.probability);
    }
    if (s.speaks) {
        finish(&s);
    }
}
