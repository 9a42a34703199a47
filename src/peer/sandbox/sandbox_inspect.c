#include "peer/sandbox/sandbox_inspect.h"

#include "base/err.h"

#define ANSWER_MAX_BYTES (64u << 20)

static const struct str prefix = {"/sandbox/", 9};

void inspect_done(struct inspect *in)
{
    while (in->first) {
        struct truth *t = in->first;
        in->first = t->next;
        truth_free(t);
    }
    in->n = 0;
}

void inspect_keep(struct inspect *in, struct truth *t)
{
    struct truth **at = &in->first;
    while (*at) {
        at = &(*at)->next;
    }
    *at = t;
    t->next = NULL;
    if (++in->n > in->keep) {
        struct truth *oldest = in->first;
        in->first = oldest->next;
        in->n--;
        truth_free(oldest);
    }
}

bool inspect_is_path(struct str path)
{
    return str_starts(path, prefix);
}

/* ---- asking ---- */

struct question {
    const struct inspect *in;
    const struct truth *const *live;
    size_t n_live;
    size_t at;
    const struct truth *closed;
};

static struct question question(const struct inspect *in, const struct truth *const *live, size_t n_live)
{
    return (struct question){in, live, n_live, 0, in->first};
}

/* All sessions, those that have ended first. */
static const struct truth *next_truth(struct question *q)
{
    const struct truth *t = q->closed;
    if (t) {
        q->closed = t->next;
        return t;
    }
    return q->at < q->n_live ? q->live[q->at++] : NULL;
}

static bool put_session(struct json_w *w, struct question q, struct str id)
{
    const struct truth *t = next_truth(&q);
    while (t && !str_is(id, t->id)) {
        t = next_truth(&q);
    }
    if (t) {
        truth_put_session(w, t, true);
    }
    return t != NULL;
}

static bool put_item(struct json_w *w, struct question q, struct str id)
{
    const struct truth_item *item = NULL;
    const struct truth *t = next_truth(&q);
    for (; t; t = next_truth(&q)) {
        item = truth_item_find(t, id);
        if (item) {
            truth_put_item(w, t, item);
            return true;
        }
    }
    return false;
}

static bool put_sessions(struct json_w *w, struct question q)
{
    json_w_open(w);
    json_w_key(w, "sessions");
    json_w_array(w);
    for (const struct truth *t = next_truth(&q); t; t = next_truth(&q)) {
        truth_put_session(w, t, false);
    }
    json_w_end(w);
    json_w_close(w);
    return true;
}

static bool put_answer(struct json_w *w, struct question q, struct str path)
{
    static const struct str session = {"sessions/", 9}, item = {"items/", 6};
    struct str rest = {path.p + prefix.n, path.n - prefix.n};
    if (str_is(rest, "sessions")) {
        return put_sessions(w, q);
    }
    if (str_starts(rest, session)) {
        return put_session(w, q, (struct str){rest.p + session.n, rest.n - session.n});
    }
    return str_starts(rest, item) && put_item(w, q, (struct str){rest.p + item.n, rest.n - item.n});
}

bool inspect_is_loopback(struct str peer)
{
    static const char *const local[] = {"127.", "[::1]:", "[::ffff:127."};
    for (size_t i = 0; i < ARRAY_LEN(local); i++) {
        if (str_starts(peer, str_from(local[i]))) {
            return true;
        }
    }
    return false;
}

/* Somebody on this machine, and not a proxy here that speaks for somebody elsewhere. */
static bool is_local(const struct http_request *req)
{
    bool forwarded = http_header(req, "X-Forwarded-For").p || http_header(req, "Forwarded").p;
    return !forwarded && inspect_is_loopback(req->peer);
}

static void answer_text(struct http_exchange *x, int status, struct str text)
{
    http_respond(x, status, STR("text/plain"), STR(""), span_of_str(text));
}

void inspect_answer(const struct inspect *in, struct http_exchange *x, const struct http_request *req,
                    const struct truth *const *live, size_t n_live)
{
    if (!is_local(req)) {
        answer_text(x, 403, STR("only from this machine\n"));
        return;
    }
    if (!str_is(req->method, "GET")) {
        answer_text(x, 405, STR("only GET\n"));
        return;
    }
    struct buf out;
    buf_init(&out, ANSWER_MAX_BYTES);
    struct json_w w = json_w(&out);
    bool found = put_answer(&w, question(in, live, n_live), req->path);
    buf_putc(&out, '\n');
    if (!found) {
        answer_text(x, 404,
                    STR("no such item or session; there are /sandbox/sessions, /sandbox/sessions/<session id> "
                        "and /sandbox/items/<item id>\n"));
    } else if (out.err) {
        answer_text(x, 500, STR("the answer is too big\n"));
    } else {
        http_respond(x, 200, STR("application/json"), STR("Cache-Control: no-store\r\n"), buf_span(&out));
    }
    buf_done(&out);
}
