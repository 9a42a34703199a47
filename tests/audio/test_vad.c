/* Every kernel against onnxruntime and against the portable one; states, batches and the model's life. */
#include <math.h>

#include "vad_vectors.h"

static struct vad_model *model;
static struct vad_sound sounds[ARRAY_LEN(vad_vectors)];

static int set_up(void **state UNUSED)
{
    assert_ok(vad_model_builtin(&model));
    for (size_t i = 0; i < ARRAY_LEN(vad_vectors); i++) {
        sounds[i] = vad_sound_new(&vad_vectors[i]);
    }
    return 0;
}

static int tear_down(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(vad_vectors); i++) {
        vad_sound_done(&sounds[i]);
    }
    model = vad_model_free(model);
    return 0;
}

/* One stream from beginning to end; ret has room for s->chunks. */
static void run_alone(const struct vad_kernel *k, const struct vad_vector *v, const struct vad_sound *s, float *ret)
{
    struct vad_state state;
    size_t chunk = vad_chunk_samples(v->branch);
    vad_reset(&state);
    for (size_t i = 0; i < s->chunks; i++) {
        struct vad_job job = {.state = &state, .pcm = s->pcm + i * chunk, .probability = NAN};
        vad_run_with(k, model, v->branch, &job, 1);
        ret[i] = job.probability;
    }
}

static float *floats_new(size_t n)
{
    float *p = calloc(n, sizeof(*p));
    assert_non_null(p);
    return p;
}

TEST(every_kernel_says_what_onnxruntime_says)
{
    size_t tried = 0;
    for (const struct vad_kernel *const *k = vad_kernels(); *k; k++) {
        if (!vad_kernel_runs(*k)) {
            print_message("# this CPU cannot run the kernel %s\n", vad_kernel_name(*k));
            continue;
        }
        tried++;
        for (size_t i = 0; i < ARRAY_LEN(vad_vectors); i++) {
            float *got = floats_new(sounds[i].chunks);
            double worst = 0;
            run_alone(*k, &vad_vectors[i], &sounds[i], got);
            for (size_t j = 0; j < sounds[i].chunks; j++) {
                double difference = fabs((double)got[j] - sounds[i].want[j]);
                if (!(difference <= VAD_TOLERANCE)) {
                    fail_msg("%s, %s: chunk %zu is %.6f, onnxruntime says %.6f", vad_kernel_name(*k),
                             vad_vectors[i].name, j, (double)got[j], sounds[i].want[j]);
                }
                worst = fmax(worst, difference);
            }
            print_message("# %-8s %-18s largest difference %.1e\n", vad_kernel_name(*k), vad_vectors[i].name, worst);
            free(got);
        }
    }
    assert_true(tried >= 1);
}

TEST(wide_kernels_agree_with_the_portable_one)
{
    const struct vad_kernel *portable = NULL;
    for (const struct vad_kernel *const *k = vad_kernels(); *k; k++) {
        portable = *k; /* the last one */
    }
    assert_string_equal(vad_kernel_name(portable), "portable");
    assert_true(vad_kernel_runs(portable));
    for (size_t i = 0; i < ARRAY_LEN(vad_vectors); i++) {
        float *want = floats_new(sounds[i].chunks);
        float *got = floats_new(sounds[i].chunks);
        run_alone(portable, &vad_vectors[i], &sounds[i], want);
        for (const struct vad_kernel *const *k = vad_kernels(); *k != portable; k++) {
            if (!vad_kernel_runs(*k)) {
                continue;
            }
            run_alone(*k, &vad_vectors[i], &sounds[i], got);
            for (size_t j = 0; j < sounds[i].chunks; j++) {
                assert_true(fabsf(got[j] - want[j]) <= (float)VAD_TOLERANCE);
            }
        }
        free(want);
        free(got);
    }
}

/* Streams of one branch, each hearing the vectors from a place of its own. */
struct stream {
    const int16_t *pcm;
    struct vad_state batched, alone;
};

#define STREAMS 13 /* two whole batches and one more */
#define STEPS   60

static void compare_batches(const struct vad_kernel *k, enum vad_branch branch, const struct vad_sound *s)
{
    struct stream streams[STREAMS];
    size_t chunk = vad_chunk_samples(branch);
    for (size_t i = 0; i < STREAMS; i++) {
        streams[i].pcm = s->pcm + i * 37 * chunk;
        vad_reset(&streams[i].batched);
        vad_reset(&streams[i].alone);
    }
    for (size_t step = 0; step < STEPS; step++) {
        struct vad_job jobs[STREAMS];
        size_t n = step % STREAMS + 1; /* every size, and with it every company */
        for (size_t i = 0; i < n; i++) {
            size_t which = (i * 5 + step) % STREAMS;
            jobs[i] = (struct vad_job){.state = &streams[which].batched, .pcm = streams[which].pcm, .probability = NAN};
        }
        vad_run_with(k, model, branch, jobs, n);
        for (size_t i = 0; i < n; i++) {
            struct stream *stream = &streams[(i * 5 + step) % STREAMS];
            struct vad_job job = {.state = &stream->alone, .pcm = stream->pcm, .probability = NAN};
            vad_run_with(k, model, branch, &job, 1);
            if (memcmp(&jobs[i].probability, &job.probability, sizeof(float)) != 0 ||
                memcmp(&stream->batched, &stream->alone, sizeof(struct vad_state)) != 0) {
                fail_msg("%s: job %zu of %zu in step %zu differs from the same chunk alone", vad_kernel_name(k), i, n,
                         step);
            }
            stream->pcm += chunk;
        }
    }
}

TEST(a_chunk_gives_the_same_bits_alone_and_in_any_batch)
{
    for (const struct vad_kernel *const *k = vad_kernels(); *k; k++) {
        if (vad_kernel_runs(*k)) {
            compare_batches(*k, VAD_8K, &sounds[0]);
            compare_batches(*k, VAD_16K, &sounds[3]);
        }
    }
}

/* A look at what will be the next chunk says what that chunk will say, and the stream knows nothing of it. */
TEST(a_look_ahead_leaves_the_stream_as_it_was)
{
    static const size_t used[] = {0, 3};
    for (size_t u = 0; u < ARRAY_LEN(used); u++) {
        const struct vad_vector *v = &vad_vectors[used[u]];
        const int16_t *pcm = sounds[used[u]].pcm;
        size_t chunk = vad_chunk_samples(v->branch);
        uint32_t context = vad_context_samples(v->branch);
        struct vad_state now, before;
        vad_reset(&now);
        for (size_t i = 0; i < 100; i++) {
            struct vad_job job = {.state = &now, .pcm = pcm + i * chunk};
            memcpy(&before, &now, sizeof(now));
            if (i > 0) {
                struct vad_state look = vad_look(&now, v->branch, pcm + i * chunk - context);
                struct vad_job ahead = {.state = &look, .pcm = pcm + i * chunk};
                vad_run(model, v->branch, &ahead, 1);
                assert_memory_equal(&now, &before, sizeof(now));
                vad_run(model, v->branch, &job, 1);
                assert_memory_equal(&ahead.probability, &job.probability, sizeof(float));
            } else {
                vad_run(model, v->branch, &job, 1);
            }
        }
    }
}

TEST(the_default_is_the_first_kernel_that_runs_here)
{
    const struct vad_kernel *const *k = vad_kernels();
    while (!vad_kernel_runs(*k)) {
        k++;
        assert_non_null(*k);
    }
    assert_ptr_equal(vad_kernel_best(), *k);
    struct vad_state a, b;
    vad_reset(&a);
    vad_reset(&b);
    struct vad_job by_default = {.state = &a, .pcm = sounds[0].pcm + 40 * 256};
    struct vad_job by_name = {.state = &b, .pcm = sounds[0].pcm + 40 * 256};
    vad_run(model, VAD_8K, &by_default, 1);
    vad_run_with(*k, model, VAD_8K, &by_name, 1);
    assert_memory_equal(&by_default.probability, &by_name.probability, sizeof(float));
    vad_run(model, VAD_8K, &by_default, 0); /* nothing to do is fine */
}

/* The branch that ran before leaves nothing in the scratch that the next one sees, and no stream hears another. */
TEST(streams_of_both_branches_do_not_disturb_each_other)
{
    struct vad_state eight, sixteen;
    float *alone[2] = {floats_new(sounds[0].chunks), floats_new(sounds[3].chunks)};
    run_alone(vad_kernel_best(), &vad_vectors[0], &sounds[0], alone[0]);
    run_alone(vad_kernel_best(), &vad_vectors[3], &sounds[3], alone[1]);
    vad_reset(&eight);
    vad_reset(&sixteen);
    for (size_t i = 0; i < 100; i++) {
        struct vad_job a = {.state = &eight, .pcm = sounds[0].pcm + i * 256};
        struct vad_job b = {.state = &sixteen, .pcm = sounds[3].pcm + i * 512};
        vad_run(model, VAD_16K, &b, 1);
        vad_run(model, VAD_8K, &a, 1);
        assert_memory_equal(&a.probability, &alone[0][i], sizeof(float));
        assert_memory_equal(&b.probability, &alone[1][i], sizeof(float));
    }
    free(alone[0]);
    free(alone[1]);
}

TEST(reset_is_the_beginning)
{
    struct vad_state stream;
    float *want = floats_new(sounds[0].chunks);
    run_alone(vad_kernel_best(), &vad_vectors[0], &sounds[0], want);
    memset(&stream, 0x55, sizeof(stream));
    vad_reset(&stream);
    for (size_t i = 0; i < 3; i++) {
        struct vad_job job = {.state = &stream, .pcm = sounds[0].pcm + i * 256};
        vad_run(model, VAD_8K, &job, 1);
        assert_memory_equal(&job.probability, &want[i], sizeof(float));
    }
    free(want);
}

/* Full scale, its sign at every sample, one direction only, nothing: a probability, and the stream recovers. */
TEST(no_sound_breaks_a_stream)
{
    static int16_t pcm[512];
    for (const struct vad_kernel *const *k = vad_kernels(); *k; k++) {
        if (!vad_kernel_runs(*k)) {
            continue;
        }
        for (int branch = 0; branch < VAD_BRANCH_N; branch++) {
            struct vad_state stream;
            vad_reset(&stream);
            struct vad_job job = {.state = &stream, .pcm = pcm};
            for (int kind = 0; kind < 5; kind++) {
                for (int i = 0; i < 512; i++) {
                    const int values[5] = {0, 32767, -32768, i & 1 ? 32767 : -32768, (i * 7919) % 65536 - 32768};
                    pcm[i] = (int16_t)values[kind];
                }
                for (int i = 0; i < 200; i++) {
                    vad_run_with(*k, model, (enum vad_branch)branch, &job, 1);
                    assert_true(job.probability >= 0 && job.probability <= 1);
                }
            }
            memset(pcm, 0, sizeof(pcm));
            for (int i = 0; i < 100; i++) {
                vad_run_with(*k, model, (enum vad_branch)branch, &job, 1);
            }
            assert_true(job.probability < 0.1F);
        }
    }
}

TEST(the_built_in_weights_are_those_of_the_file)
{
    struct buf file;
    struct buf why;
    struct vad_model *read = NULL;
    struct vad_state a, b;
    vad_read_file(VAD_ONNX, &file);
    buf_init(&why, 1024);
    assert_ok(vad_model_onnx(buf_span(&file), &why, &read));
    assert_int_equal(why.len, 0);
    buf_done(&file); /* nothing of it is lent */
    assert_string_equal(vad_model_id(read), vad_model_id(model));
    assert_int_equal(strlen(vad_model_id(read)), 16);
    vad_reset(&a);
    vad_reset(&b);
    for (size_t i = 0; i < 50; i++) {
        struct vad_job one = {.state = &a, .pcm = sounds[3].pcm + i * 512};
        struct vad_job two = {.state = &b, .pcm = sounds[3].pcm + i * 512};
        vad_run(model, VAD_16K, &one, 1);
        vad_run(read, VAD_16K, &two, 1);
        assert_memory_equal(&one.probability, &two.probability, sizeof(float));
    }
    read = vad_model_free(read);
    assert_null(vad_model_free(NULL));
    buf_done(&why);
}

TEST(sizes_are_those_of_the_network)
{
    assert_int_equal(vad_chunk_samples(VAD_8K), 256);
    assert_int_equal(vad_chunk_samples(VAD_16K), 512);
    assert_int_equal(vad_rate_hz(VAD_8K) / 1000 * VAD_CHUNK_MS, vad_chunk_samples(VAD_8K));
    assert_int_equal(vad_rate_hz(VAD_16K) / 1000 * VAD_CHUNK_MS, vad_chunk_samples(VAD_16K));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_kernel_says_what_onnxruntime_says),
        T(wide_kernels_agree_with_the_portable_one),
        T(a_chunk_gives_the_same_bits_alone_and_in_any_batch),
        T(a_look_ahead_leaves_the_stream_as_it_was),
        T(the_default_is_the_first_kernel_that_runs_here),
        T(streams_of_both_branches_do_not_disturb_each_other),
        T(reset_is_the_beginning),
        T(no_sound_breaks_a_stream),
        T(the_built_in_weights_are_those_of_the_file),
        T(sizes_are_those_of_the_network),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
