/*
 * The two tools of the concierge demonstration: a restaurant is found, and it is called to book a table. There is one
 * restaurant, the configured one. Without an account at the carrier the call is simulated, and the result says so;
 * with one the host makes it (gateway/host_reservation.c) and puts the result together from what is here.
 * Job threads: a booking is kept with the call.
 */
#ifndef TOOLS_BUILTIN_RESERVATION_H
#define TOOLS_BUILTIN_RESERVATION_H

#include "base/buf.h"

struct builtin_ctx;
struct builtin_args;

/* Texts are lent as long as the ctx. */
struct builtin_concierge {
    struct str name, phone, address, cuisine; /* of the demonstration restaurant */
    bool has_account;                         /* calls could be placed */
    bool has_public_url;
};

/* Append the result; *ret_failed: it is an error for the model. Results of the store. */
MUST_USE int reservation_find(const struct builtin_ctx *ctx, const struct builtin_args *args, struct buf *out,
                              bool *ret_failed);
MUST_USE int reservation_call(const struct builtin_ctx *ctx, const struct builtin_args *args, struct buf *out,
                              bool *ret_failed);

/* What is missing of a request, or wrong with it, as a sentence for the agent; NULL: nothing. */
const char *reservation_lacks(const struct builtin_args *args);

struct reservation_result {
    const char *status; /* "confirmed", "pending", "error" */
    struct str message;
    struct str confirmation; /* may be empty */
    double duration_s;
    uint64_t wall_us;
};
void reservation_put_result(struct buf *out, const struct builtin_concierge *c, const struct builtin_args *args,
                            const struct reservation_result *r);

#endif
