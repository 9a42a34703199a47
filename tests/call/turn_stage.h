/* A call whose turns the local detector judges: the caller is a probability of speech, the agent a counted tone. */
#ifndef TESTS_CALL_TURN_STAGE_H
#define TESTS_CALL_TURN_STAGE_H

#include "stage.h"

static UNUSED void prepare(enum turn_kind kind, uint64_t delay_us)
{
    sim_init(&s);
    s.delay_us = delay_us;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.turn.kind = kind;
    s.opts.vad.on = true;
    s.opts.vad.min_silence_ms = 400;
}

static UNUSED void start(void)
{
    raise_curtain(false, false);
    later(1000);
}

static UNUSED void up(enum turn_kind kind, uint64_t delay_us)
{
    prepare(kind, delay_us);
    start();
}

static UNUSED void speak(uint32_t ms)
{
    s.ppm = 950000;
    later(ms);
    s.ppm = 10000;
}

/* In the log of actions. */
static UNUSED int64_t number_behind(const char *words)
{
    int64_t n = INT64_MIN;
    size_t at = where(words);
    assert_true(at != SIZE_MAX);
    struct str rest = buf_str(&s.log);
    at += strlen(words);
    rest = (struct str){rest.p + at, rest.n - at};
    rest.n = str_find(rest, ' ');
    assert_ok(str_to_i64(rest, &n));
    return n;
}

/* The agent says ms of the counting item; the model is done with it when whole. */
static UNUSED void agent_says(const char *response, uint32_t ms, bool whole)
{
    s.positions = true;
    s.agent_offset = s.next_offset = 0;
    s.resuming = false;
    sim_created(&s, response);
    sim_audio(&s, response, 1, ms);
    if (whole) {
        sim_audio_done(&s, response, 1, "The agent says something at length and goes on and on.");
        sim_response_done(&s, response, RESPONSE_COMPLETED);
    }
}

#endif
