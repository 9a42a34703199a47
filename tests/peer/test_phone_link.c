#include "test.h"

#include "base/err.h"
#include "peer/phone/phone_link.h"

TEST(without_delay_it_is_direct)
{
    struct phone_link l;
    phone_link_init(&l, 0, 0, 1);
    assert_true(phone_link_direct(&l));
    phone_link_done(&l);
    phone_link_init(&l, 0, 5, 1);
    assert_false(phone_link_direct(&l));
    phone_link_done(&l);
}

TEST(delay_and_jitter_stay_in_bounds_and_keep_the_order)
{
    struct phone_link l;
    phone_link_init(&l, 40, 30, 42);
    uint64_t last = 0, earliest = UINT64_MAX, latest = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        uint64_t now = 1000000 + (uint64_t)i * 20000;
        char text[8] = {(char)(i >> 8), (char)i, 0};
        assert_ok(phone_link_put(&l, now, 1, (struct str){text, 2}));
        struct phone_packet p;
        while (phone_link_take(&l, now, &p)) {
            uint32_t got = (uint32_t)(unsigned char)p.data[0] << 8 | (unsigned char)p.data[1];
            assert_int_equal(got, next++);
            uint64_t after = p.due_us - (1000000 + (uint64_t)got * 20000);
            assert_true(p.due_us >= last);
            last = p.due_us;
            earliest = MIN(earliest, after);
            latest = MAX(latest, after);
        }
    }
    assert_true(next > 1990);
    assert_in_range(earliest, 40000, 42000);
    assert_in_range(latest, 66000, 70000);
    phone_link_done(&l);
}

TEST(the_same_seed_gives_the_same_network)
{
    struct phone_link a, b, c;
    phone_link_init(&a, 10, 50, 7);
    phone_link_init(&b, 10, 50, 7);
    phone_link_init(&c, 10, 50, 8);
    uint32_t differ = 0;
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t ta = 0, tb = 0, tc = 0;
        struct phone_packet p;
        assert_ok(phone_link_put(&a, i * 1000000, 0, STR("x")));
        assert_ok(phone_link_put(&b, i * 1000000, 0, STR("x")));
        assert_ok(phone_link_put(&c, i * 1000000, 0, STR("x")));
        assert_true(phone_link_next(&a, &ta) && phone_link_next(&b, &tb) && phone_link_next(&c, &tc));
        assert_int_equal(ta, tb);
        differ += ta != tc;
        assert_true(phone_link_take(&a, UINT64_MAX, &p) && phone_link_take(&b, UINT64_MAX, &p) &&
                    phone_link_take(&c, UINT64_MAX, &p));
    }
    assert_true(differ > 90);
    phone_link_done(&a);
    phone_link_done(&b);
    phone_link_done(&c);
}

TEST(a_full_line_refuses)
{
    struct phone_link l;
    phone_link_init(&l, 1000, 0, 1);
    for (uint32_t i = 0; i < PHONE_LINK_PACKETS; i++) {
        assert_ok(phone_link_put(&l, 0, 0, STR("x")));
    }
    assert_err(phone_link_put(&l, 0, 0, STR("x")), ERR_LIMIT);
    phone_link_done(&l);
}

TEST(loss_is_near_its_percentage)
{
    struct phone_dice d = {3};
    uint32_t lost = 0;
    for (int i = 0; i < 100000; i++) {
        lost += phone_dice_roll(&d, 2.5);
        assert_false(phone_dice_roll(&d, 0));
    }
    assert_in_range(lost, 2300, 2700);
}

TEST_MAIN(T(without_delay_it_is_direct), T(delay_and_jitter_stay_in_bounds_and_keep_the_order),
          T(the_same_seed_gives_the_same_network), T(a_full_line_refuses), T(loss_is_near_its_percentage))
