/* Everything that only looks. */
#include <errno.h>

#include "base/err.h"
#include "store/sqlite/impl.h"

#define DEFAULT_LIMIT 100
#define MAX_LIMIT     1000

static enum call_reason reason_of(struct str word)
{
    return word.n ? call_reason_parse(word.p) : REASON_NONE;
}

static void read_quality(sqlite3_stmt *st, int at, struct store_call *c)
{
    struct call_line *l = &c->line;
    uint32_t *const counts[] = {&l->echo_loss_cb, &l->echo_delay_ms, &l->gate_closures, &l->gated_ms,  &l->gaps,
                                &l->gap_ms,       &l->late,          &l->doubled,       &l->stalls,    &l->stall_ms,
                                &l->odd_frames,   &l->clipped_ms,    &l->zero_ms,       &l->linear_ms, &l->rate_hz};

    c->has_line = sqlite3_column_type(st, at) != SQLITE_NULL;
    l->echo = db_column_u64(st, at) != 0;
    for (uint32_t i = 0; i < ARRAY_LEN(counts); i++) {
        *counts[i] = (uint32_t)db_column_u64(st, at + 1 + (int)i);
    }
    l->dc_offset = sqlite3_column_int(st, at + 1 + (int)ARRAY_LEN(counts));
}

/* A word that this program does not know (a newer one wrote it) reads as the first of its list. */
int read_call(sqlite3_stmt *st, struct arena *a, struct store_call *c)
{
    struct str *const texts[] = {&c->id, &c->carrier, &c->provider, &c->model, &c->agent};
    struct str *const more[] = {&c->caller, &c->called, &c->carrier_call_id, &c->stream_id};
    uint64_t *const times[] = {&c->started_us, &c->answered_us, &c->ended_us, &c->duration_ms, &c->alive_us};
    uint64_t *const usage[] = {&c->usage.in_text,      &c->usage.in_audio, &c->usage.cached_text,
                               &c->usage.cached_audio, &c->usage.out_text, &c->usage.out_audio};
    int err = 0;

    *c = (struct store_call){.reason = REASON_NONE};
    for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = db_column(st, (int)i, a, &err);
    }
    ignore_result(store_direction_parse(db_column(st, 5, a, &err), &c->direction));
    for (uint32_t i = 0; i < ARRAY_LEN(more); i++) {
        *more[i] = db_column(st, 6 + (int)i, a, &err);
    }
    ignore_result(store_status_parse(db_column(st, 10, a, &err), &c->status));
    c->outcome = db_column(st, 11, a, &err);
    c->reason = reason_of(db_column(st, 12, a, &err));
    c->error = db_column(st, 13, a, &err);
    for (uint32_t i = 0; i < ARRAY_LEN(times); i++) {
        *times[i] = db_column_u64(st, 14 + (int)i);
    }
    c->recording = db_column(st, 19, a, &err);
    c->journal = db_column(st, 20, a, &err);
    for (uint32_t i = 0; i < ARRAY_LEN(usage); i++) {
        *usage[i] = db_column_u64(st, 21 + (int)i);
    }
    c->cost_micro = sqlite3_column_type(st, 27) == SQLITE_NULL ? STORE_NO_COST : sqlite3_column_int64(st, 27);
    c->turn_count = (uint32_t)db_column_u64(st, 28);
    c->line_count = (uint32_t)db_column_u64(st, 29);
    read_quality(st, 30, c);
    c->confirmation = db_column(st, 47, a, &err);
    c->renewals = (uint32_t)db_column_u64(st, 48);
    return err;
}

int sqlite_call_get(struct store *s, struct str id, struct arena *a, struct store_call *ret)
{
    struct connection *c = s->reader;
    sqlite3_stmt *st;
    int err;

    pthread_mutex_lock(&c->lock);
    err = db_statement(c, SQL_CALL_GET, &st);
    if (err >= 0) {
        db_bind_str(st, 1, id);
        err = db_row(st);
        err = err < 0 ? err : read_call(st, a, ret);
        sqlite3_reset(st);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

int sqlite_call_find(struct store *s, struct str carrier_call_id, struct arena *a, struct str *ret_id)
{
    struct connection *c = s->reader;
    sqlite3_stmt *st;
    int err;

    if (carrier_call_id.n == 0) {
        return -ENOENT;
    }
    pthread_mutex_lock(&c->lock);
    err = db_statement(c, SQL_CALL_FIND, &st);
    if (err >= 0) {
        db_bind_str(st, 1, carrier_call_id);
        err = db_row(st);
        if (err >= 0) {
            *ret_id = db_column(st, 0, a, &err);
        }
        sqlite3_reset(st);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

static void bind_filter(sqlite3_stmt *st, const struct store_filter *f)
{
    db_bind_str(st, 1, f->status);
    db_bind_str(st, 2, f->caller);
    ignore_result(sqlite3_bind_int64(st, 3, (sqlite3_int64)MIN(f->since_us, (uint64_t)INT64_MAX))); /* shows in step */
    ignore_result(sqlite3_bind_int64(st, 4, (sqlite3_int64)MIN(f->until_us, (uint64_t)INT64_MAX)));
}

static int read_total(struct connection *c, const struct store_filter *f, uint64_t *ret)
{
    sqlite3_stmt *st;
    int err = db_statement(c, SQL_CALL_TOTAL, &st);

    if (err < 0) {
        return err;
    }
    bind_filter(st, f);
    err = db_row(st);
    *ret = err < 0 ? 0 : db_column_u64(st, 0);
    sqlite3_reset(st);
    return err;
}

static int read_page(struct connection *c, const struct store_filter *f, uint32_t limit, struct arena *a,
                     struct store_page *ret)
{
    sqlite3_stmt *st;
    int err = db_statement(c, SQL_CALL_LIST, &st);
    uint32_t n = (uint32_t)MIN(ret->total > f->offset ? ret->total - f->offset : 0, limit);

    ret->calls = arena_alloc(a, sizeof(*ret->calls) * MAX(n, 1u));
    if (err < 0 || !ret->calls) {
        return err < 0 ? err : -ENOMEM;
    }
    bind_filter(st, f);
    ignore_result(sqlite3_bind_int64(st, 5, n)); /* shows in the step */
    ignore_result(sqlite3_bind_int64(st, 6, f->offset));
    while (err >= 0 && ret->n < n) {
        err = db_row(st);
        if (err >= 0) {
            err = read_call(st, a, &ret->calls[ret->n]);
            ret->n += err >= 0;
        }
    }
    sqlite3_reset(st);
    return err == -ENOENT ? 0 : err;
}

int sqlite_call_list(struct store *s, const struct store_filter *f, struct arena *a, struct store_page *ret)
{
    struct connection *c = s->reader;
    int err;

    *ret = (struct store_page){.n = 0};
    pthread_mutex_lock(&c->lock);
    err = read_total(c, f, &ret->total);
    if (err >= 0) {
        err = read_page(c, f, f->limit ? MIN(f->limit, (uint32_t)MAX_LIMIT) : DEFAULT_LIMIT, a, ret);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

int sqlite_call_counts(struct store *s, struct store_counts *ret)
{
    struct connection *c = s->reader;
    sqlite3_stmt *st;
    int err;

    *ret = (struct store_counts){.total = 0};
    pthread_mutex_lock(&c->lock);
    err = db_statement(c, SQL_CALL_COUNTS, &st);
    while (err >= 0 && (err = db_row(st)) >= 0) {
        const char *word = (const char *)sqlite3_column_text(st, 0);
        enum store_status status;

        if (store_status_parse(str_from(word), &status) >= 0) {
            ret->status[status] = db_column_u64(st, 1);
        }
        ret->total += db_column_u64(st, 1);
    }
    if (err == -ENOENT) { /* the end of the rows */
        err = 0;
        sqlite3_reset(st);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

/* ------------------------------------------------------------------------------------------------ rows of a call */

static int read_turn(sqlite3_stmt *st, struct arena *a, struct str call_id, void *row)
{
    struct store_turn *turn = row;
    struct call_turn *t = &turn->t;
    int32_t *const times[] = {&t->speech_start_ms, &t->speech_stop_ms, &t->created_ms,
                              &t->first_audio_ms,  &t->first_sent_ms,  &t->agent_end_ms};
    int err = 0;

    turn->call_id = call_id;
    t->number = (uint32_t)db_column_u64(st, 0);
    for (uint32_t i = 0; i < ARRAY_LEN(times); i++) {
        *times[i] = sqlite3_column_int(st, 1 + (int)i);
    }
    t->item_ms = (uint32_t)db_column_u64(st, 7);
    t->heard_ms = (uint32_t)db_column_u64(st, 8);
    t->tools = (uint32_t)db_column_u64(st, 9);
    t->interrupted = db_column_u64(st, 10) != 0;
    turn->user_text = db_column(st, 11, a, &err);
    turn->agent_text = db_column(st, 12, a, &err);
    t->commit_ms = sqlite3_column_int(st, 13);
    t->verdict = call_verdict_find(db_column(st, 14, a, &err));
    t->pauses = (uint32_t)db_column_u64(st, 15);
    t->paused_ms = (uint32_t)db_column_u64(st, 16);
    t->end_silence_ms = (uint32_t)db_column_u64(st, 17);
    turn->agent = db_column(st, 18, a, &err);
    t->paused_for = call_verdicts_find(db_column(st, 19, a, &err));
    return err;
}

static enum call_party party_of(const unsigned char *word)
{
    for (uint32_t i = 0; word && i < PARTY_N; i++) {
        if (str_is(str_from((const char *)word), call_party_name((enum call_party)i))) {
            return (enum call_party)i;
        }
    }
    return PARTY_CALLER;
}

static int read_line(sqlite3_stmt *st, struct arena *a, struct str call_id, void *row)
{
    struct store_line *line = row;
    int err = 0;

    line->call_id = call_id;
    line->seq = (uint32_t)db_column_u64(st, 0);
    line->at_ms = sqlite3_column_int(st, 1);
    line->who = party_of(sqlite3_column_text(st, 2));
    line->text = db_column(st, 3, a, &err);
    line->unheard = db_column(st, 4, a, &err);
    line->estimated = db_column_u64(st, 5) != 0;
    line->agent = db_column(st, 6, a, &err);
    return err;
}

static int read_span(sqlite3_stmt *st, struct arena *a, struct str call_id, void *row)
{
    struct store_span *span = row;
    int err = 0;

    span->call_id = call_id;
    span->span_id = db_column(st, 0, a, &err);
    span->seq = (uint32_t)db_column_u64(st, 1);
    span->trace_id = db_column(st, 2, a, &err);
    span->parent_id = db_column(st, 3, a, &err);
    span->type = db_column(st, 4, a, &err);
    span->name = db_column(st, 5, a, &err);
    span->kind = (uint32_t)db_column_u64(st, 6);
    span->start_us = db_column_u64(st, 7);
    span->end_us = db_column_u64(st, 8);
    span->failed = db_column_u64(st, 9) != 0;
    span->error = db_column(st, 10, a, &err);
    span->attrs = db_column(st, 11, a, &err);
    span->events = db_column(st, 12, a, &err);
    return err;
}

/* A kind of rows that a call has many of; read gets room for one. */
struct row_kind {
    enum statement sql; /* takes the call's id */
    size_t bytes;
    int (*read)(sqlite3_stmt *st, struct arena *a, struct str call_id, void *row);
};

/* ret gets an array of n rows; the id in them is a's own. */
static int read_rows(struct store *s, const struct row_kind *kind, struct str id, struct arena *a, void **ret,
                     uint32_t *ret_n)
{
    struct connection *c = s->reader;
    struct str kept = arena_str(a, id);
    char *list = NULL;
    uint32_t n = 0, cap = 0;
    sqlite3_stmt *st;
    int err;

    pthread_mutex_lock(&c->lock);
    err = db_statement(c, kind->sql, &st);
    if (err >= 0) {
        db_bind_str(st, 1, id);
        while (err >= 0 && (err = db_row(st)) >= 0) {
            list = db_grow(a, list, n, &cap, kind->bytes);
            err = list ? kind->read(st, a, kept, list + n * kind->bytes) : -ENOMEM;
            n += err >= 0;
        }
        sqlite3_reset(st);
    }
    pthread_mutex_unlock(&c->lock);
    *ret = list;
    *ret_n = n;
    return err == -ENOENT ? 0 : err;
}

int sqlite_turn_list(struct store *s, struct str id, struct arena *a, struct store_turn **ret, uint32_t *ret_n)
{
    static const struct row_kind kind = {SQL_TURN_LIST, sizeof(struct store_turn), read_turn};
    void *list;
    int err = read_rows(s, &kind, id, a, &list, ret_n);
    *ret = list;
    return err;
}

int sqlite_line_list(struct store *s, struct str id, struct arena *a, struct store_line **ret, uint32_t *ret_n)
{
    static const struct row_kind kind = {SQL_LINE_LIST, sizeof(struct store_line), read_line};
    void *list;
    int err = read_rows(s, &kind, id, a, &list, ret_n);
    *ret = list;
    return err;
}

int sqlite_span_list(struct store *s, struct str id, struct arena *a, struct store_span **ret, uint32_t *ret_n)
{
    static const struct row_kind kind = {SQL_SPAN_LIST, sizeof(struct store_span), read_span};
    void *list;
    int err = read_rows(s, &kind, id, a, &list, ret_n);
    *ret = list;
    return err;
}

/* ------------------------------------------------------------------------------------------------ of the tools */

static int read_order(sqlite3_stmt *st, struct arena *a, struct store_order *o)
{
    struct str *const texts[] = {&o->number, &o->email, &o->status, &o->item, &o->carrier, &o->tracking, &o->detail};
    int err = 0;

    for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = db_column(st, (int)i, a, &err);
    }
    o->days = sqlite3_column_int(st, 7);
    o->signed_by = db_column(st, 8, a, &err);
    return err;
}

int sqlite_order_get(struct store *s, struct str number, struct str email, struct arena *a, struct store_order *ret)
{
    struct connection *c = s->reader;
    sqlite3_stmt *st;
    int err;

    pthread_mutex_lock(&c->lock);
    err = db_statement(c, SQL_ORDER_GET, &st);
    if (err >= 0) {
        db_bind_str(st, 1, number);
        db_bind_str(st, 2, email);
        err = db_row(st);
        err = err < 0 ? err : read_order(st, a, ret);
        sqlite3_reset(st);
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}
