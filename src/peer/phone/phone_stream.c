#include "peer/phone/phone_stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/ws.h"
#include "peer/phone/phone_link.h"

#define MESSAGE_MAX_BYTES (2u << 20)
#define CONNECT_MS        5000
#define DETAIL_MAX        160

enum packet { PACKET_TEXT, PACKET_BINARY, PACKET_CLOSE };

enum stream_state {
    STREAM_OPENING,
    STREAM_CONNECTED, /* connected is sent, start is not */
    STREAM_STARTED,
    STREAM_CLOSING, /* our close is on its way */
    STREAM_GONE,    /* the socket is; messages may still be on the down link */
};

struct phone_stream {
    struct loop *loop;
    struct ws *ws; /* NULL: gone */
    const struct phone_stream_handler *h;
    void *arg;
    enum stream_state state;
    const struct phone_vendor *vendor;
    uint32_t variants;
    uint64_t sequence;
    uint64_t epoch_ms; /* of the start */
    struct phone_link up, down;
    struct timer *timer;
    struct buf text; /* message being built for the up link */
    struct phone_stream_end end;
    char detail[DETAIL_MAX];
    struct arena arena;
    struct str stream_sid, call_sid, account_sid;
    struct str_pair *params;
    size_t n_params;
};

static void stream_free(struct phone_stream *s)
{
    timer_free(s->timer);
    phone_link_done(&s->up);
    phone_link_done(&s->down);
    buf_done(&s->text);
    arena_done(&s->arena);
    free(s);
}

static void timer_arm(struct phone_stream *s)
{
    uint64_t up, down;
    bool has_up = phone_link_next(&s->up, &up);
    bool has_down = phone_link_next(&s->down, &down);
    if (!has_up && !has_down) {
        timer_stop(s->timer);
        return;
    }
    uint64_t due = !has_down ? up : !has_up ? down : MIN(up, down);
    uint64_t now = clock_now_us();
    timer_start(s->timer, due > now ? due - now : 1, 0);
}

/* ---- up: to the server ---- */

static void ws_lost(struct phone_stream *s, int err)
{
    if (err < 0 && s->ws && err != -ERR_CLOSED) {
        ws_abort(s->ws, err);
    }
}

static void up_deliver(struct phone_stream *s, int kind, struct str text)
{
    if (!s->ws) {
        return;
    }
    if (kind == PACKET_CLOSE) {
        ws_close(s->ws, 1000, STR_NULL);
    } else {
        ws_lost(s, ws_send_text(s->ws, text));
    }
}

static void up_send(struct phone_stream *s, int kind, struct str text)
{
    if (phone_link_direct(&s->up)) {
        up_deliver(s, kind, text);
        return;
    }
    ws_lost(s, phone_link_put(&s->up, clock_now_us(), kind, text));
    timer_arm(s);
}

static void up_message(struct phone_stream *s, struct phone_message *m)
{
    m->stream_id = s->stream_sid;
    m->call_id = s->call_sid;
    m->account_id = s->account_sid;
    m->epoch_ms = s->epoch_ms;
    m->variants = s->variants;
    if (m->kind != PHONE_MESSAGE_CONNECTED) {
        m->sequence = ++s->sequence - (s->variants & PHONE_VARIANT_ZERO ? 1 : 0);
    }
    /* Straight into the socket's buffer where no simulated network lies between. */
    bool direct = phone_link_direct(&s->up) && s->ws;
    struct buf *out = direct ? ws_begin(s->ws) : &s->text;
    if (!direct) {
        buf_clear(out);
    }
    s->vendor->put(out, m);
    if (direct) {
        ws_lost(s, ws_end(s->ws));
    } else if (out->err) {
        ws_lost(s, out->err);
    } else {
        up_send(s, PACKET_TEXT, buf_str(out));
    }
}

void phone_stream_start(struct phone_stream *s)
{
    if (s->state != STREAM_CONNECTED) {
        return;
    }
    s->state = STREAM_STARTED;
    s->epoch_ms = (uint64_t)clock_wall_us() / 1000;
    up_message(s, &(struct phone_message){.kind = PHONE_MESSAGE_START, .params = s->params, .n_params = s->n_params});
}

bool phone_stream_started(const struct phone_stream *s)
{
    return s->state == STREAM_STARTED;
}

static void tell(struct phone_stream *s, struct phone_message m)
{
    if (s->state == STREAM_STARTED) {
        up_message(s, &m);
    }
}

void phone_stream_media(struct phone_stream *s, uint64_t timestamp_ms, uint64_t chunk, struct span mulaw)
{
    tell(s, (struct phone_message){
                .kind = PHONE_MESSAGE_MEDIA, .chunk = chunk, .timestamp_ms = timestamp_ms, .audio = mulaw});
}

void phone_stream_mark(struct phone_stream *s, struct str name)
{
    tell(s, (struct phone_message){.kind = PHONE_MESSAGE_MARK, .name = name});
}

void phone_stream_cleared(struct phone_stream *s)
{
    if (s->vendor->answers_clear && !(s->variants & PHONE_VARIANT_UNCLEARED)) {
        tell(s, (struct phone_message){.kind = PHONE_MESSAGE_CLEARED});
    }
}

void phone_stream_key(struct phone_stream *s, char digit)
{
    tell(s, (struct phone_message){.kind = PHONE_MESSAGE_KEY, .digit = digit});
}

void phone_stream_hang_up(struct phone_stream *s)
{
    if (s->vendor->stops || (s->variants & PHONE_VARIANT_STOP)) {
        tell(s, (struct phone_message){.kind = PHONE_MESSAGE_STOP});
    }
    phone_stream_close(s);
}

void phone_stream_close(struct phone_stream *s)
{
    if (s->state == STREAM_CLOSING || s->state == STREAM_GONE) {
        return;
    }
    s->state = STREAM_CLOSING;
    s->end.ours = true;
    up_send(s, PACKET_CLOSE, STR_NULL);
}

void phone_stream_abort(struct phone_stream *s)
{
    s->end.ours = true;
    if (s->ws) {
        ws_abort(s->ws, -ECANCELED);
    }
}

/* ---- down: from the server ---- */

static void warn(struct phone_stream *s, uint32_t code, const char *text)
{
    s->h->on_warning(s, code, text, s->arg);
}

/* The last call: from the socket's on_closed or from the timer, so nobody further up the stack looks at s again. */
static void down_closed(struct phone_stream *s)
{
    s->h->on_closed(s, &s->end, s->arg);
    stream_free(s);
}

/* After our close was sent nothing is of interest any more. */
static void down_message(struct phone_stream *s, int kind, struct str text)
{
    if (s->end.ours) {
        return;
    }
    if (s->state == STREAM_CONNECTED && kind == PACKET_TEXT) {
        warn(s, s->vendor->overflow_code, "message before start: the stream has no id yet");
        return;
    }
    struct phone_command cmd;
    const char *reason = NULL;
    uint32_t code = s->vendor->read(text, kind == PACKET_BINARY, s->stream_sid, &cmd, &reason);
    if (code > 0) {
        warn(s, code, reason ? reason : "invalid message");
        return;
    }
    s->h->on_command(s, &cmd, s->arg);
}

static void down_receive(struct phone_stream *s, int kind, struct str text)
{
    if (phone_link_direct(&s->down)) {
        if (kind == PACKET_CLOSE) {
            down_closed(s);
        } else {
            down_message(s, kind, text);
        }
        return;
    }
    int err = phone_link_put(&s->down, clock_now_us(), kind, text);
    if (err < 0 && kind == PACKET_CLOSE) {
        down_closed(s); /* early, but never not at all */
        return;
    }
    ws_lost(s, err);
    timer_arm(s);
}

static void links_due(void *arg)
{
    struct phone_stream *s = arg;
    struct phone_packet p;
    uint64_t now = clock_now_us();
    while (phone_link_take(&s->up, now, &p)) {
        up_deliver(s, p.kind, (struct str){p.data, p.n});
    }
    while (phone_link_take(&s->down, now, &p)) {
        if (p.kind == PACKET_CLOSE) {
            down_closed(s);
            return;
        }
        down_message(s, p.kind, (struct str){p.data, p.n});
    }
    timer_arm(s);
}

static void on_ws_open(struct ws *ws, struct str protocol UNUSED, void *arg)
{
    struct phone_stream *s = arg;
    if (s->state != STREAM_OPENING) {
        return; /* given up meanwhile */
    }
    s->state = STREAM_CONNECTED;
    s->end.was_open = true;
    if (s->vendor->greets) {
        up_message(s, &(struct phone_message){.kind = PHONE_MESSAGE_CONNECTED});
    }
    s->h->on_open(s, s->arg);
}

static void on_ws_text(struct ws *ws UNUSED, struct str text, void *arg)
{
    down_receive(arg, PACKET_TEXT, text);
}

static void on_ws_binary(struct ws *ws UNUSED, struct span data, void *arg)
{
    down_receive(arg, PACKET_BINARY, str_of_span(data));
}

static uint32_t end_code(const struct phone_stream *s, const struct ws_close *why)
{
    if (s->end.ours) {
        return 0;
    }
    if (!s->end.was_open) {
        return why->http_status ? PHONE_ERR_HANDSHAKE : why->err == -ERR_TLS ? PHONE_ERR_TLS : PHONE_ERR_TIMEOUT;
    }
    return why->err == 0 ? PHONE_ERR_CLOSED : why->err == -ERR_WS ? PHONE_ERR_PROTOCOL : PHONE_ERR_BROKEN;
}

static void end_describe(struct phone_stream *s, const struct ws_close *why)
{
    char *d = s->detail;
    if (!s->end.was_open && why->http_status) {
        ignore_result(snprintf(d, DETAIL_MAX, "the media upgrade was answered with HTTP %d", why->http_status) < 0);
    } else if (!s->end.was_open) {
        ignore_result(snprintf(d, DETAIL_MAX, "no media connection: %s", err_text(why->err)) < 0);
    } else if (why->err == 0) {
        ignore_result(snprintf(d, DETAIL_MAX, "closed with %u%s%.*s", why->code, why->reason.n ? " " : "",
                               (int)MIN(why->reason.n, 100u), why->reason.p ? why->reason.p : "") < 0);
    } else {
        ignore_result(snprintf(d, DETAIL_MAX, "the media connection broke: %s", err_text(why->err)) < 0);
    }
    s->end.detail = d;
}

static void on_ws_closed(struct ws *ws UNUSED, const struct ws_close *why, void *arg)
{
    struct phone_stream *s = arg;
    s->ws = NULL;
    s->state = STREAM_GONE;
    s->end.code = end_code(s, why);
    s->end.ws_code = why->code;
    s->end.err = why->err;
    end_describe(s, why);
    phone_link_done(&s->up); /* nowhere to go */
    down_receive(s, PACKET_CLOSE, STR_NULL);
}

static const struct ws_handler ws_events = {
    .on_open = on_ws_open, .on_text = on_ws_text, .on_binary = on_ws_binary, .on_closed = on_ws_closed};

/* ---- life ---- */

static int copies_make(struct phone_stream *s, const struct phone_stream_opts *opts)
{
    if (opts->n_params > PHONE_PARAMS_MAX) {
        return -ERR_LIMIT;
    }
    s->stream_sid = arena_str(&s->arena, opts->stream_sid);
    s->call_sid = arena_str(&s->arena, opts->call_sid);
    s->account_sid = arena_str(&s->arena, opts->account_sid);
    s->params = arena_alloc(&s->arena, (opts->n_params + 1) * sizeof(*s->params));
    if (!s->stream_sid.p || !s->call_sid.p || !s->account_sid.p || !s->params) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < opts->n_params; i++) {
        s->params[i].name = arena_str(&s->arena, opts->params[i].name);
        s->params[i].value = arena_str(&s->arena, opts->params[i].value);
        if (!s->params[i].name.p || !s->params[i].value.p) {
            return -ENOMEM;
        }
    }
    s->n_params = opts->n_params;
    return 0;
}

static int socket_open(struct phone_stream *s, const struct phone_stream_opts *opts)
{
    struct buf headers;
    buf_init(&headers, 2048);
    buf_printf(&headers, "User-Agent: %s\r\n", opts->vendor->media_agent);
    buf_put_str(&headers, opts->signature);
    int err = headers.err;
    if (err == 0) {
        struct ws_client_opts ws = {.ws = {.max_message_bytes = MESSAGE_MAX_BYTES},
                                    .url = opts->url,
                                    .headers = buf_str(&headers),
                                    .tls = opts->tls,
                                    .connect_deadline_ms = CONNECT_MS};
        err = ws_connect(s->loop, &ws, &ws_events, s, &s->ws);
    }
    buf_done(&headers);
    return err;
}

int phone_stream_open(struct loop *loop, const struct phone_stream_opts *opts, const struct phone_stream_handler *h,
                      void *arg, struct phone_stream **ret)
{
    struct phone_stream *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->loop = loop;
    s->vendor = opts->vendor;
    s->variants = opts->variants;
    s->h = h;
    s->arg = arg;
    arena_init(&s->arena, 65536);
    buf_init(&s->text, 65536);
    phone_link_init(&s->up, opts->delay_ms, opts->jitter_ms, opts->seed + 1);
    phone_link_init(&s->down, opts->delay_ms, opts->jitter_ms, opts->seed + 2);
    int err = timer_new(loop, links_due, s, &s->timer);
    if (err == 0) {
        err = copies_make(s, opts);
    }
    if (err == 0) {
        err = socket_open(s, opts);
    }
    if (err < 0) {
        stream_free(s);
        return err;
    }
    *ret = s;
    return 0;
}
