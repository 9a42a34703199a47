#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "store/sqlite/impl.h"

#define DEFAULT_BUSY_MS 5000
#define MAX_PATH        4096
/* Pages of the log after which it is moved into the file; the writer's commit pays for it. */
#define CHECKPOINT_PAGES 1000
#define FIRST_ROWS       32

static const char *const statement_texts[STATEMENT_N] = {
#define X(name, sql) [name] = sql,
    STATEMENT_LIST(X)
#undef X
};

int db_error(int rc)
{
    switch (rc & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return -ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_FOREIGNKEY ? -ENOENT : -EEXIST;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        return -EACCES;
    case SQLITE_TOOBIG:
        return -ERR_TOO_BIG;
    default:
        return -EIO;
    }
}

int db_statement(struct connection *c, enum statement id, sqlite3_stmt **ret)
{
    if (!c->statements[id]) {
        int rc =
            sqlite3_prepare_v3(c->db, statement_texts[id], -1, SQLITE_PREPARE_PERSISTENT, &c->statements[id], NULL);

        if (rc != SQLITE_OK) {
            return db_error(sqlite3_extended_errcode(c->db));
        }
    }
    sqlite3_reset(c->statements[id]);
    sqlite3_clear_bindings(c->statements[id]);
    *ret = c->statements[id];
    return 0;
}

int db_run(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    int err = db_error(rc == SQLITE_DONE || rc == SQLITE_ROW ? rc : sqlite3_extended_errcode(sqlite3_db_handle(st)));

    sqlite3_reset(st);
    return err;
}

int db_simple(struct connection *c, enum statement id)
{
    sqlite3_stmt *st = NULL;
    int err = db_statement(c, id, &st);

    return err < 0 ? err : db_run(st);
}

int db_finish(struct connection *c, int err)
{
    if (err >= 0) {
        err = db_simple(c, SQL_COMMIT);
    }
    /* A full disk may have rolled back by itself already. */
    if (err < 0 && !sqlite3_get_autocommit(c->db)) {
        ignore_result(db_simple(c, SQL_ROLLBACK)); /* the first error is the one to tell */
    }
    return err;
}

void db_bind_str(sqlite3_stmt *st, int at, struct str s)
{
    /* The view outlives the step; a failing bind shows as an error of the step. */
    ignore_result(sqlite3_bind_text64(st, at, s.p ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8));
}

struct str db_column(sqlite3_stmt *st, int at, struct arena *a, int *err)
{
    const char *text = (const char *)sqlite3_column_text(st, at);
    struct str s = arena_str(a, text ? (struct str){text, (size_t)sqlite3_column_bytes(st, at)} : STR(""));

    if (!s.p) {
        *err = -ENOMEM;
        return STR("");
    }
    return s;
}

int db_row(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);

    if (rc == SQLITE_ROW) {
        return 0;
    }
    return rc == SQLITE_DONE ? -ENOENT : db_error(sqlite3_extended_errcode(sqlite3_db_handle(st)));
}

void db_bind_u64(sqlite3_stmt *st, int at, uint64_t v)
{
    ignore_result(sqlite3_bind_int64(st, at, (sqlite3_int64)MIN(v, (uint64_t)INT64_MAX))); /* shows in the step */
}

uint64_t db_column_u64(sqlite3_stmt *st, int at)
{
    sqlite3_int64 v = sqlite3_column_int64(st, at);

    return v > 0 ? (uint64_t)v : 0;
}

/* Room for one more element; what is outgrown stays in the arena. */
void *db_grow(struct arena *a, void *list, uint32_t n, uint32_t *cap, size_t size)
{
    void *p = list;

    if (n == *cap) {
        uint32_t more = *cap ? *cap * 2 : FIRST_ROWS;

        p = arena_alloc(a, size * more);
        if (p && n) {
            memcpy(p, list, size * n);
        }
        *cap = p ? more : *cap;
    }
    return p;
}

/* ------------------------------------------------------------------------------------------------ opening */

static int make_folder(const char *path)
{
    char work[MAX_PATH];

    if (str_copy(work, sizeof(work), str_from(path)) < 0) {
        return -ENAMETOOLONG;
    }
    for (char *p = work + 1; *p; p++) {
        if (*p == '/') {
            *p = '\0';
            if (mkdir(work, 0700) < 0 && errno != EEXIST) {
                return -errno;
            }
            *p = '/';
        }
    }
    return 0;
}

/* Made by us before SQLite sees it, so that it, its log and its index are never readable by others. */
static int make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int err;

    if (fd < 0) {
        return -errno;
    }
    err = fchmod(fd, 0600) < 0 && errno != EPERM ? -errno : 0;
    close(fd);
    return err;
}

static int take_lock(const char *path, int *ret_fd)
{
    char name[MAX_PATH];
    int n = snprintf(name, sizeof(name), "%s.lock", path);
    int fd;

    if (n < 0 || (size_t)n >= sizeof(name)) {
        return -ENAMETOOLONG;
    }
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    }
    *ret_fd = fd;
    return 0;
}

static int configure(sqlite3 *db, const struct store_opts *opts, bool in_memory)
{
    char text[200];
    int rc;

    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, (int)(opts->busy_ms ? opts->busy_ms : DEFAULT_BUSY_MS));
    /* secure_delete: what is deleted is overwritten, not only forgotten. */
    sqlite3_snprintf(sizeof(text), text,
                     "PRAGMA journal_mode = %s; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                     "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = %d;",
                     in_memory ? "MEMORY" : "WAL", CHECKPOINT_PAGES);
    rc = sqlite3_exec(db, text, NULL, NULL, NULL);
    if (rc == SQLITE_OK && opts->max_pages) {
        sqlite3_snprintf(sizeof(text), text, "PRAGMA max_page_count = %u", opts->max_pages);
        rc = sqlite3_exec(db, text, NULL, NULL, NULL);
    }
    return db_error(rc);
}

static int connect_db(struct connection *c, const char *path, const struct store_opts *opts, bool in_memory)
{
    int rc = sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

    return rc == SQLITE_OK ? configure(c->db, opts, in_memory) : db_error(rc);
}

static void disconnect(struct connection *c)
{
    for (uint32_t i = 0; i < STATEMENT_N; i++) {
        sqlite3_finalize(c->statements[i]);
    }
    for (uint32_t i = 0; i < CAMPAIGN_SQL_N; i++) {
        sqlite3_finalize(c->campaigns[i]);
    }
    sqlite3_close(c->db);
    pthread_mutex_destroy(&c->lock);
}

static void sqlite_close(struct store *s)
{
    if (!s) {
        return;
    }
    /* The writer goes last: the last connection moves the log into the file and removes it. */
    disconnect(&s->second);
    disconnect(&s->writer);
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    free(s);
}

static int open_files(struct store *s, const struct store_opts *opts, bool in_memory)
{
    const char *path = in_memory ? ":memory:" : opts->path;
    int err = in_memory ? 0 : make_folder(path);

    if (err >= 0 && !in_memory && opts->exclusive) {
        err = take_lock(path, &s->lock_fd);
    }
    if (err >= 0 && !in_memory) {
        err = make_file(path);
    }
    if (err >= 0) {
        err = connect_db(&s->writer, path, opts, in_memory);
    }
    return err;
}

static int prepare_tables(struct store *s, const struct store_opts *opts, bool in_memory, struct buf *ret_err)
{
    int err = schema_migrate(s->writer.db, ret_err);

    if (err >= 0 && opts->demo_rows) {
        err = schema_demo_rows(s->writer.db);
    }
    if (err >= 0 && !in_memory) {
        err = connect_db(&s->second, opts->path, opts, false);
    }
    s->reader = in_memory ? &s->writer : &s->second;
    return err;
}

static int sqlite_open(const struct store_opts *opts, struct buf *ret_err, struct store **ret)
{
    bool in_memory = !opts->path || !*opts->path;
    struct store *s = calloc(1, sizeof(*s));
    int err;

    if (!s) {
        return -ENOMEM;
    }
    s->sql.face = &sqlite_face;
    s->lock_fd = -1;
    pthread_mutex_init(&s->writer.lock, NULL);
    pthread_mutex_init(&s->second.lock, NULL);
    err = open_files(s, opts, in_memory);
    if (err >= 0) {
        err = prepare_tables(s, opts, in_memory, ret_err);
    }
    if (err < 0) {
        if (ret_err->len == 0) {
            buf_printf(ret_err, "the records %s cannot be opened: %s", in_memory ? "in memory" : opts->path,
                       err == -EBUSY         ? "another ringtrip is using them"
                       : err == -ERR_CORRUPT ? "the file is damaged, or no SQLite database"
                                             : err_text(err));
        }
        sqlite_close(s);
        return err;
    }
    *ret = s;
    return 0;
}

const struct store_ops store_sqlite = {
    .name = "sqlite",
    .campaigns = &sql_campaigns,
    .open = sqlite_open,
    .close = sqlite_close,
    .write = sqlite_write,
    .call_get = sqlite_call_get,
    .call_find = sqlite_call_find,
    .call_list = sqlite_call_list,
    .call_counts = sqlite_call_counts,
    .turn_list = sqlite_turn_list,
    .line_list = sqlite_line_list,
    .span_list = sqlite_span_list,
    .call_delete = sqlite_call_delete,
    .close_stale = sqlite_close_stale,
    .sweep = sqlite_sweep,
    .order_get = sqlite_order_get,
    .callback_list = sqlite_callback_list,
    .callback_get = sqlite_callback_get,
    .dial_get = sqlite_dial_get,
    .dial_list = sqlite_dial_list,
};
