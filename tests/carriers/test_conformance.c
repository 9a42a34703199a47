/* What every leg owes the call, whichever carrier it belongs to (src/call/leg.h): the same scenarios over all. */
#include "base/err.h"
#include "carriers/leg_bench.h"
#include "fakes/wait.h"
#include "test.h"

/*
 * OVER_LEGS(name) { ... kind ... } is owed by every leg and stands in the list as TL(name); OVER_WIRED_LEGS(name) only
 * by those with a socket, TW(name): a program's leg has no line to tear, no messages to read, no keys and no carrier.
 */
#define OVER_LEG(leg, kind, name)                                                                                      \
    static void leg##_##name(void **state UNUSED)                                                                      \
    {                                                                                                                  \
        name(kind);                                                                                                    \
    }
#define OVER_WIRED_LEGS(name)                                                                                          \
    static void name(enum kind kind);                                                                                  \
    OVER_LEG(twilio, TWILIO, name)                                                                                     \
    OVER_LEG(plivo, PLIVO, name)                                                                                       \
    static void name(enum kind kind)
#define OVER_LEGS(name)                                                                                                \
    static void name(enum kind kind);                                                                                  \
    OVER_LEG(twilio, TWILIO, name)                                                                                     \
    OVER_LEG(plivo, PLIVO, name)                                                                                       \
    OVER_LEG(embedded, EMBEDDED, name)                                                                                 \
    static void name(enum kind kind)
#define TW(name) T(twilio_##name), T(plivo_##name)
#define TL(name) TW(name), T(embedded_##name)

static const char *const names[] = {"twilio", "plivo", "embedded"};

OVER_LEGS(says_once_that_it_begins)
{
    struct bench b;
    bench_init(&b, kind, 0);
    settle(b.loop);
    assert_int_equal(b.starts, 0);
    bench_start(&b);
    settle(b.loop);
    assert_int_equal(b.starts, 1);
    assert_string_equal(leg_kind(b.leg), names[kind]);
    bench_down(&b);
    assert_int_equal(b.err, 0);
}

OVER_LEGS(tells_what_the_caller_says)
{
    struct bench b;
    bench_up(&b, kind);
    for (int i = 0; i < 10; i++) {
        bench_speak(&b);
    }
    bench_wait_count(&b, &b.frames, 10);
    assert_int_equal(b.media_bytes, 10 * (kind == EMBEDDED ? 960 : BENCH_FRAME));
    assert_int_equal(b.step_ms, 20); /* its clock is that of the sound */
    bench_down(&b);
}

OVER_LEGS(plays_in_order_and_gives_marks_back_when_they_are_heard)
{
    struct bench b;
    bench_up(&b, kind);
    bench_play(&b, 1, 7);
    bench_play(&b, 2, 0);
    bench_mark(&b, 9);
    bench_wait_sent(&b, kind == EMBEDDED ? 3 : 4);
    size_t audio = 0;
    for (size_t i = 0; i < b.n_sent; i++) {
        if (b.sent[i].what == SENT_AUDIO) {
            assert_int_equal(b.sent[i].first, ++audio);
        }
    }
    assert_int_equal(audio, 2);
    assert_int_equal(b.sent[1].what, SENT_MARK); /* directly behind its audio */
    assert_int_equal(b.n_marks, 0);              /* sent is not heard */
    bench_hear(&b);
    bench_wait_count(&b, &b.n_marks, 2);
    assert_int_equal(b.marks[0], 7);
    assert_int_equal(b.marks[1], 9);
    settle(b.loop);
    assert_int_equal(b.n_marks, 2); /* once each */
    bench_down(&b);
}

static bool has_mark_8(void *arg)
{
    const struct bench *b = arg;
    return b->n_marks > 0 && b->marks[b->n_marks - 1] == 8;
}

/* Nothing of before a clear follows it, and everything of behind it does. */
OVER_LEGS(clears_what_waits_and_nothing_else)
{
    struct bench b;
    bench_up(&b, kind);
    bench_play(&b, 1, 7);
    bench_wait_sent(&b, 2);
    bench_clear(&b);
    bench_play(&b, 2, 8);
    bench_wait_sent(&b, 5);
    assert_int_equal(b.sent[2].what, SENT_CLEAR);
    assert_int_equal(b.sent[3].what, SENT_AUDIO);
    assert_int_equal(b.sent[3].first, 2);
    bench_hear(&b);
    wait_until(b.loop, has_mark_8, &b);
    assert_true(b.n_marks <= 2);
    assert_int_equal(b.marks[b.n_marks - 1], 8); /* the other may have come back; the call knows that it was cleared */
    bench_down(&b);
}

/* What stands on the wire of one step, without a chance for the other end to answer in between. */
OVER_LEGS(clears_and_plays_in_one_step)
{
    struct bench b;
    bench_up(&b, kind);
    b.silent = true; /* an answer may be late, or lost */
    bench_play(&b, 1, 0);
    bench_clear(&b);
    bench_play(&b, 2, 8);
    bench_wait_sent(&b, 4);
    assert_int_equal(b.sent[1].what, SENT_CLEAR);
    assert_int_equal(b.sent[2].first, 2);
    bench_hear(&b);
    bench_wait_count(&b, &b.n_marks, 1);
    assert_int_equal(b.marks[0], 8);
    bench_down(&b);
}

OVER_WIRED_LEGS(tells_keys)
{
    struct bench b;
    bench_up(&b, kind);
    for (const char *key = "0123456789*#AD"; *key; key++) {
        bench_press(&b, *key);
    }
    settle(b.loop);
    assert_string_equal(b.keys, "0123456789*#AD");
    bench_down(&b);
}

OVER_LEGS(refuses_what_is_not_its_business)
{
    struct bench b;
    bench_up(&b, kind);
    assert_int_equal(leg_perform(b.leg, &(struct call_action){.type = ACT_MODEL_COMMIT}), -EINVAL);
    bench_play(&b, 1, 1); /* and lives on */
    bench_wait_sent(&b, 2);
    assert_int_equal(b.n_sent, 2);
    bench_down(&b);
}

OVER_LEGS(says_when_it_cannot_be_transferred)
{
    struct bench b;
    bench_up(&b, kind); /* without an account */
    const char *why = leg_cannot_transfer(b.leg);
    assert_true(why && why[0]);
    struct call_action act = {.type = ACT_LEG_TRANSFER};
    act.leg_transfer.to = STR("+15005550002");
    assert_true(leg_perform(b.leg, &act) < 0);
    bench_play(&b, 1, 1);
    bench_wait_sent(&b, 2);
    bench_down(&b);
}

OVER_LEGS(is_over_when_the_carrier_says_so)
{
    struct bench b;
    bench_up(&b, kind);
    bench_hang_up(&b);
    if (kind != EMBEDDED) {
        bench_speak(&b); /* was on its way */
        bench_wait_count(&b, &b.stops, 1);
        assert_int_equal(leg_perform(b.leg, &(struct call_action){.type = ACT_LEG_CLEAR}),
                         0); /* too late, no mistake */
        ws_close(b.ws, 1000, STR_NULL);
    }
    bench_wait_closed(&b);
    assert_int_equal(b.stops, 1);
    assert_int_equal(b.frames, 0);
    assert_int_equal(b.err, 0);
    bench_down(&b);
}

OVER_LEGS(hangs_up)
{
    struct bench b;
    bench_up(&b, kind);
    assert_ok(leg_perform(b.leg, &(struct call_action){.type = ACT_LEG_HANGUP}));
    assert_int_equal(b.closed, 0); /* from the loop */
    bench_wait_closed(&b);
    assert_int_equal(b.err, 0);
    bench_down(&b);
}

OVER_LEGS(closes_once_and_is_silent_then)
{
    struct bench b;
    bench_up(&b, kind);
    bench_speak(&b); /* under way while it closes */
    uint32_t frames = b.frames;
    leg_close(b.leg);
    leg_close(b.leg);
    assert_int_equal(b.closed, 0);
    assert_true(leg_perform(b.leg, &(struct call_action){.type = ACT_LEG_CLEAR}) < 0);
    bench_wait_closed(&b);
    assert_int_equal(b.frames, frames);
    assert_int_equal(b.stops, 0);
    assert_int_equal(b.err, 0);
    bench_down(&b);
}

OVER_LEGS(may_be_closed_in_any_event)
{
    static const enum call_event_type at[] = {EV_LEG_START, EV_LEG_MEDIA, EV_LEG_MARK, EV_LEG_STOP};
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        struct bench b;
        bench_init(&b, kind, 0);
        b.close_at = at[i];
        bench_start(&b);
        if (at[i] == EV_LEG_MEDIA) {
            bench_speak(&b);
            bench_speak(&b);
        } else if (at[i] == EV_LEG_MARK) {
            bench_play(&b, 1, 1);
            bench_mark(&b, 2);
            bench_wait_sent(&b, kind == EMBEDDED ? 2 : 3);
            bench_hear(&b);
        } else if (at[i] == EV_LEG_STOP) {
            bench_hang_up(&b);
        }
        bench_wait_closed(&b);
        assert_true(b.frames <= 1 && b.n_marks <= 1);
        bench_down(&b);
    }
}

OVER_WIRED_LEGS(a_torn_line_is_no_orderly_end)
{
    struct bench b;
    bench_up(&b, kind);
    ws_abort(b.ws, -ECANCELED);
    bench_wait_closed(&b);
    assert_int_equal(b.stops, 0);
    assert_true(b.err < 0);
    bench_down(&b);
}

OVER_LEGS(who_takes_nothing_ends_it)
{
    static uint8_t second[8000];
    struct bench b;
    int err = 0;
    bench_init(&b, kind, 64u << 10);
    bench_start(&b);
    bench_deafen(&b);
    struct call_action act = {.type = ACT_LEG_MEDIA};
    act.leg_media.audio = span_from(second, sizeof(second));
    for (int i = 0; i < 5000 && err == 0; i++) {
        err = leg_perform(b.leg, &act);
    }
    assert_int_equal(err, -ERR_LIMIT);
    bench_wait_closed(&b);
    assert_int_equal(b.err, -ERR_LIMIT); /* the same name */
    bench_down(&b);
}

OVER_WIRED_LEGS(rubbish_ends_it_with_a_name)
{
    static const char *const rubbish[] = {"garbage", "{}", "[]", "{\"event\":\"media\",\"media\":{\"payload\":\"!\"}}",
                                          ""};
    for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
        struct bench b;
        struct buf text;
        bench_up(&b, kind);
        buf_init(&text, 4096);
        buf_puts(&text, rubbish[i]);
        bench_say(&b, &text);
        bench_wait_closed(&b);
        assert_true(b.err < 0);
        assert_int_equal(b.frames, 0);
        bench_down(&b);
    }
}

OVER_WIRED_LEGS(goes_with_its_carrier)
{
    struct bench b;
    bench_up(&b, kind);
    bench_play(&b, 1, 1);
    b.leg = NULL;
    bench_down(&b);
    assert_int_equal(b.closed, 1);
    assert_int_equal(b.err, -ECANCELED);
}

TEST_MAIN(TL(says_once_that_it_begins), TL(tells_what_the_caller_says),
          TL(plays_in_order_and_gives_marks_back_when_they_are_heard), TL(clears_what_waits_and_nothing_else),
          TL(clears_and_plays_in_one_step), TW(tells_keys), TL(refuses_what_is_not_its_business),
          TL(says_when_it_cannot_be_transferred), TL(is_over_when_the_carrier_says_so), TL(hangs_up),
          TL(closes_once_and_is_silent_then), TL(may_be_closed_in_any_event), TW(a_torn_line_is_no_orderly_end),
          TL(who_takes_nothing_ends_it), TW(rubbish_ends_it_with_a_name), TW(goes_with_its_carrier))
