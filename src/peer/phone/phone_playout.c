#include "peer/phone/phone_playout.h"

#include <stdlib.h>

#include "base/err.h"

#define COMPACT_BYTES 65536u

void phone_playout_init(struct phone_playout *p)
{
    *p = (struct phone_playout){0};
    /* Room for the dead bytes in front that are moved away once there are COMPACT_BYTES of them. */
    buf_init(&p->queue, PHONE_PLAYOUT_BYTES * 2u + COMPACT_BYTES);
}

void phone_playout_done(struct phone_playout *p)
{
    for (size_t i = 0; i < p->mark_n; i++) {
        free(p->marks[p->mark_head + i].name);
    }
    free(p->marks);
    free(p->taken);
    buf_done(&p->queue);
    *p = (struct phone_playout){0};
}

/* The queue only grows at its end: move the live bytes down before the dead ones make it reallocate for ever. */
static void queue_compact(struct buf *q)
{
    if (q->len == 0) {
        buf_clear(q);
    } else if (q->head >= COMPACT_BYTES && q->head >= q->len) {
        memmove(q->data, q->data + q->head, q->len);
        q->head = 0;
    }
}

int phone_playout_audio(struct phone_playout *p, struct span mulaw)
{
    if (mulaw.n > PHONE_PLAYOUT_BYTES || p->queue.len > PHONE_PLAYOUT_BYTES - mulaw.n) {
        return -ERR_LIMIT;
    }
    queue_compact(&p->queue);
    buf_put(&p->queue, mulaw.p, mulaw.n);
    if (p->queue.err) {
        return p->queue.err;
    }
    p->received_bytes += mulaw.n;
    return 0;
}

static int marks_grow(struct phone_playout *p)
{
    if (p->mark_head > 0 && p->mark_head + p->mark_n == p->mark_cap) {
        memmove(p->marks, p->marks + p->mark_head, p->mark_n * sizeof(*p->marks));
        p->mark_head = 0;
    }
    if (p->mark_head + p->mark_n < p->mark_cap) {
        return 0;
    }
    size_t cap = p->mark_cap ? p->mark_cap * 2 : 16;
    struct phone_mark *marks = realloc(p->marks, cap * sizeof(*marks));
    if (!marks) {
        return -ENOMEM;
    }
    p->marks = marks;
    p->mark_cap = cap;
    return 0;
}

int phone_playout_mark(struct phone_playout *p, struct str name)
{
    if (p->mark_n >= PHONE_PLAYOUT_MARKS) {
        return -ERR_LIMIT;
    }
    int err = marks_grow(p);
    if (err < 0) {
        return err;
    }
    char *copy = str_dup(name);
    if (!copy) {
        return -ENOMEM;
    }
    p->marks[p->mark_head + p->mark_n++] = (struct phone_mark){p->received_bytes, copy, name.n};
    return 0;
}

size_t phone_playout_clear(struct phone_playout *p)
{
    size_t dropped = p->queue.len;
    buf_clear(&p->queue);
    p->pulled_bytes += dropped;
    for (size_t i = 0; i < p->mark_n; i++) {
        p->marks[p->mark_head + i].pos = 0;
    }
    return dropped;
}

size_t phone_playout_forget(struct phone_playout *p)
{
    size_t n = p->mark_n;
    for (size_t i = 0; i < n; i++) {
        free(p->marks[p->mark_head + i].name);
    }
    p->mark_n = p->mark_head = 0;
    return n;
}

bool phone_playout_due(struct phone_playout *p, struct str *ret_name)
{
    if (p->mark_n == 0 || p->marks[p->mark_head].pos > p->heard_bytes) {
        return false;
    }
    free(p->taken);
    p->taken = p->marks[p->mark_head].name;
    *ret_name = (struct str){p->taken, p->marks[p->mark_head].n};
    p->mark_head++;
    if (--p->mark_n == 0) {
        p->mark_head = 0;
    }
    return true;
}

size_t phone_playout_step(struct phone_playout *p, uint8_t out[PHONE_FRAME_BYTES])
{
    p->heard_bytes = p->pulled_bytes;
    size_t n = MIN(p->queue.len, (size_t)PHONE_FRAME_BYTES);
    if (n > 0) {
        memcpy(out, buf_ptr(&p->queue), n);
        buf_consume(&p->queue, n);
        p->pulled_bytes += n;
    }
    memset(out + n, PHONE_SILENCE_BYTE, PHONE_FRAME_BYTES - n);
    return n;
}
