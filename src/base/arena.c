#include "base/arena.h"

#include <stdlib.h>

#define ARENA_FIRST    256 /* many live as long as a call and hold a few short texts */
#define ARENA_KEEP_MAX 65536

struct arena_block {
    struct arena_block *next;
    size_t cap;
    size_t used;
    _Alignas(16) uint8_t bytes[];
};

void arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max_bytes = max_bytes};
}

void arena_done(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    a->used_bytes = 0;
}

void arena_reset(struct arena *a)
{
    /* The newest block is first in the list and the largest: it stays, unless it was made for something huge. */
    struct arena_block *keep = a->blocks && a->blocks->cap <= ARENA_KEEP_MAX ? a->blocks : NULL;
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        if (a->blocks != keep) {
            free(a->blocks);
        }
        a->blocks = next;
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->blocks = keep;
    a->used_bytes = 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p = arena_raw(a, n);
    return p ? memset(p, 0, n) : NULL;
}

void *arena_raw(struct arena *a, size_t n)
{
    if (n > a->max_bytes) {
        return NULL;
    }
    n = (n + 15) & ~(size_t)15;
    if (a->used_bytes + n > a->max_bytes) {
        return NULL;
    }
    if (!a->blocks || a->blocks->cap - a->blocks->used < n) {
        size_t cap = MAX(n, a->blocks ? MIN(a->blocks->cap * 2, (size_t)ARENA_KEEP_MAX) : (size_t)ARENA_FIRST);
        struct arena_block *block = malloc(sizeof(*block) + cap);
        if (!block) {
            return NULL;
        }
        *block = (struct arena_block){.next = a->blocks, .cap = cap};
        a->blocks = block;
    }
    void *p = a->blocks->bytes + a->blocks->used;
    a->blocks->used += n;
    a->used_bytes += n;
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_raw(a, s.n + 1);
    if (!p) {
        return STR_NULL;
    }
    if (s.n) {
        memcpy(p, s.p, s.n);
    }
    p[s.n] = '\0';
    return (struct str){p, s.n};
}
