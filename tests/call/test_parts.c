/* The parts of the core that have a meaning of their own: ledger, track, machines, journal. */
#include "test.h"

#include "base/err.h"
#include "call/journal.h"
#include "call/ledger.h"
#include "call/machine.h"
#include "call/track.h"

static void send(struct ledger *l, uint32_t ms, uint64_t now_us)
{
    uint8_t audio[8000] = {0};
    assert_true(ledger_send(l, 1, span_from(audio, ms * 8), 0, now_us) > 0);
}

static void heard(const struct ledger *l, uint64_t now_us, uint32_t low_ms, uint32_t high_ms)
{
    uint32_t low = 0;
    uint32_t high = 0;
    ledger_heard(l, 1, now_us, &low, &high);
    assert_int_equal(low / 8, low_ms);
    assert_int_equal(high / 8, high_ms);
}

TEST(ledger_low_is_certain_only_behind_a_genuine_mark)
{
    struct ledger l;
    ledger_init(&l, 8);
    uint32_t open = ledger_mark(&l, 1000000);
    send(&l, 100, 1000000);
    send(&l, 100, 1000000);
    heard(&l, 1050000, 0, 50);
    assert_int_equal(ledger_outstanding_ms(&l, 1050000), 150);
    assert_true(ledger_returned(&l, open, 1080000)); /* 80 ms there and back */
    struct ledger_burst b;
    assert_true(ledger_settle(&l, open, &b));
    assert_false(ledger_settle(&l, open, &b));
    heard(&l, 1080000, 0, 80);
    heard(&l, 1150000, 70, 150);
    heard(&l, 9000000, 200, 200);
    ledger_done(&l);
}

TEST(ledger_late_burst_is_not_heard_before_it_can_arrive)
{
    struct ledger l;
    ledger_init(&l, 8);
    uint32_t open = ledger_mark(&l, 1000000);
    send(&l, 100, 1000000);
    assert_true(ledger_returned(&l, open, 1100000)); /* 100 ms */
    struct ledger_burst b;
    assert_true(ledger_settle(&l, open, &b));
    send(&l, 100, 1500000); /* the first one ended long ago */
    heard(&l, 1600000, 100, 200);
    heard(&l, 1650000, 150, 200);
    ledger_done(&l);
}

TEST(ledger_marks_of_a_clear_and_foreign_ones_do_not_count)
{
    struct ledger l;
    ledger_init(&l, 8);
    send(&l, 100, 1000);
    send(&l, 100, 1000);
    ledger_cleared(&l);
    struct ledger_burst b;
    while (ledger_drop(&l, &b)) {
        fifo_take(&l.audio, NULL, b.bytes + b.pad);
    }
    assert_false(ledger_returned(&l, 1, 2000));
    assert_false(ledger_returned(&l, 2, 2000));
    send(&l, 100, 3000);
    assert_false(ledger_returned(&l, 2, 4000));
    assert_false(ledger_returned(&l, 0, 4000));
    assert_false(ledger_returned(&l, 77, 4000));
    assert_true(ledger_returned(&l, 3, 4000));
    ledger_done(&l);
}

TEST(track_puts_both_sides_in_their_place)
{
    struct track t;
    track_init(&t, AUDIO_PCMU);
    assert_ok(track_caller(&t, 2, span_from("abc", 3)));
    assert_ok(track_agent(&t, 3, span_from("XY", 2)));
    uint8_t out[12];
    track_take(&t, 6, out);
    assert_memory_equal(out,
                        "\xFF\xFF\xFF\xFF"
                        "a\xFF"
                        "bX"
                        "cY"
                        "\xFF\xFF",
                        12);
    assert_ok(track_agent(&t, 4, span_from("late", 4)));
    assert_int_equal(t.late_samples, 2);
    track_take(&t, 8, out);
    assert_memory_equal(out,
                        "\xFFt\xFF"
                        "e",
                        4);
    assert_int_equal(track_caller(&t, 5000000, span_from("x", 1)), -ENOBUFS);
    track_done(&t);
}

TEST(machines_have_a_name_for_everything_and_stay_in_range)
{
    for (int st = 0; st < PHASE_N; st++) {
        for (int e = 0; e < PHASE_EVENT_N; e++) {
            int n = phase_next((enum call_phase)st, (enum phase_event)e);
            assert_true(n >= -1 && n < PHASE_N);
            assert_string_not_equal(phase_event_name((enum phase_event)e), "unknown");
        }
        assert_string_not_equal(call_phase_name((enum call_phase)st), "unknown");
        /* from everywhere but the end there is a way to the end */
        assert_true(st == PHASE_ENDED || phase_next((enum call_phase)st, PH_END) == PHASE_ENDED);
    }
    for (int st = 0; st < PLAYOUT_N; st++) {
        assert_int_equal(playout_next((enum playout_state)st, PL_CUT), PLAYOUT_EMPTY);
        assert_string_not_equal(playout_state_name((enum playout_state)st), "unknown");
    }
    for (int st = 0; st < RESPONSE_N; st++) {
        assert_true(response_next((enum response_state)st, RE_PLAYED) >= 0);
        assert_string_not_equal(response_state_name((enum response_state)st), "unknown");
    }
    for (int st = 0; st < CALLER_N; st++) {
        assert_int_equal(caller_next((enum caller_state)st, CA_COMMIT), CALLER_SILENT);
    }
    for (int i = 0; i < CALL_EVENT_N; i++) {
        assert_string_not_equal(call_event_name((enum call_event_type)i), "unknown");
    }
    for (int i = 0; i < CALL_REASON_N; i++) {
        assert_int_equal(call_reason_parse(call_reason_name((enum call_reason)i)), i);
    }
}

static void fill(struct call_event *ev, enum call_event_type type)
{
    *ev = (struct call_event){.type = type};
    switch (type) {
    case EV_LEG_MEDIA:
        ev->leg_media.timestamp_ms = 4711;
        ev->leg_media.audio = span_from("\x01\x02\x03", 3);
        break;
    case EV_MODEL_TOOL_CALL:
        ev->model_tool.name = STR("check");
        ev->model_tool.arguments = STR("{\"a\":1}");
        break;
    case EV_LEG_CLOSED:
        ev->leg_closed.err = -ERR_WS;
        break;
    case EV_MODEL_RESPONSE_DONE:
        ev->model_done.status = RESPONSE_FAILED;
        ev->model_done.usage.out_audio = 77;
        break;
    default:
        break;
    }
}

static void write_all(struct buf *file)
{
    struct call_opts opts;
    struct call_opts_room room = {0};
    call_opts_init(&opts);
    call_opts_lend(&opts, &room);
    opts.call_id = STR("abc");
    opts.turn.threshold = 0.5;
    opts.n_tools = 1;
    opts.tools[0].name = STR("check");
    struct call_actions none;
    call_actions_init(&none);
    struct journal_writer w;
    journal_begin(&w, file, &opts, 1000);
    for (int t = 0; t < CALL_EVENT_N; t++) {
        struct call_event ev;
        fill(&ev, (enum call_event_type)t);
        journal_put(&w, file, &ev, 1000 + (uint64_t)t * 20000, &none);
    }
    call_actions_done(&none);
}

TEST(journal_keeps_every_event_and_ends_cleanly_when_torn)
{
    struct buf file;
    buf_init(&file, 1 << 20);
    write_all(&file);
    uint64_t whole = 0;
    for (size_t cut = 0; cut <= file.len; cut++) {
        struct arena arena;
        arena_init(&arena, 1 << 16);
        struct journal_reader r;
        struct call_opts opts;
        struct str build;
        int err = journal_open(&r, (struct span){buf_ptr(&file), file.len - cut}, &arena, &opts, &build);
        if (err == 0) {
            assert_str_is(opts.call_id, "abc");
            assert_true(opts.turn.threshold == 0.5);
            struct call_event ev;
            uint64_t now_us;
            uint64_t digest;
            int more;
            int expected = 0;
            while ((more = journal_next(&r, &ev, &now_us, &digest)) == 1) {
                assert_int_equal(ev.type, expected++);
                if (ev.type == EV_LEG_MEDIA) {
                    assert_int_equal(ev.leg_media.timestamp_ms, 4711);
                    assert_memory_equal(ev.leg_media.audio.p, "\x01\x02\x03", 3);
                }
                if (ev.type == EV_LEG_CLOSED) {
                    assert_int_equal(ev.leg_closed.err, -ERR_WS);
                }
            }
            assert_int_equal(more, 0);
            whole = MAX(whole, r.records);
        } else {
            assert_err(err, ERR_CORRUPT);
        }
        arena_done(&arena);
    }
    assert_int_equal(whole, CALL_EVENT_N);
    buf_done(&file);
}

TEST(journal_refuses_damage_without_reading_beyond_it)
{
    struct buf file;
    buf_init(&file, 1 << 20);
    write_all(&file);
    uint32_t dice = 1;
    for (int round = 0; round < 20000; round++) {
        uint8_t copy[4096];
        assert_true(file.len < sizeof(copy));
        memcpy(copy, buf_ptr(&file), file.len);
        for (int k = 0; k < 3; k++) {
            dice = dice * 1664525 + 1013904223;
            copy[(dice >> 8) % file.len] = (uint8_t)(dice >> 24);
        }
        struct arena arena;
        arena_init(&arena, 1 << 16);
        struct journal_reader r;
        struct call_opts opts;
        struct str build;
        if (journal_open(&r, span_from(copy, file.len), &arena, &opts, &build) == 0) {
            struct call_event ev;
            uint64_t now_us;
            uint64_t digest;
            while (journal_next(&r, &ev, &now_us, &digest) == 1) {
                assert_true((unsigned)ev.type < CALL_EVENT_N);
            }
        }
        arena_done(&arena);
    }
    buf_done(&file);
}

TEST_MAIN(T(ledger_low_is_certain_only_behind_a_genuine_mark), T(ledger_late_burst_is_not_heard_before_it_can_arrive),
          T(ledger_marks_of_a_clear_and_foreign_ones_do_not_count), T(track_puts_both_sides_in_their_place),
          T(machines_have_a_name_for_everything_and_stay_in_range),
          T(journal_keeps_every_event_and_ends_cleanly_when_torn), T(journal_refuses_damage_without_reading_beyond_it))
