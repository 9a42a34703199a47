/* A machine has answered the call that we made. */
#include "stage.h"

#include <math.h>

#include "audio/g711.h"

static uint32_t at_ms;

static void up(void)
{
    sim_init(&s);
    s.delay_us = 40000;
    s.lossy = true;
    s.opts.outgoing = true;
    s.opts.greeting.kind = GREETING_PROMPT;
    s.opts.deadlines.media_ms = 60000;
    sim_start(&s);
    sim_begin(&s);
    sim_model_ready(&s, true, true);
    sim_leg_start(&s);
    s.media = false; /* the machine says what it says */
    at_ms = 0;
}

static void wanted(bool after_beep)
{
    struct call_event ev = {.type = EV_CONTROL_VOICEMAIL};
    ev.control_voicemail.text = STR("This is Alex. Please call us back.");
    ev.control_voicemail.after_beep = after_beep;
    sim_event(&s, &ev);
}

/* The greeting that was asked for begins too late. */
static void wanted_before_greeting(void)
{
    wanted(true);
    sim_created(&s, "r1");
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
}

static void lose_model(bool was_ready)
{
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.was_ready = was_ready;
    sim_event(&s, &ev);
}

/* What the machine says: a tone, or a hum that is none. hz 0: silence. */
static void machine(uint32_t ms, double hz)
{
    for (uint32_t done = 0; done < ms; done += 20, at_ms += 20) {
        uint8_t frame[160];
        for (int i = 0; i < 160; i++) {
            double t = 2 * M_PI * (at_ms * 8 + (uint32_t)i) / 8000;
            double v = hz > 0 ? 5000 * sin(t * hz) : 0;
            v = hz < 0 ? 2500 * (sin(t * 150) + sin(t * 310) + sin(t * 470) + sin(t * 910)) : v;
            frame[i] = g711_mulaw_encode1((int16_t)v);
        }
        sim_run(&s, s.now_us + 20000);
        if (call_ended(s.call)) {
            return;
        }
        struct call_event ev = {.type = EV_LEG_MEDIA};
        ev.leg_media.timestamp_ms = at_ms;
        ev.leg_media.audio = span_from(frame, sizeof(frame));
        sim_event(&s, &ev);
    }
}

static void greeting_under_way(void)
{
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 4000);
}

/* The model says the message when it is asked to. */
static void say_message(const char *response, uint8_t item)
{
    sim_created(&s, response);
    sim_audio(&s, response, item, 1000);
    sim_audio_done(&s, response, item, "This is Alex. Please call us back.");
    sim_response_done(&s, response, RESPONSE_COMPLETED);
}

/* The line goes, and the call counts as this. */
static void down_as(enum call_reason reason)
{
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, reason);
    down();
}

TEST(the_message_is_left_at_once_when_the_carrier_says_that_the_greeting_is_over)
{
    up();
    greeting_under_way();
    machine(500, -1);
    wanted(false);
    assert_true(s.clears > 0); /* the agent falls silent */
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_logged("Please call us back");
    say_message("r2", 2);
    sim_run(&s, s.now_us + 500000);
    assert_int_equal(s.hangups, 0); /* not before it was heard */
    sim_run(&s, s.now_us + 1000000);
    assert_int_equal(s.hangups, 1);
    assert_int_equal(sim_heard(&s, 2), 8000);
    down_as(REASON_VOICEMAIL);
}

TEST(the_message_waits_for_the_beep)
{
    up();
    greeting_under_way();
    machine(300, -1);
    wanted(true);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    machine(3000, -1);
    assert_not_logged("Please call us back");
    machine(400, 1000);
    assert_not_logged("Please call us back"); /* not into the beep */
    machine(100, 0);
    assert_logged("Please call us back");
    say_message("r2", 2);
    machine(1500, -1); /* what the machine says now is nobody's barge-in */
    assert_int_equal(s.hangups, 1);
    assert_int_equal(sim_heard(&s, 2), 8000);
    down_as(REASON_VOICEMAIL);
}

static uint8_t recorded[16000]; /* two seconds */

static void wanted_recorded(bool after_beep)
{
    struct call_event ev = {.type = EV_CONTROL_VOICEMAIL};
    memset(recorded, 7, sizeof(recorded)); /* as item 7 of the simulation */
    ev.control_voicemail.text = STR("This is never said.");
    ev.control_voicemail.sound = span_from(recorded, sizeof(recorded));
    ev.control_voicemail.after_beep = after_beep;
    sim_event(&s, &ev);
    memset(recorded, 9, sizeof(recorded)); /* it was lent */
}

/* Behind the beep, and to its end. */
static void assert_recording_left(void)
{
    machine(400, 1000);
    machine(3000, 0);
    assert_int_equal(s.hangups, 1);
    assert_int_equal(sim_heard(&s, 7), sizeof(recorded));
    down_as(REASON_VOICEMAIL);
}

TEST(a_recorded_message_is_played_behind_the_beep_and_no_model_is_asked)
{
    up();
    greeting_under_way();
    wanted_recorded(true);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    machine(2000, -1);
    assert_int_equal(sim_heard(&s, 7), 0);
    machine(400, 1000);
    machine(1500, 0);
    assert_int_equal(s.hangups, 0); /* not before it was heard */
    machine(1500, -1);              /* what the machine says now is nobody's barge-in */
    assert_int_equal(s.hangups, 1);
    assert_int_equal(sim_heard(&s, 7), sizeof(recorded));
    assert_not_logged("This is never said");
    down_as(REASON_VOICEMAIL);
}

TEST(a_recorded_message_is_left_though_the_model_has_gone)
{
    up();
    greeting_under_way();
    wanted_recorded(true);
    lose_model(true);
    machine(1000, -1);
    assert_int_equal(s.hangups, 0);
    assert_recording_left();
}

TEST(a_machine_that_talks_on_is_a_machine_though_the_model_has_gone)
{
    up();
    wanted_recorded(true);
    lose_model(true);
    machine(30100, -1);
    assert_int_equal(s.hangups, 1);
    assert_not_logged("uplink-drop"); /* nobody waits for what the machine says */
    down_as(REASON_MACHINE);
}

/* The carrier knows what has answered before its stream begins, and the model is slow. */
static void up_to_a_machine(void (*order)(bool after_beep))
{
    sim_init(&s);
    s.lossy = true;
    s.opts.outgoing = true;
    s.opts.renewal.on = false;
    sim_start(&s);
    sim_begin(&s);
    order(true);
    at_ms = 0;
}

TEST(a_model_that_is_ready_behind_the_machine_has_all_the_time)
{
    up_to_a_machine(wanted);
    sim_leg_start(&s);
    s.media = false;
    machine(1000, -1);
    sim_model_ready(&s, true, true);
    machine(s.opts.deadlines.model_ready_ms, -1);
    assert_int_equal(s.hangups, 0);
    machine(400, 1000);
    machine(100, 0);
    assert_logged("Please call us back");
    say_message("r2", 2);
    machine(1500, 0);
    assert_int_equal(s.hangups, 1);
    down_as(REASON_VOICEMAIL);
}

TEST(a_recorded_message_is_left_though_the_model_failed_while_it_rang)
{
    up_to_a_machine(wanted_recorded);
    lose_model(false);
    assert_false(call_ended(s.call));
    sim_leg_start(&s);
    s.media = false;
    machine(1000, -1);
    assert_recording_left();
}

TEST(without_a_beep_silence_will_do)
{
    up();
    wanted_before_greeting();
    machine(2000, -1);
    machine(1400, 0);
    assert_not_logged("Please call us back");
    machine(200, 0);
    assert_logged("Please call us back");
    say_message("r2", 2);
    machine(1500, 0);
    down_as(REASON_VOICEMAIL);
}

TEST(a_machine_that_talks_on_is_left_alone_after_half_a_minute)
{
    up();
    wanted_before_greeting();
    machine(29900, -1);
    assert_int_equal(s.hangups, 0);
    machine(200, -1);
    assert_int_equal(s.hangups, 1);
    assert_not_logged("Please call us back");
    down_as(REASON_MACHINE);
}

static void transfer(void)
{
    struct call_event ev = {.type = EV_CONTROL_TRANSFER};
    ev.control_transfer.to = STR("+15550001111");
    sim_event(&s, &ev);
}

/* It was a person after all, says the operator. */
TEST(a_transfer_ends_the_wait_for_the_machine)
{
    struct call_event failed = {.type = EV_LEG_TRANSFER_FAILED};
    failed.leg_transfer_failed.err = -ERR_CLOSED;
    up();
    wanted_before_greeting();
    machine(26000, -1);
    transfer();
    say_message("r2", 2); /* the announcement */
    machine(1500, -1);
    assert_int_equal(s.transfers, 1);
    machine(5000, 0); /* neither half a minute nor silence means anything now */
    assert_int_equal(s.hangups, 0);
    sim_event(&s, &failed);
    say_message("r3", 3);
    machine(2000, 0);
    assert_not_logged("Say exactly");
    assert_int_equal(s.hangups, 0);
    down_as(REASON_CALLER_HANGUP);
}

TEST(a_transfer_ends_a_message_that_was_to_be_said)
{
    struct call_event failed = {.type = EV_LEG_TRANSFER_FAILED};
    failed.leg_transfer_failed.err = -ERR_CLOSED;
    up();
    wanted(false);
    sim_created(&s, "r1");
    machine(500, 0);
    transfer();
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_not_logged("Say exactly");
    say_message("r2", 2); /* the announcement */
    machine(2000, 0);
    assert_int_equal(s.transfers, 1);
    sim_event(&s, &failed);
    down_as(REASON_CALLER_HANGUP);
}

TEST(a_message_that_was_cut_off_does_not_count)
{
    up();
    wanted(false);
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 2, 4000);
    machine(500, 0);
    down_as(REASON_MACHINE); /* its tape is full */
}

TEST(what_is_left_to_say_is_said_once)
{
    up();
    wanted(true);
    wanted_before_greeting();
    machine(200, -1);
    wanted(false); /* the carrier has heard the end of the greeting */
    assert_logged("Please call us back");
    wanted(false);
    say_message("r2", 2);
    machine(1500, 0);
    assert_int_equal(s.hangups, 1);
    down_as(REASON_VOICEMAIL);
}

TEST(a_model_that_fails_while_it_rings_ends_the_call_we_made)
{
    struct call_event ev = {.type = EV_MODEL_FAILED};
    sim_init(&s);
    s.opts.outgoing = true;
    s.opts.renewal.on = false;
    sim_start(&s);
    sim_begin(&s);
    ev.model_failed.err = -1;
    sim_event(&s, &ev);
    assert_true(call_ended(s.call));
    assert_int_equal(s.reason, REASON_MODEL_UNREACHABLE);
    sim_done(&s);
}

TEST(a_model_that_fails_while_a_caller_waits_does_not)
{
    struct call_event ev = {.type = EV_MODEL_FAILED};
    sim_init(&s);
    s.opts.renewal.on = false;
    sim_start(&s);
    sim_begin(&s);
    ev.model_failed.err = -1;
    sim_event(&s, &ev);
    assert_false(call_ended(s.call));
    sim_simple(&s, EV_LEG_STOP);
    sim_done(&s);
}

TEST_MAIN(T(the_message_is_left_at_once_when_the_carrier_says_that_the_greeting_is_over),
          T(the_message_waits_for_the_beep), T(a_recorded_message_is_played_behind_the_beep_and_no_model_is_asked),
          T(a_recorded_message_is_left_though_the_model_has_gone),
          T(a_machine_that_talks_on_is_a_machine_though_the_model_has_gone),
          T(a_model_that_is_ready_behind_the_machine_has_all_the_time),
          T(a_recorded_message_is_left_though_the_model_failed_while_it_rang), T(without_a_beep_silence_will_do),
          T(a_machine_that_talks_on_is_left_alone_after_half_a_minute), T(a_transfer_ends_the_wait_for_the_machine),
          T(a_transfer_ends_a_message_that_was_to_be_said), T(a_message_that_was_cut_off_does_not_count),
          T(what_is_left_to_say_is_said_once), T(a_model_that_fails_while_it_rings_ends_the_call_we_made),
          T(a_model_that_fails_while_a_caller_waits_does_not))
