/*
 * What the files of the PostgreSQL store share: connections, prepared statements, their arguments and rows. Private to
 * this folder.
 *
 *     pg_lock -> pg_begin -> pg_run ... -> pg_finish -> pg_unlock      changes
 *     pg_lock -> pg_query -> pg_row_* ... PQclear -> pg_unlock         looks
 */
#ifndef STORE_POSTGRES_IMPL_H
#define STORE_POSTGRES_IMPL_H

#include <libpq-fe.h>
#include <pthread.h>

#include "store/postgres/postgres.h"
#include "store/postgres/sql.h"
#include "store/sql/campaigns.h"

#define PG_ARGS_MAX       40
#define PG_MAX_TEXT_BYTES ((size_t)256 * 1024) /* of one text; as with SQLite */
#define PG_MAX_ID_BYTES   64

struct pg_conn {
    struct store *store;
    PGconn *pg; /* NULL: not connected */
    pthread_mutex_t lock;
    bool prepared[STATEMENT_N + CAMPAIGN_SQL_N]; /* those of campaigns behind ours */
    bool keeps_name;                             /* this one holds the lock on the node's name */
    bool told;                                   /* that the server is away: once, not at every try */
    uint32_t failures;                           /* in a row */
    uint64_t wait_us;                            /* monotonic: no try before */
};

struct store {
    struct sql_store sql; /* first */
    char *url;
    char *node;  /* name of this gateway among those that share the database */
    char *where; /* host, port and database for messages, without secrets */
    bool exclusive;
    uint32_t busy_ms;
    struct pg_conn writer, reader;
};

/* ---- arguments: texts, in the order of $1, $2 ... ---- */

struct pg_args {
    struct buf text;
    size_t at[PG_ARGS_MAX]; /* SIZE_MAX: NULL */
    uint32_t n;
};

void pg_args_init(struct pg_args *a);
void pg_args_done(struct pg_args *a);
/* NUL bytes and what is no UTF-8 become U+FFFD: the server takes neither. */
void pg_arg_str(struct pg_args *a, struct str s);
void pg_arg_u64(struct pg_args *a, uint64_t v); /* cut to what a bigint holds */
void pg_arg_i64(struct pg_args *a, int64_t v);
void pg_arg_null(struct pg_args *a);

/* ---- rows: a cursor over the columns of one row; the error is sticky ---- */

struct pg_row {
    const PGresult *r;
    int row, column;
    struct arena *a;
    int err;
};

struct str pg_row_str(struct pg_row *w);
uint64_t pg_row_u64(struct pg_row *w);
int64_t pg_row_i64(struct pg_row *w);
bool pg_row_null(const struct pg_row *w); /* the next column */

/* ---- connection.c ---- */

/* 0 or our error for a result; logs nothing. */
int pg_error(const PGresult *r);
/* Connects when there is no connection and the pause after the last failure is over. why may be NULL. */
MUST_USE int pg_open(struct pg_conn *c, struct buf *why);
void pg_close(struct pg_conn *c);
/* Runs one statement. -ERR_CLOSED: the server is away; the connection is closed then. ret: PQclear is the caller's;
 * NULL is fine. a NULL: without arguments. */
MUST_USE int pg_run(struct pg_conn *c, uint32_t id, const struct pg_args *a, PGresult **ret);
/* The same outside of a transaction, tried once more on a new connection when the old one proves dead. */
MUST_USE int pg_query(struct pg_conn *c, uint32_t id, const struct pg_args *a, PGresult **ret);
/* Text of our own, several statements at once, without arguments. */
MUST_USE int pg_text(struct pg_conn *c, const char *sql, PGresult **ret);
/* Rows that a statement changed. */
uint64_t pg_changed(const PGresult *r);
/* A transaction on a connection that is alive, made anew when the old one proves dead. */
MUST_USE int pg_begin(struct pg_conn *c);
/* Commits when err is 0 or more, else rolls back; returns what became of it. -ERR_CLOSED after a commit: nobody knows.
 */
MUST_USE int pg_finish(struct pg_conn *c, int err);

/* Brings the schema up to date, one process at a time. */
MUST_USE int pg_migrate(struct pg_conn *c, struct buf *ret_err);
MUST_USE int pg_demo_rows(struct pg_conn *c);

/* write.c */
int postgres_write(struct store *s, const struct store_op *ops, size_t n, size_t *ret_failed);
int postgres_call_delete(struct store *s, struct str id, struct arena *a, struct store_paths *ret);
int postgres_close_stale(struct store *s, uint64_t now_us);
int postgres_sweep(struct store *s, uint64_t before_us, uint32_t limit, struct arena *a, struct store_paths *ret);
/* read.c */
int postgres_call_get(struct store *s, struct str id, struct arena *a, struct store_call *ret);
int postgres_call_find(struct store *s, struct str carrier_call_id, struct arena *a, struct str *ret_id);
int postgres_call_list(struct store *s, const struct store_filter *f, struct arena *a, struct store_page *ret);
int postgres_call_counts(struct store *s, struct store_counts *ret);
int postgres_turn_list(struct store *s, struct str id, struct arena *a, struct store_turn **ret, uint32_t *ret_n);
int postgres_line_list(struct store *s, struct str id, struct arena *a, struct store_line **ret, uint32_t *ret_n);
int postgres_span_list(struct store *s, struct str id, struct arena *a, struct store_span **ret, uint32_t *ret_n);
int postgres_order_get(struct store *s, struct str number, struct str email, struct arena *a, struct store_order *ret);
/* dials.c */
int postgres_dial_get(struct store *s, struct str call_id, struct arena *a, struct store_dial *ret);
int postgres_dial_list(struct store *s, const struct store_dial_filter *f, struct arena *a, struct store_dials *ret);
int pg_dial_put(struct pg_conn *w, const struct store_dial *d); /* in the transaction of a write */
/* callbacks.c */
int postgres_callback_list(struct store *s, const struct store_callback_filter *f, struct arena *a,
                           struct store_callbacks *ret);
int postgres_callback_get(struct store *s, struct str id, struct arena *a, struct store_callback *ret);
/* campaigns.c */
extern const struct sql_face postgres_face;
/* In the transaction of a write. */
int pg_callback_add(struct pg_conn *w, const struct store_callback *c, uint64_t at_us);
int pg_callback_close(struct pg_conn *w, const struct store_callback *c, uint64_t at_us);

#endif
