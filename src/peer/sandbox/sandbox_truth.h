/*
 * What really happened in one session of the sandbox, for whoever tests a client of it: every word that was spoken with
 * its place in the item's audio, where items were truncated, what was committed and heard, and when. The session writes
 * it, sandbox_inspect shows it; nothing of it is part of the vendor's protocol. Bounded: the oldest items and responses
 * go first. Pure; loop thread only.
 */
#ifndef PEER_SANDBOX_TRUTH_H
#define PEER_SANDBOX_TRUTH_H

#include "base/buf.h"
#include "base/json.h"
#include "peer/speech/speech_words.h"
#include "wire/openai.h"

#define TRUTH_MAX_ITEMS     256
#define TRUTH_MAX_RESPONSES 128
#define TRUTH_MAX_CUTS      64
#define TRUTH_MAX_TEXT      (16u << 10) /* of one item */
#define TRUTH_MAX_WORDS     4096

/* X(constant, member of "counts") */
#define TRUTH_COUNT_LIST(X)                                                                                            \
    X(TRUTH_APPENDS, "appends")                                                                                        \
    X(TRUTH_SPEECH_STARTS, "speech_started")                                                                           \
    X(TRUTH_COMMITS_VAD, "commits_by_vad")                                                                             \
    X(TRUTH_COMMITS_CLIENT, "commits_by_client")                                                                       \
    X(TRUTH_COMMITS_TIMEOUT, "commits_by_timeout")                                                                     \
    X(TRUTH_CLEARS, "clears")                                                                                          \
    X(TRUTH_TRANSCRIPTS, "transcripts")                                                                                \
    X(TRUTH_RESPONSES, "responses")                                                                                    \
    X(TRUTH_CANCELS_TURN, "cancels_by_turn")                                                                           \
    X(TRUTH_CANCELS_CLIENT, "cancels_by_client")                                                                       \
    X(TRUTH_TRUNCATIONS, "truncations")                                                                                \
    X(TRUTH_ERRORS, "errors")

enum truth_count {
#define X(name, word) name,
    TRUTH_COUNT_LIST(X)
#undef X
        TRUTH_COUNT_N
};

/* A user's utterance or a message of the assistant. Times are those of the session's clock, 0: not yet. */
struct truth_item {
    struct truth_item *next;
    char id[OPENAI_ID_MAX + 1];
    bool user;
    uint64_t created_us;
    uint64_t audio_ms; /* committed, or sent */
    struct buf text;   /* what was said, or heard */
    /* assistant */
    char response_id[OPENAI_ID_MAX + 1];
    struct speech_words words; /* of text; milliseconds of the item's audio */
    uint64_t first_audio_us, last_audio_us;
    bool truncated, deleted;
    uint64_t truncated_ms;
    /* user */
    const char *by; /* "vad", "client", "timeout", "item" (conversation.item.create) */
    uint64_t start_ms, speech_ms;
    uint64_t heard_us;
    bool accepted;
};

struct truth_response {
    char id[OPENAI_ID_MAX + 1];
    const char *status; /* NULL: in progress */
    char reason[32];
    uint64_t created_us, first_audio_us, done_us;
};

struct truth_cut {
    char item_id[OPENAI_ID_MAX + 1];
    uint64_t at_us, audio_end_ms, audio_ms;
};

struct truth {
    struct truth *next; /* for the collection that keeps it */
    char id[OPENAI_ID_MAX + 1];
    char model[OPENAI_ID_MAX + 1];
    bool closed;
    int64_t opened_wall_ms; /* unix time; all else counts from here */
    uint64_t opened_us, closed_us;
    uint64_t appended_ms;
    uint64_t counts[TRUTH_COUNT_N];
    struct truth_item *first, *last;
    uint32_t n_items;
    struct truth_response *responses; /* a ring, by counts[TRUTH_RESPONSES] */
    struct truth_cut *cuts;           /* a ring, by counts[TRUTH_TRUNCATIONS] */
};

/* details false: only counts, for load runs. */
struct truth *truth_new(bool details);
struct truth *truth_free(struct truth *t);
/* A new item at the end; NULL when items are not kept or memory is short. */
struct truth_item *truth_item_add(struct truth *t, struct str id, uint64_t now_us);
/* NULL: unknown, or long gone. */
struct truth_item *truth_item_find(const struct truth *t, struct str id);
/* More text, and its words: places in all of the item's text, times in all of its audio. Past the limits left out. */
void truth_item_say(struct truth_item *item, struct str text, const struct speech_word *words, uint32_t n_words);
/* The text up to where it was truncated, or all that was sent. */
struct str truth_item_heard(const struct truth_item *item);
void truth_response_add(struct truth *t, struct str id, uint64_t now_us);
/* NULL: unknown, or long gone. */
struct truth_response *truth_response_find(struct truth *t, struct str id);
void truth_cut_add(struct truth *t, struct str item_id, uint64_t audio_end_ms, uint64_t audio_ms, uint64_t now_us);

/* JSON values. */
void truth_put_item(struct json_w *w, const struct truth *t, const struct truth_item *item);
/* whole: with its items, responses and truncations. */
void truth_put_session(struct json_w *w, const struct truth *t, bool whole);

#endif
