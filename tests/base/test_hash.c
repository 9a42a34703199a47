#include "test.h"

#include "base/hash.h"

#define MANY 400

static void assert_all_differ(const uint64_t *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_true(h[i] != h[k]);
        }
    }
}

TEST(every_length_of_the_same_byte_has_its_own_hash)
{
    uint64_t h[MANY];
    uint8_t bytes[MANY];
    for (unsigned value = 0; value < 256; value += 85) {
        memset(bytes, (int)value, sizeof(bytes));
        for (size_t n = 0; n < MANY; n++) {
            h[n] = hash_bytes(0, span_from(bytes, n));
        }
        assert_all_differ(h, MANY);
    }
}

TEST(every_bit_counts_at_every_length)
{
    uint8_t bytes[49];
    uint64_t h[sizeof(bytes) * 8 + 1];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t n = 1; n <= sizeof(bytes); n++) {
        for (size_t bit = 0; bit < n * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            h[bit] = hash_bytes(1, span_from(bytes, n));
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        h[n * 8] = hash_bytes(1, span_from(bytes, n));
        assert_all_differ(h, n * 8 + 1);
    }
}

TEST(words_that_change_places_change_the_hash)
{
    const char *a = "one-word-two-wordone-word-TWO-word";
    const char *b = "one-word-TWO-wordone-word-two-word";
    assert_true(hash_bytes(0, span_of_str(str_from(a))) != hash_bytes(0, span_of_str(str_from(b))));
}

TEST(what_came_before_counts)
{
    struct span s = span_of_str(STR("audio"));
    assert_true(hash_bytes(1, s) != hash_bytes(2, s));
    assert_true(hash_bytes(0, (struct span){0}) != hash_bytes(1, (struct span){0}));
}

/* Digests lie in journals: a machine that reads one has to find what another one wrote. */
TEST(the_method_is_fixed)
{
    assert_int_equal(hash_bytes(0, (struct span){0}), UINT64_C(0x832ff0d450935050));
    assert_int_equal(hash_bytes(7, span_of_str(STR("sixteen bytes ok"))), UINT64_C(0xe2f8c8d3ce595add));
    assert_int_equal(hash_bytes(7, span_of_str(STR("and a text of more than two words"))),
                     UINT64_C(0xff7217bb701cc1be));
}

TEST_MAIN(T(every_length_of_the_same_byte_has_its_own_hash), T(every_bit_counts_at_every_length),
          T(words_that_change_places_change_the_hash), T(what_came_before_counts), T(the_method_is_fixed))
