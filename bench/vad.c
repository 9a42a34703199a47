/*
 * What a chunk of 32 ms costs the voice activity detector: microseconds of CPU for every kernel that this machine can
 * run, both branches, alone and in batches. The streams of a batch hear the same sound at different places. bench_vad
 * FILE_8K.wav FILE_16K.wav [ROUNDS] A row: kernel, branch, batch, and of so many passes over the file (20 by default)
 * the best one and the mean.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audio/vad/vad.h"
#include "audio/wav.h"
#include "base/buf.h"
#include "base/err.h"

struct sound {
    int16_t *pcm;
    size_t chunks;
};

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int read_file(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return -errno;
    }
    uint8_t *room;
    size_t n = 1;
    while (n && (room = buf_room(b, 65536))) {
        n = fread(room, 1, 65536, f);
        buf_added(b, n);
    }
    fclose(f);
    return b->err;
}

static int sound_read(const char *path, enum vad_branch branch, struct sound *ret)
{
    struct buf file;
    struct wav wav;
    const char *reason = NULL;
    buf_init(&file, 64u << 20);
    int err = read_file(path, &file);
    err = err < 0 ? err : wav_parse(buf_span(&file), &wav, &reason);
    if (err == 0 && wav.rate_hz != vad_rate_hz(branch)) {
        reason = "the rate is not that of the branch";
        err = -ERR_RANGE;
    }
    if (err == 0) {
        ret->chunks = wav_frames(&wav) / vad_chunk_samples(branch);
        size_t n = ret->chunks * vad_chunk_samples(branch);
        ret->pcm = malloc(n * sizeof(*ret->pcm));
        err = !ret->pcm ? -ENOMEM : ret->chunks < VAD_BATCH ? -ERR_RANGE : 0;
        if (err == 0) {
            ignore_result(wav_read_mono(&wav, 0, n, ret->pcm) != n);
        }
    }
    buf_done(&file);
    if (err < 0) {
        fprintf(stderr, "bench_vad: %s: %s\n", path, reason ? reason : err_text(err));
    }
    return err;
}

/* Microseconds a chunk in one pass over the sound. */
static double pass_us(const struct vad_kernel *k, const struct vad_model *m, enum vad_branch branch,
                      const struct sound *s, size_t batch)
{
    struct vad_state states[VAD_BATCH];
    struct vad_job jobs[VAD_BATCH];
    size_t chunk = vad_chunk_samples(branch);
    for (size_t i = 0; i < batch; i++) {
        vad_reset(&states[i]);
    }
    double from = cpu_us();
    for (size_t at = 0; at < s->chunks; at++) {
        for (size_t i = 0; i < batch; i++) {
            jobs[i].state = &states[i];
            jobs[i].pcm = s->pcm + (at + i * s->chunks / batch) % s->chunks * chunk;
        }
        vad_run_with(k, m, branch, jobs, batch);
    }
    return (cpu_us() - from) / (double)(s->chunks * batch);
}

static void bench(const struct vad_kernel *k, const struct vad_model *m, enum vad_branch branch, const struct sound *s,
                  int rounds)
{
    static const size_t batches[] = {1, 2, VAD_BATCH};
    for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
        double best = INFINITY;
        double sum = 0;
        for (int round = 0; round < rounds; round++) {
            double us = pass_us(k, m, branch, s, batches[i]);
            best = fmin(best, us);
            sum += us;
        }
        printf("%-11s %2u kHz batch %zu %7.2f %7.2f\n", vad_kernel_name(k), vad_rate_hz(branch) / 1000, batches[i],
               best, sum / rounds);
    }
}

int main(int argc, char **argv)
{
    struct vad_model *m = NULL;
    struct sound sounds[VAD_BRANCH_N] = {{NULL, 0}, {NULL, 0}};
    int64_t rounds = 20;
    if (argc < 3 || argc > 4 ||
        (argc == 4 && (str_to_i64(str_from(argv[3]), &rounds) < 0 || rounds < 1 || rounds > 100000))) {
        fprintf(stderr, "usage: bench_vad FILE_8K.wav FILE_16K.wav [ROUNDS]\n");
        return 2;
    }
    if (vad_model_builtin(&m) < 0 || sound_read(argv[1], VAD_8K, &sounds[VAD_8K]) < 0 ||
        sound_read(argv[2], VAD_16K, &sounds[VAD_16K]) < 0) {
        return 1;
    }
    for (int branch = 0; branch < VAD_BRANCH_N; branch++) {
        for (const struct vad_kernel *const *k = vad_kernels(); *k; k++) {
            if (vad_kernel_runs(*k)) {
                bench(*k, m, (enum vad_branch)branch, &sounds[branch], (int)rounds);
            }
        }
        free(sounds[branch].pcm);
    }
    m = vad_model_free(m);
    return 0;
}
