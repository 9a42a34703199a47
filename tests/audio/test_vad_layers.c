/*
 * Every layer of every kernel against a float64 evaluation of the same weights, for chunk 40 of the clean vectors: when
 * the network says something else, this names the first layer that is wrong.
 */
#include <math.h>

#include "audio/vad/kernel.h"
#include "audio/vad/pack.h"
#include "base/err.h"
#include "vad_vectors.h"

#define CHUNK 40 /* the one whose layers were written down */

/* What the chunk left behind, with what the scratch does not hold. */
struct trace {
    struct vad_scratch scratch;
    struct vad_state state;
    float logit, probability;
    uint32_t bins;
};

static const char *const layers[] = {"magnitude",  "encoder0", "encoder1", "encoder2", "encoder3",
                                     "gates_ifgo", "h",        "c",        "logit",    "probability"};

static float value_of(const struct trace *t, size_t layer, size_t channel, size_t frame)
{
    switch (layer) {
    case 0:
        return t->scratch.magnitude[(frame + 1) * t->bins + channel];
    case 1:
        return t->scratch.encoder0[(frame + 1) * 128 + channel];
    case 2:
        return t->scratch.encoder1[frame * 64 + channel];
    case 3:
        return t->scratch.encoder2[channel];
    case 4:
        return t->scratch.lstm_in[channel];
    case 5:
        return t->scratch.gates[channel];
    case 6:
        return t->state.h[channel];
    case 7:
        return t->state.c[channel];
    case 8:
        return t->logit;
    }
    return t->probability;
}

static void run_to_chunk(const struct vad_kernel *k, const struct vad_net *net, const struct vad_sound *s,
                         enum vad_branch branch, struct trace *t)
{
    struct vad_job job = {.state = &t->state};
    memset(t, 0, sizeof(*t));
    for (size_t i = 0; i <= CHUNK; i++) {
        job.pcm = s->pcm + i * vad_chunk_samples(branch);
        k->run(net, &job, 1, &t->scratch);
    }
    t->probability = job.probability;
    t->logit = logf(job.probability / (1 - job.probability));
    t->bins = net->bins;
}

static size_t layer_named(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
        if (str_is(name, layers[i])) {
            return i;
        }
    }
    fail_msg("no layer is called " STR_FMT, STR_ARG(name));
    return 0;
}

static size_t number(struct str text)
{
    int64_t v = -1;
    assert_ok(str_to_i64(text, &v));
    assert_in_range(v, 0, 1023);
    return (size_t)v;
}

/* Lines are in the order of the layers. */
static void compare(const struct vad_kernel *k, const char *file, const struct trace *t, struct str rest)
{
    struct str line;
    size_t values = 0;
    assert_true(str_split(&rest, '\n', &line)); /* the heading */
    while (str_split(&rest, '\n', &line) && line.n) {
        struct str name, channel, frame;
        double want = 0;
        assert_true(str_split(&line, ',', &name) && str_split(&line, ',', &channel) && str_split(&line, ',', &frame));
        assert_ok(str_to_f64(str_trim(line), &want));
        double got = (double)value_of(t, layer_named(name), number(channel), number(frame));
        if (!(fabs(got - want) <= VAD_TOLERANCE * fmax(1, fabs(want)))) {
            fail_msg("%s, %s: the first layer that is wrong is " STR_FMT ", channel " STR_FMT ", frame " STR_FMT
                     ": %.7g instead of %.7g",
                     vad_kernel_name(k), file, STR_ARG(name), STR_ARG(channel), STR_ARG(frame), got, want);
        }
        values++;
    }
    assert_in_range(values, 1862, 2118); /* those of 8 kHz, those of 16 kHz */
}

static void check(const struct vad_vector *v, const char *file)
{
    struct vad_sound sound = vad_sound_new(v);
    struct buf csv = vad_vector_file(file, ".csv");
    struct buf onnx;
    struct vad_net nets[VAD_BRANCH_N];
    const char *id = NULL;
    static struct trace t;
    static _Alignas(VAD_ALIGN) uint8_t block[4 << 20];
    assert_in_range(vad_block_bytes(), 1, sizeof(block));
    vad_read_file(VAD_ONNX, &onnx);
    assert_ok(vad_pack(buf_span(&onnx), NULL, block));
    assert_ok(vad_block_open(span_from(block, vad_block_bytes()), &id, nets));
    for (const struct vad_kernel *const *k = vad_kernels(); *k; k++) {
        if (vad_kernel_runs(*k)) {
            run_to_chunk(*k, &nets[v->branch], &sound, v->branch, &t);
            compare(*k, file, &t, buf_str(&csv));
        }
    }
    buf_done(&onnx);
    buf_done(&csv);
    vad_sound_done(&sound);
}

TEST(layers_of_the_8_khz_branch)
{
    check(&vad_vectors[0], "layers_8k");
}

TEST(layers_of_the_16_khz_branch)
{
    check(&vad_vectors[3], "layers_16k");
}

TEST(blocks_of_another_layout_are_refused)
{
    static _Alignas(VAD_ALIGN) uint8_t block[4 << 20];
    struct vad_net nets[VAD_BRANCH_N];
    const char *id = NULL;
    size_t n = vad_block_bytes();
    vad_block_seal(block);
    assert_ok(vad_block_open(span_from(block, n), &id, nets));
    assert_err(vad_block_open(span_from(block, n - 1), &id, nets), ERR_CORRUPT);
    assert_err(vad_block_open(span_from(block, 0), &id, nets), ERR_CORRUPT);
    assert_err(vad_block_open(span_from(block + 4, n), &id, nets), ERR_CORRUPT); /* not aligned */
    block[6]++;
    assert_err(vad_block_open(span_from(block, n), &id, nets), ERR_CORRUPT);
}

TEST_MAIN(T(layers_of_the_8_khz_branch), T(layers_of_the_16_khz_branch), T(blocks_of_another_layout_are_refused))
