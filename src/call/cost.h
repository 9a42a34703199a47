/*
 * Usage by modality and what it costs. Exact integer arithmetic: tokens are added up over the call and priced once, so
 * that rounding does not accumulate. Cached tokens are contained in the input tokens of their modality, as providers
 * report them, and are priced at the cached price only. Pure; thread: any.
 */
#ifndef CALL_COST_H
#define CALL_COST_H

#include "call/cost_opts.h"
#include "call/event.h"

/* Tokens of a whole call. The in figures contain their cached part, as on the wire (OpenAI: response.usage). */
struct cost_usage {
    uint64_t in_text, in_audio, cached_text, cached_audio;
    uint64_t out_text, out_audio;
};

/* *sum += u; saturates. A cached figure above its input figure is cut to it. */
void cost_usage_add(struct cost_usage *sum, const struct call_usage *u);
/* Sum of all input and output tokens; saturates. */
uint64_t cost_usage_total(const struct cost_usage *u);
/* Micro-dollars, rounded half up; saturates at INT64_MAX. */
int64_t cost_of(const struct cost_usage *u, const struct cost_prices *p);

/* What a call costs whose prices change when another provider takes over. Zeroed: nothing yet, no prices. */
struct cost_bill {
    struct cost_prices prices;
    struct cost_usage since; /* at these prices */
    int64_t before;          /* at those before, micro units */
    bool priced;             /* some of it has a price */
};
/* From now on these prices; the same ones change nothing. */
void cost_bill_reprice(struct cost_bill *b, const struct cost_prices *p);
void cost_bill_add(struct cost_bill *b, const struct call_usage *u);
int64_t cost_bill_total(const struct cost_bill *b);
/* Whether any price is set: without prices a cost of 0 means "unknown". */
bool cost_priced(const struct cost_prices *p);

#endif
