#include "call/hold.h"

#include "base/err.h"

void hold_init(struct hold *h, size_t max_bytes)
{
    *h = (struct hold){.max_bytes = max_bytes};
    fifo_init(&h->bytes);
}

void hold_done(struct hold *h)
{
    fifo_done(&h->bytes);
}

void hold_clear(struct hold *h)
{
    h->dropped += h->n_turns;
    h->n_turns = 0;
    h->err = 0;
    fifo_clear(&h->bytes);
}

static size_t last_end(const struct hold *h)
{
    return h->n_turns ? h->turns[h->n_turns - 1].end : 0;
}

size_t hold_open(const struct hold *h)
{
    return h->bytes.len - last_end(h);
}

void hold_put(struct hold *h, struct span audio)
{
    if (!h->err && audio.n > h->max_bytes - h->bytes.len) {
        h->err = -ERR_TOO_BIG;
    }
    if (!h->err) {
        h->err = fifo_put(&h->bytes, audio);
    }
}

void hold_cut(struct hold *h, size_t at, size_t n)
{
    fifo_cut(&h->bytes, last_end(h) + at, n);
}

size_t hold_trim(struct hold *h, size_t keep)
{
    size_t open = hold_open(h);
    if (open <= keep) {
        return 0;
    }
    hold_cut(h, 0, open - keep);
    return open - keep;
}

void hold_end_turn(struct hold *h, uint64_t tag)
{
    if (hold_open(h) == 0) {
        return;
    }
    if (h->n_turns == HOLD_TURNS) {
        memmove(h->turns, h->turns + 1, (HOLD_TURNS - 1) * sizeof(h->turns[0]));
        h->turns[0].known = false; /* half of it may not be */
        h->n_turns--;
        h->dropped++;
    }
    h->turns[h->n_turns++] = (struct hold_turn){.end = h->bytes.len, .tag = tag};
}

void hold_name(struct hold *h, uint64_t tag)
{
    for (uint32_t i = 0; i < h->n_turns; i++) {
        if (h->turns[i].tag == 0) {
            h->turns[i].tag = tag;
            return;
        }
    }
}

static void drop_front(struct hold *h, uint32_t n)
{
    if (n == 0) {
        return;
    }
    size_t bytes = h->turns[n - 1].end;
    fifo_take(&h->bytes, NULL, bytes);
    h->n_turns -= n;
    h->dropped += n;
    for (uint32_t i = 0; i < h->n_turns; i++) {
        h->turns[i] = h->turns[i + n];
        h->turns[i].end -= bytes;
    }
}

bool hold_known(struct hold *h, uint64_t tag)
{
    bool found = false;
    for (uint32_t i = 0; i < h->n_turns; i++) {
        found |= h->turns[i].tag == tag;
        h->turns[i].known |= h->turns[i].tag == tag;
    }
    uint32_t n = 0;
    while (n < h->n_turns && h->turns[n].known) {
        n++;
    }
    drop_front(h, n);
    return found;
}

uint32_t hold_count(const struct hold *h)
{
    return h->dropped + h->n_turns;
}

void hold_settle(struct hold *h, uint32_t upto)
{
    uint32_t n = upto - h->dropped;
    if (n <= HOLD_TURNS) { /* else they went before */
        drop_front(h, MIN(n, h->n_turns));
    }
}

bool hold_owes(const struct hold *h)
{
    for (uint32_t i = 0; i < h->n_turns; i++) {
        if (!h->turns[i].known) {
            return true;
        }
    }
    return false;
}

static size_t turn_begin_at(const struct hold *h, uint32_t index)
{
    return index ? h->turns[index - 1].end : 0;
}

size_t hold_turn_bytes(const struct hold *h, uint32_t index)
{
    return h->turns[index].end - turn_begin_at(h, index);
}

void hold_turn_copy(const struct hold *h, uint32_t index, uint8_t *out)
{
    fifo_copy(&h->bytes, turn_begin_at(h, index), out, hold_turn_bytes(h, index));
}

/* The first n bytes of from go behind what is here. */
static void move_bytes(struct hold *h, struct fifo *from, size_t n)
{
    uint8_t part[FIFO_BLOCK_BYTES];
    while (n > 0) {
        size_t m = MIN(n, sizeof(part));
        fifo_take(from, part, m);
        hold_put(h, span_from(part, m));
        n -= m;
    }
}

void hold_join(struct hold *h, struct hold *later)
{
    size_t from = 0;
    for (uint32_t i = 0; i < later->n_turns; i++) {
        move_bytes(h, &later->bytes, later->turns[i].end - from);
        hold_end_turn(h, later->turns[i].tag);
        if (h->n_turns > 0) { /* without memory there may be none */
            h->turns[h->n_turns - 1].known = later->turns[i].known;
        }
        from = later->turns[i].end;
    }
    move_bytes(h, &later->bytes, later->bytes.len);
    h->err = h->err ? h->err : later->err;
    hold_clear(later);
}
