/*
 * What the phone alone knows for certain: which bytes of agent audio it was sent, when each was heard, when a clear cut
 * them off, whether what came afterwards was the same speech (found by its bytes) or something new, and when the caller
 * really began and stopped to make a sound. Sample-exact, on the phone's own clock. Pure. Memory: 8 kB a second.
 *
 * An utterance is agent audio that belongs together: a pause of the playout that ends with the same speech is inside
 * of it; silence of 300 ms and more ends it. A cut is a clear that took effect. A sound is one thing that the caller
 * said (or coughed), first loud sample to last.
 */
#ifndef PEER_PHONE_TRUTH_H
#define PEER_PHONE_TRUTH_H

#include "base/json.h"
#include "peer/phone/phone_turns.h"

#define PHONE_GAP_AUDIBLE_MS 60 /* a shorter hole in speech is not noticed */

enum phone_cut_kind {
    PHONE_CUT_IDLE,    /* nothing was being played and nothing was queued */
    PHONE_CUT_STOPPED, /* the speech did not come back */
    PHONE_CUT_RESUMED,
};
const char *phone_cut_kind_name(enum phone_cut_kind kind);

struct phone_cut {
    enum phone_cut_kind kind;
    uint64_t at;             /* sample of the phone's clock: the first one that was not played */
    uint64_t pos;            /* bytes received that were heard by then */
    uint64_t received;       /* bytes received by then */
    uint32_t dropped;        /* bytes in the queue */
    uint32_t utterance;      /* index; of what was cut before it was heard: that of the next one, if it ever comes */
    uint32_t heard_samples;  /* of the utterance, at its furthest */
    uint64_t resumed_at;     /* RESUMED: sample of the phone's clock */
    uint32_t gap_samples;    /* RESUMED: hole in what is heard */
    bool audible;            /* the agent was loud just before, and the hole is long enough to be noticed */
    uint32_t repeat_samples; /* RESUMED: heard twice */
    uint32_t skip_samples;   /* RESUMED: never heard */
    uint32_t altered;        /* RESUMED: bytes behind the first 5 ms that differ from those repeated */
};

struct phone_utter {
    uint64_t begin_at, end_at;  /* samples of the phone's clock: first and behind the last one played */
    uint64_t loud_at, loud_end; /* first loud frame and behind the last one; equal: silence only */
    uint32_t heard_samples;     /* different ones */
    uint32_t cuts;
    bool stopped; /* by a clear */
};

struct phone_sound {
    char label[PHONE_LABEL_MAX];
    uint64_t onset, end; /* samples of the phone's clock: first loud one, behind the last loud one */
    bool over_agent;     /* agent audio was being played at the onset */
    uint32_t cuts;       /* clears from the onset until 1.5 s behind the end, or the next sound */
    uint32_t first_cut;  /* index of the first and of the last of them */
    uint32_t last_cut;
    bool paused;            /* the first cut was in the agent's speech */
    bool stopped;           /* and the last one ended it */
    int32_t pause_ms;       /* onset to the last sample of the agent before the first cut; -1: none */
    int32_t stop_ms;        /* onset to the last sample of the agent before the last cut; -1: not stopped */
    uint32_t agent_samples; /* agent audio played from the onset on until then (or to its end) */
    uint32_t late_bytes;    /* stopped: received from the last cut until the sound was over */
};

struct phone_truth {
    struct buf received;
    uint64_t *arrived; /* received bytes at the begin of each frame */
    size_t n_arrived, cap_arrived;
    struct phone_played {
        uint64_t at, pos;
        uint32_t n;
        uint32_t cut;   /* number of cuts before it */
        uint32_t utter; /* index */
        bool is_repeat; /* starts a resumption */
    } * played;
    size_t n_played, cap_played;
    struct phone_cut *cuts;
    size_t n_cuts, cap_cuts;
    struct phone_utter *utters;
    size_t n_utters, cap_utters;
    struct phone_sound *sounds;
    size_t n_sounds, cap_sounds;
    uint64_t now;                               /* samples; begin of the frame that comes next */
    uint64_t next_pos;                          /* bytes received that have left the queue */
    uint32_t false_pauses, false_pause_samples; /* audible gaps in speech that went on */
    int err;
};

void phone_truth_init(struct phone_truth *t);
void phone_truth_done(struct phone_truth *t);
/* In the order of events, between the steps. */
void phone_truth_audio(struct phone_truth *t, struct span mulaw);
void phone_truth_clear(struct phone_truth *t);
/*
 * The caller begins this with the frame that comes next; lent until return. noise_rms: what drowns softer sounds, of
 * 32768; nobody hears an onset that lies below it. The end is that of the clean sound.
 */
void phone_truth_says(struct phone_truth *t, struct str label, struct span mulaw, float noise_rms);
/* What is queued will not be played: the stream is over. */
void phone_truth_restart(struct phone_truth *t);
/* One frame was played, of which n bytes came from the queue. */
void phone_truth_step(struct phone_truth *t, size_t n);
/* Works everything out. Once, at the end. */
void phone_truth_finish(struct phone_truth *t);
/* Members "agent_utterances", "cuts", "sounds", "false_pauses", "false_pause_ms". */
void phone_truth_json(struct json_w *w, const struct phone_truth *t);

#endif
