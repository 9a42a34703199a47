/* Everything that changes the records: batches of a call's facts, the end of stale calls, deletion. */
#include <errno.h>

#include "base/err.h"
#include "store/postgres/impl.h"

/* $1 to $25 of CALL_INSERT and CALL_UPDATE. */
static void put_call(struct pg_args *a, const struct store_call *c, uint64_t at_us)
{
    const struct str texts[] = {c->id,     c->carrier, c->provider,        c->model,    c->agent,
                                c->caller, c->called,  c->carrier_call_id, c->stream_id};
    const uint64_t usage[] = {c->usage.in_text,      c->usage.in_audio, c->usage.cached_text,
                              c->usage.cached_audio, c->usage.out_text, c->usage.out_audio};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        pg_arg_str(a, texts[i]);
    }
    /* Only an end makes a call completed or failed. */
    pg_arg_str(a, str_from(store_status_word(MIN(c->status, STORE_IN_PROGRESS))));
    pg_arg_str(a, c->outcome);
    pg_arg_str(a, c->error);
    pg_arg_u64(a, c->started_us);
    pg_arg_u64(a, c->answered_us);
    pg_arg_u64(a, c->duration_ms);
    pg_arg_u64(a, MAX(at_us, c->alive_us));
    pg_arg_str(a, c->recording);
    pg_arg_str(a, c->journal);
    for (size_t i = 0; i < ARRAY_LEN(usage); i++) {
        pg_arg_u64(a, usage[i]);
    }
    if (c->cost_micro >= 0) {
        pg_arg_u64(a, (uint64_t)c->cost_micro);
    } else {
        pg_arg_null(a);
    }
}

/* Runs it and frees the arguments. -ENOENT: it changed no row. */
static int change(struct pg_conn *w, enum statement id, struct pg_args *a)
{
    PGresult *r = NULL;
    int err = pg_run(w, id, a, &r);

    err = err < 0 ? err : pg_changed(r) ? 0 : -ENOENT;
    PQclear(r);
    pg_args_done(a);
    return err;
}

static int call_begin(struct pg_conn *w, const struct store_call *c, uint64_t at_us)
{
    struct pg_args a;

    if (c->id.n == 0 || c->id.n > PG_MAX_ID_BYTES) {
        return -EINVAL;
    }
    pg_args_init(&a);
    put_call(&a, c, MAX(at_us, c->started_us));
    pg_arg_str(&a, str_from(store_direction_word(c->direction)));
    pg_arg_str(&a, str_from(w->store->node));
    int err = change(w, SQL_CALL_INSERT, &a);
    return err == -ENOENT ? -EEXIST : err; /* it is there, and was not killed */
}

static int call_update(struct pg_conn *w, const struct store_call *c, uint64_t at_us)
{
    struct pg_args a;

    pg_args_init(&a);
    put_call(&a, c, at_us);
    pg_arg_str(&a, c->confirmation);
    pg_arg_u64(&a, c->renewals);
    return change(w, SQL_CALL_UPDATE, &a);
}

/* What is not known stays NULL. */
static void put_line(struct pg_args *a, const struct store_call *c)
{
    const struct call_line *l = &c->line;
    const int64_t values[] = {l->echo,     l->echo_loss_cb, l->echo_delay_ms, l->gate_closures, l->gated_ms,
                              l->gaps,     l->gap_ms,       l->late,          l->doubled,       l->stalls,
                              l->stall_ms, l->odd_frames,   l->clipped_ms,    l->zero_ms,       l->linear_ms,
                              l->rate_hz,  l->dc_offset};

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (c->has_line) {
            pg_arg_i64(a, values[i]);
        } else {
            pg_arg_null(a);
        }
    }
}

/* The first end wins: a second one changes figures, never reason, status and time. */
static int call_end(struct pg_conn *w, const struct store_call *c, uint64_t at_us)
{
    bool told = c->status == STORE_COMPLETED || c->status == STORE_FAILED;
    struct pg_args a;
    int err = call_update(w, c, at_us);

    if (err < 0) {
        return err;
    }
    pg_args_init(&a);
    pg_arg_str(&a, c->id);
    pg_arg_str(&a, str_from(store_status_word(told ? c->status : store_status_of(c->reason))));
    pg_arg_str(&a, str_from(call_reason_name(c->reason)));
    pg_arg_u64(&a, c->ended_us ? c->ended_us : MAX(at_us, 1));
    put_line(&a, c);
    err = change(w, SQL_CALL_END, &a);
    return err == -ENOENT ? 0 : err;
}

static int call_alive(struct pg_conn *w, struct str id, uint64_t at_us)
{
    struct pg_args a;

    pg_args_init(&a);
    pg_arg_str(&a, id);
    pg_arg_u64(&a, at_us);
    return change(w, SQL_CALL_ALIVE, &a);
}

static int turn_add(struct pg_conn *w, const struct store_turn *turn, uint64_t at_us)
{
    const struct call_turn *t = &turn->t;
    const int32_t times[] = {t->speech_start_ms, t->speech_stop_ms, t->created_ms,
                             t->first_audio_ms,  t->first_sent_ms,  t->agent_end_ms};
    char words[CALL_VERDICTS_MAX];
    struct pg_args a;

    pg_args_init(&a);
    pg_arg_str(&a, turn->call_id);
    pg_arg_u64(&a, t->number);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        pg_arg_i64(&a, times[i]);
    }
    pg_arg_u64(&a, t->item_ms);
    pg_arg_u64(&a, t->heard_ms);
    pg_arg_u64(&a, t->tools);
    pg_arg_u64(&a, t->interrupted);
    pg_arg_str(&a, turn->user_text);
    pg_arg_str(&a, turn->agent_text);
    pg_arg_i64(&a, t->commit_ms);
    pg_arg_str(&a, str_from(call_verdict_name(t->verdict)));
    pg_arg_u64(&a, t->pauses);
    pg_arg_u64(&a, t->paused_ms);
    pg_arg_u64(&a, t->end_silence_ms);
    pg_arg_str(&a, turn->agent);
    pg_arg_str(&a, call_verdicts_words(t->paused_for, words));
    pg_arg_u64(&a, at_us);
    return change(w, SQL_TURN_PUT, &a);
}

static int line_add(struct pg_conn *w, const struct store_line *line, uint64_t at_us)
{
    struct pg_args a;

    pg_args_init(&a);
    pg_arg_str(&a, line->call_id);
    pg_arg_u64(&a, line->seq);
    pg_arg_i64(&a, line->at_ms);
    pg_arg_str(&a, str_from(call_party_name(line->who)));
    pg_arg_str(&a, line->text);
    pg_arg_str(&a, line->unheard);
    pg_arg_u64(&a, line->estimated);
    pg_arg_str(&a, line->agent);
    pg_arg_u64(&a, at_us);
    return change(w, SQL_LINE_PUT, &a);
}

static int span_add(struct pg_conn *w, const struct store_span *span, uint64_t at_us)
{
    struct pg_args a;

    pg_args_init(&a);
    pg_arg_str(&a, span->call_id);
    pg_arg_str(&a, span->span_id);
    pg_arg_u64(&a, span->seq);
    pg_arg_str(&a, span->trace_id);
    pg_arg_str(&a, span->parent_id);
    pg_arg_str(&a, span->type);
    pg_arg_str(&a, span->name);
    pg_arg_u64(&a, span->kind);
    pg_arg_u64(&a, span->start_us);
    pg_arg_u64(&a, span->end_us);
    pg_arg_u64(&a, span->failed);
    pg_arg_str(&a, span->error);
    pg_arg_str(&a, span->attrs.n ? span->attrs : STR("{}"));
    pg_arg_str(&a, span->events.n ? span->events : STR("[]"));
    pg_arg_u64(&a, at_us);
    return change(w, SQL_SPAN_PUT, &a);
}

static bool too_long(struct str one, struct str other)
{
    return MAX(one.n, other.n) > PG_MAX_TEXT_BYTES;
}

static int apply(struct pg_conn *w, const struct store_op *op)
{
    switch (op->kind) {
    case STORE_CALL_BEGIN:
        return call_begin(w, op->u.call, op->at_us);
    case STORE_CALL_UPDATE:
        return call_update(w, op->u.call, op->at_us);
    case STORE_CALL_END:
        return call_end(w, op->u.call, op->at_us);
    case STORE_CALL_ALIVE:
        return call_alive(w, op->u.call->id, MAX(op->at_us, op->u.call->alive_us));
    case STORE_TURN_ADD:
        return too_long(op->u.turn->user_text, op->u.turn->agent_text) ? -ERR_TOO_BIG
                                                                       : turn_add(w, op->u.turn, op->at_us);
    case STORE_LINE_ADD:
        return too_long(op->u.line->text, op->u.line->unheard) ? -ERR_TOO_BIG : line_add(w, op->u.line, op->at_us);
    case STORE_CALLBACK_ADD:
        return pg_callback_add(w, op->u.callback, op->at_us);
    case STORE_SPAN_ADD:
        return too_long(op->u.span->attrs, op->u.span->events) ? -ERR_TOO_BIG : span_add(w, op->u.span, op->at_us);
    case STORE_CALLBACK_CLOSE:
        return pg_callback_close(w, op->u.callback, op->at_us);
    case STORE_DIAL_PUT:
        return pg_dial_put(w, op->u.dial);
    }
    return -EINVAL;
}

int postgres_write(struct store *s, const struct store_op *ops, size_t n, size_t *ret_failed)
{
    struct pg_conn *w = &s->writer;
    size_t i = 0;

    pthread_mutex_lock(&w->lock);
    int err = pg_begin(w);
    if (err >= 0) {
        for (; err >= 0 && i < n; i++) {
            err = apply(w, &ops[i]);
        }
        err = pg_finish(w, err);
    }
    pthread_mutex_unlock(&w->lock);
    if (err < 0 && ret_failed) {
        *ret_failed = i ? i - 1 : 0;
    }
    return err;
}

int postgres_close_stale(struct store *s, uint64_t now_us)
{
    struct pg_args a;
    PGresult *r = NULL;

    if (!s->exclusive) {
        return -ERR_STATE; /* the live calls may be those of another process */
    }
    pg_args_init(&a);
    pg_arg_u64(&a, now_us);
    pg_arg_str(&a, str_from(s->node));
    pthread_mutex_lock(&s->writer.lock);
    int err = pg_query(&s->writer, SQL_STALE, &a, &r);
    pthread_mutex_unlock(&s->writer.lock);
    err = err < 0 ? err : (int)pg_changed(r);
    PQclear(r);
    pg_args_done(&a);
    return err;
}

/* ------------------------------------------------------------------------------------------------ deletion */

/* What DELETE ... RETURNING gives: up to two paths a row. */
static int collect(const PGresult *r, struct arena *a, struct store_paths *ret)
{
    uint32_t rows = (uint32_t)PQntuples(r);
    int err = 0;

    *ret = (struct store_paths){.paths = arena_alloc(a, sizeof(struct str) * 2 * MAX(rows, 1u)), .calls = rows};
    if (!ret->paths) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < rows && err >= 0; i++) {
        struct pg_row w = {.r = r, .row = (int)i, .a = a};
        for (int column = 0; column < 2; column++) {
            struct str path = pg_row_str(&w);
            if (path.n) {
                ret->paths[ret->n++] = path;
            }
        }
        err = w.err;
    }
    return err;
}

/* In a transaction, so that a row is only gone when its paths are known. */
static int delete_rows(struct store *s, enum statement id, struct pg_args *args, struct arena *a,
                       struct store_paths *ret)
{
    PGresult *r = NULL;

    *ret = (struct store_paths){0};
    pthread_mutex_lock(&s->writer.lock);
    int err = pg_begin(&s->writer);
    if (err >= 0) {
        err = pg_run(&s->writer, id, args, &r);
        err = err < 0 ? err : collect(r, a, ret);
        err = pg_finish(&s->writer, err);
    }
    pthread_mutex_unlock(&s->writer.lock);
    PQclear(r);
    pg_args_done(args);
    return err;
}

int postgres_call_delete(struct store *s, struct str id, struct arena *a, struct store_paths *ret)
{
    struct pg_args args;

    pg_args_init(&args);
    pg_arg_str(&args, id);
    int err = delete_rows(s, SQL_CALL_DELETE, &args, a, ret);
    return err >= 0 && ret->calls == 0 ? -ENOENT : err;
}

int postgres_sweep(struct store *s, uint64_t before_us, uint32_t limit, struct arena *a, struct store_paths *ret)
{
    struct pg_args args;

    pg_args_init(&args);
    pg_arg_u64(&args, before_us);
    pg_arg_u64(&args, limit ? MIN(limit, 1000u) : 100);
    pg_arg_str(&args, str_from(s->node));
    int err = delete_rows(s, SQL_SWEEP, &args, a, ret);
    return err < 0 ? err : (int)ret->calls;
}
