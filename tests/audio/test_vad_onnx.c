/*
 * The reader of the model file: what it takes, and that it refuses by name what it should. The wrong files are made
 * from the right one, by turning single fields, or written here byte by byte.
 */
#include <math.h>

#include "audio/vad/onnx.h"
#include "base/err.h"
#include "vad_vectors.h"

static struct buf model_file;

static int set_up(void **state UNUSED)
{
    vad_read_file(VAD_ONNX, &model_file);
    return 0;
}

static int tear_down(void **state UNUSED)
{
    buf_done(&model_file);
    return 0;
}

static void refused(struct span file, int err, const char *what)
{
    struct vad_model *m = NULL;
    struct buf why;
    buf_init(&why, 4096);
    int got = vad_model_onnx(file, &why, &m);
    if (got != -err || str_search(buf_str(&why), str_from(what)) == SIZE_MAX) {
        fail_msg("%d: %s", got, buf_cstr(&why));
    }
    assert_null(m);
    buf_done(&why);
    assert_err(vad_model_onnx(file, NULL, &m), err); /* nobody asks why */
}

/* ---- the real file, changed ---- */

/* Where the n-th occurrence of the text is, behind `from`. */
static uint8_t *find(struct buf *b, size_t from, const char *text)
{
    struct str rest = {(const char *)buf_ptr(b) + from, b->len - from};
    size_t at = str_search(rest, str_from(text));
    assert_true(at != SIZE_MAX);
    return buf_ptr(b) + from + at;
}

static struct buf changed(void)
{
    struct buf b;
    buf_init(&b, 16u << 20);
    buf_put(&b, buf_ptr(&model_file), model_file.len);
    assert_int_equal(b.err, 0);
    return b;
}

/* The Constant whose output has this name; the tensor's fields follow. */
static uint8_t *constant(struct buf *b, const char *name)
{
    struct str rest = buf_str(b);
    for (;;) {
        size_t at = str_search(rest, str_from(name));
        assert_true(at != SIZE_MAX);
        struct str behind = {rest.p + at + strlen(name), rest.n - at - strlen(name)};
        if (str_starts(behind, STR("\"\x08"
                                   "Constant"))) {
            return (uint8_t *)(uintptr_t)behind.p;
        }
        rest = behind;
    }
}

TEST(a_missing_tensor_is_named)
{
    struct buf b = changed();
    constant(&b, "If_0_else_branch__Inline_0__encoder.2.reparam_conv.bias")[-1] = 'z';
    refused(buf_span(&b), ERR_MISSING, "the tensor encoder.2.reparam_conv.bias of the 8 kHz branch is missing");
    buf_done(&b);
    b = changed();
    constant(&b, "If_0_then_branch__Inline_0__decoder.rnn.weight_hh")[-1] = 'z';
    refused(buf_span(&b), ERR_MISSING, "the tensor decoder.rnn.weight_hh of the 16 kHz branch is missing");
    buf_done(&b);
}

TEST(a_tensor_that_is_there_twice_is_refused)
{
    struct buf b = changed();
    uint8_t *at = constant(&b, "If_0_then_branch__Inline_0__encoder.1.reparam_conv.bias");
    at[-(ptrdiff_t)strlen("1.reparam_conv.bias")] = '2'; /* its shape is the same */
    refused(buf_span(&b), ERR_CORRUPT, "the tensor encoder.2.reparam_conv.bias of the 16 kHz branch is there twice");
    buf_done(&b);
}

/* The dims of a tensor come before its type and its data. */
static uint8_t *dims(struct buf *b, const char *name, const char *bytes)
{
    return find(b, (size_t)(constant(b, name) - buf_ptr(b)), bytes);
}

TEST(another_shape_is_another_network)
{
    struct buf b = changed();
    dims(&b, "If_0_else_branch__Inline_0__encoder.0.reparam_conv.bias", "\x08\x80\x01")[2] = 2;
    refused(buf_span(&b), ERR_TYPE, "the tensor encoder.0.reparam_conv.bias of the 8 kHz branch has another shape");
    buf_done(&b);
}

TEST(another_type_is_refused)
{
    struct buf b = changed();
    uint8_t *at = dims(&b, "If_0_else_branch__Inline_0__encoder.0.reparam_conv.bias", "\x08\x80\x01");
    assert_int_equal(at[3], 0x10); /* data_type */
    assert_int_equal(at[4], 1);
    at[4] = 10; /* float16 */
    refused(buf_span(&b), ERR_TYPE, "is not raw float32 data of its shape");
    buf_done(&b);
}

TEST(a_number_that_is_none_is_refused)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf b = changed();
        struct vad_tensors t[VAD_BRANCH_N];
        assert_ok(vad_onnx_read(buf_span(&b), NULL, t));
        size_t at = (size_t)(t[VAD_16K].at[VAD_LSTM_WX] - buf_ptr(&b));
        memcpy(buf_ptr(&b) + at + 400, &bad[i], 4);
        refused(buf_span(&b), ERR_CORRUPT,
                "decoder.rnn.weight_ih of the 16 kHz branch holds a number that is not finite");
        buf_done(&b);
    }
}

TEST(another_transform_is_refused)
{
    static const struct {
        enum vad_branch branch;
        size_t at;
    } places[] = {{VAD_8K, 127}, {VAD_8K, 130 * 128 - 1}, {VAD_16K, 5000}, {VAD_16K, 129 * 256 + 300}};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct buf b = changed();
        struct vad_tensors t[VAD_BRANCH_N];
        assert_ok(vad_onnx_read(buf_span(&b), NULL, t));
        size_t at = (size_t)(t[places[i].branch].at[VAD_BASIS] - buf_ptr(&b)) + 4 * places[i].at;
        float value = vad_tensor_float(buf_ptr(&b) + at, 0) + 0.001F;
        memcpy(buf_ptr(&b) + at, &value, 4);
        refused(buf_span(&b), ERR_TYPE, "is not a Fourier transform");
        buf_done(&b);
    }
}

TEST(other_weights_have_another_id)
{
    struct buf b = changed();
    struct vad_tensors t[VAD_BRANCH_N];
    struct vad_model *ours = NULL;
    struct vad_model *theirs = NULL;
    assert_ok(vad_onnx_read(buf_span(&b), NULL, t));
    size_t at = (size_t)(t[VAD_8K].at[VAD_OUT_B] - buf_ptr(&b));
    memcpy(buf_ptr(&b) + at, &(float){0.25F}, 4);
    assert_ok(vad_model_builtin(&ours));
    assert_ok(vad_model_onnx(buf_span(&b), NULL, &theirs));
    assert_string_not_equal(vad_model_id(ours), vad_model_id(theirs));
    vad_model_free(ours);
    vad_model_free(theirs);
    buf_done(&b);
}

/* A file is copied badly in many ways; each cut is survived, and none of it is taken for a model. */
TEST(a_file_that_was_cut_is_refused)
{
    struct vad_model *m = NULL;
    for (size_t n = 0; n < model_file.len; n = n < 300 ? n + 1 : n + n / 4) {
        uint8_t *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, buf_ptr(&model_file), n);
        assert_true(vad_model_onnx(span_from(copy, n), NULL, &m) < 0);
        free(copy);
    }
    refused(span_from(buf_ptr(&model_file), model_file.len - 100), ERR_CORRUPT, "not an ONNX file, or it is damaged");
}

/* ---- protobuf, byte by byte ---- */

#define BYTES(literal) span_from(literal, sizeof(literal) - 1)

TEST(what_is_no_onnx_file_is_refused)
{
    static const char why[] = "this is not an ONNX file, or it is damaged";
    refused(BYTES(""), ERR_CORRUPT, why);
    refused(BYTES("RIFF\x24\x00\x00\x00WAVEfmt "), ERR_CORRUPT, why);
    refused(BYTES("\x08\x08"), ERR_CORRUPT, why);                                         /* no graph */
    refused(BYTES("\x3a\x05\x00"), ERR_CORRUPT, why);                                     /* longer than the file */
    refused(BYTES("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), ERR_CORRUPT, why);     /* 2^64 - 1 bytes */
    refused(BYTES("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), ERR_CORRUPT, why); /* an endless number */
    refused(BYTES("\x3b\x00"), ERR_CORRUPT, why);                                         /* a group */
    refused(BYTES("\x3f\x00"), ERR_CORRUPT, why);                                         /* wire type 7 */
    refused(BYTES("\x3a\x00\x0d\x00\x00\x00"), ERR_CORRUPT, why);                         /* half a fixed32 */
    refused(BYTES("\x3a\x00\x09\x00\x00\x00\x00\x00\x00\x00"), ERR_CORRUPT, why);         /* half a fixed64 */
    refused(BYTES("\x3a\x03\x0a\x02\x22"), ERR_CORRUPT, why);                             /* a node cut inside */
}

TEST(a_model_without_our_tensors_says_which_one_it_misses)
{
    refused(BYTES("\x3a\x00"), ERR_MISSING, "stft.forward_basis_buffer of the 8 kHz branch is missing");
    refused(BYTES("\x0d....\x09........\x3a\x04\x0a\x02\x22\x00"), ERR_MISSING, "wanted is silero_vad.onnx");
}

/* Graph in attribute in node in graph, and so on: each level says how long it is. */
TEST(graphs_nest_only_so_deep)
{
    uint8_t file[4096];
    size_t n = 0;
    for (int depth = 0; depth < 300; depth++) {
        uint8_t inner[4096];
        static const uint8_t keys[3] = {6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2}; /* graph, attribute, node */
        for (int i = 0; i < 3; i++) {
            size_t at = 0;
            inner[at++] = keys[i];
            inner[at++] = (uint8_t)(0x80 | (n & 0x7F));
            inner[at++] = (uint8_t)(n >> 7);
            memcpy(inner + at, file, n);
            n += at;
            memcpy(file, inner, n);
        }
    }
    uint8_t model[4200] = {7 << 3 | 2, (uint8_t)(0x80 | (n & 0x7F)), (uint8_t)(n >> 7)};
    memcpy(model + 3, file, n);
    refused(span_from(model, n + 3), ERR_CORRUPT, "not an ONNX file, or it is damaged");
}

TEST(initializers_are_taken_like_constants)
{
    /* initializer {dims: 1 (packed), data_type: 1, name, raw_data}: found, so the complaint is about the next one */
    static const char name[] = "If_0_else_branch__Inline_0__stft.forward_basis_buffer";
    struct buf tensor, graph, model;
    buf_init(&tensor, 4096);
    buf_init(&graph, 4096);
    buf_init(&model, 4096);
    buf_put(&tensor, "\x0a\x01\x01\x10\x01\x42", 6);
    buf_putc(&tensor, (char)(sizeof(name) - 1));
    buf_puts(&tensor, name);
    buf_put(&tensor, "\x4a\x04\x00\x00\x00\x00", 6);
    buf_putc(&graph, 0x2a);
    buf_putc(&graph, (char)tensor.len);
    buf_put_str(&graph, buf_str(&tensor));
    buf_putc(&model, 0x3a);
    buf_putc(&model, (char)graph.len);
    buf_put_str(&model, buf_str(&graph));
    refused(buf_span(&model), ERR_TYPE, "stft.forward_basis_buffer of the 8 kHz branch has another shape");
    buf_done(&tensor);
    buf_done(&graph);
    buf_done(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_missing_tensor_is_named),        T(a_tensor_that_is_there_twice_is_refused),
        T(another_shape_is_another_network), T(another_type_is_refused),
        T(a_number_that_is_none_is_refused), T(another_transform_is_refused),
        T(other_weights_have_another_id),    T(a_file_that_was_cut_is_refused),
        T(what_is_no_onnx_file_is_refused),  T(a_model_without_our_tensors_says_which_one_it_misses),
        T(graphs_nest_only_so_deep),         T(initializers_are_taken_like_constants),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
