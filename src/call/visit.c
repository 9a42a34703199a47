#include "call/visit.h"

#include <math.h>

#include "base/err.h"
#include "base/hash.h"

void visit_fail(struct visit *v, int err)
{
    v->err = v->err ? v->err : err;
}

static void mix(struct visit *v, uint64_t x)
{
    v->hash = (v->hash ^ x) * UINT64_C(0x9E3779B97F4A7C15);
    v->hash ^= v->hash >> 29;
}

#define UVAR_MAX 10

static void put_uvar(struct buf *out, uint64_t x)
{
    uint8_t *at = buf_room(out, UVAR_MAX);
    if (!at) {
        return;
    }
    size_t n = 0;
    for (; x > 127; x >>= 7) {
        at[n++] = (uint8_t)(x | 128);
    }
    at[n++] = (uint8_t)x;
    buf_added(out, n);
}

static uint64_t get_uvar(struct visit *v)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (v->in.n == 0) {
            visit_fail(v, -ENODATA);
            return 0;
        }
        uint8_t b = *v->in.p++;
        v->in.n--;
        x |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            return x;
        }
    }
    visit_fail(v, -ERR_CORRUPT);
    return 0;
}

void visit_u64(struct visit *v, uint64_t *x)
{
    switch (v->mode) {
    case VISIT_WRITE:
        put_uvar(v->out, *x);
        break;
    case VISIT_READ:
        *x = get_uvar(v);
        break;
    case VISIT_DIGEST:
        mix(v, *x);
        break;
    }
}

void visit_u32(struct visit *v, uint32_t *x)
{
    uint64_t wide = *x;
    visit_u64(v, &wide);
    if (v->mode == VISIT_READ) {
        if (wide > UINT32_MAX) {
            visit_fail(v, -ERR_CORRUPT);
        }
        *x = (uint32_t)wide;
    }
}

void visit_i64(struct visit *v, int64_t *x)
{
    uint64_t zigzag = ((uint64_t)*x << 1) ^ (uint64_t)(*x >> 63);
    visit_u64(v, &zigzag);
    if (v->mode == VISIT_READ) {
        *x = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    }
}

void visit_i32(struct visit *v, int32_t *x)
{
    int64_t wide = *x;
    visit_i64(v, &wide);
    if (v->mode == VISIT_READ) {
        if (wide < INT32_MIN || wide > INT32_MAX) {
            visit_fail(v, -ERR_CORRUPT);
        }
        *x = (int32_t)wide;
    }
}

void visit_int(struct visit *v, int *x)
{
    int32_t narrow = *x;
    visit_i32(v, &narrow);
    *x = narrow;
}

void visit_bool(struct visit *v, bool *x)
{
    uint32_t wide = *x;
    visit_u32(v, &wide);
    *x = wide != 0;
}

uint32_t visit_enum(struct visit *v, uint32_t x, uint32_t limit)
{
    visit_u32(v, &x);
    if (v->mode == VISIT_READ && x >= limit) {
        visit_fail(v, -ERR_CORRUPT);
        return 0;
    }
    return x;
}

void visit_f64(struct visit *v, double *x)
{
    int64_t micro = (int64_t)llround(*x * 1e6);
    visit_i64(v, &micro);
    if (v->mode == VISIT_READ) {
        *x = (double)micro / 1e6;
    }
}

void visit_span(struct visit *v, struct span *s)
{
    switch (v->mode) {
    case VISIT_WRITE:
        put_uvar(v->out, s->n);
        buf_put(v->out, s->p, s->n);
        break;
    case VISIT_READ: {
        uint64_t n = get_uvar(v);
        if (v->err || n > v->in.n) {
            visit_fail(v, -ENODATA);
            *s = (struct span){0};
            return;
        }
        *s = (struct span){v->in.p, (size_t)n};
        v->in.p += n;
        v->in.n -= (size_t)n;
        break;
    }
    case VISIT_DIGEST:
        v->hash = hash_bytes(v->hash, *s);
        break;
    }
}

void visit_str(struct visit *v, struct str *s)
{
    struct span bytes = span_of_str(*s);
    visit_span(v, &bytes);
    if (v->mode == VISIT_READ && !v->err) {
        *s = str_of_span(bytes);
        if (v->arena) {
            *s = arena_str(v->arena, *s);
            v->err = s->p ? 0 : -ENOMEM;
        }
    }
}

void visit_opt_str(struct visit *v, struct str *s)
{
    bool there = s->p != NULL;
    visit_bool(v, &there);
    if (there) {
        visit_str(v, s);
        s->p = s->p ? s->p : "";
    } else {
        *s = STR_NULL;
    }
}
