/* What campaigns (store/sql) need of PostgreSQL. */
#include "base/err.h"
#include "store/postgres/impl.h"

static struct pg_conn *side_of(struct store *s, enum sql_side side)
{
    return side == SQL_READER ? &s->reader : &s->writer;
}

static int begin(struct store *s, enum sql_side side)
{
    struct pg_conn *c = side_of(s, side);

    pthread_mutex_lock(&c->lock);
    return side == SQL_READER ? 0 : pg_begin(c);
}

static int finish(struct store *s, enum sql_side side, int err)
{
    struct pg_conn *c = side_of(s, side);

    if (side != SQL_READER) {
        err = pg_finish(c, err);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

static struct str text(const struct sql_row *row, int column)
{
    const PGresult *r = row->from;

    return (struct str){PQgetvalue(r, row->at, column), (size_t)PQgetlength(r, row->at, column)};
}

static int64_t number(const struct sql_row *row, int column)
{
    struct pg_row w = {.r = row->from, .row = row->at, .column = column};

    return pg_row_i64(&w);
}

static int run(struct store *s, enum sql_side side, uint32_t id, const struct sql_value *values, uint32_t n,
               sql_row_fn fn, void *arg)
{
    struct pg_conn *c = side_of(s, side);
    PGresult *r = NULL;
    struct pg_args a;

    pg_args_init(&a);
    for (uint32_t i = 0; i < n; i++) {
        if (values[i].is_text) {
            pg_arg_str(&a, values[i].s);
        } else {
            pg_arg_i64(&a, values[i].n);
        }
    }
    int err = side == SQL_READER ? pg_query(c, STATEMENT_N + id, &a, &r) : pg_run(c, STATEMENT_N + id, &a, &r);
    pg_args_done(&a);
    if (err < 0) {
        return err;
    }
    bool has_rows = PQresultStatus(r) == PGRES_TUPLES_OK;
    int rows = has_rows ? PQntuples(r) : (int)pg_changed(r);
    for (int i = 0; err >= 0 && fn && has_rows && i < rows; i++) {
        struct sql_row row = {.text = text, .number = number, .from = r, .at = i};
        err = fn(&row, arg);
    }
    PQclear(r);
    return err < 0 ? err : rows;
}

const struct sql_face postgres_face = {.begin = begin, .finish = finish, .run = run};
