#include "test.h"

#include "base/err.h"
#include "peer/phone/phone_script.h"

/* A script on a virtual clock with an agent whose speech the test decides. */
struct play {
    struct phone_script s;
    struct phone_agent_view agent;
    uint32_t frame;
    uint8_t out[PHONE_FRAME_BYTES];
};

static uint8_t speech[480];

static struct phone_item say(const char *label, struct phone_when when)
{
    memset(speech, 0x10, sizeof(speech));
    return (struct phone_item){.kind = PHONE_SAY, .when = when, .mulaw = {speech, sizeof(speech)}, .label = label};
}

static struct phone_when when(const char *text)
{
    struct phone_when w = {0};
    assert_ok(phone_when_parse(str_from(text), &w));
    return w;
}

static enum phone_script_event step(struct play *t)
{
    enum phone_script_event ev = phone_script_step(&t->s, t->frame, &t->agent, t->out);
    t->frame++;
    return ev;
}

/* Steps until something happens, n times at most; returns what. */
static enum phone_script_event until(struct play *t, uint32_t n)
{
    enum phone_script_event ev = PHONE_SCRIPT_NOTHING;
    for (uint32_t i = 0; i < n && ev == PHONE_SCRIPT_NOTHING; i++) {
        ev = step(t);
    }
    return ev;
}

static void agent_begins(struct play *t)
{
    t->agent.speaking = true;
    t->agent.begin_frame = t->frame;
}

static void agent_stops(struct play *t)
{
    t->agent.speaking = false;
    t->agent.spoke = true;
    t->agent.spell_begin_frame = t->agent.begin_frame;
    t->agent.spell_end_frame = t->frame;
}

TEST(when_is_parsed_strictly)
{
    struct phone_when w;
    assert_int_equal(when("start").kind, PHONE_WHEN_START);
    assert_int_equal(when("agent-speaks").ms, 0);
    assert_int_equal(when("agent-speaks:350").ms, 350);
    assert_int_equal(when("after:0").kind, PHONE_WHEN_AFTER);
    assert_int_equal(when("agent-tail").kind, PHONE_WHEN_AGENT_TAIL);
    assert_int_equal(when("agent-tail:250").ms, 250);
    assert_int_equal(when("greeting-done:1200").ms, 1200);
    static const char *const bad[] = {"",
                                      "after",
                                      "start:5",
                                      "never:1",
                                      "agent-speaks:",
                                      "agent-speaks:x",
                                      "agent-speaks:-1",
                                      "after:3600001",
                                      "agent",
                                      "after:1:2",
                                      " start"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_true(phone_when_parse(str_from(bad[i]), &w) < 0);
    }
}

TEST(defaults_wait_for_the_greeting_then_for_answers_then_hang_up)
{
    struct play t = {0};
    struct phone_item a = say("a", (struct phone_when){0}), b = say("b", (struct phone_when){0});
    phone_script_init(&t.s, (struct phone_when){0});
    assert_ok(phone_script_add(&t.s, &a));
    assert_ok(phone_script_add(&t.s, &b));
    assert_int_equal(until(&t, 50), PHONE_SCRIPT_NOTHING);
    agent_begins(&t);
    assert_int_equal(until(&t, 50), PHONE_SCRIPT_NOTHING);
    agent_stops(&t);
    assert_int_equal(step(&t), PHONE_SCRIPT_BEGIN);
    assert_int_equal(t.out[0], 0x10);
    assert_int_equal(until(&t, 10), PHONE_SCRIPT_END); /* 480 bytes: three frames */
    assert_int_equal(t.frame, 104);
    assert_int_equal(t.out[0], PHONE_SILENCE_BYTE);
    assert_int_equal(until(&t, 100), PHONE_SCRIPT_NOTHING); /* the greeting is no answer */
    agent_begins(&t);
    step(&t);
    agent_stops(&t);
    assert_int_equal(step(&t), PHONE_SCRIPT_BEGIN);
    assert_int_equal(until(&t, 10), PHONE_SCRIPT_END);
    agent_begins(&t);
    step(&t);
    agent_stops(&t);
    uint32_t stopped = t.frame;
    assert_int_equal(until(&t, 1000), PHONE_SCRIPT_HANGUP);
    assert_int_equal((t.frame - 1 - stopped) * PHONE_FRAME_MS, 2000);
    assert_int_equal(until(&t, 1000), PHONE_SCRIPT_NOTHING); /* once only */
    phone_script_done(&t.s);
}

TEST(barge_in_comes_the_given_time_into_the_agents_speech)
{
    struct play t = {0};
    struct phone_item a = say("a", when("agent-speaks:300"));
    phone_script_init(&t.s, when("never"));
    assert_ok(phone_script_add(&t.s, &a));
    until(&t, 20);
    agent_begins(&t);
    assert_int_equal(until(&t, 14), PHONE_SCRIPT_NOTHING); /* 280 ms */
    agent_stops(&t);                                       /* too short: not spoken over */
    assert_int_equal(until(&t, 20), PHONE_SCRIPT_NOTHING);
    agent_begins(&t);
    uint32_t began = t.frame;
    assert_int_equal(until(&t, 100), PHONE_SCRIPT_BEGIN);
    assert_int_equal((t.frame - 1 - began) * PHONE_FRAME_MS, 300);
    phone_script_done(&t.s);
}

TEST(the_tail_is_what_is_still_queued_when_nothing_more_comes)
{
    struct play t = {0};
    struct phone_item item = say("wait", when("agent-tail:150"));
    phone_script_init(&t.s, when("never"));
    assert_ok(phone_script_add(&t.s, &item));
    agent_begins(&t);
    t.agent.queued_ms = 200;
    t.agent.quiet_ms = 200;
    assert_int_equal(until(&t, 10), PHONE_SCRIPT_NOTHING); /* too much is left */
    t.agent.queued_ms = 140;
    t.agent.quiet_ms = 100;
    assert_int_equal(until(&t, 10), PHONE_SCRIPT_NOTHING); /* more may come */
    t.agent.quiet_ms = 120;
    t.agent.queued_ms = 0;
    assert_int_equal(until(&t, 10), PHONE_SCRIPT_NOTHING); /* over */
    t.agent.queued_ms = 20;
    assert_ptr_equal(phone_script_item(&t.s), NULL);
    assert_int_equal(step(&t), PHONE_SCRIPT_BEGIN);
    assert_string_equal(phone_script_item(&t.s)->label, "wait");
    phone_script_done(&t.s);
}

TEST(speech_cut_off_by_the_caller_is_no_answer)
{
    struct play t = {0};
    struct phone_item a = say("a", when("agent-speaks:0")), b = say("b", (struct phone_when){0});
    phone_script_init(&t.s, when("never"));
    assert_ok(phone_script_add(&t.s, &a));
    assert_ok(phone_script_add(&t.s, &b));
    agent_begins(&t);
    assert_int_equal(step(&t), PHONE_SCRIPT_BEGIN);
    agent_stops(&t); /* cut within the utterance */
    assert_int_equal(until(&t, 10), PHONE_SCRIPT_END);
    assert_int_equal(until(&t, 200), PHONE_SCRIPT_NOTHING);
    agent_begins(&t);
    step(&t);
    agent_stops(&t);
    assert_int_equal(step(&t), PHONE_SCRIPT_BEGIN);
    phone_script_done(&t.s);
}

TEST(silence_items_pause_and_the_next_follows_at_once)
{
    struct play t = {0};
    struct phone_item a = say("a", when("start")), b = say("b", (struct phone_when){0});
    struct phone_item pause = {.kind = PHONE_SILENCE, .silence_ms = 500};
    phone_script_init(&t.s, when("after:100"));
    assert_ok(phone_script_add(&t.s, &a));
    assert_ok(phone_script_add(&t.s, &pause));
    assert_ok(phone_script_add(&t.s, &b));
    assert_int_equal(until(&t, 9), PHONE_SCRIPT_BEGIN);
    assert_int_equal(until(&t, 9), PHONE_SCRIPT_END);
    assert_int_equal(until(&t, 9), PHONE_SCRIPT_BEGIN);
    uint32_t began = t.frame;
    assert_int_equal(until(&t, 99), PHONE_SCRIPT_END);
    assert_int_equal((t.frame - began) * PHONE_FRAME_MS, 500);
    assert_int_equal(until(&t, 2), PHONE_SCRIPT_BEGIN);
    assert_int_equal(until(&t, 9), PHONE_SCRIPT_END);
    assert_int_equal(until(&t, 9), PHONE_SCRIPT_HANGUP);
    phone_script_done(&t.s);
}

TEST(keys_are_pressed_every_200_ms)
{
    struct play t = {0};
    struct phone_item keys = {.kind = PHONE_KEYS, .when = {PHONE_WHEN_START, 0}, .keys = "12#"};
    phone_script_init(&t.s, when("never"));
    assert_ok(phone_script_add(&t.s, &keys));
    char got[8] = {0};
    uint32_t at[8] = {0};
    size_t n = 0;
    for (int i = 0; i < 40; i++) {
        step(&t);
        if (t.s.key) {
            at[n] = t.frame;
            got[n++] = t.s.key;
        }
    }
    assert_string_equal(got, "12#");
    assert_int_equal(at[1] - at[0], 10);
    assert_int_equal(at[2] - at[1], 10);
    assert_int_equal(t.s.at, 1);
    phone_script_done(&t.s);
}

TEST(an_open_ended_script_takes_lines_as_they_are_typed)
{
    struct play t = {0};
    struct phone_item a = say("a", when("after:0"));
    phone_script_init(&t.s, (struct phone_when){0});
    t.s.open_ended = true;
    assert_int_equal(until(&t, 500), PHONE_SCRIPT_NOTHING);
    assert_ok(phone_script_add(&t.s, &a));
    assert_int_equal(step(&t), PHONE_SCRIPT_BEGIN);
    assert_int_equal(until(&t, 9), PHONE_SCRIPT_END);
    agent_begins(&t);
    step(&t);
    agent_stops(&t);
    assert_int_equal(until(&t, 500), PHONE_SCRIPT_NOTHING);
    phone_script_done(&t.s);
}

TEST(empty_audio_and_partial_frames_end_cleanly)
{
    struct play t = {0};
    struct phone_item a = say("a", when("start")), b = say("b", when("after:0"));
    a.mulaw.n = 0;
    b.mulaw.n = 161;
    phone_script_init(&t.s, when("never"));
    assert_ok(phone_script_add(&t.s, &a));
    assert_ok(phone_script_add(&t.s, &b));
    assert_int_equal(step(&t), PHONE_SCRIPT_BEGIN);
    assert_int_equal(t.out[0], PHONE_SILENCE_BYTE);
    assert_int_equal(step(&t), PHONE_SCRIPT_END);
    assert_int_equal(step(&t), PHONE_SCRIPT_BEGIN);
    assert_int_equal(step(&t), PHONE_SCRIPT_NOTHING);
    assert_int_equal(t.out[0], 0x10);
    assert_int_equal(t.out[1], PHONE_SILENCE_BYTE);
    assert_int_equal(step(&t), PHONE_SCRIPT_END);
    phone_script_done(&t.s);
}

TEST_MAIN(T(when_is_parsed_strictly), T(defaults_wait_for_the_greeting_then_for_answers_then_hang_up),
          T(barge_in_comes_the_given_time_into_the_agents_speech),
          T(the_tail_is_what_is_still_queued_when_nothing_more_comes), T(speech_cut_off_by_the_caller_is_no_answer),
          T(silence_items_pause_and_the_next_follows_at_once), T(keys_are_pressed_every_200_ms),
          T(an_open_ended_script_takes_lines_as_they_are_typed), T(empty_audio_and_partial_frames_end_cleanly))
