/*
 * Turns judged by the local detector, on a virtual clock: the gate, pause and verdict, resuming without a skipped
 * sample, the shelf, push to talk. The agent's audio counts, so the carrier knows exactly what was said twice.
 */
#include "stage.h"

static const uint64_t delays_us[] = {0, 40000, 120000};

static void prepare(enum turn_kind kind, uint64_t delay_us)
{
    sim_init(&s);
    s.delay_us = delay_us;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.turn.kind = kind;
    s.opts.vad.on = true;
    s.opts.vad.min_silence_ms = 400;
}

static void start(void)
{
    raise_curtain(false, false);
    later(1000);
}

static void up(enum turn_kind kind, uint64_t delay_us)
{
    prepare(kind, delay_us);
    start();
}

static void speak(uint32_t ms)
{
    s.ppm = 950000;
    later(ms);
    s.ppm = 10000;
}

/* In the log of actions. */
static int64_t number_behind(const char *words)
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
static void agent_says(const char *response, uint32_t ms, bool whole)
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
    assert_true(logged("note=turn-start"));
    assert_true(logged("note=turn-end"));
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
    assert_true(logged("note=sound-rejected"));
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

TEST(the_agent_pauses_in_the_step_of_the_first_chunk_of_speech)
{
    for (size_t i = 0; i < ARRAY_LEN(delays_us); i++) {
        up(TURN_LOCAL, delays_us[i]);
        agent_says("r1", 8000, false);
        later(3000);
        uint64_t onset_us = s.now_us;
        s.ppm = 950000;
        while (s.clears == 0 && s.now_us < onset_us + 200000) {
            later(1);
        }
        assert_true(s.now_us - onset_us <= 60000); /* one chunk and one frame */
        assert_int_equal(view().playout, PLAYOUT_PAUSED);
        assert_int_equal(view().caller, CALLER_MAYBE_SPEECH);
        assert_int_equal(s.cancels, 0);
        down();
    }
}

TEST(real_speech_cancels_and_truncates_at_what_was_heard)
{
    for (size_t i = 0; i < ARRAY_LEN(delays_us); i++) {
        up(TURN_LOCAL, delays_us[i]);
        agent_says("r1", 8000, false);
        later(3000);
        speak(600);
        assert_int_equal(s.clears, 1);
        assert_int_equal(s.cancels, 1);
        assert_int_equal(s.truncates, 1);
        assert_int_equal(view().playout, PLAYOUT_EMPTY);
        assert_int_equal(view().caller, CALLER_SPEAKING);
        uint32_t truth_ms = s.cleared_at / 8;
        assert_true(s.truncated_ms <= truth_ms);
        assert_true(truth_ms - s.truncated_ms <= 40 + 2 * delays_us[i] / 1000);
        assert_true(logged("note=barge-in value"));
        assert_true(logged("text=\"speech\""));
        sim_audio(&s, "r1", 1, 100);
        assert_true(logged("note=late-audio"));
        sim_response_done(&s, "r1", RESPONSE_CANCELLED);
        later(600);
        assert_int_equal(s.commits, 1);
        assert_int_equal(s.responds, 1);
        down();
        assert_int_equal(s.repeated_max, 0);
    }
}

TEST(a_cough_pauses_and_resumes_without_a_skipped_sample)
{
    for (size_t i = 0; i < ARRAY_LEN(delays_us); i++) {
        up(TURN_LOCAL, delays_us[i]);
        agent_says("r1", 6000, true);
        later(2500);
        speak(100);
        assert_int_equal(view().playout, PLAYOUT_PAUSED);
        later(500);
        assert_int_equal(view().playout, PLAYOUT_PLAYING);
        assert_int_equal(view().caller, CALLER_SILENT);
        assert_int_equal(s.resumes, 1);
        assert_true(s.repeated_max <= 400 * 8);
        assert_int_equal(s.cancels + s.truncates, 0);
        later(6000);
        assert_int_equal(view().playout, PLAYOUT_EMPTY);
        assert_int_equal(s.next_offset, 6000 * 8); /* to the last byte */
        assert_true(logged("note=playout-resume"));
        assert_false(logged("note=underrun")); /* the carrier was dry because we paused */
        assert_true(logged("text=\"short\""));
        assert_int_equal(view().appended_bytes, 0);
        down();
    }
}

TEST(a_murmur_at_the_edges_of_the_agents_turn_is_no_interruption)
{
    static const uint32_t moments[] = {300, 5300}; /* of 6 s */
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        up(TURN_LOCAL, 0);
        agent_says("r1", 6000, true);
        later(moments[i]);
        speak(350);
        later(700);
        assert_int_equal(s.cancels + s.truncates, 0);
        assert_true(logged("text=\"backchannel\""));
        assert_int_equal(s.commits, 0);
        later(6000);
        assert_int_equal(s.next_offset, 6000 * 8);
        down();
    }
    up(TURN_LOCAL, 0);
    agent_says("r1", 6000, true);
    later(3000);
    speak(350); /* in the middle it is speech */
    assert_int_equal(s.truncates, 1);
    down();
}

TEST(the_record_of_a_turn_tells_what_each_pause_was_for)
{
    up(TURN_LOCAL, 0);
    agent_says("r1", 9000, true);
    later(300);
    speak(240);
    later(3000);
    speak(100);
    later(1500);
    speak(800); /* and this is one who means it */
    later(600);
    assert_true(logged("interrupted=1"));
    assert_true(logged("verdict=speech pauses=2"));
    assert_in_range(number_behind(" paused_ms="), 300, 2 * 420); /* both together */
    assert_true(logged("paused_for=\"short backchannel\""));
    down();
}

TEST(after_a_pause_for_nothing_it_takes_more_to_pause_again)
{
    up(TURN_LOCAL, 0);
    agent_says("r1", 20000, true);
    later(2500);
    speak(100);
    later(1000);
    assert_int_equal(s.clears, 1);
    s.ppm = 250000; /* enough before */
    later(100);
    s.ppm = 10000;
    later(1000);
    assert_int_equal(s.clears, 1);
    later(9000);
    s.ppm = 250000; /* and again, ten seconds later */
    later(100);
    s.ppm = 10000;
    later(500);
    assert_int_equal(s.clears, 2);
    assert_int_equal(s.truncates, 0);
    down();
}

TEST(without_a_pause_only_speech_stops_the_agent)
{
    prepare(TURN_LOCAL, 0);
    s.opts.barge_in.pause = false;
    start();
    agent_says("r1", 9000, true);
    later(2500);
    s.ppm = 300000; /* would pause it */
    later(300);
    s.ppm = 10000;
    later(500);
    assert_false(logged("note=sound-rejected")); /* it is no sound at all */
    speak(100);
    later(500);
    assert_true(logged("note=sound-rejected"));
    assert_int_equal(s.clears, 0);
    speak(500);
    assert_int_equal(s.clears, 1);
    assert_int_equal(s.truncates, 1);
    assert_false(logged("note=playout-pause"));
    later(600);
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

TEST(speech_that_rises_slowly_is_not_silence_meanwhile)
{
    up(TURN_LOCAL, 0);
    agent_says("r1", 6000, false);
    later(3000);
    s.ppm = 250000; /* enough to listen, not enough to believe */
    later(220);
    assert_int_equal(view().playout, PLAYOUT_PAUSED);
    speak(350);
    assert_int_equal(s.resumes, 0);
    assert_int_equal(s.truncates, 1);
    down();
}

TEST(a_burst_that_peaks_and_fades_is_no_speech)
{
    static const uint32_t ppm[] = {390000, 810000, 830000, 800000, 670000, 520000, 370000, 270000, 200000, 130000, 0};
    up(TURN_LOCAL, 0);
    agent_says("r1", 6000, false);
    later(3000);
    for (size_t i = 0; i < ARRAY_LEN(ppm); i++) { /* pink noise at 10 dB, as the network heard it */
        s.ppm = ppm[i];
        later(32);
    }
    later(300);
    assert_int_equal(s.cancels + s.truncates, 0);
    assert_int_equal(s.resumes, 1);
    down();
}

TEST(an_edge_that_passes_does_not_make_a_murmur_speech)
{
    prepare(TURN_LOCAL, 0);
    s.opts.barge_in.reject_silence_ms = 600;
    s.opts.barge_in.verdict_ms = 400;
    start();
    agent_says("r1", 6000, false);
    later(850); /* the edge ends 150 ms from here */
    speak(380);
    later(1500);
    assert_int_equal(s.cancels + s.truncates, 0);
    down();
}

TEST(speech_at_an_edge_has_its_verdict_before_the_agent_goes_on)
{
    prepare(TURN_LOCAL, 0);
    s.opts.barge_in.backchannel_ms = 640;
    s.opts.barge_in.verdict_ms = 500;
    start();
    agent_says("r1", 6000, false);
    later(300);
    speak(600);
    assert_int_equal(view().playout, PLAYOUT_PAUSED); /* longer than a verdict takes, and not yet real */
    s.ppm = 950000;
    later(150);
    assert_int_equal(s.truncates, 1);
    assert_false(logged("text=\"timeout\""));
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

TEST(a_pause_never_lasts_longer_than_the_verdict_may_take)
{
    prepare(TURN_LOCAL, 0);
    s.opts.barge_in.min_speech_ms = 5000;
    start();
    agent_says("r1", 9000, true);
    later(3000);
    s.ppm = 950000;
    later(70);
    s.ppm = 400000; /* neither speech nor silence: the thresholds decide nothing */
    assert_int_equal(view().playout, PLAYOUT_PAUSED);
    later(600);
    assert_int_equal(view().playout, PLAYOUT_PLAYING);
    assert_true(logged("text=\"timeout\""));
    later(300);
    assert_int_equal(s.clears, 1); /* one pause per sound */
    down();
}

TEST(several_pauses_in_one_item_still_truncate_below_the_truth)
{
    for (size_t i = 0; i < ARRAY_LEN(delays_us); i++) {
        prepare(TURN_LOCAL, delays_us[i]);
        s.opts.barge_in.backoff_ppm = 0;
        start();
        agent_says("r1", 20000, false);
        for (int k = 0; k < 4; k++) {
            later(1700);
            speak(70);
            later(600);
        }
        assert_int_equal(s.resumes, 4);
        later(700);
        speak(500);
        assert_int_equal(s.truncates, 1);
        assert_true(s.truncated_ms <= s.cleared_at / 8);
        down();
    }
}

TEST(the_agent_holds_its_first_word_while_a_sound_is_undecided)
{
    prepare(TURN_LOCAL, 0);
    s.opts.vad.min_speech_ms = 200; /* so that the sound stays open for a while */
    start();
    s.ppm = 950000;
    later(80);
    assert_int_equal(view().caller, CALLER_MAYBE_SPEECH);
    agent_says("r1", 2000, true);
    s.ppm = 0;
    assert_int_equal(s.next_offset, 0); /* not a sample went out */
    later(400);
    assert_int_equal(view().playout, PLAYOUT_PLAYING);
    later(3000);
    assert_int_equal(s.next_offset, 2000 * 8);
    down();
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
    assert_true(logged("note=barge-in-ignored"));
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
    assert_false(logged("note=uplink-drop"));
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

/* The caller's line by hand: noise of so many steps of mu-law below full scale, 0xFF for silence. */
static void line(uint32_t ms, uint8_t loudest)
{
    static uint32_t dice = 1;
    for (uint32_t at = 0; at < ms; at += 20) {
        uint8_t audio[160];
        for (size_t i = 0; i < sizeof(audio); i++) {
            dice = dice * 1664525u + 1013904223u;
            audio[i] = (uint8_t)((dice >> 24 & 0x80) | (0x7F - (dice >> 16 & (0x7F - loudest))));
        }
        struct call_event ev = {.type = EV_LEG_MEDIA};
        ev.leg_media.timestamp_ms = s.media_ts;
        ev.leg_media.audio = span_from(audio, sizeof(audio));
        s.media_ts += 20;
        sim_event(&s, &ev);
        later(20);
    }
}

/* Wherever the frame falls into its chunk: what stands out from the line is judged with it, what does not with the
 * chunk. */
TEST(over_the_agent_a_voice_is_judged_with_the_frame_it_came_in)
{
    uint32_t at_once[2] = {0, 0};
    for (uint32_t i = 0; i < 16; i++) {
        bool loud = i % 2;
        prepare(TURN_LOCAL, 0);
        s.lossy = true;
        raise_curtain(false, false);
        s.media = false;
        line(1000, 0x7F);
        agent_says("r1", 6000, false);
        line(300 + i / 2 * 20, 0x7F);
        s.ppm = 200000;
        line(20, loud ? 0x30 : 0x7F);
        at_once[loud] += s.clears;
        line(20, loud ? 0x30 : 0x7F);
        assert_int_equal(s.clears, 1);
        s.ppm = 10000;
        line(1000, 0x7F);
        assert_int_equal(view().playout, PLAYOUT_PLAYING);
        assert_int_equal(s.truncates, 0);
        down();
    }
    assert_int_equal(at_once[1], 8); /* of 8 places in the chunk */
    assert_int_equal(at_once[0], 5); /* those in which it became full */
}

/* What the guard lets through although our own voice may be on the line is somebody: less has to be heard of him. */
TEST(over_our_echo_the_agent_pauses_for_less)
{
    static const struct {
        bool guard;
        uint32_t ppm;
        bool pauses;
    } cases[] = {{true, 90000, true}, {false, 90000, false}, {true, 80000, false}, {false, 170000, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        prepare(TURN_LOCAL, 0);
        s.opts.echo_guard = cases[i].guard;
        s.lossy = true;
        raise_curtain(false, false);
        s.media = false;
        line(1000, 0x7F);
        agent_says("r1", 6000, false);
        line(300, 0x7F); /* its echo may still be on the way */
        assert_int_equal(s.clears, 0);
        s.ppm = cases[i].ppm;
        line(120, 0x00);
        assert_int_equal(s.clears, cases[i].pauses);
        s.ppm = 10000;
        line(1000, 0x7F);
        assert_int_equal(view().playout, PLAYOUT_PLAYING);
        assert_int_equal(s.truncates, 0);
        down();
    }
}

/* A cough opens the guard for a moment: the speech that is heard through it is our own. */
TEST(what_is_heard_of_us_behind_a_cough_is_no_interruption)
{
    for (int guard = 0; guard < 2; guard++) {
        prepare(TURN_LOCAL, 0);
        s.opts.echo_guard = guard;
        s.lossy = true;
        raise_curtain(false, false);
        s.media = false;
        line(1000, 0x7F);
        agent_says("r1", 6000, false);
        line(200, 0x7F);
        s.ppm = 20000;
        line(60, 0x00);
        s.ppm = 950000;
        line(700, 0x50);
        s.ppm = 10000;
        line(1000, 0x7F);
        assert_int_equal(s.truncates, guard ? 0 : 1);
        assert_int_equal(view().playout, guard ? PLAYOUT_PLAYING : PLAYOUT_EMPTY);
        sim_response_done(&s, "r1", guard ? RESPONSE_COMPLETED : RESPONSE_CANCELLED);
        down();
    }
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
    assert_true(logged("turn number=0"));
    assert_false(logged("commit=-1")); /* the record has it */
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
        assert_true(logged("turn number=0 speech_start=1088 speech_stop=4000"));
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
    assert_true(logged("text=\"control\""));
    later(300);
    cue(TURN_CUE_DISCARD);
    assert_true(logged("model.clear-input"));
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
    assert_false(logged("note=line"));
    assert_in_range(s.chunks, 20 * 200 / 32 - 1, 20 * 200 / 32);
    media(ts - 200, 200); /* twice */
    later(500);
    media(ts + 100, 200); /* behind a hole */
    sim_simple(&s, EV_LEG_STOP);
    assert_true(logged("doubled=1"));
    assert_true(logged("gaps=1 gap_ms=100"));
    assert_true(logged("odd=0"));
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

TEST_MAIN(
    T(a_turn_opens_the_gate_with_its_pre_roll_and_is_committed_and_answered), T(the_pre_roll_is_whole_at_every_moment),
    T(a_click_never_reaches_the_model), T(a_pause_inside_a_sentence_does_not_end_it),
    T(what_is_said_before_the_model_is_ready_becomes_the_first_turn),
    T(the_agent_pauses_in_the_step_of_the_first_chunk_of_speech),
    T(real_speech_cancels_and_truncates_at_what_was_heard), T(a_cough_pauses_and_resumes_without_a_skipped_sample),
    T(a_murmur_at_the_edges_of_the_agents_turn_is_no_interruption),
    T(the_record_of_a_turn_tells_what_each_pause_was_for), T(after_a_pause_for_nothing_it_takes_more_to_pause_again),
    T(without_a_pause_only_speech_stops_the_agent), T(a_sound_that_never_ends_is_a_turn_of_a_minute),
    T(the_networks_memory_is_dropped_in_silence_and_behind_a_greeting),
    T(speech_that_rises_slowly_is_not_silence_meanwhile), T(a_burst_that_peaks_and_fades_is_no_speech),
    T(an_edge_that_passes_does_not_make_a_murmur_speech), T(speech_at_an_edge_has_its_verdict_before_the_agent_goes_on),
    T(a_turn_ends_in_noise_that_lets_go_of_speech_slowly), T(a_pause_never_lasts_longer_than_the_verdict_may_take),
    T(several_pauses_in_one_item_still_truncate_below_the_truth),
    T(the_agent_holds_its_first_word_while_a_sound_is_undecided), T(speech_that_may_not_interrupt_is_the_next_turn),
    T(speech_on_the_shelf_outlives_a_long_answer),
    T(a_protected_greeting_is_heard_whole_and_speech_in_it_is_the_first_turn),
    T(over_the_agent_a_voice_is_judged_with_the_frame_it_came_in), T(over_our_echo_the_agent_pauses_for_less),
    T(what_is_heard_of_us_behind_a_cough_is_no_interruption),
    T(hybrid_takes_turns_from_the_service_and_verdicts_from_here), T(hybrid_closes_a_turn_that_the_service_missed),
    T(hybrid_leaves_the_service_the_time_that_meaning_takes), T(push_to_talk),
    T(silence_does_not_end_what_the_button_began), T(a_sound_that_becomes_protected_does_not_keep_the_floor),
    T(a_short_turn_is_padded_to_what_the_service_takes), T(silence_of_the_carrier_ends_a_turn_too),
    T(odd_frames_are_counted_and_survived), T(a_tool_answer_waits_for_the_caller_to_finish))
