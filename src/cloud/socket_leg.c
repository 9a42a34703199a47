#include "cloud/socket_leg.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/prefetch.h"
#include "cloud/params.h"

#define REASON_BYTES 120 /* what a close frame can carry, nearly */

struct socket_leg *socket_leg_of(struct leg *leg)
{
    return CONTAINER_OF(leg, struct socket_leg, base);
}

static void unlink_leg(struct socket_leg *s)
{
    struct cloud *c = s->cloud;
    if (s->prev) {
        s->prev->next = s->next;
    } else {
        c->sockets = s->next;
    }
    if (s->next) {
        s->next->prev = s->prev;
    }
    c->stats.sockets--;
    if (!s->accepted) {
        c->stats.unauthenticated--;
    }
}

static void destroy(struct socket_leg *s)
{
    unlink_leg(s);
    s->ops->on_gone(s);
    timer_free(s->deadline);
    free(s->query_token);
    free(s->query_call_id);
    free(s);
}

void socket_leg_shut(struct socket_leg *s, int err, uint16_t code, struct str reason)
{
    if (s->state == SOCKET_LEG_CLOSING) {
        return;
    }
    s->state = SOCKET_LEG_CLOSING;
    s->err = err;
    s->deadline = timer_free(s->deadline);
    if (s->ws) { /* else it is gone, and on_closed under way */
        ws_close(s->ws, code, reason);
    }
}

void socket_leg_refuse(struct socket_leg *s, int err, uint16_t code, const char *what)
{
    char reason[REASON_BYTES];
    int n = snprintf(reason, sizeof(reason), "%s: %s", err_name(err), what);
    s->cloud->stats.bad_messages++;
    log_warn(&s->cloud->scope, "leg.bad-message", "peer=%s stream=%s why=\"%s\"", ws_peer(s->ws), s->stream_id, reason);
    socket_leg_shut(s, err, code, (struct str){reason, MIN((size_t)n, sizeof(reason) - 1)});
}

void socket_leg_emit(struct socket_leg *s, const struct call_event *ev)
{
    s->base.handler->on_event(&s->base, ev, s->base.arg);
}

static void on_late(void *arg)
{
    struct socket_leg *s = arg;
    s->cloud->stats.start_timeouts++;
    log_warn(&s->cloud->scope, "leg.no-start", "peer=%s", ws_peer(s->ws));
    socket_leg_shut(s, -ETIMEDOUT, SOCKET_LEG_POLICY, STR("ETIMEDOUT: no start message came"));
}

/* What the host's refusals look like from outside. */
static void turn_away(struct socket_leg *s, int err)
{
    static const struct {
        int err;
        uint16_t code;
        const char *reason;
    } table[] = {
        {-ENOENT, SOCKET_LEG_POLICY, "Call not found"},
        {-ERR_AUTH, SOCKET_LEG_POLICY, "Not authorized"},
        {-ERR_STATE, SOCKET_LEG_POLICY, "Call already has a stream"},
        {-ERR_LIMIT, SOCKET_LEG_TRY_LATER, "Over capacity"},
    };
    uint16_t code = SOCKET_LEG_INTERNAL;
    const char *reason = "Internal error";
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].err == err) {
            code = table[i].code;
            reason = table[i].reason;
        }
    }
    s->cloud->stats.refused_streams++;
    log_warn(&s->cloud->scope, "leg.refused", "peer=%s call_sid=%s why=\"%s\" err=%s", ws_peer(s->ws), s->call_id,
             reason, err_name(err));
    socket_leg_shut(s, err, code, str_from(reason));
}

static int ask_host(struct socket_leg *s, const struct carrier_stream *start)
{
    struct cloud *c = s->cloud;
    struct carrier_stream stream = *start;
    stream.token = start->token.n > 0 ? start->token : str_from(s->query_token);
    stream.query_call_id = s->query_call_id ? str_from(s->query_call_id) : start->query_call_id;
    stream.signature_ok = s->signature_ok;
    stream.peer = str_from(ws_peer(s->ws));
    if (c->opts.require_token && !stream.signature_ok && stream.token.n == 0) {
        c->stats.unproven++;
        return -ERR_AUTH;
    }
    return c->host->on_media_start(&c->base, &stream, &s->base, &s->base.handler, &s->base.arg, c->arg);
}

bool socket_leg_start(struct socket_leg *s, const struct carrier_stream *start)
{
    int err = ask_host(s, start);
    if (err < 0) {
        turn_away(s, err);
        return false;
    }
    s->accepted = true;
    s->state = SOCKET_LEG_LIVE;
    s->cloud->stats.unauthenticated--;
    s->cloud->stats.streams++;
    s->deadline = timer_free(s->deadline);
    free(s->query_token);
    free(s->query_call_id);
    s->query_token = s->query_call_id = NULL;
    return true;
}

void socket_leg_media(struct socket_leg *s, uint32_t at_ms, struct str base64, uint32_t *ret_bytes)
{
    struct buf *b = &s->cloud->audio;
    buf_clear(b);
    uint8_t *data = buf_room(b, base64_dec_max(base64.n));
    int n = data ? base64_decode(data, base64) : -ENOMEM;
    *ret_bytes = (uint32_t)MAX(n, 0);
    if (n < 0) {
        socket_leg_refuse(s, n, SOCKET_LEG_PROTOCOL, "media.payload");
        return;
    }
    struct call_event ev = {.type = EV_LEG_MEDIA};
    ev.leg_media.timestamp_ms = at_ms;
    ev.leg_media.audio = span_from(data, (size_t)n);
    if (n > 0) {
        socket_leg_emit(s, &ev);
    }
}

/* ---- marks ---- */

size_t socket_leg_mark_name(uint32_t mark, char ret[SOCKET_LEG_MARK_MAX])
{
    return (size_t)snprintf(ret, SOCKET_LEG_MARK_MAX, "rt%u", (unsigned)mark);
}

uint32_t socket_leg_mark_number(struct str name)
{
    int64_t n;
    if (name.n < 3 || name.p[0] != 'r' || name.p[1] != 't') {
        return 0;
    }
    return str_to_i64((struct str){name.p + 2, name.n - 2}, &n) == 0 && n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

void socket_leg_mark(struct socket_leg *s, struct str name)
{
    struct call_event ev = {.type = EV_LEG_MARK};
    ev.leg_mark.mark = socket_leg_mark_number(name);
    s->cloud->stats.foreign_marks += ev.leg_mark.mark == 0;
    socket_leg_emit(s, &ev);
}

void socket_leg_transfer_failed(struct socket_leg *s, const struct carrier_result *r)
{
    struct call_event ev = {.type = EV_LEG_TRANSFER_FAILED};
    ev.leg_transfer_failed.err = r->err;
    ev.leg_transfer_failed.code = (int32_t)MIN(MAX(r->code, 0), INT32_MAX);
    ev.leg_transfer_failed.message = r->message;
    if (s->state == SOCKET_LEG_LIVE && r->err != -ECANCELED) {
        socket_leg_emit(s, &ev);
    }
}

/* ---- the socket ---- */

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct socket_leg *s = arg;
    if (s->state != SOCKET_LEG_CLOSING) {
        s->ops->on_text(s, text);
    }
}

static void on_binary(struct ws *ws UNUSED, struct span data UNUSED, void *arg)
{
    struct socket_leg *s = arg;
    if (s->state != SOCKET_LEG_CLOSING) {
        socket_leg_refuse(s, -ERR_TYPE, 1003, "binary frame");
    }
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct socket_leg *s = arg;
    int err = s->err < 0 ? s->err : s->state == SOCKET_LEG_OVER ? 0 : why->err;
    s->ws = NULL;
    if (s->state == SOCKET_LEG_LIVE && err == 0 && s->ops->close_is_stop) {
        s->state = SOCKET_LEG_OVER;
        socket_leg_emit(s, &(struct call_event){.type = EV_LEG_STOP});
    }
    s->state = SOCKET_LEG_CLOSING;
    if (s->accepted) {
        s->base.handler->on_closed(&s->base, err, s->base.arg);
    } else {
        log_debug(&s->cloud->scope, "leg.socket-closed", "err=%s", err_name(err));
    }
    destroy(s);
}

static void prefetch_receiver(const void *arg, unsigned depth)
{
    const struct socket_leg *s = arg;
    if (depth == 0) {
        prefetch(s, sizeof(*s));
    } else if (s->base.handler && s->base.handler->prefetch) {
        s->base.handler->prefetch(s->base.arg, depth - 1);
    }
}

static const struct ws_handler ws_events = {
    .on_text = on_text,
    .on_binary = on_binary,
    .on_closed = on_closed,
    .prefetch = prefetch_receiver,
};

void socket_leg_prefetch(const struct leg *leg, unsigned depth)
{
    const struct socket_leg *s = (const struct socket_leg *)leg; /* its base comes first */
    if (depth == 0) {
        prefetch(s, sizeof(*s));
    } else if (s->ws) {
        ws_prefetch(s->ws, depth - 1);
    }
}

void socket_leg_close(struct leg *leg)
{
    socket_leg_shut(socket_leg_of(leg), 0, SOCKET_LEG_NORMAL, STR_NULL);
}

/* ---- birth and sudden death ---- */

/* Some vendors drop the query of a stream's URL; tests and private clients use it. Not well-formed: as if not there. */
static void read_query(struct socket_leg *s, const struct http_request *req)
{
    struct params p;
    params_init(&p);
    if (params_read(&p, req, NULL) == 0) {
        struct str token = params_get(&p, CARRIER_TOKEN_PARAM);
        struct str call_id = params_get(&p, "call_id");
        s->query_token = token.n > 0 ? str_dup(token) : NULL;
        s->query_call_id = call_id.n > 0 ? str_dup(call_id) : NULL;
    }
    params_done(&p);
}

static struct socket_leg *leg_new(struct cloud *c, const struct http_request *req, bool signature_ok,
                                  const struct socket_leg_ops *ops)
{
    struct socket_leg *s = calloc(1, ops->size);
    if (!s) {
        return NULL;
    }
    if (timer_new(c->loop, on_late, s, &s->deadline) < 0) {
        free(s);
        return NULL;
    }
    s->base.ops = ops->leg;
    s->ops = ops;
    s->cloud = c;
    s->signature_ok = signature_ok;
    read_query(s, req);
    if (ops->on_born) {
        ops->on_born(s);
    }
    s->next = c->sockets;
    if (c->sockets) {
        c->sockets->prev = s;
    }
    c->sockets = s;
    c->stats.sockets++;
    c->stats.unauthenticated++;
    timer_start(s->deadline, (uint64_t)or_u32(c->opts.socket_start_ms, 5000) * 1000, 0);
    return s;
}

/* True: it may be upgraded. Else it has been answered. */
static bool admit(struct cloud *c, struct http_exchange *x, const struct http_request *req, enum cloud_verdict verdict,
                  const char *header, const struct socket_leg_ops *ops)
{
    char text[128];
    if (!req->wants_upgrade) {
        int n = snprintf(text, sizeof(text), "This path speaks WebSocket (%s).\n", ops->speaks);
        http_respond(x, 426, STR("text/plain"), STR("Upgrade: websocket\r\n"),
                     span_from(text, MIN((size_t)n, sizeof(text) - 1)));
        return false;
    }
    if (verdict == CLOUD_FORGED) {
        return cloud_admit(c, x, req, verdict, header);
    }
    if (c->stats.unauthenticated >= or_u32(c->opts.max_unauthenticated, 64)) {
        c->stats.refused_limit++;
        http_respond(x, 503, STR("text/plain"), STR("Retry-After: 1\r\n"),
                     span_of_str(STR("Too many sockets wait for their start message.\n")));
        return false;
    }
    return true;
}

void socket_leg_upgrade(struct cloud *c, struct http_exchange *x, const struct http_request *req,
                        enum cloud_verdict verdict, const char *header, const struct socket_leg_ops *ops)
{
    if (!admit(c, x, req, verdict, header, ops)) {
        return;
    }
    struct socket_leg *s = leg_new(c, req, verdict == CLOUD_SIGNED, ops);
    if (!s) {
        cloud_respond(x, 503, "Out of memory.\n");
        return;
    }
    struct ws_opts o = {.max_message_bytes = CLOUD_MESSAGE_MAX,
                        .max_queue_bytes = or_u32(c->opts.max_send_queue_bytes, 1u << 20),
                        .close_deadline_ms = 1000};
    int err = http_upgrade(x, STR_NULL, &o, &ws_events, s, &s->ws);
    if (err < 0) {
        destroy(s); /* the exchange is gone as well */
        return;
    }
    if (s->query_call_id && c->host->on_media_query &&
        c->host->on_media_query(&c->base, str_from(s->query_call_id), c->arg) < 0) {
        turn_away(s, -ENOENT);
    }
}

static void on_nothing_closed(struct ws *ws UNUSED, const struct ws_close *why UNUSED, void *arg UNUSED)
{
}

static void on_nothing(struct ws *ws UNUSED, struct str text UNUSED, void *arg UNUSED)
{
}

static const struct ws_handler nobody = {.on_text = on_nothing, .on_closed = on_nothing_closed};

void socket_leg_drop_all(struct cloud *c)
{
    while (c->sockets) {
        struct socket_leg *s = c->sockets;
        if (s->ws) {
            ws_set_arg(s->ws, &nobody, NULL);
            ws_abort(s->ws, -ECANCELED);
            s->ws = NULL;
        }
        s->state = SOCKET_LEG_CLOSING;
        if (s->accepted) {
            s->base.handler->on_closed(&s->base, -ECANCELED, s->base.arg);
        }
        destroy(s);
    }
}
