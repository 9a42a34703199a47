/*
 * Who spoke when, and what follows from it: turns of the caller with the agent's response gap, barge-ins with the
 * time until the agent was silent, overlap. Pure, in frames of 20 ms on the media clock; fed with "was that frame
 * loud" for both directions. Not here: audio, thresholds, judgement (phone_report.h).
 *
 * A turn is one stretch of caller speech, or a run of DTMF keys. The agent's speech comes in spells; a clear ends a
 * spell at once, and so does a pause of 200 ms while the caller is speaking, because what comes next is an answer.
 */
#ifndef PEER_PHONE_TURNS_H
#define PEER_PHONE_TURNS_H

#include "base/str.h"
#include "peer/phone/phone_ears.h"

#define PHONE_LABEL_MAX 80

/* Frames [begin, end) in which one party spoke. */
struct phone_spell {
    uint32_t begin_frame;
    uint32_t end_frame;
    bool cleared; /* a clear came in it or before it, and after the spell before */
};

struct phone_turn {
    char label[PHONE_LABEL_MAX]; /* what was said, cut to fit */
    uint32_t begin_frame;
    uint32_t end_frame;
    bool keys;     /* DTMF, no speech */
    bool barge_in; /* the agent was speaking when it began */
    bool answered;
    int32_t gap_ms;  /* end of the turn to the agent's first sound; negative: the agent began before the end */
    int32_t stop_ms; /* barge-in: begin of the turn to the agent's last sound; else -1 */
    uint32_t overlap_ms;
};

struct phone_turns {
    struct phone_ears caller, agent;
    uint32_t frame; /* the next one */
    struct phone_spell *spells;
    size_t n_spells, cap_spells; /* of the agent, finished ones */
    struct phone_turn *turns;
    size_t n_turns, cap_turns; /* the last one may be running */
    bool cleared;              /* since the last spell ended */
    uint32_t overlap_frames;
    char label[PHONE_LABEL_MAX];
    int err; /* sticky -ENOMEM */
};

void phone_turns_init(struct phone_turns *t, uint32_t quiet_ms);
void phone_turns_done(struct phone_turns *t);
/* What happened in one step; begin and end may come together with those of the other party. */
struct phone_turns_step {
    enum phone_heard caller, agent;
};
struct phone_turns_step phone_turns_step(struct phone_turns *t, bool said_loud, bool heard_loud);
/* The next caller speech is this. */
void phone_turns_label(struct phone_turns *t, struct str label);
void phone_turns_key(struct phone_turns *t, char digit);
/* A clear took effect. Returns PHONE_HEARD_END when it ended a spell. */
enum phone_heard phone_turns_clear(struct phone_turns *t);
/* Ends what is running and works out gaps and stops. Call once, at the end. t->err tells of failure. */
void phone_turns_finish(struct phone_turns *t);
/* Sum over all spells of the agent; the running one counts too. */
uint32_t phone_turns_agent_ms(const struct phone_turns *t);

#endif
