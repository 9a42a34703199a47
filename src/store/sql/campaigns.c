/* Campaigns themselves, their contacts by hand, the lists. What happens to one contact at a time is in dialing.c. */
#include "store/sql/campaigns.h"

#include "base/buf.h"
#include "base/err.h"
#include "store/sql/dialing.h"
#include "store/sql/impl.h"
#include "store/sql/rows.h"

#define DEFAULT_LIMIT 100
#define MAX_ID_BYTES  64

#define X(name, sql) [name] = sql,
const char *const campaign_sql_plain[CAMPAIGN_SQL_N] = {CAMPAIGN_SQL_LIST(X, "", "")};
const char *const campaign_sql_locking[CAMPAIGN_SQL_N] = {
    CAMPAIGN_SQL_LIST(X, " FOR NO KEY UPDATE", " FOR NO KEY UPDATE SKIP LOCKED")};
#undef X

/* ------------------------------------------------------------------------------------------------ of several use */

const struct sql_face *sql_face_of(struct store *s)
{
    return ((const struct sql_store *)(const void *)s)->face;
}

int sql_run(struct store *s, uint32_t id, const struct sql_value *v, uint32_t n)
{
    return sql_face_of(s)->run(s, SQL_WRITER, id, v, n, NULL, NULL);
}

/* One change in a transaction of its own; how many rows. */
static int change(struct store *s, uint32_t id, const struct sql_value *v, uint32_t n)
{
    const struct sql_face *f = sql_face_of(s);
    int err = f->begin(s, SQL_WRITER);
    int changed = err < 0 ? err : f->run(s, SQL_WRITER, id, v, n, NULL, NULL);

    err = f->finish(s, SQL_WRITER, changed);
    return err < 0 ? err : changed;
}

static int read_number(struct sql_row *row, void *arg)
{
    *(uint64_t *)arg = row_u64(row);
    return 0;
}

int sql_count(struct store *s, enum sql_side side, uint32_t id, const struct sql_value *v, uint32_t n, uint64_t *ret)
{
    return sql_face_of(s)->run(s, side, id, v, n, read_number, ret);
}

/* ------------------------------------------------------------------------------------------------ lists */

enum kind { KIND_CAMPAIGN, KIND_CONTACT, KIND_ATTEMPT };

struct listing {
    struct arena *a;
    enum kind kind;
    uint32_t max;
    struct campaign_rows *ret;
};

static int put_row(struct sql_row *row, void *arg)
{
    struct listing *l = arg;
    struct campaign_rows *ret = l->ret;

    if (ret->n == l->max) {
        return 0; /* somebody added rows between the count and the list */
    }
    row->a = l->a;
    switch (l->kind) {
    case KIND_CAMPAIGN:
        row_campaign(row, &ret->campaigns[ret->n]);
        break;
    case KIND_CONTACT:
        row_contact(row, &ret->contacts[ret->n]);
        break;
    case KIND_ATTEMPT:
        row_attempt(row, &ret->attempts[ret->n]);
        break;
    }
    ret->n += row->err >= 0;
    return row->err;
}

static const size_t kind_sizes[] = {
    [KIND_CAMPAIGN] = sizeof(struct campaign_row),
    [KIND_CONTACT] = sizeof(struct contact_row),
    [KIND_ATTEMPT] = sizeof(struct attempt_row),
};

/* v[0] to v[n - 1] are the filter of both statements; the page follows. */
static int list_rows(struct store *s, struct listing *l, uint32_t total, uint32_t list, struct sql_value *v, uint32_t n,
                     const struct campaign_filter *f)
{
    const struct sql_face *face = sql_face_of(s);
    uint32_t limit = f->limit ? MIN(f->limit, (uint32_t)CAMPAIGN_LIST_MAX) : DEFAULT_LIMIT;
    int err = face->begin(s, SQL_READER);

    err = err < 0 ? err : sql_count(s, SQL_READER, total, v, n, &l->ret->total);
    uint64_t left = l->ret->total > f->offset ? l->ret->total - f->offset : 0;
    l->max = (uint32_t)MIN(left, (uint64_t)limit);
    if (err >= 0 && l->max > 0) {
        l->ret->campaigns = arena_alloc(l->a, kind_sizes[l->kind] * l->max);
        v[n] = SQL_N(l->max);
        v[n + 1] = SQL_N(f->offset);
        err = l->ret->campaigns ? face->run(s, SQL_READER, list, v, n + 2, put_row, l) : -ENOMEM;
    }
    err = face->finish(s, SQL_READER, err);
    return MIN(err, 0);
}

/* ",draft,paused,": the words of the bits; empty: all. */
static void put_words(struct buf *out, uint32_t bits, const char *(*word)(uint32_t))
{
    for (uint32_t i = 0; i < 32; i++) {
        if (bits & 1u << i) {
            buf_printf(out, "%s%s,", out->len ? "" : ",", word(i));
        }
    }
}

static const char *status_word(uint32_t i)
{
    return campaign_status_word((enum campaign_status)i);
}

static const char *state_word(uint32_t i)
{
    return contact_state_word((enum contact_state)i);
}

static int campaign_list(struct store *s, const struct campaign_filter *f, struct arena *a, struct campaign_rows *ret)
{
    struct listing l = {.a = a, .kind = KIND_CAMPAIGN, .ret = ret};
    struct buf words;

    *ret = (struct campaign_rows){.n = 0};
    buf_init(&words, 512);
    put_words(&words, f->states, status_word);
    struct sql_value v[3] = {SQL_S(buf_str(&words))};
    int err = words.err < 0 ? words.err : list_rows(s, &l, CSQL_TOTAL, CSQL_LIST, v, 1, f);
    buf_done(&words);
    return err;
}

static int contact_list(struct store *s, const struct campaign_filter *f, struct arena *a, struct campaign_rows *ret)
{
    struct listing l = {.a = a, .kind = KIND_CONTACT, .ret = ret};
    struct buf words;

    *ret = (struct campaign_rows){.n = 0};
    buf_init(&words, 512);
    put_words(&words, f->states, state_word);
    struct sql_value v[4] = {SQL_S(f->campaign_id), SQL_S(buf_str(&words))};
    int err = words.err < 0 ? words.err : list_rows(s, &l, CSQL_CONTACTS_TOTAL, CSQL_CONTACTS, v, 2, f);
    buf_done(&words);
    return err;
}

static int attempt_list(struct store *s, const struct campaign_filter *f, struct arena *a, struct campaign_rows *ret)
{
    struct listing l = {.a = a, .kind = KIND_ATTEMPT, .ret = ret};
    struct sql_value v[4] = {SQL_S(f->campaign_id), SQL_N(f->contact_id)};

    *ret = (struct campaign_rows){.n = 0};
    return list_rows(s, &l, CSQL_ATTEMPTS_TOTAL, CSQL_ATTEMPTS, v, 2, f);
}

/* ------------------------------------------------------------------------------------------------ one row */

/* A list of one, by the same readers. */
static int get_one(struct store *s, struct listing *l, uint32_t id, struct str key)
{
    const struct sql_face *f = sql_face_of(s);
    const struct sql_value v[] = {SQL_S(key)};
    int err = f->begin(s, SQL_READER);

    l->max = 1;
    l->ret->n = 0;
    err = err < 0 ? err : f->run(s, SQL_READER, id, v, 1, put_row, l);
    err = f->finish(s, SQL_READER, err);
    return err < 0 ? err : l->ret->n ? 0 : -ENOENT;
}

static int campaign_get(struct store *s, struct str id, struct arena *a, struct campaign_row *ret)
{
    struct campaign_rows one = {.campaigns = ret};

    return get_one(s, &(struct listing){.a = a, .kind = KIND_CAMPAIGN, .ret = &one}, CSQL_GET, id);
}

static int attempt_get(struct store *s, struct str id, struct arena *a, struct attempt_row *ret)
{
    struct campaign_rows one = {.attempts = ret};

    return get_one(s, &(struct listing){.a = a, .kind = KIND_ATTEMPT, .ret = &one}, CSQL_ATTEMPT, id);
}

static bool exists(struct store *s, struct str id)
{
    struct campaign_row c;
    struct arena a;

    arena_init(&a, 8u << 20);
    int err = campaign_get(s, id, &a, &c);
    arena_done(&a);
    return err != -ENOENT;
}

static int campaign_create(struct store *s, const struct campaign_row *c)
{
    const struct sql_value v[] = {
        SQL_S(c->id),          SQL_S(c->name),         SQL_S(str_from(campaign_status_word(c->status))),
        SQL_S(c->note),        SQL_S(c->settings),     SQL_N(c->max_concurrent),
        SQL_N(c->interval_us), SQL_N(c->run_start_us), SQL_N(c->run_end_us),
        SQL_N(c->created_us)};
    int err = c->id.n == 0 || c->id.n > MAX_ID_BYTES ? -EINVAL : change(s, CSQL_CREATE, v, ARRAY_LEN(v));

    return MIN(err, 0);
}

static int campaign_change(struct store *s, const struct campaign_row *c)
{
    const struct sql_value v[] = {
        SQL_S(c->id),          SQL_S(c->name),         SQL_S(c->settings),   SQL_N(c->max_concurrent),
        SQL_N(c->interval_us), SQL_N(c->run_start_us), SQL_N(c->run_end_us), SQL_N(c->updated_us)};
    int n = change(s, CSQL_CHANGE, v, ARRAY_LEN(v));

    return n < 0 ? n : n ? 0 : exists(s, c->id) ? -ERR_STATE : -ENOENT;
}

static int campaign_move(struct store *s, struct str id, uint32_t from, enum campaign_status to, struct str note,
                         uint64_t now_us)
{
    struct buf words;

    buf_init(&words, 512);
    put_words(&words, from, status_word);
    const struct sql_value v[] = {SQL_S(id), SQL_S(buf_str(&words)), SQL_S(str_from(campaign_status_word(to))),
                                  SQL_S(note), SQL_N(now_us)};
    int n = words.err < 0 ? words.err : change(s, CSQL_MOVE, v, ARRAY_LEN(v));
    buf_done(&words);
    return n < 0 ? n : n ? 0 : exists(s, id) ? -ERR_STATE : -ENOENT;
}

static int remove_in_transaction(struct store *s, struct str id)
{
    const struct sql_value v[] = {SQL_S(id)};
    struct sql_campaign_lock c = {0};
    uint64_t open = 0;
    int err = sql_lock_campaign(s, id, &c);

    err = err < 0                        ? err
          : c.status == CAMPAIGN_RUNNING ? -ERR_STATE
                                         : sql_count(s, SQL_WRITER, CSQL_OPEN_ATTEMPTS, v, 1, &open);
    return err < 0 ? err : open ? -EBUSY : sql_run(s, CSQL_REMOVE, v, 1);
}

static int campaign_remove(struct store *s, struct str id)
{
    const struct sql_face *f = sql_face_of(s);
    int err = f->begin(s, SQL_WRITER);

    err = f->finish(s, SQL_WRITER, err < 0 ? err : remove_in_transaction(s, id));
    return MIN(err, 0);
}

/* ------------------------------------------------------------------------------------------------ contacts */

static int add_one(struct store *s, const struct contact_row *c, uint64_t now_us, bool *ret_added)
{
    const struct sql_value v[] = {SQL_S(c->campaign_id),
                                  SQL_S(c->name),
                                  SQL_S(c->phone),
                                  SQL_S(c->timezone),
                                  SQL_S(c->agent),
                                  SQL_S(c->caller_id),
                                  SQL_S(c->vars.n ? c->vars : STR("{}")),
                                  SQL_N(now_us)};
    int n = sql_run(s, CSQL_ADD, v, ARRAY_LEN(v));

    *ret_added = n > 0;
    return n;
}

static int contacts_add(struct store *s, const struct contact_row *list, uint32_t n, uint64_t now_us, bool *ret_added)
{
    const struct sql_face *f = sql_face_of(s);
    int err = f->begin(s, SQL_WRITER);

    for (uint32_t i = 0; err >= 0 && i < n; i++) {
        err = add_one(s, &list[i], now_us, &ret_added[i]);
    }
    err = f->finish(s, SQL_WRITER, err);
    return MIN(err, 0);
}

static int contact_set(struct store *s, struct str campaign_id, uint64_t id, enum contact_state state)
{
    const struct sql_value v[] = {SQL_S(campaign_id), SQL_N(id), SQL_S(str_from(contact_state_word(state)))};
    const struct sql_face *f = sql_face_of(s);
    uint64_t found = 0;

    if (state != CONTACT_PENDING && state != CONTACT_CANCELED) {
        return -EINVAL;
    }
    int err = f->begin(s, SQL_WRITER);
    int n = err < 0 ? err : sql_run(s, CSQL_CONTACT_SET, v, ARRAY_LEN(v));
    if (n == 0) {
        n = sql_count(s, SQL_WRITER, CSQL_CONTACT, v, 2, &found);
        n = n < 0 ? n : n > 0 ? -ERR_STATE : -ENOENT;
    }
    err = f->finish(s, SQL_WRITER, n);
    return MIN(err, 0);
}

/* ------------------------------------------------------------------------------------------------ progress */

static int count_state(struct sql_row *row, void *arg)
{
    struct campaign_progress *p = arg;
    enum contact_state state;
    struct str word = row->text(row, 0);
    uint64_t n = (uint64_t)row->number(row, 1);

    if (contact_state_parse(word, &state) >= 0) {
        p->states[state] = n;
    }
    p->contacts += n;
    return 0;
}

static int count_outcome(struct sql_row *row, void *arg)
{
    struct campaign_progress *p = arg;
    enum attempt_outcome outcome;
    struct str word = row->text(row, 0);
    uint64_t n = (uint64_t)row->number(row, 1);

    if (attempt_outcome_parse(word, &outcome) >= 0) {
        p->outcomes[outcome] = n;
    }
    p->attempts += n;
    return 0;
}

static int read_next(struct sql_row *row, void *arg)
{
    uint64_t n = row_u64(row);
    uint64_t next_us = row_u64(row);

    *(uint64_t *)arg = n ? MAX(next_us, 1u) : 0;
    return 0;
}

int sql_next_us(struct store *s, enum sql_side side, struct str id, uint64_t *ret)
{
    const struct sql_value v[] = {SQL_S(id)};

    return sql_face_of(s)->run(s, side, CSQL_NEXT, v, 1, read_next, ret);
}

static int campaign_progress(struct store *s, struct str id, struct campaign_progress *ret)
{
    const struct sql_face *f = sql_face_of(s);
    const struct sql_value v[] = {SQL_S(id)};

    *ret = (struct campaign_progress){0};
    int err = f->begin(s, SQL_READER);
    err = err < 0 ? err : f->run(s, SQL_READER, CSQL_COUNT_STATES, v, 1, count_state, ret);
    err = err < 0 ? err : f->run(s, SQL_READER, CSQL_COUNT_OUTCOMES, v, 1, count_outcome, ret);
    err = err < 0 ? err : sql_next_us(s, SQL_READER, id, &ret->next_us);
    err = f->finish(s, SQL_READER, err);
    return MIN(err, 0);
}

/* ------------------------------------------------------------------------------------------------ do not call */

static int dnc_add(struct store *s, const struct dnc_row *list, uint32_t n)
{
    const struct sql_face *f = sql_face_of(s);
    int err = f->begin(s, SQL_WRITER);

    for (uint32_t i = 0; err >= 0 && i < n; i++) {
        const struct sql_value v[] = {SQL_S(list[i].phone), SQL_S(list[i].reason), SQL_N(list[i].added_us)};
        err = sql_run(s, CSQL_DNC_ADD, v, ARRAY_LEN(v));
    }
    err = f->finish(s, SQL_WRITER, err);
    return MIN(err, 0);
}

static int dnc_remove(struct store *s, struct str phone)
{
    const struct sql_value v[] = {SQL_S(phone)};
    int n = change(s, CSQL_DNC_REMOVE, v, 1);

    return n < 0 ? n : n ? 0 : -ENOENT;
}

struct dnc_listing {
    struct arena *a;
    struct dnc_row *list;
    uint32_t n, max;
};

static int put_dnc(struct sql_row *row, void *arg)
{
    struct dnc_listing *l = arg;

    if (l->n < l->max) {
        row->a = l->a;
        row_dnc(row, &l->list[l->n++]);
    }
    return row->err;
}

static int dnc_get(struct store *s, struct str phone, struct arena *a, struct dnc_row *ret)
{
    const struct sql_face *f = sql_face_of(s);
    const struct sql_value v[] = {SQL_S(phone)};
    struct dnc_listing l = {.a = a, .list = ret, .max = 1};
    int err = f->begin(s, SQL_READER);

    err = err < 0 ? err : f->run(s, SQL_READER, CSQL_DNC_GET, v, 1, put_dnc, &l);
    err = f->finish(s, SQL_READER, err);
    return err < 0 ? err : l.n ? 0 : -ENOENT;
}

static int dnc_list(struct store *s, uint32_t limit, uint32_t offset, struct arena *a, struct dnc_row **ret,
                    uint32_t *ret_n, uint64_t *ret_total)
{
    const struct sql_face *f = sql_face_of(s);
    struct dnc_listing l = {.a = a, .max = limit ? MIN(limit, (uint32_t)CAMPAIGN_LIST_MAX) : DEFAULT_LIMIT};
    const struct sql_value v[] = {SQL_N(l.max), SQL_N(offset)};

    l.list = arena_alloc(a, sizeof(*l.list) * l.max);
    if (!l.list) {
        return -ENOMEM;
    }
    int err = f->begin(s, SQL_READER);
    err = err < 0 ? err : sql_count(s, SQL_READER, CSQL_DNC_TOTAL, NULL, 0, ret_total);
    err = err < 0 ? err : f->run(s, SQL_READER, CSQL_DNC_LIST, v, ARRAY_LEN(v), put_dnc, &l);
    err = f->finish(s, SQL_READER, err);
    *ret = l.list;
    *ret_n = l.n;
    return MIN(err, 0);
}

static int campaign_renew(struct store *s, struct str owner, const struct campaign_hold *held, uint32_t n,
                          uint64_t until_us)
{
    const struct sql_face *f = sql_face_of(s);
    int err = f->begin(s, SQL_WRITER);
    int alive = 0;

    for (uint32_t i = 0; err >= 0 && i < n; i++) {
        const struct sql_value v[] = {SQL_N(held[i].contact_id), SQL_N(held[i].fence), SQL_S(owner), SQL_N(until_us)};
        err = sql_run(s, CSQL_RENEW, v, ARRAY_LEN(v));
        alive += err > 0;
    }
    err = f->finish(s, SQL_WRITER, err);
    return err < 0 ? err : alive;
}

static int campaign_expire(struct store *s, struct str prefix, struct str owner)
{
    const struct sql_value v[] = {SQL_S(prefix), SQL_S(owner)};

    return change(s, CSQL_EXPIRE, v, ARRAY_LEN(v));
}

const struct campaign_ops sql_campaigns = {
    .create = campaign_create,
    .get = campaign_get,
    .list = campaign_list,
    .change = campaign_change,
    .move = campaign_move,
    .remove = campaign_remove,
    .add = contacts_add,
    .contacts = contact_list,
    .contact_set = contact_set,
    .attempts = attempt_list,
    .attempt = attempt_get,
    .progress = campaign_progress,
    .lease = sql_lease,
    .release = sql_release,
    .intend = sql_intend,
    .note = sql_note,
    .close = sql_close,
    .renew = campaign_renew,
    .expire = campaign_expire,
    .take_over = sql_take_over,
    .dnc_add = dnc_add,
    .dnc_remove = dnc_remove,
    .dnc_get = dnc_get,
    .dnc_list = dnc_list,
};
