/* What a million tokens of each kind cost with one model. Plain data: filled from the configuration. */
#ifndef CALL_COST_OPTS_H
#define CALL_COST_OPTS_H

#include "base/str.h"

/* Micro-dollars (or millionths of any other currency) for one million tokens. */
struct cost_prices {
    int64_t in_text, in_audio, cached_text, cached_audio;
    int64_t out_text, out_audio;
};

#endif
