/* One media socket: from the upgrade over start to the last mark. */
#include <stdlib.h>

#include "base/base64.h"
#include "carriers/twilio/twilio_impl.h"
#include "carriers/twilio/twilio_params.h"

enum { CLOSE_NORMAL = 1000, CLOSE_PROTOCOL = 1002, CLOSE_POLICY = 1008, CLOSE_INTERNAL = 1011, CLOSE_TRY_LATER = 1013 };

#define REASON_BYTES 120 /* what a close frame can carry, nearly */

static struct twilio_leg *leg_of(struct leg *leg)
{
    return CONTAINER_OF(leg, struct twilio_leg, base);
}

static void unlink_leg(struct twilio_leg *l)
{
    struct twilio *t = l->t;
    if (l->prev) {
        l->prev->next = l->next;
    } else {
        t->legs = l->next;
    }
    if (l->next) {
        l->next->prev = l->prev;
    }
    t->stats.sockets--;
    if (!l->accepted) {
        t->stats.unauthenticated--;
    }
}

static void destroy(struct twilio_leg *l)
{
    unlink_leg(l);
    if (l->rest) {
        twilio_rest_forget(l->rest);
    }
    if (l->transfer) {
        twilio_rest_forget(l->transfer);
    }
    timer_free(l->deadline);
    free(l->query_token);
    free(l->query_call_id);
    free(l);
}

/* Closes for a reason of ours; what still comes in is not looked at. */
static void shut(struct twilio_leg *l, int err, uint16_t code, struct str reason)
{
    if (l->state == LEG_CLOSING) {
        return;
    }
    l->state = LEG_CLOSING;
    l->err = err;
    l->deadline = timer_free(l->deadline);
    ws_close(l->ws, code, reason);
}

/* The peer broke the protocol: a word for the error, then what was wrong. */
static void refuse(struct twilio_leg *l, int err, uint16_t code, const char *what)
{
    char reason[REASON_BYTES];
    int n = snprintf(reason, sizeof(reason), "%s: %s", err_name(err), what);
    l->t->stats.bad_messages++;
    log_warn(&l->t->scope, "leg.bad-message", "peer=%s stream=%s why=\"%s\"", ws_peer(l->ws), l->stream_sid, reason);
    shut(l, err, code, (struct str){reason, MIN((size_t)n, sizeof(reason) - 1)});
}

static void emit(struct twilio_leg *l, const struct call_event *ev)
{
    l->base.handler->on_event(&l->base, ev, l->base.arg);
}

static void on_late(void *arg)
{
    struct twilio_leg *l = arg;
    l->t->stats.start_timeouts++;
    log_warn(&l->t->scope, "leg.no-start", "peer=%s", ws_peer(l->ws));
    shut(l, -ETIMEDOUT, CLOSE_POLICY, STR("ETIMEDOUT: no start message came"));
}

/* What the host's refusals look like from outside. */
static void turn_away(struct twilio_leg *l, int err)
{
    static const struct {
        int err;
        uint16_t code;
        const char *reason;
    } table[] = {
        {-ENOENT, CLOSE_POLICY, "Call not found"},
        {-ERR_AUTH, CLOSE_POLICY, "Not authorized"},
        {-ERR_STATE, CLOSE_POLICY, "Call already has a stream"},
        {-ERR_LIMIT, CLOSE_TRY_LATER, "Over capacity"},
    };
    uint16_t code = CLOSE_INTERNAL;
    const char *reason = "Internal error";
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].err == err) {
            code = table[i].code;
            reason = table[i].reason;
        }
    }
    l->t->stats.refused_streams++;
    log_warn(&l->t->scope, "leg.refused", "peer=%s call_sid=%s why=\"%s\" err=%s", ws_peer(l->ws), l->call_sid, reason,
             err_name(err));
    shut(l, err, code, str_from(reason));
}

static bool speaks_mulaw(const struct twilio_start *s)
{
    return (s->encoding.n == 0 || str_is(s->encoding, "audio/x-mulaw")) && (s->rate_hz == 0 || s->rate_hz == 8000) &&
           (s->channels == 0 || s->channels == 1);
}

static int ask_host(struct twilio_leg *l, const struct twilio_msg *m)
{
    const struct twilio_start *s = &m->start;
    struct str token = twilio_start_param(s, CARRIER_TOKEN_PARAM);
    struct str call_id = str_from(l->query_call_id);
    struct carrier_stream stream = {
        .stream_id = m->stream_sid,
        .call_id = s->call_sid,
        .account_id = s->account_sid,
        .token = token.n > 0 ? token : str_from(l->query_token),
        .query_call_id = call_id.n > 0 ? call_id : twilio_start_param(s, "call_id"),
        .signature_ok = l->signature_ok,
        .peer = str_from(ws_peer(l->ws)),
        .params = s->params,
        .n_params = s->n_params,
    };
    if (l->t->opts->require_token && !stream.signature_ok && stream.token.n == 0) {
        l->t->stats.unproven++;
        return -ERR_AUTH;
    }
    return l->t->host->on_media_start(&l->t->base, &stream, &l->base, &l->base.handler, &l->base.arg, l->t->arg);
}

static void accept_start(struct twilio_leg *l, const struct twilio_msg *m)
{
    l->accepted = true;
    l->state = LEG_LIVE;
    l->t->stats.unauthenticated--;
    l->t->stats.streams++;
    l->deadline = timer_free(l->deadline);
    free(l->query_token);
    free(l->query_call_id);
    l->query_token = l->query_call_id = NULL;
    struct call_event ev = {.type = EV_LEG_START};
    ev.leg_start.format = AUDIO_PCMU;
    ev.leg_start.stream_id = m->stream_sid;
    ev.leg_start.carrier_call_id = m->start.call_sid;
    ev.leg_start.caller = twilio_start_param(&m->start, "from");
    ev.leg_start.called = twilio_start_param(&m->start, "to");
    emit(l, &ev);
}

static void on_start(struct twilio_leg *l, const struct twilio_msg *m)
{
    if (l->state != LEG_WAITING) {
        refuse(l, -ERR_STATE, CLOSE_POLICY, "second start");
        return;
    }
    if (m->stream_sid.n == 0 || str_copy(l->stream_sid, sizeof(l->stream_sid), m->stream_sid) < 0) {
        refuse(l, -ERR_MISSING, CLOSE_PROTOCOL, "streamSid");
        return;
    }
    if (str_copy(l->call_sid, sizeof(l->call_sid), m->start.call_sid) < 0) {
        refuse(l, -ERR_TOO_BIG, CLOSE_PROTOCOL, "start.callSid");
        return;
    }
    if (!speaks_mulaw(&m->start)) {
        refuse(l, -ERR_TYPE, CLOSE_PROTOCOL, "start.mediaFormat is not audio/x-mulaw 8000 mono");
        return;
    }
    int err = ask_host(l, m);
    if (err < 0) {
        turn_away(l, err);
    } else {
        accept_start(l, m);
    }
}

static void on_media(struct twilio_leg *l, const struct twilio_msg *m)
{
    if (m->media.track != TWILIO_TRACK_INBOUND) {
        return; /* our own audio, from a stream that was asked for both tracks */
    }
    struct buf *b = &l->t->audio;
    buf_clear(b, 0);
    uint8_t *data = buf_room(b, base64_dec_max(m->media.payload.n));
    int n = data ? base64_decode(data, m->media.payload) : -ENOMEM;
    if (n < 0) {
        refuse(l, n, CLOSE_PROTOCOL, "media.payload");
        return;
    }
    uint64_t at_ms = m->media.has_timestamp ? m->media.timestamp_ms : l->clock_ms;
    l->clock_ms = at_ms + (uint64_t)n / 8;
    struct call_event ev = {.type = EV_LEG_MEDIA};
    ev.leg_media.timestamp_ms = (uint32_t)at_ms;
    ev.leg_media.audio = span_from(data, (size_t)n);
    if (n > 0) {
        emit(l, &ev);
    }
}

/* "rt17" -> 17; anybody else's name -> 0 */
static uint32_t mark_number(struct str name)
{
    int64_t n;
    if (name.n < 3 || name.p[0] != 'r' || name.p[1] != 't') {
        return 0;
    }
    return str_to_i64((struct str){name.p + 2, name.n - 2}, &n) == 0 && n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0;
}

static void on_mark(struct twilio_leg *l, const struct twilio_msg *m)
{
    struct call_event ev = {.type = EV_LEG_MARK};
    ev.leg_mark.mark = mark_number(m->mark);
    if (ev.leg_mark.mark == 0) {
        l->t->stats.foreign_marks++;
    }
    emit(l, &ev);
}

static void on_stop(struct twilio_leg *l)
{
    l->state = LEG_OVER;
    emit(l, &(struct call_event){.type = EV_LEG_STOP});
}

static void on_connected(struct twilio_leg *l)
{
    if (l->connected || l->state != LEG_WAITING) {
        refuse(l, -ERR_STATE, CLOSE_POLICY, "second connected");
        return;
    }
    l->connected = true;
}

/* Messages that only a started stream may send. */
static void on_live(struct twilio_leg *l, const struct twilio_msg *m)
{
    if (l->state == LEG_WAITING) {
        char what[REASON_BYTES];
        snprintf(what, sizeof(what), STR_FMT " before start", STR_ARG(m->event_name));
        refuse(l, -ERR_STATE, CLOSE_POLICY, what);
        return;
    }
    if (m->stream_sid.n > 0 && !str_eq(m->stream_sid, str_from(l->stream_sid))) {
        refuse(l, -ERR_STATE, CLOSE_POLICY, "wrong streamSid");
        return;
    }
    if (l->state != LEG_LIVE) {
        return; /* what was still on its way behind stop */
    }
    if (m->event == TWILIO_MEDIA) {
        on_media(l, m);
    } else if (m->event == TWILIO_MARK) {
        on_mark(l, m);
    } else if (m->event == TWILIO_DTMF) {
        struct call_event ev = {.type = EV_LEG_DTMF};
        ev.leg_dtmf.digit = m->dtmf.digit;
        emit(l, &ev);
    } else {
        on_stop(l);
    }
}

static void on_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    struct twilio_leg *l = arg;
    struct twilio_msg m;
    const char *field = NULL;
    if (l->state == LEG_CLOSING) {
        return;
    }
    int err = twilio_decode(text, &l->t->text, &m, &field);
    if (err < 0) {
        refuse(l, err, CLOSE_PROTOCOL, field ? field : "message");
        return;
    }
    switch (m.event) {
    case TWILIO_CONNECTED:
        on_connected(l);
        break;
    case TWILIO_START:
        on_start(l, &m);
        break;
    case TWILIO_MEDIA:
    case TWILIO_MARK:
    case TWILIO_DTMF:
    case TWILIO_STOP:
        on_live(l, &m);
        break;
    case TWILIO_UNKNOWN:
    case TWILIO_EVENT_N:
        l->t->stats.unknown_events++;
        break;
    }
}

static void on_binary(struct ws *ws UNUSED, struct span data UNUSED, void *arg)
{
    struct twilio_leg *l = arg;
    if (l->state != LEG_CLOSING) {
        refuse(l, -ERR_TYPE, 1003, "binary frame");
    }
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct twilio_leg *l = arg;
    int err = l->err < 0 ? l->err : l->state == LEG_OVER ? 0 : why->err;
    l->ws = NULL;
    l->state = LEG_CLOSING;
    if (l->accepted) {
        l->base.handler->on_closed(&l->base, err, l->base.arg);
    } else {
        log_debug(&l->t->scope, "leg.socket-closed", "err=%s", err_name(err));
    }
    destroy(l);
}

static const struct ws_handler ws_events = {.on_text = on_text, .on_binary = on_binary, .on_closed = on_closed};

/* ---- actions ---- */

static int send_mark(struct twilio_leg *l, uint32_t mark)
{
    char name[16];
    int n = snprintf(name, sizeof(name), "rt%u", (unsigned)mark);
    twilio_put_mark(ws_begin(l->ws), str_from(l->stream_sid), (struct str){name, (size_t)n});
    return ws_end(l->ws);
}

static int send_media(struct twilio_leg *l, const struct call_action *act)
{
    int err = 0;
    ws_cork(l->ws);
    if (act->leg_media.audio.n > 0) {
        twilio_put_media(ws_begin(l->ws), str_from(l->stream_sid), act->leg_media.audio);
        err = ws_end(l->ws);
    }
    if (err >= 0 && act->leg_media.mark != 0) {
        err = send_mark(l, act->leg_media.mark);
    }
    ws_uncork(l->ws);
    return err;
}

static int send_clear(struct twilio_leg *l)
{
    twilio_put_clear(ws_begin(l->ws), str_from(l->stream_sid));
    return ws_end(l->ws);
}

static void on_hung_up(const struct carrier_result *r, void *arg)
{
    struct twilio_leg *l = arg;
    l->rest = NULL;
    /* 200: the carrier ends the stream itself. Anything else: there is nobody left to do it, or REST did not work. */
    if (r->err < 0 || r->status != 200) {
        shut(l, 0, CLOSE_NORMAL, STR_NULL);
    }
}

/*
 * By REST the call itself ends. Without it we leave the socket: Twilio then asks /twilio/after, where the host says
 * what is owed to the caller.
 */
static int hang_up(struct twilio_leg *l, bool apologise)
{
    const struct twilio_wait w = {on_hung_up, l, &l->rest};
    if (l->rest) {
        return 0;
    }
    if (l->state == LEG_LIVE && twilio_order_hangup(l->t, str_from(l->call_sid), apologise, &w) == 0) {
        return 0;
    }
    shut(l, 0, CLOSE_NORMAL, STR_NULL);
    return 0;
}

static void on_transferred(const struct carrier_result *r, void *arg)
{
    struct twilio_leg *l = arg;
    l->transfer = NULL;
    if (r->err < 0 && r->err != -ECANCELED && l->state == LEG_LIVE) {
        struct call_event ev = {.type = EV_LEG_TRANSFER_FAILED};
        ev.leg_transfer_failed.err = r->err;
        ev.leg_transfer_failed.code = (int32_t)MIN(MAX(r->code, 0), INT32_MAX);
        ev.leg_transfer_failed.message = r->message;
        emit(l, &ev);
    } /* else the carrier stops the stream */
}

/* The call gets a <Dial> in place of our stream. */
static int transfer(struct twilio_leg *l, struct str to)
{
    const struct twilio_wait w = {on_transferred, l, &l->transfer};
    return l->transfer ? -ERR_STATE : twilio_order_transfer(l->t, str_from(l->call_sid), to, &w);
}

static const char *cannot_transfer(struct leg *leg)
{
    const struct twilio_leg *l = leg_of(leg);
    if (!twilio_can_rest(l->t)) {
        return "Transfers are not configured: there is no Twilio account.";
    }
    return l->call_sid[0] ? NULL : "This call cannot be transferred: the carrier did not name it.";
}

static int perform(struct leg *leg, const struct call_action *act)
{
    struct twilio_leg *l = leg_of(leg);
    if (l->state == LEG_CLOSING) {
        return -ERR_CLOSED;
    }
    if (act->type == ACT_LEG_HANGUP) {
        return hang_up(l, act->leg_hangup.apologise);
    }
    if (l->state == LEG_OVER) {
        return 0; /* nobody plays it any more */
    }
    if (act->type == ACT_LEG_TRANSFER) {
        return transfer(l, act->leg_transfer.to);
    }
    if (act->type == ACT_LEG_MEDIA) {
        return send_media(l, act);
    }
    if (act->type == ACT_LEG_MARK) {
        return send_mark(l, act->leg_mark.mark);
    }
    return act->type == ACT_LEG_CLEAR ? send_clear(l) : -EINVAL;
}

static void cork(struct leg *leg)
{
    struct twilio_leg *l = leg_of(leg);
    if (l->ws) {
        ws_cork(l->ws);
    }
}

static void uncork(struct leg *leg)
{
    struct twilio_leg *l = leg_of(leg);
    if (l->ws) {
        ws_uncork(l->ws);
    }
}

static void close_leg(struct leg *leg)
{
    shut(leg_of(leg), 0, CLOSE_NORMAL, STR_NULL);
}

static const struct leg_ops leg_twilio = {
    .name = "twilio",
    .perform = perform,
    .cork = cork,
    .uncork = uncork,
    .close = close_leg,
    .cannot_transfer = cannot_transfer,
};

/* ---- birth and sudden death ---- */

/* The vendor drops the query of a stream's URL; tests and private clients use it. Not well-formed: as if not there. */
static void read_query(struct twilio_leg *l, const struct http_request *req)
{
    struct twilio_params p;
    twilio_params_init(&p);
    if (twilio_params_read(&p, req) == 0) {
        struct str token = twilio_params_get(&p, CARRIER_TOKEN_PARAM);
        struct str call_id = twilio_params_get(&p, "call_id");
        l->query_token = token.n > 0 ? str_dup(token) : NULL;
        l->query_call_id = call_id.n > 0 ? str_dup(call_id) : NULL;
    }
    twilio_params_done(&p);
}

static struct twilio_leg *leg_new(struct twilio *t, const struct http_request *req, bool signature_ok)
{
    struct twilio_leg *l = calloc(1, sizeof(*l));
    if (!l) {
        return NULL;
    }
    if (timer_new(t->loop, on_late, l, &l->deadline) < 0) {
        free(l);
        return NULL;
    }
    l->base.ops = &leg_twilio;
    l->t = t;
    l->signature_ok = signature_ok;
    read_query(l, req);
    l->next = t->legs;
    if (t->legs) {
        t->legs->prev = l;
    }
    t->legs = l;
    t->stats.sockets++;
    t->stats.unauthenticated++;
    timer_start(l->deadline, (uint64_t)twilio_or(t->opts->socket_start_ms, 5000) * 1000, 0);
    return l;
}

void twilio_upgrade(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    if (!req->wants_upgrade) {
        http_respond(x, 426, STR("text/plain"), STR("Upgrade: websocket\r\n"),
                     span_of_str(STR("This path speaks WebSocket (Twilio Media Streams).\n")));
        return;
    }
    enum twilio_verdict verdict = twilio_verify(t, req, true, NULL);
    if (verdict == TWILIO_FORGED) {
        t->stats.bad_signatures++;
        log_warn(&t->scope, "twilio.signature", "path=" STR_FMT " peer=" STR_FMT " why=\"wrong signature\"",
                 STR_ARG(req->path), STR_ARG(req->peer));
        http_respond(x, 403, STR("text/plain"), STR_NULL, span_of_str(STR("X-Twilio-Signature is wrong.\n")));
        return;
    }
    if (t->stats.unauthenticated >= twilio_or(t->opts->max_unauthenticated, 64)) {
        t->stats.refused_limit++;
        http_respond(x, 503, STR("text/plain"), STR("Retry-After: 1\r\n"),
                     span_of_str(STR("Too many sockets wait for their start message.\n")));
        return;
    }
    struct twilio_leg *l = leg_new(t, req, verdict == TWILIO_SIGNED);
    if (!l) {
        http_respond(x, 503, STR("text/plain"), STR_NULL, span_of_str(STR("Out of memory.\n")));
        return;
    }
    struct ws_opts o = {.max_message_bytes = TWILIO_MESSAGE_MAX,
                        .max_queue_bytes = twilio_or(t->opts->max_send_queue_bytes, 1u << 20),
                        .close_deadline_ms = 1000};
    int err = http_upgrade(x, STR_NULL, &o, &ws_events, l, &l->ws);
    if (err < 0) {
        destroy(l); /* the exchange is gone as well */
        return;
    }
    if (l->query_call_id && t->host->on_media_query &&
        t->host->on_media_query(&t->base, str_from(l->query_call_id), t->arg) < 0) {
        turn_away(l, -ENOENT);
    }
}

static void on_nothing_closed(struct ws *ws UNUSED, const struct ws_close *why UNUSED, void *arg UNUSED)
{
}

static void on_nothing(struct ws *ws UNUSED, struct str text UNUSED, void *arg UNUSED)
{
}

static const struct ws_handler nobody = {.on_text = on_nothing, .on_closed = on_nothing_closed};

void twilio_drop_legs(struct twilio *t)
{
    while (t->legs) {
        struct twilio_leg *l = t->legs;
        if (l->ws) {
            ws_set_arg(l->ws, &nobody, NULL);
            ws_abort(l->ws, -ECANCELED);
            l->ws = NULL;
        }
        l->state = LEG_CLOSING;
        if (l->accepted) {
            l->base.handler->on_closed(&l->base, -ECANCELED, l->base.arg);
        }
        destroy(l);
    }
}
