/*
 * Finds the weights of Silero VAD v6.2 in the bytes of its ONNX file. Walks the protobuf by hand: graphs, their nodes
 * of type Constant, and the graphs inside the branches of If, and takes the tensors whose names it knows. Every length
 * is checked, nothing is allocated. What it is not: a reader of ONNX in general. Inner header of src/audio/vad.
 */
#ifndef AUDIO_VAD_ONNX_H
#define AUDIO_VAD_ONNX_H

#include "audio/vad/vad.h"

enum vad_tensor {
    VAD_BASIS,
    VAD_ENCODER_W, /* of encoder 0; bias behind it, then those of 1, 2, 3 */
    VAD_ENCODER_B,
    VAD_LSTM_WX = VAD_ENCODER_W + 2 * 4,
    VAD_LSTM_WH,
    VAD_LSTM_BX,
    VAD_LSTM_BH,
    VAD_OUT_W,
    VAD_OUT_B,
    VAD_TENSOR_N
};

/* Little-endian float32, not aligned; lends the file. */
struct vad_tensors {
    const uint8_t *at[VAD_TENSOR_N];
};

/* As vad_model_onnx; ret_err may be NULL. Every tensor is there, of its shape, and finite. */
MUST_USE int vad_onnx_read(struct span file, struct buf *ret_err, struct vad_tensors ret[VAD_BRANCH_N]);

static inline float vad_tensor_float(const uint8_t *tensor, size_t i)
{
    const uint8_t *p = tensor + 4 * i;
    uint32_t bits = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

#endif
