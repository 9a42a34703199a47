/* Everything that only looks. */
#include <errno.h>

#include "base/err.h"
#include "store/postgres/impl.h"

#define DEFAULT_LIMIT 100
#define MAX_LIMIT     1000

/* One answer of the reader; the arguments are freed. PQclear is the caller's. */
static int ask(struct store *s, enum statement id, struct pg_args *args, PGresult **ret)
{
    pthread_mutex_lock(&s->reader.lock);
    int err = pg_query(&s->reader, id, args, ret);
    pthread_mutex_unlock(&s->reader.lock);
    if (args) {
        pg_args_done(args);
    }
    return err;
}

static int ask_by(struct store *s, enum statement id, struct str key, PGresult **ret)
{
    struct pg_args args;

    pg_args_init(&args);
    pg_arg_str(&args, key);
    return ask(s, id, &args, ret);
}

static void read_quality(struct pg_row *w, struct store_call *c)
{
    struct call_line *l = &c->line;
    uint32_t *const counts[] = {&l->echo_loss_cb, &l->echo_delay_ms, &l->gate_closures, &l->gated_ms,  &l->gaps,
                                &l->gap_ms,       &l->late,          &l->doubled,       &l->stalls,    &l->stall_ms,
                                &l->odd_frames,   &l->clipped_ms,    &l->zero_ms,       &l->linear_ms, &l->rate_hz};

    c->has_line = !pg_row_null(w);
    l->echo = pg_row_u64(w) != 0;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        *counts[i] = (uint32_t)pg_row_u64(w);
    }
    l->dc_offset = (int32_t)pg_row_i64(w);
}

/* A word that this program does not know (a newer one wrote it) reads as the first of its list. */
static int read_call(const PGresult *r, int row, struct arena *a, struct store_call *c)
{
    struct pg_row w = {.r = r, .row = row, .a = a};
    uint64_t *const times[] = {&c->started_us, &c->answered_us, &c->ended_us, &c->duration_ms, &c->alive_us};
    uint64_t *const usage[] = {&c->usage.in_text,      &c->usage.in_audio, &c->usage.cached_text,
                               &c->usage.cached_audio, &c->usage.out_text, &c->usage.out_audio};
    struct str *const texts[] = {&c->id, &c->carrier, &c->provider, &c->model, &c->agent};
    struct str *const more[] = {&c->caller, &c->called, &c->carrier_call_id, &c->stream_id};

    *c = (struct store_call){.reason = REASON_NONE};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = pg_row_str(&w);
    }
    ignore_result(store_direction_parse(pg_row_str(&w), &c->direction));
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        *more[i] = pg_row_str(&w);
    }
    ignore_result(store_status_parse(pg_row_str(&w), &c->status));
    c->outcome = pg_row_str(&w);
    struct str reason = pg_row_str(&w);
    c->reason = reason.n ? call_reason_parse(reason.p) : REASON_NONE;
    c->error = pg_row_str(&w);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        *times[i] = pg_row_u64(&w);
    }
    c->recording = pg_row_str(&w);
    c->journal = pg_row_str(&w);
    for (size_t i = 0; i < ARRAY_LEN(usage); i++) {
        *usage[i] = pg_row_u64(&w);
    }
    c->cost_micro = pg_row_null(&w) ? STORE_NO_COST : 0;
    c->cost_micro += pg_row_i64(&w);
    c->turn_count = (uint32_t)pg_row_u64(&w);
    c->line_count = (uint32_t)pg_row_u64(&w);
    read_quality(&w, c);
    c->confirmation = pg_row_str(&w);
    c->renewals = (uint32_t)pg_row_u64(&w);
    return w.err;
}

int postgres_call_get(struct store *s, struct str id, struct arena *a, struct store_call *ret)
{
    PGresult *r = NULL;
    int err = ask_by(s, SQL_CALL_GET, id, &r);

    err = err < 0 ? err : PQntuples(r) == 0 ? -ENOENT : read_call(r, 0, a, ret);
    PQclear(r);
    return err;
}

int postgres_call_find(struct store *s, struct str carrier_call_id, struct arena *a, struct str *ret_id)
{
    PGresult *r = NULL;
    int err = carrier_call_id.n == 0 ? -ENOENT : ask_by(s, SQL_CALL_FIND, carrier_call_id, &r);

    err = err < 0 ? err : PQntuples(r) == 0 ? -ENOENT : 0;
    if (err >= 0) {
        struct pg_row w = {.r = r, .a = a};
        *ret_id = pg_row_str(&w);
        err = w.err;
    }
    PQclear(r);
    return err;
}

static void put_filter(struct pg_args *args, const struct store_filter *f)
{
    pg_arg_str(args, f->status);
    pg_arg_str(args, f->caller);
    pg_arg_u64(args, f->since_us);
    pg_arg_u64(args, f->until_us);
}

static int read_total(struct store *s, enum statement id, struct pg_args *args, uint64_t *ret)
{
    PGresult *r = NULL;
    int err = ask(s, id, args, &r);

    if (err >= 0) {
        struct pg_row w = {.r = r};
        *ret = pg_row_u64(&w);
    }
    PQclear(r);
    return err;
}

int postgres_call_list(struct store *s, const struct store_filter *f, struct arena *a, struct store_page *ret)
{
    struct pg_args args;
    PGresult *r = NULL;

    *ret = (struct store_page){.n = 0};
    pg_args_init(&args);
    put_filter(&args, f);
    int err = read_total(s, SQL_CALL_TOTAL, &args, &ret->total);
    if (err < 0) {
        return err;
    }
    pg_args_init(&args);
    put_filter(&args, f);
    pg_arg_u64(&args, f->limit ? MIN(f->limit, (uint32_t)MAX_LIMIT) : DEFAULT_LIMIT);
    pg_arg_u64(&args, f->offset);
    err = ask(s, SQL_CALL_LIST, &args, &r);
    uint32_t n = err < 0 ? 0 : (uint32_t)PQntuples(r);
    ret->calls = arena_alloc(a, sizeof(*ret->calls) * MAX(n, 1u));
    err = err < 0 ? err : ret->calls ? 0 : -ENOMEM;
    while (err >= 0 && ret->n < n) {
        err = read_call(r, (int)ret->n, a, &ret->calls[ret->n]);
        ret->n += err >= 0;
    }
    PQclear(r);
    return err;
}

int postgres_call_counts(struct store *s, struct store_counts *ret)
{
    PGresult *r = NULL;
    int err = ask(s, SQL_CALL_COUNTS, NULL, &r);

    *ret = (struct store_counts){.total = 0};
    for (int i = 0; err >= 0 && i < PQntuples(r); i++) {
        struct pg_row w = {.r = r, .row = i, .column = 1};
        uint64_t n = pg_row_u64(&w);
        enum store_status status;

        if (store_status_parse(str_from(PQgetvalue(r, i, 0)), &status) >= 0) {
            ret->status[status] = n;
        }
        ret->total += n;
    }
    PQclear(r);
    return err;
}

/* ------------------------------------------------------------------------------------------------ rows of a call */

typedef int (*read_fn)(const PGresult *r, int row, struct arena *a, void *to);

/* The rows of a call, each of size bytes, in the arena. */
static int list_rows(struct store *s, enum statement st, struct str id, struct arena *a, size_t size, read_fn read,
                     void **ret, uint32_t *ret_n)
{
    PGresult *r = NULL;
    int err = ask_by(s, st, id, &r);
    int n = err < 0 ? 0 : PQntuples(r);
    uint8_t *list = n ? arena_alloc(a, size * (size_t)n) : NULL;

    err = err >= 0 && n && !list ? -ENOMEM : err;
    for (int i = 0; err >= 0 && i < n; i++) {
        err = read(r, i, a, list + size * (size_t)i);
    }
    PQclear(r);
    *ret = list;
    *ret_n = err < 0 ? 0 : (uint32_t)n;
    return err;
}

static int read_turn(const PGresult *r, int row, struct arena *a, void *to)
{
    struct store_turn *turn = to;
    struct call_turn *t = &turn->t;
    struct pg_row w = {.r = r, .row = row, .a = a};
    int32_t *const times[] = {&t->speech_start_ms, &t->speech_stop_ms, &t->created_ms,
                              &t->first_audio_ms,  &t->first_sent_ms,  &t->agent_end_ms};

    t->number = (uint32_t)pg_row_u64(&w);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        *times[i] = (int32_t)pg_row_i64(&w);
    }
    t->item_ms = (uint32_t)pg_row_u64(&w);
    t->heard_ms = (uint32_t)pg_row_u64(&w);
    t->tools = (uint32_t)pg_row_u64(&w);
    t->interrupted = pg_row_u64(&w) != 0;
    turn->user_text = pg_row_str(&w);
    turn->agent_text = pg_row_str(&w);
    t->commit_ms = (int32_t)pg_row_i64(&w);
    t->verdict = call_verdict_find(pg_row_str(&w));
    t->pauses = (uint32_t)pg_row_u64(&w);
    t->paused_ms = (uint32_t)pg_row_u64(&w);
    t->end_silence_ms = (uint32_t)pg_row_u64(&w);
    turn->agent = pg_row_str(&w);
    t->paused_for = call_verdicts_find(pg_row_str(&w));
    return w.err;
}

int postgres_turn_list(struct store *s, struct str id, struct arena *a, struct store_turn **ret, uint32_t *ret_n)
{
    void *list = NULL;
    struct str kept = arena_str(a, id);
    int err = list_rows(s, SQL_TURN_LIST, id, a, sizeof(**ret), read_turn, &list, ret_n);

    *ret = list;
    for (uint32_t i = 0; i < *ret_n; i++) {
        (*ret)[i].call_id = kept;
    }
    return err;
}

static enum call_party party_of(struct str word)
{
    for (uint32_t i = 0; i < PARTY_N; i++) {
        if (str_is(word, call_party_name((enum call_party)i))) {
            return (enum call_party)i;
        }
    }
    return PARTY_CALLER;
}

static int read_line(const PGresult *r, int row, struct arena *a, void *to)
{
    struct store_line *line = to;
    struct pg_row w = {.r = r, .row = row, .a = a};

    line->seq = (uint32_t)pg_row_u64(&w);
    line->at_ms = (int32_t)pg_row_i64(&w);
    line->who = party_of(pg_row_str(&w));
    line->text = pg_row_str(&w);
    line->unheard = pg_row_str(&w);
    line->estimated = pg_row_u64(&w) != 0;
    line->agent = pg_row_str(&w);
    return w.err;
}

int postgres_line_list(struct store *s, struct str id, struct arena *a, struct store_line **ret, uint32_t *ret_n)
{
    void *list = NULL;
    struct str kept = arena_str(a, id);
    int err = list_rows(s, SQL_LINE_LIST, id, a, sizeof(**ret), read_line, &list, ret_n);

    *ret = list;
    for (uint32_t i = 0; i < *ret_n; i++) {
        (*ret)[i].call_id = kept;
    }
    return err;
}

static int read_span(const PGresult *r, int row, struct arena *a, void *to)
{
    struct store_span *span = to;
    struct pg_row w = {.r = r, .row = row, .a = a};

    span->span_id = pg_row_str(&w);
    span->seq = (uint32_t)pg_row_u64(&w);
    span->trace_id = pg_row_str(&w);
    span->parent_id = pg_row_str(&w);
    span->type = pg_row_str(&w);
    span->name = pg_row_str(&w);
    span->kind = (uint32_t)pg_row_u64(&w);
    span->start_us = pg_row_u64(&w);
    span->end_us = pg_row_u64(&w);
    span->failed = pg_row_u64(&w) != 0;
    span->error = pg_row_str(&w);
    span->attrs = pg_row_str(&w);
    span->events = pg_row_str(&w);
    return w.err;
}

int postgres_span_list(struct store *s, struct str id, struct arena *a, struct store_span **ret, uint32_t *ret_n)
{
    void *list = NULL;
    struct str kept = arena_str(a, id);
    int err = list_rows(s, SQL_SPAN_LIST, id, a, sizeof(**ret), read_span, &list, ret_n);

    *ret = list;
    for (uint32_t i = 0; i < *ret_n; i++) {
        (*ret)[i].call_id = kept;
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ of the tools */

int postgres_order_get(struct store *s, struct str number, struct str email, struct arena *a, struct store_order *ret)
{
    struct str *const texts[] = {&ret->number,  &ret->email,    &ret->status, &ret->item,
                                 &ret->carrier, &ret->tracking, &ret->detail};
    struct pg_args args;
    PGresult *r = NULL;

    pg_args_init(&args);
    pg_arg_str(&args, number);
    pg_arg_str(&args, email);
    int err = ask(s, SQL_ORDER_GET, &args, &r);
    err = err < 0 ? err : PQntuples(r) == 0 ? -ENOENT : 0;
    if (err >= 0) {
        struct pg_row w = {.r = r, .a = a};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            *texts[i] = pg_row_str(&w);
        }
        ret->days = (int32_t)pg_row_i64(&w);
        ret->signed_by = pg_row_str(&w);
        err = w.err;
    }
    PQclear(r);
    return err;
}
