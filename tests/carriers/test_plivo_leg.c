/* One media socket of Plivo, on a real loopback socket: what goes in and out, and what is refused. */
#include "base/err.h"
#include "carriers/plivo_bench.h"
#include "fakes/wait.h"
#include "test.h"

/* ---- out ---- */

TEST(audio_leaves_in_frames_of_exactly_20_ms)
{
    struct plivo_bench b;
    plivo_open_leg(&b);
    plivo_play(&b, 1, 800, 7);
    plivo_wait_got(&b, "A01-01 A01-01 A01-01 A01-01 A01-01 rt7 ");
    plivo_play(&b, 2, 100, 0); /* less than a frame waits for more */
    plivo_play(&b, 3, 100, 0);
    plivo_wait_got(&b, "A02-03 ");
    plivo_play(&b, 4, 10, 8); /* or for a mark, and is filled up with silence */
    plivo_wait_got(&b, "A03-ff rt8 ");
    plivo_mark(&b, 9);
    plivo_wait_got(&b, "rt9 ");
    plivo_close_bench(&b);
}

TEST(what_comes_behind_a_clear_waits_for_its_answer)
{
    struct plivo_bench b;
    plivo_open_leg(&b);
    plivo_play(&b, 1, 200, 0); /* 40 bytes of it stay here, and are not of what comes next */
    plivo_clear(&b);
    plivo_play(&b, 2, 320, 1);
    plivo_mark(&b, 2);
    plivo_play(&b, 3, 160, 3);
    plivo_wait_got(&b, "A01-01 X ");
    plivo_say(&b, "{\"event\":\"clearedAudio\",\"sequenceNumber\":0,\"streamId\":\"" SID "\"}");
    plivo_wait_got(&b, "A02-02 A02-02 rt1 rt2 A03-03 rt3 ");
    plivo_play(&b, 4, 160, 4);
    plivo_wait_got(&b, "A04-04 rt4 ");
    plivo_clear(&b);
    plivo_play(&b, 5, 160, 5);
    plivo_clear(&b); /* what waited was meant, too */
    plivo_play(&b, 6, 160, 6);
    plivo_say(&b, "{\"event\":\"clearedAudio\",\"streamId\":\"" SID "\"}");
    plivo_wait_got(&b, "X X A06-06 rt6 ");
    plivo_close_bench(&b);
}

TEST(a_clear_that_is_not_answered_holds_nothing_up_for_long)
{
    struct plivo_bench b;
    plivo_open_leg(&b);
    plivo_clear(&b);
    plivo_play(&b, 1, 160, 1);
    uint64_t before_us = clock_now_us();
    plivo_wait_got(&b, "X A01-01 rt1 ");
    assert_true(clock_now_us() - before_us >= 150000);
    plivo_close_bench(&b);
}

TEST(more_than_can_wait_ends_the_leg)
{
    struct plivo_bench b;
    int err = 0;
    static const uint8_t audio[2000];
    plivo_open_leg(&b);
    plivo_clear(&b);
    for (int i = 0; i < 40 && err == 0; i++) {
        err = leg_perform(b.leg,
                          &(struct call_action){.type = ACT_LEG_MEDIA, .leg_media = {.audio = {audio, sizeof(audio)}}});
    }
    assert_int_equal(err, -ERR_LIMIT);
    wait_until(b.loop, plivo_is_gone, &b);
    assert_int_equal(b.gone_err, -ERR_LIMIT);
    plivo_close_bench(&b);
}

/* ---- in ---- */

TEST(the_wall_clock_of_the_carrier_is_smoothed)
{
    struct plivo_bench b;
    plivo_open_leg(&b);
    plivo_say(&b, MEDIA("1705312200000", FRAME));
    plivo_say(&b, MEDIA("1705312200031", FRAME)); /* late by 11 ms: jitter */
    plivo_say(&b, MEDIA("1705312200040", FRAME));
    plivo_say(&b, MEDIA("1705312200600", FRAME)); /* half a second is missing */
    plivo_say(&b, "{\"event\":\"media\",\"media\":{\"payload\":\"" FRAME "\"}}");
    plivo_say(&b, "{\"event\":\"media\",\"media\":{\"track\":\"outbound\",\"payload\":\"" FRAME "\"}}");
    plivo_say(&b, "{\"event\":\"playedStream\",\"name\":\"rt9\"}");
    plivo_say(&b, "{\"event\":\"played\",\"streamId\":\"" SID "\",\"name\":\"theirs\"}");
    plivo_say(&b, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"#\"}}");
    plivo_say(&b, "{\"event\":\"text\",\"text\":\"not switched on\"}");
    plivo_say(&b, "{\"event\":\"weather\"}");
    plivo_say(&b, "{\"event\":\"playFailed\",\"reason\":\"no\"}");
    plivo_say(&b, "{\"event\":\"stop\"}");
    plivo_say(&b, MEDIA("1705312200700", FRAME)); /* what was on its way behind the end */
    plivo_wait_log(
        &b, "media 0 160\nmedia 20 160\nmedia 40 160\nmedia 600 160\nmedia 620 160\nmark 9\nmark 0\nkey #\nstop\n");
    struct carrier_stats stats;
    carrier_stats(plivo_carrier(b.plivo), &stats);
    assert_int_equal(stats.foreign_marks, 1);
    assert_int_equal(stats.unknown_events, 2);
    plivo_close_bench(&b);
}

TEST(an_orderly_close_is_the_end_of_the_call_and_a_torn_one_is_not)
{
    struct plivo_bench b;
    plivo_open_leg(&b);
    ws_close(b.ws, 1000, STR_NULL);
    wait_until(b.loop, plivo_is_gone, &b);
    assert_int_equal(b.gone_err, 0);
    assert_str_is(buf_str(&b.log), "stop\n");
    plivo_close_bench(&b);
    plivo_open_leg(&b);
    ws_abort(b.ws, -ECANCELED);
    wait_until(b.loop, plivo_is_gone, &b);
    assert_true(b.gone_err < 0);
    assert_str_is(buf_str(&b.log), "");
    plivo_close_bench(&b);
}

TEST(rubbish_closes_the_socket_and_says_why)
{
    static const struct {
        bool started;
        const char *text;
        uint16_t code;
        const char *reason;
    } cases[] = {
        {false, "", 1002, "syntax: message"},
        {false, "garbage", 1002, "syntax: message"},
        {false, "{}", 1002, "missing-field: event"},
        {false, MEDIA("1", FRAME), 1008, "wrong-state: media before start"},
        {false, "{\"event\":\"text\",\"text\":\"x\"}", 1008, "wrong-state: text before start"},
        {false, "{\"event\":\"start\",\"start\":{\"callId\":\"c\"}}", 1002, "missing-field: start.streamId"},
        {false,
         "{\"event\":\"start\",\"start\":{\"callId\":\"c\",\"streamId\":\"s\",\"mediaFormat\":{\"encoding\":"
         "\"audio/x-l16\",\"sampleRate\":16000}}}",
         1002, "wrong-type: start.mediaFormat is not audio/x-mulaw 8000: give <Stream> our contentType"},
        {true, START, 1008, "wrong-state: second start"},
        {true, MEDIA("1", "///"), 1002, "bad-base64: media.payload"},
        {true, "{\"event\":\"media\",\"streamId\":\"other\",\"media\":{\"payload\":\"\"}}", 1008,
         "wrong-state: wrong streamId"},
        {true, "{\"event\":\"dtmf\",\"dtmf\":{\"digit\":\"xx\"}}", 1002, "out-of-range: dtmf.digit"},
        {true, "{\"event\":\"playedStream\"}", 1002, "missing-field: name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plivo_bench b;
        if (cases[i].started) {
            plivo_open_leg(&b);
        } else {
            plivo_open_bench(&b);
        }
        plivo_say(&b, cases[i].text);
        wait_until(b.loop, plivo_is_closed, &b);
        if (b.code != cases[i].code || strcmp(b.reason, cases[i].reason) != 0) {
            fail_msg("%s: %u %s", cases[i].text, b.code, b.reason);
        }
        assert_int_equal(b.gone, cases[i].started);
        plivo_close_bench(&b);
    }
}

TEST(a_carrier_that_is_freed_takes_its_legs_along)
{
    struct plivo_bench b;
    plivo_open_leg(&b);
    plivo_clear(&b);
    plivo_play(&b, 1, 160, 1);
    plivo_close_bench(&b);
    assert_true(b.gone);
    assert_int_equal(b.gone_err, -ECANCELED);
}

TEST_MAIN(T(audio_leaves_in_frames_of_exactly_20_ms), T(what_comes_behind_a_clear_waits_for_its_answer),
          T(a_clear_that_is_not_answered_holds_nothing_up_for_long), T(more_than_can_wait_ends_the_leg),
          T(the_wall_clock_of_the_carrier_is_smoothed),
          T(an_orderly_close_is_the_end_of_the_call_and_a_torn_one_is_not), T(rubbish_closes_the_socket_and_says_why),
          T(a_carrier_that_is_freed_takes_its_legs_along))
