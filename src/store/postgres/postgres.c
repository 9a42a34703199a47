#include "store/postgres/postgres.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "store/postgres/impl.h"

#define DEFAULT_BUSY_MS 5000

static void postgres_close(struct store *s)
{
    if (!s) {
        return;
    }
    pg_close(&s->writer);
    pg_close(&s->reader);
    pthread_mutex_destroy(&s->writer.lock);
    pthread_mutex_destroy(&s->reader.lock);
    free(s->url);
    free(s->node);
    free(s->where);
    free(s);
}

static const char *part(const PQconninfoOption *options, const char *key, const char *otherwise)
{
    for (const PQconninfoOption *o = options; o && o->keyword; o++) {
        if (strcmp(o->keyword, key) == 0 && o->val && *o->val) {
            return o->val;
        }
    }
    return otherwise;
}

/* "db.example.com:5432/ringtrip": what of the URL may be shown. -ERR_CONFIG with the reason in words. */
static int describe(struct store *s, struct buf *ret_err)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(s->url, &why);
    struct buf out;

    if (!options) {
        /* libpq quotes the part that it does not understand, which may hold the password. */
        PQfreemem(why);
        buf_puts(ret_err, "store.url cannot be read: it must look like postgres://user:password@host:5432/database, "
                          "with special characters of the password written as %40");
        return -ERR_CONFIG;
    }
    buf_init(&out, 1024);
    buf_printf(&out, "%s:%s/%s", part(options, "host", part(options, "hostaddr", "local socket")),
               part(options, "port", "5432"), part(options, "dbname", part(options, "user", "")));
    PQconninfoFree(options);
    s->where = out.err < 0 ? NULL : str_dup(buf_str(&out));
    buf_done(&out);
    return s->where ? 0 : -ENOMEM;
}

static int take_name(struct store *s, const char *node)
{
    char host[256] = "";

    if (!node || !*node) {
        if (gethostname(host, sizeof(host) - 1) < 0) {
            return -errno;
        }
        node = host;
    }
    s->node = str_dup(str_from(node));
    return s->node ? 0 : -ENOMEM;
}

static int set_up(struct store *s, const struct store_opts *opts, struct buf *ret_err)
{
    struct pg_conn *const conns[] = {&s->writer, &s->reader};

    s->sql.face = &postgres_face;
    s->busy_ms = opts->busy_ms ? opts->busy_ms : DEFAULT_BUSY_MS;
    s->exclusive = opts->exclusive;
    for (size_t i = 0; i < ARRAY_LEN(conns); i++) {
        conns[i]->store = s;
        pthread_mutex_init(&conns[i]->lock, NULL);
    }
    s->writer.keeps_name = opts->exclusive;
    s->url = str_dup(str_from(opts->url));
    if (!s->url) {
        return -ENOMEM;
    }
    int err = take_name(s, opts->node);
    return err < 0 ? err : describe(s, ret_err);
}

static int connect_both(struct store *s, const struct store_opts *opts, struct buf *ret_err)
{
    struct buf why;

    buf_init(&why, 2048);
    int err = pg_open(&s->writer, &why);
    if (err == -EBUSY) {
        buf_printf(ret_err,
                   "another ringtrip with the name \"%s\" uses the records in %s: give each its own store.node",
                   s->node, s->where);
    } else if (err < 0) {
        buf_printf(ret_err, "store.url: the PostgreSQL server %s cannot be used: %s", s->where,
                   why.len ? buf_cstr(&why) : err_text(err));
    }
    if (err >= 0) {
        err = pg_migrate(&s->writer, ret_err);
    }
    if (err >= 0 && opts->demo_rows) {
        err = pg_demo_rows(&s->writer);
    }
    if (err >= 0) {
        err = pg_open(&s->reader, NULL);
    }
    if (err < 0 && ret_err->len == 0) {
        buf_printf(ret_err, "store.url: the records in %s cannot be prepared: %s", s->where, err_text(err));
    }
    buf_done(&why);
    return err;
}

static int postgres_open(const struct store_opts *opts, struct buf *ret_err, struct store **ret)
{
    struct store *s = calloc(1, sizeof(*s));

    if (!s) {
        return -ENOMEM;
    }
    int err = set_up(s, opts, ret_err);
    err = err < 0 ? err : connect_both(s, opts, ret_err);
    if (err < 0) {
        if (ret_err->len == 0) {
            buf_puts(ret_err, err_text(err));
        }
        postgres_close(s);
        return err;
    }
    *ret = s;
    return 0;
}

const struct store_ops store_postgres = {
    .name = "postgres",
    .campaigns = &sql_campaigns,
    .open = postgres_open,
    .close = postgres_close,
    .write = postgres_write,
    .call_get = postgres_call_get,
    .call_find = postgres_call_find,
    .call_list = postgres_call_list,
    .call_counts = postgres_call_counts,
    .turn_list = postgres_turn_list,
    .line_list = postgres_line_list,
    .span_list = postgres_span_list,
    .call_delete = postgres_call_delete,
    .close_stale = postgres_close_stale,
    .sweep = postgres_sweep,
    .order_get = postgres_order_get,
    .callback_list = postgres_callback_list,
    .callback_get = postgres_callback_get,
    .dial_get = postgres_dial_get,
    .dial_list = postgres_dial_list,
};
