#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/postgres/impl.h"

#define DEADLINE_SLACK_MS 3000 /* behind the server's own time-out, which is the one that should come */
#define FIRST_WAIT_US     200000u
#define MAX_WAIT_US       10000000u

static const char *const statement_texts[STATEMENT_N] = {
#define X(name, sql) [name] = sql,
    STATEMENT_LIST(X)
#undef X
};

/* ------------------------------------------------------------------------------------------------ what went wrong */

/* SQLSTATE or its class; the first that fits. Source: PostgreSQL documentation, appendix A. */
static const struct {
    const char *state;
    int err;
} states[] = {
    {"23505", -EEXIST},   {"23503", -ENOENT},   {"53100", -ENOSPC},      {"53200", -ENOMEM},
    {"53300", -EBUSY},    {"55P03", -EBUSY},    {"57014", -ETIMEDOUT},   {"40", -EBUSY},
    {"57P", -ERR_CLOSED}, {"08", -ERR_CLOSED},  {"28", -ERR_AUTH},       {"42501", -EACCES},
    {"25006", -EACCES},   {"54", -ERR_TOO_BIG}, {"XX001", -ERR_CORRUPT}, {"XX002", -ERR_CORRUPT},
};

int pg_error(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        return 0;
    }
    for (size_t i = 0; state && i < ARRAY_LEN(states); i++) {
        if (str_starts(str_from(state), str_from(states[i].state))) {
            return states[i].err;
        }
    }
    return state ? -EIO : -ERR_CLOSED;
}

/* libpq's messages have several lines. */
static void put_one_line(struct buf *out, const char *text)
{
    struct str s = str_trim(str_from(text));

    for (size_t i = 0; out && i < s.n; i++) {
        char c = s.p[i];
        buf_putc(out, c == '\n' || c == '\t' || c == '\r' ? ' ' : c);
    }
}

/* An error of a statement that ours should never give is worth a line: it is a bug or a foreign hand. */
static void tell(const struct pg_conn *c, uint32_t id, const PGresult *r, int err)
{
    struct buf text;

    if (err != -EIO && err != -EACCES && err != -ERR_CORRUPT && err != -ENOSPC) {
        return;
    }
    buf_init(&text, 2048);
    put_one_line(&text, PQresultErrorMessage(r));
    log_error(NULL, "postgres.failed", "server=%s statement=%d error=%s text=\"%s\"", c->store->where, (int)id,
              err_name(err), text.len ? buf_cstr(&text) : "");
    buf_done(&text);
}

/* ------------------------------------------------------------------------------------------------ arguments, rows */

void pg_args_init(struct pg_args *a)
{
    a->n = 0;
    buf_init(&a->text, 4 * PG_MAX_TEXT_BYTES + 65536);
}

void pg_args_done(struct pg_args *a)
{
    buf_done(&a->text);
}

static void next_arg(struct pg_args *a, size_t at)
{
    if (a->n == PG_ARGS_MAX) {
        a->text.err = -ERR_TOO_BIG;
        return;
    }
    a->at[a->n++] = at;
}

void pg_arg_str(struct pg_args *a, struct str s)
{
    next_arg(a, a->text.len);
    while (s.n > 0) {
        size_t n = *s.p ? utf8_len(s) : 0;
        buf_put(&a->text, n ? s.p : "\xEF\xBF\xBD", n ? n : 3);
        n = MAX(n, 1u);
        s = (struct str){s.p + n, s.n - n};
    }
    buf_putc(&a->text, '\0');
}

void pg_arg_u64(struct pg_args *a, uint64_t v)
{
    next_arg(a, a->text.len);
    buf_put_u64(&a->text, MIN(v, (uint64_t)INT64_MAX));
    buf_putc(&a->text, '\0');
}

void pg_arg_i64(struct pg_args *a, int64_t v)
{
    next_arg(a, a->text.len);
    buf_put_i64(&a->text, v);
    buf_putc(&a->text, '\0');
}

void pg_arg_null(struct pg_args *a)
{
    next_arg(a, SIZE_MAX);
}

static struct str next_column(struct pg_row *w)
{
    int at = w->column++;
    return (struct str){PQgetvalue(w->r, w->row, at), (size_t)PQgetlength(w->r, w->row, at)};
}

struct str pg_row_str(struct pg_row *w)
{
    struct str s = arena_str(w->a, next_column(w));

    if (!s.p) {
        w->err = -ENOMEM;
        return STR("");
    }
    return s;
}

int64_t pg_row_i64(struct pg_row *w)
{
    int64_t v = 0;
    struct str s = next_column(w);
    ignore_result(s.n ? str_to_i64(s, &v) : 0); /* NULL reads as 0; our columns hold nothing but numbers */
    return v;
}

uint64_t pg_row_u64(struct pg_row *w)
{
    int64_t v = pg_row_i64(w);
    return v > 0 ? (uint64_t)v : 0;
}

bool pg_row_null(const struct pg_row *w)
{
    return PQgetisnull(w->r, w->row, w->column) != 0;
}

uint64_t pg_changed(const PGresult *r)
{
    int64_t n = 0;
    const char *text = PQcmdTuples((PGresult *)(uintptr_t)r); /* it only looks */
    ignore_result(*text ? str_to_i64(str_from(text), &n) : 0);
    return (uint64_t)n;
}

/* ------------------------------------------------------------------------------------------------ waiting */

/* Until the socket can be read (or written). -ETIMEDOUT, -EIO */
static int wait_socket(const struct pg_conn *c, short events, uint64_t until_us)
{
    for (;;) {
        uint64_t now_us = clock_now_us();
        struct pollfd p = {.fd = PQsocket(c->pg), .events = events};
        int n = now_us >= until_us ? 0 : poll(&p, 1, (int)((until_us - now_us) / 1000 + 1));
        if (n > 0) {
            return 0;
        }
        if (n == 0 || errno != EINTR) {
            return n == 0 ? -ETIMEDOUT : -EIO;
        }
    }
}

static void drop(struct pg_conn *c)
{
    PQfinish(c->pg);
    c->pg = NULL;
    memset(c->prepared, 0, sizeof(c->prepared));
}

/*
 * The result of what was sent. A server that does not answer in time, though its socket lives (stopped, or cut off by a
 * firewall), costs the connection: what it may still say would be taken for the answer to something else.
 */
static int await(struct pg_conn *c, PGresult **ret)
{
    uint64_t until_us = clock_now_us() + (uint64_t)(c->store->busy_ms + DEADLINE_SLACK_MS) * 1000;
    PGresult *last = NULL;
    int flushed = 1;
    int err = 0;

    while (err == 0 && (flushed = PQflush(c->pg)) > 0) {
        err = wait_socket(c, POLLIN | POLLOUT, until_us);
        err = err < 0 || PQconsumeInput(c->pg) ? err : -ERR_CLOSED;
    }
    err = flushed < 0 ? -ERR_CLOSED : err;
    while (err == 0) {
        while (err == 0 && PQisBusy(c->pg)) {
            err = wait_socket(c, POLLIN, until_us);
            err = err < 0 || PQconsumeInput(c->pg) ? err : -ERR_CLOSED;
        }
        PGresult *r = err == 0 ? PQgetResult(c->pg) : NULL;
        if (!r) {
            break;
        }
        /* The first failure is the one to tell; what comes after it is its echo. */
        if (last && pg_error(last) < 0) {
            PQclear(r);
        } else {
            PQclear(last);
            last = r;
        }
    }
    if (err < 0) {
        PQclear(last);
        return err;
    }
    *ret = last;
    return last ? pg_error(last) : -ERR_CLOSED;
}

/* ------------------------------------------------------------------------------------------------ connecting */

static int handshake(struct pg_conn *c, uint64_t until_us)
{
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;

    while (step != PGRES_POLLING_OK) {
        int err = step == PGRES_POLLING_FAILED
                      ? -ERR_CLOSED
                      : wait_socket(c, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_us);
        if (err < 0) {
            return err;
        }
        step = PQconnectPoll(c->pg);
    }
    return 0;
}

/*
 * What the user's URL does not say. expand_dbname takes it apart, and what comes later wins: so the URL goes last but
 * for the encoding, which is not the user's to choose.
 */
static PGconn *begin_connect(const struct store *s)
{
    char wait[96];
    int n = snprintf(wait, sizeof(wait), "-c statement_timeout=%u -c lock_timeout=%u", s->busy_ms, s->busy_ms);
    const char *const keys[] = {"fallback_application_name",
                                "keepalives_idle",
                                "tcp_user_timeout",
                                "options",
                                "dbname",
                                "client_encoding",
                                NULL};
    const char *const values[] = {"ringtrip", "30", "10000", wait, s->url, "UTF8", NULL};
    return n < 0 || (size_t)n >= sizeof(wait) ? NULL : PQconnectStartParams(keys, values, 1);
}

/* The name is held as long as the writer's connection lives. At the start it is waited for, since the server may take a
 * moment to see that a killed process is gone; later it is ours unless somebody was very quick. */
static int lock_name(struct pg_conn *c, bool at_start)
{
    struct pg_args a;
    PGresult *r = NULL;

    pg_args_init(&a);
    pg_arg_str(&a, str_from(c->store->node));
    int err = pg_run(c, at_start ? SQL_NODE_LOCK : SQL_NODE_TRY_LOCK, &a, &r);
    if (err >= 0 && !at_start && *PQgetvalue(r, 0, 0) != 't') {
        log_warn(NULL, "postgres.name-taken", "node=%s text=\"another ringtrip has the name of this one\"",
                 c->store->node);
    }
    PQclear(r);
    pg_args_done(&a);
    return err;
}

static void put_off(struct pg_conn *c)
{
    uint64_t wait_us = MIN((uint64_t)FIRST_WAIT_US << MIN(c->failures, 10u), (uint64_t)MAX_WAIT_US);

    c->failures++;
    c->wait_us = clock_now_us() + wait_us;
    if (!c->told) {
        c->told = true;
        log_error(NULL, "postgres.away", "server=%s kind=%s", c->store->where,
                  c == &c->store->writer ? "writer" : "reader");
    }
}

/* What the server says besides its answers; libpq would print it. */
static void on_notice(void *arg, const PGresult *r)
{
    const struct store *s = arg;
    log_debug(NULL, "postgres.notice", "server=%s text=\"%.200s\"", s->where,
              PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
}

static int connect_now(struct pg_conn *c, struct buf *why)
{
    uint64_t until_us = clock_now_us() + (uint64_t)(c->store->busy_ms + DEADLINE_SLACK_MS) * 1000;

    c->pg = begin_connect(c->store);
    if (!c->pg) {
        return -ENOMEM;
    }
    PQsetNoticeReceiver(c->pg, on_notice, c->store);
    int err = PQstatus(c->pg) == CONNECTION_BAD ? -ERR_CLOSED : handshake(c, until_us);
    if (err >= 0 && PQsetnonblocking(c->pg, 1) < 0) {
        err = -EIO;
    }
    if (err < 0 && why) {
        put_one_line(why, err == -ETIMEDOUT ? "it does not answer" : PQerrorMessage(c->pg));
    }
    if (err < 0) {
        drop(c);
    }
    return err == -ETIMEDOUT ? -ERR_CLOSED : err;
}

int pg_open(struct pg_conn *c, struct buf *why)
{
    bool first = why != NULL;

    if (c->pg && PQstatus(c->pg) == CONNECTION_OK) {
        return 0;
    }
    drop(c);
    if (clock_now_us() < c->wait_us) {
        return -ERR_CLOSED;
    }
    int err = connect_now(c, why);
    if (err >= 0 && c->keeps_name) {
        err = lock_name(c, first);
        if (err < 0) {
            drop(c);
        }
    }
    if (err < 0) {
        put_off(c);
        return err;
    }
    if (c->told) {
        log_info(NULL, "postgres.back", "server=%s tries=%u", c->store->where, c->failures);
    }
    c->failures = 0;
    c->wait_us = 0;
    c->told = false;
    return 0;
}

void pg_close(struct pg_conn *c)
{
    drop(c);
}

/* ------------------------------------------------------------------------------------------------ statements */

static int lost(struct pg_conn *c, int err)
{
    if (err == -ERR_CLOSED || err == -ETIMEDOUT || PQstatus(c->pg) != CONNECTION_OK) {
        bool timed_out = err == -ETIMEDOUT && PQstatus(c->pg) == CONNECTION_OK &&
                         PQtransactionStatus(c->pg) != PQTRANS_ACTIVE; /* the server's own time-out: nothing is lost */
        if (timed_out) {
            return -EBUSY;
        }
        drop(c);
        return -ERR_CLOSED;
    }
    return err;
}

static int prepare(struct pg_conn *c, uint32_t id, const char *name)
{
    const char *text = id < STATEMENT_N ? statement_texts[id] : campaign_sql_locking[id - STATEMENT_N];
    PGresult *r = NULL;

    if (c->prepared[id]) {
        return 0;
    }
    int err = PQsendPrepare(c->pg, name, text, 0, NULL) ? await(c, &r) : -ERR_CLOSED;
    if (err < 0) {
        tell(c, id, r, err);
    }
    c->prepared[id] = err >= 0;
    PQclear(r);
    return err;
}

static int send_prepared(struct pg_conn *c, const char *name, const struct pg_args *a)
{
    const char *values[PG_ARGS_MAX];

    for (uint32_t i = 0; a && i < a->n; i++) {
        values[i] = a->at[i] == SIZE_MAX ? NULL : (const char *)buf_ptr(&a->text) + a->at[i];
    }
    return PQsendQueryPrepared(c->pg, name, a ? (int)a->n : 0, values, NULL, NULL, 0) ? 0 : -ERR_CLOSED;
}

int pg_run(struct pg_conn *c, uint32_t id, const struct pg_args *a, PGresult **ret)
{
    char name[16];
    PGresult *r = NULL;

    if (!c->pg) {
        return -ERR_CLOSED;
    }
    if (a && a->text.err < 0) {
        return a->text.err;
    }
    if (snprintf(name, sizeof(name), "rt%d", (int)id) < 0) {
        return -EIO;
    }
    int err = prepare(c, id, name);
    err = err < 0 ? err : send_prepared(c, name, a);
    err = err < 0 ? err : await(c, &r);
    if (err < 0) {
        tell(c, id, r, err);
        PQclear(r);
        return lost(c, err);
    }
    if (ret) {
        *ret = r;
    } else {
        PQclear(r);
    }
    return 0;
}

int pg_query(struct pg_conn *c, uint32_t id, const struct pg_args *a, PGresult **ret)
{
    uint64_t from_us = clock_now_us();
    int err = pg_open(c, NULL);

    err = err < 0 ? err : pg_run(c, id, a, ret);
    bool slow = clock_now_us() - from_us > (uint64_t)c->store->busy_ms * 1000; /* whoever asked has waited enough */
    if (err == -ERR_CLOSED && !c->pg && c->failures == 0 && !slow) {           /* it had died since it was used last */
        err = pg_open(c, NULL);
        err = err < 0 ? err : pg_run(c, id, a, ret);
    }
    return err;
}

int pg_text(struct pg_conn *c, const char *sql, PGresult **ret)
{
    PGresult *r = NULL;
    int err = c->pg && PQsendQuery(c->pg, sql) ? await(c, &r) : -ERR_CLOSED;

    if (err < 0) {
        log_error(NULL, "postgres.failed", "server=%s error=%s text=\"%.200s\"", c->store->where, err_name(err),
                  PQresultErrorMessage(r));
    }
    if (ret && err >= 0) {
        *ret = r;
    } else {
        PQclear(r);
    }
    return err < 0 && c->pg ? lost(c, err) : err;
}

int pg_begin(struct pg_conn *c)
{
    return pg_query(c, SQL_BEGIN, NULL, NULL);
}

int pg_finish(struct pg_conn *c, int err)
{
    if (!c->pg) {
        return err < 0 ? err : -ERR_CLOSED;
    }
    if (err >= 0) {
        return pg_run(c, SQL_COMMIT, NULL, NULL);
    }
    if (pg_run(c, SQL_ROLLBACK, NULL, NULL) < 0) {
        drop(c); /* the server rolls back what a lost connection had begun */
    }
    return err;
}
