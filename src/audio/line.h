/*
 * What is odd about a caller's line, seen frame by frame: 0x00 sent for silence, a DC offset, clipping, frames of a
 * size that is not the usual, data of another rate or codec than was agreed. Counts it, tells each finding once per
 * call, and hands on cleaned audio: runs of 0x00 become the codec's silence, a DC offset is taken out of what the
 * detectors see (and, where it is large, of what the model hears). A clean line passes bit by bit.
 *
 * Order and gaps of frames are place.h's. Pure, integers only: the same frames give the same bytes and findings
 * everywhere. One struct per leg. Thread: any, one call at a time per struct. Allocates: no.
 */
#ifndef AUDIO_LINE_H
#define AUDIO_LINE_H

#include "audio/format.h"

/* X(constant, word) */
#define LINE_FINDING_LIST(X)                                                                                           \
    X(LINE_ZERO_SILENCE, "zero-silence")     /* 0x00, a code near full scale, where silence was meant */               \
    X(LINE_DC_OFFSET, "dc-offset")           /* the mean is off zero by more than LINE_DC_FINDING */                   \
    X(LINE_FULL_SCALE, "full-scale")         /* noise or clipping: a second with 4 % of its samples at the limit */    \
    X(LINE_RATE_MISMATCH, "rate-mismatch")   /* samples come 1.5 times as fast, or 0.6 times, as the rate says */      \
    X(LINE_CODEC_MISMATCH, "codec-mismatch") /* linear samples inside a companded stream */                            \
    X(LINE_FRAME_SIZE, "frame-size")         /* three frames of another size than usual, or half a sample */

enum line_finding {
#define X(name, word) name,
    LINE_FINDING_LIST(X)
#undef X
        LINE_FINDING_N
};
/* "zero-silence" and so on; never NULL. */
const char *line_finding_word(enum line_finding f);

#define LINE_DC_FINDING 512  /* of int16, -36 dBFS */
#define LINE_DC_LARGE   2048 /* from here on it is taken out of the model's audio too */

/* Counters since line_init. Times are of media, rounded down to ms. */
struct line_stats {
    uint64_t frames;
    uint64_t media_ms;
    uint32_t usual_bytes; /* size of a frame as most have it; 0 before the first */
    uint32_t odd_frames;  /* of another size */
    uint32_t zero_ms;     /* 0x00 replaced by silence */
    uint32_t clipped_ms;  /* at the end of the scale, without zero_ms */
    uint32_t silent_ms;   /* digital silence (one value all through the frame), with zero_ms */
    uint32_t linear_ms;   /* linear samples inside a companded stream, in whole seconds, once found */
    uint32_t rate_hz;     /* what the clock says, once LINE_RATE_MISMATCH was found; 0: as agreed */
    int32_t dc_offset;    /* running mean now, of int16 */
    uint32_t findings;    /* bits 1u << enum line_finding, all so far */
};

/* One second of looking. */
struct line_window {
    uint32_t samples;
    uint32_t clipped;
    uint64_t magnitude;   /* sum of |sample| */
    uint32_t bytes[2];    /* of companded audio, at even and odd places of the stream */
    uint32_t extremes[2]; /* of them such as a quiet linear sample has for its high byte */
};

/* Arrival against media, to notice another sample rate. */
struct line_clock {
    bool started;
    uint64_t last_ms; /* arrival of the frame before */
    uint32_t last_samples;
    uint64_t steady_ms, steady_samples; /* without pauses of the stream */
    uint64_t all_ms, all_samples;
};

struct line {
    enum audio_format format;
    uint32_t rate_hz;
    /* runs of 0x00 */
    uint32_t zero_run; /* length so far of a run that reaches the end of what was seen */
    bool zero_abrupt;  /* it began out of something quiet */
    bool zero_known;   /* this line has done it before */
    int32_t before;    /* the loudest of the last few samples */
    /* mean */
    int64_t dc_q16;
    uint64_t dc_samples; /* that it is made of */
    int32_t dc_heard;    /* taken out of the detectors' samples by the end of the last frame */
    int32_t dc_cut;      /* the same of the model's */
    /* sizes */
    uint32_t usual, other, other_n;
    bool has_carry; /* the low byte of a linear sample waits for its high byte */
    uint8_t carry;
    bool odd_place; /* the next byte is at an odd place of the stream */
    uint64_t frames, samples, odd_frames;
    uint64_t zero_samples, clipped_samples, silent_samples, linear_samples;
    struct line_clock clock;
    struct line_window window;
    uint32_t suspect; /* windows in a row that look like linear samples */
    uint32_t findings;
};

struct line_frame {
    /* What came: */
    struct span audio; /* any length */
    uint64_t now_ms;   /* arrival, of any monotonic clock */
    /* What is wanted: */
    uint8_t *clean; /* audio.n bytes for model and recording; may be the same memory as audio; NULL: not wanted */
    int16_t
        *pcm; /* for the detectors, at the leg's rate: room for audio.n samples (linear: audio.n / 2 + 1); or NULL */
    /* What was found: */
    size_t n_pcm;
    uint32_t findings; /* bits 1u << enum line_finding: those made by this frame, each once per call */
    bool silent;       /* digital silence, after cleaning */
    bool changed;      /* clean differs from audio */
};

void line_init(struct line *l, enum audio_format f);
/* Looks at the next frame in the order of place.h (a lost frame is simply not shown). */
void line_run(struct line *l, struct line_frame *f);
void line_stats(const struct line *l, struct line_stats *ret);

#endif
