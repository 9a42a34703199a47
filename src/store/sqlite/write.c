/* Everything that changes the records: batches of a call's facts, the end of stale calls, deletion. */
#include <errno.h>

#include "base/err.h"
#include "store/sqlite/impl.h"

#define MAX_ID_BYTES   64
#define MAX_TEXT_BYTES ((size_t)256 * 1024) /* of one text; a peer's longest line is far shorter */

static void bind_int(sqlite3_stmt *st, int at, int32_t v)
{
    ignore_result(sqlite3_bind_int64(st, at, v)); /* shows in the step */
}

/* Columns that CALL_INSERT and CALL_UPDATE share, by the same numbers. */
static void bind_call(sqlite3_stmt *st, const struct store_call *c, uint64_t at_us)
{
    const struct str texts[] = {c->id,     c->carrier, c->provider,        c->model,    c->agent,
                                c->caller, c->called,  c->carrier_call_id, c->stream_id};
    const uint64_t usage[] = {c->usage.in_text,      c->usage.in_audio, c->usage.cached_text,
                              c->usage.cached_audio, c->usage.out_text, c->usage.out_audio};

    for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
        db_bind_str(st, (int)i + 1, texts[i]);
    }
    /* Only an end makes a call completed or failed. */
    db_bind_str(st, 10, str_from(store_status_word(MIN(c->status, STORE_IN_PROGRESS))));
    db_bind_str(st, 11, c->outcome);
    db_bind_str(st, 12, c->error);
    db_bind_u64(st, 13, c->started_us);
    db_bind_u64(st, 14, c->answered_us);
    db_bind_u64(st, 15, c->duration_ms);
    db_bind_u64(st, 16, MAX(at_us, c->alive_us));
    db_bind_str(st, 17, c->recording);
    db_bind_str(st, 18, c->journal);
    for (uint32_t i = 0; i < ARRAY_LEN(usage); i++) {
        db_bind_u64(st, 19 + (int)i, usage[i]);
    }
    if (c->cost_micro >= 0) {
        db_bind_u64(st, 25, (uint64_t)c->cost_micro);
    }
}

static bool id_ok(struct str id)
{
    return id.n > 0 && id.n <= MAX_ID_BYTES;
}

static int call_begin(struct connection *w, const struct store_call *c, uint64_t at_us)
{
    sqlite3_stmt *st;
    int err = db_statement(w, SQL_CALL_INSERT, &st);

    if (err < 0) {
        return err;
    }
    bind_call(st, c, MAX(at_us, c->started_us));
    db_bind_str(st, 26, str_from(store_direction_word(c->direction)));
    err = db_run(st);
    return err >= 0 && sqlite3_changes(w->db) == 0 ? -EEXIST : err;
}

static int call_update(struct connection *w, const struct store_call *c, uint64_t at_us)
{
    sqlite3_stmt *st;
    int err = db_statement(w, SQL_CALL_UPDATE, &st);

    if (err < 0) {
        return err;
    }
    bind_call(st, c, at_us);
    db_bind_str(st, 27, c->confirmation);
    db_bind_u64(st, 28, c->renewals);
    err = db_run(st);
    return err >= 0 && sqlite3_changes(w->db) == 0 ? -ENOENT : err;
}

/* From number 5 on; what is not known stays NULL. */
static void bind_line(sqlite3_stmt *st, const struct store_call *c)
{
    const struct call_line *l = &c->line;
    const int64_t values[] = {l->echo,     l->echo_loss_cb, l->echo_delay_ms, l->gate_closures, l->gated_ms,
                              l->gaps,     l->gap_ms,       l->late,          l->doubled,       l->stalls,
                              l->stall_ms, l->odd_frames,   l->clipped_ms,    l->zero_ms,       l->linear_ms,
                              l->rate_hz,  l->dc_offset};

    for (uint32_t i = 0; c->has_line && i < ARRAY_LEN(values); i++) {
        ignore_result(sqlite3_bind_int64(st, 5 + (int)i, values[i])); /* shows in the step */
    }
}

/* The first end wins: a second one changes figures, never reason, status and time. */
static int call_end(struct connection *w, const struct store_call *c, uint64_t at_us)
{
    bool told = c->status == STORE_COMPLETED || c->status == STORE_FAILED;
    sqlite3_stmt *st;
    int err = call_update(w, c, at_us);

    if (err >= 0) {
        err = db_statement(w, SQL_CALL_END, &st);
    }
    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, c->id);
    db_bind_str(st, 2, str_from(store_status_word(told ? c->status : store_status_of(c->reason))));
    db_bind_str(st, 3, str_from(call_reason_name(c->reason)));
    db_bind_u64(st, 4, c->ended_us ? c->ended_us : MAX(at_us, 1));
    bind_line(st, c);
    return db_run(st);
}

static int call_alive(struct connection *w, struct str id, uint64_t at_us)
{
    sqlite3_stmt *st;
    int err = db_statement(w, SQL_CALL_ALIVE, &st);

    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, id);
    db_bind_u64(st, 2, at_us);
    err = db_run(st);
    return err >= 0 && sqlite3_changes(w->db) == 0 ? -ENOENT : err;
}

static int turn_add(struct connection *w, const struct store_turn *turn, uint64_t at_us)
{
    const struct call_turn *t = &turn->t;
    const int32_t times[] = {t->speech_start_ms, t->speech_stop_ms, t->created_ms,
                             t->first_audio_ms,  t->first_sent_ms,  t->agent_end_ms};
    char words[CALL_VERDICTS_MAX];
    sqlite3_stmt *st;
    int err = db_statement(w, SQL_TURN_PUT, &st);

    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, turn->call_id);
    db_bind_u64(st, 2, t->number);
    for (uint32_t i = 0; i < ARRAY_LEN(times); i++) {
        bind_int(st, 3 + (int)i, times[i]);
    }
    db_bind_u64(st, 9, t->item_ms);
    db_bind_u64(st, 10, t->heard_ms);
    db_bind_u64(st, 11, t->tools);
    db_bind_u64(st, 12, t->interrupted);
    db_bind_str(st, 13, turn->user_text);
    db_bind_str(st, 14, turn->agent_text);
    bind_int(st, 15, t->commit_ms);
    db_bind_str(st, 16, str_from(call_verdict_name(t->verdict)));
    db_bind_u64(st, 17, t->pauses);
    db_bind_u64(st, 18, t->paused_ms);
    db_bind_u64(st, 19, t->end_silence_ms);
    db_bind_str(st, 20, turn->agent);
    db_bind_str(st, 21, call_verdicts_words(t->paused_for, words));
    err = db_run(st);
    return err < 0 ? err : call_alive(w, turn->call_id, at_us);
}

static int line_add(struct connection *w, const struct store_line *line, uint64_t at_us)
{
    sqlite3_stmt *st;
    int err = db_statement(w, SQL_LINE_PUT, &st);

    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, line->call_id);
    db_bind_u64(st, 2, line->seq);
    bind_int(st, 3, line->at_ms);
    db_bind_str(st, 4, str_from(call_party_name(line->who)));
    db_bind_str(st, 5, line->text);
    db_bind_str(st, 6, line->unheard);
    db_bind_u64(st, 7, line->estimated);
    db_bind_str(st, 8, line->agent);
    err = db_run(st);
    return err < 0 ? err : call_alive(w, line->call_id, at_us);
}

static int span_add(struct connection *w, const struct store_span *span, uint64_t at_us)
{
    sqlite3_stmt *st;
    int err = db_statement(w, SQL_SPAN_PUT, &st);

    if (err < 0) {
        return err;
    }
    db_bind_str(st, 1, span->call_id);
    db_bind_str(st, 2, span->span_id);
    db_bind_u64(st, 3, span->seq);
    db_bind_str(st, 4, span->trace_id);
    db_bind_str(st, 5, span->parent_id);
    db_bind_str(st, 6, span->type);
    db_bind_str(st, 7, span->name);
    db_bind_u64(st, 8, span->kind);
    db_bind_u64(st, 9, span->start_us);
    db_bind_u64(st, 10, span->end_us);
    db_bind_u64(st, 11, span->failed);
    db_bind_str(st, 12, span->error);
    db_bind_str(st, 13, span->attrs.n ? span->attrs : STR("{}"));
    db_bind_str(st, 14, span->events.n ? span->events : STR("[]"));
    err = db_run(st);
    return err < 0 ? err : call_alive(w, span->call_id, at_us);
}

static int apply(struct connection *w, const struct store_op *op)
{
    switch (op->kind) {
    case STORE_CALL_BEGIN:
        return id_ok(op->u.call->id) ? call_begin(w, op->u.call, op->at_us) : -EINVAL;
    case STORE_CALL_UPDATE:
        return call_update(w, op->u.call, op->at_us);
    case STORE_CALL_END:
        return call_end(w, op->u.call, op->at_us);
    case STORE_CALL_ALIVE:
        return call_alive(w, op->u.call->id, MAX(op->at_us, op->u.call->alive_us));
    case STORE_TURN_ADD:
        return MAX(op->u.turn->user_text.n, op->u.turn->agent_text.n) > MAX_TEXT_BYTES
                   ? -ERR_TOO_BIG
                   : turn_add(w, op->u.turn, op->at_us);
    case STORE_LINE_ADD:
        return MAX(op->u.line->text.n, op->u.line->unheard.n) > MAX_TEXT_BYTES ? -ERR_TOO_BIG
                                                                               : line_add(w, op->u.line, op->at_us);
    case STORE_CALLBACK_ADD:
        return callback_add(w, op->u.callback, op->at_us);
    case STORE_SPAN_ADD:
        return MAX(op->u.span->attrs.n, op->u.span->events.n) > MAX_TEXT_BYTES ? -ERR_TOO_BIG
                                                                               : span_add(w, op->u.span, op->at_us);
    case STORE_CALLBACK_CLOSE:
        return callback_close(w, op->u.callback, op->at_us);
    case STORE_DIAL_PUT:
        return dial_put(w, op->u.dial);
    }
    return -EINVAL;
}

int sqlite_write(struct store *s, const struct store_op *ops, size_t n, size_t *ret_failed)
{
    struct connection *w = &s->writer;
    size_t i = 0;
    int err;

    pthread_mutex_lock(&w->lock);
    err = db_simple(w, SQL_BEGIN);
    if (err >= 0) {
        for (; err >= 0 && i < n; i++) {
            err = apply(w, &ops[i]);
        }
        err = db_finish(w, err);
    }
    pthread_mutex_unlock(&w->lock);
    if (err < 0 && ret_failed) {
        *ret_failed = i ? i - 1 : 0;
    }
    return err;
}

int sqlite_close_stale(struct store *s, uint64_t now_us)
{
    struct connection *w = &s->writer;
    sqlite3_stmt *st;
    int err;

    if (s->lock_fd < 0 && s->reader != w) {
        return -ERR_STATE; /* the live calls may be those of another process */
    }
    pthread_mutex_lock(&w->lock);
    err = db_statement(w, SQL_STALE, &st);
    if (err >= 0) {
        db_bind_u64(st, 1, now_us);
        err = db_run(st);
        err = err < 0 ? err : sqlite3_changes(w->db);
    }
    pthread_mutex_unlock(&w->lock);
    return err;
}

/* ------------------------------------------------------------------------------------------------ deletion */

/* Collects what DELETE ... RETURNING gives: up to two paths a row. */
static int collect(sqlite3_stmt *st, struct arena *a, uint32_t max_calls, struct store_paths *ret)
{
    int err = 0;
    int rc;

    *ret = (struct store_paths){.paths = arena_alloc(a, sizeof(struct str) * 2 * MAX(max_calls, 1u))};
    if (!ret->paths) {
        return -ENOMEM;
    }
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && ret->calls < max_calls) {
        for (int column = 0; column < 2; column++) {
            struct str path = db_column(st, column, a, &err);

            if (path.n) {
                ret->paths[ret->n++] = path;
            }
        }
        ret->calls++;
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        err = db_error(sqlite3_extended_errcode(sqlite3_db_handle(st)));
    }
    sqlite3_reset(st);
    return err;
}

/* Moves the log into the file and empties it: the old pages must not lie there either. Needs both locks. */
static int empty_log(struct store *s)
{
    if (s->reader == &s->writer) {
        return 0;
    }
    /* The reader must not hold an old snapshot; its statements are all reset when its lock is free. */
    return db_error(sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

static int delete_rows(struct store *s, sqlite3_stmt *st, uint32_t max_calls, struct arena *a, struct store_paths *ret)
{
    struct connection *w = &s->writer;
    int err = db_simple(w, SQL_BEGIN);

    if (err < 0) {
        return err;
    }
    err = db_finish(w, collect(st, a, max_calls, ret));
    if (err >= 0 && ret->calls) {
        if (s->reader != w) {
            pthread_mutex_lock(&s->reader->lock);
        }
        err = empty_log(s);
        if (s->reader != w) {
            pthread_mutex_unlock(&s->reader->lock);
        }
        /* Somebody's sqlite3 shell may be reading: the rows are gone, the log follows with the next checkpoint. */
        err = err == -EBUSY ? 0 : err;
    }
    return err;
}

int sqlite_call_delete(struct store *s, struct str id, struct arena *a, struct store_paths *ret)
{
    sqlite3_stmt *st;
    int err;

    pthread_mutex_lock(&s->writer.lock);
    err = db_statement(&s->writer, SQL_CALL_DELETE, &st);
    if (err >= 0) {
        db_bind_str(st, 1, id);
        err = delete_rows(s, st, 1, a, ret);
    }
    pthread_mutex_unlock(&s->writer.lock);
    return err >= 0 && ret->calls == 0 ? -ENOENT : err;
}

int sqlite_sweep(struct store *s, uint64_t before_us, uint32_t limit, struct arena *a, struct store_paths *ret)
{
    sqlite3_stmt *st;
    int err;

    limit = limit ? MIN(limit, 1000u) : 100;
    pthread_mutex_lock(&s->writer.lock);
    err = db_statement(&s->writer, SQL_SWEEP, &st);
    if (err >= 0) {
        db_bind_u64(st, 1, before_us);
        db_bind_u64(st, 2, limit);
        err = delete_rows(s, st, limit, a, ret);
    }
    pthread_mutex_unlock(&s->writer.lock);
    return err < 0 ? err : (int)ret->calls;
}
