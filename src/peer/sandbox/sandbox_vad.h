/*
 * Server-side voice activity detection by energy, on 20 ms frames of 8 kHz samples. Its clock is the audio that was
 * appended, never the wall: a client that stops appending stops the clock. Good enough for clean telephone speech,
 * which is all the sandbox promises. Pure; thread: one at a time.
 */
#ifndef PEER_SANDBOX_VAD_H
#define PEER_SANDBOX_VAD_H

#include "base/defs.h"

#define SANDBOX_VAD_FRAME_SAMPLES 160
#define SANDBOX_VAD_FRAME_MS      20

enum sandbox_vad_event { SANDBOX_VAD_NOTHING, SANDBOX_VAD_STARTED, SANDBOX_VAD_STOPPED };

struct sandbox_vad_opts {
    double threshold;    /* 0..1 as in server_vad; 0.5 hears telephone speech 18 dB below normal */
    uint32_t silence_ms; /* of quiet that ends the speech */
};

struct sandbox_vad {
    struct sandbox_vad_opts opts;
    uint64_t clock_ms; /* end of the last frame */
    double floor_db;   /* tracked background noise */
    uint32_t loud;     /* bits of the last frames, newest lowest */
    uint32_t quiet_ms; /* since the last loud frame while speaking */
    uint64_t onset_ms; /* first loud frame of the current run */
    bool speaking;
};

void sandbox_vad_init(struct sandbox_vad *v, const struct sandbox_vad_opts *opts);
/* Other settings from the next frame on; what is being heard goes on. */
void sandbox_vad_set(struct sandbox_vad *v, const struct sandbox_vad_opts *opts);
/* Forgets speech under way; the clock goes on. */
void sandbox_vad_reset(struct sandbox_vad *v);
/*
 * Takes one frame.
 *   ret_ms   SANDBOX_VAD_STARTED: where the speech began; SANDBOX_VAD_STOPPED: the clock now (trailing silence
 * included)
 */
enum sandbox_vad_event sandbox_vad_feed(struct sandbox_vad *v, const int16_t frame[SANDBOX_VAD_FRAME_SAMPLES],
                                        uint64_t *ret_ms);

/* Where the speech is in a piece of sound. */
struct sandbox_extent {
    size_t from, n;     /* samples, with 200 ms around */
    uint32_t speech_ms; /* without the quiet around it, and with long pauses inside shortened */
};

/* False: nothing in it is loud. The level is judged by the whole piece. */
bool sandbox_vad_extent(const int16_t *pcm, size_t n, struct sandbox_extent *ret);

#endif
