/*
 * A sound over the agent, on a virtual clock: pause and verdict, resuming without a skipped sample, truncation at what
 * was heard. The agent's audio counts, so the carrier knows exactly what was said twice.
 */
#include "turn_stage.h"

static const uint64_t delays_us[] = {0, 40000, 120000};

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
        assert_logged("note=barge-in value");
        assert_logged("text=\"speech\"");
        sim_audio(&s, "r1", 1, 100);
        assert_logged("note=late-audio");
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
        assert_logged("note=playout-resume");
        assert_not_logged("note=underrun"); /* the carrier was dry because we paused */
        assert_logged("text=\"short\"");
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
        assert_logged("text=\"backchannel\"");
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
    assert_logged("interrupted=1");
    assert_logged("verdict=speech pauses=2");
    assert_in_range(number_behind(" paused_ms="), 300, 2 * 420); /* both together */
    assert_logged("paused_for=\"short backchannel\"");
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
    assert_not_logged("note=sound-rejected"); /* it is no sound at all */
    speak(100);
    later(500);
    assert_logged("note=sound-rejected");
    assert_int_equal(s.clears, 0);
    speak(500);
    assert_int_equal(s.clears, 1);
    assert_int_equal(s.truncates, 1);
    assert_not_logged("note=playout-pause");
    later(600);
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
    assert_not_logged("text=\"timeout\"");
    down();
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
    assert_logged("text=\"timeout\"");
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

TEST_MAIN(T(the_agent_pauses_in_the_step_of_the_first_chunk_of_speech),
          T(real_speech_cancels_and_truncates_at_what_was_heard),
          T(a_cough_pauses_and_resumes_without_a_skipped_sample),
          T(a_murmur_at_the_edges_of_the_agents_turn_is_no_interruption),
          T(the_record_of_a_turn_tells_what_each_pause_was_for),
          T(after_a_pause_for_nothing_it_takes_more_to_pause_again), T(without_a_pause_only_speech_stops_the_agent),
          T(speech_that_rises_slowly_is_not_silence_meanwhile), T(a_burst_that_peaks_and_fades_is_no_speech),
          T(an_edge_that_passes_does_not_make_a_murmur_speech),
          T(speech_at_an_edge_has_its_verdict_before_the_agent_goes_on),
          T(a_pause_never_lasts_longer_than_the_verdict_may_take),
          T(several_pauses_in_one_item_still_truncate_below_the_truth),
          T(the_agent_holds_its_first_word_while_a_sound_is_undecided),
          T(over_the_agent_a_voice_is_judged_with_the_frame_it_came_in), T(over_our_echo_the_agent_pauses_for_less),
          T(what_is_heard_of_us_behind_a_cough_is_no_interruption))
