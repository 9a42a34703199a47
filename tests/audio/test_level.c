#include "test.h"

#include <stdlib.h>

#include "audio/level.h"

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Sample by sample, as one would say it. */
static struct level measure_plainly(const int16_t *x, size_t n, int limit)
{
    struct level v = {.low = INT16_MAX, .high = INT16_MIN};
    for (size_t i = 0; i < n; i++) {
        v.sum += x[i];
        v.magnitude += abs(x[i]);
        v.clipped += abs(x[i]) >= limit;
        v.low = MIN(v.low, x[i]);
        v.high = MAX(v.high, x[i]);
    }
    return v;
}

static void assert_same(const int16_t *x, size_t n, int16_t limit)
{
    struct level is = level_measure(x, n, limit);
    struct level should = measure_plainly(x, n, limit);
    assert_int_equal(is.sum, should.sum);
    assert_int_equal(is.magnitude, should.magnitude);
    assert_int_equal(is.clipped, should.clipped);
    assert_int_equal(is.low, should.low);
    assert_int_equal(is.high, should.high);
}

TEST(blocks_of_every_length_are_measured_as_by_hand)
{
    int16_t x[200];
    uint32_t seed = 1;
    for (size_t i = 0; i < ARRAY_LEN(x); i++) {
        x[i] = (int16_t)next(&seed);
    }
    for (size_t n = 0; n <= ARRAY_LEN(x); n++) {
        assert_same(x, n, 32124);
        assert_same(x, n, 20000);
    }
}

TEST(the_longest_block_at_the_ends_of_the_scale_does_not_overflow)
{
    int16_t *x = malloc(LEVEL_SAMPLES_MAX * sizeof(*x));
    assert_non_null(x);
    static const int16_t ends[] = {INT16_MAX, INT16_MIN, -32124, 32124};
    for (size_t e = 0; e < ARRAY_LEN(ends); e++) {
        for (size_t i = 0; i < LEVEL_SAMPLES_MAX; i++) {
            x[i] = ends[e];
        }
        assert_same(x, LEVEL_SAMPLES_MAX, 32124);
        assert_int_equal(level_measure(x, LEVEL_SAMPLES_MAX, 32124).clipped, LEVEL_SAMPLES_MAX);
    }
    free(x);
}

TEST(extremes_are_counted_at_even_and_odd_places)
{
    uint8_t p[16 * 600 + 21]; /* more blocks than a byte counts */
    uint32_t seed = 7;
    for (size_t i = 0; i < sizeof(p); i++) {
        p[i] = i % 2 ? 0x02 : (uint8_t)next(&seed);
    }
    static const size_t lengths[] = {0, 1, 2, 15, 16, 17, 33, 160, 161, 480, sizeof(p)};
    for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
        uint32_t want[2] = {0, 0};
        uint32_t is[2];
        for (size_t i = 0; i < lengths[k]; i++) {
            want[i % 2] += p[i] <= 0x03 || p[i] >= 0xFC;
        }
        level_extremes(p, lengths[k], is);
        assert_int_equal(is[0], want[0]);
        assert_int_equal(is[1], want[1]);
    }
}

TEST_MAIN(T(blocks_of_every_length_are_measured_as_by_hand),
          T(the_longest_block_at_the_ends_of_the_scale_does_not_overflow),
          T(extremes_are_counted_at_even_and_odd_places))
