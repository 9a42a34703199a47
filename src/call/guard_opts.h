/*
 * What a call is told about guardrails: their names, what they look at and what follows. What a guardrail looks for,
 * and how, is the host's business: the call asks with ACT_GUARD_CHECK and hears EV_GUARD.
 */
#ifndef CALL_GUARD_OPTS_H
#define CALL_GUARD_OPTS_H

#include "base/str.h"

#define CALL_MAX_GUARDS     32 /* a set of guardrails is a mask: bit i is guards.list[i] */
#define GUARD_CONTEXT_BYTES 64 /* of text before what is new that a local one sees again, at least */

/* What a guardrail looks at, as bits of call_guard.sides. */
enum guard_side {
    GUARD_OUTPUT, /* what the agent says, while it is said */
    GUARD_INPUT,  /* what the caller said or a text in his name */
    GUARD_TOOL,   /* arguments of a tool call: the host's alone */
    GUARD_SIDE_N
};
const char *guard_side_name(enum guard_side side); /* "output", "input", "tool" */

/* What follows from a trip, besides the agent being stopped. */
enum guard_verb {
    GUARD_CANCEL,   /* the model is told and answers anew */
    GUARD_END_CALL, /* goodbye, and the call is over */
    GUARD_VERB_N
};
const char *guard_verb_name(enum guard_verb verb); /* "cancel", "end_call" */

/* Held audio that nobody has checked in time. */
enum guard_expiry { GUARD_RELEASE, GUARD_MUTE, GUARD_EXPIRY_N };
const char *guard_expiry_name(enum guard_expiry expiry); /* "release", "mute" */

/* A guardrail as the core knows it; what it looks for, and how, is the host's business. */
struct call_guard {
    struct str name;
    struct str feedback; /* told to the model behind a trip; empty: a sentence that names the guardrail */
    uint32_t sides;      /* bits of enum guard_side */
    enum guard_verb verb;
    bool local;           /* answered in the same pass of the loop, on every piece of text */
    bool holds;           /* with hold_back: audio waits for its opinion */
    uint32_t deadline_ms; /* not local: no answer by then counts as a failure, and the guardrail is passed over */
};

struct call_guard_opts {
    uint32_t n_list;         /* at most CALL_MAX_GUARDS */
    struct call_guard *list; /* lent */
    uint32_t everywhere;     /* mask: those of the run, for every agent; an agent's own are joined to them */
    uint32_t debounce_chars; /* of an item's text between two checks */
    bool hold_back;          /* no debounce; audio waits until its words have been checked */
    uint32_t hold_max_ms;    /* audio may wait so long */
    enum guard_expiry expiry;
    uint32_t unit_us;   /* what a letter takes to say, as long as the voice is not known; rather too short */
    uint32_t margin_ms; /* the position of a word in the audio is known no better than this */
    uint32_t max_trips; /* answers in a row that may be stopped; behind them the call is ended. 0: no bound */
};

#endif
