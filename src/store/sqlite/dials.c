/* Calls that we started: what they were for, and how it went. */
#include <errno.h>

#include "base/err.h"
#include "store/sqlite/impl.h"

#define DEFAULT_LIMIT  100
#define MAX_LIMIT      1000
#define MAX_TEXT_BYTES ((size_t)64 * 1024) /* of all that a call is for */

static bool is_short(const struct store_dial *d)
{
    return d->opening_reason.n + d->objective.n + d->context.n + d->detail.n <= MAX_TEXT_BYTES;
}

int dial_put(struct connection *w, const struct store_dial *d)
{
    const struct str texts[] = {d->call_id,    d->campaign,    d->opening_reason, d->objective, d->context,
                                d->request_id, d->answered_by, d->outcome,        d->cause,     d->detail};
    const uint64_t numbers[] = {d->asked_us, d->ringing_us, d->answered_us, d->ended_us, d->talk_s};
    sqlite3_stmt *st;
    int err = is_short(d) ? db_statement(w, SQL_DIAL_PUT, &st) : -ERR_TOO_BIG;

    if (err < 0) {
        return err;
    }
    for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
        db_bind_str(st, (int)i + 1, texts[i]);
    }
    for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++) {
        db_bind_u64(st, (int)(ARRAY_LEN(texts) + i) + 1, numbers[i]);
    }
    err = db_run(st);
    if (err >= 0 && sqlite3_changes(w->db) == 0) {
        return -ENOENT;
    }
    if (err < 0 || d->outcome.n == 0) {
        return err;
    }
    err = db_statement(w, SQL_DIAL_OUTCOME, &st);
    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, d->call_id);
    db_bind_str(st, 2, d->outcome);
    return db_run(st);
}

static int read_dial(sqlite3_stmt *st, struct arena *a, struct store_dial *d)
{
    struct str *const texts[] = {&d->call_id,    &d->campaign,    &d->opening_reason, &d->objective, &d->context,
                                 &d->request_id, &d->answered_by, &d->outcome,        &d->cause,     &d->detail};
    uint64_t *const numbers[] = {&d->asked_us, &d->ringing_us, &d->answered_us, &d->ended_us, &d->talk_s};
    int err = 0;

    for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = db_column(st, (int)i, a, &err);
    }
    for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++) {
        *numbers[i] = db_column_u64(st, (int)(ARRAY_LEN(texts) + i));
    }
    return err;
}

/* Holds the lock: the caller. */
static int get_dial(struct connection *c, struct str call_id, struct arena *a, struct store_dial *ret)
{
    sqlite3_stmt *st;
    int err = db_statement(c, SQL_DIAL_GET, &st);

    if (err >= 0) {
        db_bind_str(st, 1, call_id);
        err = db_row(st);
        err = err < 0 ? err : read_dial(st, a, ret);
        sqlite3_reset(st);
    }
    return err;
}

static int get_call(struct connection *c, struct str id, struct arena *a, struct store_call *ret)
{
    sqlite3_stmt *st;
    int err = db_statement(c, SQL_CALL_GET, &st);

    if (err >= 0) {
        db_bind_str(st, 1, id);
        err = db_row(st);
        err = err < 0 ? err : read_call(st, a, ret);
        sqlite3_reset(st);
    }
    return err;
}

int sqlite_dial_get(struct store *s, struct str call_id, struct arena *a, struct store_dial *ret)
{
    struct connection *c = s->reader;
    int err;

    pthread_mutex_lock(&c->lock);
    err = get_dial(c, call_id, a, ret);
    pthread_mutex_unlock(&c->lock);
    return err;
}

static int count_all(struct connection *c, struct str campaign, uint64_t *ret)
{
    sqlite3_stmt *st;
    int err = db_statement(c, SQL_DIAL_TOTAL, &st);

    if (err >= 0) {
        db_bind_str(st, 1, campaign);
        err = db_row(st);
        *ret = err < 0 ? 0 : db_column_u64(st, 0);
        sqlite3_reset(st);
    }
    return err;
}

/* The ids of the page, into list[].call_id. */
static int read_ids(struct connection *c, const struct store_dial_filter *f, struct arena *a, struct store_dials *ret)
{
    uint32_t cap = 0;
    sqlite3_stmt *st;
    int err = db_statement(c, SQL_DIAL_LIST, &st);

    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, f->campaign);
    db_bind_u64(st, 2, f->limit ? MIN(f->limit, (uint32_t)MAX_LIMIT) : DEFAULT_LIMIT);
    db_bind_u64(st, 3, f->offset);
    while ((err = db_row(st)) >= 0) {
        struct store_dial *list = db_grow(a, ret->list, ret->n, &cap, sizeof(*list));

        if (!list) {
            err = -ENOMEM;
            break;
        }
        ret->list = list;
        err = 0;
        list[ret->n] = (struct store_dial){.call_id = db_column(st, 0, a, &err)};
        if (err < 0) {
            break;
        }
        ret->n++;
    }
    sqlite3_reset(st);
    return err == -ENOENT ? 0 : err;
}

static int read_page(struct connection *c, const struct store_dial_filter *f, struct arena *a, struct store_dials *ret)
{
    int err = read_ids(c, f, a, ret);

    if (err < 0 || ret->n == 0) {
        return err;
    }
    ret->calls = arena_alloc(a, sizeof(*ret->calls) * ret->n);
    if (!ret->calls) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; err >= 0 && i < ret->n; i++) {
        struct str id = ret->list[i].call_id;

        err = get_dial(c, id, a, &ret->list[i]);
        err = err < 0 ? err : get_call(c, id, a, &ret->calls[i]);
    }
    return err;
}

int sqlite_dial_list(struct store *s, const struct store_dial_filter *f, struct arena *a, struct store_dials *ret)
{
    struct connection *c = s->reader;
    int err;

    *ret = (struct store_dials){0};
    pthread_mutex_lock(&c->lock);
    err = count_all(c, f->campaign, &ret->total);
    if (err >= 0) {
        err = read_page(c, f, a, ret);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}
