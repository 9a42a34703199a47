/*
 * A byte buffer that grows up to a limit given at birth. Data lies in [data + head, data + head + len):
 * the head room lets a sender write the payload first and step back to put a frame header before it.
 * Errors are sticky: after a failed append every later append fails too, so that a writer may check once.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
    uint8_t *data;
    size_t head; /* offset of the first byte */
    size_t len;
    size_t cap;       /* bytes allocated */
    size_t max_bytes; /* hard limit for head + len */
    int err;          /* 0, -ENOMEM or -ERR_TOO_BIG; sticky */
};

/* No allocation happens before the first append. */
void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);
/* Empties and forgets the sticky error; keeps the memory. */
void buf_clear(struct buf *b);
/* The slow way of buf_room: more memory, or the error. */
uint8_t *buf_grow(struct buf *b, size_t n);
/* Makes room for n more bytes and returns where to write them, NULL on error; commit with buf_added. */
static inline uint8_t *buf_room(struct buf *b, size_t n)
{
    size_t used = b->head + b->len;
    bool there = b->err == 0 && n > 0 && n <= b->cap && used <= b->cap - n;
    return there ? b->data + used : buf_grow(b, n);
}
void buf_added(struct buf *b, size_t n);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *z);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_put_u64(struct buf *b, uint64_t value); /* decimal digits */
void buf_put_i64(struct buf *b, int64_t value);
/* Takes n bytes out at offset at (at + n <= len); what follows moves up. */
void buf_remove(struct buf *b, size_t at, size_t n);
/* Drops n bytes from the front. */
void buf_consume(struct buf *b, size_t n);

static inline uint8_t *buf_ptr(const struct buf *b)
{
    return b->data ? b->data + b->head : NULL;
}

static inline struct span buf_span(const struct buf *b)
{
    return (struct span){buf_ptr(b), b->len};
}

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){(const char *)buf_ptr(b), b->len};
}

/* Text with a closing NUL that is not counted; NULL on error. Valid until the next change. */
const char *buf_cstr(struct buf *b);

#endif
