/* The leg of a program: frames in, marks back. Against a clock that runs, without asking how fast. */
#include "carriers/embedded/embedded.h"

#include "base/err.h"
#include "call/leg_ops.h"
#include "test.h"

struct bench {
    struct loop *loop;
    struct embedded *leg;
    struct timer *guard;
    uint32_t frames, odd_frames, marks[16], n_marks, starts, stops, closed, gone, clears, commits, handed;
    size_t media_bytes, taken_bytes;
    uint32_t first_ms, last_ms;
    size_t stop_at_bytes; /* of media */
    uint32_t stop_at_marks, stop_at_commits;
    struct embedded_position at;
};

static void on_event(struct leg *leg UNUSED, const struct call_event *ev, void *arg)
{
    struct bench *b = arg;
    if (ev->type == EV_LEG_START) {
        b->starts++;
        assert_int_equal(ev->leg_start.format, AUDIO_PCM16_24K);
        assert_str_is(ev->leg_start.stream_id, "stream");
    } else if (ev->type == EV_LEG_MEDIA) {
        b->first_ms = b->frames ? b->first_ms : ev->leg_media.timestamp_ms;
        assert_true(b->frames == 0 || ev->leg_media.timestamp_ms > b->last_ms);
        b->last_ms = ev->leg_media.timestamp_ms;
        b->frames++;
        b->odd_frames += ev->leg_media.audio.n != 20 * 48;
        b->media_bytes += ev->leg_media.audio.n;
    } else if (ev->type == EV_LEG_MARK) {
        b->marks[b->n_marks++] = ev->leg_mark.mark;
    } else if (ev->type == EV_LEG_STOP) {
        b->stops++;
    }
    if ((b->stop_at_bytes && b->media_bytes >= b->stop_at_bytes) ||
        (b->stop_at_marks && b->n_marks >= b->stop_at_marks)) {
        loop_stop(b->loop);
    }
}

static void on_closed(struct leg *leg UNUSED, int err, void *arg)
{
    struct bench *b = arg;
    assert_int_equal(err, 0);
    b->closed++;
}

static const struct leg_handler leg_handler = {.on_event = on_event, .on_closed = on_closed};

static void on_audio(const struct embedded_audio *a, void *arg)
{
    struct bench *b = arg;
    b->handed += (uint32_t)a->audio.n;
}

static void on_clear(void *arg)
{
    ((struct bench *)arg)->clears++;
}

static void on_commit(void *arg)
{
    struct bench *b = arg;
    b->commits++;
    if (b->stop_at_commits && b->commits >= b->stop_at_commits) {
        loop_stop(b->loop);
    }
}

static void on_taken(size_t bytes, void *arg)
{
    ((struct bench *)arg)->taken_bytes += bytes;
}

static void on_gone(void *arg)
{
    struct bench *b = arg;
    assert_int_equal(b->closed, 1); /* behind the leg's own end */
    b->gone++;
    loop_stop(b->loop);
}

static void position(struct embedded_position *ret, void *arg)
{
    *ret = ((struct bench *)arg)->at;
}

static const struct embedded_handler by_clock = {
    .on_audio = on_audio, .on_clear = on_clear, .on_commit = on_commit, .on_taken = on_taken, .on_gone = on_gone};
static const struct embedded_handler by_tracker = {.on_audio = on_audio,
                                                   .on_clear = on_clear,
                                                   .on_commit = on_commit,
                                                   .on_taken = on_taken,
                                                   .position = position,
                                                   .on_gone = on_gone};

static void too_late(void *arg UNUSED)
{
    fail_msg("nothing came");
}

static void bench_open(struct bench *b, const struct embedded_handler *h, bool by_hand)
{
    const struct embedded_opts o = {.format = AUDIO_PCM16_24K, .by_hand = by_hand};
    memset(b, 0, sizeof(*b));
    assert_ok(loop_new(&b->loop));
    assert_ok(timer_new(b->loop, too_late, b, &b->guard));
    timer_start(b->guard, 20000000, 0);
    assert_ok(embedded_open(b->loop, &o, h, b, &b->leg));
    embedded_start(b->leg, &leg_handler, b, STR("stream"), STR("somebody"));
    assert_int_equal(b->starts, 1);
}

static void bench_close(struct bench *b)
{
    if (!b->gone) {
        leg_close(embedded_leg(b->leg));
        leg_close(embedded_leg(b->leg));
        assert_int_equal(b->closed, 0); /* from the loop, not from within */
        loop_run(b->loop);
    }
    assert_int_equal(b->gone, 1);
    timer_free(b->guard);
    loop_free(b->loop);
}

static const uint8_t second[48000];

TEST(audio_enters_in_frames_no_faster_than_it_was_spoken)
{
    struct bench b;
    bench_open(&b, &by_clock, false);
    uint64_t begun_us = clock_now_us();
    assert_ok(embedded_audio(b.leg, span_from(second, 48 * 500))); /* half a second in one piece */
    assert_true(b.media_bytes > 0 && b.media_bytes < 48 * 500);
    b.stop_at_bytes = 48 * 500;
    loop_run(b.loop);
    assert_true(clock_now_us() - begun_us >= 350000); /* all but what may be ahead */
    assert_int_equal(b.frames, 25);
    assert_int_equal(b.odd_frames, 0);
    assert_int_equal(b.last_ms - b.first_ms, 480);
    assert_int_equal(b.taken_bytes, 48 * 500);
    bench_close(&b);
}

TEST(a_rest_shorter_than_a_frame_goes_when_nothing_follows)
{
    struct bench b;
    bench_open(&b, &by_clock, false);
    assert_ok(embedded_audio(b.leg, span_from(second, 48 * 33)));
    b.stop_at_bytes = 48 * 33;
    loop_run(b.loop);
    assert_int_equal(b.frames, 2);
    bench_close(&b);
}

TEST(a_commit_comes_behind_all_audio_before_it)
{
    struct bench b;
    bench_open(&b, &by_clock, false);
    assert_ok(embedded_audio(b.leg, span_from(second, 48 * 250)));
    embedded_commit(b.leg);
    assert_int_equal(b.commits, 0);
    b.stop_at_commits = 1;
    loop_run(b.loop);
    assert_int_equal(b.media_bytes, 48 * 250);
    b.stop_at_commits = 0;
    embedded_commit(b.leg); /* nothing waits: at once */
    assert_int_equal(b.commits, 2);
    bench_close(&b);
}

static void hand_out(struct bench *b, uint32_t mark, const char *item, uint32_t item_ms, uint32_t ms)
{
    struct call_action act = {.type = ACT_LEG_MEDIA};
    act.leg_media.audio = span_from(second, (size_t)ms * 48);
    act.leg_media.mark = mark;
    act.leg_media.item_id = str_from(item);
    act.leg_media.item_ms = item_ms;
    assert_ok(leg_perform(embedded_leg(b->leg), &act));
}

TEST(marks_come_back_when_their_audio_has_played_by_the_clock)
{
    struct bench b;
    bench_open(&b, &by_clock, false);
    uint64_t begun_us = clock_now_us();
    hand_out(&b, 1, "item", 0, 100);
    hand_out(&b, 2, "item", 100, 100);
    assert_int_equal(b.handed, 200 * 48);
    b.stop_at_marks = 2;
    loop_run(b.loop);
    assert_true(clock_now_us() - begun_us >= 200000); /* one behind the other */
    assert_int_equal(b.marks[0], 1);
    assert_int_equal(b.marks[1], 2);
    bench_close(&b);
}

TEST(the_clock_starts_when_the_program_has_the_audio)
{
    struct bench b;
    bench_open(&b, &by_clock, true);
    hand_out(&b, 1, "item", 0, 40);
    hand_out(&b, 2, "item", 40, 40);
    embedded_poke(b.leg);
    assert_int_equal(b.n_marks, 0);
    embedded_played_from(b.leg, 77); /* no mark of ours */
    embedded_played_from(b.leg, 1);
    b.stop_at_marks = 1;
    loop_run(b.loop);
    assert_int_equal(b.marks[0], 1);
    assert_int_equal(b.n_marks, 1); /* the second one was not taken */
    bench_close(&b);
}

TEST(marks_come_back_when_a_tracker_has_passed_them)
{
    const struct call_action alone = {.type = ACT_LEG_MARK, .leg_mark = {.mark = 1}};
    struct bench b;
    bench_open(&b, &by_tracker, false);
    assert_ok(leg_perform(embedded_leg(b.leg), &alone)); /* in front of a run: its first sample */
    hand_out(&b, 2, "one", 0, 100);
    hand_out(&b, 3, "one", 100, 100);
    hand_out(&b, 4, "two", 0, 100);
    embedded_poke(b.leg);
    assert_int_equal(b.n_marks, 0);
    b.at = (struct embedded_position){true, STR("one"), 60};
    embedded_poke(b.leg);
    assert_int_equal(b.n_marks, 1);
    b.at.ms = 99.8; /* rounding of bytes */
    embedded_poke(b.leg);
    assert_int_equal(b.n_marks, 2);
    b.at = (struct embedded_position){true, STR("unheard-of"), 1000};
    embedded_poke(b.leg);
    assert_int_equal(b.n_marks, 2);
    b.at = (struct embedded_position){true, STR("two"), 10}; /* then the first one is over */
    embedded_poke(b.leg);
    assert_int_equal(b.n_marks, 3);
    assert_int_equal(b.marks[2], 3);
    bench_close(&b);
}

TEST(a_clear_gives_all_marks_back_later)
{
    const struct call_action clear = {.type = ACT_LEG_CLEAR};
    struct bench b;
    bench_open(&b, &by_clock, false);
    hand_out(&b, 1, "item", 0, 1000);
    hand_out(&b, 2, "item", 1000, 1000);
    assert_ok(leg_perform(embedded_leg(b.leg), &clear));
    assert_int_equal(b.clears, 1);
    assert_int_equal(b.n_marks, 0); /* not from within the step */
    b.stop_at_marks = 2;
    loop_run(b.loop);
    assert_int_equal(b.n_marks, 2);
    bench_close(&b);
}

TEST(who_stops_is_told_once_and_gone_from_the_loop)
{
    struct bench b;
    bench_open(&b, &by_clock, false);
    embedded_stop(b.leg);
    embedded_stop(b.leg);
    assert_int_equal(b.stops, 1);
    assert_int_equal(b.closed, 0);
    assert_ok(embedded_audio(b.leg, span_from(second, 960))); /* nobody hears it */
    assert_int_equal(b.frames, 0);
    assert_int_equal(b.taken_bytes, 960);
    loop_run(b.loop);
    assert_int_equal(b.closed, 1);
    bench_close(&b);
}

TEST(a_hang_up_closes_the_leg)
{
    const struct call_action hangup = {.type = ACT_LEG_HANGUP};
    struct bench b;
    bench_open(&b, &by_clock, false);
    assert_ok(leg_perform(embedded_leg(b.leg), &hangup));
    assert_err(leg_perform(embedded_leg(b.leg), &hangup), ERR_CLOSED);
    assert_string_equal(leg_kind(embedded_leg(b.leg)), "embedded");
    loop_run(b.loop);
    assert_int_equal(b.closed, 1);
    bench_close(&b);
}

TEST_MAIN(T(audio_enters_in_frames_no_faster_than_it_was_spoken),
          T(a_rest_shorter_than_a_frame_goes_when_nothing_follows), T(a_commit_comes_behind_all_audio_before_it),
          T(marks_come_back_when_their_audio_has_played_by_the_clock),
          T(the_clock_starts_when_the_program_has_the_audio), T(marks_come_back_when_a_tracker_has_passed_them),
          T(a_clear_gives_all_marks_back_later), T(who_stops_is_told_once_and_gone_from_the_loop),
          T(a_hang_up_closes_the_leg))
