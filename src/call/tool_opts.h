/*
 * How a tool is to be used in a call, whatever kind of tool it is: whose approval it needs, what the caller hears while
 * it runs, in which order tools run. Part of opts.h; texts are lent, times are milliseconds.
 */
#ifndef CALL_TOOL_OPTS_H
#define CALL_TOOL_OPTS_H

#include "base/str.h"

/* Whose yes a tool needs before it runs. */
enum approval_kind {
    APPROVAL_NEVER,
    APPROVAL_ALWAYS,
    APPROVAL_WHEN,   /* the host decides for each use, by conditions on the arguments or a callback */
    APPROVAL_SPOKEN, /* the caller's own, on the telephone */
    APPROVAL_KIND_N
};

enum tool_mode {
    TOOL_PARALLEL,
    TOOL_SEQUENTIAL, /* starts when those called before it are done; those called after it wait for it */
    TOOL_MODE_N
};

/* What the caller hears when a tool takes its time: once, and only while nobody speaks. */
struct tool_filler {
    uint32_t after_ms; /* of silence since the tool was called; 0: never */
    struct str words;  /* said exactly; empty: none */
    struct span sound; /* mu-law, 8000 Hz; played instead of words; empty: none */
};

struct tool_rules {
    enum tool_mode mode;
    bool background;          /* its output is "started"; the result is told later, when nobody speaks */
    bool cancel_on_interrupt; /* given up when the caller interrupts */
    struct str timeout_text;  /* output when its time is up; empty: ours */
    struct tool_filler filler;
    struct {
        enum approval_kind kind;
        uint32_t timeout_ms;   /* for a decision; 0: none but the end of the call */
        bool timeout_approves; /* no decision in time is a yes */
        struct str words;      /* told to the caller while the decision is awaited; empty: nothing */
    } approval;
};

/* For all tools of a call. */
struct approval_opts {
    struct str yes, no;     /* words and phrases that agree and refuse, lower case, one on a line */
    struct str rejection;   /* output of a rejected call, {{tool}} is its name; empty: ours */
    uint32_t transcript_ms; /* how long a spoken yes is waited for whose transcript has not come */
};

/* Nothing special: no approval, no filler, parallel. */
void tool_rules_init(struct tool_rules *r);

#endif
