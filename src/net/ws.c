#include "net/ws.h"

#include <assert.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/prefetch.h"
#include "net/crypto.h"
#include "net/ws_impl.h"

enum { MAX_MESSAGE_BYTES = 1024 * 1024, MAX_QUEUE_BYTES = 4 * 1024 * 1024, CLOSE_DEADLINE_MS = 2000 };

static const struct stream_handler ws_stream_handler;

/* ---- life ---- */

void ws_accept_key(struct str key, char ret[WS_ACCEPT_TEXT + 1])
{
    struct buf text;
    buf_init(&text, 256);
    buf_put_str(&text, key);
    buf_puts(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    uint8_t sha1[20];
    crypto_sha1(buf_span(&text), sha1);
    buf_done(&text);
    ret[base64_encode(ret, span_from(sha1, sizeof(sha1)))] = '\0';
}

void ws_free(struct ws *ws)
{
    ws_connecting_free(ws->connecting);
    ws_reader_done(&ws->reader);
    ws_forget_unsent(ws);
    buf_done(&ws->early);
    list_leave(&ws->item.link);
    timer_free(ws->timer);
    free(ws->reason);
    free(ws);
}

static void finish(void *arg)
{
    struct ws *ws = arg;
    ws->handler->on_closed(ws, &ws->why, ws->arg);
    ws_free(ws);
}

static void close_item(void *arg)
{
    ws_die(arg, -ECANCELED, STR_NULL);
}

static void feed_early(void *arg)
{
    struct ws *ws = arg;
    ws_receive(ws, buf_ptr(&ws->early), ws->early.len);
    buf_done(&ws->early);
}

int ws_new(struct loop *loop, enum ws_role role, const struct ws_opts *opts, const struct ws_handler *h, void *arg,
           struct ws **ret)
{
    struct ws *ws = calloc(1, sizeof(*ws));
    if (!ws) {
        return -ENOMEM;
    }
    ws->loop = loop;
    ws->role = role;
    ws->handler = h;
    ws->arg = arg;
    ws->opts = *opts;
    ws->opts.max_message_bytes = opts->max_message_bytes ? opts->max_message_bytes : MAX_MESSAGE_BYTES;
    ws->opts.max_queue_bytes = opts->max_queue_bytes ? opts->max_queue_bytes : MAX_QUEUE_BYTES;
    ws->opts.close_deadline_ms = opts->close_deadline_ms ? opts->close_deadline_ms : CLOSE_DEADLINE_MS;
    ws_reader_init(&ws->reader, role, ws->opts.max_message_bytes);
    buf_init(&ws->early, SIZE_MAX / 2);
    crypto_random(&ws->mask_state, sizeof(ws->mask_state));
    ws->mask_state |= 1; /* xorshift must not start at 0 */
    ws->why.code = WS_CODE_ABNORMAL;
    ws->finish = (struct loop_task){.fn = finish, .arg = ws};
    ws->task = (struct loop_task){.fn = feed_early, .arg = ws};
    loop_add(loop, &ws->item, close_item, ws);
    *ret = ws;
    return 0;
}

/* The stream has been disposed of; what is left is to tell the owner, on a fresh stack. */
static void set_dead(struct ws *ws, int err, struct str detail)
{
    ws->state = WS_DEAD;
    ws->stream = NULL;
    ws->why.err = err;
    if (detail.n > 0 && !ws->reason) {
        ws->reason = str_dup(detail);
        ws->why.reason = ws->reason ? (struct str){ws->reason, detail.n} : STR_NULL;
    }
    ws->connecting = ws_connecting_free(ws->connecting); /* only now: detail may lie in its response */
    ws_forget_unsent(ws);
    ws->timer = timer_free(ws->timer);
    loop_task_cancel(&ws->task);
    loop_defer(ws->loop, &ws->finish);
}

void ws_die(struct ws *ws, int err, struct str detail)
{
    if (ws->state == WS_DEAD) {
        return;
    }
    if (ws->stream) {
        stream_close(ws->stream);
    }
    set_dead(ws, err, detail);
}

/* As ws_die, but the last frames still reach the peer. */
static void die_gently(struct ws *ws, int err, struct str detail, enum stream_fin fin)
{
    stream_finish(ws->stream, ws->opts.close_deadline_ms, fin);
    set_dead(ws, err, detail);
}

/* ---- deadlines: one timer, armed for the nearest ---- */

static void on_timer(void *arg);

static uint64_t us_of_ms(uint32_t ms)
{
    return (uint64_t)ms * 1000;
}

static bool awaits_pong(const struct ws *ws)
{
    return ws->ping_sent_us && ws->last_rx_us <= ws->ping_sent_us;
}

static void arm_timer(struct ws *ws)
{
    uint64_t due_us = UINT64_MAX;
    if (ws->state == WS_CLOSING) {
        due_us = ws->close_due_us;
    } else if (ws->opts.ping_ms) {
        due_us = ws->ping_due_us;
        if (ws->opts.pong_deadline_ms && awaits_pong(ws)) {
            due_us = MIN(due_us, ws->ping_sent_us + us_of_ms(ws->opts.pong_deadline_ms));
        }
    }
    if (due_us == UINT64_MAX) {
        return;
    }
    if (!ws->timer) {
        int err = timer_new(ws->loop, on_timer, ws, &ws->timer);
        if (err < 0) {
            ws_die(ws, err, STR_NULL);
            return;
        }
    }
    uint64_t now_us = loop_now_us(ws->loop);
    timer_start(ws->timer, due_us > now_us ? due_us - now_us : 0, 0);
}

static void on_timer(void *arg)
{
    struct ws *ws = arg;
    uint64_t now_us = loop_now_us(ws->loop);
    if (ws->state == WS_CLOSING && now_us >= ws->close_due_us) {
        ws_die(ws, -ETIMEDOUT, STR("the peer did not answer the close frame"));
        return;
    }
    if (ws->state == WS_OPEN && ws->opts.pong_deadline_ms && awaits_pong(ws) &&
        now_us >= ws->ping_sent_us + us_of_ms(ws->opts.pong_deadline_ms)) {
        ws_die(ws, -ETIMEDOUT, STR("the peer did not answer a ping"));
        return;
    }
    if (ws->state == WS_OPEN && now_us >= ws->ping_due_us) {
        if (!awaits_pong(ws)) {
            ws->ping_sent_us = now_us;
        }
        ws->ping_due_us = now_us + us_of_ms(ws->opts.ping_ms);
        ignore_result(ws_send_ping(ws, (struct span){0})); /* a failure has ended ws already */
    }
    if (ws->state != WS_DEAD) {
        arm_timer(ws);
    }
}

/* ---- closing ---- */

/* Everything unsent and then the close frame; ws may be dead afterwards. code 1005 sends an empty one. */
static void send_close(struct ws *ws, uint16_t code, struct str reason)
{
    uint8_t payload[WS_CONTROL_MAX];
    size_t n = code == WS_CODE_NONE ? 0 : ws_close_encode(payload, code, reason);
    if (ws_send_frame(ws, WS_CLOSE, span_from(payload, n)) == 0) {
        ws_flush(ws);
    }
}

void ws_close(struct ws *ws, uint16_t code, struct str reason)
{
    if (ws->state == WS_CONNECTING) {
        ws_die(ws, -ECANCELED, STR_NULL);
    }
    if (ws->state != WS_OPEN) {
        return;
    }
    send_close(ws, code, reason);
    if (ws->state != WS_OPEN) {
        return;
    }
    ws->state = WS_CLOSING;
    ws->close_due_us = loop_now_us(ws->loop) + us_of_ms(ws->opts.close_deadline_ms);
    ws_pause_reading(ws, false); /* or the answer could not be seen */
    arm_timer(ws);
}

void ws_abort(struct ws *ws, int err)
{
    ws_die(ws, err, STR_NULL);
}

/* The peer broke a rule: tell it, leave, throw away what it still sends. */
static void fail(struct ws *ws, int err, uint16_t code, struct str reason)
{
    if (ws->state == WS_OPEN) {
        send_close(ws, code, reason);
    }
    if (ws->state != WS_DEAD) {
        die_gently(ws, err, reason, STREAM_FIN_NOW);
    }
}

static void on_close_frame(struct ws *ws, const struct ws_msg *msg)
{
    ws->why.code = msg->code;
    struct str reason = str_of_span(msg->data);
    if (ws->state == WS_OPEN) {
        send_close(ws, msg->code, STR_NULL);
    }
    if (ws->state != WS_DEAD) {
        /* The server closes the connection first (section 7.1.1): the wait state is then not the client's. */
        die_gently(ws, 0, reason, ws->role == WS_SERVER ? STREAM_FIN_NOW : STREAM_FIN_AFTER);
    }
}

/* ---- receiving ---- */

static struct str failure_text(int err)
{
    return err == -ERR_UTF8      ? STR("invalid UTF-8")
           : err == -ERR_TOO_BIG ? STR("message too big")
           : err == -ERR_WS      ? STR("protocol error")
                                 : STR("internal error");
}

static void on_ping(struct ws *ws, struct span data)
{
    if (ws->state != WS_OPEN || ws_send_frame(ws, WS_PONG, data) < 0) {
        return;
    }
    if (ws->handler->on_ping) {
        ws->handler->on_ping(ws, data, ws->arg);
    }
}

static void dispatch(struct ws *ws, const struct ws_msg *msg)
{
    switch (msg->opcode) {
    case WS_TEXT:
        if (ws->state == WS_OPEN) {
            ws->handler->on_text(ws, str_of_span(msg->data), ws->arg);
        }
        break;
    case WS_BINARY:
        if (ws->state == WS_OPEN && ws->handler->on_binary) {
            ws->handler->on_binary(ws, msg->data, ws->arg);
        } else if (ws->state == WS_OPEN) {
            fail(ws, -ERR_WS, WS_CODE_UNSUPPORTED, STR("binary messages are not accepted"));
        }
        break;
    case WS_CLOSE:
        on_close_frame(ws, msg);
        break;
    case WS_PING:
        on_ping(ws, msg->data);
        break;
    case WS_PONG:
    case WS_CONTINUATION:
        break;
    }
}

void ws_receive(struct ws *ws, uint8_t *p, size_t n)
{
    struct ws_input in = {p, n};
    ws->last_rx_us = loop_now_us(ws->loop);
    /* Any handler may close or abort: the state is looked at before each message. */
    while (ws->state == WS_OPEN || ws->state == WS_CLOSING) {
        struct ws_msg msg;
        int rc = ws_reader_next(&ws->reader, &in, &msg);
        if (rc < 0) {
            fail(ws, rc, ws->reader.close_code, failure_text(rc));
        } else if (rc > 0) {
            dispatch(ws, &msg);
        }
        if (rc <= 0) {
            return;
        }
    }
}

static void on_data(struct stream *s, uint8_t *p, size_t n, void *arg)
{
    (void)s;
    ws_receive(arg, p, n);
}

static void on_end(struct stream *s, int err, void *arg)
{
    (void)s;
    ws_die(arg, err < 0 ? err : -ERR_CLOSED, STR("the connection ended without a close frame"));
}

static void prefetch_own(const struct ws *ws)
{
    PREFETCH_MEMBERS(ws, loop, task);
}

static void prefetch_receiver(const void *arg, unsigned depth)
{
    const struct ws *ws = arg;
    if (depth == 0) {
        prefetch_own(ws);
    } else if (ws->handler->prefetch) {
        ws->handler->prefetch(ws->arg, depth - 1);
    }
}

void ws_prefetch(const struct ws *ws, unsigned depth)
{
    if (depth == 0) {
        prefetch_own(ws);
    } else if (depth == 1 && ws->stream) {
        stream_prefetch(ws->stream);
    }
}

static const struct stream_handler ws_stream_handler = {
    .on_data = on_data,
    .on_end = on_end,
    .prefetch = prefetch_receiver,
};

/* ---- opening ---- */

void ws_start(struct ws *ws, struct stream *stream)
{
    ws->stream = stream;
    ws->state = WS_OPEN;
    ws->last_rx_us = loop_now_us(ws->loop);
    ws->ping_due_us = ws->last_rx_us + us_of_ms(ws->opts.ping_ms);
    stream_set_handler(stream, &ws_stream_handler, ws);
    stream_pause(stream, ws->paused);
    ignore_result(str_copy(ws->peer, sizeof(ws->peer), str_from(stream_peer(stream)))); /* fits by its type */
    arm_timer(ws);
}

int ws_adopt(struct stream *stream, struct span early, const struct ws_opts *opts, const struct ws_handler *h,
             void *arg, struct ws **ret)
{
    struct ws *ws;
    int err = ws_new(stream_loop(stream), WS_SERVER, opts, h, arg, &ws);
    if (err < 0) {
        return err;
    }
    buf_put(&ws->early, early.p, early.n);
    if (ws->early.err) {
        ws_free(ws);
        return -ENOMEM;
    }
    ws_start(ws, stream);
    if (early.n > 0) {
        loop_defer(ws->loop, &ws->task);
    }
    *ret = ws;
    return 0;
}

void ws_pause_reading(struct ws *ws, bool paused)
{
    ws->paused = paused;
    if (ws->stream && (ws->state == WS_OPEN || ws->state == WS_CLOSING)) {
        stream_pause(ws->stream, paused);
    }
}

void ws_set_arg(struct ws *ws, const struct ws_handler *h, void *arg)
{
    ws->handler = h;
    ws->arg = arg;
}

const char *ws_peer(const struct ws *ws)
{
    return ws->peer;
}
