/*
 * The stage of the tests on whole calls: one simulated call, and what they all ask of it. Included by one program each,
 * which has its own call; functions that a program does not need are no fault.
 */
#ifndef TESTS_CALL_STAGE_H
#define TESTS_CALL_STAGE_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "sim.h"

static struct sim s;

/* The caller is on the line and the model is ready, 100 ms later; opts are set before. */
static UNUSED void raise_curtain(bool interrupts, bool creates)
{
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_run(&s, s.now_us + 100000);
    sim_model_ready(&s, interrupts, creates);
}

static UNUSED void later(uint32_t ms)
{
    sim_run(&s, s.now_us + (uint64_t)ms * 1000);
}

/* The service hears the caller for so long, and takes it for a turn. */
static UNUSED void caller_speaks(uint32_t ms)
{
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    later(ms);
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    sim_speech(&s, EV_MODEL_COMMITTED);
}

/* And begins to answer. */
static UNUSED void caller_turn(uint32_t ms, const char *response)
{
    caller_speaks(ms);
    sim_created(&s, response);
}

/* Ends the call, plays its journal again, and holds it to the invariants. */
static UNUSED void down(void)
{
    if (!call_ended(s.call)) {
        sim_simple(&s, EV_LEG_STOP);
    }
    assert_int_equal(s.ends, 1);
    sim_replay(&s, NULL);
    assert_string_equal(s.failure, "");
    sim_done(&s);
}

static UNUSED struct call_view view(void)
{
    struct call_view v;
    call_view(s.call, &v);
    return v;
}

/* ---- the log of actions ---- */

static UNUSED size_t where(const char *text)
{
    return str_search(buf_str(&s.log), str_from(text));
}

static UNUSED bool logged(const char *text)
{
    return where(text) != SIZE_MAX;
}

/* Show the log when they fail. */
#define assert_logged(text)     assert_has(buf_str(&s.log), text)
#define assert_not_logged(text) assert_has_not(buf_str(&s.log), text)

static UNUSED uint32_t count(const char *text)
{
    uint32_t n = 0;
    struct str rest = buf_str(&s.log);
    for (size_t at; (at = str_search(rest, str_from(text))) != SIZE_MAX; n++) {
        rest.p += at + 1;
        rest.n -= at + 1;
    }
    return n;
}

static UNUSED void forget_log(void)
{
    buf_clear(&s.log);
}

#endif
