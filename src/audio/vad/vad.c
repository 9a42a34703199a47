#include "audio/vad/vad.h"

#include <stdlib.h>

#include "audio/vad/kernel.h"
#include "audio/vad/pack.h"
#include "base/err.h"

struct vad_model {
    struct vad_net net[VAD_BRANCH_N];
    const char *id;
    void *owned; /* what malloc gave; NULL: the weights are built in */
};

/* Of the assembly file that weights_gen wrote. */
extern const uint8_t vad_weights[];
extern const uint8_t vad_weights_end[];

static int open_block(struct span block, struct vad_model **ret)
{
    struct vad_model *m = calloc(1, sizeof(*m));
    if (!m) {
        return -ENOMEM;
    }
    int err = vad_block_open(block, &m->id, m->net);
    if (err < 0) {
        free(m);
        return err;
    }
    *ret = m;
    return 0;
}

int vad_model_builtin(struct vad_model **ret)
{
    return open_block(span_from(vad_weights, (size_t)(vad_weights_end - vad_weights)), ret);
}

int vad_model_onnx(struct span file, struct buf *ret_err, struct vad_model **ret)
{
    size_t n = vad_block_bytes();
    void *owned = malloc(n + VAD_ALIGN);
    if (!owned) {
        return -ENOMEM;
    }
    uint8_t *block = (uint8_t *)owned + (VAD_ALIGN - (uintptr_t)owned % VAD_ALIGN);
    int err = vad_pack(file, ret_err, block);
    err = err < 0 ? err : open_block(span_from(block, n), ret);
    if (err < 0) {
        free(owned);
        return err;
    }
    (*ret)->owned = owned;
    return 0;
}

struct vad_model *vad_model_free(struct vad_model *m)
{
    if (m) {
        free(m->owned);
        free(m);
    }
    return NULL;
}

const char *vad_model_id(const struct vad_model *m)
{
    return m->id;
}

void vad_reset(struct vad_state *s)
{
    *s = (struct vad_state){0};
}

struct vad_state vad_look(const struct vad_state *s, enum vad_branch branch, const int16_t *context)
{
    struct vad_state look = *s;
    for (uint32_t i = 0; i < vad_context_samples(branch); i++) {
        look.context[i] = (float)context[i] * (1.0F / 32768.0F);
    }
    return look;
}

static const struct vad_kernel *const kernels[] = {
#if defined(__x86_64__)
    &vad_kernel_avx2,
#endif
    &vad_kernel_portable,
    NULL,
};

const struct vad_kernel *const *vad_kernels(void)
{
    return kernels;
}

const char *vad_kernel_name(const struct vad_kernel *k)
{
    return k->name;
}

bool vad_kernel_runs(const struct vad_kernel *k)
{
    switch (k->needs) {
    case VAD_CPU_ANY:
        return true;
    case VAD_CPU_AVX2:
#if defined(__x86_64__)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
        return false;
    }
    return false;
}

const struct vad_kernel *vad_kernel_best(void)
{
    const struct vad_kernel *const *k = kernels;
    while (!vad_kernel_runs(*k)) {
        k++;
    }
    return *k; /* the portable one, at the latest */
}

void vad_run(const struct vad_model *m, enum vad_branch branch, struct vad_job *jobs, size_t n)
{
    vad_run_with(vad_kernel_best(), m, branch, jobs, n);
}

void vad_run_with(const struct vad_kernel *k, const struct vad_model *m, enum vad_branch branch, struct vad_job *jobs,
                  size_t n)
{
    struct vad_scratch scratch[VAD_BATCH];
    while (n) {
        size_t batch = MIN(n, VAD_BATCH);
        k->run(&m->net[branch], jobs, batch, scratch);
        jobs += batch;
        n -= batch;
    }
}
