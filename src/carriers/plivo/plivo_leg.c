/*
 * One media socket: frames of exactly 20 ms, several of them in one write; checkpoints, which vanish at a clear; and
 * the wait after a clear.
 *
 * What is sent between our clearAudio and the carrier's clearedAudio may be dropped there or not. So it waits here, for
 * the answer or for HOLD_MS, and leaves in its order.
 */
#include <stdlib.h>

#include "carriers/plivo/plivo_impl.h"

#define HOLD_MS      200
#define HELD_MAX     (64u << 10) /* bytes that wait: 8 s of audio, far beyond what the core's pacing gives in HOLD_MS */
#define HELD_MARKS   64
#define LEAVE_MS     1000 /* after an accepted transfer, unless the carrier comes for its document before */
#define JITTER_MS    40   /* timestamps are of the wall clock: one that is off by no more follows the last */
#define SILENCE      0xFF
#define FRAME_MS     20
#define BYTES_PER_MS 8

/* A mark behind so many of the bytes that wait. */
struct held_mark {
    uint32_t at;
    uint32_t mark;
};

struct plivo_leg {
    struct socket_leg socket;
    struct account_request *order; /* hang-up, apology or transfer under way */
    struct timer *hold;            /* after a clear */
    struct timer *leave;           /* after an accepted transfer */
    bool holding;
    struct buf held;
    struct held_mark marks[HELD_MARKS];
    uint32_t n_marks;
    uint8_t tail[PLIVO_FRAME_BYTES]; /* less than a frame: waits for more, or for a mark */
    uint32_t n_tail;
    bool clocked;
    uint64_t first_ms; /* the carrier's time of the first frame: the epoch does not fit */
    uint32_t clock_ms; /* media clock at the end of the last frame */
};

static struct plivo_leg *leg_of(struct socket_leg *s)
{
    return CONTAINER_OF(s, struct plivo_leg, socket);
}

static struct plivo *carrier_of(const struct plivo_leg *l)
{
    return plivo_of_cloud(l->socket.cloud);
}

/* ---- from the carrier ---- */

static bool speaks_mulaw(const struct plivo_start *s)
{
    return str_is(s->encoding, PLIVO_MULAW) && (s->rate_hz == 0 || s->rate_hz == 8000);
}

static void on_start(struct socket_leg *s, const struct plivo_msg *m)
{
    struct str_pair extra[PLIVO_EXTRA_MAX];
    if (s->state != SOCKET_LEG_WAITING) {
        socket_leg_refuse(s, -ERR_STATE, SOCKET_LEG_POLICY, "second start");
        return;
    }
    if (str_copy(s->stream_id, sizeof(s->stream_id), m->stream_id) < 0 ||
        str_copy(s->call_id, sizeof(s->call_id), m->start.call_id) < 0) {
        socket_leg_refuse(s, -ERR_TOO_BIG, SOCKET_LEG_PROTOCOL, "start.callId");
        return;
    }
    if (!speaks_mulaw(&m->start)) {
        socket_leg_refuse(s, -ERR_TYPE, SOCKET_LEG_PROTOCOL,
                          "start.mediaFormat is not audio/x-mulaw 8000: give <Stream> our contentType");
        return;
    }
    const struct carrier_stream stream = {
        .stream_id = m->stream_id,
        .call_id = m->start.call_id,
        .account_id = m->start.account_id,
        .params = extra,
        .n_params = plivo_extra(m->extra_headers, extra),
    };
    if (socket_leg_start(s, &stream)) {
        struct call_event ev = {.type = EV_LEG_START};
        ev.leg_start.format = AUDIO_PCMU;
        ev.leg_start.stream_id = str_from(s->stream_id);
        ev.leg_start.carrier_call_id = str_from(s->call_id);
        socket_leg_emit(s, &ev);
    }
}

/* Where a frame begins on our clock, which starts at 0. */
static uint32_t place(struct plivo_leg *l, const struct plivo_media *media)
{
    if (!media->has_timestamp) {
        return l->clock_ms;
    }
    if (!l->clocked) {
        l->clocked = true;
        l->first_ms = media->timestamp_ms;
    }
    uint32_t at = (uint32_t)(media->timestamp_ms - l->first_ms);
    int64_t off = (int64_t)at - (int64_t)l->clock_ms;
    return off >= -JITTER_MS && off <= JITTER_MS ? l->clock_ms : at;
}

static void on_media(struct plivo_leg *l, const struct plivo_msg *m)
{
    if (m->media.outbound) {
        return; /* our own audio, from a stream that was asked for both tracks */
    }
    uint32_t at_ms = place(l, &m->media);
    uint32_t bytes = 0;
    socket_leg_media(&l->socket, at_ms, m->media.payload, &bytes);
    l->clock_ms = at_ms + bytes / BYTES_PER_MS;
}

static void release(struct plivo_leg *l);

static void on_words(struct plivo_leg *l, struct str text)
{
    struct socket_leg *s = &l->socket;
    if (!carrier_of(l)->opts->text_events) {
        s->cloud->stats.unknown_events++; /* whoever can write on the socket could put words into callers' mouths */
        return;
    }
    if (text.n > 0) {
        socket_leg_emit(s, &(struct call_event){.type = EV_CONTROL_USER_TEXT, .control_text = {.text = text}});
    }
}

static void on_over(struct socket_leg *s)
{
    s->state = SOCKET_LEG_OVER;
    socket_leg_emit(s, &(struct call_event){.type = EV_LEG_STOP});
}

/* Messages that only a started stream may send. */
static void on_live(struct socket_leg *s, const struct plivo_msg *m)
{
    struct plivo_leg *l = leg_of(s);
    if (s->state == SOCKET_LEG_WAITING) {
        char what[96];
        ignore_result(snprintf(what, sizeof(what), STR_FMT " before start", STR_ARG(m->event_name)) <
                      0); /* for people */
        socket_leg_refuse(s, -ERR_STATE, SOCKET_LEG_POLICY, what);
        return;
    }
    if (m->stream_id.n > 0 && !str_eq(m->stream_id, str_from(s->stream_id))) {
        socket_leg_refuse(s, -ERR_STATE, SOCKET_LEG_POLICY, "wrong streamId");
        return;
    }
    if (s->state != SOCKET_LEG_LIVE) {
        return; /* what was still on its way behind the end */
    }
    switch (m->event) {
    case PLIVO_MEDIA:
        on_media(l, m);
        break;
    case PLIVO_PLAYED:
        socket_leg_mark(s, m->name);
        break;
    case PLIVO_CLEARED:
        release(l);
        break;
    case PLIVO_DTMF:
        socket_leg_emit(s, &(struct call_event){.type = EV_LEG_DTMF, .leg_dtmf = {.digit = m->digit}});
        break;
    case PLIVO_TEXT:
        on_words(l, m->text);
        break;
    case PLIVO_STOP:
        on_over(s);
        break;
    case PLIVO_START:
    case PLIVO_FAILED:
    case PLIVO_UNKNOWN:
    case PLIVO_EVENT_N:
        break;
    }
}

static void on_text(struct socket_leg *s, struct str text)
{
    struct plivo_msg m;
    const char *field = NULL;
    int err = plivo_decode(text, &s->cloud->text, &m, &field);
    if (err < 0) {
        socket_leg_refuse(s, err, SOCKET_LEG_PROTOCOL, field ? field : "message");
    } else if (m.event == PLIVO_START) {
        on_start(s, &m);
    } else if (m.event == PLIVO_UNKNOWN && s->state != SOCKET_LEG_WAITING) {
        s->cloud->stats.unknown_events++;
    } else if (m.event == PLIVO_FAILED && s->state == SOCKET_LEG_LIVE) {
        log_warn(&s->cloud->scope, "plivo.play-failed", "stream=%s event=" STR_FMT " reason=\"" STR_FMT "\"",
                 s->stream_id, STR_ARG(m.event_name), STR_ARG(m.text));
    } else {
        on_live(s, &m);
    }
}

/* ---- to the carrier ---- */

static int send_frame(struct socket_leg *s, const uint8_t *frame)
{
    plivo_put_audio(ws_begin(s->ws), span_from(frame, PLIVO_FRAME_BYTES));
    return ws_end(s->ws);
}

/* Whole frames; what is left waits in the tail. */
static int send_audio(struct plivo_leg *l, struct span audio)
{
    int err = 0;
    while (audio.n > 0 && err >= 0) {
        size_t n = MIN(audio.n, sizeof(l->tail) - l->n_tail);
        if (l->n_tail == 0 && n == sizeof(l->tail)) {
            err = send_frame(&l->socket, audio.p);
        } else {
            memcpy(l->tail + l->n_tail, audio.p, n);
            l->n_tail += (uint32_t)n;
            if (l->n_tail == sizeof(l->tail)) {
                l->n_tail = 0;
                err = send_frame(&l->socket, l->tail);
            }
        }
        audio = (struct span){audio.p + n, audio.n - n};
    }
    return err;
}

/* All before it leaves first: a last part of a frame is filled up with silence. */
static int send_mark(struct plivo_leg *l, uint32_t mark)
{
    char name[SOCKET_LEG_MARK_MAX];
    struct socket_leg *s = &l->socket;
    int err = 0;
    if (l->n_tail > 0) {
        memset(l->tail + l->n_tail, SILENCE, sizeof(l->tail) - l->n_tail);
        l->n_tail = 0;
        err = send_frame(s, l->tail);
    }
    if (err >= 0 && mark != 0) {
        size_t n = socket_leg_mark_name(mark, name);
        plivo_put_checkpoint(ws_begin(s->ws), str_from(s->stream_id), (struct str){name, n});
        err = ws_end(s->ws);
    }
    return err;
}

/* ---- the wait after a clear ---- */

static int hold(struct plivo_leg *l, struct span audio, uint32_t mark)
{
    buf_put(&l->held, audio.p, audio.n);
    if (l->held.err < 0 || (mark != 0 && l->n_marks == HELD_MARKS)) {
        socket_leg_shut(&l->socket, -ERR_LIMIT, SOCKET_LEG_INTERNAL, STR_NULL);
        return -ERR_LIMIT;
    }
    if (mark != 0) {
        l->marks[l->n_marks++] = (struct held_mark){(uint32_t)l->held.len, mark};
    }
    return 0;
}

static int send_held(struct plivo_leg *l)
{
    const uint8_t *data = buf_ptr(&l->held);
    uint32_t at = 0;
    int err = 0;
    for (uint32_t i = 0; i < l->n_marks && err >= 0; i++) {
        err = send_audio(l, span_from(data + at, l->marks[i].at - at));
        err = err < 0 ? err : send_mark(l, l->marks[i].mark);
        at = l->marks[i].at;
    }
    return err < 0 ? err : send_audio(l, span_from(data + at, l->held.len - at));
}

static void release(struct plivo_leg *l)
{
    if (!l->holding) {
        return;
    }
    l->holding = false;
    timer_stop(l->hold);
    int err = send_held(l);
    buf_clear(&l->held);
    l->n_marks = 0;
    if (err < 0) {
        socket_leg_shut(&l->socket, err, SOCKET_LEG_INTERNAL, STR_NULL);
    }
}

static void on_hold_over(void *arg)
{
    struct plivo_leg *l = arg;
    if (l->socket.state == SOCKET_LEG_LIVE) {
        release(l);
    }
}

static int send_clear(struct plivo_leg *l)
{
    struct socket_leg *s = &l->socket;
    int err = 0;
    if (!l->hold) {
        err = timer_new(s->cloud->loop, on_hold_over, l, &l->hold);
    }
    if (err < 0) {
        socket_leg_shut(s, err, SOCKET_LEG_INTERNAL, STR_NULL);
        return err;
    }
    buf_clear(&l->held);
    l->n_marks = 0;
    l->n_tail = 0;
    l->holding = true;
    timer_start(l->hold, (uint64_t)HOLD_MS * 1000, 0);
    plivo_put_clear(ws_begin(s->ws), str_from(s->stream_id));
    return ws_end(s->ws);
}

static int send_media(struct plivo_leg *l, const struct call_action *act)
{
    if (l->holding) {
        return hold(l, act->leg_media.audio, act->leg_media.mark);
    }
    int err = send_audio(l, act->leg_media.audio);
    if (err >= 0 && act->leg_media.mark != 0) {
        err = send_mark(l, act->leg_media.mark);
    }
    return err;
}

/* ---- the end, and elsewhere ---- */

static void on_hung_up(const struct carrier_result *r UNUSED, void *arg)
{
    struct plivo_leg *l = arg;
    l->order = NULL;
    /* The call is over, or has another document to go on with, or REST did not work: in each case we are done. */
    socket_leg_shut(&l->socket, 0, SOCKET_LEG_NORMAL, STR_NULL);
}

/*
 * By REST the call itself ends. Without it we leave the socket: Plivo then asks /plivo/after, where the host says what
 * is owed to the caller.
 */
static int hang_up(struct plivo_leg *l, const struct call_action *act)
{
    struct socket_leg *s = &l->socket;
    const struct account_wait w = {.done = on_hung_up, .arg = l, .ret = &l->order};
    if (l->order) {
        return 0;
    }
    int err = -ERR_STATE;
    if (s->state == SOCKET_LEG_LIVE) {
        err = act->leg_hangup.apologise
                  ? plivo_order_apology(carrier_of(l), str_from(s->call_id), act->leg_hangup.words, &w)
                  : plivo_order_hangup(carrier_of(l), str_from(s->call_id), &w);
    }
    if (err < 0) {
        socket_leg_shut(s, 0, SOCKET_LEG_NORMAL, STR_NULL);
    }
    return 0;
}

/* The call goes on without us. Closing before the transfer was accepted would end it. */
static void leave(struct plivo_leg *l)
{
    struct socket_leg *s = &l->socket;
    if (s->state == SOCKET_LEG_LIVE) {
        on_over(s);
        socket_leg_shut(s, 0, SOCKET_LEG_NORMAL, STR_NULL);
    }
}

static void on_leave(void *arg)
{
    leave(arg);
}

static void on_transferred(const struct carrier_result *r, void *arg)
{
    struct plivo_leg *l = arg;
    l->order = NULL;
    if (r->err < 0) {
        l->leave = timer_free(l->leave);
        socket_leg_transfer_failed(&l->socket, r);
    } else if (l->leave) { /* else the document has been fetched already */
        timer_start(l->leave, (uint64_t)LEAVE_MS * 1000, 0);
    }
}

static int transfer(struct plivo_leg *l, struct str to)
{
    const struct account_wait w = {.done = on_transferred, .arg = l, .ret = &l->order};
    if (l->order || l->leave) {
        return -ERR_STATE;
    }
    int err = timer_new(l->socket.cloud->loop, on_leave, l, &l->leave);
    err = err < 0 ? err : plivo_order_transfer(carrier_of(l), str_from(l->socket.call_id), to, &w);
    if (err < 0) {
        l->leave = timer_free(l->leave);
    }
    return err;
}

static const struct leg_ops leg_plivo;

void plivo_leg_fetched(struct plivo *p, struct str call_uuid)
{
    for (struct socket_leg *s = p->cloud.sockets, *next; s; s = next) {
        next = s->next;
        struct plivo_leg *l = leg_of(s);
        if (l->leave && call_uuid.n > 0 && str_is(call_uuid, s->call_id)) {
            timer_start(l->leave, 0, 0); /* from the loop: the document is answered first */
        }
    }
}

static const char *cannot_transfer(struct leg *leg)
{
    struct plivo_leg *l = leg_of(socket_leg_of(leg));
    const struct plivo *p = carrier_of(l);
    if (!plivo_can_rest(p)) {
        return "Transfers are not configured: there is no Plivo account.";
    }
    if (p->opts->public_url.n == 0) {
        return "Transfers are not configured: server.public_url is not set.";
    }
    return l->socket.call_id[0] ? NULL : "This call cannot be transferred: the carrier did not name it.";
}

static int perform(struct leg *leg, const struct call_action *act)
{
    struct socket_leg *s = socket_leg_of(leg);
    struct plivo_leg *l = leg_of(s);
    if (s->state == SOCKET_LEG_CLOSING) {
        return -ERR_CLOSED;
    }
    if (act->type == ACT_LEG_HANGUP) {
        return hang_up(l, act);
    }
    if (s->state == SOCKET_LEG_OVER) {
        return 0; /* nobody plays it any more */
    }
    if (act->type == ACT_LEG_TRANSFER) {
        return transfer(l, act->leg_transfer.to);
    }
    if (act->type == ACT_LEG_MEDIA) {
        return send_media(l, act);
    }
    if (act->type == ACT_LEG_MARK) {
        return l->holding ? hold(l, (struct span){NULL, 0}, act->leg_mark.mark) : send_mark(l, act->leg_mark.mark);
    }
    return act->type == ACT_LEG_CLEAR ? send_clear(l) : -EINVAL;
}

static void on_gone(struct socket_leg *s)
{
    struct plivo_leg *l = leg_of(s);
    if (l->order) {
        account_forget(l->order);
    }
    timer_free(l->hold);
    timer_free(l->leave);
    buf_done(&l->held);
}

static const struct leg_ops leg_plivo = {
    .name = "plivo",
    .perform = perform,
    .close = socket_leg_close,
    .prefetch = socket_leg_prefetch,
    .cannot_transfer = cannot_transfer,
};

static void on_born(struct socket_leg *s)
{
    buf_init(&leg_of(s)->held, HELD_MAX);
}

static const struct socket_leg_ops sockets = {
    .leg = &leg_plivo,
    .size = sizeof(struct plivo_leg),
    .speaks = "Plivo Audio Streaming",
    .close_is_stop = true,
    .on_born = on_born,
    .on_text = on_text,
    .on_gone = on_gone,
};

void plivo_upgrade(struct plivo *p, struct http_exchange *x, const struct http_request *req)
{
    socket_leg_upgrade(&p->cloud, x, req, plivo_verify(p, req, PLIVO_OPENS, NULL), PLIVO_SIGNATURE, &sockets);
}
