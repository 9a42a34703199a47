/*
 * A real SQLite file that another program locks, and a disk that takes nothing more: no row of a call is lost, and they
 * are all there when it is over. The full disk is a limit of the file size, which holds for the database and the spool.
 */
#include "test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "fakes/wait.h"
#include "gateway/scribe.h"
#include "gateway/spool.h"
#include "store/sqlite/sqlite.h"

struct fixture {
    char dir[32], db[64], spool[64];
    struct loop *loop;
    struct metrics *metrics;
    struct store *store;
    struct scribe *s;
    struct arena arena;
    bool called;
};

static void set_up(struct fixture *f)
{
    struct buf why;
    *f = (struct fixture){.dir = "store-away.XXXXXX"};
    buf_init(&why, 1024);
    assert_non_null(mkdtemp(f->dir));
    ignore_result(snprintf(f->db, sizeof(f->db), "%s/ringtrip.db", f->dir) < 0);
    assert_ok(spool_path(str_from(f->dir), f->spool, sizeof(f->spool)));
    assert_ok(store_sqlite.open(&(struct store_opts){.path = f->db, .exclusive = true, .busy_ms = 5}, &why, &f->store));
    buf_done(&why);
    assert_ok(loop_new(&f->loop));
    f->metrics = metrics_new();
    assert_non_null(f->metrics);
    arena_init(&f->arena, 8 << 20);
    assert_ok(scribe_new(&(struct scribe_opts){.loop = f->loop,
                                               .ops = &store_sqlite,
                                               .store = f->store,
                                               .metrics = f->metrics,
                                               .flush_ms = 5,
                                               .retry_ms = 1,
                                               .max_tries = 3,
                                               .spool = f->spool},
                         &f->s));
}

static void tear_down(struct fixture *f)
{
    static const char *const names[] = {"ringtrip.db",      "ringtrip.db-wal", "ringtrip.db-shm",
                                        "ringtrip.db.lock", SPOOL_NAME,        SPOOL_NAME ".lock"};
    scribe_free(f->s);
    loop_free(f->loop);
    metrics_free(f->metrics);
    store_sqlite.close(f->store);
    arena_done(&f->arena);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[96];
        ignore_result(snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]) < 0);
        unlink(path);
    }
    assert_int_equal(rmdir(f->dir), 0);
}

/* A whole call: begun, a line of it, ended. */
static void put_call(struct fixture *f, const char *id)
{
    struct store_call call = {.id = str_from(id),
                              .carrier = STR("twilio"),
                              .caller = STR("+15550001111"),
                              .status = STORE_IN_PROGRESS,
                              .started_us = 1700000000000000,
                              .cost_micro = STORE_NO_COST};
    struct store_line line = {.call_id = str_from(id), .seq = 1, .text = STR("good morning")};
    scribe_put(f->s, &(struct store_op){.kind = STORE_CALL_BEGIN, .u.call = &call});
    scribe_put(f->s, &(struct store_op){.kind = STORE_LINE_ADD, .u.line = &line});
    call.status = STORE_COMPLETED;
    call.reason = REASON_CALLER_HANGUP;
    call.ended_us = call.started_us + 9000000;
    scribe_put(f->s, &(struct store_op){.kind = STORE_CALL_END, .u.call = &call});
}

static void on_after(void *arg)
{
    ((struct fixture *)arg)->called = true;
}

static bool was_called(void *arg)
{
    return ((struct fixture *)arg)->called;
}

static void write_all(struct fixture *f)
{
    f->called = false;
    assert_ok(scribe_after(f->s, on_after, f));
    wait_until(f->loop, was_called, f);
}

static bool none_waits(void *arg)
{
    struct fixture *f = arg;
    return metrics_value(f->metrics, METRIC_STORE_WAITING) == 0;
}

static void assert_whole(struct fixture *f, const char *id)
{
    struct store_call got;
    assert_ok(store_sqlite.call_get(f->store, str_from(id), &f->arena, &got));
    assert_int_equal(got.status, STORE_COMPLETED);
    assert_int_equal(got.reason, REASON_CALLER_HANGUP);
    assert_int_equal(got.line_count, 1);
}

TEST(a_database_that_somebody_locks_has_every_call_in_the_end)
{
    struct fixture f;
    sqlite3 *other;
    set_up(&f);
    assert_int_equal(sqlite3_open(f.db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    put_call(&f, "c1");
    write_all(&f);
    assert_int_equal(scribe_spooled(f.s), 3);
    assert_int_equal(metrics_value(f.metrics, METRIC_STORE_WAITING), 3);
    assert_int_equal(access(f.spool, F_OK), 0);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    wait_until(f.loop, none_waits, &f); /* nobody calls meanwhile */
    assert_whole(&f, "c1");
    assert_int_equal(access(f.spool, F_OK), -1);
    assert_int_equal(scribe_lost(f.s), 0);
    tear_down(&f);
}

TEST(a_full_disk_has_every_call_in_the_end)
{
    struct fixture f;
    struct rlimit before, none;
    set_up(&f); /* the loop has made SIGXFSZ harmless */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    put_call(&f, "c1");
    write_all(&f);
    put_call(&f, "c2");
    write_all(&f);
    int64_t waiting = metrics_value(f.metrics, METRIC_STORE_WAITING);
    uint64_t lost = scribe_lost(f.s);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0); /* before anything is printed */
    assert_int_equal(waiting, 3);
    assert_int_equal(lost, 0);
    wait_until(f.loop, none_waits, &f);
    write_all(&f);
    assert_whole(&f, "c1");
    assert_whole(&f, "c2");
    assert_int_equal(scribe_lost(f.s), 0);
    assert_int_equal(metrics_value(f.metrics, METRIC_STORE_LOST), 0);
    tear_down(&f);
}

TEST_MAIN(T(a_database_that_somebody_locks_has_every_call_in_the_end), T(a_full_disk_has_every_call_in_the_end))
