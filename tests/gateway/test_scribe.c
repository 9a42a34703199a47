/* The writer behind the store: order, batches, readers that see their writes, refusals, full disks. */
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "fakes/wait.h"
#include "gateway/scribe.h"
#include "gateway/spool.h"

#define MAX_WRITTEN 2000

/* A store that keeps the ids of what was written and fails as told. */
struct store {
    char written[MAX_WRITTEN][16];
    _Atomic size_t n; /* read by the loop while a job writes */
    uint32_t writes;
    int fail;                /* next writes fail with this... */
    _Atomic uint32_t fail_n; /* ...so many times */
    const char *hated;       /* the row of this id is refused... */
    int hate;                /* ...with this; 0: -EEXIST */
};

static int fake_write(struct store *s, const struct store_op *ops, size_t n, size_t *ret_failed)
{
    s->writes++;
    if (s->fail_n > 0) {
        s->fail_n--;
        return s->fail;
    }
    for (size_t i = 0; i < n; i++) {
        if (s->hated && str_is(ops[i].u.call->id, s->hated)) {
            *ret_failed = i;
            return s->hate ? s->hate : -EEXIST;
        }
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(s->n < MAX_WRITTEN);
        assert_ok(str_copy(s->written[s->n++], sizeof(s->written[0]), ops[i].u.call->id));
    }
    return 0;
}

static const struct store_ops fake_ops = {.name = "fake", .write = fake_write};

struct fixture {
    struct loop *loop;
    struct store store;
    struct scribe *s;
    uint32_t called;
    size_t n_at_call;
};

static void open_fixture(struct fixture *f, uint32_t flush_ms)
{
    memset(f, 0, sizeof(*f));
    assert_ok(loop_new(&f->loop));
    const struct scribe_opts o = {
        .loop = f->loop, .ops = &fake_ops, .store = &f->store, .flush_ms = flush_ms, .retry_ms = 1, .max_tries = 4};
    assert_ok(scribe_new(&o, &f->s));
}

static void close_fixture(struct fixture *f)
{
    scribe_free(f->s);
    loop_free(f->loop);
}

static void put(struct fixture *f, uint32_t number)
{
    char id[16];
    ignore_result(snprintf(id, sizeof(id), "c%u", number) < 0);
    struct store_call call = {.id = str_from(id)}; /* gone when this returns: the scribe must have copied it */
    scribe_put(f->s, &(struct store_op){.kind = STORE_CALL_BEGIN, .u.call = &call});
    memset(id, 'x', sizeof(id));
}

static void on_after(void *arg)
{
    struct fixture *f = arg;
    f->called++;
    f->n_at_call = f->store.n;
}

static bool was_called(void *arg)
{
    struct fixture *f = arg;
    return f->called > 0;
}

static bool has_written(void *arg)
{
    struct fixture *f = arg;
    return f->store.n > 0;
}

TEST(rows_are_written_in_order_and_a_reader_sees_them_all)
{
    struct fixture f;
    open_fixture(&f, 60000);
    for (uint32_t i = 0; i < 1000; i++) {
        put(&f, i);
    }
    assert_int_equal(f.store.writes, 0);
    assert_ok(scribe_after(f.s, on_after, &f));
    put(&f, 1000); /* behind the reader */
    wait_until(f.loop, was_called, &f);
    assert_in_range(f.n_at_call, 1000, 1001);
    assert_string_equal(f.store.written[0], "c0");
    assert_string_equal(f.store.written[999], "c999");
    f.called = 0;
    assert_ok(scribe_after(f.s, on_after, &f));
    wait_until(f.loop, was_called, &f);
    assert_int_equal(f.store.n, 1001);
    assert_int_equal(scribe_lost(f.s), 0);
    close_fixture(&f);
}

TEST(an_idle_scribe_calls_at_once)
{
    struct fixture f;
    open_fixture(&f, 10);
    assert_ok(scribe_after(f.s, on_after, &f));
    assert_int_equal(f.called, 1);
    close_fixture(&f);
}

TEST(rows_are_written_by_themselves_after_a_while)
{
    struct fixture f;
    open_fixture(&f, 10);
    put(&f, 1);
    put(&f, 2);
    wait_until(f.loop, has_written, &f);
    assert_int_equal(f.store.n, 2);
    assert_int_equal(f.store.writes, 1); /* together */
    settle(f.loop);
    close_fixture(&f);
}

TEST(the_end_of_a_call_does_not_wait_and_takes_along_what_came_before)
{
    struct fixture f;
    open_fixture(&f, 600000); /* longer than the test may last */
    put(&f, 1);
    put(&f, 2);
    struct store_call call = {.id = STR("c1")};
    scribe_put(f.s, &(struct store_op){.kind = STORE_CALL_END, .u.call = &call});
    wait_until(f.loop, has_written, &f);
    assert_int_equal(f.store.n, 3);
    assert_int_equal(f.store.writes, 1);
    close_fixture(&f);
}

TEST(a_refused_row_is_left_out_and_the_rest_written)
{
    struct fixture f;
    open_fixture(&f, 60000);
    f.store.hated = "c2";
    for (uint32_t i = 0; i < 5; i++) {
        put(&f, i);
    }
    assert_ok(scribe_after(f.s, on_after, &f));
    wait_until(f.loop, was_called, &f);
    assert_int_equal(f.store.n, 4);
    assert_string_equal(f.store.written[2], "c3");
    assert_int_equal(scribe_lost(f.s), 1);
    close_fixture(&f);
}

TEST(a_busy_store_is_tried_again_without_writing_twice)
{
    struct fixture f;
    open_fixture(&f, 60000);
    f.store.fail = -EBUSY;
    f.store.fail_n = 3;
    for (uint32_t i = 0; i < 100; i++) { /* more than one block */
        put(&f, i);
    }
    assert_ok(scribe_after(f.s, on_after, &f));
    wait_until(f.loop, was_called, &f);
    assert_int_equal(f.store.n, 100);
    assert_int_equal(scribe_lost(f.s), 0);
    close_fixture(&f);
}

TEST(a_full_disk_loses_rows_in_the_end_and_goes_on)
{
    struct fixture f;
    open_fixture(&f, 60000);
    f.store.fail = -ENOSPC;
    f.store.fail_n = 4;
    put(&f, 1);
    assert_ok(scribe_after(f.s, on_after, &f));
    wait_until(f.loop, was_called, &f);
    assert_int_equal(f.store.n, 0);
    assert_int_equal(scribe_lost(f.s), 1);
    put(&f, 2);
    f.called = 0;
    assert_ok(scribe_after(f.s, on_after, &f));
    wait_until(f.loop, was_called, &f);
    assert_int_equal(f.store.n, 1);
    close_fixture(&f);
}

/* ---- with a spool ---- */

#define SPOOL "scribe-spool.jsonl"
#define LOCK  SPOOL ".lock"

/* spooled: rows that an earlier process is said to have left. */
static void open_spooled(struct fixture *f, uint64_t spooled)
{
    open_fixture(f, 60000);
    scribe_free(f->s);
    if (spooled == 0) {
        unlink(SPOOL); /* of a run that was broken off */
    }
    const struct scribe_opts o = {.loop = f->loop,
                                  .ops = &fake_ops,
                                  .store = &f->store,
                                  .flush_ms = 60000,
                                  .retry_ms = 1,
                                  .max_tries = 2,
                                  .spool = SPOOL,
                                  .spooled = spooled};
    assert_ok(scribe_new(&o, &f->s));
}

static void close_spooled(struct fixture *f)
{
    close_fixture(f);
    assert_int_equal(access(SPOOL, F_OK), -1);
    assert_int_equal(unlink(LOCK), 0);
}

/* Waits until what was put is written, or given up for now. */
static void write_all(struct fixture *f)
{
    f->called = 0;
    assert_ok(scribe_after(f->s, on_after, f));
    wait_until(f->loop, was_called, f);
}

/* Rows c1 and c2 are given up, and go in before c3 when the store is there again. */
TEST(rows_that_are_given_up_wait_in_the_spool_and_go_first)
{
    struct fixture f;
    open_spooled(&f, 0);
    f.store.fail = -ENOSPC;
    f.store.fail_n = UINT32_MAX;
    for (uint32_t i = 1; i <= 2; i++) {
        put(&f, i);
        write_all(&f);
        assert_int_equal(scribe_lost(f.s), 0);
        assert_int_equal(scribe_spooled(f.s), i);
    }
    assert_int_equal(f.store.n, 0);
    put(&f, 3);
    f.store.fail_n = 0;
    write_all(&f);
    assert_int_equal(f.store.n, 3);
    assert_string_equal(f.store.written[0], "c1");
    assert_string_equal(f.store.written[1], "c2");
    assert_string_equal(f.store.written[2], "c3");
    assert_int_equal(scribe_spooled(f.s), 0);
    assert_int_equal(scribe_lost(f.s), 0);
    close_spooled(&f);
}

/* Nobody calls any more: it is drained all the same. */
TEST(the_spool_is_drained_by_itself)
{
    struct fixture f;
    open_spooled(&f, 0);
    f.store.fail = -ERR_CLOSED;
    f.store.fail_n = 5;
    put(&f, 1);
    write_all(&f);
    assert_int_equal(scribe_spooled(f.s), 1);
    wait_until(f.loop, has_written, &f);
    write_all(&f);
    assert_int_equal(scribe_spooled(f.s), 0);
    close_spooled(&f);
}

TEST(what_an_earlier_process_left_is_drained_too)
{
    struct fixture f;
    struct store_call call = {.id = STR("c9")};
    assert_ok(spool_put(SPOOL, &(struct store_op){.kind = STORE_CALL_BEGIN, .u.call = &call}, 1));
    open_spooled(&f, 1);
    wait_until(f.loop, has_written, &f);
    write_all(&f);
    assert_string_equal(f.store.written[0], "c9");
    assert_int_equal(scribe_spooled(f.s), 0);
    close_spooled(&f);
}

/* One full disk for both, here a spool that nobody can lock: the rows stay, readers do not, and nothing is lost. */
TEST(rows_that_nobody_takes_wait_in_memory)
{
    struct fixture f;
    open_spooled(&f, 0);
    assert_int_equal(mkdir(LOCK, 0700), 0);
    f.store.fail = -ENOSPC;
    f.store.fail_n = UINT32_MAX;
    put(&f, 1);
    write_all(&f);
    put(&f, 2);
    write_all(&f); /* at once: the record cannot be read now */
    assert_int_equal(f.store.n, 0);
    assert_int_equal(scribe_lost(f.s), 0);
    assert_int_equal(scribe_spooled(f.s), 0);
    f.store.fail_n = 0;
    wait_until(f.loop, has_written, &f);
    write_all(&f);
    assert_int_equal(f.store.n, 2);
    assert_string_equal(f.store.written[0], "c1");
    assert_string_equal(f.store.written[1], "c2");
    assert_int_equal(scribe_lost(f.s), 0);
    close_fixture(&f);
    assert_int_equal(rmdir(LOCK), 0);
}

/* In the same state the end has come: what neither takes is lost, and counted. */
TEST(in_a_hurry_rows_in_memory_are_lost)
{
    struct fixture f;
    open_spooled(&f, 0);
    assert_int_equal(mkdir(LOCK, 0700), 0);
    f.store.fail = -ENOSPC;
    f.store.fail_n = UINT32_MAX;
    put(&f, 1);
    write_all(&f);
    scribe_hurry(f.s);
    write_all(&f);
    assert_int_equal(scribe_lost(f.s), 1);
    close_fixture(&f);
    assert_int_equal(rmdir(LOCK), 0);
}

/* A row about a call whose beginning waits in a spool that cannot be read belongs there too. */
TEST(a_row_of_a_call_that_waits_in_the_spool_goes_there_too)
{
    struct fixture f;
    struct spool_report report;
    open_spooled(&f, 0);
    f.store.fail = -ENOSPC;
    f.store.fail_n = 2;
    put(&f, 1);
    write_all(&f);
    assert_int_equal(unlink(LOCK), 0);
    assert_int_equal(mkdir(LOCK, 0700), 0); /* now nobody can lock it */
    f.store.hated = "c2";
    f.store.hate = -ENOENT;
    put(&f, 2);
    write_all(&f);
    assert_int_equal(scribe_spooled(f.s), 1);
    assert_int_equal(scribe_lost(f.s), 1); /* nor write to it: the row is refused, and said to be */
    assert_int_equal(rmdir(LOCK), 0);
    f.store.hated = NULL;
    assert_ok(spool_drain(SPOOL, &fake_ops, &f.store, &report));
    assert_int_equal(report.written, 1);
    close_spooled(&f);
}

TEST(in_a_hurry_a_failure_is_the_end)
{
    struct fixture f;
    open_fixture(&f, 60000);
    f.store.fail = -EIO;
    f.store.fail_n = 1000;
    put(&f, 1);
    scribe_hurry(f.s);
    assert_ok(scribe_after(f.s, on_after, &f));
    wait_until(f.loop, was_called, &f);
    assert_int_equal(f.store.writes, 1);
    assert_int_equal(scribe_lost(f.s), 1);
    close_fixture(&f);
}

TEST_MAIN(T(rows_are_written_in_order_and_a_reader_sees_them_all), T(an_idle_scribe_calls_at_once),
          T(rows_are_written_by_themselves_after_a_while),
          T(the_end_of_a_call_does_not_wait_and_takes_along_what_came_before),
          T(a_refused_row_is_left_out_and_the_rest_written), T(a_busy_store_is_tried_again_without_writing_twice),
          T(a_full_disk_loses_rows_in_the_end_and_goes_on), T(rows_that_are_given_up_wait_in_the_spool_and_go_first),
          T(the_spool_is_drained_by_itself), T(what_an_earlier_process_left_is_drained_too),
          T(rows_that_nobody_takes_wait_in_memory), T(in_a_hurry_rows_in_memory_are_lost),
          T(a_row_of_a_call_that_waits_in_the_spool_goes_there_too), T(in_a_hurry_a_failure_is_the_end))
