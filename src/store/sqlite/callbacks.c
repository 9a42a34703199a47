/* Callbacks: what somebody of the house still has to do. */
#include <errno.h>

#include "base/err.h"
#include "store/sqlite/impl.h"

#define DEFAULT_LIMIT 100
#define MAX_LIMIT     1000

int callback_add(struct connection *w, const struct store_callback *c, uint64_t at_us)
{
    sqlite3_stmt *st;
    int err = db_statement(w, SQL_CALLBACK_PUT, &st);

    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, c->id);
    db_bind_str(st, 2, c->call_id);
    db_bind_str(st, 3, c->phone);
    db_bind_str(st, 4, c->department);
    db_bind_str(st, 5, c->reason);
    db_bind_str(st, 6, c->scheduled);
    db_bind_u64(st, 7, c->created_us ? c->created_us : at_us);
    return db_run(st);
}

static bool exists(struct connection *w, struct str id)
{
    sqlite3_stmt *st;
    int err = db_statement(w, SQL_CALLBACK_GET, &st);

    if (err >= 0) {
        db_bind_str(st, 1, id);
        err = db_row(st);
        sqlite3_reset(st);
    }
    return err >= 0;
}

int callback_close(struct connection *w, const struct store_callback *c, uint64_t at_us)
{
    sqlite3_stmt *st;
    int err = c->note.n > STORE_CALLBACK_NOTE_MAX ? -ERR_TOO_BIG : db_statement(w, SQL_CALLBACK_CLOSE, &st);

    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, c->id);
    db_bind_u64(st, 2, MAX(c->closed_us ? c->closed_us : at_us, 1));
    db_bind_str(st, 3, c->note);
    err = db_run(st);
    if (err >= 0 && sqlite3_changes(w->db) == 0) {
        err = exists(w, c->id) ? -ERR_STATE : -ENOENT;
    }
    return err;
}

static int read_callback(sqlite3_stmt *st, struct arena *a, struct store_callback *c)
{
    struct str *const texts[] = {&c->id, &c->call_id, &c->phone, &c->department, &c->reason, &c->scheduled};
    int err = 0;

    for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = db_column(st, (int)i, a, &err);
    }
    c->created_us = db_column_u64(st, 6);
    c->closed_us = db_column_u64(st, 7);
    c->note = db_column(st, 8, a, &err);
    return err;
}

static void bind_filter(sqlite3_stmt *st, const struct store_callback_filter *f)
{
    bool all = f->open == f->closed;

    db_bind_u64(st, 1, all || f->open);
    db_bind_u64(st, 2, all || f->closed);
}

static int count_all(struct connection *c, const struct store_callback_filter *f, uint64_t *ret)
{
    sqlite3_stmt *st;
    int err = db_statement(c, SQL_CALLBACK_TOTAL, &st);

    if (err >= 0) {
        bind_filter(st, f);
        err = db_row(st);
        *ret = err < 0 ? 0 : db_column_u64(st, 0);
        sqlite3_reset(st);
    }
    return err;
}

static int read_page(struct connection *c, const struct store_callback_filter *f, struct arena *a,
                     struct store_callbacks *ret)
{
    uint32_t cap = 0;
    sqlite3_stmt *st;
    int err = db_statement(c, SQL_CALLBACK_LIST, &st);

    if (err < 0) {
        return err;
    }
    bind_filter(st, f);
    db_bind_u64(st, 3, f->limit ? MIN(f->limit, (uint32_t)MAX_LIMIT) : DEFAULT_LIMIT);
    db_bind_u64(st, 4, f->offset);
    while ((err = db_row(st)) >= 0) {
        struct store_callback *list = db_grow(a, ret->list, ret->n, &cap, sizeof(*list));

        err = list ? read_callback(st, a, &list[ret->n]) : -ENOMEM;
        if (err < 0) {
            break;
        }
        ret->list = list;
        ret->n++;
    }
    sqlite3_reset(st);
    return err == -ENOENT ? 0 : err;
}

int sqlite_callback_list(struct store *s, const struct store_callback_filter *f, struct arena *a,
                         struct store_callbacks *ret)
{
    struct connection *c = s->reader;
    int err;

    *ret = (struct store_callbacks){0};
    pthread_mutex_lock(&c->lock);
    err = count_all(c, f, &ret->total);
    if (err >= 0) {
        err = read_page(c, f, a, ret);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

int sqlite_callback_get(struct store *s, struct str id, struct arena *a, struct store_callback *ret)
{
    struct connection *c = s->reader;
    sqlite3_stmt *st;
    int err;

    pthread_mutex_lock(&c->lock);
    err = db_statement(c, SQL_CALLBACK_GET, &st);
    if (err >= 0) {
        db_bind_str(st, 1, id);
        err = db_row(st);
        err = err < 0 ? err : read_callback(st, a, ret);
        sqlite3_reset(st);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}
