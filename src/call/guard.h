/*
 * Guardrails of a call as the core keeps them: the text of each item while guardrails look at it, the checks that are
 * under way, and what was found out about the voice, to know where in the audio a word lies. Part of state.h.
 */
#ifndef CALL_GUARD_H
#define CALL_GUARD_H

#include "base/buf.h"
#include "call/opts.h"

#define GUARD_ITEMS     24
#define GUARD_CHECKS    48
#define GUARD_TRIPPED   8
#define GUARD_TEXT_MAX  16384
#define GUARD_INFO_MAX  400
#define GUARD_NAMES_MAX 600

/* One item of the agent, or one thing that the caller said. */
struct guard_item {
    uint32_t number; /* counts up from 1; 0: free */
    enum guard_side side;
    char id[CALL_ID_MAX], response_id[CALL_ID_MAX];
    uint32_t agent;                    /* of the turn's begin */
    uint32_t mask;                     /* who watches it */
    struct buf text;                   /* at most GUARD_TEXT_MAX: what follows is checked by nobody, and not released */
    uint32_t chars;                    /* of text */
    uint32_t steps;                    /* multiples of debounce_chars that were reached */
    bool done;                         /* the text is whole */
    bool cut;                          /* it was longer than GUARD_TEXT_MAX */
    uint32_t asked[CALL_MAX_GUARDS];   /* bytes of text that the guardrail was asked about */
    uint32_t covered[CALL_MAX_GUARDS]; /* and those that it is sure of */
    uint32_t finals;                   /* mask: who was asked about the whole */
    uint32_t units_to;                 /* bytes that everybody whom audio waits for is sure of */
    uint64_t units;                    /* what they take to say */
};

struct guard_check {
    uint32_t number; /* 0: free */
    uint32_t item;   /* its number */
    uint32_t end;    /* bytes of the item's text that it covers */
    uint32_t waits;  /* mask: who has not answered */
    uint64_t due_us; /* who has not answered by then is passed over */
};

struct guard {
    struct guard_item items[GUARD_ITEMS];
    struct guard_check checks[GUARD_CHECKS];
    uint32_t items_made, checks_made;
    char latest[CALL_ID_MAX]; /* the response that began last */
    char tripped[GUARD_TRIPPED][CALL_ID_MAX];
    uint32_t tripped_next;
    bool stop_next;   /* the response that is about to begin answers what a guardrail objects to */
    uint32_t trips;   /* in a row */
    uint32_t unit_us; /* learned: what one unit of text takes to say; 0: not yet */
};

#endif
