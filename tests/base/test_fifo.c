#include "test.h"

#include "base/fifo.h"

TEST(bytes_come_out_as_they_went_in_over_many_blocks)
{
    struct fifo f;
    fifo_init(&f);
    uint8_t block[1237];
    uint8_t out[1237];
    uint32_t in = 0;
    uint32_t back = 0;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(block); i++) {
            block[i] = (uint8_t)(in++ % 251);
        }
        assert_ok(fifo_put(&f, span_from(block, sizeof(block))));
        size_t n = round % 3 == 2 ? MIN(f.len, sizeof(out)) : 411;
        fifo_take(&f, out, n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(out[i], back++ % 251);
        }
    }
    while (f.len) {
        size_t n = MIN(f.len, sizeof(out));
        fifo_take(&f, out, n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(out[i], back++ % 251);
        }
    }
    assert_int_equal(in, back);
    assert_ok(fifo_put(&f, span_from(block, 10)));
    fifo_take(&f, NULL, 4);
    assert_int_equal(f.len, 6);
    fifo_clear(&f);
    assert_int_equal(f.len, 0);
    assert_ok(fifo_put(&f, span_from(block, 0)));
    fifo_done(&f);
}

TEST_MAIN(T(bytes_come_out_as_they_went_in_over_many_blocks))
