/* The arguments that the built-in tools know, read tolerantly: models write numbers with and without quotes. */
#ifndef TOOLS_BUILTIN_ARGS_H
#define TOOLS_BUILTIN_ARGS_H

#include "base/arena.h"
#include "base/str.h"

/* Absent ones are empty. */
struct builtin_args {
    struct str order_number;
    struct str email;
    struct str phone_number;
    struct str reason;
    struct str preferred_time;
    struct str department;
    struct str message;
    struct str digits;
    struct str name;
    struct str restaurant_name, restaurant_phone;
    struct str party_size, date, time;
    struct str customer_name, customer_phone, special_requests;
    struct str too_long; /* name of the first argument over the limit */
};

/* What is no JSON object counts as {}. -ENOMEM */
MUST_USE int builtin_args_read(struct str json, struct arena *a, struct builtin_args *ret);

#endif
