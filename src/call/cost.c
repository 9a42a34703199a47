#include "call/cost.h"

#include <string.h>

#define PER_TOKENS 1000000u

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void cost_usage_add(struct cost_usage *sum, const struct call_usage *u)
{
    sum->in_text = add(sum->in_text, u->in_text);
    sum->in_audio = add(sum->in_audio, u->in_audio);
    sum->cached_text = add(sum->cached_text, MIN(u->cached_text, u->in_text));
    sum->cached_audio = add(sum->cached_audio, MIN(u->cached_audio, u->in_audio));
    sum->out_text = add(sum->out_text, u->out_text);
    sum->out_audio = add(sum->out_audio, u->out_audio);
}

uint64_t cost_usage_total(const struct cost_usage *u)
{
    return add(add(u->in_text, u->in_audio), add(u->out_text, u->out_audio));
}

/* 64 bits of tokens times 64 bits of price, six of them: less than 2^130, so each term is held below 2^124. */
static unsigned __int128 price_of(uint64_t tokens, int64_t price)
{
    unsigned __int128 term = tokens;

    term *= price > 0 ? (uint64_t)price : 0;
    return MIN(term, ((unsigned __int128)1) << 124);
}

int64_t cost_of(const struct cost_usage *u, const struct cost_prices *p)
{
    uint64_t cached_text = MIN(u->cached_text, u->in_text);
    uint64_t cached_audio = MIN(u->cached_audio, u->in_audio);
    unsigned __int128 sum = PER_TOKENS / 2; /* rounds half up */

    sum += price_of(u->in_text - cached_text, p->in_text);
    sum += price_of(u->in_audio - cached_audio, p->in_audio);
    sum += price_of(cached_text, p->cached_text);
    sum += price_of(cached_audio, p->cached_audio);
    sum += price_of(u->out_text, p->out_text);
    sum += price_of(u->out_audio, p->out_audio);
    sum /= PER_TOKENS;
    return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}

bool cost_priced(const struct cost_prices *p)
{
    return p->in_text || p->in_audio || p->cached_text || p->cached_audio || p->out_text || p->out_audio;
}

void cost_bill_reprice(struct cost_bill *b, const struct cost_prices *p)
{
    if (memcmp(&b->prices, p, sizeof(*p)) != 0) { /* six numbers of 64 bits, nothing between them */
        b->before = cost_bill_total(b);
        b->since = (struct cost_usage){0};
        b->prices = *p;
    }
    b->priced = b->priced || cost_priced(p);
}

void cost_bill_add(struct cost_bill *b, const struct call_usage *u)
{
    cost_usage_add(&b->since, u);
}

int64_t cost_bill_total(const struct cost_bill *b)
{
    int64_t now = cost_of(&b->since, &b->prices);
    return b->before > INT64_MAX - now ? INT64_MAX : b->before + now;
}
