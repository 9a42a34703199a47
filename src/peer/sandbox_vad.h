/*
 * Server-side voice activity detection by energy, on 20 ms frames of 8 kHz samples. Its clock is the audio that was
 * appended, never the wall: a client that stops appending stops the clock. Good enough for clean telephone speech,
 * which is all the sandbox promises. Pure; thread: one at a time.
 */
#ifndef PEER_SANDBOX_VAD_H
#define PEER_SANDBOX_VAD_H

#include "base/defs.h"

#define VAD_FRAME_SAMPLES 160
#define VAD_FRAME_MS      20

enum vad_event { VAD_NOTHING, VAD_STARTED, VAD_STOPPED };

struct vad_opts {
    double threshold;    /* 0..1 as in server_vad; 0.5 hears telephone speech 18 dB below normal */
    uint32_t silence_ms; /* of quiet that ends the speech */
};

struct vad {
    struct vad_opts opts;
    uint64_t clock_ms; /* end of the last frame */
    double floor_db;   /* tracked background noise */
    uint32_t loud;     /* bits of the last frames, newest lowest */
    uint32_t quiet_ms; /* since the last loud frame while speaking */
    uint64_t onset_ms; /* first loud frame of the current run */
    bool speaking;
};

void vad_init(struct vad *v, const struct vad_opts *opts);
/* Other settings from the next frame on; what is being heard goes on. */
void vad_set(struct vad *v, const struct vad_opts *opts);
/* Forgets speech under way; the clock goes on. */
void vad_reset(struct vad *v);
/*
 * Takes one frame.
 *   ret_ms   VAD_STARTED: where the speech began; VAD_STOPPED: the clock now (trailing silence included)
 */
enum vad_event vad_feed(struct vad *v, const int16_t frame[VAD_FRAME_SAMPLES], uint64_t *ret_ms);

#endif
