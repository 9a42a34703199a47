#include "test.h"

#include "base/arena.h"

TEST(memory_is_zeroed_aligned_and_bounded)
{
    struct arena a;
    arena_init(&a, 10000);
    for (size_t n = 1; n < 100; n++) {
        uint8_t *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(p[i], 0);
            p[i] = 0xAA;
        }
    }
    assert_null(arena_alloc(&a, 9000));
    arena_reset(&a);
    uint8_t *p = arena_alloc(&a, 9000);
    assert_non_null(p);
    assert_int_equal(p[8999], 0);
    assert_string_equal(arena_str(&a, STR("abc")).p, "abc");
    arena_done(&a);
}

TEST_MAIN(T(memory_is_zeroed_aligned_and_bounded))
