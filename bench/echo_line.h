/*
 * A telephone line with echo, for bench_echo: what the agent says comes back late, weaker, clipped, filtered, with or
 * without a room's tail, under the caller's voice and noise, mu-law both ways. Seeded: the same number, the same call.
 */
#ifndef BENCH_ECHO_LINE_H
#define BENCH_ECHO_LINE_H

#include "base/defs.h"

#define LINE_HZ    8000
#define LINE_FRAME 160
#define LINE_RUNS  16
#define LINE_TALKS 16

struct line_speech {
    float *x; /* owned; 8 kHz, -1 to 1 */
    size_t n;
};

/* What somebody says, from here on. */
struct line_talk {
    size_t at;
    struct line_speech speech;
};

struct line_opts {
    uint32_t seed;
    bool has_echo;
    float loss_db;
    uint32_t delay_ms;
    float clip; /* level of the loudspeaker's limit, 1: none */
    bool soft_clip;
    float noise_dbfs;
    bool hum;          /* the noise is a hum of the mains and a low rumble, not a hiss */
    bool room;         /* a speakerphone: tail of 100 to 200 ms */
    uint32_t shift_ms; /* each run of agent audio is off by up to so much */
    bool wander;       /* the delay moves by 20 ms within runs, too */
};

/* A whole call, rendered. Positions in samples at 8 kHz. */
struct line_call {
    size_t n;
    int16_t *sent;    /* what the agent says, behind the carrier's mu-law */
    int16_t *heard;   /* what the gateway gets back */
    int16_t *alone;   /* the same without echo */
    int16_t *guarded; /* room for what is left of it */
    float *echo;      /* its parts */
    float *near;
    float *noise;
    uint32_t *delay; /* of each run of 20 ms, in samples */
};

/* agent_runs: where runs begin; a run ends where its speech does. */
int line_render(const struct line_opts *o, const struct line_talk *agent, size_t agent_n,
                const struct line_talk *caller, size_t caller_n, size_t n, struct line_call *ret);
void line_done(struct line_call *c);

/* Uniform in [0, 1). */
float line_random(uint32_t *seed);
float line_dbfs(const float *x, size_t n);

#endif
