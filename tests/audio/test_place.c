#include "test.h"

#include "audio/place.h"

static struct place started(void)
{
    struct place p;
    place_init(&p);
    return p;
}

/* Frame number n, 20 ms long, with sound of its own. */
static struct span frame(uint32_t n)
{
    static uint8_t bytes[160];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(n * 37 + i * (n % 7 + 1));
    }
    return span_from(bytes, sizeof(bytes));
}

static struct place_spot see(struct place *p, uint32_t at_ms, uint32_t n)
{
    return place_judge(p, at_ms, 20, frame(n));
}

TEST(frames_in_order_are_next)
{
    struct place p = started();
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(see(&p, 155 + 20 * i, i).kind, PLACE_NEXT);
    }
    assert_int_equal(p.gaps + p.late + p.doubled + p.jumps, 0);
}

TEST(timestamps_that_wrap_around_go_on)
{
    struct place p = started();
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(see(&p, UINT32_MAX - 990 + 20 * i, i).kind, PLACE_NEXT);
    }
}

TEST(a_hole_is_a_gap_of_its_length)
{
    struct place p = started();
    see(&p, 100, 0);
    struct place_spot s = see(&p, 180, 1);
    assert_int_equal(s.kind, PLACE_GAP);
    assert_int_equal(s.gap_ms, 60);
    assert_int_equal(see(&p, 200, 2).kind, PLACE_NEXT);
    assert_int_equal(p.gaps, 1);
    assert_int_equal(p.gap_ms, 60);
    s = see(&p, 220 + PLACE_GAP_MAX, 3);
    assert_int_equal(s.kind, PLACE_GAP);
    assert_int_equal(s.gap_ms, PLACE_GAP_MAX);
}

TEST(jitter_is_no_gap_but_drift_adds_up)
{
    static const int off[] = {0, 7, -6, 10, -10, 3, 0, -9};
    struct place p = started();
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(see(&p, 1000 + 20 * i + (uint32_t)off[i % 8], i).kind, PLACE_NEXT);
    }
    p = started();
    uint32_t told = 0;
    for (uint32_t i = 0; i < 400; i++) { /* a millisecond lost with every frame */
        struct place_spot s = see(&p, 1000 + 21 * i, i);
        told += s.gap_ms;
    }
    assert_in_range(told, 388, 400);
}

TEST(a_late_frame_goes_into_its_hole_once)
{
    struct place p = started();
    see(&p, 100, 0);
    see(&p, 180, 4); /* 120, 140, 160 are missing */
    struct place_spot s = see(&p, 140, 2);
    assert_int_equal(s.kind, PLACE_LATE);
    assert_int_equal(s.back_ms, 60); /* the end is 200 */
    assert_int_equal(see(&p, 140, 2).kind, PLACE_DOUBLE);
    assert_int_equal(see(&p, 160, 3).kind, PLACE_LATE);
    assert_int_equal(see(&p, 120, 1).kind, PLACE_LATE);
    assert_int_equal(see(&p, 200, 5).kind, PLACE_NEXT);
    assert_int_equal(p.late, 3);
    assert_int_equal(p.doubled, 1);
}

TEST(swapped_frames_cost_one_gap_and_one_late)
{
    struct place p = started();
    uint32_t kinds[5] = {0};
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t n = i % 10 == 4 ? i + 1 : i % 10 == 5 ? i - 1 : i;
        kinds[see(&p, 20 * n, n).kind]++;
    }
    assert_int_equal(kinds[PLACE_GAP], 10);
    assert_int_equal(kinds[PLACE_LATE], 10);
    assert_int_equal(kinds[PLACE_NEXT], 80);
}

TEST(a_frame_that_came_twice_is_told_once)
{
    struct place p = started();
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(see(&p, 20 * i, i).kind, PLACE_NEXT);
        if (i % 3 == 0) {
            assert_int_equal(see(&p, 20 * i, i).kind, PLACE_DOUBLE);
        }
        if (i > 10) {
            assert_int_equal(see(&p, 20 * (i - 8), i - 8).kind, PLACE_DOUBLE);
        }
    }
    assert_int_equal(p.jumps, 0);
}

/* One wrong timestamp: no sound is lost and no gap is made up. */
TEST(one_wrong_timestamp_costs_nothing)
{
    struct place p = started();
    for (uint32_t i = 0; i < 50; i++) {
        uint32_t at = i == 20 ? 20 * 17 : 20 * i;
        assert_int_equal(see(&p, at, i).kind, PLACE_NEXT);
    }
    assert_int_equal(p.gaps, 0);
}

TEST(a_clock_that_starts_anew_is_followed)
{
    struct place p = started();
    for (uint32_t i = 0; i < 100; i++) {
        see(&p, 20 * i, i);
    }
    uint32_t refused = 0;
    uint32_t gaps = 0;
    for (uint32_t i = 0; i < 100; i++) { /* back to 0: within reach of the old one */
        struct place_spot s = see(&p, 20 * i, 1000 + i);
        refused += s.kind == PLACE_LATE || s.kind == PLACE_DOUBLE;
        gaps += s.kind == PLACE_GAP;
    }
    assert_int_equal(refused + gaps, 0);
    assert_int_equal(p.jumps, 1);
    assert_int_equal(see(&p, 20000000, 3).kind, PLACE_JUMP); /* and forward, farther than a gap */
    assert_int_equal(see(&p, 20000020, 4).kind, PLACE_NEXT);
}

/* A carrier without timestamps: everything is heard, and soon no question is asked any more. */
TEST(a_clock_that_stands_still_is_not_believed)
{
    struct place p = started();
    for (uint32_t i = 0; i < 100; i++) {
        enum place_kind kind = see(&p, 0, i).kind;
        assert_true(kind == PLACE_NEXT || kind == PLACE_JUMP);
    }
    assert_true(p.deaf);
    p = started();
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 200; i++) { /* the same with silence, where every frame is the same */
        refused += see(&p, 0, 0).kind == PLACE_DOUBLE;
    }
    assert_true(p.deaf);
    assert_in_range(refused, 1, 48);
}

TEST(random_timestamps_do_not_silence_the_caller)
{
    struct place p = started();
    uint32_t seed = 77;
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        seed = seed * 1664525u + 1013904223u;
        enum place_kind kind = see(&p, seed, i).kind;
        refused += kind == PLACE_LATE || kind == PLACE_DOUBLE;
    }
    assert_int_equal(refused, 0);
    assert_true(p.deaf);
}

TEST(frames_of_any_length_fit)
{
    struct place p = started();
    uint32_t at = 0;
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t length = i % 60;
        assert_int_equal(place_judge(&p, at, length, frame(i)).kind, PLACE_NEXT);
        at += length;
    }
    assert_int_equal(place_judge(&p, at, 0, span_from(NULL, 0)).kind, PLACE_NEXT);
}

TEST_MAIN(T(frames_in_order_are_next), T(timestamps_that_wrap_around_go_on), T(a_hole_is_a_gap_of_its_length),
          T(jitter_is_no_gap_but_drift_adds_up), T(a_late_frame_goes_into_its_hole_once),
          T(swapped_frames_cost_one_gap_and_one_late), T(a_frame_that_came_twice_is_told_once),
          T(one_wrong_timestamp_costs_nothing), T(a_clock_that_starts_anew_is_followed),
          T(a_clock_that_stands_still_is_not_believed), T(random_timestamps_do_not_silence_the_caller),
          T(frames_of_any_length_fit))
