/* What a virtual machine's host took from us. */
#include "gateway/machine.h"

#include "test.h"

#include "base/err.h"

static const char proc_stat[] = "cpu  100 20 30 1000 5 1 4 40 7 0\ncpu0 50 10 15 500 2 0 2 20 3 0\nintr 1\n";

TEST(the_line_of_all_processors_is_read)
{
    struct machine_time t;
    assert_ok(machine_parse(str_from(proc_stat), &t));
    assert_int_equal(t.stolen, 40);
    assert_int_equal(t.all, 1200); /* guests are in user time already */
}

TEST(what_is_no_such_line_is_refused)
{
    static const char *const texts[] = {"",
                                        "cpu",
                                        "cpu0 1 2 3 4 5 6 7 8\n",
                                        "cpu  1 2 3 4 5 6 7\n",
                                        "cpu 1 x 3 4 5 6 7 8",
                                        "cpu  1 2 3 4 5 6 7 -8\n",
                                        "intr 5 5 5 5 5 5 5 5\n"};
    struct machine_time t = {7, 7};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(machine_parse(str_from(texts[i]), &t), -ERR_SYNTAX);
    }
    assert_int_equal(t.all, 7); /* untouched */
    for (size_t n = 0; n <= strlen("cpu  100 20 30 1000 5 1 4 "); n++) {
        assert_int_equal(machine_parse((struct str){proc_stat, n}, &t), -ERR_SYNTAX);
    }
}

TEST(a_machine_that_is_taken_away_is_told)
{
    const struct machine_time a = {40, 1200};
    const struct machine_time b = {140, 2200};
    assert_int_equal(machine_stolen_permille(&a, &b), 100);
    assert_int_equal(machine_stolen_permille(&a, &a), 0);
    assert_int_equal(machine_stolen_permille(&b, &a), 0); /* a counter that went back */
    assert_int_equal(machine_stolen_permille(&a, &(struct machine_time){9999, 1300}), 1000);
}

/* Two scrapers that ask one after the other. */
TEST(two_looks_at_once_tell_nothing)
{
    const struct machine_time a = {40, 1200};
    assert_false(machine_tells(&a, &(struct machine_time){42, 1203}));
    assert_false(machine_tells(&a, &a));
    assert_false(machine_tells(&a, &(struct machine_time){0, 100})); /* a counter that went back */
    assert_true(machine_tells(&a, &(struct machine_time){42, 1300}));
}

TEST(this_machine_can_be_read)
{
    struct machine_time t;
    assert_ok(machine_read(&t));
    assert_true(t.all > 0 && t.stolen <= t.all);
}

TEST_MAIN(T(the_line_of_all_processors_is_read), T(what_is_no_such_line_is_refused),
          T(a_machine_that_is_taken_away_is_told), T(two_looks_at_once_tell_nothing), T(this_machine_can_be_read))
