#include "base/fifo.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/prefetch.h"

struct fifo_block {
    struct fifo_block *next;
    uint32_t from, to;
    uint8_t bytes[FIFO_BLOCK_BYTES];
};

void fifo_init(struct fifo *f)
{
    *f = (struct fifo){0};
}

void fifo_done(struct fifo *f)
{
    fifo_clear(f);
    free(f->spare);
    f->spare = NULL;
}

static void drop_first(struct fifo *f)
{
    struct fifo_block *block = f->first;
    f->first = block->next;
    if (!f->first) {
        f->last = NULL;
    }
    if (f->spare) {
        free(block);
    } else {
        f->spare = block;
    }
}

void fifo_clear(struct fifo *f)
{
    while (f->first) {
        drop_first(f);
    }
    f->len = 0;
}

static struct fifo_block *new_block(struct fifo *f)
{
    struct fifo_block *block = f->spare;
    if (block) {
        f->spare = NULL;
    } else {
        block = malloc(sizeof(*block));
    }
    if (block) {
        block->next = NULL;
        block->from = block->to = 0;
    }
    return block;
}

int fifo_put(struct fifo *f, struct span data)
{
    /* Take the blocks first, so that failure leaves the queue as it was. */
    size_t room = f->last ? FIFO_BLOCK_BYTES - f->last->to : 0;
    struct fifo_block *fresh = NULL;
    struct fifo_block **end = &fresh;
    for (size_t have = room; have < data.n; have += FIFO_BLOCK_BYTES) {
        *end = new_block(f);
        if (!*end) {
            while (fresh) {
                struct fifo_block *next = fresh->next;
                free(fresh);
                fresh = next;
            }
            return -ENOMEM;
        }
        end = &(*end)->next;
    }
    f->len += data.n;
    while (data.n) {
        if (!f->last || f->last->to == FIFO_BLOCK_BYTES) {
            struct fifo_block *block = fresh;
            fresh = fresh->next;
            block->next = NULL;
            if (f->last) {
                f->last->next = block;
            } else {
                f->first = block;
            }
            f->last = block;
        }
        size_t n = MIN(data.n, (size_t)(FIFO_BLOCK_BYTES - f->last->to));
        memcpy(f->last->bytes + f->last->to, data.p, n);
        f->last->to += (uint32_t)n;
        data.p += n;
        data.n -= n;
    }
    return 0;
}

int fifo_put_front(struct fifo *f, struct span data)
{
    struct fifo before;
    fifo_init(&before);
    before.spare = f->spare;
    f->spare = NULL;
    int err = fifo_put(&before, data);
    f->spare = before.spare;
    if (err < 0 || data.n == 0) {
        return err;
    }
    before.last->next = f->first;
    f->first = before.first;
    f->last = f->last ? f->last : before.last;
    f->len += data.n;
    return 0;
}

void fifo_take(struct fifo *f, void *out, size_t n)
{
    assert(n <= f->len);
    uint8_t *to = out;
    f->len -= n;
    while (n) {
        struct fifo_block *block = f->first;
        size_t part = MIN(n, (size_t)(block->to - block->from));
        if (to) {
            memcpy(to, block->bytes + block->from, part);
            to += part;
        }
        block->from += (uint32_t)part;
        n -= part;
        if (block->from == block->to) {
            drop_first(f);
        }
    }
}

struct cursor {
    struct fifo_block *block;
    uint32_t at; /* in block->bytes */
};

static struct cursor cursor_at(const struct fifo *f, size_t n)
{
    struct cursor c = {f->first, f->first ? f->first->from : 0};
    while (c.block && n >= c.block->to - c.block->from) {
        n -= c.block->to - c.block->from;
        c.block = c.block->next;
        c.at = c.block ? c.block->from : 0;
    }
    c.at += (uint32_t)n;
    return c;
}

static void cursor_step(struct cursor *c, uint32_t n)
{
    c->at += n;
    if (c->at == c->block->to) {
        c->block = c->block->next;
        c->at = c->block ? c->block->from : 0;
    }
}

void fifo_copy(const struct fifo *f, size_t at, void *out, size_t n)
{
    assert(at + n <= f->len);
    uint8_t *to = out;
    for (struct cursor from = cursor_at(f, at); n;) {
        uint32_t part = (uint32_t)MIN(n, (size_t)(from.block->to - from.at));
        memcpy(to, from.block->bytes + from.at, part);
        cursor_step(&from, part);
        to += part;
        n -= part;
    }
}

/* Leaves the first n bytes. */
static void keep_first(struct fifo *f, size_t n)
{
    struct fifo_block *block = f->first;
    f->len = n;
    if (n == 0) {
        fifo_clear(f);
        return;
    }
    while (n > block->to - block->from) {
        n -= block->to - block->from;
        block = block->next;
    }
    block->to = block->from + (uint32_t)n;
    struct fifo_block *rest = block->next;
    block->next = NULL;
    f->last = block;
    while (rest) {
        struct fifo_block *next = rest->next;
        free(rest);
        rest = next;
    }
}

void fifo_cut(struct fifo *f, size_t at, size_t n)
{
    assert(at + n <= f->len);
    if (at == 0 || n == 0) { /* nothing moves up */
        fifo_take(f, NULL, n);
        return;
    }
    size_t left = f->len - at - n;
    struct cursor to = cursor_at(f, at);
    struct cursor from = cursor_at(f, at + n);
    while (left) {
        uint32_t part = (uint32_t)MIN(left, (size_t)MIN(to.block->to - to.at, from.block->to - from.at));
        memmove(to.block->bytes + to.at, from.block->bytes + from.at, part);
        cursor_step(&to, part);
        cursor_step(&from, part);
        left -= part;
    }
    keep_first(f, f->len - n);
}

void fifo_prefetch(const struct fifo *f, unsigned depth)
{
    enum { FRAME = 192 }; /* what is put at a time, or more */
    if (f->last && depth == 0) {
        prefetch(f->first, offsetof(struct fifo_block, bytes));
        prefetch(f->last, offsetof(struct fifo_block, bytes));
    } else if (f->last && depth == 1) {
        prefetch(f->last->bytes + f->last->to, FRAME);
    }
}
