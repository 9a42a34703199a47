/* A tool that is a function of the program that embeds us. Lives in a snapshot; all of it outlives the calls. */
#ifndef TOOLS_CODE_OPTS_H
#define TOOLS_CODE_OPTS_H

#include "base/str.h"

struct code_call;
struct crew;

struct code_opts {
    struct crew *crew; /* on whose threads */
    /* Runs it. Ends in exactly one code_answer for the call, at once or later, on any thread. */
    void (*run)(struct code_call *call, void *arg);
    /* Does this use need an approval? NULL: not asked. Thread: crew. The call is lent. */
    bool (*asks)(const struct code_call *call, void *arg);
    void *arg;
};

#endif
