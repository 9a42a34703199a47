/* Tests that hold for every carrier, written once: each runs over each of them, under a name that says which. */
#ifndef TESTS_GATEWAY_OVER_CARRIERS_H
#define TESTS_GATEWAY_OVER_CARRIERS_H

#include "peer/phone/phone_vendor.h"
#include "test.h"

/* OVER_CARRIERS(name) { ... as ... }, and TC(name) in the list. */
#define OVER_CARRIERS(name)                                                                                            \
    static void name##_(const struct phone_vendor *as);                                                                \
    static void name##_over_twilio(void **state UNUSED)                                                                \
    {                                                                                                                  \
        name##_(&phone_twilio);                                                                                        \
    }                                                                                                                  \
    static void name##_over_plivo(void **state UNUSED)                                                                 \
    {                                                                                                                  \
        name##_(&phone_plivo);                                                                                         \
    }                                                                                                                  \
    static void name##_(const struct phone_vendor *as)
#define TC(name) T(name##_over_twilio), T(name##_over_plivo)

#endif
