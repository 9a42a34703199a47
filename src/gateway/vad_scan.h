/*
 * The voice activity detector over a whole sound, in one piece: what `ringtrip vad` shows to whoever tunes thresholds.
 * The network is never started afresh, as a call may do in long silence. Pure; any thread.
 */
#ifndef GATEWAY_VAD_SCAN_H
#define GATEWAY_VAD_SCAN_H

#include "audio/vad/vad.h"

struct vad_scan_opts {
    enum vad_branch branch;
    const struct vad_kernel *kernel; /* NULL: the fastest */
    uint32_t start_ppm, end_ppm;     /* as call_vad_opts */
    uint32_t min_silence_ms;
};

/* A stretch of speech: from its first chunk at the start threshold to its last one at the end threshold. */
struct vad_speech {
    uint64_t start_ms, end_ms;
    float peak, mean; /* of its chunks */
};

struct vad_scan_handler {
    void (*on_chunk)(uint32_t chunk, float probability, void *arg); /* from 0 */
    void (*on_speech)(const struct vad_speech *speech, void *arg);
};

/* n samples at the branch's rate; the last chunk is filled up with silence. */
void vad_scan(const struct vad_model *m, const struct vad_scan_opts *o, const int16_t *pcm, size_t n,
              const struct vad_scan_handler *h, void *arg);

#endif
