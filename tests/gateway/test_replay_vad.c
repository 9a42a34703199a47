/* The speech detector run again over a replayed call: what is compared, and what differs. */
#include "test.h"

#include "gateway/replay_vad.h"
#include "gateway/vad_service.h"

#define CHUNKS 60

struct fixture {
    struct vad_model *model;
    struct call_vad_opts opts;
    struct replay_vad_report report;
    struct replay_vad v;
    struct call_actions actions;
    int16_t pcm[CHUNKS][256];
    uint32_t ppm[CHUNKS]; /* what the detector says */
};

/* Something between noise and a voice: a buzz with formants that come and go. */
static void make_sound(struct fixture *f)
{
    uint32_t noise = 1;
    for (uint32_t i = 0; i < CHUNKS * 256; i++) {
        uint32_t t = i % 8000;
        int32_t buzz = (int32_t)(t % 57) * 200 - 5700;
        noise = noise * 1664525 + 1013904223;
        int32_t x = (i / 4096) % 2 ? buzz + (int32_t)(t % 11) * 300 : 0;
        f->pcm[i / 256][i % 256] = (int16_t)(x + (int32_t)(noise >> 24) - 128);
    }
}

static void set_up(struct fixture *f)
{
    struct buf why;
    buf_init(&why, 1024);
    memset(f, 0, sizeof(*f));
    assert_ok(vad_model_builtin(&f->model));
    f->opts = (struct call_vad_opts){.on = true, .rate_hz = 8000, .start_ppm = 500000, .end_ppm = 350000};
    make_sound(f);
    struct vad_state state;
    vad_reset(&state);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        struct vad_job job = {.state = &state, .pcm = f->pcm[i]};
        vad_run(f->model, VAD_8K, &job, 1);
        f->ppm[i] = vad_to_ppm(job.probability);
    }
    call_actions_init(&f->actions);
    replay_vad_init(&f->v, f->model, &f->opts, &f->report);
    buf_done(&why);
}

static void tear_down(struct fixture *f)
{
    call_actions_done(&f->actions);
    vad_model_free(f->model);
}

/* One step that gives out chunk i, from 0. */
static void give(struct fixture *f, uint32_t i, bool reset)
{
    struct call_action *a = &f->actions.list[1];
    f->actions.n = 2;
    f->actions.list[0] = (struct call_action){.type = ACT_LEG_CLEAR};
    *a = (struct call_action){.type = ACT_VAD};
    a->vad.chunk = i + 1;
    a->vad.rate_hz = 8000;
    a->vad.reset = reset;
    a->vad.pcm = span_from(f->pcm[i], sizeof(f->pcm[i]));
    replay_vad_run(&f->v, &f->actions);
}

TEST(the_same_weights_give_the_same_answers)
{
    struct fixture f;
    set_up(&f);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        give(&f, i, i == 0);
        replay_vad_answer(&f.v, i + 1, f.ppm[i]);
    }
    replay_vad_done(&f.v);
    assert_int_equal(f.report.chunks, CHUNKS);
    assert_int_equal(f.report.max_diff_ppm, 0);
    assert_int_equal(f.report.sum_diff_ppm, 0);
    assert_int_equal(f.report.start_crossed + f.report.end_crossed, 0);
    assert_int_equal(f.report.unanswered + f.report.unknown, 0);
    tear_down(&f);
}

TEST(a_reset_is_repeated)
{
    struct fixture f;
    set_up(&f);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        give(&f, i, false);
        replay_vad_answer(&f.v, i + 1, f.ppm[i]);
    }
    for (uint32_t i = 0; i < CHUNKS; i++) { /* from the beginning: the same as at the beginning */
        give(&f, i, i == 0);
        replay_vad_answer(&f.v, i + 1, f.ppm[i]);
    }
    assert_int_equal(f.report.chunks, 2 * CHUNKS);
    assert_int_equal(f.report.max_diff_ppm, 0);
    give(&f, CHUNKS - 1, false); /* in mid-sound the answers are others */
    give(&f, 0, false);
    replay_vad_answer(&f.v, CHUNKS, f.ppm[CHUNKS - 1]);
    replay_vad_answer(&f.v, 1, f.ppm[0]);
    assert_true(f.report.max_diff_ppm > 0);
    tear_down(&f);
}

TEST(differences_and_crossed_thresholds_are_counted)
{
    struct fixture f;
    set_up(&f);
    give(&f, 0, true);
    f.opts.start_ppm = f.ppm[0] + 100;
    f.opts.end_ppm = f.ppm[0] + 1;
    replay_vad_answer(&f.v, 1, f.ppm[0] + 50); /* over the end threshold then, not now */
    assert_int_equal(f.report.max_diff_ppm, 50);
    assert_int_equal(f.report.end_crossed, 1);
    assert_int_equal(f.report.start_crossed, 0);
    give(&f, 1, false);
    f.opts.start_ppm = f.ppm[1] + 30;
    f.opts.end_ppm = 0;
    replay_vad_answer(&f.v, 2, f.ppm[1] + 30); /* on the threshold counts as over it */
    assert_int_equal(f.report.start_crossed, 1);
    assert_int_equal(f.report.end_crossed, 1);
    assert_int_equal(f.report.max_diff_ppm, 50);
    assert_int_equal(f.report.sum_diff_ppm, 80);
    tear_down(&f);
}

/* What stands between two chunks: its answer is number 0, and the chunks behind it are not disturbed. */
TEST(a_look_ahead_is_compared_and_forgotten)
{
    struct fixture f;
    set_up(&f);
    const int16_t *sound = f.pcm[0];
    for (uint32_t i = 0; i < CHUNKS; i++) {
        give(&f, i, i == 0);
        replay_vad_answer(&f.v, i + 1, f.ppm[i]);
        if (i + 1 < CHUNKS) {
            struct call_action *a = &f.actions.list[1];
            a->vad.chunk = 0;
            a->vad.pcm = span_from(sound + (i + 1) * 256 - 32, 288 * sizeof(int16_t));
            replay_vad_run(&f.v, &f.actions);
            replay_vad_answer(&f.v, 0, f.ppm[i + 1]); /* it is just the next chunk */
        }
    }
    assert_int_equal(f.report.chunks, 2 * CHUNKS - 1);
    assert_int_equal(f.report.max_diff_ppm, 0);
    replay_vad_answer(&f.v, 0, 1);
    assert_int_equal(f.report.unknown, 1);
    tear_down(&f);
}

TEST(lost_chunks_and_answers_are_told_apart)
{
    struct fixture f;
    set_up(&f);
    give(&f, 0, true);
    give(&f, 1, false);
    give(&f, 2, false);
    replay_vad_answer(&f.v, 2, f.ppm[1]); /* the first was never answered */
    assert_int_equal(f.report.chunks, 1);
    assert_int_equal(f.report.unanswered, 1);
    assert_int_equal(f.report.max_diff_ppm, 0);
    replay_vad_answer(&f.v, 9, 0); /* takes the third with it: answers come in order */
    assert_int_equal(f.report.unknown, 1);
    assert_int_equal(f.report.unanswered, 2);
    for (uint32_t i = 0; i < CHUNKS; i++) {
        give(&f, i, i == 0);
    }
    for (uint32_t i = 0; i < 10; i++) {
        give(&f, i, false);
    }
    replay_vad_done(&f.v);
    assert_int_equal(f.report.unanswered, 2 + CHUNKS + 10);
    tear_down(&f);
}

TEST_MAIN(T(the_same_weights_give_the_same_answers), T(a_reset_is_repeated),
          T(differences_and_crossed_thresholds_are_counted), T(a_look_ahead_is_compared_and_forgotten),
          T(lost_chunks_and_answers_are_told_apart))
