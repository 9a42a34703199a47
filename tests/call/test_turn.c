/*
 * Turns judged by the local detector, on a virtual clock: the gate, the shelf, the protected greeting, hybrid, push to
 * talk. What is heard over the agent is in test_interruption.c.
 */
#include "turn_stage.h"

static void greet_protected(uint32_t ms)
{
    prepare(TURN_LOCAL, 0);
    s.opts.greeting.kind = GREETING_TEXT;
    s.opts.greeting.text = STR("Hello.");
    s.opts.greeting.protect = true;
    raise_curtain(false, false);
    sim_created(&s, "g");
    s.positions = true;
    sim_audio(&s, "g", 1, ms);
    sim_audio_done(&s, "g", 1, "Hello.");
    sim_response_done(&s, "g", RESPONSE_COMPLETED);
}

TEST(a_turn_opens_the_gate_with_its_pre_roll_and_is_committed_and_answered)
{
    up(TURN_LOCAL, 0);
    assert_int_equal(s.append_count, 0); /* nobody has spoken: the model has heard nothing */
    speak(1000);
    assert_int_equal(view().caller, CALLER_SPEAKING);
    uint32_t first = s.append_count;
    assert_true(first > 0);
    later(600);
    assert_int_equal(s.commits, 1);
    assert_int_equal(s.responds, 1);
    assert_int_equal(view().caller, CALLER_SILENT);
    /* pre-roll, speech and the silence that ended it */
    uint64_t sent_ms = view().appended_bytes / 8;
    assert_in_range(sent_ms, 300 + 1000 + 400 - 64, 300 + 1000 + 400 + 100);
    assert_logged("note=turn-start");
    assert_logged("note=turn-end");
    uint64_t before = view().appended_bytes;
    later(2000);
    assert_int_equal(view().appended_bytes, before);
    /* The service's confirmation asks for nothing more. */
    sim_speech(&s, EV_MODEL_COMMITTED);
    assert_int_equal(s.responds, 1);
    down();
}

/* Wherever in a chunk, and in the rhythm of the ring, the first syllable falls. */
TEST(the_pre_roll_is_whole_at_every_moment)
{
    for (uint32_t k = 0; k < 24; k++) {
        up(TURN_LOCAL, 0);
        later(500 + 20 * k);
        s.ppm = 950000;
        uint64_t onset_us = s.now_us;
        while (view().appended_bytes == 0) {
            later(10);
        }
        assert_true(s.turn_audio / 8 + 20 >= 300 + (s.now_us - onset_us) / 1000); /* the last frame is on its way */
        s.ppm = 10000;
        later(600);
        down();
    }
}

TEST(a_click_never_reaches_the_model)
{
    up(TURN_LOCAL, 0);
    speak(40);
    later(2000);
    assert_int_equal(view().appended_bytes, 0);
    assert_int_equal(s.commits + s.responds, 0);
    assert_int_equal(view().caller, CALLER_SILENT);
    assert_logged("note=sound-rejected");
    down();
}

TEST(a_pause_inside_a_sentence_does_not_end_it)
{
    up(TURN_LOCAL, 0);
    speak(600);
    later(320);
    speak(600);
    later(320);
    assert_int_equal(s.commits, 0);
    later(200);
    assert_int_equal(s.commits, 1);
    down();
}

TEST(what_is_said_before_the_model_is_ready_becomes_the_first_turn)
{
    prepare(TURN_LOCAL, 0);
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    later(500);
    speak(1000);
    later(1500);
    assert_int_equal(view().appended_bytes, 0);
    sim_model_ready(&s, false, false);
    later(40);
    assert_int_equal(s.commits, 1);
    assert_int_equal(s.responds, 1);
    assert_in_range(view().appended_bytes / 8, 1300, 3100);
    down();
}

TEST(a_sound_that_never_ends_is_a_turn_of_a_minute)
{
    up(TURN_LOCAL, 0);
    s.ppm = 950000;
    later(59500);
    assert_int_equal(s.commits, 0);
    later(1500);
    assert_int_equal(s.commits, 1);
    s.ppm = 10000;
    down();
}

static uint32_t resets;

static uint32_t hear_and_count(const struct call_action *act)
{
    resets += act->vad.reset;
    return s.ppm;
}

/* What it heard long ago makes the network slow to believe in speech. */
TEST(the_networks_memory_is_dropped_in_silence_and_behind_a_greeting)
{
    up(TURN_LOCAL, 0);
    s.hear = hear_and_count;
    resets = 0;
    s.ppm = 10000;
    later(5000);
    assert_in_range(resets, 4, 5);
    s.ppm = 60000; /* a trace of somebody */
    later(1000);
    resets = 0;
    later(5000);
    assert_int_equal(resets, 0);
    s.ppm = 10000;
    down();
    greet_protected(1000);
    s.hear = hear_and_count;
    s.ppm = 60000;
    later(200);
    resets = 0;
    later(1100);
    assert_int_equal(view().phase, PHASE_CONVERSATION);
    assert_int_equal(resets, 0);
    later(500); /* the grace is over */
    assert_int_equal(resets, 1);
    s.ppm = 10000;
    down();
}

TEST(a_turn_ends_in_noise_that_lets_go_of_speech_slowly)
{
    static const uint32_t loud[] = {950000, 600000}; /* surely speech; never that sure */
    for (size_t i = 0; i < ARRAY_LEN(loud); i++) {
        up(TURN_LOCAL, 0);
        s.ppm = loud[i];
        later(1000);
        s.ppm = 550000;
        later(200);
        s.ppm = 10000;
        later(280);
        assert_int_equal(s.commits, i == 0);
        later(200);
        assert_int_equal(s.commits, 1);
        down();
    }
}

TEST(speech_that_may_not_interrupt_is_the_next_turn)
{
    prepare(TURN_LOCAL, 0);
    s.opts.barge_in.on = false;
    raise_curtain(false, false);
    later(500);
    agent_says("r1", 5000, true);
    later(1000);
    speak(800);
    later(2000);
    assert_int_equal(s.clears + s.cancels + s.truncates + s.commits, 0);
    assert_logged("note=barge-in-ignored");
    later(2000);
    assert_int_equal(s.commits, 1); /* as soon as the agent is done */
    assert_int_equal(s.responds, 1);
    assert_true(view().appended_bytes / 8 >= 1100);
    down();
}

/* The agent goes on for longer than the ring reaches back: what was said waits, and what was not said does not. */
TEST(speech_on_the_shelf_outlives_a_long_answer)
{
    prepare(TURN_LOCAL, 0);
    s.opts.barge_in.on = false;
    s.opts.limits.uplink_ms = 6000;
    start();
    agent_says("r1", 20000, true);
    later(1000);
    speak(800);
    later(4000);
    speak(600);
    later(10000);
    assert_int_equal(s.commits, 0);
    assert_not_logged("note=uplink-drop");
    later(5000);
    assert_int_equal(s.commits, 1);
    assert_int_equal(s.responds, 1);
    assert_true(s.jumps >= 1 && s.jumps <= 2);
    assert_true(view().appended_bytes / 8 >= 1400 + 2 * 300);
    assert_true(view().appended_bytes / 8 <= 4500);
    down();
}

TEST(a_protected_greeting_is_heard_whole_and_speech_in_it_is_the_first_turn)
{
    greet_protected(2000);
    later(500);
    speak(700);
    later(2500);
    assert_int_equal(s.clears, 0);
    assert_int_equal(s.next_offset, 2000 * 8);
    assert_int_equal(s.commits, 1);
    down();
    /* Of two sentences in it both, and the turn began with the first. */
    greet_protected(4000);
    later(400);
    speak(400);
    later(1100);
    speak(400);
    later(3500);
    assert_int_equal(s.commits, 1);
    assert_true(view().appended_bytes / 8 >= 800 + 2 * 300);
    sim_simple(&s, EV_LEG_STOP);
    assert_in_range(number_behind(" number=1 speech_start="), 400, 600);
    down();
    /* What starts within the grace period and goes on is the first turn, from its first syllable. */
    greet_protected(1000);
    later(1200);
    assert_int_equal(view().phase, PHASE_CONVERSATION);
    speak(1000);
    assert_int_equal(view().caller, CALLER_SPEAKING);
    later(600);
    assert_int_equal(s.commits, 1);
    assert_true(view().appended_bytes / 8 >= 1000 + 300);
    down();
    /* A crumb of echo in it is not. */
    greet_protected(1000);
    later(500);
    speak(130);
    later(4000);
    assert_int_equal(s.commits, 0);
    down();
}

TEST(hybrid_takes_turns_from_the_service_and_verdicts_from_here)
{
    up(TURN_HYBRID, 0);
    assert_true(view().appended_bytes > 0); /* the service hears everything */
    agent_says("r1", 6000, false);
    later(2000);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED); /* evidence, not an order */
    assert_int_equal(s.clears + s.cancels, 0);
    assert_int_equal(view().playout, PLAYOUT_PLAYING);
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    sim_speech(&s, EV_MODEL_COMMITTED);
    assert_int_equal(s.responds, 0); /* nobody spoke */
    speak(700);
    assert_int_equal(s.truncates, 1);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    later(200);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    sim_speech(&s, EV_MODEL_COMMITTED);
    assert_int_equal(s.responds, 1);
    assert_int_equal(s.commits, 0);
    down();
}

TEST(hybrid_closes_a_turn_that_the_service_missed)
{
    up(TURN_HYBRID, 0);
    speak(700);
    later(500 + 400); /* its silence, and the way to it */
    assert_int_equal(s.commits, 0);
    later(300);
    assert_int_equal(s.commits, 1);
    assert_int_equal(s.responds, 1);
    agent_says("r1", 500, true);
    later(1500);
    sim_simple(&s, EV_LEG_STOP);
    assert_logged("turn number=0");
    assert_not_logged("commit=-1"); /* the record has it */
    down();
}

/* semantic_vad waits for the rest of a sentence, for seconds: that is what it is for, and it stays one turn. */
TEST(hybrid_leaves_the_service_the_time_that_meaning_takes)
{
    static const struct {
        const char *eagerness;
        uint32_t most_ms;
    } cases[] = {{"high", 2000}, {"auto", 4000}, {"medium", 4000}, {"low", 8000}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        prepare(TURN_HYBRID, 0);
        s.opts.turn.eagerness = str_from(cases[i].eagerness);
        start();
        sim_speech(&s, EV_MODEL_SPEECH_STARTED);
        speak(700);
        later(1500);
        assert_int_equal(s.commits, 0);
        speak(700);
        later(cases[i].most_ms);
        assert_int_equal(s.commits, 0);
        later(700);
        assert_int_equal(s.commits, 1);
        agent_says("r1", 500, true);
        later(1500);
        sim_simple(&s, EV_LEG_STOP);
        assert_int_equal(count("turn number="), 1);
        assert_logged("turn number=0 speech_start=1088 speech_stop=4000");
        down();
    }
}

static void cue(enum turn_cue what)
{
    struct call_event ev = {.type = EV_CONTROL_TURN, .control_turn = {.cue = what}};
    sim_event(&s, &ev);
}

TEST(push_to_talk)
{
    prepare(TURN_MANUAL, 0);
    s.opts.vad.on = false;
    raise_curtain(false, false);
    later(2000);
    assert_int_equal(view().appended_bytes, 0);
    cue(TURN_CUE_START);
    later(1000);
    assert_in_range(view().appended_bytes / 8, 1250, 1350);
    cue(TURN_CUE_COMMIT);
    assert_int_equal(s.commits, 1);
    assert_int_equal(s.responds, 1);
    agent_says("r1", 4000, false);
    later(1000);
    cue(TURN_CUE_START); /* the button interrupts */
    assert_int_equal(s.truncates, 1);
    assert_logged("text=\"control\"");
    later(300);
    cue(TURN_CUE_DISCARD);
    assert_logged("model.clear-input");
    assert_int_equal(s.commits, 1);
    cue(TURN_CUE_COMMIT); /* nothing is open */
    assert_int_equal(s.commits, 1);
    down();
}

TEST(silence_does_not_end_what_the_button_began)
{
    prepare(TURN_MANUAL, 0);
    start();
    cue(TURN_CUE_START);
    speak(600);
    later(4000);
    assert_int_equal(s.commits, 0);
    assert_int_equal(view().caller, CALLER_SPEAKING);
    cue(TURN_CUE_COMMIT);
    assert_int_equal(s.commits, 1);
    assert_int_equal(s.responds, 1);
    down();
}

TEST(a_sound_that_becomes_protected_does_not_keep_the_floor)
{
    prepare(TURN_LOCAL, 0);
    s.opts.barge_in.on = false;
    s.opts.vad.min_speech_ms = 300;
    start();
    s.ppm = 950000;
    later(80);
    assert_int_equal(view().caller, CALLER_MAYBE_SPEECH);
    agent_says("r1", 1500, true); /* and may not be interrupted */
    s.ppm = 0;
    later(3000);
    assert_int_equal(view().caller, CALLER_SILENT);
    struct call_event ev = {.type = EV_CONTROL_USER_TEXT, .control_text = {.text = STR("hello")}};
    sim_event(&s, &ev);
    assert_int_equal(s.responds, 1); /* not held back for a caller who says nothing */
    down();
}

TEST(a_short_turn_is_padded_to_what_the_service_takes)
{
    prepare(TURN_MANUAL, 0);
    s.opts.vad.on = false;
    s.opts.vad.pre_speech_ms = 0;
    raise_curtain(false, false);
    later(500);
    cue(TURN_CUE_START);
    later(25);
    cue(TURN_CUE_COMMIT);
    assert_int_equal(view().appended_bytes, 800);
    down();
}

TEST(silence_of_the_carrier_ends_a_turn_too)
{
    up(TURN_LOCAL, 0);
    speak(600);
    s.lossy = true;  /* the hole is filled with comfort noise */
    s.media = false; /* the carrier sends nothing more, as some do in silence */
    later(1500);
    assert_int_equal(s.commits, 1);
    down();
}

static void media(uint32_t ts_ms, uint32_t ms)
{
    static uint8_t frame[4000];
    for (size_t i = 0; i < sizeof(frame); i++) {
        frame[i] = (uint8_t)((i & 1 ? 0xC0 : 0x40) + (i * 7 + ts_ms) % 48); /* something, nothing loud */
    }
    struct call_event ev = {.type = EV_LEG_MEDIA};
    ev.leg_media.timestamp_ms = ts_ms;
    ev.leg_media.audio = span_from(frame, (size_t)ms * 8);
    sim_event(&s, &ev);
}

TEST(odd_frames_are_counted_and_survived)
{
    prepare(TURN_LOCAL, 0);
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    s.media = false;
    s.lossy = true;
    sim_model_ready(&s, false, false);
    uint32_t ts = 5000;
    for (int i = 0; i < 20; i++, ts += 200) { /* long ones are as good as short ones */
        later(200);
        media(ts, 200);
    }
    assert_not_logged("note=line");
    assert_in_range(s.chunks, 20 * 200 / 32 - 1, 20 * 200 / 32);
    media(ts - 200, 200); /* twice */
    later(500);
    media(ts + 100, 200); /* behind a hole */
    sim_simple(&s, EV_LEG_STOP);
    assert_logged("doubled=1");
    assert_logged("gaps=1 gap_ms=100");
    assert_logged("odd=0");
    down();
}

TEST(a_tool_answer_waits_for_the_caller_to_finish)
{
    up(TURN_LOCAL, 0);
    sim_created(&s, "r1");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    s.ppm = 950000;
    later(500);
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = STR("call_1");
    ev.tool_result.output = STR("{}");
    sim_event(&s, &ev);
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 0);
    s.ppm = 0;
    later(600);
    assert_int_equal(s.responds, 1); /* one for both */
    down();
}

TEST_MAIN(T(a_turn_opens_the_gate_with_its_pre_roll_and_is_committed_and_answered),
          T(the_pre_roll_is_whole_at_every_moment), T(a_click_never_reaches_the_model),
          T(a_pause_inside_a_sentence_does_not_end_it),
          T(what_is_said_before_the_model_is_ready_becomes_the_first_turn),
          T(a_sound_that_never_ends_is_a_turn_of_a_minute),
          T(the_networks_memory_is_dropped_in_silence_and_behind_a_greeting),
          T(a_turn_ends_in_noise_that_lets_go_of_speech_slowly), T(speech_that_may_not_interrupt_is_the_next_turn),
          T(speech_on_the_shelf_outlives_a_long_answer),
          T(a_protected_greeting_is_heard_whole_and_speech_in_it_is_the_first_turn),
          T(hybrid_takes_turns_from_the_service_and_verdicts_from_here),
          T(hybrid_closes_a_turn_that_the_service_missed), T(hybrid_leaves_the_service_the_time_that_meaning_takes),
          T(push_to_talk), T(silence_does_not_end_what_the_button_began),
          T(a_sound_that_becomes_protected_does_not_keep_the_floor),
          T(a_short_turn_is_padded_to_what_the_service_takes), T(silence_of_the_carrier_ends_a_turn_too),
          T(odd_frames_are_counted_and_survived), T(a_tool_answer_waits_for_the_caller_to_finish))
