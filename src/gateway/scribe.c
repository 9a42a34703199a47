#include "gateway/scribe.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/spool.h"

#define SCRIBE_BLOCK_OPS 64
#define END_FLUSH_MS     5u
#define PAUSE_DOUBLINGS  4u /* of the pause between tries: 8 s with the usual first one */

struct scribe_block {
    struct scribe_block *next;
    size_t n;
    struct store_op ops[SCRIBE_BLOCK_OPS];
};

/* Rows with everything they point at. Two of them: one fills while the other is written. */
struct scribe_batch {
    struct arena arena;
    struct scribe_block *first, *last;
    size_t n;
};

struct scribe_waiter {
    struct scribe_waiter *next;
    uint64_t behind; /* the batch that must be over */
    loop_fn fn;
    void *arg;
};

struct scribe {
    struct scribe_opts o;
    struct timer *timer;
    struct scribe_batch batches[2];
    uint64_t filling; /* number of the batch that fills; its memory is batches[filling % 2] */
    bool writing;     /* the batch before it is under way */
    bool armed;
    bool hurry;
    bool stuck; /* neither the store nor the spool takes what is under way: it waits in memory */
    uint32_t tries;
    uint64_t lost;
    uint64_t write_us; /* how long the last transaction took; set by the job, read when it is done */
    size_t refused;    /* rows it left out; likewise */
    size_t kept;       /* rows it put into the spool; likewise */
    char *spool;       /* path; NULL: none */
    uint64_t spooled;  /* rows in the spool; read by the job */
    bool drained;      /* set by the job: they are in the store now */
    bool give_up;      /* the job's last try of this batch: what fails goes to the spool */
    uint64_t now_us;   /* when it began; given to the job */
    struct scribe_waiter *waiters, **waiters_end;
};

static struct scribe_batch *filling(struct scribe *s)
{
    return &s->batches[s->filling % 2];
}

static struct scribe_batch *written(struct scribe *s)
{
    return &s->batches[(s->filling + 1) % 2];
}

static void batch_clear(struct scribe_batch *b)
{
    arena_reset(&b->arena);
    b->first = b->last = NULL;
    b->n = 0;
}

/* ---- deep copies ---- */

static bool keep(struct arena *a, struct str *s)
{
    if (s->n == 0) {
        *s = STR("");
        return true;
    }
    *s = arena_str(a, *s);
    return s->p != NULL;
}

static bool keep_all(struct arena *a, struct str **list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!keep(a, list[i])) {
            return false;
        }
    }
    return true;
}

static const struct store_call *copy_call(struct arena *a, const struct store_call *from)
{
    struct store_call *c = ARENA_NEW(a, struct store_call);
    if (!c) {
        return NULL;
    }
    *c = *from;
    struct str *strings[] = {&c->id,     &c->carrier,   &c->provider,        &c->model,       &c->agent,
                             &c->caller, &c->called,    &c->carrier_call_id, &c->stream_id,   &c->outcome,
                             &c->error,  &c->recording, &c->journal,         &c->confirmation};
    return keep_all(a, strings, ARRAY_LEN(strings)) ? c : NULL;
}

static const struct store_turn *copy_turn(struct arena *a, const struct store_turn *from)
{
    struct store_turn *t = ARENA_NEW(a, struct store_turn);
    if (!t) {
        return NULL;
    }
    *t = *from;
    struct str *strings[] = {&t->call_id, &t->user_text, &t->agent_text, &t->agent};
    return keep_all(a, strings, ARRAY_LEN(strings)) ? t : NULL;
}

static const struct store_line *copy_line(struct arena *a, const struct store_line *from)
{
    struct store_line *l = ARENA_NEW(a, struct store_line);
    if (!l) {
        return NULL;
    }
    *l = *from;
    struct str *strings[] = {&l->call_id, &l->text, &l->unheard, &l->agent};
    return keep_all(a, strings, ARRAY_LEN(strings)) ? l : NULL;
}

static const struct store_callback *copy_callback(struct arena *a, const struct store_callback *from)
{
    struct store_callback *c = ARENA_NEW(a, struct store_callback);
    if (!c) {
        return NULL;
    }
    *c = *from;
    struct str *strings[] = {&c->id, &c->call_id, &c->phone, &c->department, &c->reason, &c->scheduled, &c->note};
    return keep_all(a, strings, ARRAY_LEN(strings)) ? c : NULL;
}

static const struct store_span *copy_span(struct arena *a, const struct store_span *from)
{
    struct store_span *s = ARENA_NEW(a, struct store_span);
    if (!s) {
        return NULL;
    }
    *s = *from;
    struct str *strings[] = {&s->call_id, &s->trace_id, &s->span_id, &s->parent_id, &s->type,
                             &s->name,    &s->error,    &s->attrs,   &s->events};
    return keep_all(a, strings, ARRAY_LEN(strings)) ? s : NULL;
}

static const struct store_dial *copy_dial(struct arena *a, const struct store_dial *from)
{
    struct store_dial *d = ARENA_NEW(a, struct store_dial);
    if (!d) {
        return NULL;
    }
    *d = *from;
    struct str *strings[] = {&d->call_id,    &d->campaign,    &d->opening_reason, &d->objective, &d->context,
                             &d->request_id, &d->answered_by, &d->outcome,        &d->cause,     &d->detail};
    return keep_all(a, strings, ARRAY_LEN(strings)) ? d : NULL;
}

static bool copy_op(struct arena *a, const struct store_op *from, struct store_op *to)
{
    *to = *from;
    switch (from->kind) {
    case STORE_CALL_BEGIN:
    case STORE_CALL_UPDATE:
    case STORE_CALL_END:
    case STORE_CALL_ALIVE:
        to->u.call = copy_call(a, from->u.call);
        return to->u.call != NULL;
    case STORE_TURN_ADD:
        to->u.turn = copy_turn(a, from->u.turn);
        return to->u.turn != NULL;
    case STORE_LINE_ADD:
        to->u.line = copy_line(a, from->u.line);
        return to->u.line != NULL;
    case STORE_CALLBACK_ADD:
    case STORE_CALLBACK_CLOSE:
        to->u.callback = copy_callback(a, from->u.callback);
        return to->u.callback != NULL;
    case STORE_SPAN_ADD:
        to->u.span = copy_span(a, from->u.span);
        return to->u.span != NULL;
    case STORE_DIAL_PUT:
        to->u.dial = copy_dial(a, from->u.dial);
        return to->u.dial != NULL;
    }
    return false;
}

/* ---- the job ---- */

static void remove_op(struct scribe_block *b, size_t i)
{
    memmove(&b->ops[i], &b->ops[i + 1], (b->n - i - 1) * sizeof(b->ops[0]));
    b->n--;
}

/* A row about a call whose beginning waits in the spool belongs there too. */
static bool spool_refused(struct scribe *s, const struct store_op *op, int err)
{
    if (err != -ENOENT || !s->spool || (s->drained ? 0 : s->spooled) + s->kept == 0 || spool_put(s->spool, op, 1) < 0) {
        return false;
    }
    s->kept++;
    return true;
}

/* Writes one block; rows that are refused are taken out of it until the rest passes. */
static int write_block(struct scribe *s, struct scribe_batch *batch)
{
    struct scribe_block *b = batch->first;
    while (b->n > 0) {
        size_t failed = b->n;
        int err = s->o.ops->write(s->o.store, b->ops, b->n, &failed);
        if (err >= 0 || store_may_pass(err) || failed >= b->n) {
            return err < 0 ? err : 0;
        }
        if (!spool_refused(s, &b->ops[failed], err)) {
            log_warn(NULL, "store.row-refused", "kind=%d error=%s", (int)b->ops[failed].kind, err_name(err));
            s->refused++;
        }
        remove_op(b, failed);
        batch->n--;
    }
    return 0;
}

/* The rest of a batch that the store did not take. */
static void spool_rest(struct scribe *s, struct scribe_batch *batch)
{
    int err = 0;
    while (err == 0 && batch->first) {
        err = spool_put(s->spool, batch->first->ops, batch->first->n);
        if (err == 0) {
            s->kept += batch->first->n;
            batch->n -= batch->first->n;
            batch->first = batch->first->next;
        }
    }
    if (err < 0 && !s->stuck) {
        log_error(NULL, "spool.failed", "path=%s error=%s", s->spool, err_name(err));
    }
}

/* Rows in the spool are older than those of the batch: they go first, as soon as the store takes rows again. */
static int drain_first(struct scribe *s)
{
    struct spool_report report;
    if (!s->spool || s->spooled == 0) {
        return 0;
    }
    int err = spool_drain(s->spool, s->o.ops, s->o.store, &report);
    s->drained = err >= 0 || err == -ENOENT; /* not there: somebody has done it */
    if (err >= 0) {
        log_info(NULL, "spool.drained", "rows=%llu refused=%llu", (unsigned long long)report.written,
                 (unsigned long long)report.refused);
    }
    return store_may_pass(err) ? err : 0; /* a file that cannot be read waits for the next start */
}

static int write_batch(void *arg)
{
    struct scribe *s = arg;
    struct scribe_batch *batch = written(s);
    int err = drain_first(s);
    while (err == 0 && batch->first) {
        err = write_block(s, batch);
        if (err == 0) {
            batch->n -= batch->first->n;
            batch->first = batch->first->next; /* a retry begins behind what is written */
        }
    }
    s->write_us = clock_now_us() - s->now_us;
    if (err < 0 && s->spool && (s->give_up || !store_may_pass(err))) {
        spool_rest(s, batch);
    }
    return err;
}

/* ---- the loop's side ---- */

static void begin_write(struct scribe *s);

static void run_waiters(struct scribe *s)
{
    uint64_t over = s->writing ? s->filling - 1 : s->filling; /* batches below this number are over */
    over = s->stuck ? UINT64_MAX : over;                      /* nobody waits for a disk to be emptied */
    while (s->waiters && s->waiters->behind < over) {
        struct scribe_waiter *w = s->waiters;
        s->waiters = w->next;
        if (!s->waiters) {
            s->waiters_end = &s->waiters;
        }
        w->fn(w->arg);
        free(w);
    }
}

static uint64_t pause_us(const struct scribe *s, uint32_t doublings)
{
    return (uint64_t)s->o.retry_ms * 1000 << MIN(doublings, PAUSE_DOUBLINGS);
}

static void start_job(struct scribe *s);

/* The store failed for now, and rows are left: they are tried again. */
static void try_again(struct scribe *s, int err)
{
    if (s->give_up && !s->stuck) {
        s->stuck = true;
        log_error(NULL, "store.stuck",
                  "error=%s rows=%zu neither the store nor its spool takes them; they wait in memory", err_name(err),
                  written(s)->n);
        run_waiters(s);
    } else if (!s->stuck) {
        log_warn(NULL, "store.retry", "error=%s tries=%u waiting=%zu", err_name(err), s->tries + 1, written(s)->n);
    }
    s->tries++;
    timer_start(s->timer, s->hurry ? 0 : pause_us(s, s->tries - 1), 0);
    s->armed = true;
}

/* The batch is over, one way or the other. */
static void finish(struct scribe *s, int err)
{
    if (err < 0 && written(s)->n > 0) {
        s->lost += written(s)->n;
        log_error(NULL, "store.lost", "error=%s rows=%zu", err_name(err), written(s)->n);
    } else if (s->stuck) {
        log_info(NULL, "store.recovered", "tries=%u", s->tries);
    }
    s->tries = 0;
    s->stuck = false;
    s->writing = false;
    batch_clear(written(s));
    run_waiters(s);
    if (s->writing) {
        return; /* a waiter has asked for more */
    }
    if (filling(s)->n > 0) {
        begin_write(s); /* rows that came meanwhile have waited long enough */
    } else if (s->spooled > 0 && !s->hurry) {
        timer_start(s->timer, pause_us(s, UINT32_MAX), 0); /* nobody may call for hours: the spool is tried by itself */
    }
}

/* write_us is given, not read: the next job may be under way, and set it. */
static void count(struct scribe *s, int err, uint64_t lost_before, uint64_t write_us)
{
    size_t in_memory = s->tries > 0 ? written(s)->n : 0; /* no job has it now */
    in_memory += s->stuck ? filling(s)->n : 0;
    if (s->o.metrics) {
        metrics_observe_us(s->o.metrics, METRIC_STORE_WRITES, write_us);
        metrics_add(s->o.metrics, METRIC_STORE_ERRORS, err < 0);
        metrics_add(s->o.metrics, METRIC_STORE_LOST, s->lost - lost_before);
        metrics_set(s->o.metrics, METRIC_STORE_WAITING, (int64_t)(s->spooled + in_memory));
    }
}

static void on_written(int err, void *arg)
{
    struct scribe *s = arg;
    uint64_t lost = s->lost;
    uint64_t write_us = s->write_us;
    bool may_pass = err != -ECANCELED && store_may_pass(err);
    bool keep = !s->give_up || (s->spool && !s->hurry);
    if (s->kept > 0) {
        log_error(NULL, "store.spooled", "error=%s rows=%zu path=%s they are written when it takes rows again",
                  err_name(err), s->kept, s->spool);
    }
    s->lost += s->refused;
    s->spooled = (s->drained ? 0 : s->spooled) + s->kept;
    s->drained = false;
    s->refused = s->kept = 0;
    if (may_pass && keep && written(s)->n > 0) {
        try_again(s, err);
    } else {
        finish(s, err);
    }
    count(s, err, lost, write_us);
}

static void start_job(struct scribe *s)
{
    s->now_us = clock_now_us();
    s->writing = true;
    s->give_up = s->hurry || s->tries + 1 >= s->o.max_tries;
    int err = job_run(s->o.loop, write_batch, on_written, s);
    if (err < 0) {
        on_written(err, s);
    }
}

/* Closes the batch that fills and hands it to the job pool. */
static void begin_write(struct scribe *s)
{
    timer_stop(s->timer);
    s->armed = false;
    s->filling++;
    start_job(s);
}

static void on_timer(void *arg)
{
    struct scribe *s = arg;
    s->armed = false;
    if (s->writing) {
        start_job(s); /* the pause after a failure is over */
    } else if (filling(s)->n > 0 || s->spooled > 0) {
        begin_write(s);
    }
}

int scribe_new(const struct scribe_opts *opts, struct scribe **ret)
{
    struct scribe *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->o = *opts;
    s->o.flush_ms = opts->flush_ms ? opts->flush_ms : 200;
    s->o.max_bytes = opts->max_bytes ? opts->max_bytes : 32u << 20;
    s->o.retry_ms = opts->retry_ms ? opts->retry_ms : 500;
    s->o.max_tries = opts->max_tries ? opts->max_tries : 4;
    s->waiters_end = &s->waiters;
    for (size_t i = 0; i < ARRAY_LEN(s->batches); i++) {
        arena_init(&s->batches[i].arena, s->o.max_bytes);
    }
    s->filling = 1;
    s->spool = opts->spool ? str_dup(str_from(opts->spool)) : NULL;
    s->spooled = opts->spooled;
    if (opts->spool && !s->spool) {
        free(s);
        return -ENOMEM;
    }
    int err = timer_new(opts->loop, on_timer, s, &s->timer);
    if (err < 0) {
        free(s->spool);
        free(s);
        return err;
    }
    if (s->spooled > 0) {
        timer_start(s->timer, pause_us(s, 0), 0);
    }
    *ret = s;
    return 0;
}

struct scribe *scribe_free(struct scribe *s)
{
    if (!s) {
        return NULL;
    }
    timer_free(s->timer);
    for (size_t i = 0; i < ARRAY_LEN(s->batches); i++) {
        arena_done(&s->batches[i].arena);
    }
    while (s->waiters) {
        struct scribe_waiter *w = s->waiters;
        s->waiters = w->next;
        free(w);
    }
    free(s->spool);
    free(s);
    return NULL;
}

static struct store_op *next_slot(struct scribe_batch *b)
{
    if (!b->last || b->last->n == SCRIBE_BLOCK_OPS) {
        struct scribe_block *block = ARENA_NEW(&b->arena, struct scribe_block);
        if (!block) {
            return NULL;
        }
        if (b->last) {
            b->last->next = block;
        } else {
            b->first = block;
        }
        b->last = block;
    }
    return &b->last->ops[b->last->n];
}

void scribe_put(struct scribe *s, const struct store_op *op)
{
    struct scribe_batch *b = filling(s);
    struct store_op *slot = next_slot(b);
    if (!slot || !copy_op(&b->arena, op, slot)) {
        if (s->lost++ == 0) {
            log_error(NULL, "store.queue-full", "waiting=%zu", b->n);
        }
        if (s->o.metrics) {
            metrics_add(s->o.metrics, METRIC_STORE_LOST, 1);
        }
        return;
    }
    b->last->n++;
    b->n++;
    /* Who hangs up looks at the record next, maybe from another process: the end of a call does not wait for company.
     */
    bool soon = op->kind == STORE_CALL_END;
    if (!s->writing && (soon || !s->armed)) {
        timer_start(s->timer, (uint64_t)(soon ? MIN(END_FLUSH_MS, s->o.flush_ms) : s->o.flush_ms) * 1000, 0);
        s->armed = true;
    }
}

int scribe_after(struct scribe *s, loop_fn fn, void *arg)
{
    bool idle = !s->writing && filling(s)->n == 0;
    if (idle || (s->stuck && !s->hurry)) {
        fn(arg);
        return 0;
    }
    struct scribe_waiter *w = calloc(1, sizeof(*w));
    if (!w) {
        return -ENOMEM;
    }
    *w = (struct scribe_waiter){.behind = filling(s)->n > 0 ? s->filling : s->filling - 1, .fn = fn, .arg = arg};
    *s->waiters_end = w;
    s->waiters_end = &w->next;
    if (!s->writing) {
        begin_write(s);
    }
    return 0;
}

void scribe_hurry(struct scribe *s)
{
    s->hurry = true;
    if (s->writing && s->armed) { /* in the pause after a failure */
        timer_start(s->timer, 0, 0);
    }
}

uint64_t scribe_lost(const struct scribe *s)
{
    return s->lost;
}

uint64_t scribe_spooled(const struct scribe *s)
{
    return s->spooled;
}
