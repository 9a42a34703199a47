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
        size_t at = (size_t)round % (f.len - n + 1);
        fifo_copy(&f, at, out, n); /* a look changes nothing */
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(out[i], (back + at + i) % 251);
        }
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

/* Against a plain array, at every kind of place: within a block, over its edges, the first and the last byte. */
TEST(what_is_cut_out_of_the_middle_is_gone)
{
    static uint8_t model[30000];
    static uint8_t out[30000];
    uint32_t dice = 7;
    for (int round = 0; round < 400; round++) {
        struct fifo f;
        fifo_init(&f);
        size_t n = 0;
        for (int part = 0; part < 3; part++) {
            dice = dice * 1664525 + 1013904223;
            size_t more = dice % 9000;
            for (size_t i = 0; i < more; i++) {
                model[n + i] = (uint8_t)((n + i) * 7 + round);
            }
            assert_ok(fifo_put(&f, span_from(model + n, more)));
            n += more;
        }
        dice = dice * 1664525 + 1013904223;
        size_t taken = n ? dice % MIN(n, 5000u) : 0;
        fifo_take(&f, NULL, taken);
        n -= taken;
        memmove(model, model + taken, n);
        dice = dice * 1664525 + 1013904223;
        size_t at = n ? (dice >> 8) % (n + 1) : 0;
        size_t cut = round % 5 == 0 ? n - at : (dice >> 4) % (n - at + 1);
        fifo_cut(&f, at, cut);
        memmove(model + at, model + at + cut, n - at - cut);
        n -= cut;
        assert_ok(fifo_put(&f, span_from(out, 0)));
        assert_ok(fifo_put(&f, span_of_str(STR("behind"))));
        memcpy(model + n, "behind", 6);
        n += 6;
        assert_int_equal(f.len, n);
        fifo_take(&f, out, n);
        assert_memory_equal(out, model, n);
        assert_int_equal(f.len, 0);
        fifo_done(&f);
    }
}

TEST_MAIN(T(bytes_come_out_as_they_went_in_over_many_blocks), T(what_is_cut_out_of_the_middle_is_gone))
