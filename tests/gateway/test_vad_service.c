/* The speech detector of a worker: when chunks are run, in which batches, and who gets the answers. The network is a
 * small one of ours, so that every answer can be foretold. */
#include "test.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "fakes/wait.h"
#include "gateway/vad_service.h"

#define CALLS 600

struct fixture {
    struct loop *loop;
    struct metrics *metrics;
    struct vad_service *s;
    struct vad_stream streams[CALLS];
    bool gone[CALLS];
    uint32_t batches, jobs, largest, answers, again;
    uint64_t put_us; /* the pass in which chunks were put */
    uint64_t passes;
    bool late; /* an answer came in another pass */
    struct buf text;
    void (*put)(struct fixture *f);
};

/* The one that is running; a network has no argument of its own. */
static struct fixture *current(struct fixture *set)
{
    static struct fixture *f;
    f = set ? set : f;
    return f;
}

/* Hears the first sample in thousandths, and a hundredth more for every chunk since the reset. */
static void run(const struct vad_model *m UNUSED, enum vad_branch branch, struct vad_job *jobs, size_t n)
{
    struct fixture *f = current(NULL);
    f->batches++;
    f->jobs += (uint32_t)n;
    f->largest = MAX(f->largest, (uint32_t)n);
    buf_printf(&f->text, "run %s %zu, ", branch == VAD_8K ? "8k" : "16k", n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; n < 20 && k < i; k++) {
            assert_ptr_not_equal(jobs[i].state, jobs[k].state);
        }
        const int16_t *last = &jobs[i].pcm[branch == VAD_8K ? 255 : 511];
        assert_int_equal(*last, jobs[i].pcm[0]); /* the whole chunk is there */
        jobs[i].probability = (float)jobs[i].pcm[0] / 1000 + jobs[i].state->h[0] / 100;
        jobs[i].state->h[0] += 1;
    }
}

static struct vad_stream *stream(struct host_id id, void *arg)
{
    struct fixture *f = arg;
    return id.generation != 1 || f->gone[id.slot] ? NULL : &f->streams[id.slot];
}

static void put_chunk(struct fixture *f, uint32_t call, uint32_t number, uint32_t rate_hz, int16_t value, bool reset)
{
    int16_t pcm[512 + 64];
    for (size_t i = 0; i < ARRAY_LEN(pcm); i++) {
        pcm[i] = value;
    }
    struct call_action act = {.type = ACT_VAD};
    act.vad.chunk = number;
    act.vad.rate_hz = rate_hz;
    act.vad.reset = reset;
    uint32_t context = number == 0 ? rate_hz / 250 : 0; /* a look ahead */
    act.vad.pcm = span_from(pcm, (context + rate_hz * VAD_CHUNK_MS / 1000) * sizeof(pcm[0]));
    assert_ok(vad_service_put(f->s, (struct host_id){call, 1}, &act));
    memset(pcm, 0, sizeof(pcm)); /* it was lent */
}

static void answer(struct host_id id, uint32_t chunk, uint32_t ppm, void *arg)
{
    struct fixture *f = arg;
    f->answers++;
    f->late |= loop_now_us(f->loop) != f->put_us;
    buf_printf(&f->text, "%u/%u=%u, ", id.slot, chunk, ppm);
    if (f->again > 0) {
        f->again--;
        put_chunk(f, id.slot, chunk + 1, 8000, 1, false);
    }
}

static void open_fixture(struct fixture *f, void (*put)(struct fixture *f))
{
    memset(f, 0, sizeof(*f));
    buf_init(&f->text, 1 << 20);
    f->put = put;
    f->metrics = metrics_new();
    assert_non_null(f->metrics);
    assert_ok(loop_new(&f->loop));
    const struct vad_service_opts o = {
        .loop = f->loop, .metrics = f->metrics, .run = run, .stream = stream, .answer = answer, .arg = f};
    assert_ok(vad_service_new(&o, &f->s));
    current(f);
}

static void close_fixture(struct fixture *f)
{
    assert_null(vad_service_free(f->s));
    settle(f->loop); /* nothing of it is called any more */
    loop_free(f->loop);
    metrics_free(f->metrics);
    buf_done(&f->text);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void in_pass(void *arg)
{
    struct fixture *f = arg;
    f->put_us = loop_now_us(f->loop);
    f->put(f);
}

/* One pass with what put puts, and the next one, which stops. */
static void run_pass(struct fixture *f)
{
    struct timer *t;
    assert_ok(timer_new(f->loop, stop, f->loop, &t));
    timer_start(t, 2000, 0);
    assert_ok(loop_post(f->loop, in_pass, f));
    loop_run(f->loop);
    timer_free(t);
}

static void put_three(struct fixture *f)
{
    put_chunk(f, 2, 7, 8000, 100, false);
    put_chunk(f, 0, 1, 8000, 200, false);
    put_chunk(f, 5, 9, 8000, 2000, false);
    assert_int_equal(vad_service_waiting(f->s), 3);
    assert_int_equal(f->batches, 0);
}

TEST(chunks_of_a_pass_are_one_batch_and_are_answered_in_it_in_order)
{
    struct fixture f;
    open_fixture(&f, put_three);
    run_pass(&f);
    assert_str_is(buf_str(&f.text), "run 8k 3, 2/7=100000, 0/1=200000, 5/9=1000000, ");
    assert_false(f.late);
    assert_int_equal(vad_service_waiting(f.s), 0);
    close_fixture(&f);
}

static void put_burst(struct fixture *f)
{
    put_chunk(f, 1, 1, 8000, 100, false);
    put_chunk(f, 1, 2, 8000, 100, false);
    put_chunk(f, 2, 1, 8000, 500, false);
    put_chunk(f, 1, 3, 8000, 100, true);
}

TEST(chunks_of_one_call_are_run_one_after_the_other)
{
    struct fixture f;
    open_fixture(&f, put_burst);
    run_pass(&f);
    assert_str_is(buf_str(&f.text), "run 8k 2, run 8k 1, run 8k 1, 1/1=100000, 1/2=110000, 2/1=500000, 1/3=100000, ");
    buf_clear(&f.text);
    run_pass(&f); /* what a call heard stays with it from pass to pass */
    assert_str_is(buf_str(&f.text), "run 8k 2, run 8k 1, run 8k 1, 1/1=110000, 1/2=120000, 2/1=510000, 1/3=100000, ");
    close_fixture(&f);
}

static void put_looks(struct fixture *f)
{
    put_chunk(f, 1, 1, 8000, 100, false);
    put_chunk(f, 1, 0, 8000, 300, false);
    put_chunk(f, 2, 1, 8000, 500, false);
    put_chunk(f, 1, 2, 8000, 100, false);
}

TEST(a_look_ahead_is_answered_in_its_place_and_leaves_no_trace)
{
    struct fixture f;
    open_fixture(&f, put_looks);
    run_pass(&f);
    assert_str_is(buf_str(&f.text), "run 8k 2, run 8k 1, run 8k 1, 1/1=100000, 1/0=310000, 2/1=500000, 1/2=110000, ");
    assert_int_equal(metrics_value(f.metrics, METRIC_VAD_LOOKS), 1);
    assert_int_equal(metrics_value(f.metrics, METRIC_VAD_CHUNKS), 3);
    close_fixture(&f);
}

static void put_both(struct fixture *f)
{
    put_chunk(f, 0, 1, 16000, 300, false);
    put_chunk(f, 1, 1, 8000, 100, false);
    put_chunk(f, 2, 1, 16000, 400, false);
}

TEST(each_branch_of_the_network_has_its_batch)
{
    struct fixture f;
    open_fixture(&f, put_both);
    run_pass(&f);
    assert_str_is(buf_str(&f.text), "run 8k 1, run 16k 2, 0/1=300000, 1/1=100000, 2/1=400000, ");
    close_fixture(&f);
}

static void put_and_go(struct fixture *f)
{
    put_three(f);
    f->gone[0] = true;
}

TEST(the_chunk_of_a_call_that_is_over_is_dropped)
{
    struct fixture f;
    open_fixture(&f, put_and_go);
    run_pass(&f);
    assert_str_is(buf_str(&f.text), "run 8k 2, 2/7=100000, 5/9=1000000, ");
    close_fixture(&f);
}

static void answer_and_end(struct host_id id, uint32_t chunk, uint32_t ppm, void *arg)
{
    struct fixture *f = arg;
    answer(id, chunk, ppm, arg);
    f->gone[0] = true;
}

TEST(an_answer_may_end_another_call)
{
    struct fixture f;
    open_fixture(&f, put_three);
    vad_service_free(f.s);
    const struct vad_service_opts o = {
        .loop = f.loop, .metrics = f.metrics, .run = run, .stream = stream, .answer = answer_and_end, .arg = &f};
    assert_ok(vad_service_new(&o, &f.s));
    run_pass(&f);
    assert_str_is(buf_str(&f.text), "run 8k 3, 2/7=100000, 5/9=1000000, ");
    close_fixture(&f);
}

static void put_one(struct fixture *f)
{
    put_chunk(f, 0, 1, 8000, 100, false);
}

TEST(a_chunk_that_an_answer_causes_is_run_in_the_same_pass)
{
    struct fixture f;
    open_fixture(&f, put_one);
    f.again = 2;
    run_pass(&f);
    assert_str_is(buf_str(&f.text), "run 8k 1, 0/1=100000, run 8k 1, 0/2=11000, run 8k 1, 0/3=21000, ");
    assert_false(f.late);
    close_fixture(&f);
}

TEST(a_call_that_never_stops_asking_does_not_stop_the_loop)
{
    struct fixture f;
    open_fixture(&f, put_one);
    f.again = UINT32_MAX;
    run_pass(&f);
    assert_true(f.answers >= 2 && f.answers < 200);
    assert_int_equal(vad_service_waiting(f.s), 1);
    close_fixture(&f);
}

static void put_many(struct fixture *f)
{
    for (uint32_t i = 0; i < CALLS; i++) {
        put_chunk(f, i, 1, 8000, 100, false);
    }
}

TEST(a_crowd_is_run_all_the_same_and_counted)
{
    struct fixture f;
    open_fixture(&f, put_many);
    run_pass(&f);
    assert_int_equal(f.largest, CALLS);
    assert_int_equal(f.answers, CALLS);
    assert_int_equal(metrics_value(f.metrics, METRIC_VAD_CHUNKS), CALLS);
    assert_int_equal(metrics_value(f.metrics, METRIC_VAD_BATCH), 1);
    assert_int_equal(metrics_value(f.metrics, METRIC_VAD_OVERLOADS), 1);
    close_fixture(&f);
    open_fixture(&f, put_three);
    run_pass(&f);
    assert_int_equal(metrics_value(f.metrics, METRIC_VAD_CHUNKS), 3);
    assert_int_equal(metrics_value(f.metrics, METRIC_VAD_OVERLOADS), 0);
    close_fixture(&f);
}

TEST(a_chunk_of_another_size_is_refused)
{
    struct fixture f;
    int16_t pcm[512] = {0};
    struct call_action act = {.type = ACT_VAD};
    const struct host_id id = {0, 1};
    open_fixture(&f, put_one);
    act.vad.chunk = 1;
    act.vad.rate_hz = 8000;
    act.vad.pcm = span_from(pcm, 510);
    assert_err(vad_service_put(f.s, id, &act), EINVAL);
    act.vad.pcm = span_from(pcm, 1024);
    assert_err(vad_service_put(f.s, id, &act), EINVAL);
    act.vad.rate_hz = 24000;
    assert_err(vad_service_put(f.s, id, &act), EINVAL);
    act.vad.rate_hz = 16000;
    assert_ok(vad_service_put(f.s, id, &act));
    act.vad.chunk = 0; /* a look has its context before it */
    assert_err(vad_service_put(f.s, id, &act), EINVAL);
    close_fixture(&f); /* with a chunk that waits */
}

TEST_MAIN(T(chunks_of_a_pass_are_one_batch_and_are_answered_in_it_in_order),
          T(chunks_of_one_call_are_run_one_after_the_other),
          T(a_look_ahead_is_answered_in_its_place_and_leaves_no_trace), T(each_branch_of_the_network_has_its_batch),
          T(the_chunk_of_a_call_that_is_over_is_dropped), T(an_answer_may_end_another_call),
          T(a_chunk_that_an_answer_causes_is_run_in_the_same_pass),
          T(a_call_that_never_stops_asking_does_not_stop_the_loop), T(a_crowd_is_run_all_the_same_and_counted),
          T(a_chunk_of_another_size_is_refused))
