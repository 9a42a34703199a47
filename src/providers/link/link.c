#include "providers/link/link.h"

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/prefetch.h"

#define LOG_TEXT_MAX 4096
#define ROOM_MAX     2048

const char *link_quoted(struct buf *room, struct str s)
{
    buf_clear(room);
    json_put_quoted(room, s);
    const char *z = buf_cstr(room);
    return z ? z : "\"\"";
}

/* ---- failing ---- */

static void tell_failed(struct link *l, const struct link_failure *f)
{
    if (l->told_failed) {
        return;
    }
    l->told_failed = true;
    timer_stop(l->deadline);
    l->state = LINK_CLOSING;
    struct buf room;
    buf_init(&room, LOG_TEXT_MAX);
    log_warn(&l->scope, "model.failed", "err=%s code=" STR_FMT " ready=%d message=%s", err_name(f->err),
             STR_ARG(f->code), l->was_ready, link_quoted(&room, f->message));
    buf_done(&room);
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.err = f->err;
    ev.model_failed.code = f->code;
    ev.model_failed.message = f->message;
    ev.model_failed.was_ready = l->was_ready;
    l->base.handler->on_event(&l->base, &ev, l->base.arg);
}

void link_fail(struct link *l, int err, struct str code, struct str message)
{
    tell_failed(l, &(struct link_failure){err, code, message});
    ws_close(l->ws, 1000, STR_NULL);
}

/* Below 500 the service itself has judged; above, something in front of it could not reach it. */
static void judge_http(int status, struct buf *room, struct link_failure *ret)
{
    static const struct {
        int status, err;
        const char *advice;
    } table[] = {
        {401, -ERR_AUTH, "check the key (api_key)"},
        {403, -ERR_AUTH, "the key (api_key) may not do this, or the service is not offered here"},
        {404, -ERR_CONFIG, "check the address (url), the version in it and the model"},
        {429, -ERR_LIMIT, "too many sessions or requests: see plan and limits of the key"},
    };
    const char *advice =
        status >= 500 ? "the service, or a proxy in front of it, cannot be reached" : "check the address (url)";
    bool judged = status >= 400 && status < 500;
    int err = judged ? -ERR_CONFIG : -ERR_HTTP;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].status == status) {
            err = table[i].err;
            advice = table[i].advice;
        }
    }
    buf_printf(room, "the WebSocket upgrade was answered with HTTP status %d (%s)", status, advice);
    size_t n = room->len;
    buf_printf(room, "http-%d", status);
    struct str all = buf_str(room); /* it has its final place now */
    *ret = (struct link_failure){
        .err = err, .code = judged ? (struct str){all.p + n, all.n - n} : STR_NULL, .message = {all.p, n}};
}

static void tell_why(struct link *l, const struct ws_close *why)
{
    struct link_failure f = {.err = why->err};
    struct buf room;
    buf_init(&room, ROOM_MAX);
    if (l->ops->knows_why && l->ops->knows_why(l, &f)) {
        /* its own words */
    } else if (why->http_status != 0 && why->http_status != 101) {
        judge_http(why->http_status, &room, &f);
    } else if (why->err < 0 && (why->code == 0 || why->code == 1005 || why->code == 1006)) {
        f.message = why->reason.n > 0 ? why->reason : str_from(err_text(why->err));
    } else {
        l->ops->judge(l, why, &room, &f);
    }
    tell_failed(l, &f);
    buf_done(&room);
}

/* ---- the socket ---- */

static void on_open(struct ws *ws UNUSED, struct str protocol UNUSED, void *arg)
{
    struct link *l = arg;
    if (l->state == LINK_CONNECTING) {
        l->state = LINK_SETTING_UP;
        l->ops->on_open(l);
    }
}

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct link *l = arg;
    if (l->on_raw && l->state != LINK_CLOSING) {
        l->on_raw(text, l->raw_arg); /* whoever listens may close us */
    }
    if (l->state == LINK_SETTING_UP || l->state == LINK_READY) {
        l->ops->on_message(l, text);
    }
}

static void on_binary(struct ws *ws, struct span data, void *arg)
{
    struct link *l = arg;
    if (!l->ops->on_binary) {
        on_text(ws, str_of_span(data), arg);
    } else if (l->state != LINK_CLOSING) {
        l->ops->on_binary(l, data);
    }
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct link *l = arg;
    if (l->state != LINK_CLOSING) {
        tell_why(l, why);
    }
    l->ws = NULL;
    l->state = LINK_CLOSING;
    l->base.handler->on_closed(&l->base, why->err, l->base.arg);
    l->ops->destroy(l);
}

static void prefetch_receiver(const void *arg, unsigned depth)
{
    const struct link *l = arg;
    if (depth == 0) {
        prefetch(l, sizeof(*l));
    } else if (l->base.handler->prefetch) {
        l->base.handler->prefetch(l->base.arg, depth - 1);
    }
}

void link_prefetch(const struct model *model, unsigned depth)
{
    const struct link *l = (const struct link *)model; /* its base comes first */
    if (depth == 0) {
        prefetch(l, sizeof(*l));
    } else if (l->ws) {
        ws_prefetch(l->ws, depth - 1);
    }
}

static const struct ws_handler ws_events = {
    .on_open = on_open,
    .on_text = on_text,
    .on_binary = on_binary,
    .on_closed = on_closed,
    .prefetch = prefetch_receiver,
};

/* ---- life ---- */

static void on_deadline(void *arg)
{
    struct link *l = arg;
    if (l->state != LINK_CLOSING) {
        l->ops->on_deadline(l);
    }
}

int link_init(struct link *l, struct loop *loop, const struct link_ops *ops, struct str call_id, size_t setup_max)
{
    l->ops = ops;
    l->loop = loop;
    l->state = LINK_CONNECTING;
    ignore_result(str_copy(l->call_id, sizeof(l->call_id), call_id)); /* too long: logged without */
    l->scope = (struct log_scope){.call_id = l->call_id, .worker = -1};
    buf_init(&l->setup, setup_max);
    return timer_new(loop, on_deadline, l, &l->deadline);
}

void link_listen(struct link *l, const struct model_ops *ops, const struct model_handler *h, void *arg)
{
    l->base = (struct model){.ops = ops, .handler = h, .arg = arg};
}

void link_done(struct link *l)
{
    timer_free(l->deadline);
    buf_done(&l->setup);
}

int link_connect(struct link *l, const struct ws_client_opts *o)
{
    return ws_connect(l->loop, o, &ws_events, l, &l->ws);
}

void link_deadline(struct link *l, uint64_t us)
{
    timer_start(l->deadline, us, 0);
}

void link_ready(struct link *l)
{
    timer_stop(l->deadline);
    buf_done(&l->setup);
    buf_init(&l->setup, 0);
    l->state = LINK_READY;
    l->was_ready = true;
}

void link_emit(struct link *l, const struct call_event *ev)
{
    if (l->state == LINK_READY) {
        l->base.handler->on_event(&l->base, ev, l->base.arg);
    }
}

int link_may_perform(const struct link *l)
{
    return l->state == LINK_READY ? 0 : l->state == LINK_CLOSING ? -ERR_CLOSED : -ERR_STATE;
}

void link_end(struct model *model)
{
    struct link *l = link_of(model);
    l->told_failed = true; /* whoever closes needs no explanation */
    l->state = LINK_CLOSING;
    timer_stop(l->deadline);
    if (l->ws) {
        ws_close(l->ws, 1000, STR_NULL);
    }
}
