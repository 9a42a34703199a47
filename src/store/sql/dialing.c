/*
 * The road of one contact: leased, intended, dialled, closed. Every step is one transaction, and says of which lease it
 * is by the fence. The order of locks is campaign, contact, attempt, so that gateways wait for each other and never in
 * a circle.
 */
#include "store/sql/dialing.h"

#include "base/err.h"
#include "store/sql/impl.h"
#include "store/sql/rows.h"

#define TAKE_MAX 100

static int read_campaign(struct sql_row *row, void *arg)
{
    struct sql_campaign_lock *c = arg;

    c->status = CAMPAIGN_ARCHIVED;
    ignore_result(campaign_status_parse(row->text(row, 0), &c->status)); /* an unknown word does not run */
    row->column = 1;
    c->max_concurrent = row_u64(row);
    c->interval_us = row_u64(row);
    c->run_start_us = row_u64(row);
    c->run_end_us = row_u64(row);
    c->next_dial_us = row_u64(row);
    return 0;
}

int sql_lock_campaign(struct store *s, struct str id, struct sql_campaign_lock *ret)
{
    const struct sql_value v[] = {SQL_S(id)};
    int n = sql_face_of(s)->run(s, SQL_WRITER, CSQL_LOCK_CAMPAIGN, v, 1, read_campaign, ret);

    return n < 0 ? n : n ? 0 : -ENOENT;
}

/* ------------------------------------------------------------------------------------------------ lease, release */

/* 0: somebody may be leased. */
static int may_lease(struct store *s, const struct campaign_lease *l, const struct sql_campaign_lock *c,
                     uint64_t *ret_next_us)
{
    const struct sql_value v[] = {SQL_S(l->campaign_id)};
    uint64_t active = 0;

    if (c->status != CAMPAIGN_RUNNING) {
        return -ERR_STATE;
    }
    if (l->now_us < c->run_start_us || l->now_us < c->next_dial_us) {
        *ret_next_us = MAX(c->run_start_us, c->next_dial_us);
        return -EAGAIN;
    }
    if (c->run_end_us && l->now_us >= c->run_end_us) {
        *ret_next_us = 0;
        return -EAGAIN;
    }
    int err = sql_count(s, SQL_WRITER, CSQL_ACTIVE, v, 1, &active);
    return err < 0 ? err : active >= c->max_concurrent ? -ERR_LIMIT : 0;
}

struct one_contact {
    struct arena *a;
    struct contact_row *ret;
};

static int read_contact(struct sql_row *row, void *arg)
{
    struct one_contact *one = arg;

    row->a = one->a;
    row_contact(row, one->ret);
    return row->err;
}

static int lease(struct store *s, const struct campaign_lease *l, struct one_contact *one, uint64_t *ret_next_us)
{
    const struct sql_value v[] = {SQL_S(l->campaign_id), SQL_S(l->owner), SQL_N(l->now_us), SQL_N(l->until_us)};
    const struct sql_value spend[] = {SQL_S(l->campaign_id), SQL_N(l->now_us)};
    struct sql_campaign_lock c = {0};
    int err = sql_lock_campaign(s, l->campaign_id, &c);

    err = err < 0 ? err : may_lease(s, l, &c, ret_next_us);
    if (err < 0) {
        return err;
    }
    int n = sql_face_of(s)->run(s, SQL_WRITER, CSQL_LEASE, v, ARRAY_LEN(v), read_contact, one);
    if (n == 0) {
        n = sql_next_us(s, SQL_WRITER, l->campaign_id, ret_next_us);
        return n < 0 ? n : -EAGAIN;
    }
    return n < 0 ? n : sql_run(s, CSQL_SPEND, spend, ARRAY_LEN(spend));
}

int sql_lease(struct store *s, const struct campaign_lease *l, struct arena *a, struct contact_row *ret,
              uint64_t *ret_next_us)
{
    const struct sql_face *f = sql_face_of(s);
    struct one_contact one = {a, ret};

    *ret_next_us = 0;
    int err = f->begin(s, SQL_WRITER);
    err = f->finish(s, SQL_WRITER, err < 0 ? err : lease(s, l, &one, ret_next_us));
    return MIN(err, 0);
}

static int release(struct store *s, const struct contact_row *c, uint64_t next_us, struct str note)
{
    const struct sql_value v[] = {SQL_N(c->id), SQL_N(c->fence), SQL_N(next_us), SQL_S(note)};
    const struct sql_value unspend[] = {SQL_S(c->campaign_id)};
    struct sql_campaign_lock lock;
    int err = sql_lock_campaign(s, c->campaign_id, &lock);
    int n = err < 0 ? err : sql_run(s, CSQL_RELEASE, v, ARRAY_LEN(v));

    return n < 0 ? n : n == 0 ? -ERR_STATE : sql_run(s, CSQL_UNSPEND, unspend, 1);
}

int sql_release(struct store *s, const struct contact_row *c, uint64_t next_us, struct str note)
{
    const struct sql_face *f = sql_face_of(s);
    int err = f->begin(s, SQL_WRITER);

    err = f->finish(s, SQL_WRITER, err < 0 ? err : release(s, c, next_us, note));
    return MIN(err, 0);
}

/* ------------------------------------------------------------------------------------------------ intent */

/* 1: forbidden, and the contact is told so. */
static int look_forbidden(struct store *s, const struct attempt_row *t)
{
    const struct sql_value phone[] = {SQL_S(t->phone)};
    const struct sql_value id[] = {SQL_N(t->contact_id)};
    int n = sql_face_of(s)->run(s, SQL_WRITER, CSQL_DNC_GET, phone, 1, NULL, NULL);

    return n <= 0 ? n : sql_run(s, CSQL_FORBID, id, 1);
}

static int intend(struct store *s, const struct attempt_row *t, uint64_t until_us, bool *ret_forbidden)
{
    const struct sql_value dialing[] = {SQL_N(t->contact_id), SQL_N(t->fence), SQL_S(t->owner), SQL_N(t->created_us),
                                        SQL_N(until_us)};
    const struct sql_value v[] = {SQL_S(t->id), SQL_N(t->contact_id), SQL_S(t->caller_id), SQL_S(t->agent),
                                  SQL_N(t->created_us)};
    struct sql_campaign_lock c = {0};
    int err = sql_lock_campaign(s, t->campaign_id, &c);

    err = err < 0 ? err : c.status != CAMPAIGN_RUNNING ? -ERR_STATE : 0;
    int n = err < 0 ? err : sql_run(s, CSQL_TO_DIALING, dialing, ARRAY_LEN(dialing));
    if (n <= 0) {
        return n < 0 ? n : -ERR_STATE;
    }
    /* Looked up behind the lock on the contact: what was added before this is heeded. */
    n = look_forbidden(s, t);
    *ret_forbidden = n > 0;
    return n != 0 ? n : sql_run(s, CSQL_INTEND, v, ARRAY_LEN(v));
}

int sql_intend(struct store *s, const struct attempt_row *t, uint64_t until_us)
{
    const struct sql_face *f = sql_face_of(s);
    bool forbidden = false;
    int err = f->begin(s, SQL_KEEPER); /* an intent that a power failure forgets would be dialled again */

    err = f->finish(s, SQL_KEEPER, err < 0 ? err : intend(s, t, until_us, &forbidden));
    return err < 0 ? err : forbidden ? -EPERM : 0;
}

/* ------------------------------------------------------------------------------------------------ news, end */

static int read_id(struct sql_row *row, void *arg)
{
    *(uint64_t *)arg = row_u64(row);
    return 0;
}

/* Whose attempt it is, when nothing was changed. */
static int why_not(struct store *s, struct str id)
{
    const struct sql_value v[] = {SQL_S(id)};
    int n = sql_face_of(s)->run(s, SQL_WRITER, CSQL_ATTEMPT, v, 1, NULL, NULL);

    return n < 0 ? n : n ? -ERR_STATE : -ENOENT;
}

static int put_news(struct store *s, const struct attempt_news *n)
{
    const struct sql_value v[] = {SQL_S(n->id),        SQL_N(n->fence),   SQL_N(n->answered_us),
                                  SQL_S(n->answerer),  SQL_S(n->consent), SQL_S(n->carrier_call_id),
                                  SQL_S(n->request_id)};
    uint64_t contact = 0;
    int rows = sql_face_of(s)->run(s, SQL_WRITER, CSQL_NOTE, v, ARRAY_LEN(v), read_id, &contact);

    if (rows <= 0) {
        return rows < 0 ? rows : why_not(s, n->id);
    }
    const struct sql_value state[] = {SQL_N(contact), SQL_N(n->fence), SQL_S(str_from(contact_state_word(n->state)))};
    return sql_run(s, CSQL_CONTACT_STATE, state, ARRAY_LEN(state));
}

int sql_note(struct store *s, const struct attempt_news *n)
{
    const struct sql_face *f = sql_face_of(s);
    int err = f->begin(s, SQL_WRITER);

    err = f->finish(s, SQL_WRITER, err < 0 ? err : put_news(s, n));
    return MIN(err, 0);
}

static int put_end(struct store *s, const struct attempt_end *e)
{
    struct str outcome = str_from(attempt_outcome_word(e->outcome));
    const struct sql_value v[] = {
        SQL_S(e->id),         SQL_N(e->fence),           SQL_N(MAX(e->ended_us, 1u)), SQL_S(outcome),
        SQL_N(e->duration_s), SQL_S(e->answerer),        SQL_S(e->consent),           SQL_S(e->cause),
        SQL_S(e->error),      SQL_S(e->carrier_call_id), SQL_S(e->request_id),        SQL_N(e->answered_us)};
    uint64_t contact = 0;
    int rows = sql_face_of(s)->run(s, SQL_WRITER, CSQL_CLOSE, v, ARRAY_LEN(v), read_id, &contact);

    if (rows <= 0) {
        return rows < 0 ? rows : why_not(s, e->id);
    }
    const struct sql_value state[] = {SQL_N(contact), SQL_N(e->fence),   SQL_S(str_from(contact_state_word(e->state))),
                                      SQL_S(outcome), SQL_N(e->next_us), SQL_N(e->uncounted)};
    return sql_run(s, CSQL_SETTLE, state, ARRAY_LEN(state));
}

int sql_close(struct store *s, const struct attempt_end *e)
{
    const struct sql_face *f = sql_face_of(s);
    int err = f->begin(s, SQL_WRITER);

    err = f->finish(s, SQL_WRITER, err < 0 ? err : put_end(s, e));
    return MIN(err, 0);
}

/* ------------------------------------------------------------------------------------------------ taking over */

struct taken {
    struct {
        uint64_t contact, fence;
    } list[TAKE_MAX];
    uint32_t n;
};

static int read_taken(struct sql_row *row, void *arg)
{
    struct taken *t = arg;

    if (t->n < TAKE_MAX) {
        t->list[t->n].contact = row_u64(row);
        t->list[t->n++].fence = row_u64(row);
    }
    return 0;
}

struct one_attempt {
    struct arena *a;
    struct attempt_row *ret;
};

static int read_attempt(struct sql_row *row, void *arg)
{
    struct one_attempt *one = arg;

    row->a = one->a;
    row_attempt(row, one->ret);
    return row->err;
}

static int take(struct store *s, const struct campaign_lease *l, uint32_t limit, struct arena *a,
                struct campaign_rows *ret)
{
    const struct sql_face *f = sql_face_of(s);
    const struct sql_value now[] = {SQL_N(l->now_us)};
    const struct sql_value v[] = {SQL_N(l->now_us), SQL_S(l->owner), SQL_N(l->until_us), SQL_N(limit)};
    struct taken t = {.n = 0};
    int err = sql_run(s, CSQL_UNLEASE, now, 1);

    err = err < 0 ? err : f->run(s, SQL_WRITER, CSQL_TAKE, v, ARRAY_LEN(v), read_taken, &t);
    for (uint32_t i = 0; err >= 0 && i < t.n; i++) {
        const struct sql_value w[] = {SQL_N(t.list[i].contact), SQL_S(l->owner), SQL_N(t.list[i].fence)};
        struct one_attempt one = {a, &ret->attempts[ret->n]};
        err = f->run(s, SQL_WRITER, CSQL_TAKE_ATTEMPT, w, ARRAY_LEN(w), read_attempt, &one);
        ret->n += err > 0;
    }
    ret->total = ret->n;
    return err;
}

int sql_take_over(struct store *s, const struct campaign_lease *l, uint32_t limit, struct arena *a,
                  struct campaign_rows *ret)
{
    const struct sql_face *f = sql_face_of(s);

    limit = limit ? MIN(limit, (uint32_t)TAKE_MAX) : TAKE_MAX;
    *ret = (struct campaign_rows){.attempts = arena_alloc(a, sizeof(*ret->attempts) * limit)};
    if (!ret->attempts) {
        return -ENOMEM;
    }
    int err = f->begin(s, SQL_WRITER);
    err = f->finish(s, SQL_WRITER, err < 0 ? err : take(s, l, limit, a, ret));
    return MIN(err, 0);
}
