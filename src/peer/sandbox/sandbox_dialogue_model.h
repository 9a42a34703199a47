/* The loaded form of a dialogue, shared by its reader (sandbox_dialogue_yaml.c) and its engine. Private to both. */
#ifndef PEER_SANDBOX_DIALOGUE_MODEL_H
#define PEER_SANDBOX_DIALOGUE_MODEL_H

#include "peer/sandbox/sandbox_dialogue.h"

#define DIALOGUE_MAX_INTENTS 96
#define DIALOGUE_MAX_STATES  32
#define DIALOGUE_MAX_RESULTS 64
#define DIALOGUE_MAX_LIST    32

struct dialogue_pair {
    struct str key;
    struct str value;
};

struct dialogue_list {
    struct str *at;
    uint32_t n;
};

struct dialogue_map {
    struct dialogue_pair *at;
    uint32_t n;
};

/* What happens once something is understood. */
struct dialogue_outcome {
    struct dialogue_list say; /* the first line whose {fields} are all known is spoken */
    struct str tool;          /* empty: none */
    struct dialogue_map arguments;
    int go_to;  /* state, -1 */
    int then;   /* intent to go on with, -1 */
    bool again; /* say the last line once more */
};

struct dialogue_intent {
    struct str name;
    int state; /* -1: everywhere */
    const struct pattern **patterns;
    uint32_t pattern_count;
    struct dialogue_list keywords;
    struct str dtmf;
    struct dialogue_map needs; /* slot -> state that asks for it */
    struct dialogue_outcome outcome;
};

struct dialogue_state {
    struct str name;
    struct str enter;
    struct str digits; /* slot that keypad digits fill, empty: none */
    int digits_then;   /* intent after it */
};

struct dialogue_result {
    struct str tool;
    struct dialogue_map when; /* all must hold; value "*": present */
    struct dialogue_outcome outcome;
};

enum dialogue_slot_kind { DIALOGUE_SLOT_WORDS, DIALOGUE_SLOT_DIGITS };

struct dialogue {
    struct arena arena;
    struct grammar *grammar;
    struct str name, greeting, refusal, unavailable, prompt;
    struct dialogue_list script;
    struct dialogue_map pronunciations;
    struct dialogue_map instructions; /* phrase in a response's instructions -> line */
    enum dialogue_slot_kind slot_kinds[GRAMMAR_MAX_SLOTS];
    const struct pattern *slot_patterns[GRAMMAR_MAX_SLOTS];
    struct dialogue_intent intents[DIALOGUE_MAX_INTENTS];
    uint32_t intent_count;
    struct dialogue_state states[DIALOGUE_MAX_STATES];
    uint32_t state_count;
    struct dialogue_result results[DIALOGUE_MAX_RESULTS];
    uint32_t result_count;
};

#endif
