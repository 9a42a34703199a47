/*
 * The way out of all WebSockets of a loop. Frames of a pass gather in the loop's send buffer, one behind the other, and
 * leave right before the loop may block: one write a connection, all writes in a row. So a peer is woken once for what
 * it gets, not once for each message, and the code that handles messages is not chased from the cache by that which
 * writes. A run is what one connection put there without another one coming between.
 */
#include <assert.h>

#include "base/err.h"
#include "net/ws_impl.h"

static void next_mask(struct ws *ws, uint8_t mask[4])
{
    uint64_t x = ws->mask_state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    ws->mask_state = x;
    uint32_t high = (uint32_t)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
    memcpy(mask, &high, 4);
}

/* ---- leaving ---- */

/* Takes the runs of ws off the buffer, as parts to be written; the bytes stay where they are until the next message. */
static size_t take_runs(struct ws *ws, struct span parts[LOOP_SEND_RUNS])
{
    struct loop *loop = ws->loop;
    size_t n = 0;
    for (uint32_t i = 0; i < loop->n_runs; i++) {
        struct send_run *run = &loop->runs[i];
        if (run->ws == ws) {
            parts[n++] = span_from(loop->send.data + run->start, run->end - run->start);
            run->ws = NULL;
        }
    }
    ws->in_runs = 0;
    return n;
}

/* Without runs the buffer is empty again. */
static void trim_runs(struct loop *loop)
{
    while (loop->n_runs > 0 && !loop->runs[loop->n_runs - 1].ws) {
        loop->n_runs--;
    }
    loop->send_end = loop->n_runs > 0 ? loop->runs[loop->n_runs - 1].end : 0;
    if (loop->n_runs == 0 && loop->send.cap > LOOP_SEND_KEEP) {
        buf_done(&loop->send);
    }
}

void ws_forget_unsent(struct ws *ws)
{
    struct span parts[LOOP_SEND_RUNS];
    if (ws->loop->send_owner == ws) {
        ws->loop->send_owner = NULL;
    }
    if (ws->in_runs > 0) {
        take_runs(ws, parts);
        trim_runs(ws->loop);
    }
}

/* A failure ends ws, which on_closed tells. */
static void flush_one(struct ws *ws)
{
    struct span parts[LOOP_SEND_RUNS];
    size_t n = take_runs(ws, parts);
    int err = n > 0 ? stream_write_parts(ws->stream, parts, n) : 0;
    if (err < 0) {
        ws_die(ws, err, STR_NULL);
    }
}

void ws_flush(struct ws *ws)
{
    flush_one(ws);
    trim_runs(ws->loop);
}

void ws_flush_all(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->n_runs; i++) {
        if (loop->runs[i].ws) {
            flush_one(loop->runs[i].ws);
        }
    }
    trim_runs(loop);
}

/* ---- building ---- */

struct buf *ws_begin(struct ws *ws)
{
    struct loop *loop = ws->loop;
    if (loop->n_runs == LOOP_SEND_RUNS || loop->send_end > LOOP_SEND_KEEP) {
        ws_flush_all(loop); /* may end ws: ws_end says so */
    }
    struct buf *b = &loop->send;
    loop->send_owner = ws;
    b->head = loop->send_end;
    b->len = 0;
    b->err = 0;
    if (buf_room(b, WS_HEAD_MAX)) {
        b->head += WS_HEAD_MAX;
    }
    return b;
}

/* Puts header and mask to the message under construction and makes it part of the connection's run. */
static void seal_frame(struct ws *ws, enum ws_opcode opcode)
{
    struct loop *loop = ws->loop;
    struct buf *b = &loop->send;
    bool client = ws->role == WS_CLIENT;
    size_t head_len = ws_head_len(b->len, client);
    struct send_run *run = loop->n_runs > 0 ? &loop->runs[loop->n_runs - 1] : NULL;
    bool first = !run || run->ws != ws;
    if (first) {
        run = &loop->runs[loop->n_runs++];
        *run = (struct send_run){.ws = ws, .start = b->head - head_len, .end = b->head - head_len};
    }
    uint8_t *head = b->data + run->end;
    uint8_t *payload = buf_ptr(b);
    uint8_t mask[4];
    if (client) {
        next_mask(ws, mask);
    }
    /* The header ends where the payload begins or before it, so it never overwrites unread payload. */
    ws_head_encode(head, opcode, b->len, client ? mask : NULL);
    if (client) {
        ws_mask(head + head_len, payload, b->len, mask);
    } else if (!first) {
        memmove(head + head_len, payload, b->len);
    }
    ws->in_runs += head_len + b->len;
    run->end += head_len + b->len;
    loop->send_end = run->end;
    b->len = 0;
}

static int end_message(struct ws *ws, enum ws_opcode opcode)
{
    struct loop *loop = ws->loop;
    struct buf *b = &loop->send;
    if (ws->state != WS_OPEN) {
        b->len = 0;
        return ws->state == WS_CONNECTING ? -ERR_STATE : -ERR_CLOSED;
    }
    assert(loop->send_owner == ws); /* ws_begin of another connection came between */
    loop->send_owner = NULL;
    if (b->err) {
        int err = b->err;
        b->err = 0;
        b->len = 0;
        return err;
    }
    if (ws_queued_bytes(ws) + b->len + WS_HEAD_MAX > ws->opts.max_queue_bytes) {
        ws_die(ws, -ERR_LIMIT, STR("the peer reads too slowly"));
        return -ERR_LIMIT;
    }
    seal_frame(ws, opcode);
    return 0;
}

int ws_end(struct ws *ws)
{
    return end_message(ws, WS_TEXT);
}

int ws_send_frame(struct ws *ws, enum ws_opcode opcode, struct span data)
{
    buf_put(ws_begin(ws), data.p, data.n);
    return end_message(ws, opcode);
}

int ws_send_text(struct ws *ws, struct str text)
{
    return ws_send_frame(ws, WS_TEXT, span_of_str(text));
}

int ws_send_binary(struct ws *ws, struct span data)
{
    return ws_send_frame(ws, WS_BINARY, data);
}

int ws_send_ping(struct ws *ws, struct span data)
{
    return data.n > WS_CONTROL_MAX ? -ERR_TOO_BIG : ws_send_frame(ws, WS_PING, data);
}

size_t ws_queued_bytes(const struct ws *ws)
{
    return (ws->stream ? stream_queued_bytes(ws->stream) : 0) + ws->in_runs;
}
