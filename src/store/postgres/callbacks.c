/* Callbacks: what somebody of the house still has to do. */
#include <errno.h>

#include "base/err.h"
#include "store/postgres/impl.h"

#define DEFAULT_LIMIT 100
#define MAX_LIMIT     1000

int pg_callback_add(struct pg_conn *w, const struct store_callback *c, uint64_t at_us)
{
    const struct str texts[] = {c->id, c->call_id, c->phone, c->department, c->reason, c->scheduled};
    struct pg_args a;

    pg_args_init(&a);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        pg_arg_str(&a, texts[i]);
    }
    pg_arg_u64(&a, c->created_us ? c->created_us : at_us);
    int err = pg_run(w, SQL_CALLBACK_PUT, &a, NULL);
    pg_args_done(&a);
    return err;
}

static bool exists(struct pg_conn *w, struct str id)
{
    struct pg_args a;
    PGresult *r = NULL;

    pg_args_init(&a);
    pg_arg_str(&a, id);
    bool found = pg_run(w, SQL_CALLBACK_GET, &a, &r) >= 0 && PQntuples(r) > 0;
    PQclear(r);
    pg_args_done(&a);
    return found;
}

int pg_callback_close(struct pg_conn *w, const struct store_callback *c, uint64_t at_us)
{
    struct pg_args a;
    PGresult *r = NULL;

    if (c->note.n > STORE_CALLBACK_NOTE_MAX) {
        return -ERR_TOO_BIG;
    }
    pg_args_init(&a);
    pg_arg_str(&a, c->id);
    pg_arg_u64(&a, MAX(c->closed_us ? c->closed_us : at_us, 1));
    pg_arg_str(&a, c->note);
    int err = pg_run(w, SQL_CALLBACK_CLOSE, &a, &r);
    if (err >= 0 && pg_changed(r) == 0) {
        err = exists(w, c->id) ? -ERR_STATE : -ENOENT;
    }
    PQclear(r);
    pg_args_done(&a);
    return err;
}

static int read_callback(const PGresult *r, int row, struct arena *a, struct store_callback *c)
{
    struct str *const texts[] = {&c->id, &c->call_id, &c->phone, &c->department, &c->reason, &c->scheduled};
    struct pg_row w = {.r = r, .row = row, .a = a};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = pg_row_str(&w);
    }
    c->created_us = pg_row_u64(&w);
    c->closed_us = pg_row_u64(&w);
    c->note = pg_row_str(&w);
    return w.err;
}

static int ask(struct store *s, enum statement id, struct pg_args *args, PGresult **ret)
{
    pthread_mutex_lock(&s->reader.lock);
    int err = pg_query(&s->reader, id, args, ret);
    pthread_mutex_unlock(&s->reader.lock);
    pg_args_done(args);
    return err;
}

static void put_filter(struct pg_args *args, const struct store_callback_filter *f)
{
    bool all = f->open == f->closed;

    pg_args_init(args);
    pg_arg_u64(args, f->open || all);
    pg_arg_u64(args, f->closed || all);
}

int postgres_callback_list(struct store *s, const struct store_callback_filter *f, struct arena *a,
                           struct store_callbacks *ret)
{
    struct pg_args args;
    PGresult *r = NULL;

    *ret = (struct store_callbacks){.n = 0};
    put_filter(&args, f);
    int err = ask(s, SQL_CALLBACK_TOTAL, &args, &r);
    if (err < 0) {
        return err;
    }
    struct pg_row w = {.r = r};
    ret->total = pg_row_u64(&w);
    PQclear(r);
    r = NULL;
    put_filter(&args, f);
    pg_arg_u64(&args, f->limit ? MIN(f->limit, (uint32_t)MAX_LIMIT) : DEFAULT_LIMIT);
    pg_arg_u64(&args, f->offset);
    err = ask(s, SQL_CALLBACK_LIST, &args, &r);
    uint32_t n = err < 0 ? 0 : (uint32_t)PQntuples(r);
    ret->list = arena_alloc(a, sizeof(*ret->list) * MAX(n, 1u));
    err = err < 0 ? err : ret->list ? 0 : -ENOMEM;
    while (err >= 0 && ret->n < n) {
        err = read_callback(r, (int)ret->n, a, &ret->list[ret->n]);
        ret->n += err >= 0;
    }
    PQclear(r);
    return err;
}

int postgres_callback_get(struct store *s, struct str id, struct arena *a, struct store_callback *ret)
{
    struct pg_args args;
    PGresult *r = NULL;

    pg_args_init(&args);
    pg_arg_str(&args, id);
    int err = ask(s, SQL_CALLBACK_GET, &args, &r);
    err = err < 0 ? err : PQntuples(r) == 0 ? -ENOENT : read_callback(r, 0, a, ret);
    PQclear(r);
    return err;
}
