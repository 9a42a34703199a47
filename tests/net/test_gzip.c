/* Packing and unpacking of bodies. */
#include "base/err.h"
#include "net/gzip.h"
#include "test.h"

TEST(what_is_packed_comes_out_again)
{
    static uint8_t data[300000];
    static const size_t sizes[] = {0, 1, 32u << 10, sizeof(data)};
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i % 251 * (i / 1000));
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct buf packed, plain;
        buf_init(&packed, 1 << 20);
        buf_init(&plain, 1 << 20);
        assert_ok(gzip_pack(span_from(data, sizes[i]), &packed));
        assert_ok(gzip_unpack(buf_span(&packed), &plain));
        assert_int_equal(plain.len, sizes[i]);
        assert_true(sizes[i] == 0 || memcmp(buf_ptr(&plain), data, sizes[i]) == 0);
        assert_true(sizes[i] < 1000 || packed.len < sizes[i]);
        buf_done(&packed);
        buf_done(&plain);
    }
}

TEST(damaged_and_oversized_bodies_are_errors)
{
    static const uint8_t data[5000] = {1, 2, 3};
    struct buf packed, plain;
    buf_init(&packed, 1 << 20);
    buf_init(&plain, 1 << 20);
    assert_ok(gzip_pack(span_from(data, sizeof(data)), &packed));
    assert_err(gzip_unpack((struct span){buf_ptr(&packed), packed.len - 5}, &plain), ERR_SYNTAX);
    assert_err(gzip_unpack(span_from("no gzip", 7), &plain), ERR_SYNTAX);
    assert_err(gzip_unpack((struct span){NULL, 0}, &plain), ERR_SYNTAX);
    buf_done(&plain);
    buf_init(&plain, 1000);
    assert_err(gzip_unpack(buf_span(&packed), &plain), ERR_TOO_BIG);
    buf_done(&plain);
    buf_done(&packed);
}

TEST_MAIN(T(what_is_packed_comes_out_again), T(damaged_and_oversized_bodies_are_errors))
