#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max_bytes = max_bytes};
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max_bytes = b->max_bytes};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->head = 0;
    b->err = 0;
}

uint8_t *buf_grow(struct buf *b, size_t n)
{
    if (b->err) {
        return NULL;
    }
    size_t used = b->head + b->len;
    if (n > b->max_bytes || used > b->max_bytes - n) {
        b->err = -ERR_TOO_BIG;
        return NULL;
    }
    if (used + n > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < used + n) {
            cap *= 2;
        }
        cap = MIN(cap, b->max_bytes);
        uint8_t *data = realloc(b->data, cap);
        if (!data) {
            b->err = -ENOMEM;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    return b->data + used;
}

void buf_added(struct buf *b, size_t n)
{
    assert(b->head + b->len + n <= b->cap);
    b->len += n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0) {
        return;
    }
    uint8_t *at = buf_room(b, n);
    if (at) {
        memcpy(at, p, n);
        b->len += n;
    }
}

void buf_put_str(struct buf *b, struct str s)
{
    buf_put(b, s.p, s.n);
}

void buf_puts(struct buf *b, const char *z)
{
    buf_put(b, z, strlen(z));
}

void buf_putc(struct buf *b, char c)
{
    uint8_t *at = buf_room(b, 1);
    if (at) {
        *at = (uint8_t)c;
        b->len++;
    }
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        b->err = b->err ? b->err : -EINVAL;
    } else {
        uint8_t *at = buf_room(b, (size_t)n + 1);
        if (at) {
            int m = vsnprintf((char *)at, (size_t)n + 1, fmt, again);
            assert(m == n);
            b->len += (size_t)n;
        }
    }
    va_end(again);
}

void buf_put_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t i = sizeof(digits);
    do {
        digits[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_put(b, digits + i, sizeof(digits) - i);
}

void buf_put_i64(struct buf *b, int64_t value)
{
    if (value < 0) {
        buf_putc(b, '-');
        buf_put_u64(b, 0 - (uint64_t)value);
    } else {
        buf_put_u64(b, (uint64_t)value);
    }
}

void buf_remove(struct buf *b, size_t at, size_t n)
{
    assert(at <= b->len && n <= b->len - at);
    if (n > 0) {
        uint8_t *p = buf_ptr(b) + at;
        memmove(p, p + n, b->len - at - n);
        b->len -= n;
    }
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    b->head += n;
    b->len -= n;
    if (b->len == 0) {
        b->head = 0;
    } else if (b->head > 4096 && b->head > b->len) {
        memmove(b->data, b->data + b->head, b->len);
        b->head = 0;
    }
}

const char *buf_cstr(struct buf *b)
{
    uint8_t *at = buf_room(b, 1);
    if (!at) {
        return NULL;
    }
    *at = '\0';
    return (const char *)b->data + b->head;
}
