#include "gateway/replay_vad.h"

#include "gateway/vad_service.h"

void replay_vad_init(struct replay_vad *v, const struct vad_model *model, const struct call_vad_opts *opts,
                     struct replay_vad_report *report)
{
    *v = (struct replay_vad){.model = model, .opts = opts, .report = report};
    *report = (struct replay_vad_report){0};
    ignore_result(str_copy(report->weights, sizeof(report->weights), opts->weights)); /* a longer one is none of ours */
}

static void drop_first(struct replay_vad *v)
{
    v->n--;
    memmove(&v->pending[0], &v->pending[1], v->n * sizeof(v->pending[0]));
}

static bool crossed(uint32_t a, uint32_t b, uint32_t threshold)
{
    return (a >= threshold) != (b >= threshold);
}

static void compare(struct replay_vad *v, uint32_t now, uint32_t ppm)
{
    struct replay_vad_report *r = v->report;
    uint32_t diff = now > ppm ? now - ppm : ppm - now;
    r->chunks++;
    r->max_diff_ppm = MAX(r->max_diff_ppm, diff);
    r->sum_diff_ppm += diff;
    r->start_crossed += crossed(now, ppm, v->opts->start_ppm);
    r->end_crossed += crossed(now, ppm, v->opts->end_ppm);
}

/* One look at a time: the answer is that of the last one. */
static void answer_look(struct replay_vad *v, uint32_t ppm)
{
    if (v->look_waits) {
        compare(v, v->look_ppm, ppm);
    } else {
        v->report->unknown++;
    }
    v->look_waits = false;
}

void replay_vad_answer(struct replay_vad *v, uint32_t chunk, uint32_t ppm)
{
    struct replay_vad_report *r = v->report;
    if (chunk == 0) {
        answer_look(v, ppm);
        return;
    }
    /* Answers come in the order of the chunks: what stands before has been passed over. */
    while (v->n > 0 && v->pending[0].chunk < chunk) {
        r->unanswered++;
        drop_first(v);
    }
    if (v->n == 0 || v->pending[0].chunk != chunk) {
        r->unknown++;
        return;
    }
    compare(v, v->pending[0].ppm, ppm);
    drop_first(v);
}

static void run_chunk(struct replay_vad *v, const struct call_action *act)
{
    enum vad_branch branch = act->vad.rate_hz == 8000 ? VAD_8K : VAD_16K;
    int16_t pcm[16000 * VAD_CHUNK_MS / 1000 + VAD_CONTEXT_MAX];
    uint32_t context = act->vad.chunk == 0 ? vad_context_samples(branch) : 0;
    if (act->vad.pcm.n != (context + vad_chunk_samples(branch)) * sizeof(pcm[0])) {
        return; /* its answer will count as unknown */
    }
    memcpy(pcm, act->vad.pcm.p, act->vad.pcm.n); /* the bytes of an action need not lie where an int16 may */
    if (act->vad.chunk == 0) {
        struct vad_state state = vad_look(&v->state, branch, pcm);
        struct vad_job look = {.state = &state, .pcm = pcm + context};
        vad_run(v->model, branch, &look, 1);
        v->look_ppm = vad_to_ppm(look.probability);
        v->look_waits = true;
        return;
    }
    if (act->vad.reset) {
        vad_reset(&v->state);
    }
    struct vad_job job = {.state = &v->state, .pcm = pcm};
    vad_run(v->model, branch, &job, 1);
    if (v->n == REPLAY_VAD_PENDING) {
        v->report->unanswered++;
        drop_first(v);
    }
    v->pending[v->n].chunk = act->vad.chunk;
    v->pending[v->n++].ppm = vad_to_ppm(job.probability);
}

void replay_vad_run(struct replay_vad *v, const struct call_actions *actions)
{
    for (uint32_t i = 0; i < actions->n; i++) {
        if (actions->list[i].type == ACT_VAD) {
            run_chunk(v, &actions->list[i]);
        }
    }
}

void replay_vad_done(struct replay_vad *v)
{
    v->report->unanswered += v->n;
    v->n = 0;
}
