/* What a million tokens of each kind cost with one model. Plain data: filled from the configuration. */
#ifndef CALL_COST_OPTS_H
#define CALL_COST_OPTS_H

#include "base/str.h"

/* Micro-dollars (or millionths of any other currency) for one million tokens. */
struct cost_prices {
    int64_t text_in;
    int64_t text_cached;
    int64_t text_out;
    int64_t audio_in;
    int64_t audio_cached;
    int64_t audio_out;
};

#endif
