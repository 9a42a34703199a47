/*
 * The weights of one branch as the kernels read them, and the block of bytes that holds both branches. One layout for
 * every kernel: outputs in blocks of VAD_BLOCK, inside a block one row of VAD_BLOCK weights per input, so that a kernel
 * of any width walks memory forwards. Inner header of src/audio/vad. What it is not: the model file; see onnx.h.
 */
#ifndef AUDIO_VAD_NET_H
#define AUDIO_VAD_NET_H

#include "audio/vad/vad.h"

#define VAD_BLOCK       32
#define VAD_ALIGN       64 /* of the block of bytes and of every part in it */
#define VAD_FRAMES      4  /* of the STFT in a chunk */
#define VAD_ENCODERS    4
#define VAD_POINTS_MAX  256 /* of the Fourier transform */
#define VAD_BINS_MAX    129
#define VAD_SAMPLES_MAX 640 /* context, chunk, reflection */

/* out = bias + weights x in. Weight of input k and output o: w[(o / VAD_BLOCK * in + k) * VAD_BLOCK + o % VAD_BLOCK] */
struct vad_layer {
    const float *w, *bias;
    uint32_t in, out; /* out is a multiple of 64 */
};

struct vad_net {
    uint32_t points; /* of the Fourier transform: 128 or 256; half of it from frame to frame, a quarter of context */
    uint32_t bins;   /* points / 2 + 1 */
    const float *window;
    const float *turn;                      /* cos, -sin of 2 pi j / points for j = 0 .. points - 1, in pairs */
    struct vad_layer encoder[VAD_ENCODERS]; /* inputs: frame by frame; without the taps that only meet padding */
    struct vad_layer lstm;                  /* inputs x, h; outputs i, f, g, o, VAD_HIDDEN each */
    const float *out_w, *out_bias;          /* VAD_HIDDEN and 1 */
};

/* Floats of a branch. */
size_t vad_net_floats(enum vad_branch branch);
/* Where the parts lie in the branch's floats, which must be aligned. */
void vad_net_bind(enum vad_branch branch, const float *floats, struct vad_net *ret);

/* The block: a head, then the floats of VAD_8K, then those of VAD_16K. */
struct vad_head {
    char magic[8];
    char id[24]; /* 16 hex digits of what follows, NUL */
    uint8_t reserved[VAD_ALIGN - 32];
};
size_t vad_block_bytes(void);
/* Computes the id and writes the head before floats that are in place. */
void vad_block_seal(void *block);
/* Binds both branches. -ERR_CORRUPT: not a block of this layout. */
MUST_USE int vad_block_open(struct span block, const char **ret_id, struct vad_net ret[VAD_BRANCH_N]);

#endif
