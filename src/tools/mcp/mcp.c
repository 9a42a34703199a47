#include "tools/mcp/mcp.h"

#include <stdlib.h>

#include "base/err.h"
#include "tools/mcp/session.h"

const char *mcp_outcome_word(enum mcp_outcome outcome)
{
    static const char *const words[MCP_OUTCOME_N] = {"ok", "error", "timeout", "cancelled"};
    return (unsigned)outcome < MCP_OUTCOME_N ? words[outcome] : "error";
}

int mcp_new(struct loop *loop, struct http_client *http, void (*on_changed)(void *arg), void *arg, struct mcp **ret)
{
    struct mcp *m = calloc(1, sizeof(*m));
    if (!m) {
        return -ENOMEM;
    }
    m->loop = loop;
    m->http = http;
    m->on_changed = on_changed;
    m->arg = arg;
    list_init(&m->sessions);
    *ret = m;
    return 0;
}

void mcp_on_state(struct mcp *m, void (*fn)(void *arg))
{
    m->on_state = fn;
}

struct mcp *mcp_free(struct mcp *m)
{
    if (m) {
        m->freed = true;
        while (!list_empty(&m->sessions)) {
            mcp_session_close(CONTAINER_OF(m->sessions.next, struct mcp_session, link));
        }
        free(m);
    }
    return NULL;
}

/* ---- the set ---- */

static void put_texts(struct buf *out, const struct str *v, uint32_t n)
{
    buf_printf(out, "%u:", n);
    for (uint32_t i = 0; i < n; i++) {
        buf_printf(out, "%zu:" STR_FMT, v[i].n, STR_ARG(v[i]));
    }
}

static void put_pairs(struct buf *out, const struct mcp_pair *v, uint32_t n)
{
    buf_printf(out, "%u:", n);
    for (uint32_t i = 0; i < n; i++) {
        put_texts(out, &v[i].name, 1);
        put_texts(out, &v[i].value, 1);
    }
}

/* All options in one text: the same text, the same server. */
static void put_print(struct buf *out, const struct mcp_server_opts *o)
{
    const struct str texts[] = {o->name, o->url, o->ca_file, o->prefix};
    put_texts(out, texts, ARRAY_LEN(texts));
    put_texts(out, o->argv, o->n_argv);
    put_texts(out, o->tools, o->n_tools);
    put_pairs(out, o->env, o->n_env);
    put_pairs(out, o->headers, o->n_headers);
    buf_printf(out, "%u:%u:%u", o->start_ms, o->timeout_ms, o->refresh_s);
}

static struct mcp_session *find(const struct mcp *m, struct str name)
{
    for (struct list *at = m->sessions.next; at != &m->sessions; at = at->next) {
        struct mcp_session *s = CONTAINER_OF(at, struct mcp_session, link);
        if (!s->leaving && str_eq(s->o.name, name)) {
            return s;
        }
    }
    return NULL;
}

static int want(struct mcp *m, const struct mcp_server_opts *o)
{
    struct buf print;
    buf_init(&print, (size_t)1 << 20);
    put_print(&print, o);
    int err = print.err;
    struct mcp_session *s = find(m, o->name);
    if (err >= 0 && s && str_eq(s->print, buf_str(&print))) {
        buf_done(&print);
        return 0;
    }
    struct mcp_session *fresh = NULL;
    err = err < 0 ? err : mcp_session_new(m, o, buf_str(&print), &fresh);
    buf_done(&print);
    if (err < 0) {
        return err;
    }
    if (s) {
        s->leaving = true;
    }
    list_append(&m->sessions, &fresh->link);
    mcp_session_start(fresh);
    return 0;
}

static bool is_among(const struct mcp_session *s, const struct mcp_server_opts *servers, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (str_eq(servers[i].name, s->o.name)) {
            return true;
        }
    }
    return false;
}

/* Those that leave end when nothing runs on them. */
static void sweep(struct mcp *m)
{
    for (struct list *at = m->sessions.next, *next; at != &m->sessions; at = next) {
        struct mcp_session *s = CONTAINER_OF(at, struct mcp_session, link);
        next = at->next;
        if (s->leaving && mcp_session_idle(s)) {
            mcp_session_close(s);
        }
    }
}

int mcp_set_servers(struct mcp *m, const struct mcp_server_opts *servers, uint32_t n)
{
    int err = n > MCP_MAX_SERVERS ? -ERR_LIMIT : 0;
    for (uint32_t i = 0; err >= 0 && i < n; i++) {
        err = servers[i].n_argv > MCP_MAX_ARGV ? -ERR_LIMIT : want(m, &servers[i]);
    }
    for (struct list *at = m->sessions.next; at != &m->sessions; at = at->next) {
        struct mcp_session *s = CONTAINER_OF(at, struct mcp_session, link);
        s->leaving = s->leaving || !is_among(s, servers, n);
    }
    sweep(m);
    return err;
}

int mcp_offer(const struct mcp *m, struct str server, struct mcp_offer *ret)
{
    const struct mcp_session *s = find(m, server);
    if (!s) {
        return -ENOENT;
    }
    *ret = (struct mcp_offer){s->tools.v, s->tools.n, s->state == SESSION_UP, str_from(s->problem)};
    return 0;
}

void mcp_count(const struct mcp *m, uint32_t *ret_servers, uint32_t *ret_up)
{
    *ret_servers = *ret_up = 0;
    for (struct list *at = m->sessions.next; at != &m->sessions; at = at->next) {
        const struct mcp_session *s = CONTAINER_OF(at, struct mcp_session, link);
        *ret_servers += !s->leaving;
        *ret_up += !s->leaving && s->state == SESSION_UP;
    }
}

int mcp_run_tool(struct mcp *m, const struct mcp_order *o, mcp_done_fn done, void *arg, struct mcp_run **ret)
{
    sweep(m);
    struct mcp_session *s = find(m, o->server);
    return s ? mcp_session_call(s, o, done, arg, ret) : -ENOENT;
}
