#include "audio/vad/onnx.h"

#include <math.h>

#include "base/err.h"

/* Graphs inside graphs; the file has five. */
#define DEPTH_MAX 8
#define DIMS_MAX  4

/* Field numbers of onnx.proto3. */
enum { MODEL_GRAPH = 7 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5 };
enum { NODE_OUTPUT = 2, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_TENSOR = 5, ATTRIBUTE_GRAPH = 6 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { TYPE_FLOAT = 1 };

struct shape {
    uint32_t n;
    uint32_t dims[3];
};

/* The same names in both branches; sizes of the 16 kHz branch. Of the others, only the first two layers differ. */
static const struct {
    const char *name;
    struct shape shape;
} tensors[VAD_TENSOR_N] = {
    [VAD_BASIS] = {"stft.forward_basis_buffer", {3, {258, 1, 256}}},
    [VAD_ENCODER_W] = {"encoder.0.reparam_conv.weight", {3, {128, 129, 3}}},
    [VAD_ENCODER_B] = {"encoder.0.reparam_conv.bias", {1, {128}}},
    [VAD_ENCODER_W + 2] = {"encoder.1.reparam_conv.weight", {3, {64, 128, 3}}},
    [VAD_ENCODER_B + 2] = {"encoder.1.reparam_conv.bias", {1, {64}}},
    [VAD_ENCODER_W + 4] = {"encoder.2.reparam_conv.weight", {3, {64, 64, 3}}},
    [VAD_ENCODER_B + 4] = {"encoder.2.reparam_conv.bias", {1, {64}}},
    [VAD_ENCODER_W + 6] = {"encoder.3.reparam_conv.weight", {3, {128, 64, 3}}},
    [VAD_ENCODER_B + 6] = {"encoder.3.reparam_conv.bias", {1, {128}}},
    [VAD_LSTM_WX] = {"decoder.rnn.weight_ih", {2, {512, 128}}},
    [VAD_LSTM_WH] = {"decoder.rnn.weight_hh", {2, {512, 128}}},
    [VAD_LSTM_BX] = {"decoder.rnn.bias_ih", {1, {512}}},
    [VAD_LSTM_BH] = {"decoder.rnn.bias_hh", {1, {512}}},
    [VAD_OUT_W] = {"decoder.decoder.2.weight", {3, {1, 128, 1}}},
    [VAD_OUT_B] = {"decoder.decoder.2.bias", {1, {1}}},
};

static struct shape shape_of(enum vad_branch branch, int tensor)
{
    if (branch == VAD_8K && tensor == VAD_BASIS) {
        return (struct shape){3, {130, 1, 128}};
    }
    if (branch == VAD_8K && tensor == VAD_ENCODER_W) {
        return (struct shape){3, {128, 65, 3}};
    }
    return tensors[tensor].shape;
}

static const char *const prefixes[VAD_BRANCH_N] = {
    [VAD_8K] = "If_0_else_branch__Inline_0__",
    [VAD_16K] = "If_0_then_branch__Inline_0__",
};
static const char *const branch_names[VAD_BRANCH_N] = {[VAD_8K] = "8 kHz", [VAD_16K] = "16 kHz"};

struct reader {
    struct vad_tensors *found; /* VAD_BRANCH_N of them */
    struct buf *err;
};

/* ---- protobuf ---- */

/* Takes one number off the front. */
static bool take_varint(struct span *s, uint64_t *ret)
{
    uint64_t v = 0;
    for (size_t i = 0; i < MIN(s->n, 10); i++) {
        v |= (uint64_t)(s->p[i] & 0x7F) << 7 * i;
        if (s->p[i] < 0x80) {
            *s = span_from(s->p + i + 1, s->n - i - 1);
            *ret = v;
            return true;
        }
    }
    return false;
}

static bool take_bytes(struct span *s, uint64_t n, struct span *ret)
{
    if (n > s->n) {
        return false;
    }
    *ret = span_from(s->p, (size_t)n);
    *s = span_from(s->p + n, s->n - (size_t)n);
    return true;
}

struct field {
    uint64_t number;
    bool is_bytes; /* else a varint, or a fixed number that nobody here looks at */
    uint64_t value;
    struct span bytes;
};

/* 1: *ret is the next field. 0: the message ends here. -ERR_CORRUPT: no protobuf. */
static int next_field(struct span *s, struct field *ret)
{
    uint64_t key = 0;
    uint64_t n = 0;
    if (s->n == 0) {
        return 0;
    }
    if (!take_varint(s, &key)) {
        return -ERR_CORRUPT;
    }
    *ret = (struct field){.number = key >> 3, .is_bytes = (key & 7) == 2};
    bool ok = false;
    switch (key & 7) {
    case 0:
        ok = take_varint(s, &ret->value);
        break;
    case 1:
        ok = take_bytes(s, 8, &ret->bytes);
        break;
    case 2:
        ok = take_varint(s, &n) && take_bytes(s, n, &ret->bytes);
        break;
    case 5:
        ok = take_bytes(s, 4, &ret->bytes);
        break;
    }
    return ok ? 1 : -ERR_CORRUPT;
}

/* ---- tensors ---- */

static int complain(const struct reader *r, int err, enum vad_branch branch, int tensor, const char *what)
{
    if (r->err) {
        buf_printf(r->err, "the tensor %s of the %s branch %s; wanted is silero_vad.onnx of Silero VAD v6.2 (or v6)",
                   tensors[tensor].name, branch_names[branch], what);
    }
    return err;
}

struct tensor {
    uint32_t n_dims;
    uint64_t dims[DIMS_MAX];
    uint64_t type;
    struct span name;
    struct span raw;
};

static bool add_dim(struct tensor *t, uint64_t dim)
{
    if (t->n_dims == DIMS_MAX) {
        return false;
    }
    t->dims[t->n_dims++] = dim;
    return true;
}

static int read_tensor(struct span s, struct tensor *t)
{
    struct field f;
    int got;
    *t = (struct tensor){0};
    while ((got = next_field(&s, &f)) > 0) {
        if (f.number == TENSOR_DIMS && !f.is_bytes && !add_dim(t, f.value)) {
            return -ERR_CORRUPT;
        }
        while (f.number == TENSOR_DIMS && f.is_bytes && f.bytes.n) { /* packed */
            uint64_t dim = 0;
            if (!take_varint(&f.bytes, &dim) || !add_dim(t, dim)) {
                return -ERR_CORRUPT;
            }
        }
        if (f.number == TENSOR_TYPE && !f.is_bytes) {
            t->type = f.value;
        }
        if (f.number == TENSOR_NAME && f.is_bytes) {
            t->name = f.bytes;
        }
        if (f.number == TENSOR_RAW && f.is_bytes) {
            t->raw = f.bytes;
        }
    }
    return got;
}

static bool has_shape(const struct tensor *t, const struct shape *want)
{
    if (t->n_dims != want->n) {
        return false;
    }
    for (uint32_t i = 0; i < want->n; i++) {
        if (t->dims[i] != want->dims[i]) {
            return false;
        }
    }
    return true;
}

static size_t floats_of(const struct shape *s)
{
    size_t n = 1;
    for (uint32_t i = 0; i < s->n; i++) {
        n *= s->dims[i];
    }
    return n;
}

static int keep(struct reader *r, enum vad_branch branch, int tensor, const struct tensor *t)
{
    struct shape want = shape_of(branch, tensor);
    size_t n = floats_of(&want);
    if (r->found[branch].at[tensor]) {
        return complain(r, -ERR_CORRUPT, branch, tensor, "is there twice");
    }
    if (!has_shape(t, &want)) {
        return complain(r, -ERR_TYPE, branch, tensor, "has another shape");
    }
    if (t->type != TYPE_FLOAT || t->raw.n != 4 * n) {
        return complain(r, -ERR_TYPE, branch, tensor, "is not raw float32 data of its shape");
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(vad_tensor_float(t->raw.p, i))) {
            return complain(r, -ERR_CORRUPT, branch, tensor, "holds a number that is not finite");
        }
    }
    r->found[branch].at[tensor] = t->raw.p;
    return 0;
}

/* A tensor under its name: of an initializer, or of the output of a Constant. Others are not ours. */
static int offer(struct reader *r, struct span name, struct span bytes)
{
    struct str s = str_of_span(name);
    for (int branch = 0; branch < VAD_BRANCH_N; branch++) {
        struct str prefix = str_from(prefixes[branch]);
        if (!str_starts(s, prefix)) {
            continue;
        }
        struct str rest = {s.p + prefix.n, s.n - prefix.n};
        for (int i = 0; i < VAD_TENSOR_N; i++) {
            struct tensor t;
            if (str_is(rest, tensors[i].name)) {
                int err = read_tensor(bytes, &t);
                return err < 0 ? err : keep(r, (enum vad_branch)branch, i, &t);
            }
        }
    }
    return 0;
}

/* ---- graphs ---- */

static int read_graph(struct reader *r, struct span s, int depth);

/* Its tensor, if it has one; graphs inside are read at once. */
static int read_attribute(struct reader *r, struct span s, int depth, struct span *ret_tensor)
{
    struct field f;
    int got;
    while ((got = next_field(&s, &f)) > 0) {
        if (f.number == ATTRIBUTE_TENSOR && f.is_bytes) {
            *ret_tensor = f.bytes;
        }
        if (f.number == ATTRIBUTE_GRAPH && f.is_bytes) {
            int err = read_graph(r, f.bytes, depth + 1);
            if (err < 0) {
                return err;
            }
        }
    }
    return got;
}

static int read_node(struct reader *r, struct span s, int depth)
{
    struct field f;
    struct span output = {NULL, 0};
    struct span tensor = {NULL, 0};
    bool is_constant = false;
    int got;
    while ((got = next_field(&s, &f)) > 0) {
        int err = 0;
        if (f.number == NODE_OUTPUT && f.is_bytes) {
            output = f.bytes;
        } else if (f.number == NODE_OP_TYPE && f.is_bytes) {
            is_constant = str_is(str_of_span(f.bytes), "Constant");
        } else if (f.number == NODE_ATTRIBUTE && f.is_bytes) {
            err = read_attribute(r, f.bytes, depth, &tensor);
        }
        if (err < 0) {
            return err;
        }
    }
    return got < 0 ? got : is_constant && tensor.p ? offer(r, output, tensor) : 0;
}

static int read_initializer(struct reader *r, struct span s)
{
    struct tensor t;
    int err = read_tensor(s, &t);
    return err < 0 ? err : offer(r, t.name, s);
}

static int read_graph(struct reader *r, struct span s, int depth)
{
    struct field f;
    int got;
    if (depth > DEPTH_MAX) {
        return -ERR_CORRUPT;
    }
    while ((got = next_field(&s, &f)) > 0) {
        int err = 0;
        if (f.number == GRAPH_NODE && f.is_bytes) {
            err = read_node(r, f.bytes, depth);
        } else if (f.number == GRAPH_INITIALIZER && f.is_bytes) {
            err = read_initializer(r, f.bytes);
        }
        if (err < 0) {
            return err;
        }
    }
    return got;
}

static int read_model(struct reader *r, struct span s)
{
    struct field f;
    int got;
    bool has_graph = false;
    while ((got = next_field(&s, &f)) > 0) {
        if (f.number == MODEL_GRAPH && f.is_bytes) {
            has_graph = true;
            int err = read_graph(r, f.bytes, 1);
            if (err < 0) {
                return err;
            }
        }
    }
    return got < 0 ? got : has_graph ? 0 : -ERR_CORRUPT;
}

int vad_onnx_read(struct span file, struct buf *ret_err, struct vad_tensors ret[VAD_BRANCH_N])
{
    struct vad_tensors found[VAD_BRANCH_N] = {0};
    struct reader r = {.found = found, .err = ret_err};
    size_t said = ret_err ? ret_err->len : 0;
    int err = read_model(&r, file);
    if (err < 0) {
        if (ret_err && ret_err->len == said) {
            buf_puts(ret_err, "this is not an ONNX file, or it is damaged");
        }
        return err;
    }
    for (int branch = 0; branch < VAD_BRANCH_N; branch++) {
        for (int i = 0; i < VAD_TENSOR_N; i++) {
            if (!found[branch].at[i]) {
                return complain(&r, -ERR_MISSING, (enum vad_branch)branch, i, "is missing");
            }
        }
    }
    memcpy(ret, found, sizeof(found));
    return 0;
}
