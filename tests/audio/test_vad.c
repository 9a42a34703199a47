/* Every kernel against onnxruntime and against the portable one; states, batches and the model's life. */
#include <math.h>

#include "audio/vad/kernel.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {T(every_kernel_says_what_onnxruntime_says)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
