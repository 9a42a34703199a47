/*
 * A database connection as seen by what is written once for every SQL store: statements by number, values, rows. Each
 * store gives a table of functions. Not here: which database it is, waiting, locks of its own.
 */
#ifndef STORE_SQL_SQL_H
#define STORE_SQL_SQL_H

#include "base/arena.h"

struct store;
struct sql_row;

struct sql_value {
    bool is_text;
    int64_t n;
    struct str s;
};

#define SQL_N(v) ((struct sql_value){.n = (int64_t)(v)})
#define SQL_S(v) ((struct sql_value){.is_text = true, .s = (v)})

/* Called for each row, in order. A negative result ends the statement with that error. */
typedef int (*sql_row_fn)(struct sql_row *row, void *arg);

enum sql_side {
    SQL_WRITER,
    SQL_KEEPER, /* a writer whose commit is on the disk when finish returns, also when the power fails then */
    SQL_READER
};

struct sql_face {
    /* Locks the connection; a writer's transaction begins. The lock is held also after an error. */
    int (*begin)(struct store *s, enum sql_side side);
    /* Commits when err is 0 or more, else rolls back, and unlocks. Returns what became of it. */
    int (*finish)(struct store *s, enum sql_side side, int err);
    /* id is an enum campaign_sql. Returns how many rows it gave or changed. fn may be NULL. */
    int (*run)(struct store *s, enum sql_side side, uint32_t id, const struct sql_value *values, uint32_t n,
               sql_row_fn fn, void *arg);
};

/* A struct store of SQL begins with this one. */
struct sql_store {
    const struct sql_face *face;
};

/* One row: a cursor over its columns. */
struct sql_row {
    struct str (*text)(const struct sql_row *row, int column); /* lent until fn returns */
    int64_t (*number)(const struct sql_row *row, int column);
    const void *from; /* the store's */
    int at;
    int column;
    struct arena *a; /* of texts; set by the reader of the row */
    int err;         /* sticky: -ENOMEM */
};

#endif
