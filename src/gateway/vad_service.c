#include "gateway/vad_service.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"

/* An answer may cause the next chunk at once (a backlog that a call gives out one by one). This often in one pass;
 * what is left then waits for the next one. */
#define MAX_ROUNDS 16

struct chunk {
    struct host_id id;
    uint32_t number;
    uint32_t depth; /* how many of the same call stand before it */
    uint32_t ppm;
    size_t at; /* of its first sample */
    enum vad_branch branch;
    bool reset;
    bool gone;
};

/* Chunks with their samples, in order of arrival. */
struct chunk_list {
    struct chunk *chunks;
    uint32_t n, cap;
    int16_t *pcm;
    size_t n_pcm, cap_pcm;
};

struct vad_service {
    struct vad_service_opts o;
    struct chunk_list waiting;
    struct chunk_list running; /* changes places with waiting, so that answers may put */
    struct vad_job *jobs;
    struct chunk **owners; /* of jobs */
    uint32_t cap_jobs;
    uint64_t flushes;
};

static void on_pass_end(void *arg);

int vad_service_new(const struct vad_service_opts *opts, struct vad_service **ret)
{
    struct vad_service *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->o = *opts;
    int err = loop_on_pass_end(opts->loop, on_pass_end, s);
    if (err < 0) {
        free(s);
        return err;
    }
    *ret = s;
    return 0;
}

static void list_done(struct chunk_list *l)
{
    free(l->chunks);
    free(l->pcm);
}

struct vad_service *vad_service_free(struct vad_service *s)
{
    if (s) {
        loop_off_pass_end(s->o.loop, on_pass_end, s);
        list_done(&s->waiting);
        list_done(&s->running);
        free(s->jobs);
        free(s->owners);
        free(s);
    }
    return NULL;
}

uint32_t vad_service_waiting(const struct vad_service *s)
{
    return s->waiting.n;
}

/* ---- in ---- */

static int reserve(struct chunk_list *l, size_t samples)
{
    if (l->n == l->cap) {
        uint32_t cap = MAX(l->cap * 2, 16u);
        struct chunk *chunks = reallocarray(l->chunks, cap, sizeof(*chunks));
        if (!chunks) {
            return -ENOMEM;
        }
        l->chunks = chunks;
        l->cap = cap;
    }
    if (l->cap_pcm - l->n_pcm < samples) {
        size_t cap = MAX(l->cap_pcm * 2, 16 * samples);
        int16_t *pcm = reallocarray(l->pcm, cap, sizeof(*pcm));
        if (!pcm) {
            return -ENOMEM;
        }
        l->pcm = pcm;
        l->cap_pcm = cap;
    }
    return 0;
}

int vad_service_put(struct vad_service *s, struct host_id id, const struct call_action *act)
{
    assert(act->type == ACT_VAD);
    enum vad_branch branch = act->vad.rate_hz == 8000 ? VAD_8K : VAD_16K;
    size_t context = act->vad.chunk == 0 ? vad_context_samples(branch) : 0;
    size_t samples = context + (size_t)act->vad.rate_hz * VAD_CHUNK_MS / 1000;
    struct chunk_list *l = &s->waiting;
    if ((branch == VAD_16K && act->vad.rate_hz != 16000) || act->vad.pcm.n != samples * sizeof(int16_t)) {
        return -EINVAL;
    }
    int err = reserve(l, samples);
    if (err < 0) {
        return err;
    }
    memcpy(l->pcm + l->n_pcm, act->vad.pcm.p, act->vad.pcm.n);
    l->chunks[l->n++] =
        (struct chunk){.id = id, .number = act->vad.chunk, .at = l->n_pcm, .branch = branch, .reset = act->vad.reset};
    l->n_pcm += samples;
    return 0;
}

/* ---- run ---- */

static int reserve_jobs(struct vad_service *s, uint32_t n)
{
    if (n <= s->cap_jobs) {
        return 0;
    }
    struct vad_job *jobs = reallocarray(s->jobs, n, sizeof(*jobs));
    if (!jobs) {
        return -ENOMEM;
    }
    s->jobs = jobs;
    struct chunk **owners = reallocarray(s->owners, n, sizeof(struct chunk *));
    if (!owners) {
        return -ENOMEM;
    }
    s->owners = owners;
    s->cap_jobs = n;
    return 0;
}

/* How deep each chunk stands in its call, and so how many batches there must be; several of one call follow a gap. */
static uint32_t plan(struct vad_service *s)
{
    struct chunk_list *l = &s->running;
    uint32_t deepest = 0;
    s->flushes++;
    for (uint32_t i = 0; i < l->n; i++) {
        struct chunk *c = &l->chunks[i];
        struct vad_stream *stream = s->o.stream(c->id, s->o.arg);
        c->gone = !stream;
        if (c->gone) {
            continue;
        }
        if (stream->flush != s->flushes) {
            stream->flush = s->flushes;
            stream->depth = 0;
        }
        c->depth = stream->depth++;
        deepest = MAX(deepest, stream->depth);
    }
    return deepest;
}

uint32_t vad_to_ppm(float p)
{
    return p >= 1.0F ? 1000000 : p > 0.0F ? (uint32_t)(p * 1e6F + 0.5F) : 0; /* also what is no number is silence */
}

/* The stream stays as it was: nobody can share the walk over the weights with a copy of it. */
static void run_look(struct vad_service *s, struct chunk *c, const struct vad_stream *stream)
{
    const int16_t *pcm = s->running.pcm + c->at;
    struct vad_state state = vad_look(&stream->state, c->branch, pcm);
    struct vad_job job = {.state = &state, .pcm = pcm + vad_context_samples(c->branch)};
    s->o.run(s->o.model, c->branch, &job, 1);
    c->ppm = vad_to_ppm(job.probability);
    metrics_add(s->o.metrics, METRIC_VAD_LOOKS, 1);
}

static void run_batch(struct vad_service *s, enum vad_branch branch, uint32_t depth)
{
    struct chunk_list *l = &s->running;
    uint32_t n = 0;
    uint64_t begin_us = clock_now_us();
    for (uint32_t i = 0; i < l->n; i++) {
        struct chunk *c = &l->chunks[i];
        if (c->gone || c->branch != branch || c->depth != depth) {
            continue;
        }
        struct vad_stream *stream = s->o.stream(c->id, s->o.arg);
        if (c->number == 0) {
            run_look(s, c, stream);
            continue;
        }
        if (c->reset) {
            vad_reset(&stream->state);
        }
        s->jobs[n] = (struct vad_job){.state = &stream->state, .pcm = l->pcm + c->at};
        s->owners[n++] = c;
    }
    if (n > 0) {
        s->o.run(s->o.model, branch, s->jobs, n);
    }
    metrics_add(s->o.metrics, METRIC_VAD_SECONDS, clock_now_us() - begin_us);
    if (n == 0) {
        return;
    }
    metrics_add(s->o.metrics, METRIC_VAD_CHUNKS, n);
    metrics_observe(s->o.metrics, METRIC_VAD_BATCH, n);
    for (uint32_t i = 0; i < n; i++) {
        s->owners[i]->ppm = vad_to_ppm(s->jobs[i].probability);
    }
}

static void answer_all(struct vad_service *s)
{
    struct chunk_list *l = &s->running;
    for (uint32_t i = 0; i < l->n; i++) {
        const struct chunk *c = &l->chunks[i];
        /* Also an answer before this one may have ended the call. */
        if (!c->gone && s->o.stream(c->id, s->o.arg)) {
            s->o.answer(c->id, c->number, c->ppm, s->o.arg);
        }
    }
    l->n = 0;
    l->n_pcm = 0;
}

static void flush(struct vad_service *s)
{
    struct chunk_list waiting = s->waiting;
    if (waiting.n > VAD_SERVICE_BUSY) {
        metrics_add(s->o.metrics, METRIC_VAD_OVERLOADS, 1);
    }
    if (reserve_jobs(s, waiting.n) < 0) {
        log_error(NULL, "vad.out-of-memory", "chunks=%u", waiting.n);
        return; /* they wait for the next pass */
    }
    s->waiting = s->running;
    s->running = waiting;
    uint32_t depths = plan(s);
    for (uint32_t depth = 0; depth < depths; depth++) {
        for (uint32_t branch = 0; branch < VAD_BRANCH_N; branch++) {
            run_batch(s, (enum vad_branch)branch, depth);
        }
    }
    answer_all(s);
}

static void on_pass_end(void *arg)
{
    struct vad_service *s = arg;
    for (uint32_t i = 0; i < MAX_ROUNDS && s->waiting.n > 0; i++) {
        flush(s);
    }
}
