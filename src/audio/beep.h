/*
 * The end of an answering machine's greeting: a beep, or silence. A beep is one steady tone between 380 and 2500 Hz of
 * 120 ms to 3 s; it is reported when it has ended, so that nobody talks into it. Two tones at once (keys, ringing) are
 * none, nor is speech. Pure, integers only: the same samples give the same answer on any machine.
 *
 * How: over a block of 40 ms a single tone obeys x[n] + x[n-2] = c x[n-1] with c = 2 cos w. The least-squares c is
 * where the strongest tone is looked for, in steps of 8 Hz; a beep is three quarters of the block's energy. Thread:
 * any, one call at a time per b. Allocates: no.
 */
#ifndef AUDIO_BEEP_H
#define AUDIO_BEEP_H

#include "base/defs.h"

#define BEEP_BLOCK_MAX 960 /* 40 ms at 24 kHz */

enum beep_finding {
    BEEP_NOTHING,
    BEEP_HEARD,  /* it has just ended */
    BEEP_SILENCE /* 1.5 s of it */
};

struct beep {
    uint32_t rate_hz, block;
    int32_t c_min, c_max;            /* of the tones that count, Q14 */
    int16_t pcm[BEEP_BLOCK_MAX + 2]; /* two of the block before, then this one */
    uint32_t n;
    int32_t c;        /* of the tone under way */
    uint32_t tone_ms; /* so long it has lasted */
    uint32_t off_ms;  /* blocks without it that may be a flaw of the line */
    uint32_t silent_ms;
    uint32_t floor; /* the quietest level so far, rising slowly */
};

/* 8000, 16000 or 24000 Hz; others count as 8000. */
void beep_init(struct beep *b, uint32_t rate_hz);
/* One answer at most per call: feed what comes, 20 ms or so. After an answer it begins anew. */
enum beep_finding beep_run(struct beep *b, const int16_t *pcm, size_t n);

#endif
