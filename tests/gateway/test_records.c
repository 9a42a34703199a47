/* The folder of recordings: retention, room on the disk, deletion. A real store, real files. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "fakes/wait.h"
#include "gateway/records.h"
#include "store/sqlite/sqlite.h"

#define DAY_S     UINT64_C(86400)
#define DAY_US    (DAY_S * 1000000)
#define MINUTE_US UINT64_C(60000000)

struct fixture {
    struct loop *loop;
    struct store *store;
    struct scribe *scribe;
    struct records *records;
    char dir[64];
    char old_file[128];
    char new_file[128];
    int removed; /* result of a deletion; 1: none yet */
};

static void touch(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

static void add_call(struct fixture *f, const char *id, uint64_t started_us, const char *file)
{
    struct store_call call = {.id = str_from(id),
                              .status = STORE_COMPLETED,
                              .reason = REASON_CALLER_HANGUP,
                              .started_us = started_us,
                              .ended_us = started_us + 1000000,
                              .recording = str_from(file)};
    struct store_op ops[] = {{.kind = STORE_CALL_BEGIN, .at_us = started_us, .u.call = &call},
                             {.kind = STORE_CALL_END, .at_us = started_us, .u.call = &call}};
    assert_ok(store_sqlite.write(f->store, ops, ARRAY_LEN(ops), NULL));
}

static bool has_call(struct fixture *f, const char *id)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct store_call call;
    int err = store_sqlite.call_get(f->store, str_from(id), &arena, &call);
    arena_done(&arena);
    return err >= 0;
}

static void open_fixture(struct fixture *f, uint32_t min_free_mb, uint64_t retention_s)
{
    memset(f, 0, sizeof(*f));
    f->removed = 1;
    assert_ok(str_copy(f->dir, sizeof(f->dir), STR("records.XXXXXX")));
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->old_file, sizeof(f->old_file), "%s/old.wav", f->dir);
    snprintf(f->new_file, sizeof(f->new_file), "%s/new.wav", f->dir);
    touch(f->old_file);
    touch(f->new_file);
    assert_ok(loop_new(&f->loop));
    struct buf text;
    buf_init(&text, 1000);
    assert_ok(store_sqlite.open(&(struct store_opts){.path = ""}, &text, &f->store));
    buf_done(&text);
    uint64_t now_us = (uint64_t)clock_wall_us();
    add_call(f, "old", now_us - 40 * DAY_US, f->old_file);
    add_call(f, "new", now_us - 20 * DAY_US, f->new_file);
    assert_ok(scribe_new(&(struct scribe_opts){.loop = f->loop, .ops = &store_sqlite, .store = f->store}, &f->scribe));
    const struct records_opts o = {.loop = f->loop,
                                   .ops = &store_sqlite,
                                   .store = f->store,
                                   .scribe = f->scribe,
                                   .dir = f->dir,
                                   .min_free_mb = min_free_mb,
                                   .retention_s = retention_s};
    assert_ok(records_new(&o, &f->records));
}

static bool is_idle(void *arg)
{
    struct fixture *f = arg;
    return records_busy(f->records) == 0;
}

static void close_fixture(struct fixture *f)
{
    records_stop(f->records);
    wait_until(f->loop, is_idle, f);
    records_free(f->records);
    scribe_free(f->scribe);
    store_sqlite.close(f->store);
    loop_free(f->loop);
    unlink(f->old_file);
    unlink(f->new_file);
    assert_int_equal(rmdir(f->dir), 0);
}

static bool old_file_is_gone(void *arg)
{
    struct fixture *f = arg;
    return access(f->old_file, F_OK) != 0 && records_busy(f->records) == 0;
}

TEST(retention_takes_row_and_files_of_old_calls_alone)
{
    struct fixture f;
    open_fixture(&f, 0, 30 * DAY_S);
    wait_until(f.loop, old_file_is_gone, &f);
    assert_false(has_call(&f, "old"));
    assert_true(has_call(&f, "new"));
    assert_int_equal(access(f.new_file, F_OK), 0);
    /* A shorter retention of a new configuration counts at once. */
    records_set(f.records, 0, 10 * DAY_S);
    wait_until(f.loop, is_idle, &f);
    assert_false(has_call(&f, "new"));
    assert_int_not_equal(access(f.new_file, F_OK), 0);
    close_fixture(&f);
}

/* The figures of the reference: 120 minutes old goes, 30 minutes old stays; counted from the end of the call. */
TEST(calls_may_be_kept_for_minutes_since_their_end)
{
    const struct config_records hour = {.retention_days = 30, .retention_minutes = 60}, days = {.retention_days = 30};
    struct fixture f;
    open_fixture(&f, 0, 0);
    uint64_t now_us = (uint64_t)clock_wall_us();
    add_call(&f, "two-hours", now_us - 120 * MINUTE_US, f.old_file);
    add_call(&f, "half-an-hour", now_us - 30 * MINUTE_US, f.new_file);
    struct store_call late = {.id = STR("long"), .status = STORE_COMPLETED, .reason = REASON_CALLER_HANGUP};
    late.started_us = now_us - 120 * MINUTE_US;
    late.ended_us = now_us - 5 * MINUTE_US;
    const struct store_op ops[] = {{.kind = STORE_CALL_BEGIN, .at_us = late.started_us, .u.call = &late},
                                   {.kind = STORE_CALL_END, .at_us = late.ended_us, .u.call = &late}};
    assert_ok(store_sqlite.write(f.store, ops, ARRAY_LEN(ops), NULL));
    records_set(f.records, 0, records_retention_s(&hour));
    wait_until(f.loop, is_idle, &f);
    assert_false(has_call(&f, "two-hours"));
    assert_true(has_call(&f, "half-an-hour"));
    assert_true(has_call(&f, "long"));
    assert_int_equal(records_retention_s(&days), 30 * DAY_S);
    assert_int_equal(records_retention_s(&hour), 3600);
    assert_int_equal(records_retention_s(&(struct config_records){0}), 0);
    close_fixture(&f);
}

TEST(without_retention_nothing_goes)
{
    struct fixture f;
    open_fixture(&f, 0, 0);
    records_set(f.records, 0, 0);
    wait_until(f.loop, is_idle, &f);
    assert_true(has_call(&f, "old"));
    assert_int_equal(access(f.old_file, F_OK), 0);
    close_fixture(&f);
}

TEST(a_full_disk_leaves_no_room)
{
    struct fixture f;
    open_fixture(&f, UINT32_MAX, 0);
    assert_false(records_room(f.records));
    records_set(f.records, 0, 0); /* the look that follows finds room again */
    wait_until(f.loop, is_idle, &f);
    assert_true(records_room(f.records));
    close_fixture(&f);
}

static void on_removed(int err, void *arg)
{
    struct fixture *f = arg;
    f->removed = err;
}

static bool is_removed(void *arg)
{
    struct fixture *f = arg;
    return f->removed <= 0;
}

TEST(deletion_takes_row_and_files)
{
    struct fixture f;
    open_fixture(&f, 0, 0);
    assert_ok(records_remove(f.records, STR("old"), on_removed, &f));
    wait_until(f.loop, is_removed, &f);
    assert_int_equal(f.removed, 0);
    assert_false(has_call(&f, "old"));
    assert_int_not_equal(access(f.old_file, F_OK), 0);
    f.removed = 1;
    assert_ok(records_remove(f.records, STR("old"), on_removed, &f));
    wait_until(f.loop, is_removed, &f);
    assert_int_equal(f.removed, -ENOENT);
    close_fixture(&f);
}

TEST_MAIN(T(retention_takes_row_and_files_of_old_calls_alone), T(calls_may_be_kept_for_minutes_since_their_end),
          T(without_retention_nothing_goes), T(a_full_disk_leaves_no_room), T(deletion_takes_row_and_files))
