/*
 * A tool that is a function of the program that embeds us. It runs on a thread of a crew, never on the loop, and
 * answers whenever it likes, on any thread; an answer that nobody waits for any more goes nowhere. A call is shared by
 * the loop and the program and outlives both of their interests. Not here: deadlines (the call's own), schemas.
 */
#ifndef TOOLS_CODE_H
#define TOOLS_CODE_H

#include "net/loop.h"
#include "tools/code/code_opts.h"

#define CODE_OUTPUT_MAX (64u << 10)

/* What the program may know of a use. Texts are copied. */
struct code_facts {
    struct str call_id; /* of the telephone call or session */
    struct str tool_call_id;
    struct str name;
    struct str arguments; /* JSON */
    struct str agent;
    void *context; /* of the session, for the program */
};

enum code_outcome { CODE_OK, CODE_FAILED, CODE_CANCELLED };

struct code_result {
    enum code_outcome outcome;
    struct str output; /* lent until the handler returns; empty when cancelled */
};
typedef void (*code_done_fn)(const struct code_result *result, void *arg);

/* ---- loop thread ---- */

/* done is called once, from the loop, never before this returns. -ENOMEM, -EAGAIN (no threads): then never. */
MUST_USE int code_run(struct loop *loop, const struct code_opts *opts, const struct code_facts *facts,
                      code_done_fn done, void *arg, struct code_call **ret);
/* done is called with CODE_CANCELLED from a later pass of the loop; the program's answer goes nowhere. */
void code_cancel(struct code_call *call);

/* Asks opts->asks; done(need, arg) from the loop, once, also when the call is over by then. */
MUST_USE int code_ask(struct loop *loop, const struct code_opts *opts, const struct code_facts *facts,
                      void (*done)(bool need, void *arg), void *arg);

/* ---- any thread ---- */

const char *code_call_id(const struct code_call *call);
const char *code_tool_call_id(const struct code_call *call);
const char *code_name(const struct code_call *call);
const char *code_arguments(const struct code_call *call);
const char *code_agent(const struct code_call *call);
void *code_context(const struct code_call *call);
bool code_cancelled(const struct code_call *call);
/*
 * The program's one answer; call is gone when this returns. -ERR_CLOSED: nobody waited; -ERR_TOO_BIG, -ENOMEM: the
 * model is told that the tool failed.
 */
int code_answer(struct code_call *call, struct str output, bool failed);

#endif
