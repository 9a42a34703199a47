/*
 * What the sandbox's agent says: a dialogue read from YAML (docs/sandbox.md) and the engine that answers heard or typed
 * sentences, keypad digits and tool results with lines to say and tools to call. Deterministic. It is not a model:
 * what no intent matches is refused. struct dialogue is immutable after loading and shared by all sessions;
 * struct dialogue_talk is one session's memory. Pure; thread: any for the dialogue, one for a talk.
 */
#ifndef PEER_SANDBOX_DIALOGUE_H
#define PEER_SANDBOX_DIALOGUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "peer/sandbox/sandbox_grammar.h"

#define DIALOGUE_MAX_STEPS   8
#define DIALOGUE_VALUE_BYTES 128
#define DIALOGUE_LINE_BYTES  1024

struct dialogue;

enum dialogue_step_kind { DIALOGUE_SAY, DIALOGUE_CALL };

struct dialogue_step {
    enum dialogue_step_kind kind;
    struct str text;      /* what to say, or the tool's name */
    struct str arguments; /* DIALOGUE_CALL: a JSON object */
};

struct dialogue_reply {
    struct dialogue_step steps[DIALOGUE_MAX_STEPS];
    uint32_t n;
    struct str intent; /* name of what was understood; empty: refused */
    struct arena memory;
};

struct dialogue_talk {
    const struct dialogue *dialogue;
    int state;   /* -1: none in particular */
    int pending; /* intent that waits for a slot, -1 */
    uint32_t script_at;
    char slots[GRAMMAR_MAX_SLOTS][DIALOGUE_VALUE_BYTES];
    char last_line[DIALOGUE_LINE_BYTES];
};

/* Which tools may be called now. NULL fn: none. */
struct dialogue_tools {
    bool (*has)(struct str name, void *arg);
    void *arg;
};

/* Reads a dialogue. ret_err gets "name:line:column: sentence". -ERR_CONFIG, -ENOMEM */
MUST_USE int dialogue_load(struct str yaml, const char *name, struct buf *ret_err, struct dialogue **ret);
struct dialogue *dialogue_free(struct dialogue *d);
DEFINE_CLEANUP(struct dialogue, dialogue_free);
/* The built-in dialogue (examples/sandbox-dialogue.yaml). */
struct str dialogue_builtin_yaml(void);
const struct grammar *dialogue_grammar(const struct dialogue *d);
/* Phones the dialogue gives for words that no dictionary has; false when it gives none. */
bool dialogue_pronunciation(const struct dialogue *d, struct str word, struct str *ret_phones);

void dialogue_talk_init(struct dialogue_talk *t, const struct dialogue *d);
void dialogue_reply_init(struct dialogue_reply *r);
void dialogue_reply_done(struct dialogue_reply *r);

/* Each fills r (initialised by the caller) and moves the talk on. -ENOMEM only. */
MUST_USE int dialogue_greet(struct dialogue_talk *t, struct dialogue_reply *r);
/* A sentence, spoken (matched as a whole) or typed (matched anywhere, keywords count). Empty: refused. */
MUST_USE int dialogue_hear(struct dialogue_talk *t, struct str text, bool typed, struct dialogue_tools tools,
                           struct dialogue_reply *r);
MUST_USE int dialogue_digits(struct dialogue_talk *t, struct str digits, struct dialogue_tools tools,
                             struct dialogue_reply *r);
/* Has it something to say to this tool's result, and not to any tool's? */
bool dialogue_knows_result(const struct dialogue_talk *t, struct str tool, struct str output);
/* output: what the tool returned, JSON or any text. */
MUST_USE int dialogue_tool_result(struct dialogue_talk *t, struct str tool, struct str output,
                                  struct dialogue_tools tools, struct dialogue_reply *r);
/*
 * What a response's own instructions ask for, found by a phrase in them ("goodbye"). 1 and r filled, 0: nothing the
 * dialogue knows; -ENOMEM.
 */
MUST_USE int dialogue_instructed(struct dialogue_talk *t, struct str instructions, struct dialogue_reply *r);
/* Asked to speak without anything new to answer. */
MUST_USE int dialogue_prompt(struct dialogue_talk *t, struct dialogue_reply *r);
/* The next sentence of the script that stands for hearing when there is no recogniser; wraps around. May be empty. */
struct str dialogue_script_next(struct dialogue_talk *t);
/* "keypad 12#", "DTMF: 1", "pressed 4": the digits in ret (NUL-terminated), or false. */
bool dialogue_text_digits(struct str text, char ret[32]);

#endif
