/* One media socket: what its messages are, from start to the last mark. */
#include "carriers/twilio/twilio_impl.h"

static struct twilio *twilio_of_leg(const struct twilio_leg *l)
{
    return twilio_of(&l->socket.cloud->base);
}

static struct twilio_leg *leg_of(struct socket_leg *s)
{
    return CONTAINER_OF(s, struct twilio_leg, socket);
}

static bool speaks_mulaw(const struct twilio_start *s)
{
    return (s->encoding.n == 0 || str_is(s->encoding, "audio/x-mulaw")) && (s->rate_hz == 0 || s->rate_hz == 8000) &&
           (s->channels == 0 || s->channels == 1);
}

static void accept_start(struct twilio_leg *l, const struct twilio_msg *m)
{
    struct call_event ev = {.type = EV_LEG_START};
    ev.leg_start.format = AUDIO_PCMU;
    ev.leg_start.stream_id = m->stream_sid;
    ev.leg_start.carrier_call_id = m->start.call_sid;
    ev.leg_start.caller = twilio_start_param(&m->start, "from");
    ev.leg_start.called = twilio_start_param(&m->start, "to");
    socket_leg_emit(&l->socket, &ev);
}

static void on_start(struct twilio_leg *l, const struct twilio_msg *m)
{
    struct socket_leg *s = &l->socket;
    if (s->state != SOCKET_LEG_WAITING) {
        socket_leg_refuse(s, -ERR_STATE, SOCKET_LEG_POLICY, "second start");
        return;
    }
    if (m->stream_sid.n == 0 || str_copy(s->stream_id, sizeof(s->stream_id), m->stream_sid) < 0) {
        socket_leg_refuse(s, -ERR_MISSING, SOCKET_LEG_PROTOCOL, "streamSid");
        return;
    }
    if (str_copy(s->call_id, sizeof(s->call_id), m->start.call_sid) < 0) {
        socket_leg_refuse(s, -ERR_TOO_BIG, SOCKET_LEG_PROTOCOL, "start.callSid");
        return;
    }
    if (!speaks_mulaw(&m->start)) {
        socket_leg_refuse(s, -ERR_TYPE, SOCKET_LEG_PROTOCOL, "start.mediaFormat is not audio/x-mulaw 8000 mono");
        return;
    }
    const struct carrier_stream stream = {
        .stream_id = m->stream_sid,
        .call_id = m->start.call_sid,
        .account_id = m->start.account_sid,
        .token = twilio_start_param(&m->start, CARRIER_TOKEN_PARAM),
        .query_call_id = twilio_start_param(&m->start, "call_id"),
        .params = m->start.params,
        .n_params = m->start.n_params,
    };
    if (socket_leg_start(s, &stream)) {
        accept_start(l, m);
    }
}

static void on_media(struct twilio_leg *l, const struct twilio_msg *m)
{
    if (m->media.track != TWILIO_TRACK_INBOUND) {
        return; /* our own audio, from a stream that was asked for both tracks */
    }
    uint64_t at_ms = m->media.has_timestamp ? m->media.timestamp_ms : l->clock_ms;
    uint32_t bytes = 0;
    socket_leg_media(&l->socket, (uint32_t)at_ms, m->media.payload, &bytes);
    l->clock_ms = at_ms + bytes / 8;
}

static void on_connected(struct twilio_leg *l)
{
    if (l->connected || l->socket.state != SOCKET_LEG_WAITING) {
        socket_leg_refuse(&l->socket, -ERR_STATE, SOCKET_LEG_POLICY, "second connected");
        return;
    }
    l->connected = true;
}

/* Messages that only a started stream may send. */
static void on_live(struct twilio_leg *l, const struct twilio_msg *m)
{
    struct socket_leg *s = &l->socket;
    if (s->state == SOCKET_LEG_WAITING) {
        char what[96];
        ignore_result(snprintf(what, sizeof(what), STR_FMT " before start", STR_ARG(m->event_name)) <
                      0); /* for people */
        socket_leg_refuse(s, -ERR_STATE, SOCKET_LEG_POLICY, what);
        return;
    }
    if (m->stream_sid.n > 0 && !str_eq(m->stream_sid, str_from(s->stream_id))) {
        socket_leg_refuse(s, -ERR_STATE, SOCKET_LEG_POLICY, "wrong streamSid");
        return;
    }
    if (s->state != SOCKET_LEG_LIVE) {
        return; /* what was still on its way behind stop */
    }
    if (m->event == TWILIO_MEDIA) {
        on_media(l, m);
    } else if (m->event == TWILIO_MARK) {
        socket_leg_mark(s, m->mark);
    } else if (m->event == TWILIO_DTMF) {
        struct call_event ev = {.type = EV_LEG_DTMF};
        ev.leg_dtmf.digit = m->dtmf.digit;
        socket_leg_emit(s, &ev);
    } else {
        s->state = SOCKET_LEG_OVER;
        socket_leg_emit(s, &(struct call_event){.type = EV_LEG_STOP});
    }
}

static void on_text(struct socket_leg *s, struct str text)
{
    struct twilio_leg *l = leg_of(s);
    struct twilio_msg m;
    const char *field = NULL;
    int err = twilio_decode(text, &s->cloud->text, &m, &field);
    if (err < 0) {
        socket_leg_refuse(s, err, SOCKET_LEG_PROTOCOL, field ? field : "message");
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
        s->cloud->stats.unknown_events++;
        break;
    }
}

/* ---- actions ---- */

static int send_mark(struct socket_leg *s, uint32_t mark)
{
    char name[SOCKET_LEG_MARK_MAX];
    size_t n = socket_leg_mark_name(mark, name);
    twilio_put_mark(ws_begin(s->ws), str_from(s->stream_id), (struct str){name, n});
    return ws_end(s->ws);
}

static int send_media(struct socket_leg *s, const struct call_action *act)
{
    int err = 0;
    if (act->leg_media.audio.n > 0) {
        twilio_put_media(ws_begin(s->ws), str_from(s->stream_id), act->leg_media.audio);
        err = ws_end(s->ws);
    }
    if (err >= 0 && act->leg_media.mark != 0) {
        err = send_mark(s, act->leg_media.mark);
    }
    return err;
}

static int send_clear(struct socket_leg *s)
{
    twilio_put_clear(ws_begin(s->ws), str_from(s->stream_id));
    return ws_end(s->ws);
}

static void on_hung_up(const struct carrier_result *r, void *arg)
{
    struct twilio_leg *l = arg;
    l->rest = NULL;
    /* 200: the carrier ends the stream itself. Anything else: there is nobody left to do it, or REST did not work. */
    if (r->err < 0 || r->status != 200) {
        socket_leg_shut(&l->socket, 0, SOCKET_LEG_NORMAL, STR_NULL);
    }
}

/*
 * By REST the call itself ends. Without it we leave the socket: Twilio then asks /twilio/after, where the host says
 * what is owed to the caller.
 */
static int hang_up(struct twilio_leg *l, struct str apology)
{
    const struct account_wait w = {.done = on_hung_up, .arg = l, .ret = &l->rest};
    struct socket_leg *s = &l->socket;
    if (l->rest) {
        return 0;
    }
    if (s->state == SOCKET_LEG_LIVE && twilio_order_hangup(twilio_of_leg(l), str_from(s->call_id), apology, &w) == 0) {
        return 0;
    }
    socket_leg_shut(s, 0, SOCKET_LEG_NORMAL, STR_NULL);
    return 0;
}

static void on_transferred(const struct carrier_result *r, void *arg)
{
    struct twilio_leg *l = arg;
    l->transfer = NULL;
    if (r->err < 0) {
        socket_leg_transfer_failed(&l->socket, r);
    } /* else the carrier stops the stream */
}

/* The call gets a <Dial> in place of our stream. */
static int transfer(struct twilio_leg *l, struct str to)
{
    const struct account_wait w = {.done = on_transferred, .arg = l, .ret = &l->transfer};
    return l->transfer ? -ERR_STATE : twilio_order_transfer(twilio_of_leg(l), str_from(l->socket.call_id), to, &w);
}

static const char *cannot_transfer(struct leg *leg)
{
    const struct twilio_leg *l = leg_of(socket_leg_of(leg));
    if (!twilio_can_rest(twilio_of_leg(l))) {
        return "Transfers are not configured: there is no Twilio account.";
    }
    return l->socket.call_id[0] ? NULL : "This call cannot be transferred: the carrier did not name it.";
}

static int perform(struct leg *leg, const struct call_action *act)
{
    struct socket_leg *s = socket_leg_of(leg);
    struct twilio_leg *l = leg_of(s);
    if (s->state == SOCKET_LEG_CLOSING) {
        return -ERR_CLOSED;
    }
    if (act->type == ACT_LEG_HANGUP) {
        struct str words = act->leg_hangup.words.p ? act->leg_hangup.words : STR("");
        return hang_up(l, act->leg_hangup.apologise ? words : STR_NULL);
    }
    if (s->state == SOCKET_LEG_OVER) {
        return 0; /* nobody plays it any more */
    }
    if (act->type == ACT_LEG_TRANSFER) {
        return transfer(l, act->leg_transfer.to);
    }
    if (act->type == ACT_LEG_MEDIA) {
        return send_media(s, act);
    }
    if (act->type == ACT_LEG_MARK) {
        return send_mark(s, act->leg_mark.mark);
    }
    return act->type == ACT_LEG_CLEAR ? send_clear(s) : -EINVAL;
}

static void on_gone(struct socket_leg *s)
{
    struct twilio_leg *l = leg_of(s);
    if (l->rest) {
        account_forget(l->rest);
    }
    if (l->transfer) {
        account_forget(l->transfer);
    }
}

static const struct leg_ops leg_twilio = {
    .name = "twilio",
    .perform = perform,
    .close = socket_leg_close,
    .prefetch = socket_leg_prefetch,
    .cannot_transfer = cannot_transfer,
};

static const struct socket_leg_ops sockets = {
    .leg = &leg_twilio,
    .size = sizeof(struct twilio_leg),
    .speaks = "Twilio Media Streams",
    .on_text = on_text,
    .on_gone = on_gone,
};

void twilio_upgrade(struct twilio *t, struct http_exchange *x, const struct http_request *req)
{
    socket_leg_upgrade(&t->cloud, x, req, twilio_verify(t, req, true, NULL), TWILIO_SIGNATURE, &sockets);
}
