/*
 * The local detector's bookkeeping: cuts the caller's audio into chunks for the VAD network, and follows the
 * probabilities that come back as one sound after another: where it began, how much of it was speech, how long it has
 * been silent since. What follows from a sound (a turn, a pause, nothing) is turn.c's business. Positions are samples
 * of the leg's media clock. Pure; allocates nothing.
 */
#ifndef CALL_DETECTOR_H
#define CALL_DETECTOR_H

#include "audio/resample.h"
#include "call/opts.h"

#define DETECTOR_CHUNK_MAX 512
#define DETECTOR_PENDING   64 /* chunks whose answer has not come; more are dropped */
#define DETECTOR_CHUNK_MS  32
#define DETECTOR_CONTEXT   32 /* samples before a chunk that the network sees, at 8 kHz */
#define DETECTOR_LOOK      (DETECTOR_CONTEXT + 256)

struct detector {
    uint32_t leg_hz, rate_hz, chunk_samples;
    bool resamples;
    struct resample resample;
    /* A resampled block may end a little behind the chunk; without resampling, behind a chunk of 256 stands the last.
     */
    int16_t pcm[DETECTOR_CHUNK_MAX + 8];
    uint32_t filled;
    uint32_t sent, answered;         /* numbers of chunks, from 1 */
    uint32_t quiet;                  /* chunks in a row without a trace of speech */
    uint64_t ends[DETECTOR_PENDING]; /* position behind chunk n, at n % DETECTOR_PENDING */
    uint8_t notes[DETECTOR_PENDING]; /* whatever the caller of detector_fill wants to know when it is answered */
    bool reset;                      /* the next chunk starts afresh */
    bool looking;                    /* a look ahead was not answered yet */
    uint8_t look_note;               /* as notes */
    uint64_t look_end;               /* as ends */

    /* the sound that is heard now, or the last one */
    bool sound;
    uint64_t onset, speech_end; /* begin of its first, end of its last chunk of speech */
    uint32_t speech_ms;         /* chunks at or above the end threshold */
    uint32_t silence_ms;        /* chunks below it since then */
    uint32_t firm_ms;           /* of speech_ms, chunks at or above the start threshold: not the network's letting go */
    uint32_t begun_ppm;         /* threshold that it passed */
    uint32_t fading_ms;         /* since the last chunk that was surely speech; 0 when none was */
    uint32_t ppm, peak_ppm;     /* of the last chunk, of the sound */
};

/* What one call of detector_fill made: a chunk that is to be judged. */
struct detector_chunk {
    uint32_t number;
    bool reset;
};

void detector_init(struct detector *d, const struct call_vad_opts *o, uint32_t leg_hz);
/* Forgets sound and chunk under way; the network's state is dropped with the next chunk. */
void detector_restart(struct detector *d);
/*
 * Takes leg samples that end at position *at + taken; returns how many were taken (at most n). When a chunk became
 * full, ret->number is not 0 and d->pcm holds it until the next call.
 */
size_t detector_fill(struct detector *d, uint64_t at, const int16_t *pcm, size_t n, struct detector_chunk *ret);
/*
 * The answer to chunk number; false when it is none that waits. start_ppm: from where on it begins a sound. After a
 * second without a trace of speech the network's memory is dropped: the longer it has heard nothing but noise, the
 * longer it takes to believe in speech.
 */
bool detector_answer(struct detector *d, const struct call_vad_opts *o, uint32_t number, uint32_t ppm,
                     uint32_t start_ppm);
/*
 * A look ahead, between two chunks: the last 32 ms up to position end, behind their context. False: there is too little
 * that the last chunk did not hold, another look is under way, or it cannot be done (16 kHz, resampled).
 */
bool detector_look(struct detector *d, uint64_t end, uint8_t note, int16_t ret[DETECTOR_LOOK]);
/* Its answer: true when that begins a sound. Counts for nothing else: the chunk that it was ahead of comes. */
bool detector_look_answer(struct detector *d, uint32_t ppm, uint32_t start_ppm);
/*
 * Whether the sound has ended by so much silence. In noise the network lets go of speech slowly, over 200 ms and more:
 * from the last chunk that was surely speech on the whole silence must have passed, of which half must be undoubted.
 */
bool detector_ended(const struct detector *d, uint32_t min_silence_ms);
/* The sound is dealt with; the next start threshold begins another. */
void detector_close_sound(struct detector *d);

#endif
