/*
 * The parameters of a carrier's webhook: form body, then query, decoded; those that carry SIP headers apart.
 */
#ifndef CLOUD_PARAMS_H
#define CLOUD_PARAMS_H

#include "call/carrier.h"
#include "net/http_server.h"
#include "wire/form.h"

struct params {
    struct str_pair list[2 * FORM_PAIRS_MAX];
    struct str_pair headers[2 * FORM_PAIRS_MAX]; /* without the carrier's prefix */
    uint32_t n, n_headers;
    struct form body; /* what is signed besides the URL, in which the query stands already */
    struct form query;
};

void params_init(struct params *p);
/* Once after init. header_prefix: what names of SIP headers begin with, "SipHeader_". Results of form_decode. */
MUST_USE int params_read(struct params *p, const struct http_request *req, const char *header_prefix);
void params_done(struct params *p);
/* The first of that name; empty when absent. */
struct str params_get(const struct params *p, const char *name);
/* A whole number that is not negative; -1: absent, or none. */
int64_t params_number(const struct params *p, const char *name);
/* Our attempt's id, of the query alone: what we wrote into the URL. A form parameter of that name is none of ours. */
struct str params_attempt(const struct params *p);
/* CARRIER_ROUND_ARG, likewise of the query alone; -1: absent, or none of ours. */
int64_t params_round(const struct params *p);
/* The body is a form by its Content-Type. */
bool params_is_form(const struct http_request *req);

#endif
