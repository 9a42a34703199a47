/* What campaigns (store/sql) need of SQLite. */
#include <stdio.h>

#include "base/err.h"
#include "store/sqlite/impl.h"

static struct connection *side_of(struct store *s, enum sql_side side)
{
    return side == SQL_READER ? s->reader : &s->writer;
}

static int begin(struct store *s, enum sql_side side)
{
    struct connection *c = side_of(s, side);

    pthread_mutex_lock(&c->lock);
    if (side == SQL_KEEPER) { /* else a commit is a write without fsync */
        int err = db_error(sqlite3_exec(c->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL));
        if (err < 0) {
            return err;
        }
    }
    return side == SQL_READER ? 0 : db_simple(c, SQL_BEGIN);
}

static int finish(struct store *s, enum sql_side side, int err)
{
    struct connection *c = side_of(s, side);

    if (side != SQL_READER) {
        err = db_finish(c, err);
    }
    if (side == SQL_KEEPER) {
        ignore_result(sqlite3_exec(c->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL)); /* else: only slower */
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

static struct str text(const struct sql_row *row, int column)
{
    sqlite3_stmt *st = (sqlite3_stmt *)(uintptr_t)row->from;
    const char *p = (const char *)sqlite3_column_text(st, column);

    return p ? (struct str){p, (size_t)sqlite3_column_bytes(st, column)} : STR("");
}

static int64_t number(const struct sql_row *row, int column)
{
    return sqlite3_column_int64((sqlite3_stmt *)(uintptr_t)row->from, column);
}

/* "$3" is a name to SQLite; a statement may leave some out. */
static void bind(sqlite3_stmt *st, const struct sql_value *values, uint32_t n)
{
    char name[16];

    for (uint32_t i = 0; i < n; i++) {
        ignore_result(snprintf(name, sizeof(name), "$%u", i + 1) < 0); /* it fits */
        int at = sqlite3_bind_parameter_index(st, name);

        if (at && values[i].is_text) {
            db_bind_str(st, at, values[i].s);
        } else if (at) {
            ignore_result(sqlite3_bind_int64(st, at, values[i].n)); /* shows in the step */
        }
    }
}

static int prepare(struct connection *c, uint32_t id, sqlite3_stmt **ret)
{
    if (!c->campaigns[id] && sqlite3_prepare_v3(c->db, campaign_sql_plain[id], -1, SQLITE_PREPARE_PERSISTENT,
                                                &c->campaigns[id], NULL) != SQLITE_OK) {
        return db_error(sqlite3_extended_errcode(c->db));
    }
    sqlite3_reset(c->campaigns[id]);
    sqlite3_clear_bindings(c->campaigns[id]);
    *ret = c->campaigns[id];
    return 0;
}

static int run(struct store *s, enum sql_side side, uint32_t id, const struct sql_value *values, uint32_t n,
               sql_row_fn fn, void *arg)
{
    struct connection *c = side_of(s, side);
    sqlite3_stmt *st = NULL;
    int rows = 0;
    int err = prepare(c, id, &st);

    if (err < 0) {
        return err;
    }
    bind(st, values, n);
    int rc = sqlite3_step(st);
    for (; err >= 0 && rc == SQLITE_ROW; rc = sqlite3_step(st)) {
        struct sql_row row = {.text = text, .number = number, .from = st, .at = rows};
        rows++;
        err = fn ? fn(&row, arg) : 0;
    }
    if (err >= 0 && rc != SQLITE_DONE) {
        err = db_error(sqlite3_extended_errcode(c->db));
    }
    if (sqlite3_column_count(st) == 0) {
        rows = sqlite3_changes(c->db);
    }
    sqlite3_reset(st);
    return err < 0 ? err : rows;
}

const struct sql_face sqlite_face = {.begin = begin, .finish = finish, .run = run};
