/*
 * A kernel: one build of kernel.c for one instruction set, which runs whole chunks. Tests read the layers from the
 * scratch that it leaves. Inner header of src/audio/vad.
 */
#ifndef AUDIO_VAD_KERNEL_H
#define AUDIO_VAD_KERNEL_H

#include "audio/vad/net.h"

/*
 * What the layers of one chunk hold. Frames follow one another without a gap, so that the inputs of a convolution are
 * one stretch of memory. Where it looks beyond the first or the last frame there is room for one that is never read:
 * the kernel leaves those taps out.
 */
struct vad_scratch {
    float samples[VAD_SAMPLES_MAX];
    float magnitude[(VAD_FRAMES + 2) * VAD_BINS_MAX]; /* frames of net->bins */
    float encoder0[(VAD_FRAMES + 1) * 128];
    float encoder1[2 * 64];
    float encoder2[64];
    float lstm_in[2 * VAD_HIDDEN]; /* encoder 3, then h of the chunk before */
    float gates[4 * VAD_HIDDEN];   /* i, f, g, o before their activation */
};

enum vad_cpu { VAD_CPU_ANY, VAD_CPU_AVX2 };

struct vad_kernel {
    const char *name;
    enum vad_cpu needs;
    /* n chunks, 1 to VAD_BATCH. The result of each is the same, bit by bit, whichever others it runs with. */
    void (*run)(const struct vad_net *net, struct vad_job *jobs, size_t n, struct vad_scratch *scratch);
};

extern const struct vad_kernel vad_kernel_portable;
#if defined(__x86_64__)
extern const struct vad_kernel vad_kernel_avx2;
#endif

#endif
