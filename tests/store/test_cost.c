/* What a call costs, to the last millionth. */
#include "call/cost.h"
#include "test.h"

static const struct cost_prices prices = {.in_text = 4000000,
                                          .in_audio = 32000000,
                                          .cached_text = 400000,
                                          .cached_audio = 400000,
                                          .out_text = 16000000,
                                          .out_audio = 64000000};

TEST(cached_tokens_are_not_priced_as_fresh)
{
    const struct cost_usage fresh = {.in_audio = 1000000};
    const struct cost_usage cached = {.in_audio = 1000000, .cached_audio = 1000000};
    const struct cost_usage half = {.in_audio = 1000000, .cached_audio = 500000};

    assert_int_equal(cost_of(&fresh, &prices), 32000000);
    assert_int_equal(cost_of(&cached, &prices), 400000);
    assert_int_equal(cost_of(&half, &prices), 16200000);
}

/* The usage of the protocol page: 119 text and 13 audio in, 64 text of it cached, 30 text and 91 audio out. */
TEST(a_real_response_has_its_exact_price)
{
    struct cost_usage sum = {0};
    const struct call_usage u = {.in_text = 119, .in_audio = 13, .cached_text = 64, .out_text = 30, .out_audio = 91};

    cost_usage_add(&sum, &u);
    /* 55*4 + 64*0.4 + 13*32 + 30*16 + 91*64 = 220 + 25.6 + 416 + 480 + 5824 = 6965.6 millionths */
    assert_int_equal(cost_of(&sum, &prices), 6966);
    assert_int_equal(cost_usage_total(&sum), 253);
    cost_usage_add(&sum, &u);
    assert_int_equal(cost_of(&sum, &prices), 13931); /* 13931.2: the sum is rounded, not its parts */
}

TEST(rounding_is_half_up)
{
    static const struct {
        uint64_t tokens;
        int64_t price;
        int64_t want;
    } cases[] = {{1, 499999, 0}, {1, 500000, 1}, {1, 1499999, 1}, {3, 500000, 2}, {0, 1000000, 0}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct cost_usage u = {.out_text = cases[i].tokens};
        const struct cost_prices p = {.out_text = cases[i].price};

        assert_int_equal(cost_of(&u, &p), cases[i].want);
    }
}

TEST(nonsense_and_overflow_stay_in_bounds)
{
    struct cost_usage sum = {.in_text = UINT64_MAX, .out_audio = UINT64_MAX};
    const struct call_usage u = {.in_text = 10, .cached_text = 50, .in_audio = 5, .cached_audio = 6, .out_audio = 1};
    struct cost_usage small = {0};
    const struct cost_prices dear = {.in_text = INT64_MAX, .out_audio = INT64_MAX, .in_audio = -5};

    cost_usage_add(&sum, &u);
    assert_true(sum.in_text == UINT64_MAX && sum.out_audio == UINT64_MAX);
    assert_true(cost_usage_total(&sum) == UINT64_MAX);
    assert_true(cost_of(&sum, &dear) == INT64_MAX);
    cost_usage_add(&small, &u);
    assert_int_equal(small.cached_text, 10); /* more cached than heard cannot be */
    assert_int_equal(small.cached_audio, 5);
    assert_true(cost_of(&small, &prices) == (10 * 400000 + 5 * 400000 + 64000000 + 500000) / 1000000);
}

TEST(who_takes_over_has_prices_of_its_own)
{
    const struct cost_prices dear = {.in_audio = 32000000, .out_audio = 64000000};
    const struct cost_prices cheap = {.in_audio = 1000000, .out_audio = 2000000};
    const struct cost_prices none = {0};
    const struct call_usage u = {.in_audio = 1000, .out_audio = 500};
    struct cost_bill b = {0};
    cost_bill_add(&b, &u); /* nobody has said what it costs */
    assert_false(b.priced);
    assert_int_equal(cost_bill_total(&b), 0);
    cost_bill_reprice(&b, &dear);
    assert_true(b.priced);
    assert_int_equal(cost_bill_total(&b), 0); /* what was before had no price */
    cost_bill_add(&b, &u);
    assert_int_equal(cost_bill_total(&b), 64000);
    cost_bill_reprice(&b, &dear); /* another session of the same provider */
    assert_int_equal(cost_bill_total(&b), 64000);
    cost_bill_reprice(&b, &cheap);
    cost_bill_add(&b, &u);
    assert_int_equal(cost_bill_total(&b), 64000 + 2000);
    cost_bill_reprice(&b, &none);
    cost_bill_add(&b, &u);
    assert_true(b.priced);
    assert_int_equal(cost_bill_total(&b), 64000 + 2000);
    b.before = INT64_MAX - 1;
    cost_bill_reprice(&b, &dear);
    cost_bill_add(&b, &u);
    assert_int_equal(cost_bill_total(&b), INT64_MAX);
}

TEST(no_price_is_not_no_cost)
{
    const struct cost_prices none = {0};
    const struct cost_prices one = {.cached_text = 1};

    assert_false(cost_priced(&none));
    assert_true(cost_priced(&one));
    assert_true(cost_priced(&prices));
}

TEST_MAIN(T(cached_tokens_are_not_priced_as_fresh), T(a_real_response_has_its_exact_price), T(rounding_is_half_up),
          T(nonsense_and_overflow_stay_in_bounds), T(who_takes_over_has_prices_of_its_own), T(no_price_is_not_no_cost))
