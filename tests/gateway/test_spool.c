/* Rows that wait for a store that takes them: nothing changed on the way, nothing twice, nothing of a deleted call. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/spool.h"
#include "store/sqlite/sqlite.h"

struct fixture {
    char dir[32];
    char path[64];
    struct store *store;
    struct arena arena;
    struct spool_report report;
};

static void set_up(struct fixture *f)
{
    struct buf why;
    *f = (struct fixture){.dir = "spool.XXXXXX"};
    buf_init(&why, 1024);
    assert_non_null(mkdtemp(f->dir));
    assert_ok(spool_path(str_from(f->dir), f->path, sizeof(f->path)));
    assert_ok(store_sqlite.open(&(struct store_opts){.path = NULL}, &why, &f->store));
    arena_init(&f->arena, 8 << 20);
    buf_done(&why);
}

static void tear_down(struct fixture *f)
{
    char lock[80];
    store_sqlite.close(f->store);
    arena_done(&f->arena);
    unlink(f->path);
    ignore_result(snprintf(lock, sizeof(lock), "%s.lock", f->path) < 0);
    unlink(lock);
    assert_int_equal(rmdir(f->dir), 0);
}

static struct store_call a_call(const char *id)
{
    return (struct store_call){.id = str_from(id),
                               .carrier = STR("twilio"),
                               .provider = STR("sandbox"),
                               .agent = STR("demo"),
                               .caller = STR("+15550001111"),
                               .carrier_call_id = STR("CA1"),
                               .status = STORE_RINGING,
                               .direction = STORE_OUTBOUND,
                               .started_us = 1700000000000000,
                               .cost_micro = STORE_NO_COST};
}

static void put(struct fixture *f, enum store_op_kind kind, const void *row)
{
    struct store_op op = {.kind = kind, .at_us = 1700000000000001, .u.call = row};
    assert_ok(spool_put(f->path, &op, 1));
}

static void drain(struct fixture *f, uint64_t written, uint64_t refused)
{
    assert_ok(spool_drain(f->path, &store_sqlite, f->store, &f->report));
    assert_int_equal(f->report.written, written);
    assert_int_equal(f->report.refused, refused);
    assert_int_equal(access(f->path, F_OK), -1);
}

static uint64_t calls(struct fixture *f)
{
    struct store_counts counts;
    assert_ok(store_sqlite.call_counts(f->store, &counts));
    return counts.total;
}

TEST(every_kind_of_row_comes_back_as_it_was)
{
    struct fixture f;
    set_up(&f);
    struct store_call begin = a_call("c1");
    struct store_call end = {
        .id = STR("c1"),
        .status = STORE_FAILED,
        .reason = REASON_MODEL_CLOSED,
        .error = STR("model: \"gone\"\n\xc3\xa4"),
        .ended_us = 1700000009000000,
        .duration_ms = 8000,
        .usage = {.in_text = 1, .in_audio = 2, .cached_text = 3, .cached_audio = 4, .out_text = 5, .out_audio = 6},
        .cost_micro = 12345,
        .has_line = true,
        .line = {.echo = true,
                 .echo_loss_cb = 183,
                 .gate_closures = 5,
                 .late = 3,
                 .stalls = 2,
                 .rate_hz = 16000,
                 .dc_offset = -300}};
    struct store_turn turn = {.call_id = STR("c1"),
                              .t = {.number = 1,
                                    .speech_start_ms = -1,
                                    .commit_ms = 910,
                                    .interrupted = true,
                                    .verdict = VERDICT_ECHO,
                                    .pauses = 2,
                                    .paused_for = 1u << VERDICT_ECHO,
                                    .end_silence_ms = 704},
                              .user_text = STR("a \\ and a tab\t"),
                              .agent_text = STR("")};
    struct store_line line = {
        .call_id = STR("c1"), .seq = 7, .at_ms = -5, .who = PARTY_TOOL, .text = STR("t"), .estimated = true};
    struct store_callback callback = {.id = STR("CB000001"), .call_id = STR("c1"), .phone = STR("1"), .created_us = 5};
    struct store_span span = {.call_id = STR("c1"),
                              .seq = 3,
                              .span_id = STR("aa"),
                              .trace_id = STR("bb"),
                              .parent_id = STR("cc"),
                              .type = STR("tool"),
                              .name = STR("n"),
                              .kind = 3,
                              .start_us = 7,
                              .end_us = 9,
                              .failed = true,
                              .error = STR("e"),
                              .attrs = STR("{\"a\":\"b\\n\"}"),
                              .events = STR("[1]")};
    put(&f, STORE_CALL_BEGIN, &begin);
    put(&f, STORE_SPAN_ADD, &span);
    put(&f, STORE_TURN_ADD, &turn);
    put(&f, STORE_LINE_ADD, &line);
    put(&f, STORE_CALLBACK_ADD, &callback);
    put(&f, STORE_CALL_END, &end);
    struct stat st;
    assert_ok(stat(f.path, &st));
    assert_int_equal(st.st_mode & 0777, 0600);
    drain(&f, 6, 0);
    struct store_call c;
    struct store_turn *turns;
    struct store_line *lines;
    uint32_t n;
    assert_ok(store_sqlite.call_get(f.store, STR("c1"), &f.arena, &c));
    assert_int_equal(c.direction, STORE_OUTBOUND);
    assert_int_equal(c.status, STORE_FAILED);
    assert_int_equal(c.reason, REASON_MODEL_CLOSED);
    assert_str_is(c.error, "model: \"gone\"\n\xc3\xa4");
    assert_int_equal(c.started_us, 1700000000000000);
    assert_int_equal(c.ended_us, 1700000009000000);
    assert_int_equal(c.usage.cached_audio, 4);
    assert_int_equal(c.usage.out_audio, 6);
    assert_int_equal(c.cost_micro, 12345);
    assert_true(c.has_line && c.line.echo);
    assert_int_equal(c.line.echo_loss_cb, 183);
    assert_int_equal(c.line.stalls, 2);
    assert_int_equal(c.line.rate_hz, 16000);
    assert_int_equal(c.line.dc_offset, -300);
    assert_str_is(c.confirmation, "CB000001");
    assert_ok(store_sqlite.turn_list(f.store, STR("c1"), &f.arena, &turns, &n));
    assert_int_equal(n, 1);
    assert_int_equal(turns[0].t.speech_start_ms, -1);
    assert_int_equal(turns[0].t.commit_ms, 910);
    assert_int_equal(turns[0].t.verdict, VERDICT_ECHO);
    assert_int_equal(turns[0].t.end_silence_ms, 704);
    assert_int_equal(turns[0].t.paused_for, 1u << VERDICT_ECHO);
    assert_true(turns[0].t.interrupted);
    assert_str_is(turns[0].user_text, "a \\ and a tab\t");
    assert_ok(store_sqlite.line_list(f.store, STR("c1"), &f.arena, &lines, &n));
    assert_int_equal(n, 1);
    assert_int_equal(lines[0].seq, 7);
    assert_int_equal(lines[0].at_ms, -5);
    assert_int_equal(lines[0].who, PARTY_TOOL);
    assert_true(lines[0].estimated);
    struct store_span *spans;
    assert_ok(store_sqlite.span_list(f.store, STR("c1"), &f.arena, &spans, &n));
    assert_int_equal(n, 1);
    assert_int_equal(spans[0].seq, 3);
    assert_str_is(spans[0].parent_id, "cc");
    assert_int_equal(spans[0].kind, 3);
    assert_int_equal(spans[0].end_us, 9);
    assert_true(spans[0].failed);
    assert_str_is(spans[0].attrs, "{\"a\":\"b\\n\"}");
    assert_str_is(spans[0].events, "[1]");
    tear_down(&f);
}

TEST(without_a_spool_there_is_nothing_to_do)
{
    struct fixture f;
    set_up(&f);
    assert_err(spool_drain(f.path, &store_sqlite, f.store, &f.report), ENOENT);
    assert_ok(spool_forget(f.path, STR("c1")));
    tear_down(&f);
}

TEST(a_torn_line_is_passed_over_and_what_follows_is_kept)
{
    struct fixture f;
    struct stat st;
    set_up(&f);
    struct store_call one = a_call("c1"), two = a_call("c2"), three = a_call("c3");
    put(&f, STORE_CALL_BEGIN, &one);
    put(&f, STORE_CALL_BEGIN, &two);
    assert_ok(stat(f.path, &st));
    assert_ok(truncate(f.path, st.st_size - 20)); /* killed in mid-write */
    put(&f, STORE_CALL_BEGIN, &three);
    drain(&f, 2, 1);
    assert_int_equal(calls(&f), 2);
    tear_down(&f);
}

TEST(rubbish_is_refused_and_does_no_harm)
{
    static const char rubbish[] =
        "\n{}\n[1]\nnull\n{\"row\":\"dance\"}\n{\"row\":\"begin\",\"id\":5}\n{\"row\":\"begin\"}\n"
        "{\"row\":\"turn\",\"call_id\":\"nobody\"}\n\xff\xff\n";
    struct fixture f;
    set_up(&f);
    int fd = open(f.path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, rubbish, sizeof(rubbish) - 1), (ssize_t)sizeof(rubbish) - 1);
    close(fd);
    drain(&f, 0, 8);
    assert_int_equal(calls(&f), 0);
    tear_down(&f);
}

/* Fails on the second write, as a disk that is full again. */
static int fail_after;

static int full_write(struct store *s, const struct store_op *ops, size_t n, size_t *ret_failed)
{
    return fail_after-- > 0 ? store_sqlite.write(s, ops, n, ret_failed) : -ENOSPC;
}

TEST(a_store_that_fails_again_keeps_the_rows)
{
    const struct store_ops full = {.name = "full", .write = full_write};
    struct fixture f;
    set_up(&f);
    struct store_call one = a_call("c1"), two = a_call("c2");
    put(&f, STORE_CALL_BEGIN, &one);
    put(&f, STORE_CALL_BEGIN, &two);
    fail_after = 1;
    assert_err(spool_drain(f.path, &full, f.store, &f.report), ENOSPC);
    assert_int_equal(access(f.path, F_OK), 0);
    drain(&f, 1, 1); /* the first one was in already */
    assert_int_equal(calls(&f), 2);
    tear_down(&f);
}

TEST(a_deleted_call_leaves_no_trace)
{
    struct fixture f;
    char text[8192] = "";
    set_up(&f);
    struct store_call one = a_call("c1"), two = a_call("c2");
    struct store_line line = {.call_id = STR("c1"), .seq = 1, .text = STR("my secret")};
    put(&f, STORE_CALL_BEGIN, &one);
    put(&f, STORE_CALL_BEGIN, &two);
    put(&f, STORE_LINE_ADD, &line);
    assert_ok(spool_forget(f.path, STR("c1")));
    int fd = open(f.path, O_RDONLY);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    assert_has_not(str_from(text), "my secret");
    assert_has_not(str_from(text), "\"c1\"");
    assert_has(str_from(text), "\"c2\"");
    drain(&f, 1, 0);
    tear_down(&f);
}

TEST_MAIN(T(every_kind_of_row_comes_back_as_it_was), T(without_a_spool_there_is_nothing_to_do),
          T(a_torn_line_is_passed_over_and_what_follows_is_kept), T(rubbish_is_refused_and_does_no_harm),
          T(a_store_that_fails_again_keeps_the_rows), T(a_deleted_call_leaves_no_trace))
