/*
 * Silero VAD v6.2: the probability that 32 ms of sound hold speech. Our own inference of both branches of the network,
 * 8 kHz (256 samples a chunk) and 16 kHz (512). Weights are shared and read-only, state is one small struct per stream;
 * nothing is allocated per chunk and nothing is kept between calls but that struct, so a batch may hold chunks of many
 * streams. What it is not: no thresholds, no turns, no thread, no file; see call/turn.c for what follows from it.
 * The network: layers, sizes and origin in docs/internals/vad.md. Thread: a model may be used by any number at once.
 */
#ifndef AUDIO_VAD_VAD_H
#define AUDIO_VAD_VAD_H

#include "base/buf.h"
#include "base/str.h"

#define VAD_HIDDEN      128
#define VAD_CONTEXT_MAX 64
#define VAD_CHUNK_MS    32
#define VAD_BATCH       6 /* jobs that share one walk over the weights */

enum vad_branch { VAD_8K, VAD_16K, VAD_BRANCH_N };
/* 256 or 512 samples; 8000 or 16000 Hz. */
uint32_t vad_chunk_samples(enum vad_branch branch);
uint32_t vad_rate_hz(enum vad_branch branch);
/* What the network sees of the chunk before: 32 or 64 samples. */
uint32_t vad_context_samples(enum vad_branch branch);

struct vad_model;
struct vad_kernel;

/* State of one stream; all zero is the beginning, which vad_reset makes. One branch for its whole life. */
struct vad_state {
    float h[VAD_HIDDEN], c[VAD_HIDDEN];
    float context[VAD_CONTEXT_MAX]; /* the end of the chunk before */
};
void vad_reset(struct vad_state *s);
/*
 * A look ahead of the next chunk: the state with which sound that ends between two chunks may be judged. Its own h and
 * c, a little old, and the context (vad_context_samples of it) that stands before that sound. s stays as it is.
 */
struct vad_state vad_look(const struct vad_state *s, enum vad_branch branch, const int16_t *context);

struct vad_job {
    struct vad_state *state;
    const int16_t *pcm; /* vad_chunk_samples(branch) samples */
    float probability;  /* out: 0 to 1 */
};

/* The weights that were built in. -ERR_CORRUPT cannot happen in a sound build. -ENOMEM */
MUST_USE int vad_model_builtin(struct vad_model **ret);
/*
 * Weights from the bytes of an ONNX file (silero_vad.onnx v6.2, both branches). -ERR_CORRUPT, -ERR_MISSING (a tensor),
 * -ERR_TYPE (shape or type differs: another version), -ENOMEM; ret_err gets a sentence for people.
 */
MUST_USE int vad_model_onnx(struct span file, struct buf *ret_err, struct vad_model **ret);
struct vad_model *vad_model_free(struct vad_model *m);
/* 16 hex digits, a fingerprint of the weights as the kernels read them; for journals and logs. */
const char *vad_model_id(const struct vad_model *m);

/*
 * Runs n chunks of the same branch, in order, VAD_BATCH at a time. The jobs of one call belong to different streams.
 * Thread: any; jobs' states by one at a time. Allocates: no.
 */
void vad_run(const struct vad_model *m, enum vad_branch branch, struct vad_job *jobs, size_t n);

/* The kernels of this build, fastest first; NULL behind the last. vad_run uses the first one that the CPU can run. */
const struct vad_kernel *const *vad_kernels(void);
const char *vad_kernel_name(const struct vad_kernel *k); /* "avx2", "portable" */
bool vad_kernel_runs(const struct vad_kernel *k);        /* here and now */
const struct vad_kernel *vad_kernel_best(void);
void vad_run_with(const struct vad_kernel *k, const struct vad_model *m, enum vad_branch branch, struct vad_job *jobs,
                  size_t n);

#endif
