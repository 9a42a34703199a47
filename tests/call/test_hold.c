/* Caller audio with the ends of turns in it. */
#include "test.h"

#include "call/hold.h"

static struct hold h;

static int fresh(void **state UNUSED)
{
    hold_init(&h, 4096);
    return 0;
}

static int done(void **state UNUSED)
{
    hold_done(&h);
    return 0;
}

static void put(struct hold *to, const char *text)
{
    hold_put(to, span_of_str(str_from(text)));
}

static void assert_holds(const char *text)
{
    assert_int_equal(h.bytes.len, strlen(text));
    char got[64];
    fifo_copy(&h.bytes, 0, got, h.bytes.len);
    assert_memory_equal(got, text, strlen(text));
}

TEST(the_open_part_is_what_lies_behind_the_last_turn)
{
    assert_int_equal(hold_open(&h), 0);
    put(&h, "abc");
    assert_int_equal(hold_open(&h), 3);
    hold_end_turn(&h, 7);
    assert_int_equal(hold_open(&h), 0);
    hold_end_turn(&h, 8); /* nothing is no turn */
    assert_int_equal(h.n_turns, 1);
    put(&h, "de");
    assert_int_equal(hold_open(&h), 2);
    assert_true(hold_owes(&h));
}

TEST(only_the_open_part_is_trimmed_and_cut)
{
    put(&h, "abc");
    hold_end_turn(&h, 1);
    put(&h, "defgh");
    assert_int_equal(hold_trim(&h, 5), 0);
    assert_int_equal(hold_trim(&h, 3), 2);
    assert_holds("abcfgh");
    hold_cut(&h, 1, 1);
    assert_holds("abcfh");
    hold_settle(&h, 1);
    assert_holds("fh");
    hold_cut(&h, 0, 1);
    assert_holds("h");
}

TEST(known_turns_leave_in_order)
{
    put(&h, "aa");
    hold_end_turn(&h, 1);
    put(&h, "bb");
    hold_end_turn(&h, 2);
    put(&h, "c");
    assert_true(hold_known(&h, 2));
    assert_holds("aabbc"); /* the one before it is not known yet */
    assert_false(hold_known(&h, 9));
    assert_true(hold_known(&h, 1));
    assert_holds("c");
    assert_false(hold_owes(&h));
    assert_int_equal(hold_count(&h), 2);
}

TEST(turns_are_named_in_order)
{
    put(&h, "a");
    hold_end_turn(&h, 0);
    put(&h, "b");
    hold_end_turn(&h, 0);
    hold_name(&h, 5);
    hold_name(&h, 6);
    hold_name(&h, 7); /* nobody is left */
    assert_true(hold_known(&h, 5));
    assert_holds("b");
    assert_int_equal(h.turns[0].tag, 6);
}

TEST(settling_counts_from_the_very_first_turn)
{
    for (int i = 0; i < 3; i++) {
        put(&h, "xy");
        hold_end_turn(&h, (uint64_t)i + 1);
    }
    hold_settle(&h, 2);
    assert_int_equal(h.n_turns, 1);
    hold_settle(&h, 2); /* again: nothing */
    assert_int_equal(h.n_turns, 1);
    hold_settle(&h, 1);
    assert_int_equal(h.n_turns, 1);
    hold_settle(&h, 9);
    assert_int_equal(h.n_turns, 0);
    assert_int_equal(hold_count(&h), 3);
}

TEST(too_many_turns_become_one_and_lose_nothing)
{
    for (int i = 0; i < HOLD_TURNS + 2; i++) {
        put(&h, "q");
        hold_end_turn(&h, (uint64_t)i + 1);
    }
    assert_int_equal(h.n_turns, HOLD_TURNS);
    assert_int_equal(h.bytes.len, HOLD_TURNS + 2);
    assert_int_equal(hold_turn_bytes(&h, 0), 3);
    assert_int_equal(hold_turn_bytes(&h, 1), 1);
}

TEST(what_is_later_goes_behind)
{
    struct hold later;
    hold_init(&later, 4096);
    put(&h, "one");
    hold_end_turn(&h, 1);
    put(&h, "t");
    put(&later, "wo");
    hold_end_turn(&later, 2);
    put(&later, "rest");
    hold_join(&h, &later);
    assert_holds("onetworest");
    assert_int_equal(h.n_turns, 2);
    assert_int_equal(hold_turn_bytes(&h, 1), 3); /* the open part became the begin of the turn */
    uint8_t turn[3];
    hold_turn_copy(&h, 1, turn);
    assert_memory_equal(turn, "two", 3);
    assert_int_equal(hold_open(&h), 4);
    assert_int_equal(later.bytes.len, 0);
    hold_done(&later);
}

TEST(memory_that_runs_out_is_told)
{
    struct hold small;
    hold_init(&small, 4);
    put(&small, "abcd");
    put(&small, "e");
    assert_int_not_equal(small.err, 0);
    hold_clear(&small);
    assert_int_equal(small.err, 0);
    hold_done(&small);
}

#define H(name) cmocka_unit_test_setup_teardown(name, fresh, done)
TEST_MAIN(H(the_open_part_is_what_lies_behind_the_last_turn), H(only_the_open_part_is_trimmed_and_cut),
          H(known_turns_leave_in_order), H(turns_are_named_in_order), H(settling_counts_from_the_very_first_turn),
          H(too_many_turns_become_one_and_lose_nothing), H(what_is_later_goes_behind), H(memory_that_runs_out_is_told))
