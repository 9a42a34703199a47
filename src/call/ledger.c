#include "call/ledger.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/prefetch.h"

#define LEDGER_FIRST 8 /* bursts of 100 ms at the usual lead, marks among them */

void ledger_init(struct ledger *l, uint32_t bpm)
{
    *l = (struct ledger){.bpm = bpm, .next_mark = 1};
    fifo_init(&l->audio);
}

void ledger_done(struct ledger *l)
{
    fifo_done(&l->audio);
    free(l->ring);
    l->ring = NULL;
    l->cap = 0;
}

static struct ledger_burst *at(struct ledger *l, uint32_t i)
{
    return &l->ring[(l->first + i) % l->cap];
}

static const struct ledger_burst *at_const(const struct ledger *l, uint32_t i)
{
    return &l->ring[(l->first + i) % l->cap];
}

void ledger_prefetch(const struct ledger *l)
{
    if (l->n > 0) {
        prefetch(at_const(l, 0), sizeof(struct ledger_burst));
    }
}

static uint64_t dur_us(const struct ledger *l, const struct ledger_burst *b)
{
    return (uint64_t)(b->bytes + b->pad) * 1000 / l->bpm;
}

bool ledger_full(const struct ledger *l)
{
    return l->n >= LEDGER_MAX - 1; /* one place for the mark that opens a run */
}

bool ledger_idle(const struct ledger *l)
{
    return l->audio.len == 0;
}

/* One place more. -ENOMEM */
static int reserve(struct ledger *l)
{
    assert(l->n < LEDGER_MAX);
    if (l->n < l->cap) {
        return 0;
    }
    uint32_t cap = CLAMP(l->cap * 2, (uint32_t)LEDGER_FIRST, (uint32_t)LEDGER_MAX);
    struct ledger_burst *ring = malloc(cap * sizeof(*ring));
    if (!ring) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < l->n; i++) {
        ring[i] = *at(l, i);
    }
    free(l->ring);
    l->ring = ring;
    l->cap = cap;
    l->first = 0;
    return 0;
}

static uint32_t push(struct ledger *l, struct ledger_burst b)
{
    b.mark = l->next_mark++;
    *at(l, l->n++) = b;
    return b.mark;
}

uint32_t ledger_mark(struct ledger *l, uint64_t now_us)
{
    uint64_t start = MAX(now_us, l->high_end_us);
    if (reserve(l) < 0) {
        return 0;
    }
    return push(l, (struct ledger_burst){.sent_us = now_us, .high_start_us = start});
}

uint32_t ledger_send(struct ledger *l, uint32_t item, struct span audio, uint32_t pad, uint64_t now_us)
{
    if (reserve(l) < 0 || fifo_put(&l->audio, audio) < 0) {
        return 0;
    }
    struct ledger_burst b = {.item = item,
                             .bytes = (uint32_t)audio.n - pad,
                             .pad = pad,
                             .sent_us = now_us,
                             .high_start_us = MAX(now_us, l->high_end_us)};
    l->high_end_us = b.high_start_us + dur_us(l, &b);
    return push(l, b);
}

uint32_t ledger_outstanding_ms(const struct ledger *l, uint64_t now_us)
{
    return l->high_end_us > now_us && l->n ? (uint32_t)((l->high_end_us - now_us) / 1000) : 0;
}

uint32_t ledger_unacked(const struct ledger *l)
{
    return (uint32_t)l->audio.len;
}

static uint32_t played(const struct ledger *l, const struct ledger_burst *b, uint64_t start_us, uint64_t now_us)
{
    if (now_us <= start_us) {
        return 0;
    }
    uint64_t bytes = (now_us - start_us) * l->bpm / 1000;
    return (uint32_t)MIN(bytes, (uint64_t)b->bytes);
}

void ledger_heard(const struct ledger *l, uint32_t item, uint64_t now_us, uint32_t *low, uint32_t *high)
{
    uint64_t low_start = l->anchor_us;
    for (uint32_t i = 0; i < l->n; i++) {
        const struct ledger_burst *b = at_const(l, i);
        low_start = MAX(low_start, b->sent_us + l->rtt_us);
        if (b->item == item && item) {
            *high += played(l, b, b->high_start_us, now_us);
            *low += l->anchor_us ? played(l, b, low_start, now_us) : 0;
        }
        low_start += dur_us(l, b);
    }
}

void ledger_heard_first(const struct ledger *l, uint64_t now_us, uint32_t *low, uint32_t *high)
{
    if (l->n == 0) {
        return;
    }
    const struct ledger_burst *b = at_const(l, 0);
    *high += played(l, b, b->high_start_us, now_us);
    *low += l->anchor_us ? played(l, b, MAX(l->anchor_us, b->sent_us + l->rtt_us), now_us) : 0;
}

uint64_t ledger_last_start_us(const struct ledger *l)
{
    return l->n ? at_const(l, l->n - 1)->high_start_us : 0;
}

bool ledger_returned(struct ledger *l, uint32_t mark, uint64_t now_us)
{
    if (mark == 0 || mark <= l->cleared || mark >= l->next_mark || l->n == 0 || mark < at(l, 0)->mark) {
        return false;
    }
    /* Only a mark that met an empty queue measures the way and nothing else. */
    const struct ledger_burst *b = at(l, mark - at(l, 0)->mark);
    if (b->item == 0 && b->high_start_us <= b->sent_us) {
        uint64_t rtt = now_us - b->sent_us;
        l->rtt_us = l->rtt_us ? MIN(l->rtt_us, rtt) : MAX(rtt, 1);
    }
    l->anchor_us = now_us;
    return true;
}

bool ledger_settle(struct ledger *l, uint32_t mark, struct ledger_burst *ret)
{
    return l->n && at(l, 0)->mark <= mark && ledger_drop(l, ret);
}

bool ledger_drop(struct ledger *l, struct ledger_burst *ret)
{
    if (l->n == 0) {
        return false;
    }
    *ret = *at(l, 0);
    l->first = (l->first + 1) % l->cap;
    l->n--;
    return true;
}

const struct ledger_burst *ledger_oldest(const struct ledger *l)
{
    return l->n ? at_const(l, 0) : NULL;
}

void ledger_cleared(struct ledger *l)
{
    l->cleared = l->next_mark - 1;
    l->anchor_us = 0;
    l->high_end_us = 0;
}

uint64_t ledger_overdue_us(const struct ledger *l)
{
    if (l->n == 0) {
        return UINT64_MAX;
    }
    const struct ledger_burst *b = at_const(l, 0);
    return b->high_start_us + dur_us(l, b) + l->rtt_us + UINT64_C(3000000);
}

uint64_t ledger_oldest_us(const struct ledger *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (at_const(l, i)->item) {
            return at_const(l, i)->sent_us;
        }
    }
    return UINT64_MAX;
}
