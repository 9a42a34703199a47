/*
 * A call on a virtual clock with a carrier that behaves like the real one: plays in real time, returns marks when they
 * are reached, drops its queue on clear and then returns what is outstanding, all with a one-way delay. The simulation
 * knows the truth (what was heard when) and checks the invariants of the core after every step.
 *
 * Agent audio is marked: every byte of item number k (as the test numbers them) has the value k, so that what arrives
 * at the carrier tells whose it is. Caller audio counts: byte values run 0..250 over and over.
 */
#ifndef TESTS_CALL_SIM_H
#define TESTS_CALL_SIM_H

#include "call/call.h"
#include "call/journal.h"

#define SIM_SEGMENTS 8192
#define SIM_CHECKS   64

/* A question to guardrails that do not answer at once. */
struct sim_check {
    uint32_t check, guards, offset;
    enum guard_side side;
    bool final;
    char text[600];
};

struct sim_segment {
    uint32_t mark; /* behind the audio; 0: none */
    uint8_t item;  /* byte value */
    uint32_t bytes;
    uint32_t offset;           /* positions: where in the item it begins */
    uint64_t start_us, end_us; /* at the caller's ear; end moves back on clear */
    uint64_t return_us;        /* arrival of the mark at the gateway */
    bool returned;
    bool audio;
};

struct sim {
    struct call_opts opts;
    struct call_opts_room room; /* of opts */
    struct call *call;
    struct call_actions actions;
    uint64_t now_us;
    uint64_t delay_us; /* one way */
    bool media;        /* the caller's frames come every 20 ms */
    uint64_t next_media_us;
    uint32_t media_ts;
    uint32_t caller_count;            /* bytes the caller has said */
    uint32_t append_count;            /* bytes the model got */
    uint32_t sent_bytes, sent_silent; /* to the model, whatever it was; of them 0xFF */
    bool lossy;                       /* the uplink may differ (protected greeting, drops): do not compare */
    uint32_t ppm;                     /* what the local detector makes of the caller now */
    /* Or what a detector of the test's own makes of an ACT_VAD; NULL: ppm. */
    uint32_t (*hear)(const struct call_action *act);
    bool gated;            /* the model hears turns only: the uplink jumps after a commit */
    bool at_gate;          /* the next append may be a jump */
    uint32_t jumps;        /* inside of such an append: pieces from the shelf */
    uint32_t turn_audio;   /* bytes of the last one */
    bool positions;        /* agent audio is one item that counts (sim_agent_bytes): resumes are checked exactly */
    uint32_t agent_offset; /* of what the model has said */
    uint32_t next_offset;  /* where the next burst of it must begin */
    uint32_t cleared_at;   /* what had been heard when the last clear took effect */
    bool resuming;
    uint8_t resumed[80];   /* how the last burst behind a clear began */
    uint32_t repeated_max; /* bytes said twice at the worst resume */
    uint32_t resumes;

    struct sim_segment segments[SIM_SEGMENTS];
    uint32_t n_segments, first_open;
    uint64_t queue_end_us;

    bool keys;        /* tones may come between agent audio: */
    struct buf tones; /* they are collected here, mu-law */

    struct buf journal;
    struct journal_writer writer;
    struct buf log; /* printed actions since sim_take_log */

    /* seen */
    uint32_t responds, cancels, truncates, clears, ends, hangups, transfers, outputs, runs, commits, chunks,
        truncated_ms;
    uint64_t dead_items[4]; /* bit per byte value: no audio of it may be sent any more */
    uint32_t last_output;   /* request number of the last tool output */
    uint32_t in_flight;     /* request number of a response.create that was not answered yet */
    enum call_reason reason;
    uint32_t duration_ms;
    uint64_t record_samples;
    uint64_t leg_start_us;
    uint64_t max_outstanding_us;

    /* model sessions */
    uint32_t says;         /* the number that events of the model carry */
    uint32_t opens;        /* sessions asked for */
    uint32_t session;      /* that the last action went to */
    uint32_t items;        /* told to sessions */
    uint64_t dead;         /* bit per session: failed or closed, nothing may go there any more */
    uint32_t answered[64]; /* outputs told to the session, hashes of their call ids */
    uint32_t n_answered;
    bool switched;  /* the next append is the first of another session */
    bool live;      /* sessions are not truncated and cannot be told of another agent */
    bool remembers; /* the next ready session goes on from an earlier one */
    bool resume;    /* the last one asked for was to */

    char failure[256]; /* first broken invariant */

    const char *bad;                   /* what local guardrails object to: letters, as they stand */
    struct sim_check last_check;       /* of any kind */
    struct sim_check open[SIM_CHECKS]; /* for the test to answer */
    uint32_t n_open, checks;
    uint32_t trips, leaked_words, guard_retries, user_texts;
    char tripped[128]; /* names of the last trip */
};

void sim_init(struct sim *s);
void sim_start(struct sim *s); /* creates the call from opts */
void sim_done(struct sim *s);
/* Lets time pass: ticks, media, returning marks, in order. */
void sim_run(struct sim *s, uint64_t until_us);
/* One event now. */
void sim_event(struct sim *s, const struct call_event *ev);
/* Runs the journal so far through a new call; a difference is a broken invariant. print (or NULL) gets the actions. */
void sim_replay(struct sim *s, struct buf *print);
/* Bytes of the item that the caller has heard by now. */
uint32_t sim_heard(const struct sim *s, uint8_t item);
/* What positions writes: a count in steps of 2 ms, so that every burst tells where in the item it belongs. */
uint8_t sim_agent_byte(uint32_t offset);
/* Common events. */
void sim_begin(struct sim *s);
void sim_leg_start(struct sim *s);
void sim_model_ready(struct sim *s, bool interrupts, bool creates);
void sim_speech(struct sim *s, enum call_event_type type);
void sim_created(struct sim *s, const char *response);
void sim_audio(struct sim *s, const char *response, uint8_t item, uint32_t ms);
void sim_audio_done(struct sim *s, const char *response, uint8_t item, const char *text);
void sim_response_done(struct sim *s, const char *response, enum response_status status);
void sim_tool(struct sim *s, const char *response, const char *id, const char *name);
void sim_simple(struct sim *s, enum call_event_type type);
void sim_text(struct sim *s, const char *response, uint8_t item, const char *delta);
/* Guardrails of a mask speak about one check: those that object, those that failed. */
void sim_guard(struct sim *s, uint32_t check, uint32_t answered, uint32_t tripped, uint32_t failed);

#endif
