#include <stdlib.h>

#include "call/track.h"
#include "test.h"

/* Against a recording that is simply an array: blocks put in any order, early, late and with gaps, taken piece by
 * piece. */
enum { TOTAL = 40000 };

struct model {
    uint8_t side[2][TOTAL];
    uint64_t taken;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void put(struct track *t, struct model *m, uint32_t side, uint64_t at, size_t n, uint8_t value)
{
    uint8_t block[800];
    memset(block, value, n);
    int err = side == 0 ? track_caller(t, at, span_from(block, n)) : track_agent(t, at, span_from(block, n));
    assert_int_equal(err, 0);
    for (size_t i = 0; i < n; i++) {
        if (at + i >= m->taken) {
            m->side[side][at + i] = value;
        }
    }
}

static void take(struct track *t, struct model *m, uint64_t upto)
{
    size_t n = (size_t)(upto - m->taken);
    uint8_t *out = malloc(n * 2 + 1);
    assert_non_null(out);
    track_take(t, upto, out);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(out[2 * i], m->side[0][m->taken + i]);
        assert_int_equal(out[2 * i + 1], m->side[1][m->taken + i]);
    }
    free(out);
    m->taken = upto;
}

TEST(what_is_taken_is_what_was_put_in_any_order)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct track t;
        struct model *m = calloc(1, sizeof(*m));
        assert_non_null(m);
        track_init(&t, AUDIO_PCMU);
        memset(m->side, t.silence, sizeof(m->side));
        uint32_t dice = seed;
        while (m->taken < TOTAL - 9000) {
            uint64_t at = m->taken + next_random(&dice) % 8000;
            uint64_t late = next_random(&dice) % 300;
            at -= MIN(at, late);
            put(&t, m, next_random(&dice) % 2, at, 1 + next_random(&dice) % 800, (uint8_t)next_random(&dice));
            if (next_random(&dice) % 3 == 0) {
                take(&t, m, m->taken + next_random(&dice) % 3000);
            }
        }
        take(&t, m, TOTAL); /* behind everything: silence */
        track_done(&t);
        free(m);
    }
}

TEST(a_caller_side_pulled_forward_keeps_the_agent_where_it_is)
{
    struct track t;
    uint8_t a[160], b[160], out[1000];
    memset(a, 1, sizeof(a));
    memset(b, 2, sizeof(b));
    track_init(&t, AUDIO_PCMU);
    assert_ok(track_caller(&t, 320, span_from(a, sizeof(a))));
    assert_ok(track_agent(&t, 400, span_from(b, 80)));
    track_pull_caller(&t, 300);
    track_take(&t, 500, out);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(out[2 * i], i >= 20 && i < 180 ? 1 : t.silence);
        assert_int_equal(out[2 * i + 1], i >= 400 && i < 480 ? 2 : t.silence);
    }
    track_done(&t);
}

TEST_MAIN(T(what_is_taken_is_what_was_put_in_any_order), T(a_caller_side_pulled_forward_keeps_the_agent_where_it_is))
