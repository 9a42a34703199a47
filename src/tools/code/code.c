#include "tools/code/code.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/crew.h"

#define FAILED "{\"error\":\"The tool failed.\"}"

enum code_state {
    CODE_RUNNING,  /* the program owes an answer, the loop waits */
    CODE_ANSWERED, /* it is on its way to the loop */
    CODE_GIVEN_UP, /* nobody waits; the loop will be told or was told so */
};

struct code_call {
    pthread_mutex_t lock;
    uint32_t refs; /* of the loop, and of the program */
    enum code_state state;
    struct loop *loop;
    struct code_opts o;
    code_done_fn done;
    void (*asked)(bool need, void *arg); /* instead of done */
    void *arg;
    char *call_id, *tool_call_id, *name, *arguments, *agent;
    void *context;
    char *output;
    bool failed;
};

static void unref(struct code_call *call)
{
    pthread_mutex_lock(&call->lock);
    uint32_t refs = --call->refs;
    pthread_mutex_unlock(&call->lock);
    if (refs == 0) {
        pthread_mutex_destroy(&call->lock);
        free(call->call_id);
        free(call->tool_call_id);
        free(call->name);
        free(call->arguments);
        free(call->agent);
        free(call->output);
        free(call);
    }
}

/* Loop thread; ends the loop's interest. */
static void deliver(void *arg)
{
    struct code_call *call = arg;
    struct code_result r = {.outcome = CODE_CANCELLED};
    if (call->state == CODE_ANSWERED) {
        r.outcome = call->failed ? CODE_FAILED : CODE_OK;
        r.output = call->output ? str_from(call->output) : STR(FAILED);
    }
    call->done(&r, call->arg);
    unref(call);
}

static struct code_call *call_of(struct loop *loop, const struct code_opts *opts, const struct code_facts *f)
{
    struct code_call *call = calloc(1, sizeof(*call));
    if (!call) {
        return NULL;
    }
    if (pthread_mutex_init(&call->lock, NULL) != 0) {
        free(call);
        return NULL;
    }
    call->refs = 1;
    call->loop = loop;
    call->o = *opts;
    call->context = f->context;
    call->call_id = str_dup(f->call_id);
    call->tool_call_id = str_dup(f->tool_call_id);
    call->name = str_dup(f->name);
    call->arguments = str_dup(f->arguments);
    call->agent = str_dup(f->agent);
    if (!call->call_id || !call->tool_call_id || !call->name || !call->arguments || !call->agent) {
        unref(call);
        return NULL;
    }
    return call;
}

/* ---- running ---- */

static void work(void *arg)
{
    struct code_call *call = arg;
    call->o.run(call, call->o.arg);
}

int code_run(struct loop *loop, const struct code_opts *opts, const struct code_facts *facts, code_done_fn done,
             void *arg, struct code_call **ret)
{
    struct code_call *call = call_of(loop, opts, facts);
    if (!call) {
        return -ENOMEM;
    }
    call->done = done;
    call->arg = arg;
    call->refs = 2; /* the program has one from now on */
    int err = crew_run(opts->crew, work, call);
    if (err < 0) {
        call->refs = 1;
        unref(call);
        return err;
    }
    *ret = call;
    return 0;
}

void code_cancel(struct code_call *call)
{
    pthread_mutex_lock(&call->lock);
    bool running = call->state == CODE_RUNNING;
    call->state = running ? CODE_GIVEN_UP : call->state;
    pthread_mutex_unlock(&call->lock);
    if (running && loop_post(call->loop, deliver, call) < 0) {
        deliver(call); /* no memory for a message: better early than never */
    }
}

/* The answer as it will be told; NULL when it cannot be. */
static char *copy_output(struct str output, int *ret_err)
{
    char *copy = output.n > CODE_OUTPUT_MAX ? NULL : str_dup(output);
    *ret_err = output.n > CODE_OUTPUT_MAX ? -ERR_TOO_BIG : copy ? 0 : -ENOMEM;
    return copy;
}

int code_answer(struct code_call *call, struct str output, bool failed)
{
    int err = 0;
    char *copy = copy_output(output, &err);
    pthread_mutex_lock(&call->lock);
    if (call->state == CODE_RUNNING) {
        call->output = TAKE(copy);
        call->failed = failed || err < 0;
        call->state = CODE_ANSWERED;
        /* Under the lock: the loop lives as long as it waits for this. */
        if (loop_post(call->loop, deliver, call) < 0) {
            call->state = CODE_RUNNING; /* its deadline ends it */
            err = -ENOMEM;
        }
    } else {
        err = -ERR_CLOSED;
    }
    pthread_mutex_unlock(&call->lock);
    free(copy);
    unref(call);
    return err;
}

/* ---- asking ---- */

static void told(void *arg)
{
    struct code_call *call = arg;
    call->asked(call->failed, call->arg);
    unref(call);
}

static void ask(void *arg)
{
    struct code_call *call = arg;
    call->failed = call->o.asks(call, call->o.arg); /* it needs one */
    if (loop_post(call->loop, told, call) < 0) {
        unref(call); /* the deadline of the tool ends it */
    }
}

int code_ask(struct loop *loop, const struct code_opts *opts, const struct code_facts *facts,
             void (*done)(bool need, void *arg), void *arg)
{
    struct code_call *call = call_of(loop, opts, facts);
    if (!call) {
        return -ENOMEM;
    }
    call->asked = done;
    call->arg = arg;
    int err = crew_run(opts->crew, ask, call);
    if (err < 0) {
        unref(call);
    }
    return err;
}

/* ---- looks ---- */

const char *code_call_id(const struct code_call *call)
{
    return call->call_id;
}

const char *code_tool_call_id(const struct code_call *call)
{
    return call->tool_call_id;
}

const char *code_name(const struct code_call *call)
{
    return call->name;
}

const char *code_arguments(const struct code_call *call)
{
    return call->arguments;
}

const char *code_agent(const struct code_call *call)
{
    return call->agent;
}

void *code_context(const struct code_call *call)
{
    return call->context;
}

bool code_cancelled(const struct code_call *call)
{
    struct code_call *c = (struct code_call *)(uintptr_t)call; /* the lock is no part of its value */
    pthread_mutex_lock(&c->lock);
    bool cancelled = c->state == CODE_GIVEN_UP;
    pthread_mutex_unlock(&c->lock);
    return cancelled;
}
