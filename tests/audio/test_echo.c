#include "test.h"

#include <stdlib.h>

#include "audio/echo.h"
#include "audio/g711.h"

#define FRAME_MS 20
#define TEN_S    500 /* frames */

/* Integers only, so that every machine hears the same. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/*
 * A voice: syllables of 120 to 320 ms with pauses between some, each noise through two resonances of its own. About
 * -20 dBFS where it sounds with gain 256.
 */
struct voice {
    uint32_t seed;
    int32_t left;    /* samples of this syllable */
    int32_t length;  /* 0: a pause */
    int32_t tone[2]; /* resonances, Q14 */
    int32_t y[2][2];
};

static int16_t voice_sample(struct voice *v, int32_t gain)
{
    static const int32_t tones[] = {30230, 27101, 18683, 0, -18683}; /* 400, 700, 1200, 2000, 2800 Hz */
    if (v->left == 0) {
        uint32_t r = next_random(&v->seed);
        v->length = v->length && r % 4 == 0 ? 0 : 1;
        v->left = 960 + (int32_t)(r / 4 % 1600);
        v->length *= v->left;
        v->tone[0] = tones[r / 8192 % 3];
        v->tone[1] = tones[2 + r / 32768 % 3];
    }
    v->left--;
    int32_t done = v->length - v->left;
    int32_t envelope = v->length ? MIN(MIN(done, v->left), 240) : 0;
    int32_t x = ((int32_t)(next_random(&v->seed) & 1023) - 512) * envelope / 240;
    int32_t sum = 0;
    for (int i = 0; i < 2; i++) {
        int32_t y = x + (int32_t)(((int64_t)v->tone[i] * v->y[i][0] - (int64_t)15416 * v->y[i][1]) >> 14);
        v->y[i][1] = v->y[i][0];
        v->y[i][0] = y;
        sum += y;
    }
    int32_t out = sum * gain / 144;
    return (int16_t)CLAMP(out, -32000, 32000);
}

/* A call: what is said on both ends, and a line with echo between. Gains are of 256, echo's of 1024. */
struct line {
    struct echo_guard guard;
    uint32_t hz;
    uint32_t frame_ms;
    struct voice agent, caller;
    int32_t agent_gain, caller_gain; /* 0: silent */
    uint32_t delay_ms;
    int32_t echo_gain;
    int32_t noise;
    int32_t dc;
    uint64_t at;   /* samples at 8 kHz */
    uint64_t jump; /* added to all positions */
    uint32_t seed;
    int16_t past[16384]; /* of the agent */
    /* What came of it. */
    enum echo_verdict verdict;
    uint32_t verdicts[ECHO_DOUBLE + 1];
    uint32_t leak_ms, longest_leak_ms; /* of frames with echo well above noise that were not gated */
    int64_t echo_power, near_power;    /* mean of the last frame */
    uint32_t frames;
};

static struct line line_at(uint32_t hz, uint32_t delay_ms, int32_t echo_gain)
{
    struct line l = {.hz = hz,
                     .frame_ms = FRAME_MS,
                     .agent = {.seed = 11},
                     .caller = {.seed = 5},
                     .delay_ms = delay_ms,
                     .echo_gain = echo_gain,
                     .noise = 24,
                     .seed = 3};
    echo_init(&l.guard, hz);
    return l;
}

/* One frame of both ends. The agent's goes to the carrier just when it is heard. */
static void line_frame(struct line *l)
{
    int16_t sent[60 * 24], heard[60 * 24];
    uint32_t times = l->hz / 8000;
    uint32_t n = l->frame_ms * 8;
    l->echo_power = l->near_power = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t t = l->at + i;
        int16_t a = l->agent_gain ? voice_sample(&l->agent, l->agent_gain) : 0;
        l->past[t % 16384] = a;
        int32_t echo = l->past[(t + 16384 - l->delay_ms * 8) % 16384] * l->echo_gain / 1024;
        int32_t near = l->caller_gain ? voice_sample(&l->caller, l->caller_gain) : 0;
        int32_t noise = l->noise ? (int32_t)(next_random(&l->seed) % (2u * (uint32_t)l->noise)) - l->noise : 0;
        int32_t sum = CLAMP(echo + near + noise + l->dc, -32768, 32767);
        l->echo_power += (int64_t)echo * echo;
        l->near_power += (int64_t)near * near;
        for (uint32_t k = 0; k < times; k++) {
            sent[i * times + k] = a;
            heard[i * times + k] = g711_mulaw_decode1(g711_mulaw_encode1((int16_t)sum));
        }
    }
    uint64_t at = l->at * times + l->jump;
    if (l->agent_gain) {
        echo_sent(&l->guard, at, sent, (size_t)n * times);
    }
    l->verdict = echo_judge(&l->guard, at, heard, (size_t)n * times);
    l->at += n;
    l->echo_power /= n;
    l->near_power /= n;
    l->verdicts[l->verdict]++;
    l->frames++;
    if (l->verdict == ECHO_ONLY) {
        l->leak_ms = 0;
    } else if (l->echo_power > 16 * (int64_t)l->noise * l->noise && l->near_power == 0) {
        l->leak_ms += l->frame_ms;
        l->longest_leak_ms = MAX(l->longest_leak_ms, l->leak_ms);
    }
}

static void line_run(struct line *l, uint32_t frames)
{
    for (uint32_t i = 0; i < frames; i++) {
        line_frame(l);
    }
}

/* Of the frames in which the caller is loud, how many in a hundred pass. */
static uint32_t line_passes(struct line *l, uint32_t frames, int64_t loud)
{
    uint32_t all = 0;
    uint32_t passed = 0;
    for (uint32_t i = 0; i < frames; i++) {
        line_frame(l);
        if (l->near_power > loud) {
            all++;
            passed += l->verdict != ECHO_ONLY;
        }
    }
    assert_true(all > frames / 4);
    return passed * 100 / all;
}

static void assert_learned(const struct line *l, uint32_t delay_ms, uint32_t loss_cb)
{
    struct echo_stats s;
    echo_stats(&l->guard, &s);
    assert_true(s.found);
    assert_in_range(s.delay_ms + 10, delay_ms, delay_ms + 20);
    assert_in_range(s.loss_cb + 30, loss_cb, loss_cb + 60);
}

TEST(delay_and_loss_are_learned_and_nothing_leaks)
{
    static const struct {
        uint32_t delay_ms;
        int32_t gain; /* of 1024 */
        uint32_t loss_cb;
    } cases[] = {{40, 257, 120}, {180, 102, 200}, {400, 32, 301}, {590, 102, 200}, {0, 181, 150}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct line l = line_at(8000, cases[i].delay_ms, cases[i].gain);
        l.agent_gain = 256;
        line_run(&l, TEN_S / 2);
        assert_learned(&l, cases[i].delay_ms, cases[i].loss_cb);
        assert_int_equal(l.longest_leak_ms, 0); /* not even of the first syllable */
        assert_int_equal(l.verdicts[ECHO_DOUBLE], 0);
    }
}

TEST(very_loud_and_very_weak_echo_do_no_harm)
{
    struct line loud = line_at(8000, 200, 513); /* -6 dB */
    loud.agent_gain = 256;
    line_run(&loud, TEN_S / 2);
    assert_learned(&loud, 200, 60);
    assert_int_equal(loud.longest_leak_ms, 0);

    struct line weak = line_at(8000, 200, 6); /* -45 dB */
    weak.agent_gain = 256;
    line_run(&weak, TEN_S / 2);
    assert_int_equal(weak.longest_leak_ms, 0);
    weak.caller_gain = 64;
    assert_in_range(line_passes(&weak, TEN_S / 2, 40000), 90, 100);
}

TEST(soft_callers_pass_on_a_line_without_echo)
{
    struct line l = line_at(8000, 0, 0);
    l.agent_gain = 256;
    line_run(&l, 120);
    l.caller_gain = 40; /* about -36 dBFS */
    assert_in_range(line_passes(&l, TEN_S / 2, 20000), 97, 100);
    struct echo_stats s;
    echo_stats(&l.guard, &s);
    assert_false(s.found);
    assert_int_equal(s.delay_ms, 0);
    assert_int_equal(s.loss_cb, 0);
}

/*
 * The absence of an echo must also be seen when the caller never stops talking. Two voices made of the same syllables
 * follow each other by chance now and then; that is found out after some seconds.
 */
TEST(callers_who_talk_all_the_time_are_no_echo)
{
    uint32_t at_once = 0;
    for (uint32_t seed = 20; seed < 30; seed++) {
        struct line l = line_at(8000, 0, 0);
        l.caller.seed = seed * 7919;
        l.agent_gain = 256;
        line_run(&l, 10);
        l.caller_gain = 64;
        line_run(&l, 190);
        at_once += line_passes(&l, 100, 40000) >= 97;
        line_run(&l, 900);
        assert_in_range(line_passes(&l, TEN_S / 2, 40000), 97, 100);
    }
    assert_in_range(at_once, 7, 10);
}

TEST(nothing_is_gated_without_agent_audio)
{
    struct line l = line_at(8000, 200, 102);
    l.caller_gain = 256;
    line_run(&l, TEN_S);
    assert_int_equal(l.verdicts[ECHO_NONE], TEN_S);
    l.caller_gain = 0;
    l.agent_gain = 256;
    line_run(&l, TEN_S / 2);
    assert_learned(&l, 200, 200);
    /* It falls silent: the delay, the tail, and then nothing. */
    l.agent_gain = 0;
    line_run(&l, 50);
    uint32_t before = l.verdicts[ECHO_NONE];
    l.caller_gain = 10;
    line_run(&l, TEN_S);
    assert_int_equal(l.verdicts[ECHO_NONE] - before, TEN_S);
}

TEST(silence_is_nothing)
{
    struct line l = line_at(8000, 200, 102);
    l.noise = 0;
    line_run(&l, TEN_S);
    assert_int_equal(l.verdicts[ECHO_NONE], TEN_S);
    int16_t zero[160] = {0};
    for (uint64_t i = 0; i < TEN_S; i++) {
        echo_sent(&l.guard, l.at + i * 160, zero, 160);
        assert_int_equal(echo_judge(&l.guard, l.at + i * 160, zero, 160), ECHO_NONE);
    }
}

TEST(somebody_who_speaks_over_the_echo_passes_at_once)
{
    struct line l = line_at(8000, 240, 102);
    l.agent_gain = 256;
    line_run(&l, TEN_S / 2);
    assert_int_equal(l.verdicts[ECHO_DOUBLE] + l.verdicts[ECHO_HELD] + l.verdicts[ECHO_STALE], 0);
    for (uint32_t seed = 1; seed <= 10; seed++) {
        l.caller = (struct voice){.seed = seed};
        l.caller_gain = 256;
        uint32_t waited = 0;
        while (waited < 10 && l.near_power < 40000) {
            line_frame(&l);
        }
        while (l.verdict == ECHO_ONLY && waited < 10) {
            line_frame(&l);
            waited++;
        }
        assert_in_range(waited, 0, 1); /* frames after the first loud one */
        assert_int_equal(l.verdict, ECHO_DOUBLE);
        assert_in_range(line_passes(&l, 100, 40000), 90, 100);
        l.caller_gain = 0;
        line_run(&l, 50);
        assert_int_equal(l.verdict, ECHO_ONLY);
    }
    assert_learned(&l, 240, 200);
}

/* A cough opens the guard: what is heard behind it is our own voice again, and is said to be that. */
TEST(behind_a_sound_the_guard_is_open_and_promises_nothing)
{
    struct line l = line_at(8000, 240, 102);
    l.agent_gain = 256;
    line_run(&l, TEN_S / 2);
    for (uint32_t seed = 1; seed <= 10; seed++) {
        uint32_t before[ECHO_DOUBLE + 1];
        l.caller = (struct voice){.seed = seed};
        l.caller_gain = 400;
        line_run(&l, 15);
        assert_int_equal(l.verdict, ECHO_DOUBLE);
        l.caller_gain = 0;
        line_run(&l, 5); /* 100 ms */
        memcpy(before, l.verdicts, sizeof(before));
        line_run(&l, 20);
        assert_int_equal(l.verdicts[ECHO_DOUBLE], before[ECHO_DOUBLE]);
        assert_in_range(l.verdicts[ECHO_STALE] - before[ECHO_STALE], 4, 12);
        assert_int_equal(l.verdict, ECHO_ONLY);
        line_run(&l, 30);
    }
    /* Of a voice that is loud, hardly a frame is doubted. */
    uint32_t loud = 0;
    uint32_t held = 0;
    l.caller_gain = 256;
    for (int i = 0; i < 500; i++) {
        line_frame(&l);
        loud += l.near_power > 40000;
        held += l.near_power > 40000 && l.verdict == ECHO_STALE;
    }
    assert_true(loud > 200 && held * 20 < loud);
}

TEST(a_loud_caller_passes_before_anything_is_learned)
{
    struct line l = line_at(8000, 240, 102);
    l.agent_gain = 256;
    l.caller_gain = 512;
    assert_in_range(line_passes(&l, 40, 10000000), 80, 100);
}

TEST(the_delay_may_move_with_each_run)
{
    struct line l = line_at(8000, 200, 102);
    static const uint32_t delays[] = {200, 260, 220, 160, 200, 140};
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        l.agent_gain = 256;
        l.delay_ms = delays[i];
        line_run(&l, 200);
        assert_learned(&l, delays[i], 200);
        l.agent_gain = 0;
        line_run(&l, 40);
    }
    assert_in_range(l.longest_leak_ms, 0, 40);
}

/* The line clears: what was ahead will not sound, what goes out next comes with another delay. */
TEST(after_a_cut_the_new_delay_is_found)
{
    struct line l = line_at(8000, 200, 102);
    l.agent_gain = 256;
    line_run(&l, 200);
    echo_cut(&l.guard, l.at);
    l.delay_ms = 250;
    memset(l.past, 0, sizeof(l.past));
    line_run(&l, 200);
    assert_learned(&l, 250, 200);
    assert_in_range(l.longest_leak_ms, 0, 40);
}

/*
 * Each cut begins the sums afresh, and of two voices at once some lag always looks followed. A delay that was sure is
 * not given up for that: the agent would hear itself from then on.
 */
TEST(cuts_while_somebody_speaks_do_not_move_the_delay)
{
    for (uint32_t seed = 1; seed <= 40; seed++) {
        struct line l = line_at(8000, 200, 102);
        l.agent.seed = seed * 7919;
        l.caller.seed = seed * 104729;
        l.agent_gain = 256;
        line_run(&l, 200);
        for (int cut = 0; cut < 5; cut++) {
            l.caller_gain = 300;
            line_run(&l, 6);
            echo_cut(&l.guard, l.at);
            l.agent_gain = 0; /* interrupted, while the caller talks on; then it answers */
            line_run(&l, 60);
            l.agent_gain = 256;
            l.caller_gain = 0;
            line_run(&l, 30);
        }
        assert_learned(&l, 200, 200);
    }
}

/*
 * A weak echo, of which the noise hides all but the loudest, is not learned in a short greeting; then the caller
 * answers at once. His voice is in the sums, and was once taken for the proof that nothing follows ours: the agent's
 * next words came back unguarded.
 */
TEST(a_caller_who_answers_at_once_does_not_hide_a_weak_echo)
{
    uint32_t open = 0;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct line l = line_at(8000, 360, 14);
        l.agent.seed = seed * 104729;
        l.agent_gain = 256;
        line_run(&l, 100);
        l.agent_gain = 0;
        l.caller_gain = 256;
        line_run(&l, 100);
        l.caller_gain = 0;
        line_run(&l, 30);
        l.agent_gain = 256;
        line_run(&l, 30); /* his reverberation, as it were */
        memset(l.verdicts, 0, sizeof(l.verdicts));
        line_run(&l, 300);
        open += l.verdicts[ECHO_NONE] + l.verdicts[ECHO_DOUBLE];
    }
    assert_in_range(open, 0, 60); /* of 6000 frames */
}

/*
 * The network held the greeting up: its echo came later than any that is looked for, so that ours seemed to make none.
 * What came then was louder than an echo could be, and the agent heard itself for the rest of the call.
 */
TEST(an_echo_that_came_too_late_once_is_found_all_the_same)
{
    uint32_t open = 0;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct line l = line_at(8000, 1200, 102);
        l.agent.seed = seed * 104729;
        l.agent_gain = 256;
        line_run(&l, 80);
        l.agent_gain = 0;
        line_run(&l, 60);
        l.delay_ms = 520;
        memset(l.past, 0, sizeof(l.past));
        l.agent_gain = 256;
        memset(l.verdicts, 0, sizeof(l.verdicts));
        line_run(&l, 300);
        assert_learned(&l, 520, 200);
        open += l.verdicts[ECHO_NONE] + l.verdicts[ECHO_DOUBLE];
    }
    assert_in_range(open, 0, 250); /* of 6000; without a new beginning none of the delays is found */
}

/* The line itself changes, by more than runs do among themselves. */
TEST(a_delay_that_leaps_is_found_again)
{
    static const uint32_t delays[] = {120, 420, 60, 300};
    struct line l = line_at(8000, delays[0], 102);
    l.agent_gain = 256;
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        l.delay_ms = delays[i];
        line_run(&l, 300);
        assert_learned(&l, delays[i], 200);
    }
}

/*
 * ... and at once: a buffer on the way ran dry in mid-speech, all that follows is late by as much. What the agent hears
 * of itself until then is too short to be an interruption.
 */
TEST(a_delay_that_leaps_within_a_run_is_found_at_once)
{
    static const uint32_t delays[] = {200, 320, 150, 240};
    uint32_t longest = 0, leaked = 0;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct line l = line_at(8000, delays[0], 102);
        l.agent.seed = seed * 7919;
        l.agent_gain = 256;
        line_run(&l, 150);
        assert_learned(&l, delays[0], 200);
        for (size_t i = 1; i < ARRAY_LEN(delays); i++) {
            l.delay_ms = delays[i];
            l.leak_ms = l.longest_leak_ms = 0;
            uint32_t gated = l.verdicts[ECHO_ONLY];
            line_run(&l, 150);
            longest = MAX(longest, l.longest_leak_ms);
            leaked += 150 - (l.verdicts[ECHO_ONLY] - gated);
        }
    }
    assert_in_range(longest, 0, 320); /* the sums alone: 1480 ms, and 2887 frames */
    assert_in_range(leaked, 0, 1200); /* of 9000, with the pauses of what is said */
}

TEST(what_was_cut_is_not_waited_for)
{
    struct line l = line_at(8000, 100, 102);
    l.agent_gain = 256;
    line_run(&l, 200);
    /* Two seconds lie at the carrier, then it is cleared. */
    static int16_t ahead[16000];
    for (size_t i = 0; i < ARRAY_LEN(ahead); i++) {
        ahead[i] = voice_sample(&l.agent, 256);
    }
    struct echo_guard kept = l.guard;
    echo_sent(&kept, l.at, ahead, ARRAY_LEN(ahead));
    struct echo_guard cleared = kept;
    echo_cut(&cleared, l.at);
    uint32_t gated[2] = {0};
    for (uint64_t at = l.at + 9600; at < l.at + 16000; at += 160) {
        int16_t x[160];
        for (size_t i = 0; i < 160; i++) {
            x[i] = (int16_t)(voice_sample(&l.caller, 8)); /* softer than the echo would be */
        }
        gated[0] += echo_judge(&kept, at, x, 160) == ECHO_ONLY;
        gated[1] += echo_judge(&cleared, at, x, 160) == ECHO_ONLY;
    }
    assert_true(gated[0] > 20);
    assert_int_equal(gated[1], 0);
}

TEST(frames_of_any_length_are_judged)
{
    static const uint32_t lengths[] = {10, 30, 40, 60, 13, 25};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct line l = line_at(8000, 180, 102);
        l.frame_ms = lengths[i];
        l.agent_gain = 256;
        line_run(&l, 6000 / lengths[i]);
        assert_learned(&l, 180, 200);
        assert_int_equal(l.longest_leak_ms, 0);
    }
}

TEST(all_rates_are_alike)
{
    for (uint32_t hz = 8000; hz <= 24000; hz += 8000) {
        struct line l = line_at(hz, 180, 102);
        l.jump = 37; /* not on the grid of the slots */
        l.agent_gain = 256;
        line_run(&l, TEN_S / 2);
        assert_learned(&l, 180, 200);
        assert_int_equal(l.longest_leak_ms, 0);
        l.caller_gain = 256;
        assert_in_range(line_passes(&l, 100, 40000), 90, 100);
    }
}

TEST(an_offset_of_the_line_is_not_heard)
{
    struct line l = line_at(8000, 180, 102);
    l.dc = 1500;
    l.noise = 200; /* mu-law is coarse up there */
    l.agent_gain = 512;
    line_run(&l, TEN_S / 2);
    assert_learned(&l, 180, 200);
    assert_in_range(l.longest_leak_ms, 0, 20);
}

TEST(full_scale_noise_passes_and_is_survived)
{
    struct line l = line_at(8000, 180, 102);
    l.agent_gain = 256;
    line_run(&l, 200);
    l.noise = 32767;
    uint32_t before = l.verdicts[ECHO_ONLY];
    line_run(&l, 50);
    assert_in_range(l.verdicts[ECHO_ONLY] - before, 0, 1);
    l.noise = 24;
    line_run(&l, 200);
    assert_learned(&l, 180, 200);
    int16_t full[160];
    for (uint64_t i = 0; i < 2 * TEN_S; i++) {
        for (size_t k = 0; k < 160; k++) {
            full[k] = (k + i) % 2 ? INT16_MAX : INT16_MIN;
        }
        echo_sent(&l.guard, l.at + i * 160, full, 160);
        echo_judge(&l.guard, l.at + i * 160, full, 160);
    }
}

/* Positions that jump: nothing is gated for what cannot come back, and the guard works again at once. */
TEST(jumps_of_the_clock_are_survived)
{
    static const uint64_t jumps[] = {80000, 400, 1ull << 40, 12345, 0, 1ull << 62, 0};
    struct line l = line_at(8000, 180, 102);
    l.agent_gain = 256;
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        l.jump = jumps[i];
        line_run(&l, 200);
        assert_learned(&l, 180, 200);
        assert_in_range(l.longest_leak_ms, 0, 600); /* the delay, and what held the guard open */
        l.longest_leak_ms = 0;
    }
}

TEST(hostile_positions_are_harmless)
{
    static const uint64_t positions[] = {0,          1,         UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 2, 1ull << 63,
                                         1ull << 62, INT64_MAX, 79,         UINT32_MAX};
    static int16_t pcm[48000];
    struct line l = line_at(8000, 180, 102);
    uint32_t seed = 1;
    for (size_t i = 0; i < ARRAY_LEN(pcm); i++) {
        pcm[i] = (int16_t)next_random(&seed);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        uint64_t at = positions[next_random(&seed) % ARRAY_LEN(positions)] + next_random(&seed) % 3 * 8000;
        size_t n = i % 50 ? next_random(&seed) % 500 : ARRAY_LEN(pcm);
        switch (next_random(&seed) % 3) {
        case 0:
            echo_sent(&l.guard, at, pcm, n);
            break;
        case 1:
            echo_cut(&l.guard, at);
            break;
        default:
            echo_judge(&l.guard, at, pcm, n);
        }
    }
    echo_sent(&l.guard, 0, NULL, 0);
    assert_int_equal(echo_judge(&l.guard, 0, NULL, 0), ECHO_NONE);
    l.at = 800000;
    l.agent_gain = 256;
    line_run(&l, TEN_S);
    assert_learned(&l, 180, 200);
}

TEST(closures_and_gated_time_are_counted)
{
    struct line l = line_at(8000, 180, 102);
    struct echo_stats s;
    for (int i = 0; i < 3; i++) {
        l.agent_gain = 256;
        line_run(&l, 100);
        l.agent_gain = 0;
        line_run(&l, 100);
    }
    echo_stats(&l.guard, &s);
    assert_int_equal(s.gated_ms, l.verdicts[ECHO_ONLY] * FRAME_MS);
    assert_in_range(s.gated_ms, 3 * 2000, 3 * 3000);
    assert_in_range(s.closures, 3, 6);
}

/* The journal of a call is replayed on other machines: what they judge must not differ by a frame. */
TEST(judgement_is_bit_exact)
{
    struct line l = line_at(8000, 210, 90);
    uint32_t digest = 2166136261u;
    for (int i = 0; i < 1500; i++) {
        l.agent_gain = i % 400 < 300 ? 200 : 0;
        l.caller_gain = i % 170 < 40 ? 60 : 0;
        l.delay_ms = 210 + (uint32_t)(i / 400) * 20;
        line_frame(&l);
        struct echo_stats s;
        echo_stats(&l.guard, &s);
        uint32_t facts[] = {l.verdict, s.delay_ms, s.loss_cb, s.closures, s.gated_ms};
        for (size_t k = 0; k < ARRAY_LEN(facts); k++) {
            digest = (digest ^ facts[k]) * 16777619u;
        }
    }
    assert_true(l.verdicts[ECHO_NONE] > 50 && l.verdicts[ECHO_ONLY] > 50 && l.verdicts[ECHO_DOUBLE] > 50);
    assert_int_equal(digest, 0xfe114888);
}

TEST(the_guard_is_small)
{
    assert_in_range(sizeof(struct echo_guard), 0, 6144);
}

TEST_MAIN(T(delay_and_loss_are_learned_and_nothing_leaks), T(very_loud_and_very_weak_echo_do_no_harm),
          T(soft_callers_pass_on_a_line_without_echo), T(callers_who_talk_all_the_time_are_no_echo),
          T(nothing_is_gated_without_agent_audio), T(silence_is_nothing),
          T(somebody_who_speaks_over_the_echo_passes_at_once), T(behind_a_sound_the_guard_is_open_and_promises_nothing),
          T(a_loud_caller_passes_before_anything_is_learned), T(the_delay_may_move_with_each_run),
          T(after_a_cut_the_new_delay_is_found), T(cuts_while_somebody_speaks_do_not_move_the_delay),
          T(a_caller_who_answers_at_once_does_not_hide_a_weak_echo),
          T(an_echo_that_came_too_late_once_is_found_all_the_same), T(a_delay_that_leaps_is_found_again),
          T(a_delay_that_leaps_within_a_run_is_found_at_once), T(what_was_cut_is_not_waited_for),
          T(frames_of_any_length_are_judged), T(all_rates_are_alike), T(an_offset_of_the_line_is_not_heard),
          T(full_scale_noise_passes_and_is_survived), T(jumps_of_the_clock_are_survived),
          T(hostile_positions_are_harmless), T(closures_and_gated_time_are_counted), T(judgement_is_bit_exact),
          T(the_guard_is_small))
