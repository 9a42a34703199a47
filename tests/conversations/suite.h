/*
 * The suite of conversations: simulated calls through a real gateway and the sandbox, held against what the phone alone
 * knows. cases.c makes the calls of a set from its seed, studio.c the sounds in them, rig.c runs the programs and the
 * phones, measure.c turns one call into figures, table.c all of them into a table with verdicts. One loop, one thread.
 *
 *     seed -> cases -> calls (a dozen at a time) -> phone's truth + gateway's record -> measures -> table, JSON, exit
 * status
 */
#ifndef TESTS_CONVERSATIONS_SUITE_H
#define TESTS_CONVERSATIONS_SUITE_H

#include "base/json.h"
#include "peer/phone/phone.h"
#include "voices.h"

#define CONVO_ITEMS  8
#define CONVO_SOUNDS 8
#define CONVO_TURNS  12
#define CONVO_TEXT   96

/* X(constant, name, what happens) */
#define FAMILY_LIST(X)                                                                                                 \
    X(FAMILY_CLEAN, "clean", "a question, an answer, another one")                                                     \
    X(FAMILY_NOISE, "noise", "the same and a real interruption over noise at 20, 15 and 10 dB")                        \
    X(FAMILY_NOISE_ONLY, "noise-only", "nobody speaks but the noise")                                                  \
    X(FAMILY_LOUD, "loud", "noise at 5 dB and babble: reported only")                                                  \
    X(FAMILY_ECHO, "echo", "the agent's own voice comes back, -12 to -30 dB, 40 to 400 ms")                            \
    X(FAMILY_ECHO_BARGE, "echo-barge", "a real interruption over the echo")                                            \
    X(FAMILY_COUGH, "cough", "coughs, clicks, knocks, doors and breath over the agent")                                \
    X(FAMILY_ECHO_COUGH, "echo-cough", "the same over the echo: reported only")                                        \
    X(FAMILY_MMHM, "mm-hm", "a backchannel at the edges of the agent's turn")                                          \
    X(FAMILY_MMHM_MID, "mm-hm-mid", "a backchannel in mid-answer: reported only")                                      \
    X(FAMILY_DIPHONE, "diphone",                                                                                       \
      "clean and mid with the oldest synthetic voice, whose words rise slowly: reported only")                         \
    X(FAMILY_FAST, "fast", "a fast talker")                                                                            \
    X(FAMILY_PAUSE, "pause", "a pause inside a sentence, shorter than the silence that ends a turn")                   \
    X(FAMILY_LONG_PAUSE, "long-pause", "a longer one: reported only")                                                  \
    X(FAMILY_FIRST_WORD, "first-word", "a real interruption in the agent's first word")                                \
    X(FAMILY_MID, "mid", "a real interruption in mid-sentence")                                                        \
    X(FAMILY_TAIL, "tail", "a real interruption when only the carrier still plays")                                    \
    X(FAMILY_TOOL, "tool", "a word more while a tool runs")                                                            \
    X(FAMILY_DOUBLE, "double-talk", "the caller speaks on and on over the agent")                                      \
    X(FAMILY_DTMF, "dtmf", "keys in silence and over the agent")                                                       \
    X(FAMILY_SILENCE, "silence", "the caller says nothing")                                                            \
    X(FAMILY_ODD, "odd-line", "holes, doubles, late and odd packets, offset, 0x00, levels")

enum family {
#define X(name, word, text) name,
    FAMILY_LIST(X)
#undef X
        FAMILY_N
};
const char *family_name(enum family f);
const char *family_text(enum family f);

/* What a sound of the caller is meant to do. */
enum role {
    ROLE_TURN,    /* a turn of its own, answered */
    ROLE_REAL,    /* over the agent: must stop it */
    ROLE_NOTHING, /* must not stop it */
    ROLE_REPORT,  /* whatever happens is only reported */
};

/* One call as the set describes it. */
struct convo {
    enum family family;
    char name[CONVO_TEXT];
    uint64_t seed;
    uint32_t delay_ms, jitter_ms;
    enum voice voice; /* of the caller */
    struct phone_line_opts line;
    struct phone_packet_opts packets;
    struct phone_item items[CONVO_ITEMS];
    enum role roles[CONVO_ITEMS]; /* of each item */
    size_t n_items;
    struct phone_when hangup;
    uint32_t snr_db; /* 0: no noise */
    bool two_items;  /* answers of more than one item: no truth about one of them */
};

struct set {
    struct convo *calls;
    size_t n, cap;
};

/* ---- studio.c: audio that lives as long as the studio ---- */

struct studio;
MUST_USE int studio_new(uint64_t seed, struct studio **ret);
struct studio *studio_free(struct studio *s);
/* speed: 1.0 as it is. offset: samples of silence in front, so that onsets fall anywhere in a frame. */
struct span studio_say(struct studio *s, enum voice voice, const char *text, double speed, uint32_t offset);
struct span studio_sound(struct studio *s, const char *name, uint64_t variant, uint32_t offset);
const struct phone_noise *studio_noise(struct studio *s, enum phone_noise_kind kind);

/* ---- cases.c ---- */

enum extent { EXTENT_SMOKE, EXTENT_QUICK, EXTENT_FULL };
/* The calls of a set: a function of seed and extent alone. Asserts on lack of memory. */
void set_make(struct set *set, struct studio *studio, uint64_t seed, enum extent extent);
void set_done(struct set *set);

/* ---- measure.c ---- */

/* One turn of the gateway's record; -1: did not happen. */
struct turn {
    int32_t speech_start_ms, speech_stop_ms, commit_ms, created_ms, first_audio_ms, first_sent_ms, agent_end_ms;
    uint32_t item_ms, heard_ms, pauses, paused_ms;
    bool interrupted;
    char verdict[24];
};

/* One sound of the caller and what came of it; NAN: not measured. */
struct sound {
    enum role role;
    char label[32];
    double onset_ms, end_ms;
    double answer_ms; /* first loud sample of the agent behind the end */
    bool over_agent, stopped, missed;
    double left_ms;            /* of the agent's speech that could still have been heard at the onset */
    double stop_ms;            /* onset to the last agent sample */
    double first_gap_ms;       /* onset to the first pause */
    double late_ms;            /* audio received behind the flush while the caller was speaking */
    double truth_ms, heard_ms; /* of the item that was stopped: phone's and gateway's */
    double end_of_turn_ms;     /* true end to commit */
    double response_ms, provider_ms, gateway_ms, network_ms; /* true end to the agent's first sound, and its parts */
    char heard[256], unheard[256];                           /* the transcript of what was stopped */
    int32_t words_off;                                       /* heard text against the words' true times; -1: none */
};

struct outcome {
    const struct convo *convo;
    char call_sid[40];
    bool failed; /* no call, or no record */
    char problem[PHONE_TEXT_MAX];
    struct sound sounds[CONVO_SOUNDS];
    size_t n_sounds;
    struct turn turns[CONVO_TURNS];
    size_t n_turns, surplus_turns; /* turns that no sound of the caller explains */
    uint32_t false_interruptions;
    uint32_t false_pauses;
    double pause_ms[CONVO_TURNS]; /* of the false pauses */
    uint32_t resumes;
    double worst_repeat_ms, worst_skip_ms;
    uint32_t altered;
    double agent_s, call_s;
    double late_frames; /* the phone's own: its machine was too slow */
    bool blurred;       /* more than one in fifty: no echo guard could make sense of it, and no time is ours */
    uint32_t rounds;    /* times that it was made */
    uint32_t warnings;
    bool greeting_heard_back; /* a turn was committed before the caller said anything */
    bool uncounted;           /* the line was odd, and the record has no figure for it */
};

/* First what the phone knows, then the gateway's JSON of the call (empty: none came). */
void measure_phone(struct outcome *o, const struct convo *c, const struct phone_report *r);
void measure_record(struct outcome *o, struct str record);
/* Slow; when all calls are over. */
void measure_words(struct outcome *o);

/* ---- rig.c ---- */

struct rig_opts {
    const char *ringtrip, *sandbox, *config, *dialogue; /* files */
    const struct phone_vendor *as;                      /* what the phones are */
    const char *dir;                                    /* records and logs */
    const char *turn;                                   /* kind of turn detection; NULL: the configuration's */
    uint32_t parallel;
    bool again;   /* a call whose phone was late (blurred) is made again, twice at most */
    bool hearing; /* the sandbox hears by pocketsphinx instead of by script */
    bool verbose;
};
/* Runs the calls of a set; outcomes[i] belongs to set->calls[i]. 0, or -Exxx with a sentence on stderr. */
MUST_USE int rig_run(const struct rig_opts *o, const struct set *set, struct outcome *outcomes);

/* ---- table.c ---- */

struct table_opts {
    const char *set, *turn; /* for the heading */
    uint64_t seed;
    uint32_t silence_ms; /* that ends a turn */
    bool tap;            /* each target is a test point, all else a remark */
    bool smoke;          /* outcomes only, no targets of time */
};
/* Prints table and targets; JSON to json unless NULL. True: every target was met. */
bool table_print(const struct table_opts *o, const struct set *set, const struct outcome *outcomes, struct buf *json);

#endif
