/* Calls that we started: what they were for, and how it went. */
#include <errno.h>

#include "base/err.h"
#include "store/postgres/impl.h"

#define DEFAULT_LIMIT  100
#define MAX_LIMIT      1000
#define MAX_TEXT_BYTES ((size_t)64 * 1024) /* of all that a call is for */

static void put_args(struct pg_args *a, const struct store_dial *d)
{
    const struct str texts[] = {d->call_id,    d->campaign,    d->opening_reason, d->objective, d->context,
                                d->request_id, d->answered_by, d->outcome,        d->cause,     d->detail};
    const uint64_t numbers[] = {d->asked_us, d->ringing_us, d->answered_us, d->ended_us, d->talk_s};

    pg_args_init(a);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        pg_arg_str(a, texts[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        pg_arg_u64(a, numbers[i]);
    }
}

int pg_dial_put(struct pg_conn *w, const struct store_dial *d)
{
    struct pg_args a;
    PGresult *r = NULL;

    if (d->opening_reason.n + d->objective.n + d->context.n + d->detail.n > MAX_TEXT_BYTES) {
        return -ERR_TOO_BIG;
    }
    put_args(&a, d);
    int err = pg_run(w, SQL_DIAL_PUT, &a, &r);
    err = err >= 0 && pg_changed(r) == 0 ? -ENOENT : err;
    PQclear(r);
    pg_args_done(&a);
    if (err < 0 || d->outcome.n == 0) {
        return err;
    }
    pg_args_init(&a);
    pg_arg_str(&a, d->call_id);
    pg_arg_str(&a, d->outcome);
    err = pg_run(w, SQL_DIAL_OUTCOME, &a, NULL);
    pg_args_done(&a);
    return err;
}

static int read_dial(const PGresult *r, int row, struct arena *a, struct store_dial *d)
{
    struct str *const texts[] = {&d->call_id,    &d->campaign,    &d->opening_reason, &d->objective, &d->context,
                                 &d->request_id, &d->answered_by, &d->outcome,        &d->cause,     &d->detail};
    uint64_t *const numbers[] = {&d->asked_us, &d->ringing_us, &d->answered_us, &d->ended_us, &d->talk_s};
    struct pg_row w = {.r = r, .row = row, .a = a};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = pg_row_str(&w);
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        *numbers[i] = pg_row_u64(&w);
    }
    return w.err;
}

/* One answer of the reader; the arguments are freed. PQclear is the caller's. */
static int ask(struct store *s, enum statement id, struct pg_args *args, PGresult **ret)
{
    pthread_mutex_lock(&s->reader.lock);
    int err = pg_query(&s->reader, id, args, ret);
    pthread_mutex_unlock(&s->reader.lock);
    pg_args_done(args);
    return err;
}

int postgres_dial_get(struct store *s, struct str call_id, struct arena *a, struct store_dial *ret)
{
    struct pg_args args;
    PGresult *r = NULL;

    pg_args_init(&args);
    pg_arg_str(&args, call_id);
    int err = ask(s, SQL_DIAL_GET, &args, &r);
    err = err < 0 ? err : PQntuples(r) == 0 ? -ENOENT : read_dial(r, 0, a, ret);
    PQclear(r);
    return err;
}

static int read_total(struct store *s, struct str campaign, uint64_t *ret)
{
    struct pg_args args;
    PGresult *r = NULL;

    pg_args_init(&args);
    pg_arg_str(&args, campaign);
    int err = ask(s, SQL_DIAL_TOTAL, &args, &r);
    if (err >= 0) {
        struct pg_row w = {.r = r};
        *ret = pg_row_u64(&w);
    }
    PQclear(r);
    return err;
}

static int read_page(struct store *s, const PGresult *ids, struct arena *a, struct store_dials *ret)
{
    uint32_t n = (uint32_t)PQntuples(ids);
    int err = 0;

    ret->list = arena_alloc(a, sizeof(*ret->list) * MAX(n, 1u));
    ret->calls = arena_alloc(a, sizeof(*ret->calls) * MAX(n, 1u));
    if (!ret->list || !ret->calls) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; err >= 0 && i < n; i++) {
        struct pg_row w = {.r = ids, .row = (int)i, .a = a};
        struct str id = pg_row_str(&w);
        err = w.err < 0 ? w.err : postgres_dial_get(s, id, a, &ret->list[ret->n]);
        err = err < 0 ? err : postgres_call_get(s, id, a, &ret->calls[ret->n]);
        if (err == -ENOENT) { /* deleted since */
            err = 0;
        } else {
            ret->n += err >= 0;
        }
    }
    return err;
}

int postgres_dial_list(struct store *s, const struct store_dial_filter *f, struct arena *a, struct store_dials *ret)
{
    struct pg_args args;
    PGresult *r = NULL;

    *ret = (struct store_dials){.n = 0};
    int err = read_total(s, f->campaign, &ret->total);
    if (err < 0) {
        return err;
    }
    pg_args_init(&args);
    pg_arg_str(&args, f->campaign);
    pg_arg_u64(&args, f->limit ? MIN(f->limit, (uint32_t)MAX_LIMIT) : DEFAULT_LIMIT);
    pg_arg_u64(&args, f->offset);
    err = ask(s, SQL_DIAL_LIST, &args, &r);
    err = err < 0 ? err : read_page(s, r, a, ret);
    PQclear(r);
    return err;
}
