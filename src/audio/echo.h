/*
 * Echo guard: knows every sample that we sent and judges each frame of the caller before anybody listens to it. It
 * learns per call the delay (0 to 600 ms after our sending) and the return loss of the line's echo; a frame that holds
 * nothing but echo is to be replaced by noise of the line (comfort.h); whether somebody speaks over the echo is decided
 * by near-end energy that the echo cannot explain, never by correlation alone. Not a canceller: it subtracts nothing.
 *
 * Integers only: the same inputs give the same judgement on every machine (a call is replayed from its journal).
 * At most 0.05 ms of CPU per call-second, no delay beyond the frame. One struct per call. Allocates: no. Thread: any.
 */
#ifndef AUDIO_ECHO_H
#define AUDIO_ECHO_H

#include "audio/echo_bank.h"

#define ECHO_RING 256 /* slots of 10 ms of what we sent that are known: past, and what the carrier holds */
#define ECHO_LAGS 64  /* slots of delay that are searched */

enum echo_verdict {
    ECHO_NONE,   /* nothing of ours is outstanding, or this is not it: take the frame */
    ECHO_ONLY,   /* our own voice: replace the frame */
    ECHO_STALE,  /* the guard is still open, but nothing was above our echo for a while: take it, believe nothing */
    ECHO_HELD,   /* somebody was above it a moment ago: his word may go on, what begins now may be ours */
    ECHO_DOUBLE, /* somebody speaks over our echo: take the frame */
};

struct echo_stats {
    bool found;
    uint32_t delay_ms; /* from echo_sent's position to the return */
    uint32_t loss_cb;  /* return loss in tenths of a dB */
    uint32_t closures; /* runs of ECHO_ONLY; one that is broken for less than 300 ms goes on */
    uint32_t gated_ms;
};

enum echo_path { ECHO_UNKNOWN, ECHO_FOUND, ECHO_ABSENT };

/*
 * What we sent, by slot of the media clock: slots from end - ECHO_RING to end - 1 are known. Stored newest first, and
 * its first ECHO_LAGS entries once more behind the last, so that any window of lags is one piece of memory.
 */
struct echo_ring {
    uint64_t next; /* sample that would follow on without a gap */
    uint64_t end;  /* slot behind the newest */
    struct echo_bank bank;
    int32_t mean[ECHO_BANDS]; /* short-term mean of the levels, in sixteenths of a step */
    uint8_t peak[ECHO_BANDS];
    uint64_t run;         /* where the present run of sound began, + 1 */
    uint64_t last_active; /* slot + 1; 0: none */
    uint32_t part_n;
    int16_t part[ECHO_SLOT_MAX]; /* the slot being filled */
    uint8_t level[ECHO_BANDS + 1][ECHO_RING + ECHO_LAGS];
    int8_t shape[ECHO_BANDS][ECHO_RING + ECHO_LAGS]; /* level less mean */
    uint16_t energy[ECHO_RING + ECHO_LAGS];          /* of a slot's shapes */
};

/* For each lag: how well what came back follows what was sent. All sums fade together. */
struct echo_search {
    int32_t cross[ECHO_LAGS];
    int32_t sent[ECHO_LAGS]; /* energy of what was sent */
    int32_t back;            /* energy of what came back */
    uint32_t slots;          /* with sound from us, fading */
    uint32_t turn;
};

/* The fields are echo.c's. */
struct echo_guard {
    uint32_t slot_samples;
    uint32_t decimation;
    enum echo_path path;
    struct echo_ring ring;
    struct echo_search search;

    /* What comes back. */
    struct echo_bank bank;
    int32_t mean[ECHO_BANDS];
    uint8_t noise[ECHO_BANDS + 1];
    uint8_t lowest[ECHO_BANDS + 1]; /* of the present window */
    uint8_t peak[ECHO_BANDS];
    uint8_t range[ECHO_BANDS]; /* from noise to peak */
    bool returned;             /* something of ours was ever seen to come back */
    uint32_t noise_slots;
    uint32_t heard_at;
    uint8_t heard[ECHO_BANDS + 1][ECHO_LAGS]; /* the last levels, for the loss once a delay is found */

    /* The echo as believed. */
    uint32_t lag;              /* slots */
    uint32_t spread;           /* slots to either side that the echo may be off */
    uint32_t best, steady;     /* lag that looked best last, and how often; once found: one that would be another */
    uint32_t odd;              /* slots since any lag followed */
    uint32_t proven;           /* how often the lag was beyond doubt */
    uint64_t run;              /* of ours that is heard, as in the ring */
    uint32_t settled;          /* slots of sound since the delay may have moved */
    uint32_t offset_samples;   /* of the caller's frames in their slots */
    int32_t loss[ECHO_BANDS];  /* of the loudest parts of each band's echo, in sixteenths of a step */
    int32_t return_loss;       /* median over all bands, in sixteenths */
    int32_t bound[ECHO_BANDS]; /* until found: the echo is weaker by so much at least, in steps */
    uint8_t peak_sent[ECHO_BANDS];
    uint8_t peak_heard[2][ECHO_BANDS]; /* in this round and in the one before */
    uint32_t peak_slots;
    uint32_t quiet;            /* rounds of our being loud without anything coming back */
    int32_t tail[ECHO_BANDS];  /* reverberation of what was expected */
    int32_t excess;            /* evidence of somebody else, fading */
    uint32_t stale;            /* slots since there was more than an echo can be */
    bool open;                 /* somebody speaks over the echo */
    uint32_t open_slots, calm; /* slots for which it has been so, or not */
    bool mixed;                /* somebody else's voice is in the sums of the search */
    bool closed;               /* the last slot was gated */

    uint32_t closures;
    uint32_t pause; /* slots since the last ECHO_ONLY */
    uint64_t gated_samples;
};

/* rate_hz: 8000, 16000 or 24000, that of all samples below. */
void echo_init(struct echo_guard *e, uint32_t rate_hz);
/*
 * Agent audio that the carrier was given. Positions are samples on the media clock since the leg's start, where the
 * sound is heard at the earliest; they grow, or jump back to replace what was cut.
 */
void echo_sent(struct echo_guard *e, uint64_t at, const int16_t *pcm, size_t n);
/* What was sent for at and later was flushed: it will not sound (but for what the way to the carrier still let out). */
void echo_cut(struct echo_guard *e, uint64_t at);
/* Judges n samples (10 to 60 ms, usually 20) of the caller that begin at position at. */
enum echo_verdict echo_judge(struct echo_guard *e, uint64_t at, const int16_t *pcm, size_t n);
void echo_stats(const struct echo_guard *e, struct echo_stats *ret);

#endif
