/* What every record store owes (call/store.h): what goes in comes out, nothing half, also after kill -9. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "store/backend.h"

static void assert_same_turn(const struct call_turn *got, const struct call_turn *want)
{
    assert_int_equal(got->number, want->number);
    assert_int_equal(got->speech_start_ms, want->speech_start_ms);
    assert_int_equal(got->speech_stop_ms, want->speech_stop_ms);
    assert_int_equal(got->commit_ms, want->commit_ms);
    assert_int_equal(got->created_ms, want->created_ms);
    assert_int_equal(got->first_audio_ms, want->first_audio_ms);
    assert_int_equal(got->first_sent_ms, want->first_sent_ms);
    assert_int_equal(got->agent_end_ms, want->agent_end_ms);
    assert_int_equal(got->item_ms, want->item_ms);
    assert_int_equal(got->heard_ms, want->heard_ms);
    assert_int_equal(got->tools, want->tools);
    assert_int_equal(got->interrupted, want->interrupted);
    assert_int_equal(got->verdict, want->verdict);
    assert_int_equal(got->pauses, want->pauses);
    assert_int_equal(got->paused_ms, want->paused_ms);
    assert_int_equal(got->paused_for, want->paused_for);
    assert_int_equal(got->end_silence_ms, want->end_silence_ms);
}

static void assert_same_line(const struct call_line *got, const struct call_line *want)
{
    assert_int_equal(got->echo, want->echo);
    assert_int_equal(got->echo_loss_cb, want->echo_loss_cb);
    assert_int_equal(got->echo_delay_ms, want->echo_delay_ms);
    assert_int_equal(got->gate_closures, want->gate_closures);
    assert_int_equal(got->gated_ms, want->gated_ms);
    assert_int_equal(got->gaps, want->gaps);
    assert_int_equal(got->gap_ms, want->gap_ms);
    assert_int_equal(got->late, want->late);
    assert_int_equal(got->doubled, want->doubled);
    assert_int_equal(got->odd_frames, want->odd_frames);
    assert_int_equal(got->clipped_ms, want->clipped_ms);
    assert_int_equal(got->zero_ms, want->zero_ms);
    assert_int_equal(got->stalls, want->stalls);
    assert_int_equal(got->stall_ms, want->stall_ms);
    assert_int_equal(got->linear_ms, want->linear_ms);
    assert_int_equal(got->rate_hz, want->rate_hz);
    assert_int_equal(got->dc_offset, want->dc_offset);
}

TEST(a_call_comes_back_as_it_went_in)
{
    struct fixture f;
    struct store_call c, got;

    set_up(&f, NULL);
    c = call_of("c1", T0);
    assert_int_equal(write_call(&f, STORE_CALL_BEGIN, &c, T0), 0);
    c = (struct store_call){.id = STR("c1"),
                            .status = STORE_IN_PROGRESS,
                            .stream_id = STR("MZ1"),
                            .answered_us = T0 + 1000000,
                            .recording = STR("var/c1.wav"),
                            .journal = STR("var/c1.jnl")};
    assert_int_equal(write_call(&f, STORE_CALL_UPDATE, &c, T0 + 2000000), 0);
    c = (struct store_call){
        .id = STR("c1"),
        .reason = REASON_AGENT_HANGUP,
        .outcome = STR("resolved"),
        .ended_us = T0 + 9000000,
        .duration_ms = 8000,
        .usage = {.in_text = 10, .in_audio = 20, .cached_text = 3, .cached_audio = 4, .out_text = 5, .out_audio = 6},
        .cost_micro = 12345,
        .has_line = true,
        .line = {.echo = true,
                 .echo_loss_cb = 183,
                 .echo_delay_ms = 120,
                 .gate_closures = 5,
                 .gated_ms = 1240,
                 .gaps = 2,
                 .gap_ms = 400,
                 .late = 3,
                 .doubled = 4,
                 .stalls = 9,
                 .stall_ms = 4500,
                 .odd_frames = 6,
                 .clipped_ms = 7,
                 .zero_ms = 8,
                 .linear_ms = 2000,
                 .rate_hz = 16000,
                 .dc_offset = -300}};
    const struct call_line line = c.line;
    assert_false(get(&f, "c1").has_line); /* nobody knows before the end */
    assert_int_equal(write_call(&f, STORE_CALL_END, &c, T0 + 9000000), 0);
    got = get(&f, "c1");
    assert_str_is(got.id, "c1");
    assert_str_is(got.carrier, "twilio");
    assert_str_is(got.provider, "sandbox");
    assert_str_is(got.model, "gpt-realtime-2.1");
    assert_str_is(got.agent, "demo");
    assert_str_is(got.caller, "+15550001111");
    assert_str_is(got.called, "+15550002222");
    assert_str_is(got.carrier_call_id, "CA1");
    assert_str_is(got.stream_id, "MZ1");
    assert_int_equal(got.direction, STORE_INBOUND);
    assert_int_equal(got.status, STORE_COMPLETED);
    assert_int_equal(got.reason, REASON_AGENT_HANGUP);
    assert_str_is(got.outcome, "resolved");
    assert_str_is(got.error, "");
    assert_int_equal(got.started_us, T0);
    assert_int_equal(got.answered_us, T0 + 1000000);
    assert_int_equal(got.ended_us, T0 + 9000000);
    assert_int_equal(got.duration_ms, 8000);
    assert_int_equal(got.alive_us, T0 + 9000000);
    assert_str_is(got.recording, "var/c1.wav");
    assert_str_is(got.journal, "var/c1.jnl");
    assert_int_equal(got.usage.cached_audio, 4);
    assert_int_equal(got.usage.out_audio, 6);
    assert_int_equal(got.cost_micro, 12345);
    assert_true(got.has_line);
    assert_same_line(&got.line, &line);
    tear_down(&f);
}

TEST(updates_leave_what_they_do_not_name)
{
    struct fixture f;
    struct store_call c = {.id = STR("c1")}, got;

    set_up(&f, NULL);
    begin(&f, "c1", T0);
    assert_int_equal(write_call(&f, STORE_CALL_UPDATE, &c, T0 + 5), 0);
    got = get(&f, "c1");
    assert_str_is(got.carrier, "twilio");
    assert_int_equal(got.status, STORE_RINGING); /* a status never moves back */
    assert_int_equal(got.started_us, T0);
    assert_int_equal(got.alive_us, T0 + 5);
    assert_int_equal(got.cost_micro, STORE_NO_COST);
    c.status = STORE_COMPLETED; /* only an end ends */
    assert_int_equal(write_call(&f, STORE_CALL_UPDATE, &c, T0 + 4), 0);
    got = get(&f, "c1");
    assert_int_equal(got.status, STORE_IN_PROGRESS);
    assert_int_equal(got.ended_us, 0);
    assert_int_equal(got.alive_us, T0 + 5);
    tear_down(&f);
}

TEST(the_first_end_wins)
{
    struct fixture f;
    struct store_call c, got;

    set_up(&f, NULL);
    begin(&f, "c1", T0);
    end(&f, "c1", REASON_CALLER_HANGUP, T0 + 10);
    end(&f, "c1", REASON_INTERNAL, T0 + 20);
    got = get(&f, "c1");
    assert_int_equal(got.reason, REASON_CALLER_HANGUP);
    assert_int_equal(got.status, STORE_COMPLETED);
    assert_int_equal(got.ended_us, T0 + 10);
    /* Figures that come late are still taken. */
    c = (struct store_call){.id = STR("c1"), .duration_ms = 77, .usage = {.in_text = 1}, .cost_micro = 5};
    assert_int_equal(write_call(&f, STORE_CALL_UPDATE, &c, T0 + 30), 0);
    got = get(&f, "c1");
    assert_int_equal(got.duration_ms, 77);
    assert_int_equal(got.cost_micro, 5);
    assert_int_equal(got.status, STORE_COMPLETED);
    tear_down(&f);
}

TEST(every_close_reason_survives_and_has_a_status)
{
    struct fixture f;
    char id[32];

    set_up(&f, NULL);
    for (int r = REASON_NONE + 1; r < CALL_REASON_N; r++) {
        snprintf(id, sizeof(id), "r%d", r);
        begin(&f, id, T0);
        end(&f, id, (enum call_reason)r, T0 + 1);
        assert_int_equal(get(&f, id).reason, r);
        assert_int_equal(get(&f, id).status, store_status_of((enum call_reason)r));
    }
    tear_down(&f);
}

TEST(what_is_not_there_or_there_twice_is_an_error)
{
    struct fixture f;
    struct store_call c, got;
    struct store_turn turn = {.call_id = STR("nobody")};
    struct store_line line = {.call_id = STR("nobody"), .seq = 1, .text = STR("x")};
    struct store_op op = {.kind = STORE_TURN_ADD, .u.turn = &turn};
    struct store_paths paths;
    struct str id;

    set_up(&f, NULL);
    begin(&f, "c1", T0);
    c = call_of("c1", T0);
    assert_int_equal(write_call(&f, STORE_CALL_BEGIN, &c, T0), -EEXIST);
    c = call_of("", T0);
    assert_int_equal(write_call(&f, STORE_CALL_BEGIN, &c, T0), -EINVAL);
    c = call_of("nobody", T0);
    assert_int_equal(write_call(&f, STORE_CALL_UPDATE, &c, T0), -ENOENT);
    assert_int_equal(write_call(&f, STORE_CALL_END, &c, T0), -ENOENT);
    assert_int_equal(write_call(&f, STORE_CALL_ALIVE, &c, T0), -ENOENT);
    assert_int_equal(ops->write(f.s, &op, 1, NULL), -ENOENT);
    op = (struct store_op){.kind = STORE_LINE_ADD, .u.line = &line};
    assert_int_equal(ops->write(f.s, &op, 1, NULL), -ENOENT);
    assert_int_equal(ops->call_get(f.s, STR("nobody"), &f.a, &got), -ENOENT);
    assert_int_equal(ops->call_find(f.s, STR("CA9"), &f.a, &id), -ENOENT);
    assert_int_equal(ops->call_find(f.s, STR(""), &f.a, &id), -ENOENT);
    assert_int_equal(ops->call_delete(f.s, STR("nobody"), &f.a, &paths), -ENOENT);
    assert_int_equal(ops->call_find(f.s, STR("CA1"), &f.a, &id), 0);
    assert_str_is(id, "c1");
    tear_down(&f);
}

TEST(turns_and_lines_come_back_in_order_and_are_replaced)
{
    struct fixture f;
    struct store_turn turn = {.call_id = STR("c1"),
                              .t = {.number = 1,
                                    .speech_start_ms = 100,
                                    .speech_stop_ms = 900,
                                    .commit_ms = 910,
                                    .created_ms = 950,
                                    .first_audio_ms = 1200,
                                    .first_sent_ms = 1210,
                                    .agent_end_ms = -1,
                                    .item_ms = 4000,
                                    .heard_ms = 1500,
                                    .tools = 2,
                                    .interrupted = true,
                                    .verdict = VERDICT_BACKCHANNEL,
                                    .pauses = 2,
                                    .paused_ms = 340,
                                    .paused_for = 1u << VERDICT_SHORT | 1u << VERDICT_ECHO,
                                    .end_silence_ms = 704},
                              .user_text = STR("where is it"),
                              .agent_text = STR("on its w\xc3\xa4y"),
                              .agent = STR("billing")};
    struct store_line line = {.call_id = STR("c1"),
                              .seq = 2,
                              .at_ms = -1,
                              .who = PARTY_AGENT,
                              .text = STR("second"),
                              .unheard = STR("rest"),
                              .estimated = true,
                              .agent = STR("billing")};
    struct store_turn greeting = {.call_id = STR("c1")};
    struct store_line first = {.call_id = STR("c1"), .seq = 1, .at_ms = 5, .who = PARTY_CALLER, .text = STR("first")};
    const struct store_op batch[] = {{.kind = STORE_TURN_ADD, .at_us = T0 + 7, .u.turn = &turn},
                                     {.kind = STORE_LINE_ADD, .at_us = T0 + 8, .u.line = &line},
                                     {.kind = STORE_TURN_ADD, .at_us = T0 + 9, .u.turn = &greeting},
                                     {.kind = STORE_LINE_ADD, .at_us = T0 + 3, .u.line = &first}};
    struct store_turn *turns;
    struct store_line *lines;
    uint32_t n;

    set_up(&f, NULL);
    begin(&f, "c1", T0);
    assert_int_equal(ops->write(f.s, batch, ARRAY_LEN(batch), NULL), 0);
    assert_int_equal(ops->turn_list(f.s, STR("c1"), &f.a, &turns, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(turns[0].t.number, 0);
    assert_same_turn(&turns[1].t, &turn.t);
    assert_str_is(turns[1].user_text, "where is it");
    assert_str_is(turns[1].agent_text, "on its w\xc3\xa4y");
    assert_str_is(turns[1].agent, "billing");
    assert_str_is(turns[0].agent, "");
    assert_str_is(turns[1].call_id, "c1");
    first.text = STR("better");
    assert_int_equal(ops->write(f.s, &batch[3], 1, NULL), 0);
    assert_int_equal(ops->line_list(f.s, STR("c1"), &f.a, &lines, &n), 0);
    assert_int_equal(n, 2);
    assert_str_is(lines[0].text, "better");
    assert_int_equal(lines[0].who, PARTY_CALLER);
    assert_int_equal(lines[1].at_ms, -1);
    assert_int_equal(lines[1].who, PARTY_AGENT);
    assert_str_is(lines[1].unheard, "rest");
    assert_str_is(lines[1].agent, "billing");
    assert_true(lines[1].estimated);
    assert_int_equal(get(&f, "c1").turn_count, 2);
    assert_int_equal(get(&f, "c1").line_count, 2);
    assert_int_equal(get(&f, "c1").alive_us, T0 + 9);
    assert_int_equal(ops->line_list(f.s, STR("other"), &f.a, &lines, &n), 0);
    assert_int_equal(n, 0);
    tear_down(&f);
}

TEST(a_call_has_the_confirmation_that_was_given_last)
{
    struct fixture f;
    struct store_callback first = {.id = STR("CB000002"), .call_id = STR("c1"), .created_us = T0 + 5};
    struct store_callback last = {.id = STR("CB000001"), .call_id = STR("c1"), .created_us = T0 + 9};
    const struct store_op batch[] = {{.kind = STORE_CALLBACK_ADD, .at_us = T0 + 9, .u.callback = &last},
                                     {.kind = STORE_CALLBACK_ADD, .at_us = T0 + 5, .u.callback = &first}};

    set_up(&f, NULL);
    begin(&f, "c1", T0);
    begin(&f, "c2", T0);
    assert_str_is(get(&f, "c1").confirmation, "");
    assert_int_equal(ops->write(f.s, batch, ARRAY_LEN(batch), NULL), 0);
    assert_str_is(get(&f, "c1").confirmation, "CB000001");
    assert_str_is(get(&f, "c2").confirmation, "");
    tear_down(&f);
}

TEST(what_was_heard_wins_over_a_callbacks_number)
{
    struct fixture f;
    struct store_callback back = {.id = STR("CB000001"), .call_id = STR("c1"), .created_us = T0 + 5};
    struct store_call heard = {.id = STR("c1"), .confirmation = STR("ABC123"), .cost_micro = STORE_NO_COST};
    const struct store_op op = {.kind = STORE_CALLBACK_ADD, .at_us = T0 + 5, .u.callback = &back};

    set_up(&f, NULL);
    begin(&f, "c1", T0);
    assert_int_equal(write_call(&f, STORE_CALL_UPDATE, &heard, T0 + 6), 0);
    assert_int_equal(ops->write(f.s, &op, 1, NULL), 0);
    assert_str_is(get(&f, "c1").confirmation, "ABC123");
    heard.confirmation = STR(""); /* nothing new */
    assert_int_equal(write_call(&f, STORE_CALL_UPDATE, &heard, T0 + 7), 0);
    assert_str_is(get(&f, "c1").confirmation, "ABC123");
    tear_down(&f);
}

static int close_callback(struct fixture *f, const char *id, const char *note, uint64_t at_us)
{
    const struct store_callback c = {.id = str_from(id), .note = str_from(note)};
    const struct store_op op = {.kind = STORE_CALLBACK_CLOSE, .at_us = at_us, .u.callback = &c};

    return ops->write(f->s, &op, 1, NULL);
}

TEST(callbacks_are_closed_once_and_listed_apart)
{
    struct fixture f;
    struct store_callbacks page;
    struct store_callback one;
    char id[16], note[STORE_CALLBACK_NOTE_MAX + 2];

    set_up(&f, NULL);
    for (uint32_t i = 0; i < 40; i++) { /* more than one growth of the list */
        snprintf(id, sizeof(id), "CB%06u", i);
        const struct store_callback c = {.id = str_from(id), .phone = STR("+15550001111"), .created_us = T0 + i};
        const struct store_op op = {.kind = STORE_CALLBACK_ADD, .at_us = T0, .u.callback = &c};

        assert_int_equal(ops->write(f.s, &op, 1, NULL), 0);
    }
    assert_int_equal(close_callback(&f, "CB000007", "done by Eve", T0 + 100), 0);
    assert_int_equal(close_callback(&f, "CB000007", "again", T0 + 200), -ERR_STATE);
    assert_int_equal(close_callback(&f, "CB999999", "", T0 + 200), -ENOENT);
    memset(note, 'x', sizeof(note) - 1);
    note[sizeof(note) - 1] = '\0';
    assert_int_equal(close_callback(&f, "CB000008", note, T0), -ERR_TOO_BIG);
    assert_int_equal(ops->callback_get(f.s, STR("CB000007"), &f.a, &one), 0);
    assert_int_equal(one.closed_us, T0 + 100);
    assert_str_is(one.note, "done by Eve");
    assert_int_equal(ops->callback_get(f.s, STR("CB999999"), &f.a, &one), -ENOENT);
    assert_int_equal(ops->callback_list(f.s, &(struct store_callback_filter){.open = true}, &f.a, &page), 0);
    assert_int_equal(page.n, 39);
    assert_int_equal(page.total, 39);
    assert_str_is(page.list[0].id, "CB000039"); /* newest first */
    assert_int_equal(ops->callback_list(f.s, &(struct store_callback_filter){.closed = true}, &f.a, &page), 0);
    assert_int_equal(page.n, 1);
    assert_int_equal(ops->callback_list(f.s, &(struct store_callback_filter){.limit = 3, .offset = 38}, &f.a, &page),
                     0);
    assert_int_equal(page.n, 2);
    assert_int_equal(page.total, 40);
    assert_str_is(page.list[1].id, "CB000000");
    tear_down(&f);
}

TEST(spans_come_back_in_the_order_of_their_beginning)
{
    struct fixture f;
    struct store_span root = {.call_id = STR("c1"),
                              .seq = 1,
                              .trace_id = STR("t"),
                              .span_id = STR("a"),
                              .type = STR("call"),
                              .name = STR("call"),
                              .kind = 2,
                              .start_us = T0};
    struct store_span tool = {.call_id = STR("c1"),
                              .seq = 2,
                              .trace_id = STR("t"),
                              .span_id = STR("b"),
                              .parent_id = STR("a"),
                              .type = STR("tool"),
                              .name = STR("execute_tool look"),
                              .kind = 1,
                              .start_us = T0 + 5,
                              .end_us = T0 + 9,
                              .failed = true,
                              .error = STR("t\xc3\xb6o slow"),
                              .attrs = STR("{\"n\":1}"),
                              .events = STR("[{}]")};
    const struct store_op batch[] = {{.kind = STORE_SPAN_ADD, .at_us = T0 + 1, .u.span = &root},
                                     {.kind = STORE_SPAN_ADD, .at_us = T0 + 9, .u.span = &tool}};
    struct store_span *spans;
    struct store_paths paths;
    uint32_t n;

    set_up(&f, NULL);
    begin(&f, "c1", T0);
    assert_int_equal(ops->write(f.s, &batch[1], 1, NULL), 0);
    assert_int_equal(ops->write(f.s, &batch[0], 1, NULL), 0);
    root.end_us = T0 + 20; /* what had begun is over */
    assert_int_equal(ops->write(f.s, &batch[0], 1, NULL), 0);
    assert_int_equal(ops->span_list(f.s, STR("c1"), &f.a, &spans, &n), 0);
    assert_int_equal(n, 2);
    assert_str_is(spans[0].span_id, "a");
    assert_str_is(spans[0].parent_id, "");
    assert_int_equal(spans[0].end_us, T0 + 20);
    assert_str_is(spans[0].attrs, "{}");
    assert_str_is(spans[0].events, "[]");
    assert_str_is(spans[1].call_id, "c1");
    assert_str_is(spans[1].parent_id, "a");
    assert_str_is(spans[1].type, "tool");
    assert_str_is(spans[1].name, "execute_tool look");
    assert_int_equal(spans[1].kind, 1);
    assert_int_equal(spans[1].seq, 2);
    assert_int_equal(spans[1].start_us, T0 + 5);
    assert_true(spans[1].failed);
    assert_str_is(spans[1].error, "t\xc3\xb6o slow");
    assert_str_is(spans[1].attrs, "{\"n\":1}");
    assert_int_equal(get(&f, "c1").alive_us, T0 + 9);
    assert_int_equal(ops->call_delete(f.s, STR("c1"), &f.a, &paths), 0);
    assert_int_equal(ops->span_list(f.s, STR("c1"), &f.a, &spans, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(ops->write(f.s, &batch[1], 1, NULL), -ENOENT); /* nothing of it comes back */
    tear_down(&f);
}

TEST(a_batch_is_all_or_nothing)
{
    struct fixture f;
    struct store_call good = call_of("good", T0), got;
    struct store_line line = {.call_id = STR("missing"), .seq = 1, .text = STR("x")};
    const struct store_op batch[] = {{.kind = STORE_CALL_BEGIN, .at_us = T0, .u.call = &good},
                                     {.kind = STORE_LINE_ADD, .at_us = T0, .u.line = &line},
                                     {.kind = STORE_CALL_ALIVE, .at_us = T0, .u.call = &good}};
    size_t failed = 99;

    set_up(&f, NULL);
    assert_int_equal(ops->write(f.s, batch, ARRAY_LEN(batch), &failed), -ENOENT);
    assert_int_equal(failed, 1);
    assert_int_equal(ops->call_get(f.s, STR("good"), &f.a, &got), -ENOENT);
    /* And the store is usable. */
    assert_int_equal(ops->write(f.s, batch, 1, NULL), 0);
    assert_int_equal(ops->write(f.s, NULL, 0, NULL), 0);
    tear_down(&f);
}

TEST(lists_are_filtered_and_paged_newest_first)
{
    struct fixture f;
    struct store_page page;
    struct store_counts counts;
    char id[16];

    set_up(&f, NULL);
    for (uint32_t i = 0; i < 25; i++) {
        struct store_call c;

        snprintf(id, sizeof(id), "c%02u", i);
        c = call_of(id, T0 + i);
        c.caller = i % 5 ? STR("+1") : STR("+2");
        assert_int_equal(write_call(&f, STORE_CALL_BEGIN, &c, T0 + i), 0);
        if (i < 20) {
            end(&f, id, i % 2 ? REASON_CALLER_HANGUP : REASON_MODEL_CLOSED, T0 + 100);
        }
    }
    assert_int_equal(ops->call_list(f.s, &(struct store_filter){.limit = 10}, &f.a, &page), 0);
    assert_int_equal(page.total, 25);
    assert_int_equal(page.n, 10);
    assert_str_is(page.calls[0].id, "c24");
    assert_str_is(page.calls[9].id, "c15");
    assert_int_equal(ops->call_list(f.s, &(struct store_filter){.limit = 10, .offset = 20}, &f.a, &page), 0);
    assert_int_equal(page.n, 5);
    assert_str_is(page.calls[4].id, "c00");
    assert_int_equal(ops->call_list(f.s, &(struct store_filter){.offset = 100}, &f.a, &page), 0);
    assert_int_equal(page.n, 0);
    assert_int_equal(page.total, 25);
    assert_int_equal(ops->call_list(f.s, &(struct store_filter){.status = STR("live")}, &f.a, &page), 0);
    assert_int_equal(page.total, 5);
    assert_int_equal(
        ops->call_list(f.s, &(struct store_filter){.status = STR("failed"), .caller = STR("+2")}, &f.a, &page), 0);
    assert_int_equal(page.total, 2); /* 0 and 10 */
    assert_int_equal(ops->call_list(f.s, &(struct store_filter){.since_us = T0 + 5, .until_us = T0 + 8}, &f.a, &page),
                     0);
    assert_int_equal(page.total, 3);
    assert_str_is(page.calls[0].id, "c07");
    assert_int_equal(ops->call_list(f.s, &(struct store_filter){.status = STR("' OR 1=1 --")}, &f.a, &page), 0);
    assert_int_equal(page.total, 0);
    assert_int_equal(ops->call_counts(f.s, &counts), 0);
    assert_int_equal(counts.total, 25);
    assert_int_equal(counts.status[STORE_COMPLETED], 10);
    assert_int_equal(counts.status[STORE_FAILED], 10);
    assert_int_equal(counts.status[STORE_RINGING], 5);
    tear_down(&f);
}

TEST(retention_takes_old_ended_calls_only)
{
    struct fixture f;
    struct store_paths paths;
    struct store_call got;
    char id[16];

    set_up(&f, NULL);
    for (uint32_t i = 0; i < 10; i++) {
        struct store_call c;

        snprintf(id, sizeof(id), "c%u", i);
        c = call_of(id, T0 + i);
        c.recording = i % 2 ? STR("r.wav") : STR("");
        assert_int_equal(write_call(&f, STORE_CALL_BEGIN, &c, T0), 0);
        if (i != 1) {                                                     /* a call of days is still live */
            end(&f, id, REASON_CALLER_HANGUP, i == 2 ? T0 + 50 : T0 + i); /* the end counts, not the beginning */
        }
    }
    assert_int_equal(ops->sweep(f.s, T0 + 6, 3, &f.a, &paths), 3); /* 0 3 4 */
    assert_int_equal(paths.n, 1);
    assert_int_equal(ops->call_get(f.s, STR("c3"), &f.a, &got), -ENOENT);
    assert_int_equal(ops->sweep(f.s, T0 + 6, 100, &f.a, &paths), 1); /* 5 */
    assert_int_equal(ops->sweep(f.s, T0 + 6, 100, &f.a, &paths), 0);
    assert_int_equal(paths.n, 0);
    assert_int_equal(get(&f, "c1").ended_us, 0);
    assert_str_is(get(&f, "c2").id, "c2");
    assert_str_is(get(&f, "c6").id, "c6");
    tear_down(&f);
}

/* The child writes and is killed in the midst of it; what it had committed is there, and closed as killed. */
TEST(a_killed_process_leaves_closed_calls)
{
    struct fixture f;
    struct store_call got;
    struct store_line *lines;
    uint32_t n;
    int tell[2];
    char byte;
    pid_t pid;

    set_up(&f, NULL);
    ops->close(f.s);
    f.s = NULL;
    assert_int_equal(pipe(tell), 0);
    pid = fork();
    if (pid == 0) {
        struct store_call c = call_of("live", T0);

        if (open_store(&f, NULL) < 0 || write_call(&f, STORE_CALL_BEGIN, &c, T0) < 0) {
            _exit(1);
        }
        c = (struct store_call){.id = STR("live"), .status = STORE_IN_PROGRESS, .answered_us = T0 + 1000000};
        if (write_call(&f, STORE_CALL_UPDATE, &c, T0 + 1000000) < 0) {
            _exit(1);
        }
        for (uint32_t i = 1;; i++) {
            struct store_line line = {.call_id = STR("live"), .seq = i, .text = STR("words")};
            const struct store_op op = {
                .kind = STORE_LINE_ADD, .at_us = T0 + 1000000 + (uint64_t)i * 20000, .u.line = &line};

            if (ops->write(f.s, &op, 1, NULL) < 0) {
                _exit(1);
            }
            if (i == 20 && write(tell[1], "x", 1) != 1) {
                _exit(1);
            }
        }
    }
    close(tell[1]);
    assert_int_equal(read(tell[0], &byte, 1), 1);
    close(tell[0]);
    /* While it lives nobody else may own the records. */
    assert_int_equal(open_store(&f, NULL), -EBUSY);
    assert_has(buf_str(&f.errors), "another ringtrip");
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(open_store(&f, NULL), 0);
    assert_int_equal(ops->close_stale(f.s, T0 + 3600000000u), 1);
    got = get(&f, "live");
    assert_int_equal(got.status, STORE_FAILED);
    assert_int_equal(got.reason, REASON_KILLED);
    assert_int_equal(ops->line_list(f.s, STR("live"), &f.a, &lines, &n), 0);
    assert_true(n >= 20);
    assert_int_equal(got.ended_us, T0 + 1000000 + (uint64_t)n * 20000); /* its last sign of life */
    assert_int_equal(got.duration_ms, n * 20);
    assert_int_equal(ops->close_stale(f.s, T0 + 3600000000u), 0);
    tear_down(&f);
}

TEST(only_the_owner_may_close_stale_calls)
{
    struct fixture f;

    set_up(&f, &(struct store_opts){.exclusive = false});
    begin(&f, "c1", T0);
    assert_int_equal(ops->close_stale(f.s, T0 + 1), -ERR_STATE);
    assert_int_equal(get(&f, "c1").ended_us, 0);
    tear_down(&f);
}

#define THREADS 4
#define ROUNDS  40

struct worker {
    struct store *s;
    int number;
    int errors;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct arena a;
    char id[32];

    arena_init(&a, 16 << 20);
    for (int i = 0; i < ROUNDS; i++) {
        struct store_call c;
        struct store_line line = {.seq = 1, .text = STR("text")};
        struct store_call fin = {.reason = REASON_CALLER_HANGUP, .ended_us = T0 + 2};
        const struct store_op batch[] = {{.kind = STORE_CALL_BEGIN, .at_us = T0, .u.call = &c},
                                         {.kind = STORE_LINE_ADD, .at_us = T0 + 1, .u.line = &line},
                                         {.kind = STORE_CALL_END, .at_us = T0 + 2, .u.call = &fin}};
        struct store_page page;
        struct store_paths paths;

        snprintf(id, sizeof(id), "t%d-%d", w->number, i);
        c = call_of(id, T0 + (uint64_t)i);
        line.call_id = fin.id = c.id;
        w->errors += ops->write(w->s, batch, ARRAY_LEN(batch), NULL) < 0;
        w->errors += ops->call_list(w->s, &(struct store_filter){.limit = 5}, &a, &page) < 0 || page.n == 0;
        if (i % 4 == 3) {
            w->errors += ops->call_delete(w->s, c.id, &a, &paths) < 0;
        }
        arena_reset(&a);
    }
    arena_done(&a);
    return NULL;
}

TEST(four_threads_write_read_and_delete_at_once)
{
    struct fixture f;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    struct store_counts counts;

    set_up(&f, NULL);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.s = f.s, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].errors, 0);
    }
    assert_int_equal(ops->call_counts(f.s, &counts), 0);
    assert_int_equal(counts.total, THREADS * ROUNDS * 3 / 4);
    assert_int_equal(counts.status[STORE_COMPLETED], counts.total);
    tear_down(&f);
}

TEST(a_text_over_the_limit_is_refused)
{
    struct fixture f;
    size_t n = 300 * 1024;
    char *text = calloc(1, n);
    struct store_line line = {.call_id = STR("c1"), .seq = 1};
    struct store_op op = {.kind = STORE_LINE_ADD, .u.line = &line};

    assert_non_null(text);
    set_up(&f, NULL);
    begin(&f, "c1", T0);
    line.text = (struct str){text, n};
    assert_int_equal(ops->write(f.s, &op, 1, NULL), -ERR_TOO_BIG);
    /* NUL and bytes that are no UTF-8 are kept as they are, or replaced where the database cannot. */
    line.text = STR("a\0b\xff");
    assert_int_equal(ops->write(f.s, &op, 1, NULL), 0);
    struct store_line *lines;
    uint32_t count;
    assert_int_equal(ops->line_list(f.s, STR("c1"), &f.a, &lines, &count), 0);
    struct str want = backend_keeps_bytes ? STR("a\0b\xff")
                                          : STR("a\xEF\xBF\xBD"
                                                "b\xEF\xBF\xBD");
    assert_int_equal(lines[0].text.n, want.n);
    assert_memory_equal(lines[0].text.p, want.p, want.n);
    tear_down(&f);
    free(text);
}

TEST(demonstration_orders_are_there_once)
{
    struct fixture f;
    struct store_order o;

    set_up(&f, NULL);
    ops->close(f.s);
    assert_int_equal(open_store(&f, NULL), 0);
    assert_int_equal(ops->order_get(f.s, STR("1001"), STR(""), &f.a, &o), 0);
    assert_str_is(o.status, "shipped");
    assert_int_equal(ops->order_get(f.s, STR("1234"), STR(""), &f.a, &o), 0);
    assert_str_is(o.status, "processing");
    assert_int_equal(ops->order_get(f.s, STR("4711"), STR("x"), &f.a, &o), 0);
    assert_str_is(o.status, "delivered");
    assert_int_equal(ops->order_get(f.s, STR(""), STR("ADA@example.com"), &f.a, &o), 0);
    assert_str_is(o.number, "1002");
    assert_int_equal(ops->order_get(f.s, STR("1"), STR("ada@example.com"), &f.a, &o), -ENOENT);
    assert_int_equal(ops->order_get(f.s, STR(""), STR(""), &f.a, &o), -ENOENT);
    tear_down(&f);
}

TEST(deletion_takes_everything_of_the_call_and_names_its_files)
{
    struct fixture f;
    struct store_call c, got;
    struct store_turn turn = {.call_id = STR("c1"), .user_text = STR("private")};
    struct store_line line = {.call_id = STR("c1"), .seq = 1, .text = STR("private")};
    struct store_callback back = {.id = STR("CB1"), .call_id = STR("c1"), .phone = STR("+15550009876")};
    const struct store_op batch[] = {{.kind = STORE_TURN_ADD, .u.turn = &turn},
                                     {.kind = STORE_LINE_ADD, .u.line = &line},
                                     {.kind = STORE_CALLBACK_ADD, .u.callback = &back}};
    struct store_callbacks backs;
    struct store_paths paths;
    struct store_turn *turns;
    struct store_line *lines;
    uint32_t n;

    set_up(&f, NULL);
    begin(&f, "c0", T0);
    c = call_of("c1", T0);
    c.recording = STR("var/c1.wav");
    c.journal = STR("var/c1.jnl");
    assert_int_equal(write_call(&f, STORE_CALL_BEGIN, &c, T0), 0);
    assert_int_equal(ops->write(f.s, batch, ARRAY_LEN(batch), NULL), 0);
    assert_int_equal(ops->call_delete(f.s, STR("c1"), &f.a, &paths), 0);
    assert_int_equal(paths.calls, 1);
    assert_int_equal(paths.n, 2);
    assert_str_is(paths.paths[0], "var/c1.wav");
    assert_str_is(paths.paths[1], "var/c1.jnl");
    assert_int_equal(ops->call_get(f.s, STR("c1"), &f.a, &got), -ENOENT);
    assert_int_equal(ops->turn_list(f.s, STR("c1"), &f.a, &turns, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(ops->line_list(f.s, STR("c1"), &f.a, &lines, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(ops->callback_list(f.s, &(struct store_callback_filter){0}, &f.a, &backs), 0);
    assert_int_equal(backs.total, 0);
    assert_str_is(get(&f, "c0").id, "c0");
    assert_int_equal(ops->call_delete(f.s, STR("c1"), &f.a, &paths), -ENOENT);
    tear_down(&f);
}

SUITE_MAIN(T(a_call_comes_back_as_it_went_in), T(updates_leave_what_they_do_not_name), T(the_first_end_wins),
           T(every_close_reason_survives_and_has_a_status), T(what_is_not_there_or_there_twice_is_an_error),
           T(turns_and_lines_come_back_in_order_and_are_replaced), T(a_call_has_the_confirmation_that_was_given_last),
           T(what_was_heard_wins_over_a_callbacks_number), T(callbacks_are_closed_once_and_listed_apart),
           T(spans_come_back_in_the_order_of_their_beginning), T(a_batch_is_all_or_nothing),
           T(lists_are_filtered_and_paged_newest_first), T(deletion_takes_everything_of_the_call_and_names_its_files),
           T(retention_takes_old_ended_calls_only), T(a_killed_process_leaves_closed_calls),
           T(only_the_owner_may_close_stale_calls), T(four_threads_write_read_and_delete_at_once),
           T(a_text_over_the_limit_is_refused), T(demonstration_orders_are_there_once))
