#include "test.h"

#include "base/buf.h"
#include "base/err.h"

TEST(limit_is_hard_and_error_sticks)
{
    struct buf b;
    buf_init(&b, 10);
    buf_puts(&b, "12345");
    buf_puts(&b, "678901");
    assert_int_equal(b.err, -ERR_TOO_BIG);
    buf_puts(&b, "6");
    assert_str_is(buf_str(&b), "12345");
    buf_clear(&b);
    buf_puts(&b, "ok");
    assert_int_equal(b.err, 0);
    assert_str_is(buf_str(&b), "ok");
    buf_done(&b);
}

TEST(consume_moves_on_and_printf_appends)
{
    struct buf b;
    buf_init(&b, 1000);
    buf_printf(&b, "%s-%d", "abc", 42);
    buf_consume(&b, 4);
    assert_str_is(buf_str(&b), "42");
    buf_put_i64(&b, -7);
    buf_put_u64(&b, UINT64_MAX);
    assert_str_is(buf_str(&b), "42-718446744073709551615");
    assert_string_equal(buf_cstr(&b), "42-718446744073709551615");
    buf_done(&b);
}

TEST(remove_takes_out_of_the_middle)
{
    struct buf b;
    buf_init(&b, 100);
    buf_puts(&b, "xx0123456789");
    buf_consume(&b, 2);
    buf_remove(&b, 3, 4);
    assert_str_is(buf_str(&b), "012789");
    buf_remove(&b, 4, 2);
    assert_str_is(buf_str(&b), "0127");
    buf_remove(&b, 4, 0);
    buf_remove(&b, 0, 1);
    buf_puts(&b, "ab");
    assert_str_is(buf_str(&b), "127ab");
    buf_done(&b);
}

TEST_MAIN(T(limit_is_hard_and_error_sticks), T(consume_moves_on_and_printf_appends), T(remove_takes_out_of_the_middle))
