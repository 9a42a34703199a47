/* What is SQLite's own: the file, its log, its versions. The rest is in test_records.c. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "call/campaign_store.h"
#include "store/backend.h"

TEST(nobody_else_may_read_the_file)
{
    struct fixture f;
    struct stat st;

    set_up(&f, NULL);
    assert_int_equal(stat(f.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    tear_down(&f);
}

/* Bytes of the file and of its log that hold the text. */
static bool file_has(const char *path, const char *suffix, const char *text)
{
    static char bytes[4 << 20];
    char name[128];
    FILE *f;
    size_t n;

    snprintf(name, sizeof(name), "%s%s", path, suffix);
    f = fopen(name, "r");
    if (!f) {
        return false;
    }
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    return memmem(bytes, n, text, strlen(text));
}

TEST(deletion_leaves_no_trace_in_the_files)
{
    static const char secret[] = "the caller said a very private thing";
    struct fixture f;
    struct store_call c;
    struct store_turn turn = {.call_id = STR("c1"), .user_text = STR("the caller said a very private thing")};
    struct store_line line = {.call_id = STR("c1"), .seq = 1, .text = turn.user_text};
    struct store_callback back = {.id = STR("CB1"),
                                  .call_id = STR("c1"),
                                  .phone = STR("+15550009876"),
                                  .reason = turn.user_text,
                                  .department = STR("x"),
                                  .scheduled = STR("y")};
    const struct store_op batch[] = {{.kind = STORE_TURN_ADD, .u.turn = &turn},
                                     {.kind = STORE_LINE_ADD, .u.line = &line},
                                     {.kind = STORE_CALLBACK_ADD, .u.callback = &back}};
    struct store_callbacks backs;
    struct store_paths paths;

    set_up(&f, NULL);
    begin(&f, "c0", T0);
    c = call_of("c1", T0);
    c.recording = STR("var/c1.wav");
    c.journal = STR("var/c1.jnl");
    c.error = turn.user_text;
    assert_int_equal(write_call(&f, STORE_CALL_BEGIN, &c, T0), 0);
    assert_int_equal(ops->write(f.s, batch, ARRAY_LEN(batch), NULL), 0);
    assert_true(file_has(f.path, "", secret) || file_has(f.path, "-wal", secret));
    assert_int_equal(ops->call_delete(f.s, STR("c1"), &f.a, &paths), 0);
    assert_int_equal(paths.calls, 1);
    assert_int_equal(paths.n, 2);
    assert_str_is(paths.paths[0], "var/c1.wav");
    assert_str_is(paths.paths[1], "var/c1.jnl");
    assert_false(file_has(f.path, "", secret));
    assert_false(file_has(f.path, "-wal", secret));
    assert_false(file_has(f.path, "", "+15550009876"));
    assert_false(file_has(f.path, "-wal", "+15550009876"));
    assert_int_equal(ops->callback_list(f.s, &(struct store_callback_filter){0}, &f.a, &backs), 0);
    assert_int_equal(backs.n, 0);
    assert_int_equal(backs.total, 0);
    assert_str_is(get(&f, "c0").id, "c0");
    tear_down(&f);
}

TEST(a_full_disk_is_an_error_and_no_end)
{
    struct fixture f;
    struct store_call got;
    char *text = malloc(100000);
    struct store_line line = {.call_id = STR("c1")};
    const struct store_op op = {.kind = STORE_LINE_ADD, .at_us = T0, .u.line = &line};
    int err = 0;

    assert_non_null(text);
    memset(text, 'x', 100000);
    line.text = (struct str){text, 100000};
    set_up(&f, &(struct store_opts){.exclusive = true, .max_pages = 100});
    begin(&f, "c1", T0);
    for (line.seq = 1; err == 0 && line.seq < 50; line.seq++) {
        err = ops->write(f.s, &op, 1, NULL);
    }
    assert_int_equal(err, -ENOSPC);
    /* Small things still fit, and what was there is there. */
    end(&f, "c1", REASON_CALLER_HANGUP, T0 + 5);
    got = get(&f, "c1");
    assert_int_equal(got.status, STORE_COMPLETED);
    assert_true(got.line_count > 0);
    tear_down(&f);
    free(text);
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 16);

    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    return text;
}

TEST(records_of_an_older_program_are_kept_and_used_on)
{
    struct fixture f;
    sqlite3 *db = NULL;
    char *old = read_text(SOURCE_ROOT "/tests/store/records_v1.sql");
    struct store_turn *turns;
    uint32_t n;

    set_up(&f, NULL);
    ops->close(f.s);
    f.s = NULL;
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, old, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) { /* the second time nothing is left to do */
        if (open_store(&f, NULL) < 0) {
            fail_msg("%s", buf_cstr(&f.errors));
        }
        struct store_call c = get(&f, "old");
        assert_int_equal(c.reason, REASON_CALLER_HANGUP);
        assert_int_equal(c.duration_ms, 8000);
        assert_int_equal(c.cost_micro, 12345);
        assert_int_equal(c.line_count, 1);
        assert_false(c.has_line);
        assert_int_equal(ops->turn_list(f.s, STR("old"), &f.a, &turns, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(turns[0].t.heard_ms, 1500);
        assert_int_equal(turns[0].t.commit_ms, -1);
        assert_int_equal(turns[0].t.verdict, VERDICT_NONE);
        assert_int_equal(turns[0].t.pauses, 0);
        assert_str_is(turns[0].user_text, "where is it");
        ops->close(f.s);
        f.s = NULL;
    }
    assert_int_equal(open_store(&f, NULL), 0);
    begin(&f, "new", T0);
    struct store_turn turn = {.call_id = STR("new"), .t = {.number = 1, .verdict = VERDICT_ECHO, .pauses = 1}};
    const struct store_op op = {.kind = STORE_TURN_ADD, .at_us = T0, .u.turn = &turn};
    assert_int_equal(ops->write(f.s, &op, 1, NULL), 0);
    assert_int_equal(ops->turn_list(f.s, STR("new"), &f.a, &turns, &n), 0);
    assert_int_equal(turns[0].t.verdict, VERDICT_ECHO);
    free(old);
    tear_down(&f);
}

TEST(damaged_and_newer_files_are_refused_in_words)
{
    struct fixture f;
    sqlite3 *db = NULL;
    int fd;

    set_up(&f, NULL);
    ops->close(f.s);
    f.s = NULL;
    assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(open_store(&f, NULL), -ERR_CONFIG);
    assert_has(buf_str(&f.errors), "written by a newer ringtrip");
    fd = open(f.path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(write(fd, "this is not a database, whatever its name says. ", 48), 48);
    }
    close(fd);
    assert_int_equal(open_store(&f, NULL), -ERR_CORRUPT);
    assert_has(buf_str(&f.errors), "damaged, or no SQLite database");
    tear_down(&f);
}

TEST(a_folder_that_cannot_be_made_is_an_error)
{
    struct store_opts o = {.path = "/proc/nowhere/records.db"};
    struct store *s = NULL;
    struct buf errors;

    buf_init(&errors, 4096);
    assert_true(ops->open(&o, &errors, &s) < 0);
    assert_has(buf_str(&errors), "/proc/nowhere/records.db cannot be opened");
    assert_null(s);
    buf_done(&errors);
}

TEST(a_symbolic_link_is_not_followed)
{
    struct fixture f;
    char link[128];
    struct store_opts o = {.path = link};
    struct store *s = NULL;

    set_up(&f, NULL);
    snprintf(link, sizeof(link), "%s/link.db", f.folder);
    assert_int_equal(symlink(f.path, link), 0);
    buf_clear(&f.errors);
    assert_int_equal(ops->open(&o, &f.errors, &s), -ELOOP);
    unlink(link);
    tear_down(&f);
}

TEST(the_store_in_memory_is_the_same_store)
{
    struct store_opts o = {.demo_rows = true};
    struct store_call c = call_of("m1", T0), got;
    const struct store_op op = {.kind = STORE_CALL_BEGIN, .at_us = T0, .u.call = &c};
    struct store_paths paths;
    struct store *s = NULL;
    struct arena a;
    struct buf errors;

    buf_init(&errors, 4096);
    arena_init(&a, 1 << 20);
    assert_int_equal(ops->open(&o, &errors, &s), 0);
    assert_int_equal(ops->write(s, &op, 1, NULL), 0);
    assert_int_equal(ops->call_get(s, STR("m1"), &a, &got), 0);
    assert_int_equal(ops->close_stale(s, T0 + 5), 1);
    assert_int_equal(ops->call_delete(s, STR("m1"), &a, &paths), 0);
    ops->close(s);
    ops->close(NULL);
    arena_done(&a);
    buf_done(&errors);
}

TEST(words_of_the_record_go_both_ways)
{
    enum store_status status;
    enum store_direction direction;

    for (int i = 0; i < STORE_STATUS_N; i++) {
        assert_int_equal(store_status_parse(str_from(store_status_word((enum store_status)i)), &status), 0);
        assert_int_equal(status, i);
    }
    for (int i = 0; i < STORE_DIRECTION_N; i++) {
        assert_int_equal(store_direction_parse(str_from(store_direction_word((enum store_direction)i)), &direction), 0);
        assert_int_equal(direction, i);
    }
    assert_int_equal(store_status_parse(STR("done"), &status), -EINVAL);
    assert_int_equal(store_direction_parse(STR(""), &direction), -EINVAL);
}

/* ---- campaigns, when the database does not go along ---- */

static void make_campaign(struct fixture *f)
{
    bool added = false;
    const struct campaign_row c = {.id = STR("c"),
                                   .name = STR("c"),
                                   .status = CAMPAIGN_RUNNING,
                                   .settings = STR("{}"),
                                   .max_concurrent = 5,
                                   .created_us = T0};
    const struct contact_row person = {.campaign_id = STR("c"), .phone = STR("+15551")};
    assert_int_equal(ops->campaigns->create(f->s, &c), 0);
    assert_int_equal(ops->campaigns->add(f->s, &person, 1, T0, &added), 0);
}

static int lease(struct fixture *f, struct contact_row *ret)
{
    uint64_t next_us = 0;
    const struct campaign_lease l = {
        .campaign_id = STR("c"), .owner = STR("gw"), .now_us = T0, .until_us = T0 + 60000000};
    return ops->campaigns->lease(f->s, &l, &f->a, ret, &next_us);
}

static int intend(struct fixture *f, const struct contact_row *c, struct str agent)
{
    const struct attempt_row t = {.id = STR("a1"),
                                  .campaign_id = STR("c"),
                                  .contact_id = c->id,
                                  .fence = c->fence,
                                  .owner = STR("gw"),
                                  .phone = c->phone,
                                  .agent = agent,
                                  .created_us = T0};
    return ops->campaigns->intend(f->s, &t, T0 + 60000000);
}

TEST(a_locked_database_refuses_an_intent_and_takes_it_later)
{
    struct fixture f;
    struct contact_row c;
    struct attempt_row t;
    sqlite3 *other = NULL;

    set_up(&f, &(struct store_opts){.exclusive = true, .busy_ms = 50});
    make_campaign(&f);
    assert_int_equal(lease(&f, &c), 0);
    assert_int_equal(sqlite3_open(f.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(intend(&f, &c, STR("")), -EBUSY);
    assert_int_equal(ops->campaigns->attempt(f.s, STR("a1"), &f.a, &t), -ENOENT); /* nothing half */
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_int_equal(intend(&f, &c, STR("")), 0);
    assert_int_equal(ops->campaigns->attempt(f.s, STR("a1"), &f.a, &t), 0);
    tear_down(&f);
}

/* Without the intent on the disk nobody is called; with room again the same contact is. */
TEST(a_full_disk_refuses_an_intent_whole)
{
    struct fixture f;
    struct contact_row c, again;
    struct attempt_row t;
    struct campaign_rows rows;
    static char text[400000];

    memset(text, 'x', sizeof(text));
    set_up(&f, &(struct store_opts){.exclusive = true, .max_pages = 100});
    make_campaign(&f);
    assert_int_equal(lease(&f, &c), 0);
    assert_int_equal(intend(&f, &c, (struct str){text, sizeof(text)}), -ENOSPC);
    assert_int_equal(ops->campaigns->attempt(f.s, STR("a1"), &f.a, &t), -ENOENT);
    assert_int_equal(ops->campaigns->contacts(f.s, &(struct campaign_filter){.campaign_id = STR("c")}, &f.a, &rows), 0);
    assert_int_equal(rows.contacts[0].state, CONTACT_LEASED); /* as before */
    assert_int_equal(rows.contacts[0].attempts, 0);
    assert_int_equal(ops->campaigns->release(f.s, &c, 0, STR("")), 0);
    assert_int_equal(lease(&f, &again), 0);
    assert_int_equal(again.fence, c.fence + 1);
    assert_int_equal(intend(&f, &again, STR("")), 0);
    tear_down(&f);
}

SUITE_MAIN(T(a_locked_database_refuses_an_intent_and_takes_it_later), T(a_full_disk_refuses_an_intent_whole),
           T(nobody_else_may_read_the_file), T(deletion_leaves_no_trace_in_the_files),
           T(a_full_disk_is_an_error_and_no_end), T(records_of_an_older_program_are_kept_and_used_on),
           T(damaged_and_newer_files_are_refused_in_words), T(a_folder_that_cannot_be_made_is_an_error),
           T(a_symbolic_link_is_not_followed), T(the_store_in_memory_is_the_same_store),
           T(words_of_the_record_go_both_ways))
