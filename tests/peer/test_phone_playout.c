#include "test.h"

#include <stdlib.h>

#include "base/err.h"
#include "peer/phone/phone_playout.h"

static struct span bytes(uint8_t value, size_t n)
{
    static uint8_t block[8000];
    assert_true(n <= sizeof(block));
    memset(block, value, n);
    return span_from(block, n);
}

static void due_is(struct phone_playout *p, const char *want)
{
    struct str name;
    assert_true(phone_playout_due(p, &name));
    assert_str_is(name, want);
}

static void none_due(struct phone_playout *p)
{
    struct str name;
    assert_false(phone_playout_due(p, &name));
}

TEST(frames_come_in_order_and_end_in_silence)
{
    struct phone_playout p;
    uint8_t out[PHONE_FRAME_BYTES];
    phone_playout_init(&p);
    assert_ok(phone_playout_audio(&p, bytes(1, 200)));
    assert_ok(phone_playout_audio(&p, bytes(2, 20)));
    assert_int_equal(phone_playout_step(&p, out), 160);
    assert_int_equal(out[159], 1);
    assert_int_equal(phone_playout_step(&p, out), 60);
    assert_int_equal(out[39], 1);
    assert_int_equal(out[40], 2);
    assert_int_equal(out[59], 2);
    assert_int_equal(out[60], PHONE_SILENCE_BYTE);
    assert_int_equal(out[159], PHONE_SILENCE_BYTE);
    assert_int_equal(phone_playout_step(&p, out), 0);
    phone_playout_done(&p);
}

TEST(mark_returns_when_its_last_frame_has_been_heard)
{
    struct phone_playout p;
    uint8_t out[PHONE_FRAME_BYTES];
    phone_playout_init(&p);
    assert_ok(phone_playout_audio(&p, bytes(1, 320)));
    assert_ok(phone_playout_mark(&p, STR("two frames")));
    assert_ok(phone_playout_audio(&p, bytes(2, 160)));
    assert_ok(phone_playout_mark(&p, STR("three frames")));
    phone_playout_step(&p, out);
    phone_playout_step(&p, out);
    none_due(&p); /* the second frame is in the ear right now */
    phone_playout_step(&p, out);
    due_is(&p, "two frames");
    none_due(&p);
    phone_playout_step(&p, out);
    due_is(&p, "three frames");
    none_due(&p);
    phone_playout_done(&p);
}

TEST(mark_on_an_empty_queue_returns_at_once)
{
    struct phone_playout p;
    phone_playout_init(&p);
    assert_ok(phone_playout_mark(&p, STR("a")));
    due_is(&p, "a");
    phone_playout_done(&p);
}

TEST(clear_drops_audio_and_returns_all_marks_in_order)
{
    struct phone_playout p;
    uint8_t out[PHONE_FRAME_BYTES];
    phone_playout_init(&p);
    for (int i = 0; i < 100; i++) {
        char name[8] = {'m', (char)('0' + i / 10), (char)('0' + i % 10), 0};
        assert_ok(phone_playout_audio(&p, bytes(1, 160)));
        assert_ok(phone_playout_mark(&p, str_from(name)));
    }
    phone_playout_step(&p, out);
    phone_playout_step(&p, out);
    due_is(&p, "m00");
    assert_int_equal(phone_playout_clear(&p), 98 * 160);
    for (int i = 1; i < 100; i++) {
        char name[8] = {'m', (char)('0' + i / 10), (char)('0' + i % 10), 0};
        due_is(&p, name);
    }
    none_due(&p);
    assert_int_equal(phone_playout_step(&p, out), 0);
    /* What comes after the clear plays and is marked as ever. */
    assert_ok(phone_playout_audio(&p, bytes(3, 160)));
    assert_ok(phone_playout_mark(&p, STR("new")));
    none_due(&p);
    assert_int_equal(phone_playout_step(&p, out), 160);
    assert_int_equal(out[0], 3);
    none_due(&p);
    phone_playout_step(&p, out);
    due_is(&p, "new");
    phone_playout_done(&p);
}

TEST(clear_of_nothing_is_harmless_and_marks_behind_it_wait_for_the_frame_in_the_ear)
{
    struct phone_playout p;
    uint8_t out[PHONE_FRAME_BYTES];
    phone_playout_init(&p);
    assert_int_equal(phone_playout_clear(&p), 0);
    assert_ok(phone_playout_audio(&p, bytes(1, 480)));
    phone_playout_step(&p, out);
    assert_int_equal(phone_playout_clear(&p), 320);
    assert_ok(phone_playout_mark(&p, STR("after")));
    none_due(&p);
    phone_playout_step(&p, out);
    due_is(&p, "after");
    phone_playout_done(&p);
}

TEST(queue_and_marks_are_bounded)
{
    struct phone_playout p;
    phone_playout_init(&p);
    uint8_t *big = malloc(PHONE_PLAYOUT_BYTES + 1);
    assert_non_null(big);
    memset(big, 0x55, PHONE_PLAYOUT_BYTES + 1);
    assert_err(phone_playout_audio(&p, span_from(big, PHONE_PLAYOUT_BYTES + 1)), ERR_LIMIT);
    assert_ok(phone_playout_audio(&p, span_from(big, PHONE_PLAYOUT_BYTES)));
    assert_err(phone_playout_audio(&p, span_from(big, 1)), ERR_LIMIT);
    for (unsigned i = 0; i < PHONE_PLAYOUT_MARKS; i++) {
        assert_ok(phone_playout_mark(&p, STR("m")));
    }
    assert_err(phone_playout_mark(&p, STR("m")), ERR_LIMIT);
    free(big);
    phone_playout_done(&p);
}

/* Against a naive model: random audio, marks, clears and steps; every byte and mark must agree. */
TEST(agrees_with_a_naive_model)
{
    enum { BYTES = 400000, MARKS = 4000 };
    struct phone_playout p;
    phone_playout_init(&p);
    uint8_t *model = malloc(BYTES);
    struct {
        size_t pos;
        bool gone;
    } marks[MARKS];
    assert_non_null(model);
    size_t in = 0, out_at = 0, heard = 0, n_marks = 0, next_mark = 0;
    uint64_t dice = 7;
    for (int i = 0; i < 20000 && in + 1000 < BYTES && n_marks < MARKS; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        unsigned r = (unsigned)(dice >> 40);
        if (r % 8 < 3) {
            size_t n = r / 8 % 400;
            memset(model + in, (int)(r & 0x7F), n);
            assert_ok(phone_playout_audio(&p, span_from(model + in, n)));
            in += n;
        } else if (r % 8 == 3) {
            assert_ok(phone_playout_mark(&p, STR("x")));
            marks[n_marks].pos = in;
            marks[n_marks++].gone = false;
        } else if (r % 512 == 4) {
            assert_int_equal(phone_playout_clear(&p), in - out_at);
            out_at = in;
            for (size_t m = next_mark; m < n_marks; m++) {
                marks[m].gone = true;
            }
        } else {
            uint8_t frame[PHONE_FRAME_BYTES];
            size_t n = MIN(in - out_at, (size_t)PHONE_FRAME_BYTES);
            assert_int_equal(phone_playout_step(&p, frame), n);
            assert_memory_equal(frame, model + out_at, n);
            heard = out_at;
            out_at += n;
        }
        struct str name;
        while (phone_playout_due(&p, &name)) {
            assert_true(next_mark < n_marks);
            assert_true(marks[next_mark].gone || marks[next_mark].pos <= heard);
            next_mark++;
        }
        assert_true(next_mark == n_marks || (!marks[next_mark].gone && marks[next_mark].pos > heard));
        assert_int_equal(phone_playout_queued(&p), in - out_at);
        assert_int_equal(phone_playout_marks(&p), n_marks - next_mark);
    }
    assert_true(n_marks > 500);
    free(model);
    phone_playout_done(&p);
}

TEST_MAIN(T(frames_come_in_order_and_end_in_silence), T(mark_returns_when_its_last_frame_has_been_heard),
          T(mark_on_an_empty_queue_returns_at_once), T(clear_drops_audio_and_returns_all_marks_in_order),
          T(clear_of_nothing_is_harmless_and_marks_behind_it_wait_for_the_frame_in_the_ear),
          T(queue_and_marks_are_bounded), T(agrees_with_a_naive_model))
