#include "audio/vad/pack.h"

#include <math.h>

#include "audio/vad/onnx.h"
#include "base/err.h"

/* What the file's basis may differ from a windowed Fourier transform; v6.2 differs by 8e-8. */
#define BASIS_TOLERANCE 1e-5

/* The block is ours while it is being filled; everybody after us only reads. */
static float *writable(const float *part)
{
    return (float *)(uintptr_t)part;
}

static void put_weight(const struct vad_layer *l, uint32_t in, uint32_t out, float value)
{
    writable(l->w)[((size_t)(out / VAD_BLOCK) * l->in + in) * VAD_BLOCK + out % VAD_BLOCK] = value;
}

/* taps: how many of the file's three are used, from first on. */
static void pack_encoder(const struct vad_layer *l, const struct vad_tensors *t, int index, uint32_t first,
                         uint32_t taps)
{
    const uint8_t *w = t->at[VAD_ENCODER_W + 2 * index];
    const uint8_t *bias = t->at[VAD_ENCODER_B + 2 * index];
    uint32_t channels = l->in / taps;
    for (uint32_t out = 0; out < l->out; out++) {
        for (uint32_t tap = 0; tap < taps; tap++) {
            for (uint32_t c = 0; c < channels; c++) {
                put_weight(l, tap * channels + c, out,
                           vad_tensor_float(w, ((size_t)out * channels + c) * 3 + first + tap));
            }
        }
        writable(l->bias)[out] = vad_tensor_float(bias, out);
    }
}

static void pack_lstm(const struct vad_layer *l, const struct vad_tensors *t)
{
    for (uint32_t out = 0; out < l->out; out++) {
        for (uint32_t i = 0; i < VAD_HIDDEN; i++) {
            put_weight(l, i, out, vad_tensor_float(t->at[VAD_LSTM_WX], (size_t)out * VAD_HIDDEN + i));
            put_weight(l, VAD_HIDDEN + i, out, vad_tensor_float(t->at[VAD_LSTM_WH], (size_t)out * VAD_HIDDEN + i));
        }
        writable(l->bias)[out] = vad_tensor_float(t->at[VAD_LSTM_BX], out) + vad_tensor_float(t->at[VAD_LSTM_BH], out);
    }
}

/* Row 0 of the basis is the window (cosine of nothing). The rest must follow from it, for we transform by FFT. */
static int pack_stft(const struct vad_net *n, const struct vad_tensors *t)
{
    const uint8_t *basis = t->at[VAD_BASIS];
    for (uint32_t j = 0; j < n->points; j++) {
        double angle = 2 * M_PI * j / n->points;
        writable(n->window)[j] = vad_tensor_float(basis, j);
        writable(n->turn)[2 * j] = (float)cos(angle);
        writable(n->turn)[2 * j + 1] = (float)-sin(angle);
    }
    for (uint32_t bin = 0; bin < n->bins; bin++) {
        for (uint32_t i = 0; i < n->points; i++) {
            const float *turn = n->turn + (size_t)2 * (bin * i % n->points);
            float re = vad_tensor_float(basis, (size_t)bin * n->points + i) - n->window[i] * turn[0];
            float im = vad_tensor_float(basis, (size_t)(n->bins + bin) * n->points + i) - n->window[i] * turn[1];
            if (fabs((double)re) > BASIS_TOLERANCE || fabs((double)im) > BASIS_TOLERANCE) {
                return -ERR_TYPE;
            }
        }
    }
    return 0;
}

static int pack_branch(const struct vad_net *n, const struct vad_tensors *t)
{
    int err = pack_stft(n, t);
    if (err < 0) {
        return err;
    }
    pack_encoder(&n->encoder[0], t, 0, 0, 3);
    pack_encoder(&n->encoder[1], t, 1, 0, 3);
    pack_encoder(&n->encoder[2], t, 2, 1, 2); /* two frames are left: the first tap meets padding only */
    pack_encoder(&n->encoder[3], t, 3, 1, 1); /* one frame is left */
    pack_lstm(&n->lstm, t);
    for (uint32_t i = 0; i < VAD_HIDDEN; i++) {
        writable(n->out_w)[i] = vad_tensor_float(t->at[VAD_OUT_W], i);
    }
    writable(n->out_bias)[0] = vad_tensor_float(t->at[VAD_OUT_B], 0);
    return 0;
}

int vad_pack(struct span file, struct buf *ret_err, void *block)
{
    struct vad_tensors tensors[VAD_BRANCH_N];
    struct vad_net net;
    int err = vad_onnx_read(file, ret_err, tensors);
    float *floats = (void *)((uint8_t *)block + sizeof(struct vad_head));
    memset(block, 0, vad_block_bytes()); /* also what lies between the parts */
    for (int branch = 0; branch < VAD_BRANCH_N && err == 0; branch++) {
        vad_net_bind((enum vad_branch)branch, floats, &net);
        err = pack_branch(&net, &tensors[branch]);
        if (err < 0 && ret_err) {
            buf_puts(ret_err, "the spectrum of this network is not a Fourier transform; it is not Silero VAD v6.2");
        }
        floats += vad_net_floats((enum vad_branch)branch);
    }
    if (err < 0) {
        return err;
    }
    vad_block_seal(block);
    return 0;
}
